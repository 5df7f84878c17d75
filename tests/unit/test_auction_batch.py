"""Batch markets: one auction at the end of each block, immediate orders, fill or kill, the band."""

import pytest

from omg_abci.protocol import limits
from omg_abci.protocol.units import Ended
from tests.unit.block_world import (
    ACTIVE,
    ANN,
    AUCTION,
    BEN,
    BLOCK_MS,
    CANCEL_ONLY,
    CEM,
    FOK,
    GTT,
    IOC,
    MARKET,
    STOP,
    T0,
    UNCROSSING,
    Chain,
    amend,
    ask,
    bid,
    cancel,
    cancel_all,
    change,
    removed,
    status,
    switch,
    trade,
    uncrossed,
)

CREATOR = "0x" + ANN.hex()


def make_batch(**terms: object) -> Chain:
    """Return a chain with one batch market, which Ann may change."""
    return Chain(mode="batch", creator=CREATOR, **terms)


@pytest.fixture
def _few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MASS_START_MAX", 2)
    monkeypatch.setattr(limits, "MASS_STEPS_MAX", 4)
    monkeypatch.setattr(limits, "MASS_TRIGGERS_MIN", 0)


# --- one block --------------------------------------------------------------------------------


def test_all_orders_of_a_block_trade_at_one_price() -> None:
    """Orders rest in the block and trade at its end; nobody pays more than anybody else."""
    chain = make_batch()
    events = chain.block(
        bid(ANN, 1, 5, 102), bid(ANN, 2, 3, 100), ask(BEN, 1, 4, 99), ask(CEM, 1, 6, 101)
    )
    assert [(leg.filled, leg.resting) for leg in chain.legs] == [(0, 5), (0, 3), (0, 4), (0, 6)]
    # Without a last price: 101 and 102 are equal, the middle rounded down is 101.
    assert events == (
        uncrossed(101, 5),
        trade(101, 4, ANN, 1, BEN, 1),
        trade(101, 1, ANN, 1, CEM, 1),
    )
    market = chain.market
    assert (market.last_price, market.status, market.auction_price) == (101, ACTIVE, 0)
    assert chain.block() == ()


def test_no_cross_says_nothing() -> None:
    """Orders that do not cross rest; immediate ones end."""
    chain = make_batch()
    assert chain.block(bid(ANN, 1, 5, 90), ask(BEN, 1, 5, 95), ask(CEM, 1, 2, 91, tif=IOC)) == (
        removed(CEM, 1, Ended.IMMEDIATE),
    )
    assert chain.book() == ([(1, 5)], [(1, 5)])
    assert chain.market.last_price == 0
    assert chain.block(cancel(ANN, 1)) == ()


def test_immediate_order_trades_what_it_can() -> None:
    """The rest of an IOC order ends after the auction of its block, oldest first."""
    chain = make_batch()
    chain.block(ask(BEN, 1, 3, 95))
    events = chain.block(
        bid(CEM, 2, 1, 80, tif=IOC), bid(ANN, 1, 5, 95, tif=IOC), bid(CEM, 1, 1, 95, tif=IOC)
    )
    assert events == (
        uncrossed(95, 3),
        trade(95, 3, ANN, 1, BEN, 1),
        removed(CEM, 2, Ended.IMMEDIATE),
        removed(ANN, 1, Ended.IMMEDIATE),
        removed(CEM, 1, Ended.IMMEDIATE),
    )
    assert chain.ended(ANN, 1) == (Ended.IMMEDIATE, 3)
    assert chain.book() == ([], [])


def test_amended_order_takes_part() -> None:
    """An order that is amended so that it crosses trades at the end of the block."""
    chain = make_batch()
    chain.block(bid(ANN, 1, 5, 90), ask(BEN, 1, 5, 95))
    assert chain.block(amend(ANN, 1, price=95)) == (
        uncrossed(95, 5),
        trade(95, 5, ANN, 1, BEN, 1),
    )


def test_markets_are_done_by_id() -> None:
    """Each batch market has its own auction, in ascending order of ids."""
    chain = Chain({"mode": "batch"}, {"mode": "batch"})
    second = MARKET + 1
    events = chain.block(
        bid(ANN, 1, 1, 7, market=second),
        ask(BEN, 1, 1, 7, market=second),
        bid(ANN, 2, 1, 9),
        ask(BEN, 2, 1, 9),
    )
    assert events[0] == uncrossed(9, 1)
    assert events[2] == uncrossed(7, 1, second)


# --- steps ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_few_steps")
def test_auction_that_does_not_fit_goes_on_in_the_next_block() -> None:
    """The market is uncrossing between blocks; immediate orders end when it is over."""
    chain = make_batch()
    chain.block(*[ask(BEN, number, 1, 95) for number in range(1, 6)])
    events = chain.block(bid(ANN, 1, 6, 95, tif=IOC))
    assert events == (
        uncrossed(95, 5),
        *[trade(95, 1, ANN, 1, BEN, number) for number in range(1, 5)],
        status(UNCROSSING),
    )
    assert chain.market.auction_price == 95
    assert chain.block(bid(CEM, 1, 1, 95)) == (
        trade(95, 1, ANN, 1, BEN, 5),
        status(ACTIVE),
        removed(ANN, 1, Ended.IMMEDIATE),
    )
    assert [leg.code for leg in chain.legs] == [0]
    assert chain.book() == ([(1, 1)], [])


@pytest.mark.usefixtures("_few_steps")
def test_uncrossing_batch_market_waits_with_its_next_auction() -> None:
    """At the end of a block in which it is still uncrossing a batch market does nothing."""
    chain = make_batch()
    chain.block(*[ask(BEN, number, 1, 95) for number in range(1, 10)])
    chain.block(bid(ANN, 1, 9, 95))
    assert len(chain.block(cancel(CEM, 1))) == 2
    assert chain.market.status == UNCROSSING
    assert chain.state.mass_steps == 2
    assert len(chain.block()) == 2
    assert chain.block() == (trade(95, 1, ANN, 1, BEN, 9), status(ACTIVE))


@pytest.mark.usefixtures("_few_steps")
def test_fill_or_kill_needs_steps_for_all_that_reach_the_price() -> None:
    """With more orders at the price than steps are left FOK orders are left out."""
    chain = make_batch()
    chain.block(*[ask(BEN, number, 1, 95) for number in range(1, 4)])
    assert chain.block(bid(ANN, 1, 3, 95, tif=FOK))[-1] == trade(95, 1, ANN, 1, BEN, 3)
    chain.block(*[ask(BEN, number, 1, 95) for number in range(11, 15)])
    assert chain.block(bid(ANN, 2, 3, 95, tif=FOK)) == (removed(ANN, 2, Ended.UNFILLED),)
    chain.block(cancel(BEN, 14), bid(ANN, 3, 3, 95, tif=FOK), bid(ANN, 4, 1, 94))
    assert chain.ended(ANN, 3) == (Ended.FILLED, 3)


@pytest.mark.usefixtures("_few_steps")
def test_orders_that_were_left_out_need_no_steps() -> None:
    """Those that the rounds left out do not count among what reaches the price."""
    chain = make_batch()
    chain.block(*[ask(BEN, number, 1, 95) for number in range(1, 4)])
    events = chain.block(bid(ANN, 1, 3, 95, tif=FOK), bid(ANN, 2, 3, 95, tif=FOK))
    assert events[:2] == (removed(ANN, 2, Ended.UNFILLED), uncrossed(95, 3))
    assert chain.ended(ANN, 1) == (Ended.FILLED, 3)


@pytest.mark.usefixtures("_few_steps")
def test_only_those_that_were_left_out_need_no_steps() -> None:
    """What is left at a price from which an order was left out counts in full."""
    chain = make_batch()
    chain.block(*[ask(BEN, number, 1, 95) for number in range(1, 4)])
    events = chain.block(
        bid(ANN, 1, 2, 95, tif=FOK), bid(ANN, 2, 1, 95), bid(ANN, 3, 3, 95, tif=FOK)
    )
    # Without the third two bids and three asks reach the price: one more than there are steps.
    assert events == (
        removed(ANN, 1, Ended.UNFILLED),
        removed(ANN, 3, Ended.UNFILLED),
        uncrossed(95, 1),
        trade(95, 1, ANN, 2, BEN, 1),
    )


@pytest.mark.usefixtures("_few_steps")
def test_dead_orders_at_the_price_need_steps() -> None:
    """A dead order that reaches the price is met, so it counts among them."""
    chain = make_batch()
    ends = T0 + 3 * BLOCK_MS
    chain.block(*[ask(CEM, number, 1, 200, tif=GTT, ms=ends) for number in range(1, 5)])
    chain.block(
        *[ask(BEN, number, 1, 95, tif=GTT, ms=ends) for number in range(1, 3)], ask(BEN, 3, 1, 95)
    )
    chain.block(ask(BEN, 4, 1, 95))
    assert chain.time_ms == ends - BLOCK_MS
    # Two of six that expire are removed at the start, of four steps two are left.
    events = chain.block(bid(ANN, 1, 1, 95, tif=FOK))
    assert removed(ANN, 1, Ended.UNFILLED) in events


# --- the band ---------------------------------------------------------------------------------


def make_banded() -> Chain:
    """Return a batch market with a band of 10 % whose reference is 100."""
    chain = make_batch(band_bp=1_000, auction_ms=2_000)
    chain.block(bid(ANN, 1, 1, 100), ask(BEN, 1, 1, 100))
    assert (chain.market.reference, chain.market.reference_ms) == (100, T0)
    return chain


@pytest.mark.parametrize("price", [90, 110])
def test_auction_at_the_edge_of_the_band_trades(price: int) -> None:
    """A price exactly at the band's edge is inside; the reference stays where it is."""
    chain = make_banded()
    assert uncrossed(price, 1) in chain.block(bid(ANN, 2, 1, price), ask(BEN, 2, 1, price))
    assert (chain.market.reference, chain.market.reference_ms) == (100, T0)


@pytest.mark.parametrize("price", [89, 111])
def test_auction_beyond_the_band_halts(price: int) -> None:
    """A price outside trades nothing: a call auction follows, immediate orders end."""
    chain = make_banded()
    events = chain.block(
        bid(ANN, 2, 1, price), ask(BEN, 2, 1, price), bid(CEM, 1, 1, price, tif=IOC)
    )
    until = chain.time_ms + 2_000
    assert events == (status(AUCTION, until), removed(CEM, 1, Ended.HALTED))
    assert chain.book() == ([(2, 1)], [(2, 1)])
    chain.block()
    assert chain.block() == (
        uncrossed(price, 1),
        status(UNCROSSING),
        trade(price, 1, ANN, 2, BEN, 2),
        status(ACTIVE),
    )
    assert (chain.market.reference, chain.market.reference_ms) == (price, until)


def test_reference_is_renewed_after_five_minutes() -> None:
    """An auction five minutes after the reference was set is compared with the last price."""
    chain = make_banded()
    chain.block(bid(ANN, 2, 1, 110), ask(BEN, 2, 1, 110))
    ahead_ms = T0 + limits.BAND_WINDOW_MS - chain.time_ms - 1
    chain.block(bid(ANN, 3, 1, 90), ahead_ms=ahead_ms)
    assert chain.market.reference == 100
    chain.block(ahead_ms=1)
    assert chain.market.reference == 100
    chain.block(ask(BEN, 3, 1, 121), bid(ANN, 4, 1, 121))
    assert (chain.market.reference, chain.market.status) == (110, ACTIVE)
    assert chain.market.reference_ms == chain.time_ms
    assert chain.market.last_price == 121


# --- changes within the block -----------------------------------------------------------------


def test_immediate_orders_of_a_stopped_market_end_halted() -> None:
    """When the market is stopped after them, immediate orders end at the end of the block."""
    chain = make_batch()
    events = chain.block(
        bid(BEN, 1, 1, 95, tif=IOC), ask(BEN, 2, 1, 95), bid(CEM, 1, 1, 95, tif=FOK), change(ANN, 1)
    )
    assert events == (
        status(CANCEL_ONLY),
        removed(BEN, 1, Ended.HALTED),
        removed(CEM, 1, Ended.HALTED),
    )
    assert chain.state.mass_steps == 0
    chain.block(cancel_all(BEN))
    assert chain.book() == ([], [])


def test_immediate_orders_of_a_resumed_market_end_halted() -> None:
    """Stopped and resumed in one block, the market collects orders: immediate ones end."""
    chain = make_batch()
    events = chain.block(bid(BEN, 1, 1, 95, tif=IOC), change(ANN, 1), change(ANN, 2))
    assert events[-1] == removed(BEN, 1, Ended.HALTED)
    assert chain.market.status == AUCTION


def test_stop_order_is_triggered_by_an_auction() -> None:
    """An activated order of a batch market rests for the auction of the next block."""
    chain = make_batch()
    chain.block(bid(ANN, 1, 1, 100), ask(BEN, 1, 1, 100))
    chain.block(ask(CEM, 1, 2, 90, kind=STOP, trigger=95, tif=IOC), bid(ANN, 2, 1, 95))
    events = chain.block(ask(BEN, 2, 1, 95), bid(ANN, 3, 2, 92))
    assert [type(each).__name__ for each in events] == ["Uncrossed", "Trade", "Activated"]
    assert chain.block() == (uncrossed(92, 2), trade(92, 2, ANN, 3, CEM, 1))


def test_switch_of_an_owner_ends_orders_while_uncrossing() -> None:
    """Orders of a batch market can be cancelled by switch in every status."""
    chain = make_batch()
    chain.block(bid(CEM, 1, 1, 50), switch(CEM, T0 + BLOCK_MS))
    assert chain.block() == (removed(CEM, 1, Ended.SWITCHED),)
