"""Removals, switches and tombstones; how the kinds of mass work share a block's steps."""

import pytest

from omg_abci.protocol import limits
from omg_abci.protocol.messages import AmendOrder
from omg_abci.protocol.results import Event
from omg_abci.protocol.units import Ended
from tests.unit.block_world import (
    ACTIVE,
    ANN,
    AUCTION,
    BEN,
    BLOCK_MS,
    CEM,
    DELISTING,
    GTH,
    GTT,
    IOC,
    MARKET,
    STOP,
    T0,
    UNCROSSING,
    Chain,
    ask,
    bid,
    cancel,
    change,
    pick,
    removed,
    status,
    switch,
    trade,
    uncrossed,
)

DUE = T0 + 10 * BLOCK_MS
EXPIRED, SWITCHED = Ended.EXPIRED, Ended.SWITCHED


def set_steps(
    patch: pytest.MonkeyPatch, *, start: int, total: int, pairs: int = 500, triggers: int = 0
) -> None:
    """Let a block have so many steps of mass work."""
    patch.setattr(limits, "MASS_START_MAX", start)
    patch.setattr(limits, "MASS_STEPS_MAX", total)
    patch.setattr(limits, "MASS_PAIRS_MAX", pairs)
    patch.setattr(limits, "MASS_TRIGGERS_MIN", triggers)


def make_due(chain: Chain, ahead_ms: int = 0) -> tuple[Event, ...]:
    """Apply the block at the instant at which all is due, or so long after it."""
    return chain.block(ahead_ms=DUE + ahead_ms - chain.time_ms)


# --- expiry -----------------------------------------------------------------------------------


def test_order_expires_at_its_time() -> None:
    """One millisecond before its time an order is there, at its time it goes with its reserve."""
    chain = Chain()
    chain.block(bid(ANN, 1, 5, 90, tif=GTT, ms=DUE))
    assert make_due(chain, -1) == ()
    assert chain.block(ahead_ms=1) == (removed(ANN, 1, EXPIRED),)
    assert chain.ended(ANN, 1) == (EXPIRED, 0)
    assert chain.state.mass_steps == 1


def test_order_expires_after_its_last_height() -> None:
    """In the block of its last height an order trades, in the next it is gone."""
    chain = Chain()
    chain.block(bid(ANN, 1, 5, 90, tif=GTH, height=2))
    assert chain.block(ask(BEN, 1, 1, 90)) == ()
    assert chain.ended(BEN, 1) == (Ended.FILLED, 1)
    assert chain.block(ask(BEN, 2, 1, 90)) == (removed(ANN, 1, EXPIRED),)
    assert chain.book() == ([], [(2, 1)])


def test_waiting_order_expires_too() -> None:
    """An order that waits for its trigger ends at its time or height."""
    chain = Chain()
    chain.block(
        bid(ANN, 1, 5, 90, kind=STOP, trigger=100, tif=GTT, ms=DUE),
        bid(ANN, 2, 5, 90, kind=STOP, trigger=100, tif=GTH, height=1),
    )
    assert make_due(chain) == (removed(ANN, 1, EXPIRED), removed(ANN, 2, EXPIRED))


def test_removals_stand_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """By time and priority, then by height and priority, then by switch and owner."""
    chain = Chain()
    chain.block(
        bid(ANN, 1, 1, 90, tif=GTT, ms=DUE),
        bid(BEN, 1, 1, 91, tif=GTT, ms=DUE - 1),
        bid(ANN, 2, 1, 92, tif=GTT, ms=DUE - 1),
        bid(ANN, 3, 1, 93, tif=GTH, height=2),
        bid(BEN, 2, 1, 94, tif=GTH, height=1),
        bid(ANN, 4, 1, 95, tif=GTH, height=1),
        bid(CEM, 1, 1, 96),
        switch(CEM, DUE - 1),
        bid(BEN, 3, 1, 97),
        bid(ANN, 5, 1, 98),
        switch(BEN, DUE),
        switch(ANN, DUE),
    )
    set_steps(monkeypatch, start=0, total=0)
    chain.block()
    chain.block()
    set_steps(monkeypatch, start=9, total=9)
    events = make_due(chain)
    assert list(zip(pick(events, 0), pick(events, 1), strict=True)) == [
        (BEN, 1),
        (ANN, 2),
        (ANN, 1),
        (BEN, 2),
        (ANN, 4),
        (ANN, 3),
        (CEM, 1),
        (ANN, 5),
        (BEN, 3),
    ]


def test_amended_expiry_counts() -> None:
    """An order whose expiry was moved goes at the new time, however often it was moved."""
    chain = Chain()
    chain.block(bid(ANN, 1, 5, 90, tif=GTT, ms=DUE))
    for ends in (DUE + 5, DUE, DUE + 5):
        chain.block((ANN, AmendOrder(1, 0, 0, ends, 16)), ahead_ms=1)
    assert make_due(chain) == ()
    assert chain.state.mass_steps == 0
    assert make_due(chain, 5) == (removed(ANN, 1, EXPIRED),)


def test_cancelled_order_is_passed_over() -> None:
    """What ended before is no step, also when its client id was used again."""
    chain = Chain()
    chain.block(bid(ANN, 1, 5, 90, tif=GTT, ms=DUE))
    chain.block(cancel(ANN, 1))
    assert make_due(chain) == ()
    assert chain.state.mass_steps == 0


def test_nothing_expired_matches_while_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders that are due but were not removed yet never match; who meets them removes them."""
    set_steps(monkeypatch, start=1, total=2)
    chain = Chain()
    chain.block(*[bid(ANN, number, 1, 100, tif=GTT, ms=DUE) for number in range(1, 8)])
    chain.block(bid(BEN, 1, 1, 99), ahead_ms=DUE - chain.time_ms - 1)
    events = chain.block(ask(CEM, 1, 1, 99, tif=IOC, steps=3), ahead_ms=1)
    assert events == (removed(ANN, 1, EXPIRED), removed(ANN, 5, EXPIRED))
    assert [each.client_id for each in chain.legs[0].removals] == [2, 3, 4]
    assert chain.legs[0].filled == 0
    assert chain.block() == (removed(ANN, 6, EXPIRED), removed(ANN, 7, EXPIRED))
    assert chain.book() == ([(1, 1)], [])


# --- switches ---------------------------------------------------------------------------------


def test_switch_ends_all_orders_of_the_owner() -> None:
    """By market, side and priority, waiting ones too; then the switch is off."""
    chain = Chain({}, {})
    second = MARKET + 1
    chain.block(
        bid(ANN, 1, 1, 90, market=second),
        ask(ANN, 2, 1, 99),
        bid(ANN, 3, 1, 90, kind=STOP, trigger=100),
        bid(ANN, 4, 1, 95),
        bid(BEN, 5, 1, 95),
        switch(ANN, DUE),
    )
    assert make_due(chain, -1) == ()
    events = chain.block(ahead_ms=1)
    assert events == tuple(removed(ANN, number, SWITCHED) for number in (3, 4, 2, 1))
    assert chain.state.accounts[ANN].switch_ms == 0
    assert chain.state.mass_steps == 4
    chain.block(bid(ANN, 9, 1, 90))
    assert chain.legs[0].code == 0


def test_switch_without_orders_takes_a_step() -> None:
    """It is put off, without an event."""
    chain = Chain()
    chain.block(switch(ANN, DUE), switch(BEN, DUE))
    assert make_due(chain) == ()
    assert chain.state.mass_steps == 2
    assert chain.state.accounts[ANN].switch_ms == 0


def test_moved_switch_fires_once() -> None:
    """Only the time that was set last counts."""
    chain = Chain()
    chain.block(bid(ANN, 1, 1, 90), switch(ANN, DUE))
    chain.block(switch(ANN, DUE + 5))
    chain.block(switch(ANN, DUE))
    chain.block(switch(ANN, DUE + 5))
    assert make_due(chain) == ()
    assert chain.state.mass_steps == 0
    assert make_due(chain, 5) == (removed(ANN, 1, SWITCHED),)
    assert chain.block() == ()


def test_switch_goes_off_with_the_last_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until then the owner may neither place nor set the switch; no step is wasted."""
    set_steps(monkeypatch, start=1, total=1)
    chain = Chain()
    chain.block(bid(ANN, 1, 1, 90), bid(ANN, 2, 1, 90), bid(BEN, 1, 1, 80), switch(ANN, DUE))
    chain.block(switch(BEN, DUE))
    assert make_due(chain) == (removed(ANN, 1, SWITCHED),)
    assert chain.state.accounts[ANN].switch_ms == DUE
    chain.block(bid(ANN, 3, 1, 90), switch(ANN, 0))
    assert chain.events == (removed(ANN, 2, SWITCHED),)
    assert [leg.code for leg in chain.legs] == [0, 0]
    assert chain.block() == (removed(BEN, 1, SWITCHED),)


def test_owner_waits_while_the_switch_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """With orders left a fired switch refuses orders and a new switch."""
    set_steps(monkeypatch, start=1, total=1)
    chain = Chain()
    chain.block(*[bid(ANN, number, 1, 90) for number in (1, 2, 3)], switch(ANN, DUE))
    make_due(chain, -1)
    chain.block(bid(ANN, 9, 1, 90), switch(ANN, DUE + 9), cancel(ANN, 3), ahead_ms=1)
    assert [leg.code for leg in chain.legs] == [2021, 2021, 0]
    assert chain.legs[2].ended == SWITCHED


def test_orders_of_a_switched_owner_end_as_expired_when_they_did() -> None:
    """Expiry goes before the switch, in what is removed first and in the reason."""
    chain = Chain()
    chain.block(
        bid(ANN, 1, 1, 90, tif=GTT, ms=DUE), bid(ANN, 2, 1, 90), switch(ANN, DUE - BLOCK_MS)
    )
    assert make_due(chain) == (removed(ANN, 1, EXPIRED), removed(ANN, 2, SWITCHED))


def test_switch_finds_expired_orders_by_height(monkeypatch: pytest.MonkeyPatch) -> None:
    """An order that is past its expiry when its owner's switch reaches it ends EXPIRED."""
    set_steps(monkeypatch, start=2, total=2)
    chain = Chain()
    chain.block(bid(ANN, 1, 1, 95, tif=GTT, ms=DUE + 1), bid(ANN, 2, 1, 90), switch(ANN, DUE))
    monkeypatch.setattr(limits, "MASS_START_MAX", 1)
    monkeypatch.setattr(limits, "MASS_STEPS_MAX", 1)
    assert make_due(chain) == (removed(ANN, 1, SWITCHED),)
    assert chain.block() == (removed(ANN, 2, SWITCHED),)


# --- tombstones -------------------------------------------------------------------------------


def test_tombstones_go_at_their_time() -> None:
    """Each is a step and no event; one that was moved goes at its new time."""
    chain = Chain()
    chain.block(cancel(ANN, 7), cancel(BEN, 7))
    ends = chain.state.accounts[ANN].tombstones[7]
    assert chain.state.accounts[BEN].tombstones[7] == ends + 1
    assert chain.block(ahead_ms=ends - chain.time_ms) == ()
    assert chain.state.mass_steps == 1
    assert 7 not in chain.state.accounts[ANN].tombstones
    assert chain.block(ahead_ms=1) == ()
    assert 7 not in chain.state.accounts[BEN].tombstones


def test_tombstones_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take what steps there are; a new one may replace one that waits for its removal."""
    set_steps(monkeypatch, start=1, total=2)
    chain = Chain()
    chain.block(*[cancel(ANN, number) for number in range(1, 6)])
    ends = chain.state.accounts[ANN].tombstones[5]
    chain.block(ahead_ms=ends - chain.time_ms)
    assert sorted(chain.state.accounts[ANN].tombstones) == [3, 4, 5]
    chain.block(cancel(ANN, 3))
    assert sorted(chain.state.accounts[ANN].tombstones) == [3, 5]


# --- sharing the steps ------------------------------------------------------------------------


def test_start_leaves_steps_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the start may not use is used at the end of the same block."""
    set_steps(monkeypatch, start=2, total=5)
    chain = Chain()
    chain.block(*[bid(ANN, number, 1, 90, tif=GTT, ms=DUE) for number in range(1, 8)])
    make_due(chain, -1)
    events = chain.block(cancel(ANN, 3), bid(BEN, 1, 1, 10), ahead_ms=1)
    assert pick(events, 1) == [1, 2, 4, 5, 6]
    assert chain.state.mass_steps == 5
    assert pick(chain.block(), 1) == [7]
    assert chain.state.mass_steps == 1


def test_pairs_leave_steps_to_removals(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call auction takes its part of the start only; expiries go on beside it."""
    set_steps(monkeypatch, start=4, total=4, pairs=3)
    chain = Chain({"opens_ms": DUE}, {})
    second = MARKET + 1
    orders = [
        leg
        for number in range(1, 6)
        for leg in (bid(ANN, number, 1, 100), ask(BEN, number, 1, 100))
    ]
    chain.block(*orders)
    chain.block(*[bid(CEM, number, 1, 50, tif=GTT, ms=DUE, market=second) for number in (1, 2)])
    assert make_due(chain) == (
        uncrossed(100, 5),
        status(UNCROSSING),
        *[trade(100, 1, ANN, number, BEN, number) for number in (1, 2, 3)],
        removed(CEM, 1, EXPIRED),
    )
    assert chain.block()[-2:] == (status(ACTIVE), removed(CEM, 2, EXPIRED))


def test_batch_auctions_leave_steps_to_triggers(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no more than the triggers' part left, a batch auction is priced but makes no pair."""
    set_steps(monkeypatch, start=0, total=3, triggers=2)
    chain = Chain(mode="batch")
    assert chain.block(
        *[leg for n in (1, 2) for leg in (bid(ANN, n, 1, 100), ask(BEN, n, 1, 100))]
    ) == (uncrossed(100, 2), trade(100, 1, ANN, 1, BEN, 1), status(UNCROSSING))
    set_steps(monkeypatch, start=1, total=2, triggers=3)
    assert chain.block(bid(ANN, 3, 1, 100)) == (trade(100, 1, ANN, 2, BEN, 2), status(ACTIVE))
    assert chain.block(ask(BEN, 3, 1, 100)) == (uncrossed(100, 1), status(UNCROSSING))


def test_removals_go_before_delisting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The orders of a delisted market wait until what has expired elsewhere is gone."""
    set_steps(monkeypatch, start=2, total=2)
    chain = Chain({"creator": "0x" + ANN.hex()}, {})
    second = MARKET + 1
    ends = T0 + BLOCK_MS + limits.DELIST_NOTICE_MS
    chain.block(
        bid(BEN, 1, 1, 90),
        bid(BEN, 2, 1, 90),
        *[bid(CEM, number, 1, 90, tif=GTT, ms=ends, market=second) for number in (1, 2, 3)],
    )
    chain.block(change(ANN, 3))
    assert chain.block(ahead_ms=limits.DELIST_NOTICE_MS) == (
        status(DELISTING),
        removed(CEM, 1, EXPIRED),
        removed(CEM, 2, EXPIRED),
    )
    assert chain.block() == (removed(CEM, 3, EXPIRED), removed(BEN, 1, Ended.DELISTED))
    assert chain.block() == (removed(BEN, 2, Ended.DELISTED), status(0))


def test_timers_go_by_time_and_id() -> None:
    """Markets whose time has come are seen to in the order of their times, then of their ids."""
    opens = {"opens_ms": DUE}
    chain = Chain({"opens_ms": DUE + 1}, opens, {"opens_ms": DUE + 1}, opens)
    events = make_due(chain, 1)
    assert [each[0] for each in events[::2]] == [MARKET + 1, MARKET + 3, MARKET, MARKET + 2]
    assert all(market.status == ACTIVE for market in chain.state.markets.values())


def test_timer_of_an_earlier_status_is_passed_over() -> None:
    """A market that was stopped and resumed opens at its new time only."""
    chain = Chain(opens_ms=DUE, creator="0x" + ANN.hex(), auction_ms=60_000)
    chain.block(change(ANN, 1), change(ANN, 2))
    until = chain.time_ms + 60_000
    assert make_due(chain) == ()
    assert (chain.market.status, chain.market.until_ms) == (AUCTION, until)
    assert chain.block(ahead_ms=until - chain.time_ms)[1] == status(ACTIVE)


def test_triggers_use_what_auctions_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """An activation is not begun unless all its steps are left; it goes on in the next block."""
    set_steps(monkeypatch, start=1, total=3)
    chain = Chain()
    chain.block(bid(ANN, 1, 1, 100), ask(BEN, 1, 1, 100))
    chain.block(
        ask(CEM, 1, 1, 90, kind=STOP, trigger=95, steps=2),
        ask(CEM, 2, 1, 90, kind=STOP, trigger=95, steps=2),
        bid(ANN, 2, 5, 95),
    )
    chain.block(ask(BEN, 2, 1, 95))
    assert pick(chain.events, 1) == [1]
    assert chain.state.mass_steps == 2
    assert pick(chain.block(), 1) == [2]
    assert chain.block() == ()
