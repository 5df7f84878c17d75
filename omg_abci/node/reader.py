"""The committed view: every record of the last committed block, with what queries need beside.

Follows the blocks that the executor sends and nothing else, so whatever it answers is committed.
Kept beside the records: the books, client ids and other keys by owner, and what proofs under
attested roots need. It holds no socket and no clock.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Final, Self

from omg_abci.node.book_view import BookView
from omg_abci.node.proof_history import (
    Fold,
    Head,
    ProofHistory,
    StateInconsistent,
    get_head,
    load_history,
)
from omg_abci.node.storage import Storage
from omg_abci.protocol.limits import CLOSED_KEPT_MAX
from omg_abci.protocol.signing import Domain
from omg_abci.protocol.units import Address, Height, MarketId, TokenId
from omg_abci.state import schema
from omg_abci.state.hashes import DiffEntry
from omg_abci.state.records import (
    AccountRecord,
    AgentRecord,
    BalanceRecord,
    BlockRecord,
    EndedRecord,
    MarketRecord,
    OrderRecord,
    TokenRecord,
)

_ORDER: Final = schema.ORDER[0]
_GROUPED: Final = frozenset(
    table[0] for table in (schema.TOKEN, schema.MARKET, schema.BALANCE, schema.AGENT)
)
"""Tables whose keys are listed: tokens and markets all together, the others by owner."""
_GROUP_BYTES: Final = 21
_OWNED_BY: Final = (schema.BALANCE[0], schema.AGENT[0])
_EMPTY_ACCOUNT: Final = AccountRecord(0, 0, 0, 0, 0)


class Reader:
    """The committed records of one chain and the ways to ask for them."""

    def __init__(self, domain: Domain, records: dict[bytes, bytes]) -> None:
        """Index the records; `load_genesis` or `load_storage` is the way to make one."""
        self.domain = domain
        self.records = records
        self.books = BookView()
        self._client_ids: dict[Address, list[int]] = {}
        """Of the open orders, ascending."""
        self._groups: dict[bytes, tuple[bytes, ...]] = {}
        """Table byte, and owner where there is one, to keys in no promised order."""
        for key, value in records.items():
            if key[0] == _ORDER:
                self.books.apply(key, None, value)
                self._index_order(key)
            elif key[0] in _GROUPED:
                self._index_group(key)
        self.block = self._decode_block()
        height = self.block.height
        self.history = ProofHistory(records, self.block.root_interval, height, height)

    # --- how it comes to be ---

    @classmethod
    def load_genesis(cls, domain: Domain, records: Iterable[tuple[bytes, bytes]]) -> Self:
        """Return the view of the genesis state, with its root folded."""
        reader = cls(domain, dict(records))
        root = reader.history.load_tree()
        reader.history.add_head(reader.block.height, reader.history.compute_genesis_head(root))
        return reader

    @classmethod
    def load_storage(cls, storage: Storage, domain: Domain, height: Height) -> Self:
        """Return the view as of `height`, from a database at that height or a few blocks later.

        Raise StorageError, and StateInconsistent when the pieces do not fit together.
        """
        storage.require_chain(domain.chain_id)
        meta = storage.load_meta()
        if meta is None or meta.height < height:
            found = "nothing" if meta is None else f"height {meta.height}"
            raise StateInconsistent(f"the database holds {found}, height {height} was asked for")
        records = dict(storage.iterate_records())
        for above in range(meta.height, height, -1):
            undo = storage.load_undo(above)
            for key, old in undo.changes:
                _write(records, key, old)
            meta = undo.meta or meta
        reader = cls(domain, records)
        block = reader.block
        if block.height != height or meta.height != height:
            raise StateInconsistent(
                f"height {height} was asked for, the records are of {block.height}"
            )
        reader.history = load_history(storage, records, height, block.root_interval, get_head(meta))
        return reader

    # --- what the executor sends ---

    def apply_block(self, height: Height, head: Head, diff: Sequence[DiffEntry]) -> Fold | None:
        """Follow a committed block; return the fold that is due when it ends an interval.

        Raise StateInconsistent when the block does not continue what is there.
        """
        if height != self.block.height + 1:
            raise StateInconsistent(f"block {height} came after block {self.block.height}")
        records, layer, books = self.records, self.history.layer, self.books
        for key, value in diff:
            old = records.get(key)
            layer.setdefault(key, old)
            table = key[0]
            if table == _ORDER:
                books.apply(key, old, value)
                if (old is None) != (value is None):
                    self._index_order(key)
            elif table in _GROUPED and (old is None) != (value is None):
                self._index_group(key)
            _write(records, key, value)
        self.block = self._decode_block()
        if self.block.height != height:
            raise StateInconsistent(f"block {height} left the block record at {self.block.height}")
        history = self.history
        history.add_head(height, head)
        history.check_root(height)
        if height % self.block.root_interval:
            return None
        history.begin_layer(height)
        return history.compute_fold(height)

    # --- questions ---

    def get_account(self, owner: Address) -> AccountRecord:
        """Return the account's record; one whose fields are all zero when it has none."""
        data = self.records.get(schema.compute_account_key(owner))
        return _EMPTY_ACCOUNT if data is None else AccountRecord.decode(data)

    def list_balances(self, owner: Address) -> list[tuple[int, TokenId, BalanceRecord]]:
        """Return (subaccount, token, balance) ascending."""
        return [
            (key[21], int.from_bytes(key[22:], "big"), BalanceRecord.decode(self.records[key]))
            for key in sorted(self._groups.get(schema.BALANCE + owner, ()))
        ]

    def list_agents(self, owner: Address) -> list[tuple[Address, AgentRecord]]:
        """Return (agent, approval) ascending."""
        return [
            (key[21:], AgentRecord.decode(self.records[key]))
            for key in sorted(self._groups.get(schema.AGENT + owner, ()))
        ]

    def list_tokens(self) -> list[tuple[TokenId, TokenRecord]]:
        """Return (id, token) ascending."""
        return [
            (int.from_bytes(key[1:], "big"), TokenRecord.decode(self.records[key]))
            for key in sorted(self._groups.get(schema.TOKEN, ()))
        ]

    def list_markets(self) -> list[tuple[MarketId, MarketRecord]]:
        """Return (id, market) ascending."""
        return [
            (int.from_bytes(key[1:], "big"), MarketRecord.decode(self.records[key]))
            for key in sorted(self._groups.get(schema.MARKET, ()))
        ]

    def get_market(self, market: MarketId) -> MarketRecord | None:
        """Return the market, or None for an unknown one."""
        data = self.records.get(schema.compute_market_key(market))
        return None if data is None else MarketRecord.decode(data)

    def get_order(self, owner: Address, client_id: int) -> OrderRecord | None:
        """Return the open order, or None."""
        data = self.records.get(schema.compute_order_key(owner, client_id))
        return None if data is None else OrderRecord.decode(data)

    def get_ended(self, owner: Address, client_id: int) -> EndedRecord | None:
        """Return what is remembered of an ended order at the last block's time, or None."""
        for slot in range(CLOSED_KEPT_MAX):
            data = self.records.get(schema.compute_ended_key(owner, slot))
            if data is not None and int.from_bytes(data[:8], "big") == client_id:
                ended = EndedRecord.decode(data)
                if ended.until_ms > self.block.time_ms:
                    return ended
        return None

    def list_orders(
        self, owner: Address, after: int, limit: int
    ) -> tuple[list[tuple[int, OrderRecord]], bool]:
        """Return (client id, order) of open orders above `after`, and whether there are more."""
        ids = self._client_ids.get(owner, [])
        at = bisect_right(ids, after)
        found = [
            (
                client_id,
                OrderRecord.decode(self.records[schema.compute_order_key(owner, client_id)]),
            )
            for client_id in ids[at : at + limit]
        ]
        return found, at + limit < len(ids)

    # --- indexes ---

    def _index_order(self, key: bytes) -> None:
        """Enter the order's client id, or take it out if it is there."""
        owner, client_id = key[1:21], int.from_bytes(key[21:], "big")
        ids = self._client_ids.get(owner)
        if ids is None:
            self._client_ids[owner] = [client_id]
            return
        at = bisect_left(ids, client_id)
        if at == len(ids) or ids[at] != client_id:
            ids.insert(at, client_id)
            return
        del ids[at]
        if not ids:
            del self._client_ids[owner]

    def _index_group(self, key: bytes) -> None:
        """Enter the key in its group, or take it out if it is there."""
        group = key[:_GROUP_BYTES] if key[0] in _OWNED_BY else key[:1]
        keys = self._groups.get(group, ())
        if key not in keys:
            self._groups[group] = (*keys, key)
        elif len(keys) > 1:
            self._groups[group] = tuple([each for each in keys if each != key])
        else:
            del self._groups[group]

    def _decode_block(self) -> BlockRecord:
        data = self.records.get(schema.BLOCK)
        if data is None:
            raise StateInconsistent("the state has no block record")
        return BlockRecord.decode(data)


def _write(records: dict[bytes, bytes], key: bytes, value: bytes | None) -> None:
    """Write a value or, for None, delete; raise StateInconsistent for what is not there."""
    if value is not None:
        records[key] = value
    elif records.pop(key, None) is None:
        raise StateInconsistent(f"a deletion of {key.hex()}, which is not there")
