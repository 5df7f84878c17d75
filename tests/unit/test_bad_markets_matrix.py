"""Creating and changing markets, and the switch: every wrong value, alone and in twos, its code.

What is expected comes from tables that follow docs/spec/markets.md and docs/spec/exchange.md check
by check; the first line that holds gives the code.
"""

from collections.abc import Iterator
from itertools import combinations, product

import pytest

from omg_abci.protocol import limits
from omg_abci.protocol.messages import ChangeMarket, CreateMarket, SetSwitch
from omg_abci.rules.context import LegContext
from omg_abci.rules.transition import process_leg
from omg_abci.state.genesis import build_genesis
from omg_abci.state.loading import load_state
from omg_abci.state.working import WorkingState
from tests.unit.expected_refusals import (
    ACTIVE,
    AUCTION,
    CANCEL_ONLY,
    DAY_MS,
    DELISTING,
    HEIGHT,
    NOW,
    UNCROSSING,
    WIDE,
    Rows,
    find_first,
)
from tests.unit.one_leg import ask
from tests.vectors.case_types import make_market, make_place

CREATOR, OTHER, POOR, FIRING, FIRED = (bytes([n]) * 20 for n in range(1, 6))
SUPPLY, BOND = 10_000, 500
STATUSES = (ACTIVE, AUCTION, UNCROSSING, CANCEL_ONLY, CANCEL_ONLY, DELISTING)
NOTICE, OWN, NOBODYS, NOWHERE = 5, 1, 7, 8
"""The fifth market is under notice; the seventh is genesis' own; there is no eighth."""
STOP, RESUME, DELIST = 1, 2, 3

WRONG_TERMS = [
    *(("base", value) for value in (0, 9, 3)),
    *(("quote", value) for value in (0, 9)),
    *(("base_unit", value) for value in (0, 3, 75, 2**128, 5_000)),
    *(("quote_unit", value) for value in (0, 11, 30, 25 * 10**36)),
    *(("lots_min", value) for value in (0, 41, SUPPLY // 10 + 1)),
    *(("lots_max", value) for value in (0, WIDE, WIDE - 1)),
    *(("mode", value) for value in (0, 3)),
    *(("band_bp", value) for value in (99, 100, 5_000, 5_001)),
    *(("auction_ms", value) for value in (0, 999, DAY_MS, DAY_MS + 1)),
]


def is_unit(amount: int) -> bool:
    """Tell whether an amount is 1, 2, 5 or 25 times a power of ten that fits."""
    return amount in {m * 10**k for m in (1, 2, 5, 25) for k in range(39)} and amount < 2**128


CREATE: Rows = (
    (20, lambda m, _: m.base == 0 or m.quote == 0),
    (52, lambda m, _: m.base == m.quote),
    (53, lambda m, _: not (is_unit(m.base_unit) and is_unit(m.quote_unit))),
    (54, lambda m, _: not 1 <= m.lots_min <= m.lots_max < WIDE),
    (55, lambda m, _: m.mode not in (1, 2)),
    (56, lambda m, _: m.band_bp and not 100 <= m.band_bp <= 5_000),
    (57, lambda m, _: not 1_000 <= m.auction_ms <= DAY_MS),
    (1001, lambda m, _: 9 in (m.base, m.quote)),
    (2034, lambda m, _: m.lots_min * m.base_unit > SUPPLY),
    (2033, lambda _, owner: owner == POOR),
)
CHANGE: Rows = (
    (21, lambda m, _: m.market == 0),
    (58, lambda m, _: m.action not in (STOP, RESUME, DELIST)),
    (2000, lambda m, _: m.market == NOWHERE),
    (2030, lambda m, owner: owner != CREATOR or m.market == NOBODYS),
    (0, lambda m, _: m.action == STOP and STATUSES[m.market - 1] in (ACTIVE, AUCTION)),
    (0, lambda m, _: m.action == RESUME and STATUSES[m.market - 1] == CANCEL_ONLY),
    (0, lambda m, _: m.action == DELIST and STATUSES[m.market - 1] in (ACTIVE, AUCTION)),
    (
        0,
        lambda m, _: (
            m.action == DELIST and STATUSES[m.market - 1] == CANCEL_ONLY and m.market != NOTICE
        ),
    ),
    (2031, lambda _, __: True),
)
SWITCH: Rows = (
    (2021, lambda _, owner: owner == FIRING),
    (0, lambda m, _: m.at_ms == 0),
    (2019, lambda m, _: m.at_ms <= NOW),
    (2020, lambda m, _: m.at_ms > NOW + DAY_MS),
)


@pytest.fixture(scope="module")
def state() -> WorkingState:
    """Return a market of each status, all of one creator, and owners whose switch has fired."""
    terms = {"base": 2, "quote": 3, "base_unit": 1, "quote_unit": 1, "lots_min": 1, "lots_max": 9}
    creator = {"creator": f"0x{CREATOR.hex()}"}
    markets = [{"id": 1 + place} | terms | creator for place in range(len(STATUSES))]
    rich = [(owner, token) for owner in (CREATOR, OTHER, FIRING, FIRED) for token in (1, 3)]
    document = {
        "fee_token": 1,
        "unit_price": 1,
        "root_interval": 4,
        "market_bond": BOND,
        "tokens": [{"id": number, "symbol": f"T{number}", "decimals": 0} for number in (1, 2, 3)],
        "markets": [*markets, {"id": NOBODYS} | terms],
        "balances": [
            *({"owner": f"0x{who.hex()}", "token": token, "amount": BOND} for who, token in rich),
            {"owner": f"0x{POOR.hex()}", "token": 1, "amount": BOND - 1},
            {"owner": f"0x{POOR.hex()}", "token": 2, "amount": SUPPLY},
        ],
    }
    state = load_state("matrix", build_genesis("matrix", document)[0])
    state.begin_block(HEIGHT, NOW, bytes(32))
    firing = LegContext(state.get_account(FIRING), NOW)
    assert process_leg(state, firing, make_place(quantity=1)).code == 0
    for number, status in enumerate(STATUSES, 1):
        until_ms = NOW + 1 if number == NOTICE else 0
        state.set_market(state.markets[number], status=status, until_ms=until_ms)
    for owner in (FIRING, FIRED):
        state.set_switch(state.get_account(owner), NOW)
    return state


def list_terms() -> Iterator[CreateMarket]:
    """Yield a good market, and it with each one and each two of its terms changed."""
    yield make_market()
    yield from (make_market(**{name: value}) for name, value in WRONG_TERMS)
    for (name, value), (other, another) in combinations(WRONG_TERMS, 2):
        if name != other:
            yield make_market(**{name: value, other: another})


@pytest.mark.parametrize("owner", [CREATOR, POOR], ids=["rich", "poor"])
def test_every_creation_has_its_code(state: WorkingState, owner: bytes) -> None:
    """Silly units, lots, bands and times, unknown tokens, and no bond."""
    for leg in list_terms():
        assert ask(state, owner, leg) == (find_first(CREATE, leg, owner) or 0), leg


def test_markets_are_bounded(state: WorkingState, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are as many as allowed, that is said before the bond and behind the supply."""
    monkeypatch.setattr(limits, "MARKETS_MAX", len(state.markets))
    assert ask(state, POOR, make_market()) == 2032
    assert ask(state, POOR, make_market(base_unit=10_000)) == 2034


@pytest.mark.parametrize("owner", [CREATOR, OTHER], ids=["creator", "another"])
def test_every_change_has_its_code(state: WorkingState, owner: bytes) -> None:
    """Each action in each status, known or not."""
    for market, action in product(range(NOWHERE + 1), range(5)):
        leg = ChangeMarket(market, action)
        assert ask(state, owner, leg) == (find_first(CHANGE, leg, owner) or 0), leg


@pytest.mark.parametrize("owner", [CREATOR, FIRING, FIRED], ids=["off", "firing", "fired"])
def test_every_switch_has_its_code(state: WorkingState, owner: bytes) -> None:
    """Off, past, now, soon, a day ahead and more; also while it fires, with and without orders."""
    for at_ms in (0, 1, NOW - 1, NOW, NOW + 1, NOW + DAY_MS, NOW + DAY_MS + 1, 2**64 - 1):
        leg = SetSwitch(at_ms)
        assert ask(state, owner, leg) == (find_first(SWITCH, leg, owner) or 0), leg
