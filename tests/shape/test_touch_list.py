"""A kind of transaction is complete: everything that CONTRIBUTING.md lists for it is there."""

import ast
import re

import pytest

from omg_abci.protocol.messages import MESSAGES
from tests.shape.source import ROOT, parse

_NAMES = [message.__name__ for message in MESSAGES]


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _functions(path: str) -> list[str]:
    return [node.name for node in parse(ROOT / path).body if isinstance(node, ast.FunctionDef)]


def test_messages_are_all_of_the_module() -> None:
    """Every class with a `check(self)` in protocol/messages is in MESSAGES, once."""
    checked = [
        node.name
        for path in (ROOT / "omg_abci/protocol").glob("messages*.py")
        for node in parse(path).body
        if isinstance(node, ast.ClassDef)
        for part in node.body
        if isinstance(part, ast.FunctionDef)
        and part.name == "check"
        and [argument.arg for argument in part.args.args] == ["self"]
    ]
    assert sorted(_NAMES) == sorted(checked)


@pytest.mark.parametrize("name", _NAMES)
def test_message_is_in_the_schema(name: str) -> None:
    """proto/omg/tx/v1 declares a message of that name."""
    schemas = "\n".join(path.read_text() for path in ROOT.glob("proto/omg/tx/v1/*.proto"))
    assert re.search(rf"^message {name} ", schemas, re.MULTILINE)


@pytest.mark.parametrize("name", _NAMES)
def test_message_has_a_case(name: str) -> None:
    """The one match, in rules/transition, has a case for it."""
    classes = [
        node.cls.attr if isinstance(node.cls, ast.Attribute) else getattr(node.cls, "id", "")
        for node in ast.walk(parse(ROOT / "omg_abci/rules/transition.py"))
        if isinstance(node, ast.MatchClass)
    ]
    assert classes.count(name) == 1


@pytest.mark.parametrize("name", _NAMES)
def test_message_has_a_builder(name: str) -> None:
    """wallet_sdk/build* makes one by a function of its name."""
    paths = [path.relative_to(ROOT).as_posix() for path in ROOT.glob("wallet_sdk/build*.py")]
    assert _snake(name) in [each for path in paths for each in _functions(path)]


@pytest.mark.parametrize("name", _NAMES)
def test_message_has_a_strategy(name: str) -> None:
    """tests/strategies* draws random ones by a function of its name."""
    paths = [path.relative_to(ROOT).as_posix() for path in ROOT.glob("tests/strategies*.py")]
    assert _snake(name) in [each for path in paths for each in _functions(path)]


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("verdict", ["accepted", "rejected"])
def test_message_has_vectors(name: str, verdict: str) -> None:
    """Its vector folder has a case that is accepted and one that is rejected."""
    assert list((ROOT / "tests" / "vectors" / _snake(name)).glob(f"{verdict}*"))


@pytest.mark.parametrize("name", _NAMES)
def test_message_is_specified(name: str) -> None:
    """A heading in docs/spec names it."""
    pages = "\n".join(path.read_text() for path in ROOT.glob("docs/spec/*.md"))
    assert re.search(rf"^#+ .*\b{name}\b", pages, re.MULTILINE)
