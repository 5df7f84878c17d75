"""How the fields of a genesis document are read: what is wrong is refused with its name."""

from collections.abc import Mapping

from omg_abci.protocol.errors import GenesisError
from omg_abci.protocol.units import ADDRESS_BYTES, ZERO_ADDRESS


def require_fields(
    where: str,
    entry: Mapping[str, object],
    required: tuple[str, ...],
    optional: tuple[str, ...],
) -> None:
    """Raise GenesisError for a field that is missing or unknown."""
    for name in required:
        if name not in entry:
            raise GenesisError(f"{where}: {name} is missing")
    for name in entry:
        if name not in required and name not in optional:
            raise GenesisError(f"{where}: {name} is unknown")


def read_entries(document: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    """Return a field that is a list of objects; raise GenesisError."""
    entries = document[name]
    if not isinstance(entries, list):
        raise GenesisError(f"{name} is not a list")
    for entry in entries:
        if not isinstance(entry, Mapping):
            raise GenesisError(f"{name} holds something that is not an object")
    return entries


def read_int(entry: Mapping[str, object], name: str, lowest: int, highest: int) -> int:
    """Return a whole number, given as one or as decimal digits; raise GenesisError."""
    value = entry[name]
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 39:  # noqa: PLR2004 - digits of 2^128
        value = int(value)
    if type(value) is not int or not lowest <= value <= highest:
        raise GenesisError(f"{name}: {value!r} is not a whole number in {lowest} … {highest}")
    return value


def read_optional(
    entry: Mapping[str, object], name: str, lowest: int, highest: int, default: int
) -> int:
    """Return a whole number, or the default when it is not given; raise GenesisError."""
    return read_int(entry, name, lowest, highest) if name in entry else default


def read_address(entry: Mapping[str, object], name: str) -> bytes:
    """Return the address that a field holds as 0x and 40 hex digits; raise GenesisError."""
    value = entry[name]
    if isinstance(value, str) and len(value) == 2 + 2 * ADDRESS_BYTES and value[:2] == "0x":
        digits = value[2:]
        if all(digit in "0123456789abcdefABCDEF" for digit in digits):
            address = bytes.fromhex(digits)
            if address != ZERO_ADDRESS:
                return address
    raise GenesisError(f"{name}: {value!r} is not 0x and 40 hex digits, or is zero")
