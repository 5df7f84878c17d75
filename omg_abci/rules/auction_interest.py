"""What an auction looks at: both sides of the book, as far as it takes to price them."""

from typing import Final

from omg_abci.protocol import limits
from omg_abci.protocol.units import Lots, Ticks, TimeInForce
from omg_abci.rules.orderbook import get_death
from omg_abci.state.book import BookSide, Order
from omg_abci.state.objects import Market
from omg_abci.state.working import WorkingState

_FOK: Final = int(TimeInForce.FOK)


class Interest:
    """What one side of the book offers, as far as it was walked, best price first."""

    __slots__ = ("_next", "_side", "_state", "_worst", "counts", "firm", "foks", "lots", "total")

    def __init__(self, state: WorkingState, side: BookSide, worst: Ticks) -> None:
        """Begin before the best level; levels behind the price `worst` are not looked at."""
        self._state = state
        self._side = side
        self._worst = worst * side.sign
        self._next = len(side.places) - 1
        self.lots: dict[Ticks, Lots] = {}
        """Live lots at each price."""
        self.counts: dict[Ticks, int] = {}
        """Orders at each price, dead ones too; without those that were left out."""
        self.foks: list[tuple[Order, Lots]] = []
        """Live fill-or-kill orders in book order, with the live lots ahead of each."""
        self.total: Lots = 0
        self.firm: Lots = 0
        """Live lots of the orders that cannot be left out."""

    def has_more(self) -> bool:
        """Tell whether a level that reaches the other side is left."""
        return self._next >= 0 and self._side.places[self._next] >= self._worst

    def walk_level(self) -> None:
        """Add the next level."""
        level = self._side.levels[self._side.places[self._next]]
        self._next -= 1
        before, count, may_go = self.total, 0, 0
        order = level.head
        while order is not None:
            count += 1
            if is_live(self._state, order):
                if order.time_in_force == _FOK:
                    self.foks.append((order, self.total))
                    may_go += order.remaining
                self.total += order.remaining
            order = order.next
        self.lots[level.price] = self.total - before
        self.counts[level.price] = count
        self.firm += self.total - before - may_go

    def walk_until(self, lots: Lots) -> None:
        """Go on until so many lots are firm, and to the next price at which there is one."""
        while self.has_more() and self.firm < lots:
            self.walk_level()
        firm = self.firm
        while self.has_more() and self.firm == firm:
            self.walk_level()


def get_interest(state: WorkingState, market: Market) -> tuple[Interest, Interest]:
    """Return both sides as far as it takes to price them.

    At most up to the best price of the other side. Where the lots of a side are as many as all of
    the other that reach it, the volume is the other's: a worse price has no more of that, and
    from the next order on a greater surplus. So what lies behind changes nothing, and a large
    side costs what the small one could trade: with 100,000 bids and one ask a block, 0.1 ms where
    the whole side takes 17.
    """
    best_bid, best_ask = market.bids.get_best(), market.asks.get_best()
    bids = Interest(state, market.bids, best_ask.price if best_ask else limits.PRICE_TICKS_MAX + 1)
    asks = Interest(state, market.asks, best_bid.price if best_bid else 0)
    while bids.has_more() and asks.has_more():
        (bids if bids.total <= asks.total else asks).walk_level()
    bids.walk_until(asks.total)
    asks.walk_until(bids.total)
    return bids, asks


def is_live(state: WorkingState, order: Order) -> bool:
    """Tell whether an open order may still trade."""
    # Most orders have nothing to die of: a question less each, and books are walked as a whole.
    if order.expires_ms or order.special is not None or order.account.switch_ms:
        return not get_death(state, order)
    return True
