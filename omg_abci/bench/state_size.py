"""`state`: memory and restart of a node with a million accounts and a million open orders.

The executor's part and the read process's part are loaded side by side in processes of their own,
as a node does; the restart takes as long as the longer of the two. What an order costs in a block
and a key in a fold is measured at smaller states too: it should not grow.
"""

import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from omg_abci.bench.errors import MeasurementFailed
from omg_abci.bench.figures import Measurement
from omg_abci.bench.isolation import measure_apart

SIZES: Final = (10_000, 100_000, 1_000_000)
_GIB: Final = 1 << 30


class StateDirectory:
    """The databases of every size, made once for all runs of the figure."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="omg-bench-state-")
        self._made: dict[int, dict[str, object]] = {}

    def make(self, accounts: int) -> tuple[str, dict[str, object]]:
        """Return the path of a size's database and what is said of it, made when first asked."""
        path = Path(self._folder.name) / str(accounts)
        if accounts not in self._made:
            path.mkdir()
            self._made[accounts] = measure_apart("state_make", path=str(path), accounts=accounts)
        return str(path), self._made[accounts]

    def close(self) -> None:
        """Delete them all."""
        self._folder.cleanup()


def measure_state(directory: StateDirectory) -> Measurement:
    """Return the GiB that both processes hold at the largest size."""
    more: dict[str, object] = {}
    held = restart = ceiling = 0.0
    for accounts in SIZES:
        path, made = directory.make(accounts)
        with ThreadPoolExecutor() as threads:
            reading = threads.submit(measure_apart, "reader_load", path=path)
            executor = measure_apart("state_load", path=path)
            reader = reading.result()
        held = _read(executor, "memory") + _read(reader, "memory")
        restart = max(_read(executor, "seconds"), _read(reader, "seconds"))
        ceiling = _read(made, "bytes")
        more[f"{accounts}"] = {
            "executor_gib": _read(executor, "memory") / _GIB,
            "reader_gib": _read(reader, "memory") / _GIB,
            "executor_load_seconds": executor["seconds"],
            "reader_load_seconds": reader["seconds"],
            "us_per_order": executor["us_per_order"],
            "us_per_folded_key": reader["us_per_folded_key"],
            "records": made["records"],
        }
    more |= {"restart_seconds": restart, "goal_restart_seconds": 60}
    return Measurement(held / _GIB, ceiling / _GIB, more)


def _read(found: Mapping[str, object], name: str) -> float:
    value = found[name]
    if not isinstance(value, int | float):
        raise MeasurementFailed(f"{name} is no number: {value}")
    return value
