"""Writes to what belongs to an address: balances, nonces, agents, tombstones, switches."""

from heapq import heappop, heappush
from typing import Final

from omg_abci.protocol import limits
from omg_abci.protocol.errors import InvariantBroken
from omg_abci.protocol.units import Address, Amount, Millis
from omg_abci.state import schema
from omg_abci.state.journal import put
from omg_abci.state.objects import NOTHING, Account, Balance, own
from omg_abci.state.records import AgentRecord
from omg_abci.state.tables import Tables

_PAGE_MASK: Final = (1 << limits.NONCE_PAGE_BITS) - 1


class AccountWrites(Tables):
    """Every write leaves its inverse in the journal."""

    __slots__ = ()

    def change_balance(self, balance: Balance, free: Amount, reserved: Amount) -> None:
        """Add to both parts of a balance; neither may become negative."""
        if balance.mark != self.mark:
            self.touch_balance(balance)
        balance.free += free
        balance.reserved += reserved
        if balance.free < 0 or balance.reserved < 0:
            raise InvariantBroken("a balance is negative")

    def touch_balance(self, balance: Balance) -> None:
        """Note what a balance says before it is written, once in a savepoint (see its ``mark``)."""
        self._journal.append(
            (_restore_balance, balance, balance.free, balance.reserved, balance.mark)
        )
        balance.mark = self.mark
        self.dirty_balances[balance] = None

    def use_nonce(self, account: Account, nonce: int) -> None:
        """Mark a nonce as used, and delete pages whose nonces are all too old to come again."""
        pages = account.nonce_pages
        if pages is NOTHING:
            account.open_nonces()
            pages = account.nonce_pages
        page = nonce >> limits.NONCE_PAGE_BITS
        bits = pages.get(page)
        self._journal.append((put, pages, page, bits))
        where = (account, page)
        if where not in self.dirty_nonces:
            self.dirty_nonces[where] = bits
        if bits is None:
            heappush(account.nonce_heap, page)
            bits = 0
        pages[page] = bits | 1 << (nonce & _PAGE_MASK)
        # A page is old when its last nonce is: (page + 1 << bits) - 1 <= time - age.
        oldest = self.time_ms - limits.NONCE_AGE_MAX_MS + 1 >> limits.NONCE_PAGE_BITS
        if account.nonce_heap[0] < oldest:
            self._prune_pages(account, oldest)

    def _prune_pages(self, account: Account, oldest: int) -> None:
        heap, pages, pruned = account.nonce_heap, account.nonce_pages, 0
        while pruned < limits.NONCE_PAGES_PRUNED and heap and heap[0] < oldest:
            page = heappop(heap)
            bits = pages.get(page)
            if bits is not None:
                self._journal.append((heappush, heap, page))
                self._journal.append((put, pages, page, bits))
                self.dirty_nonces.setdefault((account, page), bits)
                del pages[page]
                pruned += 1

    def set_agent(self, account: Account, agent: Address, record: AgentRecord | None) -> None:
        """Write an approval, or delete it with None."""
        account.agents = own(account.agents)
        old = account.agents.get(agent)
        key = schema.compute_agent_key(account.owner, agent)
        self.dirty_records.setdefault(key, None if old is None else old.encode())
        self.dirty_accounts[account] = None
        self._journal.append((put, account.agents, agent, old))
        put(account.agents, agent, record)

    def set_tombstone(self, account: Account, client_id: int, until_ms: Millis | None) -> None:
        """Write a tombstone, or delete it with None."""
        account.tombstones = own(account.tombstones)
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


def _restore_balance(balance: Balance, free: Amount, reserved: Amount, mark: int) -> None:
    balance.free = free
    balance.reserved = reserved
    balance.mark = mark


def _restore_switch(account: Account, at_ms: Millis) -> None:
    account.switch_ms = at_ms
