"""Why a recording cannot be replayed: one class, one stable code.

A `ReplayError` is a `RecordingError`, which has .path and .line and means that the recording cannot
be understood, or a `NetworkError`: the network does not do what a replay needs.
"""

from pathlib import Path
from typing import ClassVar

from omg_abci.protocol.errors import OmgError


class ReplayError(OmgError):
    """A replay cannot go on."""

    code: ClassVar[str] = "replay"


class RecordingError(ReplayError):
    """A line of a recording is malformed; says which, and why."""

    code: ClassVar[str] = "malformed"

    def __init__(self, path: Path, line: int, reason: str) -> None:
        """Keep the place; lines count from 1, header included; 0 is the file as a whole."""
        place = f"{path.name}, line {line}" if line else path.name
        super().__init__(f"{place}: {reason}")
        self.path = path
        self.line = line
        self.reason = reason


class Unreadable(RecordingError):
    """The file cannot be opened or unpacked, or ends in the middle."""

    code = "unreadable"


class WrongColumns(RecordingError):
    """The row or header does not have the columns of the format."""

    code = "wrong_columns"


class BadNumber(RecordingError):
    """A field is not a number, or out of the range that a venue can mean."""

    code = "bad_number"


class BadWord(RecordingError):
    """A field is none of the words that the format knows."""

    code = "bad_word"


class Contradiction(RecordingError):
    """The row cannot follow the rows before it."""

    code = "contradiction"


class NoRows(RecordingError):
    """The recording holds nothing to replay."""

    code = "no_rows"


class NetworkError(ReplayError):
    """A node refuses for good, or answers with something else than what was sent."""

    code = "network"


class NetworkStalled(NetworkError):
    """Nothing that was sent was committed for too long."""

    code = "network_stalled"
