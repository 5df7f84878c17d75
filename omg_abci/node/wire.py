"""Protobuf written by hand where a message object for each transaction costs too much.

Guarantees that the bytes are those that the generated classes write; tests compare both.
"""

from collections.abc import Sequence

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.block_events import PackedEvent, add_event
from omg_abci.protocol.units import Hash, Height
from omg_abci.protocol.varint import encode_varint


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
        id_size, raw_size = encode_varint(len(tx_id)), encode_varint(len(raw))
        outcome = b"\x0a%b%b\x12%b%b" % (id_size, tx_id, raw_size, raw)
        if code:
            outcome += b"\x18" + encode_varint(code)
        if data:
            outcome += b"\x22%b%b" % (encode_varint(len(data)), data)
        parts += (b"\x2a", encode_varint(len(outcome)), outcome)
    parts.append(tail.SerializeToString())
    return b"".join(parts)
