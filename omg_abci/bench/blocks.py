"""`block_single`, `block_batch`: executing blocks of admitted transactions up to the app hash.

Every run does the same blocks twice. *Rehearsed* they are in one process, the state tree folded in
it too: that says what each part costs. *Timed* they are as a node does them: the tree is folded in
a read process of its own, fed with the diffs over the node's channel, and the executor goes on
until an app hash needs a root (`beside.py`). Both must come to the same hashes.
Not in the figure: checking the block, signatures, RocksDB, CometBFT. Checking is measured beside.
The ceiling is what nobody can leave out: decoding those transactions and making their digests.
"""

import gc
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from omg_abci.bench.beside import Timed, execute_beside
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
from omg_abci.protocol.units import Hash
from omg_abci.rules.admission import BlockBudget
from omg_abci.rules.ordering import compute_order
from omg_abci.rules.transition import Block, apply_block, check_block
from omg_abci.state.diff import store_changes
from omg_abci.state.hashes import compute_diff_hash, compute_genesis_diff_hash
from omg_abci.state.tree import Tree
from omg_abci.state.working import WorkingState

_SEED: Final = 20_261_124
_BLOCK_MS: Final = 200


class Rehearsal:
    """Executes blocks one after another in this process, and adds up where the time goes."""

    def __init__(self, state: WorkingState, records: Sequence[tuple[bytes, bytes]]) -> None:
        """Continue a state whose records are given."""
        self.state = state
        self.cpu_seconds: defaultdict[str, float] = defaultdict(float)
        """By part, of the blocks since `clear`."""
        self.codes: Counter[int] = Counter()
        self.fills = 0
        self.changed = 0
        self.blocks: list[Block] = []
        """All that were executed."""
        self.diff_hash = compute_genesis_diff_hash(records)
        self._tree = Tree.load(records)
        self.roots: dict[int, Hash] = {0: self._tree.root}
        """By state height."""
        self._unfolded: dict[bytes, bytes | None] = {}

    def clear(self) -> None:
        """Begin to count anew."""
        self.cpu_seconds.clear()
        self.codes.clear()
        self.fills = self.changed = 0

    def execute(self, txs: Sequence[SignedTx]) -> None:
        """Execute a block of transactions that fit into one; raise BlockInvalid."""
        state = self.state
        height = state.height + 1
        ordered = tuple(compute_order(state.block_hash, txs))
        block = Block(height, TIME_MS + height * _BLOCK_MS, height.to_bytes(32, "big"), ordered)
        self.blocks.append(block)
        gc.collect()
        gc.disable()
        moments = [("", time.process_time())]
        check_block(state, block)
        moments.append(("check", time.process_time()))
        result = apply_block(state, block)
        moments.append(("rules_and_diff", time.process_time()))
        data = [encode_result(each) for each in result.results]
        moments.append(("results", time.process_time()))
        self.diff_hash = compute_diff_hash(self.diff_hash, result.changes.iterate_diff())
        moments.append(("diff_hash", time.process_time()))
        self._unfolded.update(result.changes.iterate_diff())
        if height % state.root_interval == 0:
            self.roots[height] = self._tree.fold(self._unfolded.items())
            self._unfolded.clear()
        moments.append(("tree", time.process_time()))
        store_changes(state, result.changes)
        state.commit()
        moments.append(("commit", time.process_time()))
        gc.enable()
        for (_, before), (part, after) in pairwise(moments):
            self.cpu_seconds[part] += after - before
        self.changed += len(result.changes.keys)
        for each in result.results:
            self.codes.update(leg.code for leg in each.legs)
            self.fills += sum(len(leg.fills) for leg in each.legs)
        if len(data) != len(txs):
            raise MeasurementFailed("a block answered for fewer transactions than it has")


class _Source(NamedTuple):
    """Transactions that are made as blocks need them."""

    flow: Flow
    maker: TxMaker
    legs: int

    def fill(self, state: WorkingState, txs: list[SignedTx], block_txs: int) -> list[SignedTx]:
        """Take a block's transactions out of the list, which is filled up first."""
        mix = ORDERS if self.legs == 1 else MESSAGES
        while len(txs) < block_txs:
            steps = self.flow.take(block_txs * self.legs, mix)
            txs += make_txs(self.maker, steps, self.legs)
        taken = fill_block(state, txs[:block_txs])
        del txs[: len(taken)]
        return taken


def measure_block(
    legs: int, intervals: int, warm: int, seeded: int, block_txs: int = BLOCK_TXS_MAX
) -> Measurement:
    """Return orders (one leg each) or legs a second, over so many root intervals.

    Blocks are as full as they may be, or hold `block_txs`. The timed ones begin and end with an
    interval: as many folds are done as are begun. Before them goes the interval with the seeded
    orders, and `warm` more of the same kind as the timed ones.
    """
    flow = Flow(_SEED, PlainBook(OWNERS, RICHES, RICHES))
    owners = make_owners()
    state, domain, records = make_state(owners)
    source = _Source(flow, TxMaker(owners, domain, TIME_MS), legs)
    rehearsal = Rehearsal(state, records)
    seeds = make_txs(source.maker, flow.take(seeded, RESTING), 1)
    while seeds:
        taken = fill_block(state, seeds[:BLOCK_TXS_MAX])
        rehearsal.execute(taken)
        del seeds[: len(taken)]
    interval = state.root_interval
    first = (-(-state.height // interval) + warm) * interval + 1
    waiting: list[SignedTx] = []
    while state.height + 1 < first + intervals * interval:
        if state.height + 1 == first:
            rehearsal.clear()
        rehearsal.execute(source.fill(state, waiting, block_txs))
    timed = execute_beside(domain, records, rehearsal.blocks, first)
    return judge_blocks(domain, rehearsal, timed, first)


def judge_blocks(domain: Domain, rehearsal: Rehearsal, timed: Timed, first: int) -> Measurement:
    """Return the measurement; raise MeasurementFailed when the two ways differ."""
    folded = {height: rehearsal.roots[height] for height in timed.roots}
    if (timed.diff_hash, timed.roots) != (rehearsal.diff_hash, folded):
        raise MeasurementFailed("the two processes came to another state than the one")
    done = sum(rehearsal.codes.values())
    if rehearsal.codes[0] * 2 < done:
        raise MeasurementFailed(f"refused legs by code: {dict(rehearsal.codes)}")
    blocks = [block for block in rehearsal.blocks if block.height >= first]
    txs = [tx for block in blocks for tx in block.txs]
    parts = {part: used * 1e6 / done for part, used in rehearsal.cpu_seconds.items()}
    cpu_us = timed.executor_cpu_seconds * 1e6 / done
    return Measurement(
        done / timed.seconds,
        done / _time_decoding(domain, txs),
        {
            "legs": done,
            "transactions": len(txs),
            "blocks": len(blocks),
            "folds": timed.folds,
            "transactions_per_block": len(txs) / len(blocks),
            "bytes_per_transaction": sum(len(tx.raw) for tx in txs) / len(txs),
            "fills_per_leg": rehearsal.fills / done,
            "refused_legs": done - rehearsal.codes[0],
            "changed_records_per_leg": rehearsal.changed / done,
            "us_per_leg": parts,
            "us_per_leg_timed": {
                part: seconds * 1e6 / done for part, seconds in timed.parts.items()
            },
            "cpu_us_per_leg": {
                "executor": cpu_us,
                "reader": timed.reader_cpu_seconds * 1e6 / done,
            },
        },
        cpu_us,
    )


def make_txs(maker: TxMaker, steps: Sequence[Step], legs: int) -> list[SignedTx]:
    """Return admitted transactions of so many steps each."""
    return [maker.make_admitted(*group) for group in group_steps(steps, legs)]


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
