"""What the chain answers to a transaction: one result a leg, hashed into the next header."""

from typing import NamedTuple

from omg_abci.protocol.units import Address, Amount, Ended, Lots, Ticks


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


class TxResult(NamedTuple):
    """What became of a transaction and what it paid."""

    code: int
    """0, or the first failed leg's code when the legs are atomic or all of them failed."""
    legs: tuple[LegResult, ...]
    work: int
    fee: Amount
