"""The trigger work at a block's end: cascades, steps, and when nothing is set off."""

import pytest

from omg_abci.protocol import limits
from omg_abci.protocol.results import Activated, LegResult, StatusChanged
from omg_abci.protocol.units import MarketStatus
from tests.unit.exchange_world import (
    ALICE,
    BLOCK_MS,
    BOB,
    FOK,
    GTT,
    IOC,
    MARKET,
    QUOTE,
    RICHES,
    STOP,
    T0,
    World,
    traded,
)

# --- cascades and steps -------------------------------------------------------------------------


def cascade(steps: int) -> World:
    """Return a world in which each stop's fill sets off the next, three in all."""
    world = traded(100)
    for number in (1, 2, 3):
        price = 100 + number
        world.bid(ALICE, number, 1, price + 1, kind=STOP, trigger=price, steps=steps)
        world.ask(BOB, number, 1, price + 1)
    world.trade(101)
    return world


def test_a_cascade_runs_through() -> None:
    """Fills widen the range within the same work."""
    world = cascade(4)
    assert world.work_triggers() == 6
    assert world.activated() == [1, 2, 3]
    assert world.get_range() == (104, 104, 104)
    assert world.market.id not in world.state.trigger_work


@pytest.mark.parametrize(
    ("steps", "used", "set_off"),
    [(0, 0, 0), (4, 0, 0), (5, 2, 1), (6, 2, 1), (7, 4, 2), (8, 4, 2), (9, 6, 3)],
)
def test_an_activation_begins_only_with_all_its_steps(steps: int, used: int, set_off: int) -> None:
    """One and max_matches steps are left, or it waits for the next block."""
    world = cascade(4)
    assert world.work_triggers(steps) == used
    assert len(world.activated()) == set_off
    if set_off < 3:
        assert world.market.id in world.state.trigger_work
        world.next_block()
        assert world.work_triggers() == 6 - used
    assert world.get_range() == (104, 104, 104)


def test_a_cascade_goes_on_after_a_restart() -> None:
    """What is left to do is in the state."""
    world = cascade(4)
    world.work_triggers(5)
    world.restart()
    assert world.market.id in world.state.trigger_work
    assert world.work_triggers() == 4
    assert world.activated() == [2, 3]


def test_a_dead_order_waits_for_as_many_steps() -> None:
    """Whether it is dead is seen only when it is its turn."""
    world = traded(100)
    world.bid(ALICE, 1, 5, 107, kind=STOP, trigger=105, tif=GTT, ms=T0 + BLOCK_MS, steps=4)
    world.next_block()
    world.trade(105)
    assert world.work_triggers(4) == 0
    assert world.work_triggers(5) == 1


def test_the_range_shrinks_without_steps() -> None:
    """Nothing to be set off needs no steps."""
    world = World()
    world.trade(95, 105, 100)
    assert world.get_range() == (95, 105, 100)
    assert world.work_triggers(0) == 0
    assert world.get_range() == (100, 100, 100)
    assert world.state.trigger_work == {}


def test_a_market_without_work_writes_nothing() -> None:
    """A range that has shrunk is left alone."""
    world = traded(100)
    world.next_block()
    before = len(world.state._journal)
    assert world.work_triggers() == 0
    assert len(world.state._journal) == before


# --- when nothing is set off --------------------------------------------------------------------


@pytest.mark.parametrize("status", list(MarketStatus)[2:])
def test_only_an_active_market_sets_off(status: MarketStatus) -> None:
    """In any other status the range stays, and the market is looked at again when it is active."""
    world = traded(100)
    world.bid(ALICE, 1, 5, 50, kind=STOP, trigger=105)
    world.trade(105)
    world.set_status(status)
    assert world.work_triggers() == 0
    assert world.get_range() == (100, 105, 105)
    world.set_status(MarketStatus.ACTIVE)
    assert world.market.id in world.state.trigger_work
    assert world.work_triggers() == 1


def test_nothing_is_set_off_in_the_post_only_period() -> None:
    """Takers wait, triggered ones too; the work is not forgotten."""
    world = traded(100)
    world.bid(ALICE, 1, 5, 50, kind=STOP, trigger=105)
    world.trade(105)
    world.state.set_post_only_until(T0 + 1)
    assert world.work_triggers() == 0
    assert world.get_range() == (100, 105, 105)
    world.next_block(1)
    assert world.market.id in world.state.trigger_work
    assert world.work_triggers() == 1


def test_a_halt_ends_the_work() -> None:
    """An activation outside the band halts the market; the range and the others wait."""
    world = World(band_bp=1_000, auction_ms=5_000)
    world.trade(100)
    world.work_triggers()
    world.bid(ALICE, 1, 1, 120, kind=STOP, trigger=105)
    world.bid(ALICE, 2, 1, 120, kind=STOP, trigger=105)
    world.trade(105)
    world.ask(BOB, 1, 1, 111)
    assert world.work_triggers() == 1
    assert world.state.events == [
        StatusChanged(MARKET, MarketStatus.AUCTION, T0 + 5_000),
        Activated(ALICE, 1, LegResult(resting=1)),
    ]
    assert world.get_range() == (100, 105, 105)
    assert world.order(ALICE, 2).is_waiting
    assert world.bids() == [(1, 1, 120)]


@pytest.mark.parametrize("tif", [IOC, FOK])
def test_an_activation_renews_the_reference(tif: int) -> None:
    """Also one whose preview fails."""
    world = World(band_bp=1_000)
    world.trade(100)
    world.work_triggers()
    world.bid(ALICE, 1, 1, 104, kind=STOP, trigger=105, tif=tif)
    world.trade(105)
    world.next_block(limits.BAND_WINDOW_MS)
    assert world.market.reference == 100
    assert world.work_triggers() == 1
    assert world.market.reference == 105
    assert world.market.reference_ms == T0 + limits.BAND_WINDOW_MS


# --- batch markets ------------------------------------------------------------------------------


@pytest.mark.parametrize("terms", [{}, {"tif": IOC}, {"tif": FOK}])
def test_in_a_batch_market_it_rests_for_the_next_auction(terms: dict[str, int]) -> None:
    """Activation there is one step, and nothing is matched."""
    world = World(mode="batch")
    world.bid(ALICE, 1, 5, 110, kind=STOP, trigger=105, **terms)
    world.ask(BOB, 1, 5, 100)
    world.state.set_last_price(world.market, 105)
    assert world.work_triggers(0) == 0
    assert world.work_triggers(1) == 1
    assert world.state.events == [Activated(ALICE, 1, LegResult(resting=5))]
    assert (world.bids(), world.asks()) == ([(1, 5, 110)], [(1, 5, 100)])
    assert world.balance(ALICE, QUOTE) == (RICHES - 1_650, 1_650)
    assert len(world.market.immediate) == (1 if terms else 0)


# --- undoing ------------------------------------------------------------------------------------


def test_activations_can_be_undone() -> None:
    """A block that was not decided leaves all orders waiting, and sets them off again."""
    world = traded(100)
    world.bid(ALICE, 1, 5, 107, kind=STOP, trigger=105)
    world.ask(ALICE, 2, 5, 90, kind=STOP, trigger=95)
    world.bid(ALICE, 3, 5, 107, kind=STOP, trigger=106)
    world.cancel(ALICE, 3)
    world.next_block()
    height, time_ms = world.state.height, world.state.time_ms
    for _ in range(2):
        world.trade(95, 106)
        assert world.work_triggers() == 2
        assert world.activated() == [1, 2]
        world.state.rollback()
        assert world.order(ALICE, 1).is_waiting
        assert world.order(ALICE, 2).is_waiting
        world.state.begin_block(height, time_ms, bytes(32))
    world.next_block()
