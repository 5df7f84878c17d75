"""Book rows beside messages: what of each row can be compared, and what only the row can tell.

A row shows so many levels. What moves in from below was out of sight, where messages are not
recorded, so it is taken from the row and compared from the next row on. A row that says otherwise
than the messages counts as a difference; when the next row says the same, the row is believed.
"""

from collections.abc import Iterator, Sequence
from itertools import islice, pairwise, takewhile
from typing import Final

from omg_abci.protocol.units import Lots, Side, Ticks
from omg_abci.replay import lobster
from omg_abci.replay.book import Level
from omg_abci.replay.lobster import BookRow, Message
from omg_abci.replay.lobster_hidden import HiddenOrders
from omg_abci.replay.planner import Planner
from omg_abci.replay.steps import RowCheck, Step

_ALIGNMENT_ROWS: Final = 50
Levels = tuple[tuple[Ticks, Lots], ...]


def is_aligned(messages: Sequence[Message], rows: Iterator[BookRow]) -> bool:
    """Say whether row k is the book after message k: a message leaves the other side alone."""
    for (before, after), message in zip(
        pairwise(islice(rows, _ALIGNMENT_ROWS)), messages[1:], strict=False
    ):
        silent = message.kind >= lobster.HIDDEN
        if (silent or message.side == Side.BUY) and before.asks != after.asks:
            return False
        if (silent or message.side == Side.SELL) and before.bids != after.bids:
            return False
    return True


class RowFollower:
    """Compares each row, and lets the venue's book follow what only rows can tell."""

    def __init__(self, planner: Planner, hidden: HiddenOrders, first: BookRow) -> None:
        """Begin before the first row, whose levels the planner's book holds already."""
        self._planner = planner
        self._hidden = hidden
        self._depth = first.depth
        self._before: dict[int, Levels | None] = {Side.BUY: None, Side.SELL: None}
        self._doubted: dict[Level, Lots] = {}

    def follow(self, row: BookRow, at: int) -> Iterator[Step]:
        """Yield the row's check; tell the planner what moved in, or was said twice."""
        known = {side: self._select_known(side, levels) for side, levels in _list_sides(row)}
        depths = {side: self._find_depth(side, known[side]) for side in known}
        if all(depths.values()):
            yield RowCheck(
                row.line,
                tuple((*each, 0) for each in known[Side.BUY]),
                tuple((*each, 0) for each in known[Side.SELL]),
                depths[Side.BUY],
                depths[Side.SELL],
            )
        else:
            self._planner.set_aside["rows with a side that moved in whole"] += 1
        doubted: dict[Level, Lots] = {}
        for side, levels in _list_sides(row):
            self._believe(side, levels, len(known[side]), doubted, at)
            self._before[side] = levels
        self._doubted = doubted

    def _select_known(self, side: int, levels: Levels) -> Levels:
        """Return the row's levels that the row before and the messages determine."""
        before = self._before[side]
        if before is None or len(before) < self._depth:
            return levels
        worst = before[-1][0]
        if side == Side.BUY:
            return tuple(each for each in levels if each[0] >= worst)
        return tuple(each for each in levels if each[0] <= worst)

    def _find_depth(self, side: int, known: Levels) -> int:
        """Return how many levels of the chain's book the known ones are compared with."""
        before = self._before[side]
        if len(known if before is None else before) < self._depth:
            return self._depth
        return len(known)

    def _believe(
        self,
        side: int,
        levels: Levels,
        known: int,
        doubted: dict[Level, Lots],
        at: int,
    ) -> None:
        venue = self._planner.venue
        shown = dict(levels)
        worst = levels[-1][0] if len(levels) == self._depth else None
        new = {price for price, _ in levels[known:]}
        held = takewhile(
            lambda price: worst is None or not _is_worse(side, price, worst),
            venue.iterate_prices(side),
        )
        limit = levels[known - 1][0] if known else None
        for price in dict.fromkeys((*held, *shown)):
            size = shown.get(price, 0)
            level = (side, price)
            moved_in = price in new or limit is None or _is_worse(side, price, limit)
            if moved_in:
                self._hidden.reveal_due(self._planner, level, at)
                self._hidden.correct_level(self._planner, level, at)
            if sum(venue.get_queue(level).values()) == size:
                continue
            if moved_in or self._doubted.get(level) == size:
                self._adopt(level, size, at)
            else:
                doubted[level] = size

    def _adopt(self, level: Level, size: Lots, at: int) -> None:
        """Make the venue's level as large as the row says; later mentions decide who leaves."""
        planner = self._planner
        queue = planner.venue.get_queue(level)
        excess = sum(queue.values()) - size
        if excess < 0:
            planner.add(planner.make_key(), *level, -excess)
            return
        young_first = list(reversed(queue))
        young_first.sort(
            key=lambda key: (self._hidden.rate_certainty(key, at), queue[key] != excess)
        )
        for key in young_first:
            if excess == 0:
                break
            lots = min(planner.venue.get_quantity(key), excess)
            planner.set_quantity(key, planner.venue.get_quantity(key) - lots)
            excess -= lots


def _is_worse(side: int, price: Ticks, limit: Ticks) -> bool:
    return price < limit if side == Side.BUY else price > limit


def _list_sides(row: BookRow) -> tuple[tuple[int, Levels], tuple[int, Levels]]:
    return (Side.BUY, row.bids), (Side.SELL, row.asks)
