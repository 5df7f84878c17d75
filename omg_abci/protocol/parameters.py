"""The numbers that stakers vote on, with their hard bounds, and the grid that votes stand on.

The grid's steps are 1 to 9 and then twenty a decade, about an eighth apart (the preferred numbers
R20, to two digits): fine enough to say what one wants, and so few that all votes on a number are
a short histogram.
"""

from typing import Final, NamedTuple

from omg_abci.protocol import limits

_MANTISSAS: Final = (
    *(10, 11, 12, 14, 16, 18, 20, 22, 25, 28),
    *(32, 36, 40, 45, 50, 56, 63, 71, 80, 90),
)
_DIGITS_END: Final = 10
"""Below it every whole number is a step."""
_TENS: Final[tuple[int, ...]] = tuple([int("1" + "0" * zeros) for zeros in range(40)])


_MONEY_MAX: Final = 1_000_000_000_000_000_000_000_000_000_000
"""A million millions of a token with 18 decimals."""


class Parameter(NamedTuple):
    """A number that the standing votes of stakers set."""

    name: str
    lowest: int
    highest: int
    unit: str


COST: Final = 1
TARGET_WORK: Final = 2
MARKET_BOND: Final = 3
SELF_BOND_MIN: Final = 4
JAIL_MS: Final = 5
DOWNTIME_BP: Final = 6
EQUIVOCATION_BP: Final = 7

PARAMETERS: Final = {
    COST: Parameter("cost", 1, _MONEY_MAX, "smallest units of the fee token an epoch"),
    TARGET_WORK: Parameter("target_work", 4_000, limits.BLOCK_WORK_MAX, "work units a block"),
    MARKET_BOND: Parameter("market_bond", 1, _MONEY_MAX, "smallest units of the fee token"),
    SELF_BOND_MIN: Parameter("self_bond_min", 1, _MONEY_MAX, "smallest units of the fee token"),
    JAIL_MS: Parameter("jail_ms", 1_000, 1_000_000_000, "ms"),
    DOWNTIME_BP: Parameter("downtime_bp", 1, 100, "basis points of the stake"),
    EQUIVOCATION_BP: Parameter("equivocation_bp", 100, 5_000, "basis points of the stake"),
}
"""Number to parameter; a number is never used for another one."""


def compute_step(value: int) -> int | None:
    """Return a value's place on the grid, from 0; None for what stands between two steps."""
    if value < _DIGITS_END:
        return value - 1 if value > 0 else None
    zeros = len(str(value)) - 2
    mantissa, rest = divmod(value, _TENS[zeros])
    if rest or mantissa not in _MANTISSAS:
        return None
    return _DIGITS_END - 1 + len(_MANTISSAS) * zeros + _MANTISSAS.index(mantissa)


def compute_value(step: int) -> int:
    """Return the value at a place of the grid."""
    if step < _DIGITS_END - 1:
        return step + 1
    zeros, place = divmod(step - (_DIGITS_END - 1), len(_MANTISSAS))
    return _MANTISSAS[place] * _TENS[zeros]


def compute_step_floor(value: int) -> int:
    """Return the greatest value of the grid that is not above a positive one."""
    if value < _DIGITS_END:
        return value
    zeros = len(str(value)) - 2
    mantissa = value // _TENS[zeros]
    return max([each for each in _MANTISSAS if each <= mantissa]) * _TENS[zeros]
