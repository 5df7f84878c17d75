"""A large state on disk: so many accounts, each with an open order, and one block on top.

Beside the bench's own owners, who will trade, every account has one used nonce, two balances and
one bid that rests far below the market: the book is as deep as there are accounts.
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
from omg_abci.protocol.limits import NONCE_PAGE_BITS
from omg_abci.protocol.signing import Domain
from omg_abci.protocol.units import OrderType, PostOnly, SelfTrade, Side, TimeInForce
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
    MarketRecord,
    OrderRecord,
    encode_nonce_page,
)
from omg_abci.state.tree import Tree

Record = tuple[bytes, bytes]
_LOTS: Final = 10
_LEVELS: Final = 5_000
_SUM_MASK: Final = (1 << 256) - 1
_NONCE: Final = TIME_MS - 1


def measure_state_make(path: str, accounts: int) -> dict[str, object]:
    """Write the database; return the seconds, the records and the bytes of keys and values."""
    # Millions of tuples and no cycle: looking for some would take most of the time.
    gc.disable()
    begun = time.perf_counter()
    genesis, domain = build_genesis(CHAIN_ID, make_document(make_owners(), TIME_MS))
    records = make_records(genesis, accounts)
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


def make_records(genesis: list[Record], accounts: int) -> list[Record]:
    """Return the records of genesis with so many accounts more, ascending by key."""
    records = dict(genesis)
    total = 0
    for number in range(accounts):
        total += _add_account(records, number)
    key = schema.compute_market_key(MARKET)
    market = MarketRecord.decode(records[key])
    records[key] = market._replace(open_orders=accounts, orders_sum=total & _SUM_MASK).encode()
    return sorted(records.items())


def _add_account(records: dict[bytes, bytes], number: int) -> int:
    """Add an account with its balances and its order; return the order's hash."""
    owner = hashlib.sha256(b"omg bench holder" + number.to_bytes(8, "big")).digest()[:20]
    price = MID_TICKS - 2 * BAND_TICKS - number % _LEVELS
    order = OrderRecord(
        MARKET,
        Side.BUY,
        OrderType.LIMIT,
        TimeInForce.GTC,
        PostOnly.NONE,
        SelfTrade.CANCEL_NEWEST,
        0,
        price,
        _LOTS,
        0,
        number,
        0,
    ).encode()
    key = schema.compute_order_key(owner, 1)
    records[key] = order
    moved = int.from_bytes(hashlib.sha256(key + order).digest(), "big")
    records[schema.compute_account_key(owner)] = AccountRecord(1, moved, 0, 0, 0).encode()
    nonces = schema.compute_nonces_key(owner, _NONCE >> NONCE_PAGE_BITS)
    records[nonces] = encode_nonce_page(1 << _NONCE % (1 << NONCE_PAGE_BITS))
    fees = schema.compute_balance_key(owner, 0, FEE_TOKEN)
    records[fees] = BalanceRecord(10**18 + number, 0).encode()
    quote = schema.compute_balance_key(owner, 0, QUOTE_TOKEN)
    records[quote] = BalanceRecord(10**12 + number, _LOTS * price).encode()
    return moved
