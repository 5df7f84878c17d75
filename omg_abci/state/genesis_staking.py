"""The staking section of the genesis document: terms, and the validators that begin.

Without the section a chain has no staking: its validators are those of CometBFT's genesis file,
for ever.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from omg_abci.protocol import limits
from omg_abci.protocol.crypto import compute_address
from omg_abci.protocol.errors import FormatError, GenesisError
from omg_abci.protocol.messages_staking import CreateValidator
from omg_abci.protocol.units import Address, Amount
from omg_abci.state import schema
from omg_abci.state.genesis_fields import (
    read_address,
    read_entries,
    read_int,
    read_optional,
    require_fields,
)
from omg_abci.state.stake_records import (
    ConsensusRecord,
    DelegationRecord,
    StakingRecord,
    ValidatorRecord,
)
from omg_abci.state.validator_set import compute_powers

_REQUIRED: Final = (
    *("unbonding_ms", "checkpoint_blocks", "evidence_blocks", "power_unit", "self_bond_min"),
    *("window_blocks", "signed_min_blocks", "jail_ms", "downtime_bp", "equivocation_bp"),
    "validators",
)
_VALIDATOR_REQUIRED: Final = ("owner", "public_key", "moniker", "self_bond")
_VALIDATOR_OPTIONAL: Final = (
    *("commission_bp", "commission_max_bp", "commission_step_bp", "self_bond_min"),
)
_HEX: Final = "0123456789abcdef"


def add_staking(records: dict[bytes, bytes], document: Mapping[str, object]) -> Amount:
    """Write the records of the section, if there is one; return what is bonded."""
    if "staking" not in document:
        return 0
    section = document["staking"]
    if not isinstance(section, Mapping):
        raise GenesisError("staking is not an object")
    require_fields("staking", section, _REQUIRED, ())
    staking = _read_terms(section)
    validators = _read_validators(section, staking)
    bonded = [(owner, each.tokens) for owner, each in sorted(validators.items())]
    powers = compute_powers(bonded, staking.power_unit)
    if not powers:
        raise GenesisError("staking: no validator has a power")
    records[schema.STAKING] = staking.encode()
    for owner, validator in validators.items():
        consensus = schema.compute_consensus_key(compute_address(validator.public_key))
        if consensus in records:
            raise GenesisError(f"staking: 0x{owner.hex()} has another validator's public_key")
        validator = validator._replace(told_power=powers.get(owner, 0))  # noqa: PLW2901
        records[consensus] = ConsensusRecord(owner).encode()
        records[schema.compute_validator_key(owner)] = validator.encode()
        delegation = DelegationRecord(validator.shares, 0, 0)
        records[schema.compute_delegation_key(owner, owner)] = delegation.encode()
    return sum(tokens for _, tokens in bonded)


def require_power_fits(records: Mapping[bytes, bytes], supply: Amount) -> None:
    """Raise GenesisError if all tokens together would be more power than CometBFT can count."""
    if schema.STAKING not in records:
        return
    staking = StakingRecord.decode(records[schema.STAKING])
    if supply // staking.power_unit > limits.POWER_TOTAL_MAX:
        raise GenesisError(f"power_unit: {staking.power_unit} is too small for the supply {supply}")


def _read_terms(section: Mapping[str, object]) -> StakingRecord:
    window = read_int(section, "window_blocks", 1, limits.SIGNING_WINDOW_MAX)
    return StakingRecord(
        read_int(section, "unbonding_ms", 1, limits.EXPIRY_AHEAD_MAX_MS),
        read_int(section, "checkpoint_blocks", 1, limits.U32_MAX),
        read_int(section, "evidence_blocks", 0, limits.EXPIRY_HEIGHTS_MAX),
        read_int(section, "power_unit", 1, limits.AMOUNT_MAX),
        read_int(section, "self_bond_min", 1, limits.AMOUNT_MAX),
        window,
        read_int(section, "signed_min_blocks", 0, window),
        read_int(section, "jail_ms", 1, limits.EXPIRY_AHEAD_MAX_MS),
        read_int(section, "downtime_bp", 0, limits.BASIS_POINTS),
        read_int(section, "equivocation_bp", 0, limits.BASIS_POINTS),
    )


def _read_validators(
    section: Mapping[str, object], staking: StakingRecord
) -> dict[Address, ValidatorRecord]:
    entries = read_entries(section, "validators")
    if not 1 <= len(entries) <= limits.VALIDATORS_MAX:
        raise GenesisError(f"validators: {len(entries)} are not 1 to {limits.VALIDATORS_MAX}")
    validators: dict[Address, ValidatorRecord] = {}
    for entry in entries:
        require_fields("validators", entry, _VALIDATOR_REQUIRED, _VALIDATOR_OPTIONAL)
        owner = read_address(entry, "owner")
        if owner in validators:
            raise GenesisError(f"validators: 0x{owner.hex()} stands twice")
        validators[owner] = _read_validator(entry, staking)
    return validators


def _read_validator(entry: Mapping[str, object], staking: StakingRecord) -> ValidatorRecord:
    """Return a validator that CreateValidator could make."""
    moniker, lowest = entry["moniker"], staking.self_bond_min
    if not isinstance(moniker, str):
        raise GenesisError(f"moniker: {moniker!r} is not text")
    most = limits.BASIS_POINTS
    commission_bp = read_optional(entry, "commission_bp", 0, most, 0)
    self_bond_min = read_optional(entry, "self_bond_min", lowest, limits.AMOUNT_MAX, lowest)
    wanted = CreateValidator(
        _read_public_key(entry["public_key"]),
        moniker,
        commission_bp,
        read_optional(entry, "commission_max_bp", commission_bp, most, most),
        read_optional(entry, "commission_step_bp", 0, most, 0),
        self_bond_min,
        read_int(entry, "self_bond", self_bond_min, limits.AMOUNT_MAX),
    )
    try:
        wanted.check()
    except FormatError as reason:
        raise GenesisError(f"validators: {moniker!r}: {reason}") from reason
    return ValidatorRecord(
        wanted.public_key,
        wanted.commission_bp,
        wanted.commission_max_bp,
        wanted.commission_step_bp,
        0,
        wanted.self_bond_min,
        tokens=wanted.amount,
        shares=wanted.amount,
        reward_index=0,
        commission=0,
        jailed_until_ms=0,
        tombstoned=0,
        told_power=0,
        moniker=moniker,
    )


def _read_public_key(value: object) -> bytes:
    if isinstance(value, str) and value.startswith("0x") and len(value) % 2 == 0:
        digits = value[2:]
        if all(digit in _HEX for digit in digits):
            return bytes.fromhex(digits)
    raise GenesisError(f"public_key: {value!r} is not 0x and lower-case hex digits")


def compute_told_set(validators: Sequence[ValidatorRecord]) -> list[tuple[bytes, int]]:
    """Return (public key, power) of each validator in the set, ascending by key."""
    return sorted([(each.public_key, each.told_power) for each in validators if each.told_power])
