"""One replay from beginning to end: steps to legs, legs to results, results to comparisons.

Planning, sending and comparing go on at the same time: the steps whose legs are not yet committed
wait in a queue, and are compared in the order of the recording as the results come in.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, Protocol

from omg_abci.protocol.results import LegResult
from omg_abci.replay.compare import Comparer
from omg_abci.replay.executor import Executor
from omg_abci.replay.planner import Planner
from omg_abci.replay.steps import EventEnd, Send, Step

LEGS_PER_TX: Final = 200
"""Below the 256 that a transaction may hold; more would make results arrive in larger lumps."""


class Plan(Protocol):
    """A recording that can be replayed."""

    planner: Planner
    price_unit: int
    price_decimals: int
    """A price in the venue's units is ticks × price_unit / 10^price_decimals."""
    size_decimals: int
    rows: int
    """Rows read so far."""
    events: int

    @property
    def set_aside(self) -> dict[str, int]:
        """Return what was not replayed or compared, by reason."""

    def iterate_steps(self) -> Iterator[Step]:
        """Yield the steps; raise a `RecordingError`."""

    def finish(self, comparer: Comparer) -> None:
        """Compare what can only be compared at the end."""


class Progress(NamedTuple):
    """Where a replay is."""

    rows: int
    legs: int
    seconds: float
    comparer: Comparer


class Session:
    """Replays one plan through one executor."""

    def __init__(
        self,
        plan: Plan,
        executor: Executor,
        *,
        report: Callable[[Progress], None] = lambda _: None,
        watch: Callable[[EventEnd, Comparer], None] = lambda _end, _comparer: None,
    ) -> None:
        """``report`` is told of progress after each batch, ``watch`` of each compared event."""
        self.comparer = Comparer()
        self.legs = 0
        self.seconds = 0.0
        self._plan = plan
        self._executor = executor
        self._report = report
        self._watch = watch
        self._steps: deque[Step] = deque()
        self._results: deque[LegResult] = deque()
        self._unanswered = 0

    def run(self) -> None:
        """Send everything and compare everything; raise RecordingError, NetworkError."""
        started = time.monotonic()
        batch: list[Send] = []
        for step in self._plan.iterate_steps():
            self._steps.append(step)
            if isinstance(step, Send):
                batch.append(step)
                if len(batch) == LEGS_PER_TX:
                    self._send(batch)
                    batch = []
                    self.seconds = time.monotonic() - started
                    self._report(Progress(self._plan.rows, self.legs, self.seconds, self.comparer))
        if batch:
            self._send(batch)
        while self._unanswered:
            self._receive(wait=True)
        self._compare()
        self._plan.finish(self.comparer)
        self.seconds = time.monotonic() - started

    def _send(self, batch: list[Send]) -> None:
        self._executor.send([each.leg for each in batch])
        self.legs += len(batch)
        self._unanswered += 1
        self._receive(wait=False)

    def _receive(self, *, wait: bool) -> None:
        for results in self._executor.receive(wait=wait):
            self._results.extend(results)
            self._unanswered -= 1
        self._compare()

    def _compare(self) -> None:
        """Do the steps that wait for no result any more."""
        steps, results, comparer = self._steps, self._results, self.comparer
        while steps:
            step = steps[0]
            if isinstance(step, Send):
                if not results:
                    return
                comparer.take(step, results.popleft())
            else:
                comparer.take(step, None)
                if isinstance(step, EventEnd):
                    self._watch(step, comparer)
                    comparer.traded.clear()
            steps.popleft()
