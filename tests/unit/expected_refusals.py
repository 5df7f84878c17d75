"""What an order or an amendment must be answered: the specification's checks as one table each.

Written from docs/spec/exchange.md and the messages' own order of checks, and from nothing that the
chain executes: the first line that holds gives the code. The world that it speaks of is that of
test_bad_orders_matrix: every market last traded at 50, has 5 lots bid at 49 and 5 asked at 51.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from omg_abci.protocol.messages import AmendOrder, PlaceOrder

NOW: Final = 1_800_000_000_000
HEIGHT: Final = 1_000
BID, LAST, ASK = 49, 50, 51
LOTS_MIN, LOTS_MAX = 2, 40
DAY_MS: Final = 24 * 3600 * 1000
EXPIRES_MAX: Final = NOW + 366 * DAY_MS
HEIGHTS_MAX: Final = HEIGHT + 200_000_000
TOO_MUCH: Final = 10**9
"""A price at which one lot costs more than anybody has."""
WIDE: Final = 2**48
"""The first number above every price and quantity."""

OPEN_ID, ENDED_ID, CANCELLED_ID, FRESH_ID = 1, 2, 3, 4
"""Client ids: of an open order, of one that has ended, of a tombstone, of none."""

BUY, SELL = 1, 2
LIMIT, MARKET, STOP, PROFIT, ICEBERG = 1, 2, 3, 4, 5
GTC, GTT, IOC, FOK, GTH = 1, 2, 3, 4, 5
NONE, REJECT, SLIDE, OFF = 0, 1, 2, 3
ACTIVE, AUCTION, UNCROSSING, CANCEL_ONLY, DELISTING = 1, 2, 3, 4, 5


class Situation(NamedTuple):
    """Where an order arrives."""

    market: int
    status: int = ACTIVE
    batch: bool = False
    standstill: bool = False
    """The chain stood still: takers are not let in yet."""
    exists: bool = True
    huge: bool = False
    """A lot's units are so large that every order's cost overflows."""
    switched: bool = False
    """The owner's switch has fired."""
    crowded: bool = False
    """The owner has as many open orders as allowed."""

    @property
    def matches(self) -> bool:
        """True when a market trades at once."""
        return self.status == ACTIVE and not self.batch


Rows = Sequence[tuple[int, Callable[..., bool]]]


def rises(side: int, kind: int) -> bool:
    """Tell whether an order is triggered by a trade at or above its trigger."""
    return (side == BUY) == (kind == STOP)


def crosses(side: int, price: int) -> bool:
    """Tell whether a price reaches the other side of the book."""
    return price >= ASK if side == BUY else price <= BID


def is_on_wrong_side(side: int, kind: int, trigger: int) -> bool:
    """Tell whether a trigger is reached already."""
    return trigger <= LAST if rises(side, kind) else trigger >= LAST


_RESTING: Final = (GTC, GTT, GTH)
_WAITING: Final = (STOP, PROFIT)

PLACE_FORMAT: Rows = (
    (21, lambda o: o.market == 0),
    (23, lambda o: o.side not in (BUY, SELL)),
    (24, lambda o: not LIMIT <= o.order_type <= ICEBERG),
    (25, lambda o: not GTC <= o.time_in_force <= GTH),
    (40, lambda o: o.order_type == MARKET and o.time_in_force in _RESTING),
    (41, lambda o: o.order_type == ICEBERG and o.time_in_force in (IOC, FOK)),
    (32, lambda o: o.post_only not in (NONE, REJECT, SLIDE)),
    (42, lambda o: o.post_only and o.time_in_force in (IOC, FOK)),
    (43, lambda o: o.post_only and o.order_type in _WAITING),
    (26, lambda o: not 0 < o.price < WIDE),
    (27, lambda o: not 0 < o.quantity < WIDE),
    (28, lambda o: o.time_in_force == GTT and not o.expires_ms),
    (48, lambda o: o.time_in_force != GTT and o.expires_ms),
    (49, lambda o: o.time_in_force == GTH and not o.expires_height),
    (50, lambda o: o.time_in_force != GTH and o.expires_height),
    (44, lambda o: o.order_type == ICEBERG and not 0 < o.display <= o.quantity),
    (45, lambda o: o.order_type != ICEBERG and o.display),
    (46, lambda o: o.order_type in _WAITING and not 0 < o.trigger < WIDE),
    (47, lambda o: o.order_type not in _WAITING and o.trigger),
    (29, lambda o: o.client_id == 0),
    (22, lambda o: o.subaccount > 255),
    (30, lambda o: not 1 <= o.self_trade <= 5),
    (31, lambda o: not 1 <= o.max_matches <= 256),
)
"""What the bytes alone say."""

PLACE: Rows = (
    (2000, lambda _, s: not s.exists),
    (2009, lambda o, _: o.client_id == CANCELLED_ID),
    (0, lambda o, _: o.client_id in (OPEN_ID, ENDED_ID)),
    (2021, lambda _, s: s.switched),
    (2025, lambda _, s: s.status == CANCEL_ONLY),
    (2026, lambda _, s: s.status == DELISTING),
    (2024, lambda _, s: s.status == UNCROSSING),
    (
        2022,
        lambda o, s: (
            s.status == AUCTION and o.time_in_force in (IOC, FOK) and o.order_type not in _WAITING
        ),
    ),
    (2023, lambda o, s: s.status == AUCTION and o.post_only),
    (2028, lambda o, s: s.batch and o.post_only),
    (
        2027,
        lambda o, s: (
            s.matches and s.standstill and not o.post_only and o.order_type not in _WAITING
        ),
    ),
    (2004, lambda o, _: 0 < o.expires_ms <= NOW),
    (2005, lambda o, _: o.expires_ms > EXPIRES_MAX),
    (2015, lambda o, _: 0 < o.expires_height < HEIGHT),
    (2016, lambda o, _: o.expires_height > HEIGHTS_MAX),
    (2001, lambda o, _: o.quantity < LOTS_MIN),
    (2002, lambda o, _: o.quantity > LOTS_MAX),
    (2018, lambda o, _: o.order_type == ICEBERG and o.display < LOTS_MIN),
    (
        2008,
        lambda o, s: (
            s.crowded and (o.time_in_force in _RESTING or o.order_type in _WAITING or s.batch)
        ),
    ),
    (2003, lambda _, s: s.huge),
    (1000, lambda o, _: o.subaccount == 1),
    (
        2017,
        lambda o, _: o.order_type in _WAITING and is_on_wrong_side(o.side, o.order_type, o.trigger),
    ),
    (0, lambda o, s: o.order_type in _WAITING or not s.matches),
    (2006, lambda o, _: o.post_only == REJECT and crosses(o.side, o.price)),
    (2007, lambda o, _: o.time_in_force == FOK and not crosses(o.side, o.price)),
)
"""What the state says: the numbers of PlaceOrder in docs/spec/exchange.md, in their order."""


class Target(NamedTuple):
    """The buy order that an amendment names: 5 lots at 48, or a trigger at 60."""

    client_id: int
    kind: int = LIMIT
    tif: int = GTC
    post_only: int = NONE
    filled: int = 0
    dead: bool = False
    ended: bool = False
    exists: bool = True

    @property
    def waits(self) -> bool:
        """True for an order that is not triggered yet."""
        return self.kind in _WAITING


PRICE, QUANTITY = 48, 5
"""Of every target."""

AMEND_FORMAT: Rows = (
    (29, lambda m: m.client_id == 0),
    (33, lambda m: not any(m._replace(client_id=0, max_matches=0))),
    (25, lambda m: m.time_in_force > GTH),
    (51, lambda m: m.time_in_force in (IOC, FOK)),
    (32, lambda m: m.post_only > OFF),
    (26, lambda m: m.price >= WIDE),
    (27, lambda m: m.quantity >= WIDE),
    (28, lambda m: m.time_in_force == GTT and not m.expires_ms),
    (48, lambda m: m.time_in_force in (GTC, GTH) and m.expires_ms),
    (49, lambda m: m.time_in_force == GTH and not m.expires_height),
    (50, lambda m: m.time_in_force in (GTC, GTT) and m.expires_height),
    (50, lambda m: not m.time_in_force and m.expires_ms and m.expires_height),
    (44, lambda m: m.display >= WIDE),
    (46, lambda m: m.trigger >= WIDE),
    (30, lambda m: m.self_trade > 5),
    (31, lambda m: not 1 <= m.max_matches <= 256),
)
"""What the bytes alone say."""


def get_post_only(msg: AmendOrder, target: Target) -> int:
    """Return the post-only mode after the amendment."""
    return NONE if msg.post_only == OFF else msg.post_only or target.post_only


def moves(msg: AmendOrder, target: Target) -> bool:
    """Tell whether the order loses its place."""
    return not target.waits and (msg.price not in (0, PRICE) or msg.quantity > QUANTITY)


def is_too_dear(msg: AmendOrder, target: Target, place: Situation) -> bool:
    """Tell whether the reserve after the amendment is more than the owner has."""
    slides = get_post_only(msg, target) == SLIDE and place.matches and not target.waits
    return msg.price == TOO_MUCH and not slides


AMEND: Rows = (
    (2010, lambda _, t, __: not t.exists),
    (2011, lambda _, t, __: t.ended),
    (2004, lambda _, t, __: t.dead),
    (2025, lambda _, __, s: s.status == CANCEL_ONLY),
    (2026, lambda _, __, s: s.status == DELISTING),
    (2024, lambda _, __, s: s.status == UNCROSSING),
    (2039, lambda m, t, _: m.time_in_force and t.tif not in _RESTING),
    (2013, lambda m, t, _: not m.time_in_force and m.expires_ms and t.tif != GTT),
    (2037, lambda m, t, _: not m.time_in_force and m.expires_height and t.tif != GTH),
    (2004, lambda m, _, __: 0 < m.expires_ms <= NOW),
    (2005, lambda m, _, __: m.expires_ms > EXPIRES_MAX),
    (2015, lambda m, _, __: 0 < m.expires_height < HEIGHT),
    (2016, lambda m, _, __: m.expires_height > HEIGHTS_MAX),
    (2036, lambda m, t, _: m.display and t.kind != ICEBERG),
    (2018, lambda m, _, __: 0 < m.display < LOTS_MIN),
    (2035, lambda m, t, _: m.trigger and not t.waits),
    (2017, lambda m, t, _: m.trigger and is_on_wrong_side(BUY, t.kind, m.trigger)),
    (2038, lambda m, t, _: m.post_only and (t.waits or t.tif not in _RESTING)),
    (2028, lambda m, _, s: m.post_only in (REJECT, SLIDE) and s.batch),
    (2012, lambda m, t, _: (m.quantity or QUANTITY) <= t.filled),
    (2001, lambda m, _, __: 0 < m.quantity < LOTS_MIN),
    (2002, lambda m, _, __: m.quantity > LOTS_MAX),
    (
        2027,
        lambda m, t, s: moves(m, t) and s.matches and s.standstill and not get_post_only(m, t),
    ),
    (
        2006,
        lambda m, t, s: (
            s.matches and not t.waits and get_post_only(m, t) == REJECT and crosses(BUY, m.price)
        ),
    ),
    (1000, is_too_dear),
)
"""What the state says: the numbers of AmendOrder in docs/spec/exchange.md, in their order."""


def find_first(rows: Rows, *facts: object) -> int | None:
    """Return the code of the first row that holds."""
    for code, holds in rows:
        if holds(*facts):
            return code
    return None


def compute_place_code(order: PlaceOrder, place: Situation) -> int:
    """Return what a new order must be answered; 0 when it is accepted, or repeated."""
    return find_first(PLACE_FORMAT, order) or find_first(PLACE, order, place) or 0


def compute_amend_code(msg: AmendOrder, target: Target, place: Situation) -> int:
    """Return what an amendment must be answered; 0 when it is done."""
    return find_first(AMEND_FORMAT, msg) or find_first(AMEND, msg, target, place) or 0
