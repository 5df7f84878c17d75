"""Messages of those who issue tokens: a provider's points, a coin that stands for money."""

from typing import NamedTuple

from omg_abci.protocol import errors, limits
from omg_abci.protocol.checks import require_address, require_amount, require_token
from omg_abci.protocol.units import Address, Amount, TokenId

_SYMBOL_LETTERS = dict.fromkeys("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
"""Letters of which none looks like another script's: a symbol is not made to be mistaken."""


class CreateToken(NamedTuple):
    """Make a token of which the owner is the issuer; what may be done with it stays as it is."""

    symbol: str
    decimals: int
    mintable: bool
    burnable: bool
    supply: Amount
    """What the issuer gets at once."""
    cap: Amount
    """The most that there may ever be at a time."""

    def check(self) -> None:
        """Raise BadSymbol, BadDecimals, BadCap."""
        if not 1 <= len(self.symbol) <= limits.SYMBOL_BYTES_MAX:
            raise errors.BadSymbol
        if not all(letter in _SYMBOL_LETTERS for letter in self.symbol):
            raise errors.BadSymbol
        if self.decimals > limits.DECIMALS_MAX:
            raise errors.BadDecimals
        if not (1 <= self.cap <= limits.AMOUNT_MAX and self.supply <= self.cap):
            raise errors.BadCap
        if not self.mintable and self.supply != self.cap:
            raise errors.BadCap


class Mint(NamedTuple):
    """Make more of a token of one's own."""

    token: TokenId
    amount: Amount
    to: Address
    to_subaccount: int

    def check(self) -> None:
        """Raise BadToken, BadAmount, BadAddress, BadSubaccount."""
        require_token(self.token)
        require_amount(self.amount)
        require_address(self.to)
        if self.to_subaccount > limits.SUBACCOUNT_MAX:
            raise errors.BadSubaccount


class Burn(NamedTuple):
    """Destroy what one has of a token."""

    token: TokenId
    amount: Amount
    from_subaccount: int

    def check(self) -> None:
        """Raise BadToken, BadAmount, BadSubaccount."""
        require_token(self.token)
        require_amount(self.amount)
        if self.from_subaccount > limits.SUBACCOUNT_MAX:
            raise errors.BadSubaccount


class CloseToken(NamedTuple):
    """End a token of one's own of which nothing is left."""

    token: TokenId

    def check(self) -> None:
        """Raise BadToken."""
        require_token(self.token)
