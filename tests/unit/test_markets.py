"""A market's life: creation and its bond, its creator's changes, delisting, what is refused."""

import pytest

from omg_abci.protocol import limits
from omg_abci.protocol.messages import AmendOrder, Transfer
from omg_abci.protocol.units import ZERO_ADDRESS, Ended, MarketMode
from tests.unit.block_world import (
    ACTIVE,
    ANN,
    AUCTION,
    BASE,
    BEN,
    BLOCK_MS,
    BOND,
    CANCEL_ONLY,
    CEM,
    DELISTING,
    FEE,
    GTT,
    MARKET,
    QUOTE,
    RICHES,
    STOP,
    T0,
    UNCROSSING,
    Chain,
    amend,
    ask,
    bid,
    cancel,
    change,
    create,
    pick,
    removed,
    status,
    switch,
    uncrossed,
)

STOPS, RESUMES, DELISTS = 1, 2, 3
NOTICE_MS = limits.DELIST_NOTICE_MS
GONE = 0


def make_owned(**terms: object) -> Chain:
    """Return a chain whose market Ann created in the genesis document, without a bond."""
    return Chain(creator="0x" + ANN.hex(), auction_ms=5_000, **terms)


def codes(chain: Chain) -> list[int]:
    """Return the codes of the last block's legs."""
    return [leg.code for leg in chain.legs]


# --- creation ---------------------------------------------------------------------------------


def test_created_market_has_the_terms_that_were_asked_for() -> None:
    """The new market collects orders until its auction; its terms are the message's."""
    chain = Chain()
    events = chain.block(
        create(ANN, lots_min=2, lots_max=9, mode=2, band_bp=250, auction_ms=7_000, quote_unit=25)
    )
    assert chain.legs[0].market == MARKET + 1
    assert events == (status(AUCTION, T0 + 7_000, MARKET + 1),)
    market = chain.state.markets[MARKET + 1]
    record = market.record
    assert (record.base, record.quote, record.base_unit, record.quote_unit) == (2, 3, 10, 25)
    assert (record.lots_min, record.lots_max) == (2, 9)
    assert (record.mode, record.band_bp, record.auction_ms) == (MarketMode.BATCH, 250, 7_000)
    assert (record.creator, record.bond) == (ANN, BOND)
    assert (market.status, market.until_ms, market.is_batch) == (AUCTION, T0 + 7_000, True)
    assert (market.last_price, market.low, market.high, market.reference) == (0, 0, 0, 0)


def test_creation_locks_the_bond() -> None:
    """The bond moves from the creator's free to reserved; the fee is paid besides."""
    chain = Chain()
    chain.block(create(ANN))
    assert chain.result is not None
    fee = chain.result.results[0].fee
    assert chain.balance(ANN, FEE) == (RICHES - BOND - fee, BOND)
    assert chain.result.results[0].work == limits.WORK_TX + 1 + limits.WORK_MARKET


def test_ids_are_given_once() -> None:
    """Each market has the next id; one that is gone leaves its id unused."""
    chain = Chain()
    chain.block(create(ANN), create(BEN))
    assert [leg.market for leg in chain.legs] == [MARKET + 1, MARKET + 2]
    chain.block(change(BEN, DELISTS, MARKET + 2))
    chain.block(ahead_ms=NOTICE_MS)
    assert sorted(chain.state.markets) == [MARKET, MARKET + 1]
    chain.block(create(CEM))
    assert chain.legs[0].market == MARKET + 3


def test_base_is_looked_at_before_quote() -> None:
    """Unknown tokens are refused."""
    chain = Chain()
    chain.block(create(ANN, base=9), create(ANN, quote=9), create(ANN, base=9, lots_min=1_000))
    assert codes(chain) == [1001, 1001, 1001]


def test_smallest_order_within_the_supply() -> None:
    """A smallest order of all that there is is allowed, one of more is not."""
    chain = Chain()
    supply = 3 * RICHES
    lots = supply // 10
    chain.block(
        create(ANN, lots_min=lots, lots_max=lots), create(ANN, lots_min=lots + 1, lots_max=lots + 1)
    )
    assert codes(chain) == [0, 2034]


def test_number_of_markets_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One market more than allowed is refused."""
    monkeypatch.setattr(limits, "MARKETS_MAX", 2)
    chain = Chain()
    chain.block(create(ANN), create(ANN))
    assert codes(chain) == [0, 2032]


@pytest.mark.parametrize(("missing", "code"), [(0, 0), (1, 2033)])
def test_bond_is_covered_by_what_is_free(missing: int, code: int) -> None:
    """What is exactly the bond will do; one less will not. The block's fees are taken before."""
    chain = Chain()
    fees = 2 * (limits.WORK_TX + 1) + limits.WORK_TRANSFER + limits.WORK_MARKET
    chain.block(
        (ANN, Transfer(CEM, FEE, RICHES - BOND - fees + missing, 0, 0)),
        create(ANN),
    )
    assert codes(chain) == [0, code]


def test_refused_creation_writes_nothing() -> None:
    """After a refusal there is no market, no bond and no event."""
    chain = Chain()
    assert chain.block(create(ANN, base=9)) == ()
    assert sorted(chain.state.markets) == [MARKET]
    assert chain.balance(ANN, FEE)[1] == 0
    assert chain.state.next_market == MARKET + 1


def test_rolled_back_creation_leaves_nothing() -> None:
    """When another leg of an atomic transaction fails, market, bond and event are undone."""
    chain = Chain()
    legs = (create(ANN)[1], cancel(ANN, 1)[1], create(ANN, base=9)[1])
    assert chain.apply([chain.make_tx(ANN, legs, atomic=True)]) == ()
    assert codes(chain) == [1006, 1006, 1001]
    assert sorted(chain.state.markets) == [MARKET]
    assert chain.balance(ANN, FEE)[1] == 0
    chain.block(create(ANN))
    assert chain.legs[0].market == MARKET + 1


# --- changes ----------------------------------------------------------------------------------


def test_market_of_nobody_is_changed_by_nobody() -> None:
    """A market of genesis without a creator has none who could change it."""
    chain = Chain()
    assert chain.market.record.creator == ZERO_ADDRESS
    chain.block(change(ANN, STOPS), change(ANN, STOPS, MARKET + 1))
    assert codes(chain) == [2030, 2000]


def test_only_the_creator_may_change() -> None:
    """Somebody else is refused before the action is looked at."""
    chain = make_owned()
    chain.block(change(BEN, STOPS), change(BEN, RESUMES))
    assert codes(chain) == [2030, 2030]


def test_stopped_market_takes_cancels_only() -> None:
    """In CANCEL_ONLY orders are neither placed nor amended, but cancelled."""
    chain = make_owned()
    chain.block(bid(BEN, 1, 5, 90), bid(BEN, 2, 5, 90))
    assert chain.block(change(ANN, STOPS)) == (status(CANCEL_ONLY),)
    chain.block(bid(CEM, 1, 1, 80), amend(BEN, 1, quantity=2), cancel(BEN, 1))
    assert codes(chain) == [2025, 2025, 0]
    assert chain.book() == ([(2, 5)], [])


def test_resumed_market_opens_by_auction() -> None:
    """RESUME begins a call auction of the market's own length."""
    chain = make_owned()
    chain.block(change(ANN, STOPS))
    assert chain.block(change(ANN, RESUMES)) == (status(AUCTION, chain.time_ms + 5_000),)
    assert chain.block(ahead_ms=5_000) == (uncrossed(0, 0), status(ACTIVE))


# What may be done in which status: CANCEL_ONLY, RESUME, DELIST.
_POSSIBLE = {
    "active": (True, False, True),
    "auction": (True, False, True),
    "stopped": (False, True, True),
    "notice": (False, True, False),
    "uncrossing": (False, False, False),
    "delisting": (False, False, False),
}


def make_in(name: str) -> Chain:
    """Return a chain whose market is in the status of this name, after its last block."""
    chain = make_owned()
    chain.block(bid(BEN, 1, 1, 100), bid(BEN, 9, 1, 50))
    if name in ("stopped", "auction", "uncrossing"):
        chain.block(change(ANN, STOPS))
    if name in ("auction", "uncrossing"):
        chain.block(change(ANN, RESUMES), bid(BEN, 2, 1, 100), ask(CEM, 1, 2, 100))
    if name == "uncrossing":
        chain.block(ahead_ms=5_000)
    if name in ("notice", "delisting"):
        chain.block(change(ANN, DELISTS))
    if name == "delisting":
        chain.block(ahead_ms=NOTICE_MS)
    return chain


@pytest.mark.parametrize("name", sorted(_POSSIBLE))
@pytest.mark.parametrize("action", [STOPS, RESUMES, DELISTS])
def test_each_action_in_each_status(
    name: str, action: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is possible changes the status and says so; the rest is refused and changes nothing."""
    monkeypatch.setattr(limits, "MASS_START_MAX", 0)
    monkeypatch.setattr(limits, "MASS_STEPS_MAX", 0)
    chain = make_in(name)
    before = (chain.market.status, chain.market.until_ms)
    events = chain.block(change(ANN, action), ahead_ms=1)
    if not _POSSIBLE[name][action - 1]:
        assert codes(chain) == [2031]
        assert events == ()
        assert (chain.market.status, chain.market.until_ms) == before
        return
    now_ms = chain.time_ms
    expected = {
        STOPS: (CANCEL_ONLY, 0),
        RESUMES: (AUCTION, now_ms + 5_000),
        DELISTS: (CANCEL_ONLY, now_ms + NOTICE_MS),
    }[action]
    assert codes(chain) == [0]
    assert events == (status(*expected),)
    assert (chain.market.status, chain.market.until_ms) == expected


@pytest.mark.parametrize("name", ["uncrossing", "delisting"])
def test_statuses_that_only_mass_work_ends(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without steps a market stays uncrossing, or being delisted, and takes cancels only."""
    monkeypatch.setattr(limits, "MASS_START_MAX", 0)
    monkeypatch.setattr(limits, "MASS_STEPS_MAX", 0)
    chain = make_in(name)
    chain.block(bid(CEM, 5, 1, 90), amend(BEN, 1, quantity=3), cancel(BEN, 1))
    code = 2024 if name == "uncrossing" else 2026
    assert codes(chain) == [code, code, 0]
    assert chain.market.status == (UNCROSSING if name == "uncrossing" else DELISTING)


def test_a_resumed_market_forgets_its_notice() -> None:
    """A notice that was taken back by RESUME does not end in a delisting."""
    chain = make_owned()
    chain.block(change(ANN, DELISTS))
    chain.block(change(ANN, RESUMES))
    chain.block(ahead_ms=5_000)
    assert chain.market.status == ACTIVE
    assert chain.block(ahead_ms=NOTICE_MS) == ()
    assert chain.market.status == ACTIVE


# --- delisting --------------------------------------------------------------------------------


def test_notice_lasts_a_day() -> None:
    """Until the notice's last millisecond the market is there, for cancels."""
    chain = make_owned()
    chain.block(bid(BEN, 1, 1, 90))
    chain.block(change(ANN, DELISTS))
    assert chain.block(ahead_ms=NOTICE_MS - 1) == ()
    assert chain.block(ahead_ms=1) == (
        status(DELISTING),
        removed(BEN, 1, Ended.DELISTED),
        status(GONE),
    )
    assert chain.state.markets == {}
    assert chain.balance(BEN, QUOTE) == (RICHES, 0)


def test_orders_leave_in_their_order() -> None:
    """Bids and then asks in book order, then waiting orders by priority."""
    chain = make_owned()
    chain.block(
        bid(CEM, 9, 1, 90, kind=STOP, trigger=200),
        ask(CEM, 8, 1, 90, kind=STOP, trigger=50),
        bid(CEM, 7, 1, 90, kind=STOP, trigger=100),
        ask(BEN, 1, 1, 96),
        ask(BEN, 2, 1, 95),
        bid(BEN, 3, 1, 80),
        bid(BEN, 4, 1, 81),
        bid(BEN, 5, 1, 80, tif=GTT, ms=T0 + BLOCK_MS + NOTICE_MS + 1),
    )
    chain.block(change(ANN, DELISTS))
    events = chain.block(ahead_ms=NOTICE_MS)
    assert pick(events[1:-1], 1) == [4, 3, 5, 2, 1, 9, 8, 7]
    assert pick(events[1:-1], 2) == [int(Ended.DELISTED)] * 8
    assert chain.balance(CEM, BASE) == chain.balance(BEN, BASE) == (RICHES, 0)
    assert chain.balance(CEM, QUOTE) == chain.balance(BEN, QUOTE) == (RICHES, 0)


def test_delisting_goes_on_over_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some orders a block; a waiting order whose trigger was moved twice is taken once."""
    monkeypatch.setattr(limits, "MASS_START_MAX", 1)
    monkeypatch.setattr(limits, "MASS_STEPS_MAX", 2)
    monkeypatch.setattr(limits, "MASS_TRIGGERS_MIN", 0)
    chain = make_owned()
    chain.block(
        bid(CEM, 1, 1, 90, kind=STOP, trigger=200),
        bid(CEM, 2, 1, 90, kind=STOP, trigger=200),
        bid(CEM, 3, 1, 90, kind=STOP, trigger=200),
        ask(BEN, 1, 1, 96),
        bid(BEN, 2, 1, 80),
    )
    for trigger in (300, 200):
        chain.block((CEM, AmendOrder(1, 0, 0, 0, 16, trigger=trigger)))
        assert codes(chain) == [0]
    chain.block(change(ANN, DELISTS))
    assert pick(chain.block(ahead_ms=NOTICE_MS)[1:], 1) == [2, 1]
    assert pick(chain.block(), 1) == [1, 2]
    assert chain.market.status == DELISTING
    assert chain.block() == (removed(CEM, 3, Ended.DELISTED), status(GONE))
    assert chain.state.mass_steps == 1


def test_last_order_may_leave_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A market whose last order was cancelled goes at the end of that block, without a step."""
    monkeypatch.setattr(limits, "MASS_START_MAX", 0)
    monkeypatch.setattr(limits, "MASS_STEPS_MAX", 0)
    chain = make_owned()
    chain.block(bid(BEN, 1, 1, 90))
    chain.block(change(ANN, DELISTS))
    chain.block(ahead_ms=NOTICE_MS)
    assert chain.block(cancel(BEN, 1)) == (status(GONE),)
    chain.block(bid(BEN, 2, 1, 90))
    assert codes(chain) == [2000]


def test_bond_comes_back_when_the_market_is_gone() -> None:
    """The creator has the bond again; until then it stays reserved."""
    chain = Chain()
    chain.block(create(ANN))
    chain.block(change(ANN, DELISTS, MARKET + 1))
    assert chain.balance(ANN, FEE)[1] == BOND
    assert chain.block(ahead_ms=NOTICE_MS) == (
        status(DELISTING, 0, MARKET + 1),
        status(GONE, 0, MARKET + 1),
    )
    assert chain.balance(ANN, FEE) == (RICHES - 2 * (limits.WORK_TX + 1 + limits.WORK_MARKET), 0)


def test_dead_orders_of_a_delisted_market_end_as_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """An order that died while it waited for its turn ends for what it died of."""
    monkeypatch.setattr(limits, "MASS_START_MAX", 2)
    monkeypatch.setattr(limits, "MASS_STEPS_MAX", 2)
    chain = Chain(
        {"creator": "0x" + ANN.hex()},
        {},
    )
    ends = T0 + BLOCK_MS + NOTICE_MS
    # The first to expire take the first block's steps; the next block's go on with them.
    chain.block(
        bid(BEN, 1, 1, 90, tif=GTT, ms=ends),
        bid(BEN, 2, 1, 91, tif=GTT, ms=ends + 1),
        bid(CEM, 1, 1, 50),
        switch(CEM, T0 + 5_000),
    )
    chain.block(change(ANN, DELISTS), switch(CEM, 0))
    events = chain.block(ahead_ms=NOTICE_MS)
    assert events == (
        status(DELISTING),
        removed(BEN, 1, Ended.EXPIRED),
        removed(BEN, 2, Ended.DELISTED),
    )
    assert chain.block() == (removed(CEM, 1, Ended.DELISTED), status(GONE))
