"""Payment requests (docs/spec/payments.md#createpaymentrequest)."""

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import CloseRequest, CreatePaymentRequest, PayRequest
from omg_abci.protocol.results import LegResult
from omg_abci.rules.context import LegContext
from omg_abci.rules.expired_records import release_record
from omg_abci.rules.payments import is_repeated, note_payment
from omg_abci.rules.spending import require_spending, write_spending
from omg_abci.rules.sponsorship import lock_deposit
from omg_abci.state import schema
from omg_abci.state.keyed_records import RequestRecord
from omg_abci.state.working import WorkingState


def process_create_payment_request(
    state: WorkingState, ctx: LegContext, msg: CreatePaymentRequest
) -> LegResult:
    """Open a request, its deposit the owner's or its sponsor's.

    Raise RequestExists, UnknownToken, RequestExpiryOutOfRange, DepositNotCovered.
    """
    ctx.work += limits.WORK_REQUEST
    owner = ctx.account.owner
    key = schema.compute_request_key(owner, msg.request)
    if key in state.by_key:
        raise errors.RequestExists
    if msg.token not in state.tokens:
        raise errors.UnknownToken(str(msg.token))
    if not 0 < msg.expires_ms - state.time_ms <= limits.REQUEST_AHEAD_MAX_MS:
        raise errors.RequestExpiryOutOfRange
    deposit = -(-state.market_bond // limits.RECORDS_PER_BOND)

    depositor = lock_deposit(state, ctx, deposit)
    request = RequestRecord(
        msg.token,
        msg.amount,
        msg.expires_ms,
        msg.max_uses,
        msg.payer_cap,
        msg.to_subaccount,
        deposit,
        depositor,
        0,
    )
    state.set_expiring(key, request)
    return LegResult()


def process_pay_request(state: WorkingState, ctx: LegContext, msg: PayRequest) -> LegResult:
    """Pay a request once.

    Raise UnknownRequest, RequestExpired, RequestDiffers, PayerCapExceeded, UnknownToken,
    InsufficientFunds and what `require_spending` raises.
    """
    ctx.work += limits.WORK_PAY + limits.WORK_REQUEST
    owner = ctx.account.owner
    if is_repeated(state, owner, msg.client_id):
        return LegResult(repeated=True)
    key = schema.compute_request_key(msg.payee, msg.request)
    request = state.find_record(RequestRecord, key)
    if request is None:
        raise errors.UnknownRequest
    if request.expires_ms <= state.time_ms:
        raise errors.RequestExpired
    if msg.token != request.token or request.amount not in (0, msg.amount):
        raise errors.RequestDiffers
    if request.payer_cap and request.get_paid_by(owner) + msg.amount > request.payer_cap:
        raise errors.PayerCapExceeded
    if msg.token not in state.tokens:
        raise errors.UnknownToken(str(msg.token))
    if state.get_free(owner, msg.from_subaccount, msg.token) < msg.amount:
        raise errors.InsufficientFunds
    spending = require_spending(state, ctx, msg.token, msg.amount, msg.payee)

    write_spending(state, spending)
    source = state.get_balance(owner, msg.from_subaccount, msg.token)
    target = state.get_balance(msg.payee, request.subaccount, msg.token)
    state.change_balance(source, -msg.amount, 0)
    state.change_balance(target, msg.amount, 0)
    if request.uses_left == 1:
        release_record(state, key)
    else:
        state.set_record(key, request.note_payment(owner, msg.amount))
    note_payment(state, owner, msg.client_id)
    return LegResult()


def process_close_request(state: WorkingState, ctx: LegContext, msg: CloseRequest) -> LegResult:
    """Take a request back and release its deposit; raise UnknownRequest."""
    ctx.work += limits.WORK_REQUEST
    key = schema.compute_request_key(ctx.account.owner, msg.request)
    if state.find_record(RequestRecord, key) is None:
        raise errors.UnknownRequest

    release_record(state, key)
    return LegResult()
