"""Created tokens written the plainest way, see docs/spec/tokens.md."""

from typing import NamedTuple

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import Burn, CloseToken, CreateToken, Mint
from omg_abci.protocol.results import LegResult
from tests.model_records import Issue
from tests.model_state import Refused, State, Token


class Asked(NamedTuple):
    """A token that a leg names, which exists."""

    token: Token
    issue: Issue | None


def do_token_leg(
    state: State, owner: bytes, leg: CreateToken | Mint | Burn | CloseToken
) -> LegResult:
    """Return what becomes of an issuer's or a holder's leg."""
    match leg:
        case CreateToken():
            return create_token(state, owner, leg)
        case Mint():
            return mint(state, owner, leg)
        case Burn():
            return burn(state, owner, leg)
        case CloseToken():
            return close_token(state, owner, leg)


def create_token(state: State, owner: bytes, leg: CreateToken) -> LegResult:
    """Lock the deposit and issue a token."""
    if len(state.tokens) >= limits.TOKENS_MAX:
        raise Refused(errors.TooManyTokens)
    if leg.symbol in [token.symbol for token in state.tokens.values()]:
        raise Refused(errors.SymbolTaken)
    if state.get_free((owner, 0, state.fee_token)) < state.market_bond:
        raise Refused(errors.DepositNotCovered)
    number = state.next_token or 2**31
    state.next_token = number + 1
    state.add_free((owner, 0, state.fee_token), -state.market_bond)
    state.tokens[number] = Token(leg.decimals, leg.supply, leg.symbol)
    state.issues[number] = Issue(owner, leg.mintable, leg.burnable, leg.cap, state.market_bond)
    state.add_free((owner, 0, number), leg.supply)
    return LegResult(market=number)


def find(state: State, number: int) -> Asked:
    """Return a token and what is known of its issue; raise Refused when there is none."""
    if number not in state.tokens:
        raise Refused(errors.UnknownToken)
    return Asked(state.tokens[number], state.issues.get(number))


def mint(state: State, owner: bytes, leg: Mint) -> LegResult:
    """Make more of a token."""
    token, issue = find(state, leg.token)
    if issue is None or issue.issuer != owner:
        raise Refused(errors.NotIssuer)
    if not issue.mintable:
        raise Refused(errors.TokenNotMintable)
    if token.supply + leg.amount > issue.cap:
        raise Refused(errors.SupplyAboveCap)
    state.tokens[leg.token] = token._replace(supply=token.supply + leg.amount)
    state.add_free((leg.to, leg.to_subaccount, leg.token), leg.amount)
    return LegResult()


def burn(state: State, owner: bytes, leg: Burn) -> LegResult:
    """Destroy what somebody has of a token."""
    token, issue = find(state, leg.token)
    if issue is None or not issue.burnable:
        raise Refused(errors.TokenNotBurnable)
    if state.get_free((owner, leg.from_subaccount, leg.token)) < leg.amount:
        raise Refused(errors.InsufficientFunds)
    state.tokens[leg.token] = token._replace(supply=token.supply - leg.amount)
    state.add_free((owner, leg.from_subaccount, leg.token), -leg.amount)
    return LegResult()


def close_token(state: State, owner: bytes, leg: CloseToken) -> LegResult:
    """End a token of which nothing is left, and give the deposit back."""
    token, issue = find(state, leg.token)
    if issue is None or issue.issuer != owner:
        raise Refused(errors.NotIssuer)
    traded = [market for market in state.markets.values() if leg.token in market[:2]]
    if token.supply or traded:
        raise Refused(errors.TokenInUse)
    del state.tokens[leg.token], state.issues[leg.token]
    state.add_free((owner, 0, state.fee_token), issue.deposit)
    return LegResult()
