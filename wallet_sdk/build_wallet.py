"""Messages of wallets and of those who are paid: one function a message, as in `build`."""

from collections.abc import Sequence

from omg_abci.protocol.limits import MATCHES_DEFAULT
from omg_abci.protocol.messages import (
    CloseRequest,
    CreatePaymentRequest,
    Message,
    Pay,
    PayRequest,
    PlaceOrder,
    SetFeeOffer,
    SetLimits,
    SetRecipients,
    SetSponsorship,
    UseFeeOffer,
    UseSponsorship,
)
from omg_abci.protocol.units import (
    Address,
    Amount,
    Lots,
    MarketId,
    Millis,
    OrderType,
    PostOnly,
    SelfTrade,
    Side,
    Ticks,
    TimeInForce,
    TokenId,
)


def create_payment_request(
    request: int,
    token: TokenId,
    amount: Amount,
    expires_ms: Millis,
    *,
    max_uses: int = 1,
    payer_cap: Amount = 0,
    to_subaccount: int = 0,
    memo: bytes = b"",
) -> CreatePaymentRequest:
    """Ask to be paid once, or more often; raise as `CreatePaymentRequest.check`.

    An amount of 0 lets the payer decide; a cap of 0 takes any sum of one payer.
    """
    message = CreatePaymentRequest(
        request, token, amount, expires_ms, max_uses, payer_cap, to_subaccount, memo
    )
    message.check()
    return message


def pay_request(
    payee: Address,
    request: int,
    token: TokenId,
    amount: Amount,
    *,
    from_subaccount: int = 0,
    client_id: int = 0,
) -> PayRequest:
    """Pay what somebody asked for; with a client id it is done once. Raise as the check."""
    message = PayRequest(payee, request, token, amount, from_subaccount, client_id)
    message.check()
    return message


def close_request(request: int) -> CloseRequest:
    """Take a request of one's own back; raise BadRequestId."""
    message = CloseRequest(request)
    message.check()
    return message


def set_limits(token: TokenId, daily: Amount) -> SetLimits:
    """Bound what one's account pays of a token in a day; 0 lifts the bound. Raise as the check."""
    message = SetLimits(token, daily)
    message.check()
    return message


def set_recipients(recipients: Sequence[Address]) -> SetRecipients:
    """Bound whom one's account pays, named in any order; nobody lifts it. Raise as the check."""
    message = SetRecipients(tuple(sorted(recipients)))
    message.check()
    return message


def set_sponsorship(customer: Address, total: Amount, expires_ms: Millis) -> SetSponsorship:
    """Pay a customer's fees up to a sum until a time; a total and a time of 0 end it."""
    message = SetSponsorship(customer, total, expires_ms)
    message.check()
    return message


def use_sponsorship(sponsor: Address) -> UseSponsorship:
    """Let a sponsor pay the fee of a transaction, whose first leg this is; raise BadAddress."""
    message = UseSponsorship(sponsor)
    message.check()
    return message


def set_fee_offer(
    token: TokenId, tokens: int, per: int, total: Amount, expires_ms: Millis
) -> SetFeeOffer:
    """Pay fees up to a sum until a time, each for fee × tokens / per of a token, rounded up.

    All but the token 0 end it. Raise as the check.
    """
    message = SetFeeOffer(token, tokens, per, total, expires_ms)
    message.check()
    return message


def use_fee_offer(provider: Address, token: TokenId, max_amount: Amount) -> UseFeeOffer:
    """Pay the fee of a transaction, whose first leg this is, in another token at a worst price.

    Only the account's own key may sign it. Raise as the check.
    """
    message = UseFeeOffer(provider, token, max_amount)
    message.check()
    return message


def pay_with_another_token(
    payment: Pay | PayRequest,
    market: MarketId,
    side: Side,
    quantity: Lots,
    worst_price: Ticks,
    *,
    client_id: int,
    max_matches: int = MATCHES_DEFAULT,
) -> tuple[Message, Message]:
    """Return the legs that get a token through the book and pay with it; raise as their checks.

    They belong into one atomic transaction: it pays at the signed worst price or better, or does
    nothing but pay its fee. The order buys or sells so many lots at once and in full.
    """
    swap = PlaceOrder(
        market,
        side,
        OrderType.MARKET,
        TimeInForce.FOK,
        PostOnly.NONE,
        worst_price,
        quantity,
        0,
        client_id,
        payment.from_subaccount,
        SelfTrade.CANCEL_NEWEST,
        max_matches,
    )
    swap.check()
    payment.check()
    return swap, payment
