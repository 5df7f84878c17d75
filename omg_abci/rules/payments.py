"""Payments with a memo, known by an id (docs/spec/payments.md)."""

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import Pay
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.units import Address
from omg_abci.rules.context import LegContext
from omg_abci.rules.spending import require_spending, write_spending
from omg_abci.state import schema
from omg_abci.state.keyed_records import PaymentRecord
from omg_abci.state.working import WorkingState


def process_pay(state: WorkingState, ctx: LegContext, msg: Pay) -> LegResult:
    """Pay once; raise UnknownToken, InsufficientFunds and what `require_spending` raises."""
    ctx.work += limits.WORK_PAY
    owner = ctx.account.owner
    if is_repeated(state, owner, msg.client_id):
        return LegResult(repeated=True)
    if msg.token not in state.tokens:
        raise errors.UnknownToken(str(msg.token))
    if state.get_free(owner, msg.from_subaccount, msg.token) < msg.amount:
        raise errors.InsufficientFunds
    spending = require_spending(state, ctx, msg.token, msg.amount, msg.to)

    write_spending(state, spending)
    source = state.get_balance(owner, msg.from_subaccount, msg.token)
    target = state.get_balance(msg.to, msg.to_subaccount, msg.token)
    state.change_balance(source, -msg.amount, 0)
    state.change_balance(target, msg.amount, 0)
    note_payment(state, owner, msg.client_id)
    return LegResult()


def is_repeated(state: WorkingState, owner: Address, client_id: int) -> bool:
    """Tell whether a payment of the owner with this id was done lately; 0 is no id."""
    if not client_id:
        return False
    known = state.find_record(PaymentRecord, schema.compute_payment_key(owner, client_id))
    return known is not None and known.until_ms > state.time_ms


def note_payment(state: WorkingState, owner: Address, client_id: int) -> None:
    """Remember the id of a payment that was done; 0 is no id."""
    if client_id:
        key = schema.compute_payment_key(owner, client_id)
        state.remember_payment(key, state.time_ms + limits.PAYMENT_KEPT_MS)
