"""The app-side mempool: what is admitted, acknowledged, gossiped and proposed.

Admission reads the working state and never writes it; what it says is advice, the block decides.
Guarantees: an acknowledged transaction is on disk before the answer, survives any stop, and
leaves only when it was included or can never be; the bounds of `PoolBounds` hold; work after a
block is in proportion to the block, not to the pool. docs/guides/mempool.md is for operators.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from omg_abci.node.accepted import AcceptedBroken, AcceptedLog
from omg_abci.node.bundles import BadBundle, decode_payload
from omg_abci.node.deferred import Deferred
from omg_abci.node.gossip import InQueue, OutQueue
from omg_abci.node.pool import Entry, Key, Place, Pool, PoolBounds
from omg_abci.node.selection import Budget, fill_block
from omg_abci.node.workers import Result, WorkerLost
from omg_abci.protocol import errors
from omg_abci.protocol.limits import TX_BYTES_MAX
from omg_abci.protocol.messages import ApproveAgent, RevokeAgent, SignedTx
from omg_abci.protocol.units import Address, Hash, Height, Millis, Nonce
from omg_abci.rules.admission import BlockBudget, check_tx
from omg_abci.rules.fees import compute_declared_work
from omg_abci.rules.ordering import compute_order
from omg_abci.state.working import WorkingState

RETRIES_MAX: Final = 256
"""Refused transactions tried again after a block, of each kind: half a millisecond."""
SLICE_TXS: Final = 256
"""Admissions in one go, about 2 ms; then the event loop gets a turn: consensus must not wait."""
PEER_RESEND_BLOCKS: Final = 5
"""Peers that come and go make everything be sent again at most this often."""
_GOSSIP_BATCH_BYTES: Final = 1024 * 1024
# No later block can hold a transaction that is refused for one of these.
_FINAL: Final = (errors.StaleNonce, errors.NonceUsed, errors.TxExpired, errors.TooDear)

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


class MempoolSettings(NamedTuple):
    """What an operator may choose."""

    bounds: PoolBounds = PoolBounds()
    submit_bytes_max: int = 32 * 1024 * 1024
    """Being verified or written for clients."""
    gossip_bytes_max: int = 32 * 1024 * 1024
    """From peers, not looked at yet."""
    relay: bool = False
    """Hand out what came from peers too: needed when not every node is every node's peer."""


class Verification(Protocol):
    """What verifies signatures: workers.WorkerPool."""

    async def verify(self, raws: Sequence[bytes]) -> list[Result]:
        """Return for each the transaction or its format error; raise WorkerLost."""


def compute_fee_max(state: WorkingState, tx: SignedTx) -> int:
    """Return the most that a transaction can cost, in the fee token's units."""
    return compute_declared_work(tx) * state.unit_price


def get_funds(state: WorkingState, owner: Address) -> int:
    """Return what an owner's fees are taken from."""
    return state.get_free(owner, 0, state.fee_token)


class Rules(NamedTuple):
    """The rules that the mempool asks; tests give it others."""

    check_tx: Callable[[WorkingState, SignedTx, Height, Millis], None] = check_tx
    make_budget: Callable[[WorkingState, Height, Millis, int], Budget] = BlockBudget
    compute_order: Callable[[Hash, Sequence[SignedTx]], list[SignedTx]] = compute_order
    compute_fee_max: Callable[[WorkingState, SignedTx], int] = compute_fee_max
    get_funds: Callable[[WorkingState, Address], int] = get_funds


class Counters:
    """What happened since the start, for the node's status and metrics."""

    def __init__(self) -> None:
        self.acknowledged = dict.fromkeys(Source, 0)
        self.gossiped = 0
        self.gossip_refused = 0
        self.bad_bundles = 0
        self.dropped_for_room = 0
        self.expired = 0


class Mempool:
    """The pool with everything that fills and empties it."""

    def __init__(
        self,
        state: WorkingState,
        workers: Verification,
        accepted: AcceptedLog,
        on_fatal: Callable[[Exception], None],
        settings: MempoolSettings | None = None,
        rules: Rules | None = None,
        clock_ms: Callable[[], Millis] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """Make an empty mempool; `on_fatal` is called when nothing may be acknowledged any more."""
        self.state = state
        """Read only; InitChain replaces it."""
        self.counters = Counters()
        self._settings = settings or MempoolSettings()
        self._rules = rules or Rules()
        self._workers = workers
        self._accepted = accepted
        self._on_fatal = on_fatal
        self._clock_ms = clock_ms
        self._pool = Pool(self._settings.bounds)
        self._out = OutQueue()
        self._in = InQueue(self._settings.gossip_bytes_max)
        self._deferred = Deferred()
        self._parked: dict[Key, Entry] = {}
        self._submitting_bytes = 0
        self._height = state.height
        self._resent_at = -PEER_RESEND_BLOCKS
        self._resend_wanted = False
        self._gossip: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._pool)

    @property
    def size_bytes(self) -> int:
        """Return how many bytes of transactions are pending."""
        return self._pool.bytes

    def find_tx(self, raw: bytes) -> SignedTx | None:
        """Return a pending transaction by its bytes: what was verified need not be again."""
        entry = self._pool.find_raw(raw)
        return None if entry is None else entry.tx

    # --- life ---

    async def start(self) -> None:
        """Take up what was acknowledged before the last stop, then what peers send."""
        await self._restore()
        self._gossip = asyncio.create_task(self._run_gossip())
        self._gossip.add_done_callback(self._on_gossip_end)

    async def stop(self) -> None:
        """Stop taking from peers and write what is on its way to disk."""
        if self._gossip is not None:
            self._gossip.cancel()
            await asyncio.gather(self._gossip, return_exceptions=True)
        await self._accepted.close()

    async def _restore(self) -> None:
        recovered = self._accepted.recovered
        if recovered.torn_bytes:
            _log.warning("%d bytes never acknowledged were cut off", recovered.torn_bytes)
        left: list[tuple[bytes, bytes]] = []
        for start in range(0, len(recovered.raws), SLICE_TXS):
            for result in await self._workers.verify(recovered.raws[start : start + SLICE_TXS]):
                entry = self._readmit(result) if isinstance(result, SignedTx) else None
                if entry is not None:
                    left.append((_compute_log_id(entry.tx), entry.tx.raw))
        await self._accepted.settle(left)
        if recovered.raws:
            _log.info("%d of %d accepted transactions resumed", len(left), len(recovered.raws))

    def _readmit(self, tx: SignedTx) -> Entry | None:
        if self._pool.find((tx.signer, tx.body.nonce)) is not None:
            return None  # a stop between writing again and deleting leaves some twice
        error = self._find_refusal(tx)
        if isinstance(error, _FINAL):
            return None
        waiting = isinstance(error, errors.AfterNotExecuted)
        fee = self._rules.compute_fee_max(self.state, tx)
        entry = Entry(tx, fee, acknowledged=True, waiting=waiting)
        self._pool.add(entry, within_bounds=False)
        if error is not None and not waiting:
            self._park(entry)
        self._announce(entry)
        return entry

    # --- from clients ---

    async def submit(self, raws: Sequence[bytes], source: Source) -> list[Admission]:
        """Admit a client's transactions, in order, and answer when they are on disk."""
        size = sum(map(len, raws))
        if self._submitting_bytes + size > self._settings.submit_bytes_max:
            return [_refuse(errors.NodeBusy()) for _ in raws]
        self._submitting_bytes += size
        try:
            answers, accepted = await self._admit_all(raws)
            await self._accepted.append(accepted)
        except WorkerLost:
            return [_refuse(errors.NodeBusy("it is stopping")) for _ in raws]
        except AcceptedBroken as error:
            self._on_fatal(error)
            return [_refuse(errors.NodeBusy("it is stopping")) for _ in raws]
        finally:
            self._submitting_bytes -= size
        self.counters.acknowledged[source] += len(accepted)
        return answers

    async def _admit_all(
        self, raws: Sequence[bytes]
    ) -> tuple[list[Admission], list[tuple[bytes, bytes]]]:
        small = [raw for raw in raws if len(raw) <= TX_BYTES_MAX]
        results = iter(await self._workers.verify(small))
        answers: list[Admission] = []
        accepted: list[tuple[bytes, bytes]] = []
        for place, raw in enumerate(raws):
            if place % SLICE_TXS == SLICE_TXS - 1:
                await asyncio.sleep(0)
            if len(raw) > TX_BYTES_MAX:
                answers.append(_refuse(errors.TxTooLarge(f"{len(raw)} bytes")))
                continue
            result = next(results)
            if isinstance(result, errors.FormatError):
                answers.append(_refuse(result))
                continue
            try:
                if self._accept(result):
                    accepted.append((_compute_log_id(result), raw))
            except errors.TxError as error:
                answers.append(_refuse(error, result.tx_id))
            else:
                answers.append(Admission(0, "", result.tx_id))
        return answers, accepted

    def _accept(self, tx: SignedTx) -> bool:
        """Admit a client's transaction; return whether it must be written down."""
        pending = self._pool.find((tx.signer, tx.body.nonce))
        if pending is not None:
            if pending.tx.raw != tx.raw and pending.tx.tx_id != tx.tx_id:
                raise errors.NonceUsed("another transaction with this nonce is pending")
            if pending.acknowledged:
                return False
            self._pool.acknowledge(pending)
            # The bytes that were submitted may carry another signature: what is kept is written.
            self._announce(pending)
            return True
        entry = self._admit(tx, acknowledged=True)
        self._announce(entry)
        return True

    def _admit(self, tx: SignedTx, *, acknowledged: bool) -> Entry:
        """Put a transaction whose key is not pending into the pool; raise what keeps it out."""
        error = self._find_refusal(tx)
        waiting = isinstance(error, errors.AfterNotExecuted)
        if error is not None and not waiting:
            raise error
        owner = tx.body.owner
        fee = self._rules.compute_fee_max(self.state, tx)
        if self._pool.get_fees(owner) + fee > self._rules.get_funds(self.state, owner):
            raise errors.FeesNotCovered
        entry = Entry(tx, fee, acknowledged=acknowledged, waiting=waiting)
        self.counters.dropped_for_room += len(self._pool.add(entry))
        return entry

    def _find_refusal(self, tx: SignedTx) -> errors.TxError | None:
        """Return why the next block could not hold a transaction."""
        state = self.state
        try:
            self._rules.check_tx(state, tx, state.height + 1, max(state.time_ms, self._clock_ms()))
        except errors.NotAnAgent as error:
            # The approval may be in a block that is not here yet: not a verdict for ever.
            return errors.NotApprovedYet(str(error)) if tx.signer != tx.body.owner else error
        except errors.TxError as error:
            return error
        return None

    def _announce(self, entry: Entry) -> None:
        self._out.push(entry)
        self._out.schedule(entry, self._height)

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
            self._out.resend(self._pool)

    async def _run_gossip(self) -> None:
        while True:
            raws: dict[bytes, None] = {}
            for payload in await self._in.pop(_GOSSIP_BATCH_BYTES):
                try:
                    raws |= dict.fromkeys(decode_payload(payload))
                except BadBundle as error:
                    self.counters.bad_bundles += 1
                    _log.info("from a peer: %s", error)
            unknown = [raw for raw in raws if self._pool.find_raw(raw) is None]
            for place, result in enumerate(await self._workers.verify(unknown)):
                if place % SLICE_TXS == SLICE_TXS - 1:
                    await asyncio.sleep(0)
                if isinstance(result, SignedTx):
                    self._admit_gossiped(result, self._height)
                else:
                    self.counters.gossip_refused += 1

    def _on_gossip_end(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception) and not isinstance(error, WorkerLost):
            self._on_fatal(error)

    def _admit_gossiped(self, tx: SignedTx, since: Height) -> None:
        if self._pool.find((tx.signer, tx.body.nonce)) is not None:
            return
        try:
            entry = self._admit(tx, acknowledged=False)
        except (errors.PoolFull, errors.AccountPoolFull):
            self.counters.gossip_refused += 1
        except errors.TransientError:
            self._deferred.add(tx, since)
        except errors.TxError:
            self.counters.gossip_refused += 1
        else:
            self.counters.gossiped += 1
            if self._settings.relay:
                self._out.push(entry)

    # --- blocks ---

    def select(self, height: Height, time_ms: Millis, bytes_max: int) -> list[bytes]:
        """Return a block's transactions in canonical order, at most so many bytes as encoded.

        The state must be the committed one, with no block applied to it.
        """
        budget = self._rules.make_budget(self.state, height, time_ms, bytes_max)
        refused = fill_block(self._pool.rotation.values(), budget, bytes_max)
        for entry, error in refused:
            self._put_aside(entry, error)
        order = self._rules.compute_order(self.state.block_hash, budget.txs)
        return [tx.raw for tx in order]

    def on_commit(self, height: Height, time_ms: Millis, included: Sequence[SignedTx]) -> None:
        """Remove what a durable block settled, and look again at what it touched."""
        self._height = height
        highest: dict[tuple[Address, Address], Nonce] = {}
        changed: dict[Address, None] = {}
        finished: list[Entry] = []
        for tx in included:
            body = tx.body
            entry = self._pool.find((tx.signer, body.nonce))
            if entry is None:
                self._pool.mark_executed((tx.signer, body.nonce))
            else:
                self._pool.remove(entry, executed=True)
                finished.append(entry)
            pair = (body.owner, tx.signer)
            highest[pair] = max(body.nonce, highest.get(pair, 0))
            if any(isinstance(leg, ApproveAgent | RevokeAgent) for leg in body.legs):
                changed[body.owner] = None
        expired = self._pool.pop_expired(height, time_ms)
        self.counters.expired += len(expired)
        self._finish([*finished, *expired])
        self._look_again(highest, changed)
        self._retry()
        for owner, _ in highest:
            self._pool.serve(owner)
        self._out.on_block(height)
        self._resend()

    def _look_again(
        self, highest: dict[tuple[Address, Address], Nonce], changed: dict[Address, None]
    ) -> None:
        """Drop the nonces that a block passed by, and what an agent may no longer sign."""
        for (owner, signer), nonce in highest.items():
            lowest = self._pool.find_lowest(owner, signer)
            while lowest is not None and lowest.tx.body.nonce < nonce:
                lowest = self._recheck(lowest)
        for owner in changed:
            for signer in self._pool.list_signers(owner):
                lowest = self._pool.find_lowest(owner, signer) if signer != owner else None
                while lowest is not None:
                    lowest = self._recheck(lowest)

    def _recheck(self, entry: Entry) -> Entry | None:
        """Put a ready entry aside if it is refused; return what then is its signer's lowest."""
        error = self._find_refusal(entry.tx)
        if error is None or isinstance(error, errors.AfterNotExecuted | errors.FeesNotCovered):
            return None
        self._put_aside(entry, error)
        return self._pool.find_lowest(entry.tx.body.owner, entry.tx.signer)

    def _put_aside(self, entry: Entry, error: errors.TxError) -> None:
        """Take a ready entry that the state refuses out of what is proposed."""
        if isinstance(error, _FINAL):
            self._pool.remove(entry)
            self._finish([entry])
        elif entry.acknowledged:
            self._park(entry)
        else:
            self._pool.remove(entry)
            self._deferred.add(entry.tx, self._height)

    def _park(self, entry: Entry) -> None:
        self._pool.park(entry)
        self._parked[entry.key] = entry

    def _retry(self) -> None:
        """Try some of what was refused again; each gets its turn within a number of blocks."""
        for key in list(self._parked)[:RETRIES_MAX]:
            entry = self._parked.pop(key)
            if entry.place is not Place.PARKED:
                continue
            error = self._find_refusal(entry.tx)
            if error is None or isinstance(error, errors.AfterNotExecuted):
                self._pool.unpark(entry, waiting=error is not None)
            elif isinstance(error, _FINAL):
                self._pool.remove(entry)
                self._finish([entry])
            else:
                self._parked[key] = entry
        for tx, since in self._deferred.pop(RETRIES_MAX, self._height):
            self._admit_gossiped(tx, since)

    def _finish(self, entries: Sequence[Entry]) -> None:
        self._accepted.finish([_compute_log_id(each.tx) for each in entries if each.acknowledged])


def _compute_log_id(tx: SignedTx) -> bytes:
    """Return what identifies a transaction in the accepted file.

    Not its id: two keys may sign the same body, and both transactions may be executed.
    """
    return tx.signer + tx.body.nonce.to_bytes(8, "big")


def _refuse(error: errors.TxError, tx_id: bytes = b"") -> Admission:
    return Admission(error.code, str(error), tx_id)
