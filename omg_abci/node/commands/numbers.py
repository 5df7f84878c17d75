"""Parts and steps that people write in their own way: percentages."""

import re
from fractions import Fraction
from typing import Final

from omg_abci.node.commands.catalogue import format_number
from omg_abci.node.commands.failure import CommandError
from omg_abci.protocol.limits import BASIS_POINTS

_PERCENT: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?)%?")


def parse_percent(text: str) -> int:
    """Return the basis points of a percentage from 0 to 100; raise CommandError."""
    found = _PERCENT.fullmatch(text.strip())
    points = Fraction(found[1]) * BASIS_POINTS / 100 if found else Fraction(-1)
    if points.denominator != 1 or not 0 <= points <= BASIS_POINTS:
        raise CommandError(
            "bad_percent", f"{text!r} is no percentage", "write 0 to 100, at most two decimals: 2.5"
        )
    return int(points)


def format_percent(basis_points: int) -> str:
    """Return basis points in percent."""
    return f"{format_number(Fraction(100 * basis_points, BASIS_POINTS))} %"
