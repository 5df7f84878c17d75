"""Times of recordings: nanoseconds since 1970, or RFC 3339, to nanoseconds."""

from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

from omg_abci.replay.errors import BadNumber

_TO_THE_SECOND: Final = 19
_SECOND_NS: Final = 1_000_000_000


def parse_time(path: Path, line: int, text: str) -> int:
    """Return nanoseconds since 1970; raise BadNumber."""
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        fraction, zone = _split(text[_TO_THE_SECOND:])
        seconds = _parse_seconds(text[:_TO_THE_SECOND], zone)
        return seconds * _SECOND_NS + int(fraction[:9].ljust(9, "0"))
    except ValueError as reason:
        problem = f"time is neither nanoseconds nor RFC 3339: {text!r}"
        raise BadNumber(path, line, problem) from reason


def _split(rest: str) -> tuple[str, str]:
    if not rest.startswith("."):
        return "0", rest
    end = 1
    while end < len(rest) and rest[end].isdigit():
        end += 1
    return rest[1:end], rest[end:]


@lru_cache(maxsize=64)
def _parse_seconds(text: str, zone: str) -> int:
    """Return seconds since 1970; most rows share their second with the row before."""
    moment = datetime.fromisoformat(text + (zone or "Z"))
    return int(moment.astimezone(UTC).timestamp())
