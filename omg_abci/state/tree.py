"""The state tree: one 32-byte root over every key of the state, and proofs against recent roots.

2^18 buckets under six levels of sha256 nodes with eight children each, at fixed places in flat
bytearrays. A fold writes a block's changes and hashes each touched node once.
The root is a pure function of the contents: history, order and batching leave no trace.
Values are not kept, only hashes; whoever serves a proof sends the value with it.
Format: docs/spec/state-tree.md. Checker: protocol/merkle.py, which shares no code with this one.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Mapping
from hashlib import sha256
from itertools import islice
from operator import add
from struct import Struct
from typing import Final, Self

from omg_abci.protocol.merkle import KeyInvalid, Proof, RootNotRetained, ValueInvalid
from omg_abci.state.tree_bucket import (
    ABSENT,
    EMPTY_DIGEST,
    HASH_BYTES,
    PATH_BITS,
    RECORDS_MAX,
    TAG_BUCKET,
    Part,
    compute_changed,
    compute_digest,
    compute_latest,
    compute_part,
    compute_written,
    get_siblings,
)
from omg_abci.state.tree_undo import (
    NODE_BITS,
    LevelCopy,
    LevelUndo,
    UndoLayer,
    compute_digest_at,
    compute_level_undo,
    compute_places,
)

KEY_BYTES_MAX: Final = 64
VALUE_BYTES_MAX: Final = 4096
LEVELS: Final = 6
DEPTH: Final = NODE_BITS * LEVELS
"""At 1 M keys a bucket holds 3.8 records on average and hardly any is nested; at 2 M keys 7.6 and
one in 400 is. An empty tree takes 12 MiB."""
BUCKETS: Final = 1 << DEPTH
ROOTS_RETAINED: Final = 64
"""The current root counts as one of them."""
LOAD_BATCH: Final = 1 << 12
"""Keys that a bulk load hashes at a time, so that it needs no second copy of the state."""
LOAD_SHARES: Final = 256
"""By the first byte of its path a record is put aside, packed, until all are there: sorting a
share is faster than 64 bytes here and there: 2.2 µs a key, not 2.9, at 3 M keys."""

TAG_PATH: Final = b"\x00"
TAG_LEAF: Final = b"\x01"
TAG_INNER: Final = b"\x03"
_NODE_BYTES: Final = 1 + (HASH_BYTES << NODE_BITS)
"""A node is kept as what its hash is made of: the tag, then the digests of its children."""
_PATH_TAIL_BITS: Final = PATH_BITS - DEPTH
_HEAD_BYTES: Final = 4
_HEAD_SHIFT: Final = 8 * _HEAD_BYTES - DEPTH
_get_head = Struct(">I").unpack_from
_write_digest = Struct(f"{HASH_BYTES}s").pack_into
_LEAF_HEADS: Final = [TAG_LEAF + bytes([size]) for size in range(KEY_BYTES_MAX + 1)]
_LEAF_SIZES: Final = {size: size.to_bytes(2, "big") for size in range(1, VALUE_BYTES_MAX + 1)}
"""What stands before key and value in a leaf, by their lengths."""

Change = tuple[bytes, bytes | None]
"""A key and its new value, or None to delete it."""


class Tree:
    """The tree over the current contents, and what it takes to prove the last 64 roots."""

    __slots__ = ("_buckets", "_layers", "_levels", "_root")

    def __init__(self) -> None:
        """Make the tree of an empty state."""
        self._levels, self._root = _make_empty_levels()
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
        shares = [bytearray() for _ in range(LOAD_SHARES)]
        source = iter(items)
        while batch := dict(islice(source, LOAD_BATCH)):
            for record in _compute_records(batch):
                shares[record[0]] += record
        for number, share in enumerate(shares):
            tree._fill(number * BUCKETS // LOAD_SHARES, compute_latest(share))
            share.clear()
        tree._rehash([bucket for bucket, part in enumerate(tree._buckets) if part])
        return tree

    @property
    def root(self) -> bytes:
        """The 32-byte root of the current contents."""
        return self._root

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
        records = _compute_records(dict(changes))
        before = self._root
        previous: list[bytes] = []
        parts: dict[int, Part] = {}
        touched = self._write(records, previous, parts)
        levels = self._rehash(touched)
        layer = UndoLayer(before, b"".join(previous), compute_places(touched), parts, levels)
        self._layers.appendleft(layer)
        return self._root

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
                self._get_digest(depth, sibling, layers)
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
        changing = [layer for layer in layers if layer.has_changed(bucket)]
        part, first = self._buckets[bucket], 0
        for at, layer in enumerate(changing):
            if bucket in layer.parts:
                part, first = layer.parts[bucket], at + 1
        low = (bucket << _PATH_TAIL_BITS).to_bytes(HASH_BYTES, "big")
        high = ((bucket + 1 << _PATH_TAIL_BITS) - 1).to_bytes(HASH_BYTES, "big")
        for layer in changing[first:]:
            part = compute_changed(part, DEPTH, layer.get_records(low, high), [])
        return part

    def _get_digest(self, depth: int, place: int, layers: list[UndoLayer]) -> bytes:
        """Return the digest of an inner node or a bucket as it was before `layers`."""
        if depth == LEVELS:
            return compute_digest(self._get_part(place, layers))
        for layer in reversed(layers):
            found = layer.levels[depth - 1].get_digest(place)
            if found is not None:
                return found
        at = compute_digest_at(place)
        return bytes(self._levels[depth - 1][at : at + HASH_BYTES])

    def _fill(self, first: int, records: list[bytes]) -> None:
        """Put a share's ascending records into its buckets, which are empty."""
        buckets = range(first, first + BUCKETS // LOAD_SHARES)
        if len(records) < len(buckets):
            self._write(records, [], {})
            return
        starts = [
            bisect_left(records, (bucket << _HEAD_SHIFT).to_bytes(_HEAD_BYTES, "big"))
            for bucket in buckets
        ]
        for bucket, start, end in zip(buckets, starts, [*starts[1:], len(records)], strict=True):
            if start < end:
                self._buckets[bucket] = compute_part(records[start:end], DEPTH)

    def _write(
        self, records: list[bytes], previous: list[bytes], parts: dict[int, Part]
    ) -> list[int]:
        """Write ascending records; return the buckets changed, ascending.

        Append the records that undo it to `previous`; put buckets too busy for that into `parts`.
        """
        touched = []
        buckets = self._buckets
        heads = [head >> _HEAD_SHIFT for (head,) in map(_get_head, records)]
        heads.append(BUCKETS)
        group: list[bytes] = []
        for bucket, record, following in zip(heads, records, heads[1:], strict=False):
            if following == bucket:
                group.append(record)
                continue
            part = buckets[bucket]
            if group:
                group.append(record)
                changed = compute_changed(part, DEPTH, group, previous)
                if len(group) > RECORDS_MAX and changed is not part:
                    parts[bucket] = part
                group = []
            else:
                changed = compute_written(part, DEPTH, record, previous)
            if changed is not part:
                buckets[bucket] = changed
                touched.append(bucket)
        return touched

    def _rehash(self, touched: list[int]) -> tuple[LevelUndo | LevelCopy, ...]:
        """Hash the touched buckets and all above them, each once; return what was there.

        Nothing is returned of the buckets' own digests: a bucket is rebuilt from its old records.
        """
        places = touched
        digests = [
            sha256(TAG_BUCKET + part).digest()
            if part and isinstance(part, bytes)
            else compute_digest(part)
            for part in map(self._buckets.__getitem__, touched)
        ]
        undo: list[LevelUndo | LevelCopy] = []
        for depth in range(LEVELS - 1, -1, -1):
            nodes = self._levels[depth]
            spans = [HASH_BYTES * place + (place >> NODE_BITS) + 1 for place in places]
            if depth < LEVELS - 1:
                undo.append(compute_level_undo(places, nodes, spans))
            for at, digest in zip(spans, digests, strict=True):
                _write_digest(nodes, at, digest)
            places = list(dict.fromkeys([place >> NODE_BITS for place in places]))
            digests = [
                sha256(nodes[at : at + _NODE_BYTES]).digest()
                for at in [place * _NODE_BYTES for place in places]
            ]
        if digests:
            self._root = digests[0]
        undo.reverse()
        return tuple(undo)


def compute_path(key: bytes) -> bytes:
    """Return the 256 bits that place `key`; raise KeyInvalid."""
    _check_keys([key])
    return sha256(TAG_PATH + key).digest()


def _get_bucket(path: bytes) -> int:
    """Return the bucket of a path, or of a record, which begins with one."""
    head: int = _get_head(path)[0]
    return head >> _HEAD_SHIFT


def _compute_records(changes: Mapping[bytes, bytes | None]) -> list[bytes]:
    """Return one record for each key, ascending by path; raise KeyInvalid, ValueInvalid."""
    _check_keys(changes)
    paths = [sha256(TAG_PATH + key).digest() for key in changes]
    heads, sizes, join = _LEAF_HEADS, _LEAF_SIZES, b"".join
    try:
        leaves = [
            ABSENT
            if value is None
            else sha256(join((heads[len(key)], sizes[len(value)], key, value))).digest()
            for key, value in changes.items()
        ]
    except KeyError as reason:
        size = reason.args[0]
        raise ValueInvalid(f"value of {size} bytes, must be 1..{VALUE_BYTES_MAX}") from None
    return sorted(map(add, paths, leaves))


def _check_keys(keys: Iterable[bytes]) -> None:
    """Raise KeyInvalid unless all keys are of the allowed lengths."""
    sizes = list(map(len, keys))
    for size in (min(sizes, default=1), max(sizes, default=1)):
        if not 1 <= size <= KEY_BYTES_MAX:
            raise KeyInvalid(f"key of {size} bytes, must be 1..{KEY_BYTES_MAX}")


def _make_empty_levels() -> tuple[list[memoryview], bytes]:
    """Return the levels of an empty tree, without that of the buckets, and the root."""
    digest = EMPTY_DIGEST
    levels = []
    for depth in range(LEVELS - 1, -1, -1):
        node = TAG_INNER + digest * (1 << NODE_BITS)
        levels.append(memoryview(bytearray(node * (1 << NODE_BITS * depth))))
        digest = sha256(node).digest()
    levels.reverse()
    return levels, digest
