"""State sync: whatever is wrong with a snapshot is refused, and a true one is still taken."""

import dataclasses
import hashlib
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omg_abci.node.snapshot_format import (
    CHUNK_BYTES,
    CHUNKS_MAX,
    FORMAT,
    Metadata,
    compute_snapshot_hash,
)
from omg_abci.node.state_sync import StateSync
from omg_abci.state.hashes import encode_diff
from omg_abci.state.schema import BLOCK
from tests.node.committed_chain import make_chain
from tests.node.snapshot_world import Applied, Joiner, Offer, Taken, make_offer, take

CHAIN = make_chain(16)


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    """Return a true snapshot of height 12."""
    return take(CHAIN, tmp_path_factory.mktemp("provider"), 12)


@pytest.fixture
def joiner(tmp_path: Path) -> Joiner:
    """Return a node that is about to join."""
    return Joiner(tmp_path)


def require_clean(joiner: Joiner, taken: Taken) -> None:
    """Assert that nothing was changed and left, and that a true snapshot is taken now."""
    assert joiner.adopted is None
    assert not joiner.state.exists()
    assert not (joiner.folder / "restoring").exists()
    assert joiner.join(taken) == CHAIN.make_meta(12)
    assert joiner.read_records() == CHAIN.states[12]


FIELDS: dict[str, Callable[[Metadata], Any]] = {
    "domain": lambda metadata: metadata.domain._replace(chain_id="omg-other"),
    "height": lambda metadata: metadata.height + metadata.root_interval,
    "root_interval": lambda metadata: metadata.root_interval + 1,
    "tree_root": lambda _: bytes(32),
    "diff_hash": lambda _: bytes(32),
    "checkpoint_digest": lambda _: bytes(31) + b"\1",
    "stream_bytes": lambda metadata: metadata.stream_bytes + CHUNK_BYTES,
    "chunk_hashes": lambda metadata: metadata.chunk_hashes * 2,
}


@pytest.mark.parametrize("field", FIELDS)
def test_false_field(joiner: Joiner, taken: Taken, field: str) -> None:
    """An offer with one false field in its metadata is refused, though its hash is right."""
    metadata = taken.metadata._replace(**{field: FIELDS[field](taken.metadata)})
    data = metadata.encode()
    offer = make_offer(data, taken.metadata, taken.metadata.app_hash)
    assert joiner.offer(offer) == Offer.REJECT
    require_clean(joiner, taken)


@pytest.mark.parametrize("contract", [b"\x12" * 20, b""])
def test_other_domain(joiner: Joiner, taken: Taken, contract: bytes) -> None:
    """A signing domain that genesis does not give is refused: no hash attests it."""
    domain = taken.metadata.domain._replace(verifying_contract=contract or b"\x11" * 20)
    domain = domain if contract else domain._replace(ethereum_chain_id=1)
    data = taken.metadata._replace(domain=domain).encode()
    offer = make_offer(data, taken.metadata, taken.metadata.app_hash)
    assert joiner.offer(offer) == Offer.REJECT
    require_clean(joiner, taken)


@pytest.mark.parametrize("size", [0, 1, 100, 251, -1, 3_000_000])
def test_metadata_of_another_size(joiner: Joiner, taken: Taken, size: int) -> None:
    """Cut or lengthened metadata is refused."""
    data = taken.metadata_bytes
    data = data[:size] if size < len(data) else data + bytes(size - len(data))
    offer = make_offer(data, taken.metadata, taken.metadata.app_hash)
    assert joiner.offer(offer) == Offer.REJECT
    require_clean(joiner, taken)


def test_flipped_bytes(joiner: Joiner, taken: Taken) -> None:
    """No byte of the metadata can be changed unseen: at the offer, by a chunk, or at the end."""
    for place in range(0, len(taken.metadata_bytes), 5):
        data = bytearray(taken.metadata_bytes)
        data[place] ^= 0x80
        offer = make_offer(bytes(data), taken.metadata, taken.metadata.app_hash)
        answer = joiner.offer(offer)
        if answer == Offer.ACCEPT:
            applied = joiner.apply(0, taken.chunks[0], "liar")
            assert applied.result in (Applied.RETRY, Applied.REJECT_SNAPSHOT)
            assert list(applied.reject_senders) == ["liar"]
            continue
        assert answer == (Offer.REJECT_FORMAT if place == 0 else Offer.REJECT)


@pytest.mark.parametrize("lie", [{"records_diff_hash": bytes(32)}, {"root_interval": 6}])
def test_false_in_the_end(joiner: Joiner, taken: Taken, lie: dict[str, Any]) -> None:
    """What nothing attests by itself is found false when the content is looked at."""
    data = taken.metadata._replace(**lie).encode()
    assert joiner.offer(make_offer(data, taken.metadata, taken.metadata.app_hash)) == Offer.ACCEPT
    answer = joiner.apply(0, taken.chunks[0], "liar")
    assert answer.result == Applied.REJECT_SNAPSHOT
    assert list(answer.reject_senders) == ["liar"]
    require_clean(joiner, taken)


def test_offer_around_the_metadata(joiner: Joiner, taken: Taken) -> None:
    """Format, hash, chunks, height and app hash that do not fit the metadata are refused."""
    good = taken.make_offer()
    for field, value, answer in (
        ("format", FORMAT + 1, Offer.REJECT_FORMAT),
        ("hash", bytes(32), Offer.REJECT),
        ("hash", b"", Offer.REJECT),
        ("chunks", 2, Offer.REJECT),
        ("height", 13, Offer.REJECT),
        ("metadata", b"", Offer.REJECT),
    ):
        offer = taken.make_offer()
        setattr(offer.snapshot, field, value)
        assert joiner.offer(offer) == answer, field
    assert joiner.offer(taken.make_offer(bytes(32))) == Offer.REJECT
    assert good.snapshot.hash == compute_snapshot_hash(taken.metadata_bytes)
    require_clean(joiner, taken)


def test_bad_chunks(joiner: Joiner, taken: Taken) -> None:
    """A chunk that is not the snapshot's is fetched again from somebody else."""
    assert joiner.apply(0, taken.chunks[0]).result == Applied.REJECT_SNAPSHOT
    assert joiner.offer(taken.make_offer()) == Offer.ACCEPT
    chunk = taken.chunks[0]
    for bad in (chunk[:-1], chunk + b"\0", b"", bytes(len(chunk)), chunk[::-1]):
        answer = joiner.apply(0, bad, "liar")
        assert answer.result == Applied.RETRY
        assert (list(answer.refetch_chunks), list(answer.reject_senders)) == ([0], ["liar"])
    assert joiner.apply(0, chunk, "friend").result == Applied.ACCEPT
    assert joiner.adopted == CHAIN.make_meta(12)


def test_chunk_of_no_index(joiner: Joiner, taken: Taken) -> None:
    """A chunk beyond the last ends this snapshot."""
    assert joiner.offer(taken.make_offer()) == Offer.ACCEPT
    assert joiner.apply(1, taken.chunks[0]).result == Applied.REJECT_SNAPSHOT


def _swap(stream: bytes) -> bytes:
    """Exchange the first two records."""
    records = sorted(CHAIN.states[8].items())
    first, second = (encode_diff([each]) for each in records[:2])
    return second + first + stream[len(first + second) :]


def _cut_block(stream: bytes) -> bytes:
    return stream[: -len(encode_diff(CHAIN.diffs[12])) - 2]


FALSE_STREAMS: dict[str, Callable[[bytes], bytes]] = {
    "value of a record": lambda stream: stream[:10] + b"\xff" + stream[11:],
    "value in a block": lambda stream: stream[:-3] + bytes([stream[-3] ^ 1]) + stream[-2:],
    "order of records": _swap,
    "record left out": lambda s: s[len(encode_diff(sorted(CHAIN.states[8].items())[:1])) :],
    "record twice": lambda s: s[: len(encode_diff(sorted(CHAIN.states[8].items())[:1]))] + s,
    "deletion among records": lambda stream: b"\0\1\0\0\0\0\0" + stream,
    "block left out": _cut_block,
    "block too many": lambda stream: stream + stream[-2:],
    "end left out": lambda stream: stream[:-2],
    "ends in a key": lambda stream: stream + b"\0\5ab",
    "key too long": lambda stream: b"\0\x41" + b"k" * 65 + stream,
    "value too long": lambda stream: b"\0\1\0\0\0\x10\2" + stream,
    "empty value": lambda stream: b"\0\1\0\0\0\0\1" + stream,
    "other state": lambda _: encode_diff([(BLOCK, b"x")]) + b"\0\0" * 5,
}


@pytest.mark.parametrize("lie", FALSE_STREAMS)
def test_consistent_but_false(joiner: Joiner, taken: Taken, lie: str) -> None:
    """Content that fits its chunks' hashes and not the attested ones is refused."""
    stream = FALSE_STREAMS[lie](taken.chunks[0])
    false = taken.metadata._replace(
        stream_bytes=len(stream), chunk_hashes=(hashlib.sha256(stream).digest(),)
    )
    offer = make_offer(false.encode(), false, taken.metadata.app_hash)
    assert joiner.offer(offer) == Offer.ACCEPT
    answer = joiner.apply(0, stream, "liar")
    assert answer.result == Applied.REJECT_SNAPSHOT
    assert list(answer.reject_senders) == ["liar"]
    require_clean(joiner, taken)


def test_another_offer_replaces_the_first(joiner: Joiner, taken: Taken, tmp_path: Path) -> None:
    """An offer in the middle of another begins anew."""
    older = take(CHAIN, tmp_path / "other", 8)
    assert joiner.offer(older.make_offer()) == Offer.ACCEPT
    assert joiner.join(taken) == CHAIN.make_meta(12)


def test_restart_in_the_middle(joiner: Joiner, taken: Taken) -> None:
    """A start removes what an interrupted restore has left, and the next one is whole."""
    assert joiner.offer(taken.make_offer()) == Offer.ACCEPT
    (joiner.folder / "restoring" / "state").mkdir()
    (joiner.folder / "restoring" / "state" / "CURRENT").write_text("half")
    again = Joiner(joiner.folder)
    again.sync.start()
    assert again.apply(0, taken.chunks[0]).result == Applied.REJECT_SNAPSHOT
    require_clean(again, taken)


def test_joined_again(joiner: Joiner, taken: Taken, tmp_path: Path) -> None:
    """A node that has a state and is offered a snapshot takes that in its place."""
    joiner.join(take(CHAIN, tmp_path / "other", 8))
    assert joiner.join(taken) == CHAIN.make_meta(12)
    assert joiner.read_records() == CHAIN.states[12]


def test_process(taken: Taken, tmp_path: Path) -> None:
    """The process that checks tells a true snapshot, a false one and a folder it cannot use."""
    joiner = Joiner(tmp_path, StateSync)
    false = taken.metadata._replace(records_diff_hash=bytes(32))
    offer = make_offer(false.encode(), false, taken.metadata.app_hash)
    assert joiner.offer(offer) == Offer.ACCEPT
    assert joiner.apply(0, taken.chunks[0]).result == Applied.REJECT_SNAPSHOT
    assert joiner.offer(taken.make_offer()) == Offer.ACCEPT
    (tmp_path / "restoring" / "state").touch()
    assert joiner.apply(0, taken.chunks[0]).result == Applied.ABORT
    require_clean(joiner, taken)


def test_killed_for_want_of_memory(
    joiner: Joiner, taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A snapshot whose check is killed is refused: another provider's may be smaller, and true."""
    assert joiner.offer(taken.make_offer()) == Offer.ACCEPT

    async def end(_: StateSync) -> int:
        return -signal.SIGKILL

    with monkeypatch.context() as patch:
        patch.setattr(type(joiner.sync), "_check_and_write", end)
        answer = joiner.apply(0, taken.chunks[0], "liar")
    assert answer.result == Applied.REJECT_SNAPSHOT
    assert list(answer.reject_senders) == ["liar"]
    require_clean(joiner, taken)


def test_more_than_there_can_be(joiner: Joiner, taken: Taken) -> None:
    """More chunks than a node could hold are refused before one is fetched."""
    chunks = CHUNKS_MAX + 1
    false = taken.metadata._replace(
        stream_bytes=chunks * CHUNK_BYTES, chunk_hashes=(bytes(32),) * chunks
    )
    offer = make_offer(false.encode(), false, taken.metadata.app_hash)
    assert joiner.offer(offer) == Offer.REJECT
    require_clean(joiner, taken)


def test_disk_that_cannot_be_written(joiner: Joiner, taken: Taken) -> None:
    """Where nothing can be written, state sync ends, and what was there is gone."""
    assert joiner.offer(taken.make_offer()) == Offer.ACCEPT
    (joiner.folder / "restoring" / "stream").unlink()
    assert joiner.apply(0, taken.chunks[0]).result == Applied.ABORT
    assert not (joiner.folder / "restoring").exists()
    (joiner.folder / "restoring").touch()
    assert joiner.offer(taken.make_offer()) == Offer.ABORT
    (joiner.folder / "restoring").unlink()
    require_clean(joiner, taken)


def test_no_space(joiner: Joiner, taken: Taken, monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot for which there is no space is refused at once."""

    @dataclasses.dataclass
    class Usage:
        free: int = 1_000

    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda _: Usage())
        assert joiner.offer(taken.make_offer()) == Offer.REJECT
    require_clean(joiner, taken)
