"""Writes to what belongs to an address: balances, nonces, agents, tombstones, ended orders."""

from heapq import heappop, heappush

from omg_abci.protocol import limits
from omg_abci.protocol.errors import InvariantBroken
from omg_abci.protocol.units import Address, Amount, Millis
from omg_abci.state import schema
from omg_abci.state.book import Order
from omg_abci.state.journal import put
from omg_abci.state.objects import Account, Balance
from omg_abci.state.records import AgentRecord, EndedRecord, encode_nonce_page
from omg_abci.state.tables import Tables


class AccountWrites(Tables):
    """Every write leaves its inverse in the journal."""

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
        self._journal.append((put, account.nonce_pages, page, old))
        put(account.nonce_pages, page, bits)

    def set_agent(self, account: Account, agent: Address, record: AgentRecord | None) -> None:
        """Write an approval, or delete it with None."""
        old = account.agents.get(agent)
        key = schema.compute_agent_key(account.owner, agent)
        self.dirty_records.setdefault(key, None if old is None else old.encode())
        self.dirty_accounts[account] = None
        self._journal.append((put, account.agents, agent, old))
        put(account.agents, agent, record)

    def set_tombstone(self, account: Account, client_id: int, until_ms: Millis | None) -> None:
        """Write a tombstone, or delete it with None."""
        old = account.tombstones.get(client_id)
        key = schema.compute_tombstone_key(account.owner, client_id)
        self.dirty_records.setdefault(key, None if old is None else old.to_bytes(8, "big"))
        self.dirty_accounts[account] = None
        self._journal.append((put, account.tombstones, client_id, old))
        put(account.tombstones, client_id, until_ms)
        if until_ms is not None:
            self._pushed += 1
            heappush(self.tombstone_expiries, (until_ms, account.owner, client_id))

    def set_switch(self, account: Account, at_ms: Millis) -> None:
        """Set when the dead-man's switch fires; 0 turns it off."""
        self._journal.append((_restore_switch, account, account.switch_ms))
        account.switch_ms = at_ms
        self.dirty_accounts[account] = None
        if at_ms:
            self._pushed += 1
            heappush(self.switch_expiries, (at_ms, account.owner))

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


def _restore_balance(balance: Balance, free: Amount, reserved: Amount, mark: int) -> None:
    balance.free = free
    balance.reserved = reserved
    balance.mark = mark


def _restore_switch(account: Account, at_ms: Millis) -> None:
    account.switch_ms = at_ms


def _restore_ended(
    account: Account,
    slot: int,
    old: EndedRecord | None,
    overwritten: tuple[int, EndedRecord] | None,
    record: EndedRecord,
    shadowed: tuple[int, EndedRecord] | None,
) -> None:
    put(account.ended, record.client_id, shadowed)
    if overwritten is not None:
        account.ended[overwritten[1].client_id] = overwritten
    put(account.slots, slot, old)
    account.ended_next = slot
