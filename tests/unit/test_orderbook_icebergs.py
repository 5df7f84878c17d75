"""Icebergs: tips, what a new tip costs, and fill-or-kill orders that walk over them."""

import pytest

from omg_abci.protocol import errors, limits
from omg_abci.protocol.results import Decrement, Fill, LegResult, Removal
from omg_abci.protocol.units import Ended
from tests.unit.exchange_world import (
    ALICE,
    BASE,
    BLOCK_MS,
    BOB,
    CAROL,
    DECREMENT,
    FOK,
    GTH,
    GTT,
    ICEBERG,
    IOC,
    NEWEST,
    OLDEST,
    REJECT,
    RICHES,
    T0,
    World,
    code,
)


def get_tip(world: World, owner: bytes, client_id: int) -> int:
    """Return what an open iceberg shows."""
    special = world.order(owner, client_id).special
    assert special is not None
    return special.tip


def iceberg(world: World, owner: bytes, client_id: int, lots: int, tip: int, **terms: int) -> None:
    """Place an iceberg ask at 100."""
    result = world.ask(owner, client_id, lots, 100, kind=ICEBERG, display=tip, **terms)
    assert result == LegResult(resting=lots)


def test_an_iceberg_reserves_all_and_shows_its_tip() -> None:
    """The tip is the display, the reserve that of the whole quantity."""
    world = World()
    iceberg(world, BOB, 1, 9, 4)
    assert get_tip(world, BOB, 1) == 4
    assert world.balance(BOB, BASE) == (RICHES - 90, 90)


@pytest.mark.parametrize("lots", [4, 9])
def test_a_display_of_everything_is_allowed(lots: int) -> None:
    """A tip may be the whole order."""
    world = World()
    iceberg(world, BOB, 1, lots, lots)
    assert get_tip(world, BOB, 1) == lots


def test_a_fill_uses_the_tip() -> None:
    """A fill within the tip leaves the order in its place."""
    world = World()
    iceberg(world, BOB, 1, 9, 4)
    world.ask(CAROL, 1, 5, 100)
    priority = world.order(BOB, 1).priority
    assert world.bid(ALICE, 1, 3, 100).fills == (Fill(BOB, 1, 100, 3),)
    assert get_tip(world, BOB, 1) == 1
    assert world.order(BOB, 1).priority == priority
    assert world.asks() == [(1, 6, 100), (1, 5, 100)]


def test_a_used_tip_is_renewed_at_the_end_of_the_line() -> None:
    """A new tip costs the place and takes the next priority, within the same step."""
    world = World()
    iceberg(world, BOB, 1, 9, 4)
    world.ask(CAROL, 2, 5, 100)
    result = world.bid(ALICE, 1, 4, 100)
    assert result == LegResult(filled=4, ended=Ended.FILLED, fills=(Fill(BOB, 1, 100, 4),))
    assert world.work == limits.WORK_PLACE + limits.WORK_MATCH
    assert world.asks() == [(2, 5, 100), (1, 5, 100)]
    assert get_tip(world, BOB, 1) == 4
    assert world.order(BOB, 1).priority == world.order(CAROL, 2).priority + 1


def test_a_last_tip_is_what_remains() -> None:
    """The tip is never more than the order has left."""
    world = World()
    iceberg(world, BOB, 1, 9, 4)
    world.bid(ALICE, 1, 8, 100)
    assert get_tip(world, BOB, 1) == 1
    assert world.bid(ALICE, 2, 1, 100).ended == Ended.FILLED
    assert world.ended(BOB, 1) == (Ended.FILLED, 9, 9)
    assert world.balance(BOB, BASE) == (RICHES - 90, 0)


def test_tips_take_turns_with_the_others() -> None:
    """A sweep meets tip, the others, the next tip; each tip is a step."""
    world = World()
    iceberg(world, BOB, 1, 7, 3)
    world.ask(CAROL, 1, 2, 100)
    result = world.bid(ALICE, 1, 9, 100)
    assert [(fill.maker, fill.quantity) for fill in result.fills] == [
        (BOB, 3),
        (CAROL, 2),
        (BOB, 3),
        (BOB, 1),
    ]
    assert world.work == limits.WORK_PLACE + 4 * limits.WORK_MATCH


def test_two_icebergs_take_turns() -> None:
    """Tips of two icebergs alternate."""
    world = World()
    iceberg(world, BOB, 1, 4, 2)
    iceberg(world, CAROL, 1, 5, 1)
    result = world.bid(ALICE, 1, 7, 100)
    assert [(fill.maker, fill.quantity) for fill in result.fills] == [
        (BOB, 2),
        (CAROL, 1),
        (BOB, 2),
        (CAROL, 1),
        (CAROL, 1),
    ]


def test_a_renewed_tip_moves_to_the_end_of_the_owners_list() -> None:
    """Cancelling all goes by the current priority."""
    world = World()
    iceberg(world, BOB, 1, 9, 4)
    world.ask(BOB, 2, 5, 101)
    world.bid(ALICE, 1, 4, 100)
    assert world.cancel_all(BOB, most=1) == LegResult(cancelled=1, more=True)
    assert world.asks() == [(1, 5, 100)]


def test_a_renewed_tip_keeps_its_expiry() -> None:
    """An iceberg with a new priority still ends in time."""
    world = World()
    iceberg(world, BOB, 1, 9, 4, tif=GTT, ms=T0 + BLOCK_MS)
    iceberg(world, CAROL, 1, 9, 4, tif=GTH, height=1)
    world.bid(ALICE, 1, 8, 100)
    world.next_block()
    result = world.bid(ALICE, 2, 1, 100)
    removals = (Removal(BOB, 1, Ended.EXPIRED), Removal(CAROL, 1, Ended.EXPIRED))
    assert result == LegResult(resting=1, removals=removals)


def test_an_incoming_iceberg_takes_with_all_it_has() -> None:
    """The tip says nothing while the order takes; the rest then shows a tip."""
    world = World()
    world.ask(BOB, 1, 6, 100)
    result = world.bid(ALICE, 1, 9, 100, kind=ICEBERG, display=2)
    assert result == LegResult(filled=6, resting=3, fills=(Fill(BOB, 1, 100, 6),))
    assert get_tip(world, ALICE, 1) == 2


def test_the_rest_of_an_incoming_iceberg_may_be_below_its_display() -> None:
    """Its tip is then all of it."""
    world = World()
    world.ask(BOB, 1, 6, 100)
    world.bid(ALICE, 1, 7, 100, kind=ICEBERG, display=2)
    assert get_tip(world, ALICE, 1) == 1


def test_a_post_only_iceberg_rests() -> None:
    """Post-only goes with icebergs."""
    world = World()
    iceberg(world, BOB, 1, 9, 4, post_only=REJECT)
    answer = world.bid(ALICE, 1, 1, 100, kind=ICEBERG, display=1, post_only=REJECT)
    assert answer == code(errors.PostOnlyWouldCross)


def test_a_decrement_takes_the_tip_only() -> None:
    """An own iceberg loses its tip, shows the next, and is met again in its turn."""
    world = World()
    iceberg(world, ALICE, 1, 9, 4)
    world.ask(BOB, 1, 1, 100)
    result = world.bid(ALICE, 2, 7, 100, mode=DECREMENT)
    assert result == LegResult(
        filled=1,
        ended=Ended.SELF_TRADE,
        fills=(Fill(BOB, 1, 100, 1),),
        decrements=(Decrement(1, 4), Decrement(1, 2)),
    )
    assert world.work == limits.WORK_PLACE + 3 * limits.WORK_MATCH
    assert world.asks() == [(1, 3, 100)]
    assert get_tip(world, ALICE, 1) == 2
    assert world.balance(ALICE, BASE) == (RICHES - 30 + 10, 30)


def test_a_decrement_of_the_last_tip_removes_the_iceberg() -> None:
    """What has nothing left ends by self-trade."""
    world = World()
    iceberg(world, ALICE, 1, 5, 4)
    result = world.bid(ALICE, 2, 6, 100, mode=DECREMENT)
    assert result == LegResult(
        resting=1, decrements=(Decrement(1, 4),), removals=(Removal(ALICE, 1, Ended.SELF_TRADE),)
    )
    assert world.ended(ALICE, 1) == (Ended.SELF_TRADE, 0, 0)


def test_cancel_oldest_removes_a_whole_iceberg() -> None:
    """What is under the tip goes with it."""
    world = World()
    iceberg(world, ALICE, 1, 9, 4)
    result = world.bid(ALICE, 2, 1, 100, mode=OLDEST)
    assert result == LegResult(resting=1, removals=(Removal(ALICE, 1, Ended.SELF_TRADE),))
    assert world.balance(ALICE, BASE) == (RICHES, 0)


# --- fill or kill -------------------------------------------------------------------------------


def fill_or_kill(world: World, lots: int, **terms: int) -> tuple[int, int]:
    """Place Alice's fill-or-kill bid at 100; return what was filled and the steps charged."""
    result = world.bid(ALICE, 9, lots, 100, tif=FOK, **terms)
    if result.code:
        assert result == code(errors.FillOrKillUnfilled)
    return result.filled, (world.work - limits.WORK_PLACE) // limits.WORK_MATCH


@pytest.mark.parametrize(
    ("lots", "steps", "expected"),
    [
        (3, 1, (3, 1)),
        (4, 1, (0, 1)),
        (5, 2, (5, 2)),
        (6, 2, (0, 2)),
        (8, 3, (8, 3)),
        (9, 3, (0, 3)),
        (9, 4, (9, 4)),
        (9, 16, (9, 4)),
        (10, 16, (0, 4)),
    ],
)
def test_a_preview_counts_a_step_for_each_tip(
    lots: int, steps: int, expected: tuple[int, int]
) -> None:
    """Seven lots in tips of three beside an order of two: tip, order, tip, last tip."""
    world = World()
    iceberg(world, BOB, 1, 7, 3)
    world.ask(CAROL, 1, 2, 100)
    assert fill_or_kill(world, lots, steps=steps) == expected


@pytest.mark.parametrize(
    ("lots", "steps"), [(1, 1), (3, 2), (4, 3), (6, 4), (7, 5), (8, 6), (9, 7)]
)
def test_a_preview_goes_round_as_matching_does(lots: int, steps: int) -> None:
    """The steps of the walk are those that matching needs, whatever stands in line."""
    for most, filled in ((steps, lots), (steps - 1, 0)):
        if most:
            world = World()
            world.ask(CAROL, 1, 1, 99)
            iceberg(world, BOB, 1, 4, 2)
            iceberg(world, CAROL, 2, 4, 1)
            assert fill_or_kill(world, lots, steps=most)[0] == filled


@pytest.mark.parametrize("terms", [{"kind": ICEBERG, "display": 2}, {"tif": GTH, "height": 1}])
def test_a_preview_takes_one_step_over_what_it_uses_up(terms: dict[str, int]) -> None:
    """An iceberg that shows all it has, or an order with a last height, has no next tip."""
    world = World()
    world.ask(BOB, 1, 2, 100, **terms)
    world.ask(CAROL, 1, 2, 101)
    result = world.bid(ALICE, 1, 4, 101, tif=FOK, steps=2)
    assert (result.filled, result.ended) == (4, Ended.FILLED)


def test_a_preview_sees_a_tip_that_was_partly_used() -> None:
    """The first step over an iceberg adds what is left of its tip."""
    world = World()
    iceberg(world, BOB, 1, 9, 4)
    world.bid(CAROL, 1, 3, 100)
    assert fill_or_kill(world, 2, steps=1) == (0, 1)
    assert fill_or_kill(world, 1, steps=1) == (1, 1)


def test_a_preview_skips_a_dead_iceberg_once() -> None:
    """What is under a dead tip is never looked at."""
    world = World()
    iceberg(world, BOB, 1, 9, 2, tif=GTT, ms=T0 + BLOCK_MS)
    world.ask(CAROL, 1, 2, 100)
    world.next_block()
    assert fill_or_kill(world, 3) == (0, 2)
    assert fill_or_kill(world, 2, steps=2) == (2, 2)


def test_a_preview_skips_an_own_iceberg_once() -> None:
    """Cancel oldest takes an own iceberg out as a whole."""
    world = World()
    iceberg(world, ALICE, 1, 9, 2)
    world.ask(CAROL, 1, 2, 100)
    assert fill_or_kill(world, 3, mode=OLDEST) == (0, 2)
    assert fill_or_kill(world, 2, mode=NEWEST) == (0, 1)
    assert fill_or_kill(world, 2, mode=OLDEST, steps=2) == (2, 2)


# --- undoing ------------------------------------------------------------------------------------


def test_new_tips_can_be_undone() -> None:
    """Rolling back puts an iceberg back into its place with its tip and priority."""
    world = World()
    iceberg(world, BOB, 1, 9, 4)
    world.ask(CAROL, 2, 5, 100)
    world.next_block()
    priority = world.order(BOB, 1).priority
    savepoint = world.state.open_savepoint()
    world.bid(ALICE, 1, 11, 100, tif=IOC)
    assert world.asks() == [(1, 3, 100)]
    world.state.rollback_to(savepoint)
    assert world.asks() == [(1, 9, 100), (2, 5, 100)]
    assert (get_tip(world, BOB, 1), world.order(BOB, 1).priority) == (4, priority)
    world.restart()
    assert world.asks() == [(1, 9, 100), (2, 5, 100)]
    assert get_tip(world, BOB, 1) == 4
