"""Records about votes and fees as values, and their exact bytes (docs/spec/state.md)."""

from typing import Final, NamedTuple

from omg_abci.protocol.units import Amount
from omg_abci.state.packing import pack, unpack


class FeesRecord(NamedTuple):
    """What genesis fixed about fees, and the epoch that is under way."""

    epoch_blocks: int
    """An epoch ends at heights that are multiples of this."""
    price_min: int
    price_max: int
    """Bounds of the provisional price of a work unit."""
    epoch: int
    """The number of the epoch under way, from 1."""
    price: int
    """The provisional price of a work unit, before congestion."""
    multiplier: int
    """What congestion multiplies the price by, times 2^16."""
    work: int
    """Work units used in the epoch so far."""
    average_work: int
    """The long average of an epoch's work."""
    refunds: Amount
    """Owed to payers of earlier epochs, with what rounding left."""

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return pack(_FEES, self)

    @classmethod
    def decode(cls, data: bytes) -> "FeesRecord":
        """Return the record."""
        return cls._make(unpack(_FEES, data))


class EpochRecord(NamedTuple):
    """How an epoch was settled; it never changes."""

    cost: Amount
    """What stakers had voted for."""
    collected: Amount
    refunded: Amount
    """What is above the cost, to the payers in proportion to what they paid."""
    work: int
    price: int
    """The provisional price that was charged, before congestion."""

    @property
    def paid(self) -> Amount:
        """Return what stakers got: the smaller of cost and collected."""
        return self.collected - self.refunded

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return pack(_EPOCH, self)

    @classmethod
    def decode(cls, data: bytes) -> "EpochRecord":
        """Return the record."""
        return cls._make(unpack(_EPOCH, data))


class ParameterRecord(NamedTuple):
    """What a parameter is, and how that came about."""

    value: int
    """In force until the next epoch."""
    median: int
    """What the last tally found; 0: nobody had voted."""
    stake: Amount
    """Tokens behind the votes of the last tally."""

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return pack(_PARAMETER, self)

    @classmethod
    def decode(cls, data: bytes) -> "ParameterRecord":
        """Return the record."""
        return cls._make(unpack(_PARAMETER, data))


class VotesRecord(NamedTuple):
    """The standing votes of one staker with one validator."""

    steps: tuple[tuple[int, int], ...]
    """Parameter and step of the grid, ascending by parameter; not empty."""

    def get_step(self, parameter: int) -> int | None:
        """Return the vote on a parameter."""
        return dict(self.steps).get(parameter)

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return b"".join([pack(_VOTE, vote) for vote in self.steps])

    @classmethod
    def decode(cls, data: bytes) -> "VotesRecord":
        """Return the record."""
        size = sum(_VOTE)
        votes = [unpack(_VOTE, data[at : at + size]) for at in range(0, len(data), size)]
        return cls(tuple([(parameter, step) for parameter, step in votes]))


class TallyRecord(NamedTuple):
    """Shares of a validator whose holders vote for one step themselves."""

    shares: int

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return pack(_TALLY, self)

    @classmethod
    def decode(cls, data: bytes) -> "TallyRecord":
        """Return the record."""
        return cls._make(unpack(_TALLY, data))


FeeRecord = FeesRecord | EpochRecord | ParameterRecord | VotesRecord | TallyRecord

_FEES: Final = (4, 8, 8, 8, 8, 4, 8, 8, 16)
_EPOCH: Final = (16, 16, 16, 8, 8)
_PARAMETER: Final = (16, 16, 16)
_VOTE: Final = (1, 2)
_TALLY: Final = (32,)
