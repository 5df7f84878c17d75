"""The size of proposed blocks follows what the network executes in time."""

import pytest

from omg_abci.node.pace import BYTES_MIN, SLOW_S, Pace
from omg_abci.protocol.limits import BLOCK_BYTES_MAX


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _play(*blocks: tuple[float, int]) -> list[int]:
    """Return the largest size worth proposing after each block of (seconds, bytes)."""
    clock = _Clock()
    pace = Pace(clock)
    pace.on_block(0)
    sizes = []
    for seconds, size in blocks:
        clock.now += seconds
        pace.on_block(size)
        sizes.append(pace.bytes_max)
    return sizes


def test_blocks_in_time_may_be_full() -> None:
    """Nothing is held back on a network that keeps up."""
    assert _play(*[(SLOW_S, BLOCK_BYTES_MAX)] * 5) == [BLOCK_BYTES_MAX] * 5


def test_a_large_block_that_was_slow_makes_the_next_smaller() -> None:
    """In proportion to its time, from its own size, at most to a quarter at once."""
    assert _play((2.0, BLOCK_BYTES_MAX)) == [BLOCK_BYTES_MAX // 2]
    assert _play((2.0, BLOCK_BYTES_MAX * 3 // 4)) == [BLOCK_BYTES_MAX * 3 // 8]
    assert _play((60.0, BLOCK_BYTES_MAX)) == [BLOCK_BYTES_MAX // 4]


@pytest.mark.parametrize("size", [0, 1, BYTES_MIN])
def test_a_small_block_that_was_slow_says_nothing(size: int) -> None:
    """Consensus waited for something else than for execution."""
    assert _play((60.0, size)) == [BLOCK_BYTES_MAX]


def test_it_has_a_floor_and_grows_again() -> None:
    """Never below what a light block holds; a few seconds of good blocks and all is as before."""
    slow = _play(*[(60.0, BLOCK_BYTES_MAX)] * 9)
    assert slow[-1] == BYTES_MIN
    good = _play(*[(60.0, BLOCK_BYTES_MAX)] * 9, *[(0.25, BYTES_MIN)] * 20)
    assert good[9:12] == [81_920, 102_400, 128_000]
    assert good[-1] == BLOCK_BYTES_MAX
