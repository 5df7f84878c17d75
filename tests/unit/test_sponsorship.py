"""Who pays when a sponsor is named: what a block may hold, and what is left afterwards."""

from functools import partial

import pytest

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import (
    CancelOrder,
    Message,
    SetSponsorship,
    SignedTx,
    Transfer,
    TxBody,
    UseSponsorship,
)
from omg_abci.rules.admission import BlockBudget, check_tx
from omg_abci.rules.fees import compute_declared_work
from omg_abci.state import schema
from omg_abci.state.keyed_records import SponsorshipRecord
from tests.cast import CHAIN_ID, DAY_MS, EXCHANGE, OWNERS, STRANGER, Key, show
from tests.side_by_side import Pair
from tests.strategies import sign_body

SPONSOR, NEWCOMER = OWNERS[0], STRANGER
FUNDS = 12_000
"""What the sponsor has: enough for a few transactions."""
POOR = EXCHANGE | {
    "balances": [
        row | {"amount": str(FUNDS)} if (row["owner"], row["token"]) == (show(SPONSOR), 1) else row
        for row in EXCHANGE["balances"]
    ]
}


class World(Pair):
    """A chain beside its oracle, whose blocks are told leg by leg."""

    def tx(self, owner: Key, *legs: Message, place: int = 0) -> SignedTx:
        """Return a transaction for the next block."""
        head = (CHAIN_ID, owner.address, self.time_ms + 1_000 + place, 0, 0, 0)
        return sign_body(TxBody(*head, atomic=False, max_unit_price=2, legs=legs), owner)

    def do(self, *txs: SignedTx) -> list[int]:
        """Execute what may enter the next block, a second later; return the legs' codes."""
        height, time_ms = self.height + 1, self.time_ms + 1_000
        chosen = self.model.order_block(self.fill(height, time_ms, txs))
        result = self.execute(height, time_ms, chosen)
        return [leg.code for each in result.results for leg in each.legs]

    def grant(self, total: int, customer: Key = NEWCOMER) -> list[int]:
        """Let the sponsor grant fees for a day."""
        until_ms = self.time_ms + DAY_MS
        return self.do(self.tx(SPONSOR, SetSponsorship(customer.address, total, until_ms)))

    def cancel(self, customer: Key = NEWCOMER, place: int = 0) -> SignedTx:
        """Return a sponsored transaction that does nothing else."""
        return self.tx(customer, UseSponsorship(SPONSOR.address), CancelOrder(7), place=place)

    def require(self, error: type[errors.TxError], tx: SignedTx) -> None:
        """Assert that pool and block refuse a transaction for this reason."""
        height, time_ms = self.height + 1, self.time_ms + 1_000
        budget = BlockBudget(self.state, height, time_ms, limits.BLOCK_BYTES_MAX)
        for ask in (partial(check_tx, self.state, tx, height, time_ms), partial(budget.add, tx)):
            with pytest.raises(error):
                ask()

    def get_grant(self, customer: Key = NEWCOMER) -> SponsorshipRecord:
        """Return what is left of a grant."""
        key = schema.compute_sponsorship_key(SPONSOR.address, customer.address)
        grant = self.state.find_record(SponsorshipRecord, key)
        assert grant is not None
        return grant


def compute_fee(tx: SignedTx) -> int:
    """Return the most that a transaction can cost."""
    return compute_declared_work(tx) * 2


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
