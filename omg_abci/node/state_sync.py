"""Joining by state sync: a peer's snapshot, from the offer to a node that goes on from it.

CometBFT offers a snapshot with the app hash that its light client verified, then brings the
chunks. Guarantees that nothing of an offer is believed but what that hash, the node's own genesis
file or a chunk's hash attests; that the node's state changes at the last chunk and not before;
and that a refused snapshot leaves nothing behind.
"""

import asyncio
import hashlib
import logging
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from omg_abci.gen.cometbft.abci import types_pb2 as pb
from omg_abci.node.genesis_file import load_genesis_file
from omg_abci.node.snapshot_building import METADATA_FILE, STREAM_FILE, sync_folder
from omg_abci.node.snapshot_format import (
    CHUNK_BYTES,
    FORMAT,
    Metadata,
    SnapshotError,
    SnapshotForeign,
    SnapshotFormatUnknown,
    SnapshotMalformed,
    SnapshotUnattested,
    compute_snapshot_hash,
)
from omg_abci.node.snapshot_restoring import SNAPSHOT_LIES, STATE_FOLDER
from omg_abci.node.storage import Storage
from omg_abci.protocol.errors import OmgError
from omg_abci.protocol.signing import Domain

_SPACE_FACTOR: Final = 3
"""Of the stream's size: itself, the database, and what compaction needs."""
_TELL_EVERY: Final = 20
"""Chunks between two lines in the log."""

Adopt = Callable[[Callable[[], Storage], str], Awaitable[None]]
"""Make the node continue from the storage that the function puts into place, a path, and opens."""

logger = logging.getLogger(__name__)


class StateSyncFailed(OmgError):
    """This machine could not restore a snapshot; another snapshot would not help."""

    code = "node.state_sync"


class StateSync:
    """One snapshot at a time, on its way into this node."""

    def __init__(self, folder: Path, state_path: Path, genesis_path: Path) -> None:
        """Use the folder for what arrives; the state at `state_path` is what will be replaced."""
        self._folder = folder
        self._state_path = state_path
        self._genesis_path = genesis_path
        self._metadata: Metadata | None = None
        self._missing: set[int] = set()
        self._senders: dict[str, None] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._domain: Domain | None = None

    def start(self) -> None:
        """Remove what an interrupted restore has left."""
        shutil.rmtree(self._folder, ignore_errors=True)

    async def stop(self) -> None:
        """End a restore that is under way."""
        process = self._process
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def offer(self, request: pb.RequestOfferSnapshot) -> pb.ResponseOfferSnapshot:
        """Accept a snapshot that fits the header's app hash; refuse any other."""
        self._clean()
        offered = request.snapshot
        try:
            metadata = self._check(offered, request.app_hash)
        except SnapshotFormatUnknown as reason:
            logger.warning("refused a snapshot: %s (%s)", reason, reason.code)
            return pb.ResponseOfferSnapshot(result=pb.ResponseOfferSnapshot.REJECT_FORMAT)
        except SnapshotError as reason:
            logger.warning("refused a snapshot: %s (%s)", reason, reason.code)
            return pb.ResponseOfferSnapshot(result=pb.ResponseOfferSnapshot.REJECT)
        if await self._load_domain() != metadata.domain:
            logger.warning("refused a snapshot: it is signed for another domain than genesis says")
            return pb.ResponseOfferSnapshot(result=pb.ResponseOfferSnapshot.REJECT)
        try:
            if not self._prepare(offered.metadata, _SPACE_FACTOR * metadata.stream_bytes):
                logger.warning("refused a snapshot of %d bytes: no space", metadata.stream_bytes)
                self._clean()
                return pb.ResponseOfferSnapshot(result=pb.ResponseOfferSnapshot.REJECT)
        except OSError as reason:
            logger.critical("%s cannot be written: %s", self._folder, reason)
            self._clean()
            return pb.ResponseOfferSnapshot(result=pb.ResponseOfferSnapshot.ABORT)
        self._metadata = metadata
        self._missing = set(range(len(metadata.chunk_hashes)))
        logger.info(
            "state sync: snapshot of height %d, %d chunks, %d bytes",
            metadata.height,
            len(metadata.chunk_hashes),
            metadata.stream_bytes,
        )
        return pb.ResponseOfferSnapshot(result=pb.ResponseOfferSnapshot.ACCEPT)

    async def apply(
        self, request: pb.RequestApplySnapshotChunk, adopt: Adopt
    ) -> pb.ResponseApplySnapshotChunk:
        """Keep a chunk that is what the metadata says; with the last one, become the state."""
        metadata = self._metadata
        if metadata is None or request.index >= len(metadata.chunk_hashes):
            return pb.ResponseApplySnapshotChunk(
                result=pb.ResponseApplySnapshotChunk.REJECT_SNAPSHOT
            )
        if (
            len(request.chunk) != metadata.get_chunk_size(request.index)
            or hashlib.sha256(request.chunk).digest() != metadata.chunk_hashes[request.index]
        ):
            logger.warning("chunk %d of %s is not the snapshot's", request.index, request.sender)
            return pb.ResponseApplySnapshotChunk(
                result=pb.ResponseApplySnapshotChunk.RETRY,
                refetch_chunks=[request.index],
                reject_senders=[request.sender],
            )
        try:
            self._keep(request.index, request.chunk, request.sender)
            if self._missing:
                return pb.ResponseApplySnapshotChunk(result=pb.ResponseApplySnapshotChunk.ACCEPT)
            true = await self._restore(adopt)
        except StateSyncFailed as reason:
            logger.critical("%s (%s)", reason, reason.code)
            self._clean()
            return pb.ResponseApplySnapshotChunk(result=pb.ResponseApplySnapshotChunk.ABORT)
        if true:
            return pb.ResponseApplySnapshotChunk(result=pb.ResponseApplySnapshotChunk.ACCEPT)
        senders = list(self._senders)
        self._clean()
        return pb.ResponseApplySnapshotChunk(
            result=pb.ResponseApplySnapshotChunk.REJECT_SNAPSHOT, reject_senders=senders
        )

    def _check(self, offered: pb.Snapshot, app_hash: bytes) -> Metadata:
        """Return the metadata; raise SnapshotError."""
        if offered.format != FORMAT:
            raise SnapshotFormatUnknown(f"format {offered.format}, this version reads {FORMAT}")
        if compute_snapshot_hash(offered.metadata) != offered.hash:
            raise SnapshotMalformed("its hash is not that of its metadata")
        metadata = Metadata.decode(offered.metadata)
        if metadata.height != offered.height:
            raise SnapshotForeign(f"offered as of height {offered.height}, it is {metadata.height}")
        if len(metadata.chunk_hashes) != offered.chunks:
            raise SnapshotMalformed(
                f"offered with {offered.chunks} chunks, it has {len(metadata.chunk_hashes)}"
            )
        if metadata.app_hash != app_hash:
            raise SnapshotUnattested(f"its hashes do not give app hash {app_hash.hex()}")
        return metadata

    async def _load_domain(self) -> Domain:
        if self._domain is None:
            file = await asyncio.to_thread(load_genesis_file, self._genesis_path)
            self._domain = await asyncio.to_thread(file.read_domain)
        return self._domain

    def _prepare(self, metadata: bytes, space_bytes: int) -> bool:
        """Make the folder; tell whether there is the space. Raise OSError."""
        self._folder.mkdir(parents=True)
        if shutil.disk_usage(self._folder).free < space_bytes:
            return False
        (self._folder / METADATA_FILE).write_bytes(metadata)
        (self._folder / STREAM_FILE).touch()
        return True

    def _keep(self, index: int, chunk: bytes, sender: str) -> None:
        """Write a chunk to its place; again, when it came before. Raise StateSyncFailed."""
        try:
            with (self._folder / STREAM_FILE).open("r+b") as file:
                file.seek(index * CHUNK_BYTES)
                file.write(chunk)
        except OSError as reason:
            raise StateSyncFailed(f"chunk {index} cannot be written: {reason}") from reason
        self._missing.discard(index)
        self._senders[sender] = None
        if self._missing and len(self._missing) % _TELL_EVERY == 0:
            logger.info("state sync: %d chunks are missing", len(self._missing))

    async def _restore(self, adopt: Adopt) -> bool:
        """Make the database and continue from it; tell whether the snapshot was true.

        Raise StateSyncFailed, StorageError.
        """
        logger.info("state sync: all chunks are here; checking every record")
        status = await self._check_and_write()
        if status < 0:
            # Most often for want of memory, and how much it takes is the provider's choice.
            logger.error("the snapshot ended its check by signal %d: it is refused", -status)
        if status == SNAPSHOT_LIES or status < 0:
            return False
        if status:
            raise StateSyncFailed(f"the snapshot could not be restored (status {status})")
        await adopt(self._open_restored, str(self._state_path.absolute()))
        self._clean()
        return True

    async def _check_and_write(self) -> int:
        """Make the database in the folder; return the exit status of the process that did."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "omg_abci.node.snapshot_restoring"),
            *("--folder", str(self._folder)),
            stdin=asyncio.subprocess.DEVNULL,
        )
        return await self._process.wait()

    def _open_restored(self) -> Storage:
        """Put the new database where the old one was and open it.

        A crash in between leaves no database at all: CometBFT, which knows no block yet, then
        begins again.
        """
        shutil.rmtree(self._state_path, ignore_errors=True)
        (self._folder / STATE_FOLDER).rename(self._state_path)
        # CometBFT soon notes on disk that the state is here.
        sync_folder(self._state_path.parent)
        return Storage.open(self._state_path)

    def _clean(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._metadata = None
        self._missing = set()
        self._senders = {}
