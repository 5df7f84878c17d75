"""Every kind of order × time in force × post-only × market × wrong field: exactly its own code.

The answer that is expected comes from the tables of `expected_refusals`; a refused leg writes
nothing. Fields are wrong one at a time, and two at a time, so that the order of checks is seen.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, product
from typing import Any, NamedTuple

import pytest

from omg_abci.protocol import limits
from omg_abci.protocol.messages import AmendOrder, CancelOrder, Message, PlaceOrder
from omg_abci.protocol.units import MarketStatus
from omg_abci.rules.context import LegContext
from omg_abci.rules.transition import process_leg
from omg_abci.state.genesis import build_genesis
from omg_abci.state.loading import load_state
from omg_abci.state.working import WorkingState
from tests.unit.expected_refusals import (
    ACTIVE,
    ASK,
    AUCTION,
    BID,
    BUY,
    CANCEL_ONLY,
    CANCELLED_ID,
    DELISTING,
    ENDED_ID,
    EXPIRES_MAX,
    FOK,
    FRESH_ID,
    GTC,
    GTH,
    GTT,
    HEIGHT,
    HEIGHTS_MAX,
    ICEBERG,
    IOC,
    LAST,
    LIMIT,
    LOTS_MAX,
    LOTS_MIN,
    MARKET,
    NONE,
    NOW,
    OFF,
    OPEN_ID,
    PLACE,
    PLACE_FORMAT,
    PRICE,
    PROFIT,
    QUANTITY,
    REJECT,
    SELL,
    SLIDE,
    STOP,
    TOO_MUCH,
    UNCROSSING,
    WIDE,
    Situation,
    Target,
    compute_amend_code,
    compute_place_code,
    rises,
)
from tests.unit.one_leg import ask

ALICE, MAKER, SWITCHED, CROWDED = (bytes([n]) * 20 for n in (0xA1, 0xB0, 0xC0, 0xD0))
RICHES = 1_000_000
STATUSES = (ACTIVE, AUCTION, UNCROSSING, CANCEL_ONLY, DELISTING)
HUGE, NOWHERE = 11, 12
MARKETS = [
    Situation(1 + 2 * place + batch, status, bool(batch))
    for place, status in enumerate(STATUSES)
    for batch in (0, 1)
]
"""A continuous and a batch market of each status."""
SITUATIONS = [
    *MARKETS,
    *(MARKETS[place]._replace(standstill=True) for place in range(4)),
    MARKETS[0]._replace(switched=True),
    MARKETS[6]._replace(switched=True),
    MARKETS[0]._replace(crowded=True),
    MARKETS[1]._replace(crowded=True),
    Situation(HUGE, huge=True),
    Situation(NOWHERE, exists=False),
]

Defect = tuple[str, dict[str, int]]
"""The field that is wrong, or unusual, and its value; a defect may need another field's too."""

PLACE_DEFECTS: list[Defect] = [
    ("market", {"market": 0}),
    ("side", {"side": 0}),
    ("side", {"side": 3}),
    *(("price", {"price": value}) for value in (0, WIDE, ASK, BID)),
    *(("quantity", {"quantity": value}) for value in (0, WIDE, LOTS_MIN - 1, LOTS_MAX + 1)),
    *(("expires_ms", {"expires_ms": value}) for value in (0, NOW, NOW + 9, EXPIRES_MAX + 1)),
    *(
        ("expires_height", {"expires_height": value})
        for value in (0, HEIGHT - 1, HEIGHT, HEIGHTS_MAX + 1)
    ),
    *(("display", {"display": value}) for value in (0, LOTS_MIN - 1, LOTS_MIN, QUANTITY + 1)),
    *(("trigger", {"trigger": value}) for value in (0, WIDE, LAST, LAST + 9)),
    *(("client_id", {"client_id": value}) for value in (0, OPEN_ID, ENDED_ID, CANCELLED_ID)),
    *(("subaccount", {"subaccount": value}) for value in (1, 256)),
    *(("self_trade", {"self_trade": value}) for value in (0, 6)),
    *(("max_matches", {"max_matches": value}) for value in (0, 257)),
]
AMEND_DEFECTS: list[Defect] = [
    ("client_id", {"client_id": 0}),
    *(("price", {"price": value}) for value in (PRICE, PRICE - 1, ASK, TOO_MUCH, WIDE)),
    *(("quantity", {"quantity": value}) for value in (1, 2, 4, 7, LOTS_MAX + 1, WIDE)),
    *(("expires_ms", {"expires_ms": value}) for value in (NOW, NOW + 9, EXPIRES_MAX + 1)),
    *(
        ("expires_height", {"expires_height": value})
        for value in (HEIGHT - 1, HEIGHT, HEIGHTS_MAX + 1)
    ),
    *(("display", {"display": value}) for value in (LOTS_MIN - 1, LOTS_MIN, WIDE)),
    *(("trigger", {"trigger": value}) for value in (LAST, LAST + 9, LAST - 9, WIDE)),
    *(("time_in_force", {"time_in_force": value}) for value in (GTC, GTT, IOC, FOK, GTH, 6)),
    ("time_in_force", {"time_in_force": GTT, "expires_ms": NOW + 9}),
    ("time_in_force", {"time_in_force": GTH, "expires_height": HEIGHT}),
    *(("post_only", {"post_only": value}) for value in (REJECT, SLIDE, OFF, OFF + 1)),
    *(("self_trade", {"self_trade": value}) for value in (5, 6)),
    *(("max_matches", {"max_matches": value}) for value in (0, 257)),
]


def name_place(place: Situation) -> str:
    """Return what is special about a situation."""
    told = place._asdict()
    flags = [name for name, is_so in told.items() if is_so is True and name != "exists"]
    name = MarketStatus(place.status).name if place.exists else "unknown"
    return "-".join([name, *flags])


def list_defects(defects: Sequence[Defect], most: int) -> Iterator[dict[str, int]]:
    """Yield no defect, each one, and (with `most` 2) each two of different fields."""
    yield {}
    yield from (fields for _, fields in defects)
    if most > 1:
        for (name, fields), (other, more) in combinations(defects, 2):
            if name != other:
                yield fields | more


# --- the world ----------------------------------------------------------------------------------


def make_order(
    market: int, kind: int, tif: int, post_only: int = NONE, side: int = BUY
) -> PlaceOrder:
    """Return an order without a defect, if its kind and time in force go together."""
    return PlaceOrder(
        market=market,
        side=side,
        order_type=kind,
        time_in_force=tif,
        post_only=post_only,
        price=PRICE if side == BUY else ASK + 1,
        quantity=QUANTITY,
        expires_ms=NOW + 60_000 if tif == GTT else 0,
        client_id=FRESH_ID,
        subaccount=0,
        self_trade=1,
        max_matches=16,
        expires_height=HEIGHT + 9 if tif == GTH else 0,
        display=LOTS_MIN if kind == ICEBERG else 0,
        trigger=(LAST + 9 if rises(side, kind) else LAST - 9) if kind in {STOP, PROFIT} else 0,
    )


def make_document() -> dict[str, Any]:
    """Return the genesis of ten markets that are alike, and one with huge units."""
    terms = {"base": 2, "quote": 3, "lots_min": LOTS_MIN, "lots_max": LOTS_MAX}
    alike = [
        {"id": each.market, "base_unit": 10, "quote_unit": 3, "mode": "batch"} | terms
        if each.batch
        else {"id": each.market, "base_unit": 10, "quote_unit": 3} | terms
        for each in MARKETS
    ]
    huge = {"id": HUGE, "base_unit": 1 << 126, "quote_unit": 1 << 126} | terms
    return {
        "fee_token": 1,
        "unit_price": 1,
        "root_interval": 4,
        "tokens": [{"id": number, "symbol": f"T{number}", "decimals": 0} for number in (1, 2, 3)],
        "markets": [*alike, huge],
        "balances": [
            {"owner": f"0x{owner.hex()}", "token": token, "amount": RICHES}
            for owner in (ALICE, MAKER, SWITCHED, CROWDED)
            for token in (2, 3)
        ],
    }


class World(NamedTuple):
    """A state within a block, and the orders that are to be amended."""

    state: WorkingState
    targets: list[tuple[Target, Situation]]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Return the markets, each with a book and a last price, and every kind of open order."""
    state = load_state("matrix", build_genesis("matrix", make_document())[0])
    state.begin_block(HEIGHT, NOW, bytes(32))
    for place in MARKETS:
        bid = make_order(place.market, LIMIT, GTC)._replace(price=BID)
        ask = make_order(place.market, LIMIT, GTC, side=SELL)._replace(price=ASK)
        place_open(state, MAKER, bid._replace(client_id=2 * place.market))
        place_open(state, MAKER, ask._replace(client_id=2 * place.market + 1))
    for owner in (ALICE, SWITCHED, CROWDED):
        order = make_order(1, LIMIT, GTC)._replace(price=9)
        place_open(state, owner, order._replace(client_id=OPEN_ID))
        if owner == CROWDED:
            place_open(state, owner, order._replace(client_id=FRESH_ID + 1))
        ended = make_order(1, LIMIT, IOC)._replace(price=9, client_id=ENDED_ID)
        place_open(state, owner, ended)
        place_open(state, owner, CancelOrder(CANCELLED_ID))
    targets = [each for place in MARKETS for each in place_targets(state, place)]
    for place in MARKETS:
        market = state.markets[place.market]
        state.set_market(market, status=place.status, last_price=LAST, low=LAST, high=LAST)
    state.set_switch(state.get_account(SWITCHED), NOW)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "OPEN_ORDERS_MAX", 2)
        yield World(state, targets)


def place_open(state: WorkingState, owner: bytes, leg: Message) -> None:
    """Do a leg that is accepted."""
    leg.check()
    result = process_leg(state, LegContext(state.get_account(owner), NOW + 60_000), leg)
    assert result.code == 0


def place_targets(state: WorkingState, place: Situation) -> Iterator[tuple[Target, Situation]]:
    """Place what is to be amended in a market that is still ACTIVE."""
    kinds = [(LIMIT, GTC), (LIMIT, GTT), (LIMIT, GTH), (ICEBERG, GTC), (STOP, GTC), (PROFIT, IOC)]
    wanted = [(kind, tif, NONE) for kind, tif in kinds]
    wanted += [(LIMIT, IOC, NONE)] if place.batch else [(LIMIT, GTC, REJECT), (ICEBERG, GTH, SLIDE)]
    account = state.get_account(MAKER)
    for number, (kind, tif, post_only) in enumerate(wanted):
        client_id = 1_000 * place.market + number
        order = make_order(place.market, kind, tif, post_only)._replace(client_id=client_id)
        place_open(state, MAKER, order)
        yield Target(client_id, kind, tif, post_only), place
    partly, dead = 1_000 * place.market + 20, 1_000 * place.market + 21
    for client_id in (partly, dead):
        order = make_order(place.market, LIMIT, GTT)._replace(client_id=client_id)
        place_open(state, MAKER, order)
    state.change_order(account.orders[partly], 2, QUANTITY - 2)
    yield Target(partly, LIMIT, GTT, filled=2), place
    state.change_terms(account.orders[dead], expires_ms=NOW)
    yield Target(dead, LIMIT, GTT, dead=True), place


def get_actor(place: Situation) -> bytes:
    """Return who sends an order into a situation."""
    if place.switched:
        return SWITCHED
    return CROWDED if place.crowded else ALICE


def set_standstill(state: WorkingState, place: Situation) -> None:
    """Let the post-only period go on or be over."""
    state.set_post_only_until(NOW + 1 if place.standstill else NOW)


# --- the matrix ---------------------------------------------------------------------------------


def list_wrong(world: World, place: Situation, orders: Iterator[PlaceOrder]) -> list[str]:
    """Return the orders that are answered something else than they must be."""
    actor, wrong = get_actor(place), []
    for order in orders:
        expected, code = compute_place_code(order, place), ask(world.state, actor, order)
        if code != expected:
            wrong.append(f"{code} instead of {expected}: {order} in {place}")
    return wrong


@pytest.mark.parametrize("place", SITUATIONS, ids=name_place)
def test_every_order_has_its_code(world: World, place: Situation) -> None:
    """All kinds, times in force, modes (unknown ones too) and sides, with one field wrong."""
    set_standstill(world.state, place)
    orders = (
        make_order(place.market, kind, tif, post_only, side)._replace(**defects)
        for kind, tif, post_only, side in product(range(7), range(7), range(5), (BUY, SELL))
        for defects in list_defects(PLACE_DEFECTS, 1)
    )
    assert list_wrong(world, place, orders)[:3] == []


@pytest.mark.parametrize("place", SITUATIONS, ids=name_place)
def test_order_of_checks(world: World, place: Situation) -> None:
    """One order of each kind, and of each time in force, with every two fields wrong."""
    set_standstill(world.state, place)
    known = ((LIMIT, GTC, SLIDE), (MARKET, FOK, NONE), (STOP, GTT, NONE), (PROFIT, IOC, NONE))
    orders = (
        make_order(place.market, kind, tif, post_only)._replace(**defects)
        for kind, tif, post_only in (*known, (ICEBERG, GTH, REJECT))
        for defects in list_defects(PLACE_DEFECTS, 2)
    )
    assert list_wrong(world, place, orders)[:3] == []


@pytest.mark.parametrize("place", SITUATIONS[: len(MARKETS) + 4], ids=name_place)
def test_every_amendment_has_its_code(world: World, place: Situation) -> None:
    """Every kind of open order, ended, dead and unknown ones, with one or two fields named."""
    set_standstill(world.state, place)
    targets = [each for each, market in world.targets if market.market == place.market]
    wrong = []
    for target in targets:
        for defects in list_defects(AMEND_DEFECTS, 2):
            msg = AmendOrder(target.client_id, 0, 0, 0, 16)._replace(**defects)
            expected, code = compute_amend_code(msg, target, place), ask(world.state, MAKER, msg)
            if code != expected:
                wrong.append(f"{code} instead of {expected}: {msg} of {target} in {place}")
    assert wrong[:3] == []


def test_amendment_without_an_order(world: World) -> None:
    """An ended order, a tombstone and an unknown client id cannot be amended, whatever is said."""
    targets = (
        Target(ENDED_ID, ended=True),
        Target(CANCELLED_ID, exists=False),
        Target(FRESH_ID, exists=False),
    )
    for target, defects in product(targets, list_defects(AMEND_DEFECTS, 2)):
        msg = AmendOrder(target.client_id, 0, 0, 0, 16)._replace(**defects)
        assert ask(world.state, ALICE, msg) == compute_amend_code(msg, target, MARKETS[0])


def test_every_row_is_reached() -> None:
    """No line of the tables is there for nothing: each code is some combination's answer."""
    placed = {
        compute_place_code(
            make_order(place.market, kind, tif, post_only)._replace(**defects), place
        )
        for place in SITUATIONS
        for kind, tif, post_only in product(range(7), range(7), range(5))
        for defects in list_defects(PLACE_DEFECTS, 1)
    }
    assert {code for code, _ in (*PLACE_FORMAT, *PLACE)} == placed
