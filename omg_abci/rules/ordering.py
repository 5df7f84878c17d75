"""The one order in which transactions may stand in a block (docs/spec/blocks.md)."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from omg_abci.protocol.crypto import compute_keccak
from omg_abci.protocol.messages import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    PlaceOrder,
    SetSwitch,
    SignedTx,
)
from omg_abci.protocol.units import Hash, OrderType

_TRIGGERED: Final = (int(OrderType.STOP_LIMIT), int(OrderType.TAKE_PROFIT))


class TxClass(IntEnum):
    """Cancels come first, then what can only rest or wait, then the rest."""

    CANCELS = 0
    RESTING = 1
    OTHER = 2


def compute_class(tx: SignedTx) -> int:
    """Return a transaction's own class."""
    found = TxClass.CANCELS
    for leg in tx.body.legs:
        if isinstance(leg, CancelOrder | CancelAll | SetSwitch):
            continue
        if isinstance(leg, PlaceOrder):
            rests = leg.post_only > 0 or leg.order_type in _TRIGGERED
        else:
            rests = isinstance(leg, AmendOrder) and leg.price == 0
        if not rests:
            return TxClass.OTHER
        found = TxClass.RESTING
    return found


def compute_order(previous_hash: Hash, txs: Sequence[SignedTx]) -> list[SignedTx]:
    """Return the transactions in canonical order."""
    by_owner: dict[bytes, list[SignedTx]] = {}
    for tx in txs:
        by_owner.setdefault(tx.body.owner, []).append(tx)
    keyed: list[tuple[int, bytes, int, bytes, SignedTx]] = []
    for owner, own in by_owner.items():
        place = compute_keccak(previous_hash + owner)
        own.sort(key=_get_nonce_and_signer)
        highest = 0
        for tx in own:
            highest = max(highest, compute_class(tx))
            keyed.append((highest, place, tx.body.nonce, tx.signer, tx))
    keyed.sort(key=_get_sort_key)
    return [each[4] for each in keyed]


def _get_nonce_and_signer(tx: SignedTx) -> tuple[int, bytes]:
    return tx.body.nonce, tx.signer


def _get_sort_key(
    keyed: tuple[int, bytes, int, bytes, SignedTx],
) -> tuple[int, bytes, int, bytes]:
    return keyed[:4]
