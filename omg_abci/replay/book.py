"""A book order by order: what the venue says, what the chain should hold, what it holds.

It follows statements (this order came, that one shrank) and never matches by itself. A level is a
queue in priority order, so two books are equal exactly when every order stands at the same place.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator

from omg_abci.protocol.units import Lots, Side, Ticks

Level = tuple[int, Ticks]
"""Side and price."""

Queue = dict[int, Lots]
"""Order → what is left of it, oldest first."""

_EMPTY: Queue = {}


class Book:
    """Orders by key, queues by level, prices of each side in ascending order."""

    def __init__(self) -> None:
        """Start empty."""
        self.places: dict[int, Level] = {}
        self._queues: dict[Level, Queue] = {}
        self._prices: dict[int, list[Ticks]] = {Side.BUY: [], Side.SELL: []}

    def __contains__(self, key: int) -> bool:
        return key in self.places

    def __len__(self) -> int:
        return len(self.places)

    def get_quantity(self, key: int) -> Lots:
        """Return what is left of an order, 0 if it is not in the book."""
        place = self.places.get(key)
        return self._queues[place][key] if place else 0

    def get_queue(self, level: Level) -> Queue:
        """Return a level's queue; not to be changed."""
        return self._queues.get(level, _EMPTY)

    def add(self, key: int, side: int, price: Ticks, quantity: Lots) -> None:
        """Put an order at the end of its level's queue; KeyError if it is there already."""
        if key in self.places:
            raise KeyError(key)
        level = (side, price)
        queue = self._queues.get(level)
        if queue is None:
            self._queues[level] = {key: quantity}
            insort(self._prices[side], price)
        else:
            queue[key] = quantity
        self.places[key] = level

    def set_quantity(self, key: int, quantity: Lots) -> None:
        """Change what is left of an order, which keeps its place; KeyError if it is not there."""
        self._queues[self.places[key]][key] = quantity

    def remove(self, key: int) -> None:
        """Take an order out; KeyError if it is not there."""
        level = self.places.pop(key)
        queue = self._queues[level]
        del queue[key]
        if not queue:
            del self._queues[level]
            prices = self._prices[level[0]]
            del prices[bisect_left(prices, level[1])]

    def reduce(self, key: int, quantity: Lots) -> None:
        """Take lots off an order; it leaves the book when nothing is left."""
        left = self.get_quantity(key) - quantity
        if left > 0:
            self.set_quantity(key, left)
        else:
            self.remove(key)

    def get_best(self, side: int) -> Ticks | None:
        """Return the best price of a side."""
        prices = self._prices[side]
        if not prices:
            return None
        return prices[-1] if side == Side.BUY else prices[0]

    def is_crossing(self, side: int, price: Ticks) -> bool:
        """Say whether an order of the side at the price would meet the other side."""
        if side == Side.BUY:
            asks = self._prices[Side.SELL]
            return bool(asks) and asks[0] <= price
        bids = self._prices[Side.BUY]
        return bool(bids) and bids[-1] >= price

    def is_crossed(self) -> bool:
        """Say whether the best bid is not below the best ask."""
        best = self.get_best(Side.BUY)
        return best is not None and self.is_crossing(Side.BUY, best)

    def iterate_prices(self, side: int) -> Iterator[Ticks]:
        """Yield a side's prices, best first."""
        prices = self._prices[side]
        return reversed(prices) if side == Side.BUY else iter(prices)

    def get_top(self, side: int, depth: int) -> list[Ticks]:
        """Return the best prices of a side, at most ``depth``."""
        prices = self._prices[side]
        return prices[: -depth - 1 : -1] if side == Side.BUY else prices[:depth]

    def compute_levels(self, side: int, depth: int) -> list[tuple[Ticks, Lots, int]]:
        """Return (price, size, orders) of the best levels."""
        queues = self._queues
        found = []
        for price in self.get_top(side, depth):
            queue = queues[side, price]
            found.append((price, sum(queue.values()), len(queue)))
        return found

    def is_level_equal(self, other: "Book", level: Level) -> bool:
        """Say whether both books hold the same orders at a level, in the same order."""
        mine, others = self.get_queue(level), other.get_queue(level)
        return mine == others and list(mine) == list(others)

    def is_equal(self, other: "Book") -> bool:
        """Say whether both books hold the same orders in the same order."""
        if self.places != other.places:
            return False
        return all(self.is_level_equal(other, level) for level in self._queues)
