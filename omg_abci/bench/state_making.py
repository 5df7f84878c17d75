"""A large state on disk: so many accounts, each with an open order, and one block on top.

Beside the bench's own owners, who will trade, every account has one used nonce, two balances and
one bid that rests far below the market: the book is as deep as there are accounts.
With a history each account has what months of trading leave as well: an ended order and a tombstone
that are still remembered, an older page of used nonces, and a time at which its bid expires.
"""

import gc
import hashlib
import time
from pathlib import Path
from typing import Final

from omg_abci.bench.flow import BAND_TICKS, MARKET, MID_TICKS
from omg_abci.bench.owners import (
    CHAIN_ID,
    FEE_TOKEN,
    QUOTE_TOKEN,
    TIME_MS,
    make_document,
    make_owners,
)
from omg_abci.node.storage import Meta, Storage
from omg_abci.protocol.limits import CLOSED_KEPT_MS, NONCE_PAGE_BITS
from omg_abci.protocol.signing import Domain
from omg_abci.protocol.units import Ended, OrderType, PostOnly, SelfTrade, Side, TimeInForce
from omg_abci.state import schema
from omg_abci.state.genesis import build_genesis
from omg_abci.state.hashes import (
    DiffEntry,
    compute_app_hash,
    compute_diff_hash,
    compute_genesis_diff_hash,
)
from omg_abci.state.records import (
    AccountRecord,
    BalanceRecord,
    BlockRecord,
    EndedRecord,
    MarketRecord,
    OrderRecord,
    encode_nonce_page,
    encode_tombstone,
)
from omg_abci.state.tree import Tree

Record = tuple[bytes, bytes]
_LOTS: Final = 10
_LEVELS: Final = 5_000
_SUM_MASK: Final = (1 << 256) - 1
_NONCE: Final = TIME_MS - 1
_OLDER_MS: Final = 3600 * 1000
_OLD_PAGE: Final = 0x8421_0842_1084_2108
"""A page with thirteen used nonces."""
_EXPIRY_MS: Final = 24 * 3600 * 1000


def measure_state_make(path: str, accounts: int, *, history: bool = False) -> dict[str, object]:
    """Write the database; return the seconds, the records and the bytes of keys and values."""
    # Millions of tuples and no cycle: looking for some would take most of the time.
    gc.disable()
    begun = time.perf_counter()
    genesis, domain = build_genesis(CHAIN_ID, make_document(make_owners(), TIME_MS))
    records = make_records(genesis, accounts, history=history)
    storage = Storage.open(Path(path))
    _commit(storage, domain, records)
    storage.close()
    size = sum(len(key) + len(value) for key, value in records)
    return {"seconds": time.perf_counter() - begun, "records": len(records), "bytes": size}


def _commit(storage: Storage, domain: Domain, records: list[Record]) -> None:
    """Write genesis and an empty block, as a node does; the state itself is not needed for it."""
    root = Tree.load(records).root
    diff_hash = compute_genesis_diff_hash(records)
    meta = Meta(*domain, 0, 0, compute_app_hash(root, diff_hash), diff_hash, root)
    storage.commit(meta, records, (), 0)
    old = dict(records)[schema.BLOCK]
    block = BlockRecord.decode(old)._replace(height=1, time_ms=TIME_MS, block_hash=bytes(32))
    diff: list[DiffEntry] = [(schema.BLOCK, block.encode())]
    diff_hash = compute_diff_hash(diff_hash, diff)
    meta = Meta(*domain, 1, TIME_MS, compute_app_hash(root, diff_hash), diff_hash, root)
    storage.commit(meta, diff, [(schema.BLOCK, old)], 2 * block.root_interval)


def make_records(genesis: list[Record], accounts: int, *, history: bool = False) -> list[Record]:
    """Return the records of genesis with so many accounts more, ascending by key."""
    records = dict(genesis)
    total = 0
    for number in range(accounts):
        total += _add_account(records, number, history=history)
    key = schema.compute_market_key(MARKET)
    market = MarketRecord.decode(records[key])
    records[key] = market._replace(open_orders=accounts, orders_sum=total & _SUM_MASK).encode()
    return sorted(records.items())


def _add_account(records: dict[bytes, bytes], number: int, *, history: bool) -> int:
    """Add an account with its balances and its order; return the order's hash."""
    owner = hashlib.sha256(b"omg bench holder" + number.to_bytes(8, "big")).digest()[:20]
    price = MID_TICKS - 2 * BAND_TICKS - number % _LEVELS
    order = OrderRecord(
        MARKET,
        Side.BUY,
        OrderType.LIMIT,
        TimeInForce.GTT if history else TimeInForce.GTC,
        PostOnly.NONE,
        SelfTrade.CANCEL_NEWEST,
        0,
        price,
        _LOTS,
        0,
        number,
        TIME_MS + _EXPIRY_MS + number if history else 0,
    ).encode()
    key = schema.compute_order_key(owner, 1)
    records[key] = order
    moved = int.from_bytes(hashlib.sha256(key + order).digest(), "big")
    if history:
        _add_history(records, owner)
    kept = int(history)
    account = AccountRecord(1, moved, kept, kept, 0)
    records[schema.compute_account_key(owner)] = account.encode()
    nonces = schema.compute_nonces_key(owner, _NONCE >> NONCE_PAGE_BITS)
    records[nonces] = encode_nonce_page(1 << _NONCE % (1 << NONCE_PAGE_BITS))
    fees = schema.compute_balance_key(owner, 0, FEE_TOKEN)
    records[fees] = BalanceRecord(10**18 + number, 0).encode()
    quote = schema.compute_balance_key(owner, 0, QUOTE_TOKEN)
    records[quote] = BalanceRecord(10**12 + number, _LOTS * price).encode()
    return moved


def _add_history(records: dict[bytes, bytes], owner: bytes) -> None:
    """Add what an ended order, a cancel that came before its order, and old nonces leave."""
    until_ms = TIME_MS + CLOSED_KEPT_MS
    ended = EndedRecord(2, until_ms, Ended.CANCELLED, _LOTS, 0)
    records[schema.compute_ended_key(owner, 0)] = ended.encode()
    records[schema.compute_tombstone_key(owner, 3)] = encode_tombstone(until_ms)
    nonces = schema.compute_nonces_key(owner, (_NONCE - _OLDER_MS) >> NONCE_PAGE_BITS)
    records[nonces] = encode_nonce_page(_OLD_PAGE)
