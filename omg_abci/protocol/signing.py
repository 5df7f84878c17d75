"""Digests that users sign, under one EIP-712 domain.

**typed**: EIP-712 over a primary type that is built from the legs, so that any wallet shows each
of them with its fields. **raw**: one hash over the body's bytes, for agent keys.
docs/spec/signing.md has the types and a worked example.
"""

from typing import Final, NamedTuple

from omg_abci.protocol.crypto import compute_keccak
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
from omg_abci.protocol.units import Hash, OrderType, Scheme, SelfTrade, Side, TimeInForce

DOMAIN_NAME: Final = "OMG Network"
DOMAIN_VERSION: Final = "1"
NO_BRIDGE_CHAIN_ID: Final = 31_337
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
    if scheme == Scheme.RAW:
        return compute_keccak(_RAW_PREFIX + separator + body_bytes)
    return compute_keccak(b"\x19\x01" + separator + _hash_body(body))


# --- EIP-712 ----------------------------------------------------------------------------------

LEG_TYPES: Final[dict[type[Message], tuple[tuple[str, str], ...]]] = {
    Transfer: (
        ("address", "to"),
        ("uint32", "token"),
        ("uint128", "amount"),
        ("uint8", "fromSubaccount"),
        ("uint8", "toSubaccount"),
    ),
    PlaceOrder: (
        ("uint32", "market"),
        ("string", "side"),
        ("string", "orderType"),
        ("string", "timeInForce"),
        ("bool", "postOnly"),
        ("uint64", "price"),
        ("uint64", "quantity"),
        ("uint64", "expiresMs"),
        ("uint64", "clientId"),
        ("uint8", "subaccount"),
        ("string", "selfTrade"),
        ("uint32", "maxMatches"),
    ),
    AmendOrder: (
        ("uint64", "clientId"),
        ("uint64", "price"),
        ("uint64", "quantity"),
        ("uint64", "expiresMs"),
        ("uint32", "maxMatches"),
    ),
    CancelOrder: (("uint64", "clientId"),),
    CancelAll: (("uint32", "market"), ("string", "side"), ("uint32", "maxOrders")),
    ApproveAgent: (("address", "agent"), ("string", "scope"), ("uint64", "expiresMs")),
    RevokeAgent: (("address", "agent"),),
}
"""EIP-712 type and name of each field, in the message's own order."""

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
    "orderType": {OrderType.LIMIT: "limit", OrderType.MARKET: "market"},
    "timeInForce": {
        TimeInForce.GTC: "good till cancelled",
        TimeInForce.GTT: "good till time",
        TimeInForce.IOC: "immediate or cancel",
        TimeInForce.FOK: "fill or kill",
    },
    "selfTrade": {
        SelfTrade.CANCEL_NEWEST: "cancel newest",
        SelfTrade.CANCEL_OLDEST: "cancel oldest",
        SelfTrade.CANCEL_BOTH: "cancel both",
        SelfTrade.DECREMENT: "decrement",
        SelfTrade.ALLOW: "allow",
    },
    "scope": {1: "trade"},
}
"""What a wallet shows instead of an enumeration's number."""


def _compute_struct_type(name: str, fields: tuple[tuple[str, str], ...]) -> str:
    return f"{name}({','.join(f'{kind} {field}' for kind, field in fields)})"


_LEG_TYPE_TEXTS: Final = {
    leg: _compute_struct_type(leg.__name__, fields) for leg, fields in LEG_TYPES.items()
}
_LEG_TYPE_HASHES: Final = {
    leg: compute_keccak(text.encode()) for leg, text in _LEG_TYPE_TEXTS.items()
}
_WORD_HASHES: Final = {
    field: {number: compute_keccak(word.encode()) for number, word in words.items()}
    for field, words in _WORDS.items()
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
    for kind, name, value in _list_values(leg):
        if isinstance(value, bytes):
            shown[name] = "0x" + value.hex()
        else:
            shown[name] = _WORDS[name][value] if kind == "string" else value
    return shown


def _hash_body(body: TxBody) -> Hash:
    kinds = {type(leg).__name__: type(leg) for leg in body.legs}
    legs = tuple((type(leg).__name__, f"leg{place}") for place, leg in enumerate(body.legs, 1))
    text = _compute_struct_type(PRIMARY_TYPE, (*BODY_FIELDS, *legs))
    text += "".join([_LEG_TYPE_TEXTS[kinds[name]] for name in sorted(kinds)])
    words = [
        compute_keccak(text.encode()),
        compute_keccak(body.chain_id.encode()),
        _word_address(body.owner),
        *(value.to_bytes(32, "big") for value in body[2:8]),
        *(_hash_leg(leg) for leg in body.legs),
    ]
    return compute_keccak(b"".join(words))


def _hash_leg(leg: Message) -> Hash:
    words = [_LEG_TYPE_HASHES[type(leg)]]
    for kind, name, value in _list_values(leg):
        if isinstance(value, bytes):
            words.append(_word_address(value))
        elif kind == "string":
            words.append(_WORD_HASHES[name][value])
        else:
            words.append(value.to_bytes(32, "big"))
    return compute_keccak(b"".join(words))


def _list_values(leg: Message) -> list[tuple[str, str, int | bytes]]:
    """Return (EIP-712 type, name, value) of each field."""
    fields = LEG_TYPES[type(leg)]
    values: tuple[int | bytes, ...] = tuple(leg)
    return [(kind, name, value) for (kind, name), value in zip(fields, values, strict=True)]


def _word_address(address: bytes) -> bytes:
    return b"\0" * 12 + address
