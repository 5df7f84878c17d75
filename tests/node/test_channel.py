"""Channels: frames arrive whole and in order; each end notices when the other is gone."""

import asyncio
import os
import socket
import subprocess
import sys
import time

import pytest

from omg_abci.node import channel as channels
from omg_abci.node.channel import (
    BlockingChannel,
    Channel,
    ChannelLost,
    FrameReader,
    FrameTooLarge,
    Message,
    connect_channel,
    encode_frame,
    spawn_child,
)

_MESSAGE = ("block", 7, b"\0" * 40, [("key", None), (b"k", (1 << 200, "ü", True))])


async def _connect(received: list[Message], lost: list[object]) -> tuple[Channel, BlockingChannel]:
    ours, theirs = socket.socketpair()
    channel = await connect_channel(ours.detach(), received.append, lost.append)
    return channel, BlockingChannel(theirs.detach())


@pytest.mark.parametrize("cut", [1, 3, 4, 5, 50])
def test_reader_takes_frames_in_any_pieces(cut: int) -> None:
    """However the stream is cut, the same messages come out."""
    stream = encode_frame(_MESSAGE) * 3
    reader = FrameReader()
    found = [
        message
        for place in range(0, len(stream), cut)
        for message in reader.feed(stream[place : place + cut])
    ]
    assert found == [_MESSAGE] * 3


def test_large_frames_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame above the limit is refused when it is sent and when it is announced."""
    frame = encode_frame(("x", bytes(100)))
    monkeypatch.setattr(channels, "FRAME_BYTES_MAX", 100)
    with pytest.raises(FrameTooLarge):
        encode_frame(("x", bytes(100)))
    with pytest.raises(FrameTooLarge):
        FrameReader().feed(frame[:4])


def test_both_ways_and_end() -> None:
    """Messages go both ways in order; the end of one side is told to the other, once."""

    async def play() -> None:
        received: list[Message] = []
        lost: list[object] = []
        channel, other = await _connect(received, lost)
        for number in range(5):
            channel.send(("ask", number))
            other.send(("answer", number))
        await asyncio.sleep(0.01)
        assert received == [("answer", number) for number in range(5)]
        asked: list[Message] = []
        while len(asked) < 5:
            asked += other.receive()
        assert asked == [("ask", number) for number in range(5)]
        other.close()
        await asyncio.sleep(0.01)
        assert lost == [None]
        with pytest.raises(ChannelLost):
            channel.send(("ask", 9))
        with pytest.raises(ChannelLost):
            await channel.drain()

    asyncio.run(play())


def test_drain_waits_for_a_slow_reader() -> None:
    """`drain` waits while the other end does not read, and goes on when it does."""

    async def play() -> None:
        channel, other = await _connect([], [])
        channel.send(("large", bytes(4_000_000)))
        waiting = asyncio.create_task(channel.drain())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        message = await asyncio.to_thread(other.receive)
        assert len(message[0][1]) == 4_000_000
        await asyncio.wait_for(waiting, 5)
        channel.close()
        await asyncio.sleep(0)
        assert other.receive() == []
        other.close()

    asyncio.run(play())


def test_drain_ends_when_the_reader_dies() -> None:
    """Who waits for a reader that goes away is told."""

    async def play() -> None:
        channel, other = await _connect([], [])
        channel.send(("large", bytes(4_000_000)))
        waiting = asyncio.create_task(channel.drain())
        await asyncio.sleep(0.01)
        other.close()
        with pytest.raises(ChannelLost):
            await asyncio.wait_for(waiting, 5)

    asyncio.run(play())


def test_child_ends_with_its_channel() -> None:
    """A child process ends when the channel is closed."""

    async def play() -> None:
        child = await spawn_child("omg_abci.node.worker", lambda _: None, lambda _: None)
        await child.stop(5)
        assert child.process.returncode == 0

    asyncio.run(play())


@pytest.mark.skipif(sys.platform != "linux", reason="the parent's death signal is Linux's")
def test_child_dies_with_its_parent() -> None:
    """When the parent is killed, its child is gone too, though the channel is held open."""
    program = """
import asyncio, os, sys
from omg_abci.node.channel import spawn_child
async def main():
    tell = lambda message: print(child.process.pid, flush=True)
    child = await spawn_child("omg_abci.node.worker", tell, lambda reason: None)
    child.channel.send(("domain", "c", 1, bytes(20)))
    child.channel.send(("verify", 1, [b"x"], False))
    os.dup(child.channel._transport.get_extra_info("socket").fileno())
    await asyncio.sleep(60)
asyncio.run(main())
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        if not _is_running(pid):
            break
        time.sleep(0.05)
    assert not _is_running(pid)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123 - not a file of ours
        return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
