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


Better = Literal["higher", "lower"]


class Specification(NamedTuple):
    """What a figure is."""

    name: str
    unit: str
    goal: float
    better: Better
    ceiling_of: str
    """What the ceiling is measured on."""


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


SPECIFICATIONS: Final = (
    Specification(
        "match",
        "messages/s",
        1_000_000,
        "higher",
        "a plain Python book with balances, same messages",
    ),
    Specification(
        "block_single", "orders/s", 60_000, "higher", "decoding and digest of the same transactions"
    ),
    Specification(
        "block_batch", "legs/s", 150_000, "higher", "decoding and digest of the same transactions"
    ),
    Specification(
        "e2e_single", "orders/s", 20_000, "higher", "one process recovering the same signatures"
    ),
    Specification(
        "e2e_batch", "legs/s", 100_000, "higher", "one process recovering the same signatures"
    ),
    Specification(
        "e2e_4_single", "orders/s", 3_500, "higher", "one process recovering the same signatures"
    ),
    Specification("fill_latency", "ms", 300, "lower", "the median interval between blocks"),
    Specification("state", "GiB", 4, "lower", "the bytes of all keys and values of the same state"),
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
    met = (
        value >= specification.goal
        if specification.better == "higher"
        else value <= specification.goal
    )
    values = [run.measurement.value for run in runs]
    return {
        "name": specification.name,
        "value": _shorten(value),
        "unit": specification.unit,
        "ceiling": _shorten(ceiling),
        "ceiling_of": specification.ceiling_of,
        "goal": specification.goal,
        "met": met,
        "runs": len(runs),
        "counted": len(counted),
        "min": _shorten(min(values)),
        "max": _shorten(max(values)),
        "controls": [[round(run.control_before, 2), round(run.control_after, 2)] for run in runs],
        "more": _merge([each.more for each in used]),
    }


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
            merged[name] = _shorten(statistics.median(numbers))
        else:
            merged[name] = last
    return merged


def _shorten(value: float) -> float:
    """Keep four significant digits and no more."""
    return float(f"{value:.4g}") if value < 10_000 else round(value)  # noqa: PLR2004 - the digits
