"""A chain beside its oracle on which somebody else pays fees, told transaction by transaction."""

from functools import partial

import pytest

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import (
    CancelOrder,
    Message,
    SetFeeOffer,
    SetSponsorship,
    SignedTx,
    TxBody,
    UseFeeOffer,
    UseSponsorship,
)
from omg_abci.rules.admission import BlockBudget, check_tx
from omg_abci.state import schema
from omg_abci.state.keyed_records import FeeOfferRecord, SponsorshipRecord
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

    def tx(self, owner: Key, *legs: Message, place: int = 0, atomic: bool = False) -> SignedTx:
        """Return a transaction for the next block."""
        head = (CHAIN_ID, owner.address, self.time_ms + 1_000 + place, 0, 0, 0)
        return sign_body(TxBody(*head, atomic=atomic, max_unit_price=2, legs=legs), owner)

    def do(self, *txs: SignedTx) -> list[int]:
        """Execute what may enter the next block, a second later; return the legs' codes."""
        height, time_ms = self.height + 1, self.time_ms + 1_000
        chosen = self.model.order_block(self.fill(height, time_ms, txs))
        result = self.execute(height, time_ms, chosen)
        return [leg.code for each in result.results for leg in each.legs]

    def jump(self, ahead_ms: int) -> None:
        """Execute an empty block so much later."""
        self.execute(self.height + 1, self.time_ms + ahead_ms, [])

    def grant(self, total: int, customer: Key = NEWCOMER) -> list[int]:
        """Let the sponsor grant fees for a day."""
        until_ms = self.time_ms + DAY_MS
        return self.do(self.tx(SPONSOR, SetSponsorship(customer.address, total, until_ms)))

    def cancel(self, customer: Key = NEWCOMER, place: int = 0) -> SignedTx:
        """Return a sponsored transaction that does nothing else."""
        return self.tx(customer, UseSponsorship(SPONSOR.address), CancelOrder(7), place=place)

    def offer(self, total: int, tokens: int = 1, per: int = 50) -> list[int]:
        """Let the sponsor offer to pay fees for the third token, for a day."""
        until_ms = self.time_ms + DAY_MS
        return self.do(self.tx(SPONSOR, SetFeeOffer(3, tokens, per, total, until_ms)))

    def swap(self, customer: Key = NEWCOMER, most: int = 1_000, place: int = 0) -> SignedTx:
        """Return a transaction that pays its fee by the offer and does nothing else."""
        use = UseFeeOffer(SPONSOR.address, 3, most)
        return self.tx(customer, use, CancelOrder(7), place=place)

    def free(self, owner: Key, token: int) -> int:
        """Return what is free of a token."""
        return self.state.get_free(owner.address, 0, token)

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

    def get_offer(self) -> FeeOfferRecord:
        """Return what is left of the offer."""
        key = schema.compute_fee_offer_key(SPONSOR.address, 3)
        offer = self.state.find_record(FeeOfferRecord, key)
        assert offer is not None
        return offer


def compute_fee(tx: SignedTx) -> int:
    """Return the most that a transaction can cost."""
    return tx.work * 2
