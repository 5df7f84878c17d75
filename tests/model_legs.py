"""What each leg does, written the plainest way: the part of the oracle that reads the messages.

A refused leg raises `Refused` and has changed nothing but the expired orders that a post-only
check removed.
"""

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import (
    AmendOrder,
    ApproveAgent,
    CancelAll,
    CancelOrder,
    Message,
    PlaceOrder,
    RevokeAgent,
    Transfer,
)
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.units import Ended, SelfTrade, TimeInForce
from tests.model_book import (
    Refused,
    Taker,
    close_order,
    find_remembered,
    finish_order,
    list_crossing,
    match_order,
    remove_dead_heads,
)
from tests.model_state import Order, State


def do_leg(state: State, owner: bytes, leg: Message, default_until: int) -> tuple[LegResult, int]:
    """Return result and steps of a leg; raise Refused. `default_until` is for a tombstone."""
    match leg:
        case Transfer():
            return transfer(state, owner, leg)
        case PlaceOrder():
            return place_order(state, owner, leg)
        case AmendOrder():
            return amend_order(state, owner, leg)
        case CancelOrder():
            return cancel_order(state, owner, leg, default_until)
        case CancelAll():
            return cancel_all(state, owner, leg)
        case ApproveAgent():
            return approve_agent(state, owner, leg)
        case RevokeAgent():
            if state.agents.pop((owner, leg.agent), None) is None:
                raise Refused(errors.UnknownAgent)
            return LegResult(), 0


def transfer(state: State, owner: bytes, leg: Transfer) -> tuple[LegResult, int]:
    """Move tokens."""
    if leg.token not in state.tokens:
        raise Refused(errors.UnknownToken)
    payer = (owner, leg.from_subaccount, leg.token)
    if state.get_free(payer) < leg.amount:
        raise Refused(errors.InsufficientFunds)
    state.add_free(payer, -leg.amount)
    state.add_free((leg.to, leg.to_subaccount, leg.token), leg.amount)
    return LegResult(), 0


def approve_agent(state: State, owner: bytes, leg: ApproveAgent) -> tuple[LegResult, int]:
    """Write an approval."""
    if not state.now < leg.expires_ms <= state.now + limits.AGENT_AHEAD_MAX_MS:
        raise Refused(errors.AgentExpiryOutOfRange)
    count = len([1 for who, _ in state.agents if who == owner])
    if (owner, leg.agent) not in state.agents and count >= limits.AGENTS_MAX:
        raise Refused(errors.TooManyAgents)
    state.agents[owner, leg.agent] = (leg.scope, leg.expires_ms)
    return LegResult(), 0


# --- orders -----------------------------------------------------------------------------------


def place_order(state: State, owner: bytes, leg: PlaceOrder) -> tuple[LegResult, int]:
    """Place an order, or answer what became of the first with its client id."""
    if leg.market not in state.markets:
        raise Refused(errors.UnknownMarket)
    if state.tombstones.get((owner, leg.client_id), 0) > state.now:
        raise Refused(errors.CancelledBeforePlaced)
    first = state.orders.get((owner, leg.client_id))
    if first is not None:
        return LegResult(repeated=True, filled=first.filled, resting=first.remaining), 0
    row = find_remembered(state, owner, leg.client_id)
    if row is not None:
        return LegResult(repeated=True, filled=row.filled, ended=row.ended), 0
    order = Order(
        owner,
        leg.client_id,
        leg.market,
        leg.side,
        leg.time_in_force,
        leg.post_only,
        leg.self_trade,
        leg.subaccount,
        leg.price,
        leg.quantity,
        filled=0,
        priority=0,
        expires_ms=leg.expires_ms,
    )
    if leg.time_in_force == TimeInForce.GTT:
        require_expiry(state, leg.expires_ms)
    require_lots(state, leg.market, leg.quantity)
    count = len([1 for who, _ in state.orders if who == owner])
    rests = leg.time_in_force in {TimeInForce.GTC, TimeInForce.GTT}
    if rests and count >= limits.OPEN_ORDERS_MAX:
        raise Refused(errors.TooManyOpenOrders)
    require_cost(state, order)
    key, amount = state.compute_reserve(order)
    if state.get_free(key) < amount:
        raise Refused(errors.InsufficientFunds)
    taker = Taker(order, leg.max_matches)
    if leg.post_only and require_no_cross(state, taker):
        taker.ended = Ended.MATCH_LIMIT
    if leg.time_in_force == TimeInForce.FOK:
        require_fill(state, taker)
    match_order(state, taker)
    finish_order(state, taker)
    return taker.report()


def require_expiry(state: State, expires_ms: int) -> None:
    """Raise Refused unless the expiry is ahead, and not too far."""
    if expires_ms <= state.now:
        raise Refused(errors.OrderExpired)
    if expires_ms > state.now + limits.EXPIRY_AHEAD_MAX_MS:
        raise Refused(errors.ExpiryTooFar)


def require_lots(state: State, market: int, quantity: int) -> None:
    """Raise Refused unless the quantity is within the market's bounds."""
    if quantity < state.markets[market].lots_min:
        raise Refused(errors.QuantityBelowMinimum)
    if quantity > state.markets[market].lots_max:
        raise Refused(errors.QuantityAboveMaximum)


def require_cost(state: State, order: Order) -> None:
    """Raise Refused unless both amounts of the whole quantity fit into a balance."""
    market = state.markets[order.market]
    cost = order.quantity * order.price * market.quote_unit
    if max(cost, order.quantity * market.base_unit) > limits.AMOUNT_MAX:
        raise Refused(errors.CostOverflow)


def require_no_cross(state: State, taker: Taker) -> bool:
    """Raise Refused if a post-only order would trade; return True if steps ran out before."""
    remove_dead_heads(state, taker)
    crossing = list_crossing(state, taker.order)
    if crossing and crossing[0].is_live(state.now):
        raise Refused(errors.PostOnlyWouldCross, taker.steps, tuple(taker.removals))
    return bool(crossing)


def require_fill(state: State, taker: Taker) -> None:
    """Raise Refused unless the order can be filled at once and in full."""
    found, steps = 0, 0
    for resting in list_crossing(state, taker.order)[: taker.max_matches]:
        steps += 1
        if not resting.is_live(state.now):
            continue
        if resting.owner == taker.order.owner and taker.order.self_trade != SelfTrade.ALLOW:
            if taker.order.self_trade == SelfTrade.CANCEL_OLDEST:
                continue
            break
        found += resting.remaining
        if found >= taker.order.quantity:
            return
    raise Refused(errors.FillOrKillUnfilled, steps)


def amend_order(state: State, owner: bytes, leg: AmendOrder) -> tuple[LegResult, int]:
    """Change an open order, in its place when it only gets smaller."""
    order = state.orders.get((owner, leg.client_id))
    if order is None:
        known = find_remembered(state, owner, leg.client_id) is not None
        raise Refused(errors.OrderClosed if known else errors.UnknownOrder)
    if not order.is_live(state.now):
        raise Refused(errors.OrderExpired)
    if leg.expires_ms:
        if order.time_in_force != TimeInForce.GTT:
            raise Refused(errors.AmendExpiryNotAllowed)
        require_expiry(state, leg.expires_ms)
    amended = order._replace(
        price=leg.price or order.price,
        quantity=leg.quantity or order.quantity,
        expires_ms=leg.expires_ms or order.expires_ms,
    )
    if amended.quantity <= order.filled:
        raise Refused(errors.AmendBelowFilled)
    if leg.quantity:
        require_lots(state, order.market, leg.quantity)
    require_cost(state, amended)
    taker = Taker(amended, leg.max_matches)
    moved = amended.price != order.price
    if moved and order.post_only and require_no_cross(state, taker):
        taker.ended = Ended.MATCH_LIMIT
        close_order(state, order, Ended.MATCH_LIMIT)
        return taker.report()
    key, has = state.compute_reserve(order)
    _, needs = state.compute_reserve(amended)
    if needs - has > state.get_free(key):
        raise Refused(errors.InsufficientFunds, taker.steps, tuple(taker.removals))
    state.add_free(key, has)
    if not moved and amended.quantity <= order.quantity:
        state.add_free(key, -needs)
        state.orders[order.key] = amended
        return LegResult(resting=amended.remaining, kept_place=True), 0
    del state.orders[order.key]
    match_order(state, taker)
    finish_order(state, taker)
    return taker.report()


def cancel_order(
    state: State, owner: bytes, leg: CancelOrder, default_until: int
) -> tuple[LegResult, int]:
    """Cancel an open order, or leave a tombstone."""
    key = (owner, leg.client_id)
    order = state.orders.get(key)
    if order is not None:
        return LegResult(ended=cancel(state, order)), 0
    if find_remembered(state, owner, leg.client_id) is not None:
        raise Refused(errors.OrderClosed)
    until_ms = state.tombstones.get(key, 0)
    others = len([1 for who, number in state.tombstones if who == owner and (who, number) != key])
    if until_ms <= state.now and others >= limits.TOMBSTONES_MAX:
        raise Refused(errors.TooManyTombstones)
    state.tombstones[key] = max(until_ms, default_until)
    return LegResult(tombstone=True), 0


def cancel(state: State, order: Order) -> Ended:
    """Close an order for its owner; return why it ended."""
    reason = Ended.CANCELLED if order.is_live(state.now) else Ended.EXPIRED
    close_order(state, order, reason)
    return reason


def cancel_all(state: State, owner: bytes, leg: CancelAll) -> tuple[LegResult, int]:
    """Cancel the oldest orders of a selection; the steps are the orders cancelled."""
    if leg.market and leg.market not in state.markets:
        raise Refused(errors.UnknownMarket)
    selected = [
        order
        for order in state.orders.values()
        if order.owner == owner and leg.market in {0, order.market} and leg.side in {0, order.side}
    ]
    selected.sort(key=lambda order: (order.market, order.side, order.priority))
    for order in selected[: leg.max_orders]:
        cancel(state, order)
    done = min(len(selected), leg.max_orders)
    return LegResult(cancelled=done, more=len(selected) > done), done
