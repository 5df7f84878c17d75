"""The client of SubmitStream: gathering, sending again, connections that are lost, giving up."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from omg_abci.node import submissions, submit_client
from omg_abci.node.client import AsyncNodeClient, NodeClient, NodeError
from omg_abci.node.node_api import start_server
from omg_abci.node.node_error import TxRefused
from omg_abci.node.read_service import ReadService
from omg_abci.node.submissions import Verdict
from omg_abci.protocol import codec
from omg_abci.protocol.errors import NotAnAgent, PoolFull
from omg_abci.protocol.messages import TxBody
from omg_abci.protocol.units import Scheme
from tests.node.served_node import TIMEOUT_S, settle
from wallet_sdk.build import cancel_order

Judge = Callable[[bytes, int], Verdict]
"""From a transaction and how often it came to its verdict."""
Body = Callable[["Executor", str], Coroutine[Any, Any, None]]


class Executor:
    """A read service whose executor answers by a function."""

    def __init__(self, judge: Judge) -> None:
        self.service = ReadService()
        self.seen: dict[bytes, int] = {}
        self.frames: list[list[bytes]] = []
        self.judge = judge
        self.silent = False
        self.service.connect(self.take)

    def take(self, frame: tuple[Any, ...]) -> None:
        """Answer a frame in the next turn of the loop."""
        _, number, raws = frame
        self.frames.append(raws)
        verdicts: list[Verdict] = []
        for raw in raws:
            self.seen[raw] = self.seen.get(raw, 0) + 1
            verdicts.append(self.judge(raw, self.seen[raw]))
        if not self.silent:
            loop = asyncio.get_running_loop()
            loop.call_soon(self.service.take, ("submitted", number, verdicts))


def compute_id(raw: bytes) -> bytes:
    """Return what stands for a transaction's id."""
    return raw[-32:].rjust(32, b"\0")


def accept(raw: bytes, _: int) -> Verdict:
    """Take everything."""
    return compute_id(raw)


def make_tx(nonce: int, valid_until_ms: int = 0) -> bytes:
    """Return a transaction of a form that a client can read."""
    owner = b"\x01" * 20
    legs = (cancel_order(1),)
    body = TxBody("omg-test", owner, nonce, 0, valid_until_ms, 0, False, 1, legs)  # noqa: FBT003
    return codec.encode_envelope(codec.encode_body(body), owner, Scheme.RAW, bytes(65))


def now_ms() -> int:
    """Return the time."""
    return time.time_ns() // 1_000_000


def run(tmp_path: Path, judge: Judge, body: Body) -> None:
    """Serve an executor and run the body."""

    async def main() -> None:
        executor = Executor(judge)
        target = f"unix:{tmp_path}/api.sock"
        server, _ = await start_server(executor.service, target)
        async with asyncio.timeout(TIMEOUT_S):
            await body(executor, target)
        assert executor.service.submissions.waiting_txs == 0
        await server.stop(0)

    asyncio.run(main())


def test_many_callers_share_requests_and_get_their_own_answers(tmp_path: Path) -> None:
    """What several tasks submit goes in few requests; each gets its answers in order."""

    async def body(executor: Executor, target: str) -> None:
        lots = [[make_tx(100 * lot + place + 1) for place in range(7)] for lot in range(60)]
        async with AsyncNodeClient(target) as client, client.submit_stream() as stream:
            found = await asyncio.gather(*(stream.submit(lot) for lot in lots))
        for lot, answers in zip(lots, found, strict=True):
            assert [answer.tx_id for answer in answers] == [compute_id(raw) for raw in lot]
            assert {(answer.code, answer.tries) for answer in answers} == {(0, 1)}
        assert len(executor.frames) <= 10

    run(tmp_path, accept, body)


def test_refusals_for_now_are_sent_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until they are taken, and only they; final refusals are answered at once."""
    monkeypatch.setattr(submissions, "RETRY_MS", 20)
    good, late, bad = (make_tx(now_ms() + place) for place in range(3))

    def judge(raw: bytes, count: int) -> Verdict:
        if raw == late and count < 3:
            return NotAnAgent.code, NotAnAgent.text, compute_id(raw)
        return (103, "too late", compute_id(raw)) if raw == bad else compute_id(raw)

    async def body(executor: Executor, target: str) -> None:
        settled: list[int] = []
        async with AsyncNodeClient(target) as client, client.submit_stream() as stream:
            answers = await stream.submit(
                [good, late, bad], lambda answer: settled.append(answer.code)
            )
            assert stream.put_off == {NotAnAgent.code: 2}
        assert [(each.code, each.tries) for each in answers] == [(0, 1), (0, 3), (103, 1)]
        assert sorted(settled) == [0, 0, 103]
        assert executor.seen == {good: 1, late: 3, bad: 1}
        answers[0].require()
        with pytest.raises(TxRefused, match="TxExpired: too late") as caught:
            answers[2].require()
        assert not caught.value.is_transient

    run(tmp_path, judge, body)


@pytest.mark.parametrize("ends", ["validity", "patience", "unreadable"])
def test_sending_again_has_an_end(tmp_path: Path, ends: str) -> None:
    """The validity of the transaction, the patience, or bytes whose validity cannot be read."""
    valid_until_ms = now_ms() + 600 if ends == "validity" else 0
    raw = b"no transaction" if ends == "unreadable" else make_tx(now_ms(), valid_until_ms)

    def judge(raw: bytes, _: int) -> Verdict:
        return PoolFull.code, PoolFull.text, compute_id(raw)

    async def body(_: Executor, target: str) -> None:
        patience_s = 0.5 if ends == "patience" else 60.0
        async with AsyncNodeClient(target) as client, client.submit_stream(patience_s) as stream:
            (answer,) = await stream.submit([raw])
        with pytest.raises(TxRefused, match="pool is full") as caught:
            answer.require()
        assert caught.value.is_transient
        assert "send it again" in caught.value.hint

    run(tmp_path, judge, body)


def test_a_lost_connection_is_opened_again(tmp_path: Path) -> None:
    """What had no answer is sent again; what was taken before is answered by its nonce."""
    first, second = make_tx(now_ms()), make_tx(now_ms() + 1)
    target = f"unix:{tmp_path}/api.sock"

    async def main() -> None:
        before, after = Executor(accept), Executor(lambda *_: (102, "used", b""))
        before.silent = True
        server, _ = await start_server(before.service, target)
        async with AsyncNodeClient(target) as client, client.submit_stream() as stream:
            waiting = asyncio.create_task(stream.submit([first]))
            await settle(lambda: bool(before.frames))
            await server.stop(0)
            server, _ = await start_server(after.service, target)
            assert [(each.code, each.tries) for each in await waiting] == [(102, 2)]
            assert (await stream.submit([second]))[0].tries == 1
            assert stream.lost.total() >= 1
        await server.stop(0)

    asyncio.run(main())


def test_a_node_that_is_not_there_is_told_in_the_end(tmp_path: Path) -> None:
    """After the patience, as UNAVAILABLE with a hint; later calls try anew."""

    async def main() -> None:
        async with (
            AsyncNodeClient(f"unix:{tmp_path}/nobody.sock") as client,
            client.submit_stream(0.3) as stream,
        ):
            for _ in range(2):
                with pytest.raises(NodeError) as caught:
                    await stream.submit([make_tx(now_ms())])
                assert caught.value.code == "UNAVAILABLE"
                assert "start the node" in caught.value.hint

    asyncio.run(main())


def test_what_no_request_can_hold_is_refused_here(tmp_path: Path) -> None:
    """A transaction above a request's size is not sent; nothing is answered with nothing."""

    async def body(executor: Executor, target: str) -> None:
        async with AsyncNodeClient(target) as client, client.submit_stream() as stream:
            with pytest.raises(NodeError, match="INVALID_ARGUMENT"):
                await stream.submit([b"x" * (submissions.SUBMIT_BYTES_MAX + 1)])
            assert await stream.submit([]) == []
        assert executor.frames == []

    run(tmp_path, accept, body)


def test_requests_keep_the_nodes_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither too many transactions in a request nor too many bytes, nor requests in flight."""
    monkeypatch.setattr(submit_client, "BATCH_TXS", 1_000)

    async def body(executor: Executor, target: str) -> None:
        raws = [bytes([number]) * 32_768 for number in range(100)]
        async with AsyncNodeClient(target) as client, client.submit_stream() as stream:
            answers = await stream.submit(raws)
        assert [answer.code for answer in answers] == [0] * 100
        assert max(executor.seen.values()) == 1

    run(tmp_path, accept, body)


def test_a_program_without_a_loop_can_stream(tmp_path: Path) -> None:
    """NodeClient has the same; it may rest between two calls."""

    async def body(_: Executor, target: str) -> None:
        def send() -> list[tuple[int, int]]:
            with NodeClient(target) as client, client.submit_stream() as stream:
                answers = stream.submit([make_tx(1), make_tx(2)])
                time.sleep(0.05)
                return [(each.code, each.tries) for each in [*answers, *stream.submit([b"c"])]]

        assert await asyncio.to_thread(send) == [(0, 1)] * 3

    run(tmp_path, accept, body)
