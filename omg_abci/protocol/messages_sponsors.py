"""Messages of those who pay the fees of others, and of those who let them."""

from typing import NamedTuple

from omg_abci.protocol import errors, limits
from omg_abci.protocol.checks import require_address
from omg_abci.protocol.units import Address, Amount, Millis, TokenId


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


class SetFeeOffer(NamedTuple):
    """Pay fees for whoever gives another token for them; replaces what was offered before."""

    token: TokenId
    """What the owner takes for them."""
    tokens: int
    """Of the token, in smallest units, for so many of the fee token:"""
    per: int
    """So a fee costs fee × tokens / per, rounded up."""
    total: Amount
    """Fees that may be paid from now on; 0: none any more."""
    expires_ms: Millis

    def check(self) -> None:
        """Raise BadToken, BadAmount, BadRate, BadExpiry."""
        if not 1 <= self.token <= limits.U32_MAX:
            raise errors.BadToken
        if self.total > limits.AMOUNT_MAX:
            raise errors.BadAmount
        lowest, highest = (1, limits.U64_MAX) if self.total else (0, 0)
        if not (lowest <= self.tokens <= highest and lowest <= self.per <= highest):
            raise errors.BadRate
        if (self.expires_ms > 0) != (self.total > 0):
            raise errors.BadExpiry


class UseFeeOffer(NamedTuple):
    """Pay the fee of the transaction that this leg begins in another token, by an offer."""

    provider: Address
    """Who made the offer."""
    token: TokenId
    max_amount: Amount
    """The most of the token that the fee may cost."""

    def check(self) -> None:
        """Raise BadAddress, BadToken, BadAmount."""
        require_address(self.provider)
        if not 1 <= self.token <= limits.U32_MAX:
            raise errors.BadToken
        if not 1 <= self.max_amount <= limits.AMOUNT_MAX:
            raise errors.BadAmount


PayerMessage = SetSponsorship | UseSponsorship | SetFeeOffer | UseFeeOffer
