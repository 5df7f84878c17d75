"""The state on disk: RocksDB, one synced batch a block, so that it is at height N or N + 1.

Keys: ``s`` ‖ state key → value; ``u`` ‖ height u64 → what undoes that block; ``m`` → the meta.
Guarantees that meta and records always belong together: they are written in one batch, the meta
carries a checksum and the number of records, and whatever does not fit is refused, not repaired.

    StorageError
    ├── StorageMissing       storage.missing          the directory holds no database
    ├── StorageUnreadable    storage.unreadable       RocksDB cannot open or read it
    ├── StorageLocked        storage.locked           another process writes it
    ├── WrongChain           storage.wrong_chain      it belongs to another chain
    ├── MetaMissing          storage.meta_missing     there are records but no meta
    ├── MetaCorrupted        storage.meta_corrupted   the meta's bytes are not what was written
    ├── RecordsIncomplete    storage.records_incomplete  records are missing or too many
    ├── UndoMissing          storage.undo_missing     the block's undo record is not kept
    ├── UndoCorrupted        storage.undo_corrupted   its bytes are not what was written
    └── CommitRefused        storage.commit_refused   the batch does not continue what is there
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import ClassVar, Final, NamedTuple, Self

from rocksdict import AccessType, Options, Rdict, ReadOptions, WriteBatch, WriteOptions

from omg_abci.protocol.errors import OmgError
from omg_abci.protocol.units import Address, Hash, Height, Millis
from omg_abci.state.hashes import DiffEntry, encode_diff

_RECORD: Final = b"s"
_RECORD_END: Final = b"t"
_UNDO: Final = b"u"
_META: Final = b"m"
_FORMAT: Final = 2
_CHECKSUM_BYTES: Final = 8
_LOGS_KEPT: Final = 4
_FIXED: Final = struct.Struct(">BQ20sQQ32s32s32sQQB")
"""Format, Ethereum chain id, contract, height, time, three hashes, first height, number of
records, length of the chain id, which follows."""
_RESTORED_A_BATCH: Final = 10_000


class StorageError(OmgError):
    """The state on disk cannot be used as asked."""

    code: ClassVar[str]


class StorageMissing(StorageError):
    """The directory holds no database."""

    code = "storage.missing"


class StorageUnreadable(StorageError):
    """RocksDB cannot open or read the database."""

    code = "storage.unreadable"


class StorageLocked(StorageError):
    """Another process writes the database."""

    code = "storage.locked"


class WrongChain(StorageError):
    """The database belongs to another chain."""

    code = "storage.wrong_chain"


class MetaMissing(StorageError):
    """The database holds records but does not say of which height."""

    code = "storage.meta_missing"


class MetaCorrupted(StorageError):
    """The meta's bytes are not what was written."""

    code = "storage.meta_corrupted"


class RecordsIncomplete(StorageError):
    """The number of records is not the one that the meta names."""

    code = "storage.records_incomplete"


class UndoMissing(StorageError):
    """The block's undo record is not kept any more, or never was."""

    code = "storage.undo_missing"


class UndoCorrupted(StorageError):
    """The undo record's bytes are not what was written."""

    code = "storage.undo_corrupted"


class CommitRefused(StorageError):
    """The batch does not continue what the database holds."""

    code = "storage.commit_refused"


class Meta(NamedTuple):
    """What the records are the state of."""

    chain_id: str
    ethereum_chain_id: int
    verifying_contract: Address
    height: Height
    time_ms: Millis
    app_hash: Hash
    """Of this height: what the next header carries."""
    diff_hash: Hash
    tree_root: Hash
    """The one in this height's app hash."""
    first_height: Height = 0
    """Of the genesis state; 0 unless genesis carries on from another chain's export."""

    @property
    def is_genesis(self) -> bool:
        """Tell whether no block was committed yet."""
        return self.height == self.first_height


class Undo(NamedTuple):
    """What leads from a block's state back to the state before it."""

    meta: Meta | None
    """Before the block; None when nothing was stored before it, or a snapshot led here."""
    changes: tuple[DiffEntry, ...]
    """Each changed key with its old value."""


class Storage:
    """The database of one chain; one process at a time writes, others may read a moment of it."""

    def __init__(self, db: Rdict, path: str) -> None:
        """Wrap an open database; `Storage.open` is the way to get one."""
        self._db = db
        self._path = path
        self._meta: Meta | None = None
        self._count = 0
        self._sync = WriteOptions()
        self._sync.sync = True
        self._read_meta()

    @classmethod
    def open(
        cls, path: str | Path, *, read_only: bool = False, chain_id: str | None = None
    ) -> Self:
        """Open the database in the directory; made when absent, unless only read.

        Read-only sees the moment of opening. With `chain_id`, refuse another chain's database.
        Raise StorageMissing, StorageLocked, StorageUnreadable, MetaMissing, MetaCorrupted,
        WrongChain.
        """
        place = str(path)
        if read_only and not (Path(place) / "CURRENT").is_file():
            raise StorageMissing(f"{place} holds no state")
        options = Options(raw_mode=True)
        options.create_if_missing(not read_only)
        options.set_keep_log_file_num(_LOGS_KEPT)
        access = AccessType.read_only(False) if read_only else AccessType.read_write()  # noqa: FBT003 - positional in the binding
        try:
            db = Rdict(place, options, access_type=access)
        except Exception as reason:
            # rocksdict raises bare Exception; the text is all that tells the cases apart.
            if "/LOCK: " in str(reason):
                raise StorageLocked(f"{place} is in use by a running node") from reason
            raise StorageUnreadable(f"{place}: {reason}") from reason
        try:
            storage = cls(db, place)
            if chain_id is not None:
                storage.require_chain(chain_id)
        except BaseException:
            db.close()
            raise
        return storage

    def close(self) -> None:
        """Close the database; what was committed stays."""
        self._db.close()

    def load_meta(self) -> Meta | None:
        """Return what the records are the state of, or None for an empty database."""
        return self._meta

    def require_chain(self, chain_id: str) -> None:
        """Raise WrongChain when the database holds another chain's state."""
        if self._meta is not None and self._meta.chain_id != chain_id:
            raise WrongChain(
                f"{self._path} holds the state of chain {self._meta.chain_id!r}, not {chain_id!r}"
            )

    def iterate_records(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield all records, ascending by key; raise RecordsIncomplete, StorageUnreadable."""
        bound = ReadOptions()
        bound.set_iterate_upper_bound(_RECORD_END)
        count = 0
        try:
            for key, value in self._db.items(from_key=_RECORD, read_opt=bound):
                count += 1
                yield key[1:], value  # type: ignore[index,misc]  # raw mode: bytes only
        except Exception as reason:
            raise StorageUnreadable(f"{self._path}: {reason}") from reason
        if count != self._count:
            raise RecordsIncomplete(
                f"{self._path} holds {count} records, its meta says {self._count}"
            )

    def iterate_table(self, table: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield a table's records, ascending by key; raise StorageUnreadable."""
        bound = ReadOptions()
        bound.set_iterate_upper_bound(_RECORD + bytes([table[0] + 1]))
        try:
            for key, value in self._db.items(from_key=_RECORD + table, read_opt=bound):
                yield key[1:], value  # type: ignore[index,misc]  # raw mode: bytes only
        except Exception as reason:
            raise StorageUnreadable(f"{self._path}: {reason}") from reason

    def load_record(self, key: bytes) -> bytes | None:
        """Return a record's value, or None; raise StorageUnreadable."""
        return self._get(_RECORD + key)

    def load_undo(self, height: Height) -> Undo:
        """Return what undoes the block; raise UndoMissing, UndoCorrupted."""
        data = self._get(_UNDO + height.to_bytes(8, "big"))
        if data is None:
            raise UndoMissing(f"{self._path} keeps no undo record of block {height}")
        body = data[:-_CHECKSUM_BYTES]
        if _compute_checksum(body) != data[-_CHECKSUM_BYTES:]:
            raise UndoCorrupted(f"{self._path}: the undo record of block {height} is damaged")
        size = int.from_bytes(body[:2], "big")
        meta = _decode_meta(body[2 : 2 + size])[0] if size else None
        return Undo(meta, tuple(_decode_diff(body[2 + size :])))

    def commit(
        self,
        meta: Meta,
        diff: Sequence[DiffEntry],
        undo: Sequence[DiffEntry],
        undo_kept_blocks: int,
    ) -> None:
        """Write a block in one synced batch, and forget the undo record that became too old.

        At the first height it is genesis: its diff is the whole state and replaces what an earlier
        genesis left. Without it, the first commit is the next and its diff holds genesis too.
        Raise CommitRefused, WrongChain, StorageUnreadable.
        """
        self.require_chain(meta.chain_id)
        batch = WriteBatch(raw_mode=True)
        if meta.is_genesis:
            count = self._replace_all(batch, diff)
        else:
            count = self._continue(batch, meta, diff, undo)
            old = meta.height - undo_kept_blocks
            if old > 0:
                batch.delete(_UNDO + old.to_bytes(8, "big"))
        self._finish(batch, meta, diff, count)

    def restore_records(self, records: Iterable[tuple[bytes, bytes]]) -> None:
        """Write a snapshot's records into an empty database; raise StorageUnreadable.

        `restore_block` and `restore_meta` follow; a database that lacks the meta is refused at
        the next opening.
        """
        source = iter(records)
        while part := list(islice(source, _RESTORED_A_BATCH)):
            batch = WriteBatch(raw_mode=True)
            for key, value in part:
                batch.put(_RECORD + key, value)
            self._write(batch, WriteOptions())
            self._count += len(part)

    def restore_block(self, height: Height, diff: Sequence[DiffEntry]) -> None:
        """Write a block that follows the snapshot's records, with what undoes it."""
        undo = [(key, self.load_record(key)) for key, _ in diff]
        batch = WriteBatch(raw_mode=True)
        batch.put(_UNDO + height.to_bytes(8, "big"), _seal(bytes(2) + encode_diff(undo)))
        _put_diff(batch, diff)
        self._write(batch, WriteOptions())
        self._count += _count_records(diff) - _count_records(undo)

    def restore_meta(self, meta: Meta) -> None:
        """Make what was restored the state of a height, durably."""
        self._finish(WriteBatch(raw_mode=True), meta, (), self._count)

    def _finish(self, batch: WriteBatch, meta: Meta, diff: Sequence[DiffEntry], count: int) -> None:
        _put_diff(batch, diff)
        batch.put(_META, _seal(_encode_meta(meta, count)))
        self._write(batch, self._sync)
        self._meta, self._count = meta, count

    def _write(self, batch: WriteBatch, options: WriteOptions) -> None:
        try:
            self._db.write(batch, options)
        except Exception as reason:
            raise StorageUnreadable(f"{self._path}: {reason}") from reason

    def _replace_all(self, batch: WriteBatch, diff: Sequence[DiffEntry]) -> int:
        """Put the deletion of everything into the batch; return the records there will be."""
        if self._meta is not None and not self._meta.is_genesis:
            raise CommitRefused(f"{self._path} is at height {self._meta.height}, not at genesis")
        for key in self._db.keys():  # noqa: SIM118 - no mapping
            batch.delete(key)
        return _count_records(diff)

    def _continue(
        self, batch: WriteBatch, meta: Meta, diff: Sequence[DiffEntry], undo: Sequence[DiffEntry]
    ) -> int:
        """Put the undo record into the batch; return the records there will be."""
        last = meta.first_height if self._meta is None else self._meta.height
        if meta.height != last + 1:
            raise CommitRefused(f"{self._path} is at height {last}, block {meta.height} is no next")
        removed = 0
        if self._meta is not None:
            if len(diff) != len(undo):
                raise CommitRefused(f"{len(diff)} changes, but {len(undo)} to undo them")
            removed = _count_records(undo)
        previous = b"" if self._meta is None else _encode_meta(self._meta, self._count)
        body = len(previous).to_bytes(2, "big") + previous + encode_diff(undo)
        batch.put(_UNDO + meta.height.to_bytes(8, "big"), _seal(body))
        return self._count + _count_records(diff) - removed

    def _read_meta(self) -> None:
        data = self._get(_META)
        if data is None:
            if next(iter(self._db.keys()), None) is not None:
                raise MetaMissing(f"{self._path} holds records but no meta")
            return
        body = data[:-_CHECKSUM_BYTES]
        if _compute_checksum(body) != data[-_CHECKSUM_BYTES:]:
            raise MetaCorrupted(f"{self._path}: the meta is damaged")
        self._meta, self._count = _decode_meta(body)

    def _get(self, key: bytes) -> bytes | None:
        try:
            found: bytes | None = self._db.get(key)
        except Exception as reason:
            raise StorageUnreadable(f"{self._path}: {reason}") from reason
        return found


def _put_diff(batch: WriteBatch, diff: Iterable[DiffEntry]) -> None:
    for key, value in diff:
        if value is None:
            batch.delete(_RECORD + key)
        else:
            batch.put(_RECORD + key, value)


def _count_records(diff: Iterable[DiffEntry]) -> int:
    return sum([value is not None for _, value in diff])


def _compute_checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()[:_CHECKSUM_BYTES]


def _seal(body: bytes) -> bytes:
    return body + _compute_checksum(body)


def _encode_meta(meta: Meta, count: int) -> bytes:
    chain_id = meta.chain_id.encode()
    fixed = _FIXED.pack(_FORMAT, *meta[1:], count, len(chain_id))
    return fixed + chain_id


def _decode_meta(body: bytes) -> tuple[Meta, int]:
    """Return the meta and the number of records; raise MetaCorrupted."""
    try:
        form, *fields, count, size = _FIXED.unpack(body[: _FIXED.size])
        chain_id = body[_FIXED.size :].decode()
    except (struct.error, UnicodeDecodeError) as reason:
        raise MetaCorrupted("the meta has another shape") from reason
    if form != _FORMAT or len(body) != _FIXED.size + size:
        raise MetaCorrupted(f"the meta has format {form}, this version reads {_FORMAT}")
    return Meta(chain_id, *fields), count


def _decode_diff(data: bytes) -> Iterable[DiffEntry]:
    """Yield the entries of an encoded diff; the caller has checked the bytes' checksum."""
    at = 0
    while at < len(data):
        key_at = at + 2
        value_at = key_at + int.from_bytes(data[at:key_at], "big")
        size = int.from_bytes(data[value_at : value_at + 4], "big")
        at = value_at + 4 + max(0, size - 1)
        yield data[key_at:value_at], data[value_at + 4 : at] if size else None
