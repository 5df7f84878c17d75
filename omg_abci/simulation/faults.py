"""What goes wrong in a simulation, drawn from its seed: who crashes when, and how it comes back."""

from enum import StrEnum
from random import Random
from typing import Final, NamedTuple


class Fault(StrEnum):
    """What happens to one worker around one block."""

    CRASH_BEFORE = "crash_before"
    """Killed with the block executed and not committed; starts at once."""
    CRASH_AFTER = "crash_after"
    """Killed when the block is on disk; starts at once."""
    OUTAGE = "outage"
    """Killed when the block is on disk; misses some blocks, starts and replays them."""
    RESTART = "restart"
    """Ends by itself and starts again."""
    RESTORE = "restore"
    """Loses its disk; misses some blocks, joins by state sync and replays the rest."""


_CHANCES: Final = (
    (Fault.CRASH_BEFORE, 0.05),
    (Fault.CRASH_AFTER, 0.04),
    (Fault.OUTAGE, 0.02),
    (Fault.RESTART, 0.03),
    (Fault.RESTORE, 0.025),
)
_AWAY_BLOCKS_MAX: Final = 7
_RIVAL_CHANCE: Final = 0.35


class Planned(NamedTuple):
    """A fault with whom it hits, and for how many blocks that worker is away."""

    fault: Fault
    worker: int
    away_blocks: int


class FaultSource:
    """Draws faults; the same seed and calls give the same ones."""

    def __init__(self, seed: int, workers: int) -> None:
        """Fix the seed and how many workers there are."""
        self._random = Random(f"faults {seed}")  # noqa: S311 - a seed repeats a run
        self._workers = workers

    def draw_fault(self) -> Planned | None:
        """Draw what happens around a block, mostly nothing."""
        pick = self._random
        chance, worker = pick.random(), pick.randrange(self._workers)
        away_blocks = pick.randint(1, _AWAY_BLOCKS_MAX)
        for fault, share in _CHANCES:
            if chance < share:
                return Planned(fault, worker, away_blocks)
            chance -= share
        return None

    def draw_rival(self) -> list[bool]:
        """Draw which workers see a rival of a block before it."""
        return [self._random.random() < _RIVAL_CHANCE for _ in range(self._workers)]
