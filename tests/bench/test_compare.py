"""Better and worse are said only where noise cannot have done it."""

import pytest

from omg_abci.bench.compare import (
    BETTER,
    SAME,
    UNKNOWN,
    WORSE,
    compare_documents,
    compare_figures,
    compare_stages,
    describe_comparison,
    list_caveats,
)
from omg_abci.bench.figures import get_specification
from tests.bench.documents import make_figure, make_whole

RATE, LATENCY = get_specification("match"), get_specification("fill_latency")


@pytest.mark.parametrize(
    ("then", "now", "verdict"),
    [
        ([100, 101, 102], [110, 111, 112], BETTER),
        ([110, 111, 112], [100, 101, 102], WORSE),
        ([100, 105, 111], [110, 111, 112], SAME),
        ([100, 101, 102], [102.5, 103, 103.5], SAME),
        ([100], [109], SAME),
        ([100], [111], BETTER),
        ([100, 100, 100], [91], SAME),
    ],
)
def test_ranges_and_medians_decide(then: list[float], now: list[float], verdict: str) -> None:
    """Ranges that meet, or medians that are close, are the same; few runs must differ more."""
    compared = compare_figures(make_figure(RATE, then), make_figure(RATE, now))
    assert (compared.verdict, compared.basis) == (verdict, "wall clock")


def test_direction_is_the_figures() -> None:
    """A latency that fell is better."""
    then, now = make_figure(LATENCY, [200, 201, 202]), make_figure(LATENCY, [100, 101, 102])
    assert compare_figures(then, now).verdict == BETTER
    assert compare_figures(now, then).verdict == WORSE


def test_uncounted_runs_are_compared_by_processor_time() -> None:
    """Where a side has no counted run its wall clock says nothing, and less time is better."""
    then = make_figure(RATE, [100, 101, 102], control=1.0, cpu_us=20)
    now = make_figure(RATE, [1, 2, 3], cpu_us=10)
    compared = compare_figures(then, now)
    assert (compared.verdict, compared.basis) == (BETTER, "processor time")
    assert (compared.then, compared.now) == (21, 11)
    assert compared.ratio == pytest.approx(11 / 21)


def test_nothing_to_go_by() -> None:
    """Disturbed without processor time, not measured, in another unit: no verdict."""
    bad = make_figure(RATE, [100], control=1.0)
    assert compare_figures(bad, make_figure(RATE, [1])).basis == "disturbed"
    missing = make_figure(RATE, [1]) | {"value": None}
    assert compare_figures(missing, make_figure(RATE, [1])).basis == "not measured"
    other = make_figure(RATE, [1]) | {"unit": "else"}
    assert compare_figures(other, make_figure(RATE, [1])).verdict == UNKNOWN


def test_only_figures_of_both_are_compared() -> None:
    """A figure that one run did not measure is left out."""
    then, now = make_whole(), make_whole(2.0)
    then["figures"] = then["figures"][:2]
    assert [each.name for each in compare_documents(then, now)] == ["match", "block_single"]
    assert {each.verdict for each in compare_documents(then, now)} == {BETTER}


def test_stages_are_set_beside_each_other() -> None:
    """Stages of either run are there, longest first, with their sum; a figure without is not."""
    then, now = make_whole(), make_whole()
    then["figures"] = [each for each in then["figures"] if each["name"] == "e2e_single"]
    parts = then["figures"][0]["stages"]["us_per_leg_per_node"]
    parts |= {"gossip": 60.0, "execute": 25.0}
    del parts["rest"]
    assert [tuple(each) for each in compare_stages(then, now)] == [
        ("e2e_single", "gossip", 60.0, 0.0),
        ("e2e_single", "recover", 50.0, 50.0),
        ("e2e_single", "execute", 25.0, 20.0),
        ("e2e_single", "rest", 0.0, 0.01),
        ("e2e_single", "sum", 135.0, pytest.approx(70.01)),
    ]
    now["figures"] = []
    assert compare_stages(then, now) == []


def test_other_circumstances_are_said() -> None:
    """A quick run against a full one and another machine are caveats."""
    then, now = make_whole(), make_whole()
    assert list_caveats(then, now) == []
    now["quick"] = False
    now["machine"] = then["machine"] | {"cores": 8}
    assert len(list_caveats(then, now)) == 2
    assert describe_comparison(then, now)["caveats"] == list_caveats(then, now)
