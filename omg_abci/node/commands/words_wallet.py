"""Legs of wallets, providers and issuers in words for people."""

from omg_abci.node.commands.catalogue import Catalogue, TokenTerms
from omg_abci.node.commands.output import format_count, format_hex, format_time
from omg_abci.node.commands.words_recovery import (
    describe_recovery_done,
    describe_recovery_leg,
)
from omg_abci.protocol.messages import (
    Burn,
    CancelRecovery,
    CloseRequest,
    CloseToken,
    CreatePaymentRequest,
    CreateToken,
    FinishRecovery,
    Mint,
    Pay,
    PayRequest,
    RecoveryMessage,
    SetAllowance,
    SetFeeOffer,
    SetGuardians,
    SetLimits,
    SetRecipients,
    SetSponsorship,
    StartRecovery,
    UseFeeOffer,
    UseSponsorship,
)
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.units import Amount, Scope, TokenId

TokenLeg = CreateToken | Mint | Burn | CloseToken
RequestLeg = CreatePaymentRequest | PayRequest | CloseRequest
SponsorLeg = SetSponsorship | UseSponsorship
OfferLeg = SetFeeOffer | UseFeeOffer
PaymentLeg = Pay | SetAllowance | SetLimits | SetRecipients
WalletLeg = TokenLeg | RequestLeg | SponsorLeg | OfferLeg | PaymentLeg | RecoveryMessage
"""Every leg that is not about orders, markets and who may sign."""


def describe_wallet_leg(leg: WalletLeg, catalogue: Catalogue) -> str:
    """Return what a leg does, as its signer should read it."""
    match leg:
        case CreatePaymentRequest() | PayRequest() | CloseRequest():
            return describe_request_leg(leg, catalogue)
        case SetFeeOffer() | UseFeeOffer():
            return describe_offer_leg(leg, catalogue)
        case SetSponsorship() | UseSponsorship():
            return describe_sponsor_leg(leg, catalogue)
        case SetGuardians() | StartRecovery() | CancelRecovery() | FinishRecovery():
            return describe_recovery_leg(leg)
        case Pay() | SetAllowance() | SetLimits() | SetRecipients():
            return describe_payment_leg(leg, catalogue)
        case _:
            return describe_token_leg(leg, catalogue)


def describe_wallet_done(leg: WalletLeg, result: LegResult) -> str:
    """Return what became of a leg that was done."""
    match leg:
        case CreateToken():
            return f"created token {result.market}"
        case Mint():
            return "minted"
        case Burn():
            return "burnt"
        case CloseToken() | CloseRequest():
            return "closed; its deposit is free again"
        case Pay() | PayRequest():
            return "was paid before" if result.repeated else "paid"
        case UseSponsorship():
            return "the sponsor pays the fee"
        case UseFeeOffer():
            return "the provider pays the fee"
        case SetLimits():
            return "set: a lower limit acts now, a higher one in a day"
        case SetRecipients():
            return "set: whom it no longer names is not paid any more, whom it adds in a day"
        case SetAllowance() | SetSponsorship() | SetFeeOffer():
            return "set"
        case SetGuardians() | StartRecovery() | CancelRecovery() | FinishRecovery():
            return describe_recovery_done(leg)
        case CreatePaymentRequest():
            return f"payment request {leg.request} is open"


def describe_token_leg(leg: TokenLeg, catalogue: Catalogue) -> str:
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


def describe_payment_leg(leg: PaymentLeg, catalogue: Catalogue) -> str:
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
        case SetRecipients():
            if not leg.recipients:
                return "pay anybody"
            return f"pay nobody but {', '.join(map(format_hex, leg.recipients))}"
        case SetLimits():
            if not leg.daily:
                return f"pay any amount of {name_token(leg.token, catalogue)} a day"
            return f"pay at most {format_amount(leg.token, leg.daily, catalogue)} a day"


def describe_request_leg(leg: RequestLeg, catalogue: Catalogue) -> str:
    """Return what a payee asks for, and what a payer answers."""
    match leg:
        case CreatePaymentRequest():
            what = f"any amount of {name_token(leg.token, catalogue)}"
            if leg.amount:
                what = format_amount(leg.token, leg.amount, catalogue)
            uses = format_count(leg.max_uses, "payment")
            cap = format_amount(leg.token, leg.payer_cap, catalogue) if leg.payer_cap else ""
            capped = f", at most {cap} of a payer" if cap else ""
            note = f", memo {_describe_memo(leg.memo)}" if leg.memo else ""
            until = format_time(leg.expires_ms)
            return f"ask for {what}, {uses} until {until}{capped}{note}; request {leg.request}"
        case PayRequest():
            origin = f" from subaccount {leg.from_subaccount}" if leg.from_subaccount else ""
            once = f", once (payment {leg.client_id})" if leg.client_id else ""
            amount = format_amount(leg.token, leg.amount, catalogue)
            whom = format_hex(leg.payee)
            return f"pay {amount}{origin} for request {leg.request} of {whom}{once}"
        case CloseRequest():
            return f"close payment request {leg.request}"


def describe_sponsor_leg(leg: SponsorLeg, catalogue: Catalogue) -> str:
    """Return who pays whose fees."""
    match leg:
        case UseSponsorship():
            return f"let {format_hex(leg.sponsor)} pay the fee"
        case SetSponsorship():
            customer = format_hex(leg.customer)
            if not leg.total:
                return f"pay no fees of {customer} any more"
            until = format_time(leg.expires_ms)
            total = catalogue.format_fee_amount(leg.total)
            return f"pay fees of {customer}, {total} in all, until {until}"


def describe_offer_leg(leg: OfferLeg, catalogue: Catalogue) -> str:
    """Return who pays fees for which token."""
    match leg:
        case UseFeeOffer():
            most = format_amount(leg.token, leg.max_amount, catalogue)
            return f"let {format_hex(leg.provider)} pay the fee, for at most {most}"
        case SetFeeOffer():
            token = name_token(leg.token, catalogue)
            if not leg.total:
                return f"take no {token} for fees any more"
            total = catalogue.format_fee_amount(leg.total)
            taken = format_amount(leg.token, leg.tokens, catalogue)
            given = catalogue.format_fee_amount(leg.per)
            until = format_time(leg.expires_ms)
            return f"pay fees for {taken} each {given}, {total} in all, until {until}"


def _describe_memo(memo: bytes) -> str:
    """Return a memo as the text that it is, or in hex."""
    try:
        text = memo.decode()
    except UnicodeDecodeError:
        return format_hex(memo)
    return repr(text) if text.isprintable() else format_hex(memo)


def describe_scope(scope: int) -> str:
    """Return what an agent of a scope may do."""
    named = {
        Scope.TRADE: "trade",
        Scope.PAY: "pay up to its allowances",
        Scope.RECOVER: "recover accounts",
    }
    words = [word for bit, word in named.items() if scope & bit]
    return " and ".join([*filter(None, [", ".join(words[:-1])]), *words[-1:]])


def name_token(token: TokenId, catalogue: Catalogue) -> str:
    """Return how a token is called."""
    known = catalogue.tokens.get(token)
    return known.symbol if known else f"token {token}"


def format_amount(token: TokenId, amount: Amount, catalogue: Catalogue) -> str:
    """Return an amount with its token."""
    known = catalogue.tokens.get(token)
    return known.format(amount) if known else f"{amount} units of token {token}"
