"""Bitstamp recordings: takers, instant and stale orders, deletes without creates."""

from pathlib import Path

import pytest

from omg_abci.replay.bitstamp_plan import BitstampPlan
from omg_abci.replay.errors import RecordingError
from omg_abci.replay.report import format_report
from tests.replay.in_process import replay_in_process
from tests.replay.venue import write

ORDERS = "id,timestamp,exchange_timestamp,price,volume,action,direction"
TRADES = "trade_id,timestamp,exchange_timestamp,price,amount,buy_order_id,sell_order_id,side"
ROWS = [
    "1,0,1000,100.5,1.5,created,ask",
    "2,0,1000,101.0,2e-06,created,ask",
    "3,0,1000,99.5,0.25,created,bid",
    "4,0,1000,100.6,0.7,created,ask",
    "9,0,1500,90.0,0.7,deleted,bid",
    "5,0,2000,100.5,0.5,created,ask",
    "6,0,2100,100.9,0.1,created,bid",
    "6,0,2104,100.9,0.1,deleted,bid",
    "7,0,3000,102.0,1.6,created,bid",
    "7,0,3000,100.5,0.1,changed,bid",
    "1,0,3000,100.5,0.0,deleted,ask",
    "7,0,3000,100.5,0.0,deleted,bid",
    "5,0,3000,100.5,0.4,changed,ask",
    "5,0,4000,100.5,0.3,changed,ask",
    "8,0,5000,100.7,0.6,created,bid",
    "8,0,5000,100.5,0.3,changed,bid",
    "5,0,5000,100.5,0.0,deleted,ask",
    "10,0,6000,100.8,1.0,created,bid",
    "10,0,6000,101.0,0.99999800,changed,bid",
    "2,0,6000,101.0,0.0,deleted,ask",
    "10,0,6010,100.8,0.99999800,deleted,bid",
]
MATCHES = [
    "1,0,3000,100.5,1.5,7,1,buy",
    "2,0,3000,100.5,0.1,7,5,buy",
    "3,0,5000,100.5,0.3,8,5,buy",
]


def write_day(folder: Path, rows: list[str], trades: list[str]) -> Path:
    """Write both files; return the orders'."""
    write(folder / "trades.csv", [TRADES, *trades])
    return write(folder / "orders.csv", [ORDERS, *rows])


def test_day_with_all_traps_is_equal(tmp_path: Path) -> None:
    """Takers send one IOC order, instant orders nothing, stale ones are not in the book."""
    rows = [*ROWS[:17], "11,0,6000,99.4,1.0,created,bid", "4,0,9000,100.6,0.7,deleted,ask"]
    plan = BitstampPlan(write_day(tmp_path, rows, MATCHES), None)
    comparer = replay_in_process(plan).comparer
    assert comparer.fills.as_dict() == {"compared": 3, "equal": 3}
    assert comparer.order_books.equal == comparer.order_books.compared
    assert plan.set_aside["rows of orders that lived 5 ms or less"] == 2
    assert plan.set_aside["rows about unknown orders"] == 1
    assert comparer.chain.get_quantity(8) == 300_000
    assert (plan.price_decimals, plan.size_decimals) == (1, 6)


def test_stale_snapshot_order_is_left_out(tmp_path: Path) -> None:
    """An order that trades went through and that was never heard of was not in the book."""
    trades = [*MATCHES[:2], "3,0,5000,101.0,0.000002,8,2,buy"]
    rows = [*ROWS[:14], "8,0,5000,101.0,0.000002,created,bid", "4,0,9000,100.6,0.7,deleted,ask"]
    plan = BitstampPlan(write_day(tmp_path, rows, trades), None)
    comparer = replay_in_process(plan).comparer
    assert plan.set_aside["rows of stale orders of the snapshot"] == 2
    assert comparer.fills.compared == 3
    assert comparer.fills.equal == 2, "order 5 still offers at a better price"


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("12,0,7000,1.0,1.0,created", "wrong_columns"),
        ("12,0,7000,1.0,1.0,made,bid", "bad_word"),
        ("12,0,7000,1.0,1.0,created,both", "bad_word"),
        ("12,0,7000,x,1.0,created,bid", "bad_number"),
        ("12,0,7000,1.0,-1.0,created,bid", "bad_number"),
        ("0,0,7000,1.0,1.0,created,bid", "bad_number"),
        ("12,0,10,1.0,1.0,created,bid", "contradiction"),
    ],
)
def test_malformed_order_is_named(tmp_path: Path, row: str, code: str) -> None:
    """A malformed row stops the replay with its line and a stable code."""
    recording = write_day(tmp_path, [*ROWS, row], MATCHES)
    with pytest.raises(RecordingError) as caught:
        BitstampPlan(recording, None)
    assert (caught.value.code, caught.value.line) == (code, len(ROWS) + 2)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("4,0,5000,100.5,0.3,8,5,up", "bad_word"),
        ("4,0,5000,100.5,0,8,5,buy", "bad_number"),
        ("4,0,5000,100.5,0.3,8,0,buy", "bad_number"),
    ],
)
def test_malformed_trade_is_named(tmp_path: Path, row: str, code: str) -> None:
    """A malformed trade stops the replay with its line and a stable code."""
    recording = write_day(tmp_path, ROWS, [*MATCHES, row])
    with pytest.raises(RecordingError) as caught:
        BitstampPlan(recording, None)
    assert (caught.value.code, caught.value.line) == (code, 5)


def test_second_create_is_a_contradiction(tmp_path: Path) -> None:
    """An order that is open cannot be created."""
    recording = write_day(tmp_path, [*ROWS, "3,0,7000,99.5,0.25,created,bid"], MATCHES)
    with pytest.raises(RecordingError, match="open already"):
        replay_in_process(BitstampPlan(recording, None))


def test_orders_without_trades_file_are_refused(tmp_path: Path) -> None:
    """Makers cannot be compared without the trades."""
    recording = write(tmp_path / "orders.csv", [ORDERS, *ROWS])
    with pytest.raises(RecordingError, match="trades") as caught:
        BitstampPlan(recording, None)
    assert caught.value.code == "unreadable"


def test_report_names_what_differs() -> None:
    """The summary for people says how much was equal, and what was not."""
    tally = {"compared": 10, "equal": 9}
    report = {
        "recording": "orders.csv",
        "format": "bitstamp",
        "validators": 4,
        "rows": 1_000,
        "events": 900,
        "legs": 800,
        "transactions": 4,
        "blocks": 3,
        "heights": [2, 5],
        "seconds": 0.5,
        "rows_per_second": 2_000.0,
        "fills": {**tally, "unexpected": 1},
        "order_books": tally,
        "snapshot_rows": tally,
        "final_book": {"orders": 7, "equal": False, "detail": "level 3"},
        "app_hashes_equal": False,
        "set_aside": {"hidden executions": 2},
        "difference_counts": {"fill": 7},
        "differences": [{"line": at, "kind": "fill", "detail": "other"} for at in range(7)],
    }
    text = "\n".join(format_report(report))
    for part in ("9 of 10", "ANOTHER: level 3", "DIFFER", "2 hidden", "line 4", "and 2 more"):
        assert part in text
