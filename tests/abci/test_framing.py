"""Frames: any stream of them, cut anywhere, comes out as it went in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omg_abci.abci.errors import FrameTooLarge, LengthOverflow, TruncatedFrame
from omg_abci.abci.framing import FrameDecoder, encode_frame, encode_uvarint

LIMIT = 1 << 16

payloads = st.lists(st.binary(max_size=300), max_size=8)


def drain(decoder: FrameDecoder) -> list[bytes]:
    """Return every whole frame that the decoder holds."""
    frames = []
    while (frame := decoder.next_frame()) is not None:
        frames.append(frame)
    return frames


@given(payloads)
def test_stream_split_at_every_byte(frames: list[bytes]) -> None:
    """A stream fed byte by byte gives its frames in order."""
    decoder = FrameDecoder(LIMIT)
    seen = []
    for byte in b"".join(map(encode_frame, frames)):
        decoder.feed(bytes([byte]))
        seen += drain(decoder)
    assert seen == frames
    decoder.finish()


@given(payloads, st.data())
def test_stream_split_anywhere(frames: list[bytes], data: st.DataObject) -> None:
    """A stream fed in two pieces gives its frames, handled at once or late."""
    stream = b"".join(map(encode_frame, frames))
    cut = data.draw(st.integers(0, len(stream)))
    is_late = data.draw(st.booleans())
    decoder = FrameDecoder(LIMIT)
    decoder.feed(stream[:cut])
    seen = [] if is_late else drain(decoder)
    decoder.feed(stream[cut:])
    assert seen + drain(decoder) == frames


@given(st.integers(0, (1 << 64) - 1))
def test_lengths_round_trip(value: int) -> None:
    """A length above the limit is named in the error, whatever its size."""
    decoder = FrameDecoder(0)
    decoder.feed(encode_uvarint(value))
    if value == 0:
        assert decoder.next_frame() == b""
    else:
        with pytest.raises(FrameTooLarge, match=f"^{value} bytes announced, limit 0$"):
            decoder.next_frame()


def test_limit_is_inclusive() -> None:
    """A frame of exactly the limit passes; one byte more does not, before it arrives."""
    decoder = FrameDecoder(200)
    decoder.feed(encode_frame(bytes(200)))
    assert decoder.next_frame() == bytes(200)
    decoder.feed(encode_uvarint(201))
    with pytest.raises(FrameTooLarge):
        decoder.next_frame()


@pytest.mark.parametrize("prefix", [b"\xff" * 10, b"\x80" * 11, b"\xff" * 9 + b"\x02"])
def test_length_beyond_64_bits(prefix: bytes) -> None:
    """A prefix of eleven bytes, or of more than 64 bits, is refused."""
    decoder = FrameDecoder(LIMIT)
    decoder.feed(prefix)
    with pytest.raises(LengthOverflow):
        decoder.next_frame()


@pytest.mark.parametrize("left", [b"\x80", b"\x05abc"])
def test_stream_ends_inside_a_frame(left: bytes) -> None:
    """The end inside a length or a payload is an error."""
    decoder = FrameDecoder(LIMIT)
    decoder.feed(encode_frame(b"whole") + left)
    assert drain(decoder) == [b"whole"]
    with pytest.raises(TruncatedFrame, match=f"{len(left)} bytes"):
        decoder.finish()
