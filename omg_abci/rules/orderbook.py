"""Price–time matching (docs/spec/exchange.md#matching).

An incoming order, not in the book, meets the opposite side's orders one by one: the oldest at the
best price first. Every handled order is a step; steps are bounded by what the leg declared.
"""

from typing import Final

from omg_abci.protocol.results import Decrement, Fill, Removal
from omg_abci.protocol.units import BUY, Ended, SelfTrade
from omg_abci.rules.settlement import release_reserve, settle_fill
from omg_abci.state.book import BookSide, Level, Order
from omg_abci.state.working import WorkingState

_ALLOW: Final = int(SelfTrade.ALLOW)
_FILLED: Final = Ended.FILLED


class Outcome:
    """What matching did to an incoming order and to those it met."""

    __slots__ = ("decrements", "fills", "removals", "self_trade", "steps")

    def __init__(self) -> None:
        """Start with nothing done."""
        self.steps = 0
        self.self_trade = False
        """The incoming order ended by self-trade prevention."""
        self.fills: list[Fill] = []
        self.removals: list[Removal] = []
        self.decrements: list[Decrement] = []

    @property
    def touched(self) -> bool:
        """Tell whether a resting order was filled, removed or made smaller."""
        return self.steps > 0


def get_opposite(order: Order) -> BookSide:
    """Return the side that an order trades with."""
    return order.market.asks if order.side == BUY else order.market.bids


def is_crossing(order: Order, level: Level) -> bool:
    """Tell whether an order's price is at least as good as a level's."""
    if order.side == BUY:
        return level.price <= order.price
    return level.price >= order.price


def is_dead(state: WorkingState, order: Order) -> bool:
    """Tell whether an order's expiry has passed."""
    return 0 < order.expires_ms <= state.time_ms


def remove_resting(state: WorkingState, order: Order, reason: Ended) -> None:
    """Take a resting order out, release its reserve and remember its end."""
    release_reserve(state, order)
    state.take_out(order)
    state.remember_ended(order, reason)


def remove_dead_heads(state: WorkingState, order: Order, steps_max: int, out: Outcome) -> bool:
    """Remove dead orders from the head as far as the price reaches; False when steps ran out."""
    side = get_opposite(order)
    while True:
        level = side.get_best()
        if level is None or level.head is None or not is_crossing(order, level):
            return True
        if not is_dead(state, level.head):
            return True
        if out.steps >= steps_max:
            return False
        _expire(state, level.head, out)


def match_order(state: WorkingState, taker: Order, steps_max: int) -> Outcome:
    """Match an incoming order; its ``filled`` and ``remaining`` say what is left."""
    out = Outcome()
    side = get_opposite(taker)
    allows = taker.self_trade == _ALLOW
    filled, remaining = taker.filled, taker.remaining
    while remaining and out.steps < steps_max:
        level = side.get_best()
        if level is None or level.head is None or not is_crossing(taker, level):
            break
        maker = level.head
        if is_dead(state, maker):
            _expire(state, maker, out)
        elif maker.account is taker.account and not allows:
            remaining = _prevent_self_trade(state, taker, maker, remaining, out)
            if out.self_trade:
                break
        else:
            quantity = min(remaining, maker.remaining)
            settle_fill(state, taker, maker, quantity)
            out.fills.append(Fill(maker.account.owner, maker.client_id, maker.price, quantity))
            _reduce_maker(state, maker, quantity)
            filled += quantity
            remaining -= quantity
            out.steps += 1
    if out.fills:
        state.set_last_price(taker.market, out.fills[-1].price)
    if remaining != taker.remaining or filled != taker.filled:
        state.change_order(taker, filled, remaining)
    return out


def is_fillable(state: WorkingState, taker: Order, steps_max: int) -> tuple[bool, int]:
    """Walk the book as matching would; return whether all fills, and the orders looked at."""
    side = get_opposite(taker)
    needed, steps = taker.remaining, 0
    for place in reversed(side.places):
        level = side.levels[place]
        if not is_crossing(taker, level):
            break
        maker = level.head
        while maker is not None:
            if steps >= steps_max:
                return False, steps
            steps += 1
            if not is_dead(state, maker):
                own = maker.account is taker.account
                if not own or taker.self_trade == _ALLOW:
                    needed -= maker.remaining
                elif taker.self_trade != SelfTrade.CANCEL_OLDEST:
                    return False, steps
            if needed <= 0:
                return True, steps
            maker = maker.next
    return False, steps


def _expire(state: WorkingState, maker: Order, out: Outcome) -> None:
    remove_resting(state, maker, Ended.EXPIRED)
    out.removals.append(Removal(maker.account.owner, maker.client_id, Ended.EXPIRED))
    out.steps += 1


def _reduce_maker(state: WorkingState, maker: Order, quantity: int) -> None:
    state.change_order(maker, maker.filled + quantity, maker.remaining - quantity)
    if not maker.remaining:
        state.take_out(maker)
        state.remember_ended(maker, _FILLED)


def _prevent_self_trade(
    state: WorkingState, taker: Order, maker: Order, remaining: int, out: Outcome
) -> int:
    """Handle an own resting order as the incoming order's mode says; return what remains."""
    mode = taker.self_trade
    if mode == SelfTrade.CANCEL_NEWEST:
        out.self_trade = True
        return remaining
    out.steps += 1
    if mode == SelfTrade.DECREMENT:
        return _decrement(state, maker, remaining, out)
    remove_resting(state, maker, Ended.SELF_TRADE)
    out.removals.append(Removal(maker.account.owner, maker.client_id, Ended.SELF_TRADE))
    out.self_trade = mode == SelfTrade.CANCEL_BOTH
    return remaining


def _decrement(state: WorkingState, maker: Order, remaining: int, out: Outcome) -> int:
    quantity = min(remaining, maker.remaining)
    release_reserve(state, maker, quantity)
    state.change_order(maker, maker.filled, maker.remaining - quantity)
    if maker.remaining:
        out.decrements.append(Decrement(maker.client_id, quantity))
    else:
        state.take_out(maker)
        state.remember_ended(maker, Ended.SELF_TRADE)
        out.removals.append(Removal(maker.account.owner, maker.client_id, Ended.SELF_TRADE))
    out.self_trade = remaining == quantity
    return remaining - quantity
