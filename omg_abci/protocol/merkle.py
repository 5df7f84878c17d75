"""Check, from a 32-byte root alone, that the state holds a key's value or holds no such key.

This is the independent checker of the state tree: it imports nothing of the chain, and every
constant and hash below is written out in docs/spec/state-tree.md.
A key's place is always recomputed from the key; nothing in a proof chooses it.

Errors, one class one stable code:

    MerkleError
    ├─ KeyInvalid        merkle.key_invalid        the key is not 1..64 bytes
    ├─ ValueInvalid      merkle.value_invalid      the value is not 1..4096 bytes
    ├─ ProofInvalid      merkle.proof_invalid      the proof is not well formed
    ├─ RootMismatch      merkle.root_mismatch      the proof does not lead to the root
    ├─ KeyAbsent         merkle.key_absent         inclusion was claimed of an absent key
    ├─ ValueMismatch     merkle.value_mismatch     the key has another value
    ├─ KeyPresent        merkle.key_present        absence was claimed of a present key
    └─ RootNotRetained   merkle.root_not_retained  the tree no longer, or never, had that root
"""

from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import ClassVar, Final, Self

KEY_BYTES_MAX: Final = 64
VALUE_BYTES_MAX: Final = 4096
HASH_BYTES: Final = 32
CHILD_BITS: Final = 3
"""A fixed node has 2^3 children."""
LEVELS: Final = 6
"""Levels of fixed nodes above the 2^18 buckets."""
PATH_BITS: Final = 256
NESTED_MAX: Final = PATH_BITS - CHILD_BITS * LEVELS
BUCKET_ENTRIES_MAX: Final = 16

PROOF_FORMAT: Final = 1
PROOF_HEADER_BYTES: Final = 3
SIBLINGS_PER_LEVEL: Final = (1 << CHILD_BITS) - 1
SIBLINGS: Final = LEVELS * SIBLINGS_PER_LEVEL
PROOF_BYTES_MAX: Final = PROOF_HEADER_BYTES + HASH_BYTES * (
    NESTED_MAX + SIBLINGS + 2 * BUCKET_ENTRIES_MAX
)

TAG_PATH: Final = b"\x00"
TAG_LEAF: Final = b"\x01"
TAG_BUCKET: Final = b"\x02"
TAG_INNER: Final = b"\x03"
TAG_NESTED: Final = b"\x04"
TAG_EMPTY: Final = b"\x05"


class MerkleError(Exception):
    """Whatever is wrong with a key, a value, a proof or a root of the state tree."""

    code: ClassVar[str]


class KeyInvalid(MerkleError):
    """The key is empty or longer than KEY_BYTES_MAX."""

    code = "merkle.key_invalid"


class ValueInvalid(MerkleError):
    """The value is empty or longer than VALUE_BYTES_MAX."""

    code = "merkle.value_invalid"


class ProofInvalid(MerkleError):
    """The proof is truncated, oversized, too deep, out of order or otherwise not canonical."""

    code = "merkle.proof_invalid"


class RootMismatch(MerkleError):
    """The proof is well formed but leads to another root."""

    code = "merkle.root_mismatch"


class KeyAbsent(MerkleError):
    """The proof leads to the root and shows that the key is not there."""

    code = "merkle.key_absent"


class ValueMismatch(MerkleError):
    """The proof leads to the root and shows that the key has another value."""

    code = "merkle.value_mismatch"


class KeyPresent(MerkleError):
    """The proof leads to the root and shows that the key is there."""

    code = "merkle.key_present"


class RootNotRetained(MerkleError):
    """A proof was asked for a root that the tree never had or has forgotten."""

    code = "merkle.root_not_retained"


@dataclass(frozen=True, slots=True)
class Proof:
    """The part of a bucket that a key falls into and the siblings from there up to the root.

    The same proof shows that a key is present or that it is absent.
    """

    nested: tuple[bytes, ...]
    """The sibling in each nested node between the bucket's part and the bucket, deepest first."""
    siblings: tuple[bytes, ...]
    """The seven siblings in each fixed node, ascending in a node, deepest node first."""
    entries: tuple[tuple[bytes, bytes], ...]
    """(path, leaf hash) of every key in the bucket's part, ascending by path."""

    def __post_init__(self) -> None:
        """Refuse a shape that no tree can produce; raise ProofInvalid."""
        if len(self.nested) > NESTED_MAX:
            raise ProofInvalid(f"{len(self.nested)} nested siblings, at most {NESTED_MAX} allowed")
        if len(self.siblings) != SIBLINGS:
            raise ProofInvalid(f"{len(self.siblings)} siblings, must be {SIBLINGS}")
        if len(self.entries) > BUCKET_ENTRIES_MAX:
            raise ProofInvalid(f"{len(self.entries)} entries, at most {BUCKET_ENTRIES_MAX} allowed")
        hashes = [*self.nested, *self.siblings, *(part for entry in self.entries for part in entry)]
        if any(len(value) != HASH_BYTES for value in hashes):
            raise ProofInvalid(f"a hash is not {HASH_BYTES} bytes long")
        paths = [path for path, _ in self.entries]
        if any(low >= high for low, high in pairwise(paths)):
            raise ProofInvalid("entries are not in ascending order of their paths")

    def encode(self) -> bytes:
        """Return the canonical bytes, at most PROOF_BYTES_MAX."""
        header = bytes((PROOF_FORMAT, len(self.nested), len(self.entries)))
        entries = [path + leaf for path, leaf in self.entries]
        return b"".join((header, *self.nested, *self.siblings, *entries))

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return the proof whose canonical bytes are `data`; raise ProofInvalid otherwise."""
        if not PROOF_HEADER_BYTES <= len(data) <= PROOF_BYTES_MAX:
            raise ProofInvalid(
                f"{len(data)} bytes, must be {PROOF_HEADER_BYTES}..{PROOF_BYTES_MAX}"
            )
        form, nested, count = data[0], data[1], data[2]
        if form != PROOF_FORMAT:
            raise ProofInvalid(f"format {form} is unknown, expected {PROOF_FORMAT}")
        size = PROOF_HEADER_BYTES + HASH_BYTES * (nested + SIBLINGS + 2 * count)
        if len(data) != size:
            raise ProofInvalid(f"{len(data)} bytes, the header announces {size}")
        hashes = tuple(
            data[at : at + HASH_BYTES] for at in range(PROOF_HEADER_BYTES, size, HASH_BYTES)
        )
        halves = hashes[nested + SIBLINGS :]
        entries = tuple(zip(halves[::2], halves[1::2], strict=True))
        return cls(hashes[:nested], hashes[nested : nested + SIBLINGS], entries)


def compute_path(key: bytes) -> bytes:
    """Return the 256 bits that place `key`, most significant bit first; raise KeyInvalid."""
    if not 1 <= len(key) <= KEY_BYTES_MAX:
        raise KeyInvalid(f"key of {len(key)} bytes, must be 1..{KEY_BYTES_MAX}")
    return sha256(TAG_PATH + key).digest()


def compute_leaf(key: bytes, value: bytes) -> bytes:
    """Return the hash that commits `key` and `value`; raise KeyInvalid, ValueInvalid."""
    if not 1 <= len(key) <= KEY_BYTES_MAX:
        raise KeyInvalid(f"key of {len(key)} bytes, must be 1..{KEY_BYTES_MAX}")
    if not 1 <= len(value) <= VALUE_BYTES_MAX:
        raise ValueInvalid(f"value of {len(value)} bytes, must be 1..{VALUE_BYTES_MAX}")
    sizes = len(key).to_bytes(1, "big") + len(value).to_bytes(2, "big")
    return sha256(TAG_LEAF + sizes + key + value).digest()


def verify_inclusion(root: bytes, key: bytes, value: bytes, proof: Proof) -> None:
    """Check that the state with `root` holds exactly `value` under `key`.

    Raise KeyInvalid, ValueInvalid, ProofInvalid, RootMismatch, KeyAbsent or ValueMismatch.
    """
    path, leaf = compute_path(key), compute_leaf(key, value)
    _require_root(root, path, proof)
    found = dict(proof.entries).get(path)
    if found is None:
        raise KeyAbsent(f"key {key.hex()} is not in the state with root {root.hex()}")
    if found != leaf:
        raise ValueMismatch(
            f"key {key.hex()} has another value in the state with root {root.hex()}"
        )


def verify_absence(root: bytes, key: bytes, proof: Proof) -> None:
    """Check that the state with `root` holds nothing under `key`.

    Raise KeyInvalid, ProofInvalid, RootMismatch or KeyPresent.
    """
    path = compute_path(key)
    _require_root(root, path, proof)
    if path in dict(proof.entries):
        raise KeyPresent(f"key {key.hex()} is in the state with root {root.hex()}")


def _require_root(root: bytes, path: bytes, proof: Proof) -> None:
    """Raise unless the proof's bucket, put where `path` says, leads to `root`."""
    tail = NESTED_MAX - len(proof.nested)
    place = int.from_bytes(path, "big") >> tail
    for other, _ in proof.entries:
        if int.from_bytes(other, "big") >> tail != place:
            raise ProofInvalid(f"entry {other.hex()} is not in the bucket of {path.hex()}")
    node = _compute_bucket(proof.entries)
    for sibling in proof.nested:
        pair = sibling + node if place & 1 else node + sibling
        node = sha256(TAG_NESTED + pair).digest()
        place >>= 1
    for at in range(0, SIBLINGS, SIBLINGS_PER_LEVEL):
        children = list(proof.siblings[at : at + SIBLINGS_PER_LEVEL])
        children.insert(place & SIBLINGS_PER_LEVEL, node)
        node = sha256(TAG_INNER + b"".join(children)).digest()
        place >>= CHILD_BITS
    if node != root:
        raise RootMismatch(f"proof leads to root {node.hex()}, not to {root.hex()}")


def _compute_bucket(entries: tuple[tuple[bytes, bytes], ...]) -> bytes:
    if not entries:
        return sha256(TAG_EMPTY).digest()
    return sha256(TAG_BUCKET + b"".join(path + leaf for path, leaf in entries)).digest()
