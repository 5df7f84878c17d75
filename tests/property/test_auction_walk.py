"""Auctions that look no further than they must do what auctions over whole books do."""

import random

import pytest

from omg_abci.protocol import limits
from omg_abci.protocol.results import Uncrossed
from omg_abci.rules import auction
from omg_abci.rules.auction_interest import Interest, get_interest
from omg_abci.state.objects import Market
from omg_abci.state.working import WorkingState
from tests.unit.block_world import (
    BLOCK_MS,
    FOK,
    GTC,
    GTH,
    GTT,
    ICEBERG,
    IOC,
    OWNERS,
    T0,
    Chain,
    Sent,
    cancel,
    place,
    switch,
)

BLOCKS = 12


def get_whole(state: WorkingState, market: Market) -> tuple[Interest, Interest]:
    """Return every level of both sides that reaches the other side, the plain way."""
    best_bid, best_ask = market.bids.get_best(), market.asks.get_best()
    if best_bid is None or best_ask is None:
        return Interest(state, market.bids, 1 << 60), Interest(state, market.asks, 0)
    sides = (
        Interest(state, market.bids, best_ask.price),
        Interest(state, market.asks, best_bid.price),
    )
    for side in sides:
        while side.has_more():
            side.walk_level()
    return sides


def make_order(source: random.Random, client_id: int, time_ms: int, height: int) -> Sent:
    """Return an order; bids and asks reach far into each other, some soon die."""
    tif = source.choice((GTC, GTC, GTC, GTT, GTH, IOC, FOK, FOK))
    display = tif == GTC and source.random() < 0.2
    quantity = source.choice((1, 2, 3, 5, 40))
    return place(
        source.choice(OWNERS),
        client_id,
        source.choice((1, 1, 1, 2)),
        quantity,
        source.randint(95, 110),
        kind=ICEBERG if display and quantity > 1 else 1,
        tif=tif,
        ms=time_ms + BLOCK_MS * source.randint(1, 3) if tif == GTT else 0,
        height=height + source.randint(1, 3) if tif == GTH else 0,
        display=1 if display and quantity > 1 else 0,
    )


def make_legs(source: random.Random, chain: Chain, first: int) -> list[Sent]:
    """Return a block's legs."""
    time_ms, height = chain.time_ms + BLOCK_MS, chain.state.height + 1
    legs = [
        make_order(source, first + number, time_ms, height)
        for number in range(source.randint(1, 14))
    ]
    if source.random() < 0.2:
        legs.append(switch(source.choice(OWNERS), time_ms + 2 * BLOCK_MS))
    if source.random() < 0.5:
        legs.append(cancel(source.choice(OWNERS), source.randint(1, first)))
    return legs


@pytest.mark.parametrize("seed", range(60))
def test_auctions_are_those_of_whole_books(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Same events, results and books, with orders of all kinds, few steps, or an opening."""
    source = random.Random(seed)
    if seed % 3 == 0:
        monkeypatch.setattr(limits, "MASS_START_MAX", 3)
        monkeypatch.setattr(limits, "MASS_STEPS_MAX", 8)
        monkeypatch.setattr(limits, "MASS_TRIGGERS_MIN", 0)
    terms: dict[str, object] = {"mode": "batch"}
    if seed % 2:
        terms["opens_ms"] = T0 + 5 * BLOCK_MS
    chain, plain = Chain(**terms), Chain(**terms)
    auctions = 0
    for number in range(BLOCKS):
        legs = make_legs(source, chain, 1 + 100 * number)
        monkeypatch.setattr(auction, "get_interest", get_interest)
        events = chain.block(*legs)
        monkeypatch.setattr(auction, "get_interest", get_whole)
        assert plain.block(*legs) == events
        assert plain.legs == chain.legs
        assert plain.result == chain.result
        auctions += sum(isinstance(each, Uncrossed) for each in events)
    assert auctions


@pytest.mark.parametrize("seed", range(300))
def test_prices_are_those_of_whole_books(seed: int) -> None:
    """Price, volume and surplus of deep and one-sided books are the same."""
    source = random.Random(seed)
    chain = Chain(opens_ms=T0 + 1_000 * BLOCK_MS)
    few, many = source.choice([(1, 60), (5, 40), (30, 30), (60, 2)])
    legs = []
    for number in range(1, few + many + 1):
        dies = source.random() < 0.2
        legs.append(
            place(
                source.choice(OWNERS),
                number,
                1 if number <= many else 2,
                source.choice((1, 2, 9, 50)),
                source.randint(100, 130),
                tif=GTT if dies else GTC,
                ms=T0 + 1 if dies else 0,
            )
        )
    chain.block(*legs)
    chain.state.time_ms += source.choice((0, 2))
    sides = get_whole(chain.state, chain.market)
    for last_price in (0, 90, source.randint(95, 140)):
        chain.market.last_price = last_price
        expected = auction.compute_uniform_price(
            sides[0].lots.items(), sides[1].lots.items(), last_price
        )
        assert auction.get_pricing(chain.state, chain.market) == expected
