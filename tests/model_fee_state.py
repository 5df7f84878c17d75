"""What the oracle remembers about votes and fees, and its bytes as docs/spec/state.md has them.

Votes are values by staker, validator and number; a histogram of them is made when it is asked for.
"""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.model_stake_state import Stake, u

GRID = sorted(
    [
        *range(1, 10),
        *(
            first * 10**zeros
            for zeros in range(31)
            for first in (
                *(10, 11, 12, 14, 16, 18, 20, 22, 25, 28),
                *(32, 36, 40, 45, 50, 56, 63, 71, 80, 90),
            )
        ),
    ]
)
BOUNDS = {
    1: (1, 10**30),
    2: (4_000, 4_000_000),
    3: (1, 10**30),
    4: (1, 10**30),
    5: (1_000, 10**9),
    6: (1, 100),
    7: (100, 5_000),
}
STAKING_TERMS = {4: "self_bond_min", 5: "jail_ms", 6: "downtime_bp", 7: "equivocation_bp"}


class Value(NamedTuple):
    """A number of the chain, and the last tally's median and stake."""

    value: int
    median: int = 0
    stake: int = 0


class Settled(NamedTuple):
    """An epoch that is over."""

    cost: int
    collected: int
    refunded: int
    work: int
    price: int


@dataclass
class Fees:
    """Everything about votes and fees; without terms a work unit has one price for ever."""

    terms: dict[str, int] = field(default_factory=dict)
    values: dict[int, Value] = field(default_factory=dict)
    price: int = 0
    multiplier: int = 65_536
    work: int = 0
    refunds: int = 0
    settled: dict[int, Settled] = field(default_factory=dict)
    votes: dict[tuple[bytes, bytes, int], int] = field(default_factory=dict)
    paid: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    """Payer to epoch and fees of that epoch that are not settled."""

    def copy(self) -> "Fees":
        """Return fees of their own; what the dictionaries hold is immutable."""
        twin = copy(self)
        for name, kept in vars(self).items():
            if isinstance(kept, dict):
                setattr(twin, name, kept.copy())
        return twin

    @property
    def epoch(self) -> int:
        """Return the number of the epoch under way."""
        return len(self.settled) + 1

    @property
    def average(self) -> int:
        """Return the long average of work, added up from the beginning."""
        average = self.terms["average_work"]
        for number in range(1, self.epoch):
            average += (self.settled[number].work - average) // 64
        return average

    def encode_paid(self, owner: bytes) -> bytes:
        """Return what an account's record says of fees; nothing when none were paid."""
        epoch, amount = self.paid.get(owner, (0, 0))
        return u(8, epoch) + u(16, amount) if epoch else b""

    def encode(self, stake: Stake) -> dict[bytes, bytes]:
        """Return every record about votes and fees."""
        if not self.terms:
            return {}
        head = u(4, self.terms["epoch_blocks"])
        head += u(8, self.terms["price_min"]) + u(8, self.terms["price_max"])
        head += u(8, self.epoch) + u(8, self.price) + u(4, self.multiplier) + u(8, self.work)
        records = {b"\x19": head + u(8, self.average) + u(16, self.refunds)}
        for number, each in self.settled.items():
            money = u(16, each.cost) + u(16, each.collected) + u(16, each.refunded)
            records[b"\x1a" + u(8, number)] = money + u(8, each.work) + u(8, each.price)
        for number, one in self.values.items():
            records[b"\x1b" + u(1, number)] = b"".join(u(16, part) for part in one)
        for who, to, number in sorted(self.votes):
            vote = u(1, number) + u(2, GRID.index(self.votes[who, to, number]))
            records[b"\x1c" + who + to] = records.get(b"\x1c" + who + to, b"") + vote
            if who != to:
                key = b"\x1d" + to + u(1, number) + u(2, GRID.index(self.votes[who, to, number]))
                before = int.from_bytes(records.get(key, b""), "big")
                records[key] = u(32, before + stake.delegations[who, to].shares)
        return records


def read_fees(document: Mapping[str, Any]) -> Fees:
    """Return what a valid genesis document says about fees."""
    fees = Fees()
    if "fees" not in document:
        return fees
    section = document["fees"]
    target = int(section.get("target_work", 2_000_000))
    fees.terms = {name: int(section[name]) for name in ("epoch_blocks", "price_min", "price_max")}
    fees.terms["average_work"] = int(
        section.get("average_work", target * fees.terms["epoch_blocks"])
    )
    fees.price = int(document["unit_price"])
    staking = document["staking"]
    first = {1: section["cost"], 2: target, 3: document.get("market_bond", 10**21)}
    first |= {number: staking[name] for number, name in STAKING_TERMS.items()}
    fees.values = {number: Value(int(value)) for number, value in first.items()}
    return fees
