"""The venues' recordings through the rules come to the app hashes that they always came to.

Whatever is made faster, the chain stays the same: a change here is a change of the state machine.
"""

from pathlib import Path

from omg_abci.replay.databento_plan import DatabentoPlan
from omg_abci.replay.lobster_plan import LobsterPlan
from omg_abci.replay.session import Plan, Session
from tests.replay.in_process import InProcessExecutor

ESH4 = (
    281,
    "289e9c84b35de56202c2bdd781d4955b51d9d847f89dff5698e97a88c4d7dd22",
    "ba7dc4a590914a4eaf4f1076ece89d3430fe3f876e3d03ca91a0b25a99ce3a30",
)
AAPL = (
    451,
    "0d041c9c8a057a1818d342c8faf27eec97ccc9f63c05f58d1da4d1f45699cf9a",
    "f167e6e34e4e6586ec8d66be94f2ab5fab7ab9737e8681128dbd47df9ac99664",
)


def replay(plan: Plan) -> tuple[int, str, str]:
    """Return height, app hash and hash of all results after a recording."""
    executor = InProcessExecutor()
    Session(plan, executor).run()
    return executor.describe()


def test_esh4_comes_to_the_same_app_hash(recordings_dir: Path) -> None:
    """The continuous hour of a futures market."""
    plan = DatabentoPlan(recordings_dir / "ESH4_20231225_mbo.csv.gz", None, None)
    assert replay(plan) == ESH4


def test_aapl_comes_to_the_same_app_hash(recordings_dir: Path) -> None:
    """An hour of a stock."""
    plan = LobsterPlan(
        recordings_dir / "AAPL_2012-06-21_0930-1030_L50_message.csv.gz",
        recordings_dir / "AAPL_2012-06-21_L1_orderbook.csv.gz",
        None,
    )
    assert replay(plan) == AAPL
