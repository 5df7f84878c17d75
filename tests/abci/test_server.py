"""The server's promises: order, turns, flush, failures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message

from omg_abci.abci import Application, Limits
from omg_abci.abci.calls import CALLS
from omg_abci.abci.errors import INTERNAL_ERROR_CODE
from omg_abci.gen.cometbft.abci import types_pb2 as pb
from tests.abci.client import Harness, check_tx, commit, echo, flush, run_served, wait_until

FATAL_CALLS = [
    "info",
    "init_chain",
    "prepare_proposal",
    "process_proposal",
    "extend_vote",
    "verify_vote_extension",
    "finalize_block",
    "commit",
]
REFUSING_CALLS = sorted(CALLS.keys() - set(FATAL_CALLS) - {"echo", "flush"})


def request_of(name: str) -> pb.Request:
    """Return an empty request of a call."""
    request = pb.Request()
    getattr(request, name).SetInParent()
    return request


def override(name: str, method: Callable[[Any], Any]) -> Application:
    """Return an application with one method replaced."""
    application = Application()
    setattr(application, name, method)
    return application


def test_defaults_are_legal(tmp_path: Path) -> None:
    """The application without any override answers every call with its own type."""

    async def body(harness: Harness) -> None:
        client = await harness.connect()
        for name in CALLS:
            client.send(request_of(name))
            answer = await client.receive()
            assert answer.WhichOneof("value") == name

    assert run_served(Application(), tmp_path, body).fatal == []


def test_default_proposal_fits() -> None:
    """The default takes transactions in order while they fit, and not one byte more."""
    request = pb.RequestPrepareProposal(txs=[b"x" * 200, b"y" * 10], max_tx_bytes=203)
    answer = Application().prepare_proposal(request)
    assert isinstance(answer, pb.ResponsePrepareProposal)
    assert list(answer.txs) == [b"x" * 200]
    assert answer.ByteSize() == 203


class Deciding(Application):
    """Answer CheckTx and Commit when told to."""

    def __init__(self) -> None:
        self.futures: dict[bytes, asyncio.Future[pb.ResponseCheckTx]] = {}
        self.gate = asyncio.Event()
        self.running = 0
        self.running_max = 0

    def check_tx(self, request: pb.RequestCheckTx) -> asyncio.Future[pb.ResponseCheckTx]:
        """Leave the answer to the test."""
        self.futures[request.tx] = asyncio.get_running_loop().create_future()
        return self.futures[request.tx]

    async def commit(self, request: pb.RequestCommit) -> pb.ResponseCommit:
        """Wait for the gate, and answer how many ran side by side at most."""
        del request
        self.running += 1
        self.running_max = max(self.running_max, self.running)
        await self.gate.wait()
        await asyncio.sleep(0)
        self.running -= 1
        return pb.ResponseCommit(retain_height=self.running_max)


def test_late_answers_leave_in_order_and_block_nobody(tmp_path: Path) -> None:
    """Answers made elsewhere wait for earlier ones, Flush for all; consensus for none."""
    application = Deciding()
    application.gate.set()

    async def body(harness: Harness) -> None:
        mempool, consensus = await harness.connect(), await harness.connect()
        mempool.send(check_tx(b"a"), echo("between"), check_tx(b"b"), flush())
        await wait_until(lambda: len(application.futures) == 2)
        application.futures[b"b"].set_result(pb.ResponseCheckTx(log="b"))
        consensus.send(commit(), flush())
        assert await consensus.receive_names(2) == ["commit", "flush"]
        application.futures[b"a"].set_result(pb.ResponseCheckTx(log="a"))
        assert (await mempool.receive()).check_tx.log == "a"
        assert (await mempool.receive()).echo.message == "between"
        assert (await mempool.receive()).check_tx.log == "b"
        assert await mempool.receive_names(1) == ["flush"]

    run_served(application, tmp_path, body)


def test_consensus_calls_run_one_at_a_time(tmp_path: Path) -> None:
    """Pipelined asynchronous consensus calls never overlap."""
    application = Deciding()
    application.gate.set()

    async def body(harness: Harness) -> None:
        client = await harness.connect()
        client.send(*([commit()] * 20), flush())
        for _ in range(20):
            assert (await client.receive()).commit.retain_height == 1
        assert await client.receive_names(1) == ["flush"]

    run_served(application, tmp_path, body)


def test_consensus_call_waits_for_earlier_and_holds_up_later_calls(tmp_path: Path) -> None:
    """On a shared connection Commit starts after what came before, and alone."""
    application = Deciding()

    async def body(harness: Harness) -> None:
        client, other = await harness.connect(), await harness.connect()

        async def settle() -> None:
            # Two round trips on another connection: the first one has had its turns.
            for _ in range(2):
                other.send(flush())
                await other.receive_names(1)

        client.send(check_tx(b"before"), commit(), check_tx(b"after"), flush())
        await wait_until(lambda: b"before" in application.futures)
        await settle()
        assert application.running == 0
        application.futures[b"before"].set_result(pb.ResponseCheckTx())
        await wait_until(lambda: application.running == 1)
        await settle()
        assert b"after" not in application.futures
        application.gate.set()
        await wait_until(lambda: b"after" in application.futures)
        application.futures[b"after"].set_result(pb.ResponseCheckTx())
        names = await client.receive_names(4)
        assert names == ["check_tx", "commit", "check_tx", "flush"]

    run_served(application, tmp_path, body)


def test_in_flight_bound(tmp_path: Path) -> None:
    """No more requests than the bound are handed to the application at once."""
    application = Deciding()

    async def body(harness: Harness) -> None:
        client = await harness.connect()
        client.send(*(check_tx(str(number).encode()) for number in range(100)), flush())
        answered = 0
        while answered < 100:
            await wait_until(lambda: len(application.futures) > answered)  # noqa: B023 - at once
            assert len(application.futures) - answered <= 8
            for future in list(application.futures.values())[answered:]:
                future.set_result(pb.ResponseCheckTx())
                answered += 1
        assert await client.receive_names(101) == ["check_tx"] * 100 + ["flush"]

    run_served(application, tmp_path, body, Limits(in_flight_max=8))


def test_consensus_does_not_wait_behind_the_mempool(tmp_path: Path) -> None:
    """With 2,000 slow checks queued first, Commit is answered after a few slices of them."""
    checked = []

    def check_slowly(request: pb.RequestCheckTx) -> pb.ResponseCheckTx:
        time.sleep(0.0005)
        checked.append(request.tx)
        return pb.ResponseCheckTx()

    async def body(harness: Harness) -> None:
        mempool, consensus = await harness.connect(), await harness.connect()
        mempool.send(*([check_tx(b"x")] * 2000))
        consensus.send(commit(), flush())
        assert await consensus.receive_names(2) == ["commit", "flush"]
        assert 0 < len(checked) < 200
        assert await mempool.receive_names(2000) == ["check_tx"] * 2000

    run_served(override("check_tx", check_slowly), tmp_path, body)


def raise_plainly(request: Message) -> Message:
    """Fail before anything is awaited."""
    raise RuntimeError(f"cannot answer {type(request).__name__}")


async def raise_later(request: Message) -> Message:
    """Fail after the call has returned an awaitable."""
    await asyncio.sleep(0)
    return raise_plainly(request)


def return_nothing(request: Message) -> None:
    """Forget the answer."""
    del request


FAILURES = [raise_plainly, raise_later, return_nothing]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("name", FATAL_CALLS)
def test_failed_consensus_call_is_fatal(
    name: str, failure: Callable[[Any], Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The peer gets an exception, the process its fatal callback, the log a traceback."""

    async def body(harness: Harness) -> None:
        client = await harness.connect()
        client.send(request_of(name), flush())
        answer = await client.receive()
        assert answer.exception.error.startswith(f"application_failed: {name} raised ")
        assert await client.is_closed()

    harness = run_served(override(name, failure), tmp_path, body)
    assert len(harness.fatal) == 1
    assert "Traceback" in caplog.text


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("name", REFUSING_CALLS)
def test_failure_elsewhere_is_refused(
    name: str, failure: Callable[[Any], Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Any other call that fails gets its fixed refusal, and the connection goes on."""

    async def body(harness: Harness) -> None:
        client = await harness.connect()
        client.send(request_of(name), flush())
        answer = await client.receive()
        assert answer.WhichOneof("value") == name
        body = getattr(answer, name)
        assert body == CALLS[name].refusal
        if hasattr(body, "code"):
            assert body.code == INTERNAL_ERROR_CODE
        assert await client.receive_names(1) == ["flush"]

    assert run_served(override(name, failure), tmp_path, body).fatal == []
    assert f"{name} failed" in caplog.text


ILLEGAL_ANSWERS = {
    "prepare_proposal": pb.ResponsePrepareProposal(txs=[b"too large"]),
    "process_proposal": pb.ResponseProcessProposal(),
    "verify_vote_extension": pb.ResponseVerifyVoteExtension(),
    "finalize_block": pb.ResponseFinalizeBlock(tx_results=[pb.ExecTxResult()]),
}


@pytest.mark.parametrize(("name", "answer"), ILLEGAL_ANSWERS.items(), ids=ILLEGAL_ANSWERS.keys())
def test_illegal_answer_is_fatal(name: str, answer: Message, tmp_path: Path) -> None:
    """What would make CometBFT stop never reaches it."""

    async def body(harness: Harness) -> None:
        client = await harness.connect()
        client.send(request_of(name))
        assert "InvalidAnswer" in (await client.receive()).exception.error

    assert len(run_served(override(name, lambda _: answer), tmp_path, body).fatal) == 1


def test_unset_enum_in_a_snapshot_answer_is_refused(tmp_path: Path) -> None:
    """OfferSnapshot never answers UNKNOWN."""

    async def body(harness: Harness) -> None:
        client = await harness.connect()
        client.send(request_of("offer_snapshot"))
        answer = await client.receive()
        assert answer.offer_snapshot.result == pb.ResponseOfferSnapshot.REJECT

    application = override("offer_snapshot", lambda _: pb.ResponseOfferSnapshot())
    assert run_served(application, tmp_path, body).fatal == []


def test_cancelled_answer_is_a_failure(tmp_path: Path) -> None:
    """A future that is cancelled gets the refusal of its call."""
    application = Deciding()

    async def body(harness: Harness) -> None:
        client = await harness.connect()
        client.send(check_tx(b"a"))
        await wait_until(lambda: len(application.futures) == 1)
        application.futures[b"a"].cancel()
        assert (await client.receive()).check_tx.code == INTERNAL_ERROR_CODE

    run_served(application, tmp_path, body)


@pytest.mark.parametrize("is_by_server", [False, True])
def test_consensus_is_lost_only_after_its_last_call(
    is_by_server: bool,  # noqa: FBT001 - the two cases of the test
    tmp_path: Path,
) -> None:
    """A connection that ends during Commit is reported, and replaced, when Commit has ended."""
    application = Deciding()

    async def body(harness: Harness) -> None:
        client = await harness.connect()
        client.send(commit())
        await wait_until(lambda: application.running == 1)
        if is_by_server:
            (connection,) = harness.server._hub.connections
            connection.abort()
            await wait_until(lambda: not harness.server._hub.connections)
        else:
            client.writer.close()
        early = await harness.connect()
        early.send(commit())
        assert (await early.receive()).exception.error.startswith("consensus_connection_taken: ")
        assert harness.lost == 0
        application.gate.set()
        await wait_until(lambda: harness.lost == 1)
        assert application.running == 0
        late = await harness.connect()
        late.send(commit())
        assert await late.receive_names(1) == ["commit"]

    run_served(application, tmp_path, body)
