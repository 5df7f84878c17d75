"""Orders that a LOBSTER recording mentions but never submits.

The whole recording is read before it is replayed, so their sizes are known from what is later
cancelled and executed of them, and their places in the queues from their ids.
"""

from collections.abc import Sequence

from omg_abci.protocol.units import Lots, Side, Ticks
from omg_abci.replay import lobster
from omg_abci.replay.book import Level
from omg_abci.replay.lobster import Message
from omg_abci.replay.planner import Planner


class HiddenOrders:
    """The orders not yet in the book, by id and by level."""

    def __init__(self, messages: Sequence[Message]) -> None:
        """Find them, with side, price and the size that the recording accounts for."""
        submitted: dict[int, None] = {}
        found: dict[int, tuple[int, Ticks, Lots]] = {}
        for each in messages:
            key = each.order_id
            if each.kind == lobster.NEW:
                submitted[key] = None
            elif each.kind < lobster.HIDDEN and key not in submitted:
                size = found[key][2] if key in found else 0
                found[key] = (each.side, each.price, size + each.size)
        self._orders = dict(sorted(found.items()))
        self._by_level: dict[Level, dict[int, None]] = {}
        for key, (side, price, _) in self._orders.items():
            self._by_level.setdefault((side, price), {})[key] = None
        self.first_submitted = next(iter(submitted), 0)
        self._coming = iter(submitted)
        self._next = next(self._coming, None)

    def __contains__(self, key: int) -> bool:
        return key in self._orders

    def note_submission(self) -> None:
        """Note that the next order was submitted: hidden ones come with ids up to the one after."""
        self._next = next(self._coming, None)

    def reveal(self, planner: Planner, key: int) -> None:
        """Put the order into the book, before orders of its level with greater ids."""
        side, price, quantity = self._pop(key)
        planner.set_aside["orders revealed"] += 1
        younger = [
            (other, left)
            for other, left in planner.venue.get_queue((side, price)).items()
            if other > key or other < 0
        ]
        planner.add(key, side, price, quantity)
        for other, left in younger:
            planner.move(other, price, left)

    def reveal_before(self, planner: Planner, order_id: int) -> None:
        """Put all orders with smaller ids into the book, but none that would be the best quote."""
        for key in list(self._orders):
            if order_id and key >= order_id:
                break
            side, price, _ = self._orders[key]
            best = planner.venue.get_best(side)
            better = best is None or (price > best if side == Side.BUY else price < best)
            if not better and not planner.venue.is_crossing(side, price):
                self.reveal(planner, key)

    def grow_level(self, planner: Planner, level: Level, lots: Lots) -> None:
        """Put so many lots into a level: hidden orders as they fit, the rest without a name."""
        for key in list(self._by_level.get(level, ())):
            size = self._orders[key][2]
            if size <= lots and (self._next is None or key < self._next):
                self.reveal(planner, key)
                lots -= size
        if lots:
            planner.add(planner.make_key(), *level, lots)

    def _pop(self, key: int) -> tuple[int, Ticks, Lots]:
        side, price, quantity = self._orders.pop(key)
        level = self._by_level[side, price]
        del level[key]
        return side, price, quantity
