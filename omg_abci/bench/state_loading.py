"""A large state in the two processes of a node: loading it, and blocks on top of it.

The executor's half loads, executes blocks of new orders and leaves their diffs in a file; the read
process's half loads the same database beside it, follows those diffs and folds each root interval.
Costs are processor time, of which other programs take less than of the wall clock's.
"""

import gc
import marshal
import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, Final

import psutil

from omg_abci.bench.blocks import fill_block, make_txs
from omg_abci.bench.errors import MeasurementFailed
from omg_abci.bench.flow import ORDERS, Flow
from omg_abci.bench.owners import OWNERS, RICHES, TIME_MS, TxMaker, make_owners
from omg_abci.bench.plain_book import PlainBook
from omg_abci.node.chain import Chain
from omg_abci.node.proof_history import Head
from omg_abci.node.reader import Reader
from omg_abci.node.storage import Storage
from omg_abci.protocol.codec import encode_result
from omg_abci.protocol.messages import SignedTx
from omg_abci.protocol.signing import Domain
from omg_abci.rules.ordering import compute_order
from omg_abci.rules.transition import Block, apply_block, check_block
from omg_abci.state.diff import store_changes
from omg_abci.state.hashes import DiffEntry, compute_app_hash, compute_diff_hash

_SEED: Final = 20_261_126
_UNDO_KEPT: Final = 72
"""Blocks, as a node keeps at a root interval of four."""
_WARM_BLOCKS: Final = 3
"""Not counted; with the block that is there, a root interval."""
_OTHER_SECONDS_MAX: Final = 600.0

_Diffs = list[tuple[DiffEntry, ...]]


def measure_state_load(path: str, blocks: int, block_txs: int) -> dict[str, object]:
    """Load as the executor does; return seconds, memory, and what an order costs by part.

    The diffs of the blocks are left beside the database, for `measure_reader_load`.
    """
    begun = time.perf_counter()
    storage = Storage.open(Path(path))
    _leave(Path(f"{path}.opened"), [])
    chain = Chain(storage)
    gc.disable()
    domain = chain.start()
    # As the node does before it serves: what was loaded is never looked through for cycles again.
    gc.freeze()
    gc.enable()
    seconds = time.perf_counter() - begun
    memory = _read_memory()
    if domain is None:
        raise MeasurementFailed("the database holds no state")
    # The read process must not open the database in the middle of the blocks.
    _await(Path(f"{path}.loaded"))
    run = _Run(chain)
    flow = Flow(_SEED, PlainBook(OWNERS, RICHES, RICHES))
    maker = TxMaker(make_owners(), domain, TIME_MS)
    for _ in range(_WARM_BLOCKS + blocks):
        run.execute(make_txs(maker, flow.take(block_txs, ORDERS), 1))
    _leave(Path(f"{path}.diffs"), run.diffs)
    storage.close()
    parts = {
        part: median(used[_WARM_BLOCKS:]) * 1e6 / block_txs for part, used in run.seconds.items()
    }
    return {"seconds": seconds, "memory": memory, "us_per_order": parts}


class _Run:
    """Blocks on a loaded chain, as the executor does them, timed by part."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)
        """Part to the processor time of each block."""
        self.diffs: _Diffs = []

    def execute(self, made: Sequence[SignedTx]) -> None:
        """Check, execute, hash, store and commit a block of all the transactions."""
        state, meta = self._chain.get_state(), self._chain.get_meta()
        height, time_ms = state.height + 1, state.time_ms + 1
        txs = fill_block(state, made)
        if len(txs) != len(made):
            raise MeasurementFailed(f"{len(txs)} of {len(made)} transactions fit into a block")
        ordered = tuple(compute_order(state.block_hash, txs))
        block = Block(height, time_ms, height.to_bytes(32, "big"), ordered)
        gc.disable()
        moments = [("", time.process_time())]
        check_block(state, block)
        moments.append(("check", time.process_time()))
        result = apply_block(state, block)
        for each in result.results:
            encode_result(each)
        moments.append(("execute", time.process_time()))
        diff, undo = result.changes.diff, result.changes.undo
        diff_hash = compute_diff_hash(meta.diff_hash, diff)
        app_hash = compute_app_hash(meta.tree_root, diff_hash)
        moments.append(("hash", time.process_time()))
        self._chain.meta = meta._replace(
            height=height, time_ms=time_ms, app_hash=app_hash, diff_hash=diff_hash
        )
        self._chain.storage.commit(self._chain.meta, diff, undo, _UNDO_KEPT)
        moments.append(("store", time.process_time()))
        store_changes(state, result.changes)
        state.commit()
        moments.append(("commit", time.process_time()))
        gc.enable()
        for (_, before), (part, after) in pairwise(moments):
            self.seconds[part].append(after - before)
        self.diffs.append(diff)


def measure_reader_load(path: str, block_txs: int) -> dict[str, object]:
    """Load as the read process does; return seconds, memory, and what an order and a key cost."""
    # A node's executor has opened the database before its read process is told to load it.
    _await(Path(f"{path}.opened"))
    begun = time.perf_counter()
    storage = Storage.open(Path(path), read_only=True)
    meta = storage.load_meta()
    if meta is None:
        raise MeasurementFailed("the database holds no state")
    gc.disable()
    reader = Reader.load_storage(storage, Domain(*meta[:3]), meta.height)
    gc.freeze()
    gc.enable()
    storage.close()
    seconds = time.perf_counter() - begun
    memory = _read_memory()
    _leave(Path(f"{path}.loaded"), [])
    parts, us_per_key = _follow(reader, _await(Path(f"{path}.diffs")), block_txs)
    return {
        "seconds": seconds,
        "memory": memory,
        "us_per_order": parts,
        "us_per_folded_key": us_per_key,
    }


def _follow(reader: Reader, diffs: _Diffs, block_txs: int) -> tuple[dict[str, float], float]:
    """Follow the blocks and fold; return the µs of an order by part, and of a folded key."""
    roots = reader.history.get_roots()
    views: list[float] = []
    folds: list[float] = []
    per_key: list[float] = []
    interval = reader.block.root_interval
    for diff in diffs:
        height = reader.block.height + 1
        wanted = max(0, height // interval - 1) * interval
        head = Head(bytes(32), bytes(32), dict(roots)[wanted])
        begun = time.process_time()
        fold = reader.apply_block(height, head, diff)
        views.append(time.process_time() - begun)
        if fold is None:
            continue
        begun = time.process_time()
        root = reader.history.fold(fold)
        reader.history.add_fold(fold.state_height, root)
        used = time.process_time() - begun
        folds.append(used / interval)
        per_key.append(used * 1e6 / len(fold.changes))
        roots = reader.history.get_roots()
    counted = slice(1, None)
    return {
        "view": median(views[_WARM_BLOCKS:]) * 1e6 / block_txs,
        "tree": median(folds[counted]) * 1e6 / block_txs,
    }, median(per_key[counted])


def _leave(place: Path, diffs: _Diffs) -> None:
    passing = place.with_name(f"{place.name}.part")
    passing.write_bytes(marshal.dumps(diffs))
    passing.replace(place)


def _await(place: Path) -> _Diffs:
    """Return what the other half leaves in a file; raise MeasurementFailed."""
    begun = time.monotonic()
    while not place.exists():
        if time.monotonic() - begun > _OTHER_SECONDS_MAX:
            raise MeasurementFailed("the other half did not get so far")
        time.sleep(0.05)
    diffs: Any = marshal.loads(place.read_bytes())  # noqa: S302 - the bench's own file
    return list(diffs)


def _read_memory() -> int:
    """Return the bytes that this process holds in memory."""
    resident: int = psutil.Process().memory_info().rss
    return resident
