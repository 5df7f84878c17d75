"""The first state of a chain: from a genesis document, or from what another chain exported.

An exported ``app_state`` has the form that docs/spec/snapshots.md#exported-genesis gives: all
records as hex, ascending, with the block record already made for the new chain. Guarantees that
whatever is taken is a state: it loads, and writes the same records again. Every refusal is a
`GenesisError` that names the field.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Final

from omg_abci.protocol import limits
from omg_abci.protocol.crypto import compute_keccak
from omg_abci.protocol.errors import GenesisError, OmgError
from omg_abci.protocol.merkle import KEY_BYTES_MAX, VALUE_BYTES_MAX
from omg_abci.protocol.signing import Domain
from omg_abci.protocol.units import ADDRESS_BYTES, ZERO_ADDRESS, Height
from omg_abci.state import schema
from omg_abci.state.diff import compute_records
from omg_abci.state.genesis import build_genesis
from omg_abci.state.loading import load_state
from omg_abci.state.records import BlockRecord

Record = tuple[bytes, bytes]

FORMAT: Final = "omg-export-1"
_FIELDS: Final = ("format", "height", "ethereum_chain_id", "verifying_contract", "records")
_HEX_DIGITS: Final = frozenset("0123456789abcdef")


def is_export(document: Mapping[str, object]) -> bool:
    """Tell whether an app_state has the exported form."""
    return "records" in document


def build_first_records(
    chain_id: str, document: Mapping[str, object]
) -> tuple[list[Record], Domain]:
    """Return the records, ascending by key, and the signing domain; raise `GenesisError`."""
    if not is_export(document):
        return build_genesis(chain_id, document)
    domain = read_domain(chain_id, document)
    records = _read_records(document["records"])
    _require_block(chain_id, records, read_first_height(document))
    _require_state(chain_id, records)
    return records, domain


def read_domain(chain_id: str, document: Mapping[str, object]) -> Domain:
    """Return the signing domain without looking at the records of an export."""
    if not is_export(document):
        return build_genesis(chain_id, document)[1]
    if not 1 <= len(chain_id.encode()) <= limits.CHAIN_ID_BYTES_MAX:
        raise GenesisError(f"chain id {chain_id!r} is empty or longer than 16 bytes")
    for name in _FIELDS:
        if name not in document:
            raise GenesisError(f"export: {name} is missing")
    for name in document:
        if name not in _FIELDS:
            raise GenesisError(f"export: {name} is unknown")
    if document["format"] != FORMAT:
        raise GenesisError(f"format: {document['format']!r} is not {FORMAT!r}")
    number = _read_number(document, "ethereum_chain_id", 1)
    contract = _read_hex("verifying_contract", document["verifying_contract"], "0x")
    if len(contract) != ADDRESS_BYTES or contract == ZERO_ADDRESS:
        raise GenesisError("verifying_contract: not 20 bytes, or zero")
    return Domain(chain_id, number, contract)


def read_first_height(document: Mapping[str, object]) -> Height:
    """Return the height of the first state: 0, or that of an export; raise `GenesisError`."""
    return _read_number(document, "height", 1) if is_export(document) else 0


def _read_number(document: Mapping[str, object], name: str, lowest: int) -> int:
    value = document.get(name)
    if type(value) is not int or not lowest <= value <= limits.U64_MAX:
        raise GenesisError(f"{name}: {value!r} is not a whole number from {lowest} on")
    return value


def _read_hex(name: str, value: object, prefix: str = "") -> bytes:
    """Return the bytes of lower-case hex digits."""
    if isinstance(value, str) and value.startswith(prefix) and len(value) % 2 == 0:
        digits = value[len(prefix) :]
        if _HEX_DIGITS.issuperset(digits):
            return bytes.fromhex(digits)
    shown = repr(value)
    raise GenesisError(f"{name}: {shown[:80]} is not {prefix}lower-case hex digits")


def _read_records(entries: object) -> list[Record]:
    if not isinstance(entries, list):
        raise GenesisError("records is not a list")
    records: list[Record] = []
    last = b""
    for place, entry in enumerate(entries):
        if not isinstance(entry, list) or len(entry) != 2:  # noqa: PLR2004 - key and value
            raise GenesisError(f"records[{place}]: not a pair of key and value")
        key = _read_hex(f"records[{place}] key", entry[0])
        value = _read_hex(f"records[{place}] value", entry[1])
        if not 1 <= len(key) <= KEY_BYTES_MAX or not 1 <= len(value) <= VALUE_BYTES_MAX:
            raise GenesisError(f"records[{place}]: key or value is empty or too long")
        if key <= last:
            raise GenesisError(f"records[{place}]: its key does not ascend, or stands twice")
        records.append((key, value))
        last = key
    return records


def _require_block(chain_id: str, records: Sequence[Record], height: Height) -> None:
    """Raise GenesisError unless the block record is made for this chain and height."""
    if not records or records[0][0] != schema.BLOCK:
        raise GenesisError("records: the first is not the block record")
    try:
        block = BlockRecord.decode(records[0][1])
    except (struct.error, ValueError) as reason:
        raise GenesisError(f"records: the block record has another shape: {reason}") from reason
    if block.height != height:
        raise GenesisError(f"height: {height}, but the block record says {block.height}")
    if block.block_hash != compute_keccak(chain_id.encode()):
        raise GenesisError("records: the block record's hash is not made for this chain id")
    if not 1 <= block.root_interval <= limits.ROOT_INTERVAL_MAX or height % block.root_interval:
        raise GenesisError(f"height: {height} is no multiple of the root interval")


def _require_state(chain_id: str, records: list[Record]) -> None:
    """Raise GenesisError unless the records are those of a state."""
    try:
        again = compute_records(load_state(chain_id, records))
    except (OmgError, struct.error, ValueError, LookupError, OverflowError) as reason:
        raise GenesisError(f"records: they are no state: {reason!r}") from reason
    if again == records:
        return
    stored = dict(again)
    for key, value in records:
        if stored.pop(key, None) != value:
            raise GenesisError(f"records: {key.hex()} says nothing, or not in its one form")
    raise GenesisError(f"records: {next(iter(stored)).hex()} is missing")
