"""What fills and open orders do to balances: reserve exactly what can be spent."""

from omg_abci.protocol.errors import InvariantBroken
from omg_abci.protocol.units import BUY, Amount, Lots, Ticks
from omg_abci.state.book import Order
from omg_abci.state.objects import Balance, Market
from omg_abci.state.working import WorkingState


def compute_cost(market: Market, side: int, price: Ticks, quantity: Lots) -> Amount:
    """Return what so many lots can cost at most: quote units to buy, base units to sell."""
    if side == BUY:
        return quantity * price * market.quote_unit
    return quantity * market.base_unit


def take_reserve(state: WorkingState, order: Order) -> None:
    """Move what the order's remaining quantity can cost from free to reserved."""
    market, amount = order.market, order.remaining
    amount *= order.price * market.quote_unit if order.side == BUY else market.base_unit
    balance = order.give
    if balance.mark != state.mark:
        state.touch_balance(balance)
    balance.free -= amount
    balance.reserved += amount
    if balance.free < 0:
        raise InvariantBroken("a balance is negative")


def release_reserve(state: WorkingState, order: Order, quantity: Lots | None = None) -> None:
    """Move the reserve of some lots (all that remain by default) back to free."""
    market, amount = order.market, order.remaining if quantity is None else quantity
    amount *= order.price * market.quote_unit if order.side == BUY else market.base_unit
    balance = order.give
    if balance.mark != state.mark:
        state.touch_balance(balance)
    balance.free += amount
    balance.reserved -= amount
    if balance.reserved < 0:
        raise InvariantBroken("a balance is negative")


def get_take(state: WorkingState, order: Order) -> Balance:
    """Return the balance that fills of an order credit; the order keeps it."""
    if order.take is None:
        market = order.market
        token = market.base if order.side == BUY else market.quote
        order.take = state.get_own(order.account, order.subaccount, token)
    return order.take


def settle_fill(state: WorkingState, taker: Order, maker: Order, quantity: Lots) -> None:
    """Exchange base for quote at the maker's price, out of taker's free and maker's reserve."""
    market = maker.market
    given = quantity * market.base_unit
    taken = quantity * maker.price * market.quote_unit
    if taker.side == BUY:
        given, taken = taken, given
    payer, payee = taker.give, maker.take or get_take(state, maker)
    source, target = maker.give, taker.take or get_take(state, taker)
    mark = state.mark
    if payer.mark != mark:
        state.touch_balance(payer)
    if payee.mark != mark:
        state.touch_balance(payee)
    if source.mark != mark:
        state.touch_balance(source)
    if target.mark != mark:
        state.touch_balance(target)
    payer.free -= given
    payee.free += given
    source.reserved -= taken
    target.free += taken
    if payer.free < 0 or source.reserved < 0:
        raise InvariantBroken("a balance is negative")
