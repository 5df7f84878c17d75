"""Bundles: what goes in comes out; anything else is refused with its own code."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omg_abci.node.bundles import (
    BUNDLE_BYTES_MAX,
    BUNDLE_TXS_MAX,
    BadBundle,
    BundleFault,
    decode_payload,
    encode_bundle,
)
from omg_abci.protocol.limits import TX_BYTES_MAX
from tests.node.pool_world import ALICE, make_tx

_GOOD = encode_bundle([b"one", b"two"])
_COUNT_AT = 13
_ITEMS_AT = 15


def _count(number: int) -> bytes:
    return _GOOD[:_COUNT_AT] + struct.pack("<H", number) + _GOOD[_ITEMS_AT:]


_HOSTILE = {
    "empty": (b"", BundleFault.EMPTY_ITEM),
    "large single": (b"x" * (TX_BYTES_MAX + 1), BundleFault.TOO_LARGE),
    "large bundle": (_GOOD + bytes(BUNDLE_BYTES_MAX), BundleFault.TOO_LARGE),
    "no header": (_GOOD[:10], BundleFault.TRUNCATED),
    "version": (_GOOD[:4] + b"\2" + _GOOD[5:], BundleFault.UNKNOWN_VERSION),
    "no items": (_count(0), BundleFault.NO_ITEMS),
    "too many": (_count(BUNDLE_TXS_MAX + 1), BundleFault.TOO_MANY_ITEMS),
    "one more announced": (_count(3), BundleFault.TRUNCATED),
    "one fewer announced": (_count(1), BundleFault.TRAILING_BYTES),
    "cut item": (_GOOD[:-1], BundleFault.TRUNCATED),
    "cut length": (_GOOD[:-5], BundleFault.TRUNCATED),
    "trailing": (_GOOD + b"\0", BundleFault.TRAILING_BYTES),
    "empty item": (_GOOD[:_ITEMS_AT] + bytes(4) + _GOOD[19:], BundleFault.EMPTY_ITEM),
    "huge item": (_GOOD[:_ITEMS_AT] + b"\xff" * 4 + _GOOD[19:], BundleFault.ITEM_TOO_LARGE),
}


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=30))
def test_round_trip(raws: list[bytes]) -> None:
    """A bundle holds exactly its transactions, in order."""
    assert decode_payload(encode_bundle(raws)) == raws


@pytest.mark.parametrize("name", _HOSTILE)
def test_hostile_payloads(name: str) -> None:
    """Each way of being wrong has its stable code."""
    payload, code = _HOSTILE[name]
    with pytest.raises(BadBundle) as raised:
        decode_payload(payload)
    assert raised.value.code == code


@given(st.integers(0, len(_GOOD) - 1), st.integers(0, 255))
def test_no_changed_byte_breaks_out(place: int, value: int) -> None:
    """Whatever one byte becomes, the answer is transactions or BadBundle."""
    changed = _GOOD[:place] + bytes([value]) + _GOOD[place + 1 :]
    with contextlib.suppress(BadBundle):
        assert all(decode_payload(changed))


def test_single_transactions_are_taken() -> None:
    """A payload without the magic is one transaction; none has the magic."""
    raw = make_tx(ALICE, 1)
    assert decode_payload(raw) == [raw]
    assert raw[:4] != _GOOD[:4]


def test_the_same_bundle_twice_differs() -> None:
    """Peers drop payloads that they saw: sent again, a bundle is another payload."""
    assert encode_bundle([b"x"]) != encode_bundle([b"x"])


@pytest.mark.parametrize("count", [0, BUNDLE_TXS_MAX + 1])
def test_bundles_of_no_allowed_number(count: int) -> None:
    """Nobody can make a bundle that others refuse."""
    with pytest.raises(BadBundle):
        encode_bundle([b"x"] * count)
