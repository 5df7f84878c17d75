"""A whole chain in this process, without consensus: real state machine, read process, node API.

Each submission becomes a block at once, unless the test holds blocks back. The chain's time is
the machine's, and what the test lets pass beside it.
"""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omg_abci.localnet.genesis import make_accounts, make_document
from omg_abci.node.block_events import pack_event
from omg_abci.node.chain import Chain
from omg_abci.node.commands.output import get_now_ms
from omg_abci.node.node_api import start_server
from omg_abci.node.read_service import ReadService
from omg_abci.node.storage import Storage
from omg_abci.protocol.consensus import Offence, Vote
from omg_abci.protocol.crypto import compute_sha256
from omg_abci.protocol.errors import TxError
from omg_abci.protocol.messages import SignedTx
from omg_abci.protocol.tx import Verifier
from omg_abci.rules.admission import check_tx
from omg_abci.rules.transition import Block

CHAIN_ID = "omg-test-1"
ACCOUNTS = make_accounts(b"tests/node/one_node")
OWNER = {account.name: account.owner.address for account in ACCOUNTS}
AGENT = {account.name: account.agent.address for account in ACCOUNTS}


class OneNode:
    """The executor of one node, on the loop of a thread."""

    def __init__(self, folder: Path, changes: dict[str, object]) -> None:
        """Make an empty chain; `start` gives it a genesis with these fields of its own."""
        self.target = f"unix:{folder}/api.sock"
        self.holds_blocks = False
        self.votes: tuple[Vote, ...] = ()
        """What consensus tells with the next blocks."""
        self.offences: tuple[Offence, ...] = ()
        self._changes = changes
        self._ahead_ms = 0
        self._loop = asyncio.get_running_loop()
        self._chain = Chain(Storage.open(folder / "state"))
        self._service = ReadService()
        self._ready = asyncio.Event()
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Serve the genesis state."""
        self._server, _ = await start_server(self._service, self.target)
        self._keep(self._service.run())
        document = make_document(ACCOUNTS, get_now_ms()) | self._changes
        records, domain = self._chain.build_genesis(CHAIN_ID, document)
        self._verifier = Verifier(domain)
        self._service.connect(self._take)
        self._service.take(("genesis", *domain, records))
        await self._ready.wait()
        self._chain.begin(domain, records, await self._chain.roots.get(0))

    async def stop(self) -> None:
        """End the server and close the database."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.stop(0)
        self._chain.storage.close()

    def pass_time(self, *spans_ms: int) -> None:
        """Make a block after each of these spans; called from the test's own thread."""
        for span_ms in spans_ms:
            self._ahead_ms += span_ms
            asyncio.run_coroutine_threadsafe(self.make_block(), self._loop).result(60)

    def get_time_ms(self) -> int:
        """Return the chain's time."""
        return get_now_ms() + self._ahead_ms

    async def make_block(self, txs: tuple[SignedTx, ...] = ()) -> None:
        """Commit a block and tell the read process."""
        chain = self._chain
        state = chain.get_state()
        height = state.height + 1
        block_hash = compute_sha256(b"block %d" % height)
        told = self.votes, self.offences
        block = Block(height, self.get_time_ms(), block_hash, txs, *told)
        executed = chain.execute(block, txs)
        app_hash, root = await chain.compute_app_hash(executed)
        meta = chain.commit(app_hash, root).meta
        outcomes = [
            (tx.tx_id, tx.raw, result.code, data)
            for tx, result, data in zip(txs, executed.result.results, executed.data, strict=True)
        ]
        self._service.take(
            (
                "block",
                height,
                meta.time_ms,
                block_hash,
                *(app_hash, meta.diff_hash, root),
                executed.result.changes.keys,
                executed.result.changes.new,
                outcomes,
                [pack_event(event) for event in executed.result.events],
            )
        )

    def _take(self, frame: tuple[Any, ...]) -> None:
        match frame:
            case ("ready", _):
                self._ready.set()
            case ("root", height, root):
                self._chain.roots.put(height, root)
            case ("submit", request_id, raws):
                self._keep(self._submit(request_id, raws))
            case _:
                pass

    async def _submit(self, request_id: int, raws: list[bytes]) -> None:
        async with self._turn:
            admitted: list[SignedTx] = []
            verdicts: list[tuple[int, str, bytes]] = []
            for raw in raws:
                try:
                    tx = self._verifier.verify_tx(raw)
                    state = self._chain.get_state()
                    check_tx(state, tx, state.height + 1, self.get_time_ms())
                except TxError as refusal:
                    verdicts.append((refusal.code, str(refusal), b""))
                else:
                    admitted.append(tx)
                    verdicts.append((0, "", tx.tx_id))
            self._service.take(("submitted", request_id, verdicts))
            if admitted and not self.holds_blocks:
                await self.make_block(tuple(admitted))

    def _keep(self, work: Any) -> None:  # noqa: ANN401 - any coroutine
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@contextlib.contextmanager
def run_one_node(folder: Path, **changes: object) -> Iterator[OneNode]:
    """Run a node with one block on a thread of its own; `changes` are fields of its genesis."""
    started = threading.Event()
    made: list[OneNode] = []
    loop = asyncio.new_event_loop()
    stopped = asyncio.Event()

    async def main() -> None:
        node = OneNode(folder, changes)
        await node.start()
        await node.make_block()
        made.append(node)
        started.set()
        await stopped.wait()
        await node.stop()

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    try:
        assert started.wait(60), "the node did not start"
        yield made[0]
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(60)
        loop.close()
