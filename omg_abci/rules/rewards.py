"""Rewards of stakers, through indexes: no rule here looks at each delegator (docs/spec/staking.md).

A validator's reward index counts what each of its shares has earned since the beginning. What a
delegator is owed is its shares times the growth since it was last paid. Rounding leaves dust in
the pot, never a debt.
"""

from omg_abci.protocol import limits
from omg_abci.protocol.units import Address, Amount
from omg_abci.rules.votes import note_shares
from omg_abci.state import schema
from omg_abci.state.stake_records import DelegationRecord, MovingPoolRecord, ValidatorRecord
from omg_abci.state.working import WorkingState


def distribute_rewards(state: WorkingState, amount: Amount) -> Amount:
    """Give an amount to the stakers of the current set, by stake and uptime.

    The weight of a validator is its tokens times the blocks of the window that it did not miss.
    It keeps its commission; its shares get the rest. Return what was given: the amount but for
    dust, or 0 when nobody is there to get it. Whoever calls takes that from where it comes from.
    """
    staking = state.staking
    if staking is None or not amount:
        return 0
    weights: dict[Address, int] = {}
    for owner in sorted(state.validators):
        validator = state.validators[owner]
        if validator.told_power and not validator.is_jailed and validator.shares:
            signed = staking.window_blocks - state.get_missed(owner).bit_count()
            weights[owner] = validator.tokens * signed
    total = sum(weights.values())
    if not total:
        return 0
    given = 0
    for owner, weight in weights.items():
        part = amount * weight // total
        given += part
        validator = state.validators[owner]
        commission = part * validator.commission_bp // limits.BASIS_POINTS
        growth = (part - commission << limits.REWARD_BITS) // validator.shares
        state.set_validator(
            owner,
            validator._replace(
                reward_index=validator.reward_index + growth,
                commission=validator.commission + commission,
            ),
        )
    state.set_staking(rewards=given)
    return given


def compute_owed(shares: int, index: int, paid_index: int) -> Amount:
    """Return what shares have earned while an index grew."""
    return shares * (index - paid_index) >> limits.REWARD_BITS


def pay_rewards(state: WorkingState, owner: Address, amount: Amount) -> None:
    """Move rewards from the pot to an owner's free balance."""
    if amount:
        state.set_staking(rewards=-amount)
        state.change_balance(state.get_balance(owner, 0, state.fee_token), amount, 0)


def change_delegation(
    state: WorkingState, delegator: Address, validator: Address, shares: int, moving: int = 0
) -> None:
    """Pay what a delegation has earned, and add to its shares and to its entries that move."""
    index = state.validators[validator].reward_index
    old = state.find_delegation(delegator, validator) or DelegationRecord(0, index, 0)
    pay_rewards(state, delegator, compute_owed(old.shares, index, old.paid_index))
    new = DelegationRecord(old.shares + shares, index, old.moving + moving)
    if shares:
        note_shares(state, delegator, validator, old.shares, new.shares)
    key = schema.compute_delegation_key(delegator, validator)
    state.set_stake(key, new if new.shares or new.moving else None)


def update_pool(pool: MovingPoolRecord, target: ValidatorRecord) -> MovingPoolRecord:
    """Return the pool with its own index brought up to the target's."""
    growth = target.reward_index - pool.seen_index
    return pool._replace(
        reward_index=pool.reward_index + growth * pool.shares // pool.units,
        seen_index=target.reward_index,
    )
