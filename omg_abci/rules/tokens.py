"""Tokens that anyone creates: issue, minting, burning, the end (docs/spec/tokens.md).

A token's supply is the sum of all balances of it, so whatever writes one writes the other.
"""

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import Burn, CloseToken, CreateToken, Mint
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.units import TokenId
from omg_abci.rules.context import LegContext
from omg_abci.state import schema
from omg_abci.state.keyed_records import IssueRecord, NextTokenRecord
from omg_abci.state.records import TokenRecord
from omg_abci.state.working import WorkingState


def process_create_token(state: WorkingState, ctx: LegContext, msg: CreateToken) -> LegResult:
    """Issue a token; raise TooManyTokens, SymbolTaken, DepositNotCovered."""
    ctx.work += limits.WORK_TOKEN
    if len(state.tokens) >= limits.TOKENS_MAX:
        raise errors.TooManyTokens
    if msg.symbol in state.symbols:
        raise errors.SymbolTaken(msg.symbol)
    owner, deposit = ctx.account.owner, state.market_bond
    if state.get_free(owner, 0, state.fee_token) < deposit:
        raise errors.DepositNotCovered

    latest = state.by_key.get(schema.NEXT_TOKEN)
    token = latest.token if isinstance(latest, NextTokenRecord) else limits.CREATED_TOKEN_FIRST
    state.set_record(schema.NEXT_TOKEN, NextTokenRecord(token + 1))
    state.set_token(token, TokenRecord(msg.decimals, msg.supply, msg.symbol))
    issue = IssueRecord(owner, msg.mintable, msg.burnable, msg.cap, deposit)
    state.set_record(schema.compute_issue_key(token), issue)
    state.change_balance(state.get_balance(owner, 0, state.fee_token), -deposit, deposit)
    if msg.supply:
        state.change_balance(state.get_balance(owner, 0, token), msg.supply, 0)
    return LegResult(market=token)


def process_mint(state: WorkingState, ctx: LegContext, msg: Mint) -> LegResult:
    """Make more of a token; raise UnknownToken, NotIssuer, TokenNotMintable, SupplyAboveCap."""
    ctx.work += limits.WORK_SUPPLY
    record = _get_token(state, msg.token)
    issue = _require_issuer(state, ctx, msg.token)
    if not issue.mintable:
        raise errors.TokenNotMintable
    supply = record.supply + msg.amount
    if supply > issue.cap:
        raise errors.SupplyAboveCap

    state.set_token(msg.token, record._replace(supply=supply))
    state.change_balance(state.get_balance(msg.to, msg.to_subaccount, msg.token), msg.amount, 0)
    return LegResult()


def process_burn(state: WorkingState, ctx: LegContext, msg: Burn) -> LegResult:
    """Destroy free tokens; raise UnknownToken, TokenNotBurnable, InsufficientFunds."""
    ctx.work += limits.WORK_SUPPLY
    record = _get_token(state, msg.token)
    issue = state.by_key.get(schema.compute_issue_key(msg.token))
    if not isinstance(issue, IssueRecord) or not issue.burnable:
        raise errors.TokenNotBurnable
    owner = ctx.account.owner
    if state.get_free(owner, msg.from_subaccount, msg.token) < msg.amount:
        raise errors.InsufficientFunds

    state.set_token(msg.token, record._replace(supply=record.supply - msg.amount))
    source = state.get_balance(owner, msg.from_subaccount, msg.token)
    state.change_balance(source, -msg.amount, 0)
    return LegResult()


def process_close_token(state: WorkingState, ctx: LegContext, msg: CloseToken) -> LegResult:
    """End a token and release its deposit; raise UnknownToken, NotIssuer, TokenInUse."""
    ctx.work += limits.WORK_CLOSE_TOKEN
    record = _get_token(state, msg.token)
    issue = _require_issuer(state, ctx, msg.token)
    markets = state.markets.values()
    if record.supply or any(msg.token in (each.base, each.quote) for each in markets):
        raise errors.TokenInUse

    state.set_token(msg.token, None)
    state.set_record(schema.compute_issue_key(msg.token), None)
    deposit = state.get_balance(issue.issuer, 0, state.fee_token)
    state.change_balance(deposit, issue.deposit, -issue.deposit)
    return LegResult()


def _get_token(state: WorkingState, token: TokenId) -> TokenRecord:
    record = state.tokens.get(token)
    if record is None:
        raise errors.UnknownToken(str(token))
    return record


def _require_issuer(state: WorkingState, ctx: LegContext, token: TokenId) -> IssueRecord:
    issue = state.by_key.get(schema.compute_issue_key(token))
    if not isinstance(issue, IssueRecord) or issue.issuer != ctx.account.owner:
        raise errors.NotIssuer
    return issue
