"""Where a process of the node spends its processor time: samples of its stacks, when asked.

With the environment variable ``OMG_SAMPLES`` naming a directory, each process of the node writes
``ROLE-PID.json`` there when it ends; without it nothing is installed and nothing costs anything.
The kernel sends SIGPROF for every few milliseconds of processor time that the process used, and
each sample carries the time used since the one before: their sum is the process's own time.
"""

import asyncio
import atexit
import contextlib
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import CodeType, FrameType
from typing import Final

VARIABLE: Final = "OMG_SAMPLES"
"""Names the directory to write to."""
NATIVE: Final = "native threads"
"""Stands for threads that no Python code runs in: gRPC's and RocksDB's own."""
SAMPLES_MAX: Final = 1_000_000
"""Above an hour of one core; later samples are added to the last one."""
_SECONDS: Final = 0.004
"""Of processor time; many kernels look no more often."""
_DEPTH_MAX: Final = 64
_PACKAGE: Final = str(Path(__file__).parents[1]) + os.sep
_WAITS: Final = (
    ("selectors.py", "select"),
    ("thread.py", "_worker"),
    ("threading.py", "wait"),
    ("threading.py", "run"),
    ("unix_events.py", "_do_waitpid"),
)
"""File and function in which a thread stands that does nothing, or nothing of Python."""


class Sampler:
    """The samples of one process, taken in its main thread."""

    def __init__(self) -> None:
        """Begin with no sample, at the time used so far."""
        self._stacks: dict[tuple[int, ...], int] = {(): 0}
        """Identities of code, innermost first, to the stack's place; the empty one is native."""
        self._codes: dict[int, CodeType] = {}
        self._samples: list[list[float]] = []
        """Each the monotonic time, the stack's place, and the seconds of processor time."""
        self._all = self._first = time.process_time()
        self._main = time.thread_time()
        self._of_main = self._of_others = 0.0
        self._own_thread = threading.get_ident()

    def take(self, number: int, frame: FrameType | None) -> None:
        """Add what was used since the last call; the handler of SIGPROF."""
        del number
        used, used_main = time.process_time(), time.thread_time()
        main = used_main - self._main
        others = max(0.0, used - self._all - main)
        self._all, self._main = used, used_main
        self._of_main += main
        self._of_others += others
        # A main thread that only waits was woken by what another thread used.
        if frame is not None and (main >= others or not _is_waiting(frame)):
            self._add(self._find_stack(frame), self._of_main)
            self._of_main = 0.0
        if self._of_others >= _SECONDS:
            self._add(self._find_other_stack(), self._of_others)
            self._of_others = 0.0

    def describe(self) -> dict[str, object]:
        """Return all samples as JSON has them."""
        names = {identity: _describe_code(code) for identity, code in self._codes.items()}
        return {
            "cpu_seconds": time.process_time() - self._first,
            "stacks": [
                [names[identity] for identity in stack] or [NATIVE] for stack in self._stacks
            ],
            "samples": self._samples,
        }

    def _add(self, stack: int, seconds: float) -> None:
        if len(self._samples) < SAMPLES_MAX:
            self._samples.append([time.monotonic(), stack, seconds])
        else:
            self._samples[-1][2] += seconds

    def _find_stack(self, frame: FrameType | None) -> int:
        found: list[int] = []
        while frame is not None and len(found) < _DEPTH_MAX:
            code = frame.f_code
            found.append(id(code))
            self._codes[id(code)] = code
            frame = frame.f_back
        return self._stacks.setdefault(tuple(found), len(self._stacks))

    def _find_other_stack(self) -> int:
        """Return the stack of a Python thread at work besides the main one; 0, native, for none."""
        for thread, frame in sys._current_frames().items():  # noqa: SLF001 - there is no other way
            if thread != self._own_thread and not _is_waiting(frame):
                return self._find_stack(frame)
        return 0


def start_sampling(role: str) -> None:
    """Sample this process until it ends, if the environment asks for it; call it when it starts.

    A process whose other threads work while its event loop waits calls it in the loop.
    """
    folder = os.environ.get(VARIABLE)
    if not folder:
        return
    with contextlib.suppress(RuntimeError):
        # With any handler of its own the loop wakes for every signal, whichever thread gets it.
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, lambda: None)
    sampler = Sampler()
    signal.signal(signal.SIGPROF, sampler.take)
    signal.siginterrupt(signal.SIGPROF, False)  # noqa: FBT003 - the signal module's own signature
    signal.setitimer(signal.ITIMER_PROF, _SECONDS, _SECONDS)
    atexit.register(_write, sampler, Path(folder), role)


def _write(sampler: Sampler, folder: Path, role: str) -> None:
    signal.setitimer(signal.ITIMER_PROF, 0)
    target = folder / f"{role}-{os.getpid()}.json"
    passing = target.with_suffix(".part")
    passing.write_text(json.dumps({"role": role, **sampler.describe()}), encoding="utf-8")
    passing.replace(target)


def _is_waiting(frame: FrameType) -> bool:
    code = frame.f_code
    return (code.co_filename.rpartition(os.sep)[2], code.co_name) in _WAITS


def _describe_code(code: CodeType) -> str:
    """Return ``package.module:Class.function``, the module as it is imported."""
    place = code.co_filename
    if place.startswith(_PACKAGE):
        place = "omg_abci" + os.sep + place.removeprefix(_PACKAGE)
    else:
        place = str(Path(*Path(place).parts[-2:]))
    module = place.removesuffix(".py").replace(os.sep, ".")
    name = getattr(code, "co_qualname", code.co_name)
    return f"{module}:{name}"
