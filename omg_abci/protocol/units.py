"""The integer vocabulary of the chain.

Every quantity is a plain ``int`` with a named unit; addresses and hashes are ``bytes``. The names
here are for readers and the type checker: they cost nothing when the code runs.
"""

from enum import IntEnum
from typing import Final

Address = bytes
"""20 bytes, as Ethereum derives them from a public key."""

Hash = bytes
"""32 bytes."""

TokenId = int
"""1 … 2^32 - 1, given at genesis or at the token's creation."""

MarketId = int
"""1 … 2^32 - 1."""

Amount = int
"""Smallest units of a token, 0 … AMOUNT_MAX."""

Ticks = int
"""A price: a market's quote units for a lot are ticks times its ``quote_unit``."""

Lots = int
"""A quantity: a market's base units are lots times its ``base_unit``."""

Millis = int
"""Milliseconds since the Unix epoch."""

Height = int
"""A block height; 0 is genesis."""

Nonce = int
"""A number near the time in milliseconds, used once by a signer."""

ADDRESS_BYTES: Final = 20
HASH_BYTES: Final = 32
ZERO_ADDRESS: Final = bytes(ADDRESS_BYTES)


class Scheme(IntEnum):
    """How a transaction's digest is made."""

    TYPED = 1
    RAW = 2


class Side(IntEnum):
    """Which side of the book an order belongs to."""

    BUY = 1
    SELL = 2


BUY: Final = int(Side.BUY)
"""The plain number: comparing with it takes a fifth of the time that the member takes."""


class OrderType(IntEnum):
    """A market order is a limit order at its protection price that never rests."""

    LIMIT = 1
    MARKET = 2


class TimeInForce(IntEnum):
    """How long an order lives."""

    GTC = 1
    GTT = 2
    IOC = 3
    FOK = 4


class SelfTrade(IntEnum):
    """What happens when an incoming order meets a resting order of the same owner."""

    CANCEL_NEWEST = 1
    CANCEL_OLDEST = 2
    CANCEL_BOTH = 3
    DECREMENT = 4
    ALLOW = 5


class Ended(IntEnum):
    """Why an order is no longer in the book."""

    OPEN = 0
    FILLED = 1
    CANCELLED = 2
    EXPIRED = 3
    IMMEDIATE = 4
    MATCH_LIMIT = 5
    SELF_TRADE = 6


class Scope(IntEnum):
    """What an agent key may sign for the owner, as bits."""

    TRADE = 1


class MarketStatus(IntEnum):
    """What a market accepts."""

    ACTIVE = 1
