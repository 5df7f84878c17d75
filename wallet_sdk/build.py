"""Messages, bodies and signed transactions from what a trader says: one function a message.

Pure: no clock, no network, no key store; the caller gives nonce and secret. Everything that is
returned has passed the protocol's own checks, so what a node could refuse for its form is refused
here, with the same error and code.
"""

from collections.abc import Sequence
from typing import Final

from omg_abci.protocol.limits import (
    AMOUNT_MAX,
    AUCTION_DEFAULT_MS,
    CANCEL_ALL_MAX,
    MATCHES_DEFAULT,
    QUANTITY_LOTS_MAX,
)
from omg_abci.protocol.messages import (
    AmendOrder,
    ApproveAgent,
    Burn,
    CancelAll,
    CancelOrder,
    ChangeMarket,
    CloseToken,
    CreateMarket,
    CreateToken,
    Message,
    Mint,
    Pay,
    PlaceOrder,
    RevokeAgent,
    SetAllowance,
    SetSwitch,
    Transfer,
    TxBody,
)
from omg_abci.protocol.signing import Domain
from omg_abci.protocol.tx import sign_tx
from omg_abci.protocol.units import (
    Address,
    Amount,
    Height,
    Lots,
    MarketAction,
    MarketId,
    MarketMode,
    Millis,
    Nonce,
    OrderType,
    PostOnly,
    Scheme,
    Scope,
    SelfTrade,
    Side,
    Ticks,
    TimeInForce,
    TokenId,
)

BOTH_SIDES: Final = 0
EVERY_MARKET: Final = 0


def transfer(
    to: Address,
    token: TokenId,
    amount: Amount,
    *,
    from_subaccount: int = 0,
    to_subaccount: int = 0,
) -> Transfer:
    """Move smallest units of a token to an account; raise as `Transfer.check`."""
    message = Transfer(to, token, amount, from_subaccount, to_subaccount)
    message.check()
    return message


def pay(
    to: Address,
    token: TokenId,
    amount: Amount,
    *,
    memo: bytes = b"",
    client_id: int = 0,
    from_subaccount: int = 0,
    to_subaccount: int = 0,
) -> Pay:
    """Transfer with a memo; with a client id it is done once. Raise as `Pay.check`."""
    message = Pay(to, token, amount, from_subaccount, to_subaccount, client_id, memo)
    message.check()
    return message


def place_order(
    market: MarketId,
    side: Side,
    quantity: Lots,
    price: Ticks,
    *,
    client_id: int,
    order_type: OrderType = OrderType.LIMIT,
    time_in_force: TimeInForce | None = None,
    post_only: PostOnly | bool = PostOnly.NONE,
    expires_ms: Millis = 0,
    expires_height: Height = 0,
    display: Lots = 0,
    trigger: Ticks = 0,
    subaccount: int = 0,
    self_trade: SelfTrade = SelfTrade.CANCEL_NEWEST,
    max_matches: int = MATCHES_DEFAULT,
) -> PlaceOrder:
    """Put an order into a book; the price of a market order is the worst that it accepts.

    Without a time in force a market order is immediate or cancel, an order with an expiry is
    good till that time or height, and any other is good till cancelled. Post-only given as true
    refuses an order that would take. An iceberg order needs `display`, a stop-limit or
    take-profit order `trigger`. Raise as `PlaceOrder.check`.
    """
    message = PlaceOrder(
        market,
        side,
        order_type,
        time_in_force or _choose_time_in_force(order_type, expires_ms, expires_height),
        int(post_only),
        price,
        quantity,
        expires_ms,
        client_id,
        subaccount,
        self_trade,
        max_matches,
        expires_height,
        display,
        trigger,
    )
    message.check()
    return message


def _choose_time_in_force(
    order_type: OrderType, expires_ms: Millis, expires_height: Height
) -> TimeInForce:
    if order_type == OrderType.MARKET:
        return TimeInForce.IOC
    if expires_ms:
        return TimeInForce.GTT
    return TimeInForce.GTH if expires_height else TimeInForce.GTC


def amend_order(
    client_id: int,
    *,
    price: Ticks = 0,
    quantity: Lots = 0,
    expires_ms: Millis = 0,
    expires_height: Height = 0,
    display: Lots = 0,
    trigger: Ticks = 0,
    time_in_force: TimeInForce | None = None,
    post_only: PostOnly = PostOnly.NONE,
    self_trade: SelfTrade | None = None,
    max_matches: int = MATCHES_DEFAULT,
) -> AmendOrder:
    """Change an open order; what is not given stays as it is; raise as `AmendOrder.check`.

    The quantity is the new total, with what is filled. `PostOnly.OFF` takes post-only off. A new
    time in force comes with its expiry.
    """
    message = AmendOrder(
        client_id,
        price,
        quantity,
        expires_ms,
        max_matches,
        expires_height,
        display,
        trigger,
        time_in_force or 0,
        post_only,
        self_trade or 0,
    )
    message.check()
    return message


def cancel_order(client_id: int) -> CancelOrder:
    """Take an order out of its book; raise BadClientId."""
    message = CancelOrder(client_id)
    message.check()
    return message


def cancel_all(
    *,
    market: MarketId = EVERY_MARKET,
    side: Side | None = None,
    max_orders: int = CANCEL_ALL_MAX,
) -> CancelAll:
    """Take all orders out of one book or all books; raise as `CancelAll.check`."""
    message = CancelAll(market, BOTH_SIDES if side is None else side, max_orders)
    message.check()
    return message


def set_switch(at_ms: Millis) -> SetSwitch:
    """Let the chain cancel all of the owner's orders at a time, unless it is moved; 0 is off."""
    message = SetSwitch(at_ms)
    message.check()
    return message


def create_market(
    base: TokenId,
    quote: TokenId,
    *,
    base_unit: Amount,
    quote_unit: Amount,
    lots_min: Lots = 1,
    lots_max: Lots = QUANTITY_LOTS_MAX,
    mode: MarketMode = MarketMode.CONTINUOUS,
    band_bp: int = 0,
    auction_ms: Millis = AUCTION_DEFAULT_MS,
) -> CreateMarket:
    """Open a market; raise as `CreateMarket.check`.

    A lot is `base_unit` smallest units of base and costs `quote_unit` smallest units of quote at
    a price of one tick. The band is in basis points; without one, prices are free.
    """
    message = CreateMarket(
        base, quote, base_unit, quote_unit, lots_min, lots_max, mode, band_bp, auction_ms
    )
    message.check()
    return message


def change_market(market: MarketId, action: MarketAction) -> ChangeMarket:
    """Stop, resume or delist a market of one's own; raise as `ChangeMarket.check`."""
    message = ChangeMarket(market, action)
    message.check()
    return message


def approve_agent(
    agent: Address, expires_ms: Millis, *, scope: Scope = Scope.TRADE
) -> ApproveAgent:
    """Let another key sign for the owner until a time; raise as `ApproveAgent.check`."""
    message = ApproveAgent(agent, scope, expires_ms)
    message.check()
    return message


def revoke_agent(agent: Address) -> RevokeAgent:
    """Take an agent's approval back; raise BadAddress."""
    message = RevokeAgent(agent)
    message.check()
    return message


def create_token(
    symbol: str,
    decimals: int,
    *,
    supply: Amount = 0,
    cap: Amount | None = None,
    mintable: bool | None = None,
    burnable: bool = True,
) -> CreateToken:
    """Make a token of one's own; raise as `CreateToken.check`.

    Without a cap it is the supply, and as much as an amount can say when there is no supply yet.
    A token of which less than its cap is made at once can be minted.
    """
    if cap is None:
        cap = supply or AMOUNT_MAX
    message = CreateToken(
        symbol, decimals, supply < cap if mintable is None else mintable, burnable, supply, cap
    )
    message.check()
    return message


def mint(token: TokenId, amount: Amount, to: Address, *, to_subaccount: int = 0) -> Mint:
    """Make more of a token of one's own, for an account; raise as `Mint.check`."""
    message = Mint(token, amount, to, to_subaccount)
    message.check()
    return message


def burn(token: TokenId, amount: Amount, *, from_subaccount: int = 0) -> Burn:
    """Destroy what one has of a token; raise as `Burn.check`."""
    message = Burn(token, amount, from_subaccount)
    message.check()
    return message


def close_token(token: TokenId) -> CloseToken:
    """End a token of one's own of which nothing is left; raise BadToken."""
    message = CloseToken(token)
    message.check()
    return message


def set_allowance(
    agent: Address, token: TokenId, total: Amount, *, daily: Amount | None = None
) -> SetAllowance:
    """Bound what an agent may pay of a token, in all and a day; raise as `SetAllowance.check`.

    Without a daily bound all of it may be paid in one day; a total of 0 takes the allowance back.
    """
    message = SetAllowance(agent, token, total, total if daily is None else daily)
    message.check()
    return message


# --- bodies -----------------------------------------------------------------------------------


def choose_scheme(owner: Address, signer: Address, *, is_own_key: bool = False) -> Scheme:
    """Return typed for the owner's own key, raw for an agent's.

    `is_own_key` says that guardians gave the signer's key to the owner's account.
    """
    return Scheme.TYPED if is_own_key or signer == owner else Scheme.RAW


def build_body(
    chain_id: str,
    owner: Address,
    legs: Sequence[Message],
    *,
    nonce: Nonce,
    max_unit_price: int,
    signer: Address | None = None,
    is_own_key: bool = False,
    after: Nonce = 0,
    valid_until_ms: Millis = 0,
    valid_until_height: Height = 0,
    atomic: bool = False,
) -> TxBody:
    """Return what is signed; raise the format errors of its fields, as `TxBody.check`.

    `nonce` is the time in ms, or a little more so that the signer never uses it twice. The signer
    is the owner unless given. Without a validity it ends two days after the nonce.
    """
    body = TxBody(
        chain_id,
        owner,
        nonce,
        after,
        valid_until_ms,
        valid_until_height,
        atomic,
        max_unit_price,
        tuple(legs),
    )
    signer = signer or owner
    body.check(signer, choose_scheme(owner, signer, is_own_key=is_own_key))
    return body


def sign(
    domain: Domain, body: TxBody, signer: Address, secret: bytes, *, is_own_key: bool = False
) -> bytes:
    """Return the bytes to submit: typed by the owner's key, raw by an agent's.

    `secret` is the signer's key, 32 bytes; `is_own_key` as that of `choose_scheme`. Raise the
    format errors of the body's fields.
    """
    scheme = choose_scheme(body.owner, signer, is_own_key=is_own_key)
    return sign_tx(domain, body, signer, secret, scheme)
