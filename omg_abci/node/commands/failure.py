"""How a command says no: one shape for people, one for programs.

For people: ``error: text (code NAME)`` and a line with what to do next, on standard error. With
``--json``: one object ``{"error": {"code", "text", "hint"}}`` on standard output. Codes are stable.
"""

import json
from typing import Final

import click

from omg_abci.protocol.errors import CODES, OmgError, TxError

EXTRAS: Final = {
    "eth_keyfile": "node",
    "grpc": "node",
    "rocksdict": "node",
    "matplotlib": "localnet",
    "psutil": "localnet",
}
"""Third-party package to the extra of omg-chain that brings it."""

_ASK_MARKET: Final = "omgd query market MARKET lists what it takes now, and until when"

_ORDER_HINTS: Final = {
    "MarketOrderRests": "--tif ioc or fok, or leave --tif out",
    "IcebergImmediate": "leave --tif out, or give gtc, gtt or gth",
    "PostOnlyImmediate": "leave --post-only out, or give --tif gtc, gtt or gth",
    "PostOnlyTriggered": "leave --post-only out",
    "BadDisplay": "an iceberg needs --display, at most its quantity",
    "DisplayNotAllowed": "--display goes with --type iceberg",
    "BadTrigger": "a stop-limit or take-profit order needs --trigger",
    "TriggerNotAllowed": "--trigger goes with --type stop-limit or take-profit",
    "BadExpiry": "say until when: --expires TIME",
    "ExpiryNotAllowed": "leave --expires out, or give --tif gtt",
    "BadExpiryHeight": "say until which block: --until-height HEIGHT",
    "HeightNotAllowed": "leave --until-height out, or give --tif gth",
    "QuantityBelowMinimum": "omgd query market MARKET shows the smallest order",
    "QuantityAboveMaximum": "omgd query market MARKET shows the largest order",
    "CostOverflow": "choose a smaller quantity or price",
    "AmendImmediate": "cancel the order and place another",
    "CancelledBeforePlaced": "place it under another --client-id",
    "TooManyTombstones": "wait until some have passed: each ends with the cancel's --valid-for",
    "OrderExpired": "choose a later --expires",
    "ExpiryTooFar": "choose an earlier --expires, at most 366 days ahead",
    "PostOnlyWouldCross": "choose a price that does not cross, --post-only slide, or leave it out",
    "FillOrKillUnfilled": "--tif ioc takes what there is",
    "TooManyOpenOrders": "omgd tx cancel-all makes room",
    "AmendBelowFilled": "choose more than is filled, or omgd tx cancel CLIENT_ID",
    "AmendExpiryNotAllowed": "--tif gtt with --expires makes it a good-till-time order",
    "ExpiryHeightPassed": "omgd status shows the height; choose a later --until-height",
    "ExpiryHeightTooFar": "choose an earlier --until-height, or --expires TIME",
    "TriggerOnWrongSide": "the market has traded there already: choose another --trigger, or a"
    " limit order",
    "DisplayBelowMinimum": "show at least the market's smallest order: omgd query market MARKET",
    "SwitchInPast": "choose a later time, or off",
    "SwitchTooFar": "at most 24 hours ahead; send it again before then",
    "SwitchFiring": "wait until the last order is cancelled: omgd query account OWNER",
    "MarketInAuction": "leave --tif out, and the order takes part in the auction",
    "PostOnlyInAuction": "leave --post-only out: there is no taking in an auction",
    "MarketUncrossing": "try again in a moment",
    "MarketCancelOnly": _ASK_MARKET,
    "MarketDelisting": "omgd query markets lists the others",
    "PostOnlyPeriod": "--post-only reject or slide, or try again in a minute",
    "PostOnlyInBatch": "leave --post-only out: all trade at one price there",
    "SlideOutOfRange": "choose another price, or leave --post-only out",
    "AmendTriggerNotAllowed": "leave --trigger out: omgd query order OWNER CLIENT_ID",
    "AmendDisplayNotAllowed": "leave --display out: omgd query order OWNER CLIENT_ID",
    "AmendHeightNotAllowed": "--tif gth with --until-height makes it a good-till-height order",
    "AmendPostOnlyNotAllowed": "leave --post-only out",
    "AmendTimeInForceNotAllowed": "leave --tif out, or cancel the order and place another",
}
_MARKET_HINTS: Final = {
    "SameTokens": "omgd query tokens lists the tokens",
    "BadUnit": "choose --lot and --tick so that a lot, and its cost at one tick, are 1, 2, 5 or"
    " 25 times a power of ten of smallest units",
    "BadLots": "--min-order must not be above --max-order",
    "BadBand": "--band 1% to 50%, or off",
    "BadAuctionTime": "--auction 1s to 24h",
    "BadMarketMode": "--mode continuous or batch",
    "BadMarketAction": "cancel-only, resume or delist",
    "TooManyMarkets": "wait until another is gone: omgd query markets",
    "NotMarketCreator": "omgd query market MARKET shows who made it",
    "MarketActionNotPossible": "omgd query market MARKET shows its status",
    "BondNotCovered": "the bond comes from subaccount 0: omgd query account OWNER",
    "LotAboveSupply": "choose a smaller --lot or --min-order: omgd query tokens",
}
_VALIDATORS: Final = "omgd query validators lists them"
_STAKING_HINTS: Final = {
    "UnknownValidator": _VALIDATORS,
    "ValidatorExists": "omgd validator edit changes it",
    "PublicKeyUsed": "a node that was a validator's needs another key before it becomes one again",
    "SelfBondMinTooLow": "omgd query votes self-bond-min shows the chain's",
    "SelfBondTooSmall": "bond more to it: omgd stake delegate OWNER AMOUNT --from OWNER",
    "NotJailed": _VALIDATORS,
    "StillJailed": "omgd query validators says until when",
    "CommissionStepTooLarge": "omgd query validators --json shows its commission_step_bp",
    "NoDelegation": "omgd query stake OWNER shows what there is",
    "StakeNotCovered": "omgd query stake OWNER shows what there is; undelegate VALIDATOR all",
    "StakeImmature": "omgd query stake OWNER shows when it may move on",
    "NothingToClaim": "rewards come at the end of an epoch: omgd query fees",
    "BadPublicKey": "it has 33 bytes, the first is 02 or 03: --home reads it from a node's home",
    "BadMoniker": "1 to 64 bytes of printable text",
    "BadCommission": "--commission and --commission-step are at most --commission-max",
}
_WALLET_HINTS: Final = {
    "AllowanceExceeded": "omgd query allowances OWNER shows what is left",
    "DailyAllowanceExceeded": "omgd query allowances OWNER shows what is left of the day",
    "DailyLimitExceeded": "omgd query allowances OWNER shows what is left of the day",
    "UnknownRequest": "omgd query requests PAYEE lists the open ones",
    "RequestExists": "choose another --request",
    "RequestExpired": "ask the payee for a new one",
    "RequestDiffers": "omgd query requests PAYEE shows token and amount",
    "BadSymbol": "1 to 16 of A to Z and 0 to 9",
    "BadCap": "--cap is at least --supply, and the same when nothing may be minted",
    "BadMemo": "at most 64 bytes",
    "NotSponsored": "the sponsor grants it: omgd tx sponsor grant CUSTOMER AMOUNT --from SPONSOR",
    "SponsorshipExhausted": "the sponsor grants more: omgd tx sponsor grant",
    "SponsorWithoutFunds": "leave --sponsor out, or wait until it has more",
    "SponsorBusy": "try again in a moment",
    "FeeNotOffered": "omgd query offers TOKEN lists who pays fees for it",
    "FeeOfferTooDear": "raise --max-fee, or leave it out to sign what the offer asks now",
    "FeeOfferExhausted": "omgd query offers TOKEN lists other offers",
    "ProviderWithoutFunds": "omgd query offers TOKEN lists other offers",
    "FeeTokensNotCovered": "the fee is paid from subaccount 0: move tokens there",
    "FeeOfferLimited": "leave --fee-offer out: a limit of the token bars fees in it",
    "ProviderNotAllowed": "leave --fee-offer out, or let the account pay the provider",
    "FeeOfferBusy": "try again in a moment",
    "UnknownFeeOffer": "omgd query offers TOKEN lists the offers there are",
    "BadRate": "write smaller amounts in the same proportion: each is below 2^64 smallest units",
}
_GUARDIANS: Final = "omgd query guardians ACCOUNT lists them, and what they approved"
_RECOVERY_HINTS: Final = {
    "KeyReplaced": "sign with the key that it was given, for --owner: omgd query guardians OWNER",
    "KeyReplacedBefore": "sign with the key that it was given, for --owner: omgd query guardians"
    " OWNER",
    "OwnKeyRaw": "make it anew: the key has become the account's own meanwhile",
    "AgentIsKey": "the key may do everything already",
    "NotAGuardian": _GUARDIANS,
    "SameKey": "omgd query guardians ACCOUNT shows its own key",
    "ApprovedBefore": _GUARDIANS,
    "NoRecovery": "a guardian begins: omgd tx recovery start ACCOUNT KEY --from GUARDIAN",
    "TooFewApprovals": _GUARDIANS,
    "RecoveryTooEarly": "omgd query guardians ACCOUNT shows from when on the key may take effect",
    "RecoveryUnderWay": "omgd tx recovery cancel comes first",
    "NoGuardians": "omgd query guardians ACCOUNT shows that there are none",
    "BadGuardians": "at most eight, each once",
    "BadThreshold": "--threshold is 1 to the number of guardians",
    "BadRecoveryDelay": "--delay is 1m to 30d",
    "GuardianIsOwner": "name others: an owner's own key cannot stand in for itself",
    "KeyIsAccount": "give the address of another key: omgd keys new NAME makes one",
    "RecipientNotAllowed": "omgd query recipients OWNER lists whom it pays, and from when on",
    "BadRecipients": "at most sixteen",
}
_HINTS: Final = {
    **_ORDER_HINTS,
    **_MARKET_HINTS,
    **_STAKING_HINTS,
    **_WALLET_HINTS,
    **_RECOVERY_HINTS,
    "UNAVAILABLE": "the node may just be starting: try again in a moment",
    "DEADLINE_EXCEEDED": "the node is overloaded or stuck: look at its log, then try again",
    "NOT_FOUND": "omgd query orders OWNER lists open orders; ended ones are kept two days",
    "RESOURCE_EXHAUSTED": "the node is busy: try again in a moment",
    "InsufficientFunds": "see what is free: omgd query account OWNER",
    "FeesNotCovered": "fees are paid from subaccount 0 of the owner: omgd query account OWNER",
    "NotAnAgent": "the owner approves it: omgd tx approve-agent AGENT --from OWNER",
    "AgentExpired": "the owner approves it anew: omgd tx approve-agent AGENT --from OWNER",
    "AgentScope": "this needs the owner's own key",
    "UnknownAgent": "omgd query account OWNER lists the owner's agents",
    "UnknownMarket": "omgd query markets lists them",
    "UnknownToken": "omgd query tokens lists them",
    "UnknownOrder": "omgd query orders OWNER lists the open ones",
    "OrderClosed": "omgd query order OWNER CLIENT_ID says how it ended",
    "StaleNonce": "is this machine's clock right? A nonce is the time in milliseconds",
    "NonceAhead": "is this machine's clock right? A nonce is the time in milliseconds",
    "NonceUsed": "this transaction may have been executed already: omgd query account OWNER",
    "AfterNotExecuted": "send the transaction that --after names first, and wait for it",
    "key_exists": "choose another name, or omgd keys remove NAME",
    "key_missing": "omgd keys list shows the keys, omgd keys new NAME makes one",
    "PoolFull": "try again in a moment",
    "AccountPoolFull": "wait until some of the owner's transactions are in a block",
    "NodeBusy": "try again in a moment",
    "TxExpired": "make it anew; --valid-for sets how long a transaction stays valid",
    "WrongChain": "this was signed for another chain: make it anew",
    "storage.locked": "stop the node that uses this directory first",
    "storage.missing": "--home names a node's home, as omgd init or omgd localnet made it",
    "node.settings": "omgd init makes a node's home",
    "directory_taken": "choose another directory",
}


class CommandError(OmgError):
    """A command cannot do what was asked; the hint says what to do next."""

    def __init__(self, code: str, text: str, hint: str = "") -> None:
        """Keep the three parts that are shown."""
        super().__init__(text)
        self.code = code
        self.text = text
        self.hint = hint or _HINTS.get(code, "")

    def describe(self) -> dict[str, str]:
        """Return the error as JSON shows it."""
        return {"code": self.code, "text": self.text, "hint": self.hint}


def make_refusal(number: int, log: str = "") -> CommandError:
    """Return the error for a refusal's number; the log may say more than the table's text."""
    refusal = CODES.get(number)
    if refusal is None:
        return CommandError(str(number), log or "refused with a code that this version lacks")
    text = log if log.startswith(refusal.text) else refusal.text + (f": {log}" if log else "")
    return CommandError(refusal.__name__, text)


def explain(reason: BaseException) -> CommandError | None:
    """Return what to show for an exception, or None for a bug, whose traceback is wanted."""
    match reason:
        case CommandError():
            return reason
        case TxError():
            return CommandError(type(reason).__name__, str(reason))
        case click.UsageError():
            where = reason.ctx.command_path if reason.ctx else "omgd"
            return CommandError("usage", reason.format_message(), f"{where} --help says how")
        case click.ClickException():
            return CommandError("usage", reason.format_message())
        case click.Abort():
            return CommandError("interrupted", "interrupted")
        case ModuleNotFoundError():
            return _explain_missing(reason)
        case OSError():
            place = "" if reason.filename is None else f"{reason.filename}: "
            return CommandError("system", f"{place}{reason.strerror or reason}")
        case _:
            return _explain_coded(reason)


def _explain_missing(reason: ModuleNotFoundError) -> CommandError | None:
    name = (reason.name or "").partition(".")[0]
    extra = EXTRAS.get(name)
    if extra is None:
        return None
    return CommandError(
        "extra_missing",
        f"this command needs the package {name}, which is not installed",
        f"pip install 'omg-chain[{extra}]'",
    )


def _explain_coded(reason: BaseException) -> CommandError | None:
    """Explain what names its own code, as every error of this project does, or a text alone."""
    code = getattr(reason, "code", None)
    if isinstance(code, str):
        return CommandError(code, getattr(reason, "text", "") or str(reason))
    if isinstance(reason, OmgError):
        return CommandError(type(reason).__name__, str(reason))
    return None


def show(failure: CommandError, *, as_json: bool) -> None:
    """Print the error where its reader looks for it."""
    if as_json:
        click.echo(json.dumps({"error": failure.describe()}))
        return
    click.echo(f"error: {failure.text} (code {failure.code})", err=True)
    if failure.hint:
        click.echo(f"  → {failure.hint}", err=True)
