"""Amending: what keeps its place, what comes back, and what each field does."""

import pytest

from omg_abci.protocol import limits
from omg_abci.protocol.results import Fill, LegResult, Removal
from omg_abci.protocol.units import Ended, MarketStatus
from tests.unit.exchange_world import (
    ALICE,
    BASE,
    BLOCK_MS,
    BOB,
    CAROL,
    DECREMENT,
    GTC,
    GTH,
    GTT,
    ICEBERG,
    IOC,
    NEWEST,
    OLDEST,
    PROFIT,
    QUOTE,
    REJECT,
    RICHES,
    SLIDE,
    STOP,
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


# --- keeping the place --------------------------------------------------------------------------


@pytest.mark.parametrize("quantity", [1, 4, 5])
def test_fewer_lots_keep_the_place(quantity: int) -> None:
    """A smaller quantity, or the same, releases what it no longer needs."""
    world = line_up()
    priority = world.order(ALICE, 1).priority
    result = world.amend(ALICE, 1, quantity=quantity)
    assert result == LegResult(resting=quantity, kept_place=True)
    assert world.work == limits.WORK_AMEND
    assert world.bids() == [(1, quantity, 100), (2, 5, 100)]
    assert world.order(ALICE, 1).priority == priority
    assert world.balance(ALICE, QUOTE) == (RICHES - 300 * quantity, 300 * quantity)


def test_the_same_price_keeps_the_place() -> None:
    """A price that is given and does not change is no change."""
    world = line_up()
    assert world.amend(ALICE, 1, price=100) == LegResult(resting=5, kept_place=True)
    assert world.bids() == [(1, 5, 100), (2, 5, 100)]


def test_quantity_counts_what_is_filled() -> None:
    """The new quantity is the total."""
    world = line_up()
    world.ask(BOB, 3, 2, 100)
    assert world.amend(ALICE, 1, quantity=3) == LegResult(resting=1, kept_place=True)
    order = world.order(ALICE, 1)
    assert (order.filled, order.remaining) == (2, 1)


def test_self_trade_time_and_post_only_keep_the_place() -> None:
    """Fields that do not decide who trades first never move an order."""
    world = line_up()
    fields = {"mode": DECREMENT, "tif": GTT, "ms": T0 + 9, "post_only": REJECT}
    assert world.amend(ALICE, 1, **fields) == LegResult(resting=5, kept_place=True)
    order = world.order(ALICE, 1)
    assert (order.self_trade, order.post_only) == (DECREMENT, REJECT)
    assert (order.time_in_force, order.expires_ms) == (GTT, T0 + 9)
    assert world.bids() == [(1, 5, 100), (2, 5, 100)]


def test_fields_that_are_not_given_stay() -> None:
    """An amendment of the quantity leaves everything else."""
    terms = {"tif": GTT, "ms": T0 + 9, "mode": OLDEST, "post_only": SLIDE}
    world = line_up(kind=ICEBERG, display=2, **terms)
    world.amend(ALICE, 1, quantity=4)
    order = world.order(ALICE, 1)
    assert (order.price, order.time_in_force, order.expires_ms) == (100, GTT, T0 + 9)
    assert (order.self_trade, order.post_only) == (OLDEST, SLIDE)
    assert order.special is not None
    assert (order.special.display, order.special.tip) == (2, 2)


# --- coming back --------------------------------------------------------------------------------


def test_more_lots_lose_the_place() -> None:
    """A larger quantity goes to the end of the line, with the reserve it needs."""
    world = line_up()
    assert world.amend(ALICE, 1, quantity=6) == LegResult(resting=6)
    assert world.bids() == [(2, 5, 100), (1, 6, 100)]
    assert world.order(ALICE, 1).priority == world.order(BOB, 2).priority + 1
    assert world.balance(ALICE, QUOTE) == (RICHES - 1_800, 1_800)


@pytest.mark.parametrize(("price", "cost"), [(99, 1_485), (101, 1_515)])
def test_another_price_loses_the_place(price: int, cost: int) -> None:
    """A new price is a new place; coming back to the old one is the end of the line."""
    world = line_up()
    assert world.amend(ALICE, 1, price=price) == LegResult(resting=5)
    assert world.order(ALICE, 1).price == price
    assert world.balance(ALICE, QUOTE) == (RICHES - cost, cost)
    world.amend(ALICE, 1, price=100)
    assert world.bids() == [(2, 5, 100), (1, 5, 100)]


def test_a_new_price_may_take() -> None:
    """What crosses is matched; the result tells what this leg filled."""
    world = line_up()
    world.ask(CAROL, 1, 2, 101)
    world.ask(BOB, 3, 1, 100)
    assert world.order(ALICE, 1).filled == 1
    result = world.amend(ALICE, 1, price=101)
    assert result == LegResult(filled=2, resting=2, fills=(Fill(CAROL, 1, 101, 2),))
    assert world.work == limits.WORK_AMEND + limits.WORK_MATCH
    order = world.order(ALICE, 1)
    assert (order.filled, order.remaining, order.price) == (3, 2, 101)


def test_a_new_price_may_fill() -> None:
    """An order that is filled to the end by its amendment is remembered so."""
    world = line_up()
    world.ask(CAROL, 1, 9, 101)
    result = world.amend(ALICE, 1, price=101, quantity=4)
    fills = (Fill(CAROL, 1, 101, 4),)
    assert result == LegResult(filled=4, ended=Ended.FILLED, fills=fills)
    assert world.ended(ALICE, 1) == (Ended.FILLED, 4, 4)
    assert world.balance(ALICE, QUOTE) == (RICHES - 1_212, 0)


def test_the_amendments_steps_bound_it() -> None:
    """What still crosses after max_matches steps ends the order."""
    world = line_up()
    world.ask(CAROL, 1, 1, 101)
    world.ask(CAROL, 2, 1, 101)
    result = world.amend(ALICE, 1, price=101, steps=1)
    fills = (Fill(CAROL, 1, 101, 1),)
    assert result == LegResult(filled=1, ended=Ended.MATCH_LIMIT, fills=fills)
    assert world.ended(ALICE, 1) == (Ended.MATCH_LIMIT, 5, 1)
    assert world.balance(ALICE, QUOTE) == (RICHES - 303, 0)


@pytest.mark.parametrize(("mode", "ended"), [(0, Ended.SELF_TRADE), (OLDEST, Ended.OPEN)])
def test_the_self_trade_mode_after_the_amendment_counts(mode: int, ended: Ended) -> None:
    """A mode that is given holds for the matching of the same leg."""
    world = line_up(mode=NEWEST)
    world.ask(ALICE, 3, 2, 101)
    result = world.amend(ALICE, 1, price=101, mode=mode)
    assert (result.ended, len(result.removals)) == (ended, 0 if ended else 1)


def test_an_amended_order_keeps_its_expiry() -> None:
    """The new place does not make an order live longer."""
    world = line_up(tif=GTT, ms=T0 + BLOCK_MS)
    world.amend(ALICE, 1, price=101)
    world.next_block()
    result = world.ask(CAROL, 1, 1, 101)
    assert result == LegResult(resting=1, removals=(Removal(ALICE, 1, Ended.EXPIRED),))


@pytest.mark.parametrize(("mode", "status"), [("batch", 1), ("continuous", 2), ("batch", 2)])
def test_without_matching_it_rests(mode: str, status: int) -> None:
    """In batch markets and auctions an amended order rests, whatever it crosses."""
    world = World(mode=mode)
    world.set_status(MarketStatus(status))
    world.ask(CAROL, 1, 2, 101)
    world.bid(ALICE, 1, 5, 100)
    world.bid(BOB, 2, 5, 102)
    assert world.amend(ALICE, 1, price=102, quantity=7) == LegResult(resting=7)
    assert world.work == limits.WORK_AMEND
    assert (world.bids(), world.asks()) == ([(2, 5, 102), (1, 7, 102)], [(1, 2, 101)])
    assert world.balance(ALICE, QUOTE) == (RICHES - 2_142, 2_142)


def test_an_immediate_order_of_a_batch_market_can_be_amended() -> None:
    """It rests until the block's auction, so its price and quantity may change."""
    world = World(mode="batch")
    world.bid(ALICE, 1, 5, 100, tif=IOC)
    assert world.amend(ALICE, 1, price=101, quantity=6) == LegResult(resting=6)
    order = world.order(ALICE, 1)
    assert (order.price, order.remaining, order.time_in_force) == (101, 6, IOC)
    assert world.market.immediate == {order: None}


# --- time in force and expiries -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "expiries"),
    [
        ({"tif": GTT, "ms": T0 + 9}, {"tif": GTC}, (0, 0)),
        ({"tif": GTH, "height": 9}, {"tif": GTC}, (0, 0)),
        ({"tif": GTT, "ms": T0 + 9}, {"tif": GTH, "height": 5}, (0, 5)),
        ({"tif": GTH, "height": 9}, {"tif": GTT, "ms": T0 + 5}, (T0 + 5, 0)),
        ({}, {"tif": GTH, "height": 5}, (0, 5)),
        ({"tif": GTT, "ms": T0 + 9}, {"tif": GTT, "ms": T0 + 5}, (T0 + 5, 0)),
        ({"tif": GTT, "ms": T0 + 9}, {"ms": T0 + 5}, (T0 + 5, 0)),
        ({"tif": GTH, "height": 9}, {"height": 5}, (0, 5)),
        ({"tif": GTH, "height": 9}, {"quantity": 5}, (0, 9)),
    ],
)
def test_expiries_follow_the_time_in_force(
    old: dict[str, int], new: dict[str, int], expiries: tuple[int, int]
) -> None:
    """After an amendment an order has exactly the expiry that its time in force has."""
    world = line_up(**old)
    assert world.amend(ALICE, 1, **new) == LegResult(resting=5, kept_place=True)
    order = world.order(ALICE, 1)
    height = 0 if order.special is None else order.special.expires_height
    assert (order.expires_ms, height) == expiries
    assert order.time_in_force == new.get("tif", old.get("tif"))
    world.restart()
    again = world.order(ALICE, 1)
    assert (again.expires_ms, again.time_in_force) == (order.expires_ms, order.time_in_force)


def test_an_order_lives_as_long_as_it_was_amended_to() -> None:
    """The old expiry says nothing any more, the new one ends it."""
    world = line_up(tif=GTT, ms=T0 + BLOCK_MS)
    world.amend(ALICE, 1, ms=T0 + 2 * BLOCK_MS)
    world.next_block()
    assert world.ask(CAROL, 1, 1, 100).fills == (Fill(ALICE, 1, 100, 1),)
    world.next_block()
    assert world.ask(CAROL, 2, 1, 100).removals == (Removal(ALICE, 1, Ended.EXPIRED),)


# --- icebergs -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "tip"),
    [({"display": 3}, 3), ({"display": 6}, 4), ({"quantity": 2}, 2), ({"quantity": 6}, 4)],
)
def test_an_icebergs_tip_shrinks_in_its_place(fields: dict[str, int], tip: int) -> None:
    """The tip is at once no more than the new display and what remains, and never grows."""
    world = line_up(kind=ICEBERG, display=4)
    world.amend(ALICE, 1, quantity=6)
    world.amend(BOB, 2, quantity=6)
    result = world.amend(ALICE, 1, **fields)
    assert (result.code, result.kept_place) == (0, True)
    special = world.order(ALICE, 1).special
    assert special is not None
    assert (special.tip, special.display) == (tip, fields.get("display", 4))
    assert [bid[0] for bid in world.bids()] == [1, 2]


def test_a_partly_used_tip_stays_as_small_as_it_is() -> None:
    """An amendment does not show more."""
    world = line_up(kind=ICEBERG, display=4)
    world.ask(CAROL, 1, 3, 100)
    world.amend(ALICE, 1, display=2)
    special = world.order(ALICE, 1).special
    assert special is not None
    assert special.tip == 1


def test_an_iceberg_that_comes_back_shows_a_whole_tip() -> None:
    """A new place is a new tip, of the new display."""
    world = line_up(kind=ICEBERG, display=4)
    world.ask(CAROL, 1, 3, 100)
    assert world.amend(ALICE, 1, price=101, quantity=9, display=5) == LegResult(resting=6)
    special = world.order(ALICE, 1).special
    assert special is not None
    assert (special.tip, special.display) == (5, 5)


# --- waiting orders -----------------------------------------------------------------------------


def waiting() -> World:
    """Return a world with alice's waiting bid 1 at 100, triggered at 110; the last price is 105."""
    world = World()
    world.ask(BOB, 1, 1, 105)
    world.bid(CAROL, 1, 1, 105)
    world.bid(ALICE, 1, 5, 100, kind=STOP, trigger=110)
    return world


def test_a_waiting_order_stays_as_it_is() -> None:
    """Price, quantity and trigger change; it waits, with its priority and the right reserve."""
    world = waiting()
    priority = world.order(ALICE, 1).priority
    assert world.amend(ALICE, 1, price=120, quantity=9, trigger=106) == LegResult(waiting=True)
    assert world.work == limits.WORK_AMEND
    order = world.order(ALICE, 1)
    assert (order.price, order.remaining, order.priority) == (120, 9, priority)
    assert order.special is not None
    assert (order.special.trigger, order.special.max_matches) == (106, 16)
    assert world.balance(ALICE, QUOTE) == (RICHES - 3_240, 3_240)
    assert world.bids() == []


def test_a_waiting_order_crosses_nothing() -> None:
    """A price that crosses the book is allowed to what waits, also in a post-only period."""
    world = waiting()
    world.ask(BOB, 2, 5, 106)
    world.state.set_post_only_until(T0 + 9)
    assert world.amend(ALICE, 1, price=120) == LegResult(waiting=True)
    assert world.asks() == [(2, 5, 106)]


def test_an_immediate_waiting_order_can_be_amended() -> None:
    """What will be IOC when it is triggered has a price and a trigger until then."""
    world = waiting()
    world.ask(ALICE, 2, 5, 100, kind=PROFIT, trigger=120, tif=IOC)
    assert world.amend(ALICE, 2, price=99, trigger=130) == LegResult(waiting=True)


def test_an_amended_trigger_is_the_one_that_counts() -> None:
    """The old trigger sets nothing off, the new one does."""
    world = waiting()
    world.amend(ALICE, 1, trigger=112)
    for price in (110, 112):
        world.ask(BOB, price, 1, price)
        world.bid(CAROL, price, 1, price)
        world.work_triggers()
        assert world.order(ALICE, 1).is_waiting is (price == 110)


# --- undoing ------------------------------------------------------------------------------------


def test_an_amendment_can_be_undone() -> None:
    """Rolling back puts the order back between its old neighbours as it was."""
    world = line_up(kind=ICEBERG, display=4)
    world.ask(CAROL, 1, 3, 101)
    world.next_block()
    savepoint = world.state.open_savepoint()
    world.amend(ALICE, 1, quantity=4, display=2, tif=GTT, ms=T0 + 9_000)
    world.amend(ALICE, 1, price=101, mode=OLDEST)
    world.state.rollback_to(savepoint)
    assert (world.bids(), world.asks()) == ([(1, 5, 100), (2, 5, 100)], [(1, 3, 101)])
    assert world.balance(ALICE, BASE) == (RICHES, 0)
    world.restart()
    order = world.order(ALICE, 1)
    assert (order.time_in_force, order.expires_ms, order.self_trade) == (GTC, 0, NEWEST)
    assert order.special is not None
    assert (order.special.display, order.special.tip) == (4, 4)
