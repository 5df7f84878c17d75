"""Transactions, results and events as JSON for programs.

Bytes are in hex, amounts in decimal text, enumerations in words; prices are ticks, quantities lots.
"""

from enum import IntEnum, IntFlag
from typing import Any, Final, NamedTuple

from omg_abci.node.block_events import decode_event, get_kind
from omg_abci.node.commands.output import format_hex
from omg_abci.protocol import codec
from omg_abci.protocol.errors import CODES
from omg_abci.protocol.messages import AmendOrder, Message, TxBody
from omg_abci.protocol.results import LegResult, TxResult
from omg_abci.protocol.units import (
    Address,
    Ended,
    Fault,
    MarketAction,
    MarketMode,
    MarketStatus,
    OrderType,
    PostOnly,
    Scheme,
    Scope,
    SelfTrade,
    Side,
    TimeInForce,
)

FIELD_ENUMS: Final[dict[str, type[IntEnum | IntFlag]]] = {
    "side": Side,
    "order_type": OrderType,
    "time_in_force": TimeInForce,
    "post_only": PostOnly,
    "self_trade": SelfTrade,
    "scope": Scope,
    "mode": MarketMode,
    "action": MarketAction,
    "status": MarketStatus,
    "ended": Ended,
    "reason": Ended,
    "fault": Fault,
}
"""Which fields, wherever they stand, are enumerations."""
AMOUNT_FIELDS: Final = (
    *("amount", "supply", "free", "reserved", "base_unit", "quote_unit"),
    *("fee_pool", "bond", "market_bond", "cap", "deposit", "total", "daily", "payer_cap", "paid"),
    *("self_bond_min", "power_unit", "rewards", "slashed", "commission", "tokens", "left"),
    *("from_pools", "shares", "units", "reward_index", "paid_index", "seen_index"),
    *("shares", "units", "reward_index", "paid_index", "seen_index"),
    *("max_amount", "per"),
    *("cost", "collected", "refunded", "refunds", "value"),
)
"""Which fields may be larger than a program's numbers."""


class DecodedTx(NamedTuple):
    """A transaction as it stands in a block; its signature is the node's business."""

    signer: Address
    scheme: int
    body: TxBody


def decode_tx(raw: bytes) -> DecodedTx:
    """Return what a transaction says; raise the format errors of envelope and body."""
    body, signer, scheme, _ = codec.decode_envelope(raw)
    return DecodedTx(signer, scheme, codec.decode_body(body))


def name_value(value: IntEnum | IntFlag) -> str:
    """Return an enumeration's value as programs write it, such as cancel_newest or trade|pay."""
    return str(value.name).lower()


def encode_field(name: str, value: Any) -> object:  # noqa: ANN401 - of any message or record
    """Return a field's value for JSON; None for a number that its enumeration lacks."""
    if isinstance(value, bytes):
        return format_hex(value)
    if isinstance(value, tuple):
        return [encode_field(name, each) for each in value]
    if name in AMOUNT_FIELDS:
        return str(value)
    if name in FIELD_ENUMS and isinstance(value, int):
        try:
            return name_value(FIELD_ENUMS[name](value))
        except ValueError:
            return None
    plain: object = value
    return plain


def encode_leg(leg: Message) -> dict[str, object]:
    """Return a leg for JSON."""
    fields = _encode_fields(leg)
    if isinstance(leg, AmendOrder) and not leg.post_only:
        # In an amendment the word "none" would read as taking post-only off.
        fields["post_only"] = None
    return {"kind": _name_leg(leg), **fields}


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
        "legs": [encode_leg_result(leg) for leg in result.legs],
    }


def encode_leg_result(leg: LegResult) -> dict[str, object]:
    """Return what became of a leg for JSON."""
    encoded: dict[str, object] = dict(leg._asdict())
    encoded["code_name"] = CODES[leg.code].__name__ if leg.code in CODES else None
    # An order that neither is open nor ended was never in the book; other legs have none.
    is_known = leg.ended != Ended.OPEN or leg.resting or leg.waiting
    encoded["ended"] = name_value(Ended(leg.ended)) if is_known else None
    for name in ("fills", "removals", "decrements"):
        encoded[name] = [_encode_fields(each) for each in getattr(leg, name)]
    return encoded


def encode_event(event: Any) -> dict[str, object]:  # noqa: ANN401 - generated, without a base
    """Return an event of a block for JSON, its name as `kind`; raise Undecodable."""
    encoded: dict[str, object] = {"kind": get_kind(event)}
    for name, value in decode_event(event)._asdict().items():
        is_result = isinstance(value, LegResult)
        encoded[name] = encode_leg_result(value) if is_result else encode_field(name, value)
    return encoded


def _encode_fields(record: Any) -> dict[str, object]:  # noqa: ANN401 - any named tuple
    return {name: encode_field(name, value) for name, value in record._asdict().items()}
