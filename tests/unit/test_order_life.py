"""The table of an order's life in docs/spec/orders/README.md is what happens, cell by cell.

Each scenario leads alice's order 1 into a state and then lets something happen to it. What comes of
it, a code or the state that follows, must stand in the table's cell; every cell has a scenario.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from omg_abci.protocol import limits
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.units import Ended
from omg_abci.state.records import EndedRecord, OrderRecord
from tests.examples.legs import parse_leg
from tests.examples.notation import NAMES, ExampleTx, parse_market
from tests.examples.world import Chain, make_genesis, sign
from tests.shape.source import ROOT
from tests.strategies import START_MS

COLUMNS = ("unknown", "tombstone", "waiting", "resting", "ended")
PRELUDES = {
    "unknown": (),
    "tombstone": ("alice #1 cancel",),
    "waiting": ("alice #1 sell 5 @ 90 STOP_LIMIT 91",),
    "resting": ("alice #1 buy 5 @ 100",),
    "ended": ("alice #1 buy 5 @ 80 IOC",),
}
STARVED = "starved"
"""Instead of a market: nothing is removed at a block's start."""


class Scenario(NamedTuple):
    """Blocks of transactions that `;` parts, each a second later, or so much as `wait` says."""

    row: str
    column: str
    blocks: tuple[str, ...]
    market: str = ""


def after(row: str, column: str, *events: str, market: str = "", also: str = "") -> Scenario:
    """Return the scenario of an order in a state, with more words, and then some events."""
    prelude = tuple(text + also for text in PRELUDES[column])
    return Scenario(row, column, (*prelude, *events), market)


def list_scenarios() -> Iterator[Scenario]:
    """Yield what may happen to an order in each state."""
    yield from list_legs()
    yield from list_trades()
    yield from list_ends()


def list_legs() -> Iterator[Scenario]:
    """Yield what its owner may do."""
    for column in COLUMNS:
        again = PRELUDES[column][0] if column in {"waiting", "resting"} else "alice #1 buy 5 @ 100"
        yield after("PlaceOrder, accepted", column, again)
        yield after("PlaceOrder, refused (2001 …)", column, "alice #1 buy 5 @ 1,000,000")
        yield after("AmendOrder", column, "alice #1 amend quantity 4")
        yield after("CancelOrder", column, "alice #1 cancel")
        yield after("CancelAll", column, "alice cancel all")
    row = "PlaceOrder, accepted"
    yield after(row, "unknown", PRELUDES["waiting"][0])
    yield after(row, "unknown", "bob #1 sell 5 @ 100", "alice #1 buy 5 @ 100")
    yield after(row, "unknown", "alice #1 buy 5 @ 100 IOC")
    yield after(row, "unknown", "bob #1 sell 1 @ 9; bob #2 sell 9 @ 9", "alice #1 buy 5 @ 9 max 1")
    yield after(row, "unknown", "alice #2 sell 5 @ 100", "alice #1 buy 5 @ 100")
    halt = ("bob #1 sell 1 @ 100; bob #2 sell 9 @ 150", "carol #1 buy 1 @ 100")
    yield after(row, "unknown", *halt, "alice #1 buy 5 @ 150 IOC", market="band 1,000")
    amend = "alice #1 amend price 101"
    yield after("AmendOrder", "resting", "bob #1 sell 5 @ 101", amend)
    yield after(
        "AmendOrder", "resting", "bob #1 sell 1 @ 101; bob #2 sell 9 @ 101", amend + " max 1"
    )
    yield after("AmendOrder", "resting", "alice #2 sell 5 @ 101", amend)
    for column in ("waiting", "resting"):
        dead = {"market": STARVED, "also": " GTT 2 s"}
        yield after("AmendOrder, dead order", column, "alice #1 amend quantity 4", **dead)
        row = "either cancel, dead order"
        yield after(row, column, "alice #1 cancel", **dead)
        yield after(row, column, "alice cancel all", **dead)
        switched = ("alice switch 3 s", "alice #1 cancel")
        yield after(row, column, *switched, market=STARVED)


def list_trades() -> Iterator[Scenario]:
    """Yield what others' orders, and its owner's, may do to it."""
    yield after("fill in part", "resting", "bob #1 sell 2 @ 100")
    yield after("fill in part", "resting", "bob #1 sell 2 @ 100", also=" ICEBERG 2")
    yield after("fill of all", "resting", "bob #1 sell 5 @ 100")
    row = "a trade at the trigger"
    trade = ("bob #1 buy 1 @ 91", "carol #1 sell 1 @ 91")
    yield after(row, "waiting", *trade)
    yield after(row, "waiting", "bob #2 buy 9 @ 90", *trade)
    yield after(row, "waiting", "bob #2 buy 2 @ 90; bob #3 buy 9 @ 90", *trade, also=" max 1")
    yield after(row, "waiting", "alice #2 buy 9 @ 90", *trade)
    yield after(row, "waiting", *trade, also=" IOC")
    yield after(row, "waiting", *trade, also=" FOK")
    far = ("alice #1 sell 5 @ 1 STOP_LIMIT 91 IOC", "bob #2 buy 9 @ 50", *trade)
    yield Scenario(row, "waiting", far, "band 1,000")
    yield after(row, "resting", "bob #1 sell 1 @ 100")
    row = "an own order comes and meets it"
    for mode in ("CANCEL_OLDEST", "CANCEL_BOTH", "DECREMENT", "CANCEL_NEWEST", "ALLOW"):
        yield after(row, "resting", f"alice #2 sell 5 @ 100 {mode}")
        yield after(row, "resting", f"alice #2 sell 2 @ 100 {mode}")
        yield after(row, "waiting", f"alice #2 buy 5 @ 100 {mode}")


def list_ends() -> Iterator[Scenario]:
    """Yield what time, markets and their auctions do."""
    for column in ("waiting", "resting"):
        yield after("its expiry", column, "", "", also=" GTT 3 s")
        yield after("its expiry", column, "", "", also=" GTH 2")
        yield after("its owner's switch", column, "alice switch 3 s", "")
        halts = ("bob #1 sell 1 @ 110; bob #2 sell 5 @ 150", "carol #1 buy 4 @ 150")
        yield after("the market halts", column, *halts, market="band 1,000")
        auction = ("bob #1 sell 2 @ 100", "", "")
        yield after("a call auction", column, *auction, market="opens 3 s")
        yield after("a batch auction", column, "bob #1 sell 2 @ 100", market="batch")
        creator = {"market": "creator dave"}
        yield after("the market is CANCEL_ONLY", column, "dave change 1 CANCEL_ONLY", **creator)
        delist = ("dave change 1 DELIST", "wait 86,400")
        yield after("the market is delisted", column, *delist, **creator)
    yield after("a call auction", "resting", "bob #1 sell 5 @ 99", "", "", market="opens 3 s")
    row = "a batch auction"
    yield after(row, "resting", "bob #1 sell 9 @ 100", market="batch")
    for tif in ("IOC", "FOK"):
        order = f"alice #1 buy 5 @ 100 {tif}"
        yield Scenario(row, "resting", ("bob #1 sell 2 @ 100", order), "batch")
    first = ("bob #1 sell 1 @ 50; carol #1 buy 1 @ 50", "bob #2 sell 9 @ 90")
    halted = (*first, "alice #1 buy 5 @ 100 IOC")
    yield Scenario("the market halts", "resting", halted, "batch band 1,000")
    yield after("the tombstone's time passes", "tombstone", "wait 172,800")
    yield after("two days, or 256 ends", "ended", "wait 172,800")


SCENARIOS = list(list_scenarios())


def read_cells() -> dict[tuple[str, str], str]:
    """Return the table of an order's life: what each row says under each state."""
    page = (ROOT / "docs/spec/orders/README.md").read_text(encoding="utf-8")
    table = page.partition("| event | unknown |")[2].partition("\n\n")[0]
    cells: dict[tuple[str, str], str] = {}
    for line in table.splitlines()[2:]:
        row, *said = (cell.strip() for cell in line.strip("|").split("|"))
        cells |= {(row, column): cell for column, cell in zip(COLUMNS, said, strict=True)}
    return cells


CELLS = read_cells()


def play(scenario: Scenario) -> tuple[LegResult, str]:
    """Return the last answer to alice, and the state of her order 1 after the last block."""
    market = {} if scenario.market == STARVED else parse_market(scenario.market)
    chain = Chain(make_genesis(market))
    time_ms, answer = START_MS, LegResult()
    for height, block in enumerate(scenario.blocks, 1):
        waits = re.fullmatch(r"wait ([\d,]+)", block)
        time_ms += 1_000 * int(waits[1].replace(",", "")) if waits else 1_000
        signed = []
        for number, line in enumerate(block.split("; ") if block and not waits else ()):
            name, _, text = line.partition(" ")
            key = NAMES[name]
            tx = ExampleTx(key, key, atomic=False, legs=[parse_leg(text, NAMES)], answers=[])
            signed.append(sign(tx, time_ms + number))
        ordered = chain.order(signed)
        answered = chain.execute(height, time_ms, ordered)
        for each, result in zip(ordered, answered.results, strict=True):
            if each.body.owner == NAMES["alice"].address:
                answer = result.legs[0]
    return answer, observe(chain.show_records(), time_ms)


def observe(records: dict[bytes, bytes], time_ms: int) -> str:
    """Return the state of alice's order 1."""
    alice, one = NAMES["alice"].address, (1).to_bytes(8, "big")
    if b"\x09" + alice + one in records:
        return "tombstone"
    order = records.get(b"\x07" + alice + one)
    if order is not None:
        return "waiting" if OrderRecord.decode(order).trigger else "resting"
    for key, value in records.items():
        ended = EndedRecord.decode(value) if key.startswith(b"\x08" + alice) else None
        if ended is not None and ended.client_id == 1:
            return Ended(ended.ended).name if ended.until_ms > time_ms else "forgotten"
    return "unknown"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: f"{s.row}, {s.column}")
def test_cell_says_what_happens(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code, or what has become of the order, stands in the cell."""
    if scenario.market == STARVED:
        monkeypatch.setattr(limits, "MASS_START_MAX", 0)
    answer, state = play(scenario)
    cell = CELLS[scenario.row, scenario.column]
    if cell == "—":
        assert play(after("", scenario.column))[1] == state
        return
    told = str(answer.code) if answer.code else "repeated" if answer.repeated else state
    assert told in cell or (answer.code and state in cell), f"{told}, {state}: {cell}"


def test_every_cell_is_tried() -> None:
    """Each cell but the impossible ones has a scenario, and each word of an end was seen."""
    tried = {(each.row, each.column) for each in SCENARIOS}
    assert {where for where, cell in CELLS.items() if cell != "–"} == tried
    seen: dict[tuple[str, str], set[str]] = {}
    for each in SCENARIOS:
        if each.market != STARVED:
            seen.setdefault((each.row, each.column), set()).add(play(each)[1])
    for where, states in seen.items():
        ends = {end.name for end in Ended if end} & set(re.findall(r"\w+", CELLS[where]))
        assert ends <= states, f"{where}: {ends - states} was never seen"
