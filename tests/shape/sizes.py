"""How long the project's functions and modules are.

Run as a program it writes the longest of today to ratchet.json; it never raises what is there.
"""

import ast
import json
import sys
from pathlib import Path

from tests.shape.source import PACKAGES, parse, place, python_files

RATCHET = Path(__file__).with_name("ratchet.json")
LIMITS = {"function_lines": 50, "module_lines": 400}


def measure_functions() -> list[tuple[int, str]]:
    """Return (lines, place) of every function, from its first decorator to its end."""
    return [
        ((node.end_lineno or node.lineno) - first_line(node) + 1, place(path, node))
        for path in python_files(*PACKAGES, "tests", "scripts")
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def measure_modules() -> list[tuple[int, str]]:
    """Return (lines, place) of every hand-written module."""
    return [
        (path.read_bytes().count(b"\n"), place(path))
        for path in python_files(*PACKAGES, "tests", "scripts")
    ]


def first_line(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the line of a function's first decorator, or of its def."""
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def read_ratchet() -> dict[str, int]:
    """Return the recorded maxima."""
    recorded: dict[str, int] = json.loads(RATCHET.read_text())
    return recorded


def main() -> None:
    """Lower each recorded maximum to what is measured now."""
    recorded = read_ratchet()
    lowered = {
        "function_lines": min(recorded["function_lines"], max(measure_functions())[0]),
        "module_lines": min(recorded["module_lines"], max(measure_modules())[0]),
    }
    RATCHET.write_text(json.dumps(lowered, indent=2) + "\n")
    sys.stdout.write(f"{lowered}\n")


if __name__ == "__main__":
    main()
