"""Cases of what an order can be besides a limit order, and of how that is amended."""

from omg_abci.protocol.messages import AmendOrder, CancelOrder, PlaceOrder
from omg_abci.protocol.units import OrderType, PostOnly, SelfTrade, Side, TimeInForce
from tests.vectors.case_types import accept, by, make_place, make_sell, reject
from tests.vectors.genesis import BATCH, OPENING

GTT, GTH, IOC, FOK = TimeInForce.GTT, TimeInForce.GTH, TimeInForce.IOC, TimeInForce.FOK
REJECT, SLIDE, OFF = PostOnly.REJECT, PostOnly.SLIDE, PostOnly.OFF
HEIGHTS_MAX = 200_000_000
NONE = AmendOrder(1, 0, 0, 0, 4)
"""An amendment of order 1 that lacks what it amends."""


def make_stop(**fields: int) -> PlaceOrder:
    """Return a sell order of 5 lots at 2 ticks that waits for a trade at 3 or below."""
    usual = make_sell(order_type=OrderType.STOP_LIMIT, price=2, trigger=3, client_id=50)
    return usual._replace(**fields)


def make_profit(**fields: int) -> PlaceOrder:
    """Return a sell order of 5 lots at 5 ticks that waits for a trade at 6 or above."""
    return make_stop(**{"order_type": OrderType.TAKE_PROFIT, "price": 5, "trigger": 6} | fields)


def make_iceberg(**fields: int) -> PlaceOrder:
    """Return a sell order of 10 lots at 4 ticks that shows 3."""
    usual = make_sell(order_type=OrderType.ICEBERG, quantity=10, display=3, client_id=60)
    return usual._replace(**fields)


BIDS = by(1, *(make_place(client_id=10 + price, price=price) for price in (1, 2, 3, 4)))
"""5 lots bid at each price from 1 to 4."""
ASKS = by(1, *(make_sell(client_id=10 + price, price=price) for price in (5, 6, 7)))
"""5 lots asked at each price from 5 to 7."""
TRADED = (BIDS, by(2, make_sell(quantity=2)))
"""The best bid has 2 filled: the last price is 4."""
ICEBERG = by(1, make_iceberg(), make_sell(client_id=61, quantity=4))
"""10 lots at 4, of which 3 are shown, and 4 more behind them."""

TRIGGERED = [
    accept(PlaceOrder, "stop_waits", "its reserve is held", by(0, make_stop())),
    accept(
        PlaceOrder,
        "stop_triggered",
        "a trade at 3 sets it off, and it takes what is left",
        *TRADED,
        by(0, make_stop()),
        by(2, make_sell(client_id=101, price=3)),
    ),
    accept(
        PlaceOrder,
        "stop_buy_triggered",
        "rises; what it cannot take rests",
        ASKS,
        by(0, make_stop(side=Side.BUY, price=6, trigger=6, quantity=9)),
        by(2, make_place(price=6, quantity=7)),
    ),
    accept(
        PlaceOrder,
        "stop_cascade",
        "one sets the next off, and the next is an FOK that nobody fills",
        *TRADED,
        by(
            0,
            make_stop(quantity=7),
            make_stop(client_id=51, trigger=2, price=1),
            make_stop(client_id=52, trigger=1, price=1, time_in_force=FOK, quantity=8),
        ),
        by(2, make_sell(client_id=101, price=3, quantity=4)),
    ),
    accept(
        PlaceOrder,
        "stop_meets_oneself",
        "the activated order is the newest",
        *TRADED,
        by(1, make_stop(self_trade=SelfTrade.CANCEL_BOTH)),
        by(2, make_sell(client_id=101, price=3, quantity=5)),
    ),
    accept(
        PlaceOrder,
        "stop_steps",
        "takes no more matches than it was placed with",
        *TRADED,
        by(0, make_stop(quantity=12, price=1, max_matches=1)),
        by(2, make_sell(client_id=101, price=3, quantity=4)),
    ),
    accept(
        PlaceOrder,
        "profit_triggered",
        "a trade at 6",
        ASKS,
        by(0, make_profit()),
        by(2, make_place(price=6, quantity=12)),
    ),
    accept(
        PlaceOrder,
        "stop_expires",
        "waits no longer than its time",
        by(0, make_stop(time_in_force=GTT, expires_ms=1_500)),
        (),
        (),
    ),
    accept(
        PlaceOrder,
        "stop_in_auction",
        "waits where nothing trades yet",
        by(0, make_stop(market=OPENING)),
    ),
    accept(
        PlaceOrder, "stop_repeated", "says that it waits", by(0, make_stop()), by(0, make_stop())
    ),
    reject(
        PlaceOrder,
        2017,
        "stop_wrong_side",
        "sells at or above 4",
        *TRADED,
        by(0, make_stop(trigger=4)),
    ),
    reject(
        PlaceOrder,
        2017,
        "profit_wrong_side",
        "sells at or below 4",
        *TRADED,
        by(0, make_profit(trigger=4)),
    ),
    reject(PlaceOrder, 1000, "stop_no_funds", "sub 1", by(0, make_stop(subaccount=1, quantity=31))),
]

KINDS = [
    accept(PlaceOrder, "iceberg", "rests with a tip", by(0, make_iceberg())),
    accept(
        PlaceOrder,
        "iceberg_tips",
        "each new tip goes to the end of its price",
        ICEBERG,
        by(0, make_place(quantity=12)),
    ),
    accept(
        PlaceOrder,
        "iceberg_takes",
        "what it takes it takes whole",
        ICEBERG,
        by(0, make_iceberg(side=Side.BUY, quantity=20)),
    ),
    accept(
        PlaceOrder,
        "iceberg_decremented",
        "by its tip, and then by the next",
        by(0, make_iceberg()),
        by(0, make_place(quantity=4, self_trade=SelfTrade.DECREMENT)),
    ),
    accept(
        PlaceOrder,
        "fill_or_kill_tips",
        "the preview counts an iceberg once a tip",
        ICEBERG,
        by(0, make_place(quantity=14, time_in_force=FOK, max_matches=5)),
    ),
    reject(
        PlaceOrder,
        2007,
        "fill_or_kill_few_tips",
        "one match too few",
        ICEBERG,
        by(0, make_place(quantity=14, time_in_force=FOK, max_matches=4)),
    ),
    reject(PlaceOrder, 2018, "display_small", "below the minimum", by(0, make_iceberg(display=1))),
    accept(
        PlaceOrder, "slides", "one below the ask", ASKS, by(0, make_place(price=6, post_only=SLIDE))
    ),
    accept(
        PlaceOrder,
        "slides_up",
        "one above the bid",
        BIDS,
        by(0, make_iceberg(price=2, post_only=SLIDE)),
    ),
    accept(
        PlaceOrder, "need_not_slide", "it does not cross", ASKS, by(0, make_place(post_only=SLIDE))
    ),
    reject(
        PlaceOrder,
        2029,
        "slides_nowhere",
        "the ask is at 1",
        by(1, make_sell(price=1)),
        by(0, make_place(post_only=SLIDE)),
    ),
    accept(
        PlaceOrder,
        "good_till_height",
        "is there in its last block and not in the next",
        by(0, make_place(time_in_force=GTH, expires_height=2, quantity=9)),
        by(1, make_sell(quantity=2)),
        by(1, make_sell(client_id=101, quantity=2)),
    ),
    reject(
        PlaceOrder,
        2015,
        "height_passed",
        "the block before",
        by(1, CancelOrder(3)),
        by(0, make_place(time_in_force=GTH, expires_height=1)),
    ),
    reject(
        PlaceOrder,
        2016,
        "height_far",
        "one too far",
        by(0, make_place(time_in_force=GTH, expires_height=HEIGHTS_MAX + 2)),
    ),
]

ICE = by(0, make_iceberg(client_id=1))
STOP = (*TRADED, by(0, make_stop(client_id=1)))
REST = by(0, make_place(price=3))

AMENDS = [
    accept(AmendOrder, "display", "cuts the tip", ICE, by(0, NONE._replace(display=2))),
    accept(
        AmendOrder,
        "display_grows",
        "with the next tip",
        ICE,
        by(0, NONE._replace(display=5)),
        by(1, make_place(quantity=4)),
    ),
    accept(AmendOrder, "trigger", "waits on", *STOP, by(0, NONE._replace(trigger=2))),
    accept(
        AmendOrder,
        "waiting_grows",
        "its reserve too",
        *STOP,
        by(0, NONE._replace(price=1, quantity=9)),
    ),
    accept(
        AmendOrder,
        "to_good_till_height",
        "brings its own expiry",
        REST,
        by(0, NONE._replace(time_in_force=GTH, expires_height=2)),
        by(1, make_sell(price=3)),
    ),
    accept(
        AmendOrder,
        "to_good_till_time",
        "brings its own expiry",
        REST,
        by(0, NONE._replace(time_in_force=GTT, expires_ms=900)),
        by(1, make_sell(price=3)),
    ),
    accept(
        AmendOrder,
        "to_good_till_cancelled",
        "has no expiry any more",
        by(0, make_place(time_in_force=GTH, expires_height=2)),
        by(0, NONE._replace(time_in_force=TimeInForce.GTC)),
        (),
        by(1, make_sell()),
    ),
    accept(
        AmendOrder,
        "self_trade",
        "counts when it moves",
        by(0, make_place(price=3), make_sell(price=6)),
        by(0, NONE._replace(price=6, self_trade=SelfTrade.CANCEL_OLDEST)),
    ),
    accept(
        AmendOrder,
        "post_only",
        "slides then",
        by(1, make_sell(price=6)),
        REST,
        by(0, NONE._replace(price=7, post_only=SLIDE)),
    ),
    accept(
        AmendOrder,
        "post_only_off",
        "takes then",
        by(1, make_sell(price=6)),
        by(0, make_place(price=3, post_only=REJECT)),
        by(0, NONE._replace(price=6, post_only=OFF)),
    ),
    accept(
        AmendOrder,
        "slides_to_its_price",
        "keeps its place",
        by(1, make_sell(price=4)),
        by(0, make_place(price=3, post_only=SLIDE)),
        by(0, NONE._replace(price=5)),
    ),
    reject(
        AmendOrder,
        2035,
        "trigger_of_none",
        "does not wait",
        REST,
        by(0, NONE._replace(trigger=2)),
    ),
    reject(
        AmendOrder, 2036, "display_of_none", "no iceberg", REST, by(0, NONE._replace(display=2))
    ),
    reject(
        AmendOrder, 2018, "display_small", "below the minimum", ICE, by(0, NONE._replace(display=1))
    ),
    reject(
        AmendOrder,
        2037,
        "height_of_none",
        "is good till cancelled",
        REST,
        by(0, NONE._replace(expires_height=9)),
    ),
    reject(
        AmendOrder,
        2015,
        "height_passed",
        "the block before",
        REST,
        by(0, NONE._replace(time_in_force=GTH, expires_height=1)),
    ),
    reject(
        AmendOrder,
        2016,
        "height_far",
        "one too far",
        REST,
        by(0, NONE._replace(time_in_force=GTH, expires_height=HEIGHTS_MAX + 3)),
    ),
    reject(AmendOrder, 2017, "wrong_side", "at 4", *STOP, by(0, NONE._replace(trigger=4))),
    reject(
        AmendOrder, 2038, "post_only_waits", "waits", *STOP, by(0, NONE._replace(post_only=SLIDE))
    ),
    reject(
        AmendOrder,
        2039,
        "time_of_an_immediate",
        "an IOC that waits",
        by(0, make_stop(client_id=1, time_in_force=IOC)),
        by(0, NONE._replace(time_in_force=GTT, expires_ms=900)),
    ),
    reject(
        AmendOrder,
        2028,
        "post_only_in_batch",
        "nothing is taken there",
        by(0, make_place(market=BATCH)),
        by(0, NONE._replace(post_only=REJECT)),
    ),
]

CASES = [*TRIGGERED, *KINDS, *AMENDS]
