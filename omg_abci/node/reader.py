"""The committed view: every record of the last committed block, with what queries need beside.

Follows the blocks that the executor sends and nothing else, so whatever it answers is committed.
Kept beside the records: the books, client ids and other keys by owner, and what proofs under
attested roots need. It holds no socket and no clock.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Self

from omg_abci.node.book_view import BookView
from omg_abci.node.key_index import KeyIndex, KeyIndexLoader
from omg_abci.node.memory import release_freed_memory
from omg_abci.node.overlaid import iterate_overlaid
from omg_abci.node.packed_records import PackedRecords, Packer
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
from omg_abci.state.keyed_records import FeeOfferRecord, RequestRecord
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
_OWNER_BYTES: Final = 21
_PREFIX_BYTES: Final = {
    schema.TOKEN[0]: 1,
    schema.MARKET[0]: 1,
    schema.BALANCE[0]: _OWNER_BYTES,
    schema.AGENT[0]: _OWNER_BYTES,
    schema.ORDER[0]: _OWNER_BYTES,
    schema.VALIDATOR[0]: 1,
    schema.DELEGATION[0]: _OWNER_BYTES,
    schema.UNBONDING[0]: _OWNER_BYTES,
    schema.MOVING[0]: _OWNER_BYTES,
    schema.ALLOWANCES[0]: _OWNER_BYTES,
    schema.REQUEST[0]: _OWNER_BYTES,
    schema.VOTES[0]: _OWNER_BYTES,
    schema.TALLY[0]: _OWNER_BYTES + 1,
    schema.FEE_OFFER[0]: _OWNER_BYTES,
}
"""Tables whose keys are listed, with what they are listed by: the table, or table and owner.

Tallies are listed by validator and parameter, fee offers by token: it stands behind the provider.
"""
_FEE_OFFER: Final = schema.FEE_OFFER[0]
_ID_BYTES: Final = 4
_NUMBER_BYTES: Final = 8
_BALANCE_BYTES: Final = 5
_AGENT_BYTES: Final = 20
_EMPTY_ACCOUNT: Final = AccountRecord(0, 0, 0, 0, 0)


class Reader:
    """The committed records of one chain and the ways to ask for them."""

    def __init__(self, domain: Domain, records: Iterable[tuple[bytes, bytes]]) -> None:
        """Take the records, ascending by key; `load_genesis`, `load_storage` are the ways in."""
        self.domain = domain
        self.books = BookView()
        self.records, self._keys = self._load(records)
        self.block = self._decode_block()
        height = self.block.height
        self.history = ProofHistory(self.records, self.block.root_interval, height, height)

    # --- how it comes to be ---

    @classmethod
    def load_genesis(cls, domain: Domain, records: Iterable[tuple[bytes, bytes]]) -> Self:
        """Return the view of the genesis state, with its root folded."""
        reader = cls(domain, sorted(dict(records).items()))
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
        changed: dict[bytes, bytes | None] = {}
        for above in range(meta.height, height, -1):
            undo = storage.load_undo(above)
            changed.update(undo.changes)
            meta = undo.meta or meta
        reader = cls(domain, iterate_overlaid(storage.iterate_records(), changed))
        block = reader.block
        if block.height != height or meta.height != height:
            raise StateInconsistent(
                f"height {height} was asked for, the records are of {block.height}"
            )
        reader.history = load_history(
            storage, reader.records, height, block.root_interval, get_head(meta)
        )
        release_freed_memory()
        return reader

    # --- what the executor sends ---

    def apply_block(self, height: Height, head: Head, diff: Sequence[DiffEntry]) -> Fold | None:
        """Follow a committed block; return the fold that is due when it ends an interval.

        Raise StateInconsistent when the block does not continue what is there.
        """
        if height != self.block.height + 1:
            raise StateInconsistent(f"block {height} came after block {self.block.height}")
        keep, listed = self.history.layer.setdefault, _PREFIX_BYTES
        before = self.records.get_each([key for key, _ in diff])
        for (key, value), old in zip(diff, before, strict=True):
            if old is None and value is None:
                raise StateInconsistent(f"a deletion of {key.hex()}, which is not there")
            keep(key, old)
            table = key[0]
            if table == _ORDER:
                self.books.apply(key, old, value)
            if (old is None or value is None) and table in listed:
                self._note_key(key, old)
        self.records.write(diff)
        self.records.settle()
        self._keys.settle()
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
            (place[0], int.from_bytes(place[1:], "big"), BalanceRecord.decode(value))
            for place, value in self.list_behind(schema.BALANCE + owner, _BALANCE_BYTES)
        ]

    def list_agents(self, owner: Address) -> list[tuple[Address, AgentRecord]]:
        """Return (agent, approval) ascending."""
        return [
            (agent, AgentRecord.decode(value))
            for agent, value in self.list_behind(schema.AGENT + owner, _AGENT_BYTES)
        ]

    def list_tokens(self) -> list[tuple[TokenId, TokenRecord]]:
        """Return (id, token) ascending."""
        return [
            (int.from_bytes(token, "big"), TokenRecord.decode(value))
            for token, value in self.list_behind(schema.TOKEN, _ID_BYTES)
        ]

    def list_markets(self) -> list[tuple[MarketId, MarketRecord]]:
        """Return (id, market) ascending."""
        return [
            (int.from_bytes(market, "big"), MarketRecord.decode(value))
            for market, value in self.list_behind(schema.MARKET, _ID_BYTES)
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
        found, more = self._list_after(schema.ORDER + owner, after, limit)
        return [(client_id, OrderRecord.decode(value)) for client_id, value in found], more

    def list_requests(
        self, payee: Address, after: int, limit: int
    ) -> tuple[list[tuple[int, RequestRecord]], bool]:
        """Return (number, request) of open requests above `after`, and whether there are more."""
        found, more = self._list_after(schema.REQUEST + payee, after, limit)
        return [(number, RequestRecord.decode(value)) for number, value in found], more

    def get_fee_offer(self, provider: Address, token: TokenId) -> FeeOfferRecord | None:
        """Return what a provider offers to whoever pays fees with a token, or None."""
        data = self.records.get(schema.compute_fee_offer_key(provider, token))
        return None if data is None else FeeOfferRecord.decode(data)

    def list_fee_offers(
        self, token: TokenId, after: Address, limit: int
    ) -> tuple[list[tuple[Address, FeeOfferRecord]], bool]:
        """Return (provider, offer) of a token above `after`, and whether there are more."""
        listed = schema.FEE_OFFER + token.to_bytes(_ID_BYTES, "big")
        found, more = self._keys.get_after(listed, after, limit)
        keys = [(each, schema.compute_fee_offer_key(each, token)) for each in found]
        return [(each, FeeOfferRecord.decode(self.records[key])) for each, key in keys], more

    def _list_after(
        self, prefix: bytes, after: int, limit: int
    ) -> tuple[list[tuple[int, bytes]], bool]:
        """Return a page of what stands behind the prefix, a number each, with the values."""
        found, more = self._keys.get_after(prefix, after.to_bytes(_NUMBER_BYTES, "big"), limit)
        page = [(int.from_bytes(each, "big"), self.records[prefix + each]) for each in found]
        return page, more

    def list_behind(self, prefix: bytes, size: int) -> list[tuple[bytes, bytes]]:
        """Return what stands behind the prefix in its keys, ascending, each with the value."""
        return [(each, self.records[prefix + each]) for each in self._keys.get_all(prefix, size)]

    # --- indexes ---

    def _load(self, records: Iterable[tuple[bytes, bytes]]) -> tuple[PackedRecords, KeyIndex]:
        packer, keys = Packer(), KeyIndexLoader()
        pack, note, sizes = packer.add, keys.add, _PREFIX_BYTES
        offers: list[tuple[bytes, bytes]] = []
        for key, value in records:
            pack(key, value)
            size = sizes.get(key[0])
            if size is not None:
                if key[0] == _FEE_OFFER:
                    offers.append(_split_key(key))
                    continue
                note(key[:size], key[size:])
                if key[0] == _ORDER:
                    self.books.apply(key, None, value)
        for listed, provider in sorted(offers):
            note(listed, provider)
        return packer.finish(), keys.finish()

    def _note_key(self, key: bytes, old: bytes | None) -> None:
        """Follow a listed key that comes or goes."""
        listed, rest = _split_key(key)
        if old is None:
            self._keys.add(listed, rest)
        else:
            self._keys.remove(listed, rest)

    def _decode_block(self) -> BlockRecord:
        data = self.records.get(schema.BLOCK)
        if data is None:
            raise StateInconsistent("the state has no block record")
        return BlockRecord.decode(data)


def _split_key(key: bytes) -> tuple[bytes, bytes]:
    """Return what a key of a listed table is listed by, and the rest of it."""
    if key[0] == _FEE_OFFER:
        return key[:1] + key[_OWNER_BYTES:], key[1:_OWNER_BYTES]
    size = _PREFIX_BYTES[key[0]]
    return key[:size], key[size:]
