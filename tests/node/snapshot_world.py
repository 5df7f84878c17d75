"""Snapshots of random chains, and what a joining node makes of them, in this process."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from omg_abci.gen.cometbft.abci import types_pb2 as pb
from omg_abci.node.snapshot_building import METADATA_FILE, STREAM_FILE, run
from omg_abci.node.snapshot_format import (
    CHUNK_BYTES,
    FORMAT,
    Metadata,
    SnapshotError,
    compute_snapshot_hash,
)
from omg_abci.node.snapshot_restoring import SNAPSHOT_LIES, restore_snapshot
from omg_abci.node.state_sync import StateSync
from omg_abci.node.storage import Meta, Storage
from tests.node.committed_chain import DOMAIN, CommittedChain

Offer = pb.ResponseOfferSnapshot
Applied = pb.ResponseApplySnapshotChunk


class Taken:
    """A snapshot that a provider has on disk."""

    def __init__(self, place: Path) -> None:
        self.metadata_bytes = (place / METADATA_FILE).read_bytes()
        self.metadata = Metadata.decode(self.metadata_bytes)
        stream = (place / STREAM_FILE).read_bytes()
        self.chunks = [stream[at : at + CHUNK_BYTES] for at in range(0, len(stream), CHUNK_BYTES)]

    def make_offer(self, app_hash: bytes | None = None) -> pb.RequestOfferSnapshot:
        """Return what CometBFT would offer; the app hash is the true one by default."""
        metadata = self.metadata
        return make_offer(self.metadata_bytes, metadata, app_hash or metadata.app_hash)


def make_offer(data: bytes, metadata: Metadata, app_hash: bytes) -> pb.RequestOfferSnapshot:
    """Return an offer of such metadata."""
    return pb.RequestOfferSnapshot(
        snapshot=pb.Snapshot(
            height=metadata.height,
            format=FORMAT,
            chunks=len(metadata.chunk_hashes),
            hash=compute_snapshot_hash(data),
            metadata=data,
        ),
        app_hash=app_hash,
    )


def take(chain: CommittedChain, folder: Path, height: int, until: int = 0) -> Taken:
    """Return a snapshot of a height, taken from a database that has gone on to another."""
    storage = Storage.open(folder / "state")
    for each in range((until or height) + 1):
        chain.commit(storage, each)
    storage.close()
    return Taken(run(folder / "state", height, folder / "snapshots"))


class InlineStateSync(StateSync):
    """Checks and writes in this process, which is quicker."""

    async def _check_and_write(self) -> int:
        try:
            restore_snapshot(self._folder)
        except SnapshotError:
            return SNAPSHOT_LIES
        return 0


class Joiner:
    """The application's side of a state sync; `adopted` is the meta of the new state."""

    def __init__(self, folder: Path, kind: type[StateSync] = InlineStateSync) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.state = folder / "state"
        genesis = {
            "chain_id": DOMAIN.chain_id,
            "consensus_params": {"evidence": {"max_age_num_blocks": "100"}},
            "app_state": {
                "format": "omg-export-1",
                "height": 4,
                "ethereum_chain_id": DOMAIN.ethereum_chain_id,
                "verifying_contract": f"0x{DOMAIN.verifying_contract.hex()}",
                "records": [],
            },
        }
        (folder / "genesis.json").write_text(json.dumps(genesis))
        self.sync = kind(folder / "restoring", self.state, folder / "genesis.json")
        self.adopted: Meta | None = None

    async def adopt(self, open_storage: Callable[[], Storage], path: str) -> None:
        """Look at the new state and close it again."""
        assert path == str(self.state)
        storage = open_storage()
        self.adopted = storage.load_meta()
        storage.close()

    def offer(self, request: pb.RequestOfferSnapshot) -> int:
        """Return the answer to an offer."""
        return asyncio.run(self.sync.offer(request)).result

    def apply(
        self, index: int, chunk: bytes, sender: str = "peer"
    ) -> pb.ResponseApplySnapshotChunk:
        """Return the answer to a chunk."""
        request = pb.RequestApplySnapshotChunk(index=index, chunk=chunk, sender=sender)
        return asyncio.run(self.sync.apply(request, self.adopt))

    def join(self, taken: Taken) -> Meta:
        """Take a true snapshot; return what it is the state of."""
        assert self.offer(taken.make_offer()) == Offer.ACCEPT
        for index, chunk in enumerate(taken.chunks):
            assert self.apply(index, chunk).result == Applied.ACCEPT
        assert self.adopted is not None
        return self.adopted

    def read_records(self) -> dict[bytes, bytes]:
        """Return the records of the new state."""
        storage = Storage.open(self.state, read_only=True)
        records = dict(storage.iterate_records())
        storage.close()
        return records
