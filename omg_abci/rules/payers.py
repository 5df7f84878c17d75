"""Who pays a fee instead of the owner: a sponsor, or the provider of a fee offer.

Rare, so it is kept apart from what every transaction passes; `PAYER_LEGS` are the first legs that
lead here. Admission and execution ask the same functions, each of its own kind of leg.
"""

from omg_abci.protocol import errors
from omg_abci.protocol.messages import TxBody, UseFeeOffer, UseSponsorship
from omg_abci.protocol.units import Address, Amount, Millis
from omg_abci.rules.fee_offers import require_fee_offer, reserve_swap, settle_swap
from omg_abci.rules.sponsorship import (
    require_sponsorship,
    reserve_sponsorship,
    settle_sponsorship,
)
from omg_abci.state import schema
from omg_abci.state.objects import Balance
from omg_abci.state.working import WorkingState


def require_payer(state: WorkingState, body: TxBody, fee: Amount, time_ms: Millis) -> Amount:
    """Return the largest fee that could be paid; raise what keeps the fee from being paid."""
    first = body.legs[0]
    match first:
        case UseSponsorship():
            return min(require_sponsorship(state, first.sponsor, body.owner, fee, time_ms))
        case UseFeeOffer():
            swap = require_fee_offer(state, first, body.owner, fee, time_ms)
            return min(swap.left, swap.funds, swap.fees)
        case _:
            raise errors.InvariantBroken("a first leg says who pays")


def reserve_payment(state: WorkingState, body: TxBody, fee: Amount) -> None:
    """Note the most that a transaction can cost, before the block's first transaction.

    The payer's balance of the fee token is the caller's.
    """
    first = body.legs[0]
    if isinstance(first, UseFeeOffer):
        reserve_swap(state, first, body.owner, fee)
    elif isinstance(first, UseSponsorship):
        reserve_sponsorship(state, first.sponsor, body.owner, fee)


def settle_payment(state: WorkingState, body: TxBody, most: Amount, fee: Amount) -> Balance:
    """Settle what a transaction cost, of what it could cost at most; return the payer's balance."""
    first = body.legs[0]
    match first:
        case UseSponsorship():
            settle_sponsorship(state, first.sponsor, body.owner, most, fee)
            return state.get_balance(first.sponsor, 0, state.fee_token)
        case UseFeeOffer():
            return settle_swap(state, first, body.owner, most, fee)
        case _:
            raise errors.InvariantBroken("a first leg says who pays")


class PayerBudget:
    """What grants, offers and owners' tokens still pay in a block that is being filled."""

    def __init__(self, state: WorkingState, time_ms: Millis, funds: dict[Address, Amount]) -> None:
        """Share the block's ``funds``: what each payer has left of the fee token."""
        self._state = state
        self._time_ms = time_ms
        self._funds = funds
        self._left: dict[bytes, Amount] = {}
        """By the keys of grants and offers."""
        self._tokens: dict[bytes, Amount] = {}
        """By the keys of the balances that pay for fee offers."""

    def charge(self, body: TxBody, fee: Amount) -> None:
        """Take a fee from whoever pays it; raise what keeps it from being paid."""
        state, owner, first = self._state, body.owner, body.legs[0]
        match first:
            case UseSponsorship():
                left, funds = require_sponsorship(state, first.sponsor, owner, fee, self._time_ms)
                key = schema.compute_sponsorship_key(first.sponsor, owner)
                self._charge(key, first.sponsor, left, funds, fee, errors.SponsorBusy)
            case UseFeeOffer():
                swap = require_fee_offer(state, first, owner, fee, self._time_ms)
                own = schema.compute_balance_key(owner, 0, first.token)
                tokens = self._tokens.get(own, swap.tokens)
                if swap.cost > tokens:
                    raise errors.FeeTokensNotCovered
                key = schema.compute_fee_offer_key(first.provider, first.token)
                busy = errors.FeeOfferBusy
                self._charge(key, first.provider, swap.left, swap.funds, fee, busy)
                self._tokens[own] = tokens - swap.cost
            case _:
                raise errors.InvariantBroken("a first leg says who pays")

    def _charge(
        self,
        key: bytes,
        payer: Address,
        left: Amount,
        funds: Amount,
        fee: Amount,
        busy: type[errors.TxError],
    ) -> None:
        """Take a fee from a record's sum and from its payer; raise ``busy`` where others did."""
        left = self._left.get(key, left)
        funds = self._funds.get(payer, funds)
        if fee > min(left, funds):
            raise busy
        self._left[key] = left - fee
        self._funds[payer] = funds - fee
