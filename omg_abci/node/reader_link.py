"""The executor's end of the read process: what it is told and what it asks."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from omg_abci.node.block_events import pack_event
from omg_abci.node.chain import Committed, Roots
from omg_abci.node.channel import Child, Message, spawn_child
from omg_abci.protocol.errors import NodeBusy, OmgError
from omg_abci.protocol.signing import Domain

_STOP_TIMEOUT_S: Final = 5.0
_QUERY_TIMEOUT_S: Final = 10.0

logger = logging.getLogger(__name__)


class ReaderLost(OmgError):
    """The read process ended although nobody stopped it."""


class Answer(NamedTuple):
    """What the read process answered to an abci_query."""

    code: int
    log: str
    key: bytes
    value: bytes
    height: int


Submit = Callable[[Sequence[bytes]], Awaitable[Sequence[tuple[int, str, bytes]]]]


class ReaderLink:
    """Feeds committed blocks to the read process and takes roots and submissions from it."""

    def __init__(
        self, grpc: str, roots: Roots, submit: Submit, on_fatal: Callable[[Exception], None]
    ) -> None:
        """Prepare; `start` spawns the process, which serves the node API at `grpc`."""
        self._grpc = grpc
        self._roots = roots
        self._submit = submit
        self._on_fatal = on_fatal
        self._child: Child | None = None
        self._stopping = False
        self.ready = asyncio.Event()
        """Set when the read process has loaded what it was sent and serves the node API."""
        self._queries: dict[int, asyncio.Future[Answer]] = {}
        self._query_number = 0
        self.get_pool: Callable[[], tuple[int, int]] = lambda: (0, 0)
        """Transactions and bytes that are pending."""
        self._tasks: dict[asyncio.Task[None], None] = {}

    async def start(self) -> None:
        """Spawn the read process."""
        self._child = await spawn_child(
            "omg_abci.node.reader_process",
            self._on_message,
            self._on_lost,
            ("--grpc", self._grpc),
        )

    async def stop(self) -> None:
        """End the read process."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        if self._child is not None:
            await self._child.stop(_STOP_TIMEOUT_S)

    def send_genesis(self, domain: Domain, records: Sequence[tuple[bytes, bytes]]) -> None:
        """Begin anew with these records."""
        self._send(("genesis", *domain, list(records)))

    def send_load(self, domain: Domain, path: str, height: int) -> None:
        """Load the database as of a height."""
        self._send(("load", *domain, path, height))

    def send_block(self, committed: Committed) -> None:
        """Pass on a committed block."""
        meta, executed = committed
        block, result = executed.block, executed.result
        txs = [
            (tx.tx_id, tx.raw, each.code, data)
            for tx, each, data in zip(block.txs, result.results, executed.data, strict=True)
        ]
        self._send(
            (
                "block",
                block.height,
                block.time_ms,
                block.block_hash,
                meta.app_hash,
                meta.diff_hash,
                meta.tree_root,
                result.changes.keys,
                result.changes.new,
                txs,
                [pack_event(each) for each in result.events],
            )
        )

    def send_bounds(self, txs_max: int, bytes_max: int) -> None:
        """Tell how much the pool may hold."""
        self._send(("bounds", txs_max, bytes_max))

    def send_pool(self, count: int, size: int) -> None:
        """Tell how full the pool is."""
        self._send(("pool", count, size))

    async def query(self, path: str, data: bytes, height: int, *, prove: bool) -> Answer:
        """Ask about committed state; raise TimeoutError."""
        self._query_number += 1
        number = self._query_number
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._queries[number] = future
        self._send(("query", number, path, data, height, prove))
        try:
            return await asyncio.wait_for(future, _QUERY_TIMEOUT_S)
        finally:
            del self._queries[number]

    def _send(self, message: Message) -> None:
        if self._child is None:
            message_text = "the read process was not started"
            raise ReaderLost(message_text)
        self._child.channel.send(message)

    def _on_message(self, message: Message) -> None:
        kind = message[0]
        if kind == "ready":
            self.ready.set()
        elif kind == "root":
            self._roots.put(message[1], message[2])
        elif kind == "submit":
            task = asyncio.get_running_loop().create_task(self._answer(message[1], message[2]))
            self._tasks[task] = None
            task.add_done_callback(self._tasks.pop)
        elif kind == "answer":
            future = self._queries.get(message[1])
            if future is not None and not future.done():
                future.set_result(Answer(*message[2:]))

    async def _answer(self, number: int, raws: list[bytes]) -> None:
        try:
            admissions = await self._submit(raws)
        except Exception:  # the client must get an answer, and the next one a node
            logger.exception("a submission of %d transactions failed", len(raws))
            admissions = [(NodeBusy.code, NodeBusy.text, b"")] * len(raws)
        if not self._stopping:
            answers = [tuple(each) if each[0] else each[2] for each in admissions]
            self._send(("submitted", number, answers, *self.get_pool()))

    def _on_lost(self, reason: Exception | None) -> None:
        if not self._stopping:
            self._on_fatal(ReaderLost(f"the read process ended: {reason}"))
