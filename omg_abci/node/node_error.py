"""How a client of the node API is told no: one error for a call, one for a transaction."""

from typing import Any, Final

import grpc

from omg_abci.node.submissions import SUBMIT_BYTES_MAX, SUBMIT_TXS_MAX
from omg_abci.protocol.errors import CODES, OmgError

_HINTS: Final = {
    "UNAVAILABLE": "start the node, or ask another one; then send again",
    "DEADLINE_EXCEEDED": "connect again and go on; nothing that was accepted is lost",
    "RESOURCE_EXHAUSTED": "ask again in a second, with fewer calls at a time",
    "INVALID_ARGUMENT": "correct the request: the same bytes are refused again",
    "OUT_OF_RANGE": "ask within the range that the text names",
}
_CODE_HINTS: Final = {
    "PoolFull": "send it again after the time that the node names, or to another node",
    "NodeBusy": "send it again after the time that the node names, or to another node",
    "AccountPoolFull": "wait until blocks took some of the owner's pending transactions",
    "AfterNotExecuted": "send the transaction that it names by `after` first",
    "FeesNotCovered": "give the owner more of the fee token, or wait for its pending transactions",
    "NotSponsored": "the sponsor grants it first, or the owner pays: leave the sponsor away",
    "SponsorshipExhausted": "the sponsor grants more, or the owner pays: leave the sponsor away",
    "SponsorWithoutFunds": "the sponsor needs more of the fee token in its subaccount 0",
    "FeeNotOffered": "ask ListFeeOffers for others, or let the owner pay: leave the offer away",
    "FeeOfferTooDear": "sign a higher max_amount, or name another offer",
    "FeeOfferExhausted": "the provider offers more, or name another offer",
    "ProviderWithoutFunds": "the provider needs more of the fee token in its subaccount 0",
    "FeeTokensNotCovered": "the owner needs more of the token in its subaccount 0",
    "FeeOfferLimited": "an account that limits what it pays of a token pays no fees in it",
    "ProviderNotAllowed": "the account names the provider among its recipients a day before",
    "NotAnAgent": "the owner approves the signer first; the approval may be in the next block",
    "KeyReplaced": "sign with the key that its guardians gave the account",
    "NonceUsed": "it may have been executed already: look for its id in the blocks",
}
TRANSIENT_CODE: Final = 32_000
"""From here on the node refuses for now, and the same bytes may be sent again."""


class NodeError(OmgError):
    """The node refused a request or cannot be reached."""

    def __init__(self, code: str, text: str) -> None:
        """Keep the name of the gRPC status, such as NOT_FOUND, beside its text."""
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text

    @property
    def hint(self) -> str:
        """Return what to do next, or nothing where the text says it."""
        return _HINTS.get(self.code, "")


class TxRefused(OmgError):
    """A transaction was not acknowledged."""

    def __init__(self, code: int, log: str, tx_id: bytes) -> None:
        """Keep the number of the refusal, its log and the id, empty where it is not known."""
        known = CODES.get(code)
        self.code = code
        self.name = known.__name__ if known else str(code)
        self.text = log or (known.text if known else "refused")
        self.tx_id = tx_id
        super().__init__(f"{self.name}: {self.text}")

    @property
    def is_transient(self) -> bool:
        """Tell whether the same bytes may be taken later."""
        return self.code >= TRANSIENT_CODE

    @property
    def hint(self) -> str:
        """Return what to do next, or nothing where the text says it."""
        return _CODE_HINTS.get(self.name, "")


def translate(reason: Any) -> NodeError:  # noqa: ANN401 - grpc's own type lacks both methods
    """Return the error for a failed call."""
    code = reason.code()
    status = code if isinstance(code, grpc.StatusCode) else grpc.StatusCode.UNKNOWN
    return NodeError(status.name, reason.details() or "")


def require_size(raw: bytes) -> None:
    """Refuse what no request can hold; raise NodeError."""
    if len(raw) > SUBMIT_BYTES_MAX:
        text = f"a transaction of {len(raw)} bytes; a request holds {SUBMIT_BYTES_MAX}"
        raise NodeError("INVALID_ARGUMENT", f"{text} and {SUBMIT_TXS_MAX} transactions")
