"""Numbers as protobuf writes them, held against protobuf itself."""

from hypothesis import given
from hypothesis import strategies as st

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.protocol.varint import encode_varint

_EDGES = [(1 << bits) + step for bits in range(7, 64, 7) for step in (-1, 0, 1)]


def _encode(number: int) -> bytes:
    """Return what protobuf writes behind the tag of a field of 64 bits."""
    return pb.Block(height=number).SerializeToString()[1:]


def test_edges_are_protobufs() -> None:
    """Zero, each number of bytes and the largest number of 64 bits."""
    assert encode_varint(0) == b"\0"
    for number in [1, *_EDGES, (1 << 64) - 1]:
        assert encode_varint(number) == _encode(number)


@given(st.integers(min_value=1, max_value=(1 << 64) - 1))
def test_any_number_is_protobufs(number: int) -> None:
    """Byte for byte."""
    assert encode_varint(number) == _encode(number)
