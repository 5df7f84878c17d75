"""Legs of wallets, providers and issuers in words for people."""

from omg_abci.node.commands.catalogue import Catalogue, TokenTerms
from omg_abci.node.commands.output import format_hex
from omg_abci.protocol.messages import Burn, CloseToken, CreateToken, Mint
from omg_abci.protocol.units import Amount, TokenId


def describe_token_leg(leg: CreateToken | Mint | Burn | CloseToken, catalogue: Catalogue) -> str:
    """Return what an issuer's or a holder's leg does."""
    match leg:
        case CreateToken():
            return _describe_create(leg)
        case Mint():
            goal = f" subaccount {leg.to_subaccount}" if leg.to_subaccount else ""
            amount = format_amount(leg.token, leg.amount, catalogue)
            return f"mint {amount} for {format_hex(leg.to)}{goal}"
        case Burn():
            origin = f" of subaccount {leg.from_subaccount}" if leg.from_subaccount else ""
            return f"burn {format_amount(leg.token, leg.amount, catalogue)}{origin}"
        case CloseToken():
            return f"close {name_token(leg.token, catalogue)}, of which nothing is left"


def _describe_create(leg: CreateToken) -> str:
    terms = TokenTerms(0, leg.symbol, leg.decimals)
    minted = f"minted up to {terms.format(leg.cap)}" if leg.mintable else "never more"
    burnt = "holders may burn it" if leg.burnable else "nobody may burn it"
    return f"create a token: {terms.format(leg.supply)} at once, {minted}; {burnt}"


def name_token(token: TokenId, catalogue: Catalogue) -> str:
    """Return how a token is called."""
    known = catalogue.tokens.get(token)
    return known.symbol if known else f"token {token}"


def format_amount(token: TokenId, amount: Amount, catalogue: Catalogue) -> str:
    """Return an amount with its token."""
    known = catalogue.tokens.get(token)
    return known.format(amount) if known else f"{amount} units of token {token}"
