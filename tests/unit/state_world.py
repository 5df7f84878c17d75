"""A small state, orders for it, and everything that can be said of it: what its tests share."""

from typing import NamedTuple

from omg_abci.protocol.units import (
    BUY,
    MarketMode,
    MarketStatus,
    OrderType,
    PostOnly,
    SelfTrade,
    TimeInForce,
)
from omg_abci.state.book import NO_PLACE, BookSide, Order, Special
from omg_abci.state.diff import (
    compute_changes,
    compute_records,
    encode_block,
    iterate_open_orders,
    store_changes,
)
from omg_abci.state.loading import load_state
from omg_abci.state.objects import Market
from omg_abci.state.records import MarketRecord
from omg_abci.state.working import WorkingState

CHAIN_ID = "omg-state"
OWNERS = [bytes([number]) * 20 for number in (1, 2, 3)]
CONTINUOUS = MarketRecord(1, 2, 1, 1, 1, 1 << 30, MarketStatus.ACTIVE)
BATCH = CONTINUOUS._replace(mode=int(MarketMode.BATCH))
TIME_MS = 1_000_000


class Terms(NamedTuple):
    """What an order is made of; a plain bid of one lot if nothing else is said."""

    client_id: int = 1
    side: int = BUY
    price: int = 100
    quantity: int = 10
    order_type: int = OrderType.LIMIT
    time_in_force: int = TimeInForce.GTC
    post_only: int = PostOnly.NONE
    expires_ms: int = 0
    expires_height: int = 0
    display: int = 0
    trigger: int = 0
    max_matches: int = 0


def make_state(*records: MarketRecord) -> WorkingState:
    """Return a loaded state with markets of these terms, at height 7."""
    state = WorkingState(CHAIN_ID)
    state.height, state.time_ms = 7, TIME_MS - 250
    for number, record in enumerate(records or (CONTINUOUS, BATCH), 1):
        state.markets[number] = Market(number, record)
    state.next_market = len(state.markets) + 1
    state.block_stored = encode_block(state)
    return reload_state(state)


def reload_state(state: WorkingState) -> WorkingState:
    """Return the state that a restart makes of what is remembered."""
    return load_state(CHAIN_ID, compute_records(state))


def begin(state: WorkingState, time_ms: int = 0) -> None:
    """Open the next block."""
    state.begin_block(state.height + 1, time_ms or state.time_ms + 250, bytes(32))


def commit(state: WorkingState) -> None:
    """Close the block as a node does."""
    store_changes(state, compute_changes(state))
    state.commit()


def make_order(state: WorkingState, owner: bytes, market: Market, terms: Terms) -> Order:
    """Return an order that is not open yet."""
    order = Order()
    order.account = state.get_account(owner)
    order.market = market
    order.client_id = terms.client_id
    order.side = terms.side
    order.order_type = terms.order_type
    order.time_in_force = terms.time_in_force
    order.post_only = terms.post_only
    order.self_trade = SelfTrade.CANCEL_NEWEST
    order.subaccount = 0
    order.price = terms.price
    order.filled = 0
    order.remaining = terms.quantity
    order.priority = 0
    order.expires_ms = terms.expires_ms
    order.level = None
    order.stored = None
    order.owner_list = None
    more = (terms.display, 0, terms.trigger, terms.expires_height, terms.max_matches)
    order.special = Special(*more) if any(more) else None
    base = state.get_balance(owner, 0, market.record.base)
    quote = state.get_balance(owner, 0, market.record.quote)
    order.give, order.take = (quote, base) if terms.side == BUY else (base, quote)
    return order


def place(state: WorkingState, owner: bytes = OWNERS[0], market: int = 1, **terms: int) -> Order:
    """Open an order, which rests or waits, and return it."""
    order = make_order(state, owner, state.markets[market], Terms(**terms))
    if order.special is not None and order.special.trigger:
        state.wait_order(order)
    else:
        state.rest_order(order)
    return order


# --- what can be said of a state --------------------------------------------------------------


class View(NamedTuple):
    """Everything that rules can see; two states with equal views behave the same."""

    records: list[tuple[bytes, bytes]]
    books: object
    owners: object
    due: object
    events: object


def view(state: WorkingState) -> View:
    """Return what the state says and in which order it would come to light."""
    return View(
        compute_records(state),
        {number: _view_market(state.markets[number]) for number in sorted(state.markets)},
        [found for owner in sorted(state.accounts) if any(found := _view_account(state, owner))],
        _view_due(state),
        list(state.events),
    )


def _name(order: Order) -> tuple[object, ...]:
    special = order.special
    more = () if special is None else tuple(getattr(special, name) for name in Special.__slots__)
    return (
        order.account.owner,
        order.client_id,
        order.order_type,
        order.time_in_force,
        order.post_only,
        order.self_trade,
        order.price,
        order.filled,
        order.remaining,
        order.priority,
        order.expires_ms,
        order.stored,
        order.is_waiting,
        order.available,
        more,
    )


def _view_side(side: BookSide) -> list[object]:
    """Return the levels as both their links say, best first."""
    assert sorted(side.places) == side.places
    assert len(side.places) == len(side.levels)
    assert side.best == (side.places[-1] if side.places else NO_PLACE)
    levels: list[object] = []
    for place_ in reversed(side.places):
        level = side.levels[place_]
        forward, order = [], level.head
        while order is not None:
            assert order.level is level
            forward.append(order)
            order = order.next
        backward, order = [], level.tail
        while order is not None:
            backward.append(order)
            order = order.previous
        assert forward == backward[::-1] != []
        levels.append((level.price, [_name(order) for order in forward]))
    return levels


def _view_market(market: Market) -> tuple[object, ...]:
    immediate = sorted(order.priority for order in market.immediate)
    dynamic = [getattr(market, name) for name in sorted(MARKET_FIELDS)]
    waiting = [
        sorted({entry[:2] for entry in heap if is_waiting_entry(entry, sign)})
        for heap, sign in ((market.rising, 1), (market.falling, -1))
    ]
    sides = (market.bids, market.asks, market.waiting.side)
    return (
        *[_view_side(side) for side in sides],
        immediate,
        dynamic,
        waiting,
        market.open_orders,
        market.orders_sum,
    )


MARKET_FIELDS = (
    "status",
    "until_ms",
    "last_price",
    "low",
    "high",
    "reference",
    "reference_ms",
    "auction_price",
)


def is_waiting_entry(entry: tuple[int, int, int, Order], sign: int) -> bool:
    """Tell whether an entry of a market's heap says something."""
    order = entry[3]
    if order.special is None or not order.is_waiting:
        return False
    return entry[:2] == (sign * order.special.trigger, order.priority)


def _view_account(state: WorkingState, owner: bytes) -> tuple[object, ...]:
    """Return what an account has open and remembers, as all its links and tables say."""
    account = state.accounts[owner]
    orders = list(iterate_open_orders(account))
    for owner_list in account.lists.values():
        backward, order = [], owner_list.tail
        while order is not None:
            backward.append(order.priority)
            order = order.owner_previous
        assert sorted(backward, reverse=True) == backward
    assert {order.client_id: order for order in orders} == account.orders
    assert len(orders) == account.open_orders
    assert set(account.nonce_heap) >= set(account.nonce_pages)
    return ([_name(order) for order in orders], account.orders_sum, sorted(account.ended.items()))


def _view_due(state: WorkingState) -> list[object]:
    """Return what the heaps would bring to light if they were emptied."""
    by_time = {
        entry[:2]
        for entry in state.order_expiries
        if entry[3].is_open and entry[:2] == (entry[3].expires_ms, entry[3].priority)
    }
    by_height = {
        entry[:2]
        for entry in state.height_expiries
        if entry[3].is_open
        and entry[3].special is not None
        and entry[:2] == (entry[3].special.expires_height, entry[3].priority)
    }
    switches = {
        entry
        for entry in state.switch_expiries
        if state.get_account(entry[1]).switch_ms == entry[0]
    }
    tombstones = {
        entry
        for entry in state.tombstone_expiries
        if state.get_account(entry[1]).tombstones.get(entry[2]) == entry[0]
    }
    timers = {
        entry
        for entry in state.market_timers
        if entry[1] in state.markets and state.markets[entry[1]].until_ms == entry[0]
    }
    return [sorted(found) for found in (by_time, by_height, switches, tombstones, timers)]


def check_complete(state: WorkingState) -> None:
    """Assert that nothing that ends by itself, and no work, is missing where it is looked for."""
    due = _view_due(state)
    orders = [order for account in state.accounts.values() for order in account.orders.values()]
    assert due[0] == sorted((each.expires_ms, each.priority) for each in orders if each.expires_ms)
    heights = [(each.special.expires_height, each.priority) for each in orders if each.special]
    assert due[1] == sorted(found for found in heights if found[0])
    accounts = state.accounts.values()
    assert due[2] == sorted((each.switch_ms, each.owner) for each in accounts if each.switch_ms)
    markets = [state.markets[number] for number in sorted(state.markets)]
    assert due[4] == sorted((each.until_ms, each.id) for each in markets if each.until_ms)
    waiting = [order for order in orders if order.is_waiting]
    for market in markets:
        own = [order for order in waiting if order.market is market]
        heaps = [(market.rising, 1), (market.falling, -1)]
        found = {
            entry[3] for heap, sign in heaps for entry in heap if is_waiting_entry(entry, sign)
        }
        assert found == set(own)
        _check_waiting_level(market, own)
        _check_work(state, market)


def _check_waiting_level(market: Market, waiting: list[Order]) -> None:
    found, order = [], market.waiting.head
    while order is not None:
        found.append(order)
        order = order.next
    assert found == sorted(waiting, key=lambda each: each.priority)


def _check_work(state: WorkingState, market: Market) -> None:
    if market.status == MarketStatus.UNCROSSING:
        assert state.uncrossing_work[market.id] is market
    if market.status == MarketStatus.DELISTING:
        assert state.delisting_work[market.id] is market
    if market.immediate:
        assert state.batch_work[market.id] is market
    if market.high and not market.low == market.high == market.last_price:
        assert state.trigger_work[market.id] is market
