"""Auctions written the plainest way: every tick is tried. See docs/spec/auctions.md."""

from collections.abc import Sequence
from typing import NamedTuple

from omg_abci.protocol import limits
from omg_abci.protocol.results import Trade, Uncrossed
from omg_abci.protocol.units import Ended, MarketStatus, Side, TimeInForce
from tests.model_book import IMMEDIATE_TIFS, close_order, end_by_chain, list_side
from tests.model_markets import (
    begin_auction,
    compute_renewed,
    is_in_band,
    note_fill,
    set_status,
)
from tests.model_state import Order, State

_TICKS_TRIED_MAX = 2_000
"""A wider span of prices is tried at the orders' prices and beside them only."""


class Pricing(NamedTuple):
    """What an auction would do."""

    price: int
    volume: int
    surplus: int


def compute_uniform_price(
    bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]], last_price: int
) -> Pricing | None:
    """Return the auction's price for (price, lots) pairs, None if nothing crosses."""
    if not bids or not asks:
        return None
    lowest, highest = min(price for price, _ in asks), max(price for price, _ in bids)
    ticks: Sequence[int] = range(lowest, highest + 1)
    if len(ticks) > _TICKS_TRIED_MAX:
        near = [price + d for price, _ in (*bids, *asks) for d in (-1, 0, 1)]
        ticks = sorted({each for each in (*near, last_price) if lowest <= each <= highest})
    found: list[Pricing] = []
    for tick in ticks:
        demand = sum(lots for price, lots in bids if price >= tick)
        supply = sum(lots for price, lots in asks if price <= tick)
        found.append(Pricing(tick, min(demand, supply), abs(demand - supply)))
    if not found:
        return None
    volume = max(each.volume for each in found)
    found = [each for each in found if each.volume == volume]
    surplus = min(each.surplus for each in found)
    found = [each for each in found if each.surplus == surplus]
    if last_price:
        return min(found, key=lambda each: (abs(each.price - last_price), each.price))
    return found[0]._replace(price=(found[0].price + found[-1].price) // 2)


def price_market(state: State, number: int, without: Sequence[Order] = ()) -> Pricing | None:
    """Return the price of a market's live resting orders, some left out."""
    keys = {order.key for order in without}
    sides = [
        [
            (order.price, order.remaining)
            for order in list_side(state, number, side)
            if order.key not in keys and not state.find_death(order)
        ]
        for side in (Side.BUY, Side.SELL)
    ]
    return compute_uniform_price(sides[0], sides[1], state.markets[number].last_price)


def list_reaching(state: State, number: int, side: int, price: int) -> list[Order]:
    """Return a side's resting orders, live or dead, that reach a price, in book order."""
    orders = list_side(state, number, side)
    if side == Side.BUY:
        return [each for each in orders if each.price >= price]
    return [each for each in orders if each.price <= price]


# --- pairs ------------------------------------------------------------------------------------


def trade_pairs(state: State, number: int, price: int, limit: int) -> bool:
    """Trade at a price; return False when pairs are left, but no steps."""
    while True:
        bids = list_reaching(state, number, Side.BUY, price)
        asks = list_reaching(state, number, Side.SELL, price)
        if not bids or not asks:
            return True
        if state.steps >= limit:
            return False
        state.steps += 1
        if state.find_death(bids[0]):
            end_by_chain(state, bids[0], Ended.OPEN)
        elif state.find_death(asks[0]):
            end_by_chain(state, asks[0], Ended.OPEN)
        else:
            trade_pair(state, bids[0], asks[0], price)


def trade_pair(state: State, bid: Order, ask: Order, price: int) -> None:
    """Trade what two orders have in common."""
    market = state.markets[bid.market]
    lots = min(bid.remaining, ask.remaining)
    released = lots * (bid.price - price) * market.quote_unit
    state.add_free((bid.owner, bid.subaccount, market.quote), released)
    state.add_free((bid.owner, bid.subaccount, market.base), lots * market.base_unit)
    paid = lots * price * market.quote_unit
    state.add_free((ask.owner, ask.subaccount, market.quote), paid)
    sides = bid.owner, bid.client_id, ask.owner, ask.client_id
    state.events.append(Trade(bid.market, price, lots, *sides))
    for order in (bid, ask):
        filled = order._replace(filled=order.filled + lots)
        if filled.remaining == 0:
            close_order(state, filled, Ended.FILLED)
        else:
            tip = min(filled.display, filled.remaining) if filled.tip else 0
            state.orders[order.key] = filled._replace(tip=tip)
    note_fill(state, bid.market, price)


# --- call auctions ----------------------------------------------------------------------------


def open_uncrossing(state: State, number: int) -> None:
    """Price the call auction whose time has come."""
    pricing = price_market(state, number)
    market = state.markets[number]
    if pricing is None:
        state.events.append(Uncrossed(number, 0, 0))
        state.markets[number] = market._replace(reference=0)
        set_status(state, number, MarketStatus.ACTIVE)
        return
    state.events.append(Uncrossed(number, pricing.price, pricing.volume))
    market = market._replace(auction_price=pricing.price)
    if market.band_bp:
        market = market._replace(reference=pricing.price, reference_ms=state.now)
    state.markets[number] = market
    set_status(state, number, MarketStatus.UNCROSSING)


def work_pairs(state: State, number: int, limit: int) -> None:
    """Go on with an auction that is being executed."""
    while trade_pairs(state, number, state.markets[number].auction_price, limit):
        pricing = price_market(state, number)
        market = state.markets[number]
        if pricing is None:
            state.markets[number] = market._replace(auction_price=0)
            set_status(state, number, MarketStatus.ACTIVE)
            if market.is_batch:
                remove_immediate(state, number, Ended.IMMEDIATE)
            return
        state.markets[number] = market._replace(auction_price=pricing.price)
        state.events.append(Uncrossed(number, pricing.price, pricing.volume))


# --- batch auctions ---------------------------------------------------------------------------


def list_immediate(state: State, number: int) -> list[Order]:
    """Return a batch market's orders that do not outlive its auction, oldest first."""
    found = [
        each
        for each in state.orders.values()
        if each.market == number and not each.trigger and each.time_in_force in IMMEDIATE_TIFS
    ]
    return sorted(found, key=lambda each: each.priority)


def remove_immediate(state: State, number: int, reason: int) -> None:
    """Remove the immediate orders that are left."""
    for order in list_immediate(state, number):
        end_by_chain(state, order, reason)


def work_batch(state: State, number: int, limit: int) -> None:
    """Hold the auction of this block."""
    status = state.markets[number].status
    if status == MarketStatus.UNCROSSING:
        return
    if status != MarketStatus.ACTIVE:
        remove_immediate(state, number, Ended.HALTED)
        return
    for order in list_excluded(state, number, limit):
        end_by_chain(state, order, Ended.UNFILLED)
    pricing = price_market(state, number)
    if pricing:
        market = compute_renewed(state, state.markets[number])
        state.markets[number] = market
        if not is_in_band(market, pricing.price):
            begin_auction(state, number)
            remove_immediate(state, number, Ended.HALTED)
            return
    while pricing:
        state.events.append(Uncrossed(number, pricing.price, pricing.volume))
        if not trade_pairs(state, number, pricing.price, limit):
            market = state.markets[number]
            state.markets[number] = market._replace(auction_price=pricing.price)
            set_status(state, number, MarketStatus.UNCROSSING)
            return
        pricing = price_market(state, number)
    remove_immediate(state, number, Ended.IMMEDIATE)


def list_excluded(state: State, number: int, limit: int) -> list[Order]:
    """Return the live fill-or-kill orders that take no part in the auction, oldest first."""
    fill_or_kill = [
        each
        for each in list_immediate(state, number)
        if each.time_in_force == TimeInForce.FOK and not state.find_death(each)
    ]
    excluded: list[Order] = []
    for _ in range(limits.FOK_ROUNDS_MAX):
        left = [each for each in fill_or_kill if each not in excluded]
        pricing = price_market(state, number, excluded)
        unfilled = [each for each in left if not is_filled(state, each, pricing, excluded)]
        if not unfilled:
            if (
                left
                and pricing
                and count_reaching(state, number, pricing, excluded) > (limit - state.steps)
            ):
                return fill_or_kill
            return sorted(excluded, key=lambda each: each.priority)
        excluded += unfilled
    return fill_or_kill


def count_reaching(state: State, number: int, pricing: Pricing, without: list[Order]) -> int:
    """Return how many resting orders, live or dead, reach the price, some left out."""
    bids = list_reaching(state, number, Side.BUY, pricing.price)
    asks = list_reaching(state, number, Side.SELL, pricing.price)
    return len([each for each in (*bids, *asks) if each not in without])


def is_filled(state: State, order: Order, pricing: Pricing | None, without: list[Order]) -> bool:
    """Tell whether book order gives an order all that it wants."""
    if pricing is None:
        return False
    left = pricing.volume
    for each in list_reaching(state, order.market, order.side, pricing.price):
        if each not in without and not state.find_death(each):
            if each.key == order.key:
                return left >= order.remaining
            left -= min(each.remaining, left)
    return False
