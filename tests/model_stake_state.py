"""What the oracle remembers about stake, and its bytes as docs/spec/state.md has them.

A validator keeps the growth of its reward index at every distribution, so an index is a sum that
is added up anew, and a delegation says how many distributions it was paid for.
"""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

from omg_abci.protocol.crypto import compute_address

Terms = dict[str, int]


class Validator(NamedTuple):
    """A validator, in the set or not."""

    public_key: bytes
    moniker: str
    commission_bp: int
    commission_max_bp: int
    commission_step_bp: int
    commission_ms: int
    self_bond_min: int
    tokens: int
    shares: int
    growths: tuple[int, ...] = ()
    commission: int = 0
    jailed_until: int = 0
    tombstoned: bool = False
    told: int = 0
    missed: frozenset[int] = frozenset()
    """Places of the window."""

    @property
    def is_out(self) -> bool:
        """Tell whether the validator may not be in the set."""
        return self.tombstoned or self.jailed_until > 0

    @property
    def grown(self) -> int:
        """Return what each share has earned so far, times 2^96."""
        return sum(self.growths)


class Delegation(NamedTuple):
    """What a delegator holds of a validator."""

    shares: int
    paid: int
    """Distributions that were paid out."""


class Left(NamedTuple):
    """Tokens that left a validator in a period, and the parts of those who left."""

    tokens: int
    units: int


class Moved(NamedTuple):
    """Shares that came to a validator from another in a period."""

    shares: int
    units: int
    grown: int
    seen: int


class Part(NamedTuple):
    """Somebody's part of what left or moved."""

    units: int
    mature_ms: int
    paid: int = 0
    """Index of what moved up to which it was paid."""


@dataclass
class Stake:
    """Everything about stake; without terms there is none."""

    terms: Terms = field(default_factory=dict)
    gone: dict[bytes, bool] = field(default_factory=dict)
    """Consensus keys of validators that are no more."""
    rewards: int = 0
    slashed: int = 0
    validators: dict[bytes, Validator] = field(default_factory=dict)
    delegations: dict[tuple[bytes, bytes], Delegation] = field(default_factory=dict)
    left: dict[tuple[bytes, int], Left] = field(default_factory=dict)
    left_parts: dict[tuple[bytes, bytes, int], Part] = field(default_factory=dict)
    moved: dict[tuple[bytes, bytes, int], Moved] = field(default_factory=dict)
    moved_parts: dict[tuple[bytes, bytes, bytes, int], Part] = field(default_factory=dict)

    def copy(self) -> "Stake":
        """Return stake of its own; what the dictionaries hold is immutable."""
        twin = copy(self)
        for name, kept in vars(self).items():
            if isinstance(kept, dict):
                setattr(twin, name, kept.copy())
        return twin

    def count_moving(self, delegator: bytes, validator: bytes) -> int:
        """Return how many parts of stake that moved to a validator are not mature."""
        return len([1 for who, _, to, _ in self.moved_parts if (who, to) == (delegator, validator)])

    def encode(self) -> dict[bytes, bytes]:
        """Return every record about stake."""
        if not self.terms:
            return {}
        sizes = (8, 4, 8, 16, 16, 2, 2, 8, 2, 2)
        terms = b"".join(u(size, self.terms[n]) for size, n in zip(sizes, TERMS, strict=True))
        records = {b"\x10": terms + u(16, self.rewards) + u(16, self.slashed)}
        for owner, each in self.validators.items():
            records[b"\x11" + owner] = encode_validator(each)
            records[b"\x12" + compute_address(each.public_key)] = owner
            if each.missed:
                bits = sum(2**place for place in each.missed)
                records[b"\x13" + owner] = bits.to_bytes((max(each.missed) + 8) // 8, "little")
        records |= {b"\x12" + compute_address(key): bytes(20) for key in self.gone}
        for (who, to), held in self.delegations.items():
            paid = sum(self.validators[to].growths[: held.paid])
            value = u(32, held.shares) + u(32, paid) + u(4, self.count_moving(who, to))
            records[b"\x14" + who + to] = value
        for (owner, period), pool in self.left.items():
            records[b"\x15" + owner + u(8, period)] = u(16, pool.tokens) + u(32, pool.units)
        for (who, owner, period), part in self.left_parts.items():
            value = u(32, part.units) + u(8, part.mature_ms)
            records[b"\x16" + who + owner + u(8, period)] = value
        for (source, to, period), move in self.moved.items():
            records[b"\x17" + source + to + u(8, period)] = b"".join(u(32, n) for n in move)
        for (who, source, to, period), part in self.moved_parts.items():
            value = source + to + u(8, period) + u(32, part.units) + u(32, part.paid)
            records[encode_moved_key(who, source, to, period)] = value + u(8, part.mature_ms)
        return records


TERMS = (
    *("unbonding_ms", "checkpoint_blocks", "evidence_blocks", "power_unit", "self_bond_min"),
    *("window_blocks", "signed_min_blocks", "jail_ms", "downtime_bp", "equivocation_bp"),
)


def encode_moved_key(who: bytes, source: bytes, target: bytes, period: int) -> bytes:
    """Return the key of somebody's part of what moved."""
    return b"\x18" + who + sha256(source + target + u(8, period)).digest()


def encode_validator(each: Validator) -> bytes:
    """Return a validator's record."""
    return (
        each.public_key
        + u(2, each.commission_bp)
        + u(2, each.commission_max_bp)
        + u(2, each.commission_step_bp)
        + u(8, each.commission_ms)
        + u(16, each.self_bond_min)
        + u(16, each.tokens)
        + u(32, each.shares)
        + u(32, each.grown)
        + u(16, each.commission)
        + u(8, each.jailed_until)
        + u(1, each.tombstoned)
        + u(8, each.told)
        + each.moniker.encode()
    )


def u(size: int, value: int) -> bytes:
    """Return an unsigned big-endian integer of so many bytes."""
    return value.to_bytes(size, "big")


def read_stake(document: Mapping[str, Any]) -> Stake:
    """Return what a valid genesis document says about stake."""
    stake = Stake()
    if "staking" not in document:
        return stake
    section = document["staking"]
    stake.terms = {name: int(section[name]) for name in TERMS}
    for row in section["validators"]:
        owner, bond = bytes.fromhex(row["owner"][2:]), int(row["self_bond"])
        stake.validators[owner] = Validator(
            bytes.fromhex(row["public_key"][2:]),
            row["moniker"],
            row.get("commission_bp", 0),
            row.get("commission_max_bp", 10_000),
            row.get("commission_step_bp", 0),
            0,
            int(row.get("self_bond_min", stake.terms["self_bond_min"])),
            bond,
            bond,
        )
        stake.delegations[owner, owner] = Delegation(bond, 0)
    for owner, power in rank(stake).items():
        stake.validators[owner] = stake.validators[owner]._replace(told=power)
    return stake


def rank(stake: Stake) -> dict[bytes, int]:
    """Return who should sign, with which power."""
    unit, most = stake.terms["power_unit"], (2**60 - 1) // 100
    powers = {
        owner: min(each.tokens // unit, most)
        for owner, each in stake.validators.items()
        if not each.is_out and compute_self_bond(stake, owner) >= each.self_bond_min
    }
    ranked = sorted([owner for owner in powers if powers[owner]], key=lambda o: (-powers[o], o))
    return {owner: powers[owner] for owner in ranked[:100]}


def compute_self_bond(stake: Stake, owner: bytes) -> int:
    """Return the tokens that an owner has with its own validator."""
    held, each = stake.delegations.get((owner, owner)), stake.validators[owner]
    return held.shares * each.tokens // each.shares if held and each.shares else 0
