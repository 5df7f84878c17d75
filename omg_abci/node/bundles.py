"""Bundles: many transactions in one opaque payload of CometBFT's gossip.

A payload that a peer handles costs it a message, a hash and a call of InsertTx; a bundle shares
that between up to 4,096 transactions. Layout, little-endian: magic `OMGB`, version u8 = 1, salt
of 8 bytes, count u16, then for each transaction u32 length and bytes. The salt makes a bundle
that is sent again another payload: peers drop payloads that they have seen. No transaction
starts with the magic: as protobuf its first byte is a wire type that does not exist.
Decoding is strict, bounded, and copies nothing before the whole frame was checked.
"""

import os
import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from omg_abci.protocol.errors import OmgError
from omg_abci.protocol.limits import TX_BYTES_MAX

MAGIC: Final = b"OMGB"
VERSION: Final = 1
BUNDLE_TXS_MAX: Final = 4_096
BUNDLE_BYTES_MAX: Final = 256 * 1024
"""About 1,500 small transactions; CometBFT's mempool.max_tx_bytes must not be below."""
_SALT_BYTES: Final = 8
_HEADER: Final = struct.Struct("<4sB8sH")
_LENGTH: Final = struct.Struct("<I")
HEADER_BYTES: Final = _HEADER.size
ITEM_BYTES: Final = _LENGTH.size
"""What each transaction adds to its own length."""


class BundleFault(IntEnum):
    """What is wrong with a payload; the numbers are stable and of this node, not of consensus."""

    TRUNCATED = 31_001
    UNKNOWN_VERSION = 31_002
    NO_ITEMS = 31_003
    TOO_MANY_ITEMS = 31_004
    EMPTY_ITEM = 31_005
    ITEM_TOO_LARGE = 31_006
    TRAILING_BYTES = 31_007
    TOO_LARGE = 31_008


class BadBundle(OmgError):
    """A payload is neither a bundle nor a transaction of an allowed size."""

    def __init__(self, code: BundleFault) -> None:
        """Keep the code."""
        super().__init__(f"bundle refused: {code.name.lower().replace('_', ' ')}")
        self.code = code


def encode_bundle(raws: Sequence[bytes]) -> bytes:
    """Return a bundle of 1 … BUNDLE_TXS_MAX transactions; raise BadBundle for another number."""
    if not raws:
        raise BadBundle(BundleFault.NO_ITEMS)
    if len(raws) > BUNDLE_TXS_MAX:
        raise BadBundle(BundleFault.TOO_MANY_ITEMS)
    parts = [_HEADER.pack(MAGIC, VERSION, os.urandom(_SALT_BYTES), len(raws))]
    for raw in raws:
        parts.append(_LENGTH.pack(len(raw)))
        parts.append(raw)
    return b"".join(parts)


def decode_payload(payload: bytes) -> list[bytes]:
    """Return the transactions of a bundle, or the payload as one; raise BadBundle.

    TOO_LARGE or EMPTY_ITEM for a single one; then in the order of the layout.
    """
    if payload[: len(MAGIC)] != MAGIC:
        if not payload:
            raise BadBundle(BundleFault.EMPTY_ITEM)
        if len(payload) > TX_BYTES_MAX:
            raise BadBundle(BundleFault.TOO_LARGE)
        return [payload]
    if len(payload) > BUNDLE_BYTES_MAX:
        raise BadBundle(BundleFault.TOO_LARGE)
    if len(payload) < HEADER_BYTES:
        raise BadBundle(BundleFault.TRUNCATED)
    _, version, _, count = _HEADER.unpack_from(payload)
    if version != VERSION:
        raise BadBundle(BundleFault.UNKNOWN_VERSION)
    if count == 0:
        raise BadBundle(BundleFault.NO_ITEMS)
    if count > BUNDLE_TXS_MAX:
        raise BadBundle(BundleFault.TOO_MANY_ITEMS)
    return [payload[begin:end] for begin, end in _list_spans(payload, count)]


def _list_spans(payload: bytes, count: int) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    position = HEADER_BYTES
    for _ in range(count):
        begin = position + ITEM_BYTES
        if begin > len(payload):
            raise BadBundle(BundleFault.TRUNCATED)
        (length,) = _LENGTH.unpack_from(payload, position)
        if length == 0:
            raise BadBundle(BundleFault.EMPTY_ITEM)
        if length > TX_BYTES_MAX:
            raise BadBundle(BundleFault.ITEM_TOO_LARGE)
        position = begin + length
        if position > len(payload):
            raise BadBundle(BundleFault.TRUNCATED)
        spans.append((begin, position))
    if position != len(payload):
        raise BadBundle(BundleFault.TRAILING_BYTES)
    return spans
