"""Refusals of bytes and fields, codes 1 – 99: no state was looked at.

Everything is imported from `omg_abci.protocol.errors`.
"""

from omg_abci.protocol.errors_tree import FormatError

# --- envelope, body and fields ---


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
    code, text = 25, "time in force is unknown"


class BadPrice(FormatError):
    code, text = 26, "price is out of range"


class BadQuantity(FormatError):
    code, text = 27, "quantity is out of range"


class BadExpiry(FormatError):
    code, text = 28, "expiry is missing"


class BadClientId(FormatError):
    code, text = 29, "client id is zero"


class BadSelfTrade(FormatError):
    code, text = 30, "self-trade mode is unknown"


class BadMaxMatches(FormatError):
    code, text = 31, "max_matches is out of range"


class BadPostOnly(FormatError):
    code, text = 32, "post-only mode is unknown"


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


# --- orders and markets ---


class MarketOrderRests(FormatError):
    code, text = 40, "a market order cannot rest: it is immediate or cancel, or fill or kill"


class IcebergImmediate(FormatError):
    code, text = 41, "an iceberg order rests: it is not immediate or cancel, nor fill or kill"


class PostOnlyImmediate(FormatError):
    code, text = 42, "a post-only order rests: it is not immediate or cancel, nor fill or kill"


class PostOnlyTriggered(FormatError):
    code, text = 43, "post-only does not go with an order that waits for a trigger"


class BadDisplay(FormatError):
    code, text = 44, "display is out of range: an iceberg order shows 1 lot to its whole quantity"


class DisplayNotAllowed(FormatError):
    code, text = 45, "only an iceberg order has a display quantity"


class BadTrigger(FormatError):
    code, text = 46, "trigger price is out of range"


class TriggerNotAllowed(FormatError):
    code, text = 47, "only a stop-limit or take-profit order has a trigger price"


class ExpiryNotAllowed(FormatError):
    code, text = 48, "only a good-till-time order has an expiry time"


class BadExpiryHeight(FormatError):
    code, text = 49, "expiry height is missing"


class HeightNotAllowed(FormatError):
    code, text = 50, "only a good-till-height order has an expiry height"


class AmendImmediate(FormatError):
    code, text = 51, "a resting order cannot become immediate or cancel, nor fill or kill"


class SameTokens(FormatError):
    code, text = 52, "a market's base and quote are the same token"


class BadUnit(FormatError):
    code, text = 53, "unit is not 1, 2, 5 or 25 times a power of ten, or out of range"


class BadLots(FormatError):
    code, text = 54, "smallest and largest quantity are out of range or out of order"


class BadMarketMode(FormatError):
    code, text = 55, "market mode is unknown"


class BadBand(FormatError):
    code, text = 56, "price band is neither 0 nor 100 to 5,000 basis points"


class BadAuctionTime(FormatError):
    code, text = 57, "auction time is not one second to a day"


class BadMarketAction(FormatError):
    code, text = 58, "market action is unknown"


# --- staking ---


class BadPublicKey(FormatError):
    code, text = 60, "consensus key is not a compressed secp256k1 public key of 33 bytes"


class BadMoniker(FormatError):
    code, text = 61, "moniker is not 1 to 64 bytes of printable text"


class BadCommission(FormatError):
    code, text = 62, "commission, its maximum or its step is out of range or out of order"


class SameValidator(FormatError):
    code, text = 63, "stake moves to the validator that it is with"


class BadParameter(FormatError):
    code, text = 64, "there is no such number to vote on"


class BadVote(FormatError):
    code, text = 65, "vote is out of the number's bounds, or between two steps of the grid"


# --- tokens and payments; 66 – 79 are left for other families ---


class BadSymbol(FormatError):
    code, text = 80, "symbol is not 1 to 16 capital letters and digits"


class BadDecimals(FormatError):
    code, text = 81, "a token has at most 36 decimals"


class BadCap(FormatError):
    code, text = 82, "cap is zero, below the supply, or not the supply of what cannot be minted"


class BadMemo(FormatError):
    code, text = 83, "memo is longer than 64 bytes"


class BadRequestId(FormatError):
    code, text = 84, "the payment request's number is zero"


class BadUses(FormatError):
    code, text = 85, "uses are zero, or above 64 where each payer has a cap"


class SponsorIsOwner(FormatError):
    code, text = 86, "an owner cannot be its own sponsor"


class SponsorshipNotFirst(FormatError):
    code, text = 87, "a sponsor is named by the first leg and by no other"


class BadGuardians(FormatError):
    code, text = 88, "guardians are more than 8, or do not ascend"


class BadThreshold(FormatError):
    code, text = 89, "threshold is zero, or more than there are guardians"


class BadRecoveryDelay(FormatError):
    code, text = 90, "a recovery's delay is less than a minute or more than thirty days"


class GuardianIsOwner(FormatError):
    code, text = 91, "an owner cannot be its own guardian"


class KeyIsAccount(FormatError):
    code, text = 92, "an account's own address cannot become its new key"


class BadRecipients(FormatError):
    code, text = 93, "recipients are more than 16, or do not ascend"


class BadRate(FormatError):
    code, text = 94, "rate of a fee offer is zero or above 2^64 - 1, or not zero where it ends"


class ProviderIsOwner(FormatError):
    code, text = 95, "an owner cannot take its own fee offer"


class FeeOfferNotFirst(FormatError):
    code, text = 96, "a fee offer is named by the first leg and by no other"
