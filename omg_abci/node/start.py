"""`omgd start`: put the executor together, run it, take it apart."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from omg_abci.abci import Server
from omg_abci.node.accepted import AcceptedLog
from omg_abci.node.app import ChainApplication
from omg_abci.node.chain import Chain
from omg_abci.node.config import Settings, load_settings
from omg_abci.node.genesis_file import get_genesis_path, load_genesis_file
from omg_abci.node.mempool import Mempool, Source
from omg_abci.node.pruning import Retention
from omg_abci.node.reader_link import ReaderLink
from omg_abci.node.sampling import start_sampling
from omg_abci.node.snapshots import Snapshots
from omg_abci.node.state_sync import StateSync
from omg_abci.node.storage import Storage
from omg_abci.node.workers import WorkerPool
from omg_abci.protocol.errors import OmgError

_GC_THRESHOLD: Final = 200_000
"""Allocations between collections of the youngest generation: nothing here makes many cycles."""

logger = logging.getLogger(__name__)


class NodeFailed(OmgError):
    """The node cannot go on; the supervisor starts the pair again."""

    code = "node.failed"


class Executor:
    """All parts of the executor process."""

    def __init__(self, settings: Settings) -> None:
        """Open the database; raise StorageError."""
        settings.state_path.mkdir(parents=True, exist_ok=True)
        self._settings = settings
        self._failed: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self._chain = Chain(Storage.open(settings.state_path))
        # Loading makes millions of objects that stay: halves its time not to look for garbage.
        gc.disable()
        self._domain = self._chain.start()
        self._workers = WorkerPool(settings.workers, self._fail)
        self._accepted = AcceptedLog(settings.accepted_path)
        self._mempool = Mempool(
            settings.mempool, self._chain, self._workers, self._accepted, self._fail
        )
        self._workers.find_known = self._mempool.find_tx
        self._reader = ReaderLink(settings.grpc, self._chain.roots, self._submit, self._fail)
        self._reader.get_pool = lambda: self._mempool.backlog
        state, genesis = settings.state_path, get_genesis_path(settings.home)
        self._snapshots = Snapshots(settings.snapshots, settings.snapshots_path, state)
        self._state_sync = StateSync(settings.restoring_path, state, genesis)
        self._app = ChainApplication(
            self._chain,
            self._mempool,
            self._workers,
            self._reader,
            self._snapshots,
            self._state_sync,
            _read_retention(settings, genesis),
            # What is alive after a block lives on for blocks: the cyclic collector, which took 3 µs
            # a transaction, need not look at it again. Counts free it; nothing makes cycles.
            after_commit=gc.freeze,
        )
        self._server = Server(
            self._app,
            settings.abci,
            on_fatal=self._fail_hard,
            on_consensus_lost=self._app.drop_candidate,
        )

    async def run(self) -> None:
        """Serve until SIGINT or SIGTERM; raise `NodeFailed` when a part breaks."""
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        try:
            await self._start()
            await self._wait_for(stopped)
        finally:
            await self._stop()

    async def _wait_for(self, event: asyncio.Event) -> None:
        """Wait for an event; raise `NodeFailed` when a part breaks first."""
        waiting = asyncio.ensure_future(event.wait())
        await asyncio.wait((waiting, self._failed), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._failed.done():
            reason = self._failed.result()
            message = f"the node cannot go on: {reason}"
            raise NodeFailed(message) from reason

    async def _start(self) -> None:
        await self._reader.start()
        pool = self._settings.mempool
        self._reader.send_bounds(pool.max_count, pool.max_bytes)
        await self._workers.start(self._domain)
        if self._domain is not None and self._chain.meta is not None:
            path = str(self._settings.state_path.absolute())
            self._reader.send_load(self._domain, path, self._chain.meta.height)
            await self._wait_for(self._reader.ready)
        await self._mempool.start()
        self._snapshots.start()
        self._state_sync.start()
        gc.freeze()
        gc.enable()
        gc.set_threshold(_GC_THRESHOLD, 20, 100)
        await self._server.start()
        height = 0 if self._chain.meta is None else self._chain.meta.height
        logger.info("at height %d; ABCI at %s", height, self._settings.abci)

    async def _stop(self) -> None:
        await self._server.stop()
        await self._snapshots.stop()
        await self._state_sync.stop()
        await self._mempool.stop()
        await self._reader.stop()
        await self._workers.stop()
        self._chain.storage.close()

    async def _submit(self, raws: Sequence[bytes]) -> Sequence[tuple[int, str, bytes]]:
        return await self._mempool.submit(raws, Source.API)

    def _fail(self, reason: Exception) -> None:
        """Stop soon; the log says why at once, since a supervisor may end us while we stop."""
        if not self._failed.done():
            logger.critical("the node cannot go on: %s", reason)
            self._failed.set_result(reason)

    def _fail_hard(self, reason: BaseException) -> None:
        """End at once: a consensus call has no true answer, so nothing may be written any more."""
        logger.critical("stopped before answering: %s", reason, exc_info=reason)
        logging.shutdown()
        os._exit(1)


def _read_retention(settings: Settings, genesis: Path) -> Retention:
    """Return how far back blocks are kept; raise GenesisFileError when genesis must say it."""
    kept_blocks = settings.pruning.kept_blocks
    if not kept_blocks:
        return Retention()
    return Retention(kept_blocks, load_genesis_file(genesis).evidence_blocks)


async def run_node(settings: Settings) -> None:
    """Run the executor of a node."""
    await Executor(settings).run()


@click.command("start")
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The node's home: CometBFT's config/ and data/, and app/ beside them.",
)
@click.option("--log-level", default="info", show_default=True, help="debug, info or warning.")
def start_command(home: Path, log_level: str) -> None:
    """Run the application of a node; start `cometbft node --home HOME` beside it.

    Both are restarted together: CometBFT ends when it loses the application.
    """
    logging.basicConfig(
        level=log_level.upper(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    start_sampling("executor")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run_node(load_settings(home)))
