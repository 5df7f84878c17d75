"""Hostile peers: each is told why, cut off, and harms no other connection."""

from __future__ import annotations

from pathlib import Path

import pytest

from omg_abci.abci import Application, Limits
from omg_abci.abci.framing import encode_frame, encode_uvarint
from omg_abci.gen.cometbft.abci import types_pb2 as pb
from tests.abci.client import Client, Harness, check_tx, commit, echo, flush, run_served, wait_until

MEBIBYTE = 1 << 20

BAD_STREAMS = {
    "oversized length": (encode_uvarint((64 << 20) + 1), "frame_too_large"),
    "length of 2^63": (encode_uvarint(1 << 63), "frame_too_large"),
    "eleven-byte varint": (b"\xff" * 11, "frame_length_overflow"),
    "garbage": (encode_frame(b"\x0f\xf0 garbage"), "request_undecodable"),
    "nested garbage": (encode_frame(b"\x42\x03\x0a\xff\x01"), "request_undecodable"),
    "endless groups": (encode_frame(b"\x0b" * 5000), "request_undecodable"),
    "text that is not UTF-8": (encode_frame(b"\x0a\x03\x0a\x01\xff"), "request_undecodable"),
    "empty frame": (encode_frame(b""), "request_unset"),
    "unknown call": (encode_frame(b"\xfa\x06\x00"), "request_unknown"),
    "DeliverTx of ABCI 1": (encode_frame(b"\x4a\x00"), "request_unknown"),
}


@pytest.mark.parametrize(("stream", "code"), BAD_STREAMS.values(), ids=BAD_STREAMS.keys())
def test_bad_stream_is_named_and_closed(stream: bytes, code: str, tmp_path: Path) -> None:
    """Earlier requests are answered, then comes the reason, then the end; others go on."""

    async def body(harness: Harness) -> None:
        other, bad = await harness.connect(), await harness.connect()
        bad.writer.write(encode_frame(echo("before").SerializeToString()) + stream)
        assert (await bad.receive()).echo.message == "before"
        answer = await bad.receive()
        assert answer.exception.error.startswith(f"{code}: ")
        assert await bad.is_closed()
        other.send(check_tx(b"x"), flush())
        assert await other.receive_names(2) == ["check_tx", "flush"]

    assert run_served(Application(), tmp_path, body).fatal == []


def test_truncated_frame(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A peer that leaves in the middle of a frame is noted, nothing more."""

    async def body(harness: Harness) -> None:
        bad = await harness.connect()
        bad.writer.write(encode_frame(b"\x12\x00")[:2])
        bad.writer.write_eof()
        assert (await bad.receive()).exception.error.startswith("frame_truncated: ")
        assert await bad.is_closed()

    run_served(Application(), tmp_path, body)
    assert "frame_truncated" in caplog.text


def test_ten_thousand_requests_before_the_first_read(tmp_path: Path) -> None:
    """Pipelining far beyond the bound is answered completely and in order."""

    async def body(harness: Harness) -> None:
        client = await harness.connect()
        client.send(*(echo(str(number)) for number in range(10_000)), flush())
        await client.writer.drain()
        for number in range(10_000):
            assert (await client.receive()).echo.message == str(number)
        assert (await client.receive()).WhichOneof("value") == "flush"

    run_served(Application(), tmp_path, body)


class Echoing(Application):
    """Answer queries with a mebibyte."""

    def __init__(self) -> None:
        self.count = 0

    def query(self, request: pb.RequestQuery) -> pb.ResponseQuery:
        """Count, and answer at length."""
        del request
        self.count += 1
        return pb.ResponseQuery(value=bytes(MEBIBYTE))


def test_client_that_never_reads(tmp_path: Path) -> None:
    """Its answers stay within the bound, others are served, and reading late gives all."""
    application = Echoing()
    # No slice ends by time here: the bound on output alone must hold.
    limits = Limits(output_bytes_max=4 * MEBIBYTE, slice_seconds=60)
    requests = [pb.Request(query=pb.RequestQuery())] * 50

    async def body(harness: Harness) -> None:
        deaf, other = await harness.connect(), await harness.connect()
        deaf.send(*requests)
        await deaf.writer.drain()
        for _ in range(20):
            other.send(echo("alive"), flush())
            assert await other.receive_names(2) == ["echo", "flush"]
        assert application.count <= 10
        assert await deaf.receive_names(50) == ["query"] * 50

    run_served(application, tmp_path, body, limits)


def test_second_consensus_connection(tmp_path: Path) -> None:
    """Only one connection makes consensus calls; when it is gone another may."""

    async def body(harness: Harness) -> None:
        first, second = await harness.connect(), await harness.connect()
        first.send(commit(), flush())
        assert await first.receive_names(2) == ["commit", "flush"]
        second.send(commit())
        answer = await second.receive()
        assert answer.exception.error.startswith("consensus_connection_taken: ")
        assert await second.is_closed()
        first.writer.close()
        await wait_until(lambda: harness.lost == 1)
        third = await harness.connect()
        third.send(commit(), flush())
        assert await third.receive_names(2) == ["commit", "flush"]

    harness = run_served(Application(), tmp_path, body)
    assert harness.fatal == []


def test_too_many_connections(tmp_path: Path) -> None:
    """The connection beyond the bound is refused; the others go on."""

    async def body(harness: Harness) -> None:
        clients: list[Client] = [await harness.connect() for _ in range(3)]
        for client in clients[:2]:
            client.send(flush())
            assert await client.receive_names(1) == ["flush"]
        assert (await clients[2].receive()).exception.error.startswith("connections_exceeded: ")
        assert await clients[2].is_closed()

    run_served(Application(), tmp_path, body, Limits(connections_max=2))
