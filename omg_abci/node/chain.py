"""The chain as the executor holds it: working state, database, the block being decided.

Guarantees: at most one block is applied on top of the committed state; nothing is on disk before
`commit`, which is one synced batch; a restart finds exactly the last committed block; a block is
checked before it is applied, unless it is what this node proposed, to the byte, on this very state.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from omg_abci.node.genesis_import import build_first_records
from omg_abci.node.storage import Meta, Storage
from omg_abci.protocol.codec import encode_result
from omg_abci.protocol.errors import InvariantBroken, require
from omg_abci.protocol.messages import SignedTx
from omg_abci.protocol.signing import Domain
from omg_abci.protocol.units import Hash, Height, Millis
from omg_abci.rules.transition import Block, BlockResult, apply_block, check_block
from omg_abci.state.diff import store_changes
from omg_abci.state.hashes import (
    compute_app_hash,
    compute_diff_hash,
    compute_genesis_diff_hash,
    compute_root_height,
)
from omg_abci.state.loading import load_state
from omg_abci.state.working import WorkingState

_ROOTS_KEPT: Final = 4
_UNDO_SPARE_BLOCKS: Final = 64
"""Undo records kept beyond those that a restart needs: for a snapshot whose build begins late."""
_NOT_BEGUN: Final = "the chain has not begun"


class Executed(NamedTuple):
    """A block that is applied on the committed state and not yet committed."""

    block: Block
    result: BlockResult
    data: tuple[bytes, ...]
    """The encoded result of each transaction."""
    diff_hash: Hash


class Committed(NamedTuple):
    """A block that is on disk."""

    meta: Meta
    executed: Executed


class Proposal(NamedTuple):
    """What this node proposed on the committed state."""

    height: Height
    time_ms: Millis
    raws: list[bytes]
    txs: tuple[SignedTx, ...]


class Roots:
    """Tree roots by state height; they arrive from the read process."""

    def __init__(self) -> None:
        """Know none."""
        self._roots: dict[Height, Hash] = {}
        self._waiting: dict[Height, asyncio.Future[Hash]] = {}

    def put(self, height: Height, root: Hash) -> None:
        """Note a root and wake who waits for it."""
        self._roots[height] = root
        while len(self._roots) > _ROOTS_KEPT:
            del self._roots[min(self._roots)]
        waiting = self._waiting.pop(height, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(root)

    async def get(self, height: Height) -> Hash:
        """Return the root of the state at a height, as soon as it is folded."""
        root = self._roots.get(height)
        if root is not None:
            return root
        if height not in self._waiting:
            self._waiting[height] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._waiting[height])

    def clear(self) -> None:
        """Forget everything: another genesis follows."""
        self._roots.clear()


class Chain:
    """State, storage and the candidate block of one node."""

    def __init__(self, storage: Storage) -> None:
        """Continue where the database ends; `start` loads it."""
        self.storage = storage
        self.roots = Roots()
        self.meta: Meta | None = None
        self.state: WorkingState | None = None
        self.candidate: Executed | None = None
        self._proposal: Proposal | None = None

    def start(self) -> Domain | None:
        """Load the committed state; None when no block was ever committed."""
        meta = self.storage.load_meta()
        if meta is None or meta.is_genesis:
            return None
        self.meta = meta
        self.state = load_state(meta.chain_id, self.storage.iterate_records())
        require(self.state.height == meta.height, "records and meta are of one height")
        return Domain(meta.chain_id, meta.ethereum_chain_id, meta.verifying_contract)

    def build_genesis(
        self, chain_id: str, document: Mapping[str, object]
    ) -> tuple[list[tuple[bytes, bytes]], Domain]:
        """Make the first state; raise GenesisError. `begin` then makes it the chain's."""
        records, domain = build_first_records(chain_id, document)
        self.candidate = self._proposal = None
        self.roots.clear()
        self.state = load_state(chain_id, records)
        return records, domain

    def begin(self, domain: Domain, records: Sequence[tuple[bytes, bytes]], root: Hash) -> Hash:
        """Note genesis in the database, as the height before the first; return its app hash."""
        height = self.get_state().height
        diff_hash = compute_genesis_diff_hash(records)
        app_hash = compute_app_hash(root, diff_hash)
        self.meta = Meta(*domain, height, 0, app_hash, diff_hash, root, height)
        self.storage.commit(self.meta, records, (), 0)
        return app_hash

    def replace_storage(self, open_storage: Callable[[], Storage]) -> Domain:
        """Continue from another database; `open_storage` puts it where this one was.

        Raise StorageError.
        """
        self.drop_candidate()
        self.roots.clear()
        self.storage.close()
        self.state = self.meta = self._proposal = None
        self.storage = open_storage()
        domain = self.start()
        if domain is None:
            raise InvariantBroken(_NOT_BEGUN)
        return domain

    def get_state(self) -> WorkingState:
        """Return the state; there is one after genesis or a restart."""
        if self.state is None:
            raise InvariantBroken(_NOT_BEGUN)
        return self.state

    def get_meta(self) -> Meta:
        """Return what is committed; there is something after genesis or a restart."""
        if self.meta is None:
            raise InvariantBroken(_NOT_BEGUN)
        return self.meta

    def propose(self, height: Height, time_ms: Millis, txs: Sequence[SignedTx]) -> list[bytes]:
        """Remember what was chosen for the next block by its rules; return its bytes."""
        raws = [tx.raw for tx in txs]
        if height == self.get_state().height + 1:
            self._proposal = Proposal(height, time_ms, raws, tuple(txs))
        return raws

    def find_proposed(
        self, height: Height, time_ms: Millis, raws: Sequence[bytes]
    ) -> tuple[SignedTx, ...] | None:
        """Return the transactions if this is what this node proposed on the committed state."""
        own = self._proposal
        if own is None or (own.height, own.time_ms) != (height, time_ms) or own.raws != raws:
            return None
        return own.txs

    def execute(self, block: Block, txs_checked: tuple[SignedTx, ...]) -> Executed:
        """Apply a block on the committed state; raise BlockInvalid.

        The block that is applied already, by hash, is not applied again; another one is undone.
        """
        if self.candidate is not None and self.candidate.block.block_hash == block.block_hash:
            return self.candidate
        state = self.get_state()
        self.drop_candidate()
        block = block._replace(txs=txs_checked)
        if not self._is_proposed(block):
            check_block(state, block)
        result = apply_block(state, block)
        data = tuple([encode_result(each) for each in result.results])
        diff_hash = compute_diff_hash(self.get_meta().diff_hash, result.changes.iterate_diff())
        self.candidate = Executed(block, result, data, diff_hash)
        return self.candidate

    def _is_proposed(self, block: Block) -> bool:
        """Tell whether this node chose exactly this, by the rules and state that would check it.

        Checking again what `BlockBudget` and `compute_order` made takes 8 µs a transaction.
        """
        own = self._proposal
        return (
            own is not None
            and own.txs is block.txs
            and (own.height, own.time_ms) == (block.height, block.time_ms)
        )

    def drop_candidate(self) -> None:
        """Undo the block that is applied and not committed, if there is one."""
        if self.candidate is not None:
            self.get_state().rollback()
            self.candidate = None

    async def compute_app_hash(self, executed: Executed) -> tuple[Hash, Hash]:
        """Return (app hash, tree root) after a block; wait for the root where it is not folded."""
        height = executed.block.height
        interval = self.get_state().root_interval
        root_height = compute_root_height(height, interval)
        if height % interval or root_height <= self.get_meta().first_height:
            root = self.get_meta().tree_root
        else:
            root = await self.roots.get(root_height)
        return compute_app_hash(root, executed.diff_hash), root

    def commit(self, app_hash: Hash, tree_root: Hash) -> Committed:
        """Write the applied block in one synced batch and make it the committed state."""
        executed, state = self.candidate, self.get_state()
        if executed is None:
            raise InvariantBroken("Commit without FinalizeBlock")
        changes = executed.result.changes
        meta = self.get_meta()._replace(
            height=executed.block.height,
            time_ms=executed.block.time_ms,
            app_hash=app_hash,
            diff_hash=executed.diff_hash,
            tree_root=tree_root,
        )
        undo_kept_blocks = 2 * state.root_interval + _UNDO_SPARE_BLOCKS
        self.storage.commit(meta, changes.diff, changes.undo, undo_kept_blocks)
        store_changes(state, changes)
        state.commit()
        self.meta = meta
        self.candidate = self._proposal = None
        return Committed(meta, executed)
