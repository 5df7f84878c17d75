"""The state as the rules see it: live objects, changed in place, with an undo journal.

A block is applied to the one state and then committed or rolled back. Every write leaves its
inverse in the journal, so `rollback` (of a block that was not decided) and `rollback_to` (of an
atomic transaction that failed) restore exactly what was. Records that changed are collected, and
`state/diff.py` compares their bytes with those committed before.
"""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any, Final

from omg_abci.protocol import limits
from omg_abci.protocol.errors import InvariantBroken, require
from omg_abci.protocol.units import Address, Amount, Hash, Lots, Millis, Ticks
from omg_abci.state import schema
from omg_abci.state.book import Level, Order, OwnerList, detach, reattach
from omg_abci.state.objects import Account, Balance, Market
from omg_abci.state.records import AgentRecord, EndedRecord, TokenRecord, encode_nonce_page

_EXPIRIES_WATCHED_MIN: Final = 4_096


class WorkingState:
    """Everything the chain remembers, as of the last applied block."""

    def __init__(self, chain_id: str) -> None:
        """Make a state without records; `loading.load_state` makes one from records."""
        self.chain_id = chain_id
        self.height = 0
        self.time_ms: Millis = 0
        self.block_hash: Hash = bytes(32)
        self.fee_pool: Amount = 0
        self.unit_price = 0
        self.fee_token = 0
        self.root_interval = 0
        self.block_stored: bytes | None = None
        self.tokens: dict[int, TokenRecord] = {}
        self.markets: dict[int, Market] = {}
        self.accounts: dict[Address, Account] = {}
        self.balances: dict[bytes, Balance] = {}
        self.order_expiries: list[tuple[Millis, int, int, Order]] = []
        """A heap of (expiry, priority, a count that keeps orders from being compared, order).

        Entries whose order ended or was amended since are passed over: of those with the same
        expiry and priority at most one is of an open order.
        """
        self._expiries_pushed = 0
        self._expiries_watched = _EXPIRIES_WATCHED_MIN
        self.tombstone_expiries: list[tuple[Millis, Address, int]] = []
        self.next_priority = 0
        self.mark = 1
        self._journal: list[tuple[Any, ...]] = []
        self.clear_dirty()

    # --- the life of a block ---

    def begin_block(self, height: int, time_ms: Millis, block_hash: Hash) -> None:
        """Open a block on top of the committed state."""
        require(not self._journal, "a block begins on a committed state")
        self.mark += 1
        self._journal.append(
            (self._restore_block, self.height, self.time_ms, self.block_hash, self.fee_pool)
        )
        self.height = height
        self.time_ms = time_ms
        self.block_hash = block_hash
        self.next_priority = height << 24

    def commit(self) -> None:
        """Keep what was written since `begin_block`; `diff.store_diff` has set what is stored."""
        self._journal.clear()
        self.clear_dirty()
        self._drop_passed_over()

    def rollback(self) -> None:
        """Undo everything since `begin_block`; nothing happens when no block is open."""
        self.rollback_to(0)
        self.clear_dirty()

    def _drop_passed_over(self) -> None:
        """Clear the heaps of entries that say nothing any more, once they may be the most."""
        if len(self.order_expiries) + len(self.tombstone_expiries) < self._expiries_watched:
            return
        self.order_expiries = [
            entry
            for entry in self.order_expiries
            if entry[3].is_open and entry[:2] == (entry[3].expires_ms, entry[3].priority)
        ]
        self.tombstone_expiries = [
            entry
            for entry in self.tombstone_expiries
            if self.get_account(entry[1]).tombstones.get(entry[2]) == entry[0]
        ]
        heapify(self.order_expiries)
        heapify(self.tombstone_expiries)
        kept = len(self.order_expiries) + len(self.tombstone_expiries)
        self._expiries_watched = 2 * kept + _EXPIRIES_WATCHED_MIN

    def open_savepoint(self) -> int:
        """Return a place in the journal to which `rollback_to` can return."""
        self.mark += 1
        self._journal.append((self._restore_priority, self.next_priority))
        return len(self._journal) - 1

    def rollback_to(self, savepoint: int) -> None:
        """Undo every write since the savepoint, newest first."""
        journal = self._journal
        while len(journal) > savepoint:
            undo, *arguments = journal.pop()
            undo(*arguments)
        self.mark += 1

    def clear_dirty(self) -> None:
        """Forget which records were touched."""
        self.dirty_balances: dict[Balance, None] = {}
        self.dirty_accounts: dict[Account, None] = {}
        self.dirty_markets: dict[Market, None] = {}
        self.dirty_orders: dict[Order, None] = {}
        self.dirty_records: dict[bytes, bytes | None] = {}
        """Keys of agents, ended orders, tombstones and nonces, to the value before the block."""

    def record_undo(self, undo: Callable[..., None], *arguments: object) -> None:
        """Append an inverse to the journal."""
        self._journal.append((undo, *arguments))

    def _restore_block(
        self, height: int, time_ms: Millis, block_hash: Hash, fee_pool: Amount
    ) -> None:
        self.height = height
        self.time_ms = time_ms
        self.block_hash = block_hash
        self.fee_pool = fee_pool

    def _restore_priority(self, next_priority: int) -> None:
        self.next_priority = next_priority

    # --- accounts and balances ---

    def get_account(self, owner: Address) -> Account:
        """Return the account, made when it does not exist (an empty one is not stored)."""
        account = self.accounts.get(owner)
        if account is None:
            account = self.accounts[owner] = Account(owner)
        return account

    def get_balance(self, owner: Address, subaccount: int, token: int) -> Balance:
        """Return the balance, made when it does not exist (a zero one is not stored)."""
        key = schema.compute_balance_key(owner, subaccount, token)
        balance = self.balances.get(key)
        if balance is None:
            balance = self.balances[key] = Balance(key)
        return balance

    def get_free(self, owner: Address, subaccount: int, token: int) -> Amount:
        """Return what is free, without making a balance."""
        balance = self.balances.get(schema.compute_balance_key(owner, subaccount, token))
        return 0 if balance is None else balance.free

    def change_balance(self, balance: Balance, free: Amount, reserved: Amount) -> None:
        """Add to both parts of a balance; neither may become negative."""
        if balance.mark != self.mark:
            self._journal.append(
                (_restore_balance, balance, balance.free, balance.reserved, balance.mark)
            )
            balance.mark = self.mark
            self.dirty_balances[balance] = None
        balance.free += free
        balance.reserved += reserved
        if balance.free < 0 or balance.reserved < 0:
            message = "a balance is negative"
            raise InvariantBroken(message)

    def add_fee(self, amount: Amount) -> None:
        """Add to the fee pool; the block's own undo entry restores it."""
        self.fee_pool += amount

    def use_nonce(self, account: Account, nonce: int) -> None:
        """Mark a nonce as used, and delete pages whose nonces are all too old to come again."""
        page = nonce >> limits.NONCE_PAGE_BITS
        bits = account.nonce_pages.get(page)
        if bits is None:
            heappush(account.nonce_heap, page)
        mark = 1 << (nonce & (1 << limits.NONCE_PAGE_BITS) - 1)
        self._set_page(account, page, mark if bits is None else bits | mark)
        heap, pruned = account.nonce_heap, 0
        oldest_ms = self.time_ms - limits.NONCE_AGE_MAX_MS
        while pruned < limits.NONCE_PAGES_PRUNED and heap:
            last = heap[0] + 1 << limits.NONCE_PAGE_BITS
            if last - 1 > oldest_ms:
                break
            old = heappop(heap)
            if old in account.nonce_pages:
                self._journal.append((heappush, heap, old))
                self._set_page(account, old, None)
                pruned += 1

    def _set_page(self, account: Account, page: int, bits: int | None) -> None:
        old = account.nonce_pages.get(page)
        key = schema.compute_nonces_key(account.owner, page)
        if key not in self.dirty_records:
            self.dirty_records[key] = None if old is None else encode_nonce_page(old)
        self._journal.append((_put, account.nonce_pages, page, old))
        _put(account.nonce_pages, page, bits)

    # --- small records ---

    def set_agent(self, account: Account, agent: Address, record: AgentRecord | None) -> None:
        """Write an approval, or delete it with None."""
        old = account.agents.get(agent)
        key = schema.compute_agent_key(account.owner, agent)
        self.dirty_records.setdefault(key, None if old is None else old.encode())
        self.dirty_accounts[account] = None
        self._journal.append((_put, account.agents, agent, old))
        _put(account.agents, agent, record)

    def set_tombstone(self, account: Account, client_id: int, until_ms: Millis | None) -> None:
        """Write a tombstone, or delete it with None."""
        old = account.tombstones.get(client_id)
        key = schema.compute_tombstone_key(account.owner, client_id)
        self.dirty_records.setdefault(key, None if old is None else old.to_bytes(8, "big"))
        self.dirty_accounts[account] = None
        self._journal.append((_put, account.tombstones, client_id, old))
        _put(account.tombstones, client_id, until_ms)
        if until_ms is not None:
            heappush(self.tombstone_expiries, (until_ms, account.owner, client_id))

    def remember_ended(self, order: Order, ended: int) -> None:
        """Write an ended order into the account's next slot, over what was there."""
        account = order.account
        slot = account.ended_next
        record = EndedRecord(
            order.client_id,
            self.time_ms + limits.CLOSED_KEPT_MS,
            ended,
            order.filled + order.remaining,
            order.filled,
        )
        old = account.slots.get(slot)
        key = schema.compute_ended_key(account.owner, slot)
        if key not in self.dirty_records:
            self.dirty_records[key] = None if old is None else old.encode()
        self.dirty_accounts[account] = None
        overwritten = None
        if old is not None:
            overwritten = account.ended.get(old.client_id)
            if overwritten is not None and overwritten[0] == slot:
                del account.ended[old.client_id]
            else:
                overwritten = None
        shadowed = account.ended.get(order.client_id)
        self._journal.append((_restore_ended, account, slot, old, overwritten, record, shadowed))
        account.slots[slot] = record
        account.ended[order.client_id] = (slot, record)
        account.ended_next = (slot + 1) % limits.CLOSED_KEPT_MAX

    # --- orders ---

    def rest_order(self, order: Order) -> None:
        """Put an order at the end of its level, with the next priority."""
        account, market = order.account, order.market
        side = market.bids if order.side == 1 else market.asks
        self._journal.append((_undo_rest, order, order.priority))
        order.priority = self.next_priority
        self.next_priority += 1
        side.attach(order)
        where = (market.id, order.side)
        owner_list = account.lists.get(where)
        if owner_list is None:
            owner_list = account.lists[where] = OwnerList()
        owner_list.append(order)
        account.orders[order.client_id] = order
        account.open_orders += 1
        market.open_orders += 1
        if order.expires_ms:
            self._push_expiry(order)
        self.dirty_orders[order] = None

    def _push_expiry(self, order: Order) -> None:
        self._expiries_pushed += 1
        entry = (order.expires_ms, order.priority, self._expiries_pushed, order)
        heappush(self.order_expiries, entry)

    def take_out(self, order: Order) -> None:
        """Take an order out of the book; its reserve and memory are the caller's."""
        links = (order.previous, order.next, order.owner_previous, order.owner_next)
        level = detach(order)
        order.owner_list.remove(order)
        account = order.account
        del account.orders[order.client_id]
        account.open_orders -= 1
        order.market.open_orders -= 1
        self._journal.append((_undo_take_out, order, level, links))
        self.dirty_orders[order] = None

    def change_order(self, order: Order, filled: Lots, remaining: Lots) -> None:
        """Set what is filled and what remains."""
        self._journal.append((_restore_order, order, order.filled, order.remaining))
        order.filled = filled
        order.remaining = remaining
        self.dirty_orders[order] = None

    def change_terms(self, order: Order, price: Ticks, expires_ms: Millis) -> None:
        """Set price and expiry; the price of an order in the book may not change."""
        self._journal.append((_restore_terms, order, order.price, order.expires_ms))
        order.price = price
        if expires_ms != order.expires_ms:
            order.expires_ms = expires_ms
            self._push_expiry(order)
        self.dirty_orders[order] = None

    def set_last_price(self, market: Market, price: Ticks) -> None:
        """Note the price of the newest fill."""
        if market.last_price != price:
            self._journal.append((_restore_last_price, market, market.last_price))
            market.last_price = price
            self.dirty_markets[market] = None


# --- inverses -----------------------------------------------------------------------------------


def _put(table: dict[Any, Any], key: object, value: object) -> None:
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value


def _restore_balance(balance: Balance, free: Amount, reserved: Amount, mark: int) -> None:
    balance.free = free
    balance.reserved = reserved
    balance.mark = mark


def _restore_ended(
    account: Account,
    slot: int,
    old: EndedRecord | None,
    overwritten: tuple[int, EndedRecord] | None,
    record: EndedRecord,
    shadowed: tuple[int, EndedRecord] | None,
) -> None:
    _put(account.ended, record.client_id, shadowed)
    if overwritten is not None:
        account.ended[overwritten[1].client_id] = overwritten
    _put(account.slots, slot, old)
    account.ended_next = slot


def _undo_rest(order: Order, priority: int) -> None:
    detach(order)
    order.owner_list.remove(order)
    account = order.account
    del account.orders[order.client_id]
    account.open_orders -= 1
    order.market.open_orders -= 1
    order.priority = priority


def _undo_take_out(order: Order, level: Level, links: tuple[Order | None, ...]) -> None:
    # An amended order comes back as the same object: its links are then of another place.
    order.previous, order.next, order.owner_previous, order.owner_next = links
    reattach(order, level)
    order.owner_list.restore(order)
    account = order.account
    account.orders[order.client_id] = order
    account.open_orders += 1
    order.market.open_orders += 1


def _restore_order(order: Order, filled: Lots, remaining: Lots) -> None:
    order.filled = filled
    order.remaining = remaining


def _restore_terms(order: Order, price: Ticks, expires_ms: Millis) -> None:
    order.price = price
    order.expires_ms = expires_ms


def _restore_last_price(market: Market, price: Ticks) -> None:
    market.last_price = price
