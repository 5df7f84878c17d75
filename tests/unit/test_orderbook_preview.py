"""Fill or kill: the walk along the book that decides before anything is written."""

import pytest

from omg_abci.protocol import errors, limits
from omg_abci.protocol.units import Ended
from tests.unit.exchange_world import (
    ALICE,
    ALLOW,
    BLOCK_MS,
    BOB,
    BOTH,
    CAROL,
    DECREMENT,
    FOK,
    GTT,
    NEWEST,
    OLDEST,
    T0,
    World,
    code,
)


def preview(world: World, quantity: int, price: int, **terms: int) -> tuple[bool, int]:
    """Place Alice's fill-or-kill bid; return whether it was filled, and the steps charged."""
    result = world.bid(ALICE, 9, quantity, price, tif=FOK, **terms)
    steps, rest = divmod(world.work - limits.WORK_PLACE, limits.WORK_MATCH)
    assert rest == 0
    if result.code:
        assert result == code(errors.FillOrKillUnfilled)
        return False, steps
    assert (result.filled, result.ended) == (quantity, Ended.FILLED)
    return True, steps


@pytest.mark.parametrize(
    ("quantity", "price", "steps", "expected"),
    [
        (2, 100, 16, (True, 1)),
        (3, 100, 16, (False, 1)),
        (3, 101, 16, (True, 2)),
        (5, 101, 16, (True, 2)),
        (6, 101, 16, (False, 2)),
        (6, 102, 16, (True, 3)),
        (6, 102, 2, (False, 2)),
        (5, 102, 2, (True, 2)),
        (1, 99, 16, (False, 0)),
        (9, 200, 16, (False, 3)),
    ],
)
def test_a_preview_counts_what_crosses(
    quantity: int, price: int, steps: int, expected: tuple[bool, int]
) -> None:
    """Up to the order's price and steps all lots count."""
    world = World()
    world.ask(BOB, 1, 2, 100)
    world.ask(BOB, 2, 3, 101)
    world.ask(BOB, 3, 3, 102)
    assert preview(world, quantity, price, steps=steps) == expected


def test_a_preview_of_a_sale_walks_the_bids() -> None:
    """The same on the other side."""
    world = World()
    world.bid(BOB, 1, 2, 101)
    world.bid(BOB, 2, 2, 100)
    assert world.ask(ALICE, 1, 5, 100, tif=FOK) == code(errors.FillOrKillUnfilled)
    assert world.ask(ALICE, 1, 3, 101, tif=FOK) == code(errors.FillOrKillUnfilled)
    assert world.ask(ALICE, 1, 4, 100, tif=FOK).filled == 4


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (NEWEST, (False, 2)),
        (OLDEST, (True, 3)),
        (BOTH, (False, 2)),
        (DECREMENT, (False, 2)),
        (ALLOW, (True, 2)),
    ],
)
def test_a_preview_meets_own_orders(mode: int, expected: tuple[bool, int]) -> None:
    """Own orders are skipped, counted, or end the walk, as matching would have it."""
    world = World()
    world.ask(BOB, 1, 2, 100)
    world.ask(ALICE, 1, 3, 100)
    world.ask(CAROL, 1, 3, 100)
    assert preview(world, 5, 100, mode=mode) == expected


def test_an_own_order_beyond_what_is_needed_is_not_met() -> None:
    """The walk ends with the quantity, before what stands behind."""
    world = World()
    world.ask(BOB, 1, 2, 100)
    world.ask(ALICE, 1, 3, 100)
    assert preview(world, 2, 100) == (True, 1)


def test_a_preview_skips_the_dead() -> None:
    """Dead orders count as steps, not as lots; matching then removes them."""
    world = World()
    world.ask(BOB, 1, 5, 100, tif=GTT, ms=T0 + BLOCK_MS)
    world.ask(CAROL, 1, 5, 100)
    world.next_block()
    assert preview(world, 6, 100) == (False, 2)
    assert world.asks() == [(1, 5, 100), (1, 5, 100)]
    assert preview(world, 5, 100, steps=1) == (False, 1)
    assert preview(world, 5, 100, steps=2) == (True, 2)
    assert world.ended(BOB, 1)[0] == Ended.EXPIRED
