"""Legs about stake, written the plainest way.

Like the rest of the oracle it is from docs/spec and nothing else, and shares no code with the
rules.
"""

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import (
    ClaimRewards,
    CreateValidator,
    Delegate,
    EditValidator,
    Redelegate,
    SetVote,
    StakingMessage,
    Undelegate,
    Unjail,
)
from omg_abci.protocol.results import LegResult, ValidatorUnjailed
from tests.model_stake_state import (
    Delegation,
    Left,
    Moved,
    Part,
    Validator,
    compute_self_bond,
)
from tests.model_state import Refused, State

SCALE = 2**96


def do_staking_leg(state: State, owner: bytes, leg: StakingMessage) -> LegResult:
    """Return the result of a leg about stake; raise Refused."""
    if not state.stake.terms:
        raise Refused(errors.NoStaking)
    match leg:
        case CreateValidator():
            create_validator(state, owner, leg)
        case EditValidator():
            edit_validator(state, owner, leg)
        case Unjail():
            unjail(state, owner)
        case Delegate():
            delegate(state, owner, leg)
        case Undelegate():
            undelegate(state, owner, leg)
        case Redelegate():
            redelegate(state, owner, leg)
        case ClaimRewards():
            claim_rewards(state, owner, leg)
        case SetVote():
            set_vote(state, owner, leg)
    return LegResult()


# --- validators -------------------------------------------------------------------------------


def find_validator(state: State, owner: bytes) -> Validator:
    """Return a validator; raise Refused."""
    if owner not in state.stake.validators:
        raise Refused(errors.UnknownValidator)
    return state.stake.validators[owner]


def create_validator(state: State, owner: bytes, leg: CreateValidator) -> None:
    """Add a validator with its owner's first stake."""
    validators = state.stake.validators
    if owner in validators:
        raise Refused(errors.ValidatorExists)
    if leg.public_key in [*state.stake.gone, *(each.public_key for each in validators.values())]:
        raise Refused(errors.PublicKeyUsed)
    if len(validators) >= limits.CANDIDATES_MAX:
        raise Refused(errors.TooManyValidators)
    if leg.self_bond_min < state.stake.terms["self_bond_min"]:
        raise Refused(errors.SelfBondMinTooLow)
    if leg.amount < leg.self_bond_min:
        raise Refused(errors.SelfBondTooSmall)
    if state.get_free(pocket(state, owner)) < leg.amount:
        raise Refused(errors.InsufficientFunds)
    state.add_free(pocket(state, owner), -leg.amount)
    validators[owner] = Validator(
        leg.public_key,
        leg.moniker,
        leg.commission_bp,
        leg.commission_max_bp,
        leg.commission_step_bp,
        state.now,
        leg.self_bond_min,
        leg.amount,
        leg.amount,
    )
    state.stake.delegations[owner, owner] = Delegation(leg.amount, 0)


def edit_validator(state: State, owner: bytes, leg: EditValidator) -> None:
    """Change name, commission, self-bond minimum."""
    each = find_validator(state, owner)
    if each.tombstoned:
        raise Refused(errors.ValidatorTombstoned)
    changed = leg.commission_bp != each.commission_bp
    if changed and leg.commission_bp > each.commission_max_bp:
        raise Refused(errors.CommissionAboveMaximum)
    if changed and abs(leg.commission_bp - each.commission_bp) > each.commission_step_bp:
        raise Refused(errors.CommissionStepTooLarge)
    if changed and state.now - each.commission_ms < limits.COMMISSION_PAUSE_MS:
        raise Refused(errors.CommissionTooSoon)
    if leg.self_bond_min < each.self_bond_min:
        raise Refused(errors.SelfBondMinTooLow)
    if compute_self_bond(state.stake, owner) < leg.self_bond_min > each.self_bond_min:
        raise Refused(errors.SelfBondTooSmall)
    state.stake.validators[owner] = each._replace(
        moniker=leg.moniker,
        commission_bp=leg.commission_bp,
        commission_ms=state.now if changed else each.commission_ms,
        self_bond_min=leg.self_bond_min,
    )


def unjail(state: State, owner: bytes) -> None:
    """End a jail."""
    each = find_validator(state, owner)
    if each.tombstoned:
        raise Refused(errors.ValidatorTombstoned)
    if not each.jailed_until:
        raise Refused(errors.NotJailed)
    if each.jailed_until > state.now:
        raise Refused(errors.StillJailed)
    if compute_self_bond(state.stake, owner) < each.self_bond_min:
        raise Refused(errors.SelfBondTooSmall)
    state.stake.validators[owner] = each._replace(jailed_until=0)
    state.events.append(ValidatorUnjailed(owner))


# --- delegators -------------------------------------------------------------------------------


def delegate(state: State, owner: bytes, leg: Delegate) -> None:
    """Bond free tokens."""
    each = find_validator(state, leg.validator)
    if each.tombstoned:
        raise Refused(errors.ValidatorTombstoned)
    if state.get_free(pocket(state, owner)) < leg.amount:
        raise Refused(errors.InsufficientFunds)
    shares = buy(each, leg.amount)
    state.add_free(pocket(state, owner), -leg.amount)
    add_bonded(state, leg.validator, leg.amount, shares)
    add_delegation(state, owner, leg.validator, shares)


def undelegate(state: State, owner: bytes, leg: Undelegate) -> None:
    """Let stake leave."""
    find_validator(state, leg.validator)
    sold = sell(state, owner, leg.validator, leg.amount)
    period = compute_period(state)
    pool = state.stake.left.get((leg.validator, period), Left(0, 0))
    units = divide_pool(leg.amount, pool.tokens, pool.units)
    add_bonded(state, leg.validator, -leg.amount, -sold)
    add_delegation(state, owner, leg.validator, -sold)
    state.stake.left[leg.validator, period] = Left(pool.tokens + leg.amount, pool.units + units)
    key = (owner, leg.validator, period)
    old = state.stake.left_parts.get(key, Part(0, 0))
    state.stake.left_parts[key] = Part(old.units + units, compute_maturity(state))


def redelegate(state: State, owner: bytes, leg: Redelegate) -> None:
    """Let stake move."""
    find_validator(state, leg.source)
    target = find_validator(state, leg.target)
    if target.tombstoned:
        raise Refused(errors.ValidatorTombstoned)
    sold = sell(state, owner, leg.source, leg.amount)
    shares = buy(target, leg.amount)
    period = compute_period(state)
    pool = refresh_moved(state, leg.source, leg.target, period)
    units = divide_pool(shares, pool.shares, pool.units)
    add_bonded(state, leg.source, -leg.amount, -sold)
    add_bonded(state, leg.target, leg.amount, shares)
    add_delegation(state, owner, leg.source, -sold)
    pool = pool._replace(shares=pool.shares + shares, units=pool.units + units)
    state.stake.moved[leg.source, leg.target, period] = pool
    key = (owner, leg.source, leg.target, period)
    old = state.stake.moved_parts.get(key, Part(0, 0, pool.grown))
    pay(state, owner, old.units * (pool.grown - old.paid) // SCALE)
    part = Part(old.units + units, compute_maturity(state), pool.grown)
    state.stake.moved_parts[key] = part
    add_delegation(state, owner, leg.target, 0)


def claim_rewards(state: State, owner: bytes, leg: ClaimRewards) -> None:
    """Pay what was earned."""
    each = find_validator(state, leg.validator)
    held = state.stake.delegations.get((owner, leg.validator), Delegation(0, 0))
    owed = held.shares * sum(each.growths[held.paid :]) // SCALE
    commission = each.commission if owner == leg.validator else 0
    if owed == commission == 0:
        raise Refused(errors.NothingToClaim)
    if owed:
        add_delegation(state, owner, leg.validator, 0)
    pay(state, owner, commission)
    if commission:
        each = state.stake.validators[owner]
        state.stake.validators[owner] = each._replace(commission=0)


def set_vote(state: State, owner: bytes, leg: SetVote) -> None:
    """Keep a vote, or drop it."""
    if not state.fees.terms:
        raise Refused(errors.FeesFixed)
    find_validator(state, leg.validator)
    held = state.stake.delegations.get((owner, leg.validator))
    if owner != leg.validator and not (held and held.shares):
        raise Refused(errors.NoDelegation)
    state.fees.votes.pop((owner, leg.validator, leg.parameter), None)
    if leg.value:
        state.fees.votes[owner, leg.validator, leg.parameter] = leg.value


def pocket(state: State, owner: bytes) -> tuple[bytes, int, int]:
    """Return the balance that stake comes from and goes to."""
    return owner, 0, state.fee_token


def pay(state: State, owner: bytes, amount: int) -> None:
    """Pay rewards."""
    state.stake.rewards -= amount
    assert state.stake.rewards >= 0
    if amount:
        state.add_free(pocket(state, owner), amount)


def buy(each: Validator, amount: int) -> int:
    """Return the shares that tokens buy."""
    if each.shares == 0:
        return amount
    if each.tokens == 0:
        raise Refused(errors.ValidatorWorthless)
    shares = amount * each.shares // each.tokens
    if shares == 0:
        raise Refused(errors.StakeTooSmall)
    if each.shares + shares > 2**192:
        raise Refused(errors.ValidatorWorthless)
    return shares


def sell(state: State, delegator: bytes, owner: bytes, amount: int) -> int:
    """Return the shares that a delegator gives up for tokens."""
    each, stake = state.stake.validators[owner], state.stake
    if (delegator, owner) not in stake.delegations:
        raise Refused(errors.NoDelegation)
    held = stake.delegations[delegator, owner].shares
    worth = held * each.tokens // each.shares if each.shares else 0
    if worth < amount:
        moving = stake.count_moving(delegator, owner)
        raise Refused(errors.StakeImmature if moving else errors.StakeNotCovered)
    sold = (amount * each.shares + each.tokens - 1) // each.tokens
    rest = (held - sold) * each.tokens // each.shares
    return sold if rest else held


def divide_pool(amount: int, total: int, units: int) -> int:
    """Return the units of a pool that an amount gets."""
    if units == 0:
        return amount
    found = amount * units // total if total else 0
    if found == 0:
        raise Refused(errors.StakeTooSmall)
    return found


def add_bonded(state: State, owner: bytes, tokens: int, shares: int) -> None:
    """Change what is bonded."""
    each = state.stake.validators[owner]
    assert each.tokens + tokens >= 0
    assert each.shares + shares >= 0
    state.stake.validators[owner] = each._replace(
        tokens=each.tokens + tokens, shares=each.shares + shares
    )


def add_delegation(state: State, delegator: bytes, owner: bytes, shares: int) -> None:
    """Pay a delegation, then change it."""
    growths = state.stake.validators[owner].growths
    key = (delegator, owner)
    held = state.stake.delegations.get(key, Delegation(0, len(growths)))
    pay(state, delegator, held.shares * sum(growths[held.paid :]) // SCALE)
    state.stake.delegations[key] = Delegation(held.shares + shares, len(growths))
    if held.shares + shares == 0 and delegator != owner:
        for who, to, number in list(state.fees.votes):
            if (who, to) == key:
                del state.fees.votes[who, to, number]
    if held.shares + shares == 0 and not state.stake.count_moving(*key):
        del state.stake.delegations[key]


def refresh_moved(state: State, source: bytes, target: bytes, period: int) -> Moved:
    """Return what moved, its index brought up to date."""
    index = state.stake.validators[target].grown
    pool = state.stake.moved.get((source, target, period))
    if pool is None:
        return Moved(0, 0, 0, index)
    growth = (index - pool.seen) * pool.shares // pool.units
    return pool._replace(grown=pool.grown + growth, seen=index)


def compute_period(state: State, height: int = 0) -> int:
    """Return the number of the next checkpoint from a height on, that one included."""
    interval = state.stake.terms["checkpoint_blocks"]
    return ((height or state.height) + interval - 1) // interval


def compute_maturity(state: State) -> int:
    """Return when what leaves now is free."""
    return state.now + state.stake.terms["unbonding_ms"]
