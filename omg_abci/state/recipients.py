"""The record of whom an account pays, where that is bounded (docs/spec/payments.md)."""

import struct
from typing import Final, NamedTuple

from omg_abci.protocol.units import Address, Millis

_LIFTS: Final = struct.Struct(">Q")
_ROW: Final = struct.Struct(">20sQ")


class RecipientsRecord(NamedTuple):
    """Whom an account pays, and from when on."""

    lifts_ms: Millis
    """When the bound is lifted; 0: never."""
    rows: tuple[tuple[Address, Millis], ...]
    """Recipient and since when it may be paid, ascending by recipient."""

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return _LIFTS.pack(self.lifts_ms) + b"".join([_ROW.pack(*row) for row in self.rows])

    @classmethod
    def decode(cls, data: bytes) -> "RecipientsRecord":
        """Return the record."""
        (lifts_ms,) = _LIFTS.unpack_from(data)
        rows = _ROW.iter_unpack(data[_LIFTS.size :])
        return cls(lifts_ms, tuple([(recipient, since_ms) for recipient, since_ms in rows]))

    def is_lifted(self, time_ms: Millis) -> bool:
        """Tell whether everybody may be paid again."""
        return 0 < self.lifts_ms <= time_ms

    def allows(self, recipient: Address, time_ms: Millis) -> bool:
        """Tell whether a recipient may be paid."""
        if self.is_lifted(time_ms):
            return True
        since_ms = dict(self.rows).get(recipient)
        return since_ms is not None and since_ms <= time_ms

    def replace(self, recipients: tuple[Address, ...], later_ms: Millis) -> "RecipientsRecord":
        """Return the record of other recipients: those who were there keep their time."""
        known = dict(self.rows)
        return RecipientsRecord(
            0, tuple([(each, known.get(each, later_ms)) for each in recipients])
        )
