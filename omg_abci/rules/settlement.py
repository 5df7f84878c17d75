"""What fills and open orders do to balances: reserve exactly what can be spent."""

from omg_abci.protocol.units import BUY, Amount, Lots, Ticks
from omg_abci.state.book import Order
from omg_abci.state.objects import Market
from omg_abci.state.working import WorkingState


def compute_cost(market: Market, side: int, price: Ticks, quantity: Lots) -> Amount:
    """Return what so many lots can cost at most: quote units to buy, base units to sell."""
    if side == BUY:
        return quantity * price * market.quote_unit
    return quantity * market.base_unit


def take_reserve(state: WorkingState, order: Order) -> None:
    """Move what the order's remaining quantity can cost from free to reserved."""
    amount = compute_cost(order.market, order.side, order.price, order.remaining)
    state.change_balance(order.give, -amount, amount)


def release_reserve(state: WorkingState, order: Order, quantity: Lots | None = None) -> None:
    """Move the reserve of some lots (all that remain by default) back to free."""
    lots = order.remaining if quantity is None else quantity
    amount = compute_cost(order.market, order.side, order.price, lots)
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
