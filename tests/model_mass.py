"""Mass work written the plainest way: timers, auctions, removals, delisting, triggers.

Every step counts in `state.steps`; a phase stops where it reaches its limit. See
docs/spec/blocks.md.
"""

from collections.abc import Callable

from omg_abci.protocol import limits
from omg_abci.protocol.results import Activated, LegResult, StatusChanged
from omg_abci.protocol.units import Ended, MarketStatus, Side, TimeInForce
from tests.model_auction import open_uncrossing, work_batch, work_pairs
from tests.model_book import (
    Taker,
    end_by_chain,
    finish_order,
    list_side,
    match_order,
    open_order,
    preview_fill,
    remember,
)
from tests.model_expiry import expire_records
from tests.model_markets import compute_renewed, set_status
from tests.model_orders import is_reached, is_rising
from tests.model_stake_blocks import work_maturities
from tests.model_state import Market, Order, State


def work_start(state: State) -> None:
    """Do what is due before the block's transactions."""
    limit = min(limits.MASS_START_MAX, limits.MASS_STEPS_MAX)
    state.steps = 0
    work_timers(state)
    for_each_market(state, is_uncrossing, work_pairs, min(limit, limits.MASS_PAIRS_MAX))
    remove_due(state, limit)
    for_each_market(state, is_delisting, work_delisting, limit)


def work_end(state: State) -> None:
    """Do what is due after them."""
    limit = limits.MASS_STEPS_MAX
    for_auctions = max(0, limit - state.steps - limits.MASS_TRIGGERS_MIN)
    for_each_market(state, is_batch, work_batch, state.steps + for_auctions)
    for_each_market(state, is_active, work_triggers, limit)
    remove_due(state, limit)
    for_each_market(state, is_delisting, work_delisting, limit)
    if state.stake.terms:
        work_maturities(state)
    expire_records(state)


def for_each_market(
    state: State,
    wanted: Callable[[Market], bool],
    work: Callable[[State, int, int], None],
    limit: int,
) -> None:
    """Do one kind of work in the markets that have it, ascending by id."""
    for number in sorted(state.markets):
        if wanted(state.markets[number]):
            work(state, number, limit)


def is_uncrossing(market: Market) -> bool:
    """Tell whether an auction goes on."""
    return market.status == MarketStatus.UNCROSSING


def is_delisting(market: Market) -> bool:
    """Tell whether a market is being emptied."""
    return market.status == MarketStatus.DELISTING


def is_batch(market: Market) -> bool:
    """Tell whether the market holds an auction a block."""
    return market.is_batch


def is_active(market: Market) -> bool:
    """Tell whether the market trades."""
    return market.status == MarketStatus.ACTIVE


def work_timers(state: State) -> None:
    """Do what the markets' times ask for."""
    due = [
        (market.until_ms, number)
        for number, market in state.markets.items()
        if 0 < market.until_ms <= state.now
    ]
    for _, number in sorted(due):
        if state.markets[number].status == MarketStatus.AUCTION:
            open_uncrossing(state, number)
        else:
            set_status(state, number, MarketStatus.DELISTING)


# --- removals ---------------------------------------------------------------------------------


def remove_due(state: State, limit: int) -> None:
    """Remove expired orders, switched orders and old tombstones as far as the steps reach."""
    by_time = [each for each in state.orders.values() if 0 < each.expires_ms <= state.now]
    by_time.sort(key=lambda each: (each.expires_ms, each.priority))
    by_height = [each for each in state.orders.values() if 0 < each.expires_height < state.height]
    by_height.sort(key=lambda each: (each.expires_height, each.priority))
    for order in (by_time + by_height)[: max(0, limit - state.steps)]:
        end_by_chain(state, order, Ended.EXPIRED)
        state.steps += 1
    fired = [(at_ms, owner) for owner, at_ms in state.switches.items() if at_ms <= state.now]
    for _, owner in sorted(fired):
        work_switch(state, owner, limit)
    dead = [(until, *key) for key, until in state.tombstones.items() if until <= state.now]
    for _, owner, client_id in sorted(dead)[: max(0, limit - state.steps)]:
        del state.tombstones[owner, client_id]
        state.steps += 1


def work_switch(state: State, owner: bytes, limit: int) -> None:
    """Remove the orders of an owner whose switch has fired; put it off with the last."""
    while owner in state.switches and state.steps < limit:
        state.steps += 1
        owned = state.list_owned(owner)
        if owned:
            end_by_chain(state, owned[0], Ended.SWITCHED)
        if len(owned) <= 1:
            del state.switches[owner]


def work_delisting(state: State, number: int, limit: int) -> None:
    """Remove a market's orders, and the market with the last one."""
    bids, asks = list_side(state, number, Side.BUY), list_side(state, number, Side.SELL)
    waiting = list_waiting(state, number)
    waiting.sort(key=lambda each: each.priority)
    for order in (*bids, *asks, *waiting):
        if state.steps >= limit:
            return
        end_by_chain(state, order, Ended.DELISTED)
        state.steps += 1
    market = state.markets.pop(number)
    if market.bond:
        state.add_free((market.creator, 0, state.fee_token), market.bond)
    state.events.append(StatusChanged(number, MarketStatus.GONE, 0))


# --- triggers ---------------------------------------------------------------------------------


def list_waiting(state: State, number: int) -> list[Order]:
    """Return a market's orders that wait for their trigger."""
    return [each for each in state.orders.values() if each.market == number and each.trigger]


def find_reached(state: State, number: int) -> Order | None:
    """Return the waiting order that is next to be activated."""
    reached = [
        each for each in list_waiting(state, number) if is_reached(state.markets[number], each)
    ]
    rising = [each for each in reached if is_rising(each)]
    falling = [each for each in reached if not is_rising(each)]
    rising.sort(key=lambda each: (each.trigger, each.priority))
    falling.sort(key=lambda each: (-each.trigger, each.priority))
    return next(iter((*rising, *falling)), None)


def work_triggers(state: State, number: int, limit: int) -> None:
    """Activate the orders whose trigger was reached, and those that they reach."""
    while state.markets[number].status == MarketStatus.ACTIVE:
        if state.now < state.post_only_until:
            return
        market = state.markets[number]
        order = find_reached(state, number)
        if order is None:
            last = market.last_price
            state.markets[number] = market._replace(low=last, high=last)
            return
        needed = 1 if market.is_batch else 1 + order.max_matches
        if limit - state.steps < needed:
            return
        state.steps += 1
        if state.find_death(order):
            end_by_chain(state, order, Ended.OPEN)
        else:
            activate(state, order)


def activate(state: State, order: Order) -> None:
    """Let a waiting order become a limit order."""
    del state.orders[order.key]
    state.add_free(*state.compute_reserve(order))
    taker = Taker(order._replace(trigger=0, max_matches=0), order.max_matches)
    if state.markets[order.market].is_batch:
        open_order(state, taker.order)
        result = LegResult(resting=order.remaining)
    else:
        result = match_activated(state, taker)
    state.events.append(Activated(order.owner, order.client_id, result))


def match_activated(state: State, taker: Taker) -> LegResult:
    """Match an activated order in a continuous market."""
    number = taker.order.market
    state.markets[number] = compute_renewed(state, state.markets[number])
    if taker.order.time_in_force == TimeInForce.FOK and not preview_fill(state, taker)[0]:
        remember(state, taker.order, Ended.UNFILLED)
        return LegResult(ended=Ended.UNFILLED)
    match_order(state, taker)
    finish_order(state, taker)
    state.steps += taker.steps
    return taker.report()[0]
