"""The append-only file behind "acknowledged".

A transaction is acknowledged only after its bytes are on disk here. Whatever arrives while a
sync runs is written and synced together as the next group. Segments (`<number>.log`) are deleted
when all their transactions are finished, that is included, expired or impossible; when most of a
long log is finished, what is left of the oldest segment is written again.

A segment is a header (magic, 8 random bytes: its salt, their CRC-32) and groups: salt, u32
length, u32 CRC-32 of the payload, and the payload: for each transaction u32 length and bytes. A
group is begun only after the one before it is on disk. So a damaged group with another begun
behind it, or in an older segment, is damage to what was acknowledged: opening refuses it and
touches nothing. A damaged last group was never acknowledged: it is cut off and reported. Nobody
outside knows the salt, so no transaction can be mistaken for the beginning of a group.
"""

import asyncio
import os
import struct
import zlib
from collections.abc import Hashable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from omg_abci.protocol.errors import OmgError
from omg_abci.protocol.limits import TX_BYTES_MAX

SEGMENT_BYTES_MAX: Final = 8 * 1024 * 1024
COMPACT_BYTES_MIN: Final = 64 * 1024 * 1024
"""A log below this size is never rewritten."""
COMPACT_FACTOR: Final = 4
"""A longer log is rewritten when it is so many times what is unfinished."""
_MAGIC: Final = b"OMGACC1\n"
_SALT_BYTES: Final = 8
_HEADER: Final = struct.Struct("<8s8sI")
_GROUP: Final = struct.Struct("<8sII")
_LENGTH: Final = struct.Struct("<I")
_NAME_DIGITS: Final = 12


class AcceptedError(OmgError):
    """The file of accepted transactions cannot be used."""


class AcceptedCorrupt(AcceptedError):
    """Acknowledged transactions are damaged on disk; a person must look at the file."""


class AcceptedBroken(AcceptedError):
    """Writing failed; nothing may be acknowledged any more."""


class Recovered(NamedTuple):
    """What opening found."""

    raws: list[bytes]
    torn_bytes: int
    """Bytes of an unfinished last group that were cut off."""


class _Segment:
    """A file and what of it is unfinished."""

    __slots__ = ("path", "size", "unfinished")

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self.unfinished: dict[Hashable, bytes] = {}


class AcceptedLog:
    """The file; one process at a time."""

    def __init__(self, folder: Path) -> None:
        """Open or make the folder; raise AcceptedCorrupt, AcceptedError, OSError."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._old = sorted(folder.glob("*.log"))
        self.recovered = read_segments(self._old)
        self._next_number = int(self._old[-1].stem) + 1 if self._old else 1
        self._segments: list[_Segment] = []
        self._where: dict[Hashable, _Segment] = {}
        self._unfinished_bytes = 0
        self._pending: dict[Hashable, bytes] = {}
        self._writing: dict[Hashable, bytes] = {}
        self._finished_early: set[Hashable] = set()
        """Finished before the sync that writes them was done."""
        self._pending_synced: asyncio.Future[None] | None = None
        self._current_synced: asyncio.Future[None] | None = None
        self._flusher: asyncio.Task[None] | None = None
        self._broken: AcceptedBroken | None = None
        self._fd = -1
        self._salt = b""
        self._current: _Segment | None = None
        # One thread: syncs stay in order, and no other work delays them.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="accepted")

    @property
    def size_bytes(self) -> int:
        """Return how long all segments together are."""
        return sum(segment.size for segment in self._segments)

    def enqueue(self, items: Iterable[tuple[Hashable, bytes]]) -> None:
        """Give these (id, raw) to the next group; raise AcceptedBroken.

        An id is whatever the caller tells them apart by; it is not written.
        """
        if self._broken is not None:
            raise self._broken
        self._pending.update(items)
        if self._pending_synced is None:
            self._pending_synced = asyncio.get_running_loop().create_future()
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())

    async def wait_synced(self) -> None:
        """Return when everything enqueued so far is on disk.

        Raise AcceptedBroken; then nothing of this node may be acknowledged any more.
        """
        if self._broken is not None:
            raise self._broken
        synced = self._pending_synced or self._current_synced
        if synced is not None:
            # Shielded: one caller that gives up must not take the others' answer with it.
            await asyncio.shield(synced)

    async def settle(self, items: Sequence[tuple[Hashable, bytes]]) -> None:
        """Write what is left of the recovered transactions again and delete the old segments."""
        if items:
            self.enqueue(items)
        await self.wait_synced()
        for path in self._old:
            path.unlink(missing_ok=True)
        self._old = []

    def finish(self, tx_ids: Iterable[Hashable]) -> None:
        """Forget transactions that were included or can never be; unknown ids are passed over."""
        where = self._where
        for tx_id in tx_ids:
            segment = where.pop(tx_id, None)
            if segment is not None:
                self._unfinished_bytes -= len(segment.unfinished.pop(tx_id))
            if tx_id in self._pending or tx_id in self._writing:
                self._finished_early.add(tx_id)
        for segment in self._segments[:-1]:
            if not segment.unfinished:
                segment.path.unlink()
        self._segments = [each for each in self._segments[:-1] if each.unfinished] + (
            self._segments[-1:]
        )
        self._compact()

    async def close(self) -> None:
        """Write what is pending and close the file."""
        if self._flusher is not None:
            await asyncio.gather(self._flusher, return_exceptions=True)
        self._thread.shutdown()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    # --- writing ---

    def _compact(self) -> None:
        live = self._unfinished_bytes
        if self.size_bytes < max(COMPACT_BYTES_MIN, COMPACT_FACTOR * live) or self._broken:
            return
        if len(self._segments) > 1 and not self._pending and not self._writing:
            self.enqueue(self._segments[0].unfinished.items())

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        while self._pending_synced is not None:
            self._writing, self._pending = self._pending, {}
            synced, self._pending_synced = self._pending_synced, None
            self._current_synced = synced
            raws = list(self._writing.values())
            try:
                segment = await loop.run_in_executor(self._thread, self._write, raws)
            except OSError as reason:
                self._break(synced, reason)
                return
            self._note(segment)
            self._current_synced = None
            synced.set_result(None)

    def _write(self, raws: Sequence[bytes]) -> _Segment:
        """Write and sync a group, in the thread; touch nothing that the event loop reads."""
        segment = self._current
        if segment is None or segment.size > SEGMENT_BYTES_MAX:
            segment = self._current = self._rotate()
        parts: list[bytes] = []
        for raw in raws:
            parts.append(_LENGTH.pack(len(raw)))
            parts.append(raw)
        payload = b"".join(parts)
        data = _GROUP.pack(self._salt, len(payload), zlib.crc32(payload)) + payload
        _write_all(self._fd, data)
        os.fsync(self._fd)
        segment.size += len(data)
        return segment

    def _rotate(self) -> _Segment:
        path = self._folder / f"{self._next_number:0{_NAME_DIGITS}}.log"
        salt = os.urandom(_SALT_BYTES)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            _write_all(fd, _HEADER.pack(_MAGIC, salt, zlib.crc32(salt)))
            os.fsync(fd)
            _sync_folder(self._folder)
        except OSError:
            os.close(fd)
            raise
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._salt = fd, salt
        self._next_number += 1
        return _Segment(path, _HEADER.size)

    def _note(self, segment: _Segment) -> None:
        if not self._segments or self._segments[-1] is not segment:
            self._segments.append(segment)
        items, self._writing = self._writing, {}
        if self._finished_early:
            for tx_id in self._finished_early & items.keys():
                self._finished_early.discard(tx_id)
                del items[tx_id]
        if not self._where.keys().isdisjoint(items):  # written again, to empty an old segment
            for tx_id in items:
                before = self._where.get(tx_id)
                if before is not None:
                    self._unfinished_bytes -= len(before.unfinished.pop(tx_id))
        segment.unfinished.update(items)
        self._where.update(dict.fromkeys(items, segment))
        self._unfinished_bytes += sum(map(len, items.values()))

    def _break(self, synced: asyncio.Future[None], reason: OSError) -> None:
        self._broken = AcceptedBroken(f"cannot write to {self._folder}: {reason}")
        for future in (synced, self._pending_synced):
            if future is not None:
                future.set_exception(self._broken)
                future.exception()  # whoever waits is told; if nobody does, that is no news
        self._pending, self._pending_synced = {}, None


def read_segments(paths: Sequence[Path]) -> Recovered:
    """Return what the segments hold; cut a torn end off the last one; raise AcceptedCorrupt."""
    raws: list[bytes] = []
    torn = 0
    for path in paths:
        data = path.read_bytes()
        last = path == paths[-1]
        good = _read_segment(path, data, last=last, raws=raws)
        if good < len(data):
            torn = len(data) - good
        if good == 0:
            path.unlink()
        elif torn:
            os.truncate(path, good)
    return Recovered(raws, torn)


def _read_segment(path: Path, data: bytes, *, last: bool, raws: list[bytes]) -> int:
    """Append the transactions of a segment; return how far it is sound."""
    header = data[: _HEADER.size]
    salt = header[len(_MAGIC) : len(_MAGIC) + _SALT_BYTES]
    if header != _HEADER.pack(_MAGIC, salt, zlib.crc32(salt)):
        if last and len(data) <= _HEADER.size:
            return 0  # the header is synced before the first group is begun
        raise AcceptedCorrupt(f"{path}: not a sound segment of accepted transactions")
    position = _HEADER.size
    while position < len(data):
        payload = _read_group(data, position, salt)
        if payload is None:
            if last and data.find(salt, position + 1) < 0:
                return position
            raise AcceptedCorrupt(
                f"{path}: damaged at byte {position}, in the middle of acknowledged transactions;"
                " the file was left as it is"
            )
        raws.extend(_split_payload(path, payload))
        position += _GROUP.size + len(payload)
    return position


def _read_group(data: bytes, position: int, salt: bytes) -> bytes | None:
    begin = position + _GROUP.size
    if begin > len(data):
        return None
    found, length, checksum = _GROUP.unpack_from(data, position)
    payload = data[begin : begin + length]
    if found != salt or len(payload) < length or zlib.crc32(payload) != checksum:
        return None
    return payload


def _split_payload(path: Path, payload: bytes) -> list[bytes]:
    raws: list[bytes] = []
    position = 0
    while position < len(payload):
        (length,) = _LENGTH.unpack_from(payload, position)
        begin = position + _LENGTH.size
        position = begin + length
        if not 0 < length <= TX_BYTES_MAX or position > len(payload):
            raise AcceptedCorrupt(f"{path}: a group whose checksum holds is not well formed")
        raws.append(payload[begin:position])
    return raws


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
