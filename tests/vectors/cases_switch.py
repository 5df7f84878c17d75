"""Cases of the dead-man's switch."""

from omg_abci.protocol.messages import CancelAll, SetSwitch
from tests.strategies import AGENTS, DAY_MS
from tests.vectors.case_types import accept, by, make_place, make_sell, reject
from tests.vectors.cases_kinds import make_stop
from tests.vectors.genesis import BATCH

SOME = by(
    0,
    make_place(price=2),
    make_place(client_id=2, price=3, market=BATCH),
    make_sell(client_id=3, price=9),
    make_stop(client_id=4),
)

SWITCHES = [
    accept(SetSwitch, "set", "to a time", by(0, SetSwitch(5_000))),
    accept(SetSwitch, "off", "before it fires", by(0, SetSwitch(5_000)), by(0, SetSwitch(0))),
    accept(SetSwitch, "off_already", "leaves no record", by(0, SetSwitch(0))),
    accept(
        SetSwitch,
        "fires",
        "all orders are removed before anybody can meet them",
        SOME,
        by(0, SetSwitch(1_000)),
        by(1, make_sell(price=2), SetSwitch(500)),
    ),
    accept(
        SetSwitch,
        "moved",
        "later, by an agent",
        SOME,
        by(0, SetSwitch(1_500)),
        by(0, SetSwitch(DAY_MS), signer=AGENTS[0]),
        (),
    ),
    accept(
        SetSwitch,
        "fires_without_orders",
        "and is off",
        by(0, SetSwitch(1_000)),
        by(0, SetSwitch(1_000)),
    ),
    reject(SetSwitch, 2019, "past", "now", by(0, SetSwitch(-1))),
    reject(SetSwitch, 2020, "far", "a day and a millisecond", by(0, SetSwitch(DAY_MS + 1))),
    reject(
        SetSwitch,
        1006,
        "rolled_back",
        "an atomic transaction's next leg fails",
        by(0, SetSwitch(1_000), CancelAll(3, 0, 1), atomic=True),
        (),
    ),
]
