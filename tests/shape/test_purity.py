"""Consensus code is integers, ordered data and plain functions: its syntax trees are searched.

What it imports is import-linter's subject, see test_imports.
"""

import ast
from pathlib import Path

import pytest

from tests.shape.source import PURE_PACKAGES, parse, place, python_files

_BANNED_NAMES = frozenset(
    {
        "complex",
        "eval",
        "exec",
        "float",
        "frozenset",
        "globals",
        "hash",
        "id",
        "input",
        "locals",
        "open",
        "print",
        "round",
        "set",
        "vars",
    }
)
_INTEGER_MATH = frozenset({"comb", "gcd", "isqrt", "lcm"})
_BANNED_SYNTAX: dict[type[ast.AST], str] = {
    ast.Set: "set display",
    ast.SetComp: "set comprehension",
    ast.Global: "global",
    ast.AsyncFunctionDef: "async def",
    ast.AsyncFor: "async for",
    ast.AsyncWith: "async with",
    ast.Await: "await",
}
_BANNED_OPERATORS: dict[type[ast.AST], str] = {ast.Div: "division /", ast.Pow: "power **"}


def _offence(node: ast.AST) -> str | None:
    """Return what is wrong with one node of a pure module's tree, if anything is."""
    match node:
        case ast.Constant(value=float() | complex() as value):
            return f"float literal {value}"
        case ast.BinOp(op=op) | ast.AugAssign(op=op):
            return _BANNED_OPERATORS.get(type(op))
        case ast.Name(id=name, ctx=ast.Load()) if name in _BANNED_NAMES:
            return f"built-in {name}"
        case ast.Attribute(value=ast.Name(id="math"), attr=name) if name not in _INTEGER_MATH:
            return f"math.{name}"
        case ast.ImportFrom(module="math"):
            return "from math import"
        case _:
            return _BANNED_SYNTAX.get(type(node))


def _offences(tree: ast.AST, path: Path) -> list[str]:
    found = ((node, _offence(node)) for node in ast.walk(tree))
    return [f"{place(path, node)}: {what}" for node, what in found if what]


def test_pure_packages_hold_nothing_that_differs_between_nodes() -> None:
    """No float, set, unordered iteration, hidden state or concurrency in consensus code."""
    files = python_files(*PURE_PACKAGES)
    assert files
    assert [line for path in files for line in _offences(parse(path), path)] == []


def test_chain_checks_without_assert() -> None:
    """`python -O` removes assert statements, so the chain uses `require`."""
    asserts = [
        place(path, node)
        for path in python_files("omg_abci")
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Assert)
    ]
    assert asserts == []


@pytest.mark.parametrize(
    "source",
    [
        "x = 1.0",
        "x = 1j",
        "x = a / b",
        "x /= 2",
        "x = a ** 2",
        "x = float(a)",
        "x = round(a)",
        "x = hash(a)",
        "sorted(a, key=id)",
        "open(a)",
        "print(a)",
        "x = set()",
        "x = frozenset(a)",
        "x = {1, 2}",
        "x = {y for y in a}",
        "def f():\n    global x",
        "async def f(): pass",
        "import math\nx = math.sqrt(2)",
        "from math import sqrt",
    ],
)
def test_search_finds_planted_offence(source: str) -> None:
    """Each kind of offence is found where it is planted."""
    assert _offences(ast.parse(source), Path(__file__))


@pytest.mark.parametrize("source", ["x = a // b", "x = {1: 2}", "x = a.hash", "math.isqrt(4)"])
def test_search_passes_integer_code(source: str) -> None:
    """What consensus code may do is not reported."""
    assert _offences(ast.parse(source), Path(__file__)) == []
