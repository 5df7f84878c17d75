"""Protobuf written by hand where a message object for each transaction costs too much.

Guarantees that the bytes are those that the generated classes write; tests compare both.
"""

from collections.abc import Sequence
from typing import Final

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.block_events import PackedEvent, add_event
from omg_abci.protocol.units import Hash, Height

_SEVEN_BITS: Final = 0x7F
_MORE: Final = 0x80


def encode_varint(value: int) -> bytes:
    """Return a non-negative integer as protobuf writes it."""
    encoded = bytearray()
    while value > _SEVEN_BITS:
        encoded.append(value & _SEVEN_BITS | _MORE)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


_VARINTS: Final = [encode_varint(value) for value in range(1 << 12)]
"""Of lengths that occur in each block."""


def _get_varint(value: int) -> bytes:
    return _VARINTS[value] if value < len(_VARINTS) else encode_varint(value)


def encode_block(
    height: Height,
    time_ms: int,
    block_hash: Hash,
    app_hash: Hash,
    txs: Sequence[tuple[bytes, bytes, int, bytes]],
    events: Sequence[PackedEvent],
) -> bytes:
    """Return a pb.Block of (id, bytes, code, result) of each transaction: 0.3 µs each, not 0.65."""
    head = pb.Block(height=height, time_ms=time_ms, block_hash=block_hash, app_hash=app_hash)
    tail = pb.Block()
    for event in events:
        add_event(tail, event)
    parts = [head.SerializeToString()]
    for tx_id, raw, code, data in txs:
        outcome = b"\x0a%b%b\x12%b%b" % (_get_varint(len(tx_id)), tx_id, _get_varint(len(raw)), raw)
        if code:
            outcome += b"\x18" + encode_varint(code)
        if data:
            outcome += b"\x22%b%b" % (_get_varint(len(data)), data)
        parts += (b"\x2a", _get_varint(len(outcome)), outcome)
    parts.append(tail.SerializeToString())
    return b"".join(parts)
