"""What may be paid: an agent's allowances, an account's limits (docs/spec/payments.md)."""

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import SetLimits, SetRecipients
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.units import Address, Amount, TokenId
from omg_abci.rules.context import LegContext
from omg_abci.state import schema
from omg_abci.state.keyed_records import AllowancesRecord, KeyedRecord, Limit, LimitsRecord
from omg_abci.state.recipients import RecipientsRecord
from omg_abci.state.working import WorkingState

Write = tuple[bytes, KeyedRecord | None]
"""A record's key, and what it says once the spending is done."""


def require_spending(
    state: WorkingState, ctx: LegContext, token: TokenId, amount: Amount, to: Address
) -> list[Write]:
    """Return what is to be written when the amount is paid.

    Raise AllowanceExceeded, DailyAllowanceExceeded, RecipientNotAllowed, DailyLimitExceeded.
    """
    writes = [] if ctx.agent is None else [_use_allowance(state, ctx, ctx.agent, token, amount)]
    owner = ctx.account.owner
    if to != owner:
        bound = state.find_record(RecipientsRecord, schema.compute_recipients_key(owner))
        if bound is not None and not bound.allows(to, state.time_ms):
            raise errors.RecipientNotAllowed
        writes += _use_limit(state, ctx, token, amount)
    return writes


def _use_allowance(
    state: WorkingState, ctx: LegContext, agent: Address, token: TokenId, amount: Amount
) -> Write:
    key = schema.compute_allowances_key(ctx.account.owner, agent)
    record = state.find_record(AllowancesRecord, key)
    allowance = None if record is None else record.find(token)
    if record is None or allowance is None or allowance.left < amount:
        raise errors.AllowanceExceeded
    day = state.time_ms // limits.DAY_MS
    spent = amount + (allowance.spent if allowance.day == day else 0)
    if spent > allowance.daily:
        raise errors.DailyAllowanceExceeded
    left = allowance.left - amount
    rest = allowance._replace(left=left, day=day, spent=spent) if left else None
    return key, record.replace(token, rest)


def _use_limit(state: WorkingState, ctx: LegContext, token: TokenId, amount: Amount) -> list[Write]:
    key = schema.compute_limits_key(ctx.account.owner)
    record = state.find_record(LimitsRecord, key)
    limit = None if record is None else record.find(token, state.time_ms)
    if record is None or limit is None:
        return []
    day = state.time_ms // limits.DAY_MS
    spent = amount + (limit.spent if limit.day == day else 0)
    if spent > limit.daily:
        raise errors.DailyLimitExceeded
    return [(key, record.replace(limit._replace(day=day, spent=spent), state.time_ms))]


def write_spending(state: WorkingState, writes: list[Write]) -> None:
    """Write what `require_spending` returned."""
    for key, record in writes:
        state.set_record(key, record)


def process_set_limits(state: WorkingState, ctx: LegContext, msg: SetLimits) -> LegResult:
    """Bound what the account pays in a day; raise UnknownToken, TooManyLimits."""
    ctx.work += limits.WORK_LIMITS
    if msg.token not in state.tokens:
        raise errors.UnknownToken(str(msg.token))
    key = schema.compute_limits_key(ctx.account.owner)
    record = state.find_record(LimitsRecord, key) or LimitsRecord(())
    known = record.find(msg.token, state.time_ms)
    if known is None and not msg.daily:
        return LegResult()
    limit = known or Limit(msg.token, msg.daily, 0, 0, 0, 0)
    if msg.daily and msg.daily <= limit.daily:
        limit = limit._replace(daily=msg.daily, next_daily=0, next_ms=0)
    else:
        later_ms = state.time_ms + limits.LIMITS_DELAY_MS
        limit = limit._replace(next_daily=msg.daily, next_ms=later_ms)
    changed = record.replace(limit, state.time_ms)
    if len(changed.rows) > limits.LIMITS_MAX:
        raise errors.TooManyLimits

    state.set_record(key, changed)
    return LegResult()


def process_set_recipients(state: WorkingState, ctx: LegContext, msg: SetRecipients) -> LegResult:
    """Bound whom the account pays, or let the bound be lifted later."""
    ctx.work += limits.WORK_LIMITS
    key = schema.compute_recipients_key(ctx.account.owner)
    bound = state.find_record(RecipientsRecord, key)
    later_ms = state.time_ms + limits.LIMITS_DELAY_MS
    if bound is None or bound.is_lifted(state.time_ms):
        # Whoever was not bound is from now on: that acts at once, whoever is named.
        first = RecipientsRecord(0, tuple([(each, state.time_ms) for each in msg.recipients]))
        changed = first if msg.recipients else None
    elif msg.recipients:
        changed = bound.replace(msg.recipients, later_ms)
    else:
        changed = bound._replace(lifts_ms=later_ms)
    if changed is not None or bound is not None:
        state.set_record(key, changed)
    return LegResult()
