"""The accepted file: what was acknowledged is there after any stop, or opening refuses."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from omg_abci.node import accepted as module
from omg_abci.node.accepted import AcceptedBroken, AcceptedCorrupt, AcceptedLog
from omg_abci.protocol.limits import TX_BYTES_MAX

_ROOT = Path(__file__).parents[2]
_WRITER = """
import asyncio, sys
from pathlib import Path
from omg_abci.node import accepted
accepted.SEGMENT_BYTES_MAX = 20_000
async def client(log, name):
    for number in range(100_000):
        raw = b"%d-%d " % (name, number) + bytes(number % 300)
        log.enqueue([(raw, raw)])
        await log.wait_synced()
        print(f"{name}-{number}", flush=True)
async def main():
    log = accepted.AcceptedLog(Path(sys.argv[1]))
    await log.settle([(raw, raw) for raw in log.recovered.raws])
    await asyncio.gather(*(client(log, int(sys.argv[2]) * 10 + name) for name in range(4)))
asyncio.run(main())
"""


def _with(folder: Path, test: Callable[[AcceptedLog], Coroutine[Any, Any, None]]) -> None:
    async def play() -> None:
        log = AcceptedLog(folder)
        try:
            await test(log)
        finally:
            await log.close()

    asyncio.run(play())


async def _append(log: AcceptedLog, *raws: bytes) -> None:
    log.enqueue([(raw, raw) for raw in raws])
    await log.wait_synced()


def _write(folder: Path, *groups: bytes) -> Path:
    """Write a group each and return the segment's file."""

    async def write(log: AcceptedLog) -> None:
        for raw in groups:
            await _append(log, raw)

    _with(folder, write)
    (path,) = folder.glob("*.log")
    return path


def _count(folder: Path) -> int:
    return len(list(folder.glob("*.log")))


def _recover(folder: Path) -> tuple[list[bytes], int]:
    async def play() -> tuple[list[bytes], int]:
        log = AcceptedLog(folder)
        await log.close()
        return log.recovered

    return asyncio.run(play())


def test_what_was_written_is_there(tmp_path: Path) -> None:
    """Everything comes back in order."""
    _write(tmp_path, b"one", b"two", b"x" * TX_BYTES_MAX)
    assert _recover(tmp_path) == ([b"one", b"two", b"x" * TX_BYTES_MAX], 0)


def test_an_empty_folder(tmp_path: Path) -> None:
    """A new node has nothing to resume; nothing to write needs no sync."""

    async def check(log: AcceptedLog) -> None:
        await log.wait_synced()
        await log.settle([])
        log.finish([b"unknown"])

    _with(tmp_path / "new", check)
    assert _recover(tmp_path / "new") == ([], 0)


def test_callers_share_syncs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrives while a sync runs goes into the next group, all of it."""
    gate = threading.Event()
    syncs: list[int] = []

    def sync(fd: int) -> None:
        syncs.append(fd)
        gate.wait(5)

    async def check(log: AcceptedLog) -> None:
        first = asyncio.create_task(_append(log, b"first"))
        await asyncio.sleep(0.01)
        others = [asyncio.create_task(_append(log, b"%d" % number)) for number in range(50)]
        await asyncio.sleep(0.01)
        assert not first.done()
        assert not any(task.done() for task in others)
        gate.set()
        await asyncio.gather(first, *others)

    monkeypatch.setattr(os, "fsync", sync)
    _with(tmp_path, check)
    assert len(syncs) == 4  # the new file, its folder, two groups
    assert len(_recover(tmp_path)[0]) == 51


def test_a_caller_that_gives_up_harms_nobody(tmp_path: Path) -> None:
    """Cancelling one caller leaves the others' answer alone."""

    async def check(log: AcceptedLog) -> None:
        one = asyncio.create_task(_append(log, b"one"))
        two = asyncio.create_task(_append(log, b"two"))
        await asyncio.sleep(0)
        one.cancel()
        await two

    _with(tmp_path, check)
    assert _recover(tmp_path)[0] == [b"one", b"two"]


def test_finished_segments_are_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A segment goes when all its transactions are finished, not before."""
    monkeypatch.setattr(module, "SEGMENT_BYTES_MAX", 100)

    async def check(log: AcceptedLog) -> None:
        raws = [b"%d" % number + bytes(90) for number in range(4)]
        for raw in raws:
            await _append(log, raw)
        count = _count(tmp_path)
        log.finish(raws[1:2])
        assert _count(tmp_path) == count - 1
        log.finish(raws)
        assert _count(tmp_path) == 1

    _with(tmp_path, check)


def test_what_is_finished_before_its_sync_does_not_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that a block held before its group was on disk keeps no segment alive."""
    monkeypatch.setattr(module, "SEGMENT_BYTES_MAX", 1)

    async def check(log: AcceptedLog) -> None:
        log.enqueue([(b"a", b"a")])
        log.finish([b"a"])
        await log.wait_synced()
        await _append(log, b"b")
        log.finish([])
        assert _count(tmp_path) == 1

    _with(tmp_path, check)


def test_long_logs_are_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that stays for ever in each segment does not keep all of them."""
    monkeypatch.setattr(module, "SEGMENT_BYTES_MAX", 1_000)
    monkeypatch.setattr(module, "COMPACT_BYTES_MIN", 5_000)
    kept = [b"keep %d" % number for number in range(40)]

    async def check(log: AcceptedLog) -> None:
        for raw in kept:
            passing = raw + bytes(1_000)
            await _append(log, raw, passing)
            log.finish([passing])
            await asyncio.sleep(0.002)
        for _ in range(20):
            await log.wait_synced()
            log.finish([])
        assert log.size_bytes < 10_000

    _with(tmp_path, check)
    assert set(_recover(tmp_path)[0]) >= set(kept)


def test_settling_keeps_what_is_left(tmp_path: Path) -> None:
    """After a start the file holds what was taken up again, and no old segment."""
    path = _write(tmp_path, b"done", b"left")

    async def check(log: AcceptedLog) -> None:
        await log.settle([(b"left", b"left")])

    _with(tmp_path, check)
    assert not path.exists()
    assert _recover(tmp_path)[0] == [b"left"]


@pytest.mark.parametrize("cut", range(1, 24))
def test_a_torn_end_is_cut_off(tmp_path: Path, cut: int) -> None:
    """Wherever the last group ends too early, all before it is there and the file is sound."""
    path = _write(tmp_path, b"one", b"two")
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    torn = len(whole) - cut - (20 + 16 + 4 + 3)
    assert _recover(tmp_path) == ([b"one"], torn)
    assert _recover(tmp_path) == ([b"one"], 0)


@pytest.mark.parametrize("tail", [bytes(5_000), b"\xff" * 100], ids=["zeros", "ones"])
def test_pages_that_never_came_are_cut_off(tmp_path: Path, tail: bytes) -> None:
    """A file that grew before its content came is sound up to there."""
    path = _write(tmp_path, b"one")
    path.write_bytes(path.read_bytes() + tail)
    assert _recover(tmp_path) == ([b"one"], len(tail))


@pytest.mark.parametrize("length", [0, 5, 19, 20])
def test_a_segment_without_header_is_removed(tmp_path: Path, length: int) -> None:
    """A stop while a segment was made leaves nothing in the way."""
    _write(tmp_path, b"one")
    (tmp_path / "000000000002.log").write_bytes(bytes(length))
    assert _recover(tmp_path)[0] == [b"one"]
    assert _count(tmp_path) == 1


@pytest.mark.parametrize("place", [0, 9, 17, 20, 28, 32, 36, 41])
def test_damage_in_the_middle_is_refused(tmp_path: Path, place: int) -> None:
    """Where acknowledged transactions are damaged, opening says so and keeps the file."""
    path = _write(tmp_path, b"one", b"two", b"three")
    data = bytearray(path.read_bytes())
    data[place] ^= 0x40
    path.write_bytes(data)
    with pytest.raises(AcceptedCorrupt, match=path.name):
        _recover(tmp_path)
    assert path.read_bytes() == data


def test_damage_in_an_older_segment_is_refused(tmp_path: Path) -> None:
    """A group cut off in a segment that another one follows was acknowledged."""
    path = _write(tmp_path, b"one")
    path.write_bytes(path.read_bytes()[:-1])
    later = tmp_path / "000000000002.log"
    later.write_bytes(b"OMGACC1\n12345678")
    with pytest.raises(AcceptedCorrupt):
        _recover(tmp_path)


def test_a_failing_disk_stops_acknowledging(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a failed sync nobody is told that anything is safe."""

    def fail(fd: int) -> None:
        raise OSError(5, "Input/output error")

    async def check(log: AcceptedLog) -> None:
        await _append(log, b"good")
        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(AcceptedBroken):
            await _append(log, b"bad")
        monkeypatch.undo()
        with pytest.raises(AcceptedBroken):
            await _append(log, b"later")
        with pytest.raises(AcceptedBroken):
            await log.wait_synced()

    _with(tmp_path, check)


def test_nothing_acknowledged_is_lost_by_kill(tmp_path: Path) -> None:
    """A writer killed at random moments, started again on the same folder, loses nothing."""
    moments = random.Random(1)
    acknowledged: set[bytes] = set()
    for start in range(1, 7):
        with subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path), str(start)],
            stdout=subprocess.PIPE,
            cwd=_ROOT,
        ) as writer:
            assert writer.stdout is not None
            first = writer.stdout.readline()
            time.sleep(moments.random() * 0.15)
            writer.send_signal(signal.SIGKILL)
            rest = writer.stdout.read()
        acknowledged.update((first + rest).rpartition(b"\n")[0].split())
        found = {raw.split(b" ")[0] for raw in _recover(tmp_path)[0]}
        assert acknowledged <= found, f"lost after start {start}"
    assert len(acknowledged) > 100
