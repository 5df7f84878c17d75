"""What the read process does, without its sockets: frames in, frames out, questions answered.

Guarantees that blocks are applied in the order they come, that roots leave in ascending order of
their heights, and that neither a load nor a large fold keeps the API from answering: both run in
a thread. Whatever contradicts itself ends `run`, and with it the process and the node.
"""

import asyncio
import gc
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from omg_abci.node.block_events import PackedEvent
from omg_abci.node.block_ring import BlockRing
from omg_abci.node.indicative import IndicativePrices
from omg_abci.node.proof_history import Fold, Head, ProvenValue, ReadError
from omg_abci.node.reader import Reader
from omg_abci.node.storage import Storage, StorageUnreadable
from omg_abci.node.submissions import Submissions
from omg_abci.node.wire import encode_block
from omg_abci.protocol.signing import Domain
from omg_abci.protocol.units import Hash, Height

Frame: TypeAlias = tuple[Any, ...]
Send: TypeAlias = Callable[[Frame], None]

FOLD_INLINE_MAX: Final = 4_000
"""Changes that are folded at once: about 40 ms. More go to a thread."""
_OPEN_TRIES: Final = 5
_OPEN_PAUSE_S: Final = 0.2

QUERY_OK: Final = 0
QUERY_REFUSED: Final = 1


class NotLoaded(ReadError):
    """The state is still being loaded."""

    code = "read.not_loaded"


class FrameUnknown(ReadError):
    """The executor sent what this version does not know."""

    code = "read.frame_unknown"


class ReadService:
    """The committed view of the chain, fed by the executor's frames."""

    def __init__(self) -> None:
        """Make a service that knows no chain; `connect` is next."""
        self._outgoing: list[Frame] = []
        self._send: Send = self._outgoing.append
        self._frames: asyncio.Queue[Frame] = asyncio.Queue()
        self._folds: asyncio.Queue[tuple[Reader, Fold]] = asyncio.Queue()
        self._tree_lock = asyncio.Lock()
        """Held while the tree changes: proofs wait for it."""
        self._reader: Reader | None = None
        self.submissions = Submissions(self._pass_on)
        self.ring = BlockRing()
        self.indicative = IndicativePrices()
        self.pool_count = 0
        self.pool_bytes = 0

    @property
    def reader(self) -> Reader:
        """The committed view; raise NotLoaded."""
        if self._reader is None:
            raise NotLoaded("the node is loading its state; ask again soon")
        return self._reader

    def connect(self, send: Send) -> None:
        """Send frames to the executor by `send` from now on, first those that wait."""
        self._send = send
        for frame in self._outgoing:
            send(frame)
        self._outgoing.clear()

    def _pass_on(self, frame: Frame) -> None:
        self._send(frame)

    # --- frames ---

    def take(self, frame: Frame) -> None:
        """Take a frame from the executor: answers at once, changes of the state in their order.

        Raise FrameUnknown.
        """
        match frame:
            case ("submitted", int(request_id), list(verdicts), *pool):
                if pool:
                    self.submissions.set_pool(*pool)
                self.submissions.take_verdicts(request_id, verdicts)
            case ("pool", int(count), int(size)):
                self.pool_count, self.pool_bytes = count, size
                self.submissions.set_pool(count, size)
            case ("bounds", int(count), int(size)):
                self.submissions.set_bounds(count, size)
            case ("query", int(request_id), str(path), bytes(data), int(height), bool(prove)):
                self._send(("answer", request_id, *self._answer(path, data, height, prove=prove)))
            case ("genesis" | "load" | "block", *_):
                self._frames.put_nowait(frame)
            case _:
                raise FrameUnknown(f"frame {frame[:1]!r} is unknown")

    async def run(self) -> None:
        """Apply frames and folds until cancelled; raise what is wrong with them."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._apply_all())
            group.create_task(self._fold_all())

    async def _apply_all(self) -> None:
        while True:
            match await self._frames.get():
                case ("genesis", str() as chain, int() as number, bytes() as contract, records):
                    domain = Domain(chain, number, contract)
                    await self._begin(await asyncio.to_thread(Reader.load_genesis, domain, records))
                case ("load", str() as chain, int() as number, bytes() as contract, path, height):
                    domain = Domain(chain, number, contract)
                    await self._begin(await _load(domain, Path(path), height))
                case ("block", *fields) if self._reader is not None:
                    self._apply_block(self._reader, *fields)
                    # The queue does not yield while it holds frames: requests come between.
                    await asyncio.sleep(0)
                case frame:
                    raise FrameUnknown(f"frame {frame[:1]!r} has another shape or came too early")

    async def _begin(self, reader: Reader) -> None:
        """Serve another state from now on; tell the executor its height and last roots."""
        async with self._tree_lock:
            self._reader = reader
        self.ring.reset(reader.block.height)
        self._send(("ready", reader.block.height))
        for state_height, root in reader.history.get_roots()[-2:]:
            self._send(("root", state_height, root))

    def _apply_block(
        self,
        reader: Reader,
        height: Height,
        time_ms: int,
        block_hash: Hash,
        app_hash: Hash,
        diff_hash: Hash,
        tree_root: Hash,
        keys: Sequence[bytes],
        values: Sequence[bytes | None],
        txs: Sequence[tuple[bytes, bytes, int, bytes]],
        events: Sequence[PackedEvent],
    ) -> None:
        diff = list(zip(keys, values, strict=True))
        fold = reader.apply_block(height, Head(app_hash, diff_hash, tree_root), diff)
        self.submissions.add_block(len(txs), sum([len(raw) for _, raw, _, _ in txs]))
        self.ring.append(encode_block(height, time_ms, block_hash, app_hash, txs, events))
        if fold is not None:
            self._folds.put_nowait((reader, fold))

    async def _fold_all(self) -> None:
        while True:
            reader, fold = await self._folds.get()
            async with self._tree_lock:
                if reader is not self._reader:
                    continue
                if len(fold.changes) <= FOLD_INLINE_MAX:
                    root = reader.history.fold(fold)
                else:
                    root = await asyncio.to_thread(reader.history.fold, fold)
                reader.history.add_fold(fold.state_height, root)
            self._send(("root", fold.state_height, root))

    # --- questions that need the executor or the tree ---

    async def prove(self, key: bytes, header_height: Height) -> ProvenValue:
        """Return the record under the app hash in a header, 0 for the newest.

        Raise NotLoaded, HeaderOutOfRange, KeyInvalid.
        """
        async with self._tree_lock:
            return self.reader.history.prove(key, header_height)

    def _answer(
        self, path: str, data: bytes, height: Height, *, prove: bool
    ) -> tuple[int, str, bytes, bytes, Height]:
        """Return (code, log, key, value, height) for ABCI's Query."""
        if self._reader is None:
            return QUERY_REFUSED, "the node is loading its state; ask again soon", b"", b"", 0
        reader = self._reader
        last = reader.block.height
        if height not in (0, last):
            return QUERY_REFUSED, f"only the last height, {last}, can be asked for", b"", b"", last
        if path == "/status":
            return QUERY_OK, "", b"", _describe_status(reader), last
        if path != "/record":
            hint = "paths are /status and /record, whose data is a state key"
            return QUERY_REFUSED, f"unknown path {path[:64]!r}: {hint}", b"", b"", last
        if prove:
            return QUERY_REFUSED, "proofs are served by the node API's GetProof", b"", b"", last
        value = reader.records.get(data)
        return QUERY_OK, "no such record" if value is None else "", data, value or b"", last


async def _load(domain: Domain, path: Path, height: Height) -> Reader:
    """Load the state from disk while the executor may be writing there.

    Files that vanish between listing and opening them are found on the next try.
    """
    for _ in range(_OPEN_TRIES - 1):
        try:
            return await asyncio.to_thread(_load_once, domain, path, height)
        except StorageUnreadable:
            await asyncio.sleep(_OPEN_PAUSE_S)
    return await asyncio.to_thread(_load_once, domain, path, height)


def _load_once(domain: Domain, path: Path, height: Height) -> Reader:
    storage = Storage.open(path, read_only=True)
    # The state stays: the collector need not walk through it while it is made, nor ever after.
    gc.disable()
    try:
        reader = Reader.load_storage(storage, domain, height)
        gc.freeze()
    finally:
        gc.enable()
        storage.close()
    return reader


def _describe_status(reader: Reader) -> bytes:
    head = reader.history.get_head(reader.block.height)
    status = {
        "chain_id": reader.domain.chain_id,
        "height": reader.block.height,
        "time_ms": reader.block.time_ms,
        "block_hash": reader.block.block_hash.hex(),
        "app_hash": head.app_hash.hex(),
        "proof_height": reader.history.newest,
    }
    return json.dumps(status).encode()
