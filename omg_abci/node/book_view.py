"""The committed order books, kept level by level from the diffs of order records.

Guarantees that a book can be served at any time at the cost of the levels asked for: nothing is
scanned. A level's quantity is what remains of its orders. Orders that have expired but were not
removed yet are in the book, as they are in the state.
"""

import struct
from bisect import bisect_left, insort
from collections.abc import Iterable
from itertools import islice
from typing import Final, NamedTuple

from omg_abci.protocol.units import Lots, MarketId, Side, Ticks

_FIELDS: Final = struct.Struct(">IB4xQQQ")
"""Market, side, price, quantity and filled of an order record; four bytes between are skipped."""
_unpack = _FIELDS.unpack_from


class Level:
    """The open orders of one price."""

    __slots__ = ("keys", "quantity")

    def __init__(self) -> None:
        """Make a level without orders."""
        self.quantity: Lots = 0
        self.keys: dict[bytes, None] = {}
        """State keys of the orders, in no promised order."""


class LevelView(NamedTuple):
    """A level as it is answered."""

    price: Ticks
    quantity: Lots
    keys: tuple[bytes, ...]


class _BookSide:
    """One side of one market."""

    __slots__ = ("levels", "prices")

    def __init__(self) -> None:
        self.levels: dict[Ticks, Level] = {}
        self.prices: list[Ticks] = []
        """Ascending."""

    def add(self, price: Ticks, key: bytes, remaining: Lots) -> None:
        level = self.levels.get(price)
        if level is None:
            level = self.levels[price] = Level()
            insort(self.prices, price)
        level.keys[key] = None
        level.quantity += remaining

    def remove(self, price: Ticks, key: bytes, remaining: Lots) -> None:
        level = self.levels[price]
        del level.keys[key]
        level.quantity -= remaining
        if not level.keys:
            del self.levels[price]
            del self.prices[bisect_left(self.prices, price)]


class BookView:
    """The books of all markets."""

    def __init__(self) -> None:
        """Make the view of a state without orders."""
        self._sides: dict[tuple[MarketId, int], _BookSide] = {}

    def apply(self, key: bytes, old: bytes | None, new: bytes | None) -> None:
        """Follow one order record from its old to its new value; None is no record."""
        if old is None:
            if new is not None:
                market, side, price, quantity, filled = _unpack(new)
                self._get_side(market, side).add(price, key, quantity - filled)
            return
        market, side, price, quantity, filled = _unpack(old)
        book = self._sides[market, side]
        if new is None:
            book.remove(price, key, quantity - filled)
            return
        new_market, new_side, new_price, new_quantity, new_filled = _unpack(new)
        if (new_market, new_side, new_price) == (market, side, price):
            book.levels[price].quantity += new_quantity - new_filled - quantity + filled
        else:
            book.remove(price, key, quantity - filled)
            self._get_side(new_market, new_side).add(new_price, key, new_quantity - new_filled)

    def get_levels(self, market: MarketId, side: int, depth: int) -> list[LevelView]:
        """Return at most `depth` levels of a side, best first."""
        book = self._sides.get((market, side))
        if book is None:
            return []
        prices: Iterable[Ticks] = book.prices if side == Side.SELL else reversed(book.prices)
        return [
            LevelView(price, level.quantity, tuple(level.keys))
            for price in islice(prices, depth)
            for level in [book.levels[price]]
        ]

    def _get_side(self, market: MarketId, side: int) -> _BookSide:
        book = self._sides.get((market, side))
        if book is None:
            book = self._sides[market, side] = _BookSide()
        return book
