"""How far the suite is, how long it will take, and whether there is time for another run."""

import time
from collections.abc import Callable, Mapping

_SLOWEST_FACTOR = 4.0
"""A machine is not taken for slower than this many times the one that the estimates are of."""


class Pace:
    """The time that a suite has, and the share of it that each figure is expected to take."""

    def __init__(
        self,
        expected: Mapping[str, tuple[float, float]],
        limit_seconds: float,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with the seconds of one run and of all runs that each figure should take."""
        self._expected = dict(expected)
        self._limit = limit_seconds
        self._say = say
        self._clock = clock
        self._begun = clock()
        self._done_expected = 0.0

    def begin(self, name: str, what: str) -> None:
        """Say what is running now, when it began and how long all of it may take."""
        elapsed = self._clock() - self._begun
        rest = sum(total for _, total in self._expected.values()) * self._find_slowness()
        about = max(elapsed, min(elapsed + rest, self._limit))
        self._say(f"[{_format(elapsed)} of about {_format(about)}] {name}: {what} …")

    def allows(self, name: str, *, first: bool = False, extra: bool = False) -> bool:
        """Tell whether a run may begin: each figure has one, more are made while there is time.

        A repeated run (`extra`) leaves the other figures the time of all their runs; any other
        leaves them one each.
        """
        if first:
            return True
        elapsed = self._clock() - self._begun
        rest = self._expected[name][0]
        rest += sum(each[extra] for other, each in self._expected.items() if other != name)
        return elapsed + rest * self._find_slowness() <= self._limit

    def finish(self, name: str) -> None:
        """Note that a figure is done."""
        self._done_expected += self._expected.pop(name)[1]

    def _find_slowness(self) -> float:
        """Return how many times longer than expected the figures have taken so far."""
        if not self._done_expected:
            return 1.0
        taken = (self._clock() - self._begun) / self._done_expected
        return min(_SLOWEST_FACTOR, max(1.0, taken))


def _format(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
