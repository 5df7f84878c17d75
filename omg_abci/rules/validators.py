"""What the owners of validators do: create, edit, come back from jail (docs/spec/staking.md)."""

from omg_abci.protocol import errors, limits
from omg_abci.protocol.crypto import compute_address
from omg_abci.protocol.messages import CreateValidator, EditValidator, Unjail
from omg_abci.protocol.results import LegResult, ValidatorUnjailed
from omg_abci.rules.context import LegContext
from omg_abci.rules.rewards import change_delegation
from omg_abci.rules.stake_math import compute_self_bond, require_staking, require_validator
from omg_abci.state import schema
from omg_abci.state.stake_records import ConsensusRecord, ValidatorRecord
from omg_abci.state.working import WorkingState


def process_create_validator(
    state: WorkingState, ctx: LegContext, msg: CreateValidator
) -> LegResult:
    """Add a validator; a checkpoint takes it into the set.

    Raise NoStaking, ValidatorExists, PublicKeyUsed, TooManyValidators, SelfBondMinTooLow,
    SelfBondTooSmall, InsufficientFunds.
    """
    ctx.work += limits.WORK_VALIDATOR
    staking, owner = require_staking(state), ctx.account.owner
    if owner in state.validators:
        raise errors.ValidatorExists
    consensus = compute_address(msg.public_key)
    if state.find_owner(consensus) is not None:
        raise errors.PublicKeyUsed
    if len(state.validators) >= limits.CANDIDATES_MAX:
        raise errors.TooManyValidators
    if msg.self_bond_min < staking.self_bond_min:
        raise errors.SelfBondMinTooLow
    if msg.amount < msg.self_bond_min:
        raise errors.SelfBondTooSmall
    balance = state.get_own(ctx.account, 0, state.fee_token)
    if balance.free < msg.amount:
        raise errors.InsufficientFunds

    state.change_balance(balance, -msg.amount, 0)
    validator = ValidatorRecord(
        msg.public_key,
        msg.commission_bp,
        msg.commission_max_bp,
        msg.commission_step_bp,
        state.time_ms,
        msg.self_bond_min,
        tokens=msg.amount,
        shares=msg.amount,
        reward_index=0,
        commission=0,
        jailed_until_ms=0,
        tombstoned=0,
        told_power=0,
        moniker=msg.moniker,
    )
    state.set_validator(owner, validator)
    state.set_stake(schema.compute_consensus_key(consensus), ConsensusRecord(owner))
    change_delegation(state, owner, owner, msg.amount)
    return LegResult()


def process_edit_validator(state: WorkingState, ctx: LegContext, msg: EditValidator) -> LegResult:
    """Change a validator's name, commission or self-bond minimum.

    Raise NoStaking, UnknownValidator, ValidatorTombstoned, CommissionAboveMaximum,
    CommissionStepTooLarge, CommissionTooSoon, SelfBondMinTooLow, SelfBondTooSmall.
    """
    ctx.work += limits.WORK_VALIDATOR
    require_staking(state)
    owner = ctx.account.owner
    validator = require_validator(state, owner)
    if validator.tombstoned:
        raise errors.ValidatorTombstoned
    changed_ms = validator.commission_ms
    if msg.commission_bp != validator.commission_bp:
        if msg.commission_bp > validator.commission_max_bp:
            raise errors.CommissionAboveMaximum
        if abs(msg.commission_bp - validator.commission_bp) > validator.commission_step_bp:
            raise errors.CommissionStepTooLarge
        if state.time_ms < changed_ms + limits.COMMISSION_PAUSE_MS:
            raise errors.CommissionTooSoon
        changed_ms = state.time_ms
    if msg.self_bond_min < validator.self_bond_min:
        raise errors.SelfBondMinTooLow
    raised = msg.self_bond_min > validator.self_bond_min
    if raised and compute_self_bond(state, owner) < msg.self_bond_min:
        raise errors.SelfBondTooSmall

    state.set_validator(
        owner,
        validator._replace(
            moniker=msg.moniker,
            commission_bp=msg.commission_bp,
            commission_ms=changed_ms,
            self_bond_min=msg.self_bond_min,
        ),
    )
    return LegResult()


def process_unjail(state: WorkingState, ctx: LegContext, msg: Unjail) -> LegResult:
    """End a jail whose time is over; a checkpoint takes the validator back into the set.

    Raise NoStaking, UnknownValidator, ValidatorTombstoned, NotJailed, StillJailed,
    SelfBondTooSmall.
    """
    del msg
    ctx.work += limits.WORK_VALIDATOR
    require_staking(state)
    owner = ctx.account.owner
    validator = require_validator(state, owner)
    if validator.tombstoned:
        raise errors.ValidatorTombstoned
    if not validator.jailed_until_ms:
        raise errors.NotJailed
    if state.time_ms < validator.jailed_until_ms:
        raise errors.StillJailed
    if compute_self_bond(state, owner) < validator.self_bond_min:
        raise errors.SelfBondTooSmall

    state.set_validator(owner, validator._replace(jailed_until_ms=0))
    state.add_event(ValidatorUnjailed(owner))
    return LegResult()
