"""From a venue's statements to the legs that make the chain's book follow them.

The planner keeps two books: what the venue says, and what the chain should hold once it has done
all legs so far. Within an event the legs are: cancels of orders that the venue took out unfilled,
then each aggressor as one IOC order, then every order that the event changed, in the order in
which they took their places. Where the venue's fills are not those of price-time priority, and
after an auction, the levels concerned are brought back to the venue's statement by cancels and
places, so that one contradiction is one difference and not the beginning of many.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from omg_abci.protocol import limits
from omg_abci.protocol.messages import AmendOrder, CancelOrder, PlaceOrder
from omg_abci.protocol.units import (
    Lots,
    OrderType,
    PostOnly,
    SelfTrade,
    Side,
    Ticks,
    TimeInForce,
)
from omg_abci.replay.book import Book, Level
from omg_abci.replay.steps import (
    EventEnd,
    Expected,
    RowCheck,
    Send,
    Settle,
    StateCheck,
    Step,
    VenueAdd,
    VenueRemove,
    VenueSet,
)

MARKET: Final = 1
RESTING_SUBACCOUNT: Final = 0
AGGRESSOR_SUBACCOUNT: Final = 1
FRESH_ID_FIRST: Final = 1 << 63
"""Client ids from here on are the replay's own: aggressors, and orders that come back."""
_FILLS_PER_LEG: Final = 200
_SLACK_MATCHES: Final = 8
"""Steps beyond those foreseen, so that a chain that does more is seen to do it."""
OPPOSITE: Final = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}


class Take(NamedTuple):
    """An aggressor, and what the venue says it met, in order."""

    line: int
    side: int
    price: Ticks
    """The worst that it paid."""
    expected: tuple[Expected, ...]
    standing: tuple[Lots, ...]
    """What was left of each of these orders before it came."""


class Planner:
    """Takes statements of one event after another; `end_event` gives the steps that they mean."""

    def __init__(self, *, auctions: bool = False) -> None:
        """Start from empty books; ``auctions``: while the venue's book is crossed, send nothing."""
        self.venue = Book()
        self.sent = Book()
        self.set_aside: Counter[str] = Counter()
        self._auctions = auctions
        self._halted = False
        self._line = 0
        self._sends: list[Send] = []
        self._statements: list[Step] = []
        self._takes: list[Take] = []
        self._touched: dict[int, bool] = {}
        self._dirty: dict[Level, None] = {}
        self._ids: dict[int, int] = {}
        self._filled: dict[int, Lots] = {}
        self._used: set[int] = set()
        self._fresh = FRESH_ID_FIRST
        self._nameless = 0
        self._keeps_names = True
        self._repairing = False

    def name_orders_from(self, first: int) -> None:
        """Give every order a client id of the replay's own, from this one on.

        On a network where the owner has traded before, the venue's ids may have been used.
        """
        self._fresh = first
        self._keeps_names = False

    # --- what the venue says ---

    def make_key(self) -> int:
        """Return a key for an order that the venue does not name."""
        self._nameless -= 1
        return self._nameless

    def add(self, key: int, side: int, price: Ticks, quantity: Lots) -> None:
        """Note: the order is now last in its level's queue; KeyError if it is open."""
        self.venue.add(key, side, price, quantity)
        self._statements.append(VenueAdd(key, side, price, quantity))
        self._touch(key, took_place=True)

    def set_quantity(self, key: int, quantity: Lots) -> None:
        """Note: so much is left of the order, which keeps its place; nothing left removes it."""
        if quantity <= 0:
            self.remove(key)
            return
        self.venue.set_quantity(key, quantity)
        self._statements.append(VenueSet(key, quantity))
        self._touch(key, took_place=False)

    def move(self, key: int, price: Ticks, quantity: Lots) -> None:
        """Note: the order now stands last at the price."""
        side = self.venue.places[key][0]
        self.remove(key)
        self.add(key, side, price, quantity)

    def remove(self, key: int) -> None:
        """Note: the order is gone; KeyError if it is not open."""
        self.venue.remove(key)
        self._statements.append(VenueRemove(key))
        self._touch(key, took_place=False)

    def take(self, side: int, price: Ticks, expected: Sequence[Expected]) -> None:
        """Note an aggressor: what it met, in order, with the book as the venue states it now."""
        standing = tuple(self.venue.get_quantity(each.key) for each in expected)
        self._takes.append(Take(self._line, side, price, tuple(expected), standing))

    def settle(self, key: int) -> None:
        """Let what the chain did to the order show from here on, within the event."""
        self._statements.append(Settle(key))

    def check(self, check: RowCheck | StateCheck) -> None:
        """Compare a snapshot row at this point of the event, or note the best levels."""
        self._statements.append(check)

    def begin_line(self, line: int) -> None:
        """Say which line of the recording the next statements come from."""
        self._line = line

    def end_event(self, time_ns: int, *, compared: bool = True) -> list[Step]:
        """Return the steps of the event: legs, the venue's statements, the comparison."""
        if self.venue.is_crossed():
            self._halted = self._auctions
            if compared:
                self.set_aside["events with the venue's book crossed"] += 1
                compared = False
        if self._halted:
            self._leave_out()
        else:
            self._plan()
        steps: list[Step] = [
            *self._sends,
            *self._statements,
            EventEnd(self._line, time_ns, compared),
        ]
        self._sends, self._statements, self._takes = [], [], []
        if not self._halted:
            self._touched = {}
        return steps

    def _touch(self, key: int, *, took_place: bool) -> None:
        if took_place:
            self._touched.pop(key, None)
            self._touched[key] = True
        else:
            self._touched.setdefault(key, False)

    # --- what the chain is sent ---

    def _leave_out(self) -> None:
        """Send nothing in an auction; when it is over, bring the chain's book to its outcome."""
        self.set_aside["auction fills"] += sum(len(take.expected) for take in self._takes)
        compared: list[Step] = [each for each in self._statements if not isinstance(each, RowCheck)]
        self.set_aside["snapshot rows in auctions"] += len(self._statements) - len(compared)
        self._statements = compared
        if self.venue.is_crossed():
            return
        self._halted = False
        for key in self._touched:
            self._mark(key)
        self._repair()

    def _plan(self) -> None:
        met: dict[int, None] = {}
        if self._takes:
            for take in self._takes:
                met.update((each.key, None) for each in take.expected)
            for key in self._touched:
                if key not in self.venue and key in self.sent and key not in met:
                    self._cancel(key)
            for take in self._takes:
                self._send_take(take)
        for key, took_place in self._touched.items():
            self._follow(key, took_place=took_place)
        for key in met:
            if self.venue.get_quantity(key) != self.sent.get_quantity(key):
                self._mark(key)
        if self._dirty:
            self._repair()

    def _follow(self, key: int, *, took_place: bool) -> None:
        place, sent_place = self.venue.places.get(key), self.sent.places.get(key)
        if place is None:
            if sent_place:
                self._cancel(key)
            return
        wanted = self.venue.get_quantity(key)
        if sent_place is None:
            if took_place:
                self._place(key, *place, wanted)
            else:
                self._mark(key)
            return
        left = self.sent.get_quantity(key)
        if not took_place:
            if wanted < left:
                self._amend(key, place[1], wanted)
            elif wanted > left:
                self._mark(key)
        elif place[0] == sent_place[0] and (place[1] != sent_place[1] or wanted > left):
            if self.sent.is_crossing(*place):
                self._cancel(key)
                self._mark(key)
            else:
                self._amend(key, place[1], wanted)
        else:
            self._cancel(key)
            self._place(key, *place, wanted)

    def _place(self, key: int, side: int, price: Ticks, quantity: Lots) -> None:
        if self.sent.is_crossing(side, price):
            self._dirty[side, price] = None
            return
        if self._keeps_names and 0 < key < FRESH_ID_FIRST and key not in self._used:
            client_id = key
            self._used.add(key)
        else:
            client_id = self._make_client_id()
        self._ids[key] = client_id
        self._filled[key] = 0
        self.sent.add(key, side, price, quantity)
        self._send(
            key, make_place(side, price, quantity, client_id, TimeInForce.GTC, max_matches=1)
        )

    def _amend(self, key: int, price: Ticks, left: Lots) -> None:
        """Send the new price and size; the chain gives the order a new place where it has to."""
        side, old_price = self.sent.places[key]
        if price == old_price and left <= self.sent.get_quantity(key):
            self.sent.set_quantity(key, left)
        else:
            self.sent.remove(key)
            self.sent.add(key, side, price, left)
        new_price = 0 if price == old_price else price
        total = self._filled[key] + left
        self._send(key, AmendOrder(self._ids[key], new_price, total, 0, max_matches=1))

    def _cancel(self, key: int) -> None:
        self.sent.remove(key)
        self._send(key, CancelOrder(self._ids.pop(key)))
        del self._filled[key]

    def _send(self, key: int, leg: PlaceOrder | AmendOrder | CancelOrder) -> None:
        self._sends.append(Send(self._line, key, leg, is_repair=self._repairing))

    def _make_client_id(self) -> int:
        self._fresh += 1
        return self._fresh

    # --- aggressors ---

    def _send_take(self, take: Take) -> None:
        """Send the aggressor; an order filled for more than it showed shows that much before."""
        waiting: list[Expected] = []
        taken: Counter[int] = Counter()
        for each, standing in zip(take.expected, take.standing, strict=True):
            if each.key not in self.sent and not taken[each.key] and standing:
                self._place(each.key, OPPOSITE[Side(take.side)], each.price, standing)
            if each.quantity > self.sent.get_quantity(each.key) - taken[each.key]:
                if taken[each.key]:
                    self._send_ioc(take, waiting)
                    waiting, taken = [], Counter()
                self._show(each, OPPOSITE[Side(take.side)])
            waiting.append(each)
            taken[each.key] += each.quantity
        if waiting:
            self._send_ioc(take, waiting)

    def _show(self, fill: Expected, side: int) -> None:
        if fill.key not in self.sent:
            self._place(fill.key, side, fill.price, fill.quantity)
        elif self.sent.places[fill.key] == (side, fill.price):
            self._amend(fill.key, fill.price, fill.quantity)

    def _send_ioc(self, take: Take, expected: list[Expected]) -> None:
        rest = sum(each.quantity for each in expected)
        foreseen = self._match(take.side, take.price, rest)
        if foreseen != expected:
            for each in (*foreseen, *expected):
                self._dirty[OPPOSITE[Side(take.side)], each.price] = None
        for start in range(0, max(len(foreseen), len(expected)), _FILLS_PER_LEG):
            end = start + _FILLS_PER_LEG
            part = foreseen[start:end]
            last = end >= max(len(foreseen), len(expected))
            quantity = rest if last else sum(each.quantity for each in part)
            rest -= quantity
            steps = min(limits.MATCHES_MAX, len(part) + _SLACK_MATCHES)
            client_id = self._make_client_id()
            leg = make_place(
                take.side, take.price, quantity, client_id, TimeInForce.IOC, max_matches=steps
            )
            self._sends.append(Send(take.line, client_id, leg, tuple(expected[start:end])))

    def _match(self, side: int, price: Ticks, quantity: Lots) -> list[Expected]:
        """Foresee what the chain fills: the best price first, its oldest order first."""
        found: list[Expected] = []
        for best in list(self.sent.iterate_prices(OPPOSITE[Side(side)])):
            if quantity == 0 or (best > price if side == Side.BUY else best < price):
                break
            for key, left in list(self.sent.get_queue((OPPOSITE[Side(side)], best)).items()):
                lots = min(left, quantity)
                found.append(Expected(key, best, lots))
                self.sent.reduce(key, lots)
                self._filled[key] += lots
                quantity -= lots
                if quantity == 0:
                    break
        return found

    # --- contradictions ---

    def _mark(self, key: int) -> None:
        for book in (self.venue, self.sent):
            level = book.places.get(key)
            if level:
                self._dirty[level] = None

    def _repair(self) -> None:
        """Bring the levels back to what the venue says, as far as that does not cross."""
        self._repairing = True
        for level in list(self._dirty):
            for key in list(self.sent.get_queue(level)):
                if self.venue.places.get(key) != level:
                    self._cancel(key)
        for level in list(self._dirty):
            self._repair_level(level)
            if self.sent.is_level_equal(self.venue, level):
                del self._dirty[level]
        self._repairing = False

    def _repair_level(self, level: Level) -> None:
        wanted = list(self.venue.get_queue(level).items())
        held = list(self.sent.get_queue(level).items())
        same = 0
        for (key, quantity), (sent_key, left) in zip(wanted, held, strict=False):
            if key != sent_key or quantity > left:
                break
            if quantity < left:
                self._amend(key, level[1], quantity)
            same += 1
        for key, _ in held[same:]:
            self._cancel(key)
        for key, quantity in wanted[same:]:
            if self.sent.is_crossing(*level):
                break
            if key in self.sent:
                self._cancel(key)
            self._place(key, *level, quantity)


def make_place(
    side: int, price: Ticks, quantity: Lots, client_id: int, time_in_force: int, *, max_matches: int
) -> PlaceOrder:
    """Return a limit order of the replay: resting orders and aggressors have their own funds."""
    ioc = time_in_force == TimeInForce.IOC
    return PlaceOrder(
        market=MARKET,
        side=side,
        order_type=OrderType.LIMIT,
        time_in_force=time_in_force,
        post_only=PostOnly.NONE,
        price=price,
        quantity=quantity,
        expires_ms=0,
        client_id=client_id,
        subaccount=AGGRESSOR_SUBACCOUNT if ioc else RESTING_SUBACCOUNT,
        self_trade=SelfTrade.ALLOW,
        max_matches=max_matches,
    )
