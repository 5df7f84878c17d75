"""Fees that are paid in another token: what a block may hold, and who has what afterwards."""

from functools import partial

import pytest

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import (
    CancelOrder,
    SetFeeOffer,
    SetLimits,
    SetRecipients,
    SignedTx,
    Transfer,
    UseFeeOffer,
)
from omg_abci.protocol.units import Scheme
from omg_abci.rules.admission import BlockBudget, check_tx
from omg_abci.rules.ordering import compute_order
from omg_abci.state.diff import compute_records
from omg_abci.state.keyed_records import FeeOfferRecord
from tests.cast import AGENTS, DAY_MS, EXCHANGE, OWNERS, START_MS, show
from tests.strategies import sign_body
from tests.unit.payer_world import NEWCOMER, POOR, SPONSOR, World, compute_fee

POINTS = 100
"""What the newcomer has of the third token: a fee costs about twenty."""


def make_world(total: int = 5_000, tokens: int = 1, per: int = 50) -> World:
    """Return a chain with an offer, and a newcomer who has nothing but points."""
    world = World(POOR)
    world.offer(total, tokens, per)
    assert world.do(world.tx(OWNERS[1], Transfer(NEWCOMER.address, 3, POINTS, 0, 0))) == [0]
    return world


def test_a_newcomer_pays_the_fee_with_its_points() -> None:
    """The provider pays the fee and gets its price, rounded up; nobody else has a part in it."""
    world = make_world()
    fee_tokens, points = world.free(SPONSOR, 1), world.free(SPONSOR, 3)
    back = Transfer(OWNERS[1].address, 3, 60, 0, 0)
    tx = world.tx(NEWCOMER, UseFeeOffer(SPONSOR.address, 3, POINTS), back)
    assert world.do(tx) == [0, 0]
    fee = compute_fee(tx)
    cost = (fee + 49) // 50
    assert 0 < cost < POINTS - 60
    assert world.free(SPONSOR, 1) == fee_tokens - fee
    assert world.free(SPONSOR, 3) == points + cost
    assert (world.free(NEWCOMER, 1), world.free(NEWCOMER, 3)) == (0, POINTS - 60 - cost)
    assert world.get_offer().left == 5_000 - fee


def test_what_was_not_used_goes_back() -> None:
    """Declared work is taken before; the owner's points above what was used come back."""
    world = make_world()
    use = UseFeeOffer(SPONSOR.address, 3, POINTS)
    tx = world.tx(NEWCOMER, use, Transfer(SPONSOR.address, 3, POINTS, 0, 0), atomic=True)
    assert world.do(tx) == [1006, 1000]
    assert POINTS - 25 <= world.free(NEWCOMER, 3) < POINTS


def test_the_signed_price_is_a_bound() -> None:
    """One unit less than the most that the fee may cost is too little."""
    world = make_world()
    cost = (compute_fee(world.swap(most=100)) + 49) // 50
    world.require(errors.FeeOfferTooDear, world.swap(most=cost - 1))
    assert world.do(world.swap(most=cost)) == [0, 0]


def test_a_higher_rate_than_any_amount_is_refused() -> None:
    """The largest rate there is: the cost is above what may be signed."""
    world = make_world(tokens=limits.U64_MAX, per=1)
    world.require(errors.FeeOfferTooDear, world.swap(most=10**18))
    assert FeeOfferRecord(limits.U64_MAX, 1, 1, 1, 1).compute_cost_ceil(3) == 3 * limits.U64_MAX


def test_an_offer_covers_the_fee_or_nothing() -> None:
    """The last unit of an offer counts."""
    world = make_world()
    fee = compute_fee(world.swap())
    world.offer(fee - 1)
    world.require(errors.FeeOfferExhausted, world.swap())
    world.offer(fee)
    assert world.do(world.swap()) == [0, 0]
    assert world.get_offer().left == 0
    world.require(errors.FeeOfferExhausted, world.swap())


def test_without_an_offer_there_is_none() -> None:
    """Of another token, of another provider, and of one whose time has come."""
    world = make_world()
    for use in (UseFeeOffer(SPONSOR.address, 2, 9), UseFeeOffer(OWNERS[1].address, 3, 9)):
        world.require(errors.FeeNotOffered, world.tx(NEWCOMER, use, CancelOrder(7)))
    soon = SetFeeOffer(3, 1, 50, 5_000, world.time_ms + 2_000)
    assert world.do(world.tx(SPONSOR, soon)) == [0]
    world.require(errors.FeeNotOffered, world.swap())


def test_a_provider_without_funds_is_named_as_the_reason() -> None:
    """The offer is there; what stands behind it is not."""
    world = make_world()
    give = Transfer(OWNERS[1].address, 1, world.free(SPONSOR, 1) - 1_500, 0, 0)
    world.do(world.tx(SPONSOR, give))
    world.require(errors.ProviderWithoutFunds, world.swap())


def test_an_owner_without_the_token_is_refused() -> None:
    """What is in another subaccount does not count."""
    world = make_world()
    away = Transfer(NEWCOMER.address, 3, POINTS - 35, 0, 1)
    assert world.do(world.tx(NEWCOMER, UseFeeOffer(SPONSOR.address, 3, 99), away)) == [0, 0]
    assert 0 < world.free(NEWCOMER, 3) < 25
    world.require(errors.FeeTokensNotCovered, world.swap(most=99))


def test_offers_do_not_go_around_the_owners_bounds() -> None:
    """A limit of the token in a day, or a list of recipients without the provider."""
    world = make_world()
    customer = OWNERS[2]
    limit = SetLimits(3, 4_000)
    assert world.do(world.tx(customer, limit)) == [0]
    world.require(errors.FeeOfferLimited, world.swap(customer))
    named = SetRecipients((customer.address,))
    other = OWNERS[1]
    assert world.do(world.tx(other, named)) == [0]
    world.require(errors.ProviderNotAllowed, world.swap(other))
    both = SetRecipients(tuple(sorted([customer.address, SPONSOR.address])))
    assert world.do(world.tx(other, both)) == [0]
    world.require(errors.ProviderNotAllowed, world.swap(other))
    world.time_ms += limits.LIMITS_DELAY_MS - 1_000
    world.offer(5_000)
    assert world.do(world.swap(other)) == [0, 0]


def test_no_agent_takes_an_offer() -> None:
    """Whatever its scope: the offer could be its own."""
    rows = [row | {"scope": 3} for row in EXCHANGE["agents"]]
    world = World(POOR | {"agents": rows})
    world.offer(5_000)
    shown = next(row["agent"] for row in rows if row["owner"] == show(OWNERS[1]))
    agent = next(key for key in AGENTS if show(key) == shown)
    world.require(errors.AgentScope, sign_body(world.swap(OWNERS[1]).body, agent))


def test_a_block_holds_what_offer_provider_and_owner_pay() -> None:
    """All three are counted over the block, and the provider's own fees with them."""
    world = make_world(1_500)
    height, time_ms = world.height + 1, world.time_ms + 1_000
    budget = BlockBudget(world.state, height, time_ms, limits.BLOCK_BYTES_MAX)
    budget.add(world.swap())
    with pytest.raises(errors.FeeOfferBusy):
        budget.add(world.swap(place=1))
    world.offer(1_000_000, per=20)
    fee = compute_fee(world.swap())
    budget = BlockBudget(world.state, world.height + 1, world.time_ms + 1_000, 2**20)
    for place in range(POINTS // ((fee + 19) // 20)):
        budget.add(world.swap(place=place))
    with pytest.raises(errors.FeeTokensNotCovered):
        budget.add(world.swap(place=9))
    rest = (world.free(SPONSOR, 1) - len(budget.txs) * fee) // fee
    for place in range(rest):
        budget.add(world.swap(OWNERS[1], place=place))
    with pytest.raises(errors.FeeOfferBusy):
        budget.add(world.swap(OWNERS[1], place=rest))
    with pytest.raises(errors.FeesNotCovered):
        budget.add(world.tx(SPONSOR, CancelOrder(7)))


def test_the_rate_is_that_before_the_block() -> None:
    """A provider that asks more, or ends its offer, in the block is paid what was signed."""
    for change in (SetFeeOffer(3, 9, 1, 7, START_MS + DAY_MS), SetFeeOffer(3, 0, 0, 0, 0)):
        world = make_world()
        points = world.free(SPONSOR, 3)
        tx = world.tx(
            NEWCOMER, UseFeeOffer(SPONSOR.address, 3, 99), Transfer(SPONSOR.address, 3, 5, 0, 0)
        )
        txs = compute_order(world.state.block_hash, [world.tx(SPONSOR, change), tx])
        world.execute(world.height + 1, world.time_ms + 1_000, txs)
        assert world.free(SPONSOR, 3) == points + 5 + (compute_fee(tx) + 49) // 50
        if change.total:
            assert world.get_offer().left in {0, 7}


def test_a_block_that_was_not_decided_leaves_nothing() -> None:
    """Points and fee tokens are where they were, and the next block counts anew."""
    world = make_world()
    before = compute_records(world.state)
    txs = [world.swap(), world.swap(OWNERS[1])]
    txs = compute_order(world.state.block_hash, txs)
    world.execute(world.height + 1, world.time_ms + 1_000, txs, rehearsed=True)
    assert compute_records(world.state) != before
    assert world.do(world.swap()) == [0, 0]


def test_a_pool_counts_what_an_owner_can_pay() -> None:
    """The most that could be paid is the least of offer, provider and what the points buy."""
    world = make_world()
    tx: SignedTx = world.swap()
    ask = partial(check_tx, world.state, tx, world.height + 1, world.time_ms + 1_000)
    assert ask() == (compute_fee(tx), POINTS * 50)
    world.offer(1_500)
    assert ask() == (compute_fee(tx), 1_500)
    assert tx.body.payer == SPONSOR.address
    assert tx.scheme == Scheme.TYPED
