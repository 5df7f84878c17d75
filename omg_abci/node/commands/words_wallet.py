"""Legs of wallets, providers and issuers in words for people."""

from omg_abci.node.commands.catalogue import Catalogue, TokenTerms
from omg_abci.node.commands.output import format_hex
from omg_abci.protocol.messages import Burn, CloseToken, CreateToken, Mint, Pay, SetAllowance
from omg_abci.protocol.units import Amount, Scope, TokenId


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


def describe_payment_leg(leg: Pay | SetAllowance, catalogue: Catalogue) -> str:
    """Return what a payer's leg does."""
    match leg:
        case Pay():
            origin = f" from subaccount {leg.from_subaccount}" if leg.from_subaccount else ""
            goal = f" subaccount {leg.to_subaccount}" if leg.to_subaccount else ""
            amount = format_amount(leg.token, leg.amount, catalogue)
            note = f", memo {_describe_memo(leg.memo)}" if leg.memo else ""
            once = f", once (payment {leg.client_id})" if leg.client_id else ""
            return f"pay {amount}{origin} to {format_hex(leg.to)}{goal}{note}{once}"
        case SetAllowance():
            token, who = name_token(leg.token, catalogue), format_hex(leg.agent)
            if not leg.total:
                return f"let {who} pay no {token} any more"
            total = format_amount(leg.token, leg.total, catalogue)
            daily = format_amount(leg.token, leg.daily, catalogue)
            return f"let {who} pay {total} in all, {daily} a day"


def _describe_memo(memo: bytes) -> str:
    """Return a memo as the text that it is, or in hex."""
    try:
        text = memo.decode()
    except UnicodeDecodeError:
        return format_hex(memo)
    return repr(text) if text.isprintable() else format_hex(memo)


def describe_scope(scope: int) -> str:
    """Return what an agent of a scope may do."""
    named = {Scope.TRADE: "trade", Scope.PAY: "pay up to its allowances"}
    return " and ".join([word for bit, word in named.items() if scope & bit])


def name_token(token: TokenId, catalogue: Catalogue) -> str:
    """Return how a token is called."""
    known = catalogue.tokens.get(token)
    return known.symbol if known else f"token {token}"


def format_amount(token: TokenId, amount: Amount, catalogue: Catalogue) -> str:
    """Return an amount with its token."""
    known = catalogue.tokens.get(token)
    return known.format(amount) if known else f"{amount} units of token {token}"
