"""Placing orders: what is refused, in which order, and what an accepted order leaves."""

from unittest.mock import patch

import pytest

from omg_abci.protocol import errors, limits
from omg_abci.protocol.results import Fill, LegResult
from omg_abci.protocol.units import Ended, MarketStatus
from omg_abci.state.records import MarketRecord
from tests.unit.exchange_world import (
    ALICE,
    BASE,
    BASE_UNIT,
    BOB,
    BUY,
    CAROL,
    DECREMENT,
    FOK,
    GTC,
    GTH,
    GTT,
    ICEBERG,
    IOC,
    MARKET,
    MARKET_ORDER,
    PROFIT,
    QUOTE,
    QUOTE_UNIT,
    REJECT,
    RICHES,
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


# --- what an accepted order leaves --------------------------------------------------------------


def test_a_bid_rests_with_its_cost_reserved() -> None:
    """A buy order reserves lots × ticks × quote unit, and costs the work of a place."""
    world = World()
    assert world.bid(ALICE, 1, 5, 100) == LegResult(resting=5)
    assert world.bids() == [(1, 5, 100)]
    assert world.balance(ALICE, QUOTE) == (RICHES - 1_500, 1_500)
    assert world.balance(ALICE, BASE) == (RICHES, 0)
    assert world.work == limits.WORK_PLACE


def test_an_ask_rests_with_its_lots_reserved() -> None:
    """A sell order reserves lots × base unit."""
    world = World()
    assert world.ask(ALICE, 1, 5, 100) == LegResult(resting=5)
    assert world.asks() == [(1, 5, 100)]
    assert world.balance(ALICE, BASE) == (RICHES - 50, 50)
    assert world.balance(ALICE, QUOTE) == (RICHES, 0)


def test_an_order_keeps_what_it_was_placed_with() -> None:
    """Every field of the message is the open order's; priority is height and counter."""
    world = World()
    world.next_block()
    terms = {"tif": GTT, "ms": T0 + DAY_MS, "sub": 1, "mode": DECREMENT, "post_only": SLIDE}
    world.bid(ALICE, 77, 5, 100, kind=ICEBERG, display=2, **terms)
    world.bid(ALICE, 78, 6, 101, tif=GTH, height=9)
    order = world.order(ALICE, 77)
    assert (order.client_id, order.side, order.price, order.remaining) == (77, BUY, 100, 5)
    assert (order.order_type, order.time_in_force, order.post_only) == (ICEBERG, GTT, SLIDE)
    assert (order.self_trade, order.subaccount, order.filled) == (DECREMENT, 1, 0)
    assert (order.expires_ms, order.priority) == (T0 + DAY_MS, 2 << 24)
    special = order.special
    assert special is not None
    assert (special.display, special.tip, special.trigger, special.max_matches) == (2, 2, 0, 0)
    later = world.order(ALICE, 78)
    assert later.priority == (2 << 24) + 1
    assert later.special is not None
    assert (later.special.expires_height, later.special.max_matches) == (9, 0)


def test_a_plain_order_carries_nothing_special() -> None:
    """A limit order without a last height takes the small form in memory."""
    world = World()
    world.bid(ALICE, 1, 5, 100)
    world.bid(ALICE, 2, 5, 100, tif=GTT, ms=T0 + 1)
    assert world.order(ALICE, 1).special is None
    assert world.order(ALICE, 2).special is None


@pytest.mark.parametrize("terms", RESTING)
def test_what_may_rest_rests(terms: dict[str, int]) -> None:
    """GTC, GTT, GTH and iceberg orders rest when nothing crosses."""
    world = World()
    assert world.bid(ALICE, 1, 5, 100, **terms) == LegResult(resting=5)
    assert world.bids() == [(1, 5, 100)]


@pytest.mark.parametrize("terms", [IMMEDIATE[0], IMMEDIATE[2]])
def test_an_immediate_order_without_a_match_ends(terms: dict[str, int]) -> None:
    """IOC and market orders never rest; nothing stays reserved."""
    world = World()
    assert world.bid(ALICE, 1, 5, 100, **terms) == LegResult(ended=Ended.IMMEDIATE)
    assert world.bids() == []
    assert world.balance(ALICE, QUOTE) == (RICHES, 0)
    assert world.ended(ALICE, 1) == (Ended.IMMEDIATE, 5, 0)


def test_subaccounts_pay_for_themselves() -> None:
    """Reserve and fills move the balances of the order's own subaccount."""
    world = World()
    world.ask(ALICE, 1, 5, 100, sub=1)
    assert world.balance(ALICE, BASE) == (RICHES, 0)
    assert world.balance(ALICE, BASE, 1) == (RICHES - 50, 50)
    world.bid(BOB, 1, 5, 100, sub=1)
    assert world.gained(ALICE) == world.gained(BOB) == (0, 0)
    assert world.gained(ALICE, 1) == (-5, 500)
    assert world.gained(BOB, 1) == (5, -500)


# --- the same client id again -------------------------------------------------------------------


def test_an_open_order_is_repeated() -> None:
    """The same client id tells what has become of the first order, whatever the second asks."""
    world = World()
    world.bid(ALICE, 1, 5, 100)
    world.ask(BOB, 1, 2, 100)
    again = world.ask(ALICE, 1, 9, 50)
    assert again == LegResult(filled=2, resting=3, repeated=True)
    assert world.bids() == [(1, 3, 100)]


def test_a_waiting_order_is_repeated() -> None:
    """A repeated waiting order says that it waits, and what remains of it."""
    world = World()
    world.bid(ALICE, 1, 5, 100, kind=STOP, trigger=100)
    assert world.bid(ALICE, 1, 5, 100) == LegResult(resting=5, repeated=True, waiting=True)


def test_a_dead_order_is_repeated_as_open() -> None:
    """An order whose time has passed answers as open until it is removed."""
    world = World()
    world.bid(ALICE, 1, 5, 100, tif=GTT, ms=T0 + 1)
    world.next_block()
    assert world.bid(ALICE, 1, 5, 100) == LegResult(resting=5, repeated=True)


def test_an_ended_order_is_repeated_for_two_days() -> None:
    """The memory of an ended order lasts while the block's time is below end + 2 days."""
    world = World()
    world.ask(BOB, 1, 2, 100)
    world.bid(ALICE, 1, 5, 100, tif=IOC)
    told = LegResult(filled=2, ended=Ended.IMMEDIATE, repeated=True)
    world.next_block(2 * DAY_MS - 1)
    assert world.bid(ALICE, 1, 5, 100) == told
    world.next_block(1)
    assert world.bid(ALICE, 1, 5, 100) == LegResult(resting=5)


def test_a_refused_order_leaves_no_memory() -> None:
    """After a refusal the same client id places an order."""
    world = World()
    assert world.bid(ALICE, 1, 2_000, 100) == code(errors.QuantityAboveMaximum)
    assert world.bid(ALICE, 1, 5, 100) == LegResult(resting=5)


def test_a_tombstone_refuses_until_its_time() -> None:
    """A cancelled client id is refused while the tombstone's time is above the block's."""
    world = World()
    world.cancel(ALICE, 1)
    assert world.bid(ALICE, 1, 5, 100) == code(errors.CancelledBeforePlaced)
    assert world.bid(BOB, 1, 5, 100) == LegResult(resting=5)
    world.next_block(59_999)
    assert world.bid(ALICE, 1, 5, 100) == code(errors.CancelledBeforePlaced)
    world.next_block(1)
    assert world.bid(ALICE, 1, 5, 100) == LegResult(resting=5)


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
        with patch.object(world.market, "record", _widen(world)):
            learn(errors.DisplayBelowMinimum)
            learn(errors.TooManyOpenOrders, display=5)
    with patch.object(world.market, "record", _widen(world)):
        learn(errors.CostOverflow)
        assert world.bid(ALICE, 3, 5, 1, **terms) == code(errors.InsufficientFunds)


def _widen(world: World) -> MarketRecord:
    """Return the market's terms with room for larger orders."""
    return world.market.record._replace(lots_max=100)


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


# --- batch markets and auctions -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "steps", "charged"),
    [
        ({"tif": GTC}, 16, 1),
        ({"tif": IOC}, 16, 2),
        ({"tif": FOK}, 16, 2),
        ({"tif": FOK}, 2, 2),
        ({"tif": IOC}, 1, 1),
        ({"tif": GTC}, 1, 1),
    ],
)
def test_a_batch_market_lets_everything_rest(
    terms: dict[str, int], steps: int, charged: int
) -> None:
    """Orders rest, crossing or not, and pay for the auction that will look at them."""
    world = World(mode="batch")
    world.ask(BOB, 1, 5, 90)
    assert world.bid(ALICE, 1, 3, 100, steps=steps, **terms) == LegResult(resting=3)
    assert world.work == limits.WORK_PLACE + charged * limits.WORK_MATCH
    assert (world.bids(), world.asks()) == ([(1, 3, 100)], [(1, 5, 90)])
    assert world.balance(ALICE, QUOTE) == (RICHES - 900, 900)


def test_an_auction_lets_orders_cross() -> None:
    """While a call auction collects, orders rest whatever they cross, for a step."""
    world = World()
    world.set_status(MarketStatus.AUCTION)
    world.ask(BOB, 1, 5, 90)
    assert world.bid(ALICE, 1, 3, 100) == LegResult(resting=3)
    assert world.work == limits.WORK_PLACE + limits.WORK_MATCH
    assert (world.bids(), world.asks()) == ([(1, 3, 100)], [(1, 5, 90)])


def test_an_auction_and_a_batch_market_take_waiting_orders() -> None:
    """What waits is not part of an auction."""
    for mode, status in (("batch", MarketStatus.ACTIVE), ("continuous", MarketStatus.AUCTION)):
        world = World(mode=mode)
        world.set_status(status)
        placed = world.bid(ALICE, 1, 3, 100, kind=STOP, trigger=100, tif=FOK, steps=5)
        assert placed == LegResult(waiting=True)
        assert world.work == limits.WORK_PLACE + 5 * limits.WORK_MATCH
        assert world.bids() == []


# --- fill or kill -------------------------------------------------------------------------------


def test_fill_or_kill_fills_all_or_nothing() -> None:
    """One lot too few and nothing happens, at the price of the walk."""
    world = World()
    world.ask(BOB, 1, 2, 100)
    world.ask(BOB, 2, 2, 101)
    assert world.bid(ALICE, 1, 5, 101, tif=FOK) == code(errors.FillOrKillUnfilled)
    assert world.work == limits.WORK_PLACE + 2 * limits.WORK_MATCH
    assert world.asks() == [(1, 2, 100), (2, 2, 101)]
    fills = (Fill(BOB, 1, 100, 2), Fill(BOB, 2, 101, 2))
    filled = LegResult(filled=4, ended=Ended.FILLED, fills=fills)
    assert world.bid(ALICE, 1, 4, 101, tif=FOK) == filled
    assert world.work == limits.WORK_PLACE + 2 * limits.WORK_MATCH


def test_matching_is_charged_by_its_steps() -> None:
    """Two fills cost two steps, whatever was declared."""
    world = World()
    world.ask(BOB, 1, 2, 100)
    world.ask(BOB, 2, 2, 101)
    world.bid(ALICE, 1, 3, 101, steps=16)
    assert world.work == limits.WORK_PLACE + 2 * limits.WORK_MATCH
