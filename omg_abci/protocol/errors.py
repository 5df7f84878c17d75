"""Every way in which the chain says no: one class, one stable code.

Codes are consensus data (they are hashed into the next header) and append-only; texts are not.

    OmgError
    ├── InvariantBroken                 a bug: the process stops before it answers
    ├── BlockInvalid                    ProcessProposal rejects the block
    └── TxError                         .code, .text
        ├── FormatError      1 –  99    the bytes can never be valid; no state was looked at
        ├── AdmissionError 100 – 199    this state refuses the transaction; it may not enter a block
        ├── LegError      1000 – 4999   a leg failed; the transaction is in the block and pays
        └── TransientError ≥ 32000      refused for now by this node; may be sent again
"""

from omg_abci.protocol.errors_format import *  # noqa: F403 - one vocabulary in six modules
from omg_abci.protocol.errors_payers import *  # noqa: F403
from omg_abci.protocol.errors_recovery import *  # noqa: F403
from omg_abci.protocol.errors_staking import *  # noqa: F403
from omg_abci.protocol.errors_state import *  # noqa: F403
from omg_abci.protocol.errors_tree import *  # noqa: F403
from omg_abci.protocol.errors_tree import TxError


def get_error_classes() -> tuple[type[TxError], ...]:
    """Return every class that has a code, ascending by code."""
    found: list[type[TxError]] = []
    waiting: list[type[TxError]] = [TxError]
    while waiting:
        for child in waiting.pop().__subclasses__():
            waiting.append(child)
            if child.code:
                found.append(child)
    return tuple(sorted(found, key=lambda each: each.code))


CODES: dict[int, type[TxError]] = {each.code: each for each in get_error_classes()}
"""Code to class."""
