"""Random books for auctions, and the auction's price found the slow way: by trying every tick."""

import random
from collections.abc import Sequence
from typing import NamedTuple

Pairs = list[tuple[int, int]]


class Book(NamedTuple):
    """What an auction is priced from: (price, lots) of each order, and the last price."""

    bids: Pairs
    asks: Pairs
    last_price: int


def make_book(source: random.Random) -> Book:
    """Make a book with few prices, so that ties, gaps and equal surpluses are common."""
    span = source.choice((2, 4, 8, 16, 40))
    lowest = source.choice((1, 1, 2, 50))
    lots_max = source.choice((1, 2, 3, 10))
    orders_max = source.choice((1, 2, 4, 12))
    step = source.choice((1, 1, 1, 3, 7))

    def make_side() -> Pairs:
        return [
            (lowest + step * source.randrange(span), source.randint(1, lots_max))
            for _ in range(source.randint(0, orders_max))
        ]

    bids, asks = make_side(), make_side()
    highest = lowest + step * span
    last_price = source.choice((0, 1, highest + 5, source.randint(lowest, highest)))
    return Book(bids, asks, last_price)


def compute_price_by_trying(
    bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]], last_price: int
) -> tuple[int, int, int] | None:
    """Return (price, volume, surplus) of docs/spec/auctions.md by looking at every single tick."""
    tried: list[tuple[int, int, int]] = []
    for price in range(1, max([each for each, _ in (*bids, *asks)], default=0) + 2):
        demand = sum(lots for each, lots in bids if each >= price)
        supply = sum(lots for each, lots in asks if each <= price)
        tried.append((price, min(demand, supply), abs(demand - supply)))
    volume = max((each[1] for each in tried), default=0)
    if volume == 0:
        return None
    most = [each for each in tried if each[1] == volume]
    surplus = min(each[2] for each in most)
    left = [each[0] for each in most if each[2] == surplus]
    if last_price == 0:
        price = (left[0] + left[-1]) // 2
    else:
        price = min(left, key=lambda each: (abs(each - last_price), each))
    return price, volume, surplus
