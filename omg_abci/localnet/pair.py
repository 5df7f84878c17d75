"""A validator's two processes, application and node, that start and end together."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto
from pathlib import Path
from typing import Final, Literal

from omg_abci.localnet.layout import Node
from omg_abci.localnet.process import Process, read_tail

Which = Literal["app", "node"]
_SOCKET_SECONDS: Final = 120.0
"""For an application that loads a large state before it listens."""
_GRACE_SECONDS: Final = 5.0
_STEADY_SECONDS: Final = 10.0
"""A pair that ran this long has recovered from whatever ended it before."""
_DELAY_FIRST_SECONDS: Final = 0.25
_DELAY_MAX_SECONDS: Final = 8.0
_ENDS_IN_A_ROW_MAX: Final = 8
_TAIL_LINES: Final = 12


class _Phase(Enum):
    WAITING = auto()
    """Neither process runs; both will, at `_until`."""
    LOADING = auto()
    """The application runs and does not listen yet."""
    RUNNING = auto()
    CLOSING = auto()
    """One has ended, and the other was asked to."""
    GIVEN_UP = auto()


class Pair:
    """The processes of one validator; `step` moves them on and never blocks.

    Args:
        node: where the pair lives.
        app_command: the application's command.
        node_command: CometBFT's command.
        environment: variables added to the process's own, read at each start.
        on_event: is told of each end and restart in one line.
    """

    def __init__(
        self,
        node: Node,
        app_command: Sequence[str | Path],
        node_command: Sequence[str | Path],
        environment: Mapping[str, str],
        on_event: Callable[[str], None],
    ) -> None:
        self.restarts = 0
        self.ends = 0
        self._node = node
        self._commands: dict[Which, Sequence[str | Path]] = {
            "app": app_command,
            "node": node_command,
        }
        self._environment = environment
        self._on_event = on_event
        self._processes: dict[Which, Process] = {}
        self._phase = _Phase.WAITING
        self._until = time.monotonic()
        self._started = 0.0
        self._ends_in_a_row = 0
        self._last_end = ""

    @property
    def given_up(self) -> bool:
        """Tell whether the pair ended so often that it is not started again."""
        return self._phase is _Phase.GIVEN_UP

    def find_processes(self, which: Which | Literal["both"]) -> list[Process]:
        """Return the processes that were started last, those that have ended too."""
        return [
            process for name, process in list(self._processes.items()) if which in (name, "both")
        ]

    def describe_end(self) -> str:
        """Say which process ended last and how, with the last lines of its log."""
        return self._last_end

    def step(self) -> None:
        """Look at the processes and do what is due."""
        now = time.monotonic()
        ended = self._find_ended()
        match self._phase:
            case _Phase.WAITING:
                if now >= self._until:
                    self._start_app(now)
            case _Phase.LOADING:
                if ended is not None:
                    self._close(ended, now)
                elif self._node.socket.exists():
                    self._start("node")
                    self._phase = _Phase.RUNNING
                elif now > self._until:
                    self._close("app", now)
            case _Phase.RUNNING:
                if ended is not None:
                    self._close(ended, now)
            case _Phase.CLOSING:
                self._finish_closing(now)
            case _Phase.GIVEN_UP:
                pass

    def _find_ended(self) -> Which | None:
        ended: list[Which] = [
            name for name, process in self._processes.items() if process.has_ended()
        ]
        # A node follows its application, so that the application's end is what began it.
        return "app" if "app" in ended else "node" if ended else None

    def _start_app(self, now: float) -> None:
        """Start the application on a clean slate; the node follows once it listens."""
        with contextlib.suppress(FileNotFoundError):
            self._node.socket.unlink()
        self._processes = {}
        self._started = now
        if self.ends:
            self.restarts += 1
            self._tell(f"both start again (restart {self.restarts})")
        self._start("app")
        self._phase, self._until = _Phase.LOADING, now + _SOCKET_SECONDS

    def _start(self, name: Which) -> None:
        # A CMT… variable of the user would override the node's own configuration.
        inherited = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("CMT", "TMHOME", "FAIL_TEST_INDEX"))
        }
        self._processes[name] = Process(
            self._commands[name],
            self._node.home / "logs" / f"{name}.log",
            inherited | dict(self._environment),
        )

    def _close(self, ended: Which, now: float) -> None:
        """Record the first end of a pair and ask the other process to follow."""
        process = self._processes[ended]
        how = process.describe_end() if process.has_ended() else "did not listen in time"
        steady = now - self._started >= _STEADY_SECONDS
        self._ends_in_a_row = 1 if steady else self._ends_in_a_row + 1
        tail = "\n".join(f"  {line}" for line in read_tail(process.log, _TAIL_LINES))
        self._last_end = f"{self._node.name}: its {ended} {how}; {process.log}:\n{tail}"
        # Last: another thread that sees the count asks for the description.
        self.ends += 1
        self._tell(f"its {ended} {how}")
        for other in self._processes.values():
            other.terminate()
        self._phase, self._until = _Phase.CLOSING, now + _GRACE_SECONDS

    def _finish_closing(self, now: float) -> None:
        processes = list(self._processes.values())
        if not all(process.has_ended() for process in processes):
            if now > self._until:
                for process in processes:
                    process.send_signal(signal.SIGKILL)
            return
        if self._ends_in_a_row > _ENDS_IN_A_ROW_MAX:
            self._phase = _Phase.GIVEN_UP
            self._tell("ended too often, and is not started again")
            return
        delay = _DELAY_FIRST_SECONDS * 2 ** (self._ends_in_a_row - 1)
        self._phase, self._until = _Phase.WAITING, now + min(delay, _DELAY_MAX_SECONDS)

    def _tell(self, what: str) -> None:
        self._on_event(f"{self._node.name}: {what}")
