"""The order book written the plainest way: matching, removing, resting, remembering.

The book is sorted anew whenever it is looked at; see docs/spec/exchange.md.
"""

from dataclasses import dataclass, field

from omg_abci.protocol import limits
from omg_abci.protocol.results import Decrement, Fill, LegResult, Removal, Removed
from omg_abci.protocol.units import Ended, OrderType, SelfTrade, Side, TimeInForce
from tests.model_markets import begin_auction, compute_renewed, is_in_band, note_fill
from tests.model_state import EndedOrder, Order, State

IMMEDIATE_TIFS = (TimeInForce.IOC, TimeInForce.FOK)


@dataclass
class Taker:
    """An order on its way through the book."""

    order: Order
    max_matches: int
    steps: int = 0
    ended: int = 0
    resting: int = 0
    slid_to: int = 0
    halted: bool = False
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
            price=self.slid_to,
        )
        return result, self.steps


def list_side(state: State, market: int, side: int) -> list[Order]:
    """Return the resting orders of a side, best price first, then oldest first."""
    orders = [
        each
        for each in state.orders.values()
        if each.market == market and each.side == side and not each.trigger
    ]
    sign = -1 if side == Side.BUY else 1
    return sorted(orders, key=lambda each: (sign * each.price, each.priority))


def list_crossing(state: State, order: Order) -> list[Order]:
    """Return the opposite orders that the order's price reaches, in match order."""
    if order.side == Side.BUY:
        asks = list_side(state, order.market, Side.SELL)
        return [each for each in asks if each.price <= order.price]
    bids = list_side(state, order.market, Side.BUY)
    return [each for each in bids if each.price >= order.price]


# --- ends -------------------------------------------------------------------------------------


def remember(state: State, order: Order, reason: int) -> None:
    """Write what became of an order into the account's next slot."""
    slot = state.next_slot.get(order.owner, 0)
    until_ms = state.now + limits.CLOSED_KEPT_MS
    row = EndedOrder(order.client_id, until_ms, reason, order.quantity, order.filled)
    state.ended[order.owner, slot] = row
    state.next_slot[order.owner] = (slot + 1) % limits.CLOSED_KEPT_MAX


def find_remembered(state: State, owner: bytes, client_id: int) -> EndedOrder | None:
    """Return what the account remembers of an ended order at this time."""
    for slot in range(limits.CLOSED_KEPT_MAX):
        row = state.ended.get((owner, slot))
        if row is None:
            return None
        if row.client_id == client_id and state.now < row.until_ms:
            return row
    return None


def close_order(state: State, order: Order, reason: int) -> None:
    """Take an open order away, release its reserve, remember it."""
    del state.orders[order.key]
    state.add_free(*state.compute_reserve(order))
    remember(state, order, reason)


def end_by_chain(state: State, order: Order, reason: int) -> None:
    """Close an order for which no leg asked, with its own reason when it is dead: an event."""
    reason = state.find_death(order) or reason
    close_order(state, order, reason)
    state.events.append(Removed(order.owner, order.client_id, reason))


# --- open orders ------------------------------------------------------------------------------


def take_priority(state: State) -> int:
    """Return the next priority of this block."""
    state.placed += 1
    return state.height * 2**24 + state.placed - 1


def open_order(state: State, order: Order) -> None:
    """Reserve an order's cost and put it behind all others, into the book or waiting."""
    tip = min(order.display, order.remaining) if order.order_type == OrderType.ICEBERG else 0
    order = order._replace(priority=take_priority(state), tip=tip)
    key, amount = state.compute_reserve(order)
    state.add_free(key, -amount)
    state.orders[order.key] = order


def put_back(state: State, order: Order, taken: int) -> None:
    """Keep a resting order of which lots were taken; a tip that is used up is renewed."""
    if order.tip:
        order = order._replace(tip=order.tip - taken)
        if order.tip == 0:
            tip = min(order.display, order.remaining)
            order = order._replace(tip=tip, priority=take_priority(state))
    state.orders[order.key] = order


# --- matching ---------------------------------------------------------------------------------


def remove_dead_heads(state: State, taker: Taker) -> None:
    """Remove crossing orders at the head that are dead, as far as the steps reach."""
    while taker.steps < taker.max_matches:
        crossing = list_crossing(state, taker.order)
        if not crossing or not state.find_death(crossing[0]):
            return
        remove_resting(state, taker, crossing[0], state.find_death(crossing[0]))


def remove_resting(state: State, taker: Taker, resting: Order, reason: int) -> None:
    """Remove a resting order, which is a step."""
    close_order(state, resting, reason)
    taker.removals.append(Removal(resting.owner, resting.client_id, Ended(reason)))
    taker.steps += 1


def match_order(state: State, taker: Taker) -> None:
    """Match until nothing is left or crosses, steps run out, self-trade or a halt ends it."""
    number = taker.order.market
    state.markets[number] = compute_renewed(state, state.markets[number])
    while taker.order.remaining and taker.steps < taker.max_matches and not taker.ended:
        crossing = list_crossing(state, taker.order)
        if not crossing:
            return
        resting = crossing[0]
        own = resting.owner == taker.order.owner and taker.order.self_trade != SelfTrade.ALLOW
        if death := state.find_death(resting):
            remove_resting(state, taker, resting, death)
        elif own:
            prevent_self_trade(state, taker, resting)
        elif not is_in_band(state.markets[number], resting.price):
            begin_auction(state, number)
            taker.halted = True
            return
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
        lots = min(resting.available, taker.order.remaining)
        smaller = resting._replace(quantity=resting.quantity - lots)
        before, after = state.compute_reserve(resting), state.compute_reserve(smaller)
        state.add_free(before[0], before[1] - after[1])
        state.orders[resting.key] = smaller
        taker.order = taker.order._replace(quantity=taker.order.quantity - lots)
        if smaller.remaining == 0:
            remove_resting(state, taker, smaller, Ended.SELF_TRADE)
        else:
            put_back(state, smaller, lots)
            taker.decrements.append(Decrement(resting.client_id, lots))
            taker.steps += 1
        if taker.order.remaining == 0:
            taker.ended = Ended.SELF_TRADE


def fill_resting(state: State, taker: Taker, resting: Order) -> None:
    """Trade at the resting order's price; its side comes from its reserve, ours from free."""
    market = state.markets[resting.market]
    lots = min(resting.available, taker.order.remaining)
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
    if filled.remaining == 0:
        close_order(state, filled, Ended.FILLED)
    else:
        put_back(state, filled, lots)
    note_fill(state, resting.market, resting.price)
    taker.order = taker.order._replace(filled=taker.order.filled + lots)
    taker.fills.append(Fill(resting.owner, resting.client_id, resting.price, lots))
    taker.steps += 1


def finish_order(state: State, taker: Taker) -> None:
    """Let what is left rest, or end the order."""
    order = taker.order
    immediate = order.time_in_force in IMMEDIATE_TIFS
    if not taker.ended:
        if order.remaining == 0:
            taker.ended = Ended.FILLED
        elif taker.halted:
            taker.ended = Ended.HALTED if immediate else Ended.OPEN
        elif list_crossing(state, order):
            taker.ended = Ended.MATCH_LIMIT
        elif immediate:
            taker.ended = Ended.IMMEDIATE
    if taker.ended:
        remember(state, order, taker.ended)
    else:
        open_order(state, order)
        taker.resting = order.remaining


def preview_fill(state: State, taker: Taker) -> tuple[bool, int]:
    """Tell whether an order could be filled at once and in full, and the steps to see that."""
    market = compute_renewed(state, state.markets[taker.order.market])
    crossing = list_crossing(state, taker.order)
    queue = [(each, each.available, each.remaining - each.available) for each in crossing]
    found, steps = 0, 0
    while queue and steps < taker.max_matches:
        resting, lots, hidden = queue.pop(0)
        if not is_in_band(market, resting.price):
            break
        steps += 1
        if state.find_death(resting):
            continue
        if resting.owner == taker.order.owner and taker.order.self_trade != SelfTrade.ALLOW:
            if taker.order.self_trade == SelfTrade.CANCEL_OLDEST:
                continue
            break
        found += lots
        if found >= taker.order.remaining:
            return True, steps
        market = market._replace(reference=market.reference or resting.price)
        if hidden:
            behind = len([1 for each, _, _ in queue if each.price == resting.price])
            tip = min(resting.display, hidden)
            queue.insert(behind, (resting, tip, hidden - tip))
    return False, steps
