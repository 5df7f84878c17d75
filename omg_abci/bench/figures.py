"""What is measured, with its unit and goal, and how runs become a figure.

A figure is the median of its runs. A run whose controls did not find two free cores is not
counted; when no run counts, the figure is the median of all of them and says so (``counted`` 0).
"""

import statistics
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

CONTROL_MIN: Final = 1.8
"""Two processes at once must do this many times the work of one alone."""
CONTROL_MAX: Final = 2.2
"""Two cannot do more than twice as much: above this, something disturbed the one alone."""


class Measurement(NamedTuple):
    """What one run found."""

    value: float
    ceiling: float
    """What the same run found for the bare operation named by the specification; same unit."""
    more: Mapping[str, object]
    """Further findings; those that are numbers become medians too."""
    cpu_us: float | None = None
    """Processor time for one of what the figure counts, where there is such a thing."""


Better = Literal["higher", "lower"]


class Limit(NamedTuple):
    """A bound on a finding beside the value: a percentile, a restart time."""

    finding: str
    """Its name in `Measurement.more`."""
    unit: str
    goal: float
    floor: float
    better: Better
    worst: bool = False
    """Judge the worst of all runs, not the median of the counted ones."""


class Specification(NamedTuple):
    """What a figure is."""

    name: str
    unit: str
    goal: float
    """What is to be reached."""
    floor: float
    """What must hold in every release."""
    better: Better
    ceiling_of: str
    """What the ceiling is measured on."""
    limits: tuple[Limit, ...] = ()
    """Of what belongs to the figure beside its value."""


class Run(NamedTuple):
    """A measurement between two controls."""

    measurement: Measurement
    control_before: float
    control_after: float

    @property
    def is_counted(self) -> bool:
        """True when two cores were there before and after."""
        controls = (self.control_before, self.control_after)
        return min(controls) >= CONTROL_MIN and max(controls) <= CONTROL_MAX


_RECOVER: Final = "one process recovering the same signatures"
_DECODE: Final = "decoding and digest of the same transactions"
_LOST: Final = Limit("lost", "txs", 0, 0, "lower", worst=True)
SPECIFICATIONS: Final = (
    Specification(
        "match",
        "messages/s",
        1_000_000,
        700_000,
        "higher",
        "a bare Python book with balances, same messages",
    ),
    Specification("block_single", "orders/s", 60_000, 35_000, "higher", _DECODE),
    Specification("block_batch", "legs/s", 150_000, 90_000, "higher", _DECODE),
    Specification(
        "e2e_single",
        "orders/s",
        20_000,
        10_000,
        "higher",
        _RECOVER,
        (Limit("of_recover_rate", "×", 0.6, 0, "higher"), _LOST),
    ),
    Specification(
        "e2e_batch",
        "legs/s",
        100_000,
        50_000,
        "higher",
        _RECOVER,
        (_LOST,),
    ),
    Specification(
        "e2e_4_single",
        "orders/s",
        3_500,
        2_500,
        "higher",
        _RECOVER,
        (_LOST,),
    ),
    Specification(
        "fill_latency",
        "ms",
        300,
        400,
        "lower",
        "the median interval between blocks",
        (Limit("p99_ms", "ms", 800, 1_000, "lower"),),
    ),
    Specification(
        "state",
        "GiB",
        4,
        4,
        "lower",
        "the bytes of all keys and values of the same state",
        (Limit("restart_seconds", "s", 60, 60, "lower"),),
    ),
    Specification(
        "growth",
        "×",
        1.25,
        1.5,
        "lower",
        "what would not grow at all",
    ),
    Specification(
        "delegators",
        "×",
        1.1,
        1.25,
        "lower",
        "what would not grow at all",
    ),
)
NAMES: Final = tuple(specification.name for specification in SPECIFICATIONS)


def get_specification(name: str) -> Specification:
    """Return a figure's specification by its name; raise KeyError."""
    return {specification.name: specification for specification in SPECIFICATIONS}[name]


def summarise(specification: Specification, runs: Sequence[Run]) -> dict[str, object]:
    """Return the figure of one or more runs, ready for JSON."""
    counted = [run for run in runs if run.is_counted]
    used = [run.measurement for run in (counted or runs)]
    value = statistics.median(each.value for each in used)
    ceiling = statistics.median(each.ceiling for each in used)
    more = _merge([each.more for each in used])
    values = [run.measurement.value for run in runs]
    cpu = [run.measurement.cpu_us for run in runs if run.measurement.cpu_us is not None]
    return {
        "name": specification.name,
        "value": shorten(value),
        "unit": specification.unit,
        "better": specification.better,
        "ceiling": shorten(ceiling),
        "ceiling_of": specification.ceiling_of,
        "goal": specification.goal,
        "floor": specification.floor,
        "met": is_within(value, specification.goal, specification.better),
        "holds": is_within(value, specification.floor, specification.better),
        "limits": [
            _judge(limit, _find_worst(limit, runs) if limit.worst else more.get(limit.finding))
            for limit in specification.limits
        ],
        "runs": len(runs),
        "counted": len(counted),
        "min": shorten(min(values)),
        "max": shorten(max(values)),
        "values": [[shorten(run.measurement.value), run.is_counted] for run in runs],
        "cpu_us": shorten(statistics.median(cpu)) if cpu else None,
        "cpu_us_of_runs": [shorten(each) for each in cpu],
        "controls": [[round(run.control_before, 2), round(run.control_after, 2)] for run in runs],
        "more": more,
    }


def is_within(value: float, bound: float, better: str) -> bool:
    """Tell whether a value is at the bound or on its better side."""
    return value >= bound if better == "higher" else value <= bound


def _judge(limit: Limit, value: object) -> dict[str, object]:
    """Return what a finding is beside its goal and floor."""
    number = float(value) if isinstance(value, int | float) else None
    return {
        "name": limit.finding,
        "value": number,
        "unit": limit.unit,
        "better": limit.better,
        "goal": limit.goal,
        "floor": limit.floor,
        "met": number is not None and is_within(number, limit.goal, limit.better),
        "holds": number is not None and is_within(number, limit.floor, limit.better),
    }


def _find_worst(limit: Limit, runs: Sequence[Run]) -> float | None:
    values = [run.measurement.more.get(limit.finding) for run in runs]
    numbers = [value for value in values if isinstance(value, int | float)]
    if not numbers:
        return None
    return max(numbers) if limit.better == "lower" else min(numbers)


def _merge(findings: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Return the medians of what are numbers in every run, and the last run's value of the rest."""
    merged: dict[str, object] = {}
    for name, last in findings[-1].items():
        values = [each.get(name) for each in findings]
        numbers = [
            value
            for value in values
            if isinstance(value, int | float) and not isinstance(value, bool)
        ]
        if isinstance(last, Mapping):
            merged[name] = _merge([value for value in values if isinstance(value, Mapping)])
        elif len(numbers) == len(values):
            merged[name] = shorten(statistics.median(numbers))
        else:
            merged[name] = last
    return merged


def shorten(value: float) -> float:
    """Return the number with four significant digits and no more."""
    return float(f"{value:.4g}") if value < 10_000 else round(value)  # noqa: PLR2004 - the digits
