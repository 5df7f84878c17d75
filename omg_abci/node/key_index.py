"""Which keys begin with a prefix: an owner's orders, balances and agents, all tokens and markets.

Guarantees ascending listings. For each prefix the rest of its keys is kept packed; where that is
long, in place, so that an owner of very many orders costs a move of memory for each.
"""

from bisect import bisect_left
from typing import Final

from omg_abci.node.packed_records import PackedRecords, Packer

LONG_BYTES: Final = 2_048
"""From here on what is packed is changed in place; below, it is as cheap to make it anew."""


class KeyIndex:
    """Prefixes to the sorted suffixes of the keys there are; suffixes of one prefix are as long."""

    def __init__(self, short: PackedRecords, long: dict[bytes, bytearray]) -> None:
        """Hold what a `KeyIndexLoader` made."""
        self._short = short
        self._long = long

    def add(self, prefix: bytes, suffix: bytes) -> None:
        """Enter a key that is not there."""
        long = self._long.get(prefix)
        if long is not None:
            at = _find_place(long, suffix)
            long[at:at] = suffix
            return
        packed = self._short.get(prefix) or b""
        # A suffix that is new is mostly the greatest: client ids tend to be counted.
        if packed[-len(suffix) :] < suffix:
            packed += suffix
        else:
            at = _find_place(packed, suffix)
            packed = packed[:at] + suffix + packed[at:]
        if len(packed) < LONG_BYTES:
            self._short.put(prefix, packed)
        else:
            self._long[prefix] = bytearray(packed)
            self._short.put(prefix, None)

    def remove(self, prefix: bytes, suffix: bytes) -> None:
        """Take out a key that is there."""
        size = len(suffix)
        long = self._long.get(prefix)
        if long is not None:
            at = _find_place(long, suffix)
            del long[at : at + size]
            if len(long) < LONG_BYTES // 2:
                self._short.put(prefix, bytes(long))
                del self._long[prefix]
            return
        packed = self._short[prefix]
        at = packed.find(suffix)
        if at % size:
            # The bytes were found across two suffixes.
            at = _find_place(packed, suffix)
        self._short.put(prefix, packed[:at] + packed[at + size :] or None)

    def settle(self) -> None:
        """Pack what was changed some time ago."""
        self._short.settle()

    def get_all(self, prefix: bytes, size: int) -> list[bytes]:
        """Return the suffixes, each of so many bytes, ascending."""
        packed = self._get(prefix)
        return [bytes(packed[at : at + size]) for at in range(0, len(packed), size)]

    def get_after(self, prefix: bytes, after: bytes, limit: int) -> tuple[list[bytes], bool]:
        """Return so many suffixes above one, ascending, and whether there are more."""
        packed, size = self._get(prefix), len(after)
        first = _find_place(packed, after)
        if packed[first : first + size] == after:
            first += size
        last = min(first + limit * size, len(packed))
        found = [bytes(packed[at : at + size]) for at in range(first, last, size)]
        return found, last < len(packed)

    def _get(self, prefix: bytes) -> bytes | bytearray:
        long = self._long.get(prefix)
        return (self._short.get(prefix) or b"") if long is None else long


class KeyIndexLoader:
    """Makes an index of keys that come in ascending order."""

    def __init__(self) -> None:
        """Begin without keys."""
        self._packer = Packer()
        self._long: dict[bytes, bytearray] = {}
        self._prefix = b""
        self._suffixes: list[bytes] = []

    def add(self, prefix: bytes, suffix: bytes) -> None:
        """Enter the next key."""
        if prefix != self._prefix:
            self._end_prefix()
            self._prefix = prefix
        self._suffixes.append(suffix)

    def finish(self) -> KeyIndex:
        """Return the index of all that was entered."""
        self._end_prefix()
        return KeyIndex(self._packer.finish(), self._long)

    def _end_prefix(self) -> None:
        packed = b"".join(self._suffixes)
        self._suffixes.clear()
        if len(packed) >= LONG_BYTES:
            self._long[self._prefix] = bytearray(packed)
        elif packed:
            self._packer.add(self._prefix, packed)


def _find_place(packed: bytes | bytearray, suffix: bytes) -> int:
    """Return where the first suffix begins that is not less."""
    size = len(suffix)

    def get(number: int) -> bytes:
        return bytes(packed[number * size : (number + 1) * size])

    return bisect_left(range(len(packed) // size), suffix, key=get) * size
