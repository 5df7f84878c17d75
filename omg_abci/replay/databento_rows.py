"""Databento's ten-level snapshots, joined to the messages by sequence and by what they did."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from omg_abci.protocol.units import Lots, Ticks
from omg_abci.replay import databento, dbn
from omg_abci.replay.databento import Row, Units
from omg_abci.replay.errors import NoRows
from omg_abci.replay.steps import RowCheck
from omg_abci.replay.text import is_missing, parse_integer
from omg_abci.replay.times import parse_time

LEVELS: Final = 10
_NEEDED: Final = ("sequence", "bid_px_00", "bid_sz_00", "ask_px_00", "ask_sz_00")
Levels = tuple[tuple[Ticks, Lots, int], ...]


class Snapshot(NamedTuple):
    """One row of the snapshot file."""

    line: int
    time_ns: int
    sequence: int
    action: str
    """Empty when the file has no such column."""
    side: int
    price: Ticks
    size: Lots
    bids: Levels
    asks: Levels
    depth: int


def iterate_snapshots(path: Path, price_unit: int) -> Iterator[Snapshot]:
    """Yield the rows; raise a `RecordingError` at the first that is malformed."""
    packed = dbn.is_dbn(path)
    units = Units(not packed and _is_in_units(path), price_unit, has_events=False)
    records = dbn.iterate_mbp(path) if packed else databento.iterate_records(path, _NEEDED)
    empty = True
    for line, fields in records:
        empty = False
        yield _parse_snapshot(path, line, fields, units)
    if empty:
        raise NoRows(path, 0, "no rows")


def _is_in_units(path: Path) -> bool:
    """Say whether prices are written in units: some price has a decimal point."""
    columns = ("bid_px_00", "ask_px_00")
    return any(
        "." in fields[name]
        for _, fields in databento.iterate_records(path, _NEEDED)
        for name in columns
    )


def _parse_snapshot(path: Path, line: int, fields: dict[str, str], units: Units) -> Snapshot:
    depth = sum(f"bid_px_{place:02}" in fields for place in range(LEVELS))
    price = "" if fields.get("action") == "R" else fields.get("price", "")
    return Snapshot(
        line,
        parse_time(path, line, fields.get("ts_event", "0")),
        parse_integer(path, line, "sequence", fields["sequence"]),
        fields.get("action", ""),
        databento.SIDES.get(fields.get("side", "N"), 0),
        databento.parse_price(path, line, "price", price, units),
        _parse_count(path, line, "size", fields.get("size", "")),
        _parse_levels(path, line, "bid", depth, (fields, units)),
        _parse_levels(path, line, "ask", depth, (fields, units)),
        depth,
    )


def _parse_levels(
    path: Path, line: int, side: str, depth: int, source: tuple[dict[str, str], Units]
) -> Levels:
    fields, units = source
    levels = []
    for place in range(depth):
        name = f"{side}_px_{place:02}"
        price = databento.parse_price(path, line, name, fields[name], units)
        if not price:
            continue
        size = _parse_count(path, line, "size", fields.get(f"{side}_sz_{place:02}", ""))
        count = _parse_count(path, line, "count", fields.get(f"{side}_ct_{place:02}", ""))
        levels.append((price, size, count))
    return tuple(levels)


def _parse_count(path: Path, line: int, name: str, text: str) -> int:
    return 0 if is_missing(text) else parse_integer(path, line, name, text)


class SnapshotJoiner:
    """Hands out the check that belongs to a message, in the order of the snapshot file."""

    def __init__(self, snapshots: Iterator[Snapshot]) -> None:
        """Begin with the file's first row."""
        self._snapshots = snapshots
        self._coming: deque[Snapshot] = deque()

    def take(self, row: Row) -> RowCheck | None:
        """Return the check of the snapshot that this message made, if it made one."""
        found = self._peek(0)
        if found is None or found.sequence != row.sequence or not _is_made_by(found, row):
            return None
        self._coming.popleft()
        return _make_check(found)

    def is_after_trade(self, row: Row) -> bool:
        """Say whether the snapshot of this trade already shows what the trade did.

        As Databento writes it, a trade's snapshot shows the book before, and the cancels of the
        filled orders follow. Some files hold only the trade, with the book after it.
        """
        place = 1
        while (found := self._peek(place)) is not None:
            if found.sequence != row.sequence and found.time_ns != row.time_ns:
                return True
            if found.action in ("C", "M") and found.price == row.price:
                return False
            place += 1
        return True

    def take_passed(self, row: Row) -> Iterator[RowCheck]:
        """Yield the checks of snapshots that no message up to this one could be joined to."""
        while (found := self._peek(0)) is not None and found.sequence < row.sequence:
            self._coming.popleft()
            yield _make_check(found)

    def take_rest(self) -> Iterator[RowCheck]:
        """Yield the checks of the snapshots after the last message."""
        while (found := self._peek(0)) is not None:
            self._coming.popleft()
            yield _make_check(found)

    def _peek(self, place: int) -> Snapshot | None:
        while len(self._coming) <= place:
            found = next(self._snapshots, None)
            if found is None:
                return None
            self._coming.append(found)
        return self._coming[place]


def _is_made_by(found: Snapshot, row: Row) -> bool:
    """Compare what both say happened; files differ in whose side a trade has."""
    if not found.action:
        return True
    if found.action != row.action:
        return False
    if row.action == "R":
        return True
    same_side = row.action == "T" or found.side == row.side
    return same_side and (found.price, found.size) == (row.price, row.size)


def _make_check(found: Snapshot) -> RowCheck:
    return RowCheck(found.line, found.bids, found.asks, found.depth, found.depth)
