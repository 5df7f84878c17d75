"""A sequence of quotes beside another: which of ours are there, in order.

Some book files have no row for each message, only one distinct state after another.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from omg_abci.replay.compare import Comparer, State
from omg_abci.replay.lobster import BookRow

_RUN: Final = 24
"""So many equal states in a row mean that both sequences are at the same moment again."""
_EDITS_MAX: Final = 300
"""Beyond so many skipped states a state counts as different by itself."""


def compare_states(comparer: Comparer, rows: Iterator[BookRow]) -> None:
    """Count each state of the replay, and those that the rows hold in the same order."""
    theirs: list[State] = []
    for row in rows:
        state = (*row.bids, (0, 0), *row.asks)
        if not theirs or state != theirs[-1]:
            theirs.append(state)
    found = match_sequence(comparer.states, theirs)
    for place, equal in enumerate(found):
        comparer.rows.count(equal=equal)
        if not equal:
            comparer.note_difference(
                comparer.state_lines[place], "row", f"no such quote then: {comparer.states[place]}"
            )


def match_sequence(ours: Sequence[State], theirs: Sequence[State]) -> list[bool]:
    """Say for each of our states whether theirs has it too, at its place in the order.

    Where both differ, as few states as possible are skipped until a run of them agrees again.
    """
    found = [False] * len(ours)
    mine = other = 0
    while mine < len(ours) and other < len(theirs):
        if ours[mine] == theirs[other]:
            found[mine] = True
            mine += 1
            other += 1
            continue
        pairs, mine, other = _find_agreement(ours, theirs, mine, other)
        for place in pairs:
            found[place] = True
    return found


def _find_agreement(
    ours: Sequence[State], theirs: Sequence[State], mine: int, other: int
) -> tuple[list[int], int, int]:
    """Return our states that agree on the way to the next run, and where both stand after it.

    The shortest edit script from here (E. Myers, An O(ND) Difference Algorithm, 1986), followed
    until a run of equal states is found or one of the sequences ends.
    """
    reached: dict[int, tuple[int, list[tuple[int, int]]]] = {1: (0, [])}
    for edits in range(_EDITS_MAX):
        for diagonal in range(-edits, edits + 1, 2):
            x, runs = _step(reached, diagonal, edits)
            start = x
            while _agrees(ours, theirs, mine + x, other + x - diagonal):
                x += 1
            if x > start:
                runs = [*runs, (start, x)]
            reached[diagonal] = (x, runs)
            ends = mine + x >= len(ours) or other + x - diagonal >= len(theirs)
            if x - start >= _RUN or (ends and x - diagonal >= 0):
                pairs = [mine + each for first, last in runs for each in range(first, last)]
                return pairs, mine + x, other + x - diagonal
    return [], mine + 1, other


def _step(
    reached: dict[int, tuple[int, list[tuple[int, int]]]], diagonal: int, edits: int
) -> tuple[int, list[tuple[int, int]]]:
    below, above = reached.get(diagonal + 1, (-1, [])), reached.get(diagonal - 1, (-1, []))
    if diagonal == -edits or (diagonal != edits and above[0] < below[0]):
        return below
    return above[0] + 1, above[1]


def _agrees(ours: Sequence[State], theirs: Sequence[State], mine: int, other: int) -> bool:
    return 0 <= other < len(theirs) and mine < len(ours) and ours[mine] == theirs[other]
