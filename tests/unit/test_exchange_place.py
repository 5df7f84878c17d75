"""Placing orders: what an accepted order leaves, and what the same client id says again."""

import pytest

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    PlaceOrder,
    SetSwitch,
)
from omg_abci.protocol.results import Fill, LegResult
from omg_abci.protocol.units import Ended, MarketStatus
from omg_abci.rules.amendments import process_amend_order
from omg_abci.rules.cancels import process_cancel_all, process_cancel_order, process_set_switch
from omg_abci.rules.context import LegContext
from omg_abci.rules.exchange import process_place_order
from tests.unit.exchange_world import (
    ALICE,
    BASE,
    BOB,
    BUY,
    DECREMENT,
    FOK,
    GTC,
    GTH,
    GTT,
    ICEBERG,
    IOC,
    LIMIT,
    MARKET,
    MARKET_ORDER,
    NEWEST,
    PROFIT,
    QUOTE,
    RICHES,
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
    batch = World(mode="batch")
    batch.bid(ALICE, 1, 5, 100, kind=MARKET_ORDER, tif=IOC)
    assert batch.order(ALICE, 1).special is None


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


# --- work ---------------------------------------------------------------------------------------


def test_the_work_of_a_transactions_legs_adds_up() -> None:
    """Each leg adds to what the legs before it used."""
    world = World()
    context = LegContext(world.state.get_account(ALICE), T0 + 60_000)
    context.work = 1_000_000
    limit = PlaceOrder(
        market=MARKET,
        side=BUY,
        order_type=LIMIT,
        time_in_force=GTC,
        post_only=0,
        price=100,
        quantity=5,
        expires_ms=0,
        client_id=1,
        subaccount=0,
        self_trade=NEWEST,
        max_matches=16,
    )
    process_place_order(world.state, context, limit)
    process_amend_order(world.state, context, AmendOrder(1, 0, 4, 0, 16))
    process_cancel_order(world.state, context, CancelOrder(1))
    process_cancel_all(world.state, context, CancelAll(0, 0, 9))
    process_set_switch(world.state, context, SetSwitch(0))
    used = limits.WORK_PLACE + limits.WORK_AMEND + limits.WORK_CANCEL
    used += limits.WORK_CANCEL_ALL + limits.WORK_SWITCH
    assert context.work == 1_000_000 + used


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
