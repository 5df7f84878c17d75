"""Where the project's sources are, and how the shape tests read them."""

import ast
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("omg_abci", "plasma_bridge", "wallet_sdk")
PURE_PACKAGES = ("omg_abci/protocol", "omg_abci/state", "omg_abci/rules")
_GENERATED = ROOT / "omg_abci" / "gen"


def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a file; a syntax error names the file."""
    return ast.parse(path.read_bytes(), filename=str(path))


def python_files(*folders: str) -> list[Path]:
    """Return the hand-written Python files below folders of the project, in order."""
    return sorted(
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if not path.is_relative_to(_GENERATED)
    )


def project_files() -> list[Path]:
    """Return every file that is, or would be, under version control, in order."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout
    paths = (ROOT / os.fsdecode(name) for name in set(listed.split(b"\0")) if name)
    return sorted(path for path in paths if path.is_file())


def place(path: Path, node: ast.AST | None = None) -> str:
    """Return path:line as an editor takes it, relative to the project."""
    line = f":{node.lineno}" if isinstance(node, ast.stmt | ast.expr) else ""
    return f"{path.relative_to(ROOT)}{line}"
