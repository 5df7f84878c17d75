"""What happens outside of transactions is told by the API: auctions, triggers, ends, statuses."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node import indicative
from omg_abci.node.block_events import decode_event
from omg_abci.node.client import NodeError
from omg_abci.protocol import limits
from omg_abci.protocol.messages import CancelAll, ChangeMarket, PlaceOrder, SetSwitch
from omg_abci.protocol.results import (
    Activated,
    Event,
    Fill,
    Removed,
    StatusChanged,
    Trade,
    Uncrossed,
)
from omg_abci.protocol.units import Ended, MarketAction, MarketStatus, OrderType, TimeInForce
from omg_abci.state import schema
from omg_abci.state.records import OrderRecord
from tests.node.market_world import (
    ALICE,
    BOB,
    BUY,
    CAROL,
    DAY_MS,
    MARKETS,
    SELL,
    Venue,
    run_every_status,
    run_venue,
)

_HOUR_MS = 3_600_000
_ALICE, _BOB, _CAROL = (each.owner.address for each in (ALICE, BOB, CAROL))


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Venue]:
    """Return a node whose markets are active, or in the auction that opens them."""
    with run_venue(tmp_path) as venue:
        yield venue


def _read(events: Sequence[pb.Event]) -> list[Event]:
    return [decode_event(event) for event in events]


def _place(venue: Venue, leg: PlaceOrder, account: object = BOB) -> int:
    """Place an order that must be accepted; return its client id."""
    client_id = venue.make_id()
    (result,) = venue.do(account, leg._replace(client_id=client_id))  # type: ignore[arg-type]
    assert result.code == 0
    return client_id


def test_an_auction_from_its_orders_to_its_trades(venue: Venue) -> None:
    """Indicative price, then price, trades and statuses as events, then none to ask for."""
    market = MARKETS["crossing"]
    sell = _place(venue, SELL._replace(market=market, quantity=50))
    buy = _place(venue, BUY._replace(market=market, quantity=30, price=10_010), CAROL)
    found = venue.client.indicative(market)
    assert (found.price, found.volume, found.surplus) == (10_005, 30, 20)
    document = venue.client.capabilities(market)
    assert (document.status, found.until_ms) == ("auction", document.market.until_ms)
    block = venue.pass_time(_HOUR_MS)
    assert _read(block.events) == [
        Uncrossed(market, 10_005, 30),
        StatusChanged(market, MarketStatus.UNCROSSING, 0),
        Trade(market, 10_005, 30, _CAROL, buy, _BOB, sell),
        StatusChanged(market, MarketStatus.ACTIVE, 0),
    ]
    with pytest.raises(NodeError, match="holds no auction in its present status"):
        venue.client.indicative(market)
    assert venue.client.capabilities(market).market.last_price == 10_005
    assert venue.client.order(_CAROL, buy).ended == Ended.FILLED


def test_an_auction_without_a_cross(venue: Venue) -> None:
    """Nothing crosses: price and volume are zero, before and in the event."""
    market = MARKETS["crossing"]
    found = venue.client.indicative(market)
    assert (found.price, found.volume, found.surplus, found.fixed) == (0, 0, 0, False)
    assert _read(venue.pass_time(_HOUR_MS).events) == [
        Uncrossed(market, 0, 0),
        StatusChanged(market, MarketStatus.ACTIVE, 0),
    ]


def test_a_batch_market_trades_and_ends_orders_by_events(venue: Venue) -> None:
    """What a batch auction fills and what it ends reaches the stream in the order's own block."""
    market = MARKETS["batch"]
    sell = _place(venue, SELL._replace(market=market, quantity=20))
    take = BUY._replace(market=market, quantity=50, time_in_force=TimeInForce.IOC, client_id=900)
    kill = take._replace(time_in_force=TimeInForce.FOK, client_id=901, price=9_999)
    _, block = venue.do_block(CAROL, take, kill)
    assert _read(block.events) == [
        Removed(_CAROL, 901, Ended.UNFILLED),
        Uncrossed(market, 10_000, 20),
        Trade(market, 10_000, 20, _CAROL, 900, _BOB, sell),
        Removed(_CAROL, 900, Ended.IMMEDIATE),
    ]
    found = venue.client.indicative(market)
    assert (found.price, found.until_ms) == (0, 0)


def test_triggers_tell_their_fills(venue: Venue) -> None:
    """A triggered order's fills are in its event, and the API stops calling it waiting."""
    stop = BUY._replace(order_type=OrderType.STOP_LIMIT, trigger=10_000, price=10_002, quantity=10)
    waiting = _place(venue, stop, CAROL)
    order = venue.client.order(_CAROL, waiting)
    assert (order.open, order.waiting, order.trigger, order.max_matches) == (True, True, 10_000, 4)
    first = _place(venue, SELL._replace(quantity=5))
    second = _place(venue, SELL._replace(quantity=4, price=10_001))
    _, block = venue.do_block(ALICE, BUY._replace(quantity=5, client_id=900))
    (event,) = _read(block.events)
    assert isinstance(event, Activated)
    assert event[:2] == (_CAROL, waiting)
    assert event.result.fills == (Fill(_BOB, second, 10_001, 4),)
    assert (event.result.resting, event.result.waiting) == (6, False)
    order = venue.client.order(_CAROL, waiting)
    assert (order.open, order.waiting, order.trigger, order.filled) == (True, False, 0, 4)
    assert venue.client.order(_BOB, first).ended == Ended.FILLED


def test_switch_expiry_and_delisting_tell_whose_orders_end(venue: Venue) -> None:
    """Every end by the chain itself names owner, order and reason; a market that goes says so."""
    market = MARKETS["leaving"]
    switched = _place(venue, SELL)
    left = _place(venue, BUY._replace(market=market, price=9_000), CAROL)
    until_ms = venue.node.get_time_ms() + _HOUR_MS // 2
    assert venue.do(BOB, SetSwitch(until_ms))[0].code == 0
    assert venue.client.account(_BOB).switch_ms == until_ms
    timed = BUY._replace(time_in_force=TimeInForce.GTT, expires_ms=until_ms, price=9_000)
    expired = _place(venue, timed, CAROL)
    assert _read(venue.pass_time(_HOUR_MS // 2).events) == [
        Removed(_CAROL, expired, Ended.EXPIRED),
        Removed(_BOB, switched, Ended.SWITCHED),
    ]
    assert venue.client.account(_BOB).switch_ms == 0
    _, block = venue.do_block(ALICE, ChangeMarket(market, MarketAction.DELIST), own=True)
    notice_ms = block.time_ms + DAY_MS
    assert _read(block.events) == [StatusChanged(market, MarketStatus.CANCEL_ONLY, notice_ms)]
    events = _read(venue.pass_time(DAY_MS).events)
    assert [each for each in events if each[0] in (market, _CAROL)] == [
        StatusChanged(market, MarketStatus.DELISTING, 0),
        Removed(_CAROL, left, Ended.DELISTED),
        StatusChanged(market, MarketStatus.GONE, 0),
    ]
    with pytest.raises(NodeError, match="does not exist"):
        venue.client.capabilities(market)


def test_icebergs_show_their_tip_and_waiting_orders_nothing(venue: Venue) -> None:
    """Depth is what is shown; the orders themselves, asked for, are public whole."""
    hidden = SELL._replace(order_type=OrderType.ICEBERG, quantity=40, display=10)
    client_id = _place(venue, hidden)
    _place(venue, SELL._replace(quantity=3), ALICE)
    stop = SELL._replace(order_type=OrderType.STOP_LIMIT, trigger=9_000, price=8_000)
    _place(venue, stop, CAROL)
    assert venue.place(CAROL, BUY._replace(quantity=4)).filled == 4
    book = venue.client.book(MARKETS["active"])
    assert [(each.price, each.quantity, each.count) for each in book.asks] == [(10_000, 9, 2)]
    assert (len(book.bids), len(book.waiting), book.open_orders) == (0, 0, 3)
    order = venue.client.order(_BOB, client_id)
    assert (order.display, order.tip, order.quantity - order.filled) == (10, 6, 36)
    whole = venue.client.book(MARKETS["active"], by_order=True, waiting=True)
    assert [each.trigger for each in whole.waiting] == [9_000]


def _encode(order: pb.Order) -> bytes:
    """Return the state's record of an order, from nothing but the API's answer."""
    return OrderRecord(
        order.market, order.side, order.order_type, order.time_in_force, order.post_only,
        order.self_trade, order.subaccount, order.price, order.quantity, order.filled,
        order.priority, order.expires_ms, order.expires_height, order.display, order.tip,
        order.trigger, order.max_matches,
    ).encode()  # fmt: skip


def _add_up(orders: Sequence[pb.Order]) -> bytes:
    total = 0
    for order in orders:
        key = schema.compute_order_key(order.owner, order.client_id)
        total += int.from_bytes(hashlib.sha256(key + _encode(order)).digest(), "big")
    return (total % (1 << 256)).to_bytes(32, "big")


def test_lists_of_orders_can_be_checked(venue: Venue) -> None:
    """All orders of a market, or of an owner, add up to the sum that the state proves."""
    legs = [BUY._replace(price=9_000 + number, client_id=venue.make_id()) for number in range(3)]
    legs[1] = legs[1]._replace(order_type=OrderType.ICEBERG, display=7, post_only=2)
    legs[2] = legs[2]._replace(
        order_type=OrderType.TAKE_PROFIT, trigger=9_500, time_in_force=5, expires_height=500
    )
    assert {each.code for each in venue.do(BOB, *legs)} == {0}
    _place(venue, SELL._replace(order_type=OrderType.STOP_LIMIT, trigger=9_100), CAROL)
    book = venue.client.book(MARKETS["active"], by_order=True, waiting=True)
    resting = [order for level in (*book.bids, *book.asks) for order in level.orders]
    assert (len(resting), len(book.waiting)) == (2, 2)
    assert _add_up([*resting, *book.waiting]) == book.orders_sum
    account = venue.client.account(_BOB)
    assert _add_up(venue.client.orders(_BOB).orders) == account.orders_sum
    assert venue.do(BOB, CancelAll(0, 0, 10))[0].cancelled == account.open_orders == 3


def test_dead_orders_are_not_priced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Expired and switched orders that mass work has not reached count for nothing."""
    with run_venue(tmp_path) as venue:
        market = MARKETS["auction"]
        height = venue.client.status().height
        until_ms = venue.node.get_time_ms() + _HOUR_MS
        sell = SELL._replace(market=market, quantity=10)
        for leg, account in (
            (sell._replace(time_in_force=TimeInForce.GTT, expires_ms=until_ms), BOB),
            (sell._replace(time_in_force=TimeInForce.GTH, expires_height=height + 6), BOB),
            (sell, ALICE),
            (sell, BOB),
            (BUY._replace(market=market, quantity=100), CAROL),
        ):
            _place(venue, leg, account)
        assert venue.do(ALICE, SetSwitch(until_ms))[0].code == 0
        assert venue.client.indicative(market).volume == 40
        monkeypatch.setattr(limits, "MASS_STEPS_MAX", 0)
        monkeypatch.setattr(limits, "MASS_START_MAX", 0)
        venue.pass_time(_HOUR_MS)
        found = venue.client.indicative(market)
        assert (found.volume, found.surplus) == (10, 90)
        assert venue.client.book(market).asks[0].quantity == 40


def test_an_auction_that_is_being_executed_keeps_its_price(tmp_path: Path) -> None:
    """While a market uncrosses its price is fixed, and the volume is what is left."""
    with run_every_status(tmp_path) as venue:
        found = venue.client.indicative(MARKETS["crossing"])
        assert (found.price, found.volume, found.fixed) == (10_000, 50, True)


def test_too_many_orders_are_not_priced(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    """A book beyond the bound is refused with a text."""
    monkeypatch.setattr(indicative, "ORDERS_MAX", 0)
    _place(venue, SELL._replace(market=MARKETS["auction"]))
    with pytest.raises(NodeError, match="at most 0 are priced") as caught:
        venue.client.indicative(MARKETS["auction"])
    assert caught.value.code == "OUT_OF_RANGE"


def test_unknown_markets_are_not_found(venue: Venue) -> None:
    """Each question about a market that there is not says so."""
    for question in (venue.client.capabilities, venue.client.indicative, venue.client.book):
        with pytest.raises(NodeError, match="market 99 does not exist") as caught:
            question(99)
        assert caught.value.code == "NOT_FOUND"


def test_document_of_a_market(venue: Venue) -> None:
    """Precision, bounds and terms are those of genesis and of the protocol."""
    document = venue.client.capabilities(MARKETS["active"])
    assert (document.name, document.status, document.mode) == ("OMG/USD", "active", "continuous")
    precision, bounds = document.precision, document.limits
    assert (precision.lot, precision.tick) == ("0.01", "0.0001")
    assert (precision.base.decimals, precision.quote.decimals) == (18, 6)
    assert (bounds.lots_min, bounds.lots_max, bounds.max_matches) == (2, 10**6, limits.MATCHES_MAX)
    assert bounds.switch_ahead_ms == DAY_MS
    assert document.market.creator == _ALICE
    assert venue.client.status().market_bond == str(limits.MARKET_BOND_DEFAULT)
