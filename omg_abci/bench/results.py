"""The document of a bench: what `--json` prints, `--out` writes, and later runs compare with.

A document says what it is (`schema`), when and on what it was measured, and holds the figures as
`figures.summarise` makes them. Guarantees of `load_document`: what it returns has every field that
the table, the comparison and the picture look at, each of its type; a file is not read beyond a
bound, and is refused with a stable code.
"""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

from omg_abci.bench.errors import (
    ResultBroken,
    ResultForeign,
    ResultMissing,
    ResultTooLarge,
    ResultVersion,
)
from omg_abci.bench.result_shape import ShapeError, check_document

Document: TypeAlias = dict[str, Any]
Figure: TypeAlias = dict[str, Any]

SCHEMA: Final = "omg-bench/2"
"""Counts up when a field changes its meaning or goes; fields may be added without."""
_FAMILY: Final = "omg-bench/"
RESULT_BYTES_MAX: Final = 4 * 1024 * 1024
"""Forty times a full run's result."""
_DEPTH_MAX: Final = 16
_BRACKET: Final = re.compile(rb"[\[\]{}]")
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"')
_GIT_SECONDS: Final = 10.0


def make_document(
    figures: Sequence[Figure],
    machine: Mapping[str, object],
    *,
    quick: bool,
    begun: datetime,
    seconds: float,
) -> Document:
    """Return the document of a run that began at a time (UTC) and took so many seconds."""
    return {
        "schema": SCHEMA,
        "begun": begun.isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "commit": find_commit(Path(__file__).parents[2]),
        "quick": quick,
        "machine": dict(machine),
        "figures": list(figures),
    }


def write_document(document: Document, path: Path) -> None:
    """Write the document as a whole or not at all; raise OSError."""
    passing = path.with_name(f".{path.name}.part")
    try:
        passing.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        passing.replace(path)
    finally:
        passing.unlink(missing_ok=True)


def load_document(path: Path) -> Document:
    """Read a document.

    Raise ResultMissing, ResultTooLarge, ResultBroken, ResultForeign, ResultVersion.
    """
    try:
        with path.open("rb") as file:
            data = file.read(RESULT_BYTES_MAX + 1)
    except (FileNotFoundError, IsADirectoryError) as reason:
        raise ResultMissing(f"{path} is no file") from reason
    if len(data) > RESULT_BYTES_MAX:
        raise ResultTooLarge(f"{path} has more than {RESULT_BYTES_MAX} bytes")
    if not _is_shallow(data):
        raise ResultBroken(f"{path} is nested more than {_DEPTH_MAX} deep")
    try:
        document = json.loads(data, parse_constant=_refuse_constant)
    except ValueError as reason:
        raise ResultBroken(f"{path} is cut off or no JSON: {reason}") from reason
    _check(path, document)
    found: Document = document
    return found


def _is_shallow(data: bytes) -> bool:
    """Tell whether the brackets outside of strings are nested as deep as a result's, or less.

    The parser recurses, and how deep it may is not ours to say.
    """
    depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub(b"", data)):
        depth += 1 if bracket.group() in b"[{" else -1
        if depth > _DEPTH_MAX:
            return False
    return True


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _check(path: Path, document: object) -> None:
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(schema, str):
        raise ResultForeign(f"{path} is no result of omgd bench")
    if schema != SCHEMA:
        if schema.startswith(_FAMILY):
            raise ResultVersion(f"{path} is a result in form {schema}; this version reads {SCHEMA}")
        raise ResultForeign(f"{path} is no result of omgd bench")
    try:
        check_document(document)
    except ShapeError as reason:
        raise ResultForeign(f"{path}: {reason}") from reason


def find_commit(folder: Path) -> dict[str, object] | None:
    """Return the commit that the folder is a checkout of and whether files differ; None without."""
    head = _ask_git(folder, "rev-parse", "HEAD")
    top = _ask_git(folder, "rev-parse", "--show-toplevel")
    if head is None or top is None or Path(top).resolve() != folder.resolve():
        return None
    changed = _ask_git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"hash": head, "changed": bool(changed)}


def _ask_git(folder: Path, *arguments: str) -> str | None:
    """Return git's answer; None when there is no git, or it does not know."""
    try:
        run = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return run.stdout.strip() if run.returncode == 0 else None
