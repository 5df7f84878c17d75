"""The oracle on triggers, icebergs, auctions, switches and markets, worked out by hand."""

from random import Random
from unittest.mock import patch

from omg_abci.protocol import limits
from omg_abci.protocol.messages import AmendOrder, CancelAll, ChangeMarket, CreateMarket, SetSwitch
from omg_abci.protocol.results import (
    Activated,
    Fill,
    LegResult,
    Removed,
    StatusChanged,
    Trade,
    Uncrossed,
)
from omg_abci.protocol.units import (
    Ended,
    MarketAction,
    MarketStatus,
    OrderType,
    PostOnly,
    SelfTrade,
    TimeInForce,
)
from tests.cast import EXCHANGE, FIRST_NEW_MARKET, OWNERS, START_MS
from tests.model_auction import compute_uniform_price
from tests.oracle_chain import SECOND, Chain
from tests.random_books import compute_price_by_trying, make_book
from tests.vectors.case_types import make_place, make_sell

A, B, C, D = (key.address for key in OWNERS)
ALICE, BOB, CAROL, DAVE = OWNERS


def test_uniform_price_of_the_pages_example() -> None:
    """Five lots at 101: most volume, then nearest to the last price."""
    bids, asks = [(102, 5), (100, 3)], [(99, 4), (101, 6)]
    assert compute_uniform_price(bids, asks, 100) == (101, 5, 5)
    assert compute_uniform_price(bids, asks, 0) == (101, 5, 5)
    assert compute_uniform_price([(10, 2)], [(4, 2)], 0) == (7, 2, 0)
    assert compute_uniform_price([(10, 2)], [(4, 2)], 99) == (10, 2, 0)
    assert compute_uniform_price([(3, 1)], [(4, 1)], 3) is None
    assert compute_uniform_price([], [(4, 1)], 3) is None
    assert compute_uniform_price([(10**9, 2)], [(4, 3)], 7) == (7, 2, 1)


def test_uniform_price_is_the_best_of_all_ticks() -> None:
    """Two slow searches that were written apart say the same of random books."""
    source = Random(4)
    for _ in range(1_000):
        book = make_book(source)
        assert compute_uniform_price(*book) == compute_price_by_trying(*book)


def test_iceberg_goes_to_the_end_with_each_tip() -> None:
    """A tip of 2, then the other's 2, then the next tip."""
    chain = Chain()
    iceberg = make_sell(order_type=OrderType.ICEBERG, display=2)
    chain.do(iceberg, make_sell(client_id=101, quantity=2))
    fills = (Fill(A, 100, 4, 2), Fill(A, 101, 4, 2), Fill(A, 100, 4, 1))
    bought = chain.one(make_place(), owner=BOB)
    assert bought == LegResult(filled=5, ended=Ended.FILLED, fills=fills)
    (left,) = chain.model.state.orders.values()
    assert (left.remaining, left.tip) == (2, 1)


def test_fill_or_kill_sees_an_icebergs_tips() -> None:
    """Seven lots in 2 + 2 + 2 + 1 are four steps; three are too few."""
    chain = Chain()
    chain.one(make_sell(quantity=7, order_type=OrderType.ICEBERG, display=2))
    kill = make_place(quantity=7, time_in_force=TimeInForce.FOK, max_matches=3)
    assert chain.one(kill, owner=BOB).code == 2007
    assert chain.one(kill._replace(max_matches=4), owner=BOB).filled == 7


def test_post_only_slides_to_the_best_free_price() -> None:
    """A buy at 5 meets an ask at 4 and rests at 3."""
    chain = Chain()
    chain.one(make_sell())
    slide = make_place(price=5, post_only=PostOnly.SLIDE)
    assert chain.one(slide, owner=BOB) == LegResult(resting=5, price=3)
    assert chain.get_balance(B, 3) == (4_955, 45)
    amended = chain.one(AmendOrder(1, 6, 0, 0, 1), owner=BOB)
    assert amended == LegResult(resting=5, kept_place=True, price=3)


def test_stops_cascade_at_the_end_of_the_block() -> None:
    """A sale at 5 triggers a stop at 5, whose fill at 4 triggers one at 4."""
    chain = Chain()
    chain.do(*(make_place(client_id=n, price=n, quantity=2) for n in (5, 4, 3)))
    waits = LegResult(waiting=True)
    stop = make_sell(order_type=OrderType.STOP_LIMIT, quantity=2, price=2)
    assert chain.one(stop._replace(trigger=5), owner=BOB) == waits
    assert chain.one(stop._replace(trigger=4, client_id=101), owner=CAROL) == waits
    assert chain.one(make_sell(price=5, quantity=2), owner=DAVE).filled == 2
    first = LegResult(filled=2, ended=Ended.FILLED, fills=(Fill(A, 4, 4, 2),))
    second = LegResult(filled=2, ended=Ended.FILLED, fills=(Fill(A, 3, 3, 2),))
    assert chain.events == [Activated(B, 100, first), Activated(C, 101, second)]
    market = chain.get_market()
    assert (market.last_price, market.low, market.high) == (3, 3, 3)
    assert chain.one(stop._replace(trigger=3, client_id=102), owner=BOB).code == 2017


def test_switch_ends_orders_in_steps_and_none_matches() -> None:
    """Two orders, one step a block: the second is dead, not in the way, and refuses a place."""
    with patch.object(limits, "MASS_STEPS_MAX", 1), patch.object(limits, "MASS_START_MAX", 1):
        chain = Chain()
        chain.do(make_place(), make_sell(price=7))
        chain.one(SetSwitch(chain.next_ms + SECOND))
        assert chain.one(make_place(client_id=2)).code == 2021
        assert chain.events == [Removed(A, 1, Ended.SWITCHED)]
        assert chain.one(make_place(price=7, quantity=4), owner=BOB).resting == 4
        assert chain.events == [Removed(A, 100, Ended.SWITCHED)]
        assert chain.one(make_place(client_id=2)).code == 0


def test_opening_auction_of_a_new_market() -> None:
    """A bond, a second of collecting, a price in the middle, and the rest stays."""
    chain = Chain(EXCHANGE)
    number = FIRST_NEW_MARKET
    create = CreateMarket(2, 3, 1, 1, 1, 40, 1, 0, 1_000)
    assert chain.one(create) == LegResult(market=number)
    opens = START_MS + 2 * SECOND
    assert chain.events == [StatusChanged(number, MarketStatus.AUCTION, opens)]
    assert chain.get_balance(A, 1)[1] == 5_000
    chain.model.state.markets[number] = chain.get_market(number)._replace(until_ms=opens + SECOND)
    buy, sell = make_place(market=number, price=6), make_sell(market=number, price=4, quantity=7)
    kill = make_place(market=number, time_in_force=TimeInForce.FOK, client_id=9)
    result = chain.do(buy, sell, kill)
    assert [(leg.resting, leg.code) for leg in result.legs] == [(5, 0), (7, 0), (0, 2022)]
    assert [event for event in chain.wait() if event[0] != 4] == [
        Uncrossed(number, 5, 5),
        StatusChanged(number, MarketStatus.UNCROSSING, 0),
        Trade(number, 5, 5, A, 1, A, 100),
        StatusChanged(number, MarketStatus.ACTIVE, 0),
    ]
    assert [order.remaining for order in chain.model.state.orders.values()] == [2]


def test_batch_auction_leaves_out_what_it_cannot_fill() -> None:
    """A fill-or-kill of 7 against 5 ends UNFILLED, an immediate order's rest IMMEDIATE."""
    chain = Chain(EXCHANGE)
    chain.wait(2)
    chain.one(make_sell(market=3), owner=BOB)
    kill = make_place(market=3, quantity=7, time_in_force=TimeInForce.FOK)
    take = make_place(market=3, quantity=6, time_in_force=TimeInForce.IOC, client_id=2)
    assert [leg.resting for leg in chain.do(kill, take).legs] == [7, 6]
    assert chain.events == [
        Removed(A, 1, Ended.UNFILLED),
        Uncrossed(3, 4, 5),
        Trade(3, 4, 5, A, 2, B, 100),
        Removed(A, 2, Ended.IMMEDIATE),
    ]


def test_trade_outside_the_band_halts_the_market() -> None:
    """After a trade at 100, 2 % allow 98 to 102: a sale at 97 halts and rests."""
    chain = Chain(EXCHANGE)
    chain.wait(3)
    usual = make_place(market=4, quantity=2)
    chain.do(usual._replace(price=100), usual._replace(price=97, client_id=2))
    sale = make_sell(market=4, quantity=4, price=97)
    result = chain.one(sale, owner=BOB)
    assert result == LegResult(filled=2, resting=2, fills=(Fill(A, 1, 100, 2),))
    halted = StatusChanged(4, MarketStatus.AUCTION, START_MS + 5 * SECOND + 2_000)
    assert chain.events == [halted]
    assert chain.get_market(4).reference == 100


def test_delisted_market_gives_everything_back() -> None:
    """A notice of a day, then orders go in book order, the market and its bond with the last."""
    chain = Chain(EXCHANGE)
    number, delist = FIRST_NEW_MARKET, ChangeMarket(FIRST_NEW_MARKET, MarketAction.DELIST)
    chain.one(CreateMarket(2, 3, 1, 1, 1, 40, 1, 0, 60_000))
    chain.do(make_place(market=number), make_place(market=number, price=6, client_id=2))
    assert chain.one(delist, owner=BOB).code == 2030
    with patch.object(limits, "DELIST_NOTICE_MS", 2_000):
        assert chain.one(delist) == LegResult()
        assert chain.one(make_place(market=number, client_id=3)).code == 2025
    assert [event for event in chain.wait() if event[0] != 4] == [
        StatusChanged(number, MarketStatus.DELISTING, 0),
        Removed(A, 2, Ended.DELISTED),
        Removed(A, 1, Ended.DELISTED),
        StatusChanged(number, MarketStatus.GONE, 0),
    ]
    assert chain.get_balance(A, 3) == (30_000, 0)
    assert chain.get_balance(A, 1)[1] == 0
    assert chain.one(CancelAll(number, 0, 1)).code == 2000


def test_good_till_height_is_dead_after_its_last_block() -> None:
    """Placed for two blocks; in the third it is gone before anybody can take."""
    chain = Chain()
    chain.one(make_sell(time_in_force=TimeInForce.GTH, expires_height=2))
    take = make_place(quantity=2, self_trade=SelfTrade.ALLOW)
    assert chain.one(take).filled == 2
    assert chain.one(take._replace(client_id=2)).resting == 2
    assert chain.events == [Removed(A, 100, Ended.EXPIRED)]
