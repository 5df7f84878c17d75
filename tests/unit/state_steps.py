"""Random writes to a state, chosen from the state alone: equal states choose equal writes."""

from collections.abc import Callable
from random import Random

from omg_abci.protocol.results import StatusChanged
from omg_abci.protocol.units import RESTS, Ended, MarketStatus, OrderType, TimeInForce
from omg_abci.state import schema
from omg_abci.state.book import Order
from omg_abci.state.keyed_records import IssueRecord
from omg_abci.state.objects import Market
from omg_abci.state.records import AgentRecord, TokenRecord
from omg_abci.state.working import WorkingState
from tests.unit import state_world as world

Step = Callable[[WorkingState, Random], None]


def list_orders(state: WorkingState) -> list[Order]:
    """Return all open orders by owner and client id."""
    return [
        state.accounts[owner].orders[client_id]
        for owner in sorted(state.accounts)
        for client_id in sorted(state.accounts[owner].orders)
    ]


def pick_market(state: WorkingState, random: Random) -> Market:
    """Return one of the markets."""
    return state.markets[random.choice(sorted(state.markets))]


def draw_terms(random: Random, client_id: int, market: Market) -> world.Terms:
    """Return terms that the market takes."""
    kind = random.choice([OrderType.LIMIT] * 3 + list(OrderType)[2:])
    time_in_force = random.choice([TimeInForce.GTC, TimeInForce.GTT, TimeInForce.GTH])
    if kind != OrderType.ICEBERG and (market.is_batch or kind != OrderType.LIMIT):
        time_in_force = random.choice(list(TimeInForce))
    waits = kind in (OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT)
    return world.Terms(
        client_id=client_id,
        side=random.choice([1, 2]),
        price=random.randint(98, 102),
        quantity=random.randint(5, 20),
        order_type=kind,
        time_in_force=time_in_force,
        post_only=random.choice([0, 0, 1, 2]),
        expires_ms=world.TIME_MS + random.randint(1, 9) if time_in_force == 2 else 0,
        expires_height=random.randint(8, 12) if time_in_force == 5 else 0,
        display=random.randint(1, 5) if kind == OrderType.ICEBERG else 0,
        trigger=random.randint(95, 105) if waits else 0,
        max_matches=random.randint(1, 256) if waits else 0,
    )


# --- orders -------------------------------------------------------------------------------------


def open_order(state: WorkingState, random: Random) -> None:
    """Open an order with a client id that is not open; few ids, so that they come again."""
    owner, client_id = random.choice(world.OWNERS), random.randint(1, 12)
    if client_id in state.get_account(owner).orders or not state.markets:
        return
    market = pick_market(state, random)
    order = world.make_order(state, owner, market, draw_terms(random, client_id, market))
    if order.special is not None and order.special.trigger:
        state.wait_order(order)
    else:
        state.rest_order(order)


def end_order(state: WorkingState, random: Random) -> None:
    """Take an order out and remember it."""
    orders = list_orders(state)
    if orders:
        order = random.choice(orders)
        state.take_out(order)
        state.remember_ended(order, random.choice(list(Ended)[1:]))


def fill_order(state: WorkingState, random: Random) -> None:
    """Fill a part of a resting order; an iceberg's tip is renewed when it is used up."""
    orders = [order for order in list_orders(state) if not order.is_waiting]
    if not orders:
        return
    order = random.choice(orders)
    quantity = random.randint(1, order.available)
    available = order.available
    state.change_order(order, order.filled + quantity, order.remaining - quantity)
    state.set_last_price(order.market, order.price)
    if not order.remaining:
        state.take_out(order)
        state.remember_ended(order, Ended.FILLED)
    elif order.special is not None and order.special.display:
        state.change_tip(order, available - quantity)
        if available == quantity:
            state.renew_tip(order)


def amend_in_place(state: WorkingState, random: Random) -> None:
    """Change what does not move an order."""
    orders = list_orders(state)
    if not orders:
        return
    order = random.choice(orders)
    special = order.special
    if RESTS[order.time_in_force] and random.random() < 0.5:
        tif = random.choice([TimeInForce.GTC, TimeInForce.GTT, TimeInForce.GTH])
        state.change_terms(
            order,
            time_in_force=tif,
            expires_ms=world.TIME_MS + random.randint(1, 9) if tif == TimeInForce.GTT else 0,
            expires_height=random.randint(8, 12) if tif == TimeInForce.GTH else 0,
        )
    if order.is_waiting:
        state.change_terms(order, trigger=random.randint(95, 105), price=random.randint(98, 102))
    elif special is not None and special.display:
        display = random.randint(1, 5)
        state.change_terms(order, display=display)
        state.change_tip(order, min(order.available, display, order.remaining))
    state.change_terms(order, self_trade=random.randint(1, 5), post_only=random.randint(0, 2))
    state.change_order(order, order.filled, max(order.available, order.remaining - 1))


def amend_moving(state: WorkingState, random: Random) -> None:
    """Give a resting order another price, quantity and place."""
    orders = [order for order in list_orders(state) if not order.is_waiting]
    if orders:
        order = random.choice(orders)
        state.take_out(order)
        state.change_order(order, order.filled, order.remaining + random.randint(0, 3))
        state.change_terms(order, price=random.randint(98, 102))
        state.rest_order(order)


def trigger_order(state: WorkingState, random: Random) -> None:
    """Activate a waiting order: it rests, or ends."""
    orders = [order for order in list_orders(state) if order.is_waiting]
    if not orders:
        return
    order = random.choice(orders)
    state.take_out(order)
    state.set_trigger_done(order)
    if RESTS[order.time_in_force] or order.market.is_batch:
        state.rest_order(order)
    else:
        state.remember_ended(order, Ended.IMMEDIATE)


# --- markets ------------------------------------------------------------------------------------


def trade(state: WorkingState, random: Random) -> None:
    """Widen a market's range, or set it back."""
    market = pick_market(state, random)
    choice = random.randint(0, 2)
    if choice == 0:
        state.extend_range(market, random.randint(90, 110))
    elif choice == 1:
        state.set_last_price(market, random.randint(95, 105))
    else:
        state.set_market(market, low=market.last_price, high=market.last_price)
        if not (market.rising or market.falling):
            state.drop_work(state.trigger_work, market.id)


def change_status(state: WorkingState, random: Random) -> None:
    """Give a market another status, an end of it, and a band."""
    market = pick_market(state, random)
    status = random.choice(list(MarketStatus)[1:])
    until_ms = random.choice([0, world.TIME_MS + random.randint(1, 9)])
    before = market.status
    state.set_market(market, status=status, until_ms=until_ms)
    state.add_event(StatusChanged(market.id, status, until_ms))
    if before == MarketStatus.UNCROSSING != status:
        state.drop_work(state.uncrossing_work, market.id)
    if before == MarketStatus.DELISTING != status:
        state.drop_work(state.delisting_work, market.id)
    state.set_market(market, reference=random.randint(0, 9), reference_ms=random.randint(0, 9))
    state.set_market(market, auction_price=random.randint(0, 9))


def open_market(state: WorkingState, random: Random) -> None:
    """Create a market."""
    if len(state.markets) < 4:
        terms = random.choice([world.CONTINUOUS, world.BATCH])
        until_ms = world.TIME_MS + random.randint(1, 9)
        state.add_market(terms._replace(status=MarketStatus.AUCTION, until_ms=until_ms))


def close_market(state: WorkingState, random: Random) -> None:
    """End all orders of a market and the market."""
    if len(state.markets) < 2:
        return
    market = pick_market(state, random)
    for order in [order for order in list_orders(state) if order.market is market]:
        state.take_out(order)
        state.remember_ended(order, Ended.DELISTED)
    state.remove_market(market)
    state.drop_work(state.delisting_work, market.id)


# --- the rest -----------------------------------------------------------------------------------


def write_account(state: WorkingState, random: Random) -> None:
    """Write one of the small things that an account has."""
    account = state.get_account(random.choice(world.OWNERS))
    choice = random.randint(0, 5)
    if choice == 0:
        state.set_switch(account, random.choice([0, world.TIME_MS + random.randint(1, 9)]))
    elif choice == 1:
        until_ms = random.choice([None, world.TIME_MS + random.randint(1, 9)])
        state.set_tombstone(account, random.randint(1, 4), until_ms)
    elif choice == 2:
        agent = bytes([random.randint(8, 9)]) * 20
        state.set_agent(account, agent, random.choice([None, AgentRecord(1, 5)]))
    elif choice == 3:
        state.use_nonce(account, state.time_ms + random.randint(-5_000, 5_000))
    elif choice == 4:
        state.change_balance(state.get_balance(account.owner, 0, 1), random.randint(0, 9), 1)
    else:
        state.set_post_only_until(state.time_ms + random.randint(0, 9))


def write_record(state: WorkingState, random: Random) -> None:
    """Write a token or what is known of its issue, or delete one of them."""
    token = random.randint(7, 9)
    if random.random() < 0.5:
        supply = random.randint(0, 9)
        record = TokenRecord(2, supply, f"T{token}") if random.random() < 0.7 else None
        state.set_token(token, record)
    else:
        issue = IssueRecord(random.choice(world.OWNERS), True, False, random.randint(1, 3), 2**100)  # noqa: FBT003
        key = schema.compute_issue_key(token)
        state.set_record(key, issue if random.random() < 0.7 else None)


def remember_payment(state: WorkingState, random: Random) -> None:
    """Remember a payment for a moment, which forgets some whose time has passed."""
    key = schema.compute_payment_key(random.choice(world.OWNERS), random.randint(1, 6))
    state.remember_payment(key, state.time_ms + random.randint(1, 3))


def pop_heads(state: WorkingState, _: Random) -> None:
    """Take entries off the heaps that say nothing, as the mass work does."""
    orders: list[list[tuple[int, int, int, Order]]] = [state.order_expiries]
    orders.append(state.height_expiries)
    for number in sorted(state.markets):
        orders += [state.markets[number].rising, state.markets[number].falling]
    for heap in orders:
        while heap and not heap[0][3].is_open:
            state.pop_entry(heap)


STEPS: tuple[Step, ...] = (
    *[open_order] * 6,
    *[fill_order] * 3,
    *[amend_in_place] * 3,
    *[amend_moving] * 2,
    *[trigger_order] * 2,
    *[end_order] * 2,
    *[write_account] * 3,
    *[pop_heads] * 2,
    *[write_record] * 2,
    *[remember_payment] * 2,
    *[trade] * 2,
    change_status,
    open_market,
    close_market,
)


def run(state: WorkingState, random: Random, steps: int) -> None:
    """Write so many times; now and then a part of it is taken back."""
    for _ in range(steps):
        if random.random() < 0.1:
            savepoint = state.open_savepoint()
            before = world.view(state)
            run(state, random, random.randint(1, 5))
            state.rollback_to(savepoint)
            assert world.view(state) == before
        random.choice(STEPS)(state, random)
