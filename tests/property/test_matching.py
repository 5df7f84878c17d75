"""One market in depth: every way in which orders meet, against the oracle.

Dead orders stay in the book in half of the runs, because nothing removes them but matching: this
is where a head that is not live counts.
"""

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.random_plans import PlanSource
from tests.side_by_side import NO_MASS_WORK, SPILLING_LIMITS, Pair, narrowed
from tests.strategies import BlockPlan, block_plans

SHRINKING_S = 900
"""A failure is shown once it is small, for which Hypothesis takes up to five minutes."""
STEPS = st.sampled_from([{}, NO_MASS_WORK, NO_MASS_WORK, *SPILLING_LIMITS])
MARKETS = st.sampled_from([1, 1, 3, 4, 5])
"""Continuous, batch, banded, banded batch."""


@pytest.mark.timeout(SHRINKING_S)
@given(
    plans=MARKETS.flatmap(
        lambda market: st.lists(block_plans(market, legs_max=10), min_size=1, max_size=5)
    ),
    bounds=STEPS,
)
def test_orders_meet_as_the_oracle_says(plans: list[BlockPlan], bounds: dict[str, int]) -> None:
    """Small scenes that shrink: results, events, diffs and records agree."""
    with narrowed(bounds):
        pair = Pair()
        for plan in plans:
            pair.play(plan)


@settings(phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(seed=st.integers(0, 2**32), market=MARKETS, owners=st.integers(1, 4), bounds=STEPS)
def test_deep_books_do_what_the_oracle_says(
    seed: int, market: int, owners: int, bounds: dict[str, int]
) -> None:
    """Books of many orders, of one owner only (self-trade) up to four."""
    with narrowed(bounds):
        pair, source = Pair(), PlanSource(seed, markets=(market,), owners=owners)
        for _ in range(4):
            pair.play(source.draw_block(txs_max=5, legs_max=24))
