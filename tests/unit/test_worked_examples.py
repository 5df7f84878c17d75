"""The worked examples of the specification are executed: every number in them is what happens."""

import re
from pathlib import Path

import pytest

from omg_abci.protocol.errors import CODES
from omg_abci.protocol.units import Ended
from tests.examples.notation import Example, parse_example, read_examples
from tests.examples.world import Chain, Oracle, make_genesis, play
from tests.shape.source import ROOT

SPEC = ROOT / "docs" / "spec"
PAGES = sorted(SPEC.rglob("*.md"))
INDEX = SPEC / "orders" / "README.md"
EXAMPLES = [example for page in PAGES for example in read_examples(page)]
_NAMED = re.compile(r"\b(\d{1,4}) `?([A-Z][a-z]+(?:[A-Z][a-z]+)+)`?")
_TINY = """
block 1, 1 s
  bob #1 sell 5 @ 100 → rests 5
block 2, 2 s
  alice #1 buy 7 @ 101 → 5 @ 100 bob #1; rests 2
  book: 2 @ 101 alice #1 | –
"""


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.place)
def test_chain_does_what_the_page_says(example: Example) -> None:
    """Answers, events, books and balances of an example, on the chain."""
    play(example, Chain(make_genesis(example.market)))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.place)
def test_oracle_does_what_the_page_says(example: Example) -> None:
    """Answers, events, books and balances of an example, on the oracle."""
    play(example, Oracle(make_genesis(example.market)))


@pytest.mark.parametrize(
    "page", sorted(set((SPEC / "orders").glob("*.md")) - {INDEX}), ids=lambda page: page.stem
)
def test_every_order_page_has_an_example(page: Path) -> None:
    """No kind of order is told of without numbers."""
    assert page.name in {example.place.partition(":")[0] for example in EXAMPLES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_codes_are_named_rightly(page: Path) -> None:
    """Where a page gives a code with a name, the code has that name."""
    told = _NAMED.findall(page.read_text(encoding="utf-8"))
    known = [(code, name) for code, name in told if int(code) in CODES]
    assert [pair for pair in known if CODES[int(pair[0])].__name__ != pair[1]] == []


def test_life_of_an_order_names_every_end() -> None:
    """The table of an order's life says how each reason to end comes about."""
    page = INDEX.read_text(encoding="utf-8")
    assert [end.name for end in Ended if end and end.name not in page] == []


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ("rests 5", "rests 4"),
        ("5 @ 100 bob #1", "5 @ 101 bob #1"),
        ("2 @ 101 alice #1 | –", "2 @ 101 alice #1 | 1 @ 102 bob #1"),
        ("  book:", "  event: alice #1 EXPIRED\n  book:"),
    ],
)
def test_wrong_example_is_found(said: str, wrong: str) -> None:
    """An example that says something else than what happens fails."""
    play(parse_example("here:1", _TINY), Chain(make_genesis({})))
    with pytest.raises(AssertionError, match="here:1"):
        play(parse_example("here:1", _TINY.replace(said, wrong)), Chain(make_genesis({})))


@pytest.mark.parametrize(
    "line",
    [
        "alice #1 buys 5 @ 100 → rests 5",
        "alice #1 buy 5 @ 100 SOON → rests 5",
        "alice #1 buy 5 @ 100 → 2006 FillOrKillUnfilled",
        "alice #1 buy 5 @ 100",
        "event: alice #1 is tired",
        "mallory #1 cancel → tombstone",
    ],
)
def test_line_that_says_nothing_is_refused(line: str) -> None:
    """What cannot be executed is no example."""
    with pytest.raises((ValueError, KeyError)):
        parse_example("here:1", f"block 1, 1 s\n{line}\n")
