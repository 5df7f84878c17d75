"""The whole suite: which figure is measured how often, how large, and between which controls."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from omg_abci.bench.control import measure_control
from omg_abci.bench.end_to_end import measure_e2e
from omg_abci.bench.errors import MeasurementFailed
from omg_abci.bench.figures import Measurement, Run, get_specification, summarise
from omg_abci.bench.isolation import make_measurement, measure_apart
from omg_abci.bench.latency import measure_latency
from omg_abci.bench.state_size import StateDirectory, measure_state
from omg_abci.localnet.errors import LocalnetError

Measure = Callable[[], Measurement]
Say = Callable[[str], None]
_TRIES_FACTOR: Final = 2
"""A run without two cores is repeated, until this many times the runs wanted were made."""


class Plan(NamedTuple):
    """How a figure is measured."""

    measure: Measure
    runs: int


@contextlib.contextmanager
def make_plans(*, quick: bool) -> Iterator[dict[str, Plan]]:
    """Yield the plan of each figure; what they share is deleted at the end."""
    runs = 3 if quick else 5
    shrink = 3 if quick else 1
    directory = StateDirectory()

    def apart(name: str, **settings: int) -> Measure:
        return lambda: make_measurement(measure_apart(name, **settings))

    try:
        yield {
            "match": Plan(apart("match", messages=100_000 // shrink, seeded=40_000), runs),
            "block_single": Plan(
                apart("block", legs=1, count=60_000 // shrink, seeded=20_000), runs
            ),
            "block_batch": Plan(
                apart("block", legs=20, count=160_000 // shrink, seeded=20_000), runs
            ),
            "e2e_single": Plan(lambda: measure_e2e(1, 1, 60_000 // shrink), runs),
            "e2e_batch": Plan(lambda: measure_e2e(1, 20, 200_000 // shrink), runs),
            "e2e_4_single": Plan(lambda: measure_e2e(4, 1, 20_000 // shrink), runs),
            "fill_latency": Plan(lambda: measure_latency(100 // shrink), runs),
            "state": Plan(lambda: measure_state(directory), 1 if quick else runs),
        }
    finally:
        directory.close()


def run_suite(names: Sequence[str], *, quick: bool, say: Say) -> list[dict[str, object]]:
    """Return the figures of the names, in their order; raise MeasurementFailed for none of them.

    A figure of which no run could be made says why in ``error`` and has no value.
    """
    with make_plans(quick=quick) as plans:
        return [run_figure(name, plans[name], repeat=not quick, say=say) for name in names]


def run_figure(
    name: str, plan: Plan, *, repeat: bool, say: Say, control: Callable[[], float] = measure_control
) -> dict[str, object]:
    """Return one figure; runs without two cores are made again when `repeat` says so."""
    specification = get_specification(name)
    runs: list[Run] = []
    begun = time.monotonic()
    before = control()
    tries_max = plan.runs * _TRIES_FACTOR if repeat else plan.runs
    reason = ""
    for number in range(1, tries_max + 1):
        try:
            measurement = plan.measure()
        except (MeasurementFailed, LocalnetError) as failure:
            reason = str(failure)
            say(f"{name} run {number}: failed: {reason}")
            before = control()
            if not runs and number >= plan.runs:
                break
            continue
        after = control()
        run = Run(measurement, before, after)
        runs.append(run)
        before = after
        say(_describe_run(name, specification.unit, number, run))
        if sum(run.is_counted for run in runs) >= plan.runs:
            break
    seconds = round(time.monotonic() - begun, 1)
    if not runs:
        return {
            "name": name,
            "value": None,
            "unit": specification.unit,
            "ceiling": None,
            "goal": specification.goal,
            "runs": 0,
            "counted": 0,
            "error": reason,
            "seconds": seconds,
        }
    return summarise(specification, runs) | {"seconds": seconds}


def _describe_run(name: str, unit: str, number: int, run: Run) -> str:
    verdict = "" if run.is_counted else ", not counted: not two free cores"
    return (
        f"{name} run {number}: {format_number(run.measurement.value)} {unit}, ceiling"
        f" {format_number(run.measurement.ceiling)}"
        f" (control {run.control_before:.2f}, {run.control_after:.2f}{verdict})"
    )


def format_number(value: object) -> str:
    """Return a number for people: grouped when large, three digits when small."""
    if not isinstance(value, int | float):
        return "–"
    if value == 0 or math.isinf(value):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004 - digits
