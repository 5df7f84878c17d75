"""Millions of records in little memory: a mapping of bytes to bytes, packed.

A record takes three bytes beside its key and value, where a dict takes some 100. What was written
lately is kept in a dict, because it is read and written again soon; every `settle` moves the
oldest of that into the packed places, so its cost follows what was written.
Which place a key has depends on the interpreter's own secret, so nobody can fill one on purpose.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from struct import Struct
from typing import Final

PLACES: Final = 1 << 18
"""At 5 M records a place holds 19, and one is found in it in about 2 µs."""
RECENT_MAX: Final = 1 << 16
"""Records that stay in the dict when settled: about 15 MB."""
_MASK: Final = PLACES - 1
_HEAD: Final = Struct(">BH")
"""Before each record: the lengths of its key and value."""
_HEAD_BYTES: Final = _HEAD.size
_pack_head = _HEAD.pack
_unpack_head = _HEAD.unpack_from
_SETTLED: Final = b""
"""Stands for a record that is in no dict; no value is empty."""
_SHARE_BITS: Final = 9
_SHARE_PLACES: Final = 1 << _SHARE_BITS
_SHARE_MASK: Final = _SHARE_PLACES - 1
_SHARES: Final = PLACES // _SHARE_PLACES
_WAITING: Final = Struct(">HBH")
"""Before a record that waits to be packed: its place in its share, then its lengths."""
_pack_waiting = _WAITING.pack
_unpack_waiting = _WAITING.unpack_from


class Packer:
    """Takes records one by one, and packs all of them at the end.

    A share of the places is made at a time, from records that wait joined: so every place is
    allocated once and as large as it is, where growing it by each record leaves holes behind.
    """

    __slots__ = ("_shares",)

    def __init__(self) -> None:
        """Begin without records."""
        self._shares = [bytearray() for _ in range(_SHARES)]

    def add(self, key: bytes, value: bytes) -> None:
        """Take a record; no two have the same key."""
        place = hash(key) & _MASK
        head = _pack_waiting(place & _SHARE_MASK, len(key), len(value))
        self._shares[place >> _SHARE_BITS] += head + key + value

    def finish(self) -> "PackedRecords":
        """Return the records packed; the packer is empty then."""
        places: list[bytes] = []
        for share in self._shares:
            places += _pack_share(bytes(share))
            share.clear()
        return PackedRecords(places)


def _pack_share(share: bytes) -> list[bytes]:
    """Return the places of a share."""
    parts: list[list[bytes]] = [[] for _ in range(_SHARE_PLACES)]
    at, size = 0, len(share)
    while at < size:
        place, key_size, value_size = _unpack_waiting(share, at)
        end = at + _WAITING.size + key_size + value_size
        parts[place].append(share[at + _WAITING.size - _HEAD_BYTES : end])
        at = end
    return [b"".join(each) for each in parts]


class PackedRecords(Mapping[bytes, bytes]):
    """Records of 1 to 255 bytes of key and 1 to 65,535 bytes of value, in no promised order."""

    __slots__ = ("_places", "_recent")

    def __init__(self, places: list[bytes] | None = None) -> None:
        """Hold the places that a packer made, or no record."""
        self._places = [b""] * PLACES if places is None else places
        self._recent: dict[bytes, bytes | None] = {}
        """None for what was deleted."""

    def get(self, key: bytes, default: bytes | None = None) -> bytes | None:  # type: ignore[override]  # values are never falsy
        """Return the value, or the default."""
        value = self._recent.get(key, _SETTLED)
        if value is not _SETTLED:
            return default if value is None else value
        place = self._places[hash(key) & _MASK]
        value = _read(place, key) if key in place else None
        return default if value is None else value

    def get_each(self, keys: Iterable[bytes]) -> list[bytes | None]:
        """Return the value of each key, None where there is none; fast for those of late."""
        get, places = self._recent.get, self._places
        values: list[bytes | None] = []
        add = values.append
        for key in keys:
            value = get(key, _SETTLED)
            if value is _SETTLED:
                place = places[hash(key) & _MASK]
                value = _read(place, key) if key in place else None
            add(value)
        return values

    def __getitem__(self, key: bytes) -> bytes:
        """Return the value; raise KeyError."""
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[bytes]:
        """Yield the keys."""
        return (key for key, _ in self.iterate())

    def __len__(self) -> int:
        """Count the records, one by one."""
        return sum(1 for _ in self.iterate())

    def iterate(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield every key with its value; nothing may be written meanwhile."""
        recent, unpack = self._recent, _unpack_head
        for place in self._places:
            at, size = 0, len(place)
            while at < size:
                key_size, value_size = unpack(place, at)
                key_at = at + _HEAD_BYTES
                value_at = key_at + key_size
                at = value_at + value_size
                key = place[key_at:value_at]
                if key not in recent:
                    yield key, place[value_at:at]
        for key, each in recent.items():
            if each is not None:
                yield key, each

    def write(self, changes: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Write values, None to delete; `settle` comes some time later."""
        self._recent.update(changes)

    def put(self, key: bytes, value: bytes | None) -> None:
        """Write one value, None to delete."""
        self._recent[key] = value

    def settle(self, recent_max: int = RECENT_MAX) -> None:
        """Pack what was written first, until no more than so many records are unpacked."""
        recent, places = self._recent, self._places
        for key in list(islice(recent, max(0, len(recent) - recent_max))):
            place = hash(key) & _MASK
            places[place] = _write(places[place], key, recent.pop(key))


def _read(place: bytes, key: bytes) -> bytes | None:
    """Return the key's value, or None."""
    span = _locate(place, key)
    return None if span is None else place[span[0] + _HEAD_BYTES + len(key) : span[1]]


def _locate(place: bytes, key: bytes) -> tuple[int, int] | None:
    """Return where the key's record begins and ends, or None.

    That the place has the key's bytes is no answer, they may be another record's; that it has
    not is one, and the faster question.
    """
    at, size = 0, len(place)
    while at < size:
        key_size, value_size = _unpack_head(place, at)
        key_at = at + _HEAD_BYTES
        value_at = key_at + key_size
        end = value_at + value_size
        if place[key_at:value_at] == key:
            return at, end
        at = end
    return None


def _write(place: bytes, key: bytes, value: bytes | None) -> bytes:
    """Return a place with one value written, None to delete."""
    span = _locate(place, key) if key in place else None
    if span is not None:
        place = place[: span[0]] + place[span[1] :]
    if value is None:
        return place
    return b"".join((place, _pack_head(len(key), len(value)), key, value))
