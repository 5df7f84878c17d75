"""The documents lead somewhere: each relative link names a file, each generated page is fresh."""

import re
import subprocess
import sys
from pathlib import Path

from tests.shape.source import ROOT, project_files

_LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")
_FRAGMENT = re.compile(r"\d+\.(state|api|fix|docs|internal)(\.\d+)?\.md")


def _pages() -> list[Path]:
    return [path for path in project_files() if path.suffix == ".md"]


def test_links_lead_to_files() -> None:
    """No page of the project links to a file that is not there."""
    dead = [
        f"{page.relative_to(ROOT)} → {target}"
        for page in _pages()
        for target in _LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert dead == []


def test_every_page_is_reachable() -> None:
    """The index or a page it leads to links to every page below docs."""
    seen, todo = set[Path](), [ROOT / "docs" / "index.md"]
    while todo:
        page = todo.pop().resolve()
        if page in seen or page.suffix != ".md" or not page.exists():
            continue
        seen.add(page)
        todo += [page.parent / target for target in _LINK.findall(page.read_text(encoding="utf-8"))]
    docs = [page for page in _pages() if page.is_relative_to(ROOT / "docs")]
    assert sorted(page.name for page in docs if page.resolve() not in seen) == []


def test_generated_pages_are_fresh() -> None:
    """docs/reference says what the code says; `make docs` writes it anew."""
    run = subprocess.run(
        [sys.executable, "scripts/generate_reference.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


def test_changelog_fragments_are_named_for_towncrier() -> None:
    """Issue, type and, for further ones of both, a number: towncrier takes words for no number."""
    names = [each.name for each in (ROOT / "changelog.d").iterdir()]
    wrong = [name for name in names if not _FRAGMENT.fullmatch(name)]
    assert wrong == []
