"""Every kind of order in every status of a market, by the API: its own code, or accepted."""

from collections.abc import Iterator

import pytest

from omg_abci.node.capabilities import list_order_kinds
from omg_abci.protocol import errors
from omg_abci.protocol.messages import AmendOrder, CancelOrder, PlaceOrder
from omg_abci.protocol.units import (
    Ended,
    MarketMode,
    MarketStatus,
    OrderType,
    PostOnly,
    TimeInForce,
)
from tests.node.bad_legs import find_refusal, list_kinds
from tests.node.market_world import BOB, BUY, CAROL, MARKETS, Venue, complete, run_every_status

_IMMEDIATE = (TimeInForce.IOC, TimeInForce.FOK)
_WAITING = (OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT)
_STATUS = {
    "active": "active",
    "batch": "active",
    "auction": "auction",
    "batch_auction": "auction",
    "stopped": "cancel_only",
    "leaving": "delisting",
    "crossing": "uncrossing",
}
_CLOSED = {
    "stopped": errors.MarketCancelOnly,
    "leaving": errors.MarketDelisting,
    "crossing": errors.MarketUncrossing,
}
_WELL_FORMED = [leg for leg in list_kinds() if find_refusal(leg) is None]
_FAR = 3
"""A price at which nothing trades."""


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venue]:
    """Return a node with a market in each status."""
    with run_every_status(tmp_path_factory.mktemp("node")) as venue:
        yield venue


def _find_refusal(market: str, leg: PlaceOrder) -> type[errors.TxError] | None:
    """Return what a market in this status refuses the order with."""
    if market in _CLOSED:
        return _CLOSED[market]
    if leg.order_type in _WAITING:
        return None
    if market.endswith("auction"):
        if leg.time_in_force in _IMMEDIATE:
            return errors.MarketInAuction
        return errors.PostOnlyInAuction if leg.post_only else None
    return errors.PostOnlyInBatch if market == "batch" and leg.post_only else None


def _complete(venue: Venue, leg: PlaceOrder) -> PlaceOrder:
    """Return the order under a new client id, with what its kind needs at this time."""
    status = venue.client.status()
    new = leg._replace(quantity=50, client_id=venue.make_id())
    return complete(new, status.height, status.time_ms)


def _show(code: int) -> str:
    return errors.CODES[code].__name__ if code else ""


def test_markets_are_in_their_statuses(venue: Venue) -> None:
    """The fixture has a market in each status, and the API says so in words."""
    assert venue.get_statuses() == _STATUS


@pytest.mark.parametrize("market", MARKETS)
def test_every_kind_in_every_status(venue: Venue, market: str) -> None:
    """Each well-formed kind of order is accepted or refused with the code of the status."""
    wanted = [leg._replace(market=MARKETS[market], price=_FAR) for leg in _WELL_FORMED]
    legs = [_complete(venue, leg) for leg in wanted]
    found = {leg: _show(each.code) for leg, each in zip(legs, venue.do(BOB, *legs), strict=True)}
    expected = {}
    for leg in legs:
        refusal = _find_refusal(market, leg)
        fills_now = leg.order_type not in _WAITING and leg.time_in_force == TimeInForce.FOK
        if refusal is None and market == "active" and fills_now:
            refusal = errors.FillOrKillUnfilled
        expected[leg] = refusal.__name__ if refusal else ""
    assert found == expected


@pytest.mark.parametrize("market", MARKETS)
def test_capabilities_tell_it_beforehand(venue: Venue, market: str) -> None:
    """The document lists exactly the kinds that the market takes."""
    document = venue.client.capabilities(MARKETS[market])
    listed = {
        (kind.order_type, kind.time_in_force, post_only)
        for kind in document.order_kinds
        for post_only in kind.post_only_modes
    }
    taken = {
        (
            OrderType(leg.order_type).name.lower(),
            TimeInForce(leg.time_in_force).name.lower(),
            PostOnly(leg.post_only).name.lower(),
        )
        for leg in _WELL_FORMED
        if _find_refusal(market, leg) is None
    }
    assert listed == taken
    assert set(document.order_types) == {kind for kind, _, _ in taken}
    assert set(document.times_in_force) == {tif for _, tif, _ in taken}
    assert set(document.post_only_modes) == {mode for _, _, mode in taken}
    assert ("place" in document.actions) == bool(taken)
    assert "cancel" in document.actions
    assert bool(document.self_trade_modes) == bool(taken)


def test_makers_first_leaves_post_only_and_waiting_orders() -> None:
    """After a halt of the chain the document lists what rests without taking, and what waits."""
    kinds = list_order_kinds(MarketStatus.ACTIVE, MarketMode.CONTINUOUS, makers_first=True)
    for kind in kinds:
        waits = kind.order_type in _WAITING
        assert waits or PostOnly.NONE not in kind.post_only_modes
    assert {kind.order_type for kind in kinds} == set(OrderType) - {OrderType.MARKET}


@pytest.mark.parametrize("market", [name for name in MARKETS if name != "batch"])
def test_amend_and_cancel_in_every_status(venue: Venue, market: str) -> None:
    """An order is amended where orders are taken, and cancelled everywhere."""
    order = next(
        each
        for each in venue.client.orders(BOB.owner.address).orders
        if each.market == MARKETS[market] and each.price != _FAR
    )
    refusal = _CLOSED.get(market)
    amended, cancelled = venue.do(
        BOB, AmendOrder(order.client_id, 0, 40, 0, 1), CancelOrder(order.client_id)
    )
    assert _show(amended.code) == (refusal.__name__ if refusal else "")
    assert (cancelled.code, cancelled.ended) == (0, Ended.CANCELLED)


def test_unknown_market(venue: Venue) -> None:
    """A market that there is not has its code, in every kind of order."""
    legs = [_complete(venue, leg._replace(market=99)) for leg in _WELL_FORMED]
    assert {each.code for each in venue.do(CAROL, *legs)} == {errors.UnknownMarket.code}


def test_illegal_combinations_are_refused_before_the_market_is_looked_at(venue: Venue) -> None:
    """What does not go together is refused by the pool, whatever the market's status."""
    for market in MARKETS.values():
        bad = [leg for leg in list_kinds() if find_refusal(leg) is not None]
        raws = [venue.sign(CAROL, leg._replace(market=market, price=BUY.price)) for leg in bad]
        codes = [each.code for each in venue.client.submit(raws)]
        assert [_show(code) for code in codes] == [
            refusal.__name__ for leg in bad if (refusal := find_refusal(leg))
        ]
