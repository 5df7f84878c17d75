"""What a signature worker answers, as plain tuples that marshal can carry, and back.

A verdict is `(0, tx_id, signer, scheme, body)` or `(code, detail)`. The raw bytes do not travel
back: the executor has them. Guarantees: `unpack_verdict(raw, pack_tx(tx)) == tx`; an error comes
back as the same class with the same text.
"""

from functools import partial
from typing import Any, Final, TypeAlias

from omg_abci.protocol.errors import CODES, FormatError
from omg_abci.protocol.messages import MESSAGES, SignedTx, TxBody
from omg_abci.protocol.tx import Verifier

Verdict: TypeAlias = tuple[Any, ...]

_KINDS: Final = {message: kind for kind, message in enumerate(MESSAGES)}
# Named tuples made by the base's constructor: a third of the time of calling the class.
_MAKE_LEG: Final[tuple[Any, ...]] = tuple(partial(tuple.__new__, message) for message in MESSAGES)
_MAKE_BODY: Final[Any] = partial(tuple.__new__, TxBody)
_MAKE_TX: Final[Any] = partial(tuple.__new__, SignedTx)
_DETAIL_CHARS_MAX: Final = 300
"""A detail may quote what a stranger sent."""


def compute_verdict(verifier: Verifier, raw: bytes) -> Verdict:
    """Verify a transaction and return the verdict."""
    try:
        return pack_tx(verifier.verify_tx(raw))
    except FormatError as error:
        return pack_error(error)


def pack_tx(tx: SignedTx) -> Verdict:
    """Return the verdict of a transaction that verifies."""
    body = tx.body
    legs = tuple([(_KINDS[type(leg)], tuple(leg)) for leg in body.legs])
    return (0, tx.tx_id, tx.signer, tx.scheme, (*body[:8], legs))


def pack_error(error: FormatError) -> Verdict:
    """Return the verdict of bytes that are no valid transaction."""
    detail = str(error).removeprefix(error.text).removeprefix(": ")
    return (error.code, detail[:_DETAIL_CHARS_MAX])


def unpack_verdict(raw: bytes, verdict: Verdict) -> SignedTx | FormatError:
    """Return the transaction, or the error that its verification raised."""
    if verdict[0]:
        error = CODES[verdict[0]](verdict[1])
        if not isinstance(error, FormatError):
            raise TypeError(f"a worker answered code {verdict[0]}, which says nothing of bytes")
        return error
    _, tx_id, signer, scheme, body = verdict
    make = _MAKE_LEG
    legs = tuple([make[kind](fields) for kind, fields in body[8]])
    tx: SignedTx = _MAKE_TX((raw, tx_id, signer, scheme, _MAKE_BODY((*body[:8], legs))))
    return tx
