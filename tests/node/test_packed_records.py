"""Packed records and the index of their keys against a plain dict."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omg_abci.node import packed_records
from omg_abci.node.key_index import LONG_BYTES, KeyIndex, KeyIndexLoader
from omg_abci.node.packed_records import PackedRecords, Packer

KEYS = st.binary(min_size=1, max_size=3) | st.sampled_from([b"ab" * 32, b"b" * 255])
VALUES = st.binary(min_size=1, max_size=9) | st.just(b"v" * 4096)
WRITES = st.lists(st.tuples(KEYS, st.none() | VALUES), max_size=30)


def pack(contents: dict[bytes, bytes]) -> PackedRecords:
    """Return the contents packed."""
    packer = Packer()
    for key, value in contents.items():
        packer.add(key, value)
    return packer.finish()


@settings(max_examples=60, deadline=None)
@given(start=st.dictionaries(KEYS, VALUES, max_size=30), blocks=st.lists(WRITES, max_size=4))
def test_records_are_those_of_a_dict(
    start: dict[bytes, bytes], blocks: list[list[tuple[bytes, bytes | None]]]
) -> None:
    """Whatever is written, settled or not, the records are what a dict holds."""
    with pytest.MonkeyPatch.context() as patch:
        # One place, so that all records are neighbours and keys are found in other values.
        patch.setattr(packed_records, "_MASK", 0)
        records, plain = pack(start), dict(start)
        for number, block in enumerate(blocks):
            records.write(block)
            for key, value in block:
                plain.pop(key, None)
                if value is not None:
                    plain[key] = value
            records.settle(number % 3)
            assert dict(records.iterate()) == plain
            assert records == plain
            for key, _ in block:
                assert records.get(key) == plain.get(key)


def test_a_missing_record() -> None:
    """A key that is not there is None, a default, or a KeyError, also when it is in a value."""
    records = pack({b"key": b"other key, no"})
    assert records.get(b"no") is None
    assert records.get(b"no", b"default") == b"default"
    with pytest.raises(KeyError):
        records[b"no"]
    records.put(b"key", None)
    assert b"key" not in records
    records.settle(0)
    assert len(records) == 0


def make_index(contents: dict[bytes, list[bytes]]) -> KeyIndex:
    """Return an index of what is given."""
    loader = KeyIndexLoader()
    for prefix, suffixes in sorted(contents.items()):
        for suffix in sorted(suffixes):
            loader.add(prefix, suffix)
    return loader.finish()


def check(index: KeyIndex, prefix: bytes, expected: list[bytes]) -> None:
    """Compare all, and pages from several places."""
    expected = sorted(expected)
    assert index.get_all(prefix, 8) == expected
    for after in [bytes(8), *expected[:: max(1, len(expected) // 7)], b"\xff" * 8]:
        higher = [each for each in expected if each > after]
        assert index.get_after(prefix, after, 5) == (higher[:5], len(higher) > 5)


@pytest.mark.parametrize("seed", range(6))
def test_the_index_is_sorted_and_complete(seed: int) -> None:
    """Short and long listings, growing and shrinking past the bound between them."""
    rng = random.Random(seed)
    contents: dict[bytes, list[bytes]] = {
        prefix: [rng.randbytes(8) for _ in range(count)]
        for prefix, count in [(b"a", 3), (b"b", LONG_BYTES // 8 + 5), (b"c", 1)]
    }
    index = make_index(contents)
    for goal in (LONG_BYTES // 8 + 20, 0, 6, LONG_BYTES // 8 + 1, 2):
        for prefix in (b"a", b"b", b"d"):
            held = contents.setdefault(prefix, [])
            while len(held) != goal:
                if len(held) < goal:
                    # Few different bytes: a suffix is found across two others.
                    suffix = bytes(rng.choices(b"\0\1", k=8)) if goal < 9 else rng.randbytes(8)
                    if suffix not in held:
                        held.append(suffix)
                        index.add(prefix, suffix)
                else:
                    index.remove(prefix, held.pop(rng.randrange(len(held))))
            check(index, prefix, held)
        index.settle()
    check(index, b"c", contents[b"c"])
    check(index, b"none", [])
