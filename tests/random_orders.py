"""Random orders and amendments, dense enough that each kind meets each other."""

from random import Random

from omg_abci.protocol import limits
from omg_abci.protocol.messages import AmendOrder, PlaceOrder, SetSwitch
from omg_abci.protocol.units import OrderType, PostOnly, SelfTrade, Side, TimeInForce
from tests.cast import BATCH_MARKETS, PAST_HEIGHTS, PAST_MS, get_window

_TIMES_MS = (PAST_MS + 1, 1_500, 2_000, 2_001, 3_000, 3_000, 4_000, 6_000)
_LAST_MS = limits.EXPIRY_AHEAD_MAX_MS + PAST_MS
_ODD_TIMES_MS = (1, PAST_MS, _LAST_MS, _LAST_MS + 1)
_LAST_SWITCH_MS = limits.SWITCH_AHEAD_MAX_MS + PAST_MS
_HEIGHTS = (PAST_HEIGHTS, PAST_HEIGHTS, PAST_HEIGHTS + 1, PAST_HEIGHTS + 2, PAST_HEIGHTS + 4)
_LAST_HEIGHT = limits.EXPIRY_HEIGHTS_MAX + PAST_HEIGHTS
_ODD_HEIGHTS = (1, _LAST_HEIGHT, _LAST_HEIGHT + 1)
_RESTING = (*[TimeInForce.GTC] * 4, TimeInForce.GTT, TimeInForce.GTH)
_IMMEDIATE = (TimeInForce.IOC, TimeInForce.FOK)
_STEPS = (1, 2, 3, 5, 16)


def draw_time(pick: Random) -> int:
    """Draw a time around the next blocks; few are in the past or too far."""
    return pick.choice(_ODD_TIMES_MS if pick.random() < 0.05 else _TIMES_MS)


def draw_switch(pick: Random) -> SetSwitch:
    """Draw a dead-man's switch; three in ten are turned off, few are at the bound or beyond."""
    if pick.random() < 0.3:
        return SetSwitch(0)
    far = pick.random() < 0.1
    return SetSwitch(_LAST_SWITCH_MS + pick.randint(0, 1) if far else draw_time(pick))


def draw_height(pick: Random) -> int:
    """Draw a height around the next blocks; few are in the past or too far."""
    return pick.choice(_ODD_HEIGHTS if pick.random() < 0.05 else _HEIGHTS)


def draw_lots(pick: Random) -> int:
    """Draw a quantity; few are too small or too large for most markets."""
    return pick.randint(2, 9) if pick.random() < 0.97 else pick.choice([1, 41])


def draw_place(pick: Random, market: int, client_ids_max: int) -> PlaceOrder:
    """Draw an order of any kind; buys are a little lower than sells."""
    side = pick.choice([Side.BUY, Side.SELL])
    low, high = get_window(market)
    price = pick.randint(low, high - 2) if side == Side.BUY else pick.randint(low + 2, high)
    leg = PlaceOrder(
        market,
        side,
        OrderType.LIMIT,
        TimeInForce.GTC,
        PostOnly.NONE,
        price if pick.random() < 0.7 else pick.randint(low, high),
        draw_lots(pick),
        0,
        pick.randint(1, client_ids_max) if pick.random() < 0.9 else pick.randint(1, 60),
        0 if pick.random() < 0.8 else 1,
        pick.randint(SelfTrade.CANCEL_NEWEST, SelfTrade.ALLOW),
        pick.choice(_STEPS),
    )
    chance = pick.random()
    if chance < 0.24:
        order_type = pick.choice([OrderType.LIMIT, OrderType.MARKET])
        price = pick.choice([low, high, leg.price])
        return leg._replace(
            order_type=order_type, time_in_force=pick.choice(_IMMEDIATE), price=price
        )
    leg = draw_life(pick, leg)
    if chance < (0.26 if market in BATCH_MARKETS else 0.38):
        post_only = pick.choice([PostOnly.REJECT, PostOnly.SLIDE])
        leg = leg._replace(post_only=post_only)
    if 0.35 < chance < 0.54:
        display = pick.choice([1, *[2, 3] * 6])
        return leg._replace(order_type=OrderType.ICEBERG, display=min(display, leg.quantity))
    if chance > 0.8:
        return draw_waiting(pick, leg)
    return leg


def draw_life(pick: Random, leg: PlaceOrder) -> PlaceOrder:
    """Return the order with a time in force that lets it rest."""
    tif = pick.choice(_RESTING)
    if tif == TimeInForce.GTT:
        return leg._replace(time_in_force=tif, expires_ms=draw_time(pick))
    if tif == TimeInForce.GTH:
        return leg._replace(time_in_force=tif, expires_height=draw_height(pick))
    return leg


def draw_waiting(pick: Random, leg: PlaceOrder) -> PlaceOrder:
    """Return the order waiting for a trigger near the prices that are traded."""
    low, high = get_window(leg.market)
    order_type = pick.choice([OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT])
    if pick.random() < 0.3:
        tif = pick.choice(_IMMEDIATE)
        leg = leg._replace(time_in_force=tif, expires_ms=0, expires_height=0)
    rises = (order_type == OrderType.STOP_LIMIT) == (leg.side == Side.BUY)
    middle = (low + high) // 2
    near = pick.randint(middle, high) if rises else pick.randint(low, middle)
    trigger = near if pick.random() < 0.9 else pick.randint(low, high)
    return leg._replace(order_type=order_type, trigger=trigger, price=pick.randint(low, high))


def draw_amend(pick: Random, market: int) -> AmendOrder:
    """Draw an amendment of one field or more, with prices of a market."""
    low, high = get_window(market)
    leg = AmendOrder(pick.randint(1, 60), 0, 0, 0, pick.choice(_STEPS))
    chance = pick.random()
    if chance < 0.45:
        leg = leg._replace(price=pick.randint(low, high))
    if 0.3 < chance < 0.65:
        leg = leg._replace(quantity=draw_lots(pick) + pick.choice([0, 0, 4]))
    if 0.62 < chance < 0.8:
        leg = draw_new_life(pick, leg)
    if 0.78 < chance < 0.84:
        leg = leg._replace(display=pick.randint(1, 4))
    if 0.82 < chance < 0.9:
        leg = leg._replace(trigger=pick.randint(low, high))
    if 0.88 < chance < 0.96 or chance < 0.1:
        leg = leg._replace(post_only=pick.choice([PostOnly.REJECT, PostOnly.SLIDE, PostOnly.OFF]))
    if chance > 0.94 or chance < 0.05:
        leg = leg._replace(self_trade=pick.randint(SelfTrade.CANCEL_NEWEST, SelfTrade.ALLOW))
    return leg


def draw_new_life(pick: Random, leg: AmendOrder) -> AmendOrder:
    """Return the amendment with a new expiry, and perhaps a new time in force."""
    tif = pick.choice([0, 0, *_RESTING])
    if tif == TimeInForce.GTT or (tif == 0 and pick.random() < 0.5):
        return leg._replace(time_in_force=tif, expires_ms=draw_time(pick))
    if tif != TimeInForce.GTC:
        return leg._replace(time_in_force=tif, expires_height=draw_height(pick))
    return leg._replace(time_in_force=tif)
