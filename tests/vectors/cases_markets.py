"""Cases of auctions, and of what markets are, become and refuse."""

from omg_abci.protocol.messages import AmendOrder, CancelAll, ChangeMarket, CreateMarket, PlaceOrder
from omg_abci.protocol.units import MarketAction, MarketMode, OrderType, PostOnly, Side, TimeInForce
from tests.strategies import DAY_MS
from tests.vectors.case_types import accept, by, make_market, make_place, make_sell, reject
from tests.vectors.genesis import (
    BANDED,
    BATCH,
    BATCH_BANDED,
    NEXT_MARKET,
    NO_MARKET,
    OPENING,
    OPENS_MS,
    OWNED,
    PLAIN,
)

IOC, FOK = TimeInForce.IOC, TimeInForce.FOK
STOP, RESUME, DELIST = MarketAction.CANCEL_ONLY, MarketAction.RESUME, MarketAction.DELIST
OPENS = (1_000, 1_000, OPENS_MS - 2_000)
"""A third block at the time at which the market opens."""
PERIOD = (1_000, 60_001)
"""Two blocks so far apart that takers are not let in."""

CROSSED = (
    by(
        0,
        make_place(market=OPENING, price=12),
        make_place(client_id=2, market=OPENING, price=10, quantity=3),
    ),
    by(
        1,
        make_sell(market=OPENING, price=9, quantity=4),
        make_sell(client_id=101, market=OPENING, price=11, quantity=6),
    ),
)
"""Bids 5 @ 12 and 3 @ 10, asks 4 @ 9 and 6 @ 11, before the market opens."""

AUCTIONS = [
    accept(PlaceOrder, "opening", "five lots trade at 11", *CROSSED, (), ahead_ms=OPENS),
    accept(
        PlaceOrder,
        "opening_without_a_cross",
        "and orders stay",
        by(0, make_place(market=OPENING)),
        (),
        ahead_ms=OPENS[1:],
    ),
    accept(
        PlaceOrder,
        "opening_own_orders",
        "an owner may trade with itself; an iceberg trades whole",
        by(
            0,
            make_place(market=OPENING),
            make_sell(market=OPENING, order_type=OrderType.ICEBERG, quantity=9, display=2),
        ),
        (),
        ahead_ms=OPENS[1:],
    ),
    accept(
        PlaceOrder,
        "opening_triggers",
        "the auction's price sets a stop off at the block's end",
        *CROSSED[:1],
        by(
            2,
            make_sell(
                market=OPENING, order_type=OrderType.STOP_LIMIT, price=10, trigger=11, quantity=2
            ),
            make_sell(client_id=101, market=OPENING, price=11),
        ),
        (),
        ahead_ms=OPENS,
    ),
    reject(
        PlaceOrder,
        2022,
        "immediate_in_auction",
        "it could never trade",
        by(0, make_place(market=OPENING, time_in_force=IOC)),
    ),
    reject(
        PlaceOrder,
        2023,
        "post_only_in_auction",
        "nothing is taken there",
        by(0, make_place(market=OPENING, post_only=PostOnly.REJECT)),
    ),
    accept(
        PlaceOrder,
        "batch",
        "at the end of the block, at one price",
        by(0, make_place(market=BATCH, price=6)),
        by(1, make_sell(market=BATCH, price=2, quantity=3)),
        by(2, make_sell(market=BATCH, price=3, quantity=3)),
    ),
    accept(
        PlaceOrder,
        "batch_immediate",
        "what the auction leaves of an IOC is cancelled",
        by(1, make_sell(market=BATCH, price=4, quantity=3)),
        by(0, make_place(market=BATCH, price=6, time_in_force=IOC)),
    ),
    accept(
        PlaceOrder,
        "batch_fill_or_kill",
        "one can be filled, the other cannot",
        by(1, make_sell(market=BATCH, price=4, quantity=6)),
        by(
            0,
            make_place(market=BATCH, price=5, quantity=7, time_in_force=FOK),
            make_place(client_id=2, market=BATCH, price=6, time_in_force=FOK),
        ),
    ),
    accept(
        PlaceOrder,
        "batch_stop",
        "a triggered order takes part in the next block's auction",
        by(2, make_sell(market=BATCH, order_type=OrderType.STOP_LIMIT, price=3, trigger=4)),
        by(0, make_place(market=BATCH, price=4, quantity=9)),
        by(1, make_sell(market=BATCH, price=4, quantity=3)),
        (),
    ),
    reject(
        PlaceOrder,
        2028,
        "post_only_in_batch",
        "nothing is taken there",
        by(0, make_place(market=BATCH, post_only=PostOnly.SLIDE)),
    ),
]

BAND = (
    by(
        1,
        make_sell(market=BANDED, price=8),
        make_sell(client_id=101, market=BANDED, price=10),
        make_sell(client_id=102, market=BANDED, price=11),
    ),
    by(0, make_place(market=BANDED, price=8, quantity=2)),
)
"""The reference is 8: trades are possible from 6 to 10."""

BANDS = [
    accept(
        PlaceOrder,
        "halts",
        "before it would trade outside the band; what is left rests, and trades in the auction",
        *BAND,
        by(0, make_place(client_id=2, market=BANDED, price=12, quantity=12)),
        (),
        (),
    ),
    accept(
        PlaceOrder,
        "halts_an_immediate",
        "what is left of it ends",
        *BAND,
        by(0, make_place(client_id=2, market=BANDED, price=12, quantity=12, time_in_force=IOC)),
    ),
    reject(
        PlaceOrder,
        2007,
        "fill_or_kill_in_the_band",
        "an FOK does not halt a market",
        *BAND,
        by(0, make_place(client_id=2, market=BANDED, price=12, quantity=12, time_in_force=FOK)),
    ),
    accept(
        PlaceOrder,
        "renewed_band",
        "after five minutes the last price is the reference",
        *BAND,
        by(0, make_place(client_id=2, market=BANDED, price=10, quantity=5)),
        (),
        by(0, make_place(client_id=3, market=BANDED, price=11, quantity=6)),
        ahead_ms=(1_000, 1_000, 1_000, 300_000, 60_000),
    ),
    accept(
        PlaceOrder,
        "halt_is_undone",
        "with the atomic transaction that caused it",
        *BAND,
        by(
            0,
            make_place(client_id=2, market=BANDED, price=12, quantity=12),
            CancelAll(NO_MARKET, 0, 1),
            atomic=True,
        ),
        by(0, make_place(client_id=3, market=BANDED, price=8, quantity=2)),
    ),
    accept(
        PlaceOrder,
        "batch_halts",
        "before an auction outside the band",
        by(1, make_sell(market=BATCH_BANDED, price=8)),
        by(0, make_place(market=BATCH_BANDED, price=8, quantity=7)),
        by(1, make_sell(client_id=101, market=BATCH_BANDED, price=5)),
        by(1, make_sell(client_id=102, market=BATCH_BANDED, price=12)),
        by(0, make_place(client_id=2, market=BATCH_BANDED, price=12, quantity=4)),
        by(2, make_place(client_id=2, market=BATCH_BANDED, price=13, quantity=4)),
        (),
        (),
    ),
]

PERIODS = [
    reject(
        PlaceOrder,
        2027,
        "after_a_standstill",
        "makers come first",
        by(1, make_sell()),
        by(0, make_place()),
        ahead_ms=PERIOD,
    ),
    accept(
        PlaceOrder,
        "makers_after_a_standstill",
        "who does not take is let in",
        by(1, make_sell()),
        by(0, make_place(post_only=PostOnly.SLIDE), make_place(client_id=2, market=BATCH)),
        ahead_ms=PERIOD,
    ),
    reject(
        AmendOrder,
        2027,
        "after_a_standstill",
        "it would move and may take",
        by(0, make_place()),
        by(0, AmendOrder(1, 5, 0, 0, 1)),
        ahead_ms=PERIOD,
    ),
    accept(
        AmendOrder,
        "smaller_after_a_standstill",
        "it does not move",
        by(0, make_place()),
        by(0, AmendOrder(1, 0, 3, 0, 1)),
        ahead_ms=PERIOD,
    ),
]

CREATIONS = [
    accept(
        CreateMarket,
        "continuous",
        "opens by an auction; its id is the next",
        by(0, make_market()),
        by(0, make_place(market=NEXT_MARKET)),
    ),
    accept(
        CreateMarket,
        "batch",
        "two of them",
        by(0, make_market(mode=MarketMode.BATCH, band_bp=500), make_market(base=3, quote=1)),
        (),
    ),
    accept(
        CreateMarket,
        "id_never_again",
        "the next market is another, though the first is gone",
        by(0, make_market()),
        by(0, ChangeMarket(NEXT_MARKET, DELIST)),
        (),
        by(1, make_market()),
        ahead_ms=(1_000, 1_000, DAY_MS),
    ),
    reject(CreateMarket, 1001, "unknown_base", "no such token", by(0, make_market(base=4))),
    reject(CreateMarket, 1001, "unknown_quote", "no such token", by(0, make_market(quote=4))),
    reject(
        CreateMarket,
        2034,
        "above_supply",
        "the smallest order is more than there is",
        by(0, make_market(base_unit=1_000, lots_min=20)),
    ),
    reject(CreateMarket, 2033, "no_bond", "can hardly pay", by(3, make_market())),
    reject(
        CreateMarket,
        1006,
        "rolled_back",
        "with the atomic transaction's next leg; the id is given again",
        by(0, make_market(), CancelAll(NO_MARKET, 0, 1), atomic=True),
        (),
    ),
]

ORDERS = by(
    1,
    make_place(market=OWNED),
    make_sell(market=OWNED, price=9),
    make_sell(
        client_id=101, market=OWNED, order_type=OrderType.STOP_LIMIT, price=1, trigger=1, quantity=2
    ),
    make_sell(client_id=102, market=PLAIN),
)
STOPPED = (ORDERS, by(0, ChangeMarket(OWNED, STOP)))

CHANGES = [
    accept(ChangeMarket, "stopped", "orders stay", *STOPPED),
    accept(
        ChangeMarket,
        "resumed",
        "by an auction",
        *STOPPED,
        by(0, ChangeMarket(OWNED, RESUME)),
        by(2, make_sell(market=OWNED, price=2, quantity=3)),
        (),
    ),
    accept(
        ChangeMarket,
        "delisted",
        "after a day's notice all orders end, and their reserve is free",
        ORDERS,
        by(0, ChangeMarket(OWNED, DELIST)),
        (),
        ahead_ms=(1_000, 1_000, DAY_MS),
    ),
    accept(
        ChangeMarket,
        "created_and_delisted",
        "the bond comes back",
        by(0, make_market()),
        by(0, ChangeMarket(NEXT_MARKET, DELIST)),
        (),
        ahead_ms=(1_000, 1_000, DAY_MS),
    ),
    accept(
        ChangeMarket,
        "notice_taken_back",
        "resumed within the day",
        ORDERS,
        by(0, ChangeMarket(OWNED, DELIST)),
        by(0, ChangeMarket(OWNED, RESUME)),
        (),
        (),
    ),
    reject(
        PlaceOrder,
        2025,
        "cancel_only",
        "its creator stopped it",
        *STOPPED,
        by(2, make_place(market=OWNED)),
    ),
    reject(
        AmendOrder,
        2025,
        "cancel_only",
        "its creator stopped it",
        *STOPPED,
        by(1, AmendOrder(1, 0, 3, 0, 1)),
    ),
    accept(CancelAll, "cancel_only", "is always possible", *STOPPED, by(1, CancelAll(OWNED, 0, 9))),
    accept(
        CancelAll,
        "waiting_ones_too",
        "sells, the waiting one by its place",
        ORDERS,
        by(1, CancelAll(OWNED, Side.SELL, 9)),
    ),
    reject(ChangeMarket, 2000, "unknown", "no such market", by(0, ChangeMarket(NO_MARKET, STOP))),
    reject(ChangeMarket, 2030, "anothers", "not its creator", by(1, ChangeMarket(OWNED, STOP))),
    reject(ChangeMarket, 2030, "nobodys", "of genesis", by(0, ChangeMarket(PLAIN, STOP))),
    reject(ChangeMarket, 2031, "is_active", "cannot resume", by(0, ChangeMarket(OWNED, RESUME))),
    reject(ChangeMarket, 2031, "is_stopped", "already", *STOPPED, by(0, ChangeMarket(OWNED, STOP))),
    reject(
        ChangeMarket,
        2031,
        "has_notice",
        "already",
        by(0, ChangeMarket(OWNED, DELIST)),
        by(0, ChangeMarket(OWNED, DELIST)),
    ),
]

CASES = [*AUCTIONS, *BANDS, *PERIODS, *CREATIONS, *CHANGES]
