"""Snapshots: the same bytes on every node, and the same node on the other side."""

import asyncio
import random
from pathlib import Path

import pytest

from omg_abci.node import snapshot_building, snapshot_format, state_sync
from omg_abci.node.config import SnapshotSettings
from omg_abci.node.reader import Reader
from omg_abci.node.snapshot_building import run
from omg_abci.node.snapshot_format import SnapshotMalformed, SnapshotNotBuilt
from omg_abci.node.snapshots import Snapshots, is_snapshot_height
from omg_abci.node.storage import Storage, UndoMissing
from omg_abci.state.hashes import encode_diff
from tests.node import snapshot_world
from tests.node.committed_chain import DOMAIN, INTERVAL, make_chain
from tests.node.snapshot_world import Applied, Joiner, Offer, Taken, take


def test_join_has_records_and_meta(tmp_path: Path) -> None:
    """The state after a join is that of a node that executed the blocks, and goes on as it."""
    chain = make_chain(24)
    taken = take(chain, tmp_path / "provider", 16, 19)
    assert taken.metadata.app_hash == chain.heads[16].app_hash
    joiner = Joiner(tmp_path / "joiner")
    assert joiner.join(taken) == chain.make_meta(16)
    assert joiner.read_records() == chain.states[16]
    assert not (tmp_path / "joiner" / "restoring").exists()
    storage = Storage.open(joiner.state)
    reader = Reader.load_storage(storage, DOMAIN, 16)
    assert reader.history.get_roots()[-1][0] == 16
    for height in range(17, 25):
        chain.commit(storage, height)
        fold = reader.apply_block(height, chain.heads[height], chain.diffs[height])
        if fold is not None:
            reader.history.add_fold(height, reader.history.fold(fold))
    storage.close()
    storage = Storage.open(joiner.state, read_only=True)
    again = Reader.load_storage(storage, DOMAIN, 24)
    storage.close()
    assert again.history.get_roots()[-1] == reader.history.get_roots()[-1]
    assert reader.history.newest == 24
    assert INTERVAL == 4


def test_same_bytes_whatever_the_history(tmp_path: Path) -> None:
    """Nodes that went on further, restarted, wrote in another order or joined give the same."""
    chain = make_chain(24)
    plain = take(chain, tmp_path / "plain", 16)
    further = take(chain, tmp_path / "further", 16, 20)
    joiner = Joiner(tmp_path / "joiner")
    joiner.join(take(chain, tmp_path / "early", 8))
    storage = Storage.open(joiner.state)
    for height in range(9, 18):
        chain.commit(storage, height)
    storage.close()
    joined = Taken(run(joiner.state, 16, tmp_path / "joined"))
    again = Taken(run(joiner.state, 16, tmp_path / "joined"))
    for other in (further, joined, again):
        assert other.metadata_bytes == plain.metadata_bytes
        assert other.chunks == plain.chunks


def test_stream_is_records_then_diffs(tmp_path: Path) -> None:
    """The bytes are those of docs/spec/snapshots.md."""
    chain = make_chain(9)
    taken = take(chain, tmp_path, 8)
    diffs = [encode_diff(chain.diffs[height]) + b"\0\0" for height in range(5, 9)]
    records = encode_diff(sorted(chain.states[4].items())) + b"\0\0"
    assert b"".join(taken.chunks) == records + b"".join(diffs)
    assert taken.metadata.records_diff_hash == chain.heads[4].diff_hash
    assert taken.metadata.domain == DOMAIN


@pytest.mark.parametrize(("height", "until"), [(16, 21), (16, 12), (4, 4), (18, 18)])
def test_not_built(tmp_path: Path, height: int, until: int) -> None:
    """What the database no longer knows, does not know yet, or no chain offers, is not built."""
    chain = make_chain(24)
    with pytest.raises((UndoMissing, SnapshotNotBuilt, SnapshotMalformed)):
        take(chain, tmp_path, height, until)
    assert not (tmp_path / "snapshots" / str(height)).exists()


def test_many_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state of many chunks comes back, whatever the order in which they arrive."""
    for module in (snapshot_building, snapshot_format, state_sync, snapshot_world):
        monkeypatch.setattr(module, "CHUNK_BYTES", 1_000)
    chain = make_chain(12)
    taken = take(chain, tmp_path / "provider", 12)
    assert len(taken.chunks) > 5
    assert {len(chunk) for chunk in taken.chunks[:-1]} == {1_000}
    joiner = Joiner(tmp_path / "joiner")
    assert joiner.offer(taken.make_offer()) == Offer.ACCEPT
    order = list(enumerate(taken.chunks))
    random.Random(3).shuffle(order)
    answers = [joiner.apply(index, chunk).result for index, chunk in (order[0], *order)]
    assert set(answers) == {Applied.ACCEPT}
    assert joiner.adopted == chain.make_meta(12)
    assert joiner.read_records() == chain.states[12]


def test_kept_snapshots(tmp_path: Path) -> None:
    """The newest stay, whole ones are found again, and what is not whole is removed at start."""

    async def play() -> list[int]:
        snapshots = Snapshots(SnapshotSettings(4, 2), tmp_path / "snapshots", tmp_path / "state")
        snapshots.start()
        assert snapshots.oldest == 0
        storage = Storage.open(tmp_path / "state")
        for height in range(25):
            chain.commit(storage, height)
            snapshots.on_commit(height, INTERVAL, 0)
            if snapshots._building is not None:
                await snapshots._building
        storage.close()
        assert (snapshots.oldest, len(snapshots.list(24))) == (20, 1)
        assert snapshots.load_chunk(24, 1, 0)
        assert not snapshots.load_chunk(24, 1, 1)
        assert not snapshots.load_chunk(24, 2, 0)
        assert not snapshots.load_chunk(23, 1, 0)
        await snapshots.stop()
        return [each.height for each in snapshots.list(26)]

    chain = make_chain(24)
    assert asyncio.run(play()) == [24, 20]
    folder = tmp_path / "snapshots"
    (folder / "building-28").mkdir()
    (folder / "16").mkdir()
    with (folder / "20" / "stream").open("ab") as file:
        file.write(b"x")
    again = Snapshots(SnapshotSettings(0), folder, tmp_path / "state")
    again.start()
    assert [each.height for each in again.list(26)] == [24]
    assert [each.name for each in folder.iterdir()] == ["24"]
    assert Snapshots(SnapshotSettings(0), tmp_path / "none", tmp_path).oldest is None


def test_snapshot_heights() -> None:
    """The interval counts in whole root intervals; 0 is never."""
    assert [each for each in range(1, 40) if is_snapshot_height(each, 9, 4)] == [12, 24, 36]
    assert not any(is_snapshot_height(each, 0, 4) for each in range(40))
