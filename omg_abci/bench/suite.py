"""The whole suite: which figure is measured how often, how large, and between which controls."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

from omg_abci.bench.control import measure_control
from omg_abci.bench.end_to_end import measure_e2e, measure_stages
from omg_abci.bench.errors import MeasurementFailed
from omg_abci.bench.figures import Measurement, Run, get_specification, summarise
from omg_abci.bench.isolation import make_measurement, measure_apart
from omg_abci.bench.latency import measure_latency
from omg_abci.bench.pace import Pace
from omg_abci.bench.report import format_number
from omg_abci.bench.results import Figure
from omg_abci.bench.state_size import (
    LARGEST,
    SIZES,
    StateDirectory,
    Variant,
    measure_growth,
    measure_state,
)
from omg_abci.localnet.errors import LocalnetError

Measure = Callable[[], Measurement]
Say = Callable[[str], None]
_TRIES_FACTOR: Final = 2
"""A run without two cores is repeated, until this many times the runs wanted were made."""
_QUICK_SECONDS: Final = 8 * 60
_FULL_SECONDS: Final = 40 * 60


class Plan(NamedTuple):
    """How a figure is measured."""

    measure: Measure
    runs: int
    seconds: float = 1.0
    """About what a run takes, with its control."""
    split: Callable[[], dict[str, object]] | None = None
    """One more run, that samples: how processor time splits into stages."""

    @property
    def total_seconds(self) -> float:
        """Return about what the figure takes."""
        return self.seconds * (self.runs + (self.split is not None))


@contextlib.contextmanager
def make_plans(*, quick: bool) -> Iterator[dict[str, Plan]]:
    """Yield the plan of each figure; what they share is deleted at the end."""
    runs = 3 if quick else 5
    shrink = 3 if quick else 1
    intervals = 1 if quick else 2
    directory = StateDirectory(once=[Variant(LARGEST, history=True)])
    variants = _list_variants(quick=quick)

    def apart(name: str, **settings: int) -> Measure:
        return lambda: make_measurement(measure_apart(name, **settings))

    def plan_e2e(validators: int, legs: int, count: int, seconds: float) -> Plan:
        return Plan(
            partial(measure_e2e, validators, legs, count),
            runs,
            seconds,
            partial(measure_stages, validators, legs, count),
        )

    def plan_block(legs: int, seconds: float) -> Plan:
        measure = apart("block", legs=legs, intervals=intervals, warm=intervals - 1, seeded=20_000)
        return Plan(measure, runs, seconds)

    try:
        yield {
            "match": Plan(apart("match", messages=100_000 // shrink, seeded=40_000), runs, 6),
            "block_single": plan_block(1, 9 if quick else 16),
            "block_batch": plan_block(20, 12 if quick else 28),
            "e2e_single": plan_e2e(1, 1, 60_000 // shrink, 12 if quick else 22),
            "e2e_batch": plan_e2e(1, 20, 200_000 // shrink, 12 if quick else 22),
            "e2e_4_single": plan_e2e(4, 1, 20_000 // shrink, 20 if quick else 32),
            "fill_latency": Plan(
                partial(measure_latency, 100 // shrink), runs, 20 if quick else 45
            ),
            "state": Plan(partial(measure_state, directory), 1 if quick else runs, 110),
            "growth": Plan(
                partial(measure_growth, directory, variants),
                1 if quick else runs,
                40 if quick else 85,
            ),
            "delegators": Plan(
                apart("delegators", few=10, many=100_000 // shrink, epochs=11), runs, 12
            ),
        }
    finally:
        directory.close()


def _list_variants(*, quick: bool) -> list[Variant]:
    """Return the states that `growth` compares."""
    return [
        Variant(accounts, history)
        for accounts in SIZES
        for history in (False, True)
        if not (quick and history and accounts == LARGEST)
    ]


def run_suite(names: Sequence[str], *, quick: bool, say: Say) -> list[Figure]:
    """Return the figures of the names, in their order.

    A figure of which no run could be made says why in ``error`` and has no value.
    """
    with make_plans(quick=quick) as plans:
        pace = Pace(
            {name: (plans[name].seconds, plans[name].total_seconds) for name in names},
            _QUICK_SECONDS if quick else _FULL_SECONDS,
            say,
        )
        return [
            run_figure(name, plans[name], repeat=not quick, pace=pace, say=say) for name in names
        ]


def run_figure(
    name: str,
    plan: Plan,
    *,
    repeat: bool,
    say: Say,
    pace: Pace | None = None,
    control: Callable[[], float] = measure_control,
) -> Figure:
    """Return one figure; runs without two cores are made again when `repeat` says so."""
    pace = pace or Pace({name: (plan.seconds, plan.total_seconds)}, _FULL_SECONDS, say)
    begun = time.monotonic()
    runs, reason = _make_runs(name, plan, repeat=repeat, pace=pace, say=say, control=control)
    figure = summarise(get_specification(name), runs) if runs else _make_missing(name, reason)
    if runs and plan.split is not None and pace.allows(name):
        figure |= _split(name, plan, pace, say, figure)
    pace.finish(name)
    return figure | {"seconds": round(time.monotonic() - begun, 1)}


def _make_runs(
    name: str,
    plan: Plan,
    *,
    repeat: bool,
    pace: Pace,
    say: Say,
    control: Callable[[], float],
) -> tuple[list[Run], str]:
    """Return the runs that could be made, and why the last failed one could not."""
    runs: list[Run] = []
    reason = ""
    before = control()
    for number in range(1, plan.runs * _TRIES_FACTOR + 1):
        extra = number > plan.runs
        if extra and (not repeat or not runs):
            break
        if not pace.allows(name, first=number == 1, extra=extra):
            say(f"{name}: no time is left for another run")
            break
        pace.begin(name, f"run {number} of {plan.runs}{' (repeated)' if extra else ''}")
        try:
            measurement = plan.measure()
        except (MeasurementFailed, LocalnetError) as failure:
            reason = str(failure)
            say(f"{name} run {number}: failed: {reason}")
            before = control()
            continue
        after = control()
        runs.append(Run(measurement, before, after))
        before = after
        say(_describe_run(name, number, runs[-1]))
        if sum(run.is_counted for run in runs) >= plan.runs:
            break
    return runs, reason


def _split(name: str, plan: Plan, pace: Pace, say: Say, figure: Figure) -> Figure:
    """Return the stages of a run that samples; nothing, and why, when it fails."""
    if plan.split is None:
        return {}
    pace.begin(name, "stages, one more run that samples and does not count")
    try:
        stages = plan.split()
    except (MeasurementFailed, LocalnetError) as failure:
        say(f"{name}: no stages: {failure}")
        return {"stages": None, "stages_error": str(failure)}
    total, usual = stages["processes_sum_us"], figure["cpu_us"]
    if isinstance(total, float) and usual:
        stages["of_counted_runs"] = total / usual
    return {"stages": stages}


def _make_missing(name: str, reason: str) -> Figure:
    """Return a figure without a value."""
    specification = get_specification(name)
    return {
        "name": name,
        "value": None,
        "unit": specification.unit,
        "better": specification.better,
        "ceiling": None,
        "goal": specification.goal,
        "floor": specification.floor,
        "met": False,
        "holds": False,
        "limits": [],
        "runs": 0,
        "counted": 0,
        "values": [],
        "min": None,
        "max": None,
        "cpu_us": None,
        "cpu_us_of_runs": [],
        "more": {},
        "error": reason,
    }


def _describe_run(name: str, number: int, run: Run) -> str:
    verdict = "" if run.is_counted else ", not counted: not two free cores"
    cpu = run.measurement.cpu_us
    processor = "" if cpu is None else f", {format_number(cpu)} CPU µs each"
    return (
        f"{name} run {number}: {format_number(run.measurement.value)}"
        f" {get_specification(name).unit}, ceiling {format_number(run.measurement.ceiling)}"
        f"{processor} (control {run.control_before:.2f}, {run.control_after:.2f}{verdict})"
    )
