"""A recording's rows as text, and its numbers as integers, with the line in every complaint.

Guarantees that no float ever stands between the file and the chain: a decimal number becomes an
integer of a stated number of decimals, or an error.
"""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from omg_abci.replay.errors import BadNumber, Unreadable

_GZIP_MAGIC = b"\x1f\x8b"
_DIGITS_MAX = 40
"""More than any number of a recording has; bounds what a malformed one can cost."""
_MISSING = frozenset(("", "nan", "NaN", "None", "null"))


@contextmanager
def open_text(path: Path) -> Iterator[IO[str]]:
    """Open a text file, unpacked if it is gzip; raise Unreadable."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == _GZIP_MAGIC
    except OSError as reason:
        raise Unreadable(path, 0, reason.strerror or str(reason)) from reason
    opened = gzip.open if packed else open
    with opened(path, "rt", encoding="utf-8-sig") as stream:
        yield stream


def iterate_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line from 1, text without its end); blank lines are left out; raise Unreadable."""
    line = 0
    with open_text(path) as stream:
        try:
            for text in stream:
                line += 1
                stripped = text.rstrip("\r\n")
                if stripped:
                    yield line, stripped
        except (OSError, EOFError, zlib.error, UnicodeDecodeError) as reason:
            raise Unreadable(path, line + 1, f"the file cannot be read on: {reason}") from reason


def is_missing(text: str) -> bool:
    """Say whether a field holds no value."""
    return text in _MISSING


def parse_integer(path: Path, line: int, name: str, text: str) -> int:
    """Return an integer, also one written ``12.0`` or in scientific form; raise BadNumber."""
    try:
        return int(text)
    except ValueError:
        return parse_decimal(path, line, name, text, 0)


def parse_decimal(path: Path, line: int, name: str, text: str, decimals: int) -> int:
    """Return the number times 10^decimals, exactly; raise BadNumber."""
    mantissa, exponent = _split_exponent(text)
    whole, _, fraction = mantissa.partition(".")
    digits = whole.lstrip("+-") + fraction
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS_MAX):
        raise BadNumber(path, line, f"{name} is not a number: {text!r}")
    shift = decimals + exponent - len(fraction)
    value = int(digits)
    if shift >= 0:
        value *= int("1" + "0" * shift)
    else:
        value, rest = divmod(value, int("1" + "0" * -shift))
        if rest:
            raise BadNumber(path, line, f"{name} has more than {decimals} decimals: {text!r}")
    return -value if mantissa.startswith("-") else value


def count_decimals(text: str) -> int:
    """Return how many decimals a well-formed number needs, trailing zeros left aside."""
    mantissa, exponent = _split_exponent(text)
    fraction = mantissa.partition(".")[2].rstrip("0")
    return max(0, len(fraction) - exponent)


def _split_exponent(text: str) -> tuple[str, int]:
    mantissa, mark, exponent = text.lower().partition("e")
    if not mark:
        return mantissa, 0
    try:
        power = int(exponent)
    except ValueError:
        return "", 0
    return (mantissa, power) if -_DIGITS_MAX <= power <= _DIGITS_MAX else ("", 0)
