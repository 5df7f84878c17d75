"""Databento's messages as steps of a replay.

Rows up to and including the one with flag 128 are one event. Within it a trade (T) and its fills
(F) change nothing in the venue's book; the cancels (C) and modifications (M) that follow do. On the
chain the aggressor's order does it all at once, so what it did is shown row by row as the venue
states it, and the whole event is compared at its end.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from omg_abci.protocol.units import Side
from omg_abci.replay import databento
from omg_abci.replay.compare import Comparer
from omg_abci.replay.databento import Row
from omg_abci.replay.databento_rows import SnapshotJoiner, iterate_snapshots
from omg_abci.replay.errors import Contradiction
from omg_abci.replay.planner import OPPOSITE, Planner
from omg_abci.replay.steps import Expected, RowCheck, Step


class DatabentoPlan:
    """A market-by-order file, with the ten-level snapshots that belong to it if there are any."""

    def __init__(self, recording: Path, book: Path | None, limit: int | None) -> None:
        """Look through the recording once; raise a `RecordingError`."""
        self._units = databento.find_units(recording)
        self.price_unit = self._units.price_unit
        self.price_decimals = databento.PRICE_DECIMALS
        self.size_decimals = 0
        self.rows = 0
        self.events = 0
        self.planner = Planner(auctions=True)
        self._recording = recording
        self._limit = limit
        self._joiner = SnapshotJoiner(
            iterate_snapshots(book, self.price_unit) if book else iter(())
        )
        self._unsettled: Counter[int] = Counter()
        self._trade: Row | None = None
        self._fills: list[Expected] = []
        self._late: list[RowCheck] = []

    @property
    def set_aside(self) -> dict[str, int]:
        """Return what was not replayed or compared, by reason."""
        return dict(self.planner.set_aside)

    def iterate_steps(self) -> Iterator[Step]:
        """Yield the steps of all events; raise a `RecordingError`."""
        last = None
        for last, event in enumerate(self._iterate_events(), 1):
            for row in event:
                self.planner.begin_line(row.line)
                self._take(row)
            self._close_trade()
            self._check_late()
            self._unsettled.clear()
            self.rows += len(event)
            self.events = last
            yield from self.planner.end_event(event[-1].time_ns)
            if not event[-1].flags & databento.SNAPSHOT:
                yield from self._joiner.take_passed(event[-1])
        if self._limit is None:
            yield from self._joiner.take_rest()

    def finish(self, comparer: Comparer) -> None:
        """Do nothing: everything was compared on the way."""

    def _iterate_events(self) -> Iterator[list[Row]]:
        rows = databento.iterate_mbo(self._recording, self._units)
        event: list[Row] = []
        for row in islice(rows, self._limit):
            if event and self._is_last(event[-1], row):
                yield event
                event = []
            event.append(row)
        if event:
            yield event

    def _is_last(self, row: Row, following: Row) -> bool:
        """Say whether an event ends between two rows.

        Some venues flag each row of an execution; what changes the book still belongs to it.
        """
        same = row.sequence == following.sequence
        if not self._units.has_events:
            return not same
        return bool(row.flags & databento.LAST_IN_EVENT) and not (same and row.action in "TF")

    # --- one row ---

    def _take(self, row: Row) -> None:
        if row.action == "T":
            self._take_trade(row)
            return
        if row.action == "F":
            self._take_fill(row)
            return
        self._close_trade()
        if row.action == "A":
            self._add(row)
        elif row.action == "C":
            self._cancel(row)
        elif row.action == "M":
            self._modify(row)
        elif row.action == "R":
            for key in list(self.planner.venue.places):
                self.planner.remove(key)
                self.planner.settle(key)
        if not any(self._unsettled.values()):
            self._check_late()
        check = self._joiner.take(row)
        if check:
            self.planner.check(check)

    def _take_trade(self, row: Row) -> None:
        self._close_trade()
        self._trade = row
        if not row.side:
            self.planner.set_aside["hidden executions and crosses"] += 1
        is_after = bool(row.side) and self._joiner.is_after_trade(row)
        check = self._joiner.take(row)
        if check and is_after:
            self._late.append(check)
        elif check:
            self.planner.check(check)

    def _check_late(self) -> None:
        """Compare the snapshots that show what trades did, now that it shows."""
        for check in self._late:
            self.planner.check(check)
        self._late = []

    def _add(self, row: Row) -> None:
        if row.order_id in self.planner.venue:
            raise Contradiction(self._recording, row.line, f"order {row.order_id} is open already")
        self.planner.settle(row.order_id)
        self.planner.add(row.order_id, row.side, row.price, row.size)

    def _cancel(self, row: Row) -> None:
        key = row.order_id
        if key not in self.planner.venue:
            self.planner.set_aside["messages about unknown orders"] += 1
            return
        self.planner.settle(key)
        self._unsettled[key] = max(0, self._unsettled[key] - row.size)
        self.planner.set_quantity(key, self.planner.venue.get_quantity(key) - row.size)

    def _modify(self, row: Row) -> None:
        """Follow a modification: only a smaller size at the same price keeps the place."""
        planner, key = self.planner, row.order_id
        place = planner.venue.places.get(key)
        planner.settle(key)
        if row.size == 0:
            if place:
                planner.remove(key)
        elif place is None:
            planner.add(key, row.side, row.price, row.size)
        elif place[0] != row.side:
            planner.remove(key)
            planner.add(key, row.side, row.price, row.size)
        elif place[1] == row.price and row.size <= (
            planner.venue.get_quantity(key) - self._unsettled[key]
        ):
            planner.set_quantity(key, row.size)
        else:
            planner.move(key, row.price, row.size)
        self._unsettled[key] = 0

    # --- trades ---

    def _take_fill(self, row: Row) -> None:
        place = self.planner.venue.places.get(row.order_id)
        if place != (row.side, row.price) or not row.size:
            self.planner.set_aside["fills away from the order's place in the book"] += 1
            return
        trade = self._trade
        if trade is None or not trade.side:
            self.planner.set_aside["fills without an aggressor"] += 1
            return
        if trade.side == row.side:
            self.planner.set_aside["fills on the aggressor's own side"] += 1
            return
        self._fills.append(Expected(row.order_id, row.price, row.size))

    def _close_trade(self) -> None:
        """Send the aggressor whose fills are complete."""
        if self._fills:
            side = OPPOSITE[Side(self.planner.venue.places[self._fills[0].key][0])]
            prices = [each.price for each in self._fills]
            worst = max(prices) if side == Side.BUY else min(prices)
            self.planner.take(side, worst, self._fills)
            for each in self._fills:
                self._unsettled[each.key] += each.quantity
        self._trade, self._fills = None, []
