"""Auctions at one price: call auctions and batch markets (docs/spec/auctions.md).

Both trade the ordinary book, which may be crossed until they are over. The price depends on the
live resting orders alone; fills are made in pairs, in book order, so priority rations the margin.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate
from typing import Final, NamedTuple

from omg_abci.protocol import limits
from omg_abci.protocol.results import Trade, Uncrossed
from omg_abci.protocol.units import BUY, Ended, Lots, MarketStatus, Ticks, TimeInForce
from omg_abci.rules.auction_interest import Interest, get_interest, is_live
from omg_abci.rules.markets import (
    change_status,
    halt,
    is_in_band,
    note_first_fill,
    renew_reference,
)
from omg_abci.rules.orderbook import get_death
from omg_abci.rules.removals import end_order
from omg_abci.rules.settlement import get_take
from omg_abci.state.book import BookSide, Order
from omg_abci.state.objects import Market
from omg_abci.state.working import WorkingState

_ACTIVE: Final = int(MarketStatus.ACTIVE)
_UNCROSSING: Final = int(MarketStatus.UNCROSSING)
_FOK: Final = int(TimeInForce.FOK)


# --- the price --------------------------------------------------------------------------------


class Pricing(NamedTuple):
    """What an auction would do now."""

    price: Ticks
    volume: Lots
    surplus: Lots
    """What is left over at the price, on whichever side has more."""


class _Ladder:
    """One side's prices, ascending, and the lots of all orders before each of them."""

    __slots__ = ("prices", "totals")

    def __init__(self, pairs: Iterable[tuple[Ticks, Lots]]) -> None:
        ordered = sorted([pair for pair in pairs if pair[1]])
        self.prices = [price for price, _ in ordered]
        self.totals = [0, *accumulate([lots for _, lots in ordered])]

    def sum_from(self, price: Ticks) -> Lots:
        """Return the lots at a price and above."""
        return self.totals[-1] - self.totals[bisect_left(self.prices, price)]

    def sum_to(self, price: Ticks) -> Lots:
        """Return the lots at a price and below."""
        return self.totals[bisect_right(self.prices, price)]

    def get_below(self, price: Ticks) -> Ticks:
        """Return the greatest price below, 0 when there is none."""
        place = bisect_left(self.prices, price)
        return self.prices[place - 1] if place else 0

    def get_above(self, price: Ticks) -> Ticks:
        """Return the smallest price above, one that no order has when there is none."""
        place = bisect_right(self.prices, price)
        return self.prices[place] if place < len(self.prices) else limits.PRICE_TICKS_MAX + 1


def compute_uniform_price(
    bids: Iterable[tuple[Ticks, Lots]], asks: Iterable[tuple[Ticks, Lots]], last_price: Ticks
) -> Pricing | None:
    """Return the price of greatest volume, least surplus, nearest to the last; None: no cross.

    Takes (price, lots) in any order. As the price rises demand falls and supply grows, so the best
    is where supply overtakes demand: at the last tick before, or at the first tick after, and at
    the ticks beside them up to the next order's price.
    """
    buys, sells = _Ladder(bids), _Ladder(asks)
    if not buys.prices or not sells.prices or buys.prices[-1] < sells.prices[0]:
        return None
    lowest, highest = sells.prices[0], buys.prices[-1]
    first, last = lowest, highest + 1
    while first < last:
        middle = (first + last) >> 1
        if sells.sum_to(middle) > buys.sum_from(middle):
            last = middle
        else:
            first = middle + 1
    before, after = first - 1, first
    # Volume and the negative surplus on both sides of the turn: the greater is the better.
    left = (sells.sum_to(before), sells.sum_to(before) - buys.sum_from(before))
    right = (buys.sum_from(after), buys.sum_from(after) - sells.sum_to(after))
    low = high = before
    if left >= right:
        low = max(sells.get_below(before + 1), buys.get_below(before) + 1)
    if right >= left:
        high = min(buys.get_above(after - 1), sells.get_above(after) - 1)
        low = low if left == right else after
    volume, surplus = max(left, right)
    chosen = min(max(last_price, low), high) if last_price else (low + high) >> 1
    return Pricing(chosen, volume, -surplus)


# --- the book ---------------------------------------------------------------------------------


def get_pricing(state: WorkingState, market: Market) -> Pricing | None:
    """Return what an auction over the book as it stands would do; None: nothing crosses."""
    bids, asks = get_interest(state, market)
    return _price(bids, asks, market.last_price)


def _price(bids: Interest, asks: Interest, last_price: Ticks) -> Pricing | None:
    return compute_uniform_price(bids.lots.items(), asks.lots.items(), last_price)


# --- fills ------------------------------------------------------------------------------------


def _make_pairs(
    state: WorkingState, market: Market, price: Ticks, steps_max: int
) -> tuple[int, Ticks]:
    """Trade at the price, then at new ones while the book crosses.

    Return the steps used and the price at which pairs are left, 0 when the auction is over.
    """
    steps = 0
    while True:
        used, done = _make_pairs_at(state, market, price, steps_max - steps)
        steps += used
        if not done:
            return steps, price
        pricing = get_pricing(state, market)
        if pricing is None:
            return steps, 0
        price = pricing.price
        state.add_event(Uncrossed(market.id, price, pricing.volume))


def _make_pairs_at(
    state: WorkingState, market: Market, price: Ticks, steps_max: int
) -> tuple[int, bool]:
    """Trade at one price; return the steps used, and whether no pair is left."""
    steps = 0
    while True:
        bid, ask = _get_head(market.bids, price), _get_head(market.asks, price)
        if bid is None or ask is None:
            return steps, True
        if steps >= steps_max:
            return steps, False
        steps += 1
        if get_death(state, bid):
            end_order(state, bid, Ended.EXPIRED)
        elif get_death(state, ask):
            end_order(state, ask, Ended.EXPIRED)
        else:
            _trade(state, bid, ask, price)


def _get_head(side: BookSide, price: Ticks) -> Order | None:
    """Return a side's first order if it reaches the price."""
    level = side.get_best()
    if level is None or level.place < price * side.sign:
        return None
    return level.head


def _trade(state: WorkingState, bid: Order, ask: Order, price: Ticks) -> None:
    """Exchange base for quote; the buyer gets back what it had reserved above the price."""
    market = bid.market
    quantity = min(bid.remaining, ask.remaining)
    base = quantity * market.base_unit
    unit = quantity * market.quote_unit
    state.change_balance(bid.give, (bid.price - price) * unit, -bid.price * unit)
    state.change_balance(ask.give, 0, -base)
    state.change_balance(get_take(state, bid), base, 0)
    state.change_balance(get_take(state, ask), price * unit, 0)
    note_first_fill(state, market, price)
    state.set_last_price(market, price)
    buyer, seller = bid.account.owner, ask.account.owner
    state.add_event(Trade(market.id, price, quantity, buyer, bid.client_id, seller, ask.client_id))
    _fill(state, bid, quantity)
    _fill(state, ask, quantity)


def _fill(state: WorkingState, order: Order, quantity: Lots) -> None:
    remaining = order.remaining - quantity
    if not remaining:
        state.end_order(order, Ended.FILLED, order.filled + quantity, 0)
        return
    state.change_order(order, order.filled + quantity, remaining)
    if order.special is not None and order.special.display:
        state.change_tip(order, min(order.special.display, remaining))


# --- call auctions ----------------------------------------------------------------------------


def open_uncrossing(state: WorkingState, market: Market) -> None:
    """Price a call auction whose time has come; its pairs are made by `work_pairs`."""
    pricing = get_pricing(state, market)
    banded = market.band_bp > 0
    if pricing is None:
        if banded:
            state.set_market(market, reference=0)
        state.add_event(Uncrossed(market.id, 0, 0))
        change_status(state, market, _ACTIVE, 0)
        return
    state.add_event(Uncrossed(market.id, pricing.price, pricing.volume))
    state.set_market(market, auction_price=pricing.price)
    if banded:
        state.set_market(market, reference=pricing.price, reference_ms=state.time_ms)
    change_status(state, market, _UNCROSSING, 0)


def work_pairs(state: WorkingState, market: Market, steps_left: int) -> int:
    """Go on with a market that is uncrossing; return the steps used."""
    if market.status != _UNCROSSING:
        return 0
    steps, price = _make_pairs(state, market, market.auction_price, steps_left)
    if price != market.auction_price:
        state.set_market(market, auction_price=price)
    if not price:
        change_status(state, market, _ACTIVE, 0)
        _end_immediate(state, market, Ended.IMMEDIATE)
    return steps


# --- batch auctions ---------------------------------------------------------------------------


def work_batch(state: WorkingState, market: Market, steps_left: int) -> int:
    """Hold a batch market's auction at the end of a block; return the steps used."""
    if market.status == _UNCROSSING:
        return 0
    if market.status != _ACTIVE:
        _end_immediate(state, market, Ended.HALTED)
        return 0
    excluded, pricing = _exclude(state, market, steps_left)
    for order in sorted(excluded, key=_get_priority):
        end_order(state, order, Ended.UNFILLED)
    if pricing is None:
        _end_immediate(state, market, Ended.IMMEDIATE)
        return 0
    renew_reference(state, market)
    if not is_in_band(market, pricing.price):
        halt(state, market)
        _end_immediate(state, market, Ended.HALTED)
        return 0
    state.add_event(Uncrossed(market.id, pricing.price, pricing.volume))
    steps, price = _make_pairs(state, market, pricing.price, steps_left)
    if price:
        state.set_market(market, auction_price=price)
        change_status(state, market, _UNCROSSING, 0)
    else:
        _end_immediate(state, market, Ended.IMMEDIATE)
    return steps


def _exclude(
    state: WorkingState, market: Market, steps_left: int
) -> tuple[list[Order], Pricing | None]:
    """Return the fill-or-kill orders that cannot be filled, and the auction without them."""
    bids, asks = get_interest(state, market)
    pricing = _price(bids, asks, market.last_price)
    excluded: list[Order] = []
    left = _get_live_foks(state, market)
    rounds = 0
    while left:
        filled = _find_filled(bids, pricing) | _find_filled(asks, pricing)
        if len(filled) == len(left):
            break
        rounds += 1
        if rounds == limits.FOK_ROUNDS_MAX:
            filled = {}
        failing = [order for order in left if order not in filled]
        _leave_out(bids, asks, failing)
        excluded += failing
        left = list(filled)
        pricing = _price(bids, asks, market.last_price)
    if left and pricing and _count_reaching(bids, asks, pricing.price) > steps_left:
        _leave_out(bids, asks, left)
        excluded += left
        pricing = _price(bids, asks, market.last_price)
    return excluded, pricing


def _get_live_foks(state: WorkingState, market: Market) -> list[Order]:
    return [
        order for order in market.immediate if order.time_in_force == _FOK and is_live(state, order)
    ]


def _find_filled(side: Interest, pricing: Pricing | None) -> dict[Order, None]:
    """Return the fill-or-kill orders of a side that the auction fills in full.

    An order inside the first lots of its side, as many as the volume, reaches the price. What is
    ahead of it is still there: all behind the first that fails fail with it, and as orders are
    left out the volume never grows.
    """
    if pricing is None:
        return {}
    return {order: None for order, ahead in side.foks if ahead + order.remaining <= pricing.volume}


def _leave_out(bids: Interest, asks: Interest, orders: list[Order]) -> None:
    for order in orders:
        side = bids if order.side == BUY else asks
        if order.price in side.lots:
            side.lots[order.price] -= order.remaining
            side.counts[order.price] -= 1


def _count_reaching(bids: Interest, asks: Interest, price: Ticks) -> int:
    """Return how many orders that take part, and dead ones, reach a price."""
    buyers = sum([count for at, count in bids.counts.items() if at >= price])
    return buyers + sum([count for at, count in asks.counts.items() if at <= price])


def _end_immediate(state: WorkingState, market: Market, reason: Ended) -> None:
    for order in sorted(market.immediate, key=_get_priority):
        end_order(state, order, reason)


def _get_priority(order: Order) -> int:
    return order.priority
