"""Messages of those who pay the fees of others, and of those who let them."""

from typing import NamedTuple

from omg_abci.protocol import errors, limits
from omg_abci.protocol.checks import require_address
from omg_abci.protocol.units import Address, Amount, Millis


class SetSponsorship(NamedTuple):
    """Pay a customer's fees up to a sum until a time; replaces what was granted before."""

    customer: Address
    total: Amount
    """Fees that may be paid from now on; 0: none any more."""
    expires_ms: Millis

    def check(self) -> None:
        """Raise BadAddress, BadAmount, BadExpiry."""
        require_address(self.customer)
        if self.total > limits.AMOUNT_MAX:
            raise errors.BadAmount
        if (self.expires_ms > 0) != (self.total > 0):
            raise errors.BadExpiry


class UseSponsorship(NamedTuple):
    """Let a sponsor pay the fee of the transaction that this leg begins."""

    sponsor: Address

    def check(self) -> None:
        """Raise BadAddress."""
        require_address(self.sponsor)
