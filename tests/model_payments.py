"""Payments and allowances written the plainest way, see docs/spec/payments.md."""

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import Pay, SetAllowance
from omg_abci.protocol.results import LegResult
from tests.model_records import Allowed
from tests.model_state import Refused, State


def spend(state: State, owner: bytes, agent: bytes | None, token: int, amount: int) -> None:
    """Take an amount from an agent's allowance; nothing bounds the owner's own key."""
    if agent is None:
        return
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
    spend(state, owner, agent, leg.token, leg.amount)
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
