"""Asks what a leg would be answered, and leaves the state as it was."""

from omg_abci.protocol import errors
from omg_abci.protocol.messages import Message
from omg_abci.rules.context import LegContext
from omg_abci.rules.transition import process_leg
from omg_abci.state.working import WorkingState


def ask(state: WorkingState, owner: bytes, leg: Message) -> int:
    """Do a leg in the open block and undo it; return its code. A refusal has written nothing."""
    try:
        leg.check()
    except errors.FormatError as refusal:
        return refusal.code
    savepoint = state.open_savepoint()
    ctx = LegContext(state.get_account(owner), state.time_ms + 60_000)
    try:
        code = process_leg(state, ctx, leg).code
    except errors.LegError as refusal:
        assert len(state._journal) == savepoint + 1, f"{leg} has written"
        code = refusal.code
    state.rollback_to(savepoint)
    return code
