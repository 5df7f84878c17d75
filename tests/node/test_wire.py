"""What is written by hand is what the generated classes write."""

from hypothesis import given
from hypothesis import strategies as st

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.block_events import PackedEvent, add_event, pack_event
from omg_abci.node.submissions import (
    FULL_RETRY_MS,
    RETRY_MS,
    Verdict,
    encode_admission,
    encode_admissions,
)
from omg_abci.node.wire import encode_block
from tests.node.committed_chain import make_events

_U64 = st.integers(0, 2**64 - 1)
_HASHES = st.binary(min_size=32, max_size=32)
_SIZES = st.one_of(st.integers(0, 300), st.sampled_from([4_095, 4_096, 16_383, 16_384, 32_768]))
_BYTES = _SIZES.map(lambda size: b"\xab" * size)
_TXS = st.lists(
    st.tuples(_HASHES, _BYTES.map(lambda raw: raw or b"x"), st.integers(0, 2**32 - 1), _BYTES)
)


def write_block(
    height: int,
    time_ms: int,
    block_hash: bytes,
    app_hash: bytes,
    txs: list[tuple[bytes, bytes, int, bytes]],
    events: list[PackedEvent],
) -> bytes:
    """Write a block in the plain way: a message for each transaction."""
    block = pb.Block(height=height, time_ms=time_ms, block_hash=block_hash, app_hash=app_hash)
    for tx_id, raw, code, data in txs:
        block.txs.add(tx_id=tx_id, tx=raw, code=code, result=data)
    for event in events:
        add_event(block, event)
    return block.SerializeToString()


@given(_U64, _U64, _HASHES, _HASHES, _TXS, st.integers(0, 9))
def test_blocks(
    height: int,
    time_ms: int,
    block_hash: bytes,
    app_hash: bytes,
    txs: list[tuple[bytes, bytes, int, bytes]],
    number: int,
) -> None:
    """Any block, with events of every kind or none, byte for byte."""
    events = [pack_event(event) for event in make_events(number)] if number else []
    fields = (height, time_ms, block_hash, app_hash, txs, events)
    assert encode_block(*fields) == write_block(*fields)


_REFUSALS = st.tuples(
    st.sampled_from([1, 102, 32_000, 32_003, 32_004]), st.text(max_size=9), _HASHES
)


@given(st.lists(st.one_of(_HASHES, _REFUSALS)))
def test_admissions(verdicts: list[Verdict]) -> None:
    """One message a transaction, in order; the hint is there when something may come again."""
    plain = pb.SubmitResponse()
    for each in verdicts:
        if isinstance(each, bytes):
            plain.admissions.add(tx_id=each)
        else:
            plain.admissions.add(code=each[0], log=each[1], tx_id=each[2])
    encoded, retry_ms = encode_admissions(verdicts)
    assert encoded == plain.SerializeToString()
    codes = [each.code for each in plain.admissions]
    full, later = {32_000, 32_004} & {*codes}, 32_003 in codes
    assert retry_ms == (FULL_RETRY_MS if full else RETRY_MS if later else 0)


def test_one_admission_may_be_repeated() -> None:
    """Many equal refusals are one that is written several times."""
    encoded = encode_admission(32_000, "full", b"") * 3
    found = pb.SubmitResponse.FromString(encoded).admissions
    assert [(each.code, each.log) for each in found] == [(32_000, "full")] * 3
