"""The price band in continuous trading: halts, the reference and its renewal."""

import pytest

from omg_abci.protocol import errors, limits
from omg_abci.protocol.results import Fill, LegResult, Removal, StatusChanged
from omg_abci.protocol.units import Ended, MarketStatus
from tests.unit.exchange_world import (
    ALICE,
    BLOCK_MS,
    BOB,
    BUY,
    CAROL,
    FOK,
    GTT,
    IOC,
    MARKET,
    NEWEST,
    OLDEST,
    REJECT,
    T0,
    World,
    code,
)

AUCTION_MS = 5_000
WINDOW_MS = limits.BAND_WINDOW_MS


def banded(reference: int = 1_000, ms: int = T0) -> World:
    """Return a world whose market trades within a tenth of the reference."""
    world = World(band_bp=1_000, auction_ms=AUCTION_MS)
    world.state.set_market(world.market, reference=reference, reference_ms=ms)
    return world


def reference(world: World) -> tuple[int, int]:
    """Return the reference and its time."""
    return world.market.reference, world.market.reference_ms


# --- halts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("price", "halts"), [(1_100, False), (1_101, True), (1_500, True)])
def test_a_purchase_above_the_band_halts(price: int, *, halts: bool) -> None:
    """The last tick of the band trades, the next one stops the market."""
    world = banded()
    world.ask(BOB, 1, 1, price)
    result = world.bid(ALICE, 1, 1, price)
    if halts:
        assert result == LegResult(resting=1)
        assert world.market.status == MarketStatus.AUCTION
        assert world.market.until_ms == T0 + AUCTION_MS
        assert world.state.events == [StatusChanged(MARKET, MarketStatus.AUCTION, T0 + AUCTION_MS)]
        assert (world.bids(), world.asks()) == ([(1, 1, price)], [(1, 1, price)])
    else:
        assert result.filled == 1
        assert (world.market.status, world.state.events) == (MarketStatus.ACTIVE, [])


@pytest.mark.parametrize(("price", "halts"), [(900, False), (899, True)])
def test_a_sale_below_the_band_halts(price: int, *, halts: bool) -> None:
    """The band has two ends."""
    world = banded()
    world.bid(BOB, 1, 1, price)
    world.ask(ALICE, 1, 1, price)
    assert (world.market.status == MarketStatus.AUCTION) is halts


def test_fills_before_a_halt_stand() -> None:
    """What the band allows is traded, the rest rests although it crosses; a halt is no step."""
    world = banded()
    world.ask(BOB, 1, 2, 1_050)
    world.ask(BOB, 2, 2, 1_101)
    result = world.bid(ALICE, 1, 5, 1_200)
    assert result == LegResult(filled=2, resting=3, fills=(Fill(BOB, 1, 1_050, 2),))
    assert world.work == limits.WORK_PLACE + limits.WORK_MATCH
    assert (world.bids(), world.asks()) == ([(1, 3, 1_200)], [(2, 2, 1_101)])
    assert world.market.last_price == 1_050
    order = world.order(ALICE, 1)
    assert (order.filled, order.remaining) == (2, 3)


def test_the_rest_of_an_immediate_order_is_halted() -> None:
    """IOC does not rest, halted or not."""
    world = banded()
    world.ask(BOB, 1, 2, 1_050)
    world.ask(BOB, 2, 2, 1_101)
    result = world.bid(ALICE, 1, 5, 1_200, tif=IOC)
    fills = (Fill(BOB, 1, 1_050, 2),)
    assert result == LegResult(filled=2, ended=Ended.HALTED, fills=fills)
    assert world.ended(ALICE, 1) == (Ended.HALTED, 5, 2)
    assert world.bids() == []


def test_an_order_that_was_filled_within_the_band_does_not_halt() -> None:
    """The band stops fills, not orders."""
    world = banded()
    world.ask(BOB, 1, 2, 1_050)
    world.ask(BOB, 2, 2, 1_101)
    assert world.bid(ALICE, 1, 2, 1_200).ended == Ended.FILLED
    assert world.market.status == MarketStatus.ACTIVE


def test_an_order_without_steps_left_does_not_halt() -> None:
    """Its steps ran out before it came to the band's end."""
    world = banded()
    world.ask(BOB, 1, 2, 1_050)
    world.ask(BOB, 2, 2, 1_101)
    assert world.bid(ALICE, 1, 3, 1_200, steps=1).ended == Ended.MATCH_LIMIT
    assert world.market.status == MarketStatus.ACTIVE


def test_the_dead_beyond_the_band_do_not_halt() -> None:
    """Removing is no trade."""
    world = banded()
    world.ask(BOB, 1, 2, 1_200, tif=GTT, ms=T0 + BLOCK_MS)
    world.next_block()
    result = world.bid(ALICE, 1, 5, 1_200)
    assert result == LegResult(resting=5, removals=(Removal(BOB, 1, Ended.EXPIRED),))
    assert world.market.status == MarketStatus.ACTIVE


def test_self_trade_prevention_beyond_the_band_does_not_halt() -> None:
    """Only a fill would be outside."""
    world = banded()
    world.ask(ALICE, 1, 2, 1_200)
    assert world.bid(ALICE, 2, 5, 1_200, mode=NEWEST).ended == Ended.SELF_TRADE
    assert world.bid(ALICE, 3, 5, 1_200, mode=OLDEST).resting == 5
    assert world.market.status == MarketStatus.ACTIVE


def test_a_halt_can_be_undone() -> None:
    """A rolled back leg takes status and event back."""
    world = banded()
    world.ask(BOB, 1, 2, 1_101)
    savepoint = world.state.open_savepoint()
    world.bid(ALICE, 1, 2, 1_101)
    world.state.rollback_to(savepoint)
    assert (world.market.status, world.market.until_ms) == (MarketStatus.ACTIVE, 0)
    assert world.state.events == []


def test_a_market_without_band_never_halts() -> None:
    """Any price trades, and there is no reference."""
    world = World()
    world.ask(BOB, 1, 1, 10)
    world.ask(BOB, 2, 1, 100_000)
    world.bid(ALICE, 1, 2, 100_000)
    assert (world.market.status, reference(world)) == (MarketStatus.ACTIVE, (0, 0))


# --- the reference ------------------------------------------------------------------------------


def test_the_first_fill_sets_the_reference() -> None:
    """Without a reference the first price is inside, and the band stands around it at once."""
    world = banded(0, 0)
    world.ask(BOB, 1, 1, 500)
    world.ask(BOB, 2, 1, 551)
    result = world.bid(ALICE, 1, 5, 600)
    assert result == LegResult(filled=1, resting=4, fills=(Fill(BOB, 1, 500, 1),))
    assert reference(world) == (500, T0)
    assert world.market.status == MarketStatus.AUCTION


def test_later_fills_leave_the_reference() -> None:
    """Within five minutes the reference stays."""
    world = banded()
    world.ask(BOB, 1, 1, 1_050)
    world.next_block(WINDOW_MS - 1)
    world.bid(ALICE, 1, 1, 1_050)
    assert reference(world) == (1_000, T0)


@pytest.mark.parametrize("terms", [{}, {"post_only": REJECT}, {"tif": IOC}])
def test_the_reference_is_renewed(terms: dict[str, int]) -> None:
    """Five minutes later any order that comes to match renews it, crossing or not."""
    world = banded()
    world.ask(BOB, 1, 1, 1_050)
    world.bid(ALICE, 1, 1, 1_050)
    world.next_block(WINDOW_MS)
    world.bid(ALICE, 2, 1, 900, **terms)
    assert reference(world) == (1_050, T0 + WINDOW_MS)


def test_the_reference_is_renewed_before_matching() -> None:
    """The order that renews it trades within the new band."""
    world = banded()
    world.ask(BOB, 1, 1, 1_100)
    world.ask(BOB, 2, 1, 1_210)
    world.bid(ALICE, 1, 1, 1_100)
    world.next_block(WINDOW_MS)
    assert world.bid(ALICE, 2, 1, 1_210).ended == Ended.FILLED
    assert reference(world) == (1_100, T0 + WINDOW_MS)


def test_an_amended_order_that_comes_back_renews() -> None:
    """One that keeps its place does not."""
    world = banded()
    world.ask(BOB, 1, 1, 1_050)
    world.bid(ALICE, 1, 1, 1_050)
    world.bid(ALICE, 2, 5, 900)
    world.next_block(WINDOW_MS)
    world.amend(ALICE, 2, quantity=4)
    assert reference(world) == (1_000, T0)
    world.amend(ALICE, 2, quantity=5)
    assert reference(world) == (1_050, T0 + WINDOW_MS)


def test_refused_and_ended_orders_do_not_renew() -> None:
    """A leg that does not come to matching leaves the reference."""
    world = banded()
    world.ask(BOB, 1, 2, 1_050)
    world.bid(ALICE, 1, 1, 1_050)
    world.next_block(WINDOW_MS)
    refused = world.bid(ALICE, 2, 1, 1_050, post_only=REJECT)
    assert refused == code(errors.PostOnlyWouldCross)
    assert world.bid(ALICE, 2, 5, 1_050, tif=FOK) == code(errors.FillOrKillUnfilled)
    assert reference(world) == (1_000, T0)


# --- fill or kill -------------------------------------------------------------------------------


@pytest.mark.parametrize(("quantity", "filled"), [(2, 2), (3, 0)])
def test_a_preview_stops_at_the_band(quantity: int, filled: int) -> None:
    """What is outside does not count, and the market does not halt for asking."""
    world = banded()
    world.ask(BOB, 1, 2, 1_100)
    world.ask(BOB, 2, 2, 1_101)
    result = world.bid(ALICE, 1, quantity, 1_200, tif=FOK)
    assert result.filled == filled
    assert result.code == (0 if filled else errors.FillOrKillUnfilled.code)
    assert world.work == limits.WORK_PLACE + limits.WORK_MATCH
    assert world.market.status == MarketStatus.ACTIVE


def test_a_preview_without_reference_takes_the_first_price() -> None:
    """A fill-or-kill order is never filled in part by the band of its own first fill."""
    world = banded(0, 0)
    world.ask(BOB, 1, 1, 500)
    world.ask(BOB, 2, 1, 550)
    world.ask(BOB, 3, 1, 551)
    assert world.bid(ALICE, 1, 3, 600, tif=FOK) == code(errors.FillOrKillUnfilled)
    assert reference(world) == (0, 0)
    assert world.bid(ALICE, 1, 2, 600, tif=FOK).filled == 2
    assert reference(world) == (500, T0)


def test_the_dead_do_not_set_a_previews_band() -> None:
    """Only what would be filled does."""
    world = banded(0, 0)
    world.ask(BOB, 1, 1, 100, tif=GTT, ms=T0 + BLOCK_MS)
    world.ask(CAROL, 2, 2, 550)
    world.next_block()
    assert world.bid(ALICE, 1, 2, 600, tif=FOK).filled == 2


def test_a_preview_uses_the_renewed_reference() -> None:
    """The band is the one that matching will find."""
    world = banded()
    world.ask(BOB, 1, 1, 1_100)
    world.ask(BOB, 2, 1, 1_210)
    world.bid(ALICE, 1, 1, 1_100)
    world.next_block(WINDOW_MS)
    assert world.place(ALICE, 2, BUY, 1, 1_210, tif=FOK).filled == 1
