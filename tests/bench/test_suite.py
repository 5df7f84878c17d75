"""How often a figure is measured, and what happens when runs fail or cores are missing."""

from collections.abc import Callable, Iterable

import pytest

from omg_abci.bench.errors import MeasurementFailed
from omg_abci.bench.figures import NAMES, Measurement
from omg_abci.bench.report import format_number
from omg_abci.bench.suite import Plan, make_plans, run_figure

GOOD, BAD = 2.0, 1.0


def take_from(values: Iterable[float]) -> Callable[[], float]:
    """Return a function that answers the values one after another."""
    return iter(values).__next__


def make_plan(values: Iterable[float], runs: int) -> Plan:
    """Return a plan whose measurements are the values; a negative one fails."""
    next_value = take_from(values)

    def measure() -> Measurement:
        value = next_value()
        if value < 0:
            raise MeasurementFailed("as the test wants it")
        return Measurement(value, 1.0, {})

    return Plan(measure, runs)


def say_nothing(line: str) -> None:
    """Drop a line of progress."""
    del line


def test_neighbouring_runs_share_a_control() -> None:
    """One control stands between two runs: a bad one spoils both and no other."""
    figure = run_figure(
        "match",
        make_plan([1, 2, 3, 4], 4),
        repeat=False,
        say=say_nothing,
        control=take_from([GOOD, GOOD, BAD, GOOD, GOOD]),
    )
    assert (figure["runs"], figure["counted"], figure["value"]) == (4, 2, 2.5)


def test_uncounted_runs_are_repeated() -> None:
    """With `repeat`, runs go on until as many count as are wanted."""
    figure = run_figure(
        "match",
        make_plan([1, 2, 3, 4], 2),
        repeat=True,
        say=say_nothing,
        control=take_from([BAD, GOOD, GOOD, GOOD]),
    )
    assert (figure["runs"], figure["counted"], figure["value"]) == (3, 2, 2.5)


def test_repeating_ends() -> None:
    """On a machine that never has two cores, twice the wanted runs are made and none counts."""
    figure = run_figure(
        "match",
        make_plan(range(1, 100), 3),
        repeat=True,
        say=say_nothing,
        control=lambda: BAD,
    )
    assert (figure["runs"], figure["counted"], figure["value"]) == (6, 0, 3.5)


def test_failed_run_is_told_and_not_a_figure() -> None:
    """A run that failed is no run; the others make the figure."""
    told: list[str] = []
    figure = run_figure(
        "match", make_plan([-1, 5, 6], 3), repeat=False, say=told.append, control=lambda: GOOD
    )
    assert (figure["runs"], figure["counted"], figure["value"]) == (2, 2, 5.5)
    assert any("as the test wants it" in line for line in told)


@pytest.mark.parametrize("repeat", [False, True])
def test_figure_without_any_run(repeat: bool) -> None:  # noqa: FBT001
    """When every run fails there is no value, and the reason is given."""
    figure = run_figure(
        "match",
        make_plan([-1] * 9, 2),
        repeat=repeat,
        say=say_nothing,
        control=lambda: GOOD,
    )
    assert (figure["value"], figure["runs"], figure["counted"]) == (None, 0, 0)
    assert figure["error"] == "as the test wants it"


@pytest.mark.parametrize(("quick", "runs_min"), [(True, 1), (False, 5)])
def test_plans_cover_every_figure(quick: bool, runs_min: int) -> None:  # noqa: FBT001
    """Every name has a plan, of at least five runs unless it is to be quick."""
    with make_plans(quick=quick) as plans:
        assert tuple(plans) == NAMES
        assert min(plan.runs for plan in plans.values()) >= runs_min


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0, "0"), (1234567.8, "1,234,568"), (0.12345, "0.123")]
)
def test_numbers_for_people(value: object, text: str) -> None:
    """Large numbers are grouped, small ones keep three digits, a missing one is a dash."""
    assert format_number(value) == text
