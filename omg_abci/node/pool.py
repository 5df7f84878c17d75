"""The pending transactions, and who may have how many.

A plain data structure: no rules, no disk, no clock. Guarantees: the bounds hold after each call;
an acknowledged transaction leaves only by `remove`, never for want of room; `rotation`
holds exactly the owners with something to propose, those served the longest time ago first; what
waits for a transaction that is not here (`after`) is kept apart and never offered.
"""

import heapq
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Final, NamedTuple, TypeAlias

from omg_abci.node.deadlines import Deadlines, has_expired
from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import SignedTx
from omg_abci.protocol.units import Address, Amount, Height, Millis, Nonce

Key: TypeAlias = tuple[Address, Nonce]
"""Signer and nonce: no block holds two of them, so the pool does not either."""

_ROOM_FRACTION: Final = 64
"""Making room frees this part of the pool, so that it is done once in many admissions."""


class PoolBounds(NamedTuple):
    """How much may be pending."""

    txs_max: int
    bytes_max: int
    owner_txs_max: int
    owner_bytes_max: int
    orphans_owner_max: int
    """Transactions of one owner that wait for one that is not in the pool."""
    orphan_bytes_max: int
    """The same for all owners together."""


def compute_bounds(txs_max: int, bytes_max: int, owner_txs_max: int) -> PoolBounds:
    """Return the bounds that follow from those that an operator sets.

    Nobody gets more than a sixteenth of the bytes; what waits, which costs its owner nothing as
    long as it waits, gets a quarter of an owner's number and an eighth of the bytes.
    """
    owner_bytes_max = max(bytes_max // 16, limits.TX_BYTES_MAX)
    return PoolBounds(
        txs_max, bytes_max, owner_txs_max, owner_bytes_max, owner_txs_max // 4, bytes_max // 8
    )


class Place(Enum):
    """Where in the pool a transaction is."""

    READY = 0
    ORPHAN = 1
    """Waits for a transaction that is not ready here."""
    PARKED = 2
    """Acknowledged, but the state refuses it for now."""
    GONE = 3


class Entry:
    """A pending transaction."""

    __slots__ = ("acknowledged", "fee", "key", "owner", "place", "queued", "tx", "waiting")

    def __init__(
        self, tx: SignedTx, fee: int = 0, *, acknowledged: bool = False, waiting: bool = False
    ) -> None:
        """Take a verified transaction and the most that it can cost."""
        self.tx = tx
        self.key: Key = (tx.signer, tx.body.nonce)
        self.fee = fee
        self.acknowledged = acknowledged
        self.waiting = waiting
        """Its `after` was not executed when last looked at."""
        self.queued = False
        """It stands in the queue of what is handed out to peers."""
        self.owner: OwnerQueue
        """Set by the pool."""
        self.place = Place.GONE


class OwnerQueue:
    """What one owner has pending."""

    __slots__ = ("address", "bytes", "count", "droppable", "fees", "orphans", "ready")

    def __init__(self, address: Address) -> None:
        self.address = address
        self.bytes = 0
        self.count = 0
        self.fees = 0
        """The most that all of them can cost."""
        self.orphans = 0
        self.ready: dict[Address, list[tuple[Nonce, Entry]]] = {}
        """Signer to what can be proposed, by nonce."""
        self.droppable: dict[Key, Entry] = {}
        """Not acknowledged, oldest first."""


class Pool:
    """Pending transactions within bounds."""

    def __init__(self, bounds: PoolBounds) -> None:
        """Make an empty pool."""
        self.bounds = bounds
        self.bytes = 0
        self.orphan_bytes = 0
        self.rotation: dict[Address, OwnerQueue] = {}
        self._entries: dict[Key, Entry] = {}
        self._by_raw: dict[bytes, SignedTx] = {}
        self.find_raw: Callable[[bytes], SignedTx | None] = self._by_raw.get
        """Returns the transaction with these bytes: the lookup itself, asked twice for each."""
        self._owners: dict[Address, OwnerQueue] = {}
        self._children: dict[Key, list[Entry]] = {}
        """What waits for a nonce of its own signer."""
        self._deadlines = Deadlines()
        self._no_room_from: int | None = None
        """An owner with at least so many bytes found no room since the pool last shrank."""

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[SignedTx]:
        return (entry.tx for entry in self._entries.values())

    def iterate_entries(self) -> Iterator[Entry]:
        """Yield everything that is pending, oldest first."""
        return iter(self._entries.values())

    def find(self, key: Key) -> Entry | None:
        """Return the transaction of a signer and nonce."""
        return self._entries.get(key)

    def get_fees(self, owner: Address) -> int:
        """Return the most that everything of an owner can cost."""
        queue = self._owners.get(owner)
        return 0 if queue is None else queue.fees

    def list_signers(self, owner: Address) -> list[Address]:
        """Return who signed what the owner has ready."""
        queue = self._owners.get(owner)
        return [] if queue is None else list(queue.ready)

    def find_lowest(self, owner: Address, signer: Address) -> Entry | None:
        """Return the ready transaction of an owner and signer with the lowest nonce."""
        queue = self._owners.get(owner)
        ready = None if queue is None else queue.ready.get(signer)
        return ready[0][1] if ready else None

    # --- in ---

    def add(
        self, entry: Entry, funds: Amount | None = None, *, within_bounds: bool = True
    ) -> list[Entry]:
        """Take a transaction whose key is not there; return what had to leave for it.

        Raise FeesNotCovered when all that its owner has pending can cost more than these funds,
        AccountPoolFull, AfterNotExecuted (for want of room to wait), PoolFull.
        """
        tx, key = entry.tx, entry.key
        raw, body = tx.raw, tx.body
        size, address = len(raw), body.owner
        owner = self._owners.get(address) or OwnerQueue(address)
        if funds is not None and owner.fees + entry.fee > funds:
            raise errors.FeesNotCovered
        orphan = entry.waiting and self._find_ready_parent(entry) is None
        dropped: list[Entry] = []
        if within_bounds:
            bounds = self.bounds
            if owner.count >= bounds.owner_txs_max or owner.bytes + size > bounds.owner_bytes_max:
                raise errors.AccountPoolFull
            if orphan:
                self._require_orphan_room(owner, entry)
            if len(self._entries) >= bounds.txs_max or self.bytes + size > bounds.bytes_max:
                dropped = self._make_room(owner, size)
        entry.owner = self._owners[address] = owner
        self._entries[key] = entry
        self._by_raw[raw] = tx
        owner.count += 1
        owner.bytes += size
        owner.fees += entry.fee
        self.bytes += size
        if not entry.acknowledged:
            owner.droppable[key] = entry
        if entry.waiting:
            self._children.setdefault((key[0], body.after), []).append(entry)
        self._deadlines.add(tx, self)
        if orphan:
            self._set_orphan(entry)
        else:
            self._set_ready(entry)
        return dropped

    def acknowledge(self, entry: Entry) -> None:
        """Promise that the entry will not be dropped for want of room."""
        entry.acknowledged = True
        entry.owner.droppable.pop(entry.key, None)

    # --- out ---

    def remove(self, entry: Entry, *, executed: bool = False) -> None:
        """Take an entry out; what waits for it becomes ready if it was executed, else waits on."""
        key, owner, raw = entry.key, entry.owner, entry.tx.raw
        self._leave_place(entry)
        entry.place = Place.GONE
        del self._entries[key]
        del self._by_raw[raw]
        owner.count -= 1
        owner.bytes -= len(raw)
        owner.fees -= entry.fee
        if not entry.acknowledged:
            del owner.droppable[key]
        if not owner.count:
            del self._owners[owner.address]
        self.bytes -= len(raw)
        self._no_room_from = None
        if entry.waiting:
            self._forget_child(entry)
        if executed:
            self.mark_executed(key)
        else:
            self._orphan_children(entry)

    def mark_executed(self, key: Key) -> None:
        """Let go what waits for this nonce of this signer."""
        if not self._children:
            return
        for child in self._children.pop(key, ()):
            child.waiting = False
            if child.place is Place.ORPHAN:
                self._leave_place(child)
                self._set_ready(child)

    def park(self, entry: Entry) -> None:
        """Keep an entry without offering it."""
        self._leave_place(entry)
        entry.place = Place.PARKED
        self._orphan_children(entry)

    def unpark(self, entry: Entry, *, waiting: bool) -> None:
        """Offer a parked entry again, or let it wait for its `after`."""
        if waiting and not entry.waiting:
            self._children.setdefault((entry.key[0], entry.tx.body.after), []).append(entry)
        elif entry.waiting and not waiting:
            self._forget_child(entry)
        entry.waiting = waiting
        if waiting and self._find_ready_parent(entry) is None:
            self._set_orphan(entry)
        else:
            self._set_ready(entry)

    def pop_expired(self, height: Height, time_ms: Millis) -> list[Entry]:
        """Remove and return what no block after this height and time can hold."""
        expired: list[Entry] = []
        for key in self._deadlines.pop(height, time_ms):
            # The key may meanwhile belong to another transaction.
            entry = self._entries.get(key)
            if entry is not None and has_expired(entry.tx, height, time_ms):
                self.remove(entry)
                expired.append(entry)
        return expired

    def serve(self, owner: Address) -> None:
        """Put an owner that a block served behind all others."""
        queue = self.rotation.pop(owner, None)
        if queue is not None:
            self.rotation[owner] = queue

    # --- places ---

    def _set_ready(self, entry: Entry) -> None:
        """Make an entry and what waits for it ready."""
        stack = [entry]
        while stack:
            each = stack.pop()
            each.place = Place.READY
            owner = each.owner
            signer, nonce = key = each.key
            ready = owner.ready.get(signer)
            if ready is None:
                owner.ready[signer] = [(nonce, each)]
                self.rotation.setdefault(owner.address, owner)
            elif ready[-1][0] < nonce:
                ready.append((nonce, each))
            else:
                insort(ready, (nonce, each))
            if not self._children:
                return
            for child in self._children.get(key, ()):
                if child.place is Place.ORPHAN and child.owner is owner:
                    self._leave_place(child)
                    stack.append(child)

    def _set_orphan(self, entry: Entry) -> None:
        entry.place = Place.ORPHAN
        entry.owner.orphans += 1
        self.orphan_bytes += len(entry.tx.raw)

    def _leave_place(self, entry: Entry) -> None:
        owner = entry.owner
        if entry.place is Place.READY:
            signer, nonce = entry.key
            ready = owner.ready[signer]
            # Most that leave were executed, and those are the lowest.
            del ready[0 if ready[0][0] == nonce else bisect_left(ready, (nonce,))]
            if not ready:
                del owner.ready[signer]
                if not owner.ready:
                    del self.rotation[owner.address]
        elif entry.place is Place.ORPHAN:
            owner.orphans -= 1
            self.orphan_bytes -= len(entry.tx.raw)

    def _orphan_children(self, entry: Entry) -> None:
        stack = [entry]
        while stack:
            for child in self._children.get(stack.pop().key, ()):
                if child.place is Place.READY:
                    self._leave_place(child)
                    self._set_orphan(child)
                    stack.append(child)

    def _forget_child(self, entry: Entry) -> None:
        key = (entry.tx.signer, entry.tx.body.after)
        siblings = self._children[key]
        siblings.remove(entry)
        if not siblings:
            del self._children[key]

    def _find_ready_parent(self, entry: Entry) -> Entry | None:
        parent = self._entries.get((entry.tx.signer, entry.tx.body.after))
        if parent is None or parent.place is not Place.READY:
            return None
        return parent if parent.tx.body.owner == entry.tx.body.owner else None

    # --- bounds ---

    def _require_orphan_room(self, owner: OwnerQueue, entry: Entry) -> None:
        bounds = self.bounds
        if (
            owner.orphans >= bounds.orphans_owner_max
            or self.orphan_bytes + len(entry.tx.raw) > bounds.orphan_bytes_max
        ):
            raise errors.AfterNotExecuted(str(entry.tx.body.after))

    def _make_room(self, newcomer: OwnerQueue, size: int) -> list[Entry]:
        """Drop the newest of whoever has most until there is room again; raise PoolFull.

        Nobody loses to an owner that has as much: so a flood ends where it began.
        """
        bounds = self.bounds
        own = newcomer.bytes + size
        if self._no_room_from is not None and own >= self._no_room_from:
            raise errors.PoolFull
        txs_goal = bounds.txs_max - max(1, bounds.txs_max // _ROOM_FRACTION)
        bytes_goal = bounds.bytes_max - max(size, bounds.bytes_max // _ROOM_FRACTION)
        largest = [
            (-queue.bytes, address) for address, queue in self._owners.items() if queue.droppable
        ]
        heapq.heapify(largest)
        dropped: list[Entry] = []
        while largest and (len(self._entries) > txs_goal or self.bytes > bytes_goal):
            size_of_largest, address = largest[0]
            if -size_of_largest <= own:
                break
            queue = self._owners[address]
            victim = queue.droppable[next(reversed(queue.droppable))]
            self.remove(victim)
            dropped.append(victim)
            if queue.droppable:
                heapq.heapreplace(largest, (-queue.bytes, address))
            else:
                heapq.heappop(largest)
        if len(self._entries) >= bounds.txs_max or self.bytes + size > bounds.bytes_max:
            self._no_room_from = own
            raise errors.PoolFull
        return dropped
