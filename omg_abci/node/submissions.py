"""What clients submit, on its way to the executor and back: bounded, in turns, many in a frame.

A *lane* is one stream, or the unary calls of one connection; lanes take turns, so that nobody
waits for more than one request of each other lane. The executor has few frames at a time: what
arrives meanwhile gathers here and goes as one frame, and what the pool has no room for stays here
and costs the executor nothing. Guarantees: the bounds below hold; every submission is answered
once, unless its lane is closed before it was handed on; nothing is refused that was handed on.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.protocol.errors import NodeBusy, PoolFull, TransientError

SUBMIT_TXS_MAX: Final = 1_000
SUBMIT_BYTES_MAX: Final = 1024 * 1024
WAITING_TXS_MAX: Final = 50_000
WAITING_BYTES_MAX: Final = 64 * 1024 * 1024
"""What all clients together may have waiting, here and at the executor."""
FRAMES_MAX: Final = 4
FRAME_TXS_MAX: Final = 1_000
EXECUTOR_TXS_MAX: Final = 4_096
"""At the executor at a time: a fifth of a second of its work, so that blocks wait for no more."""
PATIENCE_S: Final = 1.0
"""So long a submission waits for the pool or the executor before it is refused."""
RETRY_MS: Final = 250
"""The hint when the state refused something for now: about a block."""
FULL_RETRY_MS: Final = 1_000
"""The hint when there is no room: the pool empties by a block's content at a time."""
_SWEEP_S: Final = PATIENCE_S / 4
_TRANSIENT: Final = 32_000
_ADMITTED: Final = b"\x0a\x22\x1a\x20"
"""Before an id of 32 bytes: field 1 of a response, an Admission that has only its field 3."""

Verdict: TypeAlias = bytes | tuple[int, str, bytes]
"""Id of what was acknowledged, or code, log and id of what was not."""
Send: TypeAlias = Callable[[tuple[Any, ...]], None]


class Outcome(NamedTuple):
    """What became of a submission."""

    admissions: bytes
    """Encoded, as field 1 of a response; empty when all was refused at once."""
    refusal: TransientError | None
    retry_after_ms: int


OnOutcome: TypeAlias = Callable[[Outcome], None]


class Submission:
    """Transactions that one request brought."""

    __slots__ = ("due", "on_outcome", "raws", "size")

    def __init__(self, raws: Sequence[bytes], size: int, due: float, on_outcome: OnOutcome) -> None:
        """Be refused at `due` on the monotonic clock; `on_outcome` is called once."""
        self.raws = raws
        self.size = size
        self.due = due
        self.on_outcome = on_outcome


class Lane(deque[Submission]):
    """What one stream or connection has waiting."""

    __slots__ = ("in_turn",)

    def __init__(self) -> None:
        """Make an empty lane."""
        super().__init__()
        self.in_turn = False


class Submissions:
    """The way to the executor's pool."""

    def __init__(self, send: Send, clock: Callable[[], float] = time.monotonic) -> None:
        """Hand frames to `send`."""
        self._send = send
        self._clock = clock
        self._turns: deque[Lane] = deque()
        self._frames: dict[int, list[Submission]] = {}
        self._number = 0
        self._executor_txs = 0
        self._executor_bytes = 0
        self.waiting_txs = 0
        self.waiting_bytes = 0
        self._pool_txs_max: int | None = None
        self._pool_bytes_max = 0
        self._pool_txs = 0
        self._pool_bytes = 0
        """As the executor told last, with what it took since."""
        self._wanted = False
        self._sweep: asyncio.TimerHandle | None = None

    # --- the pool ---

    def set_bounds(self, txs_max: int, bytes_max: int) -> None:
        """Hand on no more than the pool can hold; until this is known, everything."""
        self._pool_txs_max, self._pool_bytes_max = txs_max, bytes_max

    def set_pool(self, txs: int, size: int) -> None:
        """Take what the pool holds after a block."""
        self._pool_txs, self._pool_bytes = txs, size
        self._want_dispatch()

    # --- from clients ---

    def put(self, lane: Lane, raws: Sequence[bytes], size: int, on_outcome: OnOutcome) -> None:
        """Queue a request; its outcome comes later, or at once when there is no room for it."""
        submission = Submission(raws, size, self._clock() + PATIENCE_S, on_outcome)
        if (
            self.waiting_txs + len(raws) > WAITING_TXS_MAX
            or self.waiting_bytes + size > WAITING_BYTES_MAX
        ):
            self._refuse(submission)
            return
        self.waiting_txs += len(raws)
        self.waiting_bytes += size
        lane.append(submission)
        if not lane.in_turn:
            lane.in_turn = True
            self._turns.append(lane)
        self._want_dispatch()

    def close(self, lane: Lane) -> None:
        """Forget what a client that is gone has waiting here; what was handed on goes its way."""
        for submission in lane:
            self._count_off(submission)
        lane.clear()

    def take_verdicts(self, number: int, verdicts: Sequence[Verdict]) -> None:
        """Answer the submissions of a frame."""
        parts = self._frames.pop(number)
        at = 0
        for submission in parts:
            count = len(submission.raws)
            self._executor_txs -= count
            self._executor_bytes -= submission.size
            self._count_off(submission)
            admissions, accepted, retry_ms = encode_admissions(verdicts[at : at + count])
            at += count
            self._pool_txs += accepted
            if accepted:
                self._pool_bytes += submission.size * accepted // count
            submission.on_outcome(Outcome(admissions, None, retry_ms))
        self._want_dispatch()

    # --- to the executor ---

    def _want_dispatch(self) -> None:
        """Hand on at the end of this turn of the loop, all that came in it together."""
        if not self._wanted and self._turns:
            self._wanted = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    def _dispatch(self) -> None:
        self._wanted = False
        while len(self._frames) < FRAMES_MAX and self._executor_txs < EXECUTOR_TXS_MAX:
            parts = self._take_parts()
            if not parts:
                break
            raws = [raw for part in parts for raw in part.raws]
            self._number += 1
            self._frames[self._number] = parts
            self._executor_txs += len(raws)
            self._executor_bytes += sum(part.size for part in parts)
            self._send(("submit", self._number, raws))
        if self._turns and self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(_SWEEP_S, self._refuse_overdue)

    def _take_parts(self) -> list[Submission]:
        """Return a frame's submissions, one of each lane in turn, while the pool has room."""
        parts: list[Submission] = []
        turns = self._turns
        txs = size = 0
        while turns:
            lane = turns[0]
            if not lane:
                turns.popleft()
                lane.in_turn = False
                continue
            count = len(lane[0].raws)
            if parts and txs + count > FRAME_TXS_MAX:
                break
            if not self._has_room(txs + count, size + lane[0].size):
                break
            submission = lane.popleft()
            parts.append(submission)
            txs += count
            size += submission.size
            turns.rotate(-1)
        return parts

    def _has_room(self, txs: int, size: int) -> bool:
        """Tell whether the pool can take so much beside what is on its way to it."""
        if self._pool_txs_max is None:
            return True
        return (
            self._pool_txs + self._executor_txs + txs <= self._pool_txs_max
            and self._pool_bytes + self._executor_bytes + size <= self._pool_bytes_max
        )

    # --- refusals ---

    def _refuse_overdue(self) -> None:
        self._sweep = None
        now = self._clock()
        for lane in list(self._turns):
            while lane and lane[0].due <= now:
                submission = lane.popleft()
                self._count_off(submission)
                self._refuse(submission)
        if any(self._turns):
            self._sweep = asyncio.get_running_loop().call_later(_SWEEP_S, self._refuse_overdue)

    def _refuse(self, submission: Submission) -> None:
        room = self._has_room(len(submission.raws), submission.size)
        refusal = NodeBusy("too many transactions wait") if room else PoolFull()
        submission.on_outcome(Outcome(b"", refusal, FULL_RETRY_MS))

    def _count_off(self, submission: Submission) -> None:
        self.waiting_txs -= len(submission.raws)
        self.waiting_bytes -= submission.size


def encode_admissions(verdicts: Sequence[Verdict]) -> tuple[bytes, int, int]:
    """Return the encoded admissions, how many are code 0, and the hint when to come again in ms.

    By hand, because a message for each cost 0.55 µs a transaction; this costs 0.07.
    """
    refused = [each for each in verdicts if type(each) is not bytes]
    if not refused:
        return b"".join([_ADMITTED + each for each in verdicts]), len(verdicts), 0  # type: ignore[operator]
    encoded = [
        _ADMITTED + each if isinstance(each, bytes) else encode_admission(*each)
        for each in verdicts
    ]
    codes = [each[0] for each in refused]
    retry_ms = 0
    if any(code in (PoolFull.code, NodeBusy.code) for code in codes):
        retry_ms = FULL_RETRY_MS
    elif any(code >= _TRANSIENT for code in codes):
        retry_ms = RETRY_MS
    return b"".join(encoded), len(verdicts) - sum(map(bool, codes)), retry_ms


def encode_admission(code: int, log: str, tx_id: bytes) -> bytes:
    """Return one admission as field 1 of a response."""
    return pb.SubmitResponse(
        admissions=[pb.Admission(code=code, log=log, tx_id=tx_id)]
    ).SerializeToString()
