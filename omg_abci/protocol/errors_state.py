"""Refusals by a state or by a node: admission, legs and transient ones.

Everything is imported from `omg_abci.protocol.errors`.
"""

from omg_abci.protocol.errors_tree import AdmissionError, LegError, TransientError

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


class NotIssuer(LegError):
    code, text = 1007, "only the token's issuer may do this, and nobody with a token of genesis"


class TokenNotMintable(LegError):
    code, text = 1008, "the token was created as one that cannot be minted"


class TokenNotBurnable(LegError):
    code, text = 1009, "the token is not one that its holders may burn"


class SupplyAboveCap(LegError):
    code, text = 1010, "there would be more of the token than its cap"


class DepositNotCovered(LegError):
    code, text = 1011, "free balance does not cover the deposit of the record"


class SymbolTaken(LegError):
    code, text = 1012, "another token has the symbol"


class TooManyTokens(LegError):
    code, text = 1013, "there are as many tokens as allowed"


class TokenInUse(LegError):
    code, text = 1014, "somebody has some of the token, or a market trades it"


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


class ExpiryHeightPassed(LegError):
    code, text = 2015, "expiry height has passed"


class ExpiryHeightTooFar(LegError):
    code, text = 2016, "expiry height is more than about a year ahead"


class TriggerOnWrongSide(LegError):
    code, text = 2017, "trigger price is already reached or lies on the wrong side"


class DisplayBelowMinimum(LegError):
    code, text = 2018, "display quantity is below the market's minimum"


class SwitchInPast(LegError):
    code, text = 2019, "switch time has passed"


class SwitchTooFar(LegError):
    code, text = 2020, "switch time is more than a day ahead"


class SwitchFiring(LegError):
    code, text = 2021, "the owner's switch has fired and is cancelling orders"


class MarketInAuction(LegError):
    code, text = 2022, "market collects a call auction: no immediate or cancel, no fill or kill"


class PostOnlyInAuction(LegError):
    code, text = 2023, "market collects a call auction: no post-only"


class MarketUncrossing(LegError):
    code, text = 2024, "market is executing its call auction"


class MarketCancelOnly(LegError):
    code, text = 2025, "market takes cancellations only"


class MarketDelisting(LegError):
    code, text = 2026, "market is being delisted"


class PostOnlyPeriod(LegError):
    code, text = 2027, "the chain has just resumed: only post-only orders rest for now"


class PostOnlyInBatch(LegError):
    code, text = 2028, "post-only has no meaning in a market of batch auctions"


class SlideOutOfRange(LegError):
    code, text = 2029, "no price is left to slide to"


class NotMarketCreator(LegError):
    code, text = 2030, "only the market's creator may change it"


class MarketActionNotPossible(LegError):
    code, text = 2031, "the market's status does not allow the action"


class TooManyMarkets(LegError):
    code, text = 2032, "there are as many markets as allowed"


class BondNotCovered(LegError):
    code, text = 2033, "free balance does not cover the bond of a market"


class LotAboveSupply(LegError):
    code, text = 2034, "the smallest order is larger than the token's supply"


class AmendTriggerNotAllowed(LegError):
    code, text = 2035, "only an order that waits for its trigger has one to amend"


class AmendDisplayNotAllowed(LegError):
    code, text = 2036, "only an iceberg order has a display quantity to amend"


class AmendHeightNotAllowed(LegError):
    code, text = 2037, "only a good-till-height order has an expiry height to amend"


class AmendPostOnlyNotAllowed(LegError):
    code, text = 2038, "post-only does not go with the order"


class AmendTimeInForceNotAllowed(LegError):
    code, text = 2039, "an immediate order's time in force cannot be amended"


# --- legs: payments ---------------------------------------------------------------------------


class AllowanceExceeded(LegError):
    code, text = 4000, "amount is above what the agent may still pay of the token"


class DailyAllowanceExceeded(LegError):
    code, text = 4001, "amount is above what the agent may still pay of the token on this day"


class TooManyAllowances(LegError):
    code, text = 4002, "the agent has allowances for as many tokens as allowed"


class UnknownRequest(LegError):
    code, text = 4003, "payment request does not exist, was closed or used up"


class RequestExists(LegError):
    code, text = 4004, "owner has an open payment request of that number"


class RequestExpiryOutOfRange(LegError):
    code, text = 4005, "payment request would end in the past or more than a year ahead"


class RequestExpired(LegError):
    code, text = 4006, "payment request has expired"


class RequestDiffers(LegError):
    code, text = 4007, "token or amount is not what the payment request asks for"


class PayerCapExceeded(LegError):
    code, text = 4008, "payer would pay more than the payment request takes of one"


class TooManyLimits(LegError):
    code, text = 4011, "owner has limits for as many tokens as allowed"


class DailyLimitExceeded(LegError):
    code, text = 4012, "amount is above what the owner's account may still pay on this day"


class RecipientNotAllowed(LegError):
    code, text = 4013, "the owner's account does not pay this recipient, or not yet"


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
