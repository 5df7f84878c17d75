"""What clients submit, on its way to the executor and back: bounded, in turns, many in a frame.

A *lane* is one stream, or the unary calls of one connection. Lanes share the way fairly, counted
in transactions (start-time fair queueing): who sends little goes before whoever has much waiting.
The executor has few frames at a time: what arrives meanwhile gathers here and goes as one frame,
and what the pool has no room for stays here and costs the executor nothing. Guarantees: the
bounds below hold; every submission is answered once, unless its lane is closed before it was
handed on; nothing is refused that was handed on.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush
from typing import Any, Final, NamedTuple, TypeAlias

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.protocol.errors import NodeBusy, PoolFull, TransientError
from omg_abci.protocol.limits import BLOCK_BYTES_MAX

SUBMIT_TXS_MAX: Final = 1_000
SUBMIT_BYTES_MAX: Final = 1024 * 1024
WAITING_TXS_MAX: Final = 50_000
WAITING_BYTES_MAX: Final = 64 * 1024 * 1024
"""What all clients together may have waiting, here and at the executor."""
FRAMES_MAX: Final = 4
FRAME_TXS_MAX: Final = 512
EXECUTOR_TXS_MAX: Final = 2_048
"""At the executor at a time: a tenth of a second of its work, so that blocks wait for no more."""
REQUEST_COST: Final = 8
"""What a request counts beside its transactions, in turns."""
AHEAD_S: Final = 3.0
AHEAD_TXS_MIN: Final = 2_000
AHEAD_BYTES_MIN: Final = BLOCK_BYTES_MAX // 4
"""May be pending: what blocks took lately in so many seconds, or this. More would only be older,
and the processors that check it would be missing where blocks are executed."""
SPARSE_TXS_MAX: Final = 20
SPARSE_FACTOR: Final = 2
"""A request of so few from who has nothing else on its way may find so many times as much pending."""
_LATELY_S: Final = 4.0
_SPAN_MIN_S: Final = 0.2
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


class Lane:
    """What one stream or connection has waiting."""

    __slots__ = ("__weakref__", "finish", "waiting")

    def __init__(self) -> None:
        """Make an empty lane."""
        self.waiting: dict[Submission, None] = {}
        """Oldest first."""
        self.finish = 0
        """In virtual time, when all that it sent will have had its turn."""


class Submission:
    """Transactions that one request brought."""

    __slots__ = ("due", "lane", "on_outcome", "raws", "size", "sparse")

    def __init__(
        self, lane: Lane, raws: Sequence[bytes], size: int, due: float, on_outcome: OnOutcome
    ) -> None:
        """Be refused at `due` on the monotonic clock; `on_outcome` is called once."""
        self.lane = lane
        self.raws = raws
        self.size = size
        self.due = due
        self.on_outcome = on_outcome
        self.sparse = False
        """Its lane had nothing waiting, and had had its turns."""


class Submissions:
    """The way to the executor's pool."""

    def __init__(self, send: Send, clock: Callable[[], float] = time.monotonic) -> None:
        """Hand frames to `send`."""
        self._send = send
        self._clock = clock
        self._turns: list[tuple[int, int, Submission]] = []
        """A heap by the virtual time of the start; what was refused or closed is passed over."""
        self._virtual = 0
        self._put = 0
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
        """As the executor told last."""
        self._blocks: deque[tuple[float, int, int]] = deque()
        """Of the last seconds: when each was told, its transactions and bytes."""
        self._wanted = False
        self._sweep: asyncio.TimerHandle | None = None

    # --- the pool ---

    def set_bounds(self, txs_max: int, bytes_max: int) -> None:
        """Hand on no more than the pool can hold; until this is known, everything."""
        self._pool_txs_max, self._pool_bytes_max = txs_max, bytes_max

    def set_pool(self, txs: int, size: int) -> None:
        """Take what the pool holds."""
        self._pool_txs, self._pool_bytes = txs, size
        self._want_dispatch()

    def add_block(self, txs: int, size: int) -> None:
        """Take what a block held."""
        now = self._clock()
        self._blocks.append((now, txs, size))
        # The first one only says when the others began.
        while len(self._blocks) > 2 and self._blocks[1][0] < now - _LATELY_S:  # noqa: PLR2004
            self._blocks.popleft()

    # --- from clients ---

    def put(self, lane: Lane, raws: Sequence[bytes], size: int, on_outcome: OnOutcome) -> None:
        """Queue a request; its outcome comes later, or at once when there is no room for it."""
        submission = Submission(lane, raws, size, self._clock() + PATIENCE_S, on_outcome)
        if (
            self.waiting_txs + len(raws) > WAITING_TXS_MAX
            or self.waiting_bytes + size > WAITING_BYTES_MAX
        ):
            self._refuse(submission)
            return
        self.waiting_txs += len(raws)
        self.waiting_bytes += size
        lane.waiting[submission] = None
        submission.sparse = lane.finish <= self._virtual
        start = max(self._virtual, lane.finish)
        lane.finish = start + len(raws) + REQUEST_COST
        self._put += 1
        heappush(self._turns, (start, self._put, submission))
        self._want_dispatch()

    def close(self, lane: Lane) -> None:
        """Forget what a client that is gone has waiting here; what was handed on goes its way."""
        for submission in lane.waiting:
            self._count_off(submission)
        lane.waiting.clear()

    def take_verdicts(self, number: int, verdicts: Sequence[Verdict]) -> None:
        """Answer the submissions of a frame."""
        parts = self._frames.pop(number)
        at = 0
        for submission in parts:
            count = len(submission.raws)
            self._executor_txs -= count
            self._executor_bytes -= submission.size
            self._count_off(submission)
            admissions, retry_ms = encode_admissions(verdicts[at : at + count])
            at += count
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
        """Return a frame's submissions, whose turn it is, while the pool has room."""
        parts: list[Submission] = []
        turns = self._turns
        txs = size = 0
        while turns:
            start, _, submission = turns[0]
            waiting = submission.lane.waiting
            if submission in waiting:
                count = len(submission.raws)
                if parts and txs + count > FRAME_TXS_MAX:
                    break
                sparse = submission.sparse and count <= SPARSE_TXS_MAX
                if not self._has_room(txs + count, size + submission.size, sparse=sparse):
                    break
                del waiting[submission]
                self._virtual = start
                parts.append(submission)
                txs += count
                size += submission.size
            heappop(turns)
        return parts

    def _has_room(self, txs: int, size: int, *, sparse: bool = False) -> bool:
        """Tell whether the pool can take so much beside what is on its way to it."""
        if self._pool_txs_max is None:
            return True
        factor = SPARSE_FACTOR if sparse else 1
        txs_max, bytes_max = (factor * each for each in self._compute_ahead())
        return self._pool_txs + self._executor_txs + txs <= min(
            txs_max, self._pool_txs_max
        ) and self._pool_bytes + self._executor_bytes + size <= min(bytes_max, self._pool_bytes_max)

    def _compute_ahead(self) -> tuple[int, int]:
        """Return how many transactions and bytes may be pending, by what blocks took lately."""
        blocks = self._blocks
        txs = size = 0
        if len(blocks) > 1:
            span_s = max(self._clock() - blocks[0][0], _SPAN_MIN_S)
            txs = int(sum([each[1] for each in blocks][1:]) * AHEAD_S / span_s)
            size = int(sum([each[2] for each in blocks][1:]) * AHEAD_S / span_s)
        return max(txs, AHEAD_TXS_MIN), max(size, AHEAD_BYTES_MIN)

    # --- refusals ---

    def _refuse_overdue(self) -> None:
        self._sweep = None
        now = self._clock()
        for submission in [each for _, _, each in self._turns if each.due <= now]:
            if submission in submission.lane.waiting:
                del submission.lane.waiting[submission]
                self._count_off(submission)
                self._refuse(submission)
        self._turns = [each for each in self._turns if each[2] in each[2].lane.waiting]
        heapify(self._turns)
        if self._turns:
            self._sweep = asyncio.get_running_loop().call_later(_SWEEP_S, self._refuse_overdue)

    def _refuse(self, submission: Submission) -> None:
        room = self._has_room(len(submission.raws), submission.size)
        refusal = NodeBusy("too many transactions wait") if room else PoolFull()
        submission.on_outcome(Outcome(b"", refusal, FULL_RETRY_MS))

    def _count_off(self, submission: Submission) -> None:
        self.waiting_txs -= len(submission.raws)
        self.waiting_bytes -= submission.size


def encode_admissions(verdicts: Sequence[Verdict]) -> tuple[bytes, int]:
    """Return the encoded admissions and the hint when to come again, in ms, 0 for none.

    By hand, because a message for each cost 0.55 µs a transaction; this costs 0.07.
    """
    refused = [each for each in verdicts if type(each) is not bytes]
    if not refused:
        return b"".join([_ADMITTED + each for each in verdicts]), 0  # type: ignore[operator]
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
    return b"".join(encoded), retry_ms


def encode_admission(code: int, log: str, tx_id: bytes) -> bytes:
    """Return one admission as field 1 of a response."""
    return pb.SubmitResponse(
        admissions=[pb.Admission(code=code, log=log, tx_id=tx_id)]
    ).SerializeToString()
