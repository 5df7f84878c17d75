"""What a simulation reached: counts that a run must not leave at zero."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, get_args

from omg_abci.protocol.errors import (
    AccountPoolFull,
    NodeBusy,
    PoolFull,
    TxError,
    get_error_classes,
)
from omg_abci.protocol.messages import MESSAGES
from omg_abci.protocol.results import Event
from omg_abci.simulation.rounds import Expected, Question, Round

UNREACHABLE: Final[Mapping[type[TxError], str]] = {
    PoolFull: "the pool's, of which a state machine has none: tests/node/test_mempool_pool.py",
    AccountPoolFull: "the pool's as well: tests/node/test_mempool_pool.py",
    NodeBusy: "a node's that is starting or stopping: tests/node/test_submit_stream.py",
}
"""The refusals that no run reaches, each with where it is tested."""
_FAULTS: Final = ("before_commit", "after_commit", "restarts", "replays", "restores", "rivals")


class Reached:
    """How often everything came about."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.blocks = 0
        self.chapters = 0
        self.legs: Counter[str] = Counter()
        """Executed legs by kind."""
        self.twins: Counter[str] = Counter()
        """Refused transactions by the kind of their first leg."""
        self.hostile: Counter[str] = Counter()
        """Refused transactions by what is wrong with them."""
        self.codes: Counter[int] = Counter()
        self.events: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.invalid = 0
        """Blocks that were refused."""

    def note_codes(self, questions: tuple[Question, ...], codes: list[int]) -> None:
        """Count what the pool answered."""
        for question, code in zip(questions, codes, strict=True):
            self.codes[code] += 1
            if code:
                self.twins[question.kind] += 1
                self.hostile[question.twin] += 1

    def note_block(self, played: Round, expected: Expected) -> None:
        """Count what a block held and did."""
        self.blocks += 1
        self.legs.update(played.kinds)
        self.invalid += len(played.invalid)
        for result in expected.results:
            self.codes.update(leg.code for leg in result.legs)
        self.events.update(type(event).__name__ for event in expected.events)

    def list_missing(self) -> list[str]:
        """Return every kind of message and of event, and every code, that was not reached.

        Codes that no run reaches are left out.
        """
        kinds = [kind.__name__ for kind in MESSAGES]
        missing = [f"message {kind}" for kind in kinds if not self.legs[kind]]
        missing += [f"twin of {kind}" for kind in kinds if not self.twins[kind]]
        told = [kind.__name__ for kind in get_args(Event)]
        missing += [f"event {kind}" for kind in told if not self.events[kind]]
        for each in get_error_classes():
            if each not in UNREACHABLE and not self.codes[each.code]:
                missing.append(f"code {each.code} {each.__name__}")
        return missing

    def describe(self) -> dict[str, Any]:
        """Return the counts as JSON has them."""
        count = self.faults
        return {
            "chapters": self.chapters,
            "crashes": {name: count[name] for name in _FAULTS[:2]},
            **{name: count[name] for name in _FAULTS[2:]},
            "invalid_blocks": self.invalid,
            "messages": {kind.__name__: self.legs[kind.__name__] for kind in MESSAGES},
            "hostile_messages": {kind.__name__: self.twins[kind.__name__] for kind in MESSAGES},
            "hostile": dict(sorted(self.hostile.items())),
            "codes": {str(code): number for code, number in sorted(self.codes.items())},
            "events": dict(sorted(self.events.items())),
            "missing": self.list_missing(),
        }
