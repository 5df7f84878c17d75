"""Stake that becomes mature: unbonded tokens become free, moved stake becomes plain stake.

Part of the mass work: one step an entry, in the order of time and key.
"""

from omg_abci.protocol.errors import InvariantBroken
from omg_abci.rules.rewards import change_delegation, compute_owed, pay_rewards, update_pool
from omg_abci.state import schema
from omg_abci.state.stake_records import StakingRecord
from omg_abci.state.sweeping import is_maturity
from omg_abci.state.working import WorkingState


def work_maturities(state: WorkingState, steps_left: int) -> int:
    """Release what is mature; return the steps used.

    An entry waits for its time, and for the height up to which evidence may come of an offence
    that it is liable for.
    """
    staking, heap, steps = state.staking, state.stake_maturities, 0
    if staking is None:
        return 0
    while heap and heap[0][0] <= state.time_ms:
        entry = heap[0]
        if is_maturity(state, entry):
            if steps >= steps_left or not _is_past_evidence(state, staking, entry[1]):
                break
            steps += 1
            _release(state, entry[1])
        state.pop_entry(heap)
    return steps


def _is_past_evidence(state: WorkingState, staking: StakingRecord, key: bytes) -> bool:
    moving = state.find_moving(key) if key[:1] == schema.MOVING else None
    period = int.from_bytes(key[-8:], "big") if moving is None else moving.period
    last_liable = period * staking.checkpoint_blocks + 1
    return state.height > last_liable + staking.evidence_blocks


def _release(state: WorkingState, key: bytes) -> None:
    if key[:1] == schema.UNBONDING:
        _release_unbonding(state, key)
    else:
        _release_moving(state, key)


def _release_unbonding(state: WorkingState, key: bytes) -> None:
    """Pay an entry's part of its pool."""
    delegator, validator = key[1:21], key[21:41]
    period = int.from_bytes(key[41:], "big")
    entry, pool = state.find_unbonding(key), state.find_unbonding_pool(validator, period)
    if entry is None or pool is None:
        raise InvariantBroken("what unbonds has a pool")
    tokens = entry.units * pool.tokens // pool.units
    left = pool._replace(tokens=pool.tokens - tokens, units=pool.units - entry.units)
    pool_key = schema.compute_unbonding_pool_key(validator, period)
    state.set_stake(key, None)
    state.set_stake(pool_key, left if left.units else None)
    if tokens:
        state.change_balance(state.get_balance(delegator, 0, state.fee_token), tokens, 0)


def _release_moving(state: WorkingState, key: bytes) -> None:
    """Pay an entry's rewards, and make its part of the pool a plain delegation."""
    delegator, entry = key[1:21], state.find_moving(key)
    if entry is None:
        raise InvariantBroken("what matures is there")
    where = entry.source, entry.target, entry.period
    pool = state.find_moving_pool(*where)
    if pool is None:
        raise InvariantBroken("what moves has a pool")
    pool = update_pool(pool, state.validators[entry.target])
    shares = entry.units * pool.shares // pool.units
    left = pool._replace(shares=pool.shares - shares, units=pool.units - entry.units)
    pay_rewards(state, delegator, compute_owed(entry.units, pool.reward_index, entry.paid_index))
    state.set_stake(key, None)
    state.set_stake(schema.compute_moving_pool_key(*where), left if left.units else None)
    change_delegation(state, delegator, entry.target, shares, moving=-1)
