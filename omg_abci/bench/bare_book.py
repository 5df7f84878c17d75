"""The ceiling that matching in Python is held against: a bare price–time book, made to be fast.

It does what every book must (levels, queues, reserve, settlement, cancels) and nothing that a chain
must: no undo, no client ids across time, no expiry, no self-trade rules, no records. It trusts what
it is given: unique ids, owners with enough funds. `plain_book.py` says the same in readable form
and is what it is tested against.

What makes it fast: messages are plain tuples, one loop with everything in local variables does
most of them without a call, an order is one tuple of integers, and a cancelled order's id stays in
its queue until its turn comes. Twice as fast as the plain book: 0.8 µs a message, not 1.7.
"""

from bisect import insort
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from omg_abci.bench.flow import Step
from omg_abci.protocol.messages import CancelOrder
from omg_abci.protocol.units import Side

Message: TypeAlias = tuple[int, int, int, int]
"""Order id, owner, price, lots: positive to buy, negative to sell, 0 to cancel."""
_NOBODY: Final = 1 << 63
"""Stands last among the prices: a book's side is never empty."""


def make_messages(steps: Sequence[Step]) -> list[Message]:
    """Return the steps as the book takes them."""
    messages = []
    for owner, leg in steps:
        if isinstance(leg, CancelOrder):
            messages.append((leg.client_id, owner, 0, 0))
        else:
            lots = leg.quantity if leg.side == Side.BUY else -leg.quantity
            messages.append((leg.client_id, owner, leg.price, lots))
    return messages


class BareBook:
    """One market; prices in ticks, quantities in lots, a lot at a tick costs one quote unit."""

    def __init__(self, owners: int, base: int, quote: int) -> None:
        """Give every owner the same free base and quote."""
        self.free_base = [base] * owners
        self.free_quote = [quote] * owners
        self.held_base = [0] * owners
        self.held_quote = [0] * owners
        self.orders: dict[int, tuple[int, int, int]] = {}
        """Id to owner, price, lots left (negative to sell)."""
        self.bid_queues: dict[int, deque[int]] = {}
        """Price to ids, oldest first; those that are in `orders` no more were cancelled."""
        self.ask_queues: dict[int, deque[int]] = {}
        self.bids = [_NOBODY]
        """Negative prices, ascending: the first is the best."""
        self.asks = [_NOBODY]
        self.fills = 0
        self.lots = 0

    def process(self, messages: Iterable[Message]) -> None:
        """Do all messages in order."""
        free_base, free_quote = self.free_base, self.free_quote
        held_base, held_quote = self.held_base, self.held_quote
        orders, bids, asks = self.orders, self.bids, self.asks
        bid_queues, ask_queues = self.bid_queues, self.ask_queues
        pop = orders.pop
        for order_id, owner, price, lots in messages:
            if not lots:
                owner, price, lots = pop(order_id)  # noqa: PLW2901 - the order's own
                if lots > 0:
                    cost = lots * price
                    held_quote[owner] -= cost
                    free_quote[owner] += cost
                else:
                    held_base[owner] += lots
                    free_base[owner] -= lots
            elif lots > 0:
                if price >= asks[0]:
                    lots = self._take_asks(owner, price, lots)  # noqa: PLW2901 - what is left
                    if not lots:
                        continue
                cost = lots * price
                free_quote[owner] -= cost
                held_quote[owner] += cost
                orders[order_id] = (owner, price, lots)
                if price in bid_queues:
                    bid_queues[price].append(order_id)
                else:
                    bid_queues[price] = deque((order_id,))
                    insort(bids, -price)
            else:
                if -price >= bids[0]:
                    lots = self._take_bids(owner, price, lots)  # noqa: PLW2901 - what is left
                    if not lots:
                        continue
                free_base[owner] += lots
                held_base[owner] -= lots
                orders[order_id] = (owner, price, lots)
                if price in ask_queues:
                    ask_queues[price].append(order_id)
                else:
                    ask_queues[price] = deque((order_id,))
                    insort(asks, price)

    def _take_asks(self, owner: int, price: int, lots: int) -> int:
        """Buy up to a price; return the lots left."""
        free_base, free_quote, held_base = self.free_base, self.free_quote, self.held_base
        orders, asks, queues = self.orders, self.asks, self.ask_queues
        while (best := asks[0]) <= price:
            queue = queues[best]
            while queue:
                maker_id = queue[0]
                if maker_id not in orders:
                    queue.popleft()
                    continue
                seller, _, resting = orders[maker_id]
                left = resting + lots
                traded = lots if left < 0 else -resting
                cost = traded * best
                free_quote[owner] -= cost
                free_base[owner] += traded
                held_base[seller] -= traded
                free_quote[seller] += cost
                self.fills += 1
                self.lots += traded
                if left < 0:
                    orders[maker_id] = (seller, best, left)
                    return 0
                queue.popleft()
                del orders[maker_id]
                if not left:
                    if not queue:
                        del asks[0], queues[best]
                    return 0
                lots = left
            del asks[0], queues[best]
        return lots

    def _take_bids(self, owner: int, price: int, lots: int) -> int:
        """Sell (lots are negative) down to a price; return the lots left."""
        free_base, free_quote, held_quote = self.free_base, self.free_quote, self.held_quote
        orders, bids, queues = self.orders, self.bids, self.bid_queues
        while (best := -bids[0]) >= price:
            queue = queues[best]
            while queue:
                maker_id = queue[0]
                if maker_id not in orders:
                    queue.popleft()
                    continue
                buyer, _, resting = orders[maker_id]
                left = resting + lots
                traded = -lots if left > 0 else resting
                cost = traded * best
                free_base[owner] -= traded
                free_quote[owner] += cost
                held_quote[buyer] -= cost
                free_base[buyer] += traded
                self.fills += 1
                self.lots += traded
                if left > 0:
                    orders[maker_id] = (buyer, best, left)
                    return 0
                queue.popleft()
                del orders[maker_id]
                if not left:
                    if not queue:
                        del bids[0], queues[best]
                    return 0
                lots = left
            del bids[0], queues[best]
        return lots
