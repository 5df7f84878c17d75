"""How exact fractions are written as decimals."""

from fractions import Fraction


def count_decimals(value: Fraction) -> int | None:
    """Return how many decimals write the value exactly, or None when no number of them does."""
    rest = value.denominator
    twos = fives = 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    return max(twos, fives) if rest == 1 else None


def format_exact(value: Fraction) -> str:
    """Return a number that is not negative in decimals, as a fraction when they have no end."""
    digits = count_decimals(value)
    if digits is None:
        return f"{value.numerator}/{value.denominator}"
    whole, part = divmod(value.numerator * 10**digits // value.denominator, 10**digits)
    return f"{whole}.{part:0{digits}}" if digits else str(whole)
