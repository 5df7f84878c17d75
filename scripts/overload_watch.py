"""What is watched during an overload: blocks, processes, and traders who behave."""

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

import psutil

from omg_abci.bench.end_to_end import pick
from omg_abci.bench.owners import CHAIN_ID, TxMaker, make_owners
from omg_abci.localnet.errors import LocalnetError
from omg_abci.localnet.layout import Node
from omg_abci.localnet.rpc import Rpc
from omg_abci.node.client import AsyncNodeClient, NodeError
from omg_abci.protocol.messages import Message
from omg_abci.protocol.signing import compute_no_bridge_domain
from scripts.overload_signing import make_legs

_ROLES: Final = (
    ("cometbft", "cometbft"),
    ("omg_abci.node.reader_process", "read process"),
    ("omg_abci.node.worker", "worker"),
    ("omg_abci.node", "executor"),
)
_MIB: Final = 1 << 20
_ORDER_EVERY_S: Final = 0.5
_PATIENCE_S: Final = 60.0
_ID_BYTES: Final = 8
"""So much of an id tells transactions of a run apart."""


class SeenBlock(NamedTuple):
    """A block as it was streamed."""

    seen: float
    time_ms: int
    txs: int


class Blocks:
    """Follows a node's blocks without the transactions' bytes."""

    def __init__(self, target: str) -> None:
        """Follow the node at this address."""
        self._target = target
        self.seen: list[SeenBlock] = []
        self.included: set[bytes] = set()
        self.repeated = 0
        self._waiting: dict[bytes, asyncio.Future[float]] = {}

    async def follow(self) -> None:
        """Follow until cancelled."""
        async with AsyncNodeClient(self._target) as client:
            async for block in client.stream_blocks(1, without_txs=True):
                now = time.monotonic()
                ids = [outcome.tx_id[:_ID_BYTES] for outcome in block.txs]
                known = len(self.included)
                self.included.update(ids)
                self.repeated += len(ids) - (len(self.included) - known)
                self.seen.append(SeenBlock(now, block.time_ms, len(ids)))
                for each in self._waiting.keys() & {*ids} if self._waiting else ():
                    self._waiting.pop(each).set_result(now)

    async def wait_for(self, tx_id: bytes) -> float:
        """Return when the transaction was seen in a block; raise TimeoutError."""
        key = tx_id[:_ID_BYTES]
        if key in self.included:
            return time.monotonic()
        future = self._waiting[key] = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(_PATIENCE_S):
            seen: float = await future
        return seen

    def measure(self, begin: float, end: float) -> dict[str, Any]:
        """Return transactions a second, and what lay between blocks, in a span of time."""
        blocks = [block for block in self.seen if begin <= block.seen < end]
        gaps = sorted(after.seen - before.seen for before, after in pairwise(blocks))
        return {
            "tx_per_second": round(sum(block.txs for block in blocks) / max(end - begin, 1e-9)),
            "blocks": len(blocks),
            "block_s_p50": round(pick(gaps, 50), 3),
            "block_s_p99": round(pick(gaps, 99), 3),
            "block_s_max": round(max(gaps, default=0.0), 3),
        }


class Trade(NamedTuple):
    """What a trader saw of one order."""

    sent: float
    acknowledged_s: float
    block_s: float
    tries: int
    code: str
    """What it came to; "0" is well."""


class Trader:
    """Sends an order now and then over a stream, as docs/guides/node-api.md tells it to."""

    def __init__(self, owner: int, target: str, blocks: Blocks, seed: int) -> None:
        """Trade for an owner at a node."""
        self._owner = owner
        self._target = target
        self._blocks = blocks
        nonce = time.time_ns() // 1_000_000
        self._maker = TxMaker(make_owners(), compute_no_bridge_domain(CHAIN_ID), nonce)
        chance = random.Random(f"{seed} {owner}")  # noqa: S311 - a test's choice
        self._legs: Iterator[Message] = make_legs(chance, 0)
        self.trades: list[Trade] = []

    async def run(self) -> None:
        """Trade until cancelled; an order does not wait for the one before."""
        async with (
            AsyncNodeClient(self._target) as client,
            asyncio.TaskGroup() as group,
            client.submit_stream(_PATIENCE_S) as stream,
        ):
            while True:
                raw = self._maker.make_signed(self._owner, (next(self._legs),))
                group.create_task(self._send(stream, raw))
                await asyncio.sleep(_ORDER_EVERY_S)

    async def _send(self, stream: Any, raw: bytes) -> None:  # noqa: ANN401 - SubmitStream
        sent = time.monotonic()
        try:
            (answer,) = await stream.submit([raw])
            acknowledged = time.monotonic() - sent
            code, included = str(answer.code), 0.0
            if not answer.code:
                included = await self._blocks.wait_for(answer.tx_id) - sent
            trade = Trade(sent, acknowledged, included, answer.tries, code)
        except NodeError as reason:
            trade = Trade(sent, time.monotonic() - sent, 0.0, 0, reason.code)
        except TimeoutError:
            trade = Trade(sent, time.monotonic() - sent, 0.0, 0, "in no block")
        self.trades.append(trade)


def judge_trades(trades: Iterable[Trade], begin: float, end: float) -> dict[str, Any]:
    """Return latencies of the orders sent in a span of time, and their codes."""
    own = [trade for trade in trades if begin <= trade.sent < end]
    good = [trade for trade in own if trade.code == "0"]
    acknowledged = sorted(trade.acknowledged_s for trade in good)
    included = sorted(trade.block_s for trade in good)
    return {
        "orders": len(own),
        "codes": dict(Counter(trade.code for trade in own)),
        "tries_max": max((trade.tries for trade in own), default=0),
        **{f"acknowledged_s_p{each}": round(pick(acknowledged, each), 3) for each in (50, 99)},
        **{f"block_s_p{each}": round(pick(included, each), 3) for each in (50, 99, 100)},
    }


class Callers:
    """Calls CheckTx by CometBFT's RPC, some a second, in a thread of their own."""

    def __init__(self, node: Node, owner: int, per_second: float) -> None:
        """Prepare; `start` runs it."""
        self._node = node
        self._owner = owner
        self._pause_s = 1 / per_second
        self.codes: Counter[str] = Counter()
        self.acknowledged: list[bytes] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to call."""
        self._thread.start()

    def stop(self) -> None:
        """End after the call that is under way."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        nonce = time.time_ns() // 1_000_000
        maker = TxMaker(make_owners(), compute_no_bridge_domain(CHAIN_ID), nonce)
        legs = make_legs(random.Random(self._owner), 0)  # noqa: S311 - a test's choice
        with Rpc(self._node.ports.rpc, timeout_seconds=30.0) as rpc:
            while not self._stopped.wait(self._pause_s):
                raw = maker.make_signed(self._owner, (next(legs),))
                try:
                    found = rpc.call("broadcast_tx_sync", tx=f"0x{raw.hex()}")
                except LocalnetError as reason:
                    self.codes[type(reason).__name__] += 1
                    continue
                self.codes[str(found["code"])] += 1
                if not found["code"]:
                    self.acknowledged.append(raw)


class Processes:
    """Memory and processor time of the nodes' processes."""

    def __init__(self, without: Sequence[int]) -> None:
        """Watch this process's descendants, without some."""
        self._without = without
        self.memory: list[tuple[float, dict[str, int]]] = []
        """Time, and the largest resident size of each role in MiB."""

    async def watch(self, every_s: float) -> None:
        """Look now and then, until cancelled."""
        while True:
            self.memory.append((time.monotonic(), self._read_memory()))
            await asyncio.sleep(every_s)

    def read_cpu(self) -> dict[str, float]:
        """Return the processor seconds of each role so far."""
        seconds: dict[str, float] = {}
        for role, process in self._find():
            try:
                times = process.cpu_times()
            except psutil.Error:
                continue
            seconds[role] = seconds.get(role, 0.0) + times.user + times.system
        return seconds

    def _read_memory(self) -> dict[str, int]:
        largest: dict[str, int] = {}
        for role, process in self._find():
            try:
                size = process.memory_info().rss // _MIB
            except psutil.Error:
                continue
            largest[role] = max(size, largest.get(role, 0))
        return largest

    def _find(self) -> Iterator[tuple[str, psutil.Process]]:
        for process in psutil.Process().children(recursive=True):
            if process.pid in self._without:
                continue
            try:
                command = " ".join(process.cmdline())
            except psutil.Error:
                continue
            for mark, role in _ROLES:
                if mark in command:
                    yield role, process
                    break
