"""A child process of the supervisor: its log, its signals, its end.

Guarantees: no signal is ever sent to a process that took over the id; when a child has ended,
nothing of its process group is left; the children die with the supervisor (see `tether`). A child
must be started by a thread that outlives it: Linux counts that thread as the parent.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_TETHER: Final = Path(__file__).with_name("tether.py")
_LOG_BYTES_MAX: Final = 32 * 1024 * 1024
_TAIL_BYTES: Final = 64 * 1024


class Process:
    """A running command in a session of its own, writing to a log file.

    Args:
        command: program and arguments.
        log: is appended to; moved aside first when it has become long.
        environment: all variables that the command sees.
    """

    def __init__(
        self, command: Sequence[str | Path], log: Path, environment: Mapping[str, str]
    ) -> None:
        self.log = log
        self._lock = threading.Lock()
        _rotate(log)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", _TETHER, str(os.getpid()), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        self.pid = self._process.pid

    def has_ended(self) -> bool:
        """Tell whether the command has ended; what it left in its process group is killed."""
        with self._lock:
            if self._process.returncode is not None:
                return True
            # The dead child is not yet collected, so that its id still names its own group.
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return False
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
            return True

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the command alone, unless it has ended."""
        with self._lock:
            # Popen's own method collects a dead child, before its group was dealt with.
            if self._process.returncode is None:
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask the command to end; a stopped one is continued, so that it can."""
        self.send_signal(signal.SIGTERM)
        self.send_signal(signal.SIGCONT)

    def describe_end(self) -> str:
        """Say how the command ended."""
        status = self._process.returncode
        if status is None:
            return "still runs"
        if status < 0:
            return f"was killed by {signal.Signals(-status).name}"
        return f"ended with status {status}"


def read_tail(path: Path, lines: int) -> list[str]:
    """Return the last lines of a log; none when it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            return file.read().decode(errors="replace").splitlines()[-lines:]
    except OSError:
        return []


def _rotate(log: Path) -> None:
    """Keep one older log when the log has become long."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > _LOG_BYTES_MAX:
            log.replace(log.with_name(f"{log.name}.1"))
