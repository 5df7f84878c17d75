"""What the chain answers to a transaction, and what a block did outside of its transactions.

A transaction has one result a leg, hashed into the next header. What happens at a block's start
and end (expiries, triggers, auctions, changes of status, punished validators) is told by events.
"""

from typing import NamedTuple

from omg_abci.protocol.units import Address, Amount, Ended, Height, Lots, MarketId, Millis, Ticks


class Fill(NamedTuple):
    """A match of the leg's order against one resting order, at the resting order's price."""

    maker: Address
    client_id: int
    price: Ticks
    quantity: Lots


class Removal(NamedTuple):
    """A resting order that the leg took out of the book unfilled."""

    owner: Address
    client_id: int
    reason: Ended


class Decrement(NamedTuple):
    """Lots taken off the owner's own resting order by self-trade prevention."""

    client_id: int
    quantity: Lots


class LegResult(NamedTuple):
    """What became of one leg; see the proto file for each field."""

    code: int = 0
    filled: Lots = 0
    resting: Lots = 0
    ended: int = 0
    repeated: bool = False
    tombstone: bool = False
    kept_place: bool = False
    cancelled: int = 0
    more: bool = False
    fills: tuple[Fill, ...] = ()
    removals: tuple[Removal, ...] = ()
    decrements: tuple[Decrement, ...] = ()
    price: Ticks = 0
    """Where a slid order rests."""
    market: MarketId = 0
    """The id that CreateMarket gave, or CreateToken to a token."""
    waiting: bool = False
    """The order waits for its trigger."""


class TxResult(NamedTuple):
    """What became of a transaction and what it paid."""

    code: int
    """0, or the first failed leg's code when the legs are atomic or all of them failed."""
    legs: tuple[LegResult, ...]
    work: int
    fee: Amount


# --- events of a block ------------------------------------------------------------------------


class Removed(NamedTuple):
    """The chain ended an order: expired, switched, delisted, immediate, unfilled or halted."""

    owner: Address
    client_id: int
    reason: int


class Activated(NamedTuple):
    """A stop-limit or take-profit order was triggered; its result is as a leg's."""

    owner: Address
    client_id: int
    result: LegResult


class Trade(NamedTuple):
    """A fill of an auction."""

    market: MarketId
    price: Ticks
    quantity: Lots
    buyer: Address
    buy_client_id: int
    seller: Address
    sell_client_id: int


class Uncrossed(NamedTuple):
    """An auction was priced; price and volume are zero when nothing crossed."""

    market: MarketId
    price: Ticks
    volume: Lots


class StatusChanged(NamedTuple):
    """A market accepts something else now; status 0: the market is gone."""

    market: MarketId
    status: int
    until_ms: Millis
    """When the status ends by itself; 0: it does not."""


class ValidatorSlashed(NamedTuple):
    """Stake behind a validator was destroyed."""

    validator: Address
    """Its owner."""
    fault: int
    height: Height
    """Of the offence."""
    tokens: Amount
    """All that was taken."""
    from_pools: Amount
    """Of that, what had left the validator: unbonding, or moved to another one."""


class ValidatorJailed(NamedTuple):
    """A validator may not sign; the next checkpoint takes it out of the set."""

    validator: Address
    fault: int
    until_ms: Millis
    """Before that it cannot come back; 0: it never can."""


class ValidatorUnjailed(NamedTuple):
    """A validator's owner ended its jail."""

    validator: Address


Event = (
    Removed
    | Activated
    | Trade
    | Uncrossed
    | StatusChanged
    | ValidatorSlashed
    | ValidatorJailed
    | ValidatorUnjailed
)
"""What a block did outside of its transactions."""
