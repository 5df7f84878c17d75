"""A measurement in a process of its own: nothing of an earlier one is in its memory or caches.

Run as a program, `python -m omg_abci.bench.isolation NAME SETTINGS`, it measures one of `MEASURES`
with settings given as JSON, and prints what it found as one line of JSON.
"""

import importlib
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Final

from omg_abci.bench.errors import MeasurementFailed
from omg_abci.bench.figures import Measurement

MEASURES: Final = {
    "match": "omg_abci.bench.matching",
    "block": "omg_abci.bench.blocks",
    "state_make": "omg_abci.bench.state_making",
    "state_load": "omg_abci.bench.state_loading",
    "reader_load": "omg_abci.bench.state_loading",
}
"""Name to the module whose function `measure_NAME` takes the settings by name."""
_TAIL_CHARACTERS: Final = 2_000


def measure_apart(name: str, **settings: object) -> dict[str, object]:
    """Return what `measure_NAME` found in a new process; raise MeasurementFailed."""
    run = subprocess.run(
        [sys.executable, "-m", __name__, name, json.dumps(settings)],
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise MeasurementFailed(
            f"{name} ended with {run.returncode}:\n{run.stderr[-_TAIL_CHARACTERS:]}"
        )
    found: dict[str, object] = json.loads(run.stdout)
    return found


def make_measurement(found: Mapping[str, object]) -> Measurement:
    """Return a measurement from its JSON form; raise MeasurementFailed."""
    value, ceiling, more = found["value"], found["ceiling"], found["more"]
    if not (
        isinstance(value, int | float)
        and isinstance(ceiling, int | float)
        and isinstance(more, Mapping)
    ):
        raise MeasurementFailed(f"not a measurement: {found}")
    return Measurement(value, ceiling, more)


def main() -> None:
    """Measure what the arguments name."""
    name, settings = sys.argv[1], json.loads(sys.argv[2])
    found = getattr(importlib.import_module(MEASURES[name]), f"measure_{name}")(**settings)
    if isinstance(found, Measurement):
        found = found._asdict()
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
