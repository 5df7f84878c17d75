"""Orders: place, amend, cancel, expire (docs/spec/exchange.md)."""

from heapq import heappop, heappush
from typing import Final

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import AmendOrder, CancelAll, CancelOrder, PlaceOrder
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.units import BUY, Address, Ended, Lots, Millis, Ticks, TimeInForce
from omg_abci.rules.context import LegContext
from omg_abci.rules.orderbook import (
    Outcome,
    get_opposite,
    is_crossing,
    is_dead,
    is_fillable,
    match_order,
    remove_dead_heads,
    remove_resting,
)
from omg_abci.rules.settlement import compute_reserve, release_reserve, take_reserve
from omg_abci.state.book import Order
from omg_abci.state.objects import Account, Market
from omg_abci.state.working import WorkingState

_FOK: Final = int(TimeInForce.FOK)
_LAST_RESTING: Final = int(TimeInForce.GTT)
"""GTC and GTT orders may rest; IOC and FOK have the greater numbers."""
_OPEN: Final = Ended.OPEN


# --- place --------------------------------------------------------------------------------------


def process_place_order(state: WorkingState, ctx: LegContext, msg: PlaceOrder) -> LegResult:
    """Match an order and let the rest rest; raise the errors of the spec in its order."""
    ctx.work += limits.WORK_PLACE
    market = state.markets.get(msg.market)
    if market is None:
        raise errors.UnknownMarket(str(msg.market))
    known = _get_known(state, ctx.account, msg.client_id)
    if known is not None:
        return known
    _require_expiry(msg.expires_ms, state.time_ms)
    _require_quantity(market, msg.quantity)
    if msg.time_in_force <= _LAST_RESTING and ctx.account.open_orders >= limits.OPEN_ORDERS_MAX:
        raise errors.TooManyOpenOrders
    _require_cost(market, msg.price, msg.quantity)
    _require_funds(state, ctx.account, market, msg)
    order = _make_order(state, ctx.account, market, msg)
    out = Outcome()
    if msg.post_only:
        cleared = _clear_dead(state, ctx, order, msg.max_matches, out)
        if not cleared:
            state.remember_ended(order, Ended.MATCH_LIMIT)
            return _compute_result(order, out, Ended.MATCH_LIMIT, 0)
        if _has_crossing(order):
            return _refuse_crossing(out)
    elif msg.time_in_force == _FOK:
        fillable, steps = is_fillable(state, order, msg.max_matches)
        if not fillable:
            ctx.work += steps * limits.WORK_MATCH
            raise errors.FillOrKillUnfilled

    return _enter(state, ctx, order, msg.max_matches, out)


def _get_known(state: WorkingState, account: Account, client_id: int) -> LegResult | None:
    """Return what became of the first order with this client id; raise if it was cancelled."""
    if account.tombstones.get(client_id, 0) > state.time_ms:
        raise errors.CancelledBeforePlaced
    order = account.orders.get(client_id)
    if order is not None:
        return LegResult(filled=order.filled, resting=order.remaining, repeated=True)
    ended = account.ended.get(client_id)
    if ended is not None and ended[1].until_ms > state.time_ms:
        return LegResult(filled=ended[1].filled, ended=ended[1].ended, repeated=True)
    return None


def _make_order(state: WorkingState, account: Account, market: Market, msg: PlaceOrder) -> Order:
    order = Order()
    order.account = account
    order.market = market
    order.client_id = msg.client_id
    order.side = msg.side
    order.time_in_force = msg.time_in_force
    order.post_only = msg.post_only
    order.self_trade = msg.self_trade
    order.subaccount = msg.subaccount
    order.price = msg.price
    order.filled = 0
    order.remaining = msg.quantity
    order.priority = 0
    order.expires_ms = msg.expires_ms
    order.level = None
    order.stored = None
    base = state.get_balance(account.owner, msg.subaccount, market.record.base)
    quote = state.get_balance(account.owner, msg.subaccount, market.record.quote)
    order.give, order.take = (quote, base) if msg.side == BUY else (base, quote)
    return order


def _clear_dead(
    state: WorkingState, ctx: LegContext, order: Order, steps_max: int, out: Outcome
) -> bool:
    """Remove dead orders that a post-only order reaches; False when the steps ran out."""
    cleared = remove_dead_heads(state, order, steps_max, out)
    ctx.work += out.steps * limits.WORK_MATCH
    return cleared


def _has_crossing(order: Order) -> bool:
    best = get_opposite(order).get_best()
    return best is not None and is_crossing(order, best)


def _refuse_crossing(out: Outcome) -> LegResult:
    """Answer PostOnlyWouldCross; the dead orders that were removed stay removed."""
    return LegResult(code=errors.PostOnlyWouldCross.code, removals=tuple(out.removals))


def _enter(
    state: WorkingState, ctx: LegContext, order: Order, steps_max: int, done: Outcome
) -> LegResult:
    """Match an order that is not in the book, then let it rest or end."""
    if order.post_only or not _has_crossing(order):
        rests = order.time_in_force <= _LAST_RESTING
        return _settle_end(state, order, done, _OPEN if rests else Ended.IMMEDIATE, 0)
    filled_before = order.filled
    out = match_order(state, order, steps_max)
    ctx.work += out.steps * limits.WORK_MATCH
    return _settle_end(state, order, out, _get_end(order, out), order.filled - filled_before)


def _get_end(order: Order, out: Outcome) -> Ended:
    """Tell why an order that was matched does not rest; OPEN when it does."""
    if out.self_trade:
        return Ended.SELF_TRADE
    if not order.remaining:
        return Ended.FILLED
    if _has_crossing(order):
        return Ended.MATCH_LIMIT
    return _OPEN if order.time_in_force <= _LAST_RESTING else Ended.IMMEDIATE


def _settle_end(
    state: WorkingState, order: Order, out: Outcome, ended: Ended, filled: Lots
) -> LegResult:
    """Let the order rest with its reserve, or remember its end."""
    if ended:
        state.remember_ended(order, ended)
    else:
        take_reserve(state, order)
        state.rest_order(order)
    return _compute_result(order, out, ended, filled)


def _compute_result(order: Order, out: Outcome, ended: Ended, filled: Lots) -> LegResult:
    resting = 0 if ended else order.remaining
    if not out.touched:
        return LegResult(0, filled, resting, ended)
    return LegResult(
        filled=filled,
        resting=resting,
        ended=ended,
        fills=tuple(out.fills),
        removals=tuple(out.removals),
        decrements=tuple(out.decrements),
    )


def _require_expiry(expires_ms: Millis, time_ms: Millis) -> None:
    if expires_ms:
        if expires_ms <= time_ms:
            raise errors.OrderExpired
        if expires_ms > time_ms + limits.EXPIRY_AHEAD_MAX_MS:
            raise errors.ExpiryTooFar


def _require_quantity(market: Market, quantity: Lots) -> None:
    if quantity < market.record.lots_min:
        raise errors.QuantityBelowMinimum(f"{quantity}, minimum {market.record.lots_min}")
    if quantity > market.record.lots_max:
        raise errors.QuantityAboveMaximum(f"{quantity}, maximum {market.record.lots_max}")


def _require_cost(market: Market, price: Ticks, quantity: Lots) -> None:
    dearest = max(quantity * price * market.quote_unit, quantity * market.base_unit)
    if dearest > limits.AMOUNT_MAX:
        raise errors.CostOverflow


def _require_funds(state: WorkingState, account: Account, market: Market, msg: PlaceOrder) -> None:
    if msg.side == BUY:
        token, needed = market.record.quote, msg.quantity * msg.price * market.quote_unit
    else:
        token, needed = market.record.base, msg.quantity * market.base_unit
    if state.get_free(account.owner, msg.subaccount, token) < needed:
        raise errors.InsufficientFunds


# --- amend --------------------------------------------------------------------------------------


def process_amend_order(state: WorkingState, ctx: LegContext, msg: AmendOrder) -> LegResult:
    """Change an open order; it keeps its place when only quantity falls or expiry moves."""
    ctx.work += limits.WORK_AMEND
    order = _get_open(state, ctx.account, msg.client_id)
    if is_dead(state, order):
        raise errors.OrderExpired
    if msg.expires_ms:
        if order.time_in_force != TimeInForce.GTT:
            raise errors.AmendExpiryNotAllowed
        _require_expiry(msg.expires_ms, state.time_ms)
    total_before = order.filled + order.remaining
    total = msg.quantity or total_before
    price = msg.price or order.price
    if total <= order.filled:
        raise errors.AmendBelowFilled
    if msg.quantity:
        _require_quantity(order.market, total)
    _require_cost(order.market, price, total)
    moved = price != order.price
    out = Outcome()
    if moved and order.post_only:
        probe = _make_probe(order, price)
        if not _clear_dead(state, ctx, probe, msg.max_matches, out):
            remove_resting(state, order, Ended.MATCH_LIMIT)
            return _compute_result(order, out, Ended.MATCH_LIMIT, 0)
        if _has_crossing(probe):
            return _refuse_crossing(out)
    has = compute_reserve(order, order.remaining)
    needs = _compute_amended_reserve(order, price, total - order.filled)
    if needs - has > order.give.free:
        raise errors.InsufficientFunds

    release_reserve(state, order)
    keeps_place = not moved and total <= total_before
    if not keeps_place:
        state.take_out(order)
    state.change_order(order, order.filled, total - order.filled)
    state.change_terms(order, price, msg.expires_ms or order.expires_ms)
    if keeps_place:
        take_reserve(state, order)
        return LegResult(resting=order.remaining, kept_place=True)
    return _enter(state, ctx, order, msg.max_matches, out)


def _get_open(state: WorkingState, account: Account, client_id: int) -> Order:
    order = account.orders.get(client_id)
    if order is None:
        ended = account.ended.get(client_id)
        if ended is not None and ended[1].until_ms > state.time_ms:
            raise errors.OrderClosed
        raise errors.UnknownOrder
    return order


def _make_probe(order: Order, price: Ticks) -> Order:
    """Return what is needed of an order to ask whether it would cross at another price."""
    probe = Order()
    probe.market = order.market
    probe.side = order.side
    probe.price = price
    return probe


def _compute_amended_reserve(order: Order, price: Ticks, quantity: Lots) -> int:
    market = order.market
    if order.side == BUY:
        return quantity * price * market.quote_unit
    return quantity * market.base_unit


# --- cancel -------------------------------------------------------------------------------------


def process_cancel_order(state: WorkingState, ctx: LegContext, msg: CancelOrder) -> LegResult:
    """Take an order out, or leave a tombstone; raise OrderClosed, TooManyTombstones."""
    ctx.work += limits.WORK_CANCEL
    account = ctx.account
    order = account.orders.get(msg.client_id)
    if order is not None:
        return LegResult(ended=_cancel(state, order))
    ended = account.ended.get(msg.client_id)
    if ended is not None and ended[1].until_ms > state.time_ms:
        raise errors.OrderClosed
    until_ms = account.tombstones.get(msg.client_id)
    if until_ms is None and len(account.tombstones) >= limits.TOMBSTONES_MAX:
        raise errors.TooManyTombstones

    if until_ms is None or until_ms < ctx.until_ms:
        state.set_tombstone(account, msg.client_id, ctx.until_ms)
    return LegResult(tombstone=True)


def _cancel(state: WorkingState, order: Order) -> Ended:
    reason = Ended.EXPIRED if is_dead(state, order) else Ended.CANCELLED
    remove_resting(state, order, reason)
    return reason


def process_cancel_all(state: WorkingState, ctx: LegContext, msg: CancelAll) -> LegResult:
    """Take the owner's orders out of a market or all, oldest first; raise UnknownMarket."""
    ctx.work += limits.WORK_CANCEL_ALL
    if msg.market and msg.market not in state.markets:
        raise errors.UnknownMarket(str(msg.market))
    lists = ctx.account.lists
    chosen = [
        lists[where]
        for where in sorted(lists)
        if msg.market in (0, where[0]) and msg.side in (0, where[1])
    ]

    cancelled = 0
    for owner_list in chosen:
        while owner_list.head is not None and cancelled < msg.max_orders:
            _cancel(state, owner_list.head)
            cancelled += 1
    ctx.work += cancelled * limits.WORK_CANCELLED_ORDER
    more = any(owner_list.head is not None for owner_list in chosen)
    return LegResult(cancelled=cancelled, more=more)


# --- expire -------------------------------------------------------------------------------------


def process_expiries(state: WorkingState) -> list[tuple[Address, int]]:
    """Remove what has expired, oldest first and bounded; return the orders' owners and ids."""
    expired: list[tuple[Address, int]] = []
    orders = state.order_expiries
    steps = 0
    while orders and orders[0][0] <= state.time_ms and steps < limits.MASS_STEPS_MAX:
        entry = heappop(orders)
        order = entry[3]
        if order.is_open and order.expires_ms == entry[0] and order.priority == entry[1]:
            state.record_undo(heappush, orders, entry)
            remove_resting(state, order, Ended.EXPIRED)
            expired.append((order.account.owner, order.client_id))
            steps += 1
    tombstones = state.tombstone_expiries
    while tombstones and tombstones[0][0] <= state.time_ms and steps < limits.MASS_STEPS_MAX:
        until_ms, owner, client_id = heappop(tombstones)
        account = state.get_account(owner)
        if account.tombstones.get(client_id) == until_ms:
            state.record_undo(heappush, tombstones, (until_ms, owner, client_id))
            state.set_tombstone(account, client_id, None)
            steps += 1
    return expired
