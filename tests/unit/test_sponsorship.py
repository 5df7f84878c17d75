"""Who pays when a sponsor is named: what a block may hold, and what is left afterwards."""

import pytest

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import CancelOrder, Transfer, UseSponsorship
from omg_abci.rules.admission import BlockBudget
from tests.cast import OWNERS
from tests.unit.payer_world import NEWCOMER, POOR, SPONSOR, World, compute_fee


def test_a_newcomer_pays_nothing_but_its_points() -> None:
    """Its balance of the fee token stays zero; sponsor and grant pay exactly the fee."""
    world = World(POOR)
    points = Transfer(NEWCOMER.address, 3, 50, 0, 0)
    world.grant(5_000)
    assert world.do(world.tx(OWNERS[1], points)) == [0]
    before = world.state.get_free(SPONSOR.address, 0, 1)
    back = Transfer(OWNERS[1].address, 3, 20, 0, 0)
    tx = world.tx(NEWCOMER, UseSponsorship(SPONSOR.address), back)
    assert world.do(tx) == [0, 0]
    paid = before - world.state.get_free(SPONSOR.address, 0, 1)
    assert paid == compute_fee(tx)
    assert world.get_grant().left == 5_000 - paid
    assert world.state.get_free(NEWCOMER.address, 0, 1) == 0
    assert world.state.get_free(NEWCOMER.address, 0, 3) == 30


def test_a_grant_covers_the_fee_or_nothing() -> None:
    """The last unit of a grant counts."""
    world = World(POOR)
    world.grant(1)
    fee = compute_fee(world.cancel())
    world.grant(fee - 1)
    world.require(errors.SponsorshipExhausted, world.cancel())
    world.grant(fee)
    assert world.do(world.cancel()) == [0, 0]
    assert world.get_grant().left == 0
    world.require(errors.SponsorshipExhausted, world.cancel())


def test_nobody_is_sponsored_without_a_grant_of_its_own() -> None:
    """A grant is for one customer, and the sponsor's own grants are no help to itself."""
    world = World(POOR)
    world.grant(5_000)
    world.require(errors.NotSponsored, world.cancel(OWNERS[1]))
    other = world.tx(NEWCOMER, UseSponsorship(OWNERS[1].address), CancelOrder(7))
    world.require(errors.NotSponsored, other)
    world.require(errors.FeesNotCovered, world.tx(NEWCOMER, CancelOrder(7)))


def test_a_sponsor_without_funds_is_named_as_the_reason() -> None:
    """The grant is there; what stands behind it is not."""
    world = World(POOR)
    world.grant(10_000)
    free = world.state.get_free(SPONSOR.address, 0, 1)
    world.do(world.tx(SPONSOR, Transfer(OWNERS[1].address, 1, free - 1_500, 0, 0)))
    world.require(errors.SponsorWithoutFunds, world.cancel())


def test_a_block_holds_what_one_balance_pays() -> None:
    """Grant and balance are counted over the block: what is too much waits for the next one."""
    world = World(POOR)
    world.grant(1_500)
    world.grant(9_000, OWNERS[1])
    height, time_ms = world.height + 1, world.time_ms + 1_000
    budget = BlockBudget(world.state, height, time_ms, limits.BLOCK_BYTES_MAX)
    budget.add(world.cancel())
    with pytest.raises(errors.SponsorBusy):
        budget.add(world.cancel(place=1))
    funds = world.state.get_free(SPONSOR.address, 0, 1)
    fee = compute_fee(world.cancel())
    count = min(funds // fee - 1, 9_000 // fee)
    for place in range(count):
        budget.add(world.cancel(OWNERS[1], place=place))
    with pytest.raises(errors.SponsorBusy):
        budget.add(world.cancel(OWNERS[1], place=count))
    with pytest.raises(errors.FeesNotCovered):
        budget.add(world.tx(SPONSOR, CancelOrder(7)))
    assert len(world.do(*[world.cancel(place=place) for place in range(3)])) == 2
