"""Sending and reading: what the chain executor does when nodes refuse, fail or answer wrongly."""

import queue
import time
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from omg_abci.node.client import NodeError
from omg_abci.protocol import codec
from omg_abci.protocol.messages import CancelOrder
from omg_abci.protocol.results import LegResult, TxResult
from omg_abci.protocol.signing import compute_no_bridge_domain
from omg_abci.protocol.tx import Verifier
from omg_abci.replay import executor
from omg_abci.replay.errors import NetworkError, NetworkStalled
from omg_abci.replay.executor import ChainExecutor, Trader
from tests.strategies import AGENTS, OWNERS

DOMAIN = compute_no_bridge_domain("omg-test")
Answer = Callable[[bytes], int | NodeError]


class FakeNode:
    """A node that admits as it is told and commits everything it admitted, one block each."""

    def __init__(self, answer: Answer = lambda _raw: 0) -> None:
        self.answer = answer
        self.attempts: list[bytes] = []
        self.blocks: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.height = 5
        self.results = 1
        self.reverse = False

    def status(self) -> SimpleNamespace:
        """Answer as a node does."""
        return SimpleNamespace(
            chain_id=DOMAIN.chain_id,
            ethereum_chain_id=DOMAIN.ethereum_chain_id,
            verifying_contract=DOMAIN.verifying_contract,
            height=self.height,
        )

    def submit(self, raws: Sequence[bytes]) -> list[SimpleNamespace]:
        """Admit one transaction, or refuse it."""
        self.attempts.extend(raws)
        code = self.answer(raws[0])
        if isinstance(code, NodeError):
            raise code
        if code in {0, 102}:
            self.commit(raws[0])
        return [SimpleNamespace(code=code, log="told to", tx_id=b"")]

    def commit(self, raw: bytes) -> None:
        """Put it into a block."""
        self.height += 1
        tx = Verifier(DOMAIN).verify_tx(raw)
        data = codec.encode_result(TxResult(0, (LegResult(),) * self.results, 1, 1))
        tx_id = bytes(32) if self.reverse else tx.tx_id
        outcome = SimpleNamespace(tx_id=tx_id, tx=raw, code=0, result=data)
        self.blocks.put(SimpleNamespace(height=self.height, time_ms=1, txs=[outcome]))

    def stream_blocks(self, height: int) -> Iterator[Any]:
        """Yield what was committed, for ever."""
        del height
        while True:
            block = self.blocks.get()
            if isinstance(block, Exception):
                raise block
            yield block


def make_executor(node: FakeNode) -> ChainExecutor:
    """Return an executor that sends to and reads from the node."""
    trader = Trader(OWNERS[0].address, AGENTS[0].address, AGENTS[0].secret)
    return ChainExecutor(node, node, trader, lambda: None)  # type: ignore[arg-type]


def send_one(node: FakeNode) -> list[tuple[LegResult, ...]]:
    """Send one leg and wait for its result."""
    chain = make_executor(node)
    chain.send([CancelOrder(1)])
    return chain.receive(wait=True)


def test_transactions_name_the_one_before() -> None:
    """Nonces rise, each transaction names the last, and an agent signs raw."""
    node = FakeNode()
    chain = make_executor(node)
    found: list[tuple[LegResult, ...]] = []
    for _ in range(60):
        chain.send([CancelOrder(1)])
        found += chain.receive(wait=False)
    while len(found) < 60:
        found += chain.receive(wait=True)
    bodies = [Verifier(DOMAIN).verify_tx(raw).body for raw in node.attempts]
    assert [body.after for body in bodies] == [0, *(body.nonce for body in bodies[:-1])]
    assert all(body.owner == OWNERS[0].address for body in bodies)
    assert len(chain.blocks) == 60
    assert chain.in_flight == 0


@pytest.mark.parametrize("refusal", [32_000, 32_002, NodeError("UNAVAILABLE", "gone")])
def test_what_is_refused_for_now_is_sent_again(refusal: int | NodeError) -> None:
    """The same bytes are sent until the node takes them."""
    answers = iter((refusal, refusal, 0))
    node = FakeNode(lambda _raw: next(answers))
    assert send_one(node) == [(LegResult(),)]
    assert len(node.attempts) == 3
    assert len(set(node.attempts)) == 1


def test_lost_answer_is_no_second_execution() -> None:
    """A transaction whose answer was lost is known already when it is sent again."""
    given: list[int | NodeError] = [NodeError("DEADLINE_EXCEEDED", "late"), 102]
    answers = iter(given)
    assert send_one(FakeNode(lambda _raw: next(answers))) == [(LegResult(),)]


@pytest.mark.parametrize("refusal", [101, 102, NodeError("INVALID_ARGUMENT", "no")])
def test_what_is_refused_for_good_ends_the_replay(refusal: int | NodeError) -> None:
    """A refusal that no waiting changes is an error with its reason."""
    with pytest.raises(NetworkError, match="refuse"):
        send_one(FakeNode(lambda _raw: refusal))


def test_another_order_is_an_error() -> None:
    """Results that are not those of the oldest transaction in flight are not believed."""
    node = FakeNode()
    node.reverse = True
    with pytest.raises(NetworkError, match="another order"):
        send_one(node)


def test_missing_leg_results_are_an_error() -> None:
    """Each leg has its own result."""
    node = FakeNode()
    node.results = 2
    with pytest.raises(NetworkError, match="1 legs were sent and 2 answered"):
        send_one(node)


def test_broken_stream_is_taken_up_again_or_told() -> None:
    """A node that is away for a moment is asked again; any other failure ends the replay."""
    node = FakeNode()
    chain = make_executor(node)
    node.blocks.put(NodeError("UNAVAILABLE", "restarting"))
    chain.send([CancelOrder(1)])
    assert chain.receive(wait=True) == [(LegResult(),)]
    node.blocks.put(NodeError("OUT_OF_RANGE", "too old"))
    node.answer = lambda _raw: 32_000
    with pytest.raises(NetworkError, match="too old"):
        chain.send([CancelOrder(1)])


def test_standstill_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """When nothing is committed for too long, the replay says so and ends."""
    monkeypatch.setattr(executor, "_STALL_SECONDS", 0.2)
    started = time.monotonic()
    with pytest.raises(NetworkStalled):
        send_one(FakeNode(lambda _raw: 32_004))
    assert time.monotonic() - started < 10
