"""A price–time book with balances that can be read at a glance.

It knows the state that generated order flow has to fit (`flow.py`), and `bare_book.py`, which is
held against the rules, is held against it: it must come to the same fills, balances and orders.
"""

from bisect import bisect_left, insort


class PlainBook:
    """One market; prices in ticks, quantities in lots, a lot at a tick costs one quote unit."""

    def __init__(self, owners: int, base: int, quote: int) -> None:
        """Give every owner the same free base and quote."""
        self.free_base = [base] * owners
        self.free_quote = [quote] * owners
        self.held_base = [0] * owners
        self.held_quote = [0] * owners
        self.orders: dict[int, list[int]] = {}
        """Id to [owner, price (negative for a bid), lots left]."""
        self.levels: dict[int, dict[int, list[int]]] = {}
        """Price (negative for a bid) to its orders by id, oldest first."""
        self.bids: list[int] = []
        """Negative prices, ascending: the first is the best."""
        self.asks: list[int] = []
        self.fills = 0
        self.lots = 0

    def buy(self, order_id: int, owner: int, price: int, lots: int) -> None:
        """Match a buy order; what is left rests."""
        free_base, free_quote = self.free_base, self.free_quote
        asks, levels = self.asks, self.levels
        while lots and asks and asks[0] <= price:
            best = asks[0]
            queue = levels[best]
            while lots and queue:
                maker_id = next(iter(queue))
                maker = queue[maker_id]
                seller, left = maker[0], maker[2]
                traded = left if left < lots else lots  # noqa: FURB136 - 0.1 µs
                cost = traded * best
                free_quote[owner] -= cost
                free_base[owner] += traded
                self.held_base[seller] -= traded
                free_quote[seller] += cost
                self.fills += 1
                self.lots += traded
                lots -= traded
                if traded == left:
                    del queue[maker_id], self.orders[maker_id]
                else:
                    maker[2] = left - traded
            if not queue:
                del asks[0], levels[best]
        if lots:
            cost = lots * price
            free_quote[owner] -= cost
            self.held_quote[owner] += cost
            self._rest(self.bids, order_id, [owner, -price, lots])

    def sell(self, order_id: int, owner: int, price: int, lots: int) -> None:
        """Match a sell order; what is left rests."""
        free_base, free_quote = self.free_base, self.free_quote
        bids, levels = self.bids, self.levels
        while lots and bids and -bids[0] >= price:
            best = bids[0]
            queue = levels[best]
            while lots and queue:
                maker_id = next(iter(queue))
                maker = queue[maker_id]
                buyer, left = maker[0], maker[2]
                traded = left if left < lots else lots  # noqa: FURB136 - 0.1 µs
                cost = traded * -best
                free_base[owner] -= traded
                free_quote[owner] += cost
                self.held_quote[buyer] -= cost
                free_base[buyer] += traded
                self.fills += 1
                self.lots += traded
                lots -= traded
                if traded == left:
                    del queue[maker_id], self.orders[maker_id]
                else:
                    maker[2] = left - traded
            if not queue:
                del bids[0], levels[best]
        if lots:
            free_base[owner] -= lots
            self.held_base[owner] += lots
            self._rest(self.asks, order_id, [owner, price, lots])

    def cancel(self, order_id: int) -> None:
        """Take a resting order out and free its reserve."""
        owner, place, lots = self.orders.pop(order_id)
        queue = self.levels[place]
        del queue[order_id]
        if place < 0:
            cost = lots * -place
            self.held_quote[owner] -= cost
            self.free_quote[owner] += cost
        else:
            self.held_base[owner] -= lots
            self.free_base[owner] += lots
        if not queue:
            del self.levels[place]
            places = self.bids if place < 0 else self.asks
            del places[bisect_left(places, place)]

    def _rest(self, places: list[int], order_id: int, order: list[int]) -> None:
        queue = self.levels.get(order[1])
        if queue is None:
            queue = self.levels[order[1]] = {}
            insort(places, order[1])
        queue[order_id] = order
        self.orders[order_id] = order
