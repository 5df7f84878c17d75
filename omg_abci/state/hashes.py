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
        if value is None:
            parts += (_KEY_SIZES[len(key)], key, _DELETED)
        else:
            size = len(value)
            prefix = _VALUE_SIZES[size] if size < _SIZES_END else _encode_value_size(size)
            parts += (_KEY_SIZES[len(key)], key, prefix, value)
    return b"".join(parts)


def _encode_value_size(size: int) -> bytes:
    return (size + 1).to_bytes(4, "big")


_SIZES_END: Final = 256
_KEY_SIZES: Final = tuple([size.to_bytes(2, "big") for size in range(_SIZES_END)])
"""Keys are at most 255 bytes; looking a length up takes a third of the time of encoding it."""
_VALUE_SIZES: Final = tuple([_encode_value_size(size) for size in range(_SIZES_END)])
_DELETED: Final = bytes(4)


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
