"""The fast ceiling is the readable book: same fills, balances and open orders."""

import pytest

from omg_abci.bench.bare_book import BareBook, make_messages
from omg_abci.bench.flow import MESSAGES, RESTING, Flow, Mix
from omg_abci.bench.plain_book import PlainBook

OWNERS, RICHES = 7, 10**9


def make_both(seed: int, seeded: int, count: int, mix: Mix) -> tuple[BareBook, PlainBook]:
    """Return both books after the same generated flow."""
    plain = PlainBook(OWNERS, RICHES, RICHES)
    flow = Flow(seed, plain)
    bare = BareBook(OWNERS, RICHES, RICHES)
    bare.process(make_messages(flow.take(seeded, RESTING)))
    bare.process(make_messages(flow.take(count, mix)))
    return bare, plain


def list_open(bare: BareBook) -> dict[int, list[int]]:
    """Return the open orders as the plain book keeps them."""
    return {
        order_id: [owner, -price if lots > 0 else price, abs(lots)]
        for order_id, (owner, price, lots) in bare.orders.items()
    }


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("mix", [MESSAGES, Mix(45, 50), Mix(0, 95), Mix(90, 5)])
def test_same_as_the_plain_book(seed: int, mix: Mix) -> None:
    """Every mix leads both to the same state, also where levels empty and the book runs dry."""
    bare, plain = make_both(seed, 30 * seed, 1_500, mix)
    assert (bare.fills, bare.lots) == (plain.fills, plain.lots)
    assert (bare.free_base, bare.held_base) == (plain.free_base, plain.held_base)
    assert (bare.free_quote, bare.held_quote) == (plain.free_quote, plain.held_quote)
    assert list_open(bare) == plain.orders


def test_cancelled_orders_are_passed_over() -> None:
    """An order that was cancelled in the middle of its queue meets nobody; the next one does."""
    book = BareBook(3, 100, 10_000)
    book.process([(1, 0, 10, -5), (2, 1, 10, -5), (1, 0, 0, 0), (3, 2, 10, 3)])
    assert (book.fills, book.lots) == (1, 3)
    assert book.orders == {2: (1, 10, -2)}
    book.process([(2, 1, 0, 0), (4, 2, 12, 1)])
    assert book.orders == {4: (2, 12, 1)}
    assert book.asks == book.asks[-1:]
