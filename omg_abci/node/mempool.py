"""The app-side mempool: what is admitted, acknowledged, gossiped and proposed.

Admission reads the working state and never writes it; what it says is advice, the block decides.
Guarantees: an acknowledged transaction is on disk before the answer, survives any stop, and
leaves only when it was included or can never be; the bounds of `PoolBounds` hold; work after a
block is in proportion to the block, not to the pool. docs/guides/mempool.md is for operators.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from omg_abci.node.accepted import AcceptedBroken, AcceptedLog
from omg_abci.node.admitter import Admitter, Next, Rules, StateHolder
from omg_abci.node.aside import FINAL, RETRIES_MAX, Aside
from omg_abci.node.bundles import BadBundle, decode_payload
from omg_abci.node.config import MempoolSettings
from omg_abci.node.counters import Counters
from omg_abci.node.gossip import InQueue, OutQueue
from omg_abci.node.pace import Pace
from omg_abci.node.pool import Entry, Pool, compute_bounds
from omg_abci.node.selection import fill_block
from omg_abci.node.workers import Result, WorkerLost
from omg_abci.protocol import errors
from omg_abci.protocol.limits import TX_BYTES_MAX
from omg_abci.protocol.messages import ApproveAgent, FinishRecovery, RevokeAgent, SignedTx
from omg_abci.protocol.units import Address, Height, Millis, Nonce, Scope

SLICE_TXS: Final = 256
"""Admissions in one go, about 2 ms; then the event loop gets a turn: consensus must not wait."""
PEER_RESEND_BLOCKS: Final = 5
"""Peers that come and go make everything be sent again at most this often."""
SUBMIT_BYTES_MAX: Final = 32 * 1024 * 1024
"""Of clients, being verified or written: some 3 s of a worker's time."""
GOSSIP_BYTES_MAX: Final = 32 * 1024 * 1024
"""From peers, not looked at yet."""
_GOSSIP_BATCH_BYTES: Final = 1024 * 1024

_TRADE: Final = int(Scope.TRADE)
_AGENT_CHANGES: Final = (ApproveAgent, RevokeAgent)
_new = tuple.__new__

_log = logging.getLogger(__name__)


class Source(StrEnum):
    """By which way a client's transaction came."""

    RPC = "rpc"
    API = "api"


class Admission(NamedTuple):
    """What a client is told: code 0 means acknowledged."""

    code: int
    log: str
    tx_id: bytes


class Verification(Protocol):
    """What verifies signatures: workers.WorkerPool."""

    async def verify(self, raws: Sequence[bytes]) -> list[Result]:
        """Return for each the transaction or its format error; raise WorkerLost."""


class Mempool:
    """The pool with everything that fills and empties it."""

    def __init__(
        self,
        settings: MempoolSettings,
        chain: StateHolder,
        workers: Verification,
        accepted: AcceptedLog,
        on_fatal: Callable[[Exception], None],
        rules: Rules | None = None,
        clock_ms: Callable[[], Millis] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """Make an empty mempool; `on_fatal` is called when nothing may be acknowledged any more."""
        self.counters = Counters()
        self._rules = rules or Rules()
        self._relay = settings.relay
        self._workers = workers
        self._accepted = accepted
        self._on_fatal = on_fatal
        self._pool = Pool(
            compute_bounds(settings.max_count, settings.max_bytes, settings.owner_count)
        )
        self.find_tx = self._pool.find_raw
        """Finds a pending transaction by its bytes: it need not be verified again."""
        self._admitter = Admitter(chain, self._pool, self._rules, clock_ms)
        self._pace = Pace()
        self._out = OutQueue()
        self._in = InQueue(GOSSIP_BYTES_MAX)
        self._aside = Aside(self._pool, self._admitter, lambda gone: self._finish([gone]))
        self._submitting_bytes = 0
        self._height = 0
        self._has_begun = False
        self._resent_at = -PEER_RESEND_BLOCKS
        self._resend_wanted = False
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def size(self) -> tuple[int, int]:
        """Return how many transactions are pending, and how many bytes they are."""
        return len(self._pool), self._pool.bytes

    @property
    def backlog(self) -> tuple[int, int]:
        """Return the size with the bytes that came from peers and were not looked at yet."""
        return len(self._pool), self._pool.bytes + self._in.size

    # --- life ---

    async def start(self) -> None:
        """Take up what was acknowledged before the last stop, then what peers send.

        Before genesis there is nothing to check it against: then the first block does it.
        """
        try:
            self._height = self._admitter.get_state().height
        except errors.NodeBusy:
            self._has_begun = False
        else:
            self._has_begun = True
            await self._restore()
        self._run(self._run_gossip())

    async def stop(self) -> None:
        """Stop taking from peers and write what is on its way to disk."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._accepted.close()

    def _run(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._on_task_end)
        self._tasks.append(task)

    def _on_task_end(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        # The workers report their own end.
        if isinstance(error, Exception) and not isinstance(error, WorkerLost):
            self._on_fatal(error)

    async def _restore(self) -> None:
        recovered = self._accepted.recovered
        if recovered.torn_bytes:
            _log.warning("%d bytes never acknowledged were cut off", recovered.torn_bytes)
        left: list[tuple[Entry, bytes]] = []
        for start in range(0, len(recovered.raws), SLICE_TXS):
            results = await self._workers.verify(recovered.raws[start : start + SLICE_TXS])
            txs = [result for result in results if isinstance(result, SignedTx)]
            resumed = [entry for entry in map(self._readmit, txs) if entry is not None]
            self._announce(resumed)
            left += [(entry, entry.tx.raw) for entry in resumed]
        await self._accepted.settle(left)
        if recovered.raws:
            _log.info("%d of %d accepted transactions resumed", len(left), len(recovered.raws))

    def _readmit(self, tx: SignedTx) -> Entry | None:
        """Resume an acknowledged transaction; return its entry if it is one to keep on disk."""
        pending = self._pool.find((tx.signer, tx.body.nonce))
        if pending is not None:
            # Peers may have sent it first, and a stop in the middle may have left it twice.
            if pending.acknowledged:
                return None
            self._pool.acknowledge(pending)
        else:
            pending, error = self._admitter.readmit(tx)
            if isinstance(error, FINAL):
                self._pool.remove(pending)
                return None
            if error is not None:
                self._aside.park(pending)
        return pending

    # --- from clients ---

    async def submit(self, raws: Sequence[bytes], source: Source) -> list[Admission]:
        """Admit a client's transactions, in order, and answer when they are on disk."""
        size = sum(map(len, raws))
        if self._submitting_bytes + size > SUBMIT_BYTES_MAX:
            return [_refuse(errors.NodeBusy()) for _ in raws]
        self._submitting_bytes += size
        try:
            self._admitter.get_state()
            answers = await self._admit_all(raws)
            await self._accepted.wait_synced()
        except errors.NodeBusy as error:
            return [_refuse(error) for _ in raws]
        except WorkerLost:
            return [_refuse(errors.NodeBusy("it is stopping")) for _ in raws]
        except AcceptedBroken as error:
            self._on_fatal(error)
            return [_refuse(errors.NodeBusy("it is stopping")) for _ in raws]
        finally:
            self._submitting_bytes -= size
        self.counters.acknowledged[source] += sum(not answer.code for answer in answers)
        return answers

    async def _admit_all(self, raws: Sequence[bytes]) -> list[Admission]:
        results = await self._verify(raws)
        answers = self._admit_slice(results[:SLICE_TXS])
        for start in range(SLICE_TXS, len(results), SLICE_TXS):
            await asyncio.sleep(0)
            answers += self._admit_slice(results[start : start + SLICE_TXS])
        return answers

    async def _verify(self, raws: Sequence[bytes]) -> list[Result]:
        """Return what the workers say; of what is too large they are not asked."""
        if max(map(len, raws), default=0) <= TX_BYTES_MAX:
            return await self._workers.verify(raws)
        small = iter(await self._workers.verify([raw for raw in raws if len(raw) <= TX_BYTES_MAX]))
        return [
            next(small) if len(raw) <= TX_BYTES_MAX else errors.TxTooLarge(f"{len(raw)} bytes")
            for raw in raws
        ]

    def _admit_slice(self, results: Sequence[Result]) -> list[Admission]:
        """Admit a client's transactions and have them written, in one step.

        So nobody can see one acknowledged that is not on its way to the file.
        """
        answers: list[Admission] = []
        taken: list[Entry] = []
        following = self._admitter.get_next()
        for result in results:
            if isinstance(result, errors.FormatError):
                answers.append(_refuse(result))
                continue
            try:
                entry = self._acknowledge(result, following)
            except errors.TxError as error:
                answers.append(_refuse(error, result.tx_id))
                continue
            if entry is not None:
                taken.append(entry)
            answers.append(_new(Admission, (0, "", result.tx_id)))
        if taken:
            # By entry and not by id: two keys may sign the same body, and both may be executed.
            self._accepted.enqueue([(entry, entry.tx.raw) for entry in taken])
            self._announce(taken)
        return answers

    def _acknowledge(self, tx: SignedTx, following: Next) -> Entry | None:
        """Admit a client's transaction; return it unless it was before; raise what keeps it out."""
        pending = self._pool.find((tx.signer, tx.body.nonce))
        if pending is None:
            pending, dropped = self._admitter.admit(tx, following, acknowledged=True)
            if dropped:
                self.counters.dropped_for_room += len(dropped)
        elif pending.tx.tx_id != tx.tx_id:
            raise errors.NonceUsed("another transaction with this nonce is pending")
        elif pending.acknowledged:
            return None
        else:
            self._pool.acknowledge(pending)
        return pending

    def _announce(self, entries: list[Entry]) -> None:
        """Hand out what this node promised, now and as long as no block holds it."""
        self._out.push(entries)
        self._out.schedule(entries, self._height)

    # --- from and to peers ---

    def insert_gossip(self, payload: bytes) -> int:
        """Queue a peer's payload; return 0, or a code that lets the peer's bytes come again."""
        return 0 if self._in.push(payload) else errors.NodeBusy.code

    def reap(self, bytes_max: int, gas_max: int) -> list[bytes]:
        """Return bundles of what was not handed out; gas is not limited: work is the block's."""
        del gas_max
        return self._out.reap(bytes_max)

    def on_new_peer(self) -> None:
        """Hand out again everything that this node accepted, at most every few blocks."""
        self._resend_wanted = True
        self._resend()

    def _resend(self) -> None:
        if self._resend_wanted and self._height - self._resent_at >= PEER_RESEND_BLOCKS:
            self._resend_wanted = False
            self._resent_at = self._height
            self._out.resend(self._pool.iterate_entries())

    async def _run_gossip(self) -> None:
        while True:
            raws: dict[bytes, None] = {}
            for payload in await self._in.pop(_GOSSIP_BATCH_BYTES):
                try:
                    raws |= dict.fromkeys(decode_payload(payload))
                except BadBundle as error:
                    self.counters.bad_bundles += 1
                    _log.info("from a peer: %s", error)
            find = self._pool.find_raw
            results = await self._workers.verify([raw for raw in raws if find(raw) is None])
            txs = [result for result in results if isinstance(result, SignedTx)]
            self.counters.gossip_refused += len(results) - len(txs)
            for start in range(0, len(txs), SLICE_TXS):
                self._admit_gossiped([(tx, self._height) for tx in txs[start : start + SLICE_TXS]])
                await asyncio.sleep(0)

    def _admit_gossiped(self, received: Sequence[tuple[SignedTx, Height]]) -> None:
        """Admit what peers sent, each with the height at which it was first looked at."""
        try:
            following = self._admitter.get_next()
        except errors.NodeBusy:
            for tx, since in received:
                self._aside.deferred.add(tx, since)
            return
        for tx, since in received:
            if self._pool.find((tx.signer, tx.body.nonce)) is None:
                self._admit_one_gossiped(tx, since, following)

    def _admit_one_gossiped(self, tx: SignedTx, since: Height, following: Next) -> None:
        try:
            entry, dropped = self._admitter.admit(tx, following, acknowledged=False)
        except (errors.PoolFull, errors.AccountPoolFull):
            self.counters.gossip_refused += 1
        except errors.TransientError:
            self._aside.deferred.add(tx, since)
        except errors.TxError:
            self.counters.gossip_refused += 1
        else:
            self.counters.gossiped += 1
            self.counters.dropped_for_room += len(dropped)
            if self._relay:
                self._out.push([entry])

    # --- blocks ---

    def select(self, height: Height, time_ms: Millis, bytes_max: int) -> list[SignedTx]:
        """Return a block's transactions in canonical order, at most so many bytes as encoded.

        The state must be the committed one, with no block applied to it.
        """
        state = self._admitter.get_state()
        bytes_max = min(bytes_max, self._pace.bytes_max)
        budget = self._rules.make_budget(state, height, time_ms, bytes_max)
        refused = fill_block(self._pool.rotation.values(), budget, bytes_max)
        for entry, error in refused:
            self._aside.put(entry, error, self._height)
        return self._rules.compute_order(state.block_hash, budget.txs)

    def on_commit(self, height: Height, time_ms: Millis, included: Sequence[SignedTx]) -> None:
        """Remove what a durable block settled, and look again at what it touched."""
        self._height = height
        self._pace.on_block(sum([len(tx.raw) for tx in included]))
        if not self._has_begun:
            self._has_begun = True
            self._run(self._restore())
        pool = self._pool
        highest: dict[tuple[Address, Address], Nonce] = {}
        changed: dict[Address, None] = {}
        finished: list[Entry] = []
        for tx in included:
            signer, body = tx.signer, tx.body
            nonce = body.nonce
            entry = pool.find((signer, nonce))
            if entry is None:
                pool.mark_executed((signer, nonce))
            else:
                pool.remove(entry, executed=True)
                finished.append(entry)
            pair = (body.owner, signer)
            if nonce > highest.get(pair, 0):
                highest[pair] = nonce
            # Nothing that only trades changes who may sign.
            for leg in () if tx.scopes == _TRADE else body.legs:
                if isinstance(leg, _AGENT_CHANGES):
                    changed[body.owner] = None
                elif isinstance(leg, FinishRecovery):
                    changed[leg.account] = None
        expired = self._pool.pop_expired(height, time_ms)
        self.counters.expired += len(expired)
        self._finish([*finished, *expired])
        self._aside.look_again(highest, changed, height)
        self._aside.retry()
        self._admit_gossiped(self._aside.deferred.pop(RETRIES_MAX, height))
        for owner, _ in highest:
            self._pool.serve(owner)
        self._out.on_block(height)
        self._resend()

    def _finish(self, entries: Sequence[Entry]) -> None:
        self._accepted.finish([each for each in entries if each.acknowledged])


def _refuse(error: errors.TxError, tx_id: bytes = b"") -> Admission:
    return Admission(error.code, str(error), tx_id)
