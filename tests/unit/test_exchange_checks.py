"""Placing orders: what is refused, each at its edge, and in which order."""

from unittest.mock import patch

import pytest

from omg_abci.protocol import errors, limits
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.units import MarketStatus
from tests.unit.exchange_world import (
    ALICE,
    BASE_UNIT,
    BOB,
    BUY,
    CAROL,
    FOK,
    GTC,
    GTH,
    GTT,
    ICEBERG,
    IOC,
    MARKET,
    MARKET_ORDER,
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
IMMEDIATE = [{"tif": IOC}, {"tif": FOK}, {"kind": MARKET_ORDER, "tif": IOC}]
RESTING: list[dict[str, int]] = [
    {"tif": GTC},
    {"tif": GTT, "ms": T0 + 1},
    {"tif": GTH, "height": 1},
    {"kind": ICEBERG, "display": 1},
]
WAITING = [{"kind": STOP, "trigger": 90}, {"kind": PROFIT, "trigger": 90, "tif": IOC}]


# --- refusals, each at its edge -----------------------------------------------------------------


def test_unknown_market() -> None:
    """A market that does not exist is refused."""
    assert World().bid(ALICE, 1, 5, 100, market=8) == code(errors.UnknownMarket)


def test_a_fired_switch_refuses() -> None:
    """From the switch's time on its owner places nothing."""
    world = World()
    world.set_switch(ALICE, T0 + 1_000)
    world.next_block(999)
    assert world.bid(ALICE, 1, 5, 100).code == 0
    world.next_block(1)
    assert world.bid(ALICE, 2, 5, 100) == code(errors.SwitchFiring)
    assert world.bid(BOB, 2, 5, 100).code == 0


@pytest.mark.parametrize("terms", [*RESTING, *IMMEDIATE, *WAITING, {"post_only": REJECT}])
@pytest.mark.parametrize("mode", ["continuous", "batch"])
@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        (MarketStatus.CANCEL_ONLY, errors.MarketCancelOnly),
        (MarketStatus.DELISTING, errors.MarketDelisting),
        (MarketStatus.UNCROSSING, errors.MarketUncrossing),
    ],
)
def test_closed_markets_take_no_order(
    terms: dict[str, int], mode: str, status: MarketStatus, refusal: type[errors.LegError]
) -> None:
    """No order of any kind is placed in a market that is closing or being uncrossed."""
    world = World(mode=mode)
    world.set_status(status)
    assert world.bid(ALICE, 1, 5, 80, **terms) == code(refusal)


@pytest.mark.parametrize("mode", ["continuous", "batch"])
@pytest.mark.parametrize("terms", IMMEDIATE)
def test_an_auction_takes_no_immediate_order(terms: dict[str, int], mode: str) -> None:
    """A call auction collects only what can rest."""
    world = World(mode=mode)
    world.set_status(MarketStatus.AUCTION)
    assert world.bid(ALICE, 1, 5, 100, **terms) == code(errors.MarketInAuction)


@pytest.mark.parametrize("mode", ["continuous", "batch"])
@pytest.mark.parametrize("post_only", [REJECT, SLIDE])
def test_an_auction_takes_no_post_only_order(post_only: int, mode: str) -> None:
    """In a call auction everybody takes."""
    world = World(mode=mode)
    world.set_status(MarketStatus.AUCTION)
    answer = world.bid(ALICE, 1, 5, 100, post_only=post_only)
    assert answer == code(errors.PostOnlyInAuction)


@pytest.mark.parametrize("post_only", [REJECT, SLIDE])
def test_a_batch_market_takes_no_post_only_order(post_only: int) -> None:
    """A batch market has no takers to keep off."""
    world = World(mode="batch")
    assert world.bid(ALICE, 1, 5, 100, post_only=post_only) == code(errors.PostOnlyInBatch)


@pytest.mark.parametrize("terms", [*RESTING, *IMMEDIATE])
def test_the_post_only_period_takes_makers_first(terms: dict[str, int]) -> None:
    """Until the period ends a continuous market takes post-only orders alone."""
    world = World()
    world.state.set_post_only_until(T0 + 1)
    assert world.bid(ALICE, 1, 5, 100, **terms) == code(errors.PostOnlyPeriod)
    world.next_block(1)
    assert world.bid(ALICE, 1, 5, 100, **terms) != code(errors.PostOnlyPeriod)


def test_the_post_only_period_takes_post_only_and_waiting_orders() -> None:
    """Both are orders that do not take."""
    world = World()
    world.state.set_post_only_until(T0 + 1)
    assert world.bid(ALICE, 1, 5, 100, post_only=REJECT) == LegResult(resting=5)
    assert world.bid(ALICE, 2, 5, 100, kind=STOP, trigger=100) == LegResult(waiting=True)


@pytest.mark.parametrize("terms", [*RESTING, *IMMEDIATE])
def test_the_post_only_period_does_not_touch_batch_markets(terms: dict[str, int]) -> None:
    """A batch market has no race to win."""
    world = World(mode="batch")
    world.state.set_post_only_until(T0 + 1)
    assert world.bid(ALICE, 1, 5, 100, **terms) == LegResult(resting=5)


def test_the_post_only_period_does_not_touch_auctions() -> None:
    """A call auction collects orders during the period."""
    world = World()
    world.set_status(MarketStatus.AUCTION)
    world.state.set_post_only_until(T0 + 1)
    assert world.bid(ALICE, 1, 5, 100) == LegResult(resting=5)
    assert world.bid(ALICE, 2, 5, 100, post_only=REJECT) == code(errors.PostOnlyInAuction)


@pytest.mark.parametrize(
    ("ahead_ms", "refusal"),
    [
        (-1, errors.OrderExpired),
        (0, errors.OrderExpired),
        (1, None),
        (366 * DAY_MS, None),
        (366 * DAY_MS + 1, errors.ExpiryTooFar),
    ],
)
def test_expiry_in_time(ahead_ms: int, refusal: type[errors.LegError] | None) -> None:
    """A GTT order ends after this block, and within 366 days."""
    answer = World().bid(ALICE, 1, 5, 100, tif=GTT, ms=T0 + ahead_ms)
    assert answer == (LegResult(resting=5) if refusal is None else code(refusal))


@pytest.mark.parametrize(
    ("height", "refusal"),
    [
        (2, errors.ExpiryHeightPassed),
        (3, None),
        (3 + 200_000_000, None),
        (4 + 200_000_000, errors.ExpiryHeightTooFar),
    ],
)
def test_expiry_in_height(height: int, refusal: type[errors.LegError] | None) -> None:
    """A GTH order's last block is this one at the earliest."""
    world = World()
    world.next_block()
    world.next_block()
    answer = world.bid(ALICE, 1, 5, 100, tif=GTH, height=height)
    assert answer == (LegResult(resting=5) if refusal is None else code(refusal))


@pytest.mark.parametrize(
    ("quantity", "refusal"),
    [
        (4, errors.QuantityBelowMinimum),
        (5, None),
        (9, None),
        (10, errors.QuantityAboveMaximum),
    ],
)
def test_quantity(quantity: int, refusal: type[errors.LegError] | None) -> None:
    """A quantity lies within the market's bounds."""
    answer = World(lots_min=5, lots_max=9).bid(ALICE, 1, quantity, 100)
    assert answer == (LegResult(resting=quantity) if refusal is None else code(refusal))


def test_an_iceberg_shows_at_least_the_minimum() -> None:
    """A tip below the market's smallest quantity is refused."""
    world = World(lots_min=5)
    answer = world.bid(ALICE, 1, 9, 100, kind=ICEBERG, display=4)
    assert answer == code(errors.DisplayBelowMinimum)
    assert world.bid(ALICE, 1, 9, 100, kind=ICEBERG, display=5).code == 0


@pytest.mark.parametrize(
    ("mode", "terms", "refused"),
    [
        ("continuous", {"tif": GTC}, True),
        ("continuous", {"tif": GTT, "ms": T0 + 1}, True),
        ("continuous", {"tif": GTH, "height": 1}, True),
        ("continuous", {"tif": IOC}, False),
        ("continuous", {"kind": STOP, "trigger": 90, "tif": IOC}, True),
        ("batch", {"tif": IOC}, True),
        ("batch", {"tif": FOK}, True),
    ],
)
def test_a_full_account_opens_no_more(mode: str, terms: dict[str, int], *, refused: bool) -> None:
    """Whatever could be open after the leg is refused when the owner has too many open orders."""
    world = World(mode=mode)
    with patch.object(limits, "OPEN_ORDERS_MAX", 2):
        world.bid(ALICE, 1, 5, 80)
        world.bid(ALICE, 2, 5, 80)
        answer = world.bid(ALICE, 3, 5, 80, **terms)
        assert answer.code == (errors.TooManyOpenOrders.code if refused else 0)
        assert world.bid(BOB, 3, 5, 80).code == 0


def test_an_account_may_open_as_many_orders_as_allowed() -> None:
    """The last one allowed is taken."""
    world = World()
    with patch.object(limits, "OPEN_ORDERS_MAX", 2):
        assert world.bid(ALICE, 1, 5, 80).code == 0
        assert world.bid(ALICE, 2, 5, 80).code == 0


def test_a_cost_above_all_amounts_is_refused() -> None:
    """Quote and base that an order is worth fit into an amount; both sides check both."""
    amount_max = limits.AMOUNT_MAX
    world = World(quote_unit=amount_max // 100)
    for place in (world.bid, world.ask):
        assert place(ALICE, 1, 10, 11) == code(errors.CostOverflow)
    assert world.ask(ALICE, 1, 10, 10).code == 0
    world = World(base_unit=amount_max // 10)
    for place in (world.bid, world.ask):
        assert place(ALICE, 1, 11, 1) == code(errors.CostOverflow)
    assert world.bid(ALICE, 1, 10, 1).code == 0


def test_a_cost_of_the_greatest_amount_is_taken() -> None:
    """The bound itself is an amount."""
    greatest = limits.AMOUNT_MAX
    assert World(quote_unit=greatest // 15).ask(ALICE, 1, 3, 5).code == 0
    assert World(base_unit=greatest // 3).bid(ALICE, 1, 3, 1).code == 0


@pytest.mark.parametrize(
    ("side", "quantity", "price", "cost"),
    [(BUY, 7, 11, 7 * 11 * QUOTE_UNIT), (SELL, 7, 11, 7 * BASE_UNIT)],
)
def test_free_covers_the_cost(side: int, quantity: int, price: int, cost: int) -> None:
    """What an order gives is there, to the smallest unit."""
    poor = World(riches=cost - 1)
    assert poor.place(ALICE, 1, side, quantity, price) == code(errors.InsufficientFunds)
    rich = World(riches=cost)
    assert rich.place(ALICE, 1, side, quantity, price) == LegResult(resting=quantity)


def test_an_owner_without_any_balance_is_refused() -> None:
    """A subaccount that holds nothing places nothing, and no balance is made for it."""
    world = World()
    before = len(world.state.balances)
    assert world.bid(ALICE, 1, 5, 100, sub=9) == code(errors.InsufficientFunds)
    assert len(world.state.balances) == before


def test_what_is_reserved_does_not_cover() -> None:
    """Free pays, not what other orders have reserved."""
    world = World(riches=100)
    assert world.ask(ALICE, 1, 6, 100).code == 0
    assert world.ask(ALICE, 2, 5, 100) == code(errors.InsufficientFunds)
    assert world.ask(ALICE, 2, 4, 100).code == 0


# --- what a refusal says ------------------------------------------------------------------------


def test_refusals_name_the_numbers() -> None:
    """Whoever reads a log learns what was wrong without looking it up."""
    world = World(lots_min=5, lots_max=9)
    world.bid(ALICE, 1, 5, 100, market=8)
    assert world.said.endswith("8")
    world.cancel_all(ALICE, 9)
    assert world.said.endswith("9")
    world.bid(ALICE, 1, 4, 100)
    assert world.said.endswith("4, minimum 5")
    world.bid(ALICE, 1, 10, 100)
    assert world.said.endswith("10, maximum 9")
    world.bid(ALICE, 1, 9, 100, kind=ICEBERG, display=3)
    assert world.said.endswith("3, minimum 5")
    world.state.set_market(world.market, low=90, high=110, last_price=100)
    world.bid(ALICE, 1, 5, 100, kind=STOP, trigger=109)
    assert world.said.endswith("109, traded up to 110")
    world.ask(ALICE, 1, 5, 100, kind=STOP, trigger=91)
    assert world.said.endswith("91, traded down to 90")


# --- the order of checks ------------------------------------------------------------------------


def test_checks_stand_in_the_order_of_the_spec() -> None:
    """An order that is wrong in every way learns of its faults one at a time."""
    world = World(riches=1_000, lots_min=5, lots_max=50, quote_unit=10**36)
    world.cancel(ALICE, 1)
    world.set_switch(ALICE, T0 + 1_000)
    world.next_block()
    world.state.set_post_only_until(T0 + DAY_MS)
    world.set_status(MarketStatus.CANCEL_ONLY)
    terms = {"tif": GTT, "ms": T0 + 1_000, "kind": ICEBERG, "display": 1, "post_only": REJECT}

    def learn(refusal: type[errors.LegError], client_id: int = 3, **now: int) -> None:
        terms.update(now)
        assert world.bid(ALICE, client_id, 51, 900, **terms) == code(refusal)

    with patch.object(limits, "OPEN_ORDERS_MAX", 0):
        learn(errors.UnknownMarket, client_id=1, market=MARKET + 1)
        learn(errors.CancelledBeforePlaced, client_id=1, market=MARKET)
        learn(errors.SwitchFiring)
        world.state.set_switch(world.state.get_account(ALICE), 0)
        learn(errors.MarketCancelOnly)
        world.set_status(MarketStatus.AUCTION)
        learn(errors.PostOnlyInAuction)
        world.set_status(MarketStatus.ACTIVE)
        learn(errors.PostOnlyPeriod, post_only=0)
        learn(errors.OrderExpired, post_only=REJECT)
        learn(errors.QuantityAboveMaximum, ms=T0 + DAY_MS)
        with patch.object(world.market, "lots_max", 100):
            learn(errors.DisplayBelowMinimum)
            learn(errors.TooManyOpenOrders, display=5)
    with patch.object(world.market, "lots_max", 100):
        learn(errors.CostOverflow)
        assert world.bid(ALICE, 3, 5, 1, **terms) == code(errors.InsufficientFunds)


def test_a_trigger_is_checked_after_funds() -> None:
    """A waiting order that cannot be paid is refused for that first."""
    world = World(riches=1_000)
    world.ask(BOB, 1, 1, 10)
    world.bid(CAROL, 1, 1, 10)
    wrong = {"kind": STOP, "trigger": 10}
    assert world.bid(ALICE, 1, 50, 10, **wrong) == code(errors.InsufficientFunds)
    assert world.bid(ALICE, 1, 5, 10, **wrong) == code(errors.TriggerOnWrongSide)


def test_post_only_is_checked_after_funds() -> None:
    """A crossing post-only order that cannot be paid is refused for that."""
    world = World(riches=1_000)
    world.ask(BOB, 1, 1, 10)
    answer = world.bid(ALICE, 1, 50, 10, post_only=REJECT)
    assert answer == code(errors.InsufficientFunds)


def test_fill_or_kill_is_checked_after_funds() -> None:
    """A fill-or-kill order that cannot be paid is refused for that."""
    world = World(riches=1_000)
    assert world.bid(ALICE, 1, 50, 10, tif=FOK) == code(errors.InsufficientFunds)
