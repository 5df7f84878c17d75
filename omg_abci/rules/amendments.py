"""Amending open orders (docs/spec/exchange.md#amendorder).

An order keeps its place unless its price changes or its quantity grows; then it comes back like a
new one. Checks stand in the order of the spec, which is the order of errors.
"""

from typing import Final

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import AmendOrder
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.units import (
    RESTS,
    Ended,
    Lots,
    MarketStatus,
    OrderType,
    PostOnly,
    Ticks,
    TimeInForce,
)
from omg_abci.rules.context import LegContext
from omg_abci.rules.exchange import (
    clear_dead,
    compute_post_only_price,
    refuse_cleared,
    require_cost,
    require_display,
    require_expiry,
    require_open,
    require_quantity,
)
from omg_abci.rules.orderbook import (
    Outcome,
    compute_result,
    enter_book,
    get_death,
    remove_resting,
)
from omg_abci.rules.settlement import compute_cost, release_reserve, take_reserve
from omg_abci.rules.triggers import require_trigger
from omg_abci.state.book import Order
from omg_abci.state.working import WorkingState

_ACTIVE: Final = int(MarketStatus.ACTIVE)
_OFF: Final = int(PostOnly.OFF)


class _Amendment:
    """What an order would become: the fields that decide its place and its reserve."""

    __slots__ = ("matches_now", "order", "post_only", "price", "quantity", "slid")

    def __init__(self, order: Order, msg: AmendOrder) -> None:
        """Take what is given, and what the order has where nothing is."""
        market = order.market
        self.order = order
        self.price: Ticks = msg.price or order.price
        self.quantity: Lots = msg.quantity or order.filled + order.remaining
        self.post_only = 0 if msg.post_only == _OFF else msg.post_only or order.post_only
        self.slid = False
        self.matches_now = market.status == _ACTIVE and not market.is_batch
        """The market would match an order that comes back."""

    @property
    def moves(self) -> bool:
        """True when the order loses its place."""
        order = self.order
        if order.is_waiting:
            return False
        return self.price != order.price or self.quantity > order.filled + order.remaining

    @property
    def may_cross(self) -> bool:
        """True when the new price is one at which a post-only order might take."""
        order = self.order
        reaches = self.price != order.price and not order.is_waiting
        return self.post_only > 0 and self.matches_now and reaches


def process_amend_order(state: WorkingState, ctx: LegContext, msg: AmendOrder) -> LegResult:
    """Change an open order; raise the errors of the spec in its order."""
    ctx.work += limits.WORK_AMEND
    order = _get_open(state, ctx, msg.client_id)
    if get_death(state, order):
        raise errors.OrderExpired
    require_open(order.market)
    _require_time_in_force(state, order, msg)
    _require_details(order, msg)
    new = _Amendment(order, msg)
    if new.quantity <= order.filled:
        raise errors.AmendBelowFilled
    if msg.quantity:
        require_quantity(order.market, new.quantity)
    require_cost(order.market, new.price, new.quantity)
    if new.moves and new.matches_now and not new.post_only:
        _require_no_post_only_period(state)
    out = Outcome()
    try:
        if new.may_cross and not _find_price(state, ctx, new, msg.max_matches, out):
            remove_resting(state, order, Ended.MATCH_LIMIT)
            return compute_result(order, out, Ended.MATCH_LIMIT, 0)
        _require_reserve(new)
    except errors.LegError as refusal:
        return refuse_cleared(refusal, out)

    result = _amend(state, ctx, new, msg, out)
    return result._replace(price=new.price) if new.slid else result


# --- checks -------------------------------------------------------------------------------------


def _get_open(state: WorkingState, ctx: LegContext, client_id: int) -> Order:
    order = ctx.account.orders.get(client_id)
    if order is None:
        ended = ctx.account.get_ended(client_id)
        if ended is not None and ended.until_ms > state.time_ms:
            raise errors.OrderClosed
        raise errors.UnknownOrder
    return order


def _require_time_in_force(state: WorkingState, order: Order, msg: AmendOrder) -> None:
    """Raise what is wrong with a new time in force, or with a new expiry for the one it has."""
    if msg.time_in_force:
        if not RESTS[order.time_in_force]:
            raise errors.AmendTimeInForceNotAllowed
    else:
        if msg.expires_ms and order.time_in_force != TimeInForce.GTT:
            raise errors.AmendExpiryNotAllowed
        if msg.expires_height and order.time_in_force != TimeInForce.GTH:
            raise errors.AmendHeightNotAllowed
    require_expiry(state, msg.expires_ms, msg.expires_height)


def _require_details(order: Order, msg: AmendOrder) -> None:
    """Raise what is wrong with a new display, trigger or post-only for this order."""
    if msg.display:
        if order.order_type != OrderType.ICEBERG:
            raise errors.AmendDisplayNotAllowed
        require_display(order.market, msg.display)
    if msg.trigger:
        if not order.is_waiting:
            raise errors.AmendTriggerNotAllowed
        require_trigger(order, msg.trigger)
    if msg.post_only:
        if order.is_waiting or not RESTS[order.time_in_force]:
            raise errors.AmendPostOnlyNotAllowed
        if msg.post_only != _OFF and order.market.is_batch:
            raise errors.PostOnlyInBatch


def _require_no_post_only_period(state: WorkingState) -> None:
    if state.time_ms < state.post_only_until_ms:
        raise errors.PostOnlyPeriod


def _find_price(
    state: WorkingState, ctx: LegContext, new: _Amendment, steps_max: int, out: Outcome
) -> bool:
    """Find where a post-only order may rest; False when dead orders in its way use up the steps.

    Raise PostOnlyWouldCross, SlideOutOfRange, CostOverflow.
    """
    probe = _make_probe(new)
    if not clear_dead(state, ctx, probe, steps_max, out):
        return False
    price = compute_post_only_price(probe, new.post_only)
    if price != new.price:
        require_cost(probe.market, price, new.quantity)
        new.price = price
        new.slid = True
    return True


def _make_probe(new: _Amendment) -> Order:
    """Return what is needed of an order to ask whether it would cross at the new price."""
    probe = Order()
    probe.market = new.order.market
    probe.side = new.order.side
    probe.price = new.price
    return probe


def _require_reserve(new: _Amendment) -> None:
    """Raise InsufficientFunds unless free covers what the order needs beyond what it has."""
    order = new.order
    has = compute_cost(order.market, order.side, order.price, order.remaining)
    left = new.quantity - order.filled
    needs = compute_cost(order.market, order.side, new.price, left)
    if needs - has > order.give.free:
        raise errors.InsufficientFunds


# --- writes -------------------------------------------------------------------------------------


def _amend(
    state: WorkingState, ctx: LegContext, new: _Amendment, msg: AmendOrder, out: Outcome
) -> LegResult:
    """Set all that was given; let the order stay where it is, or come back."""
    order, moves = new.order, new.moves
    release_reserve(state, order)
    if moves:
        state.take_out(order)
    state.change_order(order, order.filled, new.quantity - order.filled)
    dated = msg.time_in_force != 0
    state.change_terms(
        order,
        price=new.price,
        expires_ms=msg.expires_ms if dated else msg.expires_ms or None,
        expires_height=msg.expires_height if dated else msg.expires_height or None,
        display=msg.display or None,
        trigger=msg.trigger or None,
        time_in_force=msg.time_in_force or None,
        post_only=new.post_only,
        self_trade=msg.self_trade or None,
    )
    if moves and new.matches_now:
        steps_before = out.steps
        result = enter_book(state, order, msg.max_matches, out)
        ctx.work += (out.steps - steps_before) * limits.WORK_MATCH
        return result
    take_reserve(state, order)
    if moves:
        state.rest_order(order)
    elif order.is_waiting:
        return LegResult(waiting=True)
    else:
        _shorten_tip(state, order)
    return compute_result(order, out, Ended.OPEN, 0)._replace(kept_place=not moves)


def _shorten_tip(state: WorkingState, order: Order) -> None:
    """Let an iceberg that keeps its place show no more than it may and has."""
    special = order.special
    if special is not None and special.tip:
        tip = min(special.tip, special.display, order.remaining)
        if tip != special.tip:
            state.change_tip(order, tip)
