"""A chain of one node without consensus: state, real rules, and a mempool over them."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from omg_abci.node.accepted import AcceptedLog
from omg_abci.node.admitter import Rules
from omg_abci.node.bundles import decode_payload
from omg_abci.node.config import MempoolSettings
from omg_abci.node.mempool import Admission, Mempool, Source
from omg_abci.node.workers import Result, WorkerLost
from omg_abci.protocol.errors import FormatError
from omg_abci.protocol.messages import CancelOrder, Message, SignedTx, TxBody
from omg_abci.protocol.signing import Domain
from omg_abci.protocol.tx import Verifier, sign_tx
from omg_abci.protocol.units import Scheme
from omg_abci.rules.transition import Block, apply_block, check_block
from omg_abci.state.diff import store_changes
from omg_abci.state.genesis import build_genesis
from omg_abci.state.loading import load_state
from omg_abci.state.working import WorkingState
from tests.strategies import CHAIN_ID, DOMAIN, START_MS, Key, make_key, show

BLOCK_MS = 250
BYTES_MAX = 2 * 1024 * 1024
FUNDS = 10**15


class InlineWorkers:
    """Verifies in this process; counts, and can be made to fail or to wait."""

    def __init__(self, domain: Domain = DOMAIN) -> None:
        self.verifier = Verifier(domain)
        self.verified = 0
        self.lost = False
        self.gate: asyncio.Event | None = None

    async def verify(self, raws: Sequence[bytes]) -> list[Result]:
        """Return for each the transaction or its error."""
        if self.lost:
            raise WorkerLost("signature worker 1 ended")
        if self.gate is not None:
            await self.gate.wait()
        self.verified += len(raws)
        return [self._verify(raw) for raw in raws]

    def _verify(self, raw: bytes) -> Result:
        try:
            return self.verifier.verify_tx(raw)
        except FormatError as error:
            return error


class World:
    """One node: what a test does to it, and what it sees."""

    def __init__(
        self,
        folder: Path,
        keys: Sequence[Key],
        settings: MempoolSettings | None = None,
        funds: int = FUNDS,
    ) -> None:
        self.state: WorkingState | None = make_state(keys, funds)
        self.folder = folder
        self.settings = settings or MempoolSettings()
        self.workers = InlineWorkers()
        self.fatal: list[Exception] = []
        self.now_ms = START_MS
        self.begin()

    def begin(self) -> None:
        """Make the mempool over what is on disk, as a start of the node does."""
        self.accepted = AcceptedLog(self.folder)
        self.mempool = Mempool(
            self.settings,
            self,
            self.workers,
            self.accepted,
            self.fatal.append,
            Rules(),
            lambda: self.now_ms,
        )

    @property
    def chain(self) -> WorkingState:
        """Return the state, which there is."""
        if self.state is None:
            raise AssertionError("no state")
        return self.state

    def read_accepted(self) -> bytes:
        """Return what is on disk."""
        return b"".join(path.read_bytes() for path in self.folder.glob("*.log"))

    async def submit(self, *raws: bytes) -> list[int]:
        """Submit and return the codes."""
        return [each.code for each in await self.answer(*raws)]

    async def answer(self, *raws: bytes) -> list[Admission]:
        """Submit and return the answers."""
        return await self.mempool.submit(list(raws), Source.API)

    async def gossip(self, payload: bytes) -> int:
        """Take a payload from a peer and let the background look at it."""
        code = self.mempool.insert_gossip(payload)
        for _ in range(10):
            await asyncio.sleep(0)
        return code

    def select(self, bytes_max: int = BYTES_MAX) -> list[bytes]:
        """Return what the next block would hold."""
        txs = self.mempool.select(self.chain.height + 1, self.now_ms + BLOCK_MS, bytes_max)
        return [tx.raw for tx in txs]

    def commit(self, raws: Sequence[bytes] | None = None) -> list[SignedTx]:
        """Execute a block (by default the one that would be proposed) and commit it."""
        chosen = self.select() if raws is None else raws
        self.now_ms += BLOCK_MS
        height = self.chain.height + 1
        txs = tuple(self.workers.verifier.verify_tx(raw) for raw in chosen)
        block = Block(height, self.now_ms, bytes([height % 256]) * 32, txs)
        check_block(self.chain, block)
        store_changes(self.chain, apply_block(self.chain, block).changes)
        self.chain.commit()
        self.mempool.on_commit(height, self.now_ms, txs)
        return list(txs)


def make_state(keys: Sequence[Key], funds: int = FUNDS) -> WorkingState:
    """Return the state of a genesis where each key has so much of the fee token."""
    document = {
        "fee_token": 1,
        "unit_price": "1",
        "root_interval": 4,
        "tokens": [{"id": 1, "symbol": "OMG", "decimals": 18}],
        "markets": [],
        "balances": [{"owner": show(key), "token": 1, "amount": str(funds)} for key in keys],
    }
    records, _ = build_genesis(CHAIN_ID, document)
    return load_state(CHAIN_ID, records)


def make_tx(
    key: Key,
    place: int,
    *legs: Message,
    after: int = 0,
    owner: Key | None = None,
    until_ms: int = 0,
    until_height: int = 0,
) -> bytes:
    """Return a signed transaction with nonce START_MS + place, after START_MS + after."""
    body = TxBody(
        CHAIN_ID,
        (owner or key).address,
        START_MS + place,
        START_MS + after if after else 0,
        until_ms,
        until_height,
        atomic=False,
        max_unit_price=1,
        legs=legs or (CancelOrder(START_MS + place),),
    )
    scheme = Scheme.TYPED if owner is None else Scheme.RAW
    return sign_tx(DOMAIN, body, key.address, key.secret, scheme)


def run(
    folder: Path,
    test: Callable[[World], Coroutine[Any, Any, None]],
    keys: Sequence[Key],
    settings: MempoolSettings | None = None,
    funds: int = FUNDS,
) -> None:
    """Run a test in a started world."""

    async def play() -> None:
        world = World(folder, keys, settings, funds)
        await world.mempool.start()
        try:
            await test(world)
        finally:
            await world.mempool.stop()

    asyncio.run(play())


def open_bundles(payloads: Sequence[bytes]) -> list[bytes]:
    """Return the transactions in what was handed out."""
    return [raw for payload in payloads for raw in decode_payload(payload)]


ALICE, BOB, CAROL, DAVE = (make_key(number) for number in range(1, 5))
