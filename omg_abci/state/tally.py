"""The votes of a validator's delegators on one number: shares by step, and their running sums.

A Fenwick tree: adding and summing up to a step take as many steps as the grid's size has bits, so
that an epoch's tally costs the same whether ten delegators vote or a hundred thousand do.
"""

from typing import Final

_SIZE: Final = 1_024
"""More places than the grid has steps."""


class Tally:
    """Shares by step of the grid."""

    __slots__ = ("_sums", "steps", "total")

    def __init__(self) -> None:
        """Begin without votes."""
        self.steps: dict[int, int] = {}
        """What the records say; rules ask for sums, the order here depends on history."""
        self.total = 0
        self._sums: dict[int, int] = {}

    def add(self, step: int, shares: int) -> None:
        """Add to the shares that vote for a step, or take from them."""
        left = self.steps.get(step, 0) + shares
        if left:
            self.steps[step] = left
        else:
            del self.steps[step]
        self.total += shares
        sums, place = self._sums, step + 1
        while place <= _SIZE:
            sums[place] = sums.get(place, 0) + shares
            place += place & -place

    def sum_until(self, step: int) -> int:
        """Return the shares that vote for a step or less."""
        sums, place, found = self._sums, step + 1, 0
        while place:
            found += sums.get(place, 0)
            place &= place - 1
        return found
