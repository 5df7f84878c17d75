"""One state machine of a simulation: the node's chain, storage, roots and snapshots, no consensus.

What a node does around a block is done by the node's own code: `Chain` executes and commits,
`Reader` folds the tree, snapshots are built and restored by the processes that a node starts.
"""

import asyncio
import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from omg_abci.gen.cometbft.abci import types_pb2 as pb
from omg_abci.node.chain import Chain, Executed
from omg_abci.node.config import SnapshotSettings
from omg_abci.node.proof_history import get_head
from omg_abci.node.reader import Reader
from omg_abci.node.snapshots import Snapshots
from omg_abci.node.state_sync import StateSync
from omg_abci.node.storage import Meta, Storage
from omg_abci.protocol.errors import InvariantBroken, TxError
from omg_abci.protocol.signing import Domain
from omg_abci.protocol.tx import Verifier
from omg_abci.rules.admission import check_tx
from omg_abci.rules.transition import Block
from omg_abci.simulation.rounds import Decision
from omg_abci.state.diff import compute_records
from omg_abci.state.hashes import encode_diff

_SNAPSHOTS_KEPT: Final = 1_000


class Machine:
    """Everything of a node that decides what its state is."""

    def __init__(self, home: Path, chain_id: str, document: Mapping[str, Any]) -> None:
        """Open the database in the home; `begin` or `join` comes next."""
        self._home = home
        self._chain_id = chain_id
        self._document = document
        self._state_path = home / "state"
        home.mkdir(parents=True, exist_ok=True)
        self.chain = Chain(Storage.open(self._state_path, chain_id=chain_id))
        self._reader: Reader | None = None
        self._verifier: Verifier | None = None
        self._sync: StateSync | None = None

    def begin(self) -> Meta:
        """Go on from what is on disk, from genesis when that is nothing."""
        domain = self.chain.start()
        if domain is not None:
            self._load(domain)
            return self.chain.get_meta()
        records, domain = self.chain.build_genesis(self._chain_id, self._document)
        reader = self._reader = Reader.load_genesis(domain, records)
        ((height, root),) = reader.history.get_roots()
        self.chain.roots.put(height, root)
        self.chain.begin(domain, records, root)
        self._verifier = Verifier(domain)
        return self.chain.get_meta()

    def _load(self, domain: Domain) -> None:
        """Read the committed view again, as a started read process does."""
        height = self.chain.get_meta().height
        reader = self._reader = Reader.load_storage(self.chain.storage, domain, height)
        for state_height, root in reader.history.get_roots()[-2:]:
            self.chain.roots.put(state_height, root)
        self._verifier = Verifier(domain)

    def close(self) -> None:
        """Close the database."""
        self.chain.storage.close()

    # --- blocks ---

    def check(self, raw: bytes, time_ms: int) -> int:
        """Return the code with which the pool refuses a transaction, 0 when it takes it."""
        state = self.chain.get_state()
        try:
            check_tx(state, self._get_verifier().verify_tx(raw), state.height + 1, time_ms)
        except TxError as refusal:
            return refusal.code
        return 0

    def execute(self, decided: Decision) -> Executed:
        """Execute a block on the committed state; raise BlockInvalid, FormatError."""
        verifier = self._get_verifier()
        txs = tuple([verifier.verify_tx(raw) for raw in decided.raws])
        height, time_ms, block_hash, _, votes, offences = decided
        return self.chain.execute(Block(height, time_ms, block_hash, txs, votes, offences), txs)

    async def commit(self) -> Meta:
        """Make the executed block durable and fold the tree where an interval ends."""
        chain, reader = self.chain, self._reader
        if chain.candidate is None or reader is None:
            raise InvariantBroken("a commit follows an executed block")
        committed = chain.commit(*await chain.compute_app_hash(chain.candidate))
        meta, diff = committed.meta, committed.executed.result.changes.diff
        fold = reader.apply_block(meta.height, get_head(meta), diff)
        if fold is not None:
            root = reader.history.fold(fold)
            reader.history.add_fold(fold.state_height, root)
            chain.roots.put(fold.state_height, root)
        return meta

    def compute_records_hashes(self) -> tuple[bytes, bytes]:
        """Return the hashes of all records on disk, and of those that the working state makes."""
        on_disk = hashlib.sha256(encode_diff(self.chain.storage.iterate_records()))
        in_memory = hashlib.sha256(encode_diff(compute_records(self.chain.get_state())))
        return on_disk.digest(), in_memory.digest()

    def _get_verifier(self) -> Verifier:
        if self._verifier is None:
            raise InvariantBroken("the machine has a chain")
        return self._verifier

    # --- snapshots ---

    async def offer(self, height: int) -> pb.Snapshot:
        """Build the snapshot of a height and return what peers are offered."""
        folder = self._home / "snapshots"
        folder.mkdir(exist_ok=True)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "omg_abci.node.snapshot_building"),
            *("--state", str(self._state_path), "--folder", str(folder)),
            *("--height", str(height)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=sys.stderr,
        )
        if await process.wait():
            raise InvariantBroken(f"the snapshot of height {height} can be built")
        offered = self._open_snapshots().list(self.chain.get_meta().height)
        return next(each for each in offered if each.height == height)

    def load_chunk(self, height: int, form: int, index: int) -> bytes:
        """Return a chunk of a snapshot that was built."""
        return self._open_snapshots().load_chunk(height, form, index)

    def _open_snapshots(self) -> Snapshots:
        settings = SnapshotSettings(kept=_SNAPSHOTS_KEPT)
        snapshots = Snapshots(settings, self._home / "snapshots", self._state_path)
        snapshots.start()
        return snapshots

    async def accept(self, offered: pb.Snapshot, app_hash: bytes) -> None:
        """Take the offer of a snapshot whose height's header carries the app hash."""
        genesis = self._home / "genesis.json"
        evidence = {"evidence": {"max_age_num_blocks": 1}}
        genesis.write_text(
            json.dumps(
                {
                    "chain_id": self._chain_id,
                    "app_state": self._document,
                    "consensus_params": evidence,
                }
            ),
            encoding="utf-8",
        )
        self._sync = StateSync(self._home / "sync", self._state_path, genesis)
        self._sync.start()
        answer = await self._sync.offer(
            pb.RequestOfferSnapshot(snapshot=offered, app_hash=app_hash)
        )
        if answer.result != pb.ResponseOfferSnapshot.ACCEPT:
            raise InvariantBroken(f"a true snapshot is accepted, not answered {answer.result}")

    async def apply_chunk(self, index: int, chunk: bytes) -> int:
        """Take a chunk; return the height of the state, 0 before the last chunk."""
        if self._sync is None:
            raise InvariantBroken("chunks follow an offer")
        request = pb.RequestApplySnapshotChunk(index=index, chunk=chunk, sender="peer")
        answer = await self._sync.apply(request, self._adopt)
        if answer.result != pb.ResponseApplySnapshotChunk.ACCEPT:
            raise InvariantBroken(f"a true chunk is accepted, not answered {answer.result}")
        return self.chain.meta.height if self.chain.meta is not None else 0

    async def _adopt(self, open_storage: Callable[[], Storage], path: str) -> None:
        del path
        self._load(self.chain.replace_storage(open_storage))
