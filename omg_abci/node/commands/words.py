"""Transactions and their results in words for people, and as JSON for programs."""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from fractions import Fraction
from typing import Final, NamedTuple

from omg_abci.node.commands.catalogue import Catalogue, MarketTerms
from omg_abci.node.commands.failure import make_refusal
from omg_abci.node.commands.output import format_count, format_hex, format_time
from omg_abci.protocol import codec
from omg_abci.protocol.errors import CODES
from omg_abci.protocol.messages import (
    AmendOrder,
    ApproveAgent,
    CancelAll,
    CancelOrder,
    Message,
    PlaceOrder,
    RevokeAgent,
    Transfer,
    TxBody,
)
from omg_abci.protocol.results import LegResult, TxResult
from omg_abci.protocol.units import (
    Address,
    Ended,
    OrderType,
    Scheme,
    Scope,
    SelfTrade,
    Side,
    TimeInForce,
)

_TIME_IN_FORCE: Final = {
    TimeInForce.GTC: "good till cancelled",
    TimeInForce.GTT: "good till time",
    TimeInForce.IOC: "immediate or cancel",
    TimeInForce.FOK: "fill or kill",
}
_ENDED: Final = {
    Ended.OPEN: "open",
    Ended.FILLED: "filled",
    Ended.CANCELLED: "cancelled",
    Ended.EXPIRED: "expired",
    Ended.IMMEDIATE: "the rest of an immediate order was cancelled",
    Ended.MATCH_LIMIT: "the rest still crossed after max_matches and was cancelled",
    Ended.SELF_TRADE: "ended so that the owner does not trade with itself",
}
_FIELD_ENUMS: Final[dict[str, type[IntEnum]]] = {
    "side": Side,
    "order_type": OrderType,
    "time_in_force": TimeInForce,
    "self_trade": SelfTrade,
    "scope": Scope,
}


class DecodedTx(NamedTuple):
    """A transaction as it stands in a block; its signature is the node's business."""

    signer: Address
    scheme: int
    body: TxBody


def decode_tx(raw: bytes) -> DecodedTx:
    """Return what a transaction says; raise the format errors of envelope and body."""
    body, signer, scheme, _ = codec.decode_envelope(raw)
    return DecodedTx(signer, scheme, codec.decode_body(body))


# --- JSON -------------------------------------------------------------------------------------


def name_value(value: IntEnum) -> str:
    """Return an enumeration's value as programs write it, such as cancel_newest."""
    return value.name.lower()


def encode_leg(leg: Message) -> dict[str, object]:
    """Return a leg for JSON: addresses in hex, amounts in decimal text, words for numbers."""
    encoded: dict[str, object] = {"kind": _name_leg(leg)}
    for name, value in leg._asdict().items():
        if isinstance(value, bytes):
            encoded[name] = format_hex(value)
        elif name == "amount":
            encoded[name] = str(value)
        elif name in _FIELD_ENUMS:
            encoded[name] = name_value(_FIELD_ENUMS[name](value)) if value else None
        else:
            encoded[name] = value
    return encoded


def _name_leg(leg: Message) -> str:
    name = type(leg).__name__
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name).lstrip("_")


def encode_body(tx: DecodedTx) -> dict[str, object]:
    """Return a transaction for JSON."""
    body = tx.body
    return {
        "chain_id": body.chain_id,
        "owner": format_hex(body.owner),
        "signer": format_hex(tx.signer),
        "scheme": name_value(Scheme(tx.scheme)),
        "nonce": body.nonce,
        "after": body.after,
        "valid_until_ms": body.valid_until_ms,
        "valid_until_height": body.valid_until_height,
        "atomic": body.atomic,
        "max_unit_price": body.max_unit_price,
        "legs": [encode_leg(leg) for leg in body.legs],
    }


def encode_result(result: TxResult) -> dict[str, object]:
    """Return a result for JSON."""
    return {
        "code": result.code,
        "work": result.work,
        "fee": str(result.fee),
        "legs": [_encode_leg_result(leg) for leg in result.legs],
    }


def _encode_leg_result(leg: LegResult) -> dict[str, object]:
    encoded: dict[str, object] = dict(leg._asdict())
    encoded["code_name"] = CODES[leg.code].__name__ if leg.code in CODES else None
    # An order that neither rests nor ended was never in the book; other legs have none.
    is_known = leg.ended != Ended.OPEN or leg.resting
    encoded["ended"] = name_value(Ended(leg.ended)) if is_known else None
    encoded["fills"] = [{**fill._asdict(), "maker": format_hex(fill.maker)} for fill in leg.fills]
    encoded["removals"] = [
        {
            "owner": format_hex(each.owner),
            "client_id": each.client_id,
            "reason": name_value(Ended(each.reason)),
        }
        for each in leg.removals
    ]
    encoded["decrements"] = [each._asdict() for each in leg.decrements]
    return encoded


# --- words ------------------------------------------------------------------------------------


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
            known = catalogue.markets.get(leg.market)
            where = f"market {known.name if known else leg.market}" if leg.market else "all markets"
            return f"cancel the owner's open{sides} orders in {where}, at most {leg.max_orders}"
        case ApproveAgent():
            return (
                f"let {format_hex(leg.agent)} trade for the owner until"
                f" {format_time(leg.expires_ms)}"
            )
        case RevokeAgent():
            return f"take the approval of {format_hex(leg.agent)} back"


def _describe_transfer(leg: Transfer, catalogue: Catalogue) -> str:
    token = catalogue.tokens.get(leg.token)
    amount = token.format(leg.amount) if token else f"{leg.amount} units of token {leg.token}"
    origin = f" from subaccount {leg.from_subaccount}" if leg.from_subaccount else ""
    goal = f" subaccount {leg.to_subaccount}" if leg.to_subaccount else ""
    return f"transfer {amount}{origin} to {format_hex(leg.to)}{goal}"


def _describe_place(leg: PlaceOrder, catalogue: Catalogue) -> str:
    market = catalogue.markets.get(leg.market)
    side = name_value(Side(leg.side))
    until = _TIME_IN_FORCE[TimeInForce(leg.time_in_force)]
    if leg.expires_ms:
        until = f"until {format_time(leg.expires_ms)}"
    if market is None:
        what = f"{side} {leg.quantity} lots at {leg.price} ticks in market {leg.market}"
    else:
        bound = "at most" if leg.side == Side.BUY else "at least"
        cost = market.format_cost(leg.quantity * leg.price)
        what = (
            f"{side} {market.format_quantity(leg.quantity)} at {market.format_price(leg.price)}"
            f" or better ({bound} {cost} in all)"
        )
    notes = [until]
    if leg.order_type == OrderType.MARKET:
        notes.insert(0, "market order")
    if leg.post_only:
        notes.append("post-only")
    if leg.subaccount:
        notes.append(f"subaccount {leg.subaccount}")
    if leg.self_trade != SelfTrade.CANCEL_NEWEST:
        notes.append(f"self-trade: {name_value(SelfTrade(leg.self_trade)).replace('_', ' ')}")
    return f"{what}; {', '.join(notes)}; order {leg.client_id}"


def _describe_amend(leg: AmendOrder) -> str:
    changes = []
    if leg.price:
        changes.append(f"price {leg.price} ticks")
    if leg.quantity:
        changes.append(f"total quantity {leg.quantity} lots")
    if leg.expires_ms:
        changes.append(f"good until {format_time(leg.expires_ms)}")
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
            f" {format_hex(removal.owner)} ({_ENDED[Ended(removal.reason)]})"
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
                yield f"order {leg.client_id}: {_ENDED[Ended(result.ended)]}"
        case CancelAll():
            yield f"{format_count(result.cancelled, 'order')} cancelled"
            if result.more:
                yield "more are left: send it again"
        case ApproveAgent():
            yield "approved"
        case RevokeAgent():
            yield "revoked"


def _describe_order(client_id: int, result: LegResult, market: MarketTerms | None) -> Iterator[str]:
    if result.repeated:
        yield f"order {client_id} was placed before; this is what has become of it"
    if result.filled:
        fills = f" in {len(result.fills)} fills" if len(result.fills) > 1 else ""
        lots, average = _format_lots(result.filled, market), _format_average(result, market)
        yield f"filled {lots}{average}{fills}"
    if result.resting:
        yield f"{_format_lots(result.resting, market)} rest in the book as order {client_id}"
    elif result.ended != Ended.FILLED or not result.filled:
        yield f"nothing rests: {_ENDED[Ended(result.ended)]}"


def _format_lots(lots: int, market: MarketTerms | None) -> str:
    return market.format_quantity(lots) if market else format_count(lots, "lot")


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
