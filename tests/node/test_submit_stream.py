"""SubmitStream over real gRPC: answers, back-pressure, refusals, and clients that go away."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node import node_api, submissions, submit_calls
from omg_abci.node.submit_client import METHOD, open_submit_call
from omg_abci.protocol.errors import NodeBusy, PoolFull
from tests.node.served_node import TIMEOUT_S, Node, run_node, settle

Body = Callable[["Client", Node], Awaitable[None]]


class Client:
    """A plain client: it writes requests and reads answers, and does nothing by itself."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.call: Any = open_submit_call(channel)
        self._answers: list[pb.SubmitAnswer] = []

    async def send(self, request: int, *txs: bytes) -> None:
        """Send one request."""
        await self.call.write(pb.SubmitStreamRequest(txs=txs, request=request))

    async def receive(self) -> pb.SubmitAnswer:
        """Return the next answer."""
        while not self._answers:
            async with asyncio.timeout(TIMEOUT_S):
                response = await self.call.read()
            if response is grpc.aio.EOF:
                raise EOFError
            self._answers += response.answers
        return self._answers.pop(0)

    async def end(self) -> tuple[grpc.StatusCode, str]:
        """Return how the stream ended."""
        async with asyncio.timeout(TIMEOUT_S):
            return await self.call.code(), await self.call.details() or ""


def run_stream(tmp_path: Path, body: Body) -> None:
    """Run the body with a plain client; at the end nothing may be left in the node."""

    async def main(node: Node) -> None:
        async with grpc.aio.insecure_channel(node.target) as channel:
            await body(Client(channel), node)
        await settle(lambda: not count_tasks(submit_calls.SubmitStream.serve))

    run_node(tmp_path, main)


def count_tasks(function: Callable[..., Any]) -> int:
    """Return how many tasks stand in a coroutine function."""
    code = function.__code__
    frames = [frame for task in asyncio.all_tasks() for frame in task.get_stack()]
    return sum(frame.f_code is code for frame in frames)


def make_id(number: int) -> bytes:
    """Return a transaction id."""
    return number.to_bytes(32, "big")


def count_reads(node: Node) -> int:
    """Return how many transactions the node has handed to its executor."""
    return sum(len(frame[2]) for frame in node.sent if frame[0] == "submit")


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


def test_a_stream_is_read_no_further_than_its_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests, transactions and bytes that are open bound what is read; an answer makes room."""
    monkeypatch.setattr(submit_calls, "STREAM_REQUESTS_MAX", 3)

    async def body(client: Client, node: Node) -> None:
        for number in range(10):
            await client.send(number, b"x")
        await settle(lambda: count_reads(node) == 3)
        await asyncio.sleep(0.05)
        assert count_reads(node) == 3
        node.service.take(("submitted", 1, [make_id(1)] * len(node.sent[0][2])))
        await client.receive()
        await settle(lambda: count_reads(node) > 3)
        client.call.cancel()

    run_stream(tmp_path, body)


@pytest.mark.parametrize(("count", "size"), [(1_000, 1), (4, 262_144)])
def test_large_requests_fill_the_window(tmp_path: Path, count: int, size: int) -> None:
    """Never more than four of the largest requests are open on a stream."""

    async def body(client: Client, node: Node) -> None:
        async def flood() -> None:
            for number in range(12):
                await client.send(number, *([b"x" * size] * count))

        task = asyncio.create_task(flood())
        waiting = node.service.submissions
        await settle(lambda: waiting.waiting_txs == 4 * count)
        await asyncio.sleep(0.1)
        assert waiting.waiting_txs == 4 * count
        assert waiting.waiting_bytes == 4 * count * size
        task.cancel()
        client.call.cancel()

    run_stream(tmp_path, body)


def test_who_reads_no_answers_is_read_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers that are not read keep their requests open, and after a while end the stream."""
    monkeypatch.setattr(submit_calls, "STALLED_S", 0.5)
    log = "n" * 400

    async def body(client: Client, node: Node) -> None:
        async def flood() -> None:
            for number in range(1_000):
                await client.send(number, *([b"x"] * 100))

        flooding = asyncio.create_task(flood())
        answered = 0
        async with asyncio.timeout(TIMEOUT_S):
            while not client.call.done() and count_tasks(submit_calls.SubmitStream.serve):
                for frame in node.sent[answered:]:
                    verdicts = [(100, log, make_id(1))] * len(frame[2])
                    node.service.take(("submitted", frame[1], verdicts))
                answered = len(node.sent)
                await asyncio.sleep(0.005)
        assert count_reads(node) < 100_000
        flooding.cancel()
        client.call.cancel()
        assert node.service.submissions.waiting_txs == 0

    run_stream(tmp_path, body)


def test_idle_streams_are_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream on which nothing comes is ended with a text; one that waits for an answer is not."""
    monkeypatch.setattr(submit_calls, "IDLE_S", 0.2)

    async def body(client: Client, node: Node) -> None:
        waiting = Client(client.channel)
        await waiting.send(1, b"a")
        await node.wait_for("submit", 1)
        assert await client.end() == (
            grpc.StatusCode.DEADLINE_EXCEEDED,
            "nothing was sent for 0.2 seconds",
        )
        assert not waiting.call.done()
        node.service.take(("submitted", 1, [make_id(1)]))
        assert (await waiting.receive()).request == 1
        assert (await waiting.end())[0] == grpc.StatusCode.DEADLINE_EXCEEDED

    run_stream(tmp_path, body)


def test_streams_at_a_time_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One stream too many is refused with a text, and there is room again when one ends."""
    monkeypatch.setattr(node_api, "STREAMS_MAX", 1)

    async def body(client: Client, node: Node) -> None:
        await client.send(1, b"a")
        await node.wait_for("submit", 1)
        refused = Client(client.channel)
        assert await refused.end() == (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "1 streams are open already",
        )
        client.call.cancel()
        await settle(lambda: not count_tasks(submit_calls.SubmitStream.serve))
        again = Client(client.channel)
        await again.send(1, b"b")
        await node.wait_for("submit", 2)
        again.call.cancel()

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


def test_a_full_pool_refuses_early_and_holds_the_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the pool has no room for waits, is refused with a hint, and the hint is kept to."""
    monkeypatch.setattr(submissions, "PATIENCE_S", 0.1)
    monkeypatch.setattr(submissions, "FULL_RETRY_MS", 300)

    async def body(client: Client, node: Node) -> None:
        node.service.take(("bounds", 10, 1_000))
        node.service.take(("pool", 8, 80))
        await client.send(1, b"a", b"b", b"c")
        answer = await client.receive()
        assert (answer.request, answer.code, answer.retry_after_ms) == (1, PoolFull.code, 300)
        assert (answer.log, list(answer.admissions)) == (PoolFull.text, [])
        begun = asyncio.get_running_loop().time()
        await client.send(2, b"d", b"e")
        await node.wait_for("submit", 1)
        assert asyncio.get_running_loop().time() - begun > 0.25
        assert node.sent == [("submit", 1, [b"d", b"e"])]
        node.service.take(("submitted", 1, [make_id(1), make_id(2)], 10, 100))
        await client.receive()
        await client.send(3, b"f")
        await asyncio.sleep(0.02)
        assert len(node.sent) == 1
        node.service.take(("pool", 0, 0))
        await node.wait_for("submit", 2)
        client.call.cancel()

    run_stream(tmp_path, body)


def test_a_pool_full_of_bytes_refuses_unary_calls_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Submit answers one admission a transaction, with the same code."""
    monkeypatch.setattr(submissions, "PATIENCE_S", 0.1)

    async def body(_: Client, node: Node) -> None:
        node.service.take(("bounds", 100, 50))
        admissions = await node.client.submit([b"x" * 30, b"y" * 30])
        assert [(each.code, each.tx_id) for each in admissions] == [(PoolFull.code, b"")] * 2
        assert node.sent == []

    run_stream(tmp_path, body)


def test_waiting_in_all_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the bound of all clients together a request is refused at once."""
    monkeypatch.setattr(submissions, "WAITING_TXS_MAX", 3)

    async def body(client: Client, node: Node) -> None:
        await client.send(1, b"a", b"b")
        await node.wait_for("submit", 1)
        await client.send(2, b"c", b"d")
        answer = await client.receive()
        assert (answer.request, answer.code) == (2, NodeBusy.code)
        assert answer.retry_after_ms == submissions.FULL_RETRY_MS
        client.call.cancel()

    run_stream(tmp_path, body)


def test_what_is_pending_follows_what_blocks_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more is handed on than blocks took lately in a few seconds; little always is."""
    monkeypatch.setattr(submissions, "AHEAD_TXS_MIN", 2)
    now = 100.0

    async def body(client: Client, node: Node) -> None:
        waiting = node.service.submissions = submissions.Submissions(node.sent.append, lambda: now)
        taken: list[submissions.Outcome] = []
        lane = submissions.Lane()
        waiting.set_bounds(1_000, 1_000_000)
        waiting.put(lane, [b"x"] * 2, 2, taken.append)
        waiting.put(lane, [b"x"] * 10, 10, taken.append)
        await settle(lambda: count_reads(node) == 2)
        nonlocal now
        for _ in range(4):
            now += 1
            waiting.add_block(4, 4)
        # Three blocks of four in three seconds since the first: twelve in three seconds.
        waiting.set_pool(0, 0)
        await settle(lambda: count_reads(node) == 12)
        for number, count in ((1, 2), (2, 10)):
            waiting.take_verdicts(number, [make_id(1)] * count)
        waiting.put(lane, [b"x"] * 3, 3, taken.append)
        waiting.set_pool(10, 10)
        await asyncio.sleep(0.02)
        assert count_reads(node) == 12
        waiting.set_pool(9, 9)
        await settle(lambda: count_reads(node) == 15)
        waiting.take_verdicts(3, [make_id(1)] * 3)
        client.call.cancel()

    run_stream(tmp_path, body)
