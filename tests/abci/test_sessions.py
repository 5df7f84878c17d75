"""Sessions of the real CometBFT v0.40.0 replay to the bytes that it accepted."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from pathlib import Path
from typing import cast

import pytest

from omg_abci.abci.calls import CALLS, decode_request
from omg_abci.abci.connection import Connection, Hub, Limits
from omg_abci.abci.framing import FrameDecoder, encode_frame
from omg_abci.gen.cometbft.abci import types_pb2 as pb
from tests.abci.client import Harness, run_served
from tests.abci.kvstore import KeyValueStore
from tests.abci.session import SESSIONS, Frame, read_session

FILES = sorted(SESSIONS.glob("*.gz"))
FILE_BYTES_MAX = 200_000

every_session = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


class Recorder:
    """Stand in for a transport, and keep what is written to it."""

    def __init__(self) -> None:
        self._decoder = FrameDecoder(1 << 24)
        self.payloads: deque[bytes] = deque()

    def set_write_buffer_limits(self, high: int) -> None:
        """Accept any limit."""

    def is_closing(self) -> bool:
        """Stay open."""
        return False

    def write(self, data: bytes) -> None:
        """Cut what is written into answers."""
        self._decoder.feed(data)
        while (payload := self._decoder.next_frame()) is not None:
            self.payloads.append(payload)


def fail(error: BaseException) -> None:
    """Fail the test."""
    raise error


@every_session
def test_replay_in_recorded_order(path: Path) -> None:
    """Every request, in the order across all connections, gets its recorded answer at once.

    A slice of no time at all is spent after each frame, as it is by a call that takes long.
    """

    async def replay() -> None:
        hub = Hub(KeyValueStore(), Limits(slice_seconds=0), fail, lambda: None, None)
        connections: dict[str, tuple[Connection, Recorder]] = {}
        for name, direction, payload in read_session(path):
            if name not in connections:
                connections[name] = (Connection(hub, name), Recorder())
                connection, recorder = connections[name]
                connection.connection_made(cast("asyncio.Transport", recorder))
            connection, recorder = connections[name]
            if direction == "in":
                connection.data_received(encode_frame(payload))
            else:
                assert recorder.payloads.popleft() == payload
        assert all(not recorder.payloads for _, recorder in connections.values())

    asyncio.run(replay())


@every_session
@pytest.mark.parametrize("slice_seconds", [0, Limits().slice_seconds])
@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_replay_over_a_socket(path: Path, piece: int, slice_seconds: float, tmp_path: Path) -> None:
    """Each connection's requests, cut into pieces, get answers of the recorded types in order."""
    frames = defaultdict[str, list[Frame]](list)
    for frame in read_session(path)[:400]:
        frames[frame.connection].append(frame)

    async def body(harness: Harness) -> None:
        for recorded in frames.values():
            client = await harness.connect()
            sent = [frame.payload for frame in recorded if frame.direction == "in"]
            stream = b"".join(map(encode_frame, sent))
            for start in range(0, len(stream), piece):
                client.writer.write(stream[start : start + piece])
                if start % 64 == 0:
                    await client.writer.drain()
                    await asyncio.sleep(0)
            wanted = [
                pb.Response.FromString(frame.payload).WhichOneof("value")
                for frame in recorded
                if frame.direction == "out"
            ]
            assert await client.receive_names(len(wanted)) == wanted

    limits = Limits(slice_seconds=slice_seconds)
    assert run_served(KeyValueStore(), tmp_path, body, limits).fatal == []


def test_sessions_hold_every_call() -> None:
    """The sessions are small, and show every call that CometBFT makes over a socket."""
    seen = set()
    for path in FILES:
        assert path.stat().st_size < FILE_BYTES_MAX
        for frame in read_session(path):
            if frame.direction == "in":
                seen.add(decode_request(frame.payload)[0].name)
    # Echo belongs to ABCI, but CometBFT sends it over gRPC only.
    assert seen == CALLS.keys() - {"echo"}


@every_session
def test_messages_keep_every_byte(path: Path) -> None:
    """Our schemas know every field that CometBFT sends, and write it as CometBFT does."""
    for frame in read_session(path):
        message = pb.Request() if frame.direction == "in" else pb.Response()
        message.ParseFromString(frame.payload)
        message.DiscardUnknownFields()
        assert message.SerializeToString(deterministic=True) == frame.payload
