"""What fills and resting orders do to balances: reserve exactly what can be spent."""

from omg_abci.protocol.units import BUY, Amount, Lots
from omg_abci.state.book import Order
from omg_abci.state.working import WorkingState


def compute_reserve(order: Order, quantity: Lots) -> Amount:
    """Return what so many lots of the order can cost its owner at most."""
    market = order.market
    if order.side == BUY:
        return quantity * order.price * market.quote_unit
    return quantity * market.base_unit


def take_reserve(state: WorkingState, order: Order) -> None:
    """Move what the order's remaining quantity can cost from free to reserved."""
    amount = compute_reserve(order, order.remaining)
    state.change_balance(order.give, -amount, amount)


def release_reserve(state: WorkingState, order: Order, quantity: Lots | None = None) -> None:
    """Move the reserve of some lots (all that remain by default) back to free."""
    amount = compute_reserve(order, order.remaining if quantity is None else quantity)
    state.change_balance(order.give, amount, -amount)


def settle_fill(state: WorkingState, taker: Order, maker: Order, quantity: Lots) -> None:
    """Exchange base for quote at the maker's price, out of taker's free and maker's reserve."""
    market = maker.market
    base = quantity * market.base_unit
    quote = quantity * maker.price * market.quote_unit
    given, taken = (quote, base) if taker.side == BUY else (base, quote)
    state.change_balance(taker.give, -given, 0)
    state.change_balance(maker.give, 0, -taken)
    state.change_balance(taker.take, taken, 0)
    state.change_balance(maker.take, given, 0)
