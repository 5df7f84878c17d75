"""Placing and amending orders, written the plainest way: docs/spec/exchange.md, check by check.

A refused leg raises `Refused` and has changed nothing but the dead orders that a post-only check
removed.
"""

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import AmendOrder, PlaceOrder
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.units import Ended, MarketStatus, OrderType, PostOnly, Side, TimeInForce
from tests.model_book import (
    IMMEDIATE_TIFS,
    Taker,
    close_order,
    find_remembered,
    finish_order,
    list_crossing,
    match_order,
    open_order,
    preview_fill,
    remove_dead_heads,
)
from tests.model_state import Market, Order, Refused, State

_TRIGGERED = (OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT)
_CLOSED_TO_ORDERS = {
    MarketStatus.CANCEL_ONLY: errors.MarketCancelOnly,
    MarketStatus.DELISTING: errors.MarketDelisting,
    MarketStatus.UNCROSSING: errors.MarketUncrossing,
}


# --- placing ----------------------------------------------------------------------------------


def place_order(state: State, owner: bytes, leg: PlaceOrder) -> tuple[LegResult, int]:
    """Place an order, or answer what became of the first with its client id."""
    if leg.market not in state.markets:
        raise Refused(errors.UnknownMarket)
    if state.tombstones.get((owner, leg.client_id), 0) > state.now:
        raise Refused(errors.CancelledBeforePlaced)
    first = find_first(state, owner, leg.client_id)
    if first is not None:
        return first, 0
    if 0 < state.switches.get(owner, 0) <= state.now:
        raise Refused(errors.SwitchFiring)
    market = state.markets[leg.market]
    require_taking_orders(market)
    waits = leg.order_type in _TRIGGERED
    if not waits:
        require_status(state, market, leg)
    require_expiry(state, leg.expires_ms, leg.expires_height)
    require_lots(market, leg.quantity)
    if leg.order_type == OrderType.ICEBERG and leg.display < market.lots_min:
        raise Refused(errors.DisplayBelowMinimum)
    could_be_open = leg.time_in_force not in IMMEDIATE_TIFS or waits or market.is_batch
    if could_be_open and len(state.list_owned(owner)) >= limits.OPEN_ORDERS_MAX:
        raise Refused(errors.TooManyOpenOrders)
    order = make_order(owner, leg)
    require_cost(state, order)
    key, amount = state.compute_reserve(order)
    if state.get_free(key) < amount:
        raise Refused(errors.InsufficientFunds)
    if waits:
        if is_reached(market, order):
            raise Refused(errors.TriggerOnWrongSide)
        open_order(state, order)
        return LegResult(waiting=True), leg.max_matches
    if not market.is_matching:
        open_order(state, order)
        steps = 2 if leg.time_in_force in IMMEDIATE_TIFS else 1
        return LegResult(resting=order.quantity), min(steps, leg.max_matches)
    return take_and_rest(state, Taker(order, leg.max_matches))


def find_first(state: State, owner: bytes, client_id: int) -> LegResult | None:
    """Return what has become of the first order with a client id, None for a new one."""
    first = state.orders.get((owner, client_id))
    if first is not None:
        waiting = first.trigger > 0
        return LegResult(
            repeated=True, filled=first.filled, resting=first.remaining, waiting=waiting
        )
    row = find_remembered(state, owner, client_id)
    if row is not None:
        return LegResult(repeated=True, filled=row.filled, ended=row.ended)
    return None


def make_order(owner: bytes, leg: PlaceOrder) -> Order:
    """Return the order that a leg describes."""
    return Order(
        owner,
        leg.client_id,
        leg.market,
        leg.side,
        leg.order_type,
        leg.time_in_force,
        leg.post_only,
        leg.self_trade,
        leg.subaccount,
        leg.price,
        leg.quantity,
        filled=0,
        priority=0,
        expires_ms=leg.expires_ms,
        expires_height=leg.expires_height,
        display=leg.display,
        tip=0,
        trigger=leg.trigger,
        max_matches=leg.max_matches if leg.trigger else 0,
    )


def take_and_rest(state: State, taker: Taker) -> tuple[LegResult, int]:
    """Do what a continuous market does with a new order."""
    order = taker.order
    if order.post_only and stop_at_cross(state, taker):
        taker.ended = Ended.MATCH_LIMIT
    if order.time_in_force == TimeInForce.FOK:
        succeeds, steps = preview_fill(state, taker)
        if not succeeds:
            raise Refused(errors.FillOrKillUnfilled, steps)
    if not taker.ended:
        match_order(state, taker)
    finish_order(state, taker)
    return taker.report()


# --- what an order must satisfy ---------------------------------------------------------------


def require_taking_orders(market: Market) -> None:
    """Raise Refused in a market where orders can only be cancelled."""
    if market.status in _CLOSED_TO_ORDERS:
        raise Refused(_CLOSED_TO_ORDERS[MarketStatus(market.status)])


def require_status(state: State, market: Market, leg: PlaceOrder) -> None:
    """Raise Refused when the market does not take such an order now."""
    if market.status == MarketStatus.AUCTION:
        if leg.time_in_force in IMMEDIATE_TIFS:
            raise Refused(errors.MarketInAuction)
        if leg.post_only:
            raise Refused(errors.PostOnlyInAuction)
    elif market.is_batch:
        if leg.post_only:
            raise Refused(errors.PostOnlyInBatch)
    elif state.now < state.post_only_until and not leg.post_only:
        raise Refused(errors.PostOnlyPeriod)


def require_expiry(state: State, expires_ms: int, expires_height: int) -> None:
    """Raise Refused unless what is given of the expiries is ahead, and not too far."""
    if expires_ms and expires_ms <= state.now:
        raise Refused(errors.OrderExpired)
    if expires_ms > state.now + limits.EXPIRY_AHEAD_MAX_MS:
        raise Refused(errors.ExpiryTooFar)
    if expires_height and expires_height < state.height:
        raise Refused(errors.ExpiryHeightPassed)
    if expires_height > state.height + limits.EXPIRY_HEIGHTS_MAX:
        raise Refused(errors.ExpiryHeightTooFar)


def require_lots(market: Market, quantity: int) -> None:
    """Raise Refused unless the quantity is within the market's bounds."""
    if quantity < market.lots_min:
        raise Refused(errors.QuantityBelowMinimum)
    if quantity > market.lots_max:
        raise Refused(errors.QuantityAboveMaximum)


def require_cost(state: State, order: Order, taker: Taker | None = None) -> None:
    """Raise Refused unless both amounts of the whole quantity fit into a balance."""
    market = state.markets[order.market]
    cost = order.quantity * order.price * market.quote_unit
    if max(cost, order.quantity * market.base_unit) > limits.AMOUNT_MAX:
        done = (taker.steps, tuple(taker.removals)) if taker else (0, ())
        raise Refused(errors.CostOverflow, *done)


def is_rising(order: Order) -> bool:
    """Tell whether a waiting order is triggered from below."""
    return (order.order_type == OrderType.STOP_LIMIT) == (order.side == Side.BUY)


def is_reached(market: Market, order: Order) -> bool:
    """Tell whether the prices traded have reached a waiting order's trigger."""
    if market.high == 0:
        return False
    return order.trigger <= market.high if is_rising(order) else order.trigger >= market.low


def stop_at_cross(state: State, taker: Taker) -> bool:
    """Reject or slide a post-only order that would trade; return True if steps ran out before."""
    remove_dead_heads(state, taker)
    crossing = list_crossing(state, taker.order)
    if not crossing or state.find_death(crossing[0]):
        return bool(crossing)
    done = taker.steps, tuple(taker.removals)
    if taker.order.post_only == PostOnly.REJECT:
        raise Refused(errors.PostOnlyWouldCross, *done)
    price = crossing[0].price + (-1 if taker.order.side == Side.BUY else 1)
    if not 1 <= price <= limits.PRICE_TICKS_MAX:
        raise Refused(errors.SlideOutOfRange, *done)
    taker.order, taker.slid_to = taker.order._replace(price=price), price
    require_cost(state, taker.order, taker)
    return False


# --- amending ---------------------------------------------------------------------------------


def amend_order(state: State, owner: bytes, leg: AmendOrder) -> tuple[LegResult, int]:
    """Change an open order, in its place unless its price changes or it grows."""
    order = state.orders.get((owner, leg.client_id))
    if order is None:
        known = find_remembered(state, owner, leg.client_id) is not None
        raise Refused(errors.OrderClosed if known else errors.UnknownOrder)
    if state.find_death(order):
        raise Refused(errors.OrderExpired)
    market = state.markets[order.market]
    require_taking_orders(market)
    amended = amend_terms(state, order, leg)
    if amended.quantity <= order.filled:
        raise Refused(errors.AmendBelowFilled)
    if leg.quantity:
        require_lots(market, leg.quantity)
    require_cost(state, amended)
    may_be_late = market.is_matching and state.now < state.post_only_until
    if is_moving(order, amended) and may_be_late and not amended.post_only:
        raise Refused(errors.PostOnlyPeriod)
    taker = Taker(amended, leg.max_matches)
    approaches = amended.price != order.price and not order.trigger and market.is_matching
    if approaches and amended.post_only and stop_at_cross(state, taker):
        taker.ended = Ended.MATCH_LIMIT
        close_order(state, order, Ended.MATCH_LIMIT)
        return taker.report()
    amended = taker.order
    key, has = state.compute_reserve(order)
    _, needs = state.compute_reserve(amended)
    if needs - has > state.get_free(key):
        raise Refused(errors.InsufficientFunds, taker.steps, tuple(taker.removals))
    state.add_free(key, has)
    if not is_moving(order, amended):
        state.add_free(key, -needs)
        return keep_place(state, taker)
    del state.orders[order.key]
    if market.is_matching:
        match_order(state, taker)
        finish_order(state, taker)
    else:
        open_order(state, amended)
        taker.resting = amended.remaining
    return taker.report()


def is_moving(order: Order, amended: Order) -> bool:
    """Tell whether an amendment costs the order its place."""
    better = amended.price != order.price or amended.quantity > order.quantity
    return better and not order.trigger


def keep_place(state: State, taker: Taker) -> tuple[LegResult, int]:
    """Write the amended order where the old one was."""
    order = taker.order
    tip = min(order.tip, order.display, order.remaining)
    state.orders[order.key] = order._replace(tip=tip)
    result, steps = taker.report()
    if order.trigger:
        return result._replace(waiting=True), steps
    return result._replace(resting=order.remaining, kept_place=True), steps


def amend_terms(state: State, order: Order, leg: AmendOrder) -> Order:
    """Return the order as the leg has it; raise Refused for what does not go with the order."""
    amended = order._replace(
        price=leg.price or order.price,
        quantity=leg.quantity or order.quantity,
        display=leg.display or order.display,
        trigger=leg.trigger or order.trigger,
        self_trade=leg.self_trade or order.self_trade,
        expires_ms=leg.expires_ms or order.expires_ms,
        expires_height=leg.expires_height or order.expires_height,
    )
    if leg.time_in_force:
        if order.time_in_force in IMMEDIATE_TIFS:
            raise Refused(errors.AmendTimeInForceNotAllowed)
        amended = amended._replace(
            time_in_force=leg.time_in_force,
            expires_ms=leg.expires_ms,
            expires_height=leg.expires_height,
        )
    elif leg.expires_ms and order.time_in_force != TimeInForce.GTT:
        raise Refused(errors.AmendExpiryNotAllowed)
    elif leg.expires_height and order.time_in_force != TimeInForce.GTH:
        raise Refused(errors.AmendHeightNotAllowed)
    require_expiry(state, leg.expires_ms, leg.expires_height)
    market = state.markets[order.market]
    if leg.display:
        if order.order_type != OrderType.ICEBERG:
            raise Refused(errors.AmendDisplayNotAllowed)
        if leg.display < market.lots_min:
            raise Refused(errors.DisplayBelowMinimum)
    if leg.trigger:
        if not order.trigger:
            raise Refused(errors.AmendTriggerNotAllowed)
        if is_reached(market, amended):
            raise Refused(errors.TriggerOnWrongSide)
    if leg.post_only:
        if order.trigger or order.time_in_force in IMMEDIATE_TIFS:
            raise Refused(errors.AmendPostOnlyNotAllowed)
        if leg.post_only != PostOnly.OFF and market.is_batch:
            raise Refused(errors.PostOnlyInBatch)
        off = leg.post_only == PostOnly.OFF
        amended = amended._replace(post_only=PostOnly.NONE if off else leg.post_only)
    return amended
