"""Markets in the state: their lives, the prices traded, and the lists of mass work."""

import pytest

from omg_abci.protocol.errors import InvariantBroken
from omg_abci.protocol.results import StatusChanged
from omg_abci.protocol.units import Ended, MarketStatus, OrderType
from omg_abci.state import schema
from omg_abci.state.diff import compute_changes, compute_records
from omg_abci.state.records import BlockRecord, MarketRecord
from tests.unit import state_world
from tests.unit.state_world import BATCH, CONTINUOUS, OWNERS, begin, commit, make_state, place

AUCTION = CONTINUOUS._replace(status=MarketStatus.AUCTION, until_ms=5_000_000)


def test_a_new_market_has_the_next_id() -> None:
    """Ids are given in turn, and given back when the block is not decided."""
    state = make_state()
    before = state_world.view(state)
    begin(state)
    assert state.add_market(AUCTION).id == 3
    assert state.add_market(BATCH).id == 4
    assert state.market_timers == [(5_000_000, 3)]
    state.rollback()
    assert state_world.view(state) == before
    begin(state)
    market = state.add_market(AUCTION)
    key = schema.compute_market_key(3)
    diff = dict(compute_changes(state).diff)
    assert diff[key] == AUCTION.encode()
    assert BlockRecord.decode(diff[schema.BLOCK] or b"").next_market == 4
    commit(state)
    assert market.stored == AUCTION.encode()
    assert state_world.reload_state(state).next_market == 4


def test_a_market_goes_with_its_orders() -> None:
    """Orders end and their market goes in one block; a rollback brings all of it back."""
    state = make_state()
    begin(state)
    orders = [place(state, owner, client_id=3, price=90) for owner in OWNERS]
    orders.append(place(state, client_id=4, order_type=OrderType.STOP_LIMIT, trigger=99))
    commit(state)
    before = state_world.view(state)
    begin(state)
    market = state.markets[1]
    state.set_market(market, status=MarketStatus.DELISTING)
    with pytest.raises(InvariantBroken):
        state.remove_market(market)
    for order in orders:
        state.take_out(order)
        state.remember_ended(order, Ended.DELISTED)
    state.remove_market(market)
    changes = compute_changes(state)
    gone = [schema.compute_order_key(order.account.owner, order.client_id) for order in orders]
    for key in (schema.compute_market_key(1), *gone):
        assert dict(changes.diff)[key] is None
        assert dict(changes.undo)[key] is not None
    state.rollback()
    assert state_world.view(state) == before
    assert state.markets[1] is market


def test_a_removed_market_leaves_no_work() -> None:
    """After the block nothing lists a market that is gone."""
    state = make_state(BATCH)
    begin(state)
    market = state.markets[1]
    state.extend_range(market, 5)
    state.set_market(market, status=MarketStatus.UNCROSSING)
    state.set_market(market, status=MarketStatus.DELISTING)
    state.remove_market(market)
    commit(state)
    assert not state.markets
    lists = [state.uncrossing_work, state.delisting_work, state.batch_work, state.trigger_work]
    assert lists == [{}, {}, {}, {}]
    assert state_world.reload_state(state).next_market == 2


def test_a_market_that_came_and_went() -> None:
    """A market that was created and removed in one block is in no diff; its id is used up."""
    state = make_state()
    begin(state)
    state.remove_market(state.add_market(AUCTION))
    changes = compute_changes(state)
    assert [key for key, _ in changes.diff] == [schema.BLOCK]
    assert state.add_market(AUCTION).id == 4


def test_a_market_with_a_sum_left_is_refused() -> None:
    """A market whose order sum is not zero when it goes shows a contradiction."""
    state = make_state()
    begin(state)
    state.markets[1].orders_sum = 5
    state.remove_market(state.markets[1])
    with pytest.raises(InvariantBroken):
        compute_changes(state)


def test_the_range() -> None:
    """The first price sets the range, others widen it, and only a wider range is work."""
    state = make_state()
    begin(state)
    market = state.markets[1]
    state.set_last_price(market, 100)
    assert (market.last_price, market.low, market.high) == (100, 100, 100)
    assert state.trigger_work == {1: market}
    state.drop_work(state.trigger_work, 1)
    state.set_last_price(market, 100)
    assert not state.trigger_work
    state.extend_range(market, 97)
    state.set_last_price(market, 103)
    state.set_last_price(market, 99)
    assert (market.last_price, market.low, market.high) == (99, 97, 103)
    assert state.trigger_work == {1: market}
    state.extend_range(market, 103)
    state.set_market(market, low=99, high=99)
    record = MarketRecord.decode(dict(compute_records(state))[schema.compute_market_key(1)])
    assert (record.last_price, record.low, record.high) == (99, 99, 99)
    state.rollback()
    assert (market.last_price, market.low, market.high) == (0, 0, 0)
    assert state.trigger_work == {1: market}


@pytest.mark.parametrize(
    ("status", "listed"),
    [
        (MarketStatus.ACTIVE, "trigger_work"),
        (MarketStatus.UNCROSSING, "uncrossing_work"),
        (MarketStatus.DELISTING, "delisting_work"),
    ],
)
def test_a_status_is_listed_where_its_work_is(status: MarketStatus, listed: str) -> None:
    """A new status lists the market, with a time also among the timers; so does loading."""
    state = make_state()
    begin(state)
    place(state, order_type=OrderType.STOP_LIMIT, trigger=99)
    market = state.markets[1]
    state.set_market(market, status=status, until_ms=5_000_000)
    assert getattr(state, listed) == {1: market}
    assert state.market_timers == [(5_000_000, 1)]
    commit(state)
    loaded = state_world.reload_state(state)
    assert list(getattr(loaded, listed)) == [1]
    assert loaded.market_timers == [(5_000_000, 1)]
    begin(state)
    state.set_market(market, reference=7, reference_ms=8, auction_price=9)
    assert state.market_timers == [(5_000_000, 1)]
    key = schema.compute_market_key(1)
    record = MarketRecord.decode(dict(compute_changes(state).diff)[key] or b"")
    assert record[-3:] == (7, 8, 9)


def test_what_is_taken_off_comes_back() -> None:
    """Entries and work that were taken off return with a rollback, due or not."""
    state = make_state()
    begin(state)
    order = place(state, order_type=OrderType.STOP_LIMIT, trigger=99)
    state.extend_range(order.market, 5)
    commit(state)
    before = state_world.view(state)
    begin(state)
    state.take_out(order)
    assert state.pop_entry(order.market.rising)[3] is order
    state.drop_work(state.trigger_work, 1)
    state.drop_work(state.trigger_work, 1)
    assert not state.trigger_work
    state.rollback()
    assert state_world.view(state) == before
    assert state.trigger_work == {1: order.market}
    state_world.check_complete(state)


def test_a_block_begins_anew() -> None:
    """A block knows the time before, has no events and no steps, and undoes its own fields."""
    state = make_state()
    begin(state)
    state.mass_steps = 5
    state.add_event(StatusChanged(1, 2, 3))
    savepoint = state.open_savepoint()
    state.add_event(StatusChanged(1, 4, 5))
    state.rollback_to(savepoint)
    assert state.events == [StatusChanged(1, 2, 3)]
    commit(state)
    before = compute_records(state)
    told, time_ms = state.events, state.time_ms
    begin(state)
    assert (state.events, state.mass_steps, state.previous_time_ms) == ([], 0, time_ms)
    assert told == [StatusChanged(1, 2, 3)]
    state.set_post_only_until(9)
    state.add_fee(7)
    record = BlockRecord.decode(dict(compute_changes(state).diff)[schema.BLOCK] or b"")
    assert (record.post_only_until_ms, record.fee_pool) == (9, 7)
    state.rollback()
    assert compute_records(state) == before


def test_market_ids_end() -> None:
    """The counter of markets does not run over its four bytes."""
    state = make_state()
    begin(state)
    state.next_market = (1 << 32) - 2
    state.add_market(AUCTION)
    with pytest.raises(InvariantBroken):
        state.add_market(AUCTION)


def test_switches() -> None:
    """A switch is the account's, is looked for by its time, and is undone."""
    state = make_state()
    begin(state)
    account = state.get_account(OWNERS[1])
    state.set_switch(account, 5_000_000)
    commit(state)
    assert state.switch_expiries == [(5_000_000, OWNERS[1])]
    loaded = state_world.reload_state(state)
    assert loaded.switch_expiries == [(5_000_000, OWNERS[1])]
    assert loaded.accounts[OWNERS[1]].switch_ms == 5_000_000
    begin(state)
    state.set_switch(account, 0)
    assert dict(compute_changes(state).diff)[schema.compute_account_key(OWNERS[1])] is None
    state.rollback()
    assert account.switch_ms == 5_000_000
