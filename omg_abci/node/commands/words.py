"""Transactions, their results and the events of blocks in words for people."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

from omg_abci.node.commands.catalogue import Catalogue, MarketTerms
from omg_abci.node.commands.encoding import name_value
from omg_abci.node.commands.failure import make_refusal
from omg_abci.node.commands.output import (
    format_count,
    format_height,
    format_hex,
    format_span,
    format_time,
)
from omg_abci.node.commands.words_staking import (
    describe_staking_done,
    describe_staking_leg,
    describe_validator_event,
)
from omg_abci.node.commands.words_wallet import (
    describe_scope,
    describe_wallet_done,
    describe_wallet_leg,
)
from omg_abci.protocol.messages import (
    AmendOrder,
    ApproveAgent,
    CancelAll,
    CancelOrder,
    ChangeMarket,
    CreateMarket,
    Message,
    PlaceOrder,
    RevokeAgent,
    SetSwitch,
    Transfer,
)
from omg_abci.protocol.messages_staking import STAKING_MESSAGES
from omg_abci.protocol.results import (
    Activated,
    Event,
    LegResult,
    Removed,
    StatusChanged,
    Trade,
    Uncrossed,
    ValidatorJailed,
    ValidatorSlashed,
    ValidatorUnjailed,
)
from omg_abci.protocol.units import (
    Ended,
    MarketAction,
    MarketId,
    MarketMode,
    MarketStatus,
    Millis,
    OrderType,
    PostOnly,
    SelfTrade,
    Side,
    Ticks,
    TimeInForce,
)

_TIME_IN_FORCE: Final = {
    TimeInForce.GTC: "good till cancelled",
    TimeInForce.GTT: "good till time",
    TimeInForce.IOC: "immediate or cancel",
    TimeInForce.FOK: "fill or kill",
    TimeInForce.GTH: "good till height",
}
_ENDED: Final = {
    Ended.OPEN: "open",
    Ended.FILLED: "filled",
    Ended.CANCELLED: "cancelled",
    Ended.EXPIRED: "expired",
    Ended.IMMEDIATE: "the rest of an immediate order was cancelled",
    Ended.MATCH_LIMIT: "the rest still crossed after max_matches and was cancelled",
    Ended.SELF_TRADE: "ended so that the owner does not trade with itself",
    Ended.SWITCHED: "cancelled by the owner's dead-man's switch",
    Ended.DELISTED: "cancelled because its market was delisted",
    Ended.HALTED: "the rest of an immediate order was cancelled when its market halted",
    Ended.UNFILLED: "a fill-or-kill order that could not be filled in full",
}
_POST_ONLY: Final = {
    PostOnly.NONE: "",
    PostOnly.REJECT: "post-only: refused if it would take",
    PostOnly.SLIDE: "post-only: slides to the best price at which it does not take",
    PostOnly.OFF: "no longer post-only",
}
_STATUS: Final = {
    MarketStatus.GONE: "gone",
    MarketStatus.ACTIVE: "active",
    MarketStatus.AUCTION: "auction: it collects orders, nothing trades",
    MarketStatus.UNCROSSING: "uncrossing: its auction is being executed",
    MarketStatus.CANCEL_ONLY: "cancel only",
    MarketStatus.DELISTING: "delisting: its orders are being removed",
}
_ACTION: Final = {
    MarketAction.CANCEL_ONLY: "stop {}: cancellations only",
    MarketAction.RESUME: "resume {} with an auction",
    MarketAction.DELIST: "delist {}, a day from now",
}


def describe_ended(ended: int) -> str:
    """Return why an order is no longer open."""
    return _ENDED[Ended(ended)]


def describe_status(status: int, until_ms: Millis) -> str:
    """Return what a market does, and until when."""
    until = f", until {format_time(until_ms)}" if until_ms else ""
    return _STATUS[MarketStatus(status)] + until


def describe_leg(leg: Message, catalogue: Catalogue) -> str:
    """Return what a leg does, as its signer should read it."""
    match leg:
        case Transfer():
            return _describe_transfer(leg, catalogue)
        case PlaceOrder():
            return _describe_place(leg, catalogue)
        case AmendOrder():
            return _describe_amend(leg)
        case CancelOrder():
            return f"cancel order {leg.client_id}"
        case CancelAll():
            sides = f" {name_value(Side(leg.side))}" if leg.side else ""
            where = _name_market(leg.market, catalogue) if leg.market else "all markets"
            return f"cancel the owner's open{sides} orders in {where}, at most {leg.max_orders}"
        case SetSwitch():
            return _describe_switch(leg)
        case CreateMarket():
            return _describe_create(leg, catalogue)
        case ChangeMarket():
            return _ACTION[MarketAction(leg.action)].format(_name_market(leg.market, catalogue))
        case ApproveAgent():
            return (
                f"let {format_hex(leg.agent)} {describe_scope(leg.scope)} for the owner until"
                f" {format_time(leg.expires_ms)}"
            )
        case RevokeAgent():
            return f"take the approval of {format_hex(leg.agent)} back"
        case _:
            if isinstance(leg, STAKING_MESSAGES):
                return describe_staking_leg(leg, catalogue)
            return describe_wallet_leg(leg, catalogue)


def _describe_transfer(leg: Transfer, catalogue: Catalogue) -> str:
    token = catalogue.tokens.get(leg.token)
    amount = token.format(leg.amount) if token else f"{leg.amount} units of token {leg.token}"
    origin = f" from subaccount {leg.from_subaccount}" if leg.from_subaccount else ""
    goal = f" subaccount {leg.to_subaccount}" if leg.to_subaccount else ""
    return f"transfer {amount}{origin} to {format_hex(leg.to)}{goal}"


def _name_market(market: MarketId, catalogue: Catalogue) -> str:
    known = catalogue.markets.get(market)
    return f"market {known.name if known else market}"


def _describe_switch(leg: SetSwitch) -> str:
    if not leg.at_ms:
        return "turn the dead-man's switch off"
    return f"cancel all of the owner's orders at {format_time(leg.at_ms)}, unless it is set anew"


def _describe_create(leg: CreateMarket, catalogue: Catalogue) -> str:
    mode = name_value(MarketMode(leg.mode))
    band = f"band {Fraction(leg.band_bp, 100)} %" if leg.band_bp else "no price band"
    auctions = f"auctions of {format_span(leg.auction_ms)}"
    base, quote = catalogue.tokens.get(leg.base), catalogue.tokens.get(leg.quote)
    if base is None or quote is None:
        what = f"tokens {leg.base}/{leg.quote}, units {leg.base_unit} and {leg.quote_unit}"
        return f"create a {mode} market: {what}; {band}; {auctions}"
    terms = MarketTerms(0, base, quote, leg.base_unit, leg.quote_unit)
    return (
        f"create a {mode} market {terms.name}: lot {terms.format_quantity(1)}, tick"
        f" {terms.format_price(1)}, orders of {terms.format_quantity(leg.lots_min)} to"
        f" {terms.format_quantity(leg.lots_max)}; {band}; {auctions}"
    )


def _describe_place(leg: PlaceOrder, catalogue: Catalogue) -> str:
    market = catalogue.markets.get(leg.market)
    side = name_value(Side(leg.side))
    lots = _format_lots(leg.quantity, market)
    what = f"{side} {lots} at {_format_price(leg.price, market)}"
    if market is None:
        what += f" in market {leg.market}"
    else:
        bound = "at most" if leg.side == Side.BUY else "at least"
        what += f" or better ({bound} {market.format_cost(leg.quantity * leg.price)} in all)"
    notes = [*_list_type_notes(leg, market), _describe_life(leg)]
    if leg.post_only:
        notes.append(_POST_ONLY[PostOnly(leg.post_only)])
    if leg.subaccount:
        notes.append(f"subaccount {leg.subaccount}")
    if leg.self_trade != SelfTrade.CANCEL_NEWEST:
        notes.append(f"self-trade: {name_value(SelfTrade(leg.self_trade)).replace('_', ' ')}")
    return f"{what}; {', '.join(notes)}; order {leg.client_id}"


def _list_type_notes(leg: PlaceOrder, market: MarketTerms | None) -> Iterator[str]:
    """Yield what the order does besides its price and quantity."""
    if leg.order_type == OrderType.MARKET:
        yield "market order"
    elif leg.order_type == OrderType.ICEBERG:
        yield f"iceberg that shows {_format_lots(leg.display, market)} at a time"
    elif leg.order_type in (OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT):
        name = name_value(OrderType(leg.order_type)).replace("_", "-")
        yield (
            f"{name}: waits until a trade {describe_trigger(leg.order_type, leg.side)}"
            f" {_format_price(leg.trigger, market)}"
        )


def describe_trigger(order_type: int, side: int) -> str:
    """Return on which side of its trigger a trade activates a waiting order."""
    rises = (order_type == OrderType.STOP_LIMIT) == (side == Side.BUY)
    return "at or above" if rises else "at or below"


def _describe_life(leg: PlaceOrder) -> str:
    if leg.expires_ms:
        return f"until {format_time(leg.expires_ms)}"
    if leg.expires_height:
        return f"until {format_height(leg.expires_height)}"
    return _TIME_IN_FORCE[TimeInForce(leg.time_in_force)]


def _describe_amend(leg: AmendOrder) -> str:
    changes = []
    if leg.price:
        changes.append(f"price {format_count(leg.price, 'tick')}")
    if leg.quantity:
        changes.append(f"total quantity {format_count(leg.quantity, 'lot')}")
    if leg.trigger:
        changes.append(f"trigger {format_count(leg.trigger, 'tick')}")
    if leg.display:
        changes.append(f"shows {format_count(leg.display, 'lot')} at a time")
    if leg.time_in_force:
        changes.append(_TIME_IN_FORCE[TimeInForce(leg.time_in_force)])
    if leg.expires_ms:
        changes.append(f"good until {format_time(leg.expires_ms)}")
    if leg.expires_height:
        changes.append(f"good until {format_height(leg.expires_height)}")
    if leg.post_only:
        changes.append(_POST_ONLY[PostOnly(leg.post_only)])
    if leg.self_trade:
        changes.append(f"self-trade: {name_value(SelfTrade(leg.self_trade)).replace('_', ' ')}")
    return f"amend order {leg.client_id}: {', '.join(changes)}"


def describe_result(leg: Message, result: LegResult, catalogue: Catalogue) -> Iterator[str]:
    """Yield what became of a leg, one line a fact."""
    if result.code:
        failure = make_refusal(result.code)
        yield f"refused: {failure.text} (code {failure.code})"
    else:
        yield from _describe_done(leg, result, catalogue)
    for removal in result.removals:
        yield (
            f"removed from the book on the way: order {removal.client_id} of"
            f" {format_hex(removal.owner)} ({describe_ended(removal.reason)})"
        )
    for each in result.decrements:
        yield f"own order {each.client_id} made smaller by {format_count(each.quantity, 'lot')}"


def _describe_done(leg: Message, result: LegResult, catalogue: Catalogue) -> Iterator[str]:
    match leg:
        case Transfer():
            yield "transferred"
        case PlaceOrder():
            yield from _describe_order(leg.client_id, result, catalogue.markets.get(leg.market))
        case AmendOrder():
            yield "amended, kept its place" if result.kept_place else "amended, lost its place"
            yield from _describe_order(leg.client_id, result, None)
        case CancelOrder():
            if result.tombstone:
                yield f"order {leg.client_id} is not known; if it still comes, it is refused"
            else:
                yield f"order {leg.client_id}: {describe_ended(result.ended)}"
        case CancelAll():
            yield f"{format_count(result.cancelled, 'order')} cancelled"
            if result.more:
                yield "more are left: send it again"
        case SetSwitch():
            yield "the switch is set" if leg.at_ms else "the switch is off"
        case CreateMarket():
            yield f"created market {result.market}; its opening auction collects orders now"
        case ChangeMarket():
            yield "changed"
        case ApproveAgent():
            yield "approved"
        case RevokeAgent():
            yield "revoked"
        case _:
            if isinstance(leg, STAKING_MESSAGES):
                yield describe_staking_done(leg)
            else:
                yield describe_wallet_done(leg, result)


def _describe_order(client_id: int, result: LegResult, market: MarketTerms | None) -> Iterator[str]:
    if result.repeated:
        yield f"order {client_id} was placed before; this is what has become of it"
    if result.filled:
        fills = f" in {len(result.fills)} fills" if len(result.fills) > 1 else ""
        lots, average = _format_lots(result.filled, market), _format_average(result, market)
        yield f"filled {lots}{average}{fills}"
    if result.price:
        yield f"it slid to {_format_price(result.price, market)}"
    if result.waiting:
        yield f"order {client_id} waits for its trigger"
    elif result.resting:
        yield f"{_format_lots(result.resting, market)} rest in the book as order {client_id}"
    elif result.ended != Ended.FILLED or not result.filled:
        yield f"nothing rests: {describe_ended(result.ended)}"


def _format_lots(lots: int, market: MarketTerms | None) -> str:
    return market.format_quantity(lots) if market else format_count(lots, "lot")


def _format_price(price: Ticks, market: MarketTerms | None) -> str:
    return market.format_price(price) if market else format_count(price, "tick")


def _format_average(result: LegResult, market: MarketTerms | None) -> str:
    quantity = sum(fill.quantity for fill in result.fills)
    if not quantity or market is None:
        return ""
    total = sum(fill.quantity * fill.price for fill in result.fills)
    return f" at {market.format_price(Fraction(total, quantity))}"


def describe_legs(
    legs: Sequence[Message], results: Sequence[LegResult], catalogue: Catalogue
) -> Iterator[str]:
    """Yield each leg and below it, indented, what became of it."""
    for leg, result in zip(legs, results, strict=True):
        yield describe_leg(leg, catalogue)
        for line in describe_result(leg, result, catalogue):
            yield f"  {line}"


# --- events of a block ------------------------------------------------------------------------


def describe_event(event: Event, catalogue: Catalogue) -> Iterator[str]:
    """Yield what a block did outside of its transactions, one line a fact."""
    match event:
        case Removed():
            who = f"order {event.client_id} of {format_hex(event.owner)}"
            yield f"{who} ended: {describe_ended(event.reason)}"
        case Activated():
            yield f"order {event.client_id} of {format_hex(event.owner)} was triggered"
            for line in _describe_order(event.client_id, event.result, None):
                yield f"  {line}"
        case Trade():
            terms = catalogue.markets.get(event.market)
            yield (
                f"{_name_market(event.market, catalogue)}: {_format_lots(event.quantity, terms)}"
                f" traded at {_format_price(event.price, terms)}, from order"
                f" {event.sell_client_id} of {format_hex(event.seller)} to order"
                f" {event.buy_client_id} of {format_hex(event.buyer)}"
            )
        case Uncrossed():
            yield f"{_name_market(event.market, catalogue)}: {_describe_auction(event, catalogue)}"
        case StatusChanged():
            status = describe_status(event.status, event.until_ms)
            yield f"{_name_market(event.market, catalogue)} is now {status}"
        case ValidatorSlashed() | ValidatorJailed() | ValidatorUnjailed():
            yield describe_validator_event(event, catalogue)


def _describe_auction(event: Uncrossed, catalogue: Catalogue) -> str:
    if not event.price:
        return "auction: nothing crossed"
    terms = catalogue.markets.get(event.market)
    return f"auction: {_format_lots(event.volume, terms)} at {_format_price(event.price, terms)}"
