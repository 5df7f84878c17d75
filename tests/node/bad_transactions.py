"""One transaction for each way in which its bytes or fields can be wrong, with the expected code.

Every one is signed truly over what it says, unless the signature is what is wrong.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from omg_abci.gen.omg.tx.v1 import tx_pb2 as pb
from omg_abci.protocol import errors, limits
from omg_abci.protocol.codec import encode_body, encode_envelope
from omg_abci.protocol.crypto import ORDER, sign_digest
from omg_abci.protocol.messages import (
    CancelAll,
    CancelOrder,
    ChangeMarket,
    Message,
    TxBody,
    UseFeeOffer,
    UseSponsorship,
)
from omg_abci.protocol.signing import (
    Domain,
    compute_digest,
    compute_domain_separator,
    compute_no_bridge_domain,
)
from omg_abci.protocol.units import Scheme
from tests.node.bad_legs import CREATE, PAY, PLACE, list_bad_legs
from tests.strategies import AGENTS, CHAIN_ID, DOMAIN, OWNERS, START_MS, Key

OWNER, OTHER, AGENT = OWNERS[0], OWNERS[1], AGENTS[0]
CANCEL = CancelOrder(1)
BODY = TxBody(CHAIN_ID, OWNER.address, START_MS + 1, 0, 0, 0, False, 2, (CANCEL,))  # noqa: FBT003
_U64 = limits.U64_MAX
_OTHER_CHAIN = "omg-elsewhere"
_NOT_ON_CURVE = (5).to_bytes(32, "big") + (1).to_bytes(32, "big") + b"\0"
"""No point of secp256k1 has x = 5."""


class Bad(NamedTuple):
    """What is sent, and the error whose code it must be answered with."""

    name: str
    raw: bytes
    error: type[errors.TxError]


def sign(
    body: TxBody,
    key: Key = OWNER,
    scheme: int = Scheme.TYPED,
    *,
    domain: Domain = DOMAIN,
    body_bytes: bytes | None = None,
    signature: bytes | None = None,
) -> bytes:
    """Return a transaction without looking whether it is a valid one."""
    data = encode_body(body) if body_bytes is None else body_bytes
    if signature is None:
        digest = compute_digest(compute_domain_separator(domain), scheme, data, body)
        signature = sign_digest(digest, key.secret)
    return encode_envelope(data, key.address, scheme, signature)


def sign_raw(body_bytes: bytes) -> bytes:
    """Return a transaction over any bytes, signed by an agent."""
    return sign(BODY, AGENT, Scheme.RAW, body_bytes=body_bytes)


def sign_legs(*legs: Message) -> bytes:
    """Return a transaction of these legs, signed by an agent: typed data has no unknown words."""
    return sign(BODY._replace(legs=legs), AGENT, Scheme.RAW)


GOOD = sign(BODY)


def list_bytes() -> Iterator[Bad]:
    """Yield what is wrong before a field is looked at."""
    data = encode_body(BODY)
    envelope = pb.SignedTx.FromString(GOOD)
    signature = pb.SignedTx(signature=envelope.signature).SerializeToString()
    envelope.signature = b""
    yield Bad("empty", b"", errors.UnknownScheme)
    yield Bad("garbage", b"\xff" * 40, errors.Undecodable)
    yield Bad("truncated", GOOD[:-1], errors.Undecodable)
    yield Bad("truncated_body", sign_raw(data[:-1]), errors.Undecodable)
    yield Bad("oversized", bytes(limits.TX_BYTES_MAX + 1), errors.TxTooLarge)
    yield Bad("oversized_legs", sign_legs(*[PLACE] * 2_000), errors.TxTooLarge)
    yield Bad("reordered", signature + envelope.SerializeToString(), errors.NotCanonical)
    yield Bad("repeated_field", GOOD + signature, errors.NotCanonical)
    yield Bad("long_varint", sign_raw(data + b"\x18\x81\x80\x00"), errors.NotCanonical)
    yield Bad("explicit_default", sign_raw(data + b"\x20\x00"), errors.NotCanonical)
    yield Bad("unknown_field", GOOD + b"\x78\x01", errors.NotCanonical)
    yield Bad("unknown_field_in_body", sign_raw(data + b"\x78\x01"), errors.NotCanonical)
    yield Bad("unknown_field_in_leg", sign_raw(data + b"\x4a\x02\x78\x01"), errors.NotCanonical)
    yield Bad("nested_groups", b"\x0b" * 20_000, errors.Undecodable)
    yield Bad("nested_groups_in_body", sign_raw(b"\x7b" * 10_000), errors.Undecodable)
    yield Bad("nested_envelope", sign_raw(GOOD), errors.Undecodable)
    yield Bad("empty_leg", sign_raw(data + b"\x4a\x00"), errors.EmptyLeg)


def list_signatures() -> Iterator[Bad]:
    """Yield what is wrong with who signed and how."""
    true = pb.SignedTx.FromString(GOOD).signature
    r, s, v = true[:32], true[32:64], true[64:]
    high = (ORDER - int.from_bytes(s, "big")).to_bytes(32, "big")
    zero, order = bytes(32), ORDER.to_bytes(32, "big")
    wrong = {
        "short": (true[:64], errors.BadSignatureLength),
        "long": (true + b"\0", errors.BadSignatureLength),
        "high_s": (r + high + bytes([v[0] ^ 1]), errors.SignatureHighS),
        "v_27": (r + s + bytes([27 + v[0]]), errors.SignatureBadV),
        "v_other": (r + s + bytes([v[0] ^ 1]), errors.SignerMismatch),
        "r_zero": (zero + s + v, errors.SignatureOutOfRange),
        "r_order": (order + s + v, errors.SignatureOutOfRange),
        "s_zero": (r + zero + v, errors.SignatureOutOfRange),
        "s_order": (r + order + v, errors.SignatureOutOfRange),
        "r_not_on_curve": (_NOT_ON_CURVE, errors.SignatureUnrecoverable),
    }
    for name, (signature, error) in wrong.items():
        yield Bad(name, sign(BODY, signature=signature), error)
    elsewhere = compute_no_bridge_domain(_OTHER_CHAIN)
    other = BODY._replace(chain_id=_OTHER_CHAIN)
    unsigned = encode_envelope(encode_body(BODY), OWNER.address, 0, true)
    yield Bad(
        "another_body", sign(BODY._replace(nonce=START_MS), signature=true), errors.SignerMismatch
    )
    yield Bad("wrong_chain", sign(other, domain=elsewhere), errors.WrongChain)
    yield Bad("wrong_domain", sign(BODY, domain=elsewhere), errors.SignerMismatch)
    yield Bad("no_scheme", unsigned, errors.UnknownScheme)
    yield Bad("owner_signs_raw", sign(BODY, OWNER, Scheme.RAW), errors.SchemeNotAllowed)
    yield Bad("signer_zero", sign(BODY, Key(OWNER.secret, bytes(20))), errors.BadAddress)


_BODIES: dict[str, tuple[Mapping[str, Any], type[errors.TxError]]] = {
    "owner_zero": ({"owner": bytes(20)}, errors.BadAddress),
    "owner_short": ({"owner": b"\1" * 19}, errors.BadAddress),
    "nonce_zero": ({"nonce": 0}, errors.BadNonce),
    "nonce_maximal": ({"nonce": _U64}, errors.BadNonce),
    "after_itself": ({"after": START_MS + 1}, errors.BadAfter),
    "ends_before_nonce": ({"valid_until_ms": START_MS}, errors.BadValidity),
    "ends_too_late": ({"valid_until_ms": _U64}, errors.BadValidity),
    "unit_price_zero": ({"max_unit_price": 0}, errors.BadUnitPrice),
    "no_legs": ({"legs": ()}, errors.NoLegs),
    "sponsor_behind_a_leg": (
        {"legs": (CANCEL, UseSponsorship(OTHER.address))},
        errors.SponsorshipNotFirst,
    ),
    "offer_behind_a_leg": (
        {"legs": (CANCEL, UseFeeOffer(OTHER.address, 2, 5))},
        errors.FeeOfferNotFirst,
    ),
    "agent_takes_an_offer": (
        {"legs": (UseFeeOffer(OTHER.address, 2, 5), CANCEL)},
        errors.AgentScope,
    ),
    "too_many_legs": ({"legs": (CANCEL,) * 257}, errors.TooManyLegs),
    "stale": ({"nonce": START_MS - limits.NONCE_AGE_MAX_MS}, errors.StaleNonce),
    "ahead": ({"nonce": START_MS + limits.NONCE_AHEAD_MAX_MS + 60_000}, errors.NonceAhead),
    "expired": ({"nonce": START_MS - 9, "valid_until_ms": START_MS}, errors.TxExpired),
    "expired_height": ({"valid_until_height": 1}, errors.TxExpired),
    "price_too_low": ({"max_unit_price": 1}, errors.UnitPriceTooLow),
    "too_dear": ({"legs": (CancelAll(0, 0, 1_000),) * 140}, errors.TooDear),
    "agent_transfers": ({"legs": (PAY,)}, errors.AgentScope),
    "agent_creates": ({"legs": (CREATE,)}, errors.AgentScope),
    "agent_changes": ({"legs": (ChangeMarket(1, 1),)}, errors.AgentScope),
    "agent_of_another": ({"owner": OWNERS[2].address}, errors.NotAnAgent),
}


def list_fields() -> Iterator[Bad]:
    """Yield what is wrong with a field of the body or of a leg, or with the body at this time."""
    for name, (fields, error) in _BODIES.items():
        yield Bad(name, sign(BODY._replace(**fields), AGENT, Scheme.RAW), error)
    for name, leg, error in list_bad_legs():
        yield Bad(name, sign_legs(leg), error)
    typed = BODY._replace(legs=(CANCEL,) * 17)
    yield Bad("too_many_typed_legs", sign(typed), errors.TooManyLegs)
    brief = BODY._replace(owner=OTHER.address)
    yield Bad("agent_expired", sign(brief, AGENTS[1], Scheme.RAW), errors.AgentExpired)
    poor = BODY._replace(owner=OWNERS[3].address, legs=(CancelAll(0, 0, 1_000),))
    yield Bad("underfunded", sign(poor, OWNERS[3]), errors.FeesNotCovered)


BAD = (*list_bytes(), *list_signatures(), *list_fields())
