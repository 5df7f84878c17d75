"""Stop-limit and take-profit orders: when they wait, what sets them off, what comes of it."""

import pytest

from omg_abci.protocol import errors, limits
from omg_abci.protocol.results import Activated, Fill, LegResult, Removal, Removed
from omg_abci.protocol.units import Ended
from tests.unit.exchange_world import (
    ALICE,
    BASE,
    BLOCK_MS,
    BOB,
    BUY,
    CAROL,
    FOK,
    GTT,
    IOC,
    OLDEST,
    PROFIT,
    QUOTE,
    RICHES,
    SELL,
    STOP,
    T0,
    World,
    code,
    traded,
)

# --- waiting ------------------------------------------------------------------------------------


def test_a_waiting_order_reserves_and_does_not_rest() -> None:
    """It holds its cost and pays for its activation in advance."""
    world = World()
    placed = world.bid(ALICE, 1, 5, 100, kind=STOP, trigger=90, steps=7)
    assert placed == LegResult(waiting=True)
    assert world.work == limits.WORK_PLACE + 7 * limits.WORK_MATCH
    assert world.balance(ALICE, QUOTE) == (RICHES - 1_500, 1_500)
    assert (world.bids(), world.order_count()) == ([], 1)
    order = world.order(ALICE, 1)
    assert order.is_waiting
    assert order.special is not None
    special = order.special
    assert (special.trigger, special.max_matches, special.tip, special.display) == (90, 7, 0, 0)


def test_a_waiting_order_is_not_met() -> None:
    """No taker trades with what waits."""
    world = World()
    world.ask(ALICE, 1, 5, 100, kind=STOP, trigger=90)
    assert world.bid(BOB, 1, 5, 100) == LegResult(resting=5)


@pytest.mark.parametrize(
    ("side", "kind", "trigger", "wrong"),
    [
        (BUY, STOP, 101, False),
        (BUY, STOP, 100, True),
        (BUY, STOP, 99, True),
        (SELL, PROFIT, 101, False),
        (SELL, PROFIT, 100, True),
        (SELL, STOP, 99, False),
        (SELL, STOP, 100, True),
        (SELL, STOP, 101, True),
        (BUY, PROFIT, 99, False),
        (BUY, PROFIT, 100, True),
    ],
)
def test_a_trigger_lies_beyond_the_last_price(
    side: int, kind: int, trigger: int, *, wrong: bool
) -> None:
    """What would be set off at once is refused, and costs no steps."""
    world = traded(100)
    answer = world.place(ALICE, 1, side, 5, 100, kind=kind, trigger=trigger)
    assert answer == (code(errors.TriggerOnWrongSide) if wrong else LegResult(waiting=True))
    assert world.work == limits.WORK_PLACE + (0 if wrong else 16 * limits.WORK_MATCH)


@pytest.mark.parametrize(
    ("side", "kind", "trigger", "wrong"),
    [
        (BUY, STOP, 105, True),
        (BUY, STOP, 106, False),
        (SELL, STOP, 95, True),
        (SELL, STOP, 94, False),
    ],
)
def test_a_trigger_lies_beyond_all_prices_of_the_block(
    side: int, kind: int, trigger: int, *, wrong: bool
) -> None:
    """The whole range that is still to be worked off counts."""
    world = World()
    world.trade(95, 105, 100)
    answer = world.place(ALICE, 1, side, 5, 100, kind=kind, trigger=trigger)
    assert answer.code == (errors.TriggerOnWrongSide.code if wrong else 0)


@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize("kind", [STOP, PROFIT])
def test_before_the_first_trade_any_trigger_waits(side: int, kind: int) -> None:
    """There is no range, and nothing is set off."""
    world = World()
    assert world.place(ALICE, 1, side, 5, 100, kind=kind, trigger=100).waiting
    assert world.work_triggers() == 0
    assert world.order(ALICE, 1).is_waiting


# --- being set off ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "kind", "trigger", "price", "sets_off"),
    [
        (BUY, STOP, 105, 104, False),
        (BUY, STOP, 105, 105, True),
        (BUY, STOP, 105, 106, True),
        (BUY, STOP, 105, 90, False),
        (SELL, PROFIT, 105, 104, False),
        (SELL, PROFIT, 105, 105, True),
        (SELL, STOP, 95, 96, False),
        (SELL, STOP, 95, 95, True),
        (SELL, STOP, 95, 94, True),
        (SELL, STOP, 95, 110, False),
        (BUY, PROFIT, 95, 96, False),
        (BUY, PROFIT, 95, 95, True),
    ],
)
def test_a_trade_at_the_trigger_sets_it_off(
    side: int, kind: int, trigger: int, price: int, *, sets_off: bool
) -> None:
    """Rising at or above, falling at or below; then it rests like a limit order."""
    world = traded(100)
    at = 50 if side == BUY else 150
    world.place(ALICE, 1, side, 5, at, kind=kind, trigger=trigger)
    world.trade(price)
    assert world.work_triggers() == (1 if sets_off else 0)
    order = world.order(ALICE, 1)
    assert order.is_waiting is not sets_off
    if sets_off:
        assert world.state.events == [Activated(ALICE, 1, LegResult(resting=5))]
        assert (order.special, order.order_type) == (None, kind)
        assert order.priority == world.state.next_priority - 1
        assert (world.bids() or world.asks()) == [(1, 5, at)]
        assert world.balance(ALICE, QUOTE if side == BUY else BASE)[1] > 0


def test_a_price_that_came_back_still_sets_off() -> None:
    """Every price of the block counts, not only the last."""
    world = traded(100)
    world.bid(ALICE, 1, 5, 50, kind=STOP, trigger=105)
    world.ask(ALICE, 2, 5, 150, kind=STOP, trigger=95)
    world.trade(105, 95, 100)
    assert world.work_triggers() == 2
    assert world.activated() == [1, 2]
    assert world.get_range() == (100, 100, 100)


def test_a_price_within_one_sweep_sets_off() -> None:
    """The first fill of a taker counts as its last one does."""
    world = traded(100)
    world.ask(ALICE, 1, 5, 150, kind=STOP, trigger=95)
    world.ask(BOB, 1, 1, 94)
    world.ask(BOB, 2, 1, 99)
    world.bid(CAROL, 1, 2, 99)
    assert world.get_range() == (94, 100, 99)
    assert world.work_triggers() == 1


def test_rising_comes_before_falling_each_by_distance_and_age() -> None:
    """Rising by trigger upwards, falling by trigger downwards, equals by priority."""
    world = traded(100)
    for client_id, trigger in ((1, 106), (2, 105), (3, 105)):
        world.bid(ALICE, client_id, 1, 50, kind=STOP, trigger=trigger)
    for client_id, trigger in ((4, 94), (5, 95), (6, 95)):
        world.ask(ALICE, client_id, 1, 150, kind=STOP, trigger=trigger)
    world.ask(BOB, 7, 1, 150, kind=PROFIT, trigger=105)
    world.bid(BOB, 8, 1, 50, kind=PROFIT, trigger=95)
    world.trade(94, 106)
    assert world.work_triggers() == 8
    assert world.activated() == [2, 3, 7, 1, 5, 6, 8, 4]
    assert [bid[0] for bid in world.bids()] == [2, 3, 1, 8]
    assert [ask[0] for ask in world.asks()] == [7, 5, 6, 4]


def test_an_activated_order_is_matched() -> None:
    """Its result is that of a leg; its fills are steps of the mass work."""
    world = traded(100)
    world.bid(ALICE, 1, 5, 107, kind=STOP, trigger=105)
    world.ask(BOB, 1, 2, 106)
    world.ask(BOB, 2, 2, 107)
    world.ask(BOB, 3, 2, 108)
    world.trade(105)
    assert world.work_triggers() == 3
    fills = (Fill(BOB, 1, 106, 2), Fill(BOB, 2, 107, 2))
    result = LegResult(filled=4, resting=1, fills=fills)
    assert world.state.events == [Activated(ALICE, 1, result)]
    assert (world.bids(), world.get_range()) == ([(1, 1, 107)], (107, 107, 107))
    assert world.gained(ALICE) == (4, -426)
    assert world.balance(ALICE, QUOTE)[1] == 321


def test_an_activated_immediate_order_ends() -> None:
    """IOC takes what is there and its reserve comes back."""
    world = traded(100)
    world.ask(ALICE, 1, 5, 90, kind=STOP, trigger=95, tif=IOC)
    world.bid(BOB, 1, 2, 93)
    world.trade(95)
    assert world.work_triggers() == 2
    fills = (Fill(BOB, 1, 93, 2),)
    result = LegResult(filled=2, ended=Ended.IMMEDIATE, fills=fills)
    assert world.state.events == [Activated(ALICE, 1, result)]
    assert world.ended(ALICE, 1) == (Ended.IMMEDIATE, 5, 2)
    assert world.balance(ALICE, BASE) == (RICHES - 20, 0)


@pytest.mark.parametrize(("lots", "ended"), [(2, Ended.FILLED), (3, Ended.UNFILLED)])
def test_an_activated_fill_or_kill_order(lots: int, ended: Ended) -> None:
    """It is filled, or ends UNFILLED for a single step."""
    world = traded(100)
    world.bid(ALICE, 1, lots, 106, kind=STOP, trigger=105, tif=FOK)
    world.ask(BOB, 1, 2, 106)
    world.trade(105)
    filled = ended == Ended.FILLED
    assert world.work_triggers() == (2 if filled else 1)
    assert world.ended(ALICE, 1) == (ended, lots, lots if filled else 0)
    fills = (Fill(BOB, 1, 106, 2),) if filled else ()
    result = LegResult(filled=2 if filled else 0, ended=ended, fills=fills)
    assert world.state.events == [Activated(ALICE, 1, result)]
    assert world.balance(ALICE, QUOTE)[1] == 0


def test_activation_keeps_to_its_own_steps_and_mode() -> None:
    """What the order was placed with holds: max_matches and self-trade prevention."""
    world = traded(100)
    world.bid(ALICE, 1, 5, 107, kind=STOP, trigger=105, mode=OLDEST, steps=2)
    world.ask(ALICE, 2, 1, 106)
    world.ask(BOB, 1, 1, 106)
    world.ask(BOB, 2, 1, 106)
    world.trade(105)
    assert world.work_triggers() == 3
    event = world.state.events[0]
    assert isinstance(event, Activated)
    assert event.result == LegResult(
        filled=1,
        ended=Ended.MATCH_LIMIT,
        fills=(Fill(BOB, 1, 106, 1),),
        removals=(Removal(ALICE, 2, Ended.SELF_TRADE),),
    )


def test_a_dead_order_is_removed_instead() -> None:
    """It has missed its time: a step, a removal, no activation."""
    world = traded(100)
    world.bid(ALICE, 1, 5, 107, kind=STOP, trigger=105, tif=GTT, ms=T0 + BLOCK_MS)
    world.next_block()
    world.trade(105)
    assert world.work_triggers() == 1
    assert world.state.events == [Removed(ALICE, 1, Ended.EXPIRED)]
    assert world.ended(ALICE, 1) == (Ended.EXPIRED, 5, 0)
    assert world.balance(ALICE, QUOTE) == (RICHES, 0)


def test_a_cancelled_order_is_not_set_off() -> None:
    """What no longer waits is passed over."""
    world = traded(100)
    world.bid(ALICE, 1, 5, 50, kind=STOP, trigger=105)
    world.cancel(ALICE, 1)
    world.trade(105)
    assert world.work_triggers() == 0
    assert world.state.events == []


def test_an_order_amended_back_and_forth_is_set_off_once() -> None:
    """However often its trigger changed."""
    world = traded(100)
    world.bid(ALICE, 1, 5, 50, kind=STOP, trigger=105)
    world.amend(ALICE, 1, trigger=110)
    world.amend(ALICE, 1, trigger=105)
    world.trade(110)
    assert world.work_triggers() == 1
    assert world.activated() == [1]
