"""Unsigned whole numbers of fixed sizes, big-endian, one after the other."""

from collections.abc import Sequence


def pack(sizes: Sequence[int], values: Sequence[int]) -> bytes:
    """Return the bytes of numbers; raise OverflowError for one that does not fit its size."""
    return b"".join(
        [value.to_bytes(size, "big") for size, value in zip(sizes, values, strict=True)]
    )


def unpack(sizes: Sequence[int], data: bytes) -> list[int]:
    """Return the numbers; raise ValueError for bytes of another length."""
    if len(data) != sum(sizes):
        raise ValueError(f"{len(data)} bytes, not {sum(sizes)}")
    values: list[int] = []
    at = 0
    for size in sizes:
        values.append(int.from_bytes(data[at : at + size], "big"))
        at += size
    return values
