"""How runs become a figure: what counts, what the value is, what is said of it."""

import pytest

from omg_abci.bench.figures import (
    CONTROL_MAX,
    CONTROL_MIN,
    NAMES,
    SPECIFICATIONS,
    Limit,
    Measurement,
    Run,
    Specification,
    get_specification,
    is_within,
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
        "growth",
        "delegators",
    )
    assert all(specification.goal > 0 for specification in SPECIFICATIONS)


def test_floors_are_those_that_were_asked_for() -> None:
    """What must hold in every release, in the figure's unit."""
    assert {each.name: each.floor for each in SPECIFICATIONS} == {
        "match": 700_000,
        "block_single": 35_000,
        "block_batch": 90_000,
        "e2e_single": 10_000,
        "e2e_batch": 50_000,
        "e2e_4_single": 2_500,
        "fill_latency": 400,
        "state": 4,
        "growth": 1.5,
        "delegators": 1.25,
    }
    limits = {
        (each.name, limit.finding): (limit.goal, limit.floor)
        for each in SPECIFICATIONS
        for limit in each.limits
    }
    assert limits[("fill_latency", "p99_ms")] == (800, 1_000)
    assert limits[("state", "restart_seconds")] == (60, 60)


@pytest.mark.parametrize("specification", SPECIFICATIONS, ids=NAMES)
def test_goal_is_on_the_better_side_of_the_floor(specification: Specification) -> None:
    """What reaches its goal holds its floor."""
    bounds: list[Specification | Limit] = [specification, *specification.limits]
    for each in bounds:
        assert is_within(each.goal, each.floor, each.better)


def test_floor_and_goal_are_judged_apart() -> None:
    """Between floor and goal a figure holds and is not met."""
    figure = summarise(RATE, [make_run(800_000)])
    assert (figure["holds"], figure["met"]) == (True, False)
    assert summarise(RATE, [make_run(600_000)])["holds"] is False


def test_one_lost_transaction_is_seen() -> None:
    """What must never happen is judged by the worst run, not by the median."""
    runs = [make_run(10**6, more={"lost": lost, "of_recover_rate": 1}) for lost in (0, 3, 0)]
    limits = summarise(get_specification("e2e_single"), runs)["limits"]
    assert isinstance(limits, list)
    (lost,) = [limit for limit in limits if limit["name"] == "lost"]
    assert (lost["value"], lost["holds"]) == (3, False)


def test_limit_that_was_not_found() -> None:
    """A finding that is missing does not hold."""
    limits = summarise(LATENCY, [make_run(100)])["limits"]
    assert isinstance(limits, list)
    (limit,) = limits
    assert (limit["value"], limit["met"], limit["holds"]) == (None, False, False)


def test_runs_and_processor_time_are_kept() -> None:
    """Each run's value, whether it counted, and its processor time are there to compare with."""
    runs = [Run(Measurement(each, 1, {}, each / 10), 2.0, each) for each in (2.0, 3.0)]
    figure = summarise(RATE, runs)
    assert figure["values"] == [[2.0, True], [3.0, False]]
    assert (figure["cpu_us"], figure["cpu_us_of_runs"]) == (0.25, [0.2, 0.3])
