"""The legs about markets: create one, change one. The owner's own key signs them.

Everything is imported from `omg_abci.protocol.messages`.
"""

from typing import Final, NamedTuple

from omg_abci.protocol import errors, limits
from omg_abci.protocol.units import (
    Amount,
    Lots,
    MarketAction,
    MarketId,
    MarketMode,
    Millis,
    TokenId,
)

_UNIT_DIGITS: Final = (1, 2, 5, 25)


def is_unit(amount: Amount) -> bool:
    """Return whether an amount may be a market's unit: 1, 2, 5 or 25 times a power of ten."""
    if not 1 <= amount <= limits.AMOUNT_MAX:
        return False
    while amount % 10 == 0:
        amount //= 10
    return amount in _UNIT_DIGITS


class CreateMarket(NamedTuple):
    """Open a market for two tokens; the creator locks a bond and alone may change it."""

    base: TokenId
    quote: TokenId
    base_unit: Amount
    """Smallest units of the base token in a lot."""
    quote_unit: Amount
    """Smallest units of the quote token that a lot costs at a price of one tick."""
    lots_min: Lots
    lots_max: Lots
    mode: int
    band_bp: int
    """Width of the price band in basis points; 0: no band."""
    auction_ms: Millis
    """How long a call auction collects orders."""

    def check(self) -> None:
        """Raise the first of the format errors that applies, in the order of the code below."""
        if not (1 <= self.base <= limits.U32_MAX and 1 <= self.quote <= limits.U32_MAX):
            raise errors.BadToken
        if self.base == self.quote:
            raise errors.SameTokens
        if not (is_unit(self.base_unit) and is_unit(self.quote_unit)):
            raise errors.BadUnit
        if not 1 <= self.lots_min <= self.lots_max <= limits.QUANTITY_LOTS_MAX:
            raise errors.BadLots
        if not MarketMode.CONTINUOUS <= self.mode <= MarketMode.BATCH:
            raise errors.BadMarketMode
        if self.band_bp and not limits.BAND_MIN_BP <= self.band_bp <= limits.BAND_MAX_BP:
            raise errors.BadBand
        if not limits.AUCTION_MIN_MS <= self.auction_ms <= limits.AUCTION_MAX_MS:
            raise errors.BadAuctionTime


class ChangeMarket(NamedTuple):
    """Stop, resume or delist a market of one's own."""

    market: MarketId
    action: int

    def check(self) -> None:
        """Raise BadMarket, BadMarketAction."""
        if not 1 <= self.market <= limits.U32_MAX:
            raise errors.BadMarket
        if not MarketAction.CANCEL_ONLY <= self.action <= MarketAction.DELIST:
            raise errors.BadMarketAction
