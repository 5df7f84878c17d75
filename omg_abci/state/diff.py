"""From touched objects to the block's one sorted diff.

The diff holds exactly the records whose bytes differ from before the block: what was touched and
ended as it began is not in it.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from operator import itemgetter
from typing import Final, NamedTuple

from omg_abci.protocol.errors import require
from omg_abci.protocol.units import Address
from omg_abci.state import schema
from omg_abci.state.book import SIDE_BITS, Order
from omg_abci.state.fee_records import FeeRecord, TallyRecord
from omg_abci.state.hashes import DiffEntry
from omg_abci.state.keyed_records import KEYED_TABLES
from omg_abci.state.objects import NOTHING, Account, Market
from omg_abci.state.records import (
    BlockRecord,
    encode_balance,
    encode_nonce_page,
    encode_order,
    encode_order_tail,
    encode_paid,
    encode_tombstone,
    pack_account,
)
from omg_abci.state.stake_records import StakeRecord
from omg_abci.state.tables import Stored
from omg_abci.state.working import WorkingState

_SUM_MASK: Final = (1 << 256) - 1
_ORDER: Final = schema.ORDER
_ENDED: Final = schema.ENDED
_NO_ACCOUNT: Final = pack_account(0, bytes(32), 0, 0, 0, 0)


_Entry = tuple[bytes, bytes | None, bytes | None]
"""Key, value before, value now."""
_get_key: Final = itemgetter(0)


class Changes(NamedTuple):
    """A block's changes by column, ascending by key: a fourth of the time of making pairs."""

    keys: Sequence[bytes]
    old: Sequence[bytes | None]
    """The values before the block."""
    new: Sequence[bytes | None]

    def iterate_diff(self) -> Iterator[DiffEntry]:
        """Yield each key with its new value."""
        return zip(self.keys, self.new, strict=True)

    @property
    def diff(self) -> tuple[DiffEntry, ...]:
        """Return the keys with their new values."""
        return tuple(self.iterate_diff())

    @property
    def undo(self) -> tuple[DiffEntry, ...]:
        """Return the keys with the values before the block."""
        return tuple(zip(self.keys, self.old, strict=True))


def compute_changes(state: WorkingState) -> Changes:
    """Return what the open block changed, and bring the order sums up to date."""
    stored = state.to_store = []
    entries: list[_Entry] = []
    block = encode_block(state)
    if block != state.block_stored:
        entries.append((schema.BLOCK, state.block_stored, block))
    _collect_orders(state, entries, stored)
    _collect_small(state, entries)
    _collect_ended(state, entries)
    if state.dirty_stake:
        _collect_stake(state, entries)
    for balance in state.dirty_balances:
        free, reserved, old = balance.free, balance.reserved, balance.stored
        new = encode_balance(free, reserved) if free or reserved else None
        if new != old:
            entries.append((balance.key, old, new))
            stored.append((balance, new))
    for account in state.dirty_accounts:
        old, new = account.stored, encode_account(account)
        if new != old:
            entries.append((schema.ACCOUNT + account.owner, old, new))
            stored.append((account, new))
    for market in state.dirty_markets:
        old, new = market.stored, _encode_known(state, market)
        if new != old:
            entries.append((schema.compute_market_key(market.id), old, new))
            stored.append((market, new))
    entries.sort(key=_get_key)
    return Changes(
        [key for key, _, _ in entries],
        [old for _, old, _ in entries],
        [new for _, _, new in entries],
    )


def store_changes(state: WorkingState, changes: Changes) -> None:
    """Note on the touched objects what is stored now; called once, when the block is committed."""
    for live, value in state.to_store:
        live.stored = value
    for order in state.emptied:
        order.account.lists.pop(order.market.id << SIDE_BITS | order.side, None)
    for balance in state.dirty_balances:
        if balance.stored is None and not (balance.free or balance.reserved):
            _drop_if_unused(state, balance.key)
    if changes.keys and changes.keys[0] == schema.BLOCK:
        state.block_stored = changes.new[0]


def _drop_if_unused(state: WorkingState, key: bytes) -> None:
    """Forget a zero balance unless an open order still points at it."""
    account = state.accounts.get(key[1:21])
    if account is None or not account.orders:
        state.balances.pop(key, None)
        if account is not None and account.near is not NOTHING:
            account.near.pop(int.from_bytes(key[21:], "big"), None)


# --- orders -------------------------------------------------------------------------------------


def _collect_orders(state: WorkingState, entries: list[_Entry], stored: list[Stored]) -> None:
    """Compare the touched orders with what is stored, and move the sums by the difference."""
    by_key: dict[bytes, _Entry] = {}
    by_account: dict[Account, int] = {}
    by_market: dict[Market, int] = {}
    compute_key, to_number = schema.pack_order_key, int.from_bytes
    emptied = state.emptied = []
    for order in state.dirty_orders:
        old, new = order.stored, None
        if order.level is not None:
            new = _encode_open(order)
        elif order.owner_list is not None and order.owner_list.head is None:
            emptied.append(order)
        if new == old:
            continue
        account, market = order.account, order.market
        key = compute_key(_ORDER, account.owner, order.client_id)
        moved = 0
        if new is not None:
            moved = to_number(sha256(key + new).digest(), "big")
            stored.append((order, new))
        if old is not None:
            moved -= to_number(sha256(key + old).digest(), "big")
        by_account[account] = by_account.get(account, 0) + moved
        by_market[market] = by_market.get(market, 0) + moved
        other = by_key.get(key)
        # An id may come again in the block in which its order was forgotten: one goes, one comes.
        by_key[key] = (key, old, new) if other is None else (key, other[1] or old, other[2] or new)
    entries += by_key.values()
    _move_sums(state, by_account, by_market)


def _move_sums(
    state: WorkingState, by_account: dict[Account, int], by_market: dict[Market, int]
) -> None:
    for account, moved in by_account.items():
        state.record_undo(_restore_sum, account, account.orders_sum)
        account.orders_sum = (account.orders_sum + moved) & _SUM_MASK
        state.dirty_accounts[account] = None
    for market, moved in by_market.items():
        state.record_undo(_restore_sum, market, market.orders_sum)
        market.orders_sum = (market.orders_sum + moved) & _SUM_MASK
        state.dirty_markets[market] = None


def _restore_sum(holder: Account | Market, orders_sum: int) -> None:
    holder.orders_sum = orders_sum


# --- small records ------------------------------------------------------------------------------


def _collect_small(state: WorkingState, entries: list[_Entry]) -> None:
    """Compare small records with what they were before the block."""
    for (account, page), bits in state.dirty_nonces.items():
        now = account.nonce_pages.get(page)
        if now != bits:
            old = None if bits is None else encode_nonce_page(bits)
            new = None if now is None else encode_nonce_page(now)
            entries.append((schema.compute_nonces_key(account.owner, page), old, new))
    for key, old in state.dirty_records.items():
        new = _encode_small(state, key)
        if new != old:
            entries.append((key, old, new))


def _collect_ended(state: WorkingState, entries: list[_Entry]) -> None:
    """Collect the slots of ended orders, each once: the first entry has what was there before."""
    touched, compute_key = state.dirty_accounts, schema.pack_ended_key
    by_key: dict[bytes, _Entry] = {}
    for _, account, slot, old, _, _, _, _, _, _ in state.ended_log:
        key = compute_key(_ENDED, account.owner, slot)
        if key not in by_key:
            touched[account] = None
            new = account.slots[slot]
            if new != old:
                by_key[key] = key, old, new
    entries += by_key.values()


def _collect_stake(state: WorkingState, entries: list[_Entry]) -> None:
    """Compare the touched records about stake with those from before the block."""
    for key, old in state.dirty_stake.items():
        new = _find_stake(state, key)
        if new != old:
            before = None if old is None else old.encode()
            entries.append((key, before, None if new is None else new.encode()))


def _find_stake(state: WorkingState, key: bytes) -> StakeRecord | FeeRecord | None:
    table = key[:1]
    if table == schema.STAKING:
        return state.staking
    if table == schema.VALIDATOR:
        return state.validators.get(key[1:])
    if table == schema.FEES:
        return state.fees
    if table == schema.TALLY:
        shares = state.tallies[key[1:21], key[21]].steps.get(int.from_bytes(key[22:], "big"))
        return None if shares is None else TallyRecord(shares)
    return state.stake.get(key)


def _encode_small(state: WorkingState, key: bytes) -> bytes | None:
    """Return the bytes of a token, an agent, a tombstone or a keyed record as it is now."""
    if key[:1] in KEYED_TABLES:
        keyed = state.by_key.get(key)
        return None if keyed is None else keyed.encode()
    if key[:1] == schema.TOKEN:
        token = state.tokens.get(int.from_bytes(key[1:], "big"))
        return None if token is None else token.encode()
    account = state.get_account(key[1:21])
    if key[:1] == schema.TOMBSTONE:
        until_ms = account.tombstones.get(int.from_bytes(key[21:], "big"))
        return None if until_ms is None else encode_tombstone(until_ms)
    record = account.agents.get(key[21:])
    return None if record is None else record.encode()


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
    packed = pack_account(
        len(account.orders),
        account.orders_sum.to_bytes(32, "big"),
        account.ended_next,
        len(account.tombstones),
        len(account.agents),
        account.switch_ms,
    )
    if account.paid_epoch:
        return packed + encode_paid(account.paid_epoch, account.paid)
    return None if packed == _NO_ACCOUNT else packed


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
    for key, keyed in state.by_key.items():
        records[key] = keyed.encode()
    for market in state.markets.values():
        records[schema.compute_market_key(market.id)] = encode_market(market)
    for key, balance in state.balances.items():
        if balance.free or balance.reserved:
            records[key] = encode_balance(balance.free, balance.reserved)
    if state.staking is not None:
        records[schema.STAKING] = state.staking.encode()
    if state.fees is not None:
        records[schema.FEES] = state.fees.encode()
    for (owner, parameter), tally in state.tallies.items():
        for step, shares in tally.steps.items():
            records[schema.compute_tally_key(owner, parameter, step)] = TallyRecord(shares).encode()
    for owner, validator in state.validators.items():
        records[schema.compute_validator_key(owner)] = validator.encode()
    for key, stake in state.stake.items():
        records[key] = stake.encode()
    for owner, account in state.accounts.items():
        records.update(_compute_account_records(owner, account))
    return [(key, value) for key, value in sorted(records.items()) if value is not None]


def _compute_account_records(owner: Address, account: Account) -> dict[bytes, bytes | None]:
    records = {schema.compute_account_key(owner): encode_account(account)}
    for agent, approval in account.agents.items():
        records[schema.compute_agent_key(owner, agent)] = approval.encode()
    for slot, ended in enumerate(account.slots):
        records[schema.compute_ended_key(owner, slot)] = ended
    for page, bits in account.nonce_pages.items():
        records[schema.compute_nonces_key(owner, page)] = encode_nonce_page(bits)
    for client_id, until_ms in account.tombstones.items():
        records[schema.compute_tombstone_key(owner, client_id)] = encode_tombstone(until_ms)
    for order in iterate_open_orders(account):
        key = schema.compute_order_key(owner, order.client_id)
        records[key] = _encode_open(order)
    return records
