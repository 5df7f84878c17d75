"""What each leg does, written the plainest way: the part of the oracle that trades and transfers.

The book is sorted anew whenever it is looked at. A refused leg raises `Refused` and has changed
nothing but the expired orders that a post-only check removed.
"""

from dataclasses import dataclass, field

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
from omg_abci.protocol.results import Decrement, Fill, LegResult, Removal
from omg_abci.protocol.units import Ended, SelfTrade, Side, TimeInForce
from tests.model_state import EndedOrder, Order, State


class Refused(Exception):  # noqa: N818 - a verdict, as in protocol/errors
    """A leg is refused; carries what it did all the same."""

    def __init__(
        self, error: type[errors.LegError], steps: int = 0, removals: tuple[Removal, ...] = ()
    ) -> None:
        """Keep the code, the steps used and the expired orders removed."""
        super().__init__(error.text)
        self.result = LegResult(code=error.code, removals=removals)
        self.steps = steps


@dataclass
class Taker:
    """An order on its way through the book."""

    order: Order
    max_matches: int
    steps: int = 0
    ended: int = 0
    resting: int = 0
    fills: list[Fill] = field(default_factory=list)
    removals: list[Removal] = field(default_factory=list)
    decrements: list[Decrement] = field(default_factory=list)

    def report(self) -> tuple[LegResult, int]:
        """Return the leg's result and its steps."""
        result = LegResult(
            filled=sum(fill.quantity for fill in self.fills),
            resting=self.resting,
            ended=self.ended,
            fills=tuple(self.fills),
            removals=tuple(self.removals),
            decrements=tuple(self.decrements),
        )
        return result, self.steps


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


# --- the book ---------------------------------------------------------------------------------


def list_side(state: State, market: int, side: int) -> list[Order]:
    """Return the open orders of a side, best price first, then oldest first."""
    orders = [each for each in state.orders.values() if (each.market, each.side) == (market, side)]
    sign = -1 if side == Side.BUY else 1
    return sorted(orders, key=lambda each: (sign * each.price, each.priority))


def list_crossing(state: State, order: Order) -> list[Order]:
    """Return the opposite orders that the order's price reaches, in match order."""
    if order.side == Side.BUY:
        asks = list_side(state, order.market, Side.SELL)
        return [each for each in asks if each.price <= order.price]
    bids = list_side(state, order.market, Side.BUY)
    return [each for each in bids if each.price >= order.price]


def remember(state: State, order: Order, reason: int) -> None:
    """Write what became of an order into the account's next slot."""
    slot = state.next_slot.get(order.owner, 0)
    until_ms = state.now + limits.CLOSED_KEPT_MS
    row = EndedOrder(order.client_id, until_ms, reason, order.quantity, order.filled)
    state.ended[order.owner, slot] = row
    state.next_slot[order.owner] = (slot + 1) % limits.CLOSED_KEPT_MAX


def find_remembered(state: State, owner: bytes, client_id: int) -> EndedOrder | None:
    """Return what the account remembers of an ended order at this time."""
    for (who, _), row in state.ended.items():
        if (who, row.client_id) == (owner, client_id) and state.now < row.until_ms:
            return row
    return None


def close_order(state: State, order: Order, reason: int) -> None:
    """Take an open order out of the book, release its reserve, remember it."""
    del state.orders[order.key]
    state.add_free(*state.compute_reserve(order))
    remember(state, order, reason)


def rest_order(state: State, order: Order) -> None:
    """Put an order into the book behind all others at its price."""
    order = order._replace(priority=state.height * 2**24 + state.placed)
    state.placed += 1
    key, amount = state.compute_reserve(order)
    state.add_free(key, -amount)
    state.orders[order.key] = order


def remove_dead_heads(state: State, taker: Taker) -> None:
    """Remove crossing orders at the head that are not live, as far as the steps reach."""
    while taker.steps < taker.max_matches:
        crossing = list_crossing(state, taker.order)
        if not crossing or crossing[0].is_live(state.now):
            return
        remove_resting(state, taker, crossing[0], Ended.EXPIRED)


def remove_resting(state: State, taker: Taker, resting: Order, reason: Ended) -> None:
    """Remove a resting order, which is a step."""
    close_order(state, resting, reason)
    taker.removals.append(Removal(resting.owner, resting.client_id, reason))
    taker.steps += 1


def match_order(state: State, taker: Taker) -> None:
    """Match until nothing is left, nothing crosses, steps run out or self-trade ends it."""
    while taker.order.remaining and taker.steps < taker.max_matches and not taker.ended:
        crossing = list_crossing(state, taker.order)
        if not crossing:
            return
        resting = crossing[0]
        if not resting.is_live(state.now):
            remove_resting(state, taker, resting, Ended.EXPIRED)
        elif resting.owner == taker.order.owner and taker.order.self_trade != SelfTrade.ALLOW:
            prevent_self_trade(state, taker, resting)
        else:
            fill_resting(state, taker, resting)


def prevent_self_trade(state: State, taker: Taker, resting: Order) -> None:
    """Do what the incoming order's mode says."""
    mode = taker.order.self_trade
    if mode == SelfTrade.CANCEL_NEWEST:
        taker.ended = Ended.SELF_TRADE
    elif mode == SelfTrade.CANCEL_OLDEST:
        remove_resting(state, taker, resting, Ended.SELF_TRADE)
    elif mode == SelfTrade.CANCEL_BOTH:
        remove_resting(state, taker, resting, Ended.SELF_TRADE)
        taker.ended = Ended.SELF_TRADE
    else:
        lots = min(resting.remaining, taker.order.remaining)
        smaller = resting._replace(quantity=resting.quantity - lots)
        before, after = state.compute_reserve(resting), state.compute_reserve(smaller)
        state.add_free(before[0], before[1] - after[1])
        state.orders[resting.key] = smaller
        taker.order = taker.order._replace(quantity=taker.order.quantity - lots)
        if smaller.remaining == 0:
            remove_resting(state, taker, smaller, Ended.SELF_TRADE)
        else:
            taker.decrements.append(Decrement(resting.client_id, lots))
            taker.steps += 1
        if taker.order.remaining == 0:
            taker.ended = Ended.SELF_TRADE


def fill_resting(state: State, taker: Taker, resting: Order) -> None:
    """Trade at the resting order's price; its side comes from its reserve, ours from free."""
    market = state.markets[resting.market]
    lots = min(resting.remaining, taker.order.remaining)
    base, quote = lots * market.base_unit, lots * resting.price * market.quote_unit
    maker_base = (resting.owner, resting.subaccount, market.base)
    maker_quote = (resting.owner, resting.subaccount, market.quote)
    taker_base = (taker.order.owner, taker.order.subaccount, market.base)
    taker_quote = (taker.order.owner, taker.order.subaccount, market.quote)
    if taker.order.side == Side.BUY:
        state.add_free(taker_quote, -quote)
        state.add_free(taker_base, base)
        state.add_free(maker_quote, quote)
    else:
        state.add_free(taker_base, -base)
        state.add_free(taker_quote, quote)
        state.add_free(maker_base, base)
    filled = resting._replace(filled=resting.filled + lots)
    state.orders[resting.key] = filled
    if filled.remaining == 0:
        close_order(state, filled, Ended.FILLED)
    state.markets[resting.market] = market._replace(last_price=resting.price)
    taker.order = taker.order._replace(filled=taker.order.filled + lots)
    taker.fills.append(Fill(resting.owner, resting.client_id, resting.price, lots))
    taker.steps += 1


def finish_order(state: State, taker: Taker) -> None:
    """Let what is left rest, or end the order."""
    order = taker.order
    if not taker.ended:
        if order.remaining == 0:
            taker.ended = Ended.FILLED
        elif list_crossing(state, order):
            taker.ended = Ended.MATCH_LIMIT
        elif order.time_in_force in {TimeInForce.IOC, TimeInForce.FOK}:
            taker.ended = Ended.IMMEDIATE
    if taker.ended:
        remember(state, order, taker.ended)
    else:
        rest_order(state, order)
        taker.resting = order.remaining


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
    """Raise Refused unless the whole quantity's cost and what is given fit into a balance."""
    market = state.markets[order.market]
    cost = order.quantity * order.price * market.quote_unit
    given = cost if order.side == Side.BUY else order.quantity * market.base_unit
    if max(cost, given) > limits.AMOUNT_MAX:
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
        if order.owner == owner
        and leg.market in {0, order.market}
        and leg.side in {0, order.side}
    ]
    selected.sort(key=lambda order: (order.market, order.side, order.priority))
    for order in selected[: leg.max_orders]:
        cancel(state, order)
    done = min(len(selected), leg.max_orders)
    return LegResult(cancelled=done, more=len(selected) > done), done
