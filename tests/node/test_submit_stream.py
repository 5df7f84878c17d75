"""SubmitStream over real gRPC: answers, bad requests, and clients that go away."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node import submissions, submit_calls
from omg_abci.node.submit_client import METHOD
from tests.node.served_node import TIMEOUT_S, Node, settle
from tests.node.stream_client import Client, make_id, run_stream


def test_answers_carry_the_request_and_every_admission(tmp_path: Path) -> None:
    """Answers come as they are ready, tagged, with one admission a transaction, in order."""

    async def body(client: Client, node: Node) -> None:
        await client.send(71, b"a", b"b")
        await node.wait_for("submit", 1)
        await client.send(72, b"c")
        await node.wait_for("submit", 2)
        node.service.take(("submitted", 2, [(7, "no", make_id(9))]))
        answer = await client.receive()
        assert (answer.request, answer.code, answer.retry_after_ms) == (72, 0, 0)
        assert [(each.code, each.log, each.tx_id) for each in answer.admissions] == [
            (7, "no", make_id(9))
        ]
        node.service.take(("submitted", 1, [make_id(1), (32_005, "later", make_id(2))]))
        answer = await client.receive()
        assert (answer.request, answer.retry_after_ms) == (71, submissions.RETRY_MS)
        assert [(each.code, each.tx_id) for each in answer.admissions] == [
            (0, make_id(1)),
            (32_005, make_id(2)),
        ]
        await client.call.done_writing()
        assert await client.end() == (grpc.StatusCode.OK, "")

    run_stream(tmp_path, body)


def test_what_gathers_is_one_frame_and_who_sent_little_goes_first(tmp_path: Path) -> None:
    """While the executor has its frames, what comes gathers; shares are counted by stream."""

    async def body(client: Client, node: Node) -> None:
        other = Client(client.channel)
        for number in range(submissions.FRAMES_MAX):
            await client.send(number, b"x")
            await node.wait_for("submit", number + 1)
        for number in range(3):
            await client.send(10 + number, b"a%d" % number)
        await settle(lambda: node.service.submissions.waiting_txs == submissions.FRAMES_MAX + 3)
        await other.send(1, b"b0", b"b1")
        await settle(lambda: node.service.submissions.waiting_txs == submissions.FRAMES_MAX + 5)
        node.service.take(("submitted", 1, [make_id(1)]))
        frame = await node.wait_for("submit", submissions.FRAMES_MAX + 1)
        assert frame[2] == [b"b0", b"b1", b"a0", b"a1", b"a2"]
        node.service.take(("submitted", frame[1], [make_id(number) for number in range(5)]))
        answer = await other.receive()
        assert [each.tx_id for each in answer.admissions] == [make_id(0), make_id(1)]
        other.call.cancel()

    run_stream(tmp_path, body)


def test_half_close_answers_what_was_sent(tmp_path: Path) -> None:
    """A client that has said everything still hears of all of it, then the stream ends well."""

    async def body(client: Client, node: Node) -> None:
        await client.send(1, b"a")
        await client.call.done_writing()
        await node.wait_for("submit", 1)
        node.service.take(("submitted", 1, [make_id(1)]))
        assert (await client.receive()).request == 1
        with pytest.raises(EOFError):
            await client.receive()
        assert (await client.end())[0] == grpc.StatusCode.OK

    run_stream(tmp_path, body)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xff", "bytes are not a SubmitStreamRequest message"),
        (pb.SubmitStreamRequest(request=5).SerializeToString(), "0 transactions, must be 1..1000"),
        (
            pb.SubmitStreamRequest(txs=[b"x"] * 1_001).SerializeToString(),
            "1001 transactions, must be 1..1000",
        ),
        (
            pb.SubmitStreamRequest(txs=[b"x" * (1 << 20), b"x"]).SerializeToString(),
            "1048577 bytes of transactions, at most 1048576 allowed",
        ),
    ],
)
def test_bad_requests_end_the_stream_after_what_came_before(
    tmp_path: Path, data: bytes, text: str
) -> None:
    """The client first hears of what it sent before, then what was wrong."""

    async def body(client: Client, node: Node) -> None:
        raw: Any = client.channel.stream_stream(METHOD)()
        await raw.write(pb.SubmitStreamRequest(txs=[b"a"], request=1).SerializeToString())
        await node.wait_for("submit", 1)
        await raw.write(data)
        await asyncio.sleep(0.05)
        node.service.take(("submitted", 1, [make_id(1)]))
        answer = pb.SubmitStreamResponse.FromString(await raw.read()).answers[0]
        assert (answer.request, len(answer.admissions)) == (1, 1)
        async with asyncio.timeout(TIMEOUT_S):
            assert (await raw.code(), await raw.details()) == (
                grpc.StatusCode.INVALID_ARGUMENT,
                text,
            )

    run_stream(tmp_path, body)


def test_a_message_above_the_transports_limit_ends_the_stream(tmp_path: Path) -> None:
    """More than two MiB are not even read."""

    async def body(client: Client, node: Node) -> None:
        await client.send(1, b"x" * (3 << 20))
        assert (await client.end())[0] == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert node.sent == []

    run_stream(tmp_path, body)


def test_a_client_that_goes_away_leaves_nothing(tmp_path: Path) -> None:
    """What was handed on goes its way, what was not is dropped, and all counters return to zero."""

    async def body(client: Client, node: Node) -> None:
        waiting = node.service.submissions
        for number in range(submissions.FRAMES_MAX):
            await client.send(number, b"x")
            await node.wait_for("submit", number + 1)
        await client.send(9, b"a", b"b")
        await settle(lambda: waiting.waiting_txs == submissions.FRAMES_MAX + 2)
        client.call.cancel()
        await settle(lambda: waiting.waiting_txs == submissions.FRAMES_MAX)
        for number in range(submissions.FRAMES_MAX):
            node.service.take(("submitted", number + 1, [make_id(number)]))
        assert (waiting.waiting_txs, waiting.waiting_bytes) == (0, 0)
        await asyncio.sleep(0.01)
        assert len(node.sent) == submissions.FRAMES_MAX

    run_stream(tmp_path, body)


def test_an_answer_that_cannot_be_written_ends_the_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream whose writer broke holds no place and no request."""

    async def body(client: Client, node: Node) -> None:
        await client.send(1, b"a")
        await node.wait_for("submit", 1)
        monkeypatch.setattr(submit_calls, "_ANSWERS_BYTES", "none")
        node.service.take(("submitted", 1, [make_id(1)]))
        assert (await client.end())[0] != grpc.StatusCode.OK
        assert node.service.submissions.waiting_txs == 0

    run_stream(tmp_path, body)
