"""LOBSTER's files: messages of one day and stock, and the book after each of them.

A message is time (s after midnight), type, order id, size, price × 10^4, direction (1 buy). A row
of the book is ask price, ask size, bid price, bid size for each level, best first. Both may start
with an index column or a header. Prices come out in ticks of the given unit, sizes in shares.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from omg_abci.protocol.limits import PRICE_TICKS_MAX, QUANTITY_LOTS_MAX, U64_MAX
from omg_abci.protocol.units import Lots, Side, Ticks
from omg_abci.replay.errors import BadNumber, BadWord, Contradiction, NoRows, WrongColumns
from omg_abci.replay.text import iterate_lines, parse_decimal, parse_integer

NEW: Final = 1
PARTIAL_CANCEL: Final = 2
DELETE: Final = 3
EXECUTION: Final = 4
HIDDEN: Final = 5
CROSS: Final = 6
HALT: Final = 7
TYPES: Final = frozenset((NEW, PARTIAL_CANCEL, DELETE, EXECUTION, HIDDEN, CROSS, HALT))
_COLUMNS: Final = 6
_NO_LEVEL: Final = 9_999_999_999
"""The price, up or down, of a level that is not there."""
_NANOSECONDS: Final = 9


class Message(NamedTuple):
    """One event."""

    line: int
    time_ns: int
    kind: int
    order_id: int
    size: Lots
    price: Ticks
    side: int


class BookRow(NamedTuple):
    """The best levels after a message, (price, size), best first."""

    line: int
    bids: tuple[tuple[Ticks, Lots], ...]
    asks: tuple[tuple[Ticks, Lots], ...]
    depth: int
    """How many levels of a side a row can hold."""


def iterate_messages(path: Path, price_unit: int = 1) -> Iterator[Message]:
    """Yield the messages; raise a `RecordingError` at the first that is malformed."""
    skipped = -1
    before = 0
    for line, text in iterate_lines(path):
        fields = text.split(",")
        if skipped < 0:
            if _is_header(fields):
                continue
            skipped = _find_message_index(fields)
        message = _parse_message(path, line, fields[skipped:], price_unit)
        if message.time_ns < before:
            raise Contradiction(path, line, "time goes backwards")
        before = message.time_ns
        yield message
    if skipped < 0:
        raise NoRows(path, 0, "no messages")


def iterate_rows(path: Path, price_unit: int = 1) -> Iterator[BookRow]:
    """Yield the book's rows; raise a `RecordingError` at the first that is malformed."""
    width = 0
    for line, text in iterate_lines(path):
        fields = text.split(",")
        if not width:
            if _is_header(fields):
                continue
            width = len(fields)
            if width < 4 or width % 4 > 1:  # noqa: PLR2004 - price and size of two sides
                raise WrongColumns(path, line, f"{width} columns are no whole number of levels")
        if len(fields) != width:
            raise WrongColumns(path, line, f"{len(fields)} columns instead of {width}")
        yield _parse_row(path, line, fields[width % 4 :], price_unit)
    if not width:
        raise NoRows(path, 0, "no rows")


def find_price_unit(path: Path, book: Path | None) -> int:
    """Return the greatest number that divides every price of the files; raise NoRows."""
    unit = 0
    for message in iterate_messages(path):
        if message.kind not in (HIDDEN, CROSS, HALT):
            unit = math.gcd(unit, message.price)
    if book:
        for row in iterate_rows(book):
            unit = math.gcd(unit, *[price for price, _ in (*row.bids, *row.asks)])
    return unit or 1


def _is_header(fields: list[str]) -> bool:
    return any(each[:1].isalpha() for each in fields) and not any(
        each[:1].isdigit() for each in fields[1:3]
    )


def _find_message_index(fields: list[str]) -> int:
    """Say whether the first column counts rows: 1, or 0 when it is the time already."""
    return int(len(fields) > _COLUMNS and fields[_COLUMNS] in ("1", "-1") and "." in fields[1])


def _parse_message(path: Path, line: int, fields: list[str], price_unit: int) -> Message:
    if len(fields) not in (_COLUMNS, _COLUMNS + 1):
        raise WrongColumns(path, line, f"{len(fields)} columns instead of {_COLUMNS}")
    time_ns = parse_decimal(path, line, "time", _cut_decimals(fields[0]), _NANOSECONDS)
    kind = parse_integer(path, line, "type", fields[1])
    order_id = parse_integer(path, line, "order id", fields[2])
    size = parse_integer(path, line, "size", fields[3])
    price = parse_integer(path, line, "price", fields[4])
    if kind not in TYPES:
        raise BadWord(path, line, f"type {kind} is unknown")
    if fields[5] not in ("1", "-1"):
        raise BadWord(path, line, f"direction is neither 1 nor -1: {fields[5]!r}")
    side = Side.BUY if fields[5] == "1" else Side.SELL
    if not 0 <= order_id <= U64_MAX:
        raise BadNumber(path, line, f"order id is out of range: {order_id}")
    if time_ns < 0:
        raise BadNumber(path, line, "time is negative")
    if kind < HIDDEN:
        if order_id == 0:
            raise BadNumber(path, line, "order id is zero")
        if not 1 <= size <= QUANTITY_LOTS_MAX:
            raise BadNumber(path, line, f"size is out of range: {size}")
        if not 1 <= price <= PRICE_TICKS_MAX:
            raise BadNumber(path, line, f"price is out of range: {price}")
    return Message(line, time_ns, kind, order_id, size, price // price_unit, side)


def _cut_decimals(text: str) -> str:
    """Return a time without what is below a nanosecond: the files were once floating point."""
    point = text.find(".")
    return text[: point + 1 + _NANOSECONDS] if point >= 0 and "e" not in text else text


def _parse_row(path: Path, line: int, fields: list[str], price_unit: int) -> BookRow:
    try:
        numbers = [int(each) for each in fields]
    except ValueError:
        numbers = [parse_integer(path, line, "level", each) for each in fields]
    asks = _pair_levels(path, line, numbers[0::4], numbers[1::4], price_unit)
    bids = _pair_levels(path, line, numbers[2::4], numbers[3::4], price_unit)
    prices = [price for price, _ in asks]
    if prices != sorted(set(prices)):
        raise Contradiction(path, line, "ask prices do not rise")
    prices = [-price for price, _ in bids]
    if prices != sorted(set(prices)):
        raise Contradiction(path, line, "bid prices do not fall")
    return BookRow(line, bids, asks, len(fields) // 4)


def _pair_levels(
    path: Path, line: int, prices: list[int], sizes: list[int], unit: int
) -> tuple[tuple[Ticks, Lots], ...]:
    levels = []
    for price, size in zip(prices, sizes, strict=True):
        if abs(price) == _NO_LEVEL or size == 0:
            continue
        if not 1 <= price <= PRICE_TICKS_MAX or not 1 <= size <= QUANTITY_LOTS_MAX:
            raise BadNumber(path, line, f"a level is out of range: {price}, {size}")
        levels.append((price // unit, size))
    return tuple(levels)
