"""Matching in a continuous market: price, then time; self-trade prevention; steps."""

import pytest

from omg_abci.protocol import limits
from omg_abci.protocol.results import Decrement, Fill, LegResult, Removal
from omg_abci.protocol.units import Ended
from tests.unit.exchange_world import (
    ALICE,
    ALLOW,
    BASE,
    BLOCK_MS,
    BOB,
    BOTH,
    CAROL,
    DECREMENT,
    GTT,
    IOC,
    MARKET_ORDER,
    NEWEST,
    OLDEST,
    QUOTE,
    RICHES,
    T0,
    World,
)

# --- price and time -----------------------------------------------------------------------------


def test_asks_are_taken_cheapest_first_then_oldest() -> None:
    """A buyer meets the lowest price first, and the oldest order of a price first."""
    world = World()
    world.ask(BOB, 1, 2, 102)
    world.ask(BOB, 2, 2, 101)
    world.ask(CAROL, 3, 2, 101)
    world.ask(BOB, 4, 2, 103)
    result = world.bid(ALICE, 1, 7, 102)
    fills = (Fill(BOB, 2, 101, 2), Fill(CAROL, 3, 101, 2), Fill(BOB, 1, 102, 2))
    assert result == LegResult(filled=6, resting=1, fills=fills)
    assert (world.bids(), world.asks()) == ([(1, 1, 102)], [(4, 2, 103)])
    assert world.gained(ALICE) == (6, -608)
    assert world.gained(BOB) == (-4, 406)
    assert world.gained(CAROL) == (-2, 202)


def test_bids_are_taken_dearest_first_then_oldest() -> None:
    """A seller meets the highest price first, and the oldest order of a price first."""
    world = World()
    world.bid(BOB, 1, 2, 101)
    world.bid(BOB, 2, 2, 102)
    world.bid(CAROL, 3, 2, 102)
    world.bid(BOB, 4, 2, 100)
    result = world.ask(ALICE, 1, 7, 101)
    fills = (Fill(BOB, 2, 102, 2), Fill(CAROL, 3, 102, 2), Fill(BOB, 1, 101, 2))
    assert result == LegResult(filled=6, resting=1, fills=fills)
    assert (world.bids(), world.asks()) == ([(4, 2, 100)], [(1, 1, 101)])
    assert world.gained(ALICE) == (-6, 610)


def test_a_partly_filled_order_keeps_its_place() -> None:
    """Losing lots to a fill costs no place in the line."""
    world = World()
    world.ask(BOB, 1, 5, 100)
    world.ask(CAROL, 1, 5, 100)
    world.bid(ALICE, 1, 2, 100)
    world.next_block()
    result = world.bid(ALICE, 2, 4, 100)
    assert result.fills == (Fill(BOB, 1, 100, 3), Fill(CAROL, 1, 100, 1))


def test_a_fill_is_at_the_resting_price() -> None:
    """A buyer who would pay more never has the difference taken; reserve and free agree."""
    world = World(riches=3_000)
    world.ask(BOB, 1, 5, 60)
    result = world.bid(ALICE, 1, 10, 100)
    assert result == LegResult(filled=5, resting=5, fills=(Fill(BOB, 1, 60, 5),))
    assert world.balance(ALICE, QUOTE) == (3_000 - 900 - 1_500, 1_500)
    assert world.balance(ALICE, BASE) == (3_050, 0)
    assert world.balance(BOB, QUOTE) == (3_900, 0)
    assert world.balance(BOB, BASE) == (2_950, 0)


def test_a_sellers_reserve_pays_for_a_fill() -> None:
    """A resting bid pays from its reserve, an incoming ask from what is free."""
    world = World()
    world.bid(BOB, 1, 5, 60)
    result = world.ask(ALICE, 1, 3, 50)
    assert result == LegResult(filled=3, ended=Ended.FILLED, fills=(Fill(BOB, 1, 60, 3),))
    assert world.balance(BOB, QUOTE) == (RICHES - 900, 360)
    assert world.balance(BOB, BASE) == (RICHES + 30, 0)
    assert world.balance(ALICE, BASE) == (RICHES - 30, 0)
    assert world.balance(ALICE, QUOTE) == (RICHES + 540, 0)


@pytest.mark.parametrize("price", [99, 98])
def test_prices_that_do_not_cross_do_not_trade(price: int) -> None:
    """A bid below the best ask rests."""
    world = World()
    world.ask(BOB, 1, 5, 100)
    assert world.bid(ALICE, 1, 5, price) == LegResult(resting=5)
    assert world.asks() == [(1, 5, 100)]


def test_a_filled_order_is_remembered() -> None:
    """A resting order that is filled to the end leaves the book as FILLED."""
    world = World()
    world.ask(BOB, 1, 5, 100)
    world.bid(ALICE, 1, 2, 100)
    world.bid(ALICE, 2, 3, 100)
    assert world.ended(BOB, 1) == (Ended.FILLED, 5, 5)
    assert world.ended(ALICE, 2) == (Ended.FILLED, 3, 3)
    assert world.order_count() == 0


def test_the_last_price_is_that_of_the_last_fill() -> None:
    """A sweep leaves the market's last price at its last fill, the range around all of it."""
    world = World()
    for client_id, price in enumerate((102, 100, 101), start=1):
        world.ask(BOB, client_id, 1, price)
    world.bid(ALICE, 1, 3, 105)
    market = world.market
    assert (market.last_price, market.low, market.high) == (102, 100, 102)
    world.bid(BOB, 4, 1, 99)
    world.ask(ALICE, 2, 1, 99)
    assert (market.last_price, market.low, market.high) == (99, 99, 102)


def test_an_order_that_does_not_trade_moves_no_price() -> None:
    """Resting leaves the market's prices alone."""
    world = World()
    world.ask(BOB, 1, 1, 100)
    world.bid(ALICE, 1, 1, 99)
    market = world.market
    assert (market.last_price, market.low, market.high) == (0, 0, 0)


# --- what is left -------------------------------------------------------------------------------


@pytest.mark.parametrize("terms", [{"tif": IOC}, {"tif": IOC, "kind": MARKET_ORDER}])
def test_the_rest_of_an_immediate_order_is_cancelled(terms: dict[str, int]) -> None:
    """IOC takes what is there, up to its price, and ends."""
    world = World()
    world.ask(BOB, 1, 2, 100)
    world.ask(BOB, 2, 2, 101)
    result = world.bid(ALICE, 1, 5, 100, **terms)
    assert result == LegResult(filled=2, ended=Ended.IMMEDIATE, fills=(Fill(BOB, 1, 100, 2),))
    assert (world.bids(), world.asks()) == ([], [(2, 2, 101)])
    assert world.ended(ALICE, 1) == (Ended.IMMEDIATE, 5, 2)
    assert world.balance(ALICE, QUOTE) == (RICHES - 600, 0)


@pytest.mark.parametrize("terms", [{}, {"tif": IOC}])
def test_steps_bound_matching(terms: dict[str, int]) -> None:
    """An order that still crosses when its steps are used up ends instead of crossing the book."""
    world = World()
    for client_id in (1, 2, 3):
        world.ask(BOB, client_id, 1, 100)
    result = world.bid(ALICE, 1, 5, 100, steps=2, **terms)
    fills = (Fill(BOB, 1, 100, 1), Fill(BOB, 2, 100, 1))
    assert result == LegResult(filled=2, ended=Ended.MATCH_LIMIT, fills=fills)
    assert world.work == limits.WORK_PLACE + 2 * limits.WORK_MATCH
    assert (world.bids(), world.asks()) == ([], [(3, 1, 100)])
    assert world.ended(ALICE, 1) == (Ended.MATCH_LIMIT, 5, 2)


def test_steps_that_just_suffice_let_the_rest_rest() -> None:
    """Using the last step is no limit when nothing crosses any more."""
    world = World()
    for client_id in (1, 2):
        world.ask(BOB, client_id, 1, 100)
    result = world.bid(ALICE, 1, 5, 100, steps=2)
    assert (result.filled, result.resting, result.ended) == (2, 3, Ended.OPEN)


def test_an_order_filled_by_its_last_step_is_filled() -> None:
    """FILLED comes before MATCH_LIMIT."""
    world = World()
    for client_id in (1, 2):
        world.ask(BOB, client_id, 1, 100)
    assert world.bid(ALICE, 1, 1, 100, steps=1).ended == Ended.FILLED


# --- self-trade prevention ----------------------------------------------------------------------


def test_cancel_newest() -> None:
    """The incoming order ends, the resting one stays; that is no step."""
    world = World()
    world.ask(BOB, 1, 1, 99)
    world.ask(ALICE, 1, 5, 100)
    result = world.bid(ALICE, 2, 3, 100, mode=NEWEST)
    assert result == LegResult(filled=1, ended=Ended.SELF_TRADE, fills=(Fill(BOB, 1, 99, 1),))
    assert world.work == limits.WORK_PLACE + limits.WORK_MATCH
    assert (world.bids(), world.asks()) == ([], [(1, 5, 100)])
    assert world.ended(ALICE, 2) == (Ended.SELF_TRADE, 3, 1)


def test_cancel_oldest() -> None:
    """The resting order is removed, the incoming one goes on."""
    world = World()
    world.ask(ALICE, 1, 5, 100)
    world.ask(BOB, 1, 2, 100)
    result = world.bid(ALICE, 2, 3, 100, mode=OLDEST)
    assert result == LegResult(
        filled=2,
        resting=1,
        fills=(Fill(BOB, 1, 100, 2),),
        removals=(Removal(ALICE, 1, Ended.SELF_TRADE),),
    )
    assert world.work == limits.WORK_PLACE + 2 * limits.WORK_MATCH
    assert world.ended(ALICE, 1) == (Ended.SELF_TRADE, 5, 0)
    assert world.balance(ALICE, BASE) == (RICHES + 20, 0)


def test_cancel_both() -> None:
    """Both orders end."""
    world = World()
    world.ask(ALICE, 1, 5, 100)
    world.ask(BOB, 1, 2, 100)
    result = world.bid(ALICE, 2, 3, 100, mode=BOTH)
    removals = (Removal(ALICE, 1, Ended.SELF_TRADE),)
    assert result == LegResult(ended=Ended.SELF_TRADE, removals=removals)
    assert world.work == limits.WORK_PLACE + limits.WORK_MATCH
    assert (world.bids(), world.asks()) == ([], [(1, 2, 100)])
    assert world.balance(ALICE, BASE) == (RICHES, 0)
    assert world.balance(ALICE, QUOTE) == (RICHES, 0)


def test_decrement_of_a_larger_resting_order() -> None:
    """Both lose the smaller quantity; the incoming order has nothing left and ends."""
    world = World()
    world.ask(ALICE, 1, 5, 100)
    result = world.bid(ALICE, 2, 3, 100, mode=DECREMENT)
    assert result == LegResult(ended=Ended.SELF_TRADE, decrements=(Decrement(1, 3),))
    assert world.work == limits.WORK_PLACE + limits.WORK_MATCH
    assert world.asks() == [(1, 2, 100)]
    assert world.ended(ALICE, 2) == (Ended.SELF_TRADE, 0, 0)
    assert world.balance(ALICE, BASE) == (RICHES - 20, 20)


def test_decrement_of_a_smaller_resting_order() -> None:
    """The resting order goes, the incoming one goes on with what it has left."""
    world = World()
    world.ask(ALICE, 1, 2, 100)
    world.ask(BOB, 1, 1, 100)
    result = world.bid(ALICE, 2, 5, 100, mode=DECREMENT)
    assert result == LegResult(
        filled=1,
        resting=2,
        fills=(Fill(BOB, 1, 100, 1),),
        removals=(Removal(ALICE, 1, Ended.SELF_TRADE),),
    )
    assert world.ended(ALICE, 1) == (Ended.SELF_TRADE, 0, 0)
    order = world.order(ALICE, 2)
    assert (order.filled, order.remaining) == (1, 2)


def test_decrement_of_an_equal_resting_order() -> None:
    """Both orders have nothing left: both end, by self-trade."""
    world = World()
    world.bid(ALICE, 1, 3, 100)
    result = world.ask(ALICE, 2, 3, 100, mode=DECREMENT)
    removals = (Removal(ALICE, 1, Ended.SELF_TRADE),)
    assert result == LegResult(ended=Ended.SELF_TRADE, removals=removals)
    assert world.order_count() == 0
    assert world.balance(ALICE, QUOTE) == (RICHES, 0)


def test_decrement_after_a_fill_keeps_what_was_filled() -> None:
    """A partly filled resting order loses of what remains only."""
    world = World()
    world.ask(ALICE, 1, 5, 100)
    world.bid(BOB, 1, 2, 100)
    world.bid(ALICE, 2, 1, 100, mode=DECREMENT)
    order = world.order(ALICE, 1)
    assert (order.filled, order.remaining) == (2, 2)
    world.bid(ALICE, 3, 2, 100, mode=DECREMENT)
    assert world.ended(ALICE, 1) == (Ended.SELF_TRADE, 2, 2)


def test_allow() -> None:
    """An owner who allows it trades with himself."""
    world = World()
    world.ask(ALICE, 1, 5, 100)
    result = world.bid(ALICE, 2, 3, 100, mode=ALLOW)
    assert result == LegResult(filled=3, ended=Ended.FILLED, fills=(Fill(ALICE, 1, 100, 3),))
    assert world.gained(ALICE) == (0, 0)


def test_the_incoming_orders_mode_decides() -> None:
    """What the resting order was placed with says nothing."""
    world = World()
    world.ask(ALICE, 1, 5, 100, mode=ALLOW)
    assert world.bid(ALICE, 2, 3, 100, mode=NEWEST).ended == Ended.SELF_TRADE


@pytest.mark.parametrize("mode", [NEWEST, OLDEST, BOTH, DECREMENT])
def test_the_group_is_the_owner_over_all_subaccounts(mode: int) -> None:
    """Orders of two subaccounts of an owner never trade with each other unless allowed."""
    world = World()
    world.ask(ALICE, 1, 5, 100, sub=0)
    result = world.bid(ALICE, 2, 5, 100, sub=1, mode=mode)
    assert result.fills == ()
    assert world.gained(ALICE, 0) == world.gained(ALICE, 1) == (0, 0)


def test_another_owner_is_no_self_trade() -> None:
    """Every mode trades with others."""
    for mode in (NEWEST, OLDEST, BOTH, DECREMENT, ALLOW):
        world = World()
        world.ask(BOB, 1, 5, 100)
        assert world.bid(ALICE, 1, 5, 100, mode=mode).filled == 5


# --- undoing ------------------------------------------------------------------------------------


def test_matching_can_be_undone() -> None:
    """Rolling back puts book, balances, prices and memory back as they were."""
    world = World()
    world.ask(BOB, 1, 2, 100)
    world.ask(ALICE, 1, 2, 100)
    world.ask(CAROL, 1, 2, 100, tif=GTT, ms=T0 + 2 * BLOCK_MS)
    world.next_block()
    savepoint = world.state.open_savepoint()
    world.bid(ALICE, 2, 9, 101, mode=DECREMENT)
    assert world.bids() == [(2, 3, 101)]
    world.state.rollback_to(savepoint)
    assert (world.bids(), world.asks()) == ([], [(1, 2, 100), (1, 2, 100), (1, 2, 100)])
    market = world.market
    assert (market.last_price, market.low, market.high) == (0, 0, 0)
    assert world.gained(ALICE) == world.gained(BOB) == (0, 0)
    world.next_block()
    world.restart()
