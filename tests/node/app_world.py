"""The application of a node, called as CometBFT calls it: real state, storage, pool and rules.

Signature workers are real processes or inline, the read process is real or a stand-in that folds
the state tree at once.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from omg_abci.gen.cometbft.abci import types_pb2 as pb
from omg_abci.node.accepted import AcceptedLog
from omg_abci.node.app import ChainApplication
from omg_abci.node.bundles import encode_bundle
from omg_abci.node.chain import Chain, Committed, Roots
from omg_abci.node.config import MempoolSettings
from omg_abci.node.mempool import Mempool, Source
from omg_abci.node.reader_link import ReaderLink
from omg_abci.node.storage import Storage
from omg_abci.node.workers import Result, Urgency, WorkerPool
from omg_abci.protocol.errors import FormatError
from omg_abci.protocol.limits import BLOCK_BYTES_MAX
from omg_abci.protocol.signing import Domain
from omg_abci.protocol.tx import Verifier
from omg_abci.state import schema
from omg_abci.state.records import BlockRecord
from omg_abci.state.tree import Tree
from tests.strategies import CHAIN_ID, GENESIS, START_MS

BLOCK_MS = 250
DOCUMENT: dict[str, Any] = GENESIS | {"unit_price": "1"}


class InlinePool(WorkerPool):
    """Verifies in this process."""

    def __init__(self, on_fatal: Callable[[Exception], None]) -> None:
        super().__init__(0, on_fatal)
        self._verifier: Verifier | None = None

    def set_domain(self, domain: Domain) -> None:
        """Verify for this domain from now on."""
        self._verifier = Verifier(domain)

    async def verify(
        self, raws: Sequence[bytes], urgency: Urgency = Urgency.ADMISSION
    ) -> list[Result]:
        """Return for each the transaction or its error."""
        del urgency
        return [self._verify(raw) for raw in raws]

    def _verify(self, raw: bytes) -> Result:
        if self._verifier is None:
            raise AssertionError("no domain was set")
        try:
            return self._verifier.verify_tx(raw)
        except FormatError as error:
            return error


class InlineReader(ReaderLink):
    """Folds the state tree in this process as soon as it hears of a block."""

    def __init__(self, roots: Roots, on_fatal: Callable[[Exception], None]) -> None:
        async def refuse(_: Sequence[bytes]) -> list[tuple[int, str, bytes]]:
            raise AssertionError("nobody submits by this reader")

        super().__init__("", roots, refuse, on_fatal)
        self._tree = Tree()
        self._changes: dict[bytes, bytes | None] = {}
        self._interval = int(GENESIS["root_interval"])
        self.pool: tuple[int, int] = (0, 0)

    async def start(self) -> None:
        """Need no process."""

    def send_genesis(self, domain: Domain, records: Sequence[tuple[bytes, bytes]]) -> None:
        """Begin anew."""
        del domain
        self._tree = Tree.load(records)
        self._changes.clear()
        height = BlockRecord.decode(dict(records)[schema.BLOCK]).height
        self._roots.put(height, self._tree.root)

    def send_load(self, domain: Domain, path: str, height: int) -> None:
        """Refuse: a restarted node is tested with the real read process."""
        del domain, path, height
        raise AssertionError("a restart needs the real read process")

    def send_block(self, committed: Committed) -> None:
        """Take a block's changes, and fold them when it is time."""
        self._changes |= dict(committed.executed.result.changes.diff)
        height = committed.meta.height
        if height % self._interval == 0:
            self._roots.put(height, self._tree.fold(sorted(self._changes.items())))
            self._changes.clear()

    def send_pool(self, count: int, size: int) -> None:
        """Remember how full the pool is."""
        self.pool = (count, size)


class AppNode:
    """A node without CometBFT; the test speaks to `app` in its place."""

    def __init__(
        self, folder: Path, *, processes: bool = False, settings: MempoolSettings | None = None
    ) -> None:
        """Open what is in the folder, as a start of the node does."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.fatal: list[Exception] = []
        self.time_ms = START_MS
        self.chain = Chain(Storage.open(folder / "state"))
        self.workers = WorkerPool(1, self.fatal.append) if processes else self._make_inline()
        self.mempool = Mempool(
            settings or MempoolSettings(),
            self.chain,
            self.workers,
            AcceptedLog(folder / "accepted"),
            self.fatal.append,
            clock_ms=lambda: self.time_ms,
        )
        self.reader = self._make_reader(processes=processes)
        self.app = ChainApplication(self.chain, self.mempool, self.workers, self.reader)

    def _make_inline(self) -> WorkerPool:
        return InlinePool(self.fatal.append)

    def _make_reader(self, *, processes: bool) -> ReaderLink:
        if not processes:
            return InlineReader(self.chain.roots, self.fatal.append)

        async def submit(raws: Sequence[bytes]) -> list[tuple[int, str, bytes]]:
            admissions = await self.mempool.submit(list(raws), Source.API)
            return [(each.code, each.log, each.tx_id) for each in admissions]

        target = f"unix:{self._folder}/api.sock"
        return ReaderLink(target, self.chain.roots, submit, self.fatal.append)

    async def start(self) -> None:
        """Start the parts in the order of the executor."""
        domain = self.chain.start()
        await self.reader.start()
        await self.workers.start(domain)
        if domain is not None and self.chain.meta is not None:
            self.reader.send_load(domain, str(self._folder / "state"), self.chain.meta.height)
            self.time_ms = self.chain.meta.time_ms
        await self.mempool.start()

    async def stop(self) -> None:
        """Stop the parts; what is on disk stays."""
        await self.mempool.stop()
        await self.reader.stop()
        await self.workers.stop()
        self.chain.storage.close()

    @property
    def height(self) -> int:
        """Return the committed height."""
        return 0 if self.chain.meta is None else self.chain.meta.height

    # --- what CometBFT asks ---

    async def init_chain(self, document: Mapping[str, Any] = DOCUMENT) -> bytes:
        """Begin the chain; return the app hash of genesis."""
        return (await self.app.init_chain(make_init(json.dumps(document).encode()))).app_hash

    async def check(self, *raws: bytes) -> list[int]:
        """Return the codes with which the pool answers."""
        return [(await self.app.check_tx(pb.RequestCheckTx(tx=raw))).code for raw in raws]

    async def gossip(self, raws: Sequence[bytes]) -> None:
        """Take a peer's bundle and let the background look at it."""
        if raws:
            assert self.app.insert_tx(pb.RequestInsertTx(tx=encode_bundle(raws))).code == 0
        for _ in range(10):
            await asyncio.sleep(0)

    def prepare(self, bytes_max: int = BLOCK_BYTES_MAX) -> list[bytes]:
        """Return the transactions of a proposal for the next height."""
        request = pb.RequestPrepareProposal(max_tx_bytes=bytes_max, height=self.height + 1)
        set_time(request, self.time_ms + BLOCK_MS)
        return list(self.app.prepare_proposal(request).txs)

    async def process(self, raws: Sequence[bytes], height: int = 0) -> bool:
        """Tell whether a proposal is accepted."""
        request = pb.RequestProcessProposal(txs=raws, height=height or self.height + 1)
        request.hash = compute_hash(request.height, raws)
        set_time(request, self.time_ms + BLOCK_MS)
        answer = await self.app.process_proposal(request)
        return answer.status == pb.ResponseProcessProposal.ACCEPT

    async def finalize(self, raws: Sequence[bytes]) -> pb.ResponseFinalizeBlock:
        """Decide a block."""
        request = pb.RequestFinalizeBlock(txs=raws, height=self.height + 1)
        request.hash = compute_hash(request.height, raws)
        set_time(request, self.time_ms + BLOCK_MS)
        return await self.app.finalize_block(request)

    def commit(self) -> None:
        """Commit the decided block."""
        self.app.commit(pb.RequestCommit())
        self.time_ms += BLOCK_MS

    async def decide(self, raws: Sequence[bytes]) -> bytes:
        """Decide and commit a block; return its app hash."""
        app_hash = (await self.finalize(raws)).app_hash
        self.commit()
        return app_hash

    async def propose_and_decide(self) -> list[bytes]:
        """Let the node's own proposal become the next block; return its transactions."""
        raws = self.prepare()
        assert await self.process(raws)
        await self.decide(raws)
        return raws


def make_init(state: bytes) -> pb.RequestInitChain:
    """Return the request that begins a chain with such an app_state."""
    request = pb.RequestInitChain(chain_id=CHAIN_ID, initial_height=1, app_state_bytes=state)
    request.consensus_params.validator.pub_key_types.append("secp256k1eth")
    return request


def compute_hash(height: int, raws: Sequence[bytes]) -> bytes:
    """Return what stands for CometBFT's hash of a block."""
    return hashlib.sha256(height.to_bytes(8, "big") + b"".join(raws)).digest()


def set_time(request: Any, time_ms: int) -> None:  # noqa: ANN401 - three kinds of request
    """Give a request its block's time."""
    request.time.FromMilliseconds(time_ms)


def run(
    folder: Path,
    test: Callable[[AppNode], Coroutine[Any, Any, None]],
    *,
    processes: bool = False,
    settings: MempoolSettings | None = None,
) -> None:
    """Run a test with a started node."""

    async def play() -> None:
        node = AppNode(folder, processes=processes, settings=settings)
        await node.start()
        try:
            await test(node)
        finally:
            await node.stop()
        assert node.fatal == []

    asyncio.run(play())
