"""Fees and deposits that somebody else pays (docs/spec/sponsorship.md).

A grant is a record; a transaction names its sponsor in its first leg, so the bytes say who pays.
"""

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import SetSponsorship, UseSponsorship
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.units import Address, Amount, Millis
from omg_abci.rules.context import LegContext
from omg_abci.rules.expired_records import release_record
from omg_abci.state import schema
from omg_abci.state.keyed_records import SponsorshipRecord
from omg_abci.state.working import WorkingState


def process_set_sponsorship(state: WorkingState, ctx: LegContext, msg: SetSponsorship) -> LegResult:
    """Grant, or end a grant.

    Raise UnknownSponsorship, SponsorshipExpiryOutOfRange, DepositNotCovered.
    """
    ctx.work += limits.WORK_SPONSORSHIP
    owner = ctx.account.owner
    key = schema.compute_sponsorship_key(owner, msg.customer)
    known = state.find_record(SponsorshipRecord, key)
    held = 0 if known is None else known.deposit
    if not msg.total:
        if known is None:
            raise errors.UnknownSponsorship
        release_record(state, key)
        return LegResult()
    if not 0 < msg.expires_ms - state.time_ms <= limits.SPONSORSHIP_AHEAD_MAX_MS:
        raise errors.SponsorshipExpiryOutOfRange
    deposit = held or -(-state.market_bond // limits.RECORDS_PER_BOND)
    if state.get_free(owner, 0, state.fee_token) < deposit - held:
        raise errors.DepositNotCovered

    locked = deposit - held
    state.change_balance(state.get_balance(owner, 0, state.fee_token), -locked, locked)
    state.set_expiring(key, SponsorshipRecord(msg.total, msg.expires_ms, deposit))
    return LegResult()


def process_use_sponsorship(_: WorkingState, ctx: LegContext, msg: UseSponsorship) -> LegResult:
    """Tell the legs behind who pays; that it pays the fee was settled before the first leg."""
    ctx.work += limits.WORK_SPONSORED
    ctx.sponsor = msg.sponsor
    return LegResult()


def require_sponsorship(
    state: WorkingState, sponsor: Address, customer: Address, fee: Amount, time_ms: Millis
) -> tuple[Amount, Amount]:
    """Return what the grant and the sponsor's free balance can pay at most.

    Raise NotSponsored, SponsorshipExhausted, SponsorWithoutFunds unless both cover the fee.
    """
    key = schema.compute_sponsorship_key(sponsor, customer)
    grant = state.find_record(SponsorshipRecord, key)
    if grant is None or grant.expires_ms <= time_ms:
        raise errors.NotSponsored
    if grant.left < fee:
        raise errors.SponsorshipExhausted
    funds = state.get_free(sponsor, 0, state.fee_token)
    if funds < fee:
        raise errors.SponsorWithoutFunds
    return grant.left, funds


def reserve_sponsorship(
    state: WorkingState, sponsor: Address, customer: Address, fee: Amount
) -> None:
    """Note what a transaction can cost a grant at most, before the block's first transaction."""
    key = schema.compute_sponsorship_key(sponsor, customer)
    state.grants_pending[key] = state.grants_pending.get(key, 0) + fee


def settle_sponsorship(
    state: WorkingState, sponsor: Address, customer: Address, most: Amount, fee: Amount
) -> None:
    """Take a fee that was paid off the grant, unless the sponsor ended it within the block."""
    key = schema.compute_sponsorship_key(sponsor, customer)
    state.grants_pending[key] -= most
    grant = state.find_record(SponsorshipRecord, key)
    if grant is not None:
        state.set_record(key, grant._replace(left=max(0, grant.left - fee)))


def lock_deposit(state: WorkingState, ctx: LegContext, deposit: Amount) -> Address:
    """Reserve a deposit of the owner's, or of its transaction's sponsor; return whose it is.

    A sponsor's counts against the grant, which keeps what the block's transactions that are not
    done can cost at most. Raise DepositNotCovered.
    """
    owner, sponsor = ctx.account.owner, ctx.sponsor
    depositor = owner if sponsor is None else sponsor
    if state.get_free(depositor, 0, state.fee_token) < deposit:
        raise errors.DepositNotCovered
    if sponsor is not None:
        key = schema.compute_sponsorship_key(sponsor, owner)
        grant = state.find_record(SponsorshipRecord, key)
        if grant is None or grant.left < deposit + state.grants_pending[key]:
            raise errors.DepositNotCovered
        state.set_record(key, grant._replace(left=grant.left - deposit))
    state.change_balance(state.get_balance(depositor, 0, state.fee_token), -deposit, deposit)
    return depositor
