"""Fees paid in another token, by somebody's standing offer (docs/spec/fee-offers.md).

An offer is a record; a transaction names it in its first leg, with the most that it may cost. The
terms are those of the state before the block, so that block validity and execution agree on them.
"""

from typing import NamedTuple

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import SetFeeOffer, UseFeeOffer
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.units import Address, Amount, Millis
from omg_abci.rules.context import LegContext
from omg_abci.rules.expired_records import release_record
from omg_abci.state import schema
from omg_abci.state.keyed_records import FeeOfferRecord, LimitsRecord
from omg_abci.state.objects import Balance
from omg_abci.state.recipients import RecipientsRecord
from omg_abci.state.working import WorkingState


class Swap(NamedTuple):
    """What a fee costs by an offer, and what there is to pay it from."""

    cost: Amount
    """Of the token."""
    left: Amount
    """Fees that the offer still pays."""
    funds: Amount
    """What the provider has free of the fee token."""
    tokens: Amount
    """What the owner has free of the token."""
    fees: Amount
    """The largest fee that the owner's tokens pay."""


def process_set_fee_offer(state: WorkingState, ctx: LegContext, msg: SetFeeOffer) -> LegResult:
    """Make, replace or end an offer.

    Raise UnknownFeeOffer, FeeTokenOffered, UnknownToken, FeeOfferExpiryOutOfRange,
    DepositNotCovered.
    """
    ctx.work += limits.WORK_SPONSORSHIP
    owner = ctx.account.owner
    key = schema.compute_fee_offer_key(owner, msg.token)
    known = state.find_record(FeeOfferRecord, key)
    held = 0 if known is None else known.deposit
    if not msg.total:
        if known is None:
            raise errors.UnknownFeeOffer
        release_record(state, key)
        return LegResult()
    if msg.token == state.fee_token:
        raise errors.FeeTokenOffered
    if msg.token not in state.tokens:
        raise errors.UnknownToken(str(msg.token))
    if not 0 < msg.expires_ms - state.time_ms <= limits.FEE_OFFER_AHEAD_MAX_MS:
        raise errors.FeeOfferExpiryOutOfRange
    deposit = held or -(-state.market_bond // limits.RECORDS_PER_BOND)
    if state.get_free(owner, 0, state.fee_token) < deposit - held:
        raise errors.DepositNotCovered

    locked = deposit - held
    state.change_balance(state.get_balance(owner, 0, state.fee_token), -locked, locked)
    offer = FeeOfferRecord(msg.tokens, msg.per, msg.total, msg.expires_ms, deposit)
    state.set_expiring(key, offer)
    return LegResult()


def process_use_fee_offer(_: WorkingState, ctx: LegContext, __: UseFeeOffer) -> LegResult:
    """Do nothing: what the fee costs was settled before the first leg."""
    ctx.work += limits.WORK_FEE_SWAP
    return LegResult()


def require_fee_offer(
    state: WorkingState, use: UseFeeOffer, owner: Address, fee: Amount, time_ms: Millis
) -> Swap:
    """Return what a fee costs, and what offer, provider and owner can pay.

    Raise FeeNotOffered, FeeOfferTooDear, FeeOfferExhausted, ProviderWithoutFunds,
    FeeTokensNotCovered, FeeOfferLimited, ProviderNotAllowed.
    """
    key = schema.compute_fee_offer_key(use.provider, use.token)
    offer = state.find_record(FeeOfferRecord, key)
    if offer is None or offer.expires_ms <= time_ms:
        raise errors.FeeNotOffered
    cost = offer.compute_cost_ceil(fee)
    if cost > use.max_amount:
        raise errors.FeeOfferTooDear(f"{cost}, at most {use.max_amount}")
    if offer.left < fee:
        raise errors.FeeOfferExhausted
    funds = state.get_free(use.provider, 0, state.fee_token)
    if funds < fee:
        raise errors.ProviderWithoutFunds
    tokens = state.get_free(owner, 0, use.token)
    if tokens < cost:
        raise errors.FeeTokensNotCovered
    _require_unbound(state, owner, use, time_ms)
    return Swap(cost, offer.left, funds, tokens, tokens * offer.per // offer.tokens)


def _require_unbound(
    state: WorkingState, owner: Address, use: UseFeeOffer, time_ms: Millis
) -> None:
    """Raise FeeOfferLimited, ProviderNotAllowed: a thief's own offer would go around the bounds."""
    bounds = state.find_record(LimitsRecord, schema.compute_limits_key(owner))
    if bounds is not None and bounds.find(use.token, time_ms) is not None:
        raise errors.FeeOfferLimited
    named = state.find_record(RecipientsRecord, schema.compute_recipients_key(owner))
    if named is not None and not named.allows(use.provider, time_ms):
        raise errors.ProviderNotAllowed


def reserve_swap(state: WorkingState, use: UseFeeOffer, owner: Address, fee: Amount) -> None:
    """Take what a fee can cost at most, before the block's first transaction."""
    key = schema.compute_fee_offer_key(use.provider, use.token)
    terms = state.offer_terms.get(key) or state.find_record(FeeOfferRecord, key)
    if terms is None:
        raise errors.InvariantBroken("a block holds no fee that nobody offers to pay")
    state.offer_terms[key] = terms
    balance = state.get_balance(owner, 0, use.token)
    state.change_balance(balance, -terms.compute_cost_ceil(fee), 0)


def settle_swap(
    state: WorkingState, use: UseFeeOffer, owner: Address, most: Amount, fee: Amount
) -> Balance:
    """Give the provider what a fee cost, the owner the rest; return the balance that pays the fee.

    The fee falls off what is left of the offer, unless the provider ended it within the block.
    """
    key = schema.compute_fee_offer_key(use.provider, use.token)
    terms = state.offer_terms[key]
    cost = terms.compute_cost_ceil(fee)
    state.change_balance(state.get_balance(use.provider, 0, use.token), cost, 0)
    rest = terms.compute_cost_ceil(most) - cost
    state.change_balance(state.get_balance(owner, 0, use.token), rest, 0)
    offer = state.find_record(FeeOfferRecord, key)
    if offer is not None:
        state.set_record(key, offer._replace(left=max(0, offer.left - fee)))
    return state.get_balance(use.provider, 0, state.fee_token)
