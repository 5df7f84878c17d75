"""Write the pages of docs/reference from the code: refusals from errors, bounds from limits.

``python scripts/generate_reference.py`` writes them; with ``--check`` it writes nothing and fails
when a page is not what it would write.
"""

import ast
import inspect
import sys
from pathlib import Path

from omg_abci.protocol import errors, limits

_PAGES = Path(__file__).resolve().parents[1] / "docs" / "reference"
_NOTICE = "Made from `{source}` by `make docs`; a test says when it is stale.\n"


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]


def render_errors() -> str:
    """Return the page of all refusals, one table a family, ascending by code."""
    lines = ["# Refusals\n", _NOTICE.format(source="omg_abci/protocol/errors*.py")]
    lines.append("Codes are consensus data and append-only; texts may change.\n")
    for family in errors.TxError.__subclasses__():
        lines += [f"## {family.__name__}\n", f"{_first_line(family.__doc__)}\n"]
        lines += ["| code | name | text |", "|---|---|---|"]
        kinds = sorted(family.__subclasses__(), key=lambda kind: kind.code)
        lines += [f"| {kind.code} | `{kind.__name__}` | {kind.text} |" for kind in kinds]
        lines.append("")
    return "\n".join(lines)


def render_limits() -> str:
    """Return the page of all bounds in the order of the module, each with its value and reason."""
    lines = ["# Bounds\n", _NOTICE.format(source="omg_abci/protocol/limits.py")]
    lines.append(f"{_first_line(limits.__doc__)}\n")
    lines += ["| name | value | why |", "|---|---|---|"]
    body = ast.parse(inspect.getsource(limits)).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        match node:
            case ast.AnnAssign(target=ast.Name(id=name)) if name.isupper() and name[0] != "_":
                why = ""
                if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                    why = " ".join(str(after.value.value).split())
                lines.append(f"| `{name}` | {_show(getattr(limits, name))} | {why} |")
            case _:
                pass
    return "\n".join([*lines, ""])


def _show(value: int) -> str:
    """Return a value as a person reads it: powers of two by their exponent, else by thousands."""
    exponent = value.bit_length() - 1
    if exponent >= 32 and value == 1 << exponent:  # noqa: PLR2004 - wider than a person counts
        return f"2^{exponent}"
    if exponent >= 31 and value == (1 << exponent + 1) - 1:  # noqa: PLR2004 - the same
        return f"2^{exponent + 1} − 1"
    return f"{value:,}"


def main() -> None:
    """Write the pages, or compare them."""
    pages = {"errors.md": render_errors(), "limits.md": render_limits()}
    check = sys.argv[1:] == ["--check"]
    for name, text in pages.items():
        page = _PAGES / name
        if not check:
            page.parent.mkdir(exist_ok=True)
            page.write_text(text, encoding="utf-8")
        elif not page.exists() or page.read_text(encoding="utf-8") != text:
            sys.exit(f"docs/reference/{name} is stale: run make docs")


if __name__ == "__main__":
    main()
