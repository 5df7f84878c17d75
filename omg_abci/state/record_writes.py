"""Writes to records that are read and written whole: tokens, and what `keyed_records` has."""

from omg_abci.state import schema
from omg_abci.state.journal import put
from omg_abci.state.keyed_records import KeyedRecord
from omg_abci.state.records import TokenRecord
from omg_abci.state.tables import Tables


class RecordWrites(Tables):
    """Every write leaves its inverse in the journal."""

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
