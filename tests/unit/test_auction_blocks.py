"""Call auctions that take more than one block, and the reference of the band."""

import pytest

from omg_abci.protocol import limits
from omg_abci.protocol.units import Ended
from tests.unit.block_world import (
    ACTIVE,
    ANN,
    BEN,
    BLOCK_MS,
    CEM,
    GTT,
    MARKET,
    T0,
    UNCROSSING,
    Chain,
    ask,
    bid,
    cancel,
    removed,
    status,
    trade,
    uncrossed,
)

OPENS = T0 + 5 * BLOCK_MS


def make_auction(**terms: object) -> Chain:
    """Return a chain whose market collects orders until `OPENS`."""
    return Chain(opens_ms=OPENS, **terms)


def open_at(chain: Chain) -> tuple[object, ...]:
    """Apply the block whose time is the auction's."""
    return chain.block(ahead_ms=OPENS - chain.time_ms)


# --- over several blocks ----------------------------------------------------------------------


@pytest.fixture
def _few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MASS_START_MAX", 2)
    monkeypatch.setattr(limits, "MASS_STEPS_MAX", 4)


def make_long_auction(chain: Chain) -> None:
    """Let five pairs be there at 100."""
    for number in range(1, 6):
        chain.block(bid(ANN, number, 1, 100), ask(BEN, number, 1, 100), ahead_ms=BLOCK_MS // 2)


@pytest.mark.usefixtures("_few_steps")
def test_pairs_go_on_in_the_next_blocks() -> None:
    """When steps run out the market is uncrossing, refuses orders, and goes on."""
    chain = make_auction()
    make_long_auction(chain)
    events = open_at(chain)
    assert events == (
        uncrossed(100, 5),
        status(UNCROSSING),
        trade(100, 1, ANN, 1, BEN, 1),
        trade(100, 1, ANN, 2, BEN, 2),
    )
    assert (chain.market.status, chain.market.auction_price) == (UNCROSSING, 100)
    events = chain.block(bid(CEM, 1, 1, 100), cancel(ANN, 5), cancel(BEN, 5))
    assert [leg.code for leg in chain.legs] == [2024, 0, 0]
    assert events == (trade(100, 1, ANN, 3, BEN, 3), trade(100, 1, ANN, 4, BEN, 4))
    assert chain.block(bid(CEM, 1, 1, 100)) == (status(ACTIVE),)
    assert [leg.code for leg in chain.legs] == [0]
    assert (chain.market.status, chain.market.auction_price) == (ACTIVE, 0)


@pytest.mark.usefixtures("_few_steps")
def test_batch_market_opens_over_blocks_too() -> None:
    """A batch market whose call auction goes on holds no auction of its own, and uses no step."""
    chain = make_auction(mode="batch")
    make_long_auction(chain)
    open_at(chain)
    assert (chain.market.status, chain.state.mass_steps) == (UNCROSSING, 2)
    chain.block()
    assert (chain.market.status, chain.state.mass_steps) == (UNCROSSING, 2)
    assert chain.block() == (trade(100, 1, ANN, 5, BEN, 5), status(ACTIVE))


@pytest.mark.usefixtures("_few_steps")
def test_last_pair_with_the_last_step_ends_the_auction() -> None:
    """That no pair is left is seen without a step."""
    chain = make_auction()
    chain.block(bid(ANN, 1, 1, 100), ask(BEN, 1, 1, 100), bid(ANN, 2, 1, 100), ask(BEN, 2, 1, 100))
    assert open_at(chain)[-1] == status(ACTIVE)
    assert chain.state.mass_steps == 2


@pytest.mark.usefixtures("_few_steps")
def test_dead_order_is_a_step_of_the_pairs() -> None:
    """A dead order that is met uses a step and is removed, bid before ask."""
    chain = make_auction()
    chain.block(
        bid(ANN, 1, 1, 100, tif=GTT, ms=OPENS),
        ask(BEN, 1, 1, 100, tif=GTT, ms=OPENS),
        bid(ANN, 2, 1, 100),
        ask(BEN, 2, 1, 100),
    )
    assert open_at(chain) == (
        uncrossed(100, 1),
        status(UNCROSSING),
        removed(ANN, 1, Ended.EXPIRED),
        removed(BEN, 1, Ended.EXPIRED),
    )
    assert chain.block() == (trade(100, 1, ANN, 2, BEN, 2), status(ACTIVE))


@pytest.mark.usefixtures("_few_steps")
def test_price_is_found_anew_when_orders_left_meanwhile() -> None:
    """When no pair is left at the price but the book crosses, the auction goes on at a new one."""
    chain = make_auction(band_bp=1_000)
    chain.block(
        bid(ANN, 1, 5, 100),
        bid(ANN, 2, 9, 95),
        *[ask(BEN, number, 1, 90) for number in range(1, 6)],
    )
    assert open_at(chain)[:3] == (
        uncrossed(98, 5),
        status(UNCROSSING),
        trade(98, 1, ANN, 1, BEN, 1),
    )
    chain.block(cancel(ANN, 1))
    assert chain.events == (trade(98, 1, ANN, 1, BEN, 3), trade(98, 1, ANN, 1, BEN, 4))
    assert chain.block() == (
        uncrossed(95, 1),
        trade(95, 1, ANN, 2, BEN, 5),
        status(ACTIVE),
    )
    assert (chain.market.last_price, chain.market.reference) == (95, 98)
    assert (chain.market.low, chain.market.high) == (95, 95)


@pytest.mark.usefixtures("_few_steps")
def test_new_price_is_kept_over_blocks() -> None:
    """The price that was found anew is the one at which the next blocks go on."""
    chain = make_auction()
    chain.block(
        bid(ANN, 1, 7, 100),
        bid(ANN, 2, 9, 95),
        *[ask(BEN, number, 1, 90) for number in range(1, 8)],
    )
    open_at(chain)
    chain.block(cancel(ANN, 1))
    assert chain.market.auction_price == 98
    assert chain.block() == (
        uncrossed(95, 3),
        trade(95, 1, ANN, 2, BEN, 5),
        trade(95, 1, ANN, 2, BEN, 6),
    )
    assert (chain.market.status, chain.market.auction_price) == (UNCROSSING, 95)
    assert chain.block() == (trade(95, 1, ANN, 2, BEN, 7), status(ACTIVE))


@pytest.mark.usefixtures("_few_steps")
def test_steps_at_both_prices_add_up() -> None:
    """A block that makes pairs at the old price and at a new one uses the steps of both."""
    chain = make_auction()
    chain.block(
        bid(ANN, 1, 5, 100),
        bid(CEM, 1, 1, 100),
        bid(ANN, 2, 9, 95, tif=GTT, ms=OPENS + 60_000),
        *[ask(BEN, number, 1, 90) for number in range(1, 7)],
    )
    assert open_at(chain)[0] == uncrossed(98, 6)
    chain.block(cancel(ANN, 1))
    assert chain.block() == (
        trade(98, 1, CEM, 1, BEN, 5),
        uncrossed(95, 1),
        trade(95, 1, ANN, 2, BEN, 6),
        status(ACTIVE),
    )
    assert chain.state.mass_steps == 2


@pytest.mark.usefixtures("_few_steps")
def test_uncrossing_market_whose_orders_left_is_over_without_steps() -> None:
    """Markets are asked in order of their ids, also when no steps are left."""
    chain = Chain({"opens_ms": OPENS}, {"opens_ms": OPENS})
    second = MARKET + 1
    make_long_auction(chain)
    chain.block(bid(ANN, 21, 1, 50, market=second), ask(BEN, 21, 1, 50, market=second), ahead_ms=1)
    events = open_at(chain)
    assert events[2] == uncrossed(50, 1, second)
    assert chain.state.markets[second].status == UNCROSSING
    chain.block(cancel(ANN, 21))
    events = chain.block()
    assert events[-1] == status(ACTIVE, 0, second)
    assert chain.state.mass_steps == 1


# --- the band's reference ---------------------------------------------------------------------


def test_call_auction_sets_the_reference() -> None:
    """In a market with a band the auction's price is the reference, from its pricing."""
    chain = make_auction(band_bp=1_000)
    chain.block(bid(ANN, 1, 1, 100), ask(BEN, 1, 1, 100))
    open_at(chain)
    assert (chain.market.reference, chain.market.reference_ms) == (100, OPENS)


@pytest.mark.usefixtures("_few_steps")
def test_reference_stays_while_pairs_are_left() -> None:
    """An auction of several blocks has the reference of its pricing all along."""
    chain = make_auction(band_bp=1_000)
    make_long_auction(chain)
    open_at(chain)
    assert (chain.market.reference, chain.market.reference_ms) == (100, OPENS)
    chain.block()
    chain.block()
    assert chain.market.status == ACTIVE
    assert (chain.market.reference, chain.market.reference_ms) == (100, OPENS)


def test_market_without_a_band_has_no_reference() -> None:
    """Without a band reference and its time stay zero."""
    chain = make_auction()
    chain.block(bid(ANN, 1, 1, 100), ask(BEN, 1, 1, 100))
    open_at(chain)
    assert (chain.market.reference, chain.market.reference_ms) == (0, 0)
