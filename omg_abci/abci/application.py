"""The application: subclass `Application`, one method a call of ABCI 2.0.

A method takes the typed request and returns the typed response, or an awaitable of it (`async
def`, or a future that is resolved elsewhere). Responses leave in the order of the requests of
their connection. Every default is an answer that CometBFT accepts. Echo and Flush are answered
by the server.

What happens when a method raises is part of the contract: in `info` and in the consensus calls
the process ends, because no answer would be true; in every other call the server answers with a
fixed refusal and goes on.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeAlias, TypeVar

from omg_abci.abci.framing import encode_uvarint
from omg_abci.gen.cometbft.abci import types_pb2 as pb

_Response = TypeVar("_Response")
Answer: TypeAlias = _Response | Awaitable[_Response]


def compute_tx_bytes(tx: bytes) -> int:
    """Return what a transaction takes of a block's `max_tx_bytes`: tag, length and itself."""
    return 1 + len(encode_uvarint(len(tx))) + len(tx)


class Application:
    """Answer each call with the default; override what the application does."""

    # Query connection.

    def info(self, request: pb.RequestInfo) -> Answer[pb.ResponseInfo]:
        """Return height and app hash of the last durable commit; height 0 asks for InitChain."""
        del request
        return pb.ResponseInfo()

    def query(self, request: pb.RequestQuery) -> Answer[pb.ResponseQuery]:
        """Answer a question about committed state."""
        del request
        return pb.ResponseQuery()

    # Mempool connection.

    def check_tx(self, request: pb.RequestCheckTx) -> Answer[pb.ResponseCheckTx]:
        """Admit a transaction from a user; with the app-side mempool also keep it."""
        del request
        return pb.ResponseCheckTx()

    def insert_tx(self, request: pb.RequestInsertTx) -> Answer[pb.ResponseInsertTx]:
        """Admit a transaction from a peer; it runs in the peer's receive routine, so be quick."""
        del request
        return pb.ResponseInsertTx()

    def reap_txs(self, request: pb.RequestReapTxs) -> Answer[pb.ResponseReapTxs]:
        """Return transactions to gossip, each of them once."""
        del request
        return pb.ResponseReapTxs()

    # Snapshot connection.

    def list_snapshots(self, request: pb.RequestListSnapshots) -> Answer[pb.ResponseListSnapshots]:
        """Return the snapshots that peers may fetch."""
        del request
        return pb.ResponseListSnapshots()

    def offer_snapshot(self, request: pb.RequestOfferSnapshot) -> Answer[pb.ResponseOfferSnapshot]:
        """Accept or refuse a peer's snapshot; without an override state sync is refused."""
        del request
        return pb.ResponseOfferSnapshot(result=pb.ResponseOfferSnapshot.REJECT)

    def load_snapshot_chunk(
        self, request: pb.RequestLoadSnapshotChunk
    ) -> Answer[pb.ResponseLoadSnapshotChunk]:
        """Return a chunk of an own snapshot, or nothing if it is gone."""
        del request
        return pb.ResponseLoadSnapshotChunk()

    def apply_snapshot_chunk(
        self, request: pb.RequestApplySnapshotChunk
    ) -> Answer[pb.ResponseApplySnapshotChunk]:
        """Apply a chunk of the accepted snapshot; chunks are not to be trusted."""
        del request
        return pb.ResponseApplySnapshotChunk(result=pb.ResponseApplySnapshotChunk.REJECT_SNAPSHOT)

    # Consensus connection.

    def init_chain(self, request: pb.RequestInitChain) -> Answer[pb.ResponseInitChain]:
        """Build the state of genesis in memory; it may be called again."""
        del request
        return pb.ResponseInitChain()

    def prepare_proposal(
        self, request: pb.RequestPrepareProposal
    ) -> Answer[pb.ResponsePrepareProposal]:
        """Choose the block's transactions: by default those offered, as many as fit."""
        fitting = list[bytes]()
        room = request.max_tx_bytes
        for tx in request.txs:
            room -= compute_tx_bytes(tx)
            if room < 0:
                break
            fitting.append(tx)
        return pb.ResponsePrepareProposal(txs=fitting)

    def process_proposal(
        self, request: pb.RequestProcessProposal
    ) -> Answer[pb.ResponseProcessProposal]:
        """Accept or reject a proposed block, as a function of block and committed state only."""
        del request
        return pb.ResponseProcessProposal(status=pb.ResponseProcessProposal.ACCEPT)

    def extend_vote(self, request: pb.RequestExtendVote) -> Answer[pb.ResponseExtendVote]:
        """Return the bytes to sign along with the own precommit."""
        del request
        return pb.ResponseExtendVote()

    def verify_vote_extension(
        self, request: pb.RequestVerifyVoteExtension
    ) -> Answer[pb.ResponseVerifyVoteExtension]:
        """Accept or reject another validator's extension; rejecting loses its precommit."""
        del request
        return pb.ResponseVerifyVoteExtension(status=pb.ResponseVerifyVoteExtension.ACCEPT)

    def finalize_block(self, request: pb.RequestFinalizeBlock) -> Answer[pb.ResponseFinalizeBlock]:
        """Execute the decided block and write nothing; it may be called again."""
        results = [pb.ExecTxResult() for _ in request.txs]
        return pb.ResponseFinalizeBlock(tx_results=results)

    def commit(self, request: pb.RequestCommit) -> Answer[pb.ResponseCommit]:
        """Make the finalised block durable before answering."""
        del request
        return pb.ResponseCommit()
