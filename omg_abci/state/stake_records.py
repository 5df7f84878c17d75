"""Records about stake as values, and their exact bytes (docs/spec/state.md).

They are immutable: a change is another record in the place of the one before.
"""

from typing import Final, NamedTuple

from omg_abci.protocol.units import ADDRESS_BYTES, Address, Amount, Height, Millis
from omg_abci.state.packing import pack, unpack

_PUBLIC_KEY_BYTES: Final = 33


class StakingRecord(NamedTuple):
    """What genesis fixed about staking, and the two pots that belong to no validator."""

    unbonding_ms: Millis
    checkpoint_blocks: int
    """The validator set changes at heights that are multiples of this."""
    evidence_blocks: Height
    """Evidence of an offence may come for so many blocks at least."""
    power_unit: Amount
    """Bonded tokens that make one unit of voting power."""
    self_bond_min: Amount
    """No new validator's own minimum is below this."""
    window_blocks: int
    signed_min_blocks: int
    """A validator that signed fewer of the window's blocks is jailed."""
    jail_ms: Millis
    downtime_bp: int
    """Basis points of the stake that are slashed."""
    equivocation_bp: int
    rewards: Amount = 0
    """Given to stakers and not yet claimed, with what rounding left."""
    slashed: Amount = 0
    """What slashes took, all told; nobody owns it."""

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return pack(_STAKING, self)

    @classmethod
    def decode(cls, data: bytes) -> "StakingRecord":
        """Return the record."""
        return cls._make(unpack(_STAKING, data))


class ValidatorRecord(NamedTuple):
    """A validator; its key is its owner."""

    public_key: bytes
    commission_bp: int
    commission_max_bp: int
    commission_step_bp: int
    commission_ms: Millis
    """When the commission was last changed."""
    self_bond_min: Amount
    tokens: Amount
    """All that is bonded to it."""
    shares: int
    """What delegations hold of the tokens."""
    reward_index: int
    """Rewards so far a share, times 2^96."""
    commission: Amount
    """Commission that is not yet claimed."""
    jailed_until_ms: Millis
    """When the validator may unjail; 0: it is not jailed."""
    tombstoned: int
    told_power: int
    """Its power in the set that CometBFT was last told; 0: it is not in it."""
    moniker: str

    @property
    def is_jailed(self) -> bool:
        """Tell whether the validator may not be in the set."""
        return self.jailed_until_ms > 0 or self.tombstoned > 0

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return self.public_key + pack(_VALIDATOR, self[1:-1]) + self.moniker.encode()

    @classmethod
    def decode(cls, data: bytes) -> "ValidatorRecord":
        """Return the record."""
        numbers = data[_PUBLIC_KEY_BYTES:]
        size = sum(_VALIDATOR)
        moniker = numbers[size:].decode()
        fields = unpack(_VALIDATOR, numbers[:size])
        return cls._make((data[:_PUBLIC_KEY_BYTES], *fields, moniker))


class ConsensusRecord(NamedTuple):
    """Whose the consensus key is: it is never another's, also when its validator is gone."""

    owner: Address
    """Zero: of nobody any more."""

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return self.owner

    @classmethod
    def decode(cls, data: bytes) -> "ConsensusRecord":
        """Return the record."""
        return cls(data)


class SigningRecord(NamedTuple):
    """The blocks of the window that a validator did not sign; there is none when it signed all."""

    missed: int
    """Bit height mod window."""

    def encode(self) -> bytes:
        """Return the record's bytes: bit i of byte j stands for place 8 j + i."""
        return self.missed.to_bytes((self.missed.bit_length() + 7) >> 3, "little")

    @classmethod
    def decode(cls, data: bytes) -> "SigningRecord":
        """Return the record."""
        return cls(int.from_bytes(data, "little"))


class DelegationRecord(NamedTuple):
    """What a delegator holds of a validator."""

    shares: int
    paid_index: int
    """The validator's reward index up to which rewards were paid."""
    moving: int
    """How many entries of stake moved here are not yet mature."""

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return pack(_DELEGATION, self)

    @classmethod
    def decode(cls, data: bytes) -> "DelegationRecord":
        """Return the record."""
        return cls._make(unpack(_DELEGATION, data))


class UnbondingPoolRecord(NamedTuple):
    """Tokens that leave a validator, of all who left in one period."""

    tokens: Amount
    units: int

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return pack(_UNBONDING_POOL, self)

    @classmethod
    def decode(cls, data: bytes) -> "UnbondingPoolRecord":
        """Return the record."""
        return cls._make(unpack(_UNBONDING_POOL, data))


class UnbondingRecord(NamedTuple):
    """What a delegator holds of a pool that unbonds."""

    units: int
    mature_ms: Millis

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return pack(_UNBONDING, self)

    @classmethod
    def decode(cls, data: bytes) -> "UnbondingRecord":
        """Return the record."""
        return cls._make(unpack(_UNBONDING, data))


class MovingPoolRecord(NamedTuple):
    """Shares of the target validator, of all who moved there from one source in one period."""

    shares: int
    units: int
    reward_index: int
    """Rewards so far a unit, times 2^96."""
    seen_index: int
    """The target's reward index that this takes account of."""

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return pack(_MOVING_POOL, self)

    @classmethod
    def decode(cls, data: bytes) -> "MovingPoolRecord":
        """Return the record."""
        return cls._make(unpack(_MOVING_POOL, data))


class MovingRecord(NamedTuple):
    """What a delegator holds of a pool that moved."""

    source: Address
    target: Address
    period: int
    units: int
    paid_index: int
    """The pool's index up to which rewards were paid."""
    mature_ms: Millis

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return self.source + self.target + pack(_MOVING, self[2:])

    @classmethod
    def decode(cls, data: bytes) -> "MovingRecord":
        """Return the record."""
        source, target = data[:ADDRESS_BYTES], data[ADDRESS_BYTES : 2 * ADDRESS_BYTES]
        return cls._make((source, target, *unpack(_MOVING, data[2 * ADDRESS_BYTES :])))


StakeRecord = (
    StakingRecord
    | ValidatorRecord
    | ConsensusRecord
    | SigningRecord
    | DelegationRecord
    | UnbondingPoolRecord
    | UnbondingRecord
    | MovingPoolRecord
    | MovingRecord
)

_STAKING: Final = (8, 4, 8, 16, 16, 2, 2, 8, 2, 2, 16, 16)
_VALIDATOR: Final = (2, 2, 2, 8, 16, 16, 32, 32, 16, 8, 1, 8)
_DELEGATION: Final = (32, 32, 4)
_UNBONDING_POOL: Final = (16, 32)
_UNBONDING: Final = (32, 8)
_MOVING_POOL: Final = (32, 32, 32, 32)
_MOVING: Final = (8, 32, 32, 8)
