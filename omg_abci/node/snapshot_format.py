"""The bytes of a snapshot: metadata, and the stream that is cut into chunks.

docs/spec/snapshots.md has the exact bytes. Guarantees that metadata has one form only, that its
size is bounded, and that a reader of the stream never holds more than one section's entry.

    SnapshotError
    ├── SnapshotFormatUnknown  snapshot.format_unknown  of a version that this one cannot read
    ├── SnapshotMalformed      snapshot.malformed       its bytes are no snapshot
    ├── SnapshotForeign        snapshot.foreign         of another chain or another place in it
    ├── SnapshotUnattested     snapshot.unattested      its hashes are not the header's app hash
    ├── SnapshotFalse          snapshot.false           its content is not what its hashes promise
    └── SnapshotNotBuilt       snapshot.not_built       the database cannot give it any more
"""

import hashlib
import struct
from collections.abc import Iterator
from typing import BinaryIO, ClassVar, Final, NamedTuple, Self

from omg_abci.protocol.errors import OmgError
from omg_abci.protocol.limits import ROOT_INTERVAL_MAX
from omg_abci.protocol.merkle import KEY_BYTES_MAX, VALUE_BYTES_MAX
from omg_abci.protocol.signing import Domain
from omg_abci.protocol.units import Hash, Height
from omg_abci.state.hashes import DiffEntry, compute_app_hash

FORMAT: Final = 1
"""In CometBFT's messages and as the metadata's first byte."""
CHUNK_BYTES: Final = 1024 * 1024
CHUNKS_MAX: Final = 4_096
"""4 GiB, some 45 million records: more than a node holds in memory, so that who claims more than
there can be is refused before anything is fetched. Metadata has 128 KiB then; CometBFT takes 4 MiB.
"""
SECTION_END: Final = b"\0\0"
_FIXED: Final = struct.Struct(">BBQ20sQI32s32s32s32sQI")
"""Format, length of the chain id, Ethereum chain id, contract, height, root interval, tree root,
diff hash of the records' height, diff hash of the height, checkpoint digest, bytes of the stream,
number of chunks. The chain id and the chunks' hashes follow."""
_HASH_BYTES: Final = 32
METADATA_BYTES_MAX: Final = _FIXED.size + 255 + _HASH_BYTES * CHUNKS_MAX


class SnapshotError(OmgError):
    """A snapshot cannot be used."""

    code: ClassVar[str]


class SnapshotFormatUnknown(SnapshotError):
    """The snapshot is of a version that this one cannot read."""

    code = "snapshot.format_unknown"


class SnapshotMalformed(SnapshotError):
    """The bytes are no snapshot."""

    code = "snapshot.malformed"


class SnapshotForeign(SnapshotError):
    """The snapshot is of another chain, or of another height than was said."""

    code = "snapshot.foreign"


class SnapshotUnattested(SnapshotError):
    """The hashes in the metadata do not give the app hash in the header."""

    code = "snapshot.unattested"


class SnapshotFalse(SnapshotError):
    """The content is not what the attested hashes promise."""

    code = "snapshot.false"


class SnapshotNotBuilt(SnapshotError):
    """The database cannot give the snapshot any more, or not yet."""

    code = "snapshot.not_built"


class Metadata(NamedTuple):
    """What stands above a snapshot's chunks."""

    domain: Domain
    height: Height
    """Of the state that the snapshot leads to, a multiple of the root interval."""
    root_interval: int
    tree_root: Hash
    """Of the state at `records_height`; the one in the height's app hash."""
    records_diff_hash: Hash
    """The diff hash of `records_height`."""
    diff_hash: Hash
    """The diff hash of `height`."""
    checkpoint_digest: Hash
    stream_bytes: int
    chunk_hashes: tuple[Hash, ...]
    """sha256 of each chunk."""

    @property
    def records_height(self) -> Height:
        """The height of the state whose records the snapshot holds; diffs lead on from there."""
        return self.height - self.root_interval

    @property
    def app_hash(self) -> Hash:
        """The app hash of `height`, if the hashes here are true."""
        return compute_app_hash(self.tree_root, self.diff_hash, self.checkpoint_digest)

    def get_chunk_size(self, index: int) -> int:
        """Return the bytes of a chunk: all are equal but the last."""
        return min(CHUNK_BYTES, self.stream_bytes - index * CHUNK_BYTES)

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        chain_id = self.domain.chain_id.encode()
        fixed = _FIXED.pack(
            FORMAT,
            len(chain_id),
            self.domain.ethereum_chain_id,
            self.domain.verifying_contract,
            *self[1:8],
            len(self.chunk_hashes),
        )
        return b"".join((fixed, chain_id, *self.chunk_hashes))

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return the metadata; raise SnapshotFormatUnknown, SnapshotMalformed."""
        if len(data) > METADATA_BYTES_MAX or len(data) < _FIXED.size:
            raise SnapshotMalformed(f"metadata of {len(data)} bytes")
        if data[0] != FORMAT:
            raise SnapshotFormatUnknown(f"metadata of format {data[0]}, this version reads 1")
        fields = _FIXED.unpack_from(data)
        size, number, contract, chunks = fields[1], fields[2], fields[3], fields[-1]
        hashes = data[_FIXED.size + size :]
        try:
            chain_id = data[_FIXED.size : _FIXED.size + size].decode()
        except UnicodeDecodeError as reason:
            raise SnapshotMalformed("the chain id is no text") from reason
        if len(hashes) != chunks * _HASH_BYTES or not 1 <= chunks <= CHUNKS_MAX:
            raise SnapshotMalformed(f"{chunks} chunks, but {len(hashes)} bytes of hashes")
        parts = tuple(hashes[at : at + _HASH_BYTES] for at in range(0, len(hashes), _HASH_BYTES))
        metadata = cls._make((Domain(chain_id, number, contract), *fields[4:11], parts))
        _require_sense(metadata)
        return metadata


def _require_sense(metadata: Metadata) -> None:
    height, interval = metadata.height, metadata.root_interval
    if not 1 <= interval <= ROOT_INTERVAL_MAX:
        raise SnapshotMalformed(f"root interval {interval}")
    # From twice the interval on, so that what is before the records never matters again.
    if height < 2 * interval or height % interval:
        raise SnapshotMalformed(f"height {height} with root interval {interval}")
    chunks = len(metadata.chunk_hashes)
    if -(-metadata.stream_bytes // CHUNK_BYTES) != chunks:
        raise SnapshotMalformed(f"{metadata.stream_bytes} bytes in {chunks} chunks")


def compute_snapshot_hash(metadata: bytes) -> Hash:
    """Return what CometBFT calls the snapshot's hash."""
    return hashlib.sha256(metadata).digest()


class StreamReader:
    """Reads a snapshot's stream section by section: the records, then one section a block."""

    def __init__(self, file: BinaryIO) -> None:
        """Read from a file that is open at the stream's begin and buffered."""
        self._file = file

    def read_section(self) -> Iterator[DiffEntry]:
        """Yield the next section's entries, ascending by key; raise SnapshotMalformed."""
        last = b""
        while size := int.from_bytes(self._read(2), "big"):
            if size > KEY_BYTES_MAX:
                raise SnapshotMalformed(f"a key of {size} bytes")
            key = self._read(size)
            if key <= last:
                raise SnapshotMalformed(f"key {key.hex()} does not ascend")
            length = int.from_bytes(self._read(4), "big")
            # 0 is a deletion, 1 an empty value.
            if length == 1 or length > VALUE_BYTES_MAX + 1:
                raise SnapshotMalformed(f"a value of {length - 1} bytes")
            yield key, self._read(length - 1) if length else None
            last = key

    def require_end(self) -> None:
        """Raise SnapshotMalformed unless the stream is used up."""
        if self._file.read(1):
            raise SnapshotMalformed("bytes after the last section")

    def _read(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) != size:
            raise SnapshotMalformed("the stream ends too early")
        return data
