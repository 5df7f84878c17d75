"""The one order in which transactions may stand in a block (docs/spec/blocks.md)."""

from collections.abc import Sequence
from enum import IntEnum
from operator import attrgetter, itemgetter
from typing import Final

from omg_abci.protocol.crypto import compute_keccak
from omg_abci.protocol.messages import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    PlaceOrder,
    SetSwitch,
    SignedTx,
    UseFeeOffer,
    UseSponsorship,
)
from omg_abci.protocol.units import Hash, OrderType

_TRIGGERED: Final = (int(OrderType.STOP_LIMIT), int(OrderType.TAKE_PROFIT))
_CANCELS: Final = (CancelOrder, CancelAll, SetSwitch, UseSponsorship, UseFeeOffer)
"""What leaves a transaction in the first class; naming who pays does nothing in the book."""
_get_nonce_and_signer = attrgetter("body.nonce", "signer")
_get_key = itemgetter(0)


class TxClass(IntEnum):
    """Cancels come first, then what can only rest or wait, then the rest."""

    CANCELS = 0
    RESTING = 1
    OTHER = 2


# Plain numbers: a member is looked up and compared several times slower.
_CANCELS_CLASS: Final = int(TxClass.CANCELS)
_RESTING_CLASS: Final = int(TxClass.RESTING)
_OTHER_CLASS: Final = int(TxClass.OTHER)
_CLASS_BYTES: Final = tuple([bytes([each]) for each in TxClass])


def compute_class(tx: SignedTx) -> int:
    """Return a transaction's own class."""
    found = _CANCELS_CLASS
    for leg in tx.body.legs:
        if isinstance(leg, PlaceOrder):
            rests = leg.post_only > 0 or leg.order_type in _TRIGGERED
        elif isinstance(leg, _CANCELS):
            continue
        else:
            rests = isinstance(leg, AmendOrder) and leg.price == 0
        if not rests:
            return _OTHER_CLASS
        found = _RESTING_CLASS
    return found


def compute_order(previous_hash: Hash, txs: Sequence[SignedTx]) -> list[SignedTx]:
    """Return the transactions in canonical order.

    That is by class, keccak(previous hash ‖ owner), nonce and signer, where a class is at least
    that of the owner's transactions before. So an owner's transactions of one class are a run
    that stays together, and runs are sorted instead of transactions: 1.1 µs each instead of 2.2.
    """
    by_owner: dict[bytes, list[SignedTx]] = {}
    for tx in txs:
        owner = tx.body.owner
        own = by_owner.get(owner)
        if own is None:
            by_owner[owner] = [tx]
        else:
            own.append(tx)
    runs: list[tuple[bytes, list[SignedTx]]] = []
    for owner, own in by_owner.items():
        place = compute_keccak(previous_hash + owner)
        if len(own) > 1:
            own.sort(key=_get_nonce_and_signer)
        start, highest = 0, compute_class(own[0])
        for at in range(1, len(own)):
            if highest == _OTHER_CLASS:
                break
            found = compute_class(own[at])
            if found > highest:
                runs.append((_CLASS_BYTES[highest] + place, own[start:at]))
                start, highest = at, found
        runs.append((_CLASS_BYTES[highest] + place, own[start:] if start else own))
    runs.sort(key=_get_key)
    return [tx for _, run in runs for tx in run]
