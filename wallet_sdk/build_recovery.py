"""Messages about an account's guardians and its key: one function a message, as in `build`."""

from collections.abc import Sequence

from omg_abci.protocol.messages import (
    CancelRecovery,
    FinishRecovery,
    SetGuardians,
    StartRecovery,
)
from omg_abci.protocol.units import Address


def set_guardians(guardians: Sequence[Address], threshold: int, delay_ms: int) -> SetGuardians:
    """Say who may give one's account another key; none takes them away. Raise as the check.

    They may be named in any order. With none, threshold and delay are 0.
    """
    message = SetGuardians(tuple(sorted(guardians)), threshold, delay_ms)
    message.check()
    return message


def start_recovery(account: Address, key: Address) -> StartRecovery:
    """Approve, as a guardian, that an account gets another key; raise BadAddress, KeyIsAccount."""
    message = StartRecovery(account, key)
    message.check()
    return message


def cancel_recovery() -> CancelRecovery:
    """Drop what guardians approved for one's account."""
    return CancelRecovery()


def finish_recovery(account: Address) -> FinishRecovery:
    """Let an approved key take effect; raise BadAddress."""
    message = FinishRecovery(account)
    message.check()
    return message
