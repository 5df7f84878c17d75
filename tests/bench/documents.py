"""Results of a bench for the tests: whole ones, without measuring anything."""

from datetime import UTC, datetime

from omg_abci.bench.figures import SPECIFICATIONS, Measurement, Run, Specification, summarise
from omg_abci.bench.results import Document, Figure, make_document

MACHINE: dict[str, object] = {"processor": "Test", "cores": 2, "python": "CPython 3.11.7"}


def make_figure(
    specification: Specification,
    values: list[float],
    *,
    control: float = 2.0,
    cpu_us: float | None = None,
) -> Figure:
    """Return a figure of runs with those values, all with what their limits and pictures need."""
    more: dict[str, object] = {limit.finding: limit.goal for limit in specification.limits}
    if specification.name == "growth":
        more |= {"ratios": {"plain": 1.1}, "states": make_states()}
    runs = [
        Run(Measurement(value, value * 2, more, cpu_us and cpu_us + place), control, control)
        for place, value in enumerate(values)
    ]
    figure = summarise(specification, runs)
    if specification.name.startswith("e2e"):
        figure["stages"] = {
            "us_per_leg_per_node": {"recover": 50.0, "execute": 20.0, "rest": 0.01},
            "by_process": {"executor": {"execute": 20.0, "rest": 0.01}, "worker": {"recover": 50}},
            "processes_us": {"executor": 21.0, "worker": 50.0},
            "processes_sum_us": 71.0,
            "sum_us": 70.01,
            "apart_us_per_leg": {"sender": 3.0},
        }
    return figure


def make_states() -> dict[str, object]:
    """Return what `growth` finds at three sizes, without and with a history."""
    return {
        f"{accounts}{history}": {
            "accounts": accounts,
            "history": history,
            "us_per_order": 70.0 + accounts / 1e5,
            "parts": {"execute": 30.0, "tree": 14.0},
            "us_per_folded_key": 6.0,
        }
        for accounts in (10_000, 100_000, 1_000_000)
        for history in (False, True)
    }


def make_whole(scale: float = 1.0, **how: float) -> Document:
    """Return a document with every figure at its goal times `scale`."""
    figures = [
        make_figure(each, [each.goal * scale * share for share in (0.99, 1.0, 1.01)], **how)
        for each in SPECIFICATIONS
    ]
    begun = datetime(2026, 11, 28, 12, tzinfo=UTC)
    return make_document(figures, MACHINE, quick=True, begun=begun, seconds=3.14)
