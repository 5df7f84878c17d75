"""From touched objects to the block's one sorted diff.

The diff holds exactly the records whose bytes differ from before the block: what was touched and
ended as it began is not in it.
"""

import hashlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from omg_abci.protocol.errors import require
from omg_abci.protocol.units import Address
from omg_abci.state import schema
from omg_abci.state.book import Order
from omg_abci.state.hashes import DiffEntry
from omg_abci.state.objects import Account, Market
from omg_abci.state.records import (
    AccountRecord,
    AgentRecord,
    BlockRecord,
    EndedRecord,
    encode_balance,
    encode_nonce_page,
    encode_order,
    encode_order_tail,
    encode_tombstone,
)
from omg_abci.state.working import WorkingState

_SUM_MASK: Final = (1 << 256) - 1


class Changes(NamedTuple):
    """A block's changes, both ways, ascending by key."""

    diff: tuple[DiffEntry, ...]
    undo: tuple[DiffEntry, ...]


def compute_changes(state: WorkingState) -> Changes:
    """Return what the open block changed, and bring the order sums up to date."""
    before: dict[bytes, bytes | None] = {}
    after: dict[bytes, bytes | None] = {}
    _collect_orders(state, before, after)
    before[schema.BLOCK] = state.block_stored
    after[schema.BLOCK] = encode_block(state)
    for key, old in state.dirty_records.items():
        before[key] = old
        after[key] = _encode_small(state, key)
    for balance in state.dirty_balances:
        before[balance.key] = balance.stored
        filled = balance.free or balance.reserved
        after[balance.key] = encode_balance(balance.free, balance.reserved) if filled else None
    for account in state.dirty_accounts:
        key = schema.compute_account_key(account.owner)
        before[key] = account.stored
        after[key] = encode_account(account)
    for market in state.dirty_markets:
        key = schema.compute_market_key(market.id)
        before[key] = market.stored
        after[key] = _encode_known(state, market)
    changed = [key for key in sorted(after) if before[key] != after[key]]
    return Changes(
        tuple([(key, after[key]) for key in changed]),
        tuple([(key, before[key]) for key in changed]),
    )


def store_changes(state: WorkingState, changes: Changes) -> None:
    """Note on the touched objects what is stored now; called once, when the block is committed."""
    stored = dict(changes.diff)
    for order in state.dirty_orders:
        key = schema.compute_order_key(order.account.owner, order.client_id)
        if not order.is_open:
            _drop_if_empty(order)
        elif key in stored:
            order.stored = stored[key]
    for balance in state.dirty_balances:
        if balance.key in stored:
            balance.stored = stored[balance.key]
        if balance.stored is None and not (balance.free or balance.reserved):
            _drop_if_unused(state, balance.key)
    for account in state.dirty_accounts:
        account.stored = stored.get(schema.compute_account_key(account.owner), account.stored)
    for market in state.dirty_markets:
        market.stored = stored.get(schema.compute_market_key(market.id), market.stored)
    state.block_stored = stored.get(schema.BLOCK, state.block_stored)


def _drop_if_empty(order: Order) -> None:
    """Forget the list of an ended order when its owner has no other in it."""
    where = (order.market.id, order.side)
    owner_list = order.account.lists.get(where)
    if owner_list is not None and owner_list.head is None:
        del order.account.lists[where]


def _drop_if_unused(state: WorkingState, key: bytes) -> None:
    """Forget a zero balance unless an open order still points at it."""
    owner = key[1:21]
    account = state.accounts.get(owner)
    if account is None or account.open_orders == 0:
        state.balances.pop(key, None)


def _collect_orders(
    state: WorkingState, before: dict[bytes, bytes | None], after: dict[bytes, bytes | None]
) -> None:
    """Compare the touched orders with what is stored, and move the sums by the difference."""
    for order in state.dirty_orders:
        key = schema.compute_order_key(order.account.owner, order.client_id)
        if order.stored is not None or key not in before:
            before[key] = order.stored
        if order.is_open:
            after[key] = _encode_open(order)
        else:
            after.setdefault(key, None)
        moved = 0
        if order.is_open:
            moved = _hash_entry(key, after[key] or b"")
        if order.stored is not None:
            moved -= _hash_entry(key, order.stored)
        if moved:
            _move_sums(state, order.account, order.market, moved)


def _hash_entry(key: bytes, value: bytes) -> int:
    return int.from_bytes(hashlib.sha256(key + value).digest(), "big")


def _move_sums(state: WorkingState, account: Account, market: Market, moved: int) -> None:
    state.record_undo(_restore_sums, account, market, account.orders_sum, market.orders_sum)
    account.orders_sum = (account.orders_sum + moved) & _SUM_MASK
    market.orders_sum = (market.orders_sum + moved) & _SUM_MASK
    state.dirty_accounts[account] = None
    state.dirty_markets[market] = None


def _restore_sums(account: Account, market: Market, account_sum: int, market_sum: int) -> None:
    account.orders_sum = account_sum
    market.orders_sum = market_sum


# --- encodings of live objects ------------------------------------------------------------------


def encode_block(state: WorkingState) -> bytes:
    """Return the block record's bytes."""
    return BlockRecord(
        state.height,
        state.time_ms,
        state.block_hash,
        state.fee_pool,
        state.unit_price,
        state.fee_token,
        state.root_interval,
        state.post_only_until_ms,
        state.next_market,
        state.market_bond,
    ).encode()


def encode_account(account: Account) -> bytes | None:
    """Return the account record's bytes; None when it says nothing."""
    record = AccountRecord(
        account.open_orders,
        account.orders_sum,
        account.ended_next,
        len(account.tombstones),
        len(account.agents),
        account.switch_ms,
    )
    return record.encode() if any(record) else None


def encode_market(market: Market) -> bytes:
    """Return the market record's bytes."""
    return market.record._replace(
        status=market.status,
        last_price=market.last_price,
        open_orders=market.open_orders,
        orders_sum=market.orders_sum,
        until_ms=market.until_ms,
        low=market.low,
        high=market.high,
        reference=market.reference,
        reference_ms=market.reference_ms,
        auction_price=market.auction_price,
    ).encode()


def _encode_known(state: WorkingState, market: Market) -> bytes | None:
    """Return a touched market's bytes; None when it was removed."""
    if state.markets.get(market.id) is market:
        return encode_market(market)
    require(
        market.open_orders == 0 and market.orders_sum == 0, "a market that is gone has no orders"
    )
    return None


def _encode_open(order: Order) -> bytes:
    plain = encode_order(
        order.market.id,
        order.side,
        order.order_type,
        order.time_in_force,
        order.post_only,
        order.self_trade,
        order.subaccount,
        order.price,
        order.filled + order.remaining,
        order.filled,
        order.priority,
        order.expires_ms,
    )
    special = order.special
    if special is None:
        return plain
    return plain + encode_order_tail(
        special.expires_height,
        special.display,
        special.tip,
        special.trigger,
        special.max_matches,
    )


def _encode_small(state: WorkingState, key: bytes) -> bytes | None:
    """Return the bytes of an agent, ended order, tombstone or page of nonces as it is now."""
    account = state.get_account(key[1:21])
    table, rest = key[:1], key[21:]
    if table == schema.NONCES:
        bits = account.nonce_pages.get(int.from_bytes(rest, "big"))
        return None if bits is None else encode_nonce_page(bits)
    if table == schema.TOMBSTONE:
        until_ms = account.tombstones.get(int.from_bytes(rest, "big"))
        return None if until_ms is None else encode_tombstone(until_ms)
    record: AgentRecord | EndedRecord | None
    if table == schema.AGENT:
        record = account.agents.get(rest)
    else:
        record = account.slots.get(int.from_bytes(rest, "big"))
    return None if record is None else record.encode()


# --- the whole state ----------------------------------------------------------------------------


def iterate_open_orders(account: Account) -> Iterator[Order]:
    """Yield an account's open orders by market, side and priority."""
    for where in sorted(account.lists):
        order = account.lists[where].head
        while order is not None:
            yield order
            order = order.owner_next


def compute_records(state: WorkingState) -> list[tuple[bytes, bytes]]:
    """Return every record of the state, ascending by key (for export and tests)."""
    records: dict[bytes, bytes | None] = {schema.BLOCK: encode_block(state)}
    for token, token_record in state.tokens.items():
        records[schema.compute_token_key(token)] = token_record.encode()
    for market in state.markets.values():
        records[schema.compute_market_key(market.id)] = encode_market(market)
    for key, balance in state.balances.items():
        if balance.free or balance.reserved:
            records[key] = encode_balance(balance.free, balance.reserved)
    for owner, account in state.accounts.items():
        records.update(_compute_account_records(owner, account))
    return [(key, value) for key, value in sorted(records.items()) if value is not None]


def _compute_account_records(owner: Address, account: Account) -> dict[bytes, bytes | None]:
    records = {schema.compute_account_key(owner): encode_account(account)}
    for agent, approval in account.agents.items():
        records[schema.compute_agent_key(owner, agent)] = approval.encode()
    for slot, ended in account.slots.items():
        records[schema.compute_ended_key(owner, slot)] = ended.encode()
    for page, bits in account.nonce_pages.items():
        records[schema.compute_nonces_key(owner, page)] = encode_nonce_page(bits)
    for client_id, until_ms in account.tombstones.items():
        records[schema.compute_tombstone_key(owner, client_id)] = encode_tombstone(until_ms)
    for order in iterate_open_orders(account):
        key = schema.compute_order_key(owner, order.client_id)
        records[key] = _encode_open(order)
    return records
