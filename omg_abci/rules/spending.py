"""What may be spent: an agent's allowances (docs/spec/payments.md#setallowance)."""

from omg_abci.protocol import errors, limits
from omg_abci.protocol.units import Amount, TokenId
from omg_abci.rules.context import LegContext
from omg_abci.state import schema
from omg_abci.state.keyed_records import AllowancesRecord, KeyedRecord
from omg_abci.state.working import WorkingState

Write = tuple[bytes, KeyedRecord | None]
"""A record's key, and what it says once the spending is done."""


def require_spending(
    state: WorkingState, ctx: LegContext, token: TokenId, amount: Amount
) -> list[Write]:
    """Return what is to be written when the amount is spent, nothing for an owner's own key.

    Raise AllowanceExceeded, DailyAllowanceExceeded.
    """
    if ctx.agent is None:
        return []
    key = schema.compute_allowances_key(ctx.account.owner, ctx.agent)
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
    return [(key, record.replace(token, rest))]


def write_spending(state: WorkingState, writes: list[Write]) -> None:
    """Write what `require_spending` returned."""
    for key, record in writes:
        state.set_record(key, record)
