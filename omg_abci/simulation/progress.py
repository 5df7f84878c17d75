"""How far a simulation is, for who waits: one line on a terminal, else a line every few seconds."""

import sys
import time
from types import TracebackType
from typing import Final, Self

from omg_abci.simulation.controller import Options
from omg_abci.simulation.report import Reached

_TERMINAL_SECONDS: Final = 0.2
_LOG_SECONDS: Final = 5.0


class Teller:
    """Writes progress to standard error."""

    def __init__(self, options: Options) -> None:
        """Begin to measure."""
        self._options = options
        self._terminal = sys.stderr.isatty()
        self._began = self._told = time.monotonic()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        reason: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the line on a terminal."""
        if self._terminal:
            sys.stderr.write("\n")

    def tell(self, reached: Reached) -> None:
        """Say how far it is, when it is time to."""
        now = time.monotonic()
        if now - self._told < (_TERMINAL_SECONDS if self._terminal else _LOG_SECONDS):
            return
        self._told = now
        faults = ", ".join(f"{name} {count}" for name, count in sorted(reached.faults.items()))
        line = (
            f"block {reached.blocks:,} of {self._options.blocks:,},"
            f" {reached.blocks / (now - self._began):.1f} blocks/s; {faults}"
        )
        sys.stderr.write(f"\r\x1b[K{line}" if self._terminal else f"{line}\n")
        sys.stderr.flush()
