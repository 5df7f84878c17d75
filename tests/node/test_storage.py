"""Storage: what was committed is there, in one piece, and nothing else is accepted."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rocksdict import Options, Rdict

from omg_abci.node.storage import (
    CommitRefused,
    MetaCorrupted,
    MetaMissing,
    RecordsIncomplete,
    Storage,
    StorageLocked,
    StorageMissing,
    StorageUnreadable,
    UndoCorrupted,
    UndoMissing,
    WrongChain,
)
from tests.node.committed_chain import INTERVAL, make_chain

_ROOT = Path(__file__).parents[2]
_WRITER = """
import sys
from tests.node.committed_chain import make_chain
from omg_abci.node.storage import Storage
chain = make_chain(300, seed=5)
storage = Storage.open(sys.argv[1])
meta = storage.load_meta()
for height in range(0 if meta is None else meta.height + 1, 301):
    chain.commit(storage, height)
    print(height, flush=True)
"""


def _open_raw(path: Path) -> Rdict:
    return Rdict(str(path), Options(raw_mode=True))


def test_records_and_meta_come_back(tmp_path: Path) -> None:
    """After each commit, records and meta are those of the block, also after reopening."""
    chain = make_chain(10)
    for height in range(chain.height + 1):
        storage = Storage.open(tmp_path, chain_id="omg-test")
        chain.commit(storage, height)
        storage.close()
        storage = Storage.open(tmp_path, read_only=True)
        assert storage.load_meta() == chain.make_meta(height)
        assert list(storage.iterate_records()) == sorted(chain.states[height].items())
        storage.close()


def test_undo_records_lead_back(tmp_path: Path) -> None:
    """The last 2K blocks can be undone, each giving the state and meta before; older cannot."""
    chain = make_chain(20)
    chain.store(tmp_path)
    storage = Storage.open(tmp_path)
    state = dict(storage.iterate_records())
    oldest = chain.height - 2 * INTERVAL + 1
    for height in range(chain.height, oldest - 1, -1):
        undo = storage.load_undo(height)
        assert undo.meta == chain.make_meta(height - 1)
        for key, old in undo.changes:
            if old is None:
                del state[key]
            else:
                state[key] = old
        assert state == chain.states[height - 1]
    with pytest.raises(UndoMissing):
        storage.load_undo(oldest - 1)
    storage.close()


def test_genesis_may_come_again(tmp_path: Path) -> None:
    """A second genesis replaces the first; after a block it is refused."""
    storage = Storage.open(tmp_path)
    first, second = make_chain(1, seed=1), make_chain(1, seed=2)
    del second.states[0][next(key for key in second.states[0] if key[0] == 5)]
    second.diffs[0] = sorted(second.states[0].items())
    first.commit(storage, 0)
    second.commit(storage, 0)
    assert dict(storage.iterate_records()) == second.states[0]
    second.diffs[1], second.undos[1] = first.diffs[1], first.undos[1]
    second.commit(storage, 1)
    with pytest.raises(CommitRefused):
        first.commit(storage, 0)
    storage.close()


def test_first_commit_may_hold_genesis(tmp_path: Path) -> None:
    """Without a commit of height 0 the first block's diff holds the whole state."""
    chain = make_chain(2)
    storage = Storage.open(tmp_path)
    diff = sorted(chain.states[1].items())
    storage.commit(chain.make_meta(1), diff, chain.undos[1], 8)
    chain.commit(storage, 2)
    assert dict(storage.iterate_records()) == chain.states[2]
    assert storage.load_undo(1).meta is None
    storage.close()


def test_a_gap_is_refused(tmp_path: Path) -> None:
    """A block that is not the next, or whose undo does not match, changes nothing."""
    chain = make_chain(3)
    storage = Storage.open(tmp_path)
    chain.commit(storage, 0)
    for height in (2, 3):
        with pytest.raises(CommitRefused):
            chain.commit(storage, height)
    with pytest.raises(CommitRefused):
        storage.commit(chain.make_meta(1), chain.diffs[1], chain.undos[1][:-1], 8)
    assert dict(storage.iterate_records()) == chain.states[0]
    storage.close()


def test_another_chain_is_refused(tmp_path: Path) -> None:
    """Neither opening nor committing takes a directory over from another chain."""
    chain = make_chain(2)
    storage = Storage.open(tmp_path)
    chain.commit(storage, 0)
    meta = chain.make_meta(1)._replace(chain_id="other")
    with pytest.raises(WrongChain):
        storage.commit(meta, chain.diffs[1], chain.undos[1], 8)
    storage.close()
    with pytest.raises(WrongChain, match="omg-test"):
        Storage.open(tmp_path, chain_id="other")
    Storage.open(tmp_path, chain_id="omg-test").close()


def test_only_one_process_writes(tmp_path: Path) -> None:
    """A second writer is told that the directory is in use; a reader is let in."""
    chain = make_chain(0)
    storage = Storage.open(tmp_path)
    chain.commit(storage, 0)
    with pytest.raises(StorageLocked):
        Storage.open(tmp_path)
    reader = Storage.open(tmp_path, read_only=True)
    assert dict(reader.iterate_records()) == chain.states[0]
    reader.close()
    storage.close()


def test_missing_directory_is_refused_and_not_made(tmp_path: Path) -> None:
    """Reading what is not there says so."""
    with pytest.raises(StorageMissing):
        Storage.open(tmp_path / "none", read_only=True)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [
        (b"m", b"", MetaCorrupted),
        (b"m", b"x" * 200, MetaCorrupted),
        (b"m", None, MetaMissing),
        (b"s\x05zzz", b"1", RecordsIncomplete),
        (b"s\x01", None, RecordsIncomplete),
        (b"u" + (3).to_bytes(8, "big"), b"damaged undo", UndoCorrupted),
        (b"u" + (3).to_bytes(8, "big"), None, UndoMissing),
    ],
)
def test_damage_is_refused(
    tmp_path: Path, key: bytes, value: bytes | None, error: type[Exception]
) -> None:
    """A damaged or missing piece is named, not repaired."""
    make_chain(3).store(tmp_path)
    db = _open_raw(tmp_path)
    if value is None:
        db.delete(key)
    else:
        db.put(key, value)
    db.close()

    def read_all() -> None:
        storage = Storage.open(tmp_path)
        try:
            list(storage.iterate_records())
            storage.load_undo(3)
        finally:
            storage.close()

    with pytest.raises(error):
        read_all()


def test_meta_with_one_flipped_bit_is_refused(tmp_path: Path) -> None:
    """The checksum covers every byte of the meta."""
    make_chain(1).store(tmp_path)
    db = _open_raw(tmp_path)
    good = db.get(b"m")
    db.close()
    assert good is not None
    for at in random.Random(1).sample(range(len(good)), 12):
        db = _open_raw(tmp_path)
        db.put(b"m", good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        db.close()
        with pytest.raises(MetaCorrupted):
            Storage.open(tmp_path)


def test_damaged_file_is_refused(tmp_path: Path) -> None:
    """A database whose own files are damaged is an error of ours, with its path."""
    make_chain(1).store(tmp_path)
    (tmp_path / "CURRENT").write_text("nonsense\n")
    with pytest.raises(StorageUnreadable, match=str(tmp_path)):
        Storage.open(tmp_path)


def test_torn_tail_of_the_log_is_the_block_before(tmp_path: Path) -> None:
    """However much of the last write reached the disk, the state is that of a whole block."""
    chain = make_chain(12)
    storage = Storage.open(tmp_path / "live")
    for height in range(13):
        chain.commit(storage, height)
    # Closing would move the log into a table; the copy is what a crash leaves.
    shutil.copytree(tmp_path / "live", tmp_path / "crashed")
    storage.close()
    log = max((tmp_path / "crashed").glob("*.log"))
    whole = log.read_bytes()
    for cut in random.Random(2).sample(range(1, len(whole) - 2_000), 8):
        log.write_bytes(whole[:-cut])
        storage = Storage.open(tmp_path / "crashed", read_only=True)
        meta = storage.load_meta()
        assert meta is not None
        assert meta == chain.make_meta(meta.height)
        assert meta.height < 12
        assert dict(storage.iterate_records()) == chain.states[meta.height]
        storage.close()


def test_killed_writer_leaves_a_whole_block(tmp_path: Path) -> None:
    """After kill -9 at a random moment the height is N or N + 1, and the records are its own."""
    chain = make_chain(300, seed=5)
    seeded = random.Random(7)
    path = tmp_path / "state"
    reached = -1
    for _ in range(4):
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path)],
            cwd=_ROOT,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
        )
        assert writer.stdout is not None
        printed = [int(writer.stdout.readline())]
        time.sleep(seeded.random() * 0.02)
        writer.send_signal(signal.SIGKILL)
        printed += [int(line) for line in writer.stdout.read().split()]
        writer.wait()
        writer.stdout.close()
        assert printed[0] == reached + 1
        storage = Storage.open(path)
        meta = storage.load_meta()
        assert meta is not None
        assert meta.height in (printed[-1], printed[-1] + 1)
        reached = meta.height
        assert meta == chain.make_meta(reached)
        assert dict(storage.iterate_records()) == chain.states[reached]
        assert storage.load_undo(reached).meta == chain.make_meta(reached - 1) if reached else True
        storage.close()
