"""How large a block this node proposes: what the network has shown to execute in good time.

A block may hold 2 MiB, but on slow or busy machines the validators then need longer to execute it
than consensus waits, and rounds fail. So a large block that took too long makes the next one that
this node proposes smaller in proportion, and each one that came in time lets it grow again. It is
the proposer's choice alone and no rule: nobody rejects a block for it.
"""

import time
from collections.abc import Callable
from typing import Final

from omg_abci.protocol.limits import BLOCK_BYTES_MAX

SLOW_S: Final = 1.0
"""Between two blocks; four or five times what an idle network takes."""
BYTES_MIN: Final = 64 * 1024
"""Some 370 small orders."""
_GROWTH: Final = 4
"""A block in time lets the next be larger by one part of so many."""
_SHRINK_MAX: Final = 4
"""One block makes the next at most so many times smaller: a single pause is no measure."""


class Pace:
    """The largest block worth proposing now."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with what the rules allow."""
        self._clock = clock
        self._last: float | None = None
        self.bytes_max = BLOCK_BYTES_MAX

    def on_block(self, size: int) -> None:
        """Take note of a committed block with so many bytes of transactions."""
        now = self._clock()
        took_s = 0.0 if self._last is None else now - self._last
        self._last = now
        if took_s <= SLOW_S:
            self.bytes_max = min(BLOCK_BYTES_MAX, self.bytes_max + self.bytes_max // _GROWTH)
        elif size > BYTES_MIN:
            # A small block is late for another reason than its size.
            wanted = int(size * SLOW_S / took_s)
            self.bytes_max = max(BYTES_MIN, self.bytes_max // _SHRINK_MAX, wanted)
