"""What one fold of the state tree replaced, packed, so that older roots can still be proved.

A layer keeps 64 bytes for each changed key, 36 bytes for each changed inner node and 4 for each
changed bucket. Nodes are found by bisection. A bucket is rebuilt from the newer one by writing its
old records back, and hashed again; where a fold changed many records of one bucket, which only
ground keys do, the old bucket itself is kept, so that a proof never writes back more than 16
records a layer.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from omg_abci.state.tree_bucket import HASH_BYTES, RECORD_BYTES, Part

NODE_BITS: Final = 3
"""Eight children a node: with 4,000 of 2^18 buckets touched, 2.2 µs a change for the nodes where
two children cost 6.8 and four 3.4, for a proof of 42 siblings where those need 18 and 27."""
_COPIED_FROM: Final = 128
"""A level is copied as a whole when there is a changed node in so many of its bytes."""


@dataclass(frozen=True, slots=True)
class LevelUndo:
    """The nodes of one level that a fold changed, as they were before."""

    places: Sequence[int]
    """Ascending."""
    digests: bytes
    """32 bytes for each place."""

    def get_digest(self, place: int) -> bytes | None:
        """Return the node's digest before the fold, or None if the fold left it alone."""
        at = bisect_left(self.places, place)
        if at == len(self.places) or self.places[at] != place:
            return None
        return self.digests[at * HASH_BYTES : (at + 1) * HASH_BYTES]


@dataclass(frozen=True, slots=True)
class LevelCopy:
    """All nodes of one level as they were before a fold that changed many of them."""

    nodes: bytes
    """The level above, whose nodes hold these digests."""

    def get_digest(self, place: int) -> bytes:
        """Return the node's digest before the fold."""
        at = compute_digest_at(place)
        return self.nodes[at : at + HASH_BYTES]


@dataclass(frozen=True, slots=True)
class UndoLayer:
    """Everything that leads from one root back to the root before."""

    root: bytes
    """The root before the fold."""
    records: bytes
    """The records before the fold, ascending by path; a leaf hash of ABSENT where none was."""
    buckets: Sequence[int]
    """The buckets that were changed, ascending."""
    parts: Mapping[int, Part]
    """The old part of each bucket of which the fold was given more than 16 records."""
    levels: tuple[LevelUndo | LevelCopy, ...]
    """The level below the root first, that above the buckets last."""

    def has_changed(self, bucket: int) -> bool:
        """Tell whether the fold changed the bucket."""
        at = bisect_left(self.buckets, bucket)
        return at < len(self.buckets) and self.buckets[at] == bucket

    def get_records(self, low: bytes, high: bytes) -> list[bytes]:
        """Return the records with low <= path <= high, ascending."""
        count = len(self.records) // RECORD_BYTES
        at = bisect_left(range(count), low, key=self._get_path) * RECORD_BYTES
        found = []
        while at < len(self.records) and self.records[at : at + HASH_BYTES] <= high:
            found.append(self.records[at : at + RECORD_BYTES])
            at += RECORD_BYTES
        return found

    def _get_path(self, at: int) -> bytes:
        return self.records[at * RECORD_BYTES : at * RECORD_BYTES + HASH_BYTES]


def compute_level_undo(
    places: Sequence[int], nodes: memoryview, spans: Sequence[int]
) -> LevelUndo | LevelCopy:
    """Return what a level holds at some places; `nodes` is the level above, `spans` where in it.

    The copy of a whole level takes 0.1 ms at most, which 1,000 digests apart take as well.
    """
    if len(places) * _COPIED_FROM > len(nodes):
        return LevelCopy(bytes(nodes))
    digests = b"".join([nodes[at : at + HASH_BYTES] for at in spans])
    return LevelUndo(compute_places(places), digests)


def compute_digest_at(place: int) -> int:
    """Return where a node's digest is kept in the level above, whose nodes begin with a tag."""
    return HASH_BYTES * place + (place >> NODE_BITS) + 1


def compute_places(places: Iterable[int]) -> Sequence[int]:
    """Return ascending places in four bytes each."""
    return array("I", places)
