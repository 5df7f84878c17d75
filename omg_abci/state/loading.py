"""From records to the working state: at start, after genesis, in tests."""

from collections.abc import Iterable
from heapq import heapify
from itertools import product
from struct import Struct
from typing import Final

from omg_abci.protocol import limits
from omg_abci.protocol.errors import require
from omg_abci.protocol.units import (
    BUY,
    RESTS,
    Ended,
    MarketMode,
    MarketStatus,
    OrderType,
    PostOnly,
    SelfTrade,
    Side,
    TimeInForce,
)
from omg_abci.state import schema
from omg_abci.state.book import SIDE_BITS, Order, OwnerList, Special, attach_waiting, is_rising
from omg_abci.state.keyed_records import EXPIRING, KEYED_TABLES, PaymentRecord
from omg_abci.state.objects import Account, Balance, Market, own
from omg_abci.state.records import (
    AccountRecord,
    AgentRecord,
    BalanceRecord,
    BlockRecord,
    EndedRecord,
    MarketRecord,
    OrderRecord,
    TokenRecord,
    decode_nonce_page,
    decode_owner,
    decode_tombstone,
)
from omg_abci.state.recovery_records import KeyRecord
from omg_abci.state.stake_loading import load_stake
from omg_abci.state.working import WorkingState

_POST_ONLY: Final = (PostOnly.NONE, PostOnly.REJECT, PostOnly.SLIDE)
_KINDS: Final = dict.fromkeys(
    tuple(map(int, kind)) for kind in product(Side, OrderType, TimeInForce, _POST_ONLY, SelfTrade)
)
"""What an order's side, type, time in force, post-only and self-trade can be."""
_TRIGGERED: Final = (OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT)

_PRIORITY: Final = Struct(">Q")
_PRIORITY_AT: Final = 34
"""Where it stands in an order's record."""
_PendingOrder = tuple[int, bytes, bytes]
"""Priority, key and value. The rest is decoded when the order is made: of a million orders, the
fields of all at once took 0.16 GiB that the process kept."""


def load_state(chain_id: str, records: Iterable[tuple[bytes, bytes]]) -> WorkingState:
    """Return the state that the records say, ascending by key.

    Raise `InvariantBroken` where they contradict each other or say what is not known.
    """
    state = WorkingState(chain_id)
    orders: list[_PendingOrder] = []
    for key, value in records:
        if key[:1] == schema.ORDER:
            orders.append((*_PRIORITY.unpack_from(value, _PRIORITY_AT), key, value))
        else:
            _load_record(state, key, value)
    require(state.block_stored is not None, "the records hold a block record")
    orders.sort()
    for _, key, value in orders:
        _load_order(state, key, value)
    del orders
    for market in state.markets.values():
        held = market.record.open_orders
        require(market.open_orders == held, "the market's open orders are there")
        state.note_work(market)
    state.sort_heaps()
    for account in state.accounts.values():
        open_orders = 0 if account.stored is None else AccountRecord.decode(account.stored)[0]
        require(open_orders == len(account.orders), "the account's open orders are there")
        if len(account.nonce_heap) > 1:
            heapify(account.nonce_heap)
    return state


def _load_record(state: WorkingState, key: bytes, value: bytes) -> None:
    table = key[:1]
    if table == schema.BALANCE:
        balance = Balance(key, *BalanceRecord.decode(value))
        balance.stored = value
        state.balances[key] = balance
    elif table == schema.ACCOUNT:
        _load_account(state, key, value)
    elif table == schema.ENDED:
        _load_ended(state, key, value)
    elif table == schema.AGENT:
        account = state.get_account(decode_owner(key))
        account.agents = own(account.agents)
        account.agents[key[21:]] = AgentRecord.decode(value)
    elif table == schema.TOMBSTONE:
        owner, client_id = decode_owner(key), int.from_bytes(key[21:], "big")
        until_ms = decode_tombstone(value)
        account = state.get_account(owner)
        account.tombstones = own(account.tombstones)
        account.tombstones[client_id] = until_ms
        state.tombstone_expiries.append((until_ms, owner, client_id))
    elif table == schema.NONCES:
        account = state.get_account(decode_owner(key))
        page = int.from_bytes(key[21:], "big")
        account.open_nonces()
        account.nonce_pages[page] = decode_nonce_page(value)
        account.nonce_heap.append(page)
    elif table == schema.MARKET:
        _load_market(state, key, value)
    elif table == schema.TOKEN:
        _load_token(state, key, value)
    elif table == schema.BLOCK:
        _load_block(state, value)
    elif table in KEYED_TABLES:
        record = state.by_key[key] = KEYED_TABLES[table].decode(value)
        if isinstance(record, PaymentRecord):
            state.payment_expiries.append((record.until_ms, key))
        elif isinstance(record, EXPIRING):
            state.record_expiries.append((record.expires_ms, key))
        elif isinstance(record, KeyRecord):
            state.get_account(key[1:]).key = record.key
    else:
        load_stake(state, key, value)


def _load_token(state: WorkingState, key: bytes, value: bytes) -> None:
    token, record = int.from_bytes(key[1:], "big"), TokenRecord.decode(value)
    state.tokens[token] = record
    state.symbols.setdefault(record.symbol, token)


def _load_block(state: WorkingState, value: bytes) -> None:
    record = BlockRecord.decode(value)
    state.height = record.height
    state.time_ms = record.time_ms
    state.block_hash = record.block_hash
    state.fee_pool = record.fee_pool
    state.unit_price = record.unit_price
    state.fee_token = record.fee_token
    state.root_interval = record.root_interval
    state.post_only_until_ms = record.post_only_until_ms
    state.next_market = record.next_market
    state.market_bond = record.market_bond
    state.block_stored = value


def _load_market(state: WorkingState, key: bytes, value: bytes) -> None:
    market = Market(int.from_bytes(key[1:], "big"), MarketRecord.decode(value))
    require(MarketStatus.ACTIVE <= market.status <= MarketStatus.DELISTING, "a status is known")
    require(market.record.mode in (MarketMode.CONTINUOUS, MarketMode.BATCH), "a mode is known")
    market.orders_sum = market.record.orders_sum
    market.stored = value
    state.markets[market.id] = market


def _load_account(state: WorkingState, key: bytes, value: bytes) -> None:
    record = AccountRecord.decode(value)
    account = state.get_account(decode_owner(key))
    account.orders_sum = record.orders_sum
    account.ended_next = record.ended_next
    account.paid_epoch, account.paid = record.paid_epoch, record.paid
    account.stored = value
    if record.switch_ms:
        account.switch_ms = record.switch_ms
        state.switch_expiries.append((record.switch_ms, account.owner))


def _load_ended(state: WorkingState, key: bytes, value: bytes) -> None:
    account = state.get_account(decode_owner(key))
    slot, record = int.from_bytes(key[21:], "big"), EndedRecord.decode(value)
    require(Ended.OPEN < record.ended <= Ended.UNFILLED, "a reason is known")
    account.set_slot(slot, value)
    other = account.ended.get(record.client_id)
    if other is None or _compute_age(account, other) > _compute_age(account, slot):
        account.ended[record.client_id] = slot


def _compute_age(account: Account, slot: int) -> int:
    """Return how many orders of the account ended after the one in the slot."""
    return (account.ended_next - 1 - slot) % limits.CLOSED_KEPT_MAX


def _load_order(state: WorkingState, key: bytes, value: bytes) -> None:
    record = OrderRecord.decode(value)
    require(record[1:6] in _KINDS, "an order's kind is known")
    owner = decode_owner(key)
    account = state.get_account(owner)
    order = Order()
    order.account = account
    market = order.market = state.markets[record.market]
    order.client_id = int.from_bytes(key[21:], "big")
    order.side = record.side
    order.order_type = record.order_type
    order.time_in_force = record.time_in_force
    order.post_only = record.post_only
    order.self_trade = record.self_trade
    order.subaccount = record.subaccount
    order.price = record.price
    order.filled = record.filled
    order.remaining = record.quantity - record.filled
    order.priority = record.priority
    order.expires_ms = record.expires_ms
    order.special = None
    order.stored = value
    token = market.quote if record.side == BUY else market.base
    order.give = state.get_balance(owner, record.subaccount, token)
    order.take = None
    if any(record[12:]):
        _load_special(state, order, record)
    if not record.trigger:
        (market.bids if record.side == BUY else market.asks).attach(order)
        if not RESTS[record.time_in_force]:
            require(market.is_batch, "immediate orders rest in batch markets only")
            market.immediate[order] = None
    if record.expires_ms:
        state.order_expiries.append((record.expires_ms, record.priority, 0, order))
    _add_open(order)


def _load_special(state: WorkingState, order: Order, record: OrderRecord) -> None:
    market, priority, trigger = order.market, record.priority, record.trigger
    order.special = Special(
        record.display, record.tip, trigger, record.expires_height, record.max_matches
    )
    if record.expires_height:
        state.height_expiries.append((record.expires_height, priority, 0, order))
    if trigger:
        require(record.order_type in _TRIGGERED, "only stops and take-profits wait")
        attach_waiting(order)
        if is_rising(order):
            market.rising.append((trigger, priority, 0, order))
        else:
            market.falling.append((-trigger, priority, 0, order))


def _add_open(order: Order) -> None:
    """Add an order to what its owner and its market have open."""
    account = order.account
    account.open_tables()
    where = order.market.id << SIDE_BITS | order.side
    owner_list = account.lists.get(where)
    if owner_list is None:
        owner_list = account.lists[where] = OwnerList()
    owner_list.append(order)
    require(order.client_id not in account.orders, "an open order is there once")
    account.orders[order.client_id] = order
    order.market.open_orders += 1
