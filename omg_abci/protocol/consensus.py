"""What consensus tells the state machine about its validators, and what it is told."""

from typing import NamedTuple

from omg_abci.protocol.units import Address, Height


class Vote(NamedTuple):
    """Whether a validator signed the block before."""

    validator: Address
    """The address of its consensus key."""
    signed: bool


class Offence(NamedTuple):
    """Proof that a validator signed two blocks of one height."""

    validator: Address
    """The address of its consensus key."""
    height: Height
    """Where it did so."""


class ValidatorUpdate(NamedTuple):
    """A validator's new power; 0 takes it out of the set."""

    public_key: bytes
    power: int
