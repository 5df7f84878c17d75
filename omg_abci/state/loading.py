"""From records to the working state: at start, after genesis, in tests."""

from collections.abc import Iterable
from heapq import heapify

from omg_abci.protocol.errors import InvariantBroken, require
from omg_abci.protocol.units import Side
from omg_abci.state import schema
from omg_abci.state.book import Order, OwnerList
from omg_abci.state.objects import Balance, Market
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
from omg_abci.state.working import WorkingState

_PendingOrder = tuple[int, bytes, bytes, OrderRecord]


def load_state(chain_id: str, records: Iterable[tuple[bytes, bytes]]) -> WorkingState:
    """Return the state that the records say; raise `InvariantBroken` where they contradict."""
    state = WorkingState(chain_id)
    orders: list[_PendingOrder] = []
    for key, value in records:
        if key[:1] == schema.ORDER:
            record = OrderRecord.decode(value)
            orders.append((record.priority, key, value, record))
        else:
            _load_record(state, key, value)
    require(state.block_stored is not None, "the records hold a block record")
    orders.sort()
    for _, key, value, record in orders:
        _load_order(state, key, value, record)
    state.order_expiries = [
        (order.expires_ms, order.priority, 0, order)
        for account in state.accounts.values()
        for order in account.orders.values()
        if order.expires_ms
    ]
    heapify(state.order_expiries)
    heapify(state.tombstone_expiries)
    for account in state.accounts.values():
        require(account.open_orders == len(account.orders), "the account's open orders are there")
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
        account.agents[key[21:]] = AgentRecord.decode(value)
    elif table == schema.TOMBSTONE:
        owner, client_id = decode_owner(key), int.from_bytes(key[21:], "big")
        until_ms = decode_tombstone(value)
        state.get_account(owner).tombstones[client_id] = until_ms
        state.tombstone_expiries.append((until_ms, owner, client_id))
    elif table == schema.NONCES:
        account = state.get_account(decode_owner(key))
        page = int.from_bytes(key[21:], "big")
        account.nonce_pages[page] = decode_nonce_page(value)
        account.nonce_heap.append(page)
    elif table == schema.MARKET:
        market = Market(int.from_bytes(key[1:], "big"), MarketRecord.decode(value))
        market.orders_sum = market.record.orders_sum
        market.stored = value
        state.markets[market.id] = market
    elif table == schema.TOKEN:
        state.tokens[int.from_bytes(key[1:], "big")] = TokenRecord.decode(value)
    elif table == schema.BLOCK:
        _load_block(state, value)
    else:
        message = f"a record of an unknown table: {key.hex()}"
        raise InvariantBroken(message)


def _load_block(state: WorkingState, value: bytes) -> None:
    record = BlockRecord.decode(value)
    state.height = record.height
    state.time_ms = record.time_ms
    state.block_hash = record.block_hash
    state.fee_pool = record.fee_pool
    state.unit_price = record.unit_price
    state.fee_token = record.fee_token
    state.root_interval = record.root_interval
    state.block_stored = value


def _load_account(state: WorkingState, key: bytes, value: bytes) -> None:
    record = AccountRecord.decode(value)
    account = state.get_account(decode_owner(key))
    account.open_orders += record.open_orders
    account.orders_sum = record.orders_sum
    account.ended_next = record.ended_next
    account.stored = value


def _load_ended(state: WorkingState, key: bytes, value: bytes) -> None:
    account = state.get_account(decode_owner(key))
    slot, record = int.from_bytes(key[21:], "big"), EndedRecord.decode(value)
    account.slots[slot] = record
    other = account.ended.get(record.client_id)
    if other is None or other[1].until_ms < record.until_ms:
        account.ended[record.client_id] = (slot, record)


def _load_order(state: WorkingState, key: bytes, value: bytes, record: OrderRecord) -> None:
    owner = decode_owner(key)
    account = state.get_account(owner)
    market = state.markets[record.market]
    order = Order()
    order.account = account
    order.market = market
    order.client_id = int.from_bytes(key[21:], "big")
    order.side = record.side
    order.time_in_force = record.time_in_force
    order.post_only = bool(record.post_only)
    order.self_trade = record.self_trade
    order.subaccount = record.subaccount
    order.price = record.price
    order.filled = record.filled
    order.remaining = record.quantity - record.filled
    order.priority = record.priority
    order.expires_ms = record.expires_ms
    order.stored = value
    terms = market.record
    buys = record.side == Side.BUY
    base = state.get_balance(owner, record.subaccount, terms.base)
    quote = state.get_balance(owner, record.subaccount, terms.quote)
    order.give, order.take = (quote, base) if buys else (base, quote)
    (market.bids if buys else market.asks).attach(order)
    where = (market.id, record.side)
    owner_list = account.lists.get(where)
    if owner_list is None:
        owner_list = account.lists[where] = OwnerList()
    owner_list.append(order)
    account.orders[order.client_id] = order
    market.open_orders += 1
