"""Post-only: rejecting and sliding, and the dead orders that stand in the way."""

import pytest

from omg_abci.protocol import errors, limits
from omg_abci.protocol.results import LegResult, Removal
from omg_abci.protocol.units import Ended
from tests.unit.exchange_world import (
    ALICE,
    ALLOW,
    BASE,
    BLOCK_MS,
    BOB,
    BUY,
    CAROL,
    GTT,
    QUOTE,
    REJECT,
    RICHES,
    SELL,
    SLIDE,
    T0,
    World,
    code,
)

DIES: dict[str, int] = {"tif": GTT, "ms": T0 + BLOCK_MS}
EXPIRED = Removal(BOB, 1, Ended.EXPIRED)


# --- reject -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "price", "rests"),
    [
        (BUY, 99, True),
        (BUY, 100, False),
        (BUY, 101, False),
        (SELL, 91, True),
        (SELL, 90, False),
        (SELL, 89, False),
    ],
)
def test_reject(side: int, price: int, *, rests: bool) -> None:
    """An order that would take is refused, one tick beside it rests."""
    world = World()
    world.ask(BOB, 1, 5, 100)
    world.bid(BOB, 2, 5, 90)
    answer = world.place(ALICE, 1, side, 3, price, post_only=REJECT)
    assert answer == (LegResult(resting=3) if rests else code(errors.PostOnlyWouldCross))
    assert world.work == limits.WORK_PLACE


def test_own_orders_count() -> None:
    """Self-trade prevention does not help a post-only order across its owner's own."""
    world = World()
    world.ask(ALICE, 1, 5, 100)
    answer = world.bid(ALICE, 2, 3, 100, post_only=REJECT, mode=ALLOW)
    assert answer == code(errors.PostOnlyWouldCross)


def test_a_post_only_order_in_an_empty_book_rests() -> None:
    """There is nothing to take."""
    assert World().bid(ALICE, 1, 3, 100, post_only=SLIDE) == LegResult(resting=3)


# --- slide --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("price", "slid"), [(99, 0), (100, 99), (105, 99)])
def test_a_bid_slides_below_the_best_ask(price: int, slid: int) -> None:
    """The result tells the price where it slid, and nothing where it did not."""
    world = World()
    world.ask(BOB, 1, 5, 100)
    world.ask(BOB, 2, 5, 101)
    result = world.bid(ALICE, 1, 3, price, post_only=SLIDE)
    assert result == LegResult(resting=3, price=slid)
    assert world.bids() == [(1, 3, 99)]
    assert world.balance(ALICE, QUOTE) == (RICHES - 891, 891)


@pytest.mark.parametrize(("price", "slid"), [(91, 0), (90, 91), (80, 91)])
def test_an_ask_slides_above_the_best_bid(price: int, slid: int) -> None:
    """The same on the other side."""
    world = World()
    world.bid(BOB, 1, 5, 90)
    world.bid(BOB, 2, 5, 89)
    result = world.ask(ALICE, 1, 3, price, post_only=SLIDE)
    assert result == LegResult(resting=3, price=slid)
    assert world.asks() == [(1, 3, 91)]
    assert world.balance(ALICE, BASE) == (RICHES - 30, 30)


def test_a_slid_order_remembers_its_mode() -> None:
    """It is still a sliding order, at its new price."""
    world = World()
    world.ask(BOB, 1, 5, 100)
    world.bid(ALICE, 1, 3, 105, post_only=SLIDE)
    order = world.order(ALICE, 1)
    assert (order.post_only, order.price) == (SLIDE, 99)


def test_a_bid_cannot_slide_to_nothing() -> None:
    """Below an ask of one tick there is no price."""
    world = World()
    world.ask(BOB, 1, 5, 1)
    assert world.bid(ALICE, 1, 3, 1, post_only=SLIDE) == code(errors.SlideOutOfRange)
    assert world.bid(ALICE, 1, 3, 9, post_only=SLIDE) == code(errors.SlideOutOfRange)


def test_a_bid_may_slide_to_one_tick() -> None:
    """One is the lowest price."""
    world = World()
    world.ask(BOB, 1, 5, 2)
    assert world.bid(ALICE, 1, 3, 2, post_only=SLIDE) == LegResult(resting=3, price=1)


def test_an_ask_cannot_slide_beyond_all_prices() -> None:
    """Above the greatest price there is none."""
    world = World(riches=limits.AMOUNT_MAX // 10)
    world.bid(BOB, 1, 5, limits.PRICE_TICKS_MAX)
    answer = world.ask(ALICE, 1, 3, 7, post_only=SLIDE)
    assert answer == code(errors.SlideOutOfRange)


def test_an_ask_may_slide_to_the_greatest_price() -> None:
    """The last tick is a price."""
    world = World(riches=limits.AMOUNT_MAX // 10)
    world.bid(BOB, 1, 5, limits.PRICE_TICKS_MAX - 1)
    result = world.ask(ALICE, 1, 3, 7, post_only=SLIDE)
    assert result == LegResult(resting=3, price=limits.PRICE_TICKS_MAX)


def test_a_slide_is_worth_no_more_than_an_amount() -> None:
    """An ask that slides up is worth more quote: above all amounts it is refused."""
    riches = limits.AMOUNT_MAX // 6
    world = World(riches=riches, quote_unit=limits.AMOUNT_MAX // 100, lots_max=100)
    world.bid(BOB, 1, 1, 10)
    assert world.ask(ALICE, 1, 10, 10, post_only=SLIDE) == code(errors.CostOverflow)
    assert world.ask(ALICE, 1, 9, 10, post_only=SLIDE) == LegResult(resting=9, price=11)


# --- dead orders in the way ---------------------------------------------------------------------


@pytest.mark.parametrize("post_only", [REJECT, SLIDE])
def test_a_dead_order_does_not_count(post_only: int) -> None:
    """It is removed, for a step, and the post-only order rests at its own price."""
    world = World()
    world.ask(BOB, 1, 5, 100, **DIES)
    world.next_block()
    result = world.bid(ALICE, 1, 3, 100, post_only=post_only)
    assert result == LegResult(resting=3, removals=(EXPIRED,))
    assert world.work == limits.WORK_PLACE + limits.WORK_MATCH
    assert (world.bids(), world.asks()) == ([(1, 3, 100)], [])
    assert world.ended(BOB, 1) == (Ended.EXPIRED, 5, 0)


def test_a_refusal_lists_what_was_removed() -> None:
    """The dead stay removed when a live order behind them refuses the leg."""
    world = World()
    world.ask(BOB, 1, 5, 99, **DIES)
    world.ask(CAROL, 2, 5, 100)
    world.next_block()
    result = world.bid(ALICE, 1, 3, 100, post_only=REJECT)
    assert result == LegResult(code=errors.PostOnlyWouldCross.code, removals=(EXPIRED,))
    assert world.work == limits.WORK_PLACE + limits.WORK_MATCH
    assert (world.bids(), world.asks()) == ([], [(2, 5, 100)])
    assert world.bid(ALICE, 1, 3, 99).resting == 3


def test_a_slide_out_of_range_lists_what_was_removed() -> None:
    """The same for 2029."""
    world = World()
    world.ask(BOB, 1, 5, 1, **DIES)
    world.ask(CAROL, 2, 5, 1)
    world.next_block()
    result = world.bid(ALICE, 1, 3, 1, post_only=SLIDE)
    assert result == LegResult(code=errors.SlideOutOfRange.code, removals=(EXPIRED,))


def test_a_slide_past_the_dead_goes_to_the_best_live_price() -> None:
    """The price slides under what is alive."""
    world = World()
    world.ask(BOB, 1, 5, 98, **DIES)
    world.ask(CAROL, 2, 5, 100)
    world.next_block()
    result = world.bid(ALICE, 1, 3, 100, post_only=SLIDE)
    assert result == LegResult(resting=3, price=99, removals=(EXPIRED,))


def test_dead_orders_beyond_the_price_stay() -> None:
    """Only what the order reaches is removed."""
    world = World()
    world.ask(BOB, 1, 5, 101, **DIES)
    world.next_block()
    assert world.bid(ALICE, 1, 3, 100, post_only=REJECT) == LegResult(resting=3)
    assert world.asks() == [(1, 5, 101)]


@pytest.mark.parametrize(
    ("dead", "ended"), [(1, Ended.OPEN), (2, Ended.OPEN), (3, Ended.MATCH_LIMIT)]
)
def test_too_many_dead_orders_end_it(dead: int, ended: Ended) -> None:
    """With its steps used up and the dead still in its way the order ends, accepted."""
    world = World()
    for client_id in range(1, dead + 1):
        world.ask(BOB, client_id, 5, 99, **DIES)
    world.next_block()
    result = world.bid(ALICE, 1, 3, 100, post_only=REJECT, steps=2)
    removed = min(dead, 2)
    assert result == LegResult(
        resting=0 if ended else 3,
        ended=ended,
        removals=tuple(Removal(BOB, each, Ended.EXPIRED) for each in range(1, removed + 1)),
    )
    assert world.work == limits.WORK_PLACE + removed * limits.WORK_MATCH
    assert len(world.asks()) == dead - removed
    if ended:
        assert world.ended(ALICE, 1) == (Ended.MATCH_LIMIT, 3, 0)
        assert world.bid(ALICE, 1, 3, 100).repeated


def test_a_live_order_behind_all_steps_refuses() -> None:
    """The steps sufficed: what follows is alive, so the order is refused."""
    world = World()
    world.ask(BOB, 1, 5, 99, **DIES)
    world.ask(CAROL, 2, 5, 99)
    world.next_block()
    result = world.bid(ALICE, 1, 3, 100, post_only=REJECT, steps=1)
    assert result.code == errors.PostOnlyWouldCross.code


def test_own_dead_orders_give_their_reserve_back() -> None:
    """An own dead order in the way is removed like any other."""
    world = World()
    world.ask(ALICE, 1, 5, 99, **DIES)
    world.next_block()
    result = world.bid(ALICE, 2, 3, 100, post_only=REJECT)
    assert result.removals == (Removal(ALICE, 1, Ended.EXPIRED),)
    assert world.balance(ALICE, BASE) == (RICHES, 0)
