"""What delegators do: bond, take back, move, claim (docs/spec/staking.md)."""

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import ClaimRewards, Delegate, Redelegate, Undelegate
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.units import Address, Amount
from omg_abci.rules.context import LegContext
from omg_abci.rules.rewards import change_delegation, compute_owed, pay_rewards, update_pool
from omg_abci.rules.stake_math import (
    compute_new_shares,
    compute_new_units,
    compute_period,
    compute_sold_shares,
    compute_worth,
    require_staking,
    require_validator,
)
from omg_abci.state import schema
from omg_abci.state.stake_records import (
    DelegationRecord,
    MovingPoolRecord,
    MovingRecord,
    UnbondingPoolRecord,
    UnbondingRecord,
    ValidatorRecord,
)
from omg_abci.state.working import WorkingState


def process_delegate(state: WorkingState, ctx: LegContext, msg: Delegate) -> LegResult:
    """Bond free tokens.

    Raise NoStaking, UnknownValidator, ValidatorTombstoned, InsufficientFunds, ValidatorWorthless,
    StakeTooSmall.
    """
    ctx.work += limits.WORK_STAKE
    require_staking(state)
    validator = require_validator(state, msg.validator)
    if validator.tombstoned:
        raise errors.ValidatorTombstoned
    balance = state.get_own(ctx.account, 0, state.fee_token)
    if balance.free < msg.amount:
        raise errors.InsufficientFunds
    shares = compute_new_shares(validator, msg.amount)

    state.change_balance(balance, -msg.amount, 0)
    add_to_validator(state, msg.validator, msg.amount, shares)
    change_delegation(state, ctx.account.owner, msg.validator, shares)
    return LegResult()


def process_undelegate(state: WorkingState, ctx: LegContext, msg: Undelegate) -> LegResult:
    """Let stake unbond.

    Raise NoStaking, UnknownValidator, NoDelegation, StakeNotCovered, StakeImmature, StakeTooSmall.
    """
    ctx.work += limits.WORK_STAKE
    staking = require_staking(state)
    validator = require_validator(state, msg.validator)
    owner, period = ctx.account.owner, compute_period(staking, state.height)
    sold = _require_sold(state, owner, msg.validator, validator, msg.amount)
    pool = state.find_unbonding_pool(msg.validator, period) or UnbondingPoolRecord(0, 0)
    units = compute_new_units(msg.amount, pool.tokens, pool.units)

    add_to_validator(state, msg.validator, -msg.amount, -sold)
    change_delegation(state, owner, msg.validator, -sold)
    pool_key = schema.compute_unbonding_pool_key(msg.validator, period)
    state.set_stake(pool_key, UnbondingPoolRecord(pool.tokens + msg.amount, pool.units + units))
    key = schema.compute_unbonding_key(owner, msg.validator, period)
    entry = state.find_unbonding(key) or UnbondingRecord(0, 0)
    mature_ms = state.time_ms + staking.unbonding_ms
    state.set_stake(key, UnbondingRecord(entry.units + units, mature_ms))
    return LegResult()


def process_redelegate(state: WorkingState, ctx: LegContext, msg: Redelegate) -> LegResult:
    """Move stake to another validator.

    Raise NoStaking, UnknownValidator, ValidatorTombstoned, NoDelegation, StakeNotCovered,
    StakeImmature, ValidatorWorthless, StakeTooSmall.
    """
    ctx.work += limits.WORK_STAKE
    staking = require_staking(state)
    source = require_validator(state, msg.source)
    target = require_validator(state, msg.target)
    if target.tombstoned:
        raise errors.ValidatorTombstoned
    owner, period = ctx.account.owner, compute_period(staking, state.height)
    sold = _require_sold(state, owner, msg.source, source, msg.amount)
    shares = compute_new_shares(target, msg.amount)
    pool = state.find_moving_pool(msg.source, msg.target, period)
    pool = update_pool(pool, target) if pool else MovingPoolRecord(0, 0, 0, target.reward_index)
    units = compute_new_units(shares, pool.shares, pool.units)

    add_to_validator(state, msg.source, -msg.amount, -sold)
    add_to_validator(state, msg.target, msg.amount, shares)
    change_delegation(state, owner, msg.source, -sold)
    pool = pool._replace(shares=pool.shares + shares, units=pool.units + units)
    state.set_stake(schema.compute_moving_pool_key(msg.source, msg.target, period), pool)
    key = schema.compute_moving_key(owner, msg.source, msg.target, period)
    entry = state.find_moving(key)
    change_delegation(state, owner, msg.target, 0, moving=0 if entry else 1)
    where = (msg.source, msg.target, period)
    entry = entry or MovingRecord(*where, 0, pool.reward_index, 0)
    pay_rewards(state, owner, compute_owed(entry.units, pool.reward_index, entry.paid_index))
    mature_ms = state.time_ms + staking.unbonding_ms
    state.set_stake(key, MovingRecord(*where, entry.units + units, pool.reward_index, mature_ms))
    return LegResult()


def process_claim_rewards(state: WorkingState, ctx: LegContext, msg: ClaimRewards) -> LegResult:
    """Pay what a delegation has earned, and commission; raise UnknownValidator, NothingToClaim."""
    ctx.work += limits.WORK_STAKE
    require_staking(state)
    validator = require_validator(state, msg.validator)
    owner = ctx.account.owner
    delegation = state.find_delegation(owner, msg.validator) or DelegationRecord(0, 0, 0)
    owed = compute_owed(delegation.shares, validator.reward_index, delegation.paid_index)
    commission = validator.commission if owner == msg.validator else 0
    if not owed + commission:
        raise errors.NothingToClaim

    if owed:
        change_delegation(state, owner, msg.validator, 0)
    if commission:
        pay_rewards(state, owner, commission)
        state.set_validator(owner, validator._replace(commission=0))
    return LegResult()


def add_to_validator(state: WorkingState, owner: Address, tokens: Amount, shares: int) -> None:
    """Add to what is bonded to a validator and to the shares of it."""
    validator = state.validators[owner]
    state.set_validator(
        owner,
        validator._replace(tokens=validator.tokens + tokens, shares=validator.shares + shares),
    )


def _require_sold(
    state: WorkingState,
    delegator: Address,
    owner: Address,
    validator: ValidatorRecord,
    amount: Amount,
) -> int:
    """Return the shares that a delegator gives up for an amount of its mature stake."""
    delegation = state.find_delegation(delegator, owner)
    if delegation is None:
        raise errors.NoDelegation
    if compute_worth(validator, delegation.shares) < amount:
        raise errors.StakeImmature if delegation.moving else errors.StakeNotCovered
    return compute_sold_shares(validator, delegation.shares, amount)
