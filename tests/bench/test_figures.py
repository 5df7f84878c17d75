"""How runs become a figure: what counts, what the value is, what is said of it."""

import pytest

from omg_abci.bench.figures import (
    CONTROL_MAX,
    CONTROL_MIN,
    NAMES,
    SPECIFICATIONS,
    Measurement,
    Run,
    get_specification,
    summarise,
)

RATE = get_specification("match")
LATENCY = get_specification("fill_latency")


def make_run(
    value: float, control: float = 2.0, after: float = 2.0, more: dict[str, object] | None = None
) -> Run:
    """Return a run with a ceiling of twice its value."""
    return Run(Measurement(value, value * 2, more or {}), control, after)


def test_value_is_the_median_of_counted_runs() -> None:
    """A run whose control fell short on either side moves neither value nor ceiling."""
    runs = [
        make_run(100),
        make_run(1, control=CONTROL_MIN - 0.01),
        make_run(300),
        make_run(2, after=1.0),
        make_run(200),
    ]
    figure = summarise(RATE, runs)
    assert (figure["value"], figure["ceiling"]) == (200, 400)
    assert (figure["runs"], figure["counted"]) == (5, 3)
    assert (figure["min"], figure["max"]) == (1, 300)


def test_no_counted_run_is_said() -> None:
    """When no run counts the value is the median of all, and `counted` is 0."""
    figure = summarise(RATE, [make_run(value, control=1.1) for value in (10, 30, 20)])
    assert (figure["value"], figure["runs"], figure["counted"]) == (20, 3, 0)


def test_control_at_the_bounds_counts() -> None:
    """Exactly the bounds are good enough."""
    assert make_run(1, CONTROL_MIN, CONTROL_MAX).is_counted


def test_impossible_control_does_not_count() -> None:
    """Two processes that did far more than twice the work of one say that the one was disturbed."""
    assert not make_run(1, 2.0, CONTROL_MAX + 0.01).is_counted


@pytest.mark.parametrize(
    ("value", "better_met", "lower_met"), [(10**7, True, False), (1, False, True)]
)
def test_goal_is_judged_by_direction(value: float, better_met: bool, lower_met: bool) -> None:  # noqa: FBT001
    """A rate meets its goal from above, a latency from below."""
    assert summarise(RATE, [make_run(value)])["met"] is better_met
    assert summarise(LATENCY, [make_run(value)])["met"] is lower_met


def test_findings_are_merged() -> None:
    """Numbers become medians, also inside a group; everything else is the last run's."""
    runs = [
        make_run(1, more={"us": 1, "parts": {"a": number}, "codes": {"0": number}, "text": text})
        for number, text in ((1, "x"), (5, "y"), (3, "z"))
    ]
    assert summarise(RATE, runs)["more"] == {
        "us": 1,
        "parts": {"a": 3},
        "codes": {"0": 3},
        "text": "z",
    }


def test_finding_that_not_every_run_has() -> None:
    """A number that is missing in a run is taken from the last run, not averaged over fewer."""
    runs = [make_run(1), make_run(1, more={"late": 7})]
    assert summarise(RATE, runs)["more"] == {"late": 7}


def test_names_are_those_of_the_design() -> None:
    """The figures carry the names by which releases are compared."""
    assert NAMES == (
        "match",
        "block_single",
        "block_batch",
        "e2e_single",
        "e2e_batch",
        "e2e_4_single",
        "fill_latency",
        "state",
    )
    assert all(specification.goal > 0 for specification in SPECIFICATIONS)
