"""What keeps clients from sending too much: windows, the pool, the pace of blocks, the clock."""

import asyncio
from pathlib import Path

import grpc
import pytest

from omg_abci.node import node_api, submissions, submit_calls
from omg_abci.protocol.errors import NodeBusy, PoolFull
from tests.node.served_node import TIMEOUT_S, Node, settle
from tests.node.stream_client import Client, count_reads, count_tasks, make_id, run_stream


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
        node.service.take(("pool", 1, 40))
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
        # Who has nothing else on its way finds twice as much room.
        waiting.put(submissions.Lane(), [b"x"] * 3, 3, taken.append)
        await settle(lambda: count_reads(node) == 15)
        waiting.take_verdicts(3, [make_id(1)] * 3)
        assert len(taken) == 3
        waiting.set_pool(9, 9)
        await settle(lambda: count_reads(node) == 18)
        waiting.take_verdicts(4, [make_id(1)] * 3)
        client.call.cancel()

    run_stream(tmp_path, body)


def test_what_is_larger_than_the_pool_goes_to_an_empty_one(tmp_path: Path) -> None:
    """The executor takes what fits of it and refuses the rest."""

    async def body(client: Client, node: Node) -> None:
        node.service.take(("bounds", 10, 1_000))
        node.service.take(("pool", 6, 60))
        await client.send(1, *([b"x"] * 50))
        await asyncio.sleep(0.02)
        assert node.sent == []
        node.service.take(("pool", 5, 50))
        await node.wait_for("submit", 1)
        full = (PoolFull.code, PoolFull.text, make_id(2))
        node.service.take(("submitted", 1, [make_id(1)] * 5 + [full] * 45, 10, 100))
        answer = await client.receive()
        assert [each.code for each in answer.admissions] == [0] * 5 + [PoolFull.code] * 45
        assert (answer.code, answer.retry_after_ms) == (0, submissions.FULL_RETRY_MS)
        client.call.cancel()

    run_stream(tmp_path, body)
