"""Orders in the state: resting, waiting, immediate; their tips, terms and records."""

from collections.abc import Callable

import pytest

from omg_abci.protocol.errors import InvariantBroken
from omg_abci.protocol.units import Ended, OrderType, Side, TimeInForce
from omg_abci.state import schema
from omg_abci.state.book import SIDE_BITS, Order, get_available
from omg_abci.state.diff import compute_changes, compute_records
from omg_abci.state.working import WorkingState
from tests.unit import state_world
from tests.unit.state_world import OWNERS, begin, commit, make_state, place

ICEBERG = int(OrderType.ICEBERG)
STOP = int(OrderType.STOP_LIMIT)


def list_level(state: WorkingState, side: Side, price: int) -> list[int]:
    """Return the client ids at a price of market 1, oldest first."""
    market = state.markets[1]
    book = market.bids if side == Side.BUY else market.asks
    order = book.levels[price if side == Side.BUY else -price].head
    found = []
    while order is not None:
        found.append(order.client_id)
        order = order.next
    return found


def test_a_plain_order_is_small() -> None:
    """A plain order holds nothing besides its own fields, and its record has no tail."""
    state = make_state()
    begin(state)
    order = place(state, client_id=5, expires_ms=state_world.TIME_MS + 5)
    commit(state)
    assert order.special is None
    assert get_available(order) == order.remaining == 10
    assert order.stored is not None
    assert order.stored.hex() == (
        "00000001" + "01" + "01" + "01" + "00" + "01" + "00"
        "0000000000000064" + "000000000000000a" + "0000000000000000"
        "0000000008000000" + "00000000000f4245"
    )


def test_the_tail_of_a_record() -> None:
    """What few orders have stands behind the plain record."""
    state = make_state()
    begin(state)
    waiting = place(state, client_id=5, order_type=STOP, trigger=258, max_matches=9)
    iceberg = place(
        state, client_id=6, order_type=ICEBERG, display=4, time_in_force=5, expires_height=77
    )
    commit(state)
    tails = [order.stored[50:].hex() for order in (waiting, iceberg) if order.stored]
    assert tails == [
        "0000000000000000" * 3 + "0000000000000102" + "0009",
        "000000000000004d" + "0000000000000004" * 2 + "0000000000000000" + "0000",
    ]


@pytest.mark.parametrize(
    ("order_type", "side", "rises"),
    [(3, Side.BUY, True), (3, Side.SELL, False), (4, Side.BUY, False), (4, Side.SELL, True)],
)
def test_waiting_orders(order_type: int, side: Side, rises: bool) -> None:  # noqa: FBT001 - a case
    """A waiting order is open and listed by its trigger, but in no book."""
    state = make_state()
    begin(state)
    order = place(state, order_type=order_type, side=side, trigger=120, max_matches=3)
    market = state.markets[1]
    assert (order.is_open, order.is_waiting, order.level is market.waiting) == (True, True, True)
    assert [entry[0] for entry in market.rising] == ([120] if rises else [])
    assert [entry[0] for entry in market.falling] == ([] if rises else [-120])
    assert not market.bids.places
    assert not market.asks.places
    assert (market.open_orders, order.account.open_orders) == (1, 1)
    assert get_available(order) == 10
    assert order.account.orders == {1: order}
    state_world.check_complete(state)
    state.take_out(order)
    assert (order.is_open, order.is_waiting, market.open_orders) == (False, False, 0)


def test_triggered_orders_become_plain() -> None:
    """A triggered order rests as a plain one behind the others; a last height stays."""
    state = make_state()
    begin(state)
    first = place(state, client_id=1, order_type=STOP, trigger=120, max_matches=3)
    second = place(
        state, client_id=2, order_type=STOP, trigger=120, time_in_force=5, expires_height=9
    )
    place(state, client_id=3)
    for order in (first, second):
        state.take_out(order)
        state.set_trigger_done(order)
        state.rest_order(order)
    assert first.special is None
    assert second.special is not None
    assert (second.special.trigger, second.special.expires_height) == (0, 9)
    assert list_level(state, Side.BUY, 100) == [3, 1, 2]
    assert not first.is_waiting
    state_world.check_complete(state)


def test_a_new_tip_loses_its_place() -> None:
    """A renewed tip stands at the end of its price and of its owner's list, in the diff too."""
    state = make_state()
    begin(state)
    iceberg = place(state, client_id=1, order_type=ICEBERG, display=4, expires_ms=2_000_000)
    place(state, client_id=2)
    assert get_available(iceberg) == 4
    commit(state)
    before = state_world.view(state)
    begin(state)
    state.change_order(iceberg, 4, 6)
    state.change_tip(iceberg, 0)
    state.renew_tip(iceberg)
    assert get_available(iceberg) == 4
    state.change_order(iceberg, 8, 2)
    state.change_tip(iceberg, 0)
    state.renew_tip(iceberg)
    assert get_available(iceberg) == 2
    assert iceberg.priority == (state.height << 24) + 1
    assert list_level(state, Side.BUY, 100) == [2, 1]
    state_world.check_complete(state)
    key = schema.compute_order_key(OWNERS[0], 1)
    changes = compute_changes(state)
    assert dict(changes.diff)[key] == dict(compute_records(state))[key]
    assert schema.compute_order_key(OWNERS[0], 2) not in dict(changes.diff)
    state.rollback()
    assert state_world.view(state) == before
    assert list_level(state, Side.BUY, 100) == [1, 2]


def test_an_iceberg_alone_at_its_price_is_renewed() -> None:
    """Renewing the only order of a level keeps the level."""
    state = make_state()
    begin(state)
    iceberg = place(state, order_type=ICEBERG, display=4)
    commit(state)
    before = state_world.view(state)
    begin(state)
    state.change_order(iceberg, 4, 6)
    state.change_tip(iceberg, 0)
    state.renew_tip(iceberg)
    assert list_level(state, Side.BUY, 100) == [1]
    state.rollback()
    assert state_world.view(state) == before


def test_immediate_orders_rest_in_batch_markets() -> None:
    """IOC and FOK orders of a batch market are listed until they are taken out."""
    state = make_state()
    begin(state)
    immediate = place(state, market=2, client_id=1, time_in_force=TimeInForce.IOC)
    place(state, market=2, client_id=2)
    waiting = place(state, market=2, client_id=3, order_type=STOP, trigger=9, time_in_force=4)
    market = state.markets[2]
    assert list(market.immediate) == [immediate]
    assert state.batch_work == {2: market}
    savepoint = state.open_savepoint()
    state.take_out(immediate)
    assert not market.immediate
    state.rollback_to(savepoint)
    assert list(market.immediate) == [immediate]
    state.take_out(waiting)
    state.set_trigger_done(waiting)
    state.rest_order(waiting)
    assert list(market.immediate) == [immediate, waiting]


def test_a_lost_expiry_never_comes() -> None:
    """An amendment to good-till-cancelled leaves nothing that could end the order."""
    state = make_state()
    begin(state)
    order = place(state, time_in_force=TimeInForce.GTT, expires_ms=2_000_000)
    other = place(state, client_id=2, time_in_force=5, expires_height=9)
    state.change_terms(order, time_in_force=TimeInForce.GTC, expires_ms=0, expires_height=0)
    state.change_terms(other, time_in_force=TimeInForce.GTT, expires_ms=7, expires_height=0)
    assert order.special is other.special is None
    assert not [entry for entry in state.order_expiries if not entry[0]]
    assert not [entry for entry in state.height_expiries if not entry[0]]
    state_world.check_complete(state)


def test_terms_that_are_not_given_stay() -> None:
    """Each of the terms is changed by itself, and a changed order is written."""
    state = make_state()
    begin(state)
    order = place(state, order_type=STOP, trigger=120, max_matches=3, price=90)
    commit(state)
    begin(state)
    state.change_terms(order, trigger=130)
    state.change_terms(order, price=91)
    state.change_terms(order, post_only=2)
    state.change_terms(order, self_trade=5)
    state.change_terms(order)
    special = order.special
    assert special is not None
    assert (special.trigger, special.max_matches, special.display) == (130, 3, 0)
    assert (order.price, order.post_only, order.self_trade, order.time_in_force) == (91, 2, 5, 1)
    state_world.check_complete(state)
    assert schema.compute_order_key(OWNERS[0], 1) in dict(compute_changes(state).diff)


def spoil_price(state: WorkingState, order: Order) -> None:
    """Change the price of an order in the book."""
    state.change_terms(order, price=101)


def spoil_immediate(state: WorkingState, order: Order) -> None:
    """Let a resting order become an immediate one."""
    state.change_terms(order, time_in_force=TimeInForce.IOC)


def spoil_trigger(state: WorkingState, order: Order) -> None:
    """Give a resting order a trigger."""
    state.change_terms(order, trigger=5)


def spoil_tip(state: WorkingState, order: Order) -> None:
    """Change the tip that a plain order does not have."""
    state.change_tip(order, 5)


def spoil_renewal(state: WorkingState, order: Order) -> None:
    """Renew the tip that a plain order does not have."""
    state.renew_tip(order)


def spoil_activation(state: WorkingState, order: Order) -> None:
    """Trigger an order that does not wait."""
    state.set_trigger_done(order)


def spoil_waiting(state: WorkingState, order: Order) -> None:
    """Let an order wait for nothing."""
    state.take_out(order)
    state.wait_order(order)


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_price,
        spoil_immediate,
        spoil_trigger,
        spoil_tip,
        spoil_renewal,
        spoil_activation,
        spoil_waiting,
    ],
)
def test_what_rules_may_not_do(spoil: Callable[[WorkingState, Order], None]) -> None:
    """A write that would make the state contradict itself is refused."""
    state = make_state()
    begin(state)
    order = place(state)
    with pytest.raises(InvariantBroken):
        spoil(state, order)


def test_a_waiting_order_is_triggered_only_out_of_its_place() -> None:
    """A trigger is taken off an order that was taken out."""
    state = make_state()
    begin(state)
    order = place(state, order_type=STOP, trigger=120)
    with pytest.raises(InvariantBroken):
        state.set_trigger_done(order)


def test_a_client_id_used_again_in_its_block() -> None:
    """The record is that of the order that is open at the end; the sums follow."""
    state = make_state()
    begin(state)
    first = place(state, client_id=7, price=90)
    commit(state)
    before = state_world.view(state)
    begin(state)
    state.take_out(first)
    state.remember_ended(first, Ended.CANCELLED)
    second = place(state, client_id=7, price=91)
    state.take_out(second)
    third = place(state, client_id=7, price=92, market=2)
    key = schema.compute_order_key(OWNERS[0], 7)
    changes = compute_changes(state)
    assert dict(changes.diff)[key] == dict(compute_records(state))[key]
    assert dict(changes.undo)[key] == first.stored
    assert state.markets[1].orders_sum == 0
    assert state.markets[2].orders_sum == third.account.orders_sum != 0
    state.rollback()
    assert state_world.view(state) == before


def test_empty_lists_are_forgotten() -> None:
    """An owner without orders in a market holds nothing for it after the block."""
    state = make_state()
    begin(state)
    order = place(state)
    commit(state)
    assert list(order.account.lists) == [1 << SIDE_BITS | 1]
    begin(state)
    state.take_out(order)
    commit(state)
    assert not order.account.lists


def test_entries_that_say_nothing_are_cleared() -> None:
    """However often terms change, the heaps do not grow without end."""
    state = make_state()
    begin(state)
    resting = place(state, client_id=1, time_in_force=5, expires_height=9)
    waiting = place(state, client_id=2, order_type=STOP, trigger=120)
    commit(state)
    for number in range(6):
        begin(state)
        for step in range(1_000):
            state.change_terms(resting, expires_height=10 + step % 7)
            state.change_terms(waiting, trigger=120 + step % 7)
            state.set_switch(resting.account, 3_000_000 + step % 7)
            state.set_tombstone(resting.account, 5, 3_000_000 + step % 7)
            state.set_market(state.markets[1], until_ms=3_000_000 + step % 7)
        state_world.check_complete(state)
        if number % 2:
            state.rollback()
        else:
            commit(state)
        state_world.check_complete(state)
    held = [len(state.height_expiries), len(state.markets[1].rising), len(state.switch_expiries)]
    held += [len(state.tombstone_expiries), len(state.market_timers)]
    assert max(held) < 4_000
