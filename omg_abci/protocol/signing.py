"""Digests that users sign, under one EIP-712 domain.

**typed**: EIP-712 over a primary type that is built from the legs, so that any wallet shows each
of them with its fields. **raw**: one hash over the body's bytes, for agent keys.
docs/spec/signing.md has the types and a worked example.
"""

import struct
from functools import lru_cache
from typing import Any, Final, NamedTuple

from omg_abci.protocol.crypto import compute_keccak
from omg_abci.protocol.leg_types import LEG_TYPES
from omg_abci.protocol.messages import AmendOrder, Message, TxBody
from omg_abci.protocol.parameters import PARAMETERS
from omg_abci.protocol.units import (
    Hash,
    MarketAction,
    MarketMode,
    OrderType,
    PostOnly,
    Scheme,
    Scope,
    SelfTrade,
    Side,
    TimeInForce,
)

DOMAIN_NAME: Final = "OMG Network"
DOMAIN_VERSION: Final = "1"
NO_BRIDGE_CHAIN_ID: Final = 31_337
_RAW: Final = int(Scheme.RAW)
_RAW_PREFIX: Final = b"OMG raw v1\n"
_DOMAIN_TYPE: Final = (
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)


class Domain(NamedTuple):
    """Where signatures are valid: Ethereum's chain id, the Plasma contract, our chain's id."""

    chain_id: str
    ethereum_chain_id: int
    verifying_contract: bytes


def compute_no_bridge_domain(chain_id: str) -> Domain:
    """Return the domain of a chain that no contract belongs to."""
    contract = compute_keccak(b"OMG no bridge" + chain_id.encode())[12:]
    return Domain(chain_id, NO_BRIDGE_CHAIN_ID, contract)


def compute_domain_separator(domain: Domain) -> Hash:
    """Return EIP-712's domain separator."""
    return compute_keccak(
        compute_keccak(_DOMAIN_TYPE.encode())
        + compute_keccak(DOMAIN_NAME.encode())
        + compute_keccak(DOMAIN_VERSION.encode())
        + domain.ethereum_chain_id.to_bytes(32, "big")
        + _word_address(domain.verifying_contract)
    )


def compute_digest(separator: Hash, scheme: int, body_bytes: bytes, body: TxBody) -> Hash:
    """Return what the signer signs: the transaction's id."""
    if scheme == _RAW:
        return compute_keccak(_RAW_PREFIX + separator + body_bytes)
    return compute_keccak(b"\x19\x01" + separator + _hash_body(body))


# --- EIP-712 ----------------------------------------------------------------------------------

BODY_FIELDS: Final = (
    ("string", "chain"),
    ("address", "owner"),
    ("uint64", "nonce"),
    ("uint64", "after"),
    ("uint64", "validUntilMs"),
    ("uint64", "validUntilHeight"),
    ("bool", "atomic"),
    ("uint64", "maxUnitPrice"),
)
PRIMARY_TYPE: Final = "OmgTransaction"

_WORDS: Final[dict[str, dict[int, str]]] = {
    "side": {0: "both", Side.BUY: "buy", Side.SELL: "sell"},
    "orderType": {
        OrderType.LIMIT: "limit",
        OrderType.MARKET: "market",
        OrderType.STOP_LIMIT: "stop limit",
        OrderType.TAKE_PROFIT: "take profit",
        OrderType.ICEBERG: "iceberg",
    },
    "timeInForce": {
        0: "unchanged",
        TimeInForce.GTC: "good till cancelled",
        TimeInForce.GTT: "good till time",
        TimeInForce.IOC: "immediate or cancel",
        TimeInForce.FOK: "fill or kill",
        TimeInForce.GTH: "good till height",
    },
    "postOnly": {PostOnly.NONE: "no", PostOnly.REJECT: "reject", PostOnly.SLIDE: "slide"},
    "selfTrade": {
        0: "unchanged",
        SelfTrade.CANCEL_NEWEST: "cancel newest",
        SelfTrade.CANCEL_OLDEST: "cancel oldest",
        SelfTrade.CANCEL_BOTH: "cancel both",
        SelfTrade.DECREMENT: "decrement",
        SelfTrade.ALLOW: "allow",
    },
    "scope": {
        Scope.TRADE: "trade",
        Scope.PAY: "pay",
        Scope.TRADE | Scope.PAY: "trade and pay",
        Scope.RECOVER: "recover",
        Scope.TRADE | Scope.RECOVER: "trade and recover",
        Scope.PAY | Scope.RECOVER: "pay and recover",
        Scope.TRADE | Scope.PAY | Scope.RECOVER: "trade, pay and recover",
    },
    "parameter": {number: each.name for number, each in PARAMETERS.items()},
    "mode": {MarketMode.CONTINUOUS: "continuous", MarketMode.BATCH: "batch"},
    "action": {
        MarketAction.CANCEL_ONLY: "cancel only",
        MarketAction.RESUME: "resume",
        MarketAction.DELIST: "delist",
    },
}
"""What a wallet shows instead of an enumeration's number; other strings are their own words."""

_AMEND_POST_ONLY: Final[dict[int, str]] = {
    **_WORDS["postOnly"],
    PostOnly.NONE: "unchanged",
    PostOnly.OFF: "off",
}


def _get_words(leg: type[Message], field: str) -> dict[int, str]:
    if leg is AmendOrder and field == "postOnly":
        return _AMEND_POST_ONLY
    return _WORDS[field]


def _compute_struct_type(name: str, fields: tuple[tuple[str, str], ...]) -> str:
    return f"{name}({','.join(f'{kind} {field}' for kind, field in fields)})"


_LEG_TYPE_TEXTS: Final = {
    leg: _compute_struct_type(leg.__name__, fields) for leg, fields in LEG_TYPES.items()
}


def compute_typed_data(domain: Domain, body: TxBody) -> dict[str, object]:
    """Return the JSON-ready object that a wallet's eth_signTypedData_v4 takes."""
    kinds = sorted({type(leg).__name__: type(leg) for leg in body.legs}.items())
    types = {name: _list_fields(LEG_TYPES[kind]) for name, kind in kinds}
    legs = [(type(leg).__name__, f"leg{place}") for place, leg in enumerate(body.legs, 1)]
    values = [body.chain_id, "0x" + body.owner.hex(), *body[2:8]]
    message: dict[str, object] = {
        name: value for (_, name), value in zip(BODY_FIELDS, values, strict=True)
    }
    for place, leg in enumerate(body.legs, 1):
        message[f"leg{place}"] = _compute_leg_values(leg)
    return {
        "types": {
            "EIP712Domain": _list_fields(
                (
                    ("string", "name"),
                    ("string", "version"),
                    ("uint256", "chainId"),
                    ("address", "verifyingContract"),
                )
            ),
            PRIMARY_TYPE: _list_fields((*BODY_FIELDS, *legs)),
            **types,
        },
        "primaryType": PRIMARY_TYPE,
        "domain": {
            "name": DOMAIN_NAME,
            "version": DOMAIN_VERSION,
            "chainId": domain.ethereum_chain_id,
            "verifyingContract": "0x" + domain.verifying_contract.hex(),
        },
        "message": message,
    }


def _list_fields(fields: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"name": name, "type": kind} for kind, name in fields]


def _compute_leg_values(leg: Message) -> dict[str, object]:
    shown: dict[str, object] = {}
    values: tuple[int | bytes | str | tuple[bytes, ...], ...] = tuple(leg)
    for (_, name), value in zip(LEG_TYPES[type(leg)], values, strict=True):
        if isinstance(value, bytes):
            shown[name] = "0x" + value.hex()
        elif isinstance(value, tuple):
            shown[name] = ["0x" + each.hex() for each in value]
        elif isinstance(value, str) or name not in _WORDS:
            shown[name] = value
        else:
            shown[name] = _get_words(type(leg), name)[value]
    return shown


# --- the same as a digest ---------------------------------------------------------------------

_WORD_FORMATS: Final = {
    "address": "12x20s",
    "address[]": "32s",
    "string": "32s",
    "bytes": "32s",
    "uint128": "16x16s",
    "uint64": "24xQ",
    "uint32": "24xQ",
    "uint8": "24xQ",
    "bool": "24xQ",
}
"""How a value lies in its 32-byte word."""


class _Layout(NamedTuple):
    """A struct's words, packed by one call: 1.5 µs an order, 5 word by word."""

    type_hash: Hash
    pack: struct.Struct
    hashes: tuple[tuple[int, dict[int, Hash]], ...]
    """Place of each enumeration, and the hashes of its words."""
    amounts: tuple[int, ...]
    """Places of the numbers that are wider than a machine's."""
    texts: tuple[int, ...]
    """Places of texts and bytes of any length, which stand as their hashes."""
    lists: tuple[int, ...]
    """Places of lists of addresses, which stand as the hashes of their words."""


def _lay_out(leg: type[Message]) -> _Layout:
    fields = LEG_TYPES[leg]
    hashes = [
        (place, {n: compute_keccak(w.encode()) for n, w in _get_words(leg, name).items()})
        for place, (kind, name) in enumerate(fields)
        if kind == "string" and name in _WORDS
    ]
    return _Layout(
        compute_keccak(_LEG_TYPE_TEXTS[leg].encode()),
        struct.Struct(">32s" + "".join([_WORD_FORMATS[kind] for kind, _ in fields])),
        tuple(hashes),
        tuple([place for place, (kind, _) in enumerate(fields) if kind == "uint128"]),
        tuple([place for place, field in enumerate(fields) if _is_text(*field)]),
        tuple([place for place, (kind, _) in enumerate(fields) if kind == "address[]"]),
    )


def _is_text(kind: str, name: str) -> bool:
    return kind == "bytes" or (kind == "string" and name not in _WORDS)


_LAYOUTS: Final = {leg: _lay_out(leg) for leg in LEG_TYPES}
_BODY_LAYOUT: Final = struct.Struct(">32s32s12x20s" + "24xQ" * 6)


def _hash_body(body: TxBody) -> Hash:
    head = _BODY_LAYOUT.pack(
        _compute_body_type_hash(tuple([type(leg) for leg in body.legs])),
        compute_keccak(body.chain_id.encode()),
        *body[1:8],
    )
    return compute_keccak(head + b"".join([_hash_leg(leg) for leg in body.legs]))


@lru_cache(maxsize=1_024)  # most transactions repeat a form; its text and hash take 7 µs
def _compute_body_type_hash(legs: tuple[type[Message], ...]) -> Hash:
    fields = tuple([(leg.__name__, f"leg{place}") for place, leg in enumerate(legs, 1)])
    kinds = {leg.__name__: leg for leg in legs}
    text = _compute_struct_type(PRIMARY_TYPE, (*BODY_FIELDS, *fields))
    text += "".join([_LEG_TYPE_TEXTS[kinds[name]] for name in sorted(kinds)])
    return compute_keccak(text.encode())


def _hash_leg(leg: Message) -> Hash:
    layout = _LAYOUTS[type(leg)]
    values: list[Any] = list(leg)
    for place, hashes in layout.hashes:
        values[place] = hashes[values[place]]
    for place in layout.amounts:
        values[place] = values[place].to_bytes(16, "big")
    for place in layout.texts:
        text = values[place]
        values[place] = compute_keccak(text.encode() if isinstance(text, str) else text)
    for place in layout.lists:
        values[place] = compute_keccak(b"".join([_word_address(each) for each in values[place]]))
    return compute_keccak(layout.pack.pack(layout.type_hash, *values))


def _word_address(address: bytes) -> bytes:
    return b"\0" * 12 + address
