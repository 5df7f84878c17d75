"""The hashes that make a divergence visible: of a block's diff, and of the whole (app hash).

docs/spec/state.md#diff-and-hashes has the exact bytes.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

from omg_abci.protocol.crypto import compute_keccak
from omg_abci.protocol.units import Hash

DiffEntry = tuple[bytes, bytes | None]
"""A key and its new value; None deletes."""

NO_CHECKPOINT: Final = bytes(32)
"""The checkpoint digest of a chain without a bridge."""
_GENESIS_PREFIX: Final = b"OMG genesis v1"


def encode_diff(diff: Iterable[DiffEntry]) -> bytes:
    """Return the canonical bytes of a diff that is ascending by key."""
    parts: list[bytes] = []
    for key, value in diff:
        parts.append(len(key).to_bytes(2, "big"))
        parts.append(key)
        if value is None:
            parts.append(b"\0\0\0\0")
        else:
            parts.append((len(value) + 1).to_bytes(4, "big"))
            parts.append(value)
    return b"".join(parts)


def compute_diff_hash(previous: Hash, diff: Iterable[DiffEntry]) -> Hash:
    """Return the hash chain's next link."""
    return hashlib.sha256(previous + encode_diff(diff)).digest()


def compute_genesis_diff_hash(records: Iterable[tuple[bytes, bytes]]) -> Hash:
    """Return the hash chain's first link, over the records ascending by key."""
    return hashlib.sha256(_GENESIS_PREFIX + encode_diff(records)).digest()


def compute_app_hash(
    tree_root: Hash, diff_hash: Hash, checkpoint_digest: Hash = NO_CHECKPOINT
) -> Hash:
    """Return what FinalizeBlock answers and the next header carries."""
    return compute_keccak(tree_root + diff_hash + checkpoint_digest)


def compute_root_height(height: int, root_interval: int) -> int:
    """Return the height whose state's tree root is in the app hash of ``height``."""
    return max(0, height // root_interval - 1) * root_interval
