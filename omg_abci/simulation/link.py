"""The simulator's end of a worker: its process, its surroundings, the questions and answers."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from omg_abci.protocol.errors import OmgError

Answer = dict[str, Any]
WORKER: Final = "omg_abci.simulation.worker"
_LINE_BYTES_MAX: Final = 256 * 1024 * 1024
_ANSWER_SECONDS: Final = 300.0
_NOT_INHERITED: Final = ("LANG", "LC_CTYPE", "PYTHONDONTWRITEBYTECODE", "PYTHONOPTIMIZE")
_LOG_SHOWN_BYTES: Final = 6_000


class Surroundings(NamedTuple):
    """What differs between two processes that must do the same."""

    hash_seed: str
    locale: str
    zone: str
    options: tuple[str, ...]


SURROUNDINGS: Final = (
    Surroundings("0", "C", "UTC", ()),
    Surroundings("4294967295", "tr_TR.UTF-8", "America/St_Johns", ("-O",)),
    Surroundings("1", "C.UTF-8", "Pacific/Kiritimati", ()),
    Surroundings("77", "de_DE.ISO-8859-1", "Asia/Kathmandu", ("-O",)),
    Surroundings("123456789", "POSIX", "America/Los_Angeles", ()),
)
"""Of the first workers; further ones begin again with the first, with other hash seeds."""


class WorkerLost(OmgError):
    """A worker ended although nobody ended it; the text is what it said."""


def get_surroundings(number: int) -> Surroundings:
    """Return where a worker runs."""
    turn, place = divmod(number, len(SURROUNDINGS))
    found = SURROUNDINGS[place]
    return found if not turn else found._replace(hash_seed=str(1_000 * turn + place))


class Link:
    """One worker: its folder stays, its process comes and goes."""

    def __init__(self, number: int, home: Path, module: str = WORKER) -> None:
        """Name the worker and where it keeps its state; `start` runs it."""
        self.number = number
        self.home = home
        self.where = get_surroundings(number)
        self.joined_at = 0
        """The height of the snapshot that its state began with; 0: it began with genesis."""
        self._module = module
        self._process: asyncio.subprocess.Process | None = None
        self._log = home.with_suffix(".log")

    @property
    def is_up(self) -> bool:
        """Tell whether the process runs."""
        return self._process is not None

    async def start(self) -> None:
        """Start the process."""
        kept = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
        environment = kept | {
            "PYTHONPYCACHEPREFIX": str(self.home.parents[1] / "compiled"),
            "PYTHONHASHSEED": self.where.hash_seed,
            "LC_ALL": self.where.locale,
            "TZ": self.where.zone,
        }
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, *self.where.options, "-m", self._module),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=environment,
                limit=_LINE_BYTES_MAX,
            )

    def send(self, command: Mapping[str, Any]) -> None:
        """Send a command; its answer comes behind those of the commands before."""
        process = self._get_process()
        if process.stdin is not None:
            process.stdin.write(json.dumps(command).encode() + b"\n")

    async def receive(self) -> Answer:
        """Return the next answer; raise WorkerLost."""
        process = self._get_process()
        line = b""
        if process.stdout is not None:
            with contextlib.suppress(ConnectionError, TimeoutError):
                line = await asyncio.wait_for(process.stdout.readline(), _ANSWER_SECONDS)
        if not line.endswith(b"\n"):
            ended = f"ended, or said nothing for {_ANSWER_SECONDS:.0f} seconds"
            raise WorkerLost(f"worker {self.number} {ended}:\n{self._read_log()}")
        answer: Answer = json.loads(line)
        return answer

    async def ask(self, command: Mapping[str, Any]) -> Answer:
        """Send a command and return its answer; raise WorkerLost."""
        self.send(command)
        return await self.receive()

    async def kill(self) -> None:
        """End the process as a power failure does."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            await process.wait()

    async def close(self) -> None:
        """Let the process end by itself; raise WorkerLost when it did not end well."""
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        if await process.wait():
            raise WorkerLost(f"worker {self.number} did not end well:\n{self._read_log()}")

    def forget(self) -> None:
        """Remove everything that the worker kept."""
        shutil.rmtree(self.home, ignore_errors=True)
        self.joined_at = 0

    def _get_process(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise WorkerLost(f"worker {self.number} is down")
        return self._process

    def _read_log(self) -> str:
        data = self._log.read_bytes() if self._log.exists() else b""
        return data[-_LOG_SHOWN_BYTES:].decode(errors="replace")
