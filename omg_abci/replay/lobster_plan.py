"""LOBSTER's messages as steps of a replay.

A recording begins in the middle of a day and sees so many levels deep. Orders that are cancelled
or executed but never submitted in it rested before, or were submitted out of sight. Where the book
file has a row for each message, they come into the book when a row shows them; without such rows at
the start, or when their id's turn comes (ids rise with time), unless they would be better than the
best quote then: those come when they are first mentioned. What a level holds beyond the orders
that the recording names stands behind them as an order without a name.
"""

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Final

from omg_abci.protocol.units import Lots, Side, Ticks
from omg_abci.replay import lobster
from omg_abci.replay.book import Level
from omg_abci.replay.compare import Comparer
from omg_abci.replay.errors import Contradiction
from omg_abci.replay.lobster import BookRow, Message
from omg_abci.replay.lobster_hidden import HiddenOrders
from omg_abci.replay.lobster_rows import RowFollower, is_aligned
from omg_abci.replay.planner import OPPOSITE, Planner
from omg_abci.replay.states import compare_states
from omg_abci.replay.steps import Expected, StateCheck, Step

PRICE_DECIMALS: Final = 4


class LobsterPlan:
    """A message file, with the book file that belongs to it if there is one."""

    def __init__(self, recording: Path, book: Path | None, limit: int | None) -> None:
        """Read the messages, at most ``limit``; raise a `RecordingError`."""
        self.price_unit = lobster.find_price_unit(recording, book)
        self.price_decimals = PRICE_DECIMALS
        self.size_decimals = 0
        self.rows = 0
        self.events = 0
        self.planner = Planner()
        messages = lobster.iterate_messages(recording, self.price_unit)
        self._messages = list(islice(messages, limit))
        self._recording = recording
        self._book = book
        self._aligned = book is not None and is_aligned(
            self._messages, lobster.iterate_rows(book, self.price_unit)
        )
        rows = self._read_rows(limit) if self._aligned else []
        self._hidden = HiddenOrders(self._messages, rows)

    def _read_rows(self, limit: int | None) -> Iterator[BookRow]:
        """Yield the messages' rows; raise Contradiction where one is without the other."""
        count = 0
        rows = lobster.iterate_rows(self._book, self.price_unit) if self._book else iter(())
        for count, row in enumerate(rows, 1):
            if count > len(self._messages):
                if limit is None and self._book:
                    raise Contradiction(self._book, row.line, "no message belongs to the row")
                return
            yield row
        if count < len(self._messages):
            line = self._messages[count].line
            raise Contradiction(self._recording, line, "no book row belongs to the message")

    @property
    def set_aside(self) -> dict[str, int]:
        """Return what was not replayed or compared, by reason."""
        return dict(self.planner.set_aside)

    def iterate_steps(self) -> Iterator[Step]:
        """Yield the steps of all messages; raise a `RecordingError`."""
        planner = self.planner
        rows = lobster.iterate_rows(self._book, self.price_unit) if self._book else iter(())
        row = next(rows, None)
        yield from self._open(row)
        follower = None
        if row and self._aligned:
            follower = RowFollower(planner, self._hidden, row)
            rows = chain((row,), rows)
        for at, message in enumerate(self._messages):
            planner.begin_line(message.line)
            self._take(message)
            self.rows += 1
            self.events += 1
            yield from planner.end_event(message.time_ns)
            if follower:
                yield from follower.follow(next(rows), at)
                yield from planner.end_event(message.time_ns, compared=False)
            elif row:
                yield StateCheck(row.depth)

    def finish(self, comparer: Comparer) -> None:
        """Compare the quotes with the book file where that has no row for each message."""
        if self._book and not self._aligned:
            compare_states(comparer, lobster.iterate_rows(self._book, self.price_unit))

    # --- the opening ---

    def _open(self, row: BookRow | None) -> Iterator[Step]:
        planner, hidden = self.planner, self._hidden
        first = self._messages[0]
        if row:
            for side, levels in ((Side.BUY, row.bids), (Side.SELL, row.asks)):
                for price, size in undo_message(first, side, levels):
                    hidden.open_level(planner, (side, price), size, 0)
        if not self._aligned:
            hidden.reveal_before(planner, hidden.first_submitted)
        yield from planner.end_event(first.time_ns, compared=False)

    # --- messages ---

    def _take(self, message: Message) -> None:
        planner, key = self.planner, message.order_id
        if message.kind >= lobster.HIDDEN:
            planner.set_aside["hidden executions, crosses and halts"] += 1
            return
        if message.kind == lobster.NEW:
            if not self._aligned:
                self._hidden.reveal_before(planner, key)
            if key in planner.venue:
                raise Contradiction(self._recording, message.line, f"order {key} is open already")
            planner.add(key, message.side, message.price, message.size)
            return
        if key in self._hidden:
            self._hidden.reveal_mentioned(planner, key)
        if message.kind == lobster.EXECUTION:
            fill = Expected(key, message.price, message.size)
            planner.take(OPPOSITE[Side(message.side)], message.price, (fill,))
        if key not in planner.venue:
            planner.set_aside["messages about orders that a book row took away"] += 1
            self._take_from_level((message.side, message.price), message.size)
        elif message.kind == lobster.DELETE:
            planner.remove(key)
        else:
            planner.set_quantity(key, planner.venue.get_quantity(key) - message.size)

    def _take_from_level(self, level: Level, lots: Lots) -> None:
        """Take lots off the youngest orders of a level, for an order that is not in it."""
        for key, left in list(self.planner.venue.get_queue(level).items())[::-1]:
            taken = min(left, lots)
            if not taken:
                break
            self.planner.set_quantity(key, left - taken)
            lots -= taken


def undo_message(
    message: Message, side: int, levels: tuple[tuple[Ticks, Lots], ...]
) -> Iterator[tuple[Ticks, Lots]]:
    """Yield a side's levels as they were before the message."""
    if message.kind >= lobster.HIDDEN or message.side != side:
        yield from levels
        return
    change = -message.size if message.kind == lobster.NEW else message.size
    found = False
    for price, size in levels:
        if price == message.price:
            found = True
            if size + change > 0:
                yield price, size + change
        else:
            yield price, size
    if not found and change > 0:
        yield message.price, change
