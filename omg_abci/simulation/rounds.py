"""What a simulation plays: a round is a block with everything that is asked around it.

Plain values only, so that they cross a pipe; `describe_*` gives the one form in which the answers
of state machines are compared with each other and with what is expected.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from omg_abci.protocol.codec import encode_result
from omg_abci.protocol.consensus import Offence, ValidatorUpdate, Vote
from omg_abci.protocol.results import Event, TxResult
from omg_abci.state.hashes import DiffEntry


class Question(NamedTuple):
    """A transaction that the pool is asked to take."""

    raw: bytes
    codes: tuple[int, ...]
    """The reasons that speak against it; the answer is one of them, or 0 where there is none."""
    twin: str
    """What it is: `valid`, or how it differs from a valid one."""
    kind: str
    """The kind of its first leg."""


class Decision(NamedTuple):
    """A block as consensus hands it out."""

    height: int
    time_ms: int
    block_hash: bytes
    raws: tuple[bytes, ...]
    votes: tuple[Vote, ...]
    offences: tuple[Offence, ...]

    def encode(self) -> dict[str, Any]:
        """Return the block as JSON has it."""
        return {
            "height": self.height,
            "time_ms": self.time_ms,
            "block_hash": self.block_hash.hex(),
            "raws": [raw.hex() for raw in self.raws],
            "votes": [[each.validator.hex(), each.signed] for each in self.votes],
            "offences": [[each.validator.hex(), each.height] for each in self.offences],
        }

    @classmethod
    def decode(cls, data: Mapping[str, Any]) -> "Decision":
        """Return the block that JSON has."""
        return cls(
            data["height"],
            data["time_ms"],
            bytes.fromhex(data["block_hash"]),
            tuple(bytes.fromhex(raw) for raw in data["raws"]),
            tuple(Vote(bytes.fromhex(who), signed) for who, signed in data["votes"]),
            tuple(Offence(bytes.fromhex(who), height) for who, height in data["offences"]),
        )


class Round(NamedTuple):
    """A block and what is done with the committed state before it."""

    questions: tuple[Question, ...]
    invalid: tuple[Decision, ...]
    """Blocks that nobody may execute."""
    rival: Decision | None
    """A valid block of this height that is proposed, executed and not decided."""
    decided: Decision
    kinds: tuple[str, ...]
    """The kind of each leg of the decided block."""


class Expected(NamedTuple):
    """What the decided block must do."""

    answers: dict[str, Any]
    """As `describe_answers` gives it, with the diff hash."""
    app_hash: bytes
    tree_root: bytes
    diff: tuple[DiffEntry, ...]
    """Each changed key, ascending, with its new value."""
    records_hash: bytes
    """Of all records after it."""
    results: tuple[TxResult, ...]
    events: tuple[Event, ...]


class World(Protocol):
    """Draws the rounds of one chain and knows what each of them must do."""

    chain_id: str
    genesis: Mapping[str, Any]
    bounds: Mapping[str, int]
    """The limits that are narrow on this chain."""
    app_hash: bytes
    """Of genesis, then of the last block."""

    def narrow(self) -> AbstractContextManager[None]:
        """Let the limits be narrow in this process."""

    def draw(self) -> Round:
        """Draw the next round, on what the block before left."""

    def settle(self, decided: Decision) -> Expected:
        """Do the drawn block; raise AssertionError where an invariant does not hold."""


def describe_answers(
    results: Sequence[TxResult], events: Sequence[Event], updates: Sequence[ValidatorUpdate]
) -> dict[str, Any]:
    """Return what a block answered and told as JSON has it."""
    return {
        "results": [f"{each.code} {encode_result(each).hex()}" for each in results],
        "events": json.dumps([_flatten(each) for each in events]),
        "updates": [[each.public_key.hex(), each.power] for each in updates],
    }


def _flatten(value: object) -> Any:  # noqa: ANN401 - JSON's own values
    """Return nested tuples as lists, named ones with their name, all numbers as plain ones."""
    match value:
        case bytes():
            return value.hex()
        case int():
            return int(value)
        case tuple():
            name = [type(value).__name__] if hasattr(value, "_fields") else []
            return name + [_flatten(each) for each in value]
        case _:
            return str(value)


def list_differences(
    expected: Sequence[DiffEntry], found: Sequence[DiffEntry]
) -> Iterator[tuple[bytes, str, str]]:
    """Yield each key on which two diffs differ, with both values as text."""
    ours, theirs = dict(expected), dict(found)
    for key in sorted(ours.keys() | theirs.keys()):
        mine, other = _show(ours, key), _show(theirs, key)
        if mine != other:
            yield key, mine, other


def _show(diff: Mapping[bytes, bytes | None], key: bytes) -> str:
    if key not in diff:
        return "unchanged"
    value = diff[key]
    return "deleted" if value is None else value.hex()
