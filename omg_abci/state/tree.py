"""The state tree: one 32-byte root over every key of the state, and proofs against recent roots.

2^18 buckets under six levels of sha256 nodes with eight children each, at fixed places in flat
bytearrays. A fold writes a block's changes and hashes each touched node once.
The root is a pure function of the contents: history, order and batching leave no trace.
Values are not kept, only hashes; whoever serves a proof sends the value with it.
Format: docs/spec/state-tree.md. Checker: protocol/merkle.py, which shares no code with this one.
"""

from collections import deque
from collections.abc import Iterable
from hashlib import sha256
from itertools import groupby, islice
from typing import Final, Self

from omg_abci.protocol.merkle import KeyInvalid, Proof, RootNotRetained, ValueInvalid
from omg_abci.state.tree_bucket import (
    ABSENT,
    EMPTY_DIGEST,
    HASH_BYTES,
    PATH_BITS,
    RECORDS_MAX,
    Part,
    compute_changed,
    compute_digest,
    get_siblings,
)
from omg_abci.state.tree_undo import LevelUndo, UndoLayer, compute_level_undo

KEY_BYTES_MAX: Final = 64
VALUE_BYTES_MAX: Final = 4096
NODE_BITS: Final = 3
"""Eight children a node: with 4,000 of 2^18 buckets touched, 2.2 µs a change for the nodes where
two children cost 6.8 and four 3.4, for a proof of 42 siblings where those need 18 and 27."""
LEVELS: Final = 6
DEPTH: Final = NODE_BITS * LEVELS
"""At 1 M keys a bucket holds 3.8 records on average and hardly any is nested; at 2 M keys 7.6 and
one in 400 is. An empty tree takes 12 MiB."""
BUCKETS: Final = 1 << DEPTH
ROOTS_RETAINED: Final = 64
"""The current root counts as one of them."""
LOAD_BATCH: Final = 1 << 16
"""Keys that a bulk load holds at a time, so that it needs no second copy of the state."""

TAG_PATH: Final = b"\x00"
TAG_LEAF: Final = b"\x01"
TAG_INNER: Final = b"\x03"
_CHILDREN_BYTES: Final = HASH_BYTES << NODE_BITS
_PATH_TAIL_BITS: Final = PATH_BITS - DEPTH
_HEAD_BYTES: Final = 3
_HEAD_SHIFT: Final = 8 * _HEAD_BYTES - DEPTH

Change = tuple[bytes, bytes | None]
"""A key and its new value, or None to delete it."""


class Tree:
    """The tree over the current contents, and what it takes to prove the last 64 roots."""

    __slots__ = ("_buckets", "_layers", "_levels")

    def __init__(self) -> None:
        """Make the tree of an empty state."""
        self._levels = _make_empty_levels()
        """The root's level first; node i has the children 8i to 8i + 7 one level below."""
        self._buckets: list[Part] = [b""] * BUCKETS
        self._layers: deque[UndoLayer] = deque(maxlen=ROOTS_RETAINED - 1)
        """Newest first."""

    @classmethod
    def load(cls, items: Iterable[tuple[bytes, bytes]]) -> Self:
        """Return the tree over `items`, without history; of a repeated key the last value counts.

        Raise KeyInvalid or ValueInvalid.
        """
        tree = cls()
        source = iter(items)
        touched = bytearray(BUCKETS)
        while batch := list(islice(source, LOAD_BATCH)):
            for bucket in tree._write(_compute_records(batch), [], {}):
                touched[bucket] = 1
        tree._rehash([bucket for bucket in range(BUCKETS) if touched[bucket]])
        return tree

    @property
    def root(self) -> bytes:
        """The 32-byte root of the current contents."""
        return bytes(self._levels[0])

    @property
    def roots(self) -> tuple[bytes, ...]:
        """The roots that proofs can be asked for, newest first, at most ROOTS_RETAINED.

        A fold that changes nothing repeats the root.
        """
        return (self.root, *(layer.root for layer in self._layers))

    def fold(self, changes: Iterable[Change]) -> bytes:
        """Write `changes` in any order, keep the way back, and return the new root.

        Of a repeated key the last value counts; deleting an absent key changes nothing. All
        changes are checked before the first is written. Raise KeyInvalid or ValueInvalid.
        """
        records = _compute_records(changes)
        before = self.root
        previous: list[bytes] = []
        parts: dict[int, Part] = {}
        levels = self._rehash(self._write(records, previous, parts))
        self._layers.appendleft(UndoLayer(before, b"".join(previous), parts, levels))
        return self.root

    def prove(self, key: bytes, root: bytes | None = None) -> Proof:
        """Return the proof that `key` is present or absent under `root`, by default the current.

        Raise KeyInvalid or RootNotRetained.
        """
        path = compute_path(key)
        layers = self._get_layers_since(root)
        bucket = _get_bucket(path)
        nested, flat = get_siblings(self._get_part(bucket, layers), DEPTH, path)
        siblings: list[bytes] = []
        place = bucket
        for depth in range(LEVELS, 0, -1):
            first = place >> NODE_BITS << NODE_BITS
            siblings.extend(
                self._get_node(depth, sibling, layers)
                for sibling in range(first, first + (1 << NODE_BITS))
                if sibling != place
            )
            place >>= NODE_BITS
        hashes = [flat[at : at + HASH_BYTES] for at in range(0, len(flat), HASH_BYTES)]
        entries = tuple(zip(hashes[::2], hashes[1::2], strict=True))
        return Proof(tuple(nested), tuple(siblings), entries)

    def _get_layers_since(self, root: bytes | None) -> list[UndoLayer]:
        """Return what leads from the current contents back to `root`, newest first."""
        if root is None:
            return []
        roots = self.roots
        if root not in roots:
            raise RootNotRetained(f"root {root.hex()} is not among the last {ROOTS_RETAINED}")
        return list(islice(self._layers, roots.index(root)))

    def _get_part(self, bucket: int, layers: list[UndoLayer]) -> Part:
        """Return a bucket as it was before `layers`."""
        part, first = self._buckets[bucket], 0
        for at, layer in enumerate(layers):
            if bucket in layer.parts:
                part, first = layer.parts[bucket], at + 1
        low = (bucket << _PATH_TAIL_BITS).to_bytes(HASH_BYTES, "big")
        high = ((bucket + 1 << _PATH_TAIL_BITS) - 1).to_bytes(HASH_BYTES, "big")
        for layer in layers[first:]:
            part = compute_changed(part, DEPTH, layer.get_records(low, high), [])
        return part

    def _get_node(self, depth: int, place: int, layers: list[UndoLayer]) -> bytes:
        """Return a node's digest as it was before `layers`."""
        for layer in reversed(layers):
            found = layer.levels[depth].get_digest(place)
            if found is not None:
                return found
        at = HASH_BYTES * place
        return bytes(self._levels[depth][at : at + HASH_BYTES])

    def _write(
        self, records: list[bytes], previous: list[bytes], parts: dict[int, Part]
    ) -> list[int]:
        """Write ascending records; return the buckets changed, ascending.

        Append the records that undo it to `previous`; put buckets too busy for that into `parts`.
        """
        touched = []
        buckets = self._buckets
        for bucket, group in groupby(records, _get_bucket):
            part, written = buckets[bucket], list(group)
            changed = compute_changed(part, DEPTH, written, previous)
            if changed is part:
                continue
            buckets[bucket] = changed
            touched.append(bucket)
            if len(written) > RECORDS_MAX:
                parts[bucket] = part
        return touched

    def _rehash(self, touched: list[int]) -> tuple[LevelUndo, ...]:
        """Hash the touched buckets and all above them, each once; return what was there."""
        places = touched
        digests = [compute_digest(self._buckets[bucket]) for bucket in touched]
        undo = [self._store(LEVELS, places, digests)]
        for depth in range(LEVELS - 1, -1, -1):
            below = self._levels[depth + 1]
            places = list(dict.fromkeys([place >> NODE_BITS for place in places]))
            digests = [
                sha256(TAG_INNER + below[at : at + _CHILDREN_BYTES]).digest()
                for at in [place * _CHILDREN_BYTES for place in places]
            ]
            undo.append(self._store(depth, places, digests))
        undo.reverse()
        return tuple(undo)

    def _store(self, depth: int, places: list[int], digests: list[bytes]) -> LevelUndo:
        """Write digests into one level; return what was there."""
        level = self._levels[depth]
        spans = [slice(at, at + HASH_BYTES) for at in [HASH_BYTES * place for place in places]]
        undo = compute_level_undo(places, b"".join([level[span] for span in spans]))
        for span, digest in zip(spans, digests, strict=True):
            level[span] = digest
        return undo


def compute_path(key: bytes) -> bytes:
    """Return the 256 bits that place `key`; raise KeyInvalid."""
    if not 1 <= len(key) <= KEY_BYTES_MAX:
        raise KeyInvalid(f"key of {len(key)} bytes, must be 1..{KEY_BYTES_MAX}")
    return sha256(TAG_PATH + key).digest()


def _get_bucket(path: bytes) -> int:
    """Return the bucket of a path, or of a record, which begins with one."""
    return int.from_bytes(path[:_HEAD_BYTES], "big") >> _HEAD_SHIFT


def _compute_leaf(key: bytes, value: bytes | None) -> bytes:
    """Return the leaf hash, or ABSENT for None; raise ValueInvalid."""
    if value is None:
        return ABSENT
    if not 1 <= len(value) <= VALUE_BYTES_MAX:
        raise ValueInvalid(f"value of {len(value)} bytes, must be 1..{VALUE_BYTES_MAX}")
    sizes = len(key).to_bytes(1, "big") + len(value).to_bytes(2, "big")
    return sha256(TAG_LEAF + sizes + key + value).digest()


def _compute_records(changes: Iterable[Change]) -> list[bytes]:
    """Return one record for each key, ascending by path; raise KeyInvalid, ValueInvalid."""
    latest = {}
    for key, value in changes:
        path = compute_path(key)
        latest[path] = path + _compute_leaf(key, value)
    return sorted(latest.values())


def _make_empty_levels() -> list[bytearray]:
    """Return the levels of an empty tree."""
    digest = EMPTY_DIGEST
    levels = []
    for depth in range(LEVELS, -1, -1):
        levels.append(bytearray(digest * (1 << NODE_BITS * depth)))
        digest = sha256(TAG_INNER + digest * (1 << NODE_BITS)).digest()
    levels.reverse()
    return levels
