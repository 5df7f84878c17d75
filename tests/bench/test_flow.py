"""The generated order flow is what its mix says, and the plain book keeps its balances."""

from collections import Counter

import pytest

from omg_abci.bench.flow import MESSAGES, ORDERS, RESTING, Flow, Mix, Step
from omg_abci.bench.owners import group_steps
from omg_abci.bench.plain_book import PlainBook
from omg_abci.protocol.messages import CancelOrder, PlaceOrder

OWNERS, RICHES = 20, 10**9


def make_flow(seed: int = 1) -> Flow:
    """Return a flow on an empty book."""
    return Flow(seed, PlainBook(OWNERS, RICHES, RICHES))


def test_same_seed_same_flow() -> None:
    """Every run of a figure measures the same messages."""
    assert make_flow(7).take(2_000, MESSAGES) == make_flow(7).take(2_000, MESSAGES)
    assert make_flow(7).take(2_000, MESSAGES) != make_flow(8).take(2_000, MESSAGES)


@pytest.mark.parametrize("mix", [RESTING, MESSAGES, ORDERS])
def test_shares_are_as_the_mix_says(mix: Mix) -> None:
    """Cancels and crossing orders have their share within two percent; all cancels hit."""
    flow = make_flow()
    flow.take(3_000, RESTING)
    fills = flow.book.fills
    steps = flow.take(6_000, mix)
    kinds = Counter(type(step.leg) for step in steps)
    assert abs(kinds[CancelOrder] - 60 * mix.cancels) <= 120
    crossing = sum(isinstance(step.leg, PlaceOrder) and step.leg.max_matches > 4 for step in steps)
    assert abs(crossing - 60 * mix.crossing) <= 120
    assert flow.book.fills - fills >= crossing


def test_plain_book_conserves_and_holds_what_rests() -> None:
    """No token is made or lost, and what is held is what the open orders can cost."""
    flow = make_flow()
    flow.take(500, RESTING)
    flow.take(5_000, MESSAGES)
    book = flow.book
    assert sum(book.free_base) + sum(book.held_base) == OWNERS * RICHES
    assert sum(book.free_quote) + sum(book.held_quote) == OWNERS * RICHES
    held_base, held_quote = [0] * OWNERS, [0] * OWNERS
    for owner, price, lots in book.orders.values():
        if price < 0:
            held_quote[owner] += lots * -price
        else:
            held_base[owner] += lots
    assert (book.held_base, book.held_quote) == (held_base, held_quote)
    assert -book.bids[0] < book.asks[0]


def test_best_price_and_oldest_order_first() -> None:
    """A buy order takes the cheapest ask, among equals the oldest, and rests with what is left."""
    book = PlainBook(3, 100, 10_000)
    book.sell(1, 0, 12, 5)
    book.sell(2, 0, 11, 5)
    book.sell(3, 1, 11, 5)
    book.buy(4, 2, 11, 12)
    assert (book.fills, book.lots) == (2, 10)
    assert book.orders == {1: [0, 12, 5], 4: [2, -11, 2]}
    assert (book.free_base[2], book.free_quote[2]) == (110, 10_000 - 110 - 22)
    book.cancel(4)
    assert book.free_quote[2] == 10_000 - 110
    assert book.bids == []


def test_grouping_keeps_each_owners_order() -> None:
    """An owner's legs stand in its order; what does not fill a transaction is left out."""
    steps = [Step(place % 2, CancelOrder(place + 1)) for place in range(7)]
    assert group_steps(steps, 2) == [
        (0, (CancelOrder(1), CancelOrder(3))),
        (1, (CancelOrder(2), CancelOrder(4))),
        (0, (CancelOrder(5), CancelOrder(7))),
    ]
