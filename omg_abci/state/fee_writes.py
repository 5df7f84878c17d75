"""Reads and writes of what is remembered about votes and fees."""

from typing import Final

from omg_abci.protocol.errors import InvariantBroken
from omg_abci.protocol.units import Address, Amount
from omg_abci.state import schema
from omg_abci.state.fee_records import (
    EpochRecord,
    FeesRecord,
    ParameterRecord,
    TallyRecord,
    VotesRecord,
)
from omg_abci.state.objects import Account
from omg_abci.state.stake_writes import StakeWrites
from omg_abci.state.tally import Tally

_NO_VOTES: Final = Tally()


class FeeWrites(StakeWrites):
    """Every write leaves its inverse in the journal."""

    __slots__ = ()

    # --- reads ---

    def get_fees(self) -> FeesRecord:
        """Return the fees record of a chain that has one."""
        if self.fees is None:
            raise InvariantBroken("the chain's fees are fixed")
        return self.fees

    def get_parameter(self, number: int) -> ParameterRecord:
        """Return what stakers have set a number to."""
        record: ParameterRecord = self.stake[schema.compute_parameter_key(number)]
        return record

    def find_epoch(self, number: int) -> EpochRecord | None:
        """Return how an epoch was settled."""
        record: EpochRecord | None = self.stake.get(schema.compute_epoch_key(number))
        return record

    def find_votes(self, staker: Address, validator: Address) -> VotesRecord | None:
        """Return a staker's standing votes with a validator."""
        record: VotesRecord | None = self.stake.get(schema.compute_votes_key(staker, validator))
        return record

    def get_tally(self, validator: Address, parameter: int) -> Tally:
        """Return the votes of those who hold shares of a validator and vote themselves."""
        return self.tallies.get((validator, parameter), _NO_VOTES)

    # --- writes ---

    def set_fees(self, record: FeesRecord) -> None:
        """Write the fees record."""
        self._note(schema.FEES, self.fees)
        self._journal.append((self._restore_fees, self.fees))
        self.fees = record

    def set_unit_price(self, price: int) -> None:
        """Set what a work unit costs in the next block."""
        if price != self.unit_price:
            self._journal.append((self._restore_unit_price, self.unit_price))
            self.unit_price = price

    def set_market_bond(self, amount: Amount) -> None:
        """Set what creating a market locks from now on."""
        self._journal.append((self._restore_market_bond, self.market_bond))
        self.market_bond = amount

    def add_to_tally(self, validator: Address, parameter: int, step: int, shares: int) -> None:
        """Add to the shares whose holders vote for a step themselves."""
        where = validator, parameter
        tally = self.tallies.get(where)
        if tally is None:
            tally = self.tallies[where] = Tally()
        old = tally.steps.get(step)
        key = schema.compute_tally_key(validator, parameter, step)
        self._note(key, None if old is None else TallyRecord(old))
        self._journal.append((tally.add, step, -shares))
        tally.add(step, shares)

    def note_paid(self, account: Account, epoch: int, amount: Amount) -> None:
        """Write what a payer has paid in an epoch; nothing, with epoch 0."""
        self._journal.append((_restore_paid, account, account.paid_epoch, account.paid))
        account.paid_epoch = epoch
        account.paid = amount
        self.dirty_accounts[account] = None

    def _restore_fees(self, record: FeesRecord | None) -> None:
        self.fees = record

    def _restore_unit_price(self, price: int) -> None:
        self.unit_price = price

    def _restore_market_bond(self, amount: Amount) -> None:
        self.market_bond = amount


def _restore_paid(account: Account, epoch: int, amount: Amount) -> None:
    account.paid_epoch = epoch
    account.paid = amount
