"""Cancelling: one order, all of them, tombstones, and the dead-man's switch."""

from unittest.mock import patch

import pytest

from omg_abci.protocol import errors, limits
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.units import Ended, MarketStatus
from tests.unit.exchange_world import (
    ALICE,
    BASE,
    BLOCK_MS,
    BOB,
    BUY,
    GTH,
    GTT,
    ICEBERG,
    IOC,
    MARKET,
    QUOTE,
    RICHES,
    SELL,
    STOP,
    T0,
    World,
    code,
)

DAY_MS = 24 * 3600 * 1000
TOMBSTONE_MS = 60_000
"""How long the world's legs are valid."""
KINDS: list[dict[str, int]] = [
    {},
    {"kind": ICEBERG, "display": 2},
    {"kind": STOP, "trigger": 100},
    {"sub": 1},
]


# --- one order ----------------------------------------------------------------------------------


@pytest.mark.parametrize("terms", KINDS)
@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_cancelled_order_gives_its_reserve_back(side: int, terms: dict[str, int]) -> None:
    """Whatever it is, it leaves, and is remembered as CANCELLED."""
    world = World()
    world.place(ALICE, 1, side, 5, 100, **terms)
    assert world.cancel(ALICE, 1) == LegResult(ended=Ended.CANCELLED)
    assert world.work == limits.WORK_CANCEL
    assert world.ended(ALICE, 1) == (Ended.CANCELLED, 5, 0)
    for token in (BASE, QUOTE):
        assert world.balance(ALICE, token, terms.get("sub", 0)) == (RICHES, 0)
    assert (world.bids(), world.asks(), world.order_count()) == ([], [], 0)


def test_what_was_filled_stays() -> None:
    """Only the rest is cancelled."""
    world = World()
    world.bid(ALICE, 1, 5, 100)
    world.ask(BOB, 1, 2, 100)
    world.cancel(ALICE, 1)
    assert world.ended(ALICE, 1) == (Ended.CANCELLED, 5, 2)
    assert world.gained(ALICE) == (2, -200)
    assert world.balance(ALICE, QUOTE)[1] == 0


@pytest.mark.parametrize("status", list(MarketStatus)[1:])
def test_cancelling_is_possible_always(status: MarketStatus) -> None:
    """No status of a market keeps an owner in it."""
    world = World()
    world.bid(ALICE, 1, 5, 100)
    world.set_status(status)
    assert world.cancel(ALICE, 1) == LegResult(ended=Ended.CANCELLED)


def test_an_immediate_order_of_a_batch_market_can_be_cancelled() -> None:
    """It is open until the block's auction."""
    world = World(mode="batch")
    world.bid(ALICE, 1, 5, 100, tif=IOC)
    assert world.cancel(ALICE, 1) == LegResult(ended=Ended.CANCELLED)
    assert world.market.immediate == {}


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"tif": GTT, "ms": T0 + BLOCK_MS}, Ended.EXPIRED),
        ({"tif": GTH, "height": 1}, Ended.EXPIRED),
        ({"kind": STOP, "trigger": 100, "tif": GTH, "height": 1}, Ended.EXPIRED),
        ({}, Ended.SWITCHED),
    ],
)
def test_a_dead_order_ends_for_its_death(terms: dict[str, int], reason: Ended) -> None:
    """Cancelling removes the dead, and says what they died of."""
    world = World()
    world.bid(ALICE, 1, 5, 100, **terms)
    if not terms:
        world.set_switch(ALICE, T0 + BLOCK_MS)
    world.next_block()
    assert world.cancel(ALICE, 1) == LegResult(ended=reason)
    assert world.ended(ALICE, 1) == (reason, 5, 0)


def test_an_ended_order_is_closed_while_it_is_remembered() -> None:
    """Afterwards its client id is unknown, and gets a tombstone."""
    world = World()
    world.bid(ALICE, 1, 5, 100, tif=IOC)
    world.next_block(2 * DAY_MS - 1)
    assert world.cancel(ALICE, 1) == code(errors.OrderClosed)
    world.next_block(1)
    assert world.cancel(ALICE, 1) == LegResult(tombstone=True)


def test_anothers_order_is_not_reached() -> None:
    """Client ids are the owner's own."""
    world = World()
    world.bid(BOB, 1, 5, 100)
    assert world.cancel(ALICE, 1) == LegResult(tombstone=True)
    assert world.bids() == [(1, 5, 100)]


# --- tombstones ---------------------------------------------------------------------------------


def test_a_tombstone_lives_as_long_as_the_transaction() -> None:
    """Its time is when the cancelling transaction stops being valid."""
    world = World()
    assert world.cancel(ALICE, 1) == LegResult(tombstone=True)
    assert world.state.get_account(ALICE).tombstones == {1: T0 + TOMBSTONE_MS}


def test_a_later_cancel_prolongs_a_tombstone() -> None:
    """The greater of both times counts."""
    world = World()
    world.cancel(ALICE, 1)
    world.next_block(500)
    assert world.cancel(ALICE, 1) == LegResult(tombstone=True)
    account = world.state.get_account(ALICE)
    assert account.tombstones == {1: T0 + 500 + TOMBSTONE_MS}
    world.state.set_tombstone(account, 1, T0 + DAY_MS)
    assert world.cancel(ALICE, 1) == LegResult(tombstone=True)
    assert account.tombstones == {1: T0 + DAY_MS}


def test_tombstones_are_bounded() -> None:
    """One that is there can be prolonged, no other can be added."""
    world = World()
    with patch.object(limits, "TOMBSTONES_MAX", 2):
        world.cancel(ALICE, 1)
        world.cancel(ALICE, 2)
        assert world.cancel(ALICE, 3) == code(errors.TooManyTombstones)
        assert world.cancel(BOB, 3) == LegResult(tombstone=True)
        world.next_block(500)
        assert world.cancel(ALICE, 2) == LegResult(tombstone=True)


def test_a_tombstone_of_the_past_counts_until_it_is_removed() -> None:
    """It can be renewed, and it takes its place."""
    world = World()
    with patch.object(limits, "TOMBSTONES_MAX", 1):
        world.cancel(ALICE, 1)
        world.next_block(TOMBSTONE_MS)
        assert world.cancel(ALICE, 2) == code(errors.TooManyTombstones)
        assert world.cancel(ALICE, 1) == LegResult(tombstone=True)
    assert world.bid(ALICE, 1, 5, 100) == code(errors.CancelledBeforePlaced)


# --- all orders ---------------------------------------------------------------------------------


def several() -> World:
    """Return a world of two markets with alice's orders 1 to 6, and one of bob's."""
    world = World(markets=2)
    world.ask(ALICE, 1, 1, 110, market=MARKET + 1)
    world.ask(ALICE, 2, 1, 110)
    world.bid(ALICE, 3, 1, 90)
    world.bid(ALICE, 4, 1, 95, kind=STOP, trigger=100)
    world.bid(ALICE, 5, 1, 95)
    world.bid(ALICE, 6, 1, 90, market=MARKET + 1)
    world.bid(BOB, 7, 1, 90)
    return world


def open_ids(world: World) -> list[int]:
    """Return the client ids of alice's open orders."""
    return sorted(world.state.get_account(ALICE).orders)


@pytest.mark.parametrize(
    ("market", "side", "left"),
    [
        (0, 0, []),
        (MARKET, 0, [1, 6]),
        (MARKET + 1, 0, [2, 3, 4, 5]),
        (0, BUY, [1, 2]),
        (0, SELL, [3, 4, 5, 6]),
        (MARKET, BUY, [1, 2, 6]),
        (MARKET, SELL, [1, 3, 4, 5, 6]),
        (MARKET + 1, SELL, [2, 3, 4, 5, 6]),
    ],
)
def test_a_selection_is_cancelled(market: int, side: int, left: list[int]) -> None:
    """By market, by side, by both, or everything; waiting orders too, others' never."""
    world = several()
    result = world.cancel_all(ALICE, market, side)
    cancelled = 6 - len(left)
    assert result == LegResult(cancelled=cancelled)
    assert world.work == limits.WORK_CANCEL_ALL + cancelled * limits.WORK_CANCELLED_ORDER
    assert open_ids(world) == left
    assert 7 in world.state.get_account(BOB).orders


@pytest.mark.parametrize(
    ("most", "left"),
    [(1, [1, 2, 4, 5, 6]), (2, [1, 2, 5, 6]), (3, [1, 2, 6]), (4, [1, 6]), (5, [1])],
)
def test_markets_ascend_then_sides_then_priority(most: int, left: list[int]) -> None:
    """Bids of the first market by age, its asks, then the next market."""
    world = several()
    assert world.cancel_all(ALICE, most=most) == LegResult(cancelled=most, more=True)
    assert world.work == limits.WORK_CANCEL_ALL + most * limits.WORK_CANCELLED_ORDER
    assert open_ids(world) == left


def test_as_many_as_there_are_is_no_more() -> None:
    """``more`` tells of the selection only."""
    world = several()
    assert world.cancel_all(ALICE, MARKET, BUY, 3) == LegResult(cancelled=3, more=False)


def test_an_owner_without_orders_cancels_none() -> None:
    """Nothing is done, and that is no error."""
    assert World().cancel_all(ALICE) == LegResult()


def test_all_of_an_unknown_market() -> None:
    """A market that does not exist is refused."""
    world = several()
    assert world.cancel_all(ALICE, MARKET + 2) == code(errors.UnknownMarket)
    assert world.work == limits.WORK_CANCEL_ALL


def test_all_of_the_dead_end_for_their_death() -> None:
    """Each order by what it died of."""
    world = World()
    world.bid(ALICE, 1, 5, 100)
    world.bid(ALICE, 2, 5, 100, tif=GTT, ms=T0 + BLOCK_MS)
    world.next_block()
    assert world.cancel_all(ALICE) == LegResult(cancelled=2)
    assert world.ended(ALICE, 1)[0] == Ended.CANCELLED
    assert world.ended(ALICE, 2)[0] == Ended.EXPIRED


# --- the dead-man's switch ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead_ms", "refusal"),
    [
        (-1, errors.SwitchInPast),
        (0, errors.SwitchInPast),
        (1, None),
        (DAY_MS, None),
        (DAY_MS + 1, errors.SwitchTooFar),
    ],
)
def test_a_switch_is_set_within_a_day(ahead_ms: int, refusal: type[errors.LegError] | None) -> None:
    """Its time is after this block and at most a day ahead."""
    world = World()
    answer = world.set_switch(ALICE, T0 + ahead_ms)
    assert answer == (LegResult() if refusal is None else code(refusal))
    assert world.work == limits.WORK_SWITCH
    assert world.state.get_account(ALICE).switch_ms == (0 if refusal else T0 + ahead_ms)


def test_a_switch_is_moved_and_put_off() -> None:
    """Each setting replaces the one before."""
    world = World()
    account = world.state.get_account(ALICE)
    for at_ms in (T0 + 9, T0 + 5, T0 + 7, 0):
        assert world.set_switch(ALICE, at_ms) == LegResult()
        assert account.switch_ms == at_ms
    assert world.set_switch(ALICE, 0) == LegResult()


def test_a_switch_is_its_owners() -> None:
    """Others' orders live on."""
    world = World()
    world.bid(BOB, 1, 5, 100)
    world.set_switch(ALICE, T0 + 1)
    world.next_block(1)
    assert world.bid(BOB, 2, 5, 100).code == 0
    assert world.cancel(BOB, 1) == LegResult(ended=Ended.CANCELLED)


def test_a_fired_switch_is_left_alone_while_there_are_orders() -> None:
    """Setting it anew would bring dead orders back to life."""
    world = World()
    world.bid(ALICE, 1, 5, 100)
    world.set_switch(ALICE, T0 + 1)
    world.next_block(1)
    for at_ms in (0, T0 + 9):
        assert world.set_switch(ALICE, at_ms) == code(errors.SwitchFiring)
    world.cancel_all(ALICE)
    assert world.set_switch(ALICE, T0 + 9) == LegResult()
    assert world.bid(ALICE, 2, 5, 100).code == 0


def test_a_switch_that_has_not_fired_can_be_moved() -> None:
    """One millisecond before its time it is still its owner's."""
    world = World()
    world.bid(ALICE, 1, 5, 100)
    world.set_switch(ALICE, T0 + 2)
    world.next_block(1)
    assert world.set_switch(ALICE, T0 + 9) == LegResult()


def test_a_switch_survives_a_restart() -> None:
    """It is part of the state."""
    world = World()
    world.set_switch(ALICE, T0 + 2 * BLOCK_MS)
    world.restart()
    assert world.bid(ALICE, 1, 5, 100).code == 0
    world.restart()
    assert world.bid(ALICE, 2, 5, 100) == code(errors.SwitchFiring)
