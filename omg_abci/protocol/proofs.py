"""Check a record, or that there is none, against the app hash that a block header carries.

app_hash(h) = keccak256(tree_root ‖ diff_hash ‖ checkpoint_digest), and the header of h + 1 carries
it; the tree root is that of the state at an earlier multiple of the root interval. Whoever
trusts a header needs nothing else of the node that answered. docs/spec/proofs.md has the steps.

Errors beside those of protocol/merkle:

    MerkleError
    ├─ AppHashMismatch      proofs.app_hash_mismatch      the pieces are not those of the header
    ├─ StateHeightMismatch  proofs.state_height_mismatch  the root is not of the claimed height
    └─ OrderListMismatch    proofs.order_list_mismatch    not the open orders that a record counts
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from omg_abci.protocol.crypto import compute_keccak, compute_sha256
from omg_abci.protocol.merkle import MerkleError, Proof, verify_absence, verify_inclusion
from omg_abci.protocol.units import HASH_BYTES, Hash, Height

_SUM_MASK: Final = (1 << 256) - 1
_PIECES: Final = ("tree_root", "diff_hash", "checkpoint_digest")


class AppHashMismatch(MerkleError):
    """The hashes beside the proof do not make the header's app hash."""

    code = "proofs.app_hash_mismatch"


class StateHeightMismatch(MerkleError):
    """The header's app hash holds the root of another height than the one claimed."""

    code = "proofs.state_height_mismatch"


class OrderListMismatch(MerkleError):
    """The orders are not those that the account's or market's record counts and sums."""

    code = "proofs.order_list_mismatch"


class RecordProof(NamedTuple):
    """What a node answers when it is asked for a record with its proof."""

    key: bytes
    value: bytes | None
    """None claims that there is no record."""
    tree_root: Hash
    diff_hash: Hash
    checkpoint_digest: Hash
    proof: bytes
    """The bytes of a `merkle.Proof`."""


def verify_record(app_hash: Hash, record: RecordProof) -> None:
    """Check that the state under a header's app hash holds exactly this, or nothing.

    The app hash must come from a header that the caller trusts. Raise, in this order:
    AppHashMismatch, ProofInvalid, KeyInvalid, ValueInvalid, RootMismatch, and KeyAbsent or
    ValueMismatch for a record, KeyPresent for its absence.
    """
    for name, piece in zip(_PIECES, record[2:5], strict=True):
        if len(piece) != HASH_BYTES:
            raise AppHashMismatch(f"{name} has {len(piece)} bytes, must be {HASH_BYTES}")
    found = compute_keccak(record.tree_root + record.diff_hash + record.checkpoint_digest)
    if found != app_hash:
        raise AppHashMismatch(f"the pieces make {found.hex()}, the header has {app_hash.hex()}")
    proof = Proof.decode(record.proof)
    if record.value is None:
        verify_absence(record.tree_root, record.key, proof)
    else:
        verify_inclusion(record.tree_root, record.key, record.value, proof)


def compute_state_height(header_height: Height, root_interval: int) -> Height:
    """Return the block whose state a header's app hash describes; header heights begin at 1."""
    return max(0, (header_height - 1) // root_interval - 1) * root_interval


def require_state_height(header_height: Height, state_height: Height, root_interval: int) -> None:
    """Raise StateHeightMismatch unless the header's app hash describes the state of that height.

    The root interval is a field of genesis and of the block record, which can be proved.
    """
    expected = compute_state_height(header_height, root_interval)
    if state_height != expected:
        raise StateHeightMismatch(
            f"header {header_height} holds the root of height {expected}, not of {state_height}"
        )


def verify_order_list(count: int, orders_sum: int, orders: Mapping[bytes, bytes]) -> None:
    """Check a list of open orders against the count and sum of an account or market record.

    `orders` maps each order's state key to its record. This finds what was forgotten or is stale;
    a node that lies could search for other records with the same sum, so against it each order is
    proved by itself as well: then count alone makes the list complete. Raise OrderListMismatch.
    """
    if len(orders) != count:
        raise OrderListMismatch(f"{len(orders)} orders, the record counts {count}")
    found = 0
    for key, value in orders.items():
        found += int.from_bytes(compute_sha256(key + value), "big")
    if found & _SUM_MASK != orders_sum:
        raise OrderListMismatch("the orders do not add up to the record's sum")
