"""Fees that somebody else pays, written the plainest way, see docs/spec/sponsorship.md."""

from collections.abc import Sequence
from typing import NamedTuple

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import SetSponsorship, SignedTx, UseSponsorship
from omg_abci.protocol.results import LegResult
from tests.model_records import Grant
from tests.model_state import Refused, State


class Fee(NamedTuple):
    """What a transaction can cost, and who pays it for whom."""

    payer: bytes
    owner: bytes
    amount: int


def find_payer(tx: SignedTx) -> bytes:
    """Return who pays for a transaction."""
    sponsors = [leg.sponsor for leg in tx.body.legs if isinstance(leg, UseSponsorship)]
    return [*sponsors, tx.body.owner][0]


def set_sponsorship(state: State, owner: bytes, leg: SetSponsorship) -> LegResult:
    """Grant, or end a grant."""
    key = (owner, leg.customer)
    payer = (owner, 0, state.fee_token)
    known = state.grants.get(key)
    if leg.total == 0:
        if known is None:
            raise Refused(errors.UnknownSponsorship)
        del state.grants[key]
        state.add_free(payer, known.deposit)
        return LegResult()
    if not state.now < leg.expires_ms <= state.now + limits.SPONSORSHIP_AHEAD_MAX_MS:
        raise Refused(errors.SponsorshipExpiryOutOfRange)
    parts = limits.RECORDS_PER_BOND
    deposit = known.deposit if known else 0
    if deposit == 0:
        deposit = (state.market_bond + parts - 1) // parts
        if state.get_free(payer) < deposit:
            raise Refused(errors.DepositNotCovered)
        state.add_free(payer, -deposit)
    state.grants[key] = Grant(leg.total, leg.expires_ms, deposit)
    return LegResult()


def charge(state: State, sponsor: bytes, customer: bytes, fee: int) -> None:
    """Take a fee that was paid off a grant that is still there."""
    grant = state.grants.get((sponsor, customer))
    if grant is not None:
        state.grants[sponsor, customer] = grant._replace(left=max(grant.left - fee, 0))


def list_sponsor_refusals(
    state: State, time_ms: int, fee: Fee, others: Sequence[Fee]
) -> list[type[errors.TxError]]:
    """Return what speaks against a sponsor's paying beside what else it pays in the block."""
    grant = state.grants.get((fee.payer, fee.owner))
    if grant is None or grant.expires_ms <= time_ms:
        return [errors.NotSponsored]
    funds = state.get_free((fee.payer, 0, state.fee_token))
    found: list[type[errors.TxError]] = []
    if grant.left < fee.amount:
        found.append(errors.SponsorshipExhausted)
    if funds < fee.amount:
        found.append(errors.SponsorWithoutFunds)
    paid = sum(each.amount for each in others if each.payer == fee.payer)
    granted = sum(each.amount for each in others if each[:2] == fee[:2])
    if not found and (granted + fee.amount > grant.left or paid + fee.amount > funds):
        found.append(errors.SponsorBusy)
    return found
