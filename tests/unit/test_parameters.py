"""The grid of votes and the bounds of what is voted on."""

from itertools import pairwise

import pytest

from omg_abci.protocol import limits
from omg_abci.protocol.parameters import (
    PARAMETERS,
    compute_step,
    compute_step_floor,
    compute_value,
)
from tests.model_fee_state import BOUNDS, GRID


def test_the_grid_is_what_the_oracle_lists() -> None:
    """Places and values agree both ways, up to the highest bound of all."""
    assert [compute_value(step) for step in range(len(GRID))] == GRID
    assert [compute_step(value) for value in GRID] == list(range(len(GRID)))
    assert max(each.highest for each in PARAMETERS.values()) <= GRID[-1]


def test_steps_are_about_an_eighth_apart() -> None:
    """From 10 on the next step is at most a sixth more, and always more."""
    ratios = [(low, high) for low, high in pairwise(GRID) if low >= 10]
    assert all(low < high and 6 * high <= 7 * low for low, high in ratios)


@pytest.mark.parametrize("value", [0, -1, 13, 15, 105, 1_001, 10**30 + 1, 999])
def test_values_between_steps_have_no_place(value: int) -> None:
    """So a vote can be said in one way only."""
    assert compute_step(value) is None


@pytest.mark.parametrize(
    ("value", "below"),
    [(1, 1), (9, 9), (10, 10), (13, 12), (99, 90), (100, 100), (2_699, 2_500), (10**30 - 1, 9)],
)
def test_the_step_below(value: int, below: int) -> None:
    """A wallet finds the greatest step that is not above what a person typed."""
    assert compute_step_floor(value) == (below if below < 10**6 and value < 10**6 else 90 * 10**28)


def test_bounds_are_the_specifications() -> None:
    """The same for chain and oracle; every number has a step within its bounds."""
    found = {number: (each.lowest, each.highest) for number, each in PARAMETERS.items()}
    assert found == BOUNDS
    for lowest, highest in found.values():
        assert any(lowest <= value <= highest for value in GRID)
    assert BOUNDS[2][1] == limits.BLOCK_WORK_MAX
