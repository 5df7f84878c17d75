"""Whether a run is better or worse than an earlier one, or only different as runs always are.

A figure is compared by its counted runs. When either side has none, it is compared by processor
time, of which a busy machine takes less, over all runs. It is `better` or `worse` when the two
ranges of runs do not meet and the medians differ by more than noise does; everything else is
`same`. What was measured in one run only must differ more.
"""

import statistics
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from omg_abci.bench.results import Document, Figure

NOISE: Final = 0.03
"""Medians closer than this are the same."""
NOISE_OF_FEW: Final = 0.1
"""The same where a side has fewer than `_FEW` runs: their range says little."""
_FEW: Final = 3

BETTER, WORSE, SAME, UNKNOWN = "better", "worse", "same", "–"


class Compared(NamedTuple):
    """One figure, then and now."""

    name: str
    then: float | None
    now: float | None
    unit: str
    basis: str
    """"wall clock", "processor time", or why neither."""
    verdict: str

    @property
    def ratio(self) -> float | None:
        """Return now by then."""
        if self.then is None or self.now is None or not self.then:
            return None
        return self.now / self.then


def compare_documents(then: Document, now: Document) -> list[Compared]:
    """Return every figure that both hold, in the order of now."""
    earlier = {figure["name"]: figure for figure in then["figures"]}
    return [
        compare_figures(earlier[figure["name"]], figure)
        for figure in now["figures"]
        if figure["name"] in earlier
    ]


def compare_figures(then: Figure, now: Figure) -> Compared:
    """Return the verdict over one figure."""
    name, unit = now["name"], now["unit"]
    if then["value"] is None or now["value"] is None:
        return Compared(name, then["value"], now["value"], unit, "not measured", UNKNOWN)
    if then["unit"] != unit:
        return Compared(name, then["value"], now["value"], unit, "another unit", UNKNOWN)
    walls = [[value for value, counted in each["values"] if counted] for each in (then, now)]
    if all(walls):
        return _judge(name, unit, "wall clock", walls, now["better"])
    processor = [each["cpu_us_of_runs"] for each in (then, now)]
    if all(processor):
        return _judge(name, "CPU µs", "processor time", processor, "lower")
    return Compared(name, then["value"], now["value"], unit, "disturbed", UNKNOWN)


def _judge(
    name: str, unit: str, basis: str, sides: Sequence[Sequence[float]], better: str
) -> Compared:
    then, now = (statistics.median(side) for side in sides)
    noise = NOISE_OF_FEW if min(map(len, sides)) < _FEW else NOISE
    meet = max(map(min, sides)) <= min(map(max, sides))
    if meet or abs(now - then) <= noise * abs(then):
        verdict = SAME
    else:
        verdict = BETTER if (now > then) == (better == "higher") else WORSE
    return Compared(name, then, now, unit, basis, verdict)


class StageCompared(NamedTuple):
    """One stage of one figure, in µs of an order (leg) and node; no verdict, samples are few."""

    figure: str
    stage: str
    then: float
    now: float


def compare_stages(then: Document, now: Document) -> list[StageCompared]:
    """Return the stages of every figure that both split, longest first, sums at the end."""
    compared: list[StageCompared] = []
    earlier = {figure["name"]: figure.get("stages") for figure in then["figures"]}
    for figure in now["figures"]:
        sides = [earlier.get(figure["name"]), figure.get("stages")]
        if not all(sides):
            continue
        before, after = (side["us_per_leg_per_node"] for side in sides if side)
        stages = sorted(
            before | after, key=lambda name: -max(before.get(name, 0), after.get(name, 0))
        )
        name = figure["name"]
        compared += [
            StageCompared(name, stage, before.get(stage, 0.0), after.get(stage, 0.0))
            for stage in stages
        ]
        compared.append(StageCompared(name, "sum", sum(before.values()), sum(after.values())))
    return compared


def list_caveats(then: Document, now: Document) -> list[str]:
    """Return what makes the two runs differ beside the code, one sentence each."""
    caveats = []
    if then["quick"] is not now["quick"]:
        caveats.append("One is a quick run: its sizes are smaller.")
    for field, what in (
        ("processor", "processor"),
        ("cores", "number of cores"),
        ("python", "Python"),
    ):
        if then["machine"].get(field) != now["machine"].get(field):
            found = (then["machine"].get(field), now["machine"].get(field))
            caveats.append(f"Another {what}: then {found[0]}, now {found[1]}.")
    return caveats


def describe_comparison(then: Document, now: Document) -> dict[str, Any]:
    """Return the comparison as JSON has it."""
    return {
        "then": {"begun": then["begun"], "commit": then.get("commit"), "quick": then["quick"]},
        "caveats": list_caveats(then, now),
        "figures": [
            each._asdict() | {"ratio": each.ratio} for each in compare_documents(then, now)
        ],
        "stages": [each._asdict() for each in compare_stages(then, now)],
    }
