"""The suite keeps to its time, and says how much of it is gone."""

from omg_abci.bench.pace import Pace


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def make_pace(clock: Clock, told: list[str]) -> Pace:
    """Return the pace of two figures, 30 seconds a run, 100 each, with five minutes for both."""
    return Pace({"a": (30.0, 100.0), "b": (30.0, 100.0)}, 300.0, told.append, clock)


def test_progress_says_what_runs_and_how_long() -> None:
    """The estimate follows what the figures before really took, and stays within the limit."""
    clock, told = Clock(), list[str]()
    pace = make_pace(clock, told)
    pace.begin("a", "run 1 of 3")
    clock.now += 120
    pace.finish("a")
    pace.begin("b", "run 1 of 3")
    assert told == ["[0:00 of about 3:20] a: run 1 of 3 …", "[2:00 of about 4:00] b: run 1 of 3 …"]


def test_every_figure_gets_one_run() -> None:
    """However late it is, a first run is made."""
    clock = Clock()
    pace = make_pace(clock, [])
    clock.now += 10_000
    assert pace.allows("b", first=True)
    assert not pace.allows("b")


def test_repeated_runs_take_no_time_from_others() -> None:
    """What would keep the others from being measured as planned is not repeated."""
    clock = Clock()
    pace = make_pace(clock, [])
    clock.now += 180
    assert not pace.allows("a", extra=True)
    assert pace.allows("a")
    clock.now += 70
    assert not pace.allows("a")
    pace.finish("b")
    clock.now -= 70
    assert pace.allows("a", extra=True)
