"""Amending: what is refused, each at its edge, and in which order."""

from unittest.mock import patch

import pytest

from omg_abci.protocol import errors, limits
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.units import MarketStatus
from tests.unit.exchange_world import (
    ALICE,
    BASE_UNIT,
    BLOCK_MS,
    BOB,
    BUY,
    CAROL,
    FOK,
    GTC,
    GTH,
    GTT,
    ICEBERG,
    IOC,
    OFF,
    PROFIT,
    QUOTE_UNIT,
    REJECT,
    SELL,
    SLIDE,
    STOP,
    T0,
    World,
    code,
)

DAY_MS = 24 * 3600 * 1000


# --- which orders -------------------------------------------------------------------------------


def test_an_unknown_order() -> None:
    """There is nothing to amend, in this account."""
    world = World()
    world.bid(BOB, 1, 5, 100)
    assert world.amend(ALICE, 1, price=99) == code(errors.UnknownOrder)
    assert world.work == limits.WORK_AMEND


def test_an_ended_order() -> None:
    """An ended order is closed as long as it is remembered."""
    world = World()
    world.bid(ALICE, 1, 5, 100, tif=IOC)
    world.next_block(2 * DAY_MS - 1)
    assert world.amend(ALICE, 1, price=99) == code(errors.OrderClosed)
    world.next_block(1)
    assert world.amend(ALICE, 1, price=99) == code(errors.UnknownOrder)


@pytest.mark.parametrize(
    "terms", [{"tif": GTT, "ms": T0 + BLOCK_MS}, {"tif": GTH, "height": 1}, {}]
)
def test_a_dead_order(terms: dict[str, int]) -> None:
    """What died of its time, its height or the switch is not brought back."""
    world = World()
    world.bid(ALICE, 1, 5, 100, **terms)
    world.bid(ALICE, 2, 5, 100, kind=STOP, trigger=90, **terms)
    if not terms:
        world.set_switch(ALICE, T0 + BLOCK_MS)
    world.next_block()
    for client_id in (1, 2):
        assert world.amend(ALICE, client_id, tif=GTC) == code(errors.OrderExpired)


@pytest.mark.parametrize("terms", [{}, {"kind": STOP, "trigger": 100}])
@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        (MarketStatus.CANCEL_ONLY, errors.MarketCancelOnly),
        (MarketStatus.DELISTING, errors.MarketDelisting),
        (MarketStatus.UNCROSSING, errors.MarketUncrossing),
    ],
)
def test_closed_markets(
    terms: dict[str, int], status: MarketStatus, refusal: type[errors.LegError]
) -> None:
    """Where nothing is placed nothing is amended, waiting or not."""
    world = World()
    world.bid(ALICE, 1, 5, 100, **terms)
    world.set_status(status)
    assert world.amend(ALICE, 1, quantity=4) == code(refusal)


# --- fields -------------------------------------------------------------------------------------


@pytest.mark.parametrize("tif", [IOC, FOK])
def test_the_time_in_force_of_an_immediate_order(tif: int) -> None:
    """It stays immediate, in a batch market as behind a trigger."""
    world = World(mode="batch")
    world.bid(ALICE, 1, 5, 100, tif=tif)
    world.bid(ALICE, 2, 5, 100, tif=tif, kind=STOP, trigger=100)
    for client_id in (1, 2):
        answer = world.amend(ALICE, client_id, tif=GTC)
        assert answer == code(errors.AmendTimeInForceNotAllowed)


@pytest.mark.parametrize(
    ("terms", "fields", "refusal"),
    [
        ({"tif": GTC}, {"ms": T0 + 9}, errors.AmendExpiryNotAllowed),
        ({"tif": GTH, "height": 9}, {"ms": T0 + 9}, errors.AmendExpiryNotAllowed),
        ({"tif": GTC}, {"height": 9}, errors.AmendHeightNotAllowed),
        ({"tif": GTT, "ms": T0 + 9}, {"height": 9}, errors.AmendHeightNotAllowed),
        ({"tif": GTT, "ms": T0 + 9}, {"ms": T0}, errors.OrderExpired),
        ({"tif": GTT, "ms": T0 + 9}, {"ms": T0 + 366 * DAY_MS + 1}, errors.ExpiryTooFar),
        ({"tif": GTH, "height": 9}, {"height": 200_000_002}, errors.ExpiryHeightTooFar),
        ({"tif": GTC}, {"tif": GTT, "ms": T0}, errors.OrderExpired),
        ({"tif": GTC}, {"tif": GTH, "height": 200_000_002}, errors.ExpiryHeightTooFar),
        ({}, {"display": 1}, errors.AmendDisplayNotAllowed),
        ({"kind": STOP, "trigger": 100}, {"display": 1}, errors.AmendDisplayNotAllowed),
        ({"kind": ICEBERG, "display": 3}, {"display": 2}, errors.DisplayBelowMinimum),
        ({}, {"trigger": 100}, errors.AmendTriggerNotAllowed),
        ({"kind": STOP, "trigger": 100}, {"post_only": REJECT}, errors.AmendPostOnlyNotAllowed),
        ({"kind": PROFIT, "trigger": 90}, {"post_only": OFF}, errors.AmendPostOnlyNotAllowed),
        ({}, {"quantity": 2}, errors.QuantityBelowMinimum),
        ({}, {"quantity": 51}, errors.QuantityAboveMaximum),
    ],
)
def test_fields(
    terms: dict[str, int], fields: dict[str, int], refusal: type[errors.LegError]
) -> None:
    """Each field is refused for orders that do not have it, and out of its range."""
    world = World(lots_min=3, lots_max=50)
    assert world.bid(ALICE, 1, 5, 100, **terms).code == 0
    before = world.bids()
    assert world.amend(ALICE, 1, **fields) == code(refusal)
    assert world.bids() == before


def test_a_height_that_has_passed() -> None:
    """A new last block is this one at the earliest."""
    world = World()
    world.bid(ALICE, 1, 5, 100, tif=GTH, height=9)
    world.next_block()
    assert world.amend(ALICE, 1, height=1) == code(errors.ExpiryHeightPassed)
    assert world.amend(ALICE, 1, height=2).code == 0


def test_edges_of_ranges_are_taken() -> None:
    """The smallest and the greatest that are allowed."""
    world = World(lots_min=3, lots_max=50)
    world.bid(ALICE, 1, 5, 100, kind=ICEBERG, display=4, tif=GTT, ms=T0 + 9)
    for fields in (
        {"ms": T0 + 1},
        {"ms": T0 + 366 * DAY_MS},
        {"tif": GTH, "height": 1},
        {"height": 200_000_001},
        {"display": 3},
        {"quantity": 3},
        {"quantity": 50},
    ):
        assert world.amend(ALICE, 1, **fields).code == 0


def test_post_only_is_not_for_immediate_orders() -> None:
    """Not even to take it off."""
    world = World(mode="batch")
    world.bid(ALICE, 1, 5, 100, tif=IOC)
    for post_only in (REJECT, SLIDE, OFF):
        answer = world.amend(ALICE, 1, post_only=post_only)
        assert answer == code(errors.AmendPostOnlyNotAllowed)


def test_post_only_is_not_for_batch_markets() -> None:
    """Taking off what is not there is allowed."""
    world = World(mode="batch")
    world.bid(ALICE, 1, 5, 100)
    for post_only in (REJECT, SLIDE):
        answer = world.amend(ALICE, 1, post_only=post_only)
        assert answer == code(errors.PostOnlyInBatch)
    assert world.amend(ALICE, 1, post_only=OFF) == LegResult(resting=5, kept_place=True)


@pytest.mark.parametrize(
    ("side", "kind", "trigger", "wrong"),
    [
        (BUY, STOP, 110, True),
        (BUY, STOP, 111, False),
        (SELL, PROFIT, 110, True),
        (SELL, PROFIT, 111, False),
        (SELL, STOP, 90, True),
        (SELL, STOP, 89, False),
        (BUY, PROFIT, 90, True),
        (BUY, PROFIT, 89, False),
    ],
)
def test_a_trigger_stays_outside_the_range(
    side: int, kind: int, trigger: int, *, wrong: bool
) -> None:
    """An amendment never sets an order off by itself; the range here is 90 to 110."""
    world = World()
    world.place(ALICE, 1, side, 5, 100, kind=kind, trigger=100)
    world.state.set_market(world.market, low=90, high=110, last_price=100)
    answer = world.amend(ALICE, 1, trigger=trigger)
    assert answer == (code(errors.TriggerOnWrongSide) if wrong else LegResult(waiting=True))


def test_what_is_filled_stays_filled() -> None:
    """The total is above what was filled, whatever the market's minimum."""
    world = World(lots_min=3)
    world.bid(ALICE, 1, 9, 100)
    world.ask(BOB, 1, 5, 100)
    assert world.amend(ALICE, 1, quantity=5) == code(errors.AmendBelowFilled)
    assert world.amend(ALICE, 1, quantity=2) == code(errors.AmendBelowFilled)
    assert world.amend(ALICE, 1, quantity=6) == LegResult(resting=1, kept_place=True)


def test_an_order_below_a_minimum_may_be_amended_otherwise() -> None:
    """The bounds of quantity are asked only when a quantity is given."""
    world = World(lots_min=3)
    world.bid(ALICE, 1, 5, 100)
    with patch.object(world.market, "lots_min", 6):
        assert world.amend(ALICE, 1, price=101).code == 0
        assert world.amend(ALICE, 1, quantity=5) == code(errors.QuantityBelowMinimum)


def test_the_cost_of_the_total_fits() -> None:
    """With what is filled, at the new price."""
    riches = limits.AMOUNT_MAX // 6
    world = World(riches=riches, quote_unit=limits.AMOUNT_MAX // 100)
    world.ask(ALICE, 1, 10, 1)
    world.bid(BOB, 1, 9, 1)
    assert world.amend(ALICE, 1, price=11) == code(errors.CostOverflow)
    assert world.amend(ALICE, 1, price=10).code == 0


def test_the_cost_of_a_slid_price_fits() -> None:
    """The same again for the price to which the order slides."""
    riches = limits.AMOUNT_MAX // 6
    world = World(riches=riches, quote_unit=limits.AMOUNT_MAX // 100)
    world.ask(ALICE, 1, 10, 10, post_only=SLIDE)
    world.bid(BOB, 1, 1, 9)
    assert world.amend(ALICE, 1, price=9) == LegResult(resting=10, price=10, kept_place=True)
    world.amend(ALICE, 1, price=10, quantity=9)
    assert world.amend(ALICE, 1, price=9, quantity=11) == code(errors.CostOverflow)


def test_a_slide_out_of_range() -> None:
    """Below an ask of one tick there is no price; only a crossed book can have it there."""
    world = World()
    world.set_status(MarketStatus.AUCTION)
    world.ask(CAROL, 1, 5, 1)
    world.bid(ALICE, 1, 5, 3)
    world.set_status(MarketStatus.ACTIVE)
    assert world.amend(ALICE, 1, price=2, post_only=SLIDE) == code(errors.SlideOutOfRange)


def test_the_post_only_period() -> None:
    """What would move and is not post-only afterwards waits for the end of the period."""
    world = World()
    world.bid(ALICE, 1, 5, 100)
    world.bid(ALICE, 2, 5, 100, post_only=REJECT)
    world.state.set_post_only_until(T0 + 1)
    assert world.amend(ALICE, 1, price=99) == code(errors.PostOnlyPeriod)
    assert world.amend(ALICE, 1, quantity=6) == code(errors.PostOnlyPeriod)
    assert world.amend(ALICE, 2, price=99, post_only=OFF) == code(errors.PostOnlyPeriod)
    assert world.amend(ALICE, 1, quantity=4) == LegResult(resting=4, kept_place=True)
    assert world.amend(ALICE, 1, price=99, post_only=REJECT) == LegResult(resting=4)
    assert world.amend(ALICE, 2, price=99) == LegResult(resting=5)
    assert world.amend(ALICE, 2, post_only=OFF) == LegResult(resting=5, kept_place=True)
    world.next_block(1)
    assert world.amend(ALICE, 2, price=98) == LegResult(resting=5)


@pytest.mark.parametrize(("mode", "status"), [("batch", 1), ("continuous", 2)])
def test_the_post_only_period_is_for_continuous_trading(mode: str, status: int) -> None:
    """Where nobody can be first there is no period."""
    world = World(mode=mode)
    world.set_status(MarketStatus(status))
    world.bid(ALICE, 1, 5, 100)
    world.state.set_post_only_until(T0 + 1)
    assert world.amend(ALICE, 1, price=99) == LegResult(resting=5)


@pytest.mark.parametrize(
    ("side", "fields", "needed"),
    [
        (BUY, {"quantity": 6}, 6 * 100 * QUOTE_UNIT),
        (BUY, {"price": 101}, 5 * 101 * QUOTE_UNIT),
        (SELL, {"quantity": 6}, 6 * BASE_UNIT),
    ],
)
@pytest.mark.parametrize("kind", [{}, {"kind": STOP, "trigger": 100}])
def test_free_covers_what_is_needed_beyond_the_reserve(
    side: int, fields: dict[str, int], needed: int, kind: dict[str, int]
) -> None:
    """Reserve and free together pay, to the smallest unit, waiting or not."""
    poor = World(riches=needed - 1)
    poor.place(ALICE, 1, side, 5, 100, **kind)
    assert poor.amend(ALICE, 1, **fields) == code(errors.InsufficientFunds)
    rich = World(riches=needed)
    rich.place(ALICE, 1, side, 5, 100, **kind)
    assert rich.amend(ALICE, 1, **fields).code == 0


def test_what_is_filled_needs_no_reserve() -> None:
    """Only the lots that remain are paid for, at the new price."""
    world = World(riches=1_500)
    world.bid(ALICE, 1, 5, 100)
    world.ask(BOB, 1, 4, 100)
    assert world.amend(ALICE, 1, quantity=7, price=101) == code(errors.InsufficientFunds)
    assert world.amend(ALICE, 1, price=100, quantity=5).code == 0
    assert world.ask(ALICE, 2, 4, 200).code == 0
    world.bid(CAROL, 1, 2, 200)
    assert world.amend(ALICE, 2, price=201) == LegResult(resting=2)


def test_a_cheaper_amendment_needs_nothing() -> None:
    """With nothing free an order can still be made smaller or cheaper."""
    world = World(riches=1_500)
    world.bid(ALICE, 1, 5, 100)
    assert world.amend(ALICE, 1, quantity=10, price=50).code == 0
    assert world.amend(ALICE, 1, quantity=10, price=51) == code(errors.InsufficientFunds)


# --- the order of checks ------------------------------------------------------------------------


def test_checks_stand_in_the_order_of_the_spec() -> None:
    """An amendment that is wrong in every way learns of its faults one at a time."""
    world = World(riches=10**37, lots_min=3, lots_max=50, quote_unit=10**33)
    world.bid(ALICE, 1, 9, 100, tif=GTT, ms=T0 + BLOCK_MS)
    world.ask(BOB, 1, 5, 100)
    world.set_status(MarketStatus.CANCEL_ONLY)
    world.state.set_post_only_until(T0 + 1)
    fields = {"price": 9_999, "ms": T0, "display": 1, "trigger": 5, "post_only": SLIDE}

    def learn(refusal: type[errors.LegError], quantity: int, **now: int) -> None:
        fields.update(now)
        assert world.amend(ALICE, 1, quantity=quantity, **fields) == code(refusal)

    learn(errors.MarketCancelOnly, 2)
    world.set_status(MarketStatus.ACTIVE)
    learn(errors.OrderExpired, 2)
    learn(errors.AmendDisplayNotAllowed, 2, ms=T0 + 5)
    learn(errors.AmendTriggerNotAllowed, 2, display=0)
    with patch.object(world.market, "is_batch", new=True):
        learn(errors.PostOnlyInBatch, 2, trigger=0)
    learn(errors.AmendBelowFilled, 2, post_only=0)
    learn(errors.QuantityAboveMaximum, 51)
    learn(errors.CostOverflow, 50)
    learn(errors.PostOnlyPeriod, 50, price=900)
    world.ask(CAROL, 1, 5, 900, post_only=REJECT)
    learn(errors.PostOnlyWouldCross, 50, post_only=REJECT)
    learn(errors.InsufficientFunds, 50, price=899)
    world.next_block()
    learn(errors.OrderExpired, 50)
