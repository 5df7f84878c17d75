"""The venues' recordings through the chain's rules: the figures that a replay must reach."""

from pathlib import Path

from omg_abci.replay.bitstamp_plan import BitstampPlan
from omg_abci.replay.databento_plan import DatabentoPlan
from omg_abci.replay.lobster_plan import LobsterPlan
from tests.replay.in_process import replay_in_process


def test_esh4_every_fill_of_the_continuous_hour(recordings_dir: Path) -> None:
    """All 6,173 fills are equal in resting order, price and size; so is each book."""
    plan = DatabentoPlan(recordings_dir / "ESH4_20231225_mbo.csv.gz", None, None)
    comparer = replay_in_process(plan).comparer
    assert plan.rows == 68_792
    assert comparer.fills.as_dict() == {"compared": 6_173, "equal": 6_173}
    assert comparer.order_books.equal == comparer.order_books.compared >= 46_096
    assert not comparer.differences


def test_aapl_first_messages_every_row(recordings_dir: Path) -> None:
    """All ten levels of every row are equal."""
    plan = LobsterPlan(
        recordings_dir / "AAPL_2012-06-21_L10_first999_message.csv.gz",
        recordings_dir / "AAPL_2012-06-21_L10_first999_orderbook.csv.gz",
        None,
    )
    comparer = replay_in_process(plan).comparer
    assert comparer.rows.as_dict() == {"compared": 999, "equal": 999}
    assert comparer.fills.as_dict() == {"compared": 98, "equal": 98}
    assert not comparer.differences


def test_aapl_hour_executions_and_quotes(recordings_dir: Path) -> None:
    """4,043 of 4,067 executions take the head of the queue; 23,422 of 23,439 quotes match."""
    plan = LobsterPlan(
        recordings_dir / "AAPL_2012-06-21_0930-1030_L50_message.csv.gz",
        recordings_dir / "AAPL_2012-06-21_L1_orderbook.csv.gz",
        None,
    )
    comparer = replay_in_process(plan).comparer
    assert comparer.fills.compared == 4_067
    assert comparer.fills.equal >= 4_043
    assert comparer.rows.compared == 23_439
    assert comparer.rows.equal >= 23_422


def test_amzn_best_level_every_determined_row(recordings_dir: Path) -> None:
    """Every row that the one before and its message determine is equal."""
    plan = LobsterPlan(
        recordings_dir / "AMZN_2012-06-21_L1_message.csv.gz",
        recordings_dir / "AMZN_2012-06-21_L1_orderbook.csv.gz",
        None,
    )
    comparer = replay_in_process(plan).comparer
    assert plan.rows == 57_515
    assert comparer.rows.equal == comparer.rows.compared >= 43_561
    assert comparer.fills.equal >= 8_965


def test_bitstamp_every_maker(recordings_dir: Path) -> None:
    """284 of 284 makers are the oldest order at the best price."""
    recording = recordings_dir / "bitstamp_btcusd_20260502_orders.csv.gz"
    plan = BitstampPlan(recording, None)
    comparer = replay_in_process(plan).comparer
    assert plan.rows == 314_057
    assert comparer.fills.as_dict() == {"compared": 284, "equal": 284}
    assert comparer.order_books.equal == comparer.order_books.compared
    assert plan.set_aside["rows of stale orders of the snapshot"] == 4
