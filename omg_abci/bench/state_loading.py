"""Opening a large state as the two processes of a node do, and executing blocks on it."""

import gc
import time
from pathlib import Path
from typing import Final

import psutil

from omg_abci.bench.blocks import fill_block
from omg_abci.bench.flow import ORDERS, Flow
from omg_abci.bench.owners import OWNERS, RICHES, TIME_MS, TxMaker, make_owners
from omg_abci.bench.plain_book import PlainBook
from omg_abci.node.chain import Chain
from omg_abci.node.proof_history import Fold
from omg_abci.node.reader import Reader
from omg_abci.node.storage import Storage
from omg_abci.protocol.signing import Domain
from omg_abci.rules.ordering import compute_order
from omg_abci.rules.transition import Block
from omg_abci.state import schema
from omg_abci.state.hashes import DiffEntry

_SEED: Final = 20_261_126
_BLOCKS: Final = 8
_BLOCK_ORDERS: Final = 1_000
_FOLD_KEYS: Final = 4_000
_FOLDS: Final = 8


def measure_state_load(path: str) -> dict[str, object]:
    """Load as the executor does; return seconds, memory, and what an order costs in a block."""
    begun = time.perf_counter()
    # As the node does: what is loaded is never looked through for cycles, then or later.
    gc.disable()
    storage = Storage.open(Path(path))
    chain = Chain(storage)
    domain = chain.start()
    gc.freeze()
    seconds = time.perf_counter() - begun
    memory = _read_memory()
    if domain is None or chain.meta is None:
        message = "the database holds no state"
        raise ValueError(message)
    cost = _time_blocks(chain, domain)
    storage.close()
    return {"seconds": seconds, "memory": memory, "us_per_order": cost}


def _time_blocks(chain: Chain, domain: Domain) -> float:
    """Return the µs of an order: checked, executed, hashed, stored; the median block's."""
    flow = Flow(_SEED, PlainBook(OWNERS, RICHES, RICHES))
    maker = TxMaker(make_owners(), domain, TIME_MS)
    taken = []
    state = chain.get_state()
    for number in range(_BLOCKS):
        steps = flow.take(_BLOCK_ORDERS, ORDERS)
        txs = fill_block(state, [maker.make_admitted(step.owner, (step.leg,)) for step in steps])
        height = state.height + 1
        ordered = tuple(compute_order(state.block_hash, txs))
        block = Block(height, TIME_MS + number + 1, height.to_bytes(32, "big"), ())
        gc.disable()
        begun = time.perf_counter()
        executed = chain.execute(block, ordered)
        chain.commit(executed.diff_hash, executed.diff_hash)
        taken.append((time.perf_counter() - begun) * 1e6 / len(ordered))
        gc.enable()
    return sorted(taken)[_BLOCKS // 2]


def measure_reader_load(path: str) -> dict[str, object]:
    """Load as the read process does; return seconds, memory, and µs a key of a fold."""
    begun = time.perf_counter()
    # As the read process does.
    gc.disable()
    storage = Storage.open(Path(path), read_only=True)
    meta = storage.load_meta()
    if meta is None:
        message = "the database holds no state"
        raise ValueError(message)
    reader = Reader.load_storage(storage, Domain(*meta[:3]), meta.height)
    storage.close()
    gc.freeze()
    gc.enable()
    seconds = time.perf_counter() - begun
    memory = _read_memory()
    orders = [key for key in reader.records if key[:1] == schema.ORDER]
    step = max(1, len(orders) // _FOLD_KEYS)
    taken = []
    for number in range(_FOLDS):
        keys = orders[number % step :: step][:_FOLD_KEYS]
        changes: list[DiffEntry] = [
            (key, reader.records[key][:-1] + bytes([number + 1])) for key in keys
        ]
        begun = time.perf_counter()
        reader.history.fold(Fold(number, changes))
        taken.append((time.perf_counter() - begun) * 1e6 / len(keys))
    return {"seconds": seconds, "memory": memory, "us_per_folded_key": sorted(taken)[_FOLDS // 2]}


def _read_memory() -> int:
    """Return the bytes that this process holds in memory."""
    resident: int = psutil.Process().memory_info().rss
    return resident
