"""Payment requests written the plainest way, see docs/spec/payments.md."""

from typing import NamedTuple

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import CloseRequest, CreatePaymentRequest, PayRequest
from omg_abci.protocol.results import LegResult
from tests.model_payments import remember, spend
from tests.model_records import Request
from tests.model_sponsors import lock_deposit
from tests.model_state import Refused, State


class Asked(NamedTuple):
    """A request that a leg names."""

    key: tuple[bytes, int]
    request: Request


def create_request(state: State, owner: bytes, leg: CreatePaymentRequest) -> LegResult:
    """Lock the deposit and open a request."""
    if (owner, leg.request) in state.requests:
        raise Refused(errors.RequestExists)
    if leg.token not in state.tokens:
        raise Refused(errors.UnknownToken)
    if not state.now < leg.expires_ms <= state.now + limits.REQUEST_AHEAD_MAX_MS:
        raise Refused(errors.RequestExpiryOutOfRange)
    deposit = (state.market_bond + limits.RECORDS_PER_BOND - 1) // limits.RECORDS_PER_BOND
    depositor = lock_deposit(state, owner, deposit)
    state.requests[owner, leg.request] = Request(
        leg.token,
        leg.amount,
        leg.expires_ms,
        leg.max_uses,
        leg.payer_cap,
        leg.to_subaccount,
        deposit,
        depositor,
        (),
    )
    return LegResult()


def find(state: State, payee: bytes, number: int) -> Asked:
    """Return a request; raise Refused when there is none."""
    key = (payee, number)
    if key not in state.requests:
        raise Refused(errors.UnknownRequest)
    return Asked(key, state.requests[key])


def pay_request(state: State, owner: bytes, agent: bytes | None, leg: PayRequest) -> LegResult:
    """Pay what is asked for, unless the payment's id is known."""
    if leg.client_id and state.payments.get((owner, leg.client_id), 0) > state.now:
        return LegResult(repeated=True)
    key, request = find(state, leg.payee, leg.request)
    if request.expires_ms <= state.now:
        raise Refused(errors.RequestExpired)
    if leg.token != request.token or (request.amount and leg.amount != request.amount):
        raise Refused(errors.RequestDiffers)
    before = sum(amount for payer, amount in request.payments if payer == owner)
    if request.payer_cap and before + leg.amount > request.payer_cap:
        raise Refused(errors.PayerCapExceeded)
    if leg.token not in state.tokens:
        raise Refused(errors.UnknownToken)
    payer = (owner, leg.from_subaccount, leg.token)
    if state.get_free(payer) < leg.amount:
        raise Refused(errors.InsufficientFunds)
    spend(state, owner, agent, leg.token, leg.amount, leg.payee)
    state.add_free(payer, -leg.amount)
    state.add_free((leg.payee, request.subaccount, leg.token), leg.amount)
    request = request._replace(payments=(*request.payments, (owner, leg.amount)))
    state.requests[key] = request
    if len(request.payments) == request.max_uses:
        close(state, Asked(key, request))
    if leg.client_id:
        remember(state, (owner, leg.client_id))
    return LegResult()


def close_request(state: State, owner: bytes, leg: CloseRequest) -> LegResult:
    """Take a request back."""
    close(state, find(state, owner, leg.request))
    return LegResult()


def close(state: State, asked: Asked) -> None:
    """Forget a request and give its deposit back."""
    del state.requests[asked.key]
    state.add_free((asked.request.depositor, 0, state.fee_token), asked.request.deposit)
