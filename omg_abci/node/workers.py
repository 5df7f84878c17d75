"""The executor's side of the signature workers.

Guarantees: each distinct transaction is verified once as long as its result is remembered; at
most two batches wait at a worker, so that a block's transactions, which go before everything
else, wait a few milliseconds at most; a worker that dies fails whatever waits and is reported once.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from enum import Enum
from functools import partial
from typing import Final, TypeAlias

from omg_abci.node.channel import Child, Message, spawn_child
from omg_abci.node.verdicts import unpack_verdict
from omg_abci.protocol.errors import FormatError, OmgError
from omg_abci.protocol.messages import SignedTx
from omg_abci.protocol.signing import Domain

BATCH_TXS_MIN: Final = 64
"""A message costs about 60 µs at both ends together, a signature 40: from 64 on it is noise."""
BATCH_TXS_MAX: Final = 256
"""About 10 ms of work: the longest that a block waits for admissions that went before it."""
IN_FLIGHT_MAX: Final = 2
"""Batches at one worker: one that it works on and one that it finds when it is done."""
CACHE_TXS_MAX: Final = 65_536
CACHE_BYTES_MAX: Final = 64 * 1024 * 1024
_STOP_TIMEOUT_S: Final = 5.0

Result: TypeAlias = SignedTx | FormatError


class WorkerLost(OmgError):
    """A signature worker ended although nobody stopped it."""


class Urgency(Enum):
    """Who waits for a verification."""

    BLOCK = 0
    ADMISSION = 1


class VerifiedCache:
    """Verified transactions by their bytes; the ones not asked for the longest time leave first."""

    def __init__(self, txs_max: int = CACHE_TXS_MAX, bytes_max: int = CACHE_BYTES_MAX) -> None:
        """Fix the bounds, both of which hold."""
        self._txs: OrderedDict[bytes, SignedTx] = OrderedDict()
        self._txs_max = txs_max
        self._bytes_max = bytes_max
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._txs)

    def find(self, raw: bytes) -> SignedTx | None:
        """Return the transaction if it is remembered."""
        tx = self._txs.get(raw)
        if tx is not None:
            self._txs.move_to_end(raw)
        return tx

    def add(self, tx: SignedTx) -> None:
        """Remember a transaction."""
        txs = self._txs
        if tx.raw not in txs:
            self._bytes += len(tx.raw)
        txs[tx.raw] = tx
        while len(txs) > self._txs_max or self._bytes > self._bytes_max:
            raw, _ = txs.popitem(last=False)
            self._bytes -= len(raw)

    def clear(self) -> None:
        """Forget everything."""
        self._txs.clear()
        self._bytes = 0


class _Job:
    """One call of `verify` that waits for its last result."""

    __slots__ = ("future", "remaining", "results")

    def __init__(self, results: list[Result | None], remaining: int) -> None:
        self.results = results
        self.remaining = remaining
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()


_Item: TypeAlias = tuple[_Job, int, bytes]


class _Worker:
    """A worker process and the batches that it has not answered."""

    __slots__ = ("batches", "child")

    def __init__(self) -> None:
        self.batches: dict[int, list[_Item]] = {}
        self.child: Child | None = None

    def send(self, message: Message) -> None:
        if self.child is None:
            raise WorkerLost("the workers were not started")
        self.child.channel.send(message)


class WorkerPool:
    """A number of signature workers."""

    def __init__(
        self,
        workers: int,
        on_fatal: Callable[[Exception], None],
        find_known: Callable[[bytes], SignedTx | None] | None = None,
    ) -> None:
        """Prepare so many workers; `find_known` may know transactions besides the cache."""
        self._workers = [_Worker() for _ in range(workers)]
        self._on_fatal = on_fatal
        self.find_known = find_known
        self._queues: dict[Urgency, deque[_Item]] = {urgency: deque() for urgency in Urgency}
        self._cache = VerifiedCache()
        self._next_batch = 0
        self._stopping = False
        self._failure: WorkerLost | None = None

    async def start(self, domain: Domain | None) -> None:
        """Start the processes; without a domain nothing can be verified until `set_domain`."""
        for worker in self._workers:
            worker.child = await spawn_child(
                "omg_abci.node.worker",
                partial(self._on_message, worker),
                partial(self._on_lost, worker),
            )
        if domain is not None:
            self.set_domain(domain)

    def set_domain(self, domain: Domain) -> None:
        """Verify for this domain from now on."""
        self._cache.clear()
        for worker in self._workers:
            worker.send(("domain", *domain))

    async def stop(self) -> None:
        """End the processes; what still waits gets WorkerLost."""
        self._stopping = True
        self._fail(WorkerLost("the signature workers were stopped"))
        children = [worker.child for worker in self._workers if worker.child is not None]
        await asyncio.gather(*(child.stop(_STOP_TIMEOUT_S) for child in children))

    async def verify(
        self, raws: Sequence[bytes], urgency: Urgency = Urgency.ADMISSION
    ) -> list[Result]:
        """Return for each either the transaction or its format error; raise WorkerLost."""
        results: list[Result | None] = [self._find(raw) for raw in raws]
        missing = [place for place, result in enumerate(results) if result is None]
        if missing:
            if self._failure is not None:
                raise self._failure
            job = _Job(results, len(missing))
            self._queues[urgency].extend([(job, place, raws[place]) for place in missing])
            self._dispatch()
            await job.future
        return [result for result in results if result is not None]

    def _find(self, raw: bytes) -> SignedTx | None:
        tx = self._cache.find(raw)
        if tx is None and self.find_known is not None:
            tx = self.find_known(raw)
        return tx

    def _dispatch(self) -> None:
        while queue := self._queues[Urgency.BLOCK] or self._queues[Urgency.ADMISSION]:
            worker = min(self._workers, key=lambda each: len(each.batches))
            if len(worker.batches) >= IN_FLIGHT_MAX:
                return
            share = -(-len(queue) // len(self._workers))
            size = min(len(queue), max(BATCH_TXS_MIN, min(share, BATCH_TXS_MAX)))
            items = [queue.popleft() for _ in range(size)]
            self._next_batch += 1
            worker.batches[self._next_batch] = items
            worker.send(("verify", self._next_batch, [raw for _, _, raw in items]))

    def _on_message(self, worker: _Worker, message: Message) -> None:
        _, batch_id, verdicts = message
        items = worker.batches.pop(batch_id)
        self._dispatch()
        for (job, place, raw), verdict in zip(items, verdicts, strict=True):
            result = unpack_verdict(raw, verdict)
            if isinstance(result, SignedTx):
                self._cache.add(result)
            job.results[place] = result
            job.remaining -= 1
            if not job.remaining and not job.future.done():
                job.future.set_result(None)

    def _on_lost(self, worker: _Worker, reason: Exception | None) -> None:
        if self._stopping or self._failure is not None:
            return
        pid = worker.child.process.pid if worker.child is not None else 0
        failure = WorkerLost(f"signature worker {pid} ended{f': {reason}' if reason else ''}")
        self._fail(failure)
        self._on_fatal(failure)

    def _fail(self, failure: WorkerLost) -> None:
        self._failure = failure
        waiting = [item for queue in self._queues.values() for item in queue]
        waiting += [
            item for each in self._workers for part in each.batches.values() for item in part
        ]
        for queue in self._queues.values():
            queue.clear()
        for job, _, _ in waiting:
            if not job.future.done():
                job.future.set_exception(failure)
