"""What a planner tells the rest of a replay to do, in order.

A recording becomes one sequence of steps: legs to send with what the venue says came of them, the
venue's own statements about its book, and the moments at which both are compared. Orders are
named by a *key*: the venue's order id, or a negative number where the venue names none.
"""

from typing import NamedTuple

from omg_abci.protocol.messages import AmendOrder, CancelOrder, PlaceOrder
from omg_abci.protocol.units import Lots, Ticks


class Expected(NamedTuple):
    """A fill as the venue reports it."""

    key: int
    """The resting order."""
    price: Ticks
    quantity: Lots


class Send(NamedTuple):
    """A leg, and the fills that the venue reports for it; only aggressors have some."""

    line: int
    key: int
    """The order that the leg is about; for an aggressor a key of its own."""
    leg: PlaceOrder | AmendOrder | CancelOrder
    expected: tuple[Expected, ...] = ()
    is_repair: bool = False
    """Belongs to no row of the event: what it does shows at the event's end."""


class VenueAdd(NamedTuple):
    """The venue says: this order is now last in its level's queue."""

    key: int
    side: int
    price: Ticks
    quantity: Lots


class VenueSet(NamedTuple):
    """The venue says: so much is left of the order, which keeps its place."""

    key: int
    quantity: Lots


class VenueRemove(NamedTuple):
    """The venue says: the order is gone."""

    key: int


class Settle(NamedTuple):
    """Let what the chain did to this order show in the rebuilt book now, within the event."""

    key: int


class EventEnd(NamedTuple):
    """An event of the venue is over: all that the chain did shows; the books are compared."""

    line: int
    time_ns: int
    compared: bool
    """False in an auction, and where the venue's book was changed by what no message said."""


class RowCheck(NamedTuple):
    """The venue's snapshot row for this moment: (price, size, count) a level, best first."""

    line: int
    """In the snapshot file."""
    bids: tuple[tuple[Ticks, Lots, int], ...]
    asks: tuple[tuple[Ticks, Lots, int], ...]
    """A count of 0 means that the venue gives none."""
    bids_depth: int
    """How many levels of the chain's book the bids are compared with: more than are given when
    the venue says that there are no more."""
    asks_depth: int
    reason: str = ""
    """Why the row can be joined to no message; empty when it is."""


class StateCheck(NamedTuple):
    """Note the best levels for a later comparison with a sequence of states."""

    depth: int


Step = Send | VenueAdd | VenueSet | VenueRemove | Settle | EventEnd | RowCheck | StateCheck
