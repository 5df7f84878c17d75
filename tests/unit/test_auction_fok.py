"""Fill-or-kill orders in batch markets: filled in full or left out, in rounds."""

import pytest

from omg_abci.protocol import limits
from omg_abci.protocol.units import Ended
from tests.unit.block_world import (
    ANN,
    BEN,
    BLOCK_MS,
    CEM,
    FOK,
    GTT,
    ICEBERG,
    IOC,
    STOP,
    T0,
    Chain,
    ask,
    bid,
    pick,
    removed,
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


# --- fill or kill -----------------------------------------------------------------------------


def test_fill_or_kill_is_filled_or_left_out() -> None:
    """A FOK order that the auction fills in full trades; one that it does not, ends unfilled."""
    chain = make_batch()
    chain.block(ask(BEN, 1, 3, 95))
    assert chain.block(bid(ANN, 1, 3, 95, tif=FOK)) == (
        uncrossed(95, 3),
        trade(95, 3, ANN, 1, BEN, 1),
    )
    chain.block(ask(BEN, 2, 3, 95))
    assert chain.block(bid(ANN, 2, 4, 95, tif=FOK)) == (removed(ANN, 2, Ended.UNFILLED),)
    assert chain.ended(ANN, 2) == (Ended.UNFILLED, 0)
    assert chain.book() == ([], [(2, 3)])


def test_sell_orders_are_left_out_alike() -> None:
    """The same for a FOK order that sells."""
    chain = make_batch()
    chain.block(bid(BEN, 1, 3, 95))
    assert chain.block(ask(ANN, 1, 4, 95, tif=FOK)) == (removed(ANN, 1, Ended.UNFILLED),)
    assert chain.block(ask(ANN, 2, 3, 90, tif=FOK)) == (
        uncrossed(92, 3),
        trade(92, 3, BEN, 1, ANN, 2),
    )


def test_order_that_does_not_reach_the_price_is_left_out() -> None:
    """A FOK order behind the price ends unfilled, whatever else is traded."""
    chain = make_batch()
    events = chain.block(
        bid(ANN, 1, 3, 100), ask(BEN, 1, 3, 100), bid(CEM, 1, 1, 99, tif=FOK), ask(CEM, 2, 2, 120)
    )
    assert events == (
        removed(CEM, 1, Ended.UNFILLED),
        uncrossed(100, 3),
        trade(100, 3, ANN, 1, BEN, 1),
    )


def test_fill_or_kill_without_other_side_is_left_out() -> None:
    """Without a cross every FOK order ends unfilled, IOC orders as always."""
    chain = make_batch()
    assert chain.block(bid(ANN, 1, 3, 99, tif=FOK), bid(BEN, 1, 3, 99, tif=IOC)) == (
        removed(ANN, 1, Ended.UNFILLED),
        removed(BEN, 1, Ended.IMMEDIATE),
    )


def test_book_order_decides_which_of_two_is_filled() -> None:
    """What is ahead counts, orders that were left out before do not."""
    chain = make_batch()
    chain.block(ask(BEN, 1, 5, 95))
    events = chain.block(
        bid(ANN, 1, 6, 96, tif=FOK),
        bid(ANN, 2, 3, 95),
        bid(ANN, 3, 2, 95, tif=FOK),
        bid(ANN, 4, 1, 95, tif=FOK),
    )
    # In round 1 the first is not filled, nor is what stands behind it: all at once.
    assert events == (
        removed(ANN, 1, Ended.UNFILLED),
        removed(ANN, 3, Ended.UNFILLED),
        removed(ANN, 4, Ended.UNFILLED),
        uncrossed(95, 3),
        trade(95, 3, ANN, 2, BEN, 1),
    )


def test_order_that_is_left_out_makes_room_for_those_behind() -> None:
    """In the second round the lots of those left out in the first no longer stand ahead."""
    chain = make_batch()
    chain.block(
        bid(ANN, 1, 9, 100, tif=FOK),
        bid(ANN, 2, 3, 100, tif=FOK),
        ask(BEN, 1, 9, 100),
        ask(BEN, 2, 5, 100, tif=FOK),
        ask(CEM, 1, 1, 101, tif=FOK),
    )
    # Demand 12, supply 14: Ben's FOK would get 3 of 5. Then supply 9: the second bid gets nothing.
    assert chain.events == (
        removed(ANN, 2, Ended.UNFILLED),
        removed(BEN, 2, Ended.UNFILLED),
        removed(CEM, 1, Ended.UNFILLED),
        uncrossed(100, 9),
        trade(100, 9, ANN, 1, BEN, 1),
    )
    chain = make_batch()
    chain.block(
        bid(ANN, 1, 4, 101, tif=FOK),
        bid(ANN, 2, 3, 100, tif=FOK),
        ask(BEN, 1, 2, 100),
        ask(BEN, 2, 9, 101, tif=FOK),
        ask(CEM, 1, 1, 100),
    )
    # At 101 four of twelve trade, at 100 three of seven: the first bid and Ben's FOK are in at 101
    # for four; Ben's fails, and so does the second bid. Of the first, three would be filled.
    assert chain.events == (
        removed(ANN, 1, Ended.UNFILLED),
        removed(ANN, 2, Ended.UNFILLED),
        removed(BEN, 2, Ended.UNFILLED),
    )


def test_lots_left_out_in_an_earlier_round_are_not_ahead() -> None:
    """A FOK order behind one that was left out is measured without it."""
    chain = make_batch()
    chain.block(
        bid(ANN, 1, 2, 100),
        ask(BEN, 1, 3, 99, tif=FOK),
        ask(BEN, 2, 2, 100, tif=FOK),
    )
    # Round 1: the volume is 2 of supply 5: both asks fail at once.
    assert chain.book() == ([(1, 2)], [])
    chain.block(
        ask(BEN, 3, 2, 100, tif=FOK),
        bid(CEM, 1, 9, 99, tif=FOK),
        bid(CEM, 2, 1, 101, tif=FOK),
        ask(BEN, 4, 1, 100),
    )
    assert chain.ended(BEN, 3) == (Ended.FILLED, 2)
    assert chain.ended(CEM, 2) == (Ended.FILLED, 1)


def test_rounds_go_on_until_nothing_is_left_out() -> None:
    """Each round may make others fail: the next round sees it."""
    chain = make_batch()
    events = chain.block(
        bid(ANN, 1, 4, 100, tif=FOK),
        ask(BEN, 1, 6, 100, tif=FOK),
        bid(ANN, 2, 1, 100),
        ask(BEN, 2, 2, 101),
    )
    # Round 1: demand 5, supply 6: the seller is left out. Round 2: nothing to buy at 100.
    assert events == (removed(ANN, 1, Ended.UNFILLED), removed(BEN, 1, Ended.UNFILLED))


def test_excluded_orders_end_by_priority() -> None:
    """Orders of both sides and of any round end in the order in which they came."""
    chain = make_batch()
    events = chain.block(
        ask(BEN, 9, 6, 100, tif=FOK),
        bid(ANN, 8, 2, 90, tif=FOK),
        bid(ANN, 7, 4, 100, tif=FOK),
        bid(ANN, 6, 1, 99, tif=FOK),
    )
    assert pick(events, 1) == [9, 8, 7, 6]


def test_iceberg_and_partly_filled_orders_count_with_what_remains() -> None:
    """What stands ahead of a FOK order is what remains, hidden or not."""
    chain = make_batch()
    chain.block(bid(BEN, 1, 6, 95, kind=ICEBERG, display=1), ask(CEM, 1, 2, 95))
    assert chain.order(BEN, 1).remaining == 4
    chain.block(ask(CEM, 2, 6, 95), bid(ANN, 1, 2, 95, tif=FOK))
    assert chain.ended(ANN, 1) == (Ended.FILLED, 2)


@pytest.mark.usefixtures("_few_steps")
def test_dead_immediate_order_counts_for_nothing() -> None:
    """A dead FOK or IOC order is neither priced nor left out: it ends for what it died of."""
    chain = make_batch()
    ends = T0 + 2 * BLOCK_MS
    chain.block(
        bid(ANN, 1, 1, 100),
        ask(BEN, 1, 1, 100),
        *[ask(BEN, number, 1, 500, tif=GTT, ms=ends) for number in (11, 12)],
        switch(CEM, ends),
    )
    chain.block(
        bid(CEM, 1, 2, 110, kind=STOP, trigger=101, tif=FOK),
        bid(CEM, 2, 2, 110, kind=STOP, trigger=101, tif=IOC),
        bid(ANN, 2, 1, 101),
        ask(BEN, 2, 1, 101),
    )
    assert [each for each, _ in chain.book()[0]] == [1, 2]
    # The steps of the start went to what expired first: Cem's orders are dead, and still there.
    events = chain.block(ask(BEN, 3, 4, 105))
    assert events == (
        removed(BEN, 11, Ended.EXPIRED),
        removed(BEN, 12, Ended.EXPIRED),
        removed(CEM, 1, Ended.SWITCHED),
        removed(CEM, 2, Ended.SWITCHED),
    )
    assert chain.book() == ([], [(3, 4)])


@pytest.mark.parametrize(("failing", "trades"), [(0, True), (1, True), (7, True), (8, False)])
def test_rounds_are_bounded(failing: int, trades: bool) -> None:  # noqa: FBT001 - parameter
    """After the eighth round in which orders were left out no FOK order is left in."""
    chain = make_batch()
    legs = [bid(ANN, 1, 5, 100, tif=FOK), ask(BEN, 1, 5, 100, tif=FOK)]
    # Each of these makes its side the larger one: every round leaves out the last that is left.
    for number in range(failing):
        leg = bid if number % 2 else ask
        legs.append(leg(CEM, number + 1, 2 if number else 1, 100, tif=FOK))
    events = chain.block(*legs)
    ended = [removed(CEM, number + 1, Ended.UNFILLED) for number in range(failing)]
    if trades:
        assert events == (*ended, uncrossed(100, 5), trade(100, 5, ANN, 1, BEN, 1))
    else:
        others = [removed(ANN, 1, Ended.UNFILLED), removed(BEN, 1, Ended.UNFILLED)]
        assert events == (*others, *ended)
