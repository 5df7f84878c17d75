"""The formats that can be replayed, and which plan reads each."""

from pathlib import Path
from typing import Final

from omg_abci.replay.bitstamp_plan import BitstampPlan
from omg_abci.replay.databento_plan import DatabentoPlan
from omg_abci.replay.errors import Unreadable
from omg_abci.replay.lobster_plan import LobsterPlan
from omg_abci.replay.session import Plan

FORMATS: Final = ("lobster", "databento", "bitstamp")
TITLES: Final = {"lobster": "LOBSTER", "databento": "Databento", "bitstamp": "Bitstamp"}


def open_plan(kind: str, recording: Path, book: Path | None, limit: int | None) -> Plan:
    """Return the plan of a recording; raise a `RecordingError`."""
    if kind == "lobster":
        return LobsterPlan(recording, book, limit)
    if kind == "databento":
        return DatabentoPlan(recording, book, limit)
    if book:
        raise Unreadable(book, 0, "the bitstamp format has no snapshot file")
    return BitstampPlan(recording, limit)
