"""`state` and `growth`: what a node holds, how it restarts, and what its size does to a block.

The executor's part and the read process's part are loaded side by side in processes of their own,
as a node does; the restart takes as long as the longer of the two. Then both do the same blocks of
new orders at every size: what an order costs should not depend on how many others there are.
"""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from omg_abci.bench.errors import MeasurementFailed
from omg_abci.bench.figures import Measurement
from omg_abci.bench.isolation import Apart, measure_apart, read_both

LARGEST: Final = 1_000_000
SIZES: Final = (10_000, 100_000, LARGEST)
BLOCKS: Final = 24
"""On top of each state: six root intervals."""
BLOCK_TXS: Final = 1_000
_GIB: Final = 1 << 30


class Variant(NamedTuple):
    """A state that costs are measured on."""

    accounts: int
    """As many have an open order."""
    history: bool
    """Whether they have traded before."""

    @property
    def name(self) -> str:
        """Return what it is called in the results."""
        return f"{self.accounts}{'_history' if self.history else ''}"


class Sample(NamedTuple):
    """What both halves found on one state."""

    executor_gib: float
    reader_gib: float
    executor_seconds: float
    reader_seconds: float
    us_per_order: dict[str, float]
    """By part, both processes."""
    us_per_folded_key: float
    records: float
    gib: float
    """The bytes of all keys and values."""


class StateDirectory:
    """The databases of all variants, each made once; what was measured on them is kept."""

    def __init__(
        self,
        once: Sequence[Variant] = (),
        *,
        blocks: int = BLOCKS,
        block_txs: int = BLOCK_TXS,
    ) -> None:
        """Measure those in `once` no second time: what takes too long for it.

        On top of each state are so many blocks of so many orders.
        """
        self._blocks, self._block_txs = blocks, block_txs
        self._once: dict[Variant, Sample | None] = dict.fromkeys(once)
        self._folder = tempfile.TemporaryDirectory(prefix="omg-bench-state-")
        self._made: dict[Variant, dict[str, object]] = {}
        self._unused: dict[Variant, list[Sample]] = {}
        """Samples that `state` took and `growth` has not looked at."""

    def measure(self, variant: Variant, *, keep: bool = False) -> Sample:
        """Load a variant in both halves and do blocks on it; raise MeasurementFailed."""
        made = self._make(variant)
        path = Path(self._folder.name) / "loaded"
        # Each run continues from the same height, so the blocks go into a copy.
        shutil.copytree(Path(self._folder.name) / variant.name, path)
        try:
            with (
                Apart("reader_load", path=str(path), block_txs=self._block_txs) as reading,
                Apart(
                    "state_load", path=str(path), blocks=self._blocks, block_txs=self._block_txs
                ) as running,
            ):
                executor, reader = read_both(running, reading)
        finally:
            shutil.rmtree(path)
            for left in path.parent.glob(f"{path.name}.*"):
                left.unlink()
        sample = _make_sample(made, executor, reader)
        if keep:
            self._unused.setdefault(variant, []).append(sample)
        return sample

    def take(self, variant: Variant) -> Sample:
        """Return a sample that `measure` kept, or make one."""
        unused, before = self._unused.get(variant), self._once.get(variant)
        sample = before or (unused.pop() if unused else self.measure(variant))
        if variant in self._once:
            self._once[variant] = sample
        return sample

    def close(self) -> None:
        """Delete them all."""
        self._folder.cleanup()

    def _make(self, variant: Variant) -> dict[str, object]:
        if variant not in self._made:
            path = Path(self._folder.name) / variant.name
            path.mkdir()
            self._made[variant] = measure_apart(
                "state_make", path=str(path), accounts=variant.accounts, history=variant.history
            )
        return self._made[variant]


def measure_state(directory: StateDirectory, accounts: int = LARGEST) -> Measurement:
    """Return the GiB that both processes hold of the largest state."""
    sample = directory.measure(Variant(accounts, history=False), keep=True)
    more = {
        "accounts": accounts,
        "open_orders": accounts,
        "executor_gib": sample.executor_gib,
        "reader_gib": sample.reader_gib,
        "executor_load_seconds": sample.executor_seconds,
        "reader_load_seconds": sample.reader_seconds,
        "restart_seconds": max(sample.executor_seconds, sample.reader_seconds),
        "records": sample.records,
    }
    return Measurement(sample.executor_gib + sample.reader_gib, sample.gib, more)


def measure_growth(directory: StateDirectory, variants: Sequence[Variant]) -> Measurement:
    """Return how many times more an order costs on the largest state than on the smallest.

    The worse of the states without and with a history.
    """
    found = {variant: directory.take(variant) for variant in sorted(variants)}
    ratios: dict[str, float] = {}
    for history, name in ((False, "plain"), (True, "history")):
        totals = [
            sum(sample.us_per_order.values())
            for variant, sample in found.items()
            if variant.history is history
        ]
        if totals:
            ratios[name] = totals[-1] / totals[0]
    more: dict[str, object] = {
        variant.name: {
            "accounts": variant.accounts,
            "history": variant.history,
            "us_per_order": sum(sample.us_per_order.values()),
            "parts": sample.us_per_order,
            "us_per_folded_key": sample.us_per_folded_key,
            "gib": sample.executor_gib + sample.reader_gib,
            "records": sample.records,
        }
        for variant, sample in found.items()
    }
    return Measurement(max(ratios.values()), 1.0, {"ratios": ratios, "states": more})


def _make_sample(
    made: Mapping[str, object], executor: Mapping[str, object], reader: Mapping[str, object]
) -> Sample:
    return Sample(
        _read(executor, "memory") / _GIB,
        _read(reader, "memory") / _GIB,
        _read(executor, "seconds"),
        _read(reader, "seconds"),
        _read_parts(executor) | _read_parts(reader),
        _read(reader, "us_per_folded_key"),
        _read(made, "records"),
        _read(made, "bytes") / _GIB,
    )


def _read(found: Mapping[str, object], name: str) -> float:
    value = found[name]
    if not isinstance(value, int | float):
        raise MeasurementFailed(f"{name} is no number: {value}")
    return value


def _read_parts(found: Mapping[str, object]) -> dict[str, float]:
    parts = found["us_per_order"]
    if not isinstance(parts, Mapping):
        raise MeasurementFailed(f"us_per_order is no table: {parts}")
    return {str(part): _read(parts, part) for part in parts}
