"""What blocks do with stake: punish, release what is mature, pay rewards, choose who signs.

From docs/spec and nothing else, as the rest of the oracle.
"""

from collections.abc import Sequence

from omg_abci.protocol import limits
from omg_abci.protocol.consensus import Offence, ValidatorUpdate, Vote
from omg_abci.protocol.crypto import compute_address
from omg_abci.protocol.results import ValidatorJailed, ValidatorSlashed
from tests.model_stake_state import Left, Stake, encode_moved_key, rank, u
from tests.model_staking import SCALE, add_bonded, add_delegation, pay, pocket, refresh_moved
from tests.model_state import State

DOWNTIME, EQUIVOCATION = 1, 2


def begin_staking(state: State, votes: Sequence[Vote], offences: Sequence[Offence]) -> None:
    """Punish what consensus reports."""
    stake = state.stake
    if not stake.terms:
        return
    by_key = {compute_address(each.public_key): owner for owner, each in stake.validators.items()}
    for offence in offences:
        owner = by_key.get(offence.validator, b"")
        if owner and not stake.validators[owner].tombstoned:
            slash(state, owner, offence.height, EQUIVOCATION)
            stake.validators[owner] = stake.validators[owner]._replace(tombstoned=True)
            state.events.append(ValidatorJailed(owner, EQUIVOCATION, 0))
    place = state.height % stake.terms["window_blocks"]
    for vote in votes:
        owner = by_key.get(vote.validator, b"")
        if not owner or stake.validators[owner].is_out:
            continue
        missed = stake.validators[owner].missed - {place}
        if not vote.signed:
            missed |= {place}
        signed = stake.terms["window_blocks"] - len(missed)
        if signed < stake.terms["signed_min_blocks"]:
            slash(state, owner, state.height - 1, DOWNTIME)
            missed = frozenset()
            until = state.now + stake.terms["jail_ms"]
            stake.validators[owner] = stake.validators[owner]._replace(jailed_until=until)
            state.events.append(ValidatorJailed(owner, DOWNTIME, until))
        stake.validators[owner] = stake.validators[owner]._replace(missed=missed)


def slash(state: State, owner: bytes, height: int, fault: int) -> None:
    """Take a part of all that backed a validator at a height."""
    stake, before = state.stake, state.stake.slashed
    basis_points = stake.terms[{1: "downtime_bp", 2: "equivocation_bp"}[fault]]
    interval = stake.terms["checkpoint_blocks"]
    taken = cut(stake.validators[owner].tokens, basis_points)
    add_bonded(state, owner, -taken, 0)
    stake.slashed += taken
    bonded = stake.slashed
    for who, period in sorted(stake.left):
        if who == owner and period * interval + 1 >= height:
            pool = stake.left[who, period]
            taken = cut(pool.tokens, basis_points)
            stake.left[who, period] = pool._replace(tokens=pool.tokens - taken)
            stake.slashed += taken
    for key in sorted(stake.moved, key=lambda each: (each[2], each[1])):
        source, target, period = key
        if source == owner and period * interval + 1 >= height:
            pool_now, each = refresh_moved(state, *key), stake.validators[target]
            burned = cut(pool_now.shares, basis_points)
            taken = burned * each.tokens // each.shares if each.shares else 0
            stake.moved[key] = pool_now._replace(shares=pool_now.shares - burned)
            add_bonded(state, target, -taken, -burned)
            stake.slashed += taken
    told = (owner, fault, height, stake.slashed - before, stake.slashed - bonded)
    state.events.append(ValidatorSlashed(*told))


def cut(amount: int, basis_points: int) -> int:
    """Return a part, rounded up."""
    return (amount * basis_points + 9_999) // 10_000


def work_maturities(state: State) -> None:
    """Release what is mature, while the block's steps last."""
    stake = state.stake
    left = {b"\x16" + who + v + u(8, k): (who, v, k) for who, v, k in stake.left_parts}
    moved = {encode_moved_key(*key): key for key in stake.moved_parts}
    parts = [(stake.left_parts[each].mature_ms, name) for name, each in left.items()]
    parts += [(stake.moved_parts[each].mature_ms, name) for name, each in moved.items()]
    for mature_ms, name in sorted(parts):
        if mature_ms > state.now or state.steps >= limits.MASS_STEPS_MAX:
            return
        period = left[name][-1] if name in left else moved[name][-1]
        liable = period * stake.terms["checkpoint_blocks"] + 1
        if state.height <= liable + stake.terms["evidence_blocks"]:
            return
        state.steps += 1
        if name in left:
            release_left(state, left[name])
        else:
            release_moved(state, moved[name])


def release_left(state: State, key: tuple[bytes, bytes, int]) -> None:
    """Pay out what has unbonded."""
    who, owner, period = key
    pool, part = state.stake.left.pop((owner, period)), state.stake.left_parts.pop(key)
    tokens = pool.tokens * part.units // pool.units
    if pool.units > part.units:
        state.stake.left[owner, period] = Left(pool.tokens - tokens, pool.units - part.units)
    if tokens:
        state.add_free(pocket(state, who), tokens)


def release_moved(state: State, key: tuple[bytes, bytes, bytes, int]) -> None:
    """Make what has moved a plain delegation."""
    who, source, target, period = key
    pool = refresh_moved(state, source, target, period)
    part = state.stake.moved_parts.pop(key)
    del state.stake.moved[source, target, period]
    shares = pool.shares * part.units // pool.units
    if pool.units > part.units:
        left = pool._replace(shares=pool.shares - shares, units=pool.units - part.units)
        state.stake.moved[source, target, period] = left
    pay(state, who, part.units * (pool.grown - part.paid) // SCALE)
    add_delegation(state, who, target, shares)


def end_staking(state: State) -> list[ValidatorUpdate]:
    """At a checkpoint: rewards, then the set."""
    stake = state.stake
    if not stake.terms or state.height % stake.terms["checkpoint_blocks"]:
        return []
    if not state.fees.terms:
        state.fee_pool -= distribute(state, state.fee_pool)
    updates = change_set(stake)
    for owner, each in list(stake.validators.items()):
        moving = [1 for source, to, _ in stake.moved if owner in {source, to}]
        leaving = [1 for who, _ in stake.left if who == owner]
        if not (
            each.shares or each.commission or each.told or each.tombstoned or moving or leaving
        ):
            stake.gone[each.public_key] = True
            stake.slashed += each.tokens
            del stake.validators[owner]
            for key in [each for each in state.fees.votes if each[:2] == (owner, owner)]:
                del state.fees.votes[key]
    return updates


def change_set(stake: Stake) -> list[ValidatorUpdate]:
    """Tell the difference to the set of before."""
    powers, updates = rank(stake), list[ValidatorUpdate]()
    if not powers:
        return []
    for owner in sorted(stake.validators):
        each = stake.validators[owner]
        power = powers.get(owner, 0)
        if power != each.told:
            updates.append(ValidatorUpdate(each.public_key, power))
            missed = each.missed if each.told else frozenset[int]()
            stake.validators[owner] = each._replace(told=power, missed=missed)
    return updates


def distribute(state: State, pool: int) -> int:
    """Give fees to the stakers of the set; return what they got."""
    stake, window = state.stake, state.stake.terms["window_blocks"]
    weights = {
        owner: each.tokens * (window - len(each.missed))
        for owner, each in stake.validators.items()
        if each.told and not each.is_out and each.shares
    }
    total, given = sum(weights.values()), 0
    if not total or not pool:
        return 0
    for owner, weight in weights.items():
        each, part = stake.validators[owner], pool * weight // total
        commission = part * each.commission_bp // 10_000
        growth = (part - commission) * SCALE // each.shares
        stake.validators[owner] = each._replace(
            growths=(*each.growths, growth), commission=each.commission + commission
        )
        stake.rewards += part
        given += part
    return given


def compute_held(stake: Stake) -> int:
    """Return all tokens that are in stake's hands."""
    bonded = sum(each.tokens for each in stake.validators.values())
    leaving = sum(pool.tokens for pool in stake.left.values())
    return bonded + leaving + stake.rewards + stake.slashed
