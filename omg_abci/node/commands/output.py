"""What commands print: tables for people, one JSON object for programs, times in both directions.

Answers go to standard output, everything else to standard error.
"""

import json
import re
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

import click

from omg_abci.node.commands.failure import CommandError
from omg_abci.protocol.units import Height, Millis

_DURATION: Final = re.compile(r"([0-9]{1,9})\s*(ms|s|m|h|d)")
_NUMERIC: Final = re.compile(r"~?\d(?!x)")
_MILLIS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object on standard output."
)


def format_examples(*lines: str) -> str:
    """Return the end of a command's help text: what may be typed, a line each."""
    # The mark keeps click from filling the lines into a paragraph.
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def say(line: str) -> None:
    """Tell a person what is going on."""
    click.echo(line, err=True)


def print_object(answer: object) -> None:
    """Print the one JSON object of a command."""
    click.echo(json.dumps(answer))


def print_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print aligned columns: numbers to the right, words to the left."""
    lines = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
    right = [
        bool(lines) and all(_NUMERIC.match(line[at]) for line in lines) for at in range(len(head))
    ]
    for line in (list(head), *lines):
        cells = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ]
        click.echo("  ".join(cells).rstrip())


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print one line a field, the values below each other."""
    pairs = [(name, str(value)) for name, value in fields]
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        click.echo(f"{name.ljust(width)}  {value}")


def format_hex(data: bytes) -> str:
    """Return 0x and hex digits."""
    return f"0x{data.hex()}"


def get_now_ms() -> Millis:
    """Return this machine's time."""
    return time.time_ns() // 1_000_000


def format_count(count: int, thing: str) -> str:
    """Return a number of things, such as 1 order or 2 orders."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def format_time(time_ms: Millis) -> str:
    """Return a moment in UTC, to the second."""
    try:
        moment = datetime.fromtimestamp(time_ms // 1_000, UTC)
    except (OverflowError, ValueError, OSError):
        return f"{time_ms} ms after 1970"
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def format_height(height: Height) -> str:
    """Return a block's height in words."""
    return f"block {height:,}"


def format_span(span_ms: Millis) -> str:
    """Return a length of time in the largest unit that leaves at least two of it."""
    for unit, word in (("d", "days"), ("h", "h"), ("m", "min"), ("s", "s")):
        if span_ms >= 2 * _MILLIS[unit]:
            return f"{span_ms // _MILLIS[unit]} {word}"
    return f"{span_ms} ms"


def parse_span(text: str) -> Millis:
    """Return the milliseconds of a length such as 90s, 10m, 2h or 30d; raise CommandError."""
    found = _DURATION.fullmatch(text.strip())
    if found is None or int(found[1]) == 0:
        raise CommandError(
            "bad_time", f"{text!r} is no length of time", "write it as 90s, 10m, 2h or 30d"
        )
    return int(found[1]) * _MILLIS[found[2]]


def parse_moment(text: str, now_ms: Millis) -> Millis:
    """Return a moment given as a length from now, a date and time, or ms since 1970."""
    if text.isascii() and text.isdigit():
        return int(text)
    if _DURATION.fullmatch(text.strip()):
        return now_ms + parse_span(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            "bad_time",
            f"{text!r} is no moment",
            "write 2h from now as 2h, or a moment as 2031-05-01T12:00Z",
        ) from None
    if moment.tzinfo is None:
        raise CommandError(
            "bad_time", f"{text!r} names no time zone", f"for UTC write {text}Z or {text}+00:00"
        )
    return int(moment.timestamp()) * 1_000
