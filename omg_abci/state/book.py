"""The order book as it stands in memory: orders in two doubly linked lists.

One list holds a price level in time order, the other an owner's orders of a market and side in
time order. Every operation is O(1) but for finding a price among the levels (bisection), and each
has an exact inverse: an order that has its old neighbours back is put back between them, so
undoing in reverse order restores the book, whatever happened in between.

An open order that waits for its trigger is in no book: its level is one of its own market, in
which all that wait stand oldest first, whatever their prices.
"""

from bisect import bisect_left, insort
from typing import TYPE_CHECKING, Final

from omg_abci.protocol.units import BUY, Height, Lots, Millis, OrderType, Ticks

if TYPE_CHECKING:
    from omg_abci.state.objects import Account, Balance, Market


_STOP: Final = int(OrderType.STOP_LIMIT)
SIDE_BITS: Final = 2
"""A market and side as one number, the market's id shifted by so many bits: as fast as it gets."""
NO_PLACE: Final = -(1 << 62)
"""Behind all prices: the best place of a side without orders."""


class Special:
    """What few orders have, kept off the plain ones: a node holds a million of those."""

    __slots__ = ("display", "expires_height", "max_matches", "tip", "trigger")

    def __init__(
        self,
        display: Lots = 0,
        tip: Lots = 0,
        trigger: Ticks = 0,
        expires_height: Height = 0,
        max_matches: int = 0,
    ) -> None:
        """Make what an order has besides the plain ones; 0 stands for nothing."""
        self.display = display
        self.tip = tip
        self.trigger = trigger
        self.expires_height = expires_height
        self.max_matches = max_matches


class Order:
    """An open order, or one that was; ``level`` is None when it is not open."""

    __slots__ = (
        "account",
        "client_id",
        "expires_ms",
        "filled",
        "give",
        "level",
        "market",
        "next",
        "order_type",
        "owner_list",
        "owner_next",
        "owner_previous",
        "post_only",
        "previous",
        "price",
        "priority",
        "remaining",
        "self_trade",
        "side",
        "special",
        "stored",
        "subaccount",
        "take",
        "time_in_force",
    )

    account: "Account"
    market: "Market"
    give: "Balance"
    """Where the order's reserve is: quote for a buy order, base for a sell order."""
    take: "Balance | None"
    """What fills credit; None until the first fill: most orders have none."""
    level: "Level | None"
    """Where it rests, or its market's level of those that wait."""
    previous: "Order | None"
    next: "Order | None"
    owner_list: "OwnerList | None"
    """Where the order stands among its owner's; None before it was open for the first time."""
    owner_previous: "Order | None"
    owner_next: "Order | None"
    client_id: int
    side: int
    order_type: int
    time_in_force: int
    post_only: int
    self_trade: int
    subaccount: int
    price: Ticks
    filled: Lots
    remaining: Lots
    priority: int
    expires_ms: Millis
    special: Special | None
    """None for a plain order."""
    stored: bytes | None
    """The record as committed; None for an order that is new in this block."""

    @property
    def is_open(self) -> bool:
        """True while the order is in the book or waits for its trigger."""
        return self.level is not None

    @property
    def is_waiting(self) -> bool:
        """True while the order waits for its trigger."""
        special = self.special
        return special is not None and special.trigger != 0 and self.level is not None

    @property
    def available(self) -> Lots:
        """What the order offers to the next that meets it: a resting iceberg's tip."""
        special = self.special
        if special is not None and special.display and self.level is not None:
            return special.tip
        return self.remaining


def get_available(order: Order) -> Lots:
    """Return what an order offers to the next that meets it."""
    return order.available


def is_rising(order: Order) -> bool:
    """Tell whether a waiting order is triggered by a price at or above its trigger."""
    return (order.order_type == _STOP) == (order.side == BUY)


class Level:
    """All orders of a side at one price, oldest first."""

    __slots__ = ("head", "place", "price", "side", "tail")

    def __init__(self, side: "BookSide", price: Ticks, place: int) -> None:
        """Make an empty level."""
        self.side = side
        self.price = price
        self.place = place
        self.head: Order | None = None
        self.tail: Order | None = None


class BookSide:
    """The levels of one side; the best is the last of ``places``."""

    __slots__ = ("best", "levels", "places", "sign", "where")

    def __init__(self, market: int, side: int) -> None:
        """Make an empty side of a market, which is given by its id."""
        self.where = market << SIDE_BITS | side
        """Market and side as one number."""
        self.sign = 1 if side == BUY else -1
        self.places: list[int] = []
        """Prices with the side's sign, ascending: the last is the best for both sides."""
        self.best = NO_PLACE
        """The last of them: every order that is placed looks here at the other side."""
        self.levels: dict[int, Level] = {}

    def get_best(self) -> Level | None:
        """Return the best level that has orders."""
        places = self.places
        return self.levels[places[-1]] if places else None

    def attach(self, order: Order) -> None:
        """Put an order at the end of its price's level."""
        place = order.price * self.sign
        level = self.levels.get(place)
        if level is None:
            level = Level(self, order.price, place)
            self.open_level(level)
        order.level = level
        tail = level.tail
        order.previous = tail
        order.next = None
        if tail is None:
            level.head = order
        else:
            tail.next = order
        level.tail = order

    def open_level(self, level: Level) -> None:
        """Put a level among the prices."""
        place = level.place
        places = self.places
        if place > self.best:
            places.append(place)
            self.best = place
        else:
            insort(places, place)
        self.levels[place] = level

    def close_level(self, level: Level) -> None:
        """Take an empty level away."""
        place = level.place
        places = self.places
        if place == self.best:
            places.pop()
            self.best = places[-1] if places else NO_PLACE
        else:
            del places[bisect_left(places, place)]
        del self.levels[place]


def make_waiting_level() -> Level:
    """Return a level for all orders of a market that wait; no book has it."""
    return Level(BookSide(0, BUY), 0, 0)


def attach_waiting(order: Order) -> None:
    """Put an order at the end of those of its market that wait; `detach` takes it out again."""
    level = order.market.waiting
    if level.head is None:
        level.side.open_level(level)
    order.level = level
    tail = level.tail
    order.previous = tail
    order.next = None
    if tail is None:
        level.head = order
    else:
        tail.next = order
    level.tail = order


def detach(order: Order) -> Level:
    """Take an order out of its level; return the level, which undoing needs."""
    level = order.level
    if level is None:
        message = "a detached order was detached again"
        raise ValueError(message)
    before, after = order.previous, order.next
    if before is None:
        level.head = after
    else:
        before.next = after
    if after is None:
        level.tail = before
    else:
        after.previous = before
    if level.head is None:
        level.side.close_level(level)
    order.level = None
    return level


def reattach(order: Order, level: Level) -> None:
    """Undo `detach`: put an order that has its old neighbours back between them."""
    if level.head is None:
        level.side.open_level(level)
    order.level = level
    before, after = order.previous, order.next
    if before is None:
        level.head = order
    else:
        before.next = order
    if after is None:
        level.tail = order
    else:
        after.previous = order


class OwnerList:
    """An owner's open orders of one market and side, oldest first."""

    __slots__ = ("head", "tail")

    def __init__(self) -> None:
        """Make an empty list."""
        self.head: Order | None = None
        self.tail: Order | None = None

    def append(self, order: Order) -> None:
        """Put an order at the end."""
        order.owner_list = self
        tail = self.tail
        order.owner_previous = tail
        order.owner_next = None
        if tail is None:
            self.head = order
        else:
            tail.owner_next = order
        self.tail = order

    def remove(self, order: Order) -> None:
        """Take an order out; it keeps its neighbours for `restore`."""
        before, after = order.owner_previous, order.owner_next
        if before is None:
            self.head = after
        else:
            before.owner_next = after
        if after is None:
            self.tail = before
        else:
            after.owner_previous = before

    def restore(self, order: Order) -> None:
        """Undo `remove`."""
        before, after = order.owner_previous, order.owner_next
        if before is None:
            self.head = order
        else:
            before.owner_next = order
        if after is None:
            self.tail = order
        else:
            after.owner_previous = order
