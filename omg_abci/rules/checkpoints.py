"""What stakers' blocks begin and end with: evidence, votes, rewards, the validator set.

The set changes at checkpoint blocks only (docs/spec/staking.md#the-validator-set).
"""

from collections.abc import Sequence

from omg_abci.protocol.consensus import Offence, ValidatorUpdate, Vote
from omg_abci.protocol.crypto import compute_address
from omg_abci.protocol.units import ZERO_ADDRESS, Address
from omg_abci.rules.rewards import distribute_rewards
from omg_abci.rules.slashing import note_votes, punish_offences, set_missed
from omg_abci.rules.stake_math import compute_self_bond
from omg_abci.state import schema
from omg_abci.state.stake_records import ConsensusRecord, StakingRecord
from omg_abci.state.validator_set import compute_powers
from omg_abci.state.working import WorkingState


def begin_staking(state: WorkingState, votes: Sequence[Vote], offences: Sequence[Offence]) -> None:
    """Punish what consensus reports, before anybody's transaction."""
    if state.staking is not None:
        punish_offences(state, state.staking, offences)
        note_votes(state, state.staking, votes)


def end_staking(state: WorkingState) -> tuple[ValidatorUpdate, ...]:
    """At a checkpoint give out the fees, and return what changes in the set."""
    staking = state.staking
    if staking is None or state.height % staking.checkpoint_blocks:
        return ()
    if state.fees is None:
        state.fee_pool -= distribute_rewards(state, state.fee_pool)
    updates = _change_set(state, staking)
    _forget_empty(state)
    return updates


def _change_set(state: WorkingState, staking: StakingRecord) -> tuple[ValidatorUpdate, ...]:
    """Return the difference to the set that CometBFT was last told, ascending by owner.

    Never makes the set empty: with nobody to sign the chain would stand still for ever, so the
    set stays what it was.
    """
    candidates = [
        (owner, state.validators[owner].tokens)
        for owner in sorted(state.validators)
        if _is_eligible(state, owner)
    ]
    powers = compute_powers(candidates, staking.power_unit)
    if not powers:
        return ()
    updates: list[ValidatorUpdate] = []
    for owner in sorted(state.validators):
        validator = state.validators[owner]
        power = powers.get(owner, 0)
        if power == validator.told_power:
            continue
        if not validator.told_power and state.get_missed(owner):
            set_missed(state, owner, 0)
        state.set_validator(owner, validator._replace(told_power=power))
        updates.append(ValidatorUpdate(validator.public_key, power))
    return tuple(updates)


def _forget_empty(state: WorkingState) -> None:
    """Delete the validators that nothing is left of, but for their keys, which are used for ever.

    So who bonds, leaves and comes again does not fill the places for candidates.
    """
    for owner in sorted(state.validators):
        validator = state.validators[owner]
        if validator.shares or validator.commission or validator.told_power:
            continue
        if validator.tombstoned or state.has_pools(owner):
            continue
        consensus = schema.compute_consensus_key(compute_address(validator.public_key))
        state.set_stake(consensus, ConsensusRecord(ZERO_ADDRESS))
        set_missed(state, owner, 0)
        state.set_stake(schema.compute_votes_key(owner, owner), None)
        state.set_staking(slashed=validator.tokens)
        state.set_validator(owner, None)


def _is_eligible(state: WorkingState, owner: Address) -> bool:
    validator = state.validators[owner]
    return not validator.is_jailed and (compute_self_bond(state, owner) >= validator.self_bond_min)
