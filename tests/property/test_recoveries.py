"""Blocks about guardians and keys on the chain and on the oracle: the same in all."""

from hypothesis import given, settings
from hypothesis import strategies as st

from omg_abci.protocol.messages import RECOVER_MESSAGES, Message
from omg_abci.protocol.units import Scheme
from omg_abci.rules.transition import BlockResult
from tests.property.test_chain import BOUNDS, SEEDED_PHASES
from tests.random_recoveries import RECOVERIES, RecoverySource
from tests.seeded_runs import RECOVERY_CODES, Reached
from tests.side_by_side import Pair, narrowed

SEEDS = (36, 39, 66)
"""Every refusal comes about in one of them at least."""
SHORT_DELAY = {"RECOVERY_DELAY_MIN_MS": 1_500, "LIMITS_DELAY_MS": 2_500}


@settings(phases=SEEDED_PHASES)
@given(seed=st.integers(0, 2**32), bounds=BOUNDS)
def test_recoveries_do_what_the_oracle_does(seed: int, bounds: dict[str, int]) -> None:
    """Results, records and diffs agree, through rollbacks and restarts; so does who may sign."""
    with narrowed(bounds | SHORT_DELAY):
        pair, source = Pair(RECOVERIES), RecoverySource(seed)
        for _ in range(6):
            pair.play(source.draw_block())


def list_by_agents(pair: Pair, result: BlockResult) -> set[type[Message]]:
    """Return the kinds of the last block's legs that were done and that agents had signed raw."""
    return {
        type(leg)
        for tx, done in zip(pair.previous, result.results, strict=True)
        for leg, answer in zip(tx.body.legs, done.legs, strict=True)
        if tx.scheme == Scheme.RAW and not answer.code
    }


def test_fixed_seeds_reach_every_refusal() -> None:
    """Every code of these legs comes about, keys are replaced, and agents do all they may."""
    reached, replaced, by_agents = Reached(), 0, set[type[Message]]()
    for seed in SEEDS:
        with narrowed(SHORT_DELAY):
            pair, source = Pair(RECOVERIES, signed=False, compared=5), RecoverySource(seed)
            for _ in range(40):
                before = pair.model.state.keys.copy()
                result = pair.play(source.draw_block())
                reached.note_block(result)
                by_agents |= list_by_agents(pair, result)
                replaced += sum(
                    before.get(who) != key for who, key in pair.model.state.keys.items()
                )
    assert replaced > len(SEEDS)
    assert by_agents.issuperset(RECOVER_MESSAGES)
    assert reached.list_missing_codes(RECOVERY_CODES) == []
