"""The executor's side of the signature workers.

Guarantees: each distinct transaction is verified once as long as its result is remembered; a
block's transactions go before everything else and wait for one batch at most, some milliseconds;
a worker that dies fails whatever waits and is reported once.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import partial
from itertools import islice
from typing import Final, TypeAlias

from omg_abci.node.channel import Child, Message, spawn_child
from omg_abci.node.verdicts import unpack_verdicts
from omg_abci.protocol.errors import FormatError, OmgError, Undecodable, require
from omg_abci.protocol.messages import SignedTx
from omg_abci.protocol.signing import Domain

BATCH_TXS_MIN: Final = 64
"""A message costs about 60 µs at both ends together, a signature 40: from 64 on it is noise."""
BATCH_TXS_MAX: Final = 256
"""Some 15 ms of work, batches of legs 30: the longest that a block waits for admissions."""
IN_FLIGHT_MAX: Final = 16
"""Batches for admission at one worker: what it does while a large block is executed here."""
CACHE_TXS_MAX: Final = 65_536
CACHE_BYTES_MAX: Final = 64 * 1024 * 1024
_FORGOTTEN_FRACTION: Final = 256
"""A full cache forgets this part of it at once."""
_STOP_TIMEOUT_S: Final = 5.0

Result: TypeAlias = SignedTx | FormatError
_UNKNOWN: Final = Undecodable()
"""Stands for a result that has not come."""


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
        self._txs: dict[bytes, SignedTx] = {}
        """Those asked for the longest time ago first."""
        self._txs_max = txs_max
        self._bytes_max = bytes_max
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._txs)

    def find(self, raws: Sequence[bytes]) -> list[SignedTx | None]:
        """Return for each the transaction, if it is remembered."""
        txs = self._txs
        found = [txs.get(raw) for raw in raws]
        if any(found):
            for tx in found:
                if tx is not None:
                    txs[tx.raw] = txs.pop(tx.raw)
        return found

    def add(self, results: Iterable[Result]) -> None:
        """Remember the transactions among these."""
        txs = self._txs
        for tx in results:
            if isinstance(tx, SignedTx):
                if tx.raw not in txs:
                    self._bytes += len(tx.raw)
                txs[tx.raw] = tx
        while len(txs) > self._txs_max or self._bytes > self._bytes_max:
            # Many at once: a dictionary's first item is found the slower the more were deleted.
            for raw in list(islice(txs, 1 + len(txs) // _FORGOTTEN_FRACTION)):
                self._bytes -= len(raw)
                del txs[raw]

    def clear(self) -> None:
        """Forget everything."""
        self._txs.clear()
        self._bytes = 0


class _Job:
    """One call of `verify` that waits for its last result."""

    __slots__ = ("future", "raws", "remaining", "results", "taken")

    def __init__(self, raws: Sequence[bytes]) -> None:
        self.raws = raws
        self.taken = 0
        """How many were given to workers."""
        self.remaining = len(raws)
        self.results: list[Result] = [_UNKNOWN] * len(raws)
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def put(self, begin: int, results: list[Result]) -> None:
        """Take the results of what stands from `begin` on."""
        self.results[begin : begin + len(results)] = results
        self.remaining -= len(results)
        if not self.remaining and not self.future.done():
            self.future.set_result(None)


_Part: TypeAlias = tuple[_Job, int, int]
"""What stands between two places of a job."""


class _Queue:
    """Jobs of which something was not yet given to a worker."""

    __slots__ = ("count", "jobs")

    def __init__(self) -> None:
        self.jobs: deque[_Job] = deque()
        self.count = 0
        """Transactions."""

    def add(self, job: _Job) -> None:
        self.jobs.append(job)
        self.count += len(job.raws)

    def take(self, count: int) -> list[_Part]:
        """Remove the next transactions; at most `self.count`."""
        parts: list[_Part] = []
        self.count -= count
        while count:
            job = self.jobs[0]
            begin = job.taken
            job.taken = end = min(begin + count, len(job.raws))
            count -= end - begin
            parts.append((job, begin, end))
            if end == len(job.raws):
                self.jobs.popleft()
        return parts


class _Worker:
    """A worker process and the batches that it has not answered."""

    __slots__ = ("batches", "child")

    def __init__(self) -> None:
        self.batches: dict[int, list[_Part]] = {}
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
        self._queues = {urgency: _Queue() for urgency in Urgency}
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
        found = self._cache.find(raws)
        if (find := self.find_known) is not None:
            found = [tx or find(raw) for raw, tx in zip(raws, found, strict=True)]
        missing = [raw for raw, tx in zip(raws, found, strict=True) if tx is None]
        if not missing:
            return [tx for tx in found if tx is not None]
        if self._failure is not None:
            raise self._failure
        job = _Job(missing)
        self._queues[urgency].add(job)
        self._dispatch()
        await job.future
        if len(missing) == len(raws):
            return job.results
        verified = iter(job.results)
        return [next(verified) if tx is None else tx for tx in found]

    def _dispatch(self) -> None:
        block, admission = self._queues[Urgency.BLOCK], self._queues[Urgency.ADMISSION]
        while (queue := block if block.count else admission).count:
            worker = min(self._workers, key=lambda each: len(each.batches))
            if queue is admission and len(worker.batches) >= IN_FLIGHT_MAX:
                return
            share = -(-queue.count // len(self._workers))
            size = min(queue.count, max(BATCH_TXS_MIN, min(share, BATCH_TXS_MAX)))
            parts = queue.take(size)
            raws = [raw for job, begin, end in parts for raw in job.raws[begin:end]]
            self._next_batch += 1
            worker.batches[self._next_batch] = parts
            worker.send(("verify", self._next_batch, raws, queue is block))

    def _on_message(self, worker: _Worker, message: Message) -> None:
        _, batch_id, verdicts = message
        parts = worker.batches.pop(batch_id)
        self._dispatch()
        unread = iter(verdicts)
        for job, begin, end in parts:
            results = unpack_verdicts(job.raws[begin:end], unread)
            require(len(results) == end - begin, "a worker has a verdict for each transaction")
            self._cache.add(results)
            job.put(begin, results)

    def _on_lost(self, worker: _Worker, reason: Exception | None) -> None:
        if self._stopping or self._failure is not None:
            return
        pid = worker.child.process.pid if worker.child is not None else 0
        failure = WorkerLost(f"signature worker {pid} ended{f': {reason}' if reason else ''}")
        self._fail(failure)
        self._on_fatal(failure)

    def _fail(self, failure: WorkerLost) -> None:
        self._failure = failure
        waiting = [job for queue in self._queues.values() for job in queue.jobs]
        waiting += [
            job for each in self._workers for parts in each.batches.values() for job, _, _ in parts
        ]
        self._queues = {urgency: _Queue() for urgency in Urgency}
        for job in waiting:
            if not job.future.done():
                job.future.set_exception(failure)
