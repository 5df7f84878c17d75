"""The bytes of results: what is written by hand is what protobuf writes, and a client reads it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from omg_abci.gen.omg.tx.v1 import tx_pb2 as pb
from omg_abci.protocol import codec
from omg_abci.protocol.results import Decrement, Fill, LegResult, Removal, TxResult
from omg_abci.protocol.units import Ended

_U32 = st.sampled_from([0, 1, 127, 128, 16_383, 16_384, 2**32 - 1]) | st.integers(0, 2**32 - 1)
_U64 = st.just(0) | _U32 | st.integers(0, 2**64 - 1)
_ADDRESS = st.binary(min_size=20, max_size=20)
LEG_RESULTS = st.builds(
    LegResult,
    _U32,
    _U64,
    _U64,
    st.sampled_from(Ended),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    _U32,
    st.booleans(),
    st.lists(st.builds(Fill, _ADDRESS, _U64, _U64, _U64), max_size=3).map(tuple),
    st.lists(st.builds(Removal, _ADDRESS, _U64, st.sampled_from(Ended)), max_size=3).map(tuple),
    st.lists(st.builds(Decrement, _U64, _U64), max_size=3).map(tuple),
    _U64,
    _U32,
    st.booleans(),
)


_PLAIN = st.tuples(_U32, _U64, _U64, st.sampled_from(Ended)).map(lambda head: LegResult(*head))
"""What almost every leg answers."""
RESULTS = st.builds(
    TxResult,
    _U32,
    st.lists(_PLAIN | LEG_RESULTS, max_size=4).map(tuple),
    _U64,
    st.integers(0, 2**128 - 1),
)


def serialise_leg(leg: LegResult) -> Any:  # noqa: ANN401 - a generated class
    """Return a leg's result as protobuf's message."""
    return pb.LegResult(
        code=leg.code,
        filled=leg.filled,
        resting=leg.resting,
        ended=pb.Ended.ValueType(leg.ended),
        repeated=leg.repeated,
        tombstone=leg.tombstone,
        kept_place=leg.kept_place,
        cancelled=leg.cancelled,
        more=leg.more,
        fills=[pb.Fill(**fill._asdict()) for fill in leg.fills],
        removals=[pb.Removal(**removal._asdict()) for removal in leg.removals],
        decrements=[pb.Decrement(**decrement._asdict()) for decrement in leg.decrements],
        price=leg.price,
        market=leg.market,
        waiting=leg.waiting,
    )


@given(result=RESULTS)
def test_bytes_are_those_of_protobuf(result: TxResult) -> None:
    """The hand-written bytes are protobuf's own of the same message."""
    message = pb.TxResult(work=result.work, fee=codec.encode_amount(result.fee))
    message.legs.extend([serialise_leg(leg) for leg in result.legs])
    assert codec.encode_result(result) == message.SerializeToString(deterministic=True)


@given(leg=LEG_RESULTS)
def test_leg_bytes_are_those_of_protobuf(leg: LegResult) -> None:
    """The same of one leg, as an event carries it."""
    expected = serialise_leg(leg).SerializeToString(deterministic=True)
    assert codec.encode_leg_result(leg) == expected
    assert codec.decode_leg_result(expected) == leg


@given(result=RESULTS)
def test_result_comes_back(result: TxResult) -> None:
    """A client reads the result that the chain hashed."""
    assert codec.decode_result(codec.encode_result(result), result.code) == result
