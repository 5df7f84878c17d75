"""The integer vocabulary of the chain.

Every quantity is a plain ``int`` with a named unit; addresses and hashes are ``bytes``. The names
here are for readers and the type checker: they cost nothing when the code runs.
"""

from enum import STRICT, IntEnum, IntFlag
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
    """What an order does besides its price and quantity.

    A market order is a limit order at its protection price that never rests; stop-limit and
    take-profit orders wait for their trigger price; an iceberg order shows part of its quantity.
    """

    LIMIT = 1
    MARKET = 2
    STOP_LIMIT = 3
    TAKE_PROFIT = 4
    ICEBERG = 5


class TimeInForce(IntEnum):
    """How long an order lives."""

    GTC = 1
    GTT = 2
    IOC = 3
    FOK = 4
    GTH = 5
    """Good till height: the order leaves the book after its last block."""


RESTING_TIFS: Final = (int(TimeInForce.GTC), int(TimeInForce.GTT), int(TimeInForce.GTH))
"""What lets an order stay in the book, as plain numbers."""

RESTS: Final = (False, True, True, False, False, True)
"""Whether an order may stay in the book, by the number of its time in force."""


def rests(time_in_force: int) -> bool:
    """Return whether an order of a known time in force may stay in the book."""
    return RESTS[time_in_force]


class PostOnly(IntEnum):
    """What happens to an order that must not take when it would."""

    NONE = 0
    """It may take; in an amendment: unchanged."""
    REJECT = 1
    SLIDE = 2
    """It rests at the best price at which it does not take."""
    OFF = 3
    """In an amendment only: takes post-only off."""


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
    SWITCHED = 7
    """By the owner's dead-man's switch."""
    DELISTED = 8
    HALTED = 9
    """The rest of an immediate order that a halt of its market ended."""
    UNFILLED = 10
    """A fill-or-kill order that a batch auction, or its trigger's moment, could not fill."""


class Scope(IntFlag, boundary=STRICT):
    """What an agent key may sign for the owner, as bits."""

    TRADE = 1
    PAY = 2
    RECOVER = 4


ALL_SCOPES: Final = int(Scope.TRADE | Scope.PAY | Scope.RECOVER)


class Fault(IntEnum):
    """What a validator is punished for."""

    DOWNTIME = 1
    """It missed too many blocks."""
    EQUIVOCATION = 2
    """It signed two blocks of one height."""


class MarketStatus(IntEnum):
    """What a market accepts."""

    GONE = 0
    """In events only: the market was delisted."""
    ACTIVE = 1
    AUCTION = 2
    """A call auction collects orders."""
    UNCROSSING = 3
    """A call auction is being executed, over more than one block."""
    CANCEL_ONLY = 4
    DELISTING = 5


class MarketMode(IntEnum):
    """How a market matches."""

    CONTINUOUS = 1
    """Each order as it comes, at price-time priority."""
    BATCH = 2
    """All orders of a block together, at one price."""


class MarketAction(IntEnum):
    """What a market's creator may do with it."""

    CANCEL_ONLY = 1
    RESUME = 2
    DELIST = 3
