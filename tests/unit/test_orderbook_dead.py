"""Dead orders: how they die, and that nobody trades with them."""

import pytest

from omg_abci.protocol import limits
from omg_abci.protocol.results import Fill, LegResult, Removal
from omg_abci.protocol.units import Ended
from omg_abci.rules.orderbook import get_death
from tests.unit.exchange_world import (
    ALICE,
    BASE,
    BLOCK_MS,
    BOB,
    CAROL,
    GTH,
    GTT,
    NEWEST,
    RICHES,
    T0,
    World,
)


def test_death_by_time() -> None:
    """A GTT order is dead from its time on."""
    world = World()
    world.bid(ALICE, 1, 5, 100, tif=GTT, ms=T0 + 5)
    order = world.order(ALICE, 1)
    assert (get_death(world.state, order), world.state.may_hold_dead) == (Ended.OPEN, False)
    world.next_block(4)
    assert (get_death(world.state, order), world.state.may_hold_dead) == (Ended.OPEN, False)
    world.next_block(1)
    assert (get_death(world.state, order), world.state.may_hold_dead) == (Ended.EXPIRED, True)
    world.next_block(1)
    assert (get_death(world.state, order), world.state.may_hold_dead) == (Ended.EXPIRED, True)


def test_death_by_height() -> None:
    """A GTH order may match in its last block, and is dead in the next."""
    world = World()
    world.bid(ALICE, 1, 5, 100, tif=GTH, height=2)
    order = world.order(ALICE, 1)
    assert (get_death(world.state, order), world.state.may_hold_dead) == (Ended.OPEN, False)
    world.next_block()
    assert (get_death(world.state, order), world.state.may_hold_dead) == (Ended.OPEN, False)
    world.next_block()
    assert (get_death(world.state, order), world.state.may_hold_dead) == (Ended.EXPIRED, True)


def test_death_by_switch() -> None:
    """All orders of an owner are dead from the time of the switch on."""
    world = World()
    world.bid(ALICE, 1, 5, 100)
    world.set_switch(ALICE, T0 + 5)
    order = world.order(ALICE, 1)
    assert (get_death(world.state, order), world.state.may_hold_dead) == (Ended.OPEN, False)
    world.next_block(4)
    assert (get_death(world.state, order), world.state.may_hold_dead) == (Ended.OPEN, False)
    world.next_block(1)
    assert (get_death(world.state, order), world.state.may_hold_dead) == (Ended.SWITCHED, True)


def test_expiry_is_told_before_the_switch() -> None:
    """An order that died of both is EXPIRED."""
    world = World()
    world.bid(ALICE, 1, 5, 100, tif=GTT, ms=T0 + 5)
    world.bid(ALICE, 2, 5, 100, tif=GTH, height=1)
    world.set_switch(ALICE, T0 + 5)
    world.next_block()
    assert get_death(world.state, world.order(ALICE, 1)) == Ended.EXPIRED
    assert get_death(world.state, world.order(ALICE, 2)) == Ended.EXPIRED


def test_nothing_may_be_dead_without_expiries() -> None:
    """A book of plain orders needs no look at their ends."""
    world = World()
    world.bid(ALICE, 1, 5, 100)
    world.next_block()
    assert not world.state.may_hold_dead


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"tif": GTT, "ms": T0 + BLOCK_MS}, Ended.EXPIRED),
        ({"tif": GTH, "height": 1}, Ended.EXPIRED),
        ({}, Ended.SWITCHED),
    ],
)
def test_a_dead_order_is_removed_instead_of_matched(terms: dict[str, int], reason: Ended) -> None:
    """A taker passes over the dead, which costs a step each."""
    world = World()
    world.ask(BOB, 1, 5, 99, **terms)
    world.ask(CAROL, 1, 5, 100)
    if not terms:
        world.set_switch(BOB, T0 + BLOCK_MS)
    world.next_block()
    result = world.bid(ALICE, 1, 3, 100)
    assert result == LegResult(
        filled=3,
        ended=Ended.FILLED,
        fills=(Fill(CAROL, 1, 100, 3),),
        removals=(Removal(BOB, 1, reason),),
    )
    assert world.work == limits.WORK_PLACE + 2 * limits.WORK_MATCH
    assert world.ended(BOB, 1) == (reason, 5, 0)
    assert world.balance(BOB, BASE) == (RICHES, 0)


def test_a_dead_own_order_is_removed_for_its_death() -> None:
    """Death comes before self-trade prevention."""
    world = World()
    world.ask(ALICE, 1, 5, 99, tif=GTT, ms=T0 + BLOCK_MS)
    world.next_block()
    result = world.bid(ALICE, 2, 3, 100, mode=NEWEST)
    assert result == LegResult(resting=3, removals=(Removal(ALICE, 1, Ended.EXPIRED),))


def test_dead_orders_use_up_steps() -> None:
    """An order that still crosses the dead when its steps are used up ends."""
    world = World()
    for client_id in (1, 2):
        world.ask(BOB, client_id, 5, 99, tif=GTT, ms=T0 + BLOCK_MS)
    world.next_block()
    result = world.bid(ALICE, 1, 3, 100, steps=1)
    removals = (Removal(BOB, 1, Ended.EXPIRED),)
    assert result == LegResult(ended=Ended.MATCH_LIMIT, removals=removals)
    assert world.bid(ALICE, 2, 3, 100, steps=1).resting == 3
