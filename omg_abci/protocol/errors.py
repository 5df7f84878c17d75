"""Every way in which the chain says no: one class, one stable code.

Codes are consensus data (they are hashed into the next header) and append-only; texts are not.

    OmgError
    ├── InvariantBroken                 a bug: the process stops before it answers
    ├── BlockInvalid                    ProcessProposal rejects the block
    └── TxError                         .code, .text
        ├── FormatError      1 –  99    the bytes can never be valid; no state was looked at
        ├── AdmissionError 100 – 199    this state refuses the transaction; it may not enter a block
        ├── LegError      1000 – 2999   a leg failed; the transaction is in the block and pays
        └── TransientError ≥ 32000      refused for now by this node; may be sent again
"""

from typing import ClassVar


class OmgError(Exception):
    """Anything that this project raises on purpose."""


class InvariantBroken(OmgError):
    """The state machine contradicts itself; the process must stop before it answers."""


class BlockInvalid(OmgError):
    """A proposed block breaks a validity rule."""


class BlockFull(OmgError):
    """A transaction does not fit into the block any more; a later block may take it."""


class GenesisError(OmgError):
    """A genesis document cannot be made into a state; the text names the field."""


def require(condition: object, claim: str) -> None:
    """Raise `InvariantBroken` unless the condition holds (unlike assert, also under ``-O``)."""
    if not condition:
        raise InvariantBroken(claim)


class TxError(OmgError):
    """A transaction or one of its legs is refused."""

    code: ClassVar[int] = 0
    text: ClassVar[str] = ""

    def __init__(self, detail: str = "") -> None:
        """Keep what the texts of the class cannot say."""
        super().__init__(f"{self.text}: {detail}" if detail else self.text)


class FormatError(TxError):
    """The bytes can never be a valid transaction."""


class AdmissionError(TxError):
    """The committed state does not let the transaction into a block."""


class LegError(TxError):
    """A leg cannot be done."""


class TransientError(TxError):
    """This node cannot take the transaction now."""


# --- format -----------------------------------------------------------------------------------


class TxTooLarge(FormatError):
    code, text = 1, "transaction is larger than allowed"


class Undecodable(FormatError):
    code, text = 2, "bytes are not a SignedTx message"


class NotCanonical(FormatError):
    code, text = 3, "bytes are not canonical: re-serialising gives others, or a field is unknown"


class WrongChain(FormatError):
    code, text = 4, "transaction was signed for another chain"


class BadAddress(FormatError):
    code, text = 5, "address is not 20 bytes or is zero"


class UnknownScheme(FormatError):
    code, text = 6, "signing scheme is unknown"


class SchemeNotAllowed(FormatError):
    code, text = 7, "an owner's own key signs typed data only"


class NoLegs(FormatError):
    code, text = 8, "transaction has no legs"


class TooManyLegs(FormatError):
    code, text = 9, "transaction has too many legs"


class EmptyLeg(FormatError):
    code, text = 10, "a leg has no kind"


class BadSignatureLength(FormatError):
    code, text = 11, "signature is not 65 bytes"


class SignatureHighS(FormatError):
    code, text = 12, "signature's s is in the upper half of the order"


class SignatureBadV(FormatError):
    code, text = 13, "signature's v is neither 0 nor 1"


class SignatureOutOfRange(FormatError):
    code, text = 14, "signature's r or s is zero or not below the order"


class SignatureUnrecoverable(FormatError):
    code, text = 15, "no public key belongs to the signature"


class SignerMismatch(FormatError):
    code, text = 16, "signature is not the signer's"


class BadNonce(FormatError):
    code, text = 17, "nonce is zero or too large"


class BadAfter(FormatError):
    code, text = 18, "after is not below the nonce"


class BadAmount(FormatError):
    code, text = 19, "amount is zero, longer than 16 bytes or has a leading zero"


class BadToken(FormatError):
    code, text = 20, "token id is zero"


class BadMarket(FormatError):
    code, text = 21, "market id is zero"


class BadSubaccount(FormatError):
    code, text = 22, "subaccount is above 255"


class BadSide(FormatError):
    code, text = 23, "side is unknown"


class BadOrderType(FormatError):
    code, text = 24, "order type is unknown"


class BadTimeInForce(FormatError):
    code, text = 25, "time in force is unknown or does not go with the order type"


class BadPrice(FormatError):
    code, text = 26, "price is out of range"


class BadQuantity(FormatError):
    code, text = 27, "quantity is out of range"


class BadExpiry(FormatError):
    code, text = 28, "expiry is missing, or given where it has no meaning"


class BadClientId(FormatError):
    code, text = 29, "client id is zero"


class BadSelfTrade(FormatError):
    code, text = 30, "self-trade mode is unknown"


class BadMaxMatches(FormatError):
    code, text = 31, "max_matches is out of range"


class BadPostOnly(FormatError):
    code, text = 32, "post-only goes with resting limit orders only"


class NothingToAmend(FormatError):
    code, text = 33, "the amendment changes nothing"


class BadMaxOrders(FormatError):
    code, text = 34, "max_orders is out of range"


class BadScope(FormatError):
    code, text = 35, "scope is empty or has unknown bits"


class TransferToSelf(FormatError):
    code, text = 36, "sender and recipient are the same subaccount"


class BadUnitPrice(FormatError):
    code, text = 37, "max_unit_price is zero"


class AgentIsOwner(FormatError):
    code, text = 38, "an owner cannot be its own agent"


class BadValidity(FormatError):
    code, text = 39, "valid_until_ms is before the nonce or more than two days after it"


# --- admission --------------------------------------------------------------------------------


class StaleNonce(AdmissionError):
    code, text = 100, "nonce is too old"


class NonceAhead(AdmissionError):
    code, text = 101, "nonce is more than an hour ahead of the block time"


class NonceUsed(AdmissionError):
    code, text = 102, "nonce was used before"


class TxExpired(AdmissionError):
    code, text = 103, "transaction's validity has passed"


class AgentExpired(AdmissionError):
    code, text = 105, "agent's approval has expired"


class AgentScope(AdmissionError):
    code, text = 106, "agent's scope does not cover a leg"


class UnitPriceTooLow(AdmissionError):
    code, text = 107, "max_unit_price is below the price of a work unit"


class TooDear(AdmissionError):
    code, text = 108, "declared work is above what a block may hold"


# --- legs: accounts ---------------------------------------------------------------------------


class InsufficientFunds(LegError):
    code, text = 1000, "free balance is too small"


class UnknownToken(LegError):
    code, text = 1001, "token does not exist"


class TooManyAgents(LegError):
    code, text = 1002, "owner has as many agents as allowed"


class UnknownAgent(LegError):
    code, text = 1003, "owner has no such agent"


class AgentExpiryOutOfRange(LegError):
    code, text = 1004, "approval would end in the past or more than a year ahead"


class AgentRevoked(LegError):
    code, text = 1005, "agent was revoked earlier in the block"


class LegsRolledBack(LegError):
    code, text = 1006, "another leg of the atomic transaction failed"


# --- legs: exchange ---------------------------------------------------------------------------


class UnknownMarket(LegError):
    code, text = 2000, "market does not exist"


class QuantityBelowMinimum(LegError):
    code, text = 2001, "quantity is below the market's minimum"


class QuantityAboveMaximum(LegError):
    code, text = 2002, "quantity is above the market's maximum"


class CostOverflow(LegError):
    code, text = 2003, "cost is larger than any balance"


class OrderExpired(LegError):
    code, text = 2004, "expiry has passed"


class ExpiryTooFar(LegError):
    code, text = 2005, "expiry is more than a year ahead"


class PostOnlyWouldCross(LegError):
    code, text = 2006, "post-only order would cross the book"


class FillOrKillUnfilled(LegError):
    code, text = 2007, "order cannot be filled at once and in full"


class TooManyOpenOrders(LegError):
    code, text = 2008, "owner has as many open orders as allowed"


class CancelledBeforePlaced(LegError):
    code, text = 2009, "order was cancelled before it arrived"


class UnknownOrder(LegError):
    code, text = 2010, "owner has no such open order"


class OrderClosed(LegError):
    code, text = 2011, "order has already ended"


class AmendBelowFilled(LegError):
    code, text = 2012, "new quantity is not above what is filled"


class AmendExpiryNotAllowed(LegError):
    code, text = 2013, "only a good-till-time order has an expiry to amend"


class TooManyTombstones(LegError):
    code, text = 2014, "owner has as many tombstones as allowed"


# --- transient --------------------------------------------------------------------------------


class PoolFull(TransientError):
    code, text = 32_000, "the node's pool is full; send again later"


class AccountPoolFull(TransientError):
    code, text = 32_001, "the owner has as many transactions in the pool as allowed"


class AfterNotExecuted(TransientError):
    code, text = 32_002, "the transaction named by after has not been executed"


class FeesNotCovered(TransientError):
    code, text = 32_003, "free balance does not cover the fees of the owner's pending transactions"


class NodeBusy(TransientError):
    code, text = 32_004, "the node cannot take transactions now"


class NotAnAgent(TransientError):
    code, text = 32_005, "signer is not an agent of the owner at this height"


def get_error_classes() -> tuple[type[TxError], ...]:
    """Return every class that has a code, ascending by code."""
    found: list[type[TxError]] = []
    waiting: list[type[TxError]] = [TxError]
    while waiting:
        for child in waiting.pop().__subclasses__():
            waiting.append(child)
            if child.code:
                found.append(child)
    return tuple(sorted(found, key=lambda each: each.code))


CODES: dict[int, type[TxError]] = {each.code: each for each in get_error_classes()}
"""Code to class."""
