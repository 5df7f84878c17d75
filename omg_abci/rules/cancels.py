"""Taking orders back: cancel, cancel all, the dead-man's switch (docs/spec/exchange.md)."""

from typing import Final

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import CancelAll, CancelOrder, SetSwitch
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.units import Ended
from omg_abci.rules.context import LegContext
from omg_abci.rules.orderbook import get_death, remove_resting
from omg_abci.rules.settlement import release_reserve
from omg_abci.state.book import SIDE_BITS, Order
from omg_abci.state.objects import Account
from omg_abci.state.working import WorkingState

_SIDE_MASK: Final = (1 << SIDE_BITS) - 1
_BY_OWNER: Final = Ended.CANCELLED
_CANCELLED: Final = LegResult(ended=_BY_OWNER)
"""What almost every cancel answers."""


def process_cancel_order(state: WorkingState, ctx: LegContext, msg: CancelOrder) -> LegResult:
    """Take an order out, or leave a tombstone; raise OrderClosed, TooManyTombstones."""
    ctx.work += limits.WORK_CANCEL
    account = ctx.account
    order = account.orders.get(msg.client_id)
    if order is None:
        return _cancel_unknown(state, ctx, msg.client_id)
    if order.expires_ms or order.special is not None or account.switch_ms:
        reason = _cancel(state, order)
        return _CANCELLED if reason is _BY_OWNER else LegResult(ended=reason)
    # What `_cancel` and `remove_resting` do for the plain orders that most cancels are about.
    release_reserve(state, order)
    state.end_order(order, _BY_OWNER, order.filled, order.remaining)
    return _CANCELLED


def _cancel_unknown(state: WorkingState, ctx: LegContext, client_id: int) -> LegResult:
    account = ctx.account
    ended = account.get_ended(client_id)
    if ended is not None and ended.until_ms > state.time_ms:
        raise errors.OrderClosed
    until_ms = account.tombstones.get(client_id)
    if until_ms is None and len(account.tombstones) >= limits.TOMBSTONES_MAX:
        raise errors.TooManyTombstones

    if until_ms is None or until_ms < ctx.until_ms:
        state.set_tombstone(account, client_id, ctx.until_ms)
    return LegResult(tombstone=True)


def _cancel(state: WorkingState, order: Order) -> Ended:
    reason = _BY_OWNER
    if order.expires_ms or order.special is not None or order.account.switch_ms:
        reason = get_death(state, order) or _BY_OWNER
    remove_resting(state, order, reason)
    return reason


def process_cancel_all(state: WorkingState, ctx: LegContext, msg: CancelAll) -> LegResult:
    """Take the owner's orders out of a market or all, oldest first; raise UnknownMarket."""
    ctx.work += limits.WORK_CANCEL_ALL
    if msg.market and msg.market not in state.markets:
        raise errors.UnknownMarket(str(msg.market))
    lists = ctx.account.lists
    chosen = [
        lists[where]
        for where in sorted(lists)
        if msg.market in (0, where >> SIDE_BITS) and msg.side in (0, where & _SIDE_MASK)
    ]

    cancelled = 0
    for owner_list in chosen:
        while owner_list.head is not None and cancelled < msg.max_orders:
            _cancel(state, owner_list.head)
            cancelled += 1
    ctx.work += cancelled * limits.WORK_CANCELLED_ORDER
    more = any(owner_list.head is not None for owner_list in chosen)
    return LegResult(cancelled=cancelled, more=more)


def process_set_switch(state: WorkingState, ctx: LegContext, msg: SetSwitch) -> LegResult:
    """Set the dead-man's switch, or turn it off; raise SwitchFiring, SwitchInPast, SwitchTooFar."""
    ctx.work += limits.WORK_SWITCH
    if ctx.account.open_orders and has_switch_fired(state, ctx.account):
        raise errors.SwitchFiring
    if msg.at_ms:
        if msg.at_ms <= state.time_ms:
            raise errors.SwitchInPast
        if msg.at_ms > state.time_ms + limits.SWITCH_AHEAD_MAX_MS:
            raise errors.SwitchTooFar

    state.set_switch(ctx.account, msg.at_ms)
    return LegResult()


def has_switch_fired(state: WorkingState, account: Account) -> bool:
    """Tell whether the owner's orders are being removed by the dead-man's switch."""
    return 0 < account.switch_ms <= state.time_ms
