"""Blocks of wallets, providers and issuers on the chain and on the oracle: the same in all."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.test_chain import BOUNDS, SEEDED_PHASES
from tests.random_wallets import WALLETS, WalletSource
from tests.seeded_runs import WALLET_CODES, Reached, play_seed
from tests.side_by_side import Pair, narrowed

SEEDS = (1, 4, 6, 8, 11, 17, 23, 39)
"""Every refusal comes about in one of them at least."""


@settings(phases=SEEDED_PHASES)
@given(seed=st.integers(0, 2**32), bounds=BOUNDS)
def test_wallets_do_what_the_oracle_does(seed: int, bounds: dict[str, int]) -> None:
    """Results, records and diffs agree, through rollbacks and restarts; supplies are exact."""
    with narrowed(bounds):
        pair, source = Pair(WALLETS), WalletSource(seed)
        for _ in range(6):
            pair.play(source.draw_block())


def test_fixed_seeds_reach_every_refusal() -> None:
    """Every code of these legs comes about, so the runs test them."""
    reached = Reached()
    for seed in SEEDS:
        play_seed(seed, 15, reached, compared=5, draw=WalletSource)
    assert reached.list_missing_codes(WALLET_CODES) == []
