"""A small key-value chain: the server works for applications other than the exchange.

A transaction is `key=value`. The application keeps its own pool, extends votes with the height,
and serves snapshots at every fourth height. Everything is a function of the calls it gets, so
that a recorded session replays to the same bytes.
"""

from __future__ import annotations

import hashlib

from omg_abci.abci import Application
from omg_abci.abci.application import compute_tx_bytes
from omg_abci.gen.cometbft.abci import types_pb2 as pb
from omg_abci.gen.cometbft.types import params_pb2

SNAPSHOT_INTERVAL_BLOCKS = 4
CHUNK_BYTES = 64
MALFORMED = 1
UNKNOWN_KEY = 2


def encode_store(store: dict[bytes, bytes]) -> bytes:
    """Return the canonical bytes of a store."""
    return b"".join(key + b"=" + store[key] + b"\n" for key in sorted(store))


def decode_store(encoded: bytes) -> dict[bytes, bytes]:
    """Return the store behind canonical bytes."""
    pairs = (line.partition(b"=") for line in encoded.splitlines())
    return {key: value for key, _, value in pairs}


class KeyValueStore(Application):
    """Keep keys and values; commit to them by one hash."""

    def __init__(self) -> None:
        self.height = 0
        self.store: dict[bytes, bytes] = {}
        self.pool: dict[bytes, None] = {}
        self._outgoing: list[bytes] = []
        self._finalized: tuple[int, dict[bytes, bytes]] = (0, {})
        self._snapshots: dict[int, bytes] = {}
        self._restoring: tuple[int, int] = (0, 0)
        self._chunks: list[bytes] = []

    def app_hash(self) -> bytes:
        """Return the hash of the committed store."""
        return hashlib.sha256(encode_store(self.store)).digest()

    def info(self, request: pb.RequestInfo) -> pb.ResponseInfo:
        """Return the committed height and its hash."""
        del request
        app_hash = self.app_hash() if self.height else b""
        return pb.ResponseInfo(
            data="kvstore", last_block_height=self.height, last_block_app_hash=app_hash
        )

    def query(self, request: pb.RequestQuery) -> pb.ResponseQuery:
        """Return the value of the key in `data`."""
        value = self.store.get(request.data)
        if value is None:
            return pb.ResponseQuery(code=UNKNOWN_KEY, key=request.data, height=self.height)
        return pb.ResponseQuery(key=request.data, value=value, height=self.height)

    def check_tx(self, request: pb.RequestCheckTx) -> pb.ResponseCheckTx:
        """Put a well-formed transaction into the pool and out for gossip."""
        if b"=" not in request.tx:
            return pb.ResponseCheckTx(code=MALFORMED, log="a transaction is key=value")
        self.pool[request.tx] = None
        self._outgoing.append(request.tx)
        return pb.ResponseCheckTx(gas_wanted=1)

    def insert_tx(self, request: pb.RequestInsertTx) -> pb.ResponseInsertTx:
        """Put a peer's transaction into the pool."""
        if b"=" not in request.tx:
            return pb.ResponseInsertTx(code=MALFORMED)
        self.pool[request.tx] = None
        return pb.ResponseInsertTx()

    def reap_txs(self, request: pb.RequestReapTxs) -> pb.ResponseReapTxs:
        """Hand out what came in since the last time."""
        del request
        reaped, self._outgoing = self._outgoing, []
        return pb.ResponseReapTxs(txs=reaped)

    def list_snapshots(self, request: pb.RequestListSnapshots) -> pb.ResponseListSnapshots:
        """Return every snapshot taken."""
        del request
        return pb.ResponseListSnapshots(
            snapshots=[
                pb.Snapshot(
                    height=height,
                    format=1,
                    chunks=max(1, -(-len(encoded) // CHUNK_BYTES)),
                    hash=hashlib.sha256(encoded).digest(),
                )
                for height, encoded in self._snapshots.items()
            ]
        )

    def offer_snapshot(self, request: pb.RequestOfferSnapshot) -> pb.ResponseOfferSnapshot:
        """Start to restore a snapshot of the known format."""
        if request.snapshot.format != 1:
            return pb.ResponseOfferSnapshot(result=pb.ResponseOfferSnapshot.REJECT_FORMAT)
        self._restoring = (request.snapshot.height, request.snapshot.chunks)
        self._chunks = []
        return pb.ResponseOfferSnapshot(result=pb.ResponseOfferSnapshot.ACCEPT)

    def load_snapshot_chunk(
        self, request: pb.RequestLoadSnapshotChunk
    ) -> pb.ResponseLoadSnapshotChunk:
        """Return a piece of a snapshot."""
        encoded = self._snapshots.get(request.height, b"")
        start = request.chunk * CHUNK_BYTES
        return pb.ResponseLoadSnapshotChunk(chunk=encoded[start : start + CHUNK_BYTES])

    def apply_snapshot_chunk(
        self, request: pb.RequestApplySnapshotChunk
    ) -> pb.ResponseApplySnapshotChunk:
        """Collect the pieces; the last one restores the store."""
        self._chunks.append(request.chunk)
        height, chunks = self._restoring
        if len(self._chunks) == chunks:
            self.store, self.height = decode_store(b"".join(self._chunks)), height
        return pb.ResponseApplySnapshotChunk(result=pb.ResponseApplySnapshotChunk.ACCEPT)

    def init_chain(self, request: pb.RequestInitChain) -> pb.ResponseInitChain:
        """Start empty, with vote extensions from the first block."""
        params = params_pb2.ConsensusParams()
        params.CopyFrom(request.consensus_params)
        params.abci.vote_extensions_enable_height = request.initial_height
        return pb.ResponseInitChain(consensus_params=params, app_hash=self.app_hash())

    def prepare_proposal(self, request: pb.RequestPrepareProposal) -> pb.ResponsePrepareProposal:
        """Fill the block from the pool."""
        room, txs = request.max_tx_bytes, []
        for tx in self.pool:
            room -= compute_tx_bytes(tx)
            if room < 0:
                break
            txs.append(tx)
        return pb.ResponsePrepareProposal(txs=txs)

    def process_proposal(self, request: pb.RequestProcessProposal) -> pb.ResponseProcessProposal:
        """Reject a block with a malformed transaction."""
        answer = pb.ResponseProcessProposal
        is_good = all(b"=" in tx for tx in request.txs)
        return answer(status=answer.ACCEPT if is_good else answer.REJECT)

    def extend_vote(self, request: pb.RequestExtendVote) -> pb.ResponseExtendVote:
        """Extend the vote with the height."""
        return pb.ResponseExtendVote(vote_extension=request.height.to_bytes(8, "big"))

    def verify_vote_extension(
        self, request: pb.RequestVerifyVoteExtension
    ) -> pb.ResponseVerifyVoteExtension:
        """Accept the height only."""
        answer = pb.ResponseVerifyVoteExtension
        is_good = request.vote_extension == request.height.to_bytes(8, "big")
        return answer(status=answer.ACCEPT if is_good else answer.REJECT)

    def finalize_block(self, request: pb.RequestFinalizeBlock) -> pb.ResponseFinalizeBlock:
        """Set the keys in a copy of the store."""
        store = dict(self.store)
        for tx in request.txs:
            key, _, value = tx.partition(b"=")
            store[key] = value
            self.pool.pop(tx, None)
        self._finalized = (request.height, store)
        return pb.ResponseFinalizeBlock(
            tx_results=[pb.ExecTxResult(gas_used=1) for _ in request.txs],
            app_hash=hashlib.sha256(encode_store(store)).digest(),
        )

    def commit(self, request: pb.RequestCommit) -> pb.ResponseCommit:
        """Take the finalised store; at some heights also a snapshot."""
        del request
        self.height, self.store = self._finalized
        if self.height % SNAPSHOT_INTERVAL_BLOCKS == 0:
            self._snapshots[self.height] = encode_store(self.store)
        return pb.ResponseCommit()
