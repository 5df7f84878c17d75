"""Databento's market-by-order files: every order of one instrument, message by message.

Read from CSV, packed or not, with prices in units (``4799.25``) or in 10^-9, with times in
nanoseconds or RFC 3339, with or without an index column; or from DBN when the package
``databento-dbn`` is installed. Prices come out in ticks of the given unit of 10^-9.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from omg_abci.protocol.limits import PRICE_TICKS_MAX, QUANTITY_LOTS_MAX, U64_MAX
from omg_abci.protocol.units import Lots, Side, Ticks
from omg_abci.replay import dbn
from omg_abci.replay.errors import BadNumber, BadWord, Contradiction, NoRows, WrongColumns
from omg_abci.replay.text import is_missing, iterate_lines, parse_decimal, parse_integer
from omg_abci.replay.times import parse_time

PRICE_DECIMALS: Final = 9
LAST_IN_EVENT: Final = 128
SNAPSHOT: Final = 32
ACTIONS: Final = frozenset("ACMRTFN")
SIDES: Final = {"B": int(Side.BUY), "A": int(Side.SELL), "N": 0}
BETWEEN_TICKS: Final = -1
UNDEFINED_PRICE: Final = (1 << 63) - 1
_COLUMNS: Final = ("action", "side", "price", "size", "order_id", "flags", "sequence")
_NEEDS_ORDER: Final = frozenset("ACM")


class Row(NamedTuple):
    """One message."""

    line: int
    time_ns: int
    action: str
    """Add, Cancel, Modify, cleaR, Trade, Fill, None."""
    side: int
    """0 when the venue gives none."""
    price: Ticks
    """0 when the venue gives none, −1 for a trade's between the ticks."""
    size: Lots
    order_id: int
    flags: int
    sequence: int


class Units(NamedTuple):
    """What one look through a file finds."""

    in_units: bool
    """Prices are written in units and not in 10^-9."""
    price_unit: int
    """The greatest number of 10^-9 that divides every price."""
    has_events: bool
    """Some row is flagged as the last of its event."""


def find_units(path: Path) -> Units:
    """Read the whole file once; raise a `RecordingError`."""
    if dbn.is_dbn(path):
        in_units = False
    else:
        texts = (fields["price"] for _, fields in iterate_records(path, ("price",)))
        in_units = any("." in text for text in texts)
    price_unit, has_events = 0, False
    for row in iterate_mbo(path, Units(in_units, 1, has_events=False)):
        if row.action in _NEEDS_ORDER:
            price_unit = math.gcd(price_unit, row.price)
        has_events = has_events or bool(row.flags & LAST_IN_EVENT)
    return Units(in_units, price_unit or 1, has_events)


def iterate_mbo(path: Path, units: Units) -> Iterator[Row]:
    """Yield the messages; raise a `RecordingError` at the first that is malformed."""
    empty = True
    instrument = None
    records = dbn.iterate_mbo(path) if dbn.is_dbn(path) else iterate_records(path, _COLUMNS)
    for line, fields in records:
        found = fields.get("instrument_id")
        if instrument is not None and found != instrument:
            raise Contradiction(path, line, f"instrument {found} after {instrument}")
        instrument = found
        empty = False
        yield _parse_row(path, line, fields, units)
    if empty:
        raise NoRows(path, 0, "no messages")


def iterate_records(path: Path, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line, field by column) of a CSV file with a header; raise WrongColumns."""
    columns: list[str] = []
    for line, text in iterate_lines(path):
        fields = text.split(",")
        if not columns:
            columns = fields
            missing = [name for name in needed if name not in columns]
            if missing:
                raise WrongColumns(path, line, f"no column {', '.join(missing)} in the header")
            continue
        if len(fields) != len(columns):
            raise WrongColumns(path, line, f"{len(fields)} columns instead of {len(columns)}")
        yield line, dict(zip(columns, fields, strict=True))


def parse_price(path: Path, line: int, name: str, text: str, units: Units) -> Ticks:
    """Return a price in ticks, 0 for none, −1 for one between ticks; raise BadNumber.

    Hidden executions have prices between the ticks that orders have.
    """
    if is_missing(text):
        return 0
    decimals = PRICE_DECIMALS if units.in_units else 0
    price = parse_decimal(path, line, name, text, decimals)
    if price == UNDEFINED_PRICE:
        return 0
    ticks, rest = divmod(price, units.price_unit)
    return BETWEEN_TICKS if rest else ticks


def _parse_row(path: Path, line: int, fields: dict[str, str], units: Units) -> Row:
    action, side = fields["action"], fields["side"]
    if action not in ACTIONS:
        raise BadWord(path, line, f"action is unknown: {action!r}")
    if side not in SIDES:
        raise BadWord(path, line, f"side is unknown: {side!r}")
    price = 0 if action in "RN" else parse_price(path, line, "price", fields["price"], units)
    size = 0 if is_missing(fields["size"]) else parse_integer(path, line, "size", fields["size"])
    order_id = parse_integer(path, line, "order id", fields["order_id"])
    if action in _NEEDS_ORDER:
        if not SIDES[side]:
            raise BadWord(path, line, f"an order without a side: {side!r}")
        if not 1 <= order_id <= U64_MAX:
            raise BadNumber(path, line, f"order id is out of range: {order_id}")
        if not 1 <= price <= PRICE_TICKS_MAX * units.price_unit:
            raise BadNumber(path, line, f"price is out of range: {fields['price']}")
        if not (1 if action == "A" else 0) <= size <= QUANTITY_LOTS_MAX:
            raise BadNumber(path, line, f"size is out of range: {size}")
    elif action in "TF" and not 0 <= size <= QUANTITY_LOTS_MAX:
        raise BadNumber(path, line, f"size is out of range: {size}")
    return Row(
        line,
        parse_time(path, line, fields.get("ts_event", fields.get("ts_recv", "0"))),
        action,
        SIDES[side],
        price,
        size,
        order_id,
        parse_integer(path, line, "flags", fields["flags"]),
        parse_integer(path, line, "sequence", fields["sequence"]),
    )
