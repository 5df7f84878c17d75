"""Order flow for the measurements: seeded, so that every run of a figure does the same.

Orders rest within ±200 ticks of a mid price, of 1 to 20 lots; crossing orders reach three ticks
into the opposite side for 1 to 20 lots, which makes about 1.4 fills each, as in the streams that
`docs/performance` compares with. Cancels name orders that are in the book at that point.
"""

import random
from typing import Final, NamedTuple

from omg_abci.bench.plain_book import PlainBook
from omg_abci.protocol.messages import CancelOrder, PlaceOrder
from omg_abci.protocol.units import OrderType, PostOnly, SelfTrade, Side, TimeInForce

_BUY, _SELL = int(Side.BUY), int(Side.SELL)
_LIMIT, _GTC = int(OrderType.LIMIT), int(TimeInForce.GTC)
_NONE, _ALLOW = int(PostOnly.NONE), int(SelfTrade.ALLOW)
MARKET: Final = 1
MID_TICKS: Final = 10_000
BAND_TICKS: Final = 200
RESTING_LOTS_MAX: Final = 20
CROSSING_LOTS_MAX: Final = 20
CROSSING_TICKS: Final = 3
RESTING_MATCHES_MAX: Final = 4
CROSSING_MATCHES_MAX: Final = 16
"""More makers than 20 lots ever meet here: no crossing order ends at its limit of matches."""


class Mix(NamedTuple):
    """Shares in percent; the rest are orders that rest."""

    cancels: int
    crossing: int


RESTING: Final = Mix(0, 0)
MESSAGES: Final = Mix(40, 20)
"""What `match` and the batches are made of."""
ORDERS: Final = Mix(0, 33)
"""The same without cancels, so that every transaction is an order."""


class Step(NamedTuple):
    """What one owner does."""

    owner: int
    leg: PlaceOrder | CancelOrder


class Flow:
    """An endless stream of steps on one market, on top of a plain book that follows it."""

    def __init__(self, seed: int, book: PlainBook) -> None:
        """Start with the book as it is and client ids from 1."""
        self.book = book
        self._random = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self._owners = len(book.free_base)
        self._next_id = 1
        self._resting: list[int] = []
        """Ids that rested once; those that have left since are dropped when they are drawn."""

    def take(self, count: int, mix: Mix) -> list[Step]:
        """Return the next steps."""
        steps = []
        for _ in range(count):
            drawn = self._random.random() * 100
            target = self._draw_resting() if drawn < mix.cancels else None
            if target is not None:
                steps.append(self._cancel(target))
            else:
                steps.append(self._place(crosses=mix.cancels <= drawn < sum(mix)))
        return steps

    def _cancel(self, order_id: int) -> Step:
        owner = self.book.orders[order_id][0]
        self.book.cancel(order_id)
        return Step(owner, CancelOrder(order_id))

    def _place(self, *, crosses: bool) -> Step:
        draw = self._random.random
        owner = int(draw() * self._owners)
        buys = draw() < 0.5  # noqa: PLR2004 - a fair coin
        opposite = self.book.asks if buys else self.book.bids
        if crosses and opposite:
            price = abs(opposite[0]) + (CROSSING_TICKS if buys else -CROSSING_TICKS)
            lots = 1 + int(draw() * CROSSING_LOTS_MAX)
            matches = CROSSING_MATCHES_MAX
        else:
            offset = 1 + int(draw() * BAND_TICKS)
            price = MID_TICKS - offset if buys else MID_TICKS + offset
            lots = 1 + int(draw() * RESTING_LOTS_MAX)
            matches = RESTING_MATCHES_MAX
        order_id = self._next_id
        self._next_id += 1
        (self.book.buy if buys else self.book.sell)(order_id, owner, price, lots)
        if order_id in self.book.orders:
            self._resting.append(order_id)
        return Step(owner, make_order(order_id, buys=buys, price=price, lots=lots, matches=matches))

    def _draw_resting(self) -> int | None:
        """Return the id of an order in the book, drawn evenly."""
        resting, orders = self._resting, self.book.orders
        while resting:
            place = int(self._random.random() * len(resting))
            order_id = resting[place]
            resting[place] = resting[-1]
            resting.pop()
            if order_id in orders:
                return order_id
        return None


def make_order(order_id: int, *, buys: bool, price: int, lots: int, matches: int) -> PlaceOrder:
    """Return a limit order that rests until it is cancelled, and may meet its owner's others.

    Its fields are plain numbers, as decoding makes them: a member is compared five times slower.
    """
    return PlaceOrder(
        market=MARKET,
        side=_BUY if buys else _SELL,
        order_type=_LIMIT,
        time_in_force=_GTC,
        post_only=_NONE,
        price=price,
        quantity=lots,
        expires_ms=0,
        client_id=order_id,
        subaccount=0,
        self_trade=_ALLOW,
        max_matches=matches,
    )
