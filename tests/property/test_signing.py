"""Digests as any wallet makes them, and every form of signature that is not ours."""

from pathlib import Path

import pytest
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from omg_abci.gen.omg.tx.v1 import tx_pb2 as pb
from omg_abci.protocol import errors
from omg_abci.protocol.codec import encode_body, encode_envelope
from omg_abci.protocol.crypto import (
    HALF_ORDER,
    ORDER,
    compute_keccak,
    recover_signer,
    sign_digest,
)
from omg_abci.protocol.leg_types import LEG_TYPES
from omg_abci.protocol.messages import (
    MESSAGES,
    AmendOrder,
    ApproveAgent,
    Burn,
    CancelOrder,
    ChangeMarket,
    CreateMarket,
    CreateToken,
    Message,
    Pay,
    PlaceOrder,
    SetSwitch,
    SignedTx,
    TxBody,
)
from omg_abci.protocol.signing import (
    Domain,
    compute_digest,
    compute_domain_separator,
    compute_no_bridge_domain,
    compute_typed_data,
)
from omg_abci.protocol.tx import Verifier, sign_tx
from omg_abci.protocol.units import (
    MarketAction,
    MarketMode,
    OrderType,
    PostOnly,
    Scheme,
    SelfTrade,
    TimeInForce,
)
from tests.strategies import AGENTS, CHAIN_ID, DOMAIN, OWNERS, Key, bodies, sign_body

VERIFIER = Verifier(DOMAIN)
KEYS = st.integers(1, 2**128).map(lambda number: compute_keccak(number.to_bytes(32, "big")))
NOT_ON_CURVE = next(
    x for x in range(1, 99) if pow(x**3 + 7, (2**256 - 2**32 - 978) // 2, 2**256 - 2**32 - 977) != 1
)
"""An r that no point of the curve has."""


def make_body(legs: int = 1, owner: Key = OWNERS[0]) -> TxBody:
    """Return a valid body of some legs."""
    cancels = tuple(CancelOrder(number + 1) for number in range(legs))
    head = (CHAIN_ID, owner.address, 1_000, 0, 0, 0)
    return TxBody(*head, atomic=False, max_unit_price=1, legs=cancels)


def replace_signature(tx: SignedTx, signature: bytes) -> bytes:
    """Return the transaction's bytes with another signature."""
    return encode_envelope(encode_body(tx.body), tx.signer, tx.scheme, signature)


def sign_parts(tx: SignedTx, key: Key) -> tuple[int, int, int]:
    """Return r, s and v of the right signature."""
    signature = sign_digest(tx.tx_id, key.secret)
    numbers = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    return *numbers, signature[64]


def join_parts(r: int, s: int, v: int) -> bytes:
    """Return a signature of these numbers."""
    return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([v])


def require_wallets_digest(domain: Domain, body: TxBody) -> None:
    """Compare our digest with eth-account's of the typed data that we show."""
    signable = encode_typed_data(full_message=compute_typed_data(domain, body))
    wallets = compute_keccak(b"\x19" + signable.version + signable.header + signable.body)
    separator = compute_domain_separator(domain)
    assert signable.header == separator
    assert compute_digest(separator, Scheme.TYPED, encode_body(body), body) == wallets


@given(body=bodies(), chain_id=st.integers(1, 2**63), contract=st.binary(min_size=20, max_size=20))
def test_typed_digest_is_the_wallets(body: TxBody, chain_id: int, contract: bytes) -> None:
    """eth-account hashes the typed data that we show to what we verify."""
    require_wallets_digest(Domain(body.chain_id, chain_id, contract), body)


PLACE = PlaceOrder(1, 2, 1, 1, 0, 3, 4, 0, 7, 0, 1, 9)
AMEND = AmendOrder(7, 3, 4, 0, 9)
SHOWN: list[tuple[Message, dict[str, object]]] = [
    (
        PLACE,
        {"side": "sell", "orderType": "limit", "timeInForce": "good till cancelled"}
        | {"postOnly": "no", "selfTrade": "cancel newest", "expiresHeight": 0},
    ),
    (PLACE._replace(post_only=PostOnly.REJECT), {"postOnly": "reject"}),
    (PLACE._replace(post_only=PostOnly.SLIDE), {"postOnly": "slide"}),
    (
        PLACE._replace(order_type=OrderType.STOP_LIMIT, trigger=2**48 - 1),
        {"orderType": "stop limit", "trigger": 2**48 - 1, "display": 0},
    ),
    (PLACE._replace(order_type=OrderType.TAKE_PROFIT, trigger=5), {"orderType": "take profit"}),
    (PLACE._replace(order_type=OrderType.ICEBERG, display=2), {"orderType": "iceberg"}),
    (
        PLACE._replace(time_in_force=TimeInForce.GTH, expires_height=2**64 - 1),
        {"timeInForce": "good till height", "expiresHeight": 2**64 - 1},
    ),
    (
        AMEND,
        {"timeInForce": "unchanged", "postOnly": "unchanged", "selfTrade": "unchanged"},
    ),
    (
        AMEND._replace(post_only=PostOnly.OFF, self_trade=SelfTrade.ALLOW, time_in_force=1),
        {"timeInForce": "good till cancelled", "postOnly": "off", "selfTrade": "allow"},
    ),
    (AMEND._replace(post_only=PostOnly.SLIDE, display=2, trigger=3), {"postOnly": "slide"}),
    (SetSwitch(0), {"atMs": 0}),
    (SetSwitch(2**64 - 1), {"atMs": 2**64 - 1}),
    (
        CreateMarket(1, 2, 10**38, 25, 1, 9, MarketMode.BATCH, 500, 60_000),
        {"baseUnit": 10**38, "quoteUnit": 25, "mode": "batch", "bandBp": 500},
    ),
    (CreateMarket(1, 2, 1, 1, 1, 1, MarketMode.CONTINUOUS, 0, 1_000), {"mode": "continuous"}),
    (
        CreateToken("GOLD", 2, mintable=False, burnable=True, supply=7, cap=7),
        {"symbol": "GOLD", "mintable": False, "burnable": True, "supply": 7},
    ),
    (Pay(b"\x01" * 20, 3, 5, 0, 1, 7, b"two \xff"), {"memo": "0x74776f20ff", "clientId": 7}),
    (ApproveAgent(b"\x01" * 20, 3, 5), {"scope": "trade and pay"}),
    (ApproveAgent(b"\x01" * 20, 4, 5), {"scope": "recover"}),
    (ApproveAgent(b"\x01" * 20, 5, 5), {"scope": "trade and recover"}),
    (ApproveAgent(b"\x01" * 20, 6, 5), {"scope": "pay and recover"}),
    (ApproveAgent(b"\x01" * 20, 7, 5), {"scope": "trade, pay and recover"}),
    (Burn(3, 2**128 - 1, 255), {"amount": 2**128 - 1, "fromSubaccount": 255}),
    *[
        (ChangeMarket(3, action), {"market": 3, "action": word})
        for action, word in zip(MarketAction, ("cancel only", "resume", "delist"), strict=True)
    ],
]


@pytest.mark.parametrize(("leg", "words"), SHOWN)
def test_a_wallet_shows_words(leg: Message, words: dict[str, object]) -> None:
    """Enumerations are shown as words that a person reads, and the digest is over these words."""
    body = make_body()._replace(legs=(leg,))
    message = compute_typed_data(DOMAIN, body)["message"]
    assert isinstance(message, dict)
    assert {name: message["leg1"][name] for name in words} == words
    require_wallets_digest(DOMAIN, body)


def test_legs_of_every_kind_share_a_body() -> None:
    """The structs of many kinds stand in one type, each once, in their alphabetical order."""
    legs = [leg for leg, _ in SHOWN]
    require_wallets_digest(DOMAIN, make_body()._replace(legs=(*legs[:1], *legs[-13:])))


@pytest.mark.parametrize("kind", MESSAGES)
def test_structs_have_the_messages_fields(kind: type[Message]) -> None:
    """A wallet shows each field of a message under its own name, in the schema's order."""
    schema = pb.DESCRIPTOR.message_types_by_name[kind.__name__]
    numbered = sorted(schema.fields, key=lambda field: field.number)
    assert [field.name for field in numbered] == list(kind._fields)
    assert [field.camelcase_name for field in numbered] == [name for _, name in LEG_TYPES[kind]]


def test_worked_example_of_the_spec() -> None:
    """Each number of docs/spec/signing.md's example is what the code makes."""
    page = Path(__file__).parents[2].joinpath("docs", "spec", "signing.md").read_text("utf-8")
    owner, agent = (
        Key(secret, recover_signer(bytes(32), sign_digest(bytes(32), secret)))
        for secret in (compute_keccak(f"omg example {who}".encode()) for who in ("owner", "agent"))
    )
    domain = compute_no_bridge_domain("omg-local")
    order = PlaceOrder(1, 1, 1, 1, 0, 1_500, 20, 0, 7, 0, 1, 16)
    head = ("omg-local", owner.address, 1_700_000_000_000, 0, 0, 0)
    body = TxBody(*head, atomic=False, max_unit_price=1, legs=(order,))
    separator, data = compute_domain_separator(domain), encode_body(body)
    shown = [domain.verifying_contract, separator, owner.address, agent.address, data]
    for scheme, key in ((Scheme.TYPED, owner), (Scheme.RAW, agent)):
        digest = compute_digest(separator, scheme, data, body)
        shown += [digest, sign_digest(digest, key.secret)]
    assert [value.hex() for value in shown if f"| {value.hex()} |" not in page] == []


@given(body=bodies(Scheme.RAW))
def test_raw_digest_is_over_the_bytes(body: TxBody) -> None:
    """A raw digest is one hash over prefix, domain and body."""
    separator, data = compute_domain_separator(DOMAIN), encode_body(body)
    expected = compute_keccak(b"OMG raw v1\n" + separator + data)
    assert compute_digest(separator, Scheme.RAW, data, body) == expected


@given(secret=KEYS, legs=st.integers(1, 16))
def test_signed_transaction_verifies(secret: bytes, legs: int) -> None:
    """What sign_tx makes is verified to the same transaction, by owner and by agent."""
    for signer in (OWNERS[0], AGENTS[0]):
        tx = sign_body(make_body(legs), signer)
        assert VERIFIER.verify_tx(tx.raw) == tx
        assert sign_tx(DOMAIN, tx.body, signer.address, signer.secret, tx.scheme) == tx.raw
    other = sign_tx(DOMAIN, make_body(legs), OWNERS[0].address, secret, Scheme.TYPED)
    with pytest.raises(errors.SignerMismatch):
        VERIFIER.verify_tx(other)


@pytest.mark.parametrize("signer", [OWNERS[0], AGENTS[0]])
def test_every_other_form_of_the_signature_is_refused(signer: Key) -> None:
    """High s, a v of 27, numbers out of range: each has its own code."""
    tx = sign_body(make_body(), signer)
    r, s, v = sign_parts(tx, signer)
    assert s <= HALF_ORDER
    assert VERIFIER.verify_tx(replace_signature(tx, join_parts(r, s, v))) == tx
    wrong: list[tuple[tuple[int, int, int], type[errors.FormatError]]] = [
        ((r, ORDER - s, 1 - v), errors.SignatureHighS),
        ((r, HALF_ORDER + 1, v), errors.SignatureHighS),
        ((r, s, v + 27), errors.SignatureBadV),
        ((r, s, 2), errors.SignatureBadV),
        ((r, s, 255), errors.SignatureBadV),
        ((0, s, v), errors.SignatureOutOfRange),
        ((r, 0, v), errors.SignatureOutOfRange),
        ((0, 0, 0), errors.SignatureOutOfRange),
        ((ORDER, s, v), errors.SignatureOutOfRange),
        ((ORDER + 1, s, v), errors.SignatureOutOfRange),
        ((2**256 - 1, s, v), errors.SignatureOutOfRange),
        ((r, ORDER, v), errors.SignatureOutOfRange),
        ((r, 2**256 - 1, v), errors.SignatureOutOfRange),
        ((NOT_ON_CURVE, s, v), errors.SignatureUnrecoverable),
        ((r, HALF_ORDER, v), errors.SignerMismatch),
        ((r, s, 1 - v), errors.SignerMismatch),
    ]
    for parts, error in wrong:
        with pytest.raises(error):
            VERIFIER.verify_tx(replace_signature(tx, join_parts(*parts)))


@pytest.mark.parametrize("size", [0, 1, 64, 66, 130])
def test_signature_of_another_length_is_refused(size: int) -> None:
    """A signature is 65 bytes."""
    tx = sign_body(make_body(), OWNERS[0])
    signature = (sign_digest(tx.tx_id, OWNERS[0].secret) * 2)[:size]
    with pytest.raises(errors.BadSignatureLength):
        VERIFIER.verify_tx(replace_signature(tx, signature))


def test_wrong_key_chain_and_contract_are_refused() -> None:
    """A signature is its signer's, for one chain under one domain."""
    tx = sign_body(make_body(), OWNERS[0])
    with pytest.raises(errors.SignerMismatch):
        VERIFIER.verify_tx(replace_signature(tx, sign_digest(tx.tx_id, OWNERS[1].secret)))
    with pytest.raises(errors.WrongChain):
        VERIFIER.verify_tx(sign_body(make_body()._replace(chain_id="omg-other"), OWNERS[0]).raw)
    for domain in (
        Domain(CHAIN_ID, DOMAIN.ethereum_chain_id + 1, DOMAIN.verifying_contract),
        Domain(CHAIN_ID, DOMAIN.ethereum_chain_id, OWNERS[0].address),
    ):
        with pytest.raises(errors.SignerMismatch):
            Verifier(domain).verify_tx(tx.raw)


def test_scheme_belongs_to_the_signature() -> None:
    """Raw is for agents, a digest of one scheme is no digest of the other, others are unknown."""
    data = encode_body(make_body())
    owner, agent = OWNERS[0], AGENTS[0]
    tx, raw = sign_body(make_body(), owner), sign_body(make_body(), agent)
    by_owner, by_agent = (
        sign_digest(tx.tx_id, owner.secret),
        sign_digest(raw.tx_id, agent.secret),
    )
    with pytest.raises(errors.SchemeNotAllowed):
        VERIFIER.verify_tx(encode_envelope(data, owner.address, Scheme.RAW, by_owner))
    with pytest.raises(errors.SignerMismatch):
        VERIFIER.verify_tx(encode_envelope(data, agent.address, Scheme.TYPED, by_agent))
    for scheme in (0, 3):
        with pytest.raises(errors.UnknownScheme):
            VERIFIER.verify_tx(encode_envelope(data, owner.address, scheme, by_owner))
    typed = sign_tx(DOMAIN, make_body(), agent.address, agent.secret, Scheme.TYPED)
    assert VERIFIER.verify_tx(typed).signer == agent.address


@pytest.mark.parametrize(("signer", "most"), [(OWNERS[0], 16), (AGENTS[0], 256)])
def test_legs_are_bounded_by_the_scheme(signer: Key, most: int) -> None:
    """A wallet shows 16 legs, an agent may sign 256."""
    scheme = Scheme.TYPED if signer in OWNERS else Scheme.RAW
    assert VERIFIER.verify_tx(sign_body(make_body(most), signer).raw).body == make_body(most)
    body = make_body(most + 1)
    data = encode_body(body)
    digest = compute_digest(VERIFIER.separator, scheme, data, body)
    signature = sign_digest(digest, signer.secret)
    with pytest.raises(errors.TooManyLegs):
        VERIFIER.verify_tx(encode_envelope(data, signer.address, scheme, signature))
