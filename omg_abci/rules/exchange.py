"""Placing orders (docs/spec/exchange.md#placeorder).

Checks stand in the order of the spec, which is the order of errors. Nothing is written before the
last of them, but for dead orders that a post-only order finds at the head of the book.
"""

from functools import lru_cache
from typing import Final

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import PlaceOrder
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.units import (
    BUY,
    RESTS,
    Amount,
    Ended,
    Height,
    Lots,
    MarketStatus,
    Millis,
    OrderType,
    PostOnly,
    Ticks,
    TimeInForce,
)
from omg_abci.rules.cancels import has_switch_fired
from omg_abci.rules.context import LegContext
from omg_abci.rules.orderbook import (
    Outcome,
    compute_result,
    enter_book,
    get_opposite,
    is_crossing,
    is_fillable,
    remove_dead_heads,
)
from omg_abci.rules.settlement import take_reserve
from omg_abci.rules.triggers import require_trigger
from omg_abci.state.book import Order, Special
from omg_abci.state.objects import Account, Balance, Market
from omg_abci.state.working import WorkingState

_MARKET: Final = int(OrderType.MARKET)
_ICEBERG: Final = int(OrderType.ICEBERG)
_FOK: Final = int(TimeInForce.FOK)
_ACTIVE: Final = int(MarketStatus.ACTIVE)
_AUCTION: Final = int(MarketStatus.AUCTION)
_RESULTS_KEPT: Final = 1 << 14


# --- place --------------------------------------------------------------------------------------


def process_place_order(state: WorkingState, ctx: LegContext, msg: PlaceOrder) -> LegResult:
    """Let an order wait, rest or match; raise the errors of the spec in its order."""
    ctx.work += limits.WORK_PLACE
    # One unpacking of the message: a third of the time of reading its fields one by one.
    # fmt: off
    (number, side, order_type, time_in_force, post_only, price, quantity, expires_ms, client_id,
     subaccount, _, _, expires_height, _, trigger) = msg
    # fmt: on
    account, market = ctx.account, state.markets.get(number)
    if market is None:
        raise errors.UnknownMarket(str(number))
    if client_id in account.orders or client_id in account.ended or account.tombstones:
        known = _get_known(state, account, client_id)
        if known is not None:
            return known
    if account.switch_ms and has_switch_fired(state, account):
        raise errors.SwitchFiring
    apart = False
    if market.status != _ACTIVE or market.is_batch or state.time_ms < state.post_only_until_ms:
        _require_taken(market, msg)
        apart = True
    if expires_ms or expires_height:
        require_expiry(state, expires_ms, expires_height)
    if not market.lots_min <= quantity <= market.lots_max:
        require_quantity(market, quantity)
    if order_type == _ICEBERG:
        require_display(market, msg.display)
    if len(account.orders) >= limits.OPEN_ORDERS_MAX:
        _require_room(market, msg)
    quote, base = quantity * price * market.quote_unit, quantity * market.base_unit
    if quote > limits.AMOUNT_MAX or base > limits.AMOUNT_MAX:
        raise errors.CostOverflow
    token, cost = (market.quote, quote) if side == BUY else (market.base, base)
    give = account.near.get(subaccount << 32 | token if subaccount else token)
    give = give or state.find_own(account, subaccount, token)
    if give is None or give.free < cost:
        raise errors.InsufficientFunds
    order = _make_order(account, market, msg, give)
    # fmt: off
    if ((market.asks.best >= -price if side == BUY else market.bids.best >= price)
            or trigger or post_only or apart or market.band_bp or not RESTS[time_in_force]):
        return _enter(state, ctx, order, msg)
    # fmt: on
    # What meets nothing, as most do, only reserves and rests.
    if give.mark != state.mark:
        state.touch_balance(give)
    give.free -= cost
    give.reserved += cost
    state.rest_order(order)
    return _make_resting(quantity)


@lru_cache(maxsize=_RESULTS_KEPT)
def _make_resting(quantity: Lots) -> LegResult:
    """Return the result of an order that rests whole: few quantities are asked for again and again.

    Looking it up takes a fifth of the time of making it.
    """
    return LegResult(resting=quantity)


def _enter(state: WorkingState, ctx: LegContext, order: Order, msg: PlaceOrder) -> LegResult:
    """Let an order wait, rest for an auction, or meet the book; charge the steps."""
    if msg.trigger:
        return _let_wait(state, ctx, order, msg)
    if order.market.is_batch or order.market.status == _AUCTION:
        return _let_rest(state, ctx, order, msg.max_matches)
    if order.post_only:
        return _enter_post_only(state, ctx, order, msg.max_matches)
    if order.time_in_force == _FOK:
        _require_fillable(state, ctx, order, msg.max_matches)
    out = Outcome()
    result = enter_book(state, order, msg.max_matches, out)
    ctx.work += out.steps * limits.WORK_MATCH
    return result


def _let_wait(state: WorkingState, ctx: LegContext, order: Order, msg: PlaceOrder) -> LegResult:
    """Reserve and wait; the steps of the activation are charged now, when someone is there."""
    require_trigger(order, msg.trigger)

    ctx.work += msg.max_matches * limits.WORK_MATCH
    take_reserve(state, order)
    state.wait_order(order)
    return LegResult(waiting=True)


def _let_rest(state: WorkingState, ctx: LegContext, order: Order, steps_max: int) -> LegResult:
    """Reserve and rest for an auction; a step for it, and one to take an immediate order out."""
    steps = 1 if RESTS[order.time_in_force] else 2
    ctx.work += min(steps, steps_max) * limits.WORK_MATCH
    take_reserve(state, order)
    state.rest_order(order)
    return LegResult(resting=order.remaining)


def _enter_post_only(
    state: WorkingState, ctx: LegContext, order: Order, steps_max: int
) -> LegResult:
    """Let an order rest where it does not take; raise PostOnlyWouldCross, SlideOutOfRange."""
    out = Outcome()
    price = order.price
    try:
        if not clear_dead(state, ctx, order, steps_max, out):
            state.remember_ended(order, Ended.MATCH_LIMIT)
            return compute_result(order, out, Ended.MATCH_LIMIT, 0)
        order.price = compute_post_only_price(order, order.post_only)
        require_cost(order.market, order.price, order.remaining)
    except errors.LegError as refusal:
        return refuse_cleared(refusal, out)

    result = enter_book(state, order, steps_max, out)
    return result if order.price == price else result._replace(price=order.price)


def _require_fillable(state: WorkingState, ctx: LegContext, order: Order, steps_max: int) -> None:
    fillable, steps = is_fillable(state, order, steps_max)
    if not fillable:
        ctx.work += steps * limits.WORK_MATCH
        raise errors.FillOrKillUnfilled


def _get_known(state: WorkingState, account: Account, client_id: int) -> LegResult | None:
    """Return what became of the first order with this client id; raise if it was cancelled."""
    if account.tombstones.get(client_id, 0) > state.time_ms:
        raise errors.CancelledBeforePlaced
    order = account.orders.get(client_id)
    if order is not None:
        return LegResult(
            filled=order.filled,
            resting=order.remaining,
            repeated=True,
            waiting=order.is_waiting,
        )
    ended = account.get_ended(client_id)
    if ended is not None and ended.until_ms > state.time_ms:
        return LegResult(filled=ended.filled, ended=ended.ended, repeated=True)
    return None


def _make_order(account: Account, market: Market, msg: PlaceOrder, give: Balance) -> Order:
    order = Order()
    # One unpacking of the message: a third of the time of reading its fields one by one.
    (
        _,
        order.side,
        order.order_type,
        order.time_in_force,
        order.post_only,
        order.price,
        order.remaining,
        order.expires_ms,
        order.client_id,
        order.subaccount,
        order.self_trade,
        matches,
        expires_height,
        display,
        trigger,
    ) = msg
    order.account = account
    order.market = market
    order.filled = 0
    order.priority = 0
    order.special = None
    if order.order_type > _MARKET or expires_height:
        order.special = Special(display, 0, trigger, expires_height, matches if trigger else 0)
    order.level = None
    order.owner_list = None
    order.stored = None
    order.give = give
    order.take = None
    return order


# --- checks of a market -------------------------------------------------------------------------


def require_open(market: Market) -> None:
    """Raise what keeps orders from being placed and amended: only cancels are taken then."""
    status = market.status
    if status == MarketStatus.CANCEL_ONLY:
        raise errors.MarketCancelOnly
    if status == MarketStatus.DELISTING:
        raise errors.MarketDelisting
    if status == MarketStatus.UNCROSSING:
        raise errors.MarketUncrossing


def _require_taken(market: Market, msg: PlaceOrder) -> None:
    """Raise what the market's status, its mode or the post-only period has against an order."""
    require_open(market)
    if msg.trigger:  # the format has one for what waits, and for nothing else
        return
    if market.status == _AUCTION:
        if not RESTS[msg.time_in_force]:
            raise errors.MarketInAuction
        if msg.post_only:
            raise errors.PostOnlyInAuction
    elif market.is_batch:
        if msg.post_only:
            raise errors.PostOnlyInBatch
    elif not msg.post_only:
        raise errors.PostOnlyPeriod


def _require_room(market: Market, msg: PlaceOrder) -> None:
    """Raise TooManyOpenOrders where the order of a full account could be open after the leg."""
    if msg.trigger or market.is_batch or RESTS[msg.time_in_force]:
        raise errors.TooManyOpenOrders


# --- checks that placing and amending share -----------------------------------------------------


def require_expiry(state: WorkingState, expires_ms: Millis, expires_height: Height) -> None:
    """Raise OrderExpired, ExpiryTooFar, ExpiryHeightPassed, ExpiryHeightTooFar; 0: no expiry."""
    if expires_ms:
        if expires_ms <= state.time_ms:
            raise errors.OrderExpired
        if expires_ms > state.time_ms + limits.EXPIRY_AHEAD_MAX_MS:
            raise errors.ExpiryTooFar
    if expires_height:
        if expires_height < state.height:
            raise errors.ExpiryHeightPassed
        if expires_height > state.height + limits.EXPIRY_HEIGHTS_MAX:
            raise errors.ExpiryHeightTooFar


def require_quantity(market: Market, quantity: Lots) -> None:
    """Raise QuantityBelowMinimum, QuantityAboveMaximum."""
    if quantity < market.lots_min:
        raise errors.QuantityBelowMinimum(f"{quantity}, minimum {market.lots_min}")
    if quantity > market.lots_max:
        raise errors.QuantityAboveMaximum(f"{quantity}, maximum {market.lots_max}")


def require_display(market: Market, display: Lots) -> None:
    """Raise DisplayBelowMinimum."""
    if display < market.lots_min:
        raise errors.DisplayBelowMinimum(f"{display}, minimum {market.lots_min}")


def require_cost(market: Market, price: Ticks, quantity: Lots) -> Amount:
    """Return the quote that an order is worth; raise CostOverflow where an amount is too great."""
    quote = quantity * price * market.quote_unit
    if quote > limits.AMOUNT_MAX or quantity * market.base_unit > limits.AMOUNT_MAX:
        raise errors.CostOverflow
    return quote


# --- post-only ----------------------------------------------------------------------------------


def clear_dead(
    state: WorkingState, ctx: LegContext, order: Order, steps_max: int, out: Outcome
) -> bool:
    """Remove dead orders that a post-only order reaches; False when the steps ran out."""
    cleared = remove_dead_heads(state, order, steps_max, out)
    ctx.work += out.steps * limits.WORK_MATCH
    return cleared


def compute_post_only_price(order: Order, post_only: int) -> Ticks:
    """Return the price at which an order takes nothing, its own where that will do.

    Dead orders have been cleared. Raise PostOnlyWouldCross, SlideOutOfRange.
    """
    best = get_opposite(order).get_best()
    if best is None or not is_crossing(order, best):
        return order.price
    if post_only != PostOnly.SLIDE:
        raise errors.PostOnlyWouldCross
    price = best.price - 1 if order.side == BUY else best.price + 1
    if not 1 <= price <= limits.PRICE_TICKS_MAX:
        raise errors.SlideOutOfRange
    return price


def refuse_cleared(refusal: errors.LegError, out: Outcome) -> LegResult:
    """Answer a refusal with the dead orders that were removed before it and stay removed."""
    return LegResult(code=refusal.code, removals=out.removals)
