"""Messages by which guardians give an account another key (docs/spec/recovery.md)."""

from itertools import pairwise
from typing import NamedTuple

from omg_abci.protocol import errors, limits
from omg_abci.protocol.checks import require_address
from omg_abci.protocol.units import Address


class SetGuardians(NamedTuple):
    """Say who may give the owner's account another key; nobody where there are none."""

    guardians: tuple[Address, ...]
    """Ascending."""
    threshold: int
    """How many of them must approve the key."""
    delay_ms: int
    """How long after that it may take effect."""

    def check(self) -> None:
        """Raise BadAddress, BadGuardians, BadThreshold, BadRecoveryDelay."""
        for guardian in self.guardians:
            require_address(guardian)
        count = len(self.guardians)
        ascends = all(first < second for first, second in pairwise(self.guardians))
        if count > limits.GUARDIANS_MAX or not ascends:
            raise errors.BadGuardians
        if not min(count, 1) <= self.threshold <= count:
            raise errors.BadThreshold
        shortest = limits.RECOVERY_DELAY_MIN_MS if count else 0
        longest = limits.RECOVERY_DELAY_MAX_MS if count else 0
        if not shortest <= self.delay_ms <= longest:
            raise errors.BadRecoveryDelay


class StartRecovery(NamedTuple):
    """Approve, as a guardian, that an account gets another key."""

    account: Address
    key: Address

    def check(self) -> None:
        """Raise BadAddress, KeyIsAccount."""
        require_address(self.account)
        require_address(self.key)
        if self.key == self.account:
            raise errors.KeyIsAccount


class CancelRecovery(NamedTuple):
    """Drop every approval of another key of the owner's account."""

    def check(self) -> None:
        """Accept: there is nothing in it."""


class FinishRecovery(NamedTuple):
    """Let the approved key take effect; anybody may."""

    account: Address

    def check(self) -> None:
        """Raise BadAddress."""
        require_address(self.account)


RecoveryMessage = SetGuardians | StartRecovery | CancelRecovery | FinishRecovery
