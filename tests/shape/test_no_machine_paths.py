"""Nothing in the project depends on, or tells of, the machine that it was written on."""

import re
from pathlib import Path

import pytest

from tests.shape.source import place, project_files

# Put together from pieces, so that this file does not find itself.
_HOMES = "|".join(("/ho" + "me", "/Us" + "ers", "/ro" + "ot", "/wo" + "rk"))
_HOSTS = "|".join(
    re.escape(name + end)
    for name, end in (
        ("pypi.", "org"),
        ("pythonhosted.", "org"),
        ("npmjs.", "org"),
        ("npmjs.", "com"),
        ("proxy.golang.", "org"),
        ("sum.golang.", "org"),
        ("crates.", "io"),
        ("repo1.", "maven"),
        ("deb.debian.", "org"),
    )
)
_TELLTALE = re.compile(rf"(?<![\w.\-/])(?:{_HOMES})/\w|[A-Z]:\\Users\\|{_HOSTS}")


def _lines_with_telltale(text: str) -> list[int]:
    return [number for number, line in enumerate(text.split("\n"), 1) if _TELLTALE.search(line)]


def _read_text(path: Path) -> str:
    """Return a file's text, or nothing for a file that is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def test_files_name_no_machine_and_no_registry() -> None:
    """No absolute path of a developer's machine and no registry host stands in any file."""
    found = [
        f"{place(path)}:{number}"
        for path in project_files()
        for number in _lines_with_telltale(_read_text(path))
    ]
    assert found == []


@pytest.mark.parametrize(
    "line", ["see /ho" + "me/ann/omg", "'/wo" + "rk/x'", "C:\\Users\\ann", "https://pypi." + "org/"]
)
def test_search_finds_planted_telltale(line: str) -> None:
    """What must not be there is found where it is planted."""
    assert _lines_with_telltale(line) == [1]


@pytest.mark.parametrize(
    "line", ["$HOME/.cache", "~/.omg", "docs/work/x", "https://example.com/home/x"]
)
def test_search_passes_what_belongs_to_nobody(line: str) -> None:
    """Relative paths, the home variable and addresses are not reported."""
    assert _lines_with_telltale(line) == []
