"""A measurement in a process of its own: nothing of an earlier one is in its memory or caches.

Run as a program, `python -m omg_abci.bench.isolation NAME SETTINGS PARENT`, it measures one of
`MEASURES` with settings given as JSON, prints what it found as one line of JSON, and ends when the
process with the id PARENT does.
"""

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from omg_abci.bench.errors import MeasurementFailed
from omg_abci.bench.figures import Measurement
from omg_abci.node.channel import settle_child

MEASURES: Final = {
    "match": "omg_abci.bench.matching",
    "block": "omg_abci.bench.blocks",
    "delegators": "omg_abci.bench.delegators",
    "state_make": "omg_abci.bench.state_making",
    "state_load": "omg_abci.bench.state_loading",
    "reader_load": "omg_abci.bench.state_loading",
}
"""Name to the module whose function `measure_NAME` takes the settings by name."""
_TAIL_CHARACTERS: Final = 2_000
_LOOKED_SECONDS: Final = 0.05


class Apart:
    """A measurement that runs in a process of its own; as a context manager it leaves none."""

    def __init__(self, name: str, **settings: object) -> None:
        """Start `measure_NAME` with the settings."""
        self._name = name
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, name, json.dumps(settings), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def status(self) -> int | None:
        """Return its exit status, None while it runs."""
        return self._process.poll()

    def read(self) -> dict[str, object]:
        """Wait for what it found; raise MeasurementFailed."""
        output, errors = self._process.communicate()
        status = self._process.returncode
        if status:
            raise MeasurementFailed(
                f"{self._name} ended with {status}:\n{errors[-_TAIL_CHARACTERS:]}"
            )
        found: dict[str, object] = json.loads(output)
        return found


def read_both(one: Apart, other: Apart) -> tuple[dict[str, object], dict[str, object]]:
    """Wait for both, which may wait for each other; raise MeasurementFailed when either fails."""
    halves = (one, other)
    while any(half.status is None for half in halves):
        for half in halves:
            if half.status:
                half.read()
        time.sleep(_LOOKED_SECONDS)
    return one.read(), other.read()


def measure_apart(name: str, **settings: object) -> dict[str, object]:
    """Return what `measure_NAME` found in a new process; raise MeasurementFailed."""
    with Apart(name, **settings) as running:
        return running.read()


def make_measurement(found: Mapping[str, object]) -> Measurement:
    """Return a measurement from its JSON form; raise MeasurementFailed."""
    value, ceiling, more = found["value"], found["ceiling"], found["more"]
    cpu_us = found.get("cpu_us")
    if not (
        isinstance(value, int | float)
        and isinstance(ceiling, int | float)
        and isinstance(more, Mapping)
        and isinstance(cpu_us, float | None)
    ):
        raise MeasurementFailed(f"not a measurement: {found}")
    return Measurement(value, ceiling, more, cpu_us)


def main() -> None:
    """Measure what the arguments name; end at once when the process that asked has ended."""
    name, settings, parent = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
    settle_child(parent)
    found = getattr(importlib.import_module(MEASURES[name]), f"measure_{name}")(**settings)
    if isinstance(found, Measurement):
        found = found._asdict()
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
