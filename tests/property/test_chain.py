"""Blocks of everything on the chain and on the oracle: the same results, diffs and records."""

from hypothesis import given
from hypothesis import strategies as st

from tests.side_by_side import TIGHT_LIMITS, Pair, narrowed
from tests.strategies import BlockPlan, block_plans


@given(plans=st.lists(block_plans(), min_size=1, max_size=6))
def test_chain_does_what_the_oracle_does(plans: list[BlockPlan]) -> None:
    """Results, expired orders, diffs and records agree, through rollbacks and restarts."""
    pair = Pair()
    for plan in plans:
        pair.play(plan)


@given(
    plans=st.lists(block_plans(), min_size=1, max_size=6),
    bounds=st.fixed_dictionaries(
        {}, optional={name: st.just(value) for name, value in TIGHT_LIMITS.items()}
    ),
)
def test_chain_does_what_the_oracle_does_at_its_bounds(
    plans: list[BlockPlan], bounds: dict[str, int]
) -> None:
    """The same where every table is full after a handful of transactions."""
    if "NONCES_KEPT_MAX" in bounds:
        bounds["SIGNER_TXS_PER_BLOCK_MAX"] = TIGHT_LIMITS["SIGNER_TXS_PER_BLOCK_MAX"]
    with narrowed(bounds):
        pair = Pair()
        for plan in plans:
            pair.play(plan)
