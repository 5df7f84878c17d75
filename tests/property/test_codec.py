"""One message, one byte string: whatever is not canonical is refused, with a code."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omg_abci.protocol import codec, errors, limits
from omg_abci.protocol.messages import (
    MESSAGES,
    AmendOrder,
    CancelAll,
    CancelOrder,
    ChangeMarket,
    CreateMarket,
    Message,
    PlaceOrder,
    SetSwitch,
    SignedTx,
    TxBody,
)
from omg_abci.protocol.tx import Verifier
from omg_abci.protocol.units import Scheme
from tests.strategies import AGENTS, CHAIN_ID, DOMAIN, MESSAGE_STRATEGIES, OWNERS, bodies, sign_body

REFUSED = (errors.NotCanonical, errors.Undecodable)
LEGS_FIELD = 9
VARINT, BYTES = 0, 2

Fields = list[tuple[int, int, bytes]]
"""Number, wire type, and the payload: a varint's bytes, or the content of a length-delimited."""


def encode_varint(value: int) -> bytes:
    """Return the shortest varint."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a varint's value and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if byte < 0x80:
            return value, at


def split(data: bytes) -> Fields:
    """Return the fields of a canonical message."""
    fields, at = Fields(), 0
    while at < len(data):
        tag, at = read_varint(data, at)
        value, end = read_varint(data, at)
        if tag & 7 == VARINT:
            fields.append((tag >> 3, VARINT, data[at:end]))
            at = end
        else:
            fields.append((tag >> 3, BYTES, data[end : end + value]))
            at = end + value
    return fields


def join(fields: Fields) -> bytes:
    """Return the bytes of fields as they stand."""
    parts = []
    for number, kind, payload in fields:
        length = encode_varint(len(payload)) if kind == BYTES else b""
        parts.append(encode_varint(number << 3 | kind) + length + payload)
    return b"".join(parts)


def twist_unknown(fields: Fields, at: int) -> Fields:
    """Add a field that no schema has."""
    return [*fields[:at], (1_000, VARINT, b"\x01"), *fields[at:]]


def twist_order(fields: Fields, at: int) -> Fields:
    """Move a field in front of the one before it; different numbers only."""
    moved = [*fields[: at - 1], fields[at], fields[at - 1], *fields[at + 1 :]] if at else fields
    return moved if at and fields[at][0] != fields[at - 1][0] else twist_unknown(fields, at)


def twist_duplicate(fields: Fields, at: int) -> Fields:
    """Say a field twice (a leg twice is two legs, and canonical)."""
    singular = [each for each in fields if each[0] != LEGS_FIELD]
    return [singular[at % len(singular)], *fields] if singular else twist_unknown(fields, at)


def twist_varint(fields: Fields, at: int) -> Fields:
    """Write a number with one byte more than it needs."""
    longer = [
        (number, kind, payload[:-1] + bytes([payload[-1] | 0x80, 0]))
        if kind == VARINT
        else (number, kind, payload)
        for number, kind, payload in fields
    ]
    return longer if longer != fields else twist_unknown(fields, at)


def twist_default(fields: Fields, at: int) -> Fields:
    """Write out a zero, which canonical bytes leave away."""
    absent = [number for number in range(1, 16) if all(each[0] != number for each in fields)]
    return sorted([*fields, (absent[at % len(absent)], VARINT, b"\x00")], key=lambda each: each[0])


TWISTS = (twist_unknown, twist_order, twist_duplicate, twist_varint, twist_default)


def test_every_message_has_a_strategy() -> None:
    """Random ones are drawn of each kind of leg, and every drawn one passes its own check."""
    assert set(MESSAGE_STRATEGIES) == set(MESSAGES)


@given(leg=st.one_of(*MESSAGE_STRATEGIES.values()))
def test_drawn_messages_are_valid(leg: object) -> None:
    """What the strategies draw is what a block may carry."""
    assert isinstance(leg, MESSAGES)
    leg.check()


@given(body=bodies(Scheme.RAW))
def test_body_comes_back(body: TxBody) -> None:
    """Decoding what was encoded gives the same body, and encoding it again the same bytes."""
    data = codec.encode_body(body)
    assert codec.decode_body(data) == body
    assert codec.encode_body(codec.decode_body(data)) == data


@given(body=bodies(), twist=st.sampled_from(TWISTS), at=st.integers(0, 60))
def test_body_in_other_bytes_is_refused(
    body: TxBody, twist: Callable[[Fields, int], Fields], at: int
) -> None:
    """A body written in any other way than the canonical one is refused."""
    data = codec.encode_body(body)
    fields = split(data)
    assert join(fields) == data
    twisted = join(twist(fields, at % len(fields)))
    assert twisted != data
    with pytest.raises(REFUSED):
        codec.decode_body(twisted)


@given(body=bodies(), twist=st.sampled_from(TWISTS), at=st.integers(0, 60), depth=st.integers(1, 2))
def test_leg_in_other_bytes_is_refused(
    body: TxBody, twist: Callable[[Fields, int], Fields], at: int, depth: int
) -> None:
    """The same inside a leg, and inside the message in a leg; of a list its leg's check says so."""
    fields = split(codec.encode_body(body))
    *head, (number, kind, leg) = fields
    parts = split(leg)
    if depth == 1:
        parts = twist(parts, at % len(parts))
    else:
        inner = split(parts[0][2])
        parts = [(parts[0][0], BYTES, join(twist(inner, at % max(1, len(inner)))))]
    with pytest.raises((*REFUSED, errors.BadRecipients, errors.BadGuardians)):
        codec.decode_body(join([*head, (number, kind, join(parts))])).legs[-1].check()


def make_tx(number: int) -> SignedTx:
    """Return some transaction, by an owner or an agent."""
    legs = (CancelOrder(7), CancelAll(1, 0, 3))
    head = (CHAIN_ID, OWNERS[0].address, number + 1, 0, 0, 0)
    body = TxBody(*head, atomic=False, max_unit_price=1, legs=legs)
    return sign_body(body, OWNERS[0] if number % 2 else AGENTS[0])


@given(
    number=st.integers(0, 9), twist=st.sampled_from(TWISTS), at=st.integers(0, 3), tail=st.binary()
)
def test_envelope_in_other_bytes_is_refused(
    number: int, twist: Callable[[Fields, int], Fields], at: int, tail: bytes
) -> None:
    """An envelope written in another way, or with bytes behind it, is refused."""
    raw = make_tx(number).raw
    fields = split(raw)
    with pytest.raises(errors.FormatError):
        codec.decode_envelope(join(twist(fields, at % len(fields))))
    if tail:
        with pytest.raises(errors.FormatError):
            Verifier(DOMAIN).verify_tx(raw + tail)


def tell(decode: Callable[[bytes], object], raw: bytes) -> object:
    """Return what is in an envelope, or the error's class and text."""
    try:
        return decode(raw)
    except errors.FormatError as error:
        return type(error), str(error)


_SIZES = st.one_of(
    st.integers(0, 300),
    st.sampled_from([16_383, 16_384, 16_385, 32_500, 32_640, limits.TX_BYTES_MAX - 93]),
)


@given(
    size=_SIZES,
    signer=st.sampled_from([20, 20, 20, 0, 19, 21]),
    scheme=st.sampled_from([1, 2, 0, 3, 127, 128]),
    signature=st.sampled_from([65, 65, 65, 0, 64, 66]),
    changes=st.lists(st.tuples(st.integers(-96, 4), st.integers(0, 255)), max_size=2),
    cut=st.sampled_from([0, 0, 0, 1, 93]),
)
def test_usual_envelopes_have_the_generated_decoders_verdict(
    size: int,
    signer: int,
    scheme: int,
    signature: int,
    changes: list[tuple[int, int]],
    cut: int,
) -> None:
    """The short way and the generated decoder say the same of any envelope, however changed."""
    raw = bytearray(
        codec.encode_envelope(b"\x12" * size, b"\x18" * signer, scheme, b"\x22" * signature)
    )
    for at, value in changes:
        if -len(raw) <= at < len(raw):
            raw[at] = value
    data = bytes(raw[: len(raw) - cut])
    if len(data) <= limits.TX_BYTES_MAX:
        assert tell(codec.decode_envelope, data) == tell(codec._parse_envelope, data)


@given(number=st.integers(0, 9), at=st.integers(0, 1_000), value=st.integers(0, 255))
def test_changed_envelopes_have_the_generated_decoders_verdict(
    number: int, at: int, value: int
) -> None:
    """So they do of a transaction with any byte changed, and of random bytes."""
    raw = bytearray(make_tx(number).raw)
    raw[at % len(raw)] = value
    for data in (bytes(raw), bytes(raw[at % len(raw) :]), bytes(raw) + bytes(raw[:at])):
        assert tell(codec.decode_envelope, data) == tell(codec._parse_envelope, data)


@given(first=st.integers(128, 255), second=st.integers(128, 250), third=st.integers(0, 2))
def test_a_length_of_three_bytes_is_not_read_as_one_of_two(
    first: int, second: int, third: int
) -> None:
    """Whatever the bytes behind it happen to be long."""
    size = first & 127 | second << 7
    raw = codec.encode_envelope(b"\x01" * (size - 1), bytes(20), 1, bytes(65))
    data = bytes([10, first, second, third]) + raw[4:]
    assert tell(codec.decode_envelope, data) == tell(codec._parse_envelope, data)


def test_leg_of_no_kind_is_refused() -> None:
    """An empty leg, and one of a kind that a later version may have, have their codes."""
    head = codec.encode_body(make_tx(0).body._replace(legs=()))
    with pytest.raises(errors.EmptyLeg):
        codec.decode_body(head + b"\x4a\x00")
    with pytest.raises(errors.NotCanonical):
        codec.decode_body(head + b"\x4a\x04\xc2\xf7\x04\x00")


@pytest.mark.parametrize(
    ("leg", "expected"),
    [
        (PlaceOrder(1, 1, 5, 5, 2, 3, 4, 0, 7, 0, 1, 9, 300, 2, 0), "68ac027002"),
        (PlaceOrder(1, 2, 3, 1, 0, 3, 4, 0, 7, 0, 1, 9, 0, 0, 6), "7806"),
        (AmendOrder(1, 0, 0, 0, 9, 2, 3, 4, 5, 3, 1), "30023803400448055003" + "5801"),
        (SetSwitch(0), "4200"),
        (SetSwitch(300), "420308ac02"),
        (CreateMarket(1, 2, 1_000, 25, 3, 4, 2, 500, 1_000), "03e822011928033004380240f40348e807"),
        (ChangeMarket(3, 2), "520408031002"),
    ],
)
def test_fields_have_their_numbers(leg: Message, expected: str) -> None:
    """The end of a leg's bytes is what the schema's numbers make of its last fields."""
    body = make_tx(0).body._replace(legs=(leg,))
    data = codec.encode_body(body)
    assert data.hex().endswith(expected)
    assert codec.decode_body(data) == body


def test_post_only_may_be_said_as_a_bool() -> None:
    """True means to refuse: the same bytes as the number."""
    order = PlaceOrder(1, 1, 1, 1, 1, 3, 4, 0, 7, 0, 1, 9)
    bodies_ = [
        make_tx(0).body._replace(legs=(order._replace(post_only=post_only),))
        for post_only in (True, 1)
    ]
    assert codec.encode_body(bodies_[0]) == codec.encode_body(bodies_[1])


@pytest.mark.parametrize("unit", [b"\x00\x01", b"\x01" * 17])
def test_units_of_a_market_are_canonical(unit: bytes) -> None:
    """A unit with a zero before it, or with 17 bytes, is refused like any amount."""
    leg = CreateMarket(1, 2, 1, 1, 1, 1, 1, 0, 1_000)
    *head, (number, kind, data) = split(codec.encode_body(make_tx(0).body._replace(legs=(leg,))))
    ((create, _, inner),) = split(data)
    for field in (3, 4):
        twisted = [(n, k, unit if n == field else value) for n, k, value in split(inner)]
        legs = join([(create, BYTES, join(twisted))])
        with pytest.raises(errors.BadAmount):
            codec.decode_body(join([*head, (number, kind, legs)]))


def test_size_is_bounded_before_anything_is_read() -> None:
    """One byte above the bound is refused for its size, whatever it says."""
    with pytest.raises(errors.TxTooLarge):
        Verifier(DOMAIN).verify_tx(bytes(limits.TX_BYTES_MAX + 1))
    with pytest.raises(errors.Undecodable):
        Verifier(DOMAIN).verify_tx(bytes(limits.TX_BYTES_MAX))


@given(data=st.binary(max_size=400))
def test_garbage_is_refused_with_a_code(data: bytes) -> None:
    """No bytes raise anything but a FormatError, as envelope or as body."""
    with pytest.raises(errors.FormatError):
        Verifier(DOMAIN).verify_tx(data)
    try:
        body = codec.decode_body(data)
    except errors.FormatError as reason:
        assert reason.code in errors.CODES  # noqa: PT017 - both outcomes are allowed here
    else:
        assert codec.encode_body(body) == data


@given(number=st.integers(0, 9), at=st.integers(0, 1_000), flip=st.integers(1, 255))
def test_changed_transaction_is_refused_with_a_code(number: int, at: int, flip: int) -> None:
    """A transaction with any byte changed is no transaction."""
    raw = bytearray(make_tx(number).raw)
    raw[at % len(raw)] ^= flip
    with pytest.raises(errors.FormatError):
        Verifier(DOMAIN).verify_tx(bytes(raw))


@given(number=st.integers(0, 9), cut=st.integers(1, 1_000))
def test_cut_transaction_is_refused_with_a_code(number: int, cut: int) -> None:
    """A transaction without its end is no transaction."""
    raw = make_tx(number).raw
    with pytest.raises(errors.FormatError):
        Verifier(DOMAIN).verify_tx(raw[: -(cut % len(raw)) or -1])


@given(amount=st.integers(0, 2**128 - 1))
def test_amount_comes_back(amount: int) -> None:
    """An amount is the shortest bytes; one zero before them, or 17 bytes, are refused."""
    data = codec.encode_amount(amount)
    assert codec.decode_amount(data) == amount
    for wrong in (b"\x00" + data, b"\x01" + data.rjust(16, b"\x00")):
        with pytest.raises(errors.BadAmount):
            codec.decode_amount(wrong)
