"""The snapshots that a node takes and offers to those who join.

Guarantees that what is offered is whole, that one is built at a time by a process of its own, and
that the newest few stay. A build that fails or comes too late is left out: the next one comes.
"""

import asyncio
import logging
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from omg_abci.gen.cometbft.abci import types_pb2 as pb
from omg_abci.node.config import SnapshotSettings
from omg_abci.node.snapshot_building import DRAFT_PREFIX, METADATA_FILE, STREAM_FILE
from omg_abci.node.snapshot_format import (
    CHUNK_BYTES,
    FORMAT,
    Metadata,
    SnapshotError,
    compute_snapshot_hash,
)
from omg_abci.protocol.units import Height

_LEAD_BLOCKS = 2
"""A snapshot is offered when the light client can see the two headers after it."""

logger = logging.getLogger(__name__)


class Snapshot(NamedTuple):
    """A whole snapshot on this node's disk."""

    height: Height
    metadata: bytes
    chunks: int
    folder: Path


class Snapshots:
    """The snapshots in one folder."""

    def __init__(self, settings: SnapshotSettings, folder: Path, state_path: Path) -> None:
        """Keep them in the folder; `start` looks what is there."""
        self._settings = settings
        self._folder = folder
        self._state_path = state_path
        self._kept: dict[Height, Snapshot] = {}
        self._building: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None

    def start(self) -> None:
        """Find the whole snapshots and remove everything else."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for place in sorted(self._folder.iterdir()):
            if not (place.name.isdecimal() and self._take(place)):
                logger.info("removed %s, which is no whole snapshot", place)
                shutil.rmtree(place, ignore_errors=True)
        self._forget_old()

    async def stop(self) -> None:
        """End a build that is under way."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        if self._building is not None:
            await self._building

    @property
    def oldest(self) -> Height | None:
        """The oldest snapshot's height; None when none is ever taken, 0 before the first."""
        if self._kept:
            return min(self._kept)
        return 0 if self._settings.interval else None

    def list(self, height: Height) -> list[pb.Snapshot]:
        """Return what peers may fetch when the chain is at a height, newest first."""
        return [
            pb.Snapshot(
                height=each.height,
                format=FORMAT,
                chunks=each.chunks,
                hash=compute_snapshot_hash(each.metadata),
                metadata=each.metadata,
            )
            for _, each in sorted(self._kept.items(), reverse=True)
            if each.height + _LEAD_BLOCKS <= height
        ]

    def load_chunk(self, height: Height, form: int, index: int) -> bytes:
        """Return a chunk, or nothing when this node has no such one."""
        snapshot = self._kept.get(height)
        if snapshot is None or form != FORMAT or index >= snapshot.chunks:
            return b""
        try:
            with (snapshot.folder / STREAM_FILE).open("rb") as file:
                file.seek(index * CHUNK_BYTES)
                return file.read(CHUNK_BYTES)
        except OSError as reason:
            logger.warning("chunk %d of height %d: %s", index, height, reason)
            return b""

    def on_commit(self, height: Height, root_interval: int, first_height: Height) -> None:
        """Begin a snapshot of this height if it is time for one."""
        if not is_snapshot_height(height, self._settings.interval, root_interval):
            return
        if height < first_height + 2 * root_interval:
            return
        if self._building is not None and not self._building.done():
            logger.warning("no snapshot of height %d: the one before is not ready", height)
            return
        self._building = asyncio.get_running_loop().create_task(self._build(height))

    async def _build(self, height: Height) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "omg_abci.node.snapshot_building"),
            *("--state", str(self._state_path), "--folder", str(self._folder)),
            *("--height", str(height)),
            stdin=asyncio.subprocess.DEVNULL,
        )
        status = await self._process.wait()
        place = self._folder / str(height)
        if status or not self._take(place):
            logger.warning("no snapshot of height %d (status %d)", height, status)
            shutil.rmtree(self._folder / f"{DRAFT_PREFIX}{height}", ignore_errors=True)
            return
        logger.info("snapshot of height %d: %d chunks", height, self._kept[height].chunks)
        self._forget_old()

    def _take(self, place: Path) -> bool:
        """Enter a snapshot's folder; tell whether it holds a whole one."""
        try:
            data = (place / METADATA_FILE).read_bytes()
            metadata = Metadata.decode(data)
            size = (place / STREAM_FILE).stat().st_size
        except (OSError, SnapshotError):
            return False
        if str(metadata.height) != place.name or size != metadata.stream_bytes:
            return False
        chunks = len(metadata.chunk_hashes)
        self._kept[metadata.height] = Snapshot(metadata.height, data, chunks, place)
        return True

    def _forget_old(self) -> None:
        while len(self._kept) > self._settings.kept:
            oldest = self._kept.pop(min(self._kept))
            shutil.rmtree(oldest.folder, ignore_errors=True)


def is_snapshot_height(height: Height, interval: int, root_interval: int) -> bool:
    """Tell whether a snapshot is due; the interval counts in whole root intervals, 0 for never."""
    whole = -(-interval // root_interval) * root_interval
    return whole > 0 and height % whole == 0
