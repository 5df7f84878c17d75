"""Records under a header's app hash: what is right passes, every other piece is named."""

from collections.abc import Callable

import pytest

from omg_abci.protocol.crypto import compute_keccak, compute_sha256
from omg_abci.protocol.merkle import (
    KeyAbsent,
    KeyInvalid,
    KeyPresent,
    MerkleError,
    ProofInvalid,
    RootMismatch,
    ValueInvalid,
    ValueMismatch,
)
from omg_abci.protocol.proofs import (
    AppHashMismatch,
    OrderListMismatch,
    RecordProof,
    StateHeightMismatch,
    compute_state_height,
    require_state_height,
    verify_order_list,
    verify_record,
)
from tests import tree_model

CONTENTS = {b"\x04alice": b"100", b"\x04bob": b"200", b"\x01": b"block"}
ROOT = tree_model.compute_root(CONTENTS)
DIFF_HASH = b"\x22" * 32
NO_CHECKPOINT = bytes(32)
APP_HASH = compute_keccak(ROOT + DIFF_HASH + NO_CHECKPOINT)


def make_record(key: bytes) -> RecordProof:
    """Return what an honest node answers."""
    proof = tree_model.compute_proof(CONTENTS, key)
    return RecordProof(key, CONTENTS.get(key), ROOT, DIFF_HASH, NO_CHECKPOINT, proof)


@pytest.mark.parametrize("key", [*CONTENTS, b"\x04carol", b"\x01\x02"])
def test_honest_answers_pass(key: bytes) -> None:
    """Present and absent keys are proved by the same pieces."""
    verify_record(APP_HASH, make_record(key))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda it: it._replace(value=b"999"), ValueMismatch),
        (lambda it: it._replace(value=None), KeyPresent),
        (lambda it: it._replace(value=b""), ValueInvalid),
        (lambda it: it._replace(value=b"x" * 4_097), ValueInvalid),
        (lambda it: it._replace(key=b""), KeyInvalid),
        (lambda it: it._replace(key=b"k" * 65), KeyInvalid),
        (lambda it: it._replace(tree_root=b"\x33" * 32), AppHashMismatch),
        (lambda it: it._replace(tree_root=b"\x33" * 31), AppHashMismatch),
        (lambda it: it._replace(diff_hash=b"\x33" * 32), AppHashMismatch),
        (lambda it: it._replace(checkpoint_digest=b"\x33" * 32), AppHashMismatch),
        (lambda it: it._replace(checkpoint_digest=b""), AppHashMismatch),
        # The same 96 bytes, cut elsewhere: lengths are checked, not only their hash.
        (lambda it: it._replace(tree_root=ROOT + b"\x22", diff_hash=b"\x22" * 31), AppHashMismatch),
        (lambda it: it._replace(proof=b""), ProofInvalid),
        (lambda it: it._replace(proof=it.proof[:-1]), ProofInvalid),
        (lambda it: it._replace(proof=it.proof + b"\0"), ProofInvalid),
        (lambda it: it._replace(proof=it.proof[:40] + b"\xff" + it.proof[41:]), RootMismatch),
    ],
)
def test_each_wrong_piece_is_named(
    change: Callable[[RecordProof], RecordProof], error: type[MerkleError]
) -> None:
    """One wrong piece, one stable error."""
    with pytest.raises(error) as caught:
        verify_record(APP_HASH, change(make_record(b"\x04alice")))
    assert caught.value.code == error.code


def test_absent_key_cannot_be_given_a_value() -> None:
    """A record that is not there is not proved by the proof of its absence."""
    with pytest.raises(KeyAbsent):
        verify_record(APP_HASH, make_record(b"\x04carol")._replace(value=b"1"))


def test_another_headers_app_hash_is_refused() -> None:
    """Pieces that fit together prove nothing under another header."""
    with pytest.raises(AppHashMismatch):
        verify_record(compute_keccak(b"another"), make_record(b"\x04alice"))


@pytest.mark.parametrize(
    ("header", "interval", "state"),
    [(1, 4, 0), (4, 4, 0), (8, 4, 0), (9, 4, 4), (12, 4, 4), (13, 4, 8), (2, 1, 0), (10, 1, 8)],
)
def test_state_height_of_a_header(header: int, interval: int, state: int) -> None:
    """A header's app hash is that of the block before, whose root is one to two intervals old."""
    assert compute_state_height(header, interval) == state
    require_state_height(header, state, interval)
    with pytest.raises(StateHeightMismatch):
        require_state_height(header, state + interval, interval)


ORDERS = {b"\x07one": b"1", b"\x07two": b"2", b"\x07three": b"3"}
ORDERS_SUM = sum(
    int.from_bytes(compute_sha256(key + value), "big") for key, value in ORDERS.items()
) % (1 << 256)


def test_a_complete_order_list_passes() -> None:
    """All open orders, in any order, have the record's count and sum; none at all are zero."""
    verify_order_list(3, ORDERS_SUM, dict(reversed(ORDERS.items())))
    verify_order_list(0, 0, {})


@pytest.mark.parametrize(
    "orders",
    [
        {key: ORDERS[key] for key in list(ORDERS)[:2]},
        ORDERS | {b"\x07four": b"4"},
        ORDERS | {b"\x07one": b"9"},
    ],
)
def test_other_order_lists_are_refused(orders: dict[bytes, bytes]) -> None:
    """A missing, an additional and a stale order are each noticed."""
    with pytest.raises(OrderListMismatch):
        verify_order_list(3, ORDERS_SUM, orders)
