"""The order book written the plainest way: matching, removing, resting, remembering.

The book is sorted anew whenever it is looked at; see docs/spec/exchange.md.
"""

from dataclasses import dataclass, field

from omg_abci.protocol import errors, limits
from omg_abci.protocol.results import Decrement, Fill, LegResult, Removal
from omg_abci.protocol.units import Ended, SelfTrade, Side, TimeInForce
from tests.model_state import EndedOrder, Order, State


class Refused(Exception):
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
