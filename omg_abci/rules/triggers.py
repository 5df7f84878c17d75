"""Stop-limit and take-profit orders: what trades set off (docs/spec/exchange.md#triggers).

Activations happen in the mass work at a block's end, as far as its steps reach. Their own fills
widen the market's range, so that a cascade goes on by itself.
"""

from typing import Final

from omg_abci.protocol import errors
from omg_abci.protocol.results import Activated, LegResult, Removed
from omg_abci.protocol.units import Ended, MarketStatus, Ticks, TimeInForce
from omg_abci.rules.markets import renew_reference
from omg_abci.rules.orderbook import (
    Outcome,
    compute_result,
    enter_book,
    get_death,
    is_fillable,
    remove_resting,
)
from omg_abci.rules.settlement import release_reserve, take_reserve
from omg_abci.state.book import Order, is_rising
from omg_abci.state.objects import Market, WaitingHeap
from omg_abci.state.working import WorkingState

_ACTIVE: Final = int(MarketStatus.ACTIVE)
_FOK: Final = int(TimeInForce.FOK)


def get_trigger(order: Order) -> Ticks:
    """Return the price that a waiting order waits for; 0 for any other."""
    return 0 if order.special is None else order.special.trigger


def require_trigger(order: Order, trigger: Ticks) -> None:
    """Raise TriggerOnWrongSide unless a trigger lies strictly outside the traded range."""
    market = order.market
    if market.high == 0:
        return
    if is_rising(order):
        if trigger <= market.high:
            raise errors.TriggerOnWrongSide(f"{trigger}, traded up to {market.high}")
    elif trigger >= market.low:
        raise errors.TriggerOnWrongSide(f"{trigger}, traded down to {market.low}")


def work_triggers(state: WorkingState, market: Market, steps_left: int) -> int:
    """Activate what the market's range has reached; return the steps used.

    When no waiting order lies in the range any more it shrinks to the last price, which is no
    step. A market with nothing left, or that does not trade, is dropped from the trigger work.
    """
    used = 0
    while market.status == _ACTIVE:
        if state.time_ms < state.post_only_until_ms:
            return used
        order = _find_triggered(state, market)
        if order is None:
            _shrink_range(state, market)
            break
        if used + 1 + _get_matches(order) > steps_left:
            return used
        used += _activate(state, order)
    state.drop_work(state.trigger_work, market.id)
    return used


def _get_matches(order: Order) -> int:
    """Return the steps of matching that an activation may take."""
    if order.market.is_batch or order.special is None:
        return 0
    return order.special.max_matches


def _shrink_range(state: WorkingState, market: Market) -> None:
    last = market.last_price
    if market.low != last or market.high != last:
        state.set_market(market, low=last, high=last)


def _find_triggered(state: WorkingState, market: Market) -> Order | None:
    """Return the next waiting order that the range has reached: rising before falling."""
    if market.high == 0:
        return None
    order = _find_first(state, market.rising, 1)
    if order is not None and get_trigger(order) <= market.high:
        return order
    order = _find_first(state, market.falling, -1)
    if order is not None and get_trigger(order) >= market.low:
        return order
    return None


def _find_first(state: WorkingState, heap: WaitingHeap, sign: int) -> Order | None:
    """Return the first order of a heap that waits; entries that say nothing any more go."""
    while heap:
        order = heap[0][3]
        if order.is_waiting and heap[0][:2] == (sign * get_trigger(order), order.priority):
            return order
        state.pop_entry(heap)
    return None


def _activate(state: WorkingState, order: Order) -> int:
    """Let a waiting order go on as a limit order; return the steps that it took."""
    owner, client_id = order.account.owner, order.client_id
    death = get_death(state, order)
    if death:
        remove_resting(state, order, death)
        state.add_event(Removed(owner, client_id, death))
        return 1
    matches = _get_matches(order)
    release_reserve(state, order)
    state.take_out(order)
    state.set_trigger_done(order)
    out = Outcome()
    result = _enter(state, order, matches, out)
    state.add_event(Activated(owner, client_id, result))
    return 1 + out.steps


def _enter(state: WorkingState, order: Order, matches: int, out: Outcome) -> LegResult:
    if order.market.is_batch:
        take_reserve(state, order)
        state.rest_order(order)
        return compute_result(order, out, Ended.OPEN, 0)
    if order.time_in_force == _FOK:
        renew_reference(state, order.market)
        if not is_fillable(state, order, matches)[0]:
            state.remember_ended(order, Ended.UNFILLED)
            return compute_result(order, out, Ended.UNFILLED, 0)
    return enter_book(state, order, matches, out)
