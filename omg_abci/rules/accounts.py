"""Transfers and agents (docs/spec/accounts.md)."""

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import (
    ApproveAgent,
    Message,
    RevokeAgent,
    SetAllowance,
    Transfer,
)
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.terms import get_scopes
from omg_abci.protocol.units import Address, Millis
from omg_abci.rules.context import LegContext
from omg_abci.rules.spending import require_spending, write_spending
from omg_abci.state import schema
from omg_abci.state.keyed_records import Allowance, AllowancesRecord
from omg_abci.state.objects import Account
from omg_abci.state.records import AgentRecord
from omg_abci.state.working import WorkingState


def process_transfer(state: WorkingState, ctx: LegContext, msg: Transfer) -> LegResult:
    """Move tokens between subaccounts.

    Raise UnknownToken, InsufficientFunds and what `require_spending` raises.
    """
    ctx.work += limits.WORK_TRANSFER
    if msg.token not in state.tokens:
        raise errors.UnknownToken(str(msg.token))
    owner = ctx.account.owner
    if state.get_free(owner, msg.from_subaccount, msg.token) < msg.amount:
        raise errors.InsufficientFunds
    spending = require_spending(state, ctx, msg.token, msg.amount, msg.to)

    write_spending(state, spending)
    source = state.get_balance(owner, msg.from_subaccount, msg.token)
    target = state.get_balance(msg.to, msg.to_subaccount, msg.token)
    state.change_balance(source, -msg.amount, 0)
    state.change_balance(target, msg.amount, 0)
    return LegResult()


def process_approve_agent(state: WorkingState, ctx: LegContext, msg: ApproveAgent) -> LegResult:
    """Write an approval; raise AgentIsKey, AgentExpiryOutOfRange, TooManyAgents."""
    ctx.work += limits.WORK_AGENT
    if msg.agent == ctx.account.key:
        raise errors.AgentIsKey
    ahead_ms = msg.expires_ms - state.time_ms
    if not 0 < ahead_ms <= limits.AGENT_AHEAD_MAX_MS:
        raise errors.AgentExpiryOutOfRange
    agents = ctx.account.agents
    if msg.agent not in agents and len(agents) >= limits.AGENTS_MAX:
        raise errors.TooManyAgents

    state.set_agent(ctx.account, msg.agent, AgentRecord(msg.scope, msg.expires_ms))
    return LegResult()


def process_revoke_agent(state: WorkingState, ctx: LegContext, msg: RevokeAgent) -> LegResult:
    """Delete an approval and the agent's allowances; raise UnknownAgent."""
    ctx.work += limits.WORK_AGENT
    if msg.agent not in ctx.account.agents:
        raise errors.UnknownAgent

    state.set_agent(ctx.account, msg.agent, None)
    key = schema.compute_allowances_key(ctx.account.owner, msg.agent)
    if key in state.by_key:
        state.set_record(key, None)
    return LegResult()


def process_set_allowance(state: WorkingState, ctx: LegContext, msg: SetAllowance) -> LegResult:
    """Bound what an agent may pay; raise UnknownAgent, UnknownToken, TooManyAllowances."""
    ctx.work += limits.WORK_ALLOWANCE
    if msg.agent not in ctx.account.agents:
        raise errors.UnknownAgent
    if msg.token not in state.tokens:
        raise errors.UnknownToken(str(msg.token))
    key = schema.compute_allowances_key(ctx.account.owner, msg.agent)
    record = state.find_record(AllowancesRecord, key) or AllowancesRecord(())
    known = record.find(msg.token)
    if msg.total and known is None and len(record.rows) >= limits.ALLOWANCES_MAX:
        raise errors.TooManyAllowances

    allowance = Allowance(msg.token, msg.total, msg.daily, 0, 0) if msg.total else None
    state.set_record(key, record.replace(msg.token, allowance))
    return LegResult()


def require_agent(
    account: Account | None,
    agent: Address,
    legs: tuple[Message, ...],
    scopes: int,
    time_ms: Millis,
) -> None:
    """Raise NotAnAgent, AgentExpired or AgentScope unless the agent may sign these legs.

    ``scopes`` is what it must have for all of them.
    """
    approval = None if account is None else account.agents.get(agent)
    if approval is None:
        owner = "this owner" if account is None else f"0x{account.owner.hex()}"
        raise errors.NotAnAgent(f"0x{agent.hex()} for {owner}")
    scope, expires_ms = approval
    if expires_ms <= time_ms:
        raise errors.AgentExpired
    if scope & scopes != scopes:
        uncovered = [leg for leg in legs if scope & get_scopes(leg) != get_scopes(leg)]
        raise errors.AgentScope(type(uncovered[0]).__name__)
