"""The exchange's cases: what orders, amendments and cancellations do, and their refusals."""

from omg_abci.protocol.messages import AmendOrder, CancelAll, CancelOrder, PlaceOrder
from omg_abci.protocol.units import OrderType, SelfTrade, Side, TimeInForce
from tests.strategies import AGENTS, DAY_MS
from tests.vectors.case_types import Case, accept, by, make_place, make_sell, reject
from tests.vectors.genesis import HUGE

GTT, IOC, FOK = TimeInForce.GTT, TimeInForce.IOC, TimeInForce.FOK


def meet_oneself(mode: SelfTrade) -> Case:
    """Return the case of a buy of 5 that meets an own sell of 3 and then another's."""
    own, other = make_sell(price=3, quantity=3), make_sell(price=4, quantity=5)
    blocks = (by(0, own), by(1, other), by(0, make_place(self_trade=mode)))
    return accept(PlaceOrder, f"self_trade_{mode.name.lower()}", "an own order is best", *blocks)


BOOK = by(1, make_sell(client_id=11), make_sell(client_id=12, price=3, quantity=2))
"""Asks: 2 lots at 3, 5 lots at 4."""

PLACES = [
    accept(PlaceOrder, "buy_rests", "its cost is reserved", by(0, make_place())),
    accept(PlaceOrder, "sell_rests", "what it gives is reserved", by(0, make_sell(subaccount=1))),
    accept(
        PlaceOrder, "fills", "at the makers' prices, best first", BOOK, by(0, make_place(price=5))
    ),
    accept(PlaceOrder, "fills_and_rests", "the rest rests", BOOK, by(0, make_place(quantity=9))),
    accept(
        PlaceOrder,
        "keeps_place",
        "a partly filled order is still the oldest",
        by(1, make_sell()),
        by(2, make_sell()),
        by(0, make_place(quantity=2)),
        by(0, make_place(client_id=2, quantity=4)),
    ),
    accept(PlaceOrder, "immediate", "IOC", BOOK, by(0, make_place(quantity=9, time_in_force=IOC))),
    accept(
        PlaceOrder,
        "market_order",
        "takes up to its protection price",
        BOOK,
        by(0, make_place(order_type=OrderType.MARKET, price=3, quantity=9, time_in_force=IOC)),
    ),
    accept(
        PlaceOrder, "fill_or_kill", "FOK", BOOK, by(0, make_place(quantity=7, time_in_force=FOK))
    ),
    accept(
        PlaceOrder, "match_limit", "one match is allowed", BOOK, by(0, make_place(max_matches=1))
    ),
    accept(PlaceOrder, "post_only", "it rests", BOOK, by(0, make_place(price=2, post_only=True))),
    accept(
        PlaceOrder,
        "good_till_time",
        "expires at the start of the block at its time",
        by(0, make_place(time_in_force=GTT, expires_ms=2_000)),
        (),
        (),
        by(0, make_place()),
    ),
    accept(
        PlaceOrder,
        "repeated_open",
        "answers the first",
        by(0, make_place()),
        by(0, make_place(price=2)),
    ),
    accept(
        PlaceOrder,
        "repeated_ended",
        "answers what became of the first",
        by(0, make_place(time_in_force=IOC)),
        by(0, make_place()),
    ),
    accept(
        PlaceOrder,
        "id_again_after_two_days",
        "a client id is free two days after the end",
        by(0, make_place(time_in_force=IOC)),
        (),
        by(0, make_place()),
        ahead_ms=(1_000, 2 * DAY_MS, 60_000),
    ),
    accept(PlaceOrder, "by_agent", "signed raw", by(0, make_place(), signer=AGENTS[0])),
    *(meet_oneself(mode) for mode in SelfTrade),
    reject(PlaceOrder, 2000, "unknown_market", "no such market", by(0, make_place(market=3))),
    reject(PlaceOrder, 2001, "small", "below the minimum", by(0, make_place(quantity=1))),
    reject(PlaceOrder, 2002, "large", "above the maximum", by(0, make_place(quantity=41))),
    reject(
        PlaceOrder,
        2003,
        "overflow",
        "costs 2^128",
        by(0, make_place(market=HUGE, quantity=2, price=2)),
    ),
    reject(
        PlaceOrder,
        2003,
        "overflow_base",
        "gives 2^128",
        by(0, make_place(market=HUGE, quantity=4, price=1)),
    ),
    reject(
        PlaceOrder, 2004, "expired", "ends now", by(0, make_place(time_in_force=GTT, expires_ms=-1))
    ),
    reject(
        PlaceOrder,
        2005,
        "far_expiry",
        "ends after 366 days",
        by(0, make_place(time_in_force=GTT, expires_ms=366 * DAY_MS + 1)),
    ),
    reject(PlaceOrder, 2006, "would_take", "post-only", BOOK, by(0, make_place(post_only=True))),
    reject(
        PlaceOrder,
        2006,
        "would_take_own",
        "own orders count",
        by(0, make_sell()),
        by(0, make_place(post_only=True)),
    ),
    reject(
        PlaceOrder, 2007, "not_all", "FOK", BOOK, by(0, make_place(quantity=8, time_in_force=FOK))
    ),
    reject(
        PlaceOrder,
        2007,
        "not_within_matches",
        "FOK that one match does not fill",
        BOOK,
        by(0, make_place(time_in_force=FOK, max_matches=1)),
    ),
    reject(
        PlaceOrder,
        2009,
        "cancelled_before",
        "a tombstone",
        by(0, CancelOrder(1)),
        by(0, make_place()),
    ),
    reject(
        PlaceOrder, 1000, "no_funds", "sub 1", by(0, make_place(subaccount=1, price=7, quantity=20))
    ),
    reject(
        PlaceOrder,
        1006,
        "rolled_back",
        "a fill is undone by the next leg",
        BOOK,
        by(0, make_place(), CancelAll(3, 0, 1), atomic=True),
    ),
]

BIDS = by(
    0,
    make_place(),
    make_place(client_id=2),
    make_place(client_id=3, time_in_force=GTT, expires_ms=9_000),
)
FILLED = (BIDS, by(1, make_sell(quantity=2)))
"""Three bids of 5 at 4; the first has 2 filled."""

AMENDS = [
    accept(AmendOrder, "smaller", "keeps its place", *FILLED, by(0, AmendOrder(1, 0, 3, 0, 1))),
    accept(AmendOrder, "larger", "loses its place", *FILLED, by(0, AmendOrder(1, 0, 6, 0, 1))),
    accept(AmendOrder, "price", "loses its place", BIDS, by(0, AmendOrder(1, 3, 0, 0, 1))),
    accept(AmendOrder, "same_price", "keeps its place", BIDS, by(0, AmendOrder(1, 4, 0, 0, 1))),
    accept(AmendOrder, "expiry", "keeps its place", BIDS, by(0, AmendOrder(3, 0, 0, 1, 1)), (), ()),
    accept(
        AmendOrder,
        "takes",
        "matches at its new price",
        BIDS,
        by(1, make_sell(price=6, quantity=3)),
        by(0, AmendOrder(1, 6, 0, 0, 4)),
    ),
    accept(
        AmendOrder,
        "match_limit",
        "still crosses after its matches",
        BIDS,
        by(1, make_sell(price=6, quantity=2), make_sell(client_id=101, price=6, quantity=2)),
        by(0, AmendOrder(1, 6, 0, 0, 1)),
    ),
    accept(
        AmendOrder,
        "undone",
        "an atomic transaction gives the old place back",
        BIDS,
        by(0, AmendOrder(1, 3, 0, 0, 1), AmendOrder(77, 3, 0, 0, 1), atomic=True),
        by(1, make_sell(quantity=7)),
    ),
    reject(AmendOrder, 2010, "unknown", "no such order", by(0, AmendOrder(1, 3, 0, 0, 1))),
    reject(
        AmendOrder,
        2010,
        "anothers",
        "an owner's ids are its own",
        BIDS,
        by(1, AmendOrder(1, 3, 0, 0, 1)),
    ),
    reject(
        AmendOrder,
        2011,
        "ended",
        "cancelled before",
        BIDS,
        by(0, CancelOrder(1), AmendOrder(1, 3, 0, 0, 1)),
    ),
    reject(
        AmendOrder,
        2013,
        "no_expiry",
        "is good till cancelled",
        BIDS,
        by(0, AmendOrder(1, 0, 0, 9, 1)),
    ),
    reject(AmendOrder, 2004, "past_expiry", "ends now", BIDS, by(0, AmendOrder(3, 0, 0, -1, 1))),
    reject(
        AmendOrder,
        2005,
        "far_expiry",
        "ends too late",
        BIDS,
        by(0, AmendOrder(3, 0, 0, 366 * DAY_MS + 1, 1)),
    ),
    reject(
        AmendOrder, 2012, "below_filled", "2 are filled", *FILLED, by(0, AmendOrder(1, 0, 2, 0, 1))
    ),
    reject(AmendOrder, 2001, "small", "below the minimum", BIDS, by(0, AmendOrder(1, 0, 1, 0, 1))),
    reject(AmendOrder, 2002, "large", "above the maximum", BIDS, by(0, AmendOrder(1, 0, 41, 0, 1))),
    reject(
        AmendOrder,
        2006,
        "would_take",
        "post-only at a price that crosses",
        by(1, make_sell(price=5)),
        by(0, make_place(post_only=True)),
        by(0, AmendOrder(1, 5, 0, 0, 1)),
    ),
    reject(
        AmendOrder,
        1000,
        "no_funds",
        "more than is free",
        by(0, make_place(subaccount=1, price=2)),
        by(0, AmendOrder(1, 9, 40, 0, 1)),
    ),
]

MANY = by(
    0,
    make_place(price=2),
    make_place(client_id=2, price=3),
    make_sell(client_id=3, price=9),
    make_place(client_id=4, market=2, price=1, quantity=3),
)

CANCELS = [
    accept(CancelOrder, "open", "its reserve is free", BIDS, by(0, CancelOrder(2))),
    accept(CancelOrder, "partly_filled", "what is left is free", *FILLED, by(0, CancelOrder(1))),
    accept(CancelOrder, "unknown", "leaves a tombstone", by(0, CancelOrder(1))),
    accept(CancelOrder, "anothers", "leaves a tombstone of its own", BIDS, by(1, CancelOrder(1))),
    accept(
        CancelOrder,
        "again",
        "the later tombstone counts, until its time",
        by(0, CancelOrder(1), valid_for_ms=1_500),
        by(0, CancelOrder(1), valid_for_ms=600),
        by(0, make_place()),
    ),
    accept(
        CancelOrder,
        "before_place",
        "in one block",
        by(0, CancelOrder(1), make_place(), make_sell()),
    ),
    reject(
        CancelOrder,
        2011,
        "ended",
        "is remembered",
        by(0, make_place(time_in_force=IOC)),
        by(0, CancelOrder(1)),
    ),
    reject(
        CancelOrder, 2011, "twice", "cancelled before", BIDS, by(0, CancelOrder(2), CancelOrder(2))
    ),
    accept(CancelAll, "all", "every market", MANY, by(0, CancelAll(0, 0, 10))),
    accept(CancelAll, "one_side", "of one market", MANY, by(0, CancelAll(1, Side.SELL, 10))),
    accept(CancelAll, "more", "oldest first, up to the bound", MANY, by(0, CancelAll(0, 0, 2))),
    accept(CancelAll, "none", "nothing is open", by(0, CancelAll(1, 0, 1))),
    accept(
        CancelAll, "not_anothers", "an owner's orders are its own", MANY, by(1, CancelAll(0, 0, 10))
    ),
    reject(CancelAll, 2000, "unknown_market", "no such market", by(0, CancelAll(3, 0, 1))),
]
