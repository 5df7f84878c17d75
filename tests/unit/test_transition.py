"""A block as a whole: its order, the post-only period, work and fees, what undoing takes back."""

import pytest

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import (
    AmendOrder,
    ApproveAgent,
    CancelAll,
    CancelOrder,
    ChangeMarket,
    Message,
    RevokeAgent,
    SetSwitch,
    SignedTx,
    Transfer,
)
from omg_abci.protocol.terms import compute_leg_work, get_scopes, make_signed_tx
from omg_abci.protocol.units import PostOnly
from omg_abci.rules.accounts import require_agent
from omg_abci.rules.admission import BlockBudget, check_tx
from omg_abci.rules.ordering import TxClass, compute_class, compute_order
from omg_abci.rules.transition import Block, check_block
from omg_abci.state.records import AgentRecord
from tests.unit.block_world import (
    ANN,
    AUCTION,
    BEN,
    BLOCK_MS,
    BOND,
    CEM,
    FEE,
    FOK,
    IOC,
    MARKET,
    PROFIT,
    RICHES,
    STOP,
    T0,
    Chain,
    ask,
    bid,
    cancel,
    change,
    create,
    status,
    switch,
)

AGENT = b"\xa9" * 20
SLIDE, OFF = int(PostOnly.SLIDE), int(PostOnly.OFF)


def codes(chain: Chain) -> list[int]:
    """Return the codes of the last block's legs."""
    return [leg.code for leg in chain.legs]


# --- order ------------------------------------------------------------------------------------

_CLASSES: list[tuple[Message, TxClass]] = [
    (CancelOrder(1), TxClass.CANCELS),
    (CancelAll(0, 0, 5), TxClass.CANCELS),
    (SetSwitch(0), TxClass.CANCELS),
    (bid(ANN, 1, 1, 9, post_only=1)[1], TxClass.RESTING),
    (bid(ANN, 1, 1, 9, post_only=SLIDE)[1], TxClass.RESTING),
    (bid(ANN, 1, 1, 9, kind=STOP, trigger=5)[1], TxClass.RESTING),
    (bid(ANN, 1, 1, 9, kind=PROFIT, trigger=5, tif=IOC)[1], TxClass.RESTING),
    (AmendOrder(1, 0, 5, 0, 16), TxClass.RESTING),
    (AmendOrder(1, 0, 0, 0, 16, post_only=OFF), TxClass.RESTING),
    (AmendOrder(1, 9, 0, 0, 16), TxClass.OTHER),
    (bid(ANN, 1, 1, 9)[1], TxClass.OTHER),
    (Transfer(BEN, 1, 1, 0, 0), TxClass.OTHER),
    (ApproveAgent(BEN, 1, 1), TxClass.OTHER),
    (RevokeAgent(BEN), TxClass.OTHER),
    (create(ANN)[1], TxClass.OTHER),
    (ChangeMarket(1, 1), TxClass.OTHER),
]


@pytest.mark.parametrize(("leg", "expected"), _CLASSES)
def test_each_kind_of_leg_has_its_class(leg: Message, expected: TxClass) -> None:
    """Cancels and switches, then what can only rest or wait, then the rest."""
    chain = Chain()
    assert compute_class(chain.make_tx(ANN, (leg,))) == expected
    both = (CancelOrder(1), leg, SetSwitch(0))
    assert compute_class(chain.make_tx(ANN, both)) == expected


def test_greatest_class_of_the_legs_counts() -> None:
    """One leg that may take makes the transaction one that may take, wherever it stands."""
    chain = Chain()
    maker, taker = bid(ANN, 1, 1, 9, post_only=1)[1], bid(ANN, 2, 1, 9)[1]
    assert compute_class(chain.make_tx(ANN, (maker, taker))) == TxClass.OTHER
    assert compute_class(chain.make_tx(ANN, (taker, maker))) == TxClass.OTHER


def test_owners_sequence_is_kept() -> None:
    """A later cancel of the same owner does not overtake; another owner's does."""
    chain = Chain()
    first = chain.make_tx(ANN, (bid(ANN, 1, 1, 9)[1],))
    second = chain.make_tx(ANN, (CancelOrder(1),))
    third = chain.make_tx(BEN, (SetSwitch(0),))
    ordered = compute_order(bytes(32), [second, first, third])
    assert ordered == [third, first, second]


# --- the post-only period ---------------------------------------------------------------------


@pytest.mark.parametrize(("gap_ms", "opens"), [(60_000, False), (60_001, True)])
def test_period_opens_after_more_than_a_minute(gap_ms: int, *, opens: bool) -> None:
    """A minute between two blocks is nothing; a millisecond more is a halt of the chain."""
    chain = Chain()
    chain.block()
    chain.block(bid(ANN, 1, 1, 9), bid(ANN, 2, 1, 9, post_only=1), ahead_ms=gap_ms)
    assert codes(chain) == ([2027, 0] if opens else [0, 0])
    expected = chain.time_ms + 60_000 if opens else 0
    assert chain.state.post_only_until_ms == expected


def test_first_block_opens_no_period() -> None:
    """Before the first block there was none, so the chain did not stand still."""
    chain = Chain()
    chain.block(bid(ANN, 1, 1, 9))
    assert codes(chain) == [0]
    assert chain.state.post_only_until_ms == 0


def test_period_ends_after_a_minute() -> None:
    """At its last millisecond takers wait, then they may take."""
    chain = Chain()
    chain.block()
    chain.block(ahead_ms=100_000)
    chain.block(bid(ANN, 1, 1, 9), cancel(ANN, 5), ahead_ms=59_999)
    assert codes(chain) == [2027, 0]
    chain.block(bid(ANN, 1, 1, 9), ahead_ms=1)
    assert codes(chain) == [0]


def test_second_halt_prolongs_the_period() -> None:
    """Each halt counts from the block that ends it."""
    chain = Chain()
    chain.block()
    chain.block(ahead_ms=60_001)
    chain.block(ahead_ms=60_001)
    assert chain.state.post_only_until_ms == chain.time_ms + 60_000


# --- work and fees ----------------------------------------------------------------------------

_DECLARED: list[tuple[Message, int]] = [
    (bid(ANN, 1, 1, 9, steps=7)[1], limits.WORK_PLACE + 7 * limits.WORK_MATCH),
    (AmendOrder(1, 9, 0, 0, 5), limits.WORK_AMEND + 5 * limits.WORK_MATCH),
    (CancelOrder(1), limits.WORK_CANCEL),
    (CancelAll(0, 0, 9), limits.WORK_CANCEL_ALL + 9 * limits.WORK_CANCELLED_ORDER),
    (Transfer(BEN, 1, 1, 0, 0), limits.WORK_TRANSFER),
    (ApproveAgent(BEN, 1, 1), limits.WORK_AGENT),
    (RevokeAgent(BEN), limits.WORK_AGENT),
    (SetSwitch(5), limits.WORK_SWITCH),
    (create(ANN)[1], limits.WORK_MARKET),
    (ChangeMarket(1, 1), limits.WORK_MARKET),
]


@pytest.mark.parametrize(("leg", "work"), _DECLARED)
def test_each_leg_declares_its_work(leg: Message, work: int) -> None:
    """A transaction declares its own work, a unit for 16 bytes, and its legs'."""
    assert compute_leg_work(leg) == work
    tx = Chain().make_tx(ANN, (leg, leg))
    assert tx.work == limits.WORK_TX + 2 + 2 * work
    assert make_signed_tx(bytes(33), *tx[1:5]).work == limits.WORK_TX + 3 + 2 * work


@pytest.mark.parametrize(
    ("terms", "steps"),
    [
        ({}, 1),
        ({"steps": 1}, 1),
        ({"tif": IOC}, 2),
        ({"tif": IOC, "steps": 1}, 1),
        ({"tif": FOK}, 2),
        ({"kind": STOP, "trigger": 5, "steps": 9}, 9),
    ],
)
def test_orders_of_a_batch_market_pay_for_their_auction(terms: dict[str, int], steps: int) -> None:
    """A step for the auction, one more for the end of an immediate order; all for a waiting one."""
    chain = Chain(mode="batch")
    chain.block(bid(ANN, 1, 1, 9, **terms))
    assert codes(chain) == [0]
    assert chain.result is not None
    work = limits.WORK_TX + 1 + limits.WORK_PLACE + steps * limits.WORK_MATCH
    assert chain.result.results[0].work == work
    assert chain.state.fee_pool == work


@pytest.mark.parametrize(
    ("sent", "work"),
    [
        (switch(ANN, T0 + 5), limits.WORK_SWITCH),
        (switch(ANN, 1), limits.WORK_SWITCH),
        (change(ANN, 1), limits.WORK_MARKET),
        (create(ANN, base=9), limits.WORK_MARKET),
    ],
)
def test_refused_legs_pay_the_same(sent: tuple[bytes, Message], work: int) -> None:
    """What a leg uses does not depend on whether it was refused."""
    chain = Chain()
    chain.block(sent)
    assert chain.result is not None
    assert chain.result.results[0].fee == limits.WORK_TX + 1 + work


def test_mass_work_comes_before_fees() -> None:
    """What a delisting gives back at the start of a block, the block's fees may be paid with."""
    chain = Chain()
    chain.block(create(ANN))
    chain.block(change(ANN, 3, MARKET + 1))
    free = chain.balance(ANN, FEE)[0]
    work = limits.WORK_TX + 1 + limits.WORK_TRANSFER
    chain.block((ANN, Transfer(BEN, FEE, free - work, 0, 0)))
    assert chain.balance(ANN, FEE) == (0, BOND)
    chain.block(switch(ANN, 0), ahead_ms=limits.DELIST_NOTICE_MS)
    assert chain.balance(ANN, FEE) == (BOND - limits.WORK_TX - 1 - limits.WORK_SWITCH, 0)


# --- what is undone ---------------------------------------------------------------------------


def test_events_of_a_leg_that_is_rolled_back_are_not_told() -> None:
    """A halt in an atomic transaction that fails did not happen; one in the next did."""
    chain = Chain(band_bp=1_000, auction_ms=5_000)
    chain.block(ask(BEN, 1, 1, 100), ask(BEN, 2, 1, 120), bid(ANN, 1, 1, 100))
    halting = bid(CEM, 1, 1, 120)[1]
    failing = bid(CEM, 2, 1_001, 1)[1]
    assert chain.apply([chain.make_tx(CEM, (halting, failing), atomic=True)]) == ()
    assert codes(chain) == [1006, 2002]
    until = chain.time_ms + BLOCK_MS + 5_000
    assert chain.apply([chain.make_tx(CEM, (halting,), atomic=True)]) == (status(AUCTION, until),)
    assert codes(chain) == [0]


def test_failed_leg_of_a_best_effort_transaction_leaves_the_others() -> None:
    """Each leg stands for itself; the transaction fails only when all of them do."""
    chain = Chain()
    legs = (bid(ANN, 1, 1, 9)[1], SetSwitch(1), SetSwitch(T0 + 9_000))
    chain.apply([chain.make_tx(ANN, legs), chain.make_tx(ANN, (SetSwitch(1), SetSwitch(2)))])
    assert codes(chain) == [0, 2019, 0, 2019, 2019]
    assert chain.result is not None
    assert [each.code for each in chain.result.results] == [0, 2019]


# --- agents -----------------------------------------------------------------------------------


def make_agent_chain() -> Chain:
    """Return a chain on which Ann approved an agent to trade."""
    chain = Chain()
    chain.block((ANN, ApproveAgent(AGENT, 1, T0 + 10**9)))
    return chain


@pytest.mark.parametrize(("leg", "expected"), _CLASSES)
def test_trade_scope_covers_orders_and_the_switch(leg: Message, expected: TxClass) -> None:
    """An agent signs whatever is about orders; markets, tokens and agents are the owner's."""
    chain = make_agent_chain()
    trades = type(leg).__name__ in {
        "PlaceOrder",
        "AmendOrder",
        "CancelOrder",
        "CancelAll",
        "SetSwitch",
    }
    if trades:
        require_agent(chain.state.accounts[ANN], AGENT, (leg,), get_scopes(leg), chain.time_ms)
    else:
        with pytest.raises(errors.AgentScope, match=type(leg).__name__):
            require_agent(chain.state.accounts[ANN], AGENT, (leg,), get_scopes(leg), chain.time_ms)


def sign_as_agent(chain: Chain, leg: Message) -> SignedTx:
    """Return a transaction of Ann's that the agent signed."""
    return chain.make_tx(ANN, (leg,))._replace(signer=AGENT)


def test_agent_sets_the_switch() -> None:
    """The switch that an agent sets is the owner's."""
    chain = make_agent_chain()
    chain.apply([sign_as_agent(chain, SetSwitch(T0 + 60_000))])
    assert codes(chain) == [0]
    assert chain.state.accounts[ANN].switch_ms == T0 + 60_000


def test_agent_that_was_revoked_in_the_block_does_nothing() -> None:
    """All legs of its transaction answer 1005, and it pays for the transaction alone."""
    chain = make_agent_chain()
    revoking = chain.make_tx(ANN, (RevokeAgent(AGENT),))
    chain.apply([revoking, sign_as_agent(chain, SetSwitch(T0 + 60_000))])
    assert codes(chain) == [0, 1005]
    assert chain.result is not None
    assert chain.result.results[1].work == limits.WORK_TX + 1


# --- admission --------------------------------------------------------------------------------


def test_declared_work_is_covered_to_the_last_unit() -> None:
    """A payer with exactly what its transaction declares is let in, with one less it is not."""
    chain = Chain()
    tx = chain.make_tx(ANN, (create(ANN)[1],))
    work = limits.WORK_TX + 1 + limits.WORK_MARKET
    chain.block((ANN, Transfer(BEN, FEE, RICHES - work - limits.WORK_TX - 1 - 40, 0, 0)))
    assert chain.balance(ANN, FEE)[0] == work
    check_tx(chain.state, tx, 2, chain.time_ms)
    BlockBudget(chain.state, 2, chain.time_ms, 10_000).add(tx)
    longer = make_signed_tx(bytes(17), *tx[1:5])
    with pytest.raises(errors.FeesNotCovered):
        check_tx(chain.state, longer, 2, chain.time_ms)
    with pytest.raises(errors.FeesNotCovered):
        BlockBudget(chain.state, 2, chain.time_ms, 10_000).add(longer)


def test_block_in_another_order_is_refused() -> None:
    """Switches come before takers in a valid block."""
    chain = Chain()
    taker = chain.make_tx(ANN, (bid(ANN, 1, 1, 9)[1],))._replace(raw=b"taker")
    switched = chain.make_tx(BEN, (SetSwitch(0),))._replace(raw=b"switch")
    time_ms = T0
    check_block(chain.state, Block(1, time_ms, bytes(32), (switched, taker)))
    with pytest.raises(errors.BlockInvalid, match="canonical order"):
        check_block(chain.state, Block(1, time_ms, bytes(32), (taker, switched)))
    with pytest.raises(errors.BlockInvalid, match="height 2 does not follow 0"):
        check_block(chain.state, Block(2, time_ms, bytes(32), ()))


def test_agent_may_not_change_markets_in_a_block() -> None:
    """A block with an agent's transaction about markets is not valid."""
    chain = Chain()
    chain.state.get_account(ANN).agents = {AGENT: AgentRecord(1, T0 + 10**9)}
    tx = sign_as_agent(chain, ChangeMarket(MARKET, 1))
    with pytest.raises(errors.AgentScope, match="ChangeMarket"):
        check_tx(chain.state, tx, 1, T0)
