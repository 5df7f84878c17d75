"""How the chain ends open orders by itself, outside of any transaction (docs/spec/blocks.md).

What is due is removed in a fixed order, a bounded number of steps at a time: whoever is left waits
for the next block, and does not match meanwhile. Each order that ends is an event of the block.
"""

from typing import Final

from omg_abci.protocol.results import Removed, StatusChanged
from omg_abci.protocol.units import Ended, MarketStatus
from omg_abci.rules.orderbook import get_death, remove_resting
from omg_abci.state.book import Order
from omg_abci.state.objects import Account, Market
from omg_abci.state.sweeping import drop_passed_over, is_expiry, is_height_expiry
from omg_abci.state.working import WorkingState

_GONE: Final = int(MarketStatus.GONE)
_PASSED_SHARE: Final = 16
"""When so great a part of a heap was passed over one by one, the rest goes at once."""


def end_order(state: WorkingState, order: Order, reason: Ended) -> None:
    """Take an open order out with its reserve back; a dead order ends for what it died of."""
    ended = get_death(state, order) or reason
    remove_resting(state, order, ended)
    state.add_event(Removed(order.account.owner, order.client_id, int(ended)))


# --- orders and tombstones that are due -------------------------------------------------------


def work_removals(state: WorkingState, steps_left: int) -> int:
    """Remove what has expired and what switches cancel; return the steps used."""
    steps = _end_by_time(state, steps_left)
    steps += _end_by_height(state, steps_left - steps)
    steps += _end_by_switch(state, steps_left - steps)
    return steps + _drop_tombstones(state, steps_left - steps)


def _end_by_time(state: WorkingState, steps_left: int) -> int:
    heap = state.order_expiries
    steps = passed = 0
    while heap and heap[0][0] <= state.time_ms:
        entry = heap[0]
        if is_expiry(entry):
            if steps >= steps_left:
                break
            steps += 1
            end_order(state, entry[3], Ended.EXPIRED)
        else:
            passed += 1
            if passed * _PASSED_SHARE > len(heap):
                drop_passed_over(state, heap, is_expiry)
                passed = 0
                continue
        state.pop_entry(heap)
    return steps


def _end_by_height(state: WorkingState, steps_left: int) -> int:
    heap = state.height_expiries
    steps = passed = 0
    while heap and heap[0][0] < state.height:
        entry = heap[0]
        if is_height_expiry(entry):
            if steps >= steps_left:
                break
            steps += 1
            end_order(state, entry[3], Ended.EXPIRED)
        else:
            passed += 1
            if passed * _PASSED_SHARE > len(heap):
                drop_passed_over(state, heap, is_height_expiry)
                passed = 0
                continue
        state.pop_entry(heap)
    return steps


def _end_by_switch(state: WorkingState, steps_left: int) -> int:
    heap = state.switch_expiries
    steps = 0
    while heap and heap[0][0] <= state.time_ms:
        at_ms, owner = heap[0]
        account = state.get_account(owner)
        if account.switch_ms == at_ms:
            if steps >= steps_left:
                break
            steps += _fire_switch(state, account, steps_left - steps)
            if account.switch_ms:
                break
        state.pop_entry(heap)
    return steps


def _fire_switch(state: WorkingState, account: Account, steps_left: int) -> int:
    """Remove an owner's orders, and put the switch off with the last; return the steps used."""
    steps = 0
    for where in sorted(account.lists):
        orders = account.lists[where]
        while orders.head is not None:
            if steps >= steps_left:
                return steps
            steps += 1
            end_order(state, orders.head, Ended.SWITCHED)
    state.set_switch(account, 0)
    return max(steps, 1)


def _drop_tombstones(state: WorkingState, steps_left: int) -> int:
    heap = state.tombstone_expiries
    steps = 0
    while heap and heap[0][0] <= state.time_ms:
        until_ms, owner, client_id = heap[0]
        account = state.get_account(owner)
        if account.tombstones.get(client_id) == until_ms:
            if steps >= steps_left:
                break
            steps += 1
            state.set_tombstone(account, client_id, None)
        state.pop_entry(heap)
    return steps


# --- delisting --------------------------------------------------------------------------------


def work_delisting(state: WorkingState, market: Market, steps_left: int) -> int:
    """Remove a delisted market's orders, and the market with the last; return the steps used."""
    steps = 0
    for side in (market.bids, market.asks, market.waiting.side):
        level = side.get_best()
        while level is not None and level.head is not None:
            if steps >= steps_left:
                return steps
            steps += 1
            end_order(state, level.head, Ended.DELISTED)
            level = side.get_best()
    if not market.open_orders:
        _close_market(state, market)
    return steps


def _close_market(state: WorkingState, market: Market) -> None:
    """Delete a market without orders, and give its creator the bond back."""
    record = market.record
    if record.bond:
        balance = state.get_balance(record.creator, 0, state.fee_token)
        state.change_balance(balance, record.bond, -record.bond)
    state.remove_market(market)
    state.drop_work(state.delisting_work, market.id)
    state.add_event(StatusChanged(market.id, _GONE, 0))
