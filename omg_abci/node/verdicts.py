"""What a signature worker answers, as plain values that marshal can carry, and back.

A verdict is `[0, tx_id, signer, scheme, body, work, scopes]` or `(code, detail)`. The raw bytes do
not travel back: the executor has them. Lists are what the executor completes in place: no copy is
made before the last one. Guarantees: `unpack_verdicts([raw], [pack_tx(tx)]) == [tx]`; an error
comes back as the same class with the same text.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

from omg_abci.protocol.errors import CODES, FormatError
from omg_abci.protocol.messages import MESSAGES, SignedTx, TxBody
from omg_abci.protocol.tx import Verifier

Verdict: TypeAlias = Sequence[Any]

_KINDS: Final = {message: kind for kind, message in enumerate(MESSAGES)}
# Named tuples made by the base's constructor: a third of the time of calling the class.
_MAKE_LEG: Final[tuple[Any, ...]] = tuple(partial(tuple.__new__, message) for message in MESSAGES)
_MAKE_BODY: Final[Any] = partial(tuple.__new__, TxBody)
_MAKE_TX: Final[Any] = partial(tuple.__new__, SignedTx)
_BODY: Final = 4
"""Where the body is in a verdict, and in a transaction."""
_LEGS: Final = 8
"""Where the legs are in a body."""
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
    body = list(tx.body)
    body[_LEGS] = [(_KINDS[type(leg)], tuple(leg)) for leg in tx.body.legs]
    return [0, tx.tx_id, tx.signer, tx.scheme, body, tx.work, tx.scopes]


def pack_error(error: FormatError) -> Verdict:
    """Return the verdict of bytes that are no valid transaction."""
    detail = str(error).removeprefix(error.text).removeprefix(": ")
    return (error.code, detail[:_DETAIL_CHARS_MAX])


def unpack_verdicts(raws: Iterable[bytes], verdicts: Iterable[Any]) -> list[SignedTx | FormatError]:
    """Return for each the transaction, or the error that its verification raised.

    The verdicts are used up; there may be more of them than of the bytes.
    """
    make_leg, make_body, make_tx = _MAKE_LEG, _MAKE_BODY, _MAKE_TX
    results: list[SignedTx | FormatError] = []
    # The bytes come first: when they end, no verdict was taken for nothing.
    for raw, verdict in zip(raws, verdicts, strict=False):
        if verdict[0]:
            results.append(_unpack_error(verdict))
            continue
        body = verdict[_BODY]
        legs = body[_LEGS]
        if len(legs) == 1:
            ((kind, fields),) = legs
            body[_LEGS] = (make_leg[kind](fields),)
        else:
            body[_LEGS] = tuple([make_leg[kind](fields) for kind, fields in legs])
        verdict[0] = raw
        verdict[_BODY] = make_body(body)
        results.append(make_tx(verdict))
    return results


def _unpack_error(verdict: Verdict) -> FormatError:
    error = CODES[verdict[0]](verdict[1])
    if not isinstance(error, FormatError):
        raise TypeError(f"a worker answered code {verdict[0]}, which says nothing of bytes")
    return error
