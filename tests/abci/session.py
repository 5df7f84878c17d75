"""Recorded sessions: every frame between a real CometBFT and the key-value chain, in order.

A file is gzip over lines `connection direction payload-in-hex`. `scripts/record_abci_session.py`
writes them.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import NamedTuple

SESSIONS = Path(__file__).parent / "sessions"


class Frame(NamedTuple):
    """One message on one connection."""

    connection: str
    direction: str
    payload: bytes


def write_session(path: Path, frames: list[Frame]) -> None:
    """Write a session; the same frames give the same file."""
    lines = [f"{frame.connection} {frame.direction} {frame.payload.hex()}\n" for frame in frames]
    path.write_bytes(gzip.compress("".join(lines).encode(), mtime=0))


def read_session(path: Path) -> list[Frame]:
    """Read a session."""
    frames = []
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        connection, direction, payload = line.split(" ")
        frames.append(Frame(connection, direction, bytes.fromhex(payload)))
    return frames
