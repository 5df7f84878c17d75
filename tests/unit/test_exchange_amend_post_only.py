"""Amending post-only orders: they never come to take by it."""

import pytest

from omg_abci.protocol import errors, limits
from omg_abci.protocol.results import LegResult, Removal
from omg_abci.protocol.units import Ended
from tests.unit.exchange_world import (
    ALICE,
    BLOCK_MS,
    BOB,
    CAROL,
    GTT,
    OFF,
    QUOTE,
    REJECT,
    RICHES,
    SLIDE,
    T0,
    World,
)

EXPIRED = Removal(BOB, 1, Ended.EXPIRED)


def line_up(**terms: int) -> World:
    """Return a world with alice's bid 1 before bob's bid 2 at 100, five lots each."""
    world = World()
    assert world.bid(ALICE, 1, 5, 100, **terms) == LegResult(resting=5)
    world.bid(BOB, 2, 5, 100)
    return world


def test_post_only_can_be_taken_off() -> None:
    """Then the order takes like any other."""
    world = line_up(post_only=REJECT)
    world.ask(CAROL, 1, 1, 101)
    assert world.amend(ALICE, 1, price=101).code == errors.PostOnlyWouldCross.code
    result = world.amend(ALICE, 1, price=101, post_only=OFF)
    assert result.filled == 1
    assert world.order(ALICE, 1).post_only == 0


def test_a_post_only_order_is_not_amended_into_the_book() -> None:
    """REJECT refuses a price that would take, and the order stays as it was."""
    world = line_up()
    world.ask(CAROL, 1, 1, 101)
    answer = world.amend(ALICE, 1, price=101, post_only=REJECT)
    assert answer == LegResult(code=errors.PostOnlyWouldCross.code)
    assert world.order(ALICE, 1).post_only == 0
    assert world.bids() == [(1, 5, 100), (2, 5, 100)]


@pytest.mark.parametrize(
    ("price", "slid"), [(98, 0), (101, 100), (102, 101), (103, 101), (200, 101)]
)
def test_a_sliding_order_slides_when_amended(price: int, slid: int) -> None:
    """It rests one tick below what it would take, and says so."""
    world = World()
    world.bid(ALICE, 1, 5, 99, post_only=SLIDE)
    world.ask(CAROL, 1, 1, slid + 1 if slid else 102)
    result = world.amend(ALICE, 1, price=price)
    assert result == LegResult(resting=5, price=slid)
    assert world.bids() == [(1, 5, slid or price)]


def test_a_slide_to_the_old_price_keeps_the_place() -> None:
    """It is no change of price, but it is told."""
    world = line_up(post_only=SLIDE)
    world.ask(CAROL, 1, 1, 101)
    result = world.amend(ALICE, 1, price=105)
    assert result == LegResult(resting=5, kept_place=True, price=100)
    assert world.bids() == [(1, 5, 100), (2, 5, 100)]


def test_a_slide_to_the_old_price_with_more_lots_loses_the_place() -> None:
    """The quantity still moves it."""
    world = line_up(post_only=SLIDE)
    world.ask(CAROL, 1, 1, 101)
    result = world.amend(ALICE, 1, price=105, quantity=6)
    assert result == LegResult(resting=6, price=100)
    assert world.bids() == [(2, 5, 100), (1, 6, 100)]


def test_more_lots_at_its_price_need_no_look_at_the_other_side() -> None:
    """A post-only order that grows where it is comes back and takes nothing."""
    world = line_up(post_only=REJECT)
    world.ask(CAROL, 1, 1, 101)
    assert world.amend(ALICE, 1, quantity=9) == LegResult(resting=9)


def test_the_dead_in_its_way_are_removed() -> None:
    """As for a new order, each a step."""
    world = World()
    world.bid(ALICE, 1, 5, 90, post_only=REJECT)
    world.ask(BOB, 1, 5, 99, tif=GTT, ms=T0 + BLOCK_MS)
    world.next_block()
    assert world.amend(ALICE, 1, price=99) == LegResult(resting=5, removals=(EXPIRED,))
    assert world.work == limits.WORK_AMEND + limits.WORK_MATCH
    assert (world.bids(), world.asks()) == ([(1, 5, 99)], [])


def test_too_many_dead_in_its_way_end_it() -> None:
    """The order ends as it was before the amendment, with its reserve back."""
    world = World()
    world.bid(ALICE, 1, 5, 90, post_only=REJECT)
    for client_id in (1, 2):
        world.ask(BOB, client_id, 5, 99, tif=GTT, ms=T0 + BLOCK_MS)
    world.next_block()
    result = world.amend(ALICE, 1, price=99, quantity=7, steps=1)
    assert result == LegResult(ended=Ended.MATCH_LIMIT, removals=(EXPIRED,))
    assert world.ended(ALICE, 1) == (Ended.MATCH_LIMIT, 5, 0)
    assert world.balance(ALICE, QUOTE) == (RICHES, 0)
    assert world.asks() == [(2, 5, 99)]


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"price": 100}, errors.PostOnlyWouldCross),
        ({"price": 99, "quantity": 1_000}, errors.InsufficientFunds),
    ],
)
def test_refusals_list_what_was_removed(
    fields: dict[str, int], refusal: type[errors.LegError]
) -> None:
    """The dead stay removed, whatever comes of the amendment."""
    world = World(riches=10_000)
    world.bid(ALICE, 1, 5, 90, post_only=REJECT)
    world.ask(BOB, 1, 5, 99, tif=GTT, ms=T0 + BLOCK_MS)
    world.ask(CAROL, 1, 5, 100)
    world.next_block()
    result = world.amend(ALICE, 1, **fields)
    assert result == LegResult(code=refusal.code, removals=(EXPIRED,))
    assert world.work == limits.WORK_AMEND + limits.WORK_MATCH
    assert world.bids() == [(1, 5, 90)]
