"""Blocks about guardians and keys on the chain and on the oracle: the same in all."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.test_chain import BOUNDS, SEEDED_PHASES
from tests.random_recoveries import RecoverySource
from tests.random_wallets import WALLETS
from tests.seeded_runs import RECOVERY_CODES, Reached
from tests.side_by_side import Pair, narrowed

SEEDS = (7, 8, 19)
"""Every refusal comes about in one of them at least."""
SHORT_DELAY = {"RECOVERY_DELAY_MIN_MS": 1_500, "LIMITS_DELAY_MS": 2_500}


@settings(phases=SEEDED_PHASES)
@given(seed=st.integers(0, 2**32), bounds=BOUNDS)
def test_recoveries_do_what_the_oracle_does(seed: int, bounds: dict[str, int]) -> None:
    """Results, records and diffs agree, through rollbacks and restarts; so does who may sign."""
    with narrowed(bounds | SHORT_DELAY):
        pair, source = Pair(WALLETS), RecoverySource(seed)
        for _ in range(6):
            pair.play(source.draw_block())


def test_fixed_seeds_reach_every_refusal() -> None:
    """Every code of these legs comes about, and keys are replaced more than once."""
    reached, replaced = Reached(), 0
    for seed in SEEDS:
        with narrowed(SHORT_DELAY):
            pair, source = Pair(WALLETS, signed=False, compared=5), RecoverySource(seed)
            for _ in range(40):
                before = pair.model.state.keys.copy()
                reached.note_block(pair.play(source.draw_block()))
                replaced += sum(
                    before.get(who) != key for who, key in pair.model.state.keys.items()
                )
    assert replaced > len(SEEDS)
    assert reached.list_missing_codes(RECOVERY_CODES) == []
