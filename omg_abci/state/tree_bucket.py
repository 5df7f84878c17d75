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

_LEFT: Final = slice(1, 1 + HASH_BYTES)
_RIGHT: Final = slice(1 + HASH_BYTES, None)

ABSENT: Final = bytes(HASH_BYTES)
"""Stands for the leaf hash in a record that deletes; no leaf is known to hash to it."""
EMPTY_DIGEST: Final = sha256(b"\x05").digest()


class Nest:
    """More than 16 records, divided by one bit of their paths; never changed once made."""

    __slots__ = ("left", "node", "right")

    def __init__(self, left: "bytes | Nest", right: "bytes | Nest", node: bytes) -> None:
        """Join two parts."""
        self.left = left
        self.right = right
        self.node = node
        """What its digest is the hash of: the tag and the digests of both parts.

        So a change in one part does not hash the other again.
        """


Part = bytes | Nest


def compute_digest(part: Part) -> bytes:
    """Return the 32-byte hash of `part`."""
    if isinstance(part, bytes):
        return sha256(TAG_BUCKET + part).digest() if part else EMPTY_DIGEST
    return sha256(part.node).digest()


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
    return _join(part, left, right)


def compute_written(part: Part, depth: int, record: bytes, previous: list[bytes]) -> Part:
    """Return `compute_changed` for a single record, which is what nearly all buckets get."""
    if isinstance(part, bytes):
        flat = _write(part, record, previous)
        return flat if len(flat) <= FLAT_BYTES_MAX else _compute_split(flat, depth)
    left, right = part.left, part.right
    if record[depth >> 3] << (depth & 7) & 0x80:
        right = compute_written(right, depth + 1, record, previous)
        if right is part.right:
            return part
    else:
        left = compute_written(left, depth + 1, record, previous)
        if left is part.left:
            return part
    return _join(part, left, right)


def compute_latest(records: bytes | bytearray) -> list[bytes]:
    """Return joined records apart, ascending; of a repeated path the last one counts."""
    joined = bytes(records)
    return sorted(
        {
            joined[at : at + HASH_BYTES]: joined[at : at + RECORD_BYTES]
            for at in range(0, len(joined), RECORD_BYTES)
        }.values()
    )


def compute_part(records: Sequence[bytes], depth: int) -> Part:
    """Return ascending records as a part; their paths share `depth` bits."""
    return _compute_split(b"".join(records), depth)


def get_siblings(part: Part, depth: int, path: bytes) -> tuple[list[bytes], bytes]:
    """Return the nested siblings of `path`, deepest first, and the flat part that it falls in."""
    siblings: list[bytes] = []
    bits = int.from_bytes(path, "big")
    while not isinstance(part, bytes):
        depth += 1
        if bits >> (PATH_BITS - depth) & 1:
            siblings.append(part.node[_LEFT])
            part = part.right
        else:
            siblings.append(part.node[_RIGHT])
            part = part.left
    siblings.reverse()
    return siblings, part


def _write(flat: bytes, record: bytes, previous: list[bytes]) -> bytes:
    """Return the flat records with one written; report in `previous` what it replaced."""
    path = record[:HASH_BYTES]
    if not flat:
        if record.endswith(ABSENT):
            return flat
        previous.append(path + ABSENT)
        return record
    at = flat.find(path)
    # Bytes across the middle or the end of a record may be the same by chance.
    if at < 0 or at % RECORD_BYTES:
        at = _find_place(flat, path)
    after = at + RECORD_BYTES
    found = flat[at:after]
    if not found.startswith(path):
        if record.endswith(ABSENT):
            return flat
        previous.append(path + ABSENT)
        return flat[:at] + record + flat[at:]
    if found == record:
        return flat
    previous.append(found)
    if record.endswith(ABSENT):
        return flat[:at] + flat[after:]
    return flat[:at] + record + flat[after:]


def _find_place(flat: bytes, path: bytes) -> int:
    """Return where the first record begins whose path is not less than `path`."""
    size = len(flat)
    half = size // (2 * RECORD_BYTES) * RECORD_BYTES
    at = half if flat[half : half + HASH_BYTES] < path else 0
    while at < size and flat[at : at + HASH_BYTES] < path:
        at += RECORD_BYTES
    return at


def _compute_split(flat: bytes, depth: int) -> Part:
    """Return records of any number, whose paths share `depth` bits, as a part."""
    if len(flat) <= FLAT_BYTES_MAX:
        return flat
    left, right = _get_halves(flat, depth)
    return _nest(_compute_split(left, depth + 1), _compute_split(right, depth + 1))


def _nest(left: Part, right: Part) -> Nest:
    return Nest(left, right, TAG_NESTED + compute_digest(left) + compute_digest(right))


def _join(before: Part, left: Part, right: Part) -> Part:
    """Return the part that two parts make, of which at most one may be what it was before."""
    if (
        isinstance(left, bytes)
        and isinstance(right, bytes)
        and len(left) + len(right) <= FLAT_BYTES_MAX
    ):
        return left + right
    if isinstance(before, bytes):
        return _nest(left, right)
    if left is before.left:
        return Nest(left, right, before.node[: _RIGHT.start] + compute_digest(right))
    if right is before.right:
        return Nest(left, right, TAG_NESTED + compute_digest(left) + before.node[_RIGHT])
    return _nest(left, right)


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
