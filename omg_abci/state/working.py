"""The state as the rules see it: live objects, changed in place, with an undo journal.

A block is applied to the one state and then committed or rolled back. Every write leaves its
inverse in the journal, so `rollback` (of a block that was not decided) and `rollback_to` (of an
atomic transaction that failed) restore exactly what was.
"""

from omg_abci.protocol.errors import require
from omg_abci.protocol.results import Event
from omg_abci.protocol.units import Amount, Hash, Height, Millis
from omg_abci.state.account_writes import AccountWrites
from omg_abci.state.endings import Endings
from omg_abci.state.fee_writes import FeeWrites
from omg_abci.state.market_writes import MarketWrites
from omg_abci.state.order_writes import OrderWrites
from omg_abci.state.record_writes import RecordWrites


class WorkingState(OrderWrites, Endings, MarketWrites, AccountWrites, RecordWrites, FeeWrites):
    """Everything the chain remembers, and all writes to it.

    `loading.load_state` makes one from records.
    """

    __slots__ = ()

    def begin_block(self, height: Height, time_ms: Millis, block_hash: Hash) -> None:
        """Open a block on top of the committed state."""
        require(not self._journal, "a block begins on a committed state")
        self.mark += 1
        self._journal.append(
            (self._restore_block, self.height, self.time_ms, self.block_hash, self.fee_pool)
        )
        self.previous_time_ms = self.time_ms
        self.height = height
        self.time_ms = time_ms
        self.block_hash = block_hash
        self.next_priority = height << 24
        self.may_hold_dead = self._has_due()
        self.mass_steps = 0
        self.grants_pending = {}
        self.offer_terms = {}
        self.events = []

    def commit(self) -> None:
        """Keep what was written since `begin_block`; `diff.store_changes` has noted it."""
        self._journal.clear()
        self._drop_removed()
        self.clear_dirty()
        self._drop_passed_over()

    def rollback(self) -> None:
        """Undo everything since `begin_block`; nothing happens when no block is open."""
        self.rollback_to(0)
        self.clear_dirty()

    def add_fee(self, amount: Amount) -> None:
        """Add to the fee pool; the block's own undo entry restores it."""
        self.fee_pool += amount

    def add_event(self, event: Event) -> None:
        """Tell what the block did outside of its transactions."""
        self._journal.append((self.events.pop,))
        self.events.append(event)

    def _restore_block(
        self, height: Height, time_ms: Millis, block_hash: Hash, fee_pool: Amount
    ) -> None:
        self.height = height
        self.time_ms = time_ms
        self.block_hash = block_hash
        self.fee_pool = fee_pool
