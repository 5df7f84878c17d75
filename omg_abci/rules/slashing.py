"""Validators that were away or signed twice: slashed, jailed, tombstoned (docs/spec/staking.md).

A slash takes a part of what is bonded to the validator and of all that left it since it could be
held liable. It changes totals of pools, never a delegator's record, so what it costs does not
depend on how many delegators there are.
"""

from collections.abc import Sequence
from typing import Final

from omg_abci.protocol.consensus import Offence, Vote
from omg_abci.protocol.errors import InvariantBroken
from omg_abci.protocol.results import ValidatorJailed, ValidatorSlashed
from omg_abci.protocol.units import ZERO_ADDRESS, Address, Amount, Fault, Height
from omg_abci.rules.rewards import update_pool
from omg_abci.rules.stake_math import (
    compute_cut,
    compute_first_liable,
    compute_worth,
)
from omg_abci.state import schema
from omg_abci.state.stake_records import SigningRecord, StakingRecord
from omg_abci.state.working import WorkingState

_DOWNTIME: Final = int(Fault.DOWNTIME)
_EQUIVOCATION: Final = int(Fault.EQUIVOCATION)
_LISTED: Final = "a pool that is listed is there"


def punish_offences(
    state: WorkingState, staking: StakingRecord, offences: Sequence[Offence]
) -> None:
    """Slash and tombstone who signed two blocks of one height.

    Evidence against a key that is nobody's, or whose validator is tombstoned, does nothing: so
    the same evidence twice, and evidence against one that is out of the set for long, is punished
    once or not at all.
    """
    for offence in offences:
        owner = state.find_owner(offence.validator) or ZERO_ADDRESS
        validator = state.validators.get(owner)
        if validator is None or validator.tombstoned:
            continue
        slash(state, staking, owner, offence.height, _EQUIVOCATION)
        state.set_validator(owner, state.validators[owner]._replace(tombstoned=1))
        state.add_event(ValidatorJailed(owner, _EQUIVOCATION, 0))


def note_votes(state: WorkingState, staking: StakingRecord, votes: Sequence[Vote]) -> None:
    """Note who signed the block before; slash and jail who missed too many of the window.

    A validator that misses nothing has no record here, and a block that all of them signed
    writes nothing.
    """
    place = state.height % staking.window_blocks
    most = staking.window_blocks - staking.signed_min_blocks
    for vote in votes:
        owner = state.find_owner(vote.validator)
        if owner is None or owner == ZERO_ADDRESS:
            continue
        missed = state.get_missed(owner)
        if vote.signed != bool(missed >> place & 1):
            # What the window says of the place is true already.
            continue
        if state.validators[owner].is_jailed:
            continue
        missed ^= 1 << place
        jailed = missed.bit_count() > most
        set_missed(state, owner, 0 if jailed else missed)
        if jailed:
            slash(state, staking, owner, state.height - 1, _DOWNTIME)
            until_ms = state.time_ms + staking.jail_ms
            state.set_validator(owner, state.validators[owner]._replace(jailed_until_ms=until_ms))
            state.add_event(ValidatorJailed(owner, _DOWNTIME, until_ms))


def set_missed(state: WorkingState, owner: Address, missed: int) -> None:
    """Write the bits of the blocks that a validator missed."""
    key = schema.compute_signing_key(owner)
    state.set_stake(key, SigningRecord(missed) if missed else None)


def slash(
    state: WorkingState, staking: StakingRecord, owner: Address, height: Height, fault: int
) -> None:
    """Take a part of the stake that stood behind a validator at a height, and tell how much."""
    is_downtime = fault == _DOWNTIME
    basis_points = staking.downtime_bp if is_downtime else staking.equivocation_bp
    validator = state.validators[owner]
    bonded = compute_cut(validator.tokens, basis_points)
    state.set_validator(owner, validator._replace(tokens=validator.tokens - bonded))
    left = 0
    first = compute_first_liable(staking, height)
    liable = [key for key in state.list_pools(owner) if int.from_bytes(key[-8:], "big") >= first]
    for key in liable:
        if key[:1] == schema.UNBONDING_POOL:
            left += _slash_unbonding(state, owner, key, basis_points)
    moving = [key for key in liable if key[:1] == schema.MOVING_POOL]
    for key in sorted(moving, key=_get_period_and_target):
        left += _slash_moving(state, key, basis_points)
    state.set_staking(slashed=bonded + left)
    state.add_event(ValidatorSlashed(owner, fault, height, bonded + left, left))


def _get_period_and_target(key: bytes) -> tuple[bytes, bytes]:
    return key[-8:], key[21:41]


def _slash_unbonding(state: WorkingState, owner: Address, key: bytes, basis_points: int) -> Amount:
    pool = state.find_unbonding_pool(owner, int.from_bytes(key[-8:], "big"))
    if pool is None:
        raise InvariantBroken(_LISTED)
    taken = compute_cut(pool.tokens, basis_points)
    state.set_stake(key, pool._replace(tokens=pool.tokens - taken))
    return taken


def _slash_moving(state: WorkingState, key: bytes, basis_points: int) -> Amount:
    """Take shares of the target away from what moved there, and their worth from the target."""
    target = key[21:41]
    pool = state.find_moving_pool(key[1:21], target, int.from_bytes(key[-8:], "big"))
    if pool is None:
        raise InvariantBroken(_LISTED)
    validator = state.validators[target]
    pool = update_pool(pool, validator)
    cut = compute_cut(pool.shares, basis_points)
    taken = compute_worth(validator, cut)
    state.set_stake(key, pool._replace(shares=pool.shares - cut))
    state.set_validator(
        target,
        validator._replace(tokens=validator.tokens - taken, shares=validator.shares - cut),
    )
    return taken
