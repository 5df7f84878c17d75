"""Records that are nothing but what they say: read and written whole, by their keys.

Each belongs to a table of its own (`schema`). They are for what is touched once in a transaction
or less, so no live object is made of them. docs/spec/state.md has their bytes.
"""

import struct
from typing import Final, NamedTuple

from omg_abci.protocol.units import Address, Amount, TokenId
from omg_abci.state import schema

_LOW64: Final = (1 << 64) - 1
_ISSUE: Final = struct.Struct(">20sBBQQQQ")


class IssueRecord(NamedTuple):
    """Who issued a token, what was fixed when it was created, and what is locked for it."""

    issuer: Address
    mintable: bool
    burnable: bool
    cap: Amount
    deposit: Amount
    """What the issuer has reserved of the fee token."""

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return _ISSUE.pack(*self[:3], *_split(self.cap), *_split(self.deposit))

    @classmethod
    def decode(cls, data: bytes) -> "IssueRecord":
        """Return the record."""
        issuer, mintable, burnable, *words = _ISSUE.unpack(data)
        return cls(issuer, bool(mintable), bool(burnable), _join(words[:2]), _join(words[2:]))


class NextTokenRecord(NamedTuple):
    """What the next token is called; it is there once a token was created."""

    token: TokenId

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return self.token.to_bytes(4, "big")

    @classmethod
    def decode(cls, data: bytes) -> "NextTokenRecord":
        """Return the record."""
        return cls(int.from_bytes(data, "big"))


KeyedRecord = IssueRecord | NextTokenRecord

KEYED_TABLES: Final[dict[bytes, type[KeyedRecord]]] = {
    schema.ISSUE: IssueRecord,
    schema.NEXT_TOKEN: NextTokenRecord,
}
"""Table byte to what its records say."""


def _split(amount: Amount) -> tuple[int, int]:
    return amount >> 64, amount & _LOW64


def _join(words: list[int]) -> Amount:
    high, low = words
    return high << 64 | low
