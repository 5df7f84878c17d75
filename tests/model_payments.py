"""Payments and allowances written the plainest way, see docs/spec/payments.md."""

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import Pay, SetAllowance, SetLimits, SetRecipients
from omg_abci.protocol.results import LegResult
from tests.model_records import Allowed, Limited
from tests.model_state import Refused, State


def spend(
    state: State, owner: bytes, agent: bytes | None, token: int, amount: int, to: bytes
) -> None:
    """Take an amount from an agent's allowance and from what the account may pay to others."""
    before = state.allowances.copy()
    if agent is not None:
        use_allowance(state, owner, agent, token, amount)
    if to != owner:
        try:
            require_recipient(state, owner, to)
            use_limit(state, owner, token, amount)
        except Refused:
            state.allowances = before
            raise


def bound_payments(state: State, owner: bytes, leg: SetLimits | SetRecipients) -> LegResult:
    """Bound how much an account pays, or whom."""
    if isinstance(leg, SetRecipients):
        return set_recipients(state, owner, leg)
    return set_limits(state, owner, leg)


def find_recipients(state: State, owner: bytes) -> dict[bytes, int] | None:
    """Return whom an account pays, and from when on; None when it pays anybody."""
    lifts_ms, rows = state.recipients.get(owner, (0, ()))
    return None if not rows or 0 < lifts_ms <= state.now else dict(rows)


def require_recipient(state: State, owner: bytes, to: bytes) -> None:
    """Refuse whom the account does not pay, or not yet."""
    known = find_recipients(state, owner)
    if known is not None and (to not in known or known[to] > state.now):
        raise Refused(errors.RecipientNotAllowed)


def set_recipients(state: State, owner: bytes, leg: SetRecipients) -> LegResult:
    """Pay fewer at once, others a day later."""
    known = find_recipients(state, owner)
    later = state.now + limits.LIMITS_DELAY_MS
    if known is None:
        state.recipients.pop(owner, None)
        since = dict.fromkeys(leg.recipients, state.now)
    else:
        since = {who: known.get(who, later) for who in leg.recipients}
    if leg.recipients:
        state.recipients[owner] = (0, tuple(sorted(since.items())))
    elif known is not None:
        state.recipients[owner] = (later, tuple(sorted(known.items())))
    return LegResult()


def find_limit(state: State, owner: bytes, token: int) -> Limited | None:
    """Return an account's limit as it is now, None when there is none."""
    limit = state.limits.get((owner, token))
    if limit is None:
        return None
    if 0 < limit.next_ms <= state.now:
        limit = limit._replace(daily=limit.next_daily, next_daily=0, next_ms=0)
    return limit if limit.daily else None


def write_limit(state: State, owner: bytes, token: int, limit: Limited) -> None:
    """Write a limit; all of the owner's are brought up to now."""
    state.limits[owner, token] = limit
    for key in [key for key in state.limits if key[0] == owner]:
        found = find_limit(state, *key)
        if found is None:
            del state.limits[key]
        else:
            state.limits[key] = found


def use_limit(state: State, owner: bytes, token: int, amount: int) -> None:
    """Take an amount from what the account may pay today."""
    limit = find_limit(state, owner, token)
    if limit is None:
        return
    today = state.now // 86_400_000
    spent = amount + (limit.spent if limit.day == today else 0)
    if spent > limit.daily:
        raise Refused(errors.DailyLimitExceeded)
    write_limit(state, owner, token, limit._replace(day=today, spent=spent))


def set_limits(state: State, owner: bytes, leg: SetLimits) -> LegResult:
    """Lower a limit at once, or let a higher one act later."""
    if leg.token not in state.tokens:
        raise Refused(errors.UnknownToken)
    limit = find_limit(state, owner, leg.token)
    others = [key for key in state.limits if key[0] == owner and key[1] != leg.token]
    count = len([key for key in others if find_limit(state, *key)])
    if limit is None and leg.daily and count >= limits.LIMITS_MAX:
        raise Refused(errors.TooManyLimits)
    if limit is None and leg.daily:
        limit = Limited(leg.daily, 0, 0, 0, 0)
    elif limit is None:
        return LegResult()
    elif 0 < leg.daily <= limit.daily:
        limit = limit._replace(daily=leg.daily, next_daily=0, next_ms=0)
    else:
        later = state.now + limits.LIMITS_DELAY_MS
        limit = limit._replace(next_daily=leg.daily, next_ms=later)
    write_limit(state, owner, leg.token, limit)
    return LegResult()


def use_allowance(state: State, owner: bytes, agent: bytes, token: int, amount: int) -> None:
    """Take an amount from an agent's allowance."""
    key = (owner, agent, token)
    allowed = state.allowances.get(key)
    if allowed is None or allowed.left < amount:
        raise Refused(errors.AllowanceExceeded)
    today = state.now // 86_400_000
    spent = allowed.spent if allowed.day == today else 0
    if spent + amount > allowed.daily:
        raise Refused(errors.DailyAllowanceExceeded)
    state.allowances[key] = Allowed(allowed.left - amount, allowed.daily, today, spent + amount)
    if allowed.left == amount:
        del state.allowances[key]


def pay(state: State, owner: bytes, agent: bytes | None, leg: Pay) -> LegResult:
    """Pay, unless the payment's id is known."""
    key = (owner, leg.client_id)
    if leg.client_id and state.payments.get(key, 0) > state.now:
        return LegResult(repeated=True)
    if leg.token not in state.tokens:
        raise Refused(errors.UnknownToken)
    payer = (owner, leg.from_subaccount, leg.token)
    if state.get_free(payer) < leg.amount:
        raise Refused(errors.InsufficientFunds)
    spend(state, owner, agent, leg.token, leg.amount, leg.to)
    state.add_free(payer, -leg.amount)
    state.add_free((leg.to, leg.to_subaccount, leg.token), leg.amount)
    if leg.client_id:
        remember(state, key)
    return LegResult()


def remember(state: State, key: tuple[bytes, int]) -> None:
    """Remember a payment, and forget the oldest of those whose time has passed."""
    state.payments[key] = state.now + limits.PAYMENT_KEPT_MS
    old = sorted((until, key) for key, until in state.payments.items() if until <= state.now)
    for _, each in old[: limits.PAYMENTS_FORGOTTEN]:
        del state.payments[each]


def set_allowance(state: State, owner: bytes, leg: SetAllowance) -> LegResult:
    """Bound what an agent may pay."""
    if (owner, leg.agent) not in state.agents:
        raise Refused(errors.UnknownAgent)
    if leg.token not in state.tokens:
        raise Refused(errors.UnknownToken)
    key = (owner, leg.agent, leg.token)
    others = len([1 for each in state.allowances if each[:2] == key[:2] and each != key])
    if leg.total and others >= limits.ALLOWANCES_MAX:
        raise Refused(errors.TooManyAllowances)
    state.allowances.pop(key, None)
    if leg.total:
        state.allowances[key] = Allowed(leg.total, leg.daily, 0, 0)
    return LegResult()
