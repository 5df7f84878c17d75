"""Call auctions: collecting, pricing, pairs over one block or more, and what follows."""

from omg_abci.protocol.units import Ended
from tests.unit.block_world import (
    ACTIVE,
    ANN,
    AUCTION,
    BEN,
    BLOCK_MS,
    CEM,
    FOK,
    GTH,
    GTT,
    ICEBERG,
    IOC,
    T0,
    UNCROSSING,
    Chain,
    ask,
    bid,
    change,
    create,
    removed,
    status,
    switch,
    trade,
    uncrossed,
)

OPENS = T0 + 5 * BLOCK_MS


def make_auction(**terms: object) -> Chain:
    """Return a chain whose market collects orders until `OPENS`."""
    return Chain(opens_ms=OPENS, **terms)


def open_at(chain: Chain) -> tuple[object, ...]:
    """Apply the block whose time is the auction's."""
    return chain.block(ahead_ms=OPENS - chain.time_ms)


def test_orders_are_collected_until_the_time() -> None:
    """A crossed book stands, untraded, until the block whose time has reached the auction's."""
    chain = make_auction()
    chain.block(bid(ANN, 1, 5, 102), ask(BEN, 1, 4, 99))
    assert [each.resting for each in chain.legs] == [5, 4]
    assert chain.block(ahead_ms=OPENS - chain.time_ms - 1) == ()
    assert chain.market.status == AUCTION
    assert chain.book() == ([(1, 5)], [(1, 4)])
    assert chain.block(ahead_ms=1) == (
        uncrossed(100, 4),
        status(UNCROSSING),
        trade(100, 4, ANN, 1, BEN, 1),
        status(ACTIVE),
    )
    assert chain.market.last_price == 100


def test_worked_example_of_the_spec() -> None:
    """Five lots trade at 101; buyers get back what they had reserved above it."""
    chain = make_auction()
    chain.block(bid(ANN, 1, 5, 102), bid(ANN, 2, 3, 100), ask(BEN, 1, 4, 99), ask(CEM, 1, 6, 101))
    assert open_at(chain) == (
        uncrossed(101, 5),
        status(UNCROSSING),
        trade(101, 4, ANN, 1, BEN, 1),
        trade(101, 1, ANN, 1, CEM, 1),
        status(ACTIVE),
    )
    assert chain.gained(ANN) == (5, -505)
    assert chain.gained(BEN) == (-4, 404)
    assert chain.gained(CEM) == (-1, 101)
    assert chain.book() == ([(2, 3)], [(1, 5)])
    assert chain.ended(ANN, 1) == (Ended.FILLED, 5)
    assert chain.ended(BEN, 1) == (Ended.FILLED, 4)
    market = chain.market
    assert (market.last_price, market.low, market.high) == (101, 101, 101)


def test_margin_is_rationed_by_price_then_priority() -> None:
    """Who is at the margin gets the rest in order of arrival; the better price goes first."""
    chain = make_auction()
    chain.block(
        bid(ANN, 1, 3, 100),
        bid(BEN, 1, 3, 100),
        bid(CEM, 1, 3, 101),
        ask(ANN, 2, 5, 100),
        ask(BEN, 2, 3, 90),
    )
    assert open_at(chain)[2:-1] == (
        trade(100, 3, CEM, 1, BEN, 2),
        trade(100, 3, ANN, 1, ANN, 2),
        trade(100, 2, BEN, 1, ANN, 2),
    )
    assert chain.book() == ([(1, 1)], [])


def test_no_cross_opens_without_a_price() -> None:
    """An auction in which nothing crosses says so, and the market is active at once."""
    chain = make_auction()
    chain.block(bid(ANN, 1, 5, 98), ask(BEN, 1, 4, 99))
    assert open_at(chain) == (uncrossed(0, 0), status(ACTIVE))
    market = chain.market
    assert (market.status, market.until_ms, market.last_price) == (ACTIVE, 0, 0)
    assert (market.reference, market.reference_ms) == (0, 0)
    chain.block(bid(CEM, 1, 4, 99))
    assert chain.ended(CEM, 1) == (Ended.FILLED, 4)


def test_iceberg_trades_all_of_it_in_its_place() -> None:
    """An iceberg counts with all that remains; what is left shows a tip again."""
    chain = make_auction()
    chain.block(
        ask(ANN, 1, 10, 100, kind=ICEBERG, display=4),
        ask(BEN, 1, 5, 100),
        bid(CEM, 1, 7, 100),
    )
    open_at(chain)
    assert chain.book() == ([], [(1, 3), (1, 5)])
    special = chain.order(ANN, 1).special
    assert special is not None
    assert special.tip == 3
    assert chain.order(BEN, 1).filled == 0


def test_iceberg_with_more_left_than_it_shows_keeps_a_full_tip() -> None:
    """After a fill the tip is the smaller of display and remaining."""
    chain = make_auction()
    chain.block(bid(ANN, 1, 10, 100, kind=ICEBERG, display=4), ask(BEN, 1, 3, 100))
    open_at(chain)
    order = chain.order(ANN, 1)
    assert (order.filled, order.remaining) == (3, 7)
    assert order.special is not None
    assert order.special.tip == 4


def test_good_till_height_order_keeps_no_tip() -> None:
    """A partly filled order that is special but no iceberg gets no tip."""
    chain = make_auction()
    chain.block(bid(ANN, 1, 10, 100, tif=GTH, height=50), ask(BEN, 1, 3, 100))
    open_at(chain)
    special = chain.order(ANN, 1).special
    assert special is not None
    assert (special.tip, special.expires_height) == (0, 50)


def test_own_orders_trade_with_each_other() -> None:
    """Self-trade prevention does not act in an auction."""
    chain = make_auction()
    chain.block(bid(ANN, 1, 2, 100), ask(ANN, 2, 2, 100))
    assert trade(100, 2, ANN, 1, ANN, 2) in open_at(chain)
    assert chain.gained(ANN) == (0, 0)


def test_last_price_draws_the_price() -> None:
    """The second auction of a market is priced nearest to the last trade of the first."""
    chain = Chain(auction_ms=1_000, creator="0x" + ANN.hex())
    chain.block(ask(ANN, 1, 1, 103), bid(BEN, 1, 1, 103))
    assert chain.market.last_price == 103
    chain.block(change(ANN, 1))
    chain.block(change(ANN, 2), bid(ANN, 2, 1, 110), ask(BEN, 2, 1, 90))
    assert chain.block(ahead_ms=1_000)[0] == uncrossed(103, 1)


# --- dead orders ------------------------------------------------------------------------------


def test_dead_orders_count_for_nothing() -> None:
    """Orders that died, though still in the book, neither price the auction nor trade in it."""
    chain = make_auction()
    ends = OPENS
    chain.block(
        bid(ANN, 1, 9, 110, tif=GTT, ms=ends),
        ask(BEN, 1, 9, 80, tif=GTT, ms=ends),
        bid(CEM, 1, 3, 100),
        ask(BEN, 2, 3, 100),
    )
    events = open_at(chain)
    assert events == (
        uncrossed(100, 3),
        status(UNCROSSING),
        removed(ANN, 1, Ended.EXPIRED),
        removed(BEN, 1, Ended.EXPIRED),
        trade(100, 3, CEM, 1, BEN, 2),
        status(ACTIVE),
    )


def test_each_kind_of_death_keeps_an_order_out() -> None:
    """Expired by height or cancelled by its owner's switch: an order is dead at once."""
    chain = make_auction()
    chain.block(bid(ANN, 1, 2, 120, tif=GTH, height=2), switch(BEN, OPENS), bid(BEN, 1, 2, 120))
    chain.block(ask(CEM, 1, 2, 100), bid(CEM, 2, 2, 100))
    events = open_at(chain)
    assert events[:5] == (
        uncrossed(100, 2),
        status(UNCROSSING),
        removed(ANN, 1, Ended.EXPIRED),
        removed(BEN, 1, Ended.SWITCHED),
        trade(100, 2, CEM, 2, CEM, 1),
    )


def test_dead_orders_on_one_side_only_do_not_cross() -> None:
    """Without a live order on both sides there is no cross; the dead ones go as usual."""
    chain = make_auction()
    chain.block(bid(ANN, 1, 2, 120, tif=GTT, ms=OPENS), ask(CEM, 1, 2, 100))
    assert open_at(chain) == (uncrossed(0, 0), status(ACTIVE), removed(ANN, 1, Ended.EXPIRED))


def test_an_order_with_a_future_end_is_alive() -> None:
    """Orders with an end that has not come, and owners with a switch ahead, take part."""
    chain = make_auction()
    chain.block(
        switch(ANN, OPENS + 1),
        bid(ANN, 1, 2, 120, tif=GTT, ms=OPENS + 1),
        ask(CEM, 1, 2, 100, tif=GTH, height=2),
    )
    assert uncrossed(110, 2) in open_at(chain)


# --- refusals ---------------------------------------------------------------------------------


def test_orders_that_never_rest_are_refused_while_collecting() -> None:
    """IOC, FOK and post-only have no meaning in a call auction."""
    chain = make_auction()
    chain.block(
        bid(ANN, 1, 1, 100, tif=IOC),
        bid(ANN, 2, 1, 100, tif=FOK),
        bid(ANN, 3, 1, 100, post_only=1),
        bid(ANN, 4, 1, 100),
    )
    assert [leg.code for leg in chain.legs] == [2022, 2022, 2023, 0]


def test_created_market_opens_by_auction() -> None:
    """A market that was created collects orders for its own time, and then trades."""
    chain = Chain()
    chain.block(create(ANN, auction_ms=2_000))
    number = chain.legs[0].market
    chain.block(bid(ANN, 1, 1, 9, market=number), ask(BEN, 1, 1, 9, market=number))
    assert chain.block() == (
        uncrossed(9, 1, number),
        status(UNCROSSING, 0, number),
        trade(9, 1, ANN, 1, BEN, 1)._replace(market=number),
        status(ACTIVE, 0, number),
    )
