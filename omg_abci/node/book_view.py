"""The committed order books, kept level by level from the diffs of order records.

Guarantees that a book can be served at any time at the cost of the levels asked for: nothing is
scanned. A level's quantity is what it shows: what remains of its orders, of an iceberg its tip.
Orders that wait for their trigger are kept apart. Orders that have expired but were not removed
yet are in the book, as they are in the state.
"""

import struct
from bisect import bisect_left, insort
from collections.abc import Iterable
from itertools import islice
from typing import Final, NamedTuple

from omg_abci.protocol.units import Lots, MarketId, Side, Ticks

_FIELDS: Final = struct.Struct(">IB5xQQQ")
"""Market, side, price, quantity and filled of an order record; five bytes between are skipped."""
_TAIL: Final = struct.Struct(">QQ")
"""Tip and trigger, where the record has a tail."""
_TAIL_AT: Final = 66
_unpack = _FIELDS.unpack_from
_unpack_tail = _TAIL.unpack_from
_WAITING_PRICE: Final = 0
"""No order has this price: it stands for the place of those that wait."""


def read_place(value: bytes) -> tuple[MarketId, int, Ticks, Lots]:
    """Return market, side, price and lots shown of an order record; price 0 when it waits."""
    market, side, price, quantity, filled = _unpack(value)
    if len(value) > _TAIL_AT:
        tip, trigger = _unpack_tail(value, _TAIL_AT)
        if trigger:
            return market, side, _WAITING_PRICE, 0
        if tip:
            return market, side, price, tip
    return market, side, price, quantity - filled


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

    __slots__ = ("levels", "prices", "waiting")

    def __init__(self) -> None:
        self.levels: dict[Ticks, Level] = {}
        self.prices: list[Ticks] = []
        """Ascending."""
        self.waiting: dict[bytes, None] = {}

    def add(self, price: Ticks, key: bytes, shown: Lots) -> None:
        if price == _WAITING_PRICE:
            self.waiting[key] = None
            return
        level = self.levels.get(price)
        if level is None:
            level = self.levels[price] = Level()
            insort(self.prices, price)
        level.keys[key] = None
        level.quantity += shown

    def remove(self, price: Ticks, key: bytes, shown: Lots) -> None:
        if price == _WAITING_PRICE:
            del self.waiting[key]
            return
        level = self.levels[price]
        del level.keys[key]
        level.quantity -= shown
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
        before = None if old is None else read_place(old)
        after = None if new is None else read_place(new)
        if before is not None:
            market, side, price, shown = before
            if after is not None and after[:3] == before[:3] and price != _WAITING_PRICE:
                self._sides[market, side].levels[price].quantity += after[3] - shown
                return
            self._sides[market, side].remove(price, key, shown)
        if after is not None:
            market, side, price, shown = after
            self._get_side(market, side).add(price, key, shown)

    def get_levels(self, market: MarketId, side: int, depth: int | None = None) -> list[LevelView]:
        """Return at most `depth` levels of a side, best first; None is all."""
        book = self._sides.get((market, side))
        if book is None:
            return []
        prices: Iterable[Ticks] = book.prices if side == Side.SELL else reversed(book.prices)
        return [
            LevelView(price, level.quantity, tuple(level.keys))
            for price in islice(prices, depth)
            for level in [book.levels[price]]
        ]

    def get_waiting(self, market: MarketId) -> list[bytes]:
        """Return the keys of a market's orders that wait, in no promised order."""
        books = [self._sides.get((market, side)) for side in (Side.BUY, Side.SELL)]
        return [key for book in books if book is not None for key in book.waiting]

    def _get_side(self, market: MarketId, side: int) -> _BookSide:
        book = self._sides.get((market, side))
        if book is None:
            book = self._sides[market, side] = _BookSide()
        return book
