"""Price–time matching of a continuous market (docs/spec/exchange.md#matching).

An incoming order, not in the book, meets the opposite side's orders one by one: the oldest at the
best price first. Every handled order is a step; steps are bounded by what was paid for.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from omg_abci.protocol.errors import InvariantBroken
from omg_abci.protocol.results import Decrement, Fill, LegResult, Removal
from omg_abci.protocol.units import BUY, RESTS, Ended, Lots, SelfTrade
from omg_abci.rules.markets import (
    get_reference,
    halt,
    is_in_band,
    note_first_fill,
    renew_reference,
)
from omg_abci.rules.settlement import release_reserve, settle_fill, take_reserve
from omg_abci.state.book import BookSide, Level, Order, get_available
from omg_abci.state.objects import Market
from omg_abci.state.working import WorkingState

_ALLOW: Final = int(SelfTrade.ALLOW)
_OPEN: Final = Ended.OPEN
_FILLED: Final = Ended.FILLED
_EXPIRED: Final = Ended.EXPIRED
_SWITCHED: Final = Ended.SWITCHED
_IMMEDIATE: Final = Ended.IMMEDIATE

# Named tuples past their own constructor: half the time.
_new_result: Final[Callable[..., LegResult]] = tuple.__new__
_new_fill: Final[Callable[..., Fill]] = tuple.__new__
_RESULT: Final = LegResult


class Outcome:
    """What an incoming order did to those it met, and why it stopped."""

    __slots__ = ("decrements", "fills", "halted", "removals", "self_trade", "steps")

    def __init__(self) -> None:
        """Start with nothing done."""
        self.steps = 0
        self.self_trade = False
        """The incoming order ended by self-trade prevention."""
        self.halted = False
        """The next fill would have been outside the market's band."""
        self.fills: list[Fill] = []
        self.removals: tuple[Removal, ...] = ()
        self.decrements: tuple[Decrement, ...] = ()


# --- the book -----------------------------------------------------------------------------------


def get_opposite(order: Order) -> BookSide:
    """Return the side that an order trades with."""
    return order.market.asks if order.side == BUY else order.market.bids


def is_crossing(order: Order, level: Level) -> bool:
    """Tell whether an order's price is at least as good as a level's."""
    if order.side == BUY:
        return level.price <= order.price
    return level.price >= order.price


def has_crossing(order: Order) -> bool:
    """Tell whether an order's price reaches the best opposite order, live or dead."""
    if order.side == BUY:
        return order.market.asks.best >= -order.price
    return order.market.bids.best >= order.price


# --- dead orders --------------------------------------------------------------------------------


def get_death(state: WorkingState, order: Order) -> Ended:
    """Return why an open order may not match any more; OPEN when it is live."""
    if 0 < order.expires_ms <= state.time_ms:
        return _EXPIRED
    special = order.special
    if special is not None and 0 < special.expires_height < state.height:
        return _EXPIRED
    if 0 < order.account.switch_ms <= state.time_ms:
        return _SWITCHED
    return _OPEN


def remove_resting(state: WorkingState, order: Order, reason: Ended) -> None:
    """Take an open order out, resting or waiting; release its reserve and remember its end."""
    release_reserve(state, order)
    state.end_order(order, reason, order.filled, order.remaining)


def remove_dead_heads(state: WorkingState, order: Order, steps_max: int, out: Outcome) -> bool:
    """Remove dead orders from the head as far as the price reaches; False when steps ran out."""
    side = get_opposite(order)
    while True:
        level = side.get_best()
        if level is None or level.head is None or not is_crossing(order, level):
            return True
        death = get_death(state, level.head)
        if not death:
            return True
        if out.steps >= steps_max:
            return False
        _remove_met(state, level.head, death, out)


def _remove_met(state: WorkingState, maker: Order, reason: Ended, out: Outcome) -> None:
    """Remove an order that an incoming one met; a step."""
    remove_resting(state, maker, reason)
    out.removals += (Removal(maker.account.owner, maker.client_id, reason),)
    out.steps += 1


# --- matching -----------------------------------------------------------------------------------


def enter_book(state: WorkingState, order: Order, steps_max: int, out: Outcome) -> LegResult:
    """Match an order that is not open, then let it rest with its reserve or end it.

    The market is continuous and ACTIVE; ``out`` holds the steps that were used before.
    """
    filled_before = order.filled
    if order.market.band_bp:
        renew_reference(state, order.market)
    ended = _OPEN if RESTS[order.time_in_force] else _IMMEDIATE
    if has_crossing(order):
        match_order(state, order, steps_max, out)
        ended = _get_end(order, out, ended)
    if ended:
        state.remember_ended(order, ended)
    else:
        take_reserve(state, order)
        state.rest_order(order)
    return compute_result(order, out, ended, order.filled - filled_before)


def _get_end(order: Order, out: Outcome, unmatched: Ended) -> Ended:
    """Tell why an order that was matched does not rest; OPEN when it does."""
    if out.self_trade:
        return Ended.SELF_TRADE
    if not order.remaining:
        return _FILLED
    if out.halted:
        return Ended.HALTED if unmatched else _OPEN
    return Ended.MATCH_LIMIT if has_crossing(order) else unmatched


def compute_result(order: Order, out: Outcome, ended: Ended, filled: Lots) -> LegResult:
    """Return what became of an order that was matched, rests or ended."""
    resting = 0 if ended else order.remaining
    # fmt: off
    fields = (0, filled, resting, ended, False, False, False, 0, False,
              tuple(out.fills), out.removals, out.decrements, 0, 0, False)
    # fmt: on
    return _new_result(_RESULT, fields)


def match_order(state: WorkingState, taker: Order, steps_max: int, out: Outcome) -> None:
    """Match an incoming order; its ``filled`` and ``remaining`` say what is left."""
    market, side = taker.market, get_opposite(taker)
    levels, fills = side.levels, out.fills
    last_place = taker.price * side.sign
    prevents = taker.self_trade != _ALLOW
    deadly = state.may_hold_dead
    banded = market.band_bp > 0
    filled, remaining = taker.filled, taker.remaining
    while remaining and out.steps < steps_max and side.best >= last_place:
        maker = levels[side.best].head
        if maker is None:
            raise InvariantBroken("a level has orders")
        death = get_death(state, maker) if deadly else _OPEN
        if death:
            _remove_met(state, maker, death, out)
        elif prevents and maker.account is taker.account:
            remaining = _prevent_self_trade(state, taker, maker, remaining, out)
            if out.self_trade:
                break
        else:
            if banded:
                if not is_in_band(market, maker.price):
                    out.halted = True
                    break
                note_first_fill(state, market, maker.price)
            available = maker.remaining if maker.special is None else get_available(maker)
            quantity = available if available < remaining else remaining  # noqa: FURB136 - 0.1 µs
            settle_fill(state, taker, maker, quantity)
            fills.append(
                _new_fill(Fill, (maker.account.owner, maker.client_id, maker.price, quantity))
            )
            if quantity == maker.remaining:
                state.end_order(maker, _FILLED, maker.filled + quantity, 0)
            else:
                state.change_order(maker, maker.filled + quantity, maker.remaining - quantity)
                if maker.special is not None:
                    _use_tip(state, maker, quantity)
            filled += quantity
            remaining -= quantity
            out.steps += 1
    if fills:
        _note_prices(state, market, fills)
    if remaining != taker.remaining:
        state.change_order(taker, filled, remaining)
    if out.halted:
        halt(state, market)


def _note_prices(state: WorkingState, market: Market, fills: list[Fill]) -> None:
    """Note at which prices an order was filled: they go one way, so the ends are the extremes."""
    first, last = fills[0].price, fills[-1].price
    if first != last:
        state.extend_range(market, first)
    state.set_last_price(market, last)


def _use_tip(state: WorkingState, maker: Order, quantity: Lots) -> None:
    """Take lots off an iceberg's tip; a new tip costs the order its place."""
    special = maker.special
    if special is not None and special.tip:
        state.change_tip(maker, special.tip - quantity)
        if not special.tip:
            state.renew_tip(maker)


def _prevent_self_trade(
    state: WorkingState, taker: Order, maker: Order, remaining: Lots, out: Outcome
) -> Lots:
    """Handle an own resting order as the incoming order's mode says; return what remains."""
    mode = taker.self_trade
    if mode == SelfTrade.CANCEL_NEWEST:
        out.self_trade = True
        return remaining
    if mode == SelfTrade.DECREMENT:
        return _decrement(state, maker, remaining, out)
    _remove_met(state, maker, Ended.SELF_TRADE, out)
    out.self_trade = mode == SelfTrade.CANCEL_BOTH
    return remaining


def _decrement(state: WorkingState, maker: Order, remaining: Lots, out: Outcome) -> Lots:
    quantity = min(remaining, get_available(maker))
    if quantity == maker.remaining:
        release_reserve(state, maker)
        state.end_order(maker, Ended.SELF_TRADE, maker.filled, 0)
        out.removals += (Removal(maker.account.owner, maker.client_id, Ended.SELF_TRADE),)
    else:
        release_reserve(state, maker, quantity)
        state.change_order(maker, maker.filled, maker.remaining - quantity)
        _use_tip(state, maker, quantity)
        out.decrements += (Decrement(maker.client_id, quantity),)
    out.steps += 1
    out.self_trade = remaining == quantity
    return remaining - quantity


# --- fill or kill -------------------------------------------------------------------------------


def is_fillable(state: WorkingState, taker: Order, steps_max: int) -> tuple[bool, int]:
    """Walk the book as matching would; return whether all fills, and the steps of the walk.

    Nothing is written: the band is the one that matching would find, or its first fill would set.
    """
    market, side = taker.market, get_opposite(taker)
    banded = market.band_bp > 0
    reference = get_reference(state, market) if banded else 0
    needed, steps = taker.remaining, 0
    for place in reversed(side.places):
        level = side.levels[place]
        if not is_crossing(taker, level):
            break
        if banded and not is_in_band(market, level.price, reference):
            break
        for lots in _iterate_steps(state, taker, level):
            if steps >= steps_max:
                return False, steps
            steps += 1
            if lots is None:
                return False, steps
            if lots and banded and not reference:
                reference = level.price
            needed -= lots
            if needed <= 0:
                return True, steps
    return False, steps


def _iterate_steps(state: WorkingState, taker: Order, level: Level) -> Iterator[Lots | None]:
    """Yield what each step at a level would fill: 0 for a removal, None for an end of matching."""
    allows = taker.self_trade == _ALLOW
    line: deque[tuple[Lots, Lots]] = deque()
    maker = level.head
    while maker is not None:
        if get_death(state, maker):
            yield 0
        elif maker.account is taker.account and not allows:
            yield 0 if taker.self_trade == SelfTrade.CANCEL_OLDEST else None
        else:
            available = get_available(maker)
            yield available
            if maker.special is not None and available < maker.remaining:
                line.append((maker.special.display, maker.remaining - available))
        maker = maker.next
    while line:
        display, left = line.popleft()
        yield min(display, left)
        if left > display:
            line.append((display, left - display))
