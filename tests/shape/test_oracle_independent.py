"""The oracle is worth something only while it shares no code with what it judges."""

import ast
from pathlib import Path

from tests.shape.source import ROOT, parse

_JUDGED = ("omg_abci.rules", "omg_abci.state", "omg_abci.node", "omg_abci.gateway")


def _imports(path: Path) -> list[str]:
    """Return each dotted name that a file imports, a member of a module with its module's name."""
    names: list[str] = []
    for node in ast.walk(parse(path)):
        match node:
            case ast.Import():
                names += [alias.name for alias in node.names]
            case ast.ImportFrom():
                assert node.level == 0, f"{path.name} imports relatively"
                names += [f"{node.module}.{alias.name}" for alias in node.names]
            case _:
                pass
    return names


def _own_modules(names: list[str]) -> list[Path]:
    """Return the test modules among imported names."""
    dotted = {part for name in names for part in (name, name.rpartition(".")[0])}
    paths = (ROOT / f"{name.replace('.', '/')}.py" for name in sorted(dotted))
    return [path for path in paths if path.is_relative_to(ROOT / "tests") and path.is_file()]


def test_oracle_imports_no_rules_and_no_state() -> None:
    """tests/model.py and the test modules it uses import nothing that they judge."""
    todo, seen = [ROOT / "tests" / "model.py"], set[Path]()
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        names = _imports(path)
        judged = [name for name in names if f"{name}.".startswith(tuple(f"{m}." for m in _JUDGED))]
        assert judged == [], f"{path.name} imports what it judges"
        assert "importlib" not in names, f"{path.name} imports by name"
        todo += _own_modules(names)
