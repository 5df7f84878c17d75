"""The one price of an auction: greatest volume, least surplus, nearest to the last."""

import random

import pytest

from omg_abci.protocol.limits import PRICE_TICKS_MAX, QUANTITY_LOTS_MAX
from omg_abci.rules.auction import compute_uniform_price
from tests.random_books import compute_price_by_trying, make_book

Pairs = list[tuple[int, int]]


def test_price_is_best_of_all_ticks_on_random_books() -> None:
    """Two thousand random books get the price that trying every tick finds."""
    source = random.Random(20_261_124)
    crossed = 0
    for _ in range(2_000):
        book = make_book(source)
        found = compute_uniform_price(*book)
        assert found == compute_price_by_trying(*book), book
        crossed += found is not None
    assert crossed > 500


def test_worked_example_of_the_spec() -> None:
    """The example of docs/spec/auctions.md trades five lots at 101."""
    bids, asks = [(102, 5), (100, 3)], [(99, 4), (101, 6)]
    assert compute_uniform_price(bids, asks, 100) == (101, 5, 5)


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ([], []),
        ([(10, 1)], []),
        ([], [(10, 1)]),
        ([(9, 5)], [(10, 5)]),
        ([(10, 0)], [(10, 5)]),
        ([(10, 5)], [(10, 0)]),
        ([(10, 0), (9, 1)], [(10, 5)]),
        ([(10, 1)], [(11, 2), (10, 0)]),
    ],
)
def test_no_cross_has_no_price(bids: Pairs, asks: Pairs) -> None:
    """Nothing trades without two sides whose lots reach each other."""
    assert compute_uniform_price(bids, asks, 10) is None


@pytest.mark.parametrize(
    ("last_price", "price"),
    [(0, 15), (1, 10), (9, 10), (10, 10), (14, 14), (20, 20), (21, 20), (99, 20)],
)
def test_equal_prices_are_decided_by_the_last(last_price: int, price: int) -> None:
    """Of a stretch of equal prices the nearest to the last is taken, without one the middle."""
    assert compute_uniform_price([(20, 5)], [(10, 5)], last_price) == (price, 5, 0)


@pytest.mark.parametrize(("top", "price"), [(10, 10), (11, 10), (12, 11), (13, 11)])
def test_middle_is_rounded_down(top: int, price: int) -> None:
    """Without a last price the middle of lowest and highest is rounded down."""
    assert compute_uniform_price([(top, 1)], [(10, 1)], 0) == (price, 1, 0)


def test_volume_goes_before_surplus() -> None:
    """A price with a greater volume wins over one with a smaller surplus."""
    # At 10: 4 of 9 against 4, surplus 5. At 11: 5 of 5 against 14: surplus 9, but more is traded.
    assert compute_uniform_price([(11, 5), (10, 4)], [(10, 4), (11, 10)], 10) == (11, 5, 9)


def test_surplus_goes_before_last_price() -> None:
    """Of equal volumes the smaller surplus wins, however far the last price is."""
    bids, asks = [(20, 5), (15, 3)], [(10, 5)]
    assert compute_uniform_price(bids, asks, 10) == (16, 5, 0)
    assert compute_uniform_price(bids, asks, 15) == (16, 5, 0)
    assert compute_uniform_price(bids, asks, 18) == (18, 5, 0)


def test_surplus_of_both_sides_is_a_tie() -> None:
    """A surplus of buyers and an equal one of sellers leave all those prices."""
    bids, asks = [(12, 4), (10, 2)], [(9, 4), (13, 1), (11, 2)]
    # At 9 and 10: demand 6, supply 4. At 11 and 12: demand 4, supply 6.
    assert compute_uniform_price(bids, asks, 1) == (9, 4, 2)
    bids, asks = [(12, 4), (10, 2)], [(9, 4), (11, 2)]
    assert compute_uniform_price(bids, asks, 9) == (9, 4, 2)
    assert compute_uniform_price(bids, asks, 0) == (10, 4, 2)
    assert compute_uniform_price(bids, asks, 12) == (12, 4, 2)
    assert compute_uniform_price(bids, asks, 13) == (12, 4, 2)


def test_pairs_of_one_price_add_up_in_any_order() -> None:
    """Orders at one price count together, in whatever order they are given."""
    bids = [(10, 1), (12, 2), (10, 3), (11, 1)]
    asks = [(11, 1), (9, 1), (11, 4)]
    assert compute_uniform_price(bids, asks, 11) == (11, 3, 3)
    assert compute_uniform_price(bids[::-1], asks[::-1], 11) == (11, 3, 3)


def test_prices_behind_the_best_of_the_other_side_do_not_matter() -> None:
    """What does not reach the other side leaves the price as it is."""
    assert compute_uniform_price([(20, 5), (9, 7)], [(10, 5), (21, 7)], 0) == (15, 5, 0)


def test_greatest_numbers_have_a_price() -> None:
    """The greatest price and quantity are handled as any other."""
    bids, asks = [(PRICE_TICKS_MAX, QUANTITY_LOTS_MAX)] * 3, [(1, QUANTITY_LOTS_MAX)]
    surplus = 2 * QUANTITY_LOTS_MAX
    found = compute_uniform_price(bids, asks, PRICE_TICKS_MAX)
    assert found == (PRICE_TICKS_MAX, QUANTITY_LOTS_MAX, surplus)
    assert compute_uniform_price(bids, asks, 0) == (1 << 47, QUANTITY_LOTS_MAX, surplus)
    top = (PRICE_TICKS_MAX, 1, 1)
    assert compute_uniform_price([(PRICE_TICKS_MAX, 1)], [(1, 2)], PRICE_TICKS_MAX) == top
    assert compute_uniform_price(asks, asks, 7) == (1, QUANTITY_LOTS_MAX, 0)
