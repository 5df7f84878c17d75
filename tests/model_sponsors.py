"""Fees that somebody else pays, written the plainest way, see docs/spec/sponsorship.md."""

from collections.abc import Sequence

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import SetSponsorship, SignedTx, UseFeeOffer, UseSponsorship
from omg_abci.protocol.results import LegResult
from tests.model_records import Fee, Grant
from tests.model_state import Refused, State


def find_use(tx: SignedTx) -> UseSponsorship | UseFeeOffer | None:
    """Return how somebody else pays for a transaction."""
    legs = [leg for leg in tx.body.legs if isinstance(leg, UseSponsorship | UseFeeOffer)]
    return legs[0] if legs else None


def find_payer(tx: SignedTx) -> bytes:
    """Return who pays for a transaction."""
    use = find_use(tx)
    if use is None:
        return tx.body.owner
    return use.sponsor if isinstance(use, UseSponsorship) else use.provider


def make_fee(tx: SignedTx, amount: int) -> Fee:
    """Return what a transaction can cost, and who pays it."""
    use = find_use(tx)
    offer = use if isinstance(use, UseFeeOffer) else None
    return Fee(find_payer(tx), tx.body.owner, amount, offer)


def lock_deposit(state: State, owner: bytes, deposit: int) -> bytes:
    """Lock a deposit of who pays for the transaction that is being done; return whose it is.

    A provider of a fee offer pays the fee alone.
    """
    doing = state.unpaid[0]
    who = doing.payer if doing.use is None else owner
    if state.get_free((who, 0, state.fee_token)) < deposit:
        raise Refused(errors.DepositNotCovered)
    if who != owner:
        grant = state.grants.get((who, owner))
        unpaid = [each for each in state.unpaid if each.use is None]
        fees = sum(each.amount for each in unpaid if each[:2] == (who, owner))
        if grant is None or grant.left < deposit + fees:
            raise Refused(errors.DepositNotCovered)
        state.grants[who, owner] = grant._replace(left=grant.left - deposit)
    state.add_free((who, 0, state.fee_token), -deposit)
    return who


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
    granted = sum(each.amount for each in others if each[:2] == fee[:2] and not each.use)
    if not found and (granted + fee.amount > grant.left or paid + fee.amount > funds):
        found.append(errors.SponsorBusy)
    return found
