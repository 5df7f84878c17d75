"""Blocks executed as a node executes them: the state tree is folded in a process beside.

The read process is the node's own, fed over the node's own channel with the diff of each block, and
with nothing else: no transactions and no events, which belong to the node API. The executor goes on
at once and waits where the app hash of a block needs a root that is not there yet. The clock runs
without a pause from the first timed block to the last, waiting and sending included.
"""

import asyncio
import gc
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from omg_abci.bench.errors import MeasurementFailed
from omg_abci.node.chain import Committed, Executed, Roots
from omg_abci.node.reader_link import ReaderLink
from omg_abci.node.storage import Meta
from omg_abci.protocol.codec import encode_result
from omg_abci.protocol.signing import Domain
from omg_abci.protocol.units import Hash, Height
from omg_abci.rules.transition import Block, apply_block
from omg_abci.state.diff import store_changes
from omg_abci.state.hashes import (
    compute_app_hash,
    compute_diff_hash,
    compute_genesis_diff_hash,
    compute_root_height,
)
from omg_abci.state.loading import load_state

_WAIT_SECONDS_MAX: Final = 120.0


class Timed(NamedTuple):
    """What the timed blocks took."""

    seconds: float
    """Of the wall clock, from the first to the last."""
    parts: dict[str, float]
    """The same, by what the executor did or waited for."""
    executor_cpu_seconds: float
    reader_cpu_seconds: float
    folds: int
    """Roots that a timed block's app hash holds."""
    roots: dict[Height, Hash]
    """All that came, by state height, but for the last interval's."""
    diff_hash: Hash
    """After the last block."""


class _Link(ReaderLink):
    """The executor's end of the channel, whose queue can be waited for."""

    async def drain(self) -> None:
        """Wait until what was sent is nearly written."""
        if self._child is not None:
            await self._child.channel.drain()

    def read_cpu_seconds(self) -> float:
        """Return the processor time that the read process has used."""
        if self._child is None:
            return 0.0
        times = psutil.Process(self._child.process.pid).cpu_times()
        return times.user + times.system


class _Clock:
    """Adds up the wall clock by part."""

    def __init__(self) -> None:
        self.parts: defaultdict[str, float] = defaultdict(float)
        self._last = time.perf_counter()

    def note(self, part: str) -> None:
        """Give the time since the last note to a part."""
        now = time.perf_counter()
        self.parts[part] += now - self._last
        self._last = now


def execute_beside(
    domain: Domain, records: Sequence[tuple[bytes, bytes]], blocks: Sequence[Block], first: Height
) -> Timed:
    """Execute valid blocks on a genesis state; timed are those from the height `first` on.

    Raise MeasurementFailed when the read process ends or is not heard of.
    """
    with tempfile.TemporaryDirectory(prefix="omg-bench-blocks-") as folder:
        work = _execute_all(Path(folder), domain, records, blocks, first)
        try:
            return asyncio.run(work)
        except TimeoutError as reason:
            raise MeasurementFailed("the read process did not answer in time") from reason


async def _execute_all(
    folder: Path,
    domain: Domain,
    records: Sequence[tuple[bytes, bytes]],
    blocks: Sequence[Block],
    first: Height,
) -> Timed:
    async def refuse(raws: Sequence[bytes]) -> list[tuple[int, str, bytes]]:
        raise MeasurementFailed(f"{len(raws)} transactions came from nowhere")

    failures: list[Exception] = []
    roots = Roots()
    link = _Link(f"unix:{folder / 'api.sock'}", roots, refuse, failures.append)
    await link.start()
    try:
        link.send_genesis(domain, records)
        async with asyncio.timeout(_WAIT_SECONDS_MAX):
            root = await roots.get(0)
        executor = _Executor(link, roots, domain, records, root)
        gc.collect()
        gc.freeze()
        gc.disable()
        cpu_begun = reader_begun = 0.0
        for block in blocks:
            if block.height == first:
                cpu_begun, reader_begun = time.process_time(), link.read_cpu_seconds()
                executor.clear()
            await executor.execute(block)
        cpu_seconds = time.process_time() - cpu_begun
        reader_seconds = link.read_cpu_seconds() - reader_begun
    finally:
        gc.enable()
        gc.unfreeze()
        await link.stop()
    if failures:
        raise MeasurementFailed(f"{failures[0]}")
    parts = dict(executor.clock.parts)
    return Timed(
        sum(parts.values()),
        parts,
        cpu_seconds,
        reader_seconds,
        executor.folds,
        executor.found,
        executor.meta.diff_hash,
    )


class _Executor:
    """Executes blocks on genesis and sends their diffs."""

    def __init__(
        self,
        link: _Link,
        roots: Roots,
        domain: Domain,
        records: Sequence[tuple[bytes, bytes]],
        root: Hash,
    ) -> None:
        self._link = link
        self._roots = roots
        self._state = load_state(domain.chain_id, records)
        self.meta = Meta(*domain, 0, 0, bytes(32), compute_genesis_diff_hash(records), root)
        self.found = {0: root}
        self.clear()

    def clear(self) -> None:
        """Begin to count anew."""
        self.clock = _Clock()
        self.folds = 0

    async def execute(self, block: Block) -> None:
        """Do what a node does between the decision and the next block, but for the disk."""
        state, clock = self._state, self.clock
        result = apply_block(state, block)
        clock.note("rules_and_diff")
        for each in result.results:
            encode_result(each)
        clock.note("results")
        diff_hash = compute_diff_hash(self.meta.diff_hash, result.changes.iterate_diff())
        clock.note("diff_hash")
        root = self.meta.tree_root
        wanted = compute_root_height(block.height, state.root_interval)
        if block.height % state.root_interval == 0 and wanted > 0:
            async with asyncio.timeout(_WAIT_SECONDS_MAX):
                root = self.found[wanted] = await self._roots.get(wanted)
            self.folds += 1
        app_hash = compute_app_hash(root, diff_hash)
        clock.note("waiting_for_root")
        store_changes(state, result.changes)
        state.commit()
        clock.note("commit")
        self.meta = self.meta._replace(
            height=block.height,
            time_ms=block.time_ms,
            app_hash=app_hash,
            diff_hash=diff_hash,
            tree_root=root,
        )
        bare = result._replace(results=(), events=())
        executed = Executed(block._replace(txs=()), bare, (), diff_hash)
        self._link.send_block(Committed(self.meta, executed))
        await self._link.drain()
        clock.note("sending")
