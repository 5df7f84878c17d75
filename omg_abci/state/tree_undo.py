"""What one fold of the state tree replaced, packed, so that older roots can still be proved.

A layer keeps 64 bytes for each changed key and 36 bytes for each changed node. Nodes are found by
bisection. A bucket is rebuilt from the newer one by writing its old records back; where a fold
changed many records of one bucket, which only ground keys do, the old bucket itself is kept, so
that a proof never writes back more than 16 records a layer.
"""

from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omg_abci.state.tree_bucket import HASH_BYTES, RECORD_BYTES, Part


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
class UndoLayer:
    """Everything that leads from one root back to the root before."""

    root: bytes
    """The root before the fold."""
    records: bytes
    """The records before the fold, ascending by path; a leaf hash of ABSENT where none was."""
    parts: Mapping[int, Part]
    """The old part of each bucket of which the fold was given more than 16 records."""
    levels: tuple[LevelUndo, ...]
    """The root's level first, the buckets' level last."""

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


def compute_level_undo(places: Sequence[int], digests: bytes) -> LevelUndo:
    """Return the undo of one level; four bytes a place."""
    return LevelUndo(array("I", places), digests)
