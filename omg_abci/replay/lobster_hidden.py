"""Orders that a LOBSTER recording mentions but never submits.

The whole recording is read before it is replayed, so their sizes are known from what is later
cancelled and executed of them, and their places in the queues from their ids.
"""

from collections.abc import Iterable, Sequence

from omg_abci.protocol.units import Lots, Side, Ticks
from omg_abci.replay import lobster
from omg_abci.replay.book import Level
from omg_abci.replay.lobster import BookRow, Message
from omg_abci.replay.planner import Planner


class HiddenOrders:
    """The orders not yet in the book, by id and by level."""

    def __init__(self, messages: Sequence[Message], rows: Iterable[BookRow]) -> None:
        """Find them; ``rows`` are those of the messages, or none."""
        submitted: set[int] = set()
        found: dict[int, tuple[int, Ticks, Lots]] = {}
        mentioned: dict[int, int] = {}
        self._mentions: dict[int, list[tuple[int, int, Lots]]] = {}
        self.first_submitted = 0
        for at, each in enumerate(messages):
            key = each.order_id
            if each.kind < lobster.HIDDEN:
                self._mentions.setdefault(key, []).append((at, each.kind, each.size))
            if each.kind == lobster.NEW:
                self.first_submitted = self.first_submitted or key
                submitted.add(key)
            elif each.kind < lobster.HIDDEN and key not in submitted:
                size = found[key][2] if key in found else 0
                found[key] = (each.side, each.price, size + each.size)
                mentioned.setdefault(key, at)
        self._orders = dict(sorted(found.items()))
        self._due = _find_due(self._orders, mentioned, rows)
        self._by_level: dict[Level, dict[int, None]] = {}
        for key, (side, price, _) in self._orders.items():
            self._by_level.setdefault((side, price), {})[key] = None

    def __contains__(self, key: int) -> bool:
        return key in self._orders

    def reveal(self, planner: Planner, key: int) -> None:
        """Put the order into the book, before orders of its level with greater ids."""
        side, price, quantity = self._orders.pop(key)
        del self._by_level[side, price][key]
        planner.set_aside["orders revealed"] += 1
        younger = [
            (other, left)
            for other, left in planner.venue.get_queue((side, price)).items()
            if other > key or other < 0
        ]
        planner.add(key, side, price, quantity)
        for other, left in younger:
            planner.move(other, price, left)

    def reveal_mentioned(self, planner: Planner, key: int) -> None:
        """Put the order into the book as a part of what its level holds without a name."""
        side, price, quantity = self._orders[key]
        self.reveal(planner, key)
        for other, left in list(planner.venue.get_queue((side, price)).items())[::-1]:
            lots = min(left, quantity)
            if other > 0 or not lots:
                break
            planner.set_quantity(other, left - lots)
            quantity -= lots

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

    def reveal_due(self, planner: Planner, level: Level, at: int) -> None:
        """Put the level's orders into the book that must be there at row ``at``."""
        for key in list(self._by_level.get(level, ())):
            if self._due.get(key, at + 1) <= at:
                self.reveal(planner, key)

    def correct_level(self, planner: Planner, level: Level, at: int) -> None:
        """Let a level that was out of sight hold what later messages say of its orders.

        An order that is deleted later, or executed before one behind it, has the size of what is
        still taken from it. One that is never heard of again has left if one behind it is executed.
        """
        behind = at
        """The last execution of an order behind the one looked at."""
        for key, left in reversed(list(planner.venue.get_queue(level).items())):
            coming = [each for each in self._mentions.get(key, ()) if each[0] > at]
            if not coming:
                if behind > at:
                    planner.remove(key)
                continue
            last, kind, _ = coming[-1]
            size = sum(size for _, _, size in coming)
            if size != left and (kind == lobster.DELETE or behind > last):
                planner.set_quantity(key, size)
            executed = [moment for moment, kind, _ in coming if kind == lobster.EXECUTION]
            behind = max(behind, *executed) if executed else behind

    def rate_certainty(self, key: int, at: int) -> int:
        """Say how well an order's size is known: 2 it is deleted later, 1 mentioned, 0 neither."""
        mentions = self._mentions.get(key, ())
        if not mentions or mentions[-1][0] <= at:
            return 0
        return 2 if mentions[-1][1] == lobster.DELETE else 1

    def open_level(self, planner: Planner, level: Level, size: Lots, first_row: int) -> None:
        """Fill an opening level: orders that the recording names, and the rest without a name."""
        self.reveal_due(planner, level, first_row)
        for key in list(self._by_level.get(level, ())):
            if not self._due and self._orders[key][2] <= size:
                self.reveal(planner, key)
        rest = size - sum(planner.venue.get_queue(level).values())
        if rest > 0:
            planner.add(planner.make_key(), *level, rest)


def _find_due(
    orders: dict[int, tuple[int, Ticks, Lots]], mentioned: dict[int, int], rows: Iterable[BookRow]
) -> dict[int, int]:
    """Return for each order the row at which its level last came into sight before its mention.

    In sight a submission would have been recorded, so the order is in the book from then on.
    """
    coming = sorted((at, key) for key, at in mentioned.items())
    coming.reverse()
    due: dict[int, int] = {}
    in_sight: dict[Level, int] = {}
    for at, row in enumerate(rows):
        while coming and coming[-1][0] <= at:
            key = coming.pop()[1]
            side, price, _ = orders[key]
            due[key] = in_sight.get((side, price), at)
        in_sight = {
            level: in_sight.get(level, at)
            for level in (
                *((Side.BUY, price) for price, _ in row.bids),
                *((Side.SELL, price) for price, _ in row.asks),
            )
        }
    return due
