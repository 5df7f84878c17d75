"""Records of an account's guardians, of what they approved, and of the key that it was given."""

import struct
from typing import Final, NamedTuple

from omg_abci.protocol.units import Address, Millis

_GUARDIANS: Final = struct.Struct(">BQ")
_RECOVERY: Final = struct.Struct(">20sQ")
_APPROVAL: Final = struct.Struct(">20s20s")
_ADDRESS: Final = struct.Struct(">20s")
NO_KEY: Final = bytes(20)


class GuardiansRecord(NamedTuple):
    """Who may give an account another key."""

    threshold: int
    delay_ms: int
    guardians: tuple[Address, ...]
    """Ascending."""

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return _GUARDIANS.pack(self.threshold, self.delay_ms) + b"".join(self.guardians)

    @classmethod
    def decode(cls, data: bytes) -> "GuardiansRecord":
        """Return the record."""
        threshold, delay_ms = _GUARDIANS.unpack_from(data)
        rows = _ADDRESS.iter_unpack(data[_GUARDIANS.size :])
        return cls(threshold, delay_ms, tuple([address for (address,) in rows]))


class RecoveryRecord(NamedTuple):
    """Which keys guardians have approved, and which of them may take effect when."""

    key: Address
    """What enough of them approved; `NO_KEY` while there is none."""
    ready_ms: Millis
    """From when on it may take effect; 0 while there is none."""
    approvals: tuple[tuple[Address, Address], ...]
    """Guardian and key, ascending by guardian."""

    def encode(self) -> bytes:
        """Return the record's bytes."""
        head = _RECOVERY.pack(self.key, self.ready_ms)
        return head + b"".join([_APPROVAL.pack(*each) for each in self.approvals])

    @classmethod
    def decode(cls, data: bytes) -> "RecoveryRecord":
        """Return the record."""
        key, ready_ms = _RECOVERY.unpack_from(data)
        rows = _APPROVAL.iter_unpack(data[_RECOVERY.size :])
        return cls(key, ready_ms, tuple([(guardian, approved) for guardian, approved in rows]))

    def approve(
        self, guardian: Address, key: Address, threshold: int, ready_ms: Millis
    ) -> "RecoveryRecord":
        """Return the record with a guardian's approval, which replaces the one before.

        A key that enough approve stays the one that waits for as long as they do; else it is the
        smallest that enough approve now, and it may take effect at `ready_ms`.
        """
        others = [each for each in self.approvals if each[0] != guardian]
        approvals = tuple(sorted([*others, (guardian, key)]))
        keys = sorted([approved for _, approved in approvals])
        enough = [each for each in keys if keys.count(each) >= threshold]
        if self.key in enough:
            return self._replace(approvals=approvals)
        if enough:
            return RecoveryRecord(enough[0], ready_ms, approvals)
        return RecoveryRecord(NO_KEY, 0, approvals)


class KeyRecord(NamedTuple):
    """The key that signs for an account instead of its address's own."""

    key: Address

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return self.key

    @classmethod
    def decode(cls, data: bytes) -> "KeyRecord":
        """Return the record."""
        return cls(*_ADDRESS.unpack(data))
