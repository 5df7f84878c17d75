"""One bucket of the state tree: its records, its nesting and its hash. Immutable values only.

A *record* is 64 bytes: a key's path and its leaf hash. A bucket is a *part*:

- `bytes`: at most 16 records, ascending by path, joined;
- `Nest`: more than 16 records, divided by the next bit of their paths into two parts.

A part is a pure function of the records in it: it nests when the 17th record arrives and is flat
again when the 17th leaves. Keys are attacker-chosen, so one change in a bucket of N records costs
about log2(N / 16) more hashes, never N. Format: docs/spec/state-tree.md.
"""

from bisect import bisect_left
from collections.abc import Sequence
from hashlib import sha256
from typing import Final, overload

HASH_BYTES: Final = 32
RECORD_BYTES: Final = 64
PATH_BITS: Final = 256
RECORDS_MAX: Final = 16
FLAT_BYTES_MAX: Final = RECORDS_MAX * RECORD_BYTES

TAG_BUCKET: Final = b"\x02"
TAG_NESTED: Final = b"\x04"

ABSENT: Final = bytes(HASH_BYTES)
"""Stands for the leaf hash in a record that deletes; no leaf is known to hash to it."""
EMPTY_DIGEST: Final = sha256(b"\x05").digest()


class Nest:
    """More than 16 records, divided by one bit of their paths; never changed once made."""

    __slots__ = ("digest", "left", "right")

    def __init__(self, left: "bytes | Nest", right: "bytes | Nest") -> None:
        """Join two parts; the digest is computed here and kept."""
        self.left = left
        self.right = right
        self.digest = sha256(TAG_NESTED + compute_digest(left) + compute_digest(right)).digest()


Part = bytes | Nest


def compute_digest(part: Part) -> bytes:
    """Return the 32-byte hash of `part`."""
    if isinstance(part, bytes):
        return sha256(TAG_BUCKET + part).digest() if part else EMPTY_DIGEST
    return part.digest


def compute_changed(
    part: Part, depth: int, records: Sequence[bytes], previous: list[bytes]
) -> Part:
    """Return `part` with `records` written; append what each replaced to `previous`.

    `depth` is the number of path bits that lead to the part. The records ascend by path, one a
    path; a leaf hash of ABSENT deletes. A record that changes nothing leaves nothing in
    `previous`; the others leave, in their order, the record that undoes them.
    """
    if isinstance(part, bytes) and len(records) <= RECORDS_MAX:
        for record in records:
            part = _write(part, record, previous)
        return _compute_split(part, depth)
    mark = len(previous)
    left, right = _get_halves(part, depth)
    cut = _find_cut(records, depth)
    if cut:
        left = compute_changed(left, depth + 1, records[:cut], previous)
    if cut < len(records):
        right = compute_changed(right, depth + 1, records[cut:], previous)
    if len(previous) == mark:
        return part
    if isinstance(left, bytes) and isinstance(right, bytes):
        joined = left + right
        if len(joined) <= FLAT_BYTES_MAX:
            return joined
    return Nest(left, right)


def get_siblings(part: Part, depth: int, path: bytes) -> tuple[list[bytes], bytes]:
    """Return the nested siblings of `path`, deepest first, and the flat part that it falls in."""
    siblings: list[bytes] = []
    bits = int.from_bytes(path, "big")
    while not isinstance(part, bytes):
        depth += 1
        if bits >> (PATH_BITS - depth) & 1:
            siblings.append(compute_digest(part.left))
            part = part.right
        else:
            siblings.append(compute_digest(part.right))
            part = part.left
    siblings.reverse()
    return siblings, part


def _write(flat: bytes, record: bytes, previous: list[bytes]) -> bytes:
    """Return the flat records with one written; report in `previous` what it replaced."""
    path = record[:HASH_BYTES]
    size = len(flat)
    at = 0
    while at < size and flat[at : at + HASH_BYTES] < path:
        at += RECORD_BYTES
    after = at + RECORD_BYTES
    found = flat[at:after]
    leaf = record[HASH_BYTES:]
    if found[:HASH_BYTES] != path:
        if leaf == ABSENT:
            return flat
        previous.append(path + ABSENT)
        return flat[:at] + record + flat[at:]
    if found == record:
        return flat
    previous.append(found)
    return flat[:at] + (b"" if leaf == ABSENT else record) + flat[after:]


def _compute_split(flat: bytes, depth: int) -> Part:
    """Return records of any number, whose paths share `depth` bits, as a part."""
    if len(flat) <= FLAT_BYTES_MAX:
        return flat
    left, right = _get_halves(flat, depth)
    return Nest(_compute_split(left, depth + 1), _compute_split(right, depth + 1))


@overload
def _get_halves(part: bytes, depth: int) -> tuple[bytes, bytes]: ...
@overload
def _get_halves(part: Part, depth: int) -> tuple[Part, Part]: ...
def _get_halves(part: Part, depth: int) -> tuple[Part, Part]:
    """Return the records with a zero and those with a one at path bit `depth`."""
    if isinstance(part, Nest):
        return part.left, part.right
    records = [part[at : at + RECORD_BYTES] for at in range(0, len(part), RECORD_BYTES)]
    cut = _find_cut(records, depth) * RECORD_BYTES
    return part[:cut], part[cut:]


def _find_cut(records: Sequence[bytes], depth: int) -> int:
    """Return how many of the ascending records have a zero at path bit `depth`."""
    byte, bit = depth // 8, 7 - depth % 8
    return bisect_left(records, 1, key=lambda record: record[byte] >> bit & 1)
