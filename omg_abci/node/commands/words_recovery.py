"""Legs about guardians and an account's key in words for people."""

from omg_abci.node.commands.output import format_count, format_hex, format_span
from omg_abci.protocol.messages import (
    CancelRecovery,
    FinishRecovery,
    RecoveryMessage,
    SetGuardians,
    StartRecovery,
)


def describe_recovery_leg(leg: RecoveryMessage) -> str:
    """Return what a leg does, as its signer should read it."""
    match leg:
        case SetGuardians():
            if not leg.guardians:
                return "let nobody give the account another key"
            named = ", ".join(map(format_hex, leg.guardians))
            enough = format_count(leg.threshold, "guardian")
            return (
                f"let {enough} of {named} give the account another key,"
                f" {format_span(leg.delay_ms)} after they approved it"
            )
        case StartRecovery():
            return f"as a guardian, give {format_hex(leg.account)} the key {format_hex(leg.key)}"
        case CancelRecovery():
            return "keep the account's key, whatever guardians approved"
        case FinishRecovery():
            return f"let the key that guardians approved for {format_hex(leg.account)} take effect"


def describe_recovery_done(leg: RecoveryMessage) -> str:
    """Return what became of a leg that was done."""
    match leg:
        case SetGuardians():
            return "set"
        case StartRecovery():
            return "approved"
        case CancelRecovery():
            return "cancelled"
        case FinishRecovery():
            return "the account has its new key; its agents are dropped"
