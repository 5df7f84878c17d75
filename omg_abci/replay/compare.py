"""What the chain did beside what the venue did: every fill, every book, every snapshot row.

The comparer keeps two books of its own. One is rebuilt from nothing but committed leg results; the
other follows the venue's statements. Levels that differ are remembered, so that comparing two
books after an event costs as much as the event changed, and still means: all orders, in order.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from omg_abci.protocol.messages import CancelOrder, PlaceOrder
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.units import Lots, Side, Ticks
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

DIFFERENCES_SHOWN: Final = 20
State = tuple[tuple[Ticks, Lots], ...]
"""(price, size) of the best levels, all bids and then all asks."""


class Difference(NamedTuple):
    """One thing that the chain did otherwise."""

    line: int
    kind: str
    detail: str


class _Effect(NamedTuple):
    """What a leg did to one order, not yet shown in the rebuilt book."""

    key: int
    kind: str
    side: int
    price: Ticks
    quantity: Lots


class Tally:
    """How many were compared and how many were equal."""

    __slots__ = ("compared", "equal")

    def __init__(self) -> None:
        """Start at zero."""
        self.compared = 0
        self.equal = 0

    def count(self, *, equal: bool) -> None:
        """Count one comparison."""
        self.compared += 1
        self.equal += equal

    def as_dict(self) -> dict[str, int]:
        """Return both numbers by name."""
        return {"compared": self.compared, "equal": self.equal}


class Comparer:
    """Takes a replay's steps in order, each leg with its committed result."""

    def __init__(self) -> None:
        """Start from empty books."""
        self.chain = Book()
        self.venue = Book()
        self.fills = Tally()
        self.order_books = Tally()
        self.rows = Tally()
        self.differences: list[Difference] = []
        self.difference_counts: Counter[str] = Counter()
        self.unexpected_fills = 0
        self.traded: list[tuple[int, Ticks, Lots, int]] = []
        """(line, price, lots, side of the aggressor) of the fills since the last event."""
        self.states: list[State] = []
        self.state_lines: list[int] = []
        self.client_ids: dict[int, int] = {}
        """Order → its present client id."""
        self._keys: dict[int, int] = {}
        self._pending: dict[int, _Effect] = {}
        self._pending_of: dict[int, list[int]] = {}
        self._effects = 0
        self._changed: dict[Level, None] = {}
        self._differing: dict[Level, None] = {}
        self._expected: list[Expected] = []
        self._filled: list[Expected] = []
        self._line = 0

    def take(self, step: Step, result: LegResult | None) -> None:
        """Do one step; ``result`` belongs to a `Send` and is None for all others."""
        if isinstance(step, Send):
            if result is None:
                raise ValueError(step)
            self._take_leg(step, result)
        elif isinstance(step, VenueSet):
            self._changed[self.venue.places[step.key]] = None
            self.venue.set_quantity(step.key, step.quantity)
        elif isinstance(step, VenueAdd):
            self.venue.add(step.key, step.side, step.price, step.quantity)
            self._changed[step.side, step.price] = None
        elif isinstance(step, VenueRemove):
            self._changed[self.venue.places[step.key]] = None
            self.venue.remove(step.key)
        elif isinstance(step, EventEnd):
            self._end_event(step)
        elif isinstance(step, RowCheck):
            self._check_row(step)
        elif isinstance(step, StateCheck):
            self._note_state(step.depth)
        elif isinstance(step, Settle):
            self._settle(step.key)

    def note_difference(self, line: int, kind: str, detail: str) -> None:
        """Count a difference, and keep it if it is among the first."""
        self.difference_counts[kind] += 1
        if len(self.differences) < DIFFERENCES_SHOWN:
            self.differences.append(Difference(line, kind, detail))

    # --- what the chain did ---

    def _take_leg(self, step: Send, result: LegResult) -> None:
        self._line = step.line
        leg = step.leg
        if result.code or result.repeated or result.tombstone:
            self.note_difference(
                step.line, "leg", f"{type(leg).__name__} {leg.client_id} answered {result.code}"
            )
        filled = [
            Expected(self._keys.get(each.client_id, each.client_id), each.price, each.quantity)
            for each in result.fills
        ]
        self._expected.extend(step.expected)
        self._filled.extend(filled)
        side = leg.side if isinstance(leg, PlaceOrder) else 0
        self.traded.extend((step.line, each.price, each.quantity, side) for each in filled)
        for each in filled:
            self._defer(_Effect(each.key, "fill", 0, 0, each.quantity))
        for removal in result.removals:
            self._defer(_Effect(self._keys[removal.client_id], "remove", 0, 0, 0))
        if not result.code and not result.repeated and not result.tombstone:
            effect = self._find_own_effect(step, result)
            if effect:
                self._defer(effect, at_end=step.is_repair)

    def _find_own_effect(self, step: Send, result: LegResult) -> _Effect | None:
        """Return what the leg did to its own order; an aggressor's never rests."""
        leg, key = step.leg, step.key
        if isinstance(leg, CancelOrder):
            return _Effect(key, "remove", 0, 0, 0)
        if isinstance(leg, PlaceOrder):
            if not result.resting:
                return None
            self._keys[leg.client_id] = key
            self.client_ids[key] = leg.client_id
            return _Effect(key, "rest", leg.side, leg.price, result.resting)
        if result.kept_place:
            return _Effect(key, "set", 0, 0, result.resting)
        return _Effect(key, "move", 0, leg.price, result.resting)

    def _defer(self, effect: _Effect, *, at_end: bool = False) -> None:
        self._effects += 1
        self._pending[self._effects] = effect
        if not at_end:
            self._pending_of.setdefault(effect.key, []).append(self._effects)

    def _settle(self, key: int) -> None:
        for number in self._pending_of.pop(key, ()):
            self._apply(self._pending.pop(number))

    def _settle_all(self) -> None:
        for effect in self._pending.values():
            self._apply(effect)
        self._pending = {}
        self._pending_of = {}

    def _apply(self, effect: _Effect) -> None:
        key, kind, side, price, quantity = effect
        if kind == "rest":
            self.chain.add(key, side, price, quantity)
            self._changed[side, price] = None
            return
        place = self.chain.places.get(key)
        if place is None:
            self.note_difference(self._line, "leg", f"{kind} of order {key}, which is not open")
            return
        self._changed[place] = None
        if kind == "fill":
            self.chain.reduce(key, quantity)
        elif kind == "remove":
            self.chain.remove(key)
        elif kind == "set":
            self.chain.set_quantity(key, quantity)
        else:
            self.chain.remove(key)
            if quantity:
                place = (place[0], price or place[1])
                self.chain.add(key, *place, quantity)
                self._changed[place] = None

    # --- comparisons ---

    def _compare_fills(self, line: int) -> None:
        """Compare the event's fills: which resting order, at what price, how much in all.

        A venue may report the fills of an order that shows only a part of itself in one row, after
        all others; where each order stood is what the books are compared for.
        """
        expected, filled = _merge_fills(self._expected), _merge_fills(self._filled)
        self._expected, self._filled = [], []
        self.fills.compared += len(expected)
        if expected == filled:
            self.fills.equal += len(expected)
            return
        self.fills.equal += sum(filled.get(place) == lots for place, lots in expected.items())
        self.unexpected_fills += sum(place not in expected for place in filled)
        detail = f"venue {_show_fills(expected, filled)}, chain {_show_fills(filled, expected)}"
        self.note_difference(line, "fill", detail)

    def _end_event(self, step: EventEnd) -> None:
        self._settle_all()
        if self._expected or self._filled:
            self._compare_fills(step.line)
        for level in self._changed:
            if self.chain.is_level_equal(self.venue, level):
                self._differing.pop(level, None)
            else:
                self._differing[level] = None
        self._changed = {}
        if not step.compared:
            return
        self.order_books.count(equal=not self._differing)
        if self._differing:
            level = next(iter(self._differing))
            self.note_difference(step.line, "book", self._show_level(level))

    def _check_row(self, step: RowCheck) -> None:
        if step.reason:
            self.rows.count(equal=False)
            self.note_difference(step.line, "row", step.reason)
            return
        equal = True
        for side, wanted, depth in (
            (Side.BUY, step.bids, step.bids_depth),
            (Side.SELL, step.asks, step.asks_depth),
        ):
            found = self.chain.compute_levels(side, depth)
            if any(each[2] for each in wanted):
                same = found == list(wanted)
            else:
                same = [each[:2] for each in found] == [each[:2] for each in wanted]
            if not same and equal:
                equal = False
                self.note_difference(step.line, "row", _show_sides(side, wanted, found))
        self.rows.count(equal=equal)

    def _note_state(self, depth: int) -> None:
        self._settle_all()
        state = (
            *((price, size) for price, size, _ in self.chain.compute_levels(Side.BUY, depth)),
            (0, 0),
            *((price, size) for price, size, _ in self.chain.compute_levels(Side.SELL, depth)),
        )
        if not self.states or state != self.states[-1]:
            self.states.append(state)
            self.state_lines.append(self._line)

    def _show_level(self, level: Level) -> str:
        side = Side(level[0]).name.lower()
        venue = list(self.venue.get_queue(level).items())
        chain = list(self.chain.get_queue(level).items())
        start = 0
        while start < min(len(venue), len(chain)) and venue[start] == chain[start]:
            start += 1
        return (
            f"{side} level {level[1]} from place {start + 1}: venue {venue[start : start + 3]},"
            f" chain {chain[start : start + 3]} (order, size)"
        )


def compare_open_orders(
    comparer: Comparer, orders: Iterable[Mapping[str, Any]]
) -> tuple[bool, str]:
    """Compare the rebuilt book with the chain's own open orders; return (equal, what differs).

    Each order has client_id, side, price, left and priority.
    """
    own = Book()
    keys = {client_id: key for key, client_id in comparer.client_ids.items()}
    for order in sorted(orders, key=lambda each: each["priority"]):
        key = keys.get(order["client_id"], order["client_id"])
        own.add(key, order["side"], order["price"], order["left"])
    if own.is_equal(comparer.chain):
        return True, ""
    for level in {
        **dict.fromkeys(own.places.values()),
        **dict.fromkeys(comparer.chain.places.values()),
    }:
        if not own.is_level_equal(comparer.chain, level):
            return False, f"level {level}: {len(own)} orders open, {len(comparer.chain)} rebuilt"
    return True, ""


def _merge_fills(fills: Iterable[Expected]) -> dict[tuple[int, Ticks], Lots]:
    merged: dict[tuple[int, Ticks], Lots] = {}
    for key, price, lots in fills:
        merged[key, price] = merged.get((key, price), 0) + lots
    return merged


def _show_fills(fills: dict[tuple[int, Ticks], Lots], others: dict[tuple[int, Ticks], Lots]) -> str:
    """Show the fills that the other side does not have, the first few of them."""
    shown = [
        f"{lots} of {key} at {price}"
        for (key, price), lots in fills.items()
        if others.get((key, price)) != lots
    ]
    return f"[{', '.join(shown[:4])}{', …' if shown[4:] else ''}]"


def _show_sides(
    side: int,
    wanted: tuple[tuple[Ticks, Lots, int], ...],
    found: list[tuple[Ticks, Lots, int]],
) -> str:
    name = Side(side).name.lower()
    for place in range(max(len(wanted), len(found))):
        venue = wanted[place] if place < len(wanted) else None
        chain = found[place] if place < len(found) else None
        if (
            venue is None
            or chain is None
            or venue[: 3 if venue[2] else 2] != chain[: 3 if venue[2] else 2]
        ):
            return f"{name} level {place + 1}: venue {venue}, chain {chain} (price, size, orders)"
    return name
