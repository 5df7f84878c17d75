"""Cut a byte stream into length-prefixed frames, and put frames together.

A frame is an unsigned varint (LEB128) and that many bytes. The decoder is lazy: it keeps the
bytes that it was fed and cuts one frame at each call, so that its caller decides how many to
handle now. It holds at most one frame of the allowed size and one read beyond it.
"""

from __future__ import annotations

from omg_abci.abci.errors import FrameTooLarge, LengthOverflow, TruncatedFrame

# A 64-bit number takes at most ten bytes of seven bits.
VARINT_BYTES_MAX = 10
_UINT64_MAX = (1 << 64) - 1
# The bit of a varint's byte that says that another follows.
_CONTINUES = 0x80


def encode_uvarint(value: int) -> bytes:
    """Return the number in [0, 2^64) as an unsigned varint."""
    if value < _CONTINUES:
        return bytes((value,))
    encoded = bytearray()
    while value >= _CONTINUES:
        encoded.append(value & 0x7F | _CONTINUES)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def encode_frame(payload: bytes) -> bytes:
    """Return the payload behind its length."""
    return encode_uvarint(len(payload)) + payload


class FrameDecoder:
    """Collect bytes and hand out the payloads of whole frames, in order."""

    __slots__ = ("_buffer", "_frame_bytes_max", "_position")

    def __init__(self, frame_bytes_max: int) -> None:
        self._buffer = bytearray()
        self._position = 0
        self._frame_bytes_max = frame_bytes_max

    def feed(self, data: bytes) -> None:
        """Append bytes as they came from the stream."""
        if self._position:
            del self._buffer[: self._position]
            self._position = 0
        self._buffer += data

    def next_frame(self) -> bytes | None:
        """Return the next payload, or None until more bytes are fed.

        Raises:
            LengthOverflow: the length takes more than 64 bits.
            FrameTooLarge: the length is above the limit.
        """
        buffer, start = self._buffer, self._position
        available = len(buffer)
        length = shift = 0
        for index in range(start, min(start + VARINT_BYTES_MAX, available)):
            byte = buffer[index]
            length |= (byte & 0x7F) << shift
            if byte < _CONTINUES:
                break
            shift += 7
        else:
            if available - start >= VARINT_BYTES_MAX:
                raise LengthOverflow("the length prefix is longer than 10 bytes")
            return None
        if length > self._frame_bytes_max:
            if length > _UINT64_MAX:
                raise LengthOverflow("the length prefix does not fit in 64 bits")
            raise FrameTooLarge(f"{length} bytes announced, limit {self._frame_bytes_max}")
        begin = index + 1
        end = begin + length
        if end > available:
            return None
        self._position = end
        return bytes(memoryview(buffer)[begin:end])

    @property
    def is_empty(self) -> bool:
        """Say whether every byte fed has been handed out."""
        return self._position == len(self._buffer)

    def finish(self) -> None:
        """Require that the stream may end here.

        Raises:
            TruncatedFrame: bytes of an unfinished frame are left.
        """
        left = len(self._buffer) - self._position
        if left:
            raise TruncatedFrame(f"the stream ended {left} bytes into a frame")
