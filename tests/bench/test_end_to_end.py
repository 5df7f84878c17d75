"""What was streamed back becomes a rate: from the first bundle to the last block that counts."""

import pytest

from omg_abci.bench.end_to_end import SeenBlock, Trial, judge_trial
from omg_abci.bench.errors import MeasurementFailed
from omg_abci.protocol.codec import encode_result
from omg_abci.protocol.results import Fill, LegResult, TxResult

READY = {"recover_per_second": 100.0, "bytes_per_transaction": 170.0}
SENT = {
    "begun": 10.0,
    "seconds": 1.5,
    "acknowledge_ms": [1.0, 2.0, 3.0, 4.0],
    "refusals": {"101": 1},
    "put_off": {},
    "errors": {},
}
FILL = Fill(bytes(20), 1, 5, 2)


def make_block(seen: float, time_ms: int, *legs: LegResult) -> SeenBlock:
    """Return a block with a transaction of each leg."""
    outcomes = [(leg.code, encode_result(TxResult(leg.code, (leg,), 1, 1))) for leg in legs]
    return SeenBlock(seen, time_ms, tuple(outcomes))


def make_trial(
    blocks: list[SeenBlock], cpu: dict[str, float] | None = None, apart: float = 0.0
) -> Trial:
    """Return a trial that saw the blocks."""
    return Trial(READY, SENT, blocks, (10.0, 13.0), cpu or {}, {"sender": apart})


BLOCKS = [
    make_block(9.0, 1_000),
    make_block(11.0, 2_000, LegResult(filled=2, fills=(FILL,)), LegResult(code=2011)),
    make_block(12.0, 2_300, LegResult()),
    make_block(13.0, 2_500),
]


def test_rate_is_from_first_bundle_to_last_full_block() -> None:
    """Empty blocks before and after move neither the clock nor the interval."""
    found = judge_trial(1, 1, make_trial(BLOCKS, {"executor": 0.0006}))
    assert found.value == pytest.approx(3 / 2)
    assert found.ceiling == 100
    assert found.more["block_interval_ms"] == 300
    assert found.more["blocks"] == 2


def test_what_was_acknowledged_and_never_seen_is_lost() -> None:
    """Every acknowledged transaction must be in a block; the others are said by code."""
    more = judge_trial(1, 1, make_trial(BLOCKS)).more
    assert more["lost"] == 1
    assert more["legs_by_code"] == {"0": 2, "2011": 1}
    assert more["refusals"] == {"101": 1}
    assert more["fills_per_leg"] == pytest.approx(1 / 3)


def test_processor_time_is_per_leg_and_node() -> None:
    """Four nodes' time is shared out over four."""
    cpu = {"executor": 0.0012, "worker": 0.0024}
    found = judge_trial(4, 1, make_trial(BLOCKS, cpu, apart=0.003))
    each = {"executor": pytest.approx(100), "worker": pytest.approx(200)}
    assert found.more["cpu_us_per_leg_per_node"] == each
    assert found.cpu_us == pytest.approx(300)
    assert found.more["apart_us_per_leg"] == {"sender": pytest.approx(1000)}


def test_batches_have_the_ceiling_of_their_legs() -> None:
    """A signature admits all legs of its transaction."""
    assert judge_trial(1, 20, make_trial(BLOCKS)).ceiling == 2_000


def test_nothing_committed_is_no_measurement() -> None:
    """A run in which no block held anything is refused, with the refusals it saw."""
    with pytest.raises(MeasurementFailed, match="101"):
        judge_trial(1, 1, make_trial(BLOCKS[:1]))
