"""`block_single`, `block_batch`: executing blocks of admitted transactions up to the app hash.

Timed are the rules, the diff and its hash, the encoded results, the app hash and the commit of
the state in memory, and every root interval the fold of the state tree over what changed since.
Not in it, and measured beside it: checking the block, which also every validator does once.
The ceiling is what nobody can leave out: decoding those transactions and making their digests.
"""

import gc
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from omg_abci.bench.errors import MeasurementFailed
from omg_abci.bench.figures import Measurement
from omg_abci.bench.flow import MESSAGES, ORDERS, RESTING, Flow, Step
from omg_abci.bench.owners import (
    OWNERS,
    RICHES,
    TIME_MS,
    TxMaker,
    group_steps,
    make_owners,
    make_state,
)
from omg_abci.bench.plain_book import PlainBook
from omg_abci.protocol.codec import encode_result
from omg_abci.protocol.errors import BlockFull
from omg_abci.protocol.limits import BLOCK_BYTES_MAX, BLOCK_TXS_MAX
from omg_abci.protocol.messages import SignedTx
from omg_abci.protocol.signing import Domain
from omg_abci.protocol.tx import Verifier
from omg_abci.rules.admission import BlockBudget
from omg_abci.rules.ordering import compute_order
from omg_abci.rules.transition import Block, apply_block, check_block
from omg_abci.state.diff import store_changes
from omg_abci.state.hashes import compute_app_hash, compute_diff_hash, compute_genesis_diff_hash
from omg_abci.state.tree import Tree
from omg_abci.state.working import WorkingState

_SEED: Final = 20_261_124
_BLOCK_MS: Final = 200


class Executor:
    """Executes blocks one after another, and adds up where the time goes."""

    def __init__(self, state: WorkingState, records: Sequence[tuple[bytes, bytes]]) -> None:
        """Continue a state whose records are given."""
        self.state = state
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.cpu_seconds = 0.0
        """The processor's part of what the figure counts."""
        self.codes: Counter[int] = Counter()
        self.fills = 0
        self.changed = 0
        self._tree = Tree.load(records)
        self._diff_hash = compute_genesis_diff_hash(records)
        self._unfolded: dict[bytes, bytes | None] = {}

    @property
    def total_seconds(self) -> float:
        """What the figure counts."""
        return sum(seconds for part, seconds in self.seconds.items() if part != "check")

    def clear(self) -> None:
        """Begin to count anew."""
        self.seconds.clear()
        self.cpu_seconds = 0.0
        self.codes.clear()
        self.fills = self.changed = 0

    def finish(self) -> None:
        """Fold what is not folded yet, so that no block's share of the tree is left out."""
        begun, cpu_begun = time.perf_counter(), time.process_time()
        self._tree.fold(self._unfolded.items())
        self._unfolded.clear()
        self.cpu_seconds += time.process_time() - cpu_begun
        self.seconds["tree"] += time.perf_counter() - begun

    def execute(self, txs: Sequence[SignedTx]) -> None:
        """Execute a block of transactions that fit into one; raise BlockInvalid."""
        state = self.state
        height = state.height + 1
        ordered = tuple(compute_order(state.block_hash, txs))
        block = Block(height, TIME_MS + height * _BLOCK_MS, height.to_bytes(32, "big"), ordered)
        gc.collect()
        gc.disable()
        moments = [("", time.perf_counter())]
        check_block(state, block)
        moments.append(("check", time.perf_counter()))
        cpu_begun = time.process_time()
        result = apply_block(state, block)
        moments.append(("rules_and_diff", time.perf_counter()))
        data = [encode_result(each) for each in result.results]
        moments.append(("results", time.perf_counter()))
        self._diff_hash = compute_diff_hash(self._diff_hash, result.changes.diff)
        moments.append(("diff_hash", time.perf_counter()))
        self._unfolded.update(result.changes.diff)
        if height % state.root_interval == 0:
            self._tree.fold(self._unfolded.items())
            self._unfolded.clear()
        moments.append(("tree", time.perf_counter()))
        compute_app_hash(self._tree.root, self._diff_hash)
        store_changes(state, result.changes)
        state.commit()
        moments.append(("commit", time.perf_counter()))
        self.cpu_seconds += time.process_time() - cpu_begun
        gc.enable()
        for (_, before), (part, after) in pairwise(moments):
            self.seconds[part] += after - before
        self.changed += len(result.changes.diff)
        for each in result.results:
            self.codes.update(leg.code for leg in each.legs)
            self.fills += sum(len(leg.fills) for leg in each.legs)
        if len(data) != len(txs):
            raise MeasurementFailed("a block answered for fewer transactions than it has")


def measure_block(legs: int, count: int, seeded: int) -> Measurement:
    """Return orders (one leg each) or legs a second, of about `count` of them."""
    mix = ORDERS if legs == 1 else MESSAGES
    flow = Flow(_SEED, PlainBook(OWNERS, RICHES, RICHES))
    owners = make_owners()
    state, domain, records = make_state(owners)
    maker = TxMaker(owners, domain, TIME_MS)
    executor = Executor(state, records)
    _execute_all(executor, _make_txs(maker, flow.take(seeded, RESTING), 1))
    executor.clear()
    txs = _make_txs(maker, flow.take(count, mix), legs)
    sizes = _execute_all(executor, txs)
    done = sum(executor.codes.values())
    seconds = executor.total_seconds
    if executor.codes[0] * 2 < done:
        raise MeasurementFailed(f"refused legs by code: {dict(executor.codes)}")
    return Measurement(
        done / seconds,
        done / _time_decoding(domain, txs),
        {
            "legs": done,
            "transactions": len(txs),
            "transactions_per_block": sizes[0],
            "bytes_per_transaction": sum(len(tx.raw) for tx in txs) / len(txs),
            "fills_per_leg": executor.fills / done,
            "refused_legs": done - executor.codes[0],
            "changed_records_per_leg": executor.changed / done,
            "cpu_us_per_leg": executor.cpu_seconds * 1e6 / done,
            "us_per_leg": {part: each * 1e6 / done for part, each in executor.seconds.items()},
        },
    )


def _make_txs(maker: TxMaker, steps: Sequence[Step], legs: int) -> list[SignedTx]:
    return [maker.make_admitted(*group) for group in group_steps(steps, legs)]


def _execute_all(executor: Executor, txs: Sequence[SignedTx]) -> list[int]:
    """Execute the transactions in blocks as full as they may be; return the blocks' sizes."""
    sizes, place = [], 0
    while place < len(txs):
        taken = fill_block(executor.state, txs[place : place + BLOCK_TXS_MAX])
        executor.execute(taken)
        sizes.append(len(taken))
        place += len(taken)
    executor.finish()
    return sizes


def fill_block(state: WorkingState, txs: Sequence[SignedTx]) -> list[SignedTx]:
    """Return the first transactions, as many as fit into the next block."""
    height = state.height + 1
    budget = BlockBudget(state, height, TIME_MS + height * _BLOCK_MS, BLOCK_BYTES_MAX)
    for tx in txs:
        try:
            budget.add(tx)
        except BlockFull:
            break
    return budget.txs


def _time_decoding(domain: Domain, txs: Sequence[SignedTx]) -> float:
    """Return the seconds for the transactions' form: decoding, canonical check, digest."""
    decode = Verifier(domain).decode_tx
    gc.collect()
    gc.disable()
    begun = time.perf_counter()
    for tx in txs:
        decode(tx.raw)
    seconds = time.perf_counter() - begun
    gc.enable()
    return seconds
