"""Make a database from a snapshot's stream, in a process of its own, believing none of it.

Run as `python -m omg_abci.node.snapshot_restoring --folder DIR` by the executor, which has put
metadata that fits the header's app hash into the folder, and the stream. Guarantees that exit
status 0 means a database that a node which executed these blocks would have: the records give the
attested tree root, and the diffs lead to the attested diff hash. Status 3 means that the snapshot
lies, the end by a signal that it was more than this machine could hold; whatever else, that this
machine could not do it.
"""

import argparse
import contextlib
import gc
import hashlib
import logging
import struct
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from omg_abci.node.channel import settle_child
from omg_abci.node.snapshot_building import METADATA_FILE, STREAM_FILE
from omg_abci.node.snapshot_format import (
    Metadata,
    SnapshotError,
    SnapshotFalse,
    StreamReader,
)
from omg_abci.node.storage import Meta, Storage
from omg_abci.protocol.errors import OmgError
from omg_abci.protocol.units import Hash
from omg_abci.state import schema
from omg_abci.state.hashes import DiffEntry, encode_diff
from omg_abci.state.records import BlockRecord
from omg_abci.state.tree import Tree

STATE_FOLDER: Final = "state"
SNAPSHOT_LIES: Final = 3
_BATCH: Final = 10_000
_BUFFER_BYTES: Final = 1024 * 1024
_OOM_SCORE: Final = Path("/proc/self/oom_score_adj")
_log = logging.getLogger(__name__)


def restore_snapshot(folder: Path) -> Meta:
    """Write the folder's snapshot into a new database beside it; return what it is the state of.

    Raise SnapshotError when the snapshot is not what its hashes promise, StorageError, OSError.
    """
    metadata = Metadata.decode((folder / METADATA_FILE).read_bytes())
    storage = Storage.open(folder / STATE_FOLDER)
    try:
        with (folder / STREAM_FILE).open("rb", buffering=_BUFFER_BYTES) as file:
            reader = StreamReader(file)
            _restore_records(storage, metadata, reader)
            _restore_blocks(storage, metadata, reader)
            reader.require_end()
        meta = _make_meta(storage, metadata)
        storage.restore_meta(meta)
        return meta
    finally:
        storage.close()


def _restore_records(storage: Storage, metadata: Metadata, reader: StreamReader) -> None:
    """Write the records and check their tree root."""

    def write_along() -> Iterator[tuple[bytes, bytes]]:
        entries = reader.read_section()
        while part := list(islice(entries, _BATCH)):
            records = list(_require_values(part))
            storage.restore_records(records)
            yield from records

    root = Tree.load(write_along()).root
    if root != metadata.tree_root:
        raise SnapshotFalse(
            f"its records have root {root.hex()}, attested is {metadata.tree_root.hex()}"
        )


def _require_values(entries: Iterable[DiffEntry]) -> Iterator[tuple[bytes, bytes]]:
    for key, value in entries:
        if value is None:
            raise SnapshotFalse(f"a deletion of {key.hex()} among the records")
        yield key, value


def _restore_blocks(storage: Storage, metadata: Metadata, reader: StreamReader) -> None:
    """Write the blocks that follow the records and check their chain of hashes."""
    diff_hash: Hash = metadata.records_diff_hash
    for height in range(metadata.records_height + 1, metadata.height + 1):
        # Encoded again: entries have one form, so these are the bytes that were read.
        diff = list(reader.read_section())
        diff_hash = hashlib.sha256(diff_hash + encode_diff(diff)).digest()
        storage.restore_block(height, diff)
    if diff_hash != metadata.diff_hash:
        raise SnapshotFalse(
            f"its blocks have diff hash {diff_hash.hex()}, attested is {metadata.diff_hash.hex()}"
        )


def _make_meta(storage: Storage, metadata: Metadata) -> Meta:
    """Return the meta; the rest of it comes from the block record, which is verified by now."""
    data = storage.load_record(schema.BLOCK)
    try:
        block = BlockRecord.decode(data or b"")
    except (struct.error, ValueError) as reason:
        raise SnapshotFalse("its state has no block record") from reason
    if (block.height, block.root_interval) != (metadata.height, metadata.root_interval):
        raise SnapshotFalse(
            f"its state is of height {block.height} and root interval {block.root_interval}"
        )
    return Meta(
        *metadata.domain,
        metadata.height,
        block.time_ms,
        metadata.app_hash,
        metadata.diff_hash,
        metadata.tree_root,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Restore one snapshot; return the exit status."""
    parser = argparse.ArgumentParser(description="OMG snapshot restorer, started by omgd")
    parser.add_argument("--folder", type=Path, required=True, help="metadata and stream")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s state sync: %(message)s")
    settle_child()
    # A stranger decides how much there is to hold: if memory ends, let this process be the victim.
    with contextlib.suppress(OSError):
        _OOM_SCORE.write_text("1000", encoding="ascii")
    gc.disable()
    try:
        restore_snapshot(options.folder)
    except SnapshotError as reason:
        _log.error("the snapshot is refused: %s (%s)", reason, reason.code)
        return SNAPSHOT_LIES
    except (OmgError, OSError, MemoryError):
        _log.exception("the snapshot cannot be restored")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
