"""The client's end of SubmitStream: many transactions in flight, sent again until one is settled.

Gathers what its callers give it into requests, has a few of them in flight, sends what was refused
for now again after the node's hint, longer each time and never at the same moment as others, and
after a lost connection what has no answer: the nonce makes a transaction that is sent twice count
once. Guarantees that `submit` returns one answer for each transaction, in order, or raises.
"""

import asyncio
import heapq
import random
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Any, Final, NamedTuple, Self, TypeAlias

import grpc

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.node_error import TRANSIENT_CODE, NodeError, TxRefused, require_size
from omg_abci.node.submissions import SUBMIT_BYTES_MAX
from omg_abci.protocol import codec
from omg_abci.protocol.errors import FormatError
from omg_abci.protocol.limits import NONCE_AGE_MAX_MS

METHOD: Final = "/omg.node.v1.Node/SubmitStream"
BATCH_TXS: Final = 250
"""Transactions in a request: beyond that the cost of a message hardly shows."""
REQUESTS_MAX: Final = 8
"""Requests in flight: enough that the node always has one to work on."""
BACKOFF_S: Final = 0.1
BACKOFF_MAX_S: Final = 5.0
PATIENCE_S: Final = 60.0
_FINAL: Final = ("INVALID_ARGUMENT", "UNIMPLEMENTED", "PERMISSION_DENIED")
"""Statuses after which trying again is of no use."""
_MS: Final = 1_000

Open: TypeAlias = Callable[[], Any]
"""Opens a call of SubmitStream."""


class Answer(NamedTuple):
    """What became of a transaction."""

    code: int
    """0 = acknowledged."""
    log: str
    tx_id: bytes
    tries: int
    """How often it was sent. Above 1, NonceUsed may say that an earlier try was executed."""

    def require(self) -> None:
        """Raise TxRefused unless it was acknowledged."""
        if self.code:
            raise TxRefused(self.code, self.log, self.tx_id)


OnAnswer: TypeAlias = Callable[[Answer], None]


class _Job:
    """One call of `submit`."""

    __slots__ = ("answers", "future", "left", "on_answer")

    def __init__(self, count: int, on_answer: OnAnswer | None) -> None:
        self.answers: list[Answer | None] = [None] * count
        self.left = count
        self.on_answer = on_answer
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class _Item:
    """A transaction on its way."""

    __slots__ = ("due", "job", "last", "place", "raw", "tries")

    def __init__(self, raw: bytes, job: _Job, place: int, due: float) -> None:
        self.raw = raw
        self.job = job
        self.place = place
        self.due = due
        """When it is given up, on the loop's clock."""
        self.tries = 0
        self.last: tuple[int, str, bytes] | None = None


class SubmitStream:
    """A stream of submissions to one node; `AsyncNodeClient.submit_stream` opens one."""

    def __init__(self, open_call: Open, patience_s: float) -> None:
        """Send by calls that `open_call` opens; give a transaction up after so long."""
        self._open_call = open_call
        self._patience_s = patience_s
        self._loop = asyncio.get_running_loop()
        self._queue: deque[_Item] = deque()
        self._later: list[tuple[float, int, _Item]] = []
        self._sent: dict[int, list[_Item]] = {}
        self._number = 0
        self._wake = asyncio.Event()
        self._failures = 0
        self._failed: NodeError | None = None
        self.put_off: Counter[int] = Counter()
        """Refusals for now, by code."""
        self.lost: Counter[str] = Counter()
        """Connections that ended with something on its way, by status."""

    async def submit(
        self, raws: Sequence[bytes], on_answer: OnAnswer | None = None
    ) -> list[Answer]:
        """Send signed transactions; return what became of each, in order.

        Refusals for now are tried again until the transaction's validity or the patience ends;
        then the last one is the answer. `on_answer` hears of each as it is settled.
        Raise NodeError when the node does not answer for so long, or refuses the request.
        """
        for raw in raws:
            require_size(raw)
        if self._failed is not None:
            raise self._failed
        if not raws:
            return []
        job = _Job(len(raws), on_answer)
        due = self._loop.time() + self._patience_s
        self._queue.extend([_Item(raw, job, place, due) for place, raw in enumerate(raws)])
        self._wake.set()
        await job.future
        return [answer for answer in job.answers if answer is not None]

    # --- the connection ---

    async def run(self) -> None:
        """Send and receive until cancelled; connect again when the connection is lost."""
        try:
            while self._failed is None:
                await self._wait_for_work()
                await self._run_call(self._open_call())
        except Exception as reason:
            self._fail(NodeError("INTERNAL", repr(reason)))
            raise

    async def _run_call(self, call: Any) -> None:  # noqa: ANN401 - grpc's calls share no public base
        tasks = [asyncio.create_task(self._read(call)), asyncio.create_task(self._write(call))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = task.exception()
                if error and not isinstance(error, grpc.RpcError | asyncio.InvalidStateError):
                    raise error
            await self._recover(NodeError((await call.code()).name, await call.details() or ""))
        finally:
            for task in tasks:
                task.cancel()
            call.cancel()

    async def _wait_for_work(self) -> None:
        while not (self._queue or self._later):
            self._wake.clear()
            await self._wake.wait()

    async def _recover(self, error: NodeError) -> None:
        """Take back what has no answer and wait a little; or fail for good."""
        if error.code in _FINAL:
            self._fail(error)
            return
        unanswered = [item for items in self._sent.values() for item in items]
        self._sent.clear()
        self._queue.extendleft(reversed(unanswered))
        self._give_up(error)
        if self._queue or self._later:
            self.lost[error.code] += 1
            self._failures += 1
            await asyncio.sleep(_choose_pause(0, self._failures))

    def _give_up(self, error: NodeError) -> None:
        """Fail the jobs whose transactions have waited for too long without an answer."""
        now = self._loop.time()
        for item in self._queue:
            if item.due <= now and not item.job.future.done():
                item.job.future.set_exception(error)
        self._queue = deque(item for item in self._queue if not item.job.future.done())

    def _fail(self, error: NodeError) -> None:
        self._failed = error
        items = [*self._queue, *(item for _, _, item in self._later)]
        items += [item for sent in self._sent.values() for item in sent]
        for item in items:
            if not item.job.future.done():
                item.job.future.set_exception(error)

    # --- sending ---

    async def _write(self, call: Any) -> None:  # noqa: ANN401 - grpc's calls share no public base
        while True:
            items = self._take_batch()
            if not items:
                self._wake.clear()
                pause = self._later[0][0] - self._loop.time() if self._later else None
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), pause)
                continue
            self._number += 1
            self._sent[self._number] = items
            request = pb.SubmitStreamRequest(txs=[item.raw for item in items], request=self._number)
            await call.write(request)

    def _take_batch(self) -> list[_Item]:
        """Return what goes into the next request; nothing when enough is in flight."""
        now = self._loop.time()
        while self._later and self._later[0][0] <= now:
            self._queue.append(heapq.heappop(self._later)[2])
        items: list[_Item] = []
        size = 0
        while self._queue and len(items) < BATCH_TXS and len(self._sent) < REQUESTS_MAX:
            item = self._queue[0]
            size += len(item.raw)
            if items and size > SUBMIT_BYTES_MAX:
                break
            self._queue.popleft()
            if item.job.future.done():
                continue
            item.tries += 1
            items.append(item)
        return items

    # --- answers ---

    async def _read(self, call: Any) -> None:  # noqa: ANN401 - as above
        while True:
            response = await call.read()
            if response is grpc.aio.EOF:
                return
            self._failures = 0
            for answer in response.answers:
                self._take_answer(answer)
            self._wake.set()

    def _take_answer(self, answer: pb.SubmitAnswer) -> None:
        items = self._sent.pop(answer.request)
        if answer.code:
            for item in items:
                self._settle(item, answer.code, answer.log, b"", answer.retry_after_ms)
            return
        for item, each in zip(items, answer.admissions, strict=True):
            self._settle(item, each.code, each.log, each.tx_id, answer.retry_after_ms)

    def _settle(self, item: _Item, code: int, log: str, tx_id: bytes, hint_ms: int) -> None:
        """Keep a final answer; put off what was refused for now and may still be taken."""
        if code >= TRANSIENT_CODE:
            self.put_off[code] += 1
            again = self._loop.time() + _choose_pause(hint_ms / _MS, item.tries)
            if again < item.due and again < self._compute_end(item.raw):
                heapq.heappush(self._later, (again, id(item), item))
                return
        job = item.job
        answer = job.answers[item.place] = Answer(code, log, tx_id, item.tries)
        job.left -= 1
        if job.on_answer is not None:
            job.on_answer(answer)
        if not job.left and not job.future.done():
            job.future.set_result(None)

    def _compute_end(self, raw: bytes) -> float:
        """Return when no block can hold the transaction any more, on the loop's clock."""
        try:
            body = codec.decode_body(codec.decode_envelope(raw)[0])
        except FormatError:
            return 0.0
        end_ms: int = body.valid_until_ms or body.nonce + NONCE_AGE_MAX_MS
        return self._loop.time() + end_ms / _MS - time.time()


def _choose_pause(hint_s: float, tries: int) -> float:
    """Return seconds to wait: the hint or more, longer each time, never the same for all."""
    backoff = min(BACKOFF_MAX_S, BACKOFF_S * (1 << min(tries, 10)))
    return hint_s + backoff * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


@asynccontextmanager
async def open_stream(
    open_call: Open, patience_s: float = PATIENCE_S
) -> AsyncIterator[SubmitStream]:
    """Lend a stream; at the end what still waits for an answer is left alone."""
    stream = SubmitStream(open_call, patience_s)
    task = asyncio.create_task(stream.run())
    try:
        yield stream
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class BlockingSubmitStream:
    """The same for a program without an event loop; it moves while `submit` runs."""

    def __init__(self, connect: Callable[[], grpc.aio.Channel], patience_s: float) -> None:
        """Send over the channel that `connect` makes."""
        self._connect = connect
        self._patience_s = patience_s
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._stream: SubmitStream

    def __enter__(self) -> Self:
        self._runner.run(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._runner.run(self._stack.aclose())
        finally:
            self._runner.close()

    def submit(self, raws: Sequence[bytes], on_answer: OnAnswer | None = None) -> list[Answer]:
        """Send signed transactions; return what became of each, as `SubmitStream.submit` does."""
        return self._runner.run(self._stream.submit(raws, on_answer))

    async def _open(self) -> None:
        channel = await self._stack.enter_async_context(self._connect())
        opened = open_stream(partial(open_submit_call, channel), self._patience_s)
        self._stream = await self._stack.enter_async_context(opened)


def open_submit_call(channel: grpc.aio.Channel) -> Any:  # noqa: ANN401 - as above
    """Open a call of SubmitStream."""
    return channel.stream_stream(
        METHOD,
        request_serializer=pb.SubmitStreamRequest.SerializeToString,
        response_deserializer=pb.SubmitStreamResponse.FromString,
    )()
