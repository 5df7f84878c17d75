"""Fees paid in another token, written the plainest way, see docs/spec/fee-offers.md."""

from collections.abc import Sequence

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import SetFeeOffer, SetSponsorship
from omg_abci.protocol.results import LegResult
from tests.model_payments import find_limit, find_recipients
from tests.model_records import Fee, Offer
from tests.model_sponsors import set_sponsorship
from tests.model_state import Refused, State


def promise_fees(state: State, owner: bytes, leg: SetSponsorship | SetFeeOffer) -> LegResult:
    """Pay fees for nothing, or for another token."""
    if isinstance(leg, SetSponsorship):
        return set_sponsorship(state, owner, leg)
    return set_fee_offer(state, owner, leg)


def set_fee_offer(state: State, owner: bytes, leg: SetFeeOffer) -> LegResult:
    """Make, replace or end an offer."""
    key = (owner, leg.token)
    payer = (owner, 0, state.fee_token)
    known = state.offers.get(key)
    if leg.total == 0:
        if known is None:
            raise Refused(errors.UnknownFeeOffer)
        del state.offers[key]
        state.add_free(payer, known.deposit)
        return LegResult()
    if leg.token == state.fee_token:
        raise Refused(errors.FeeTokenOffered)
    if leg.token not in state.tokens:
        raise Refused(errors.UnknownToken)
    if not state.now < leg.expires_ms <= state.now + limits.FEE_OFFER_AHEAD_MAX_MS:
        raise Refused(errors.FeeOfferExpiryOutOfRange)
    parts = limits.RECORDS_PER_BOND
    deposit = known.deposit if known else 0
    if deposit == 0:
        deposit = (state.market_bond + parts - 1) // parts
        if state.get_free(payer) < deposit:
            raise Refused(errors.DepositNotCovered)
        state.add_free(payer, -deposit)
    state.offers[key] = Offer(leg.tokens, leg.per, leg.total, leg.expires_ms, deposit)
    return LegResult()


def list_offer_refusals(
    state: State, time_ms: int, fee: Fee, others: Sequence[Fee]
) -> list[type[errors.TxError]]:
    """Return what speaks against paying a fee by an offer, beside what else the block pays."""
    use = fee.use
    assert use is not None
    offer = state.offers.get((fee.payer, use.token))
    if offer is None or offer.expires_ms <= time_ms:
        return [errors.FeeNotOffered]
    funds = state.get_free((fee.payer, 0, state.fee_token))
    found: list[type[errors.TxError]] = []
    if offer.cost(fee.amount) > use.max_amount:
        found.append(errors.FeeOfferTooDear)
    if offer.left < fee.amount:
        found.append(errors.FeeOfferExhausted)
    if funds < fee.amount:
        found.append(errors.ProviderWithoutFunds)
    costs = [
        state.offers[each.payer, use.token].cost(each.amount)
        for each in (fee, *others)
        if each.use and (each.owner, each.use.token) == (fee.owner, use.token)
    ]
    if state.get_free((fee.owner, 0, use.token)) < sum(costs):
        found.append(errors.FeeTokensNotCovered)
    found += list_bounds(state, time_ms, fee, use.token)
    paid = sum(each.amount for each in others if each.payer == fee.payer)
    same = [each.amount for each in others if is_by_the_same(each, fee)]
    if not found and (sum(same) + fee.amount > offer.left or paid + fee.amount > funds):
        found.append(errors.FeeOfferBusy)
    return found


def is_by_the_same(one: Fee, other: Fee) -> bool:
    """Tell whether two fees are paid by one offer."""
    if one.use is None or other.use is None:
        return False
    return (one.payer, one.use.token) == (other.payer, other.use.token)


def list_bounds(state: State, time_ms: int, fee: Fee, token: int) -> list[type[errors.TxError]]:
    """Return which of its own bounds keep an account from giving a token to a provider."""
    found: list[type[errors.TxError]] = []
    now, state.now = state.now, time_ms
    if find_limit(state, fee.owner, token) is not None:
        found.append(errors.FeeOfferLimited)
    known = find_recipients(state, fee.owner)
    if known is not None and (fee.payer not in known or known[fee.payer] > time_ms):
        found.append(errors.ProviderNotAllowed)
    state.now = now
    return found


def reserve(state: State, fee: Fee) -> None:
    """Take what a transaction can cost at most: the payer's fee tokens, the owner's others."""
    state.add_free((fee.payer, 0, state.fee_token), -fee.amount)
    if fee.use:
        offer = state.terms[fee.payer, fee.use.token]
        state.add_free((fee.owner, 0, fee.use.token), -offer.cost(fee.amount))


def settle(state: State, fee: Fee, paid: int) -> None:
    """Pay the fee, give back what was taken above it, lower what is left of grant or offer."""
    state.add_free((fee.payer, 0, state.fee_token), fee.amount - paid)
    state.fee_pool += paid
    if fee.use:
        key = (fee.payer, fee.use.token)
        most, cost = (state.terms[key].cost(each) for each in (fee.amount, paid))
        state.add_free((fee.owner, 0, fee.use.token), most - cost)
        state.add_free((fee.payer, 0, fee.use.token), cost)
        if key in state.offers:
            left = max(state.offers[key].left - paid, 0)
            state.offers[key] = state.offers[key]._replace(left=left)
    elif (fee.payer, fee.owner) in state.grants:
        grant = state.grants[fee.payer, fee.owner]
        left = max(grant.left - paid, 0)
        state.grants[fee.payer, fee.owner] = grant._replace(left=left)
