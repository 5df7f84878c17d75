"""The chain as an ABCI application: one short method a call.

| call | reads | writes |
|---|---|---|
| CheckTx, InsertTx, ReapTxs | pool, state (as advice) | pool |
| PrepareProposal | pool, committed state | nothing |
| ProcessProposal, FinalizeBlock | committed state | the candidate block, in memory |
| Commit | the candidate | disk, one batch; then the read process and the pool hear of it |
| ListSnapshots, LoadSnapshotChunk | the node's snapshots | nothing |
| OfferSnapshot, ApplySnapshotChunk | genesis | a folder; with the last chunk, the whole state |
"""

import gc
import json
import logging
from collections.abc import Callable, Sequence
from typing import Final

from omg_abci.abci import Application
from omg_abci.gen.cometbft.abci import types_pb2 as pb
from omg_abci.node.chain import Chain, Executed
from omg_abci.node.consensus_facts import (
    make_updates,
    read_offences,
    read_votes,
    require_staking_fits,
)
from omg_abci.node.genesis_import import read_first_height
from omg_abci.node.mempool import Mempool, Source
from omg_abci.node.pruning import KEEP_ALL, Retention, compute_retain_height
from omg_abci.node.reader_link import ReaderLink
from omg_abci.node.snapshots import Snapshots
from omg_abci.node.state_sync import StateSync
from omg_abci.node.storage import Storage
from omg_abci.node.workers import Urgency, WorkerPool
from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import SignedTx
from omg_abci.protocol.units import Millis
from omg_abci.rules.transition import Block

APP_VERSION: Final = 1
"""Of the state machine; it stands in every header."""
_KEY_TYPE: Final = "secp256k1eth"
_PEER_FILTER: Final = "/p2p/filter/"

logger = logging.getLogger(__name__)


class ChainApplication(Application):
    """Answers CometBFT for one node."""

    def __init__(
        self,
        chain: Chain,
        mempool: Mempool,
        workers: WorkerPool,
        reader: ReaderLink,
        snapshots: Snapshots | None = None,
        state_sync: StateSync | None = None,
        retention: Retention = KEEP_ALL,
        after_commit: Callable[[], None] = lambda: None,
    ) -> None:
        """Bind the parts, which the caller starts and stops.

        Without `snapshots` none is offered to peers, without `state_sync` none is taken.
        """
        self._chain = chain
        self._mempool = mempool
        self._workers = workers
        self._reader = reader
        self._snapshots = snapshots
        self._state_sync = state_sync
        self._retention = retention
        self._after_commit = after_commit
        self._final: tuple[bytes, bytes] | None = None
        """App hash and tree root of the finalised block."""

    # --- query connection ---

    def info(self, request: pb.RequestInfo) -> pb.ResponseInfo:
        """Tell the last durable commit; before the first one, height 0."""
        del request
        meta = self._chain.meta
        if meta is None or meta.is_genesis:
            return pb.ResponseInfo(data="omg", app_version=APP_VERSION)
        return pb.ResponseInfo(
            data="omg",
            app_version=APP_VERSION,
            last_block_height=meta.height,
            last_block_app_hash=meta.app_hash,
        )

    async def query(self, request: pb.RequestQuery) -> pb.ResponseQuery:
        """Let every peer in, noting it; hand all other questions to the read process."""
        if request.path.startswith(_PEER_FILTER):
            self._mempool.on_new_peer()
            return pb.ResponseQuery()
        answer = await self._reader.query(
            request.path, request.data, request.height, prove=request.prove
        )
        return pb.ResponseQuery(
            code=answer.code,
            log=answer.log,
            key=answer.key,
            value=answer.value,
            height=answer.height,
        )

    # --- mempool connection ---

    async def check_tx(self, request: pb.RequestCheckTx) -> pb.ResponseCheckTx:
        """Admit a user's transaction; code 0 acknowledges it."""
        (admission,) = await self._mempool.submit([request.tx], Source.RPC)
        return pb.ResponseCheckTx(code=admission.code, log=admission.log, data=admission.tx_id)

    def insert_tx(self, request: pb.RequestInsertTx) -> pb.ResponseInsertTx:
        """Queue what a peer sent."""
        return pb.ResponseInsertTx(code=self._mempool.insert_gossip(request.tx))

    def reap_txs(self, request: pb.RequestReapTxs) -> pb.ResponseReapTxs:
        """Hand out bundles for the peers."""
        return pb.ResponseReapTxs(txs=self._mempool.reap(request.max_bytes, request.max_gas))

    # --- snapshot connection ---

    def list_snapshots(self, request: pb.RequestListSnapshots) -> pb.ResponseListSnapshots:
        """Tell the snapshots that peers may fetch."""
        del request
        if self._snapshots is None or self._chain.meta is None:
            return pb.ResponseListSnapshots()
        return pb.ResponseListSnapshots(snapshots=self._snapshots.list(self._chain.meta.height))

    def load_snapshot_chunk(
        self, request: pb.RequestLoadSnapshotChunk
    ) -> pb.ResponseLoadSnapshotChunk:
        """Return a chunk, or nothing when it is gone."""
        if self._snapshots is None:
            return pb.ResponseLoadSnapshotChunk()
        chunk = self._snapshots.load_chunk(request.height, request.format, request.chunk)
        return pb.ResponseLoadSnapshotChunk(chunk=chunk)

    async def offer_snapshot(self, request: pb.RequestOfferSnapshot) -> pb.ResponseOfferSnapshot:
        """Accept a peer's snapshot if it fits the header's app hash."""
        if self._state_sync is None:
            return pb.ResponseOfferSnapshot(result=pb.ResponseOfferSnapshot.REJECT)
        return await self._state_sync.offer(request)

    async def apply_snapshot_chunk(
        self, request: pb.RequestApplySnapshotChunk
    ) -> pb.ResponseApplySnapshotChunk:
        """Keep a chunk; with the last one the node stands where the snapshot's state does."""
        if self._state_sync is None:
            return pb.ResponseApplySnapshotChunk(result=pb.ResponseApplySnapshotChunk.ABORT)
        return await self._state_sync.apply(request, self._adopt)

    async def _adopt(self, open_storage: Callable[[], Storage], path: str) -> None:
        """Continue from another database, as a start of the node does."""
        self._final = None
        gc.disable()
        try:
            domain = self._chain.replace_storage(open_storage)
            meta = self._chain.get_meta()
            self._workers.set_domain(domain)
            self._reader.ready.clear()
            self._reader.send_load(domain, path, meta.height)
            await self._reader.ready.wait()
            self._mempool.on_commit(meta.height, meta.time_ms, ())
            gc.freeze()
        finally:
            gc.enable()
        logger.info("state sync: at height %d, app hash %s", meta.height, meta.app_hash.hex())

    # --- consensus connection ---

    async def init_chain(self, request: pb.RequestInitChain) -> pb.ResponseInitChain:
        """Build the state of genesis; raise GenesisError."""
        key_types = list(request.consensus_params.validator.pub_key_types)
        if key_types != [_KEY_TYPE]:
            message = f"pub_key_types {key_types} are not [{_KEY_TYPE!r}]"
            raise errors.GenesisError(message)
        try:
            document = json.loads(request.app_state_bytes)
        except ValueError as reason:
            message = f"app_state is not JSON: {reason}"
            raise errors.GenesisError(message) from reason
        if not isinstance(document, dict):
            message = "app_state is not an object"
            raise errors.GenesisError(message)
        first_height = read_first_height(document)
        if request.initial_height != first_height + 1:
            message = f"initial_height {request.initial_height} is not {first_height + 1}"
            raise errors.GenesisError(message)
        records, domain = self._chain.build_genesis(request.chain_id, document)
        require_staking_fits(self._chain.get_state(), request)
        self._workers.set_domain(domain)
        self._reader.send_genesis(domain, records)
        root = await self._chain.roots.get(first_height)
        app_hash = self._chain.begin(domain, records, root)
        logger.info("genesis of %s: %d records", request.chain_id, len(records))
        return pb.ResponseInitChain(app_hash=app_hash)

    def prepare_proposal(self, request: pb.RequestPrepareProposal) -> pb.ResponsePrepareProposal:
        """Fill a block from the pool, in canonical order."""
        self._chain.drop_candidate()
        time_ms = compute_millis(request.time)
        txs = self._mempool.select(request.height, time_ms, request.max_tx_bytes)
        return pb.ResponsePrepareProposal(txs=self._chain.propose(request.height, time_ms, txs))

    async def process_proposal(
        self, request: pb.RequestProcessProposal
    ) -> pb.ResponseProcessProposal:
        """Execute a proposed block ahead of the decision; reject an invalid one."""
        try:
            await self._execute(request, request.proposed_last_commit)
        except errors.BlockInvalid as reason:
            logger.warning("rejected the proposal for height %d: %s", request.height, reason)
            return pb.ResponseProcessProposal(status=pb.ResponseProcessProposal.REJECT)
        return pb.ResponseProcessProposal(status=pb.ResponseProcessProposal.ACCEPT)

    async def finalize_block(self, request: pb.RequestFinalizeBlock) -> pb.ResponseFinalizeBlock:
        """Answer for the decided block; raise BlockInvalid, which ends the process."""
        executed = await self._execute(request, request.decided_last_commit)
        self._final = await self._chain.compute_app_hash(executed)
        answer = pb.ResponseFinalizeBlock(
            app_hash=self._final[0],
            validator_updates=make_updates(executed.result.validator_updates),
        )
        add = answer.tx_results.add
        for each, data in zip(executed.result.results, executed.data, strict=True):
            # Filled in place: 0.2 µs a transaction, and 0.7 with an own message each.
            result = add()
            result.data = data
            result.gas_used = each.work
            if each.code:
                result.code = each.code
        return answer

    async def _execute(
        self,
        request: pb.RequestProcessProposal | pb.RequestFinalizeBlock,
        last_commit: pb.CommitInfo,
    ) -> Executed:
        candidate = self._chain.candidate
        if candidate is not None and candidate.block.block_hash == request.hash:
            return candidate
        height, time_ms, raws = request.height, compute_millis(request.time), list(request.txs)
        txs = self._chain.find_proposed(height, time_ms, raws)
        if txs is None:
            txs = await self._verify(raws)
        votes, offences = read_votes(last_commit), read_offences(request.misbehavior)
        gc.disable()
        try:
            block = Block(height, time_ms, request.hash, txs, votes, offences)
            return self._chain.execute(block, txs)
        finally:
            gc.enable()

    async def _verify(self, raws: Sequence[bytes]) -> tuple[SignedTx, ...]:
        """Return a block's transactions; raise BlockInvalid."""
        if len(raws) > limits.BLOCK_TXS_MAX:
            message = f"{len(raws)} transactions, {limits.BLOCK_TXS_MAX} allowed"
            raise errors.BlockInvalid(message)
        txs: list[SignedTx] = []
        for place, verdict in enumerate(await self._workers.verify(raws, Urgency.BLOCK)):
            if isinstance(verdict, errors.FormatError):
                message = f"transaction {place} may not be in a block: {verdict}"
                raise errors.BlockInvalid(message)
            txs.append(verdict)
        return tuple(txs)

    def commit(self, request: pb.RequestCommit) -> pb.ResponseCommit:
        """Make the finalised block durable, then tell the read process and the pool."""
        del request
        if self._final is None:
            raise errors.InvariantBroken("Commit without FinalizeBlock")
        committed = self._chain.commit(*self._final)
        self._final = None
        block = committed.executed.block
        self._reader.send_block(committed)
        self._mempool.on_commit(block.height, block.time_ms, block.txs)
        self._reader.send_pool(*self._mempool.size)
        self._after_commit()
        return pb.ResponseCommit(retain_height=self._keep_what_joining_needs(block.height))

    def _keep_what_joining_needs(self, height: int) -> int:
        """Begin a snapshot if it is time; return the height below which blocks may go."""
        oldest = None
        if self._snapshots is not None:
            first_height = self._chain.get_meta().first_height
            self._snapshots.on_commit(height, self._chain.get_state().root_interval, first_height)
            oldest = self._snapshots.oldest
        return compute_retain_height(height, self._retention, oldest)

    def drop_candidate(self) -> None:
        """Undo what was executed and not committed: CometBFT is gone."""
        self._final = None
        self._chain.drop_candidate()


def compute_millis(timestamp: object) -> Millis:
    """Return a protobuf Timestamp in whole milliseconds."""
    seconds: int = timestamp.seconds  # type: ignore[attr-defined]
    nanos: int = timestamp.nanos  # type: ignore[attr-defined]
    return seconds * 1000 + nanos // 1_000_000
