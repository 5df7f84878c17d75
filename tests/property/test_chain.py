"""Blocks of everything on the chain and on the oracle: the same results, events and records.

Each block also shows that the twins of a valid transaction (another's key, another's account,
replayed, too late, too early) are refused by pool and block, for the reason that the oracle gives.
"""

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.random_plans import PlanSource
from tests.seeded_runs import Reached, play_seed
from tests.side_by_side import SPILLING_LIMITS, TIGHT_LIMITS, Pair, narrowed
from tests.strategies import BlockPlan, block_plans

SEEDS = (12, 24, 39, 140, 141, 160, 220, 262, 263, 293, 328, 453, 463)
"""Each outcome comes about in two of them at least: `scripts/rules_campaign.py` reaches all."""
BOUNDS = st.builds(
    lambda tight, spilling: tight | spilling,
    st.fixed_dictionaries(
        {}, optional={name: st.just(value) for name, value in TIGHT_LIMITS.items()}
    ),
    st.just({}) | st.sampled_from(SPILLING_LIMITS),
)
SEEDED_PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""A smaller seed is not a smaller example."""
SHRINKING_S = 900
"""A failure is shown once it is small, for which Hypothesis takes up to five minutes."""


@pytest.mark.timeout(SHRINKING_S)
@given(plans=st.lists(block_plans(), min_size=1, max_size=6), bounds=BOUNDS)
def test_chain_does_what_the_oracle_does(plans: list[BlockPlan], bounds: dict[str, int]) -> None:
    """Results, events, diffs and records agree, through rollbacks and restarts."""
    with narrowed(bounds):
        pair = Pair()
        for plan in plans:
            pair.play(plan)


@settings(phases=SEEDED_PHASES)
@given(seed=st.integers(0, 2**32), bounds=BOUNDS)
def test_dense_blocks_do_what_the_oracle_does(seed: int, bounds: dict[str, int]) -> None:
    """The same for many transactions of many legs on books that have some depth."""
    with narrowed(bounds):
        pair, source = Pair(), PlanSource(seed)
        for _ in range(6):
            pair.play(source.draw_block())


def test_fixed_seeds_reach_every_outcome() -> None:
    """Every code, event, status and end of the exchange comes about, so the runs test them."""
    reached = Reached()
    for seed in SEEDS:
        play_seed(seed, 15, reached, compared=5)
    assert reached.list_missing() == []
