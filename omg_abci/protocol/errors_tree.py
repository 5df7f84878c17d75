"""The roots of the refusals: what raises, what stops the process, and the families of codes.

Everything is imported from `omg_abci.protocol.errors`.
"""

from typing import ClassVar


class OmgError(Exception):
    """Anything that this project raises on purpose."""


class InvariantBroken(OmgError):
    """The state machine contradicts itself; the process must stop before it answers."""


class BlockInvalid(OmgError):
    """A proposed block breaks a validity rule."""


class BlockFull(OmgError):
    """A transaction does not fit into the block any more; a later block may take it."""


class GenesisError(OmgError):
    """A genesis document cannot be made into a state; the text names the field."""


def require(condition: object, claim: str) -> None:
    """Raise `InvariantBroken` unless the condition holds (unlike assert, also under ``-O``)."""
    if not condition:
        raise InvariantBroken(claim)


class TxError(OmgError):
    """A transaction or one of its legs is refused."""

    code: ClassVar[int] = 0
    text: ClassVar[str] = ""

    def __init__(self, detail: str = "") -> None:
        """Keep what the texts of the class cannot say."""
        super().__init__(f"{self.text}: {detail}" if detail else self.text)


class FormatError(TxError):
    """The bytes can never be a valid transaction."""


class AdmissionError(TxError):
    """The committed state does not let the transaction into a block."""


class LegError(TxError):
    """A leg cannot be done."""


class TransientError(TxError):
    """This node cannot take the transaction now."""
