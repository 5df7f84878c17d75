"""Make a snapshot of a height from the database of a running node, in a process of its own.

Run as `python -m omg_abci.node.snapshot_building --state DIR --height N --folder DIR` by the
executor, which goes on meanwhile: the database is opened read-only at whatever height it has, and
undo records lead back to the height. Nothing stops and nothing is linked or copied, which a
checkpoint of RocksDB does with the interpreter's lock held (docs/adr/0010). Guarantees that the
bytes depend on the chain's history up to the height alone, and that a folder named after a height
holds a whole snapshot.
"""

import argparse
import hashlib
import logging
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from omg_abci.node.channel import settle_child
from omg_abci.node.overlaid import iterate_overlaid
from omg_abci.node.snapshot_format import (
    CHUNK_BYTES,
    CHUNKS_MAX,
    SECTION_END,
    Metadata,
    SnapshotNotBuilt,
)
from omg_abci.node.storage import Meta, Storage, StorageError
from omg_abci.protocol.errors import OmgError
from omg_abci.protocol.signing import Domain
from omg_abci.protocol.units import Hash, Height
from omg_abci.state import schema
from omg_abci.state.hashes import NO_CHECKPOINT, DiffEntry, compute_diff_hash, encode_diff
from omg_abci.state.records import BlockRecord

METADATA_FILE: Final = "metadata"
STREAM_FILE: Final = "stream"
DRAFT_PREFIX: Final = "building-"
_NICENESS: Final = 19
_ENTRIES_A_WRITE: Final = 4_096
_log = logging.getLogger(__name__)


class Past(NamedTuple):
    """How the database's records lead back to a snapshot's."""

    meta: Meta
    """Of the snapshot's height."""
    records_diff_hash: Hash
    root_interval: int
    overlay: dict[bytes, bytes | None]
    """The records that were different at the records' height, with their values then."""
    diffs: tuple[tuple[DiffEntry, ...], ...]
    """Of the blocks from the records' height to the snapshot's."""


def read_past(storage: Storage, height: Height) -> Past:
    """Return what leads back from the database's height; raise SnapshotNotBuilt, StorageError."""
    meta = storage.load_meta()
    block = storage.load_record(schema.BLOCK)
    if meta is None or block is None or meta.height < height:
        raise SnapshotNotBuilt(f"the database has not reached height {height}")
    interval = BlockRecord.decode(block).root_interval
    if height < 2 * interval or height % interval:
        raise SnapshotNotBuilt(f"height {height} is none of a snapshot")
    first = height - interval
    overlay: dict[bytes, bytes | None] = {}
    diffs: list[tuple[DiffEntry, ...]] = []
    at_height, at_first = meta, meta
    for number in range(meta.height, first, -1):
        undo = storage.load_undo(number)
        if number <= height:
            diffs.append(
                tuple(
                    (key, overlay[key] if key in overlay else storage.load_record(key))
                    for key, _ in undo.changes
                )
            )
        overlay.update(undo.changes)
        if undo.meta is None:
            raise SnapshotNotBuilt(f"nothing is known of height {number - 1}")
        if number - 1 == height:
            at_height = undo.meta
        at_first = undo.meta
    diffs.reverse()
    diff_hash = at_first.diff_hash
    for diff in diffs:
        diff_hash = compute_diff_hash(diff_hash, diff)
    if diff_hash != at_height.diff_hash:
        raise SnapshotNotBuilt(f"the undo records before height {height} contradict its diff hash")
    return Past(at_height, at_first.diff_hash, interval, overlay, tuple(diffs))


def build_snapshot(storage: Storage, past: Past, folder: Path) -> Path:
    """Write the snapshot into a folder named after its height and return that.

    Raise StorageError, OSError.
    """
    meta = past.meta
    draft = folder / f"{DRAFT_PREFIX}{meta.height}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    hashes, size = _write_chunks(draft / STREAM_FILE, _encode_stream(storage, past))
    metadata = Metadata(
        Domain(meta.chain_id, meta.ethereum_chain_id, meta.verifying_contract),
        meta.height,
        past.root_interval,
        meta.tree_root,
        past.records_diff_hash,
        meta.diff_hash,
        NO_CHECKPOINT,
        size,
        tuple(hashes),
    )
    if metadata.app_hash != meta.app_hash or len(hashes) > CHUNKS_MAX:
        raise SnapshotNotBuilt(f"the state of height {meta.height} does not fit a snapshot")
    _write_synced(draft / METADATA_FILE, metadata.encode())
    sync_folder(draft)
    place = folder / str(meta.height)
    shutil.rmtree(place, ignore_errors=True)
    draft.rename(place)
    sync_folder(folder)
    return place


def _encode_stream(storage: Storage, past: Past) -> Iterator[bytes]:
    records = iterate_overlaid(storage.iterate_records(), past.overlay)
    while entries := list(islice(records, _ENTRIES_A_WRITE)):
        yield encode_diff(entries)
    yield SECTION_END
    for diff in past.diffs:
        yield encode_diff(diff) + SECTION_END


def _write_chunks(path: Path, parts: Iterable[bytes]) -> tuple[list[Hash], int]:
    """Write the stream, synced; return the hash of each chunk and the size."""
    hashes: list[Hash] = []
    size = 0
    waiting = bytearray()
    with path.open("wb") as file:
        for part in parts:
            waiting += part
            while len(waiting) >= CHUNK_BYTES:
                chunk = bytes(waiting[:CHUNK_BYTES])
                del waiting[:CHUNK_BYTES]
                hashes.append(hashlib.sha256(chunk).digest())
                size += file.write(chunk)
        if waiting:
            hashes.append(hashlib.sha256(waiting).digest())
            size += file.write(waiting)
        file.flush()
        os.fsync(file.fileno())
    return hashes, size


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Make what was made, renamed or deleted in a folder durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def run(state: Path, height: Height, folder: Path) -> Path:
    """Build a snapshot from the node's database; raise SnapshotError, StorageError, OSError."""
    storage = Storage.open(state, read_only=True)
    try:
        past = read_past(storage, height)
        # Not before: a busy node keeps the undo records for a few seconds only.
        os.nice(_NICENESS)
        return build_snapshot(storage, past, folder)
    finally:
        storage.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Build one snapshot; return the exit status."""
    parser = argparse.ArgumentParser(description="OMG snapshot builder, started by omgd")
    parser.add_argument("--state", type=Path, required=True, help="RocksDB's directory")
    parser.add_argument("--height", type=int, required=True, help="of the snapshot")
    parser.add_argument("--folder", type=Path, required=True, help="where snapshots are kept")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s snapshot: %(message)s")
    settle_child()
    for last in (False, True):
        try:
            run(options.state, options.height, options.folder)
        except (OmgError, OSError) as reason:
            # A file that vanished between listing and opening is found on the second try.
            if last or not isinstance(reason, StorageError):
                _log.error("of height %d: %s", options.height, reason)
                return 1
        else:
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
