"""Submit and SubmitStream: how clients hand transactions to the node.

A stream is read only while it has little open, a request being open until its answer was written:
whoever reads no answers is read no further, and nothing is queued without bound. After a request
that was refused as a whole the stream is not read for the time of the hint. Guarantees: each
request that was read is answered once, or the stream ends; what the executor was handed stays
its own when a client goes away, and nothing else of the client stays.
"""

import asyncio
from collections import deque
from functools import partial
from typing import Any, Final, TypeAlias
from weakref import WeakValueDictionary

import grpc
from google.protobuf.message import DecodeError

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.node_answers import Refusal
from omg_abci.node.submissions import (
    SUBMIT_BYTES_MAX,
    SUBMIT_TXS_MAX,
    Lane,
    Outcome,
    Submissions,
    encode_admission,
)
from omg_abci.protocol.varint import encode_varint

STREAM_REQUESTS_MAX: Final = 64
STREAM_TXS_MAX: Final = 4_000
STREAM_BYTES_MAX: Final = 4 * 1024 * 1024
"""What a stream may have open: the next request is read when the largest one still fits."""
IDLE_S: Final = 300.0
"""A stream on which nothing is open and nothing comes is ended after so long."""
STALLED_S: Final = 60.0
"""So is one that has answers to read and reads none."""
_ANSWERS_BYTES: Final = 256 * 1024
"""Answers that are ready go together in one message, up to about this size."""

Context: TypeAlias = grpc.aio.ServicerContext[bytes, bytes]


def parse_txs(kind: Any, data: bytes) -> tuple[Any, list[bytes], int]:  # noqa: ANN401 - two kinds
    """Return a request, its transactions and their bytes; raise Refusal if out of bounds."""
    try:
        request = kind.FromString(data)
    except DecodeError as reason:
        raise _refuse(f"bytes are not a {kind.DESCRIPTOR.name} message") from reason
    raws = list(request.txs)
    size = sum(map(len, raws))
    if not 1 <= len(raws) <= SUBMIT_TXS_MAX:
        raise _refuse(f"{len(raws)} transactions, must be 1..{SUBMIT_TXS_MAX}")
    if size > SUBMIT_BYTES_MAX:
        raise _refuse(f"{size} bytes of transactions, at most {SUBMIT_BYTES_MAX} allowed")
    return request, raws, size


class UnaryCalls:
    """Answers Submit; the calls of one connection share a lane."""

    def __init__(self, submissions: Submissions) -> None:
        """Hand transactions to `submissions`."""
        self._submissions = submissions
        self._lanes: WeakValueDictionary[str, Lane] = WeakValueDictionary()

    async def answer(self, data: bytes, peer: str) -> bytes:
        """Return the encoded response; raise Refusal for bytes that are out of bounds."""
        _, raws, size = parse_txs(pb.SubmitRequest, data)
        lane = self._lanes.get(peer)
        if lane is None:
            lane = self._lanes[peer] = Lane()
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._submissions.put(lane, raws, size, partial(_settle, future))
        outcome = await future
        admissions, refusal = outcome.admissions, outcome.refusal
        if refusal is not None:
            admissions = encode_admission(refusal.code, str(refusal), b"") * len(raws)
        if not outcome.retry_after_ms:
            return admissions
        rest = pb.SubmitResponse(retry_after_ms=outcome.retry_after_ms)
        return admissions + rest.SerializeToString()


class SubmitStream:
    """Serves one stream."""

    def __init__(self, submissions: Submissions, context: Context) -> None:
        """Prepare; `serve` does it all."""
        self._submissions = submissions
        self._context = context
        self._lane = Lane()
        self._answers: deque[tuple[bytes, int, int]] = deque()
        """Encoded answer, transactions and bytes of its request."""
        self._requests = self._txs = self._bytes = 0
        """What is open."""
        self._room = asyncio.Event()
        self._ready = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._moved = self._loop.time()
        """When a request was last read or an answer written."""
        self._writing = False
        self._resume_at = 0.0
        self._gone = False
        self._overdue: Refusal | None = None

    async def serve(self) -> None:
        """Read and answer until the client is done; raise Refusal for what ends the stream."""
        task = asyncio.current_task()
        watch = asyncio.create_task(self._watch(task))
        writer = asyncio.create_task(self._write_answers())
        writer.add_done_callback(partial(self._on_writer_end, task))
        try:
            await self._read_all()
        except asyncio.CancelledError:
            if self._overdue is None or task is None:
                raise
            task.uncancel()
            raise self._overdue from None
        finally:
            self._gone = True
            self._submissions.close(self._lane)
            watch.cancel()
            writer.cancel()

    # --- requests ---

    async def _read_all(self) -> None:
        try:
            while await self._read_next():
                pass
        except Refusal:
            # The client hears of what it sent before, then what was wrong with the last.
            await self._wait_until_answered()
            raise
        await self._wait_until_answered()

    async def _read_next(self) -> bool:
        """Read a request when there is room for it; tell whether there was one."""
        while (
            self._requests >= STREAM_REQUESTS_MAX
            or self._txs + SUBMIT_TXS_MAX > STREAM_TXS_MAX
            or self._bytes + SUBMIT_BYTES_MAX > STREAM_BYTES_MAX
        ):
            self._room.clear()
            await self._room.wait()
        data: Any = await self._context.read()
        if data is grpc.aio.EOF:
            return False
        # Behind the read: one was under way when the refusal before it was told.
        if (pause := self._resume_at - self._loop.time()) > 0:
            await asyncio.sleep(pause)
        self._moved = self._loop.time()
        request, raws, size = parse_txs(pb.SubmitStreamRequest, data)
        self._requests += 1
        self._txs += len(raws)
        self._bytes += size
        done = partial(self._on_outcome, request.request, len(raws), size)
        self._submissions.put(self._lane, raws, size, done)
        return True

    async def _wait_until_answered(self) -> None:
        while self._requests:
            self._room.clear()
            await self._room.wait()

    # --- answers ---

    def _on_outcome(self, request: int, txs: int, size: int, outcome: Outcome) -> None:
        if self._gone:
            return
        refusal = outcome.refusal
        rest = pb.SubmitAnswer(request=request, retry_after_ms=outcome.retry_after_ms)
        if refusal is not None:
            rest.code, rest.log = refusal.code, str(refusal)
            self._resume_at = self._loop.time() + outcome.retry_after_ms / 1_000
        answer = outcome.admissions + rest.SerializeToString()
        self._answers.append((b"\x0a" + encode_varint(len(answer)) + answer, txs, size))
        self._ready.set()

    async def _write_answers(self) -> None:
        answers = self._answers
        while True:
            await self._ready.wait()
            self._ready.clear()
            while answers:
                parts: list[bytes] = []
                count = txs = size = 0
                while answers and count < _ANSWERS_BYTES:
                    part, part_txs, part_size = answers.popleft()
                    parts.append(part)
                    count, txs, size = count + len(part), txs + part_txs, size + part_size
                self._writing = True
                await self._context.write(b"".join(parts))
                self._writing = False
                self._requests -= len(parts)
                self._txs -= txs
                self._bytes -= size
                self._moved = self._loop.time()
                self._room.set()

    def _on_writer_end(self, task: asyncio.Task[Any] | None, writer: asyncio.Task[None]) -> None:
        """End the stream: without a writer nobody is answered any more."""
        if not writer.cancelled() and task is not None:
            text = f"answers cannot be written: {writer.exception()!r}"
            self._overdue = Refusal(grpc.StatusCode.INTERNAL, text)
            task.cancel()

    # --- the clock ---

    async def _watch(self, task: asyncio.Task[Any] | None) -> None:
        """End the stream when nothing has moved for too long."""
        while task is not None:
            await asyncio.sleep(min(IDLE_S, STALLED_S) / 4)
            limit = STALLED_S if self._writing else IDLE_S
            if self._moved + limit > self._loop.time() or (self._requests and not self._writing):
                continue
            text = "its answers were not read" if self._writing else "nothing was sent"
            self._overdue = Refusal(
                grpc.StatusCode.DEADLINE_EXCEEDED, f"{text} for {limit:g} seconds"
            )
            task.cancel()
            return


def _settle(future: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not future.done():
        future.set_result(outcome)


def _refuse(text: str) -> Refusal:
    return Refusal(grpc.StatusCode.INVALID_ARGUMENT, text)
