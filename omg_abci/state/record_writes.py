"""Writes to records that are read and written whole: tokens, and what `keyed_records` has."""

from heapq import heappush

from omg_abci.protocol import limits
from omg_abci.protocol.units import Address, Millis
from omg_abci.state import schema
from omg_abci.state.journal import put
from omg_abci.state.keyed_records import ExpiringRecord, KeyedRecord, PaymentRecord
from omg_abci.state.objects import Account
from omg_abci.state.records import TokenRecord
from omg_abci.state.recovery_records import KeyRecord
from omg_abci.state.sweeping import is_payment
from omg_abci.state.tables import Tables


class RecordWrites(Tables):
    """Every write leaves its inverse in the journal."""

    __slots__ = ()

    def set_token(self, token: int, record: TokenRecord | None) -> None:
        """Write a token, or delete it with None; it keeps the symbol that it has."""
        old = self.tokens.get(token)
        key = schema.compute_token_key(token)
        self.dirty_records.setdefault(key, None if old is None else old.encode())
        self._journal.append((put, self.tokens, token, old))
        put(self.tokens, token, record)
        if record is None and old is not None:
            self._set_symbol(old.symbol, None)
        elif record is not None and old is None:
            self._set_symbol(record.symbol, token)

    def _set_symbol(self, symbol: str, token: int | None) -> None:
        self._journal.append((put, self.symbols, symbol, self.symbols.get(symbol)))
        put(self.symbols, symbol, token)

    def set_record(self, key: bytes, record: KeyedRecord | None) -> None:
        """Write a keyed record, or delete it with None."""
        old = self.by_key.get(key)
        self.dirty_records.setdefault(key, None if old is None else old.encode())
        self._journal.append((put, self.by_key, key, old))
        put(self.by_key, key, record)

    def set_expiring(self, key: bytes, record: ExpiringRecord) -> None:
        """Write a keyed record whose expiry is new."""
        self.set_record(key, record)
        self._pushed += 1
        heappush(self.record_expiries, (record.expires_ms, key))

    def set_key(self, account: Account, key: Address) -> None:
        """Let another key sign for an account, and the one before no longer."""
        self.set_record(schema.compute_own_key_key(account.owner), KeyRecord(key))
        self._journal.append((_restore_key, account, account.key))
        account.key = key

    def remember_payment(self, key: bytes, until_ms: Millis) -> None:
        """Remember a payment until a time, and forget some whose time has passed."""
        self.set_record(key, PaymentRecord(until_ms))
        heap = self.payment_expiries
        self._pushed += 1
        heappush(heap, (until_ms, key))
        forgotten = 0
        while forgotten < limits.PAYMENTS_FORGOTTEN and heap[0][0] <= self.time_ms:
            entry = self.pop_entry(heap)
            if is_payment(self, entry):
                self.set_record(entry[1], None)
                forgotten += 1


def _restore_key(account: Account, key: Address) -> None:
    account.key = key
