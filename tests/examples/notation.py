"""Reads the worked examples of docs/spec: what happens, and what is said to come of it.

The notation is described in docs/spec/orders/README.md. An example is a fenced block of its own
language; `read_examples` returns those of a page, each line parsed into the chain's own messages,
results and events. A line that is not understood raises ValueError with its text.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from omg_abci.protocol.messages import Message
from omg_abci.protocol.results import Event, LegResult
from tests.examples.answers import parse_answer, parse_event
from tests.examples.legs import parse_leg, read_int, read_time
from tests.strategies import AGENTS, OWNERS, Key

NAMES: dict[str, Key] = dict(zip(("alice", "bob", "carol", "dave"), OWNERS, strict=True))
AGENT = AGENTS[0]
"""Approved by everybody."""

_FENCE = re.compile(r"^```example\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"block ([\d,]+), ([\d,]+) s")
_TX = re.compile(r"(?P<who>\w+)(?P<agent> by agent)?(?P<atomic> atomic)? (?P<legs>.+)")


class ExampleTx(NamedTuple):
    """A transaction and the answer to each of its legs."""

    owner: Key
    signer: Key
    atomic: bool
    legs: list[Message]
    answers: list[LegResult]


class ExampleBlock(NamedTuple):
    """A block, and what is said of it and of the state after it."""

    height: int
    time_ms: int
    txs: list[ExampleTx]
    events: list[Event]
    claims: list[tuple[str, str]]
    """What is looked at, and what is seen: `book`, `waiting`, `market`, a balance."""


class Example(NamedTuple):
    """A worked example."""

    place: str
    """Page and line."""
    market: dict[str, Any]
    """What is special about the market, as genesis has it."""
    blocks: list[ExampleBlock]


def read_examples(page: Path) -> list[Example]:
    """Return the examples of a page; raise ValueError for a line that says nothing."""
    text = page.read_text(encoding="utf-8")
    return [
        parse_example(f"{page.name}:{text.count(chr(10), 0, match.start()) + 1}", match[1])
        for match in _FENCE.finditer(text)
    ]


def parse_example(place: str, text: str) -> Example:
    """Return the example that a fenced text holds."""
    market: dict[str, Any] = {}
    blocks: list[ExampleBlock] = []
    for line in list_lines(text):
        if header := _BLOCK.fullmatch(line):
            blocks.append(ExampleBlock(read_int(header[1]), read_time(header[2]), [], [], []))
        elif not blocks:
            market |= parse_market(line)
        else:
            parse_line(blocks[-1], line)
    return Example(place, market, blocks)


def list_lines(text: str) -> Iterator[str]:
    """Yield the lines that say something, their blanks made one."""
    for line in text.splitlines():
        words = line.split()
        if words:
            yield " ".join(words)


def parse_line(block: ExampleBlock, line: str) -> None:
    """Add what a line below a block's header says."""
    legs, arrow, answer = line.partition(" → ")
    name, colon, seen = line.partition(": ")
    if arrow and legs.startswith("and "):
        add_leg(block.txs[-1], legs.removeprefix("and "), answer)
    elif arrow:
        match = _TX.fullmatch(legs)
        if match is None or match["who"] not in NAMES:
            raise ValueError(f"not a transaction: {line}")
        owner = NAMES[match["who"]]
        signer = AGENT if match["agent"] else owner
        block.txs.append(ExampleTx(owner, signer, bool(match["atomic"]), [], []))
        add_leg(block.txs[-1], match["legs"], answer)
    elif colon and name == "event":
        block.events.append(parse_event(seen, NAMES))
    elif colon:
        block.claims.append((name, seen))
    else:
        raise ValueError(f"neither a transaction nor a claim: {line}")


def add_leg(tx: ExampleTx, text: str, answer: str) -> None:
    """Add a leg and its answer to a transaction."""
    tx.legs.append(parse_leg(text, NAMES))
    tx.answers.append(parse_answer(answer, NAMES))


def parse_market(line: str) -> dict[str, Any]:
    """Return the fields of genesis that a line before the first block sets."""
    found: dict[str, Any] = {}
    words = line.removeprefix("market ").split()
    while words:
        match words:
            case ["batch", *words]:
                found["mode"] = "batch"
            case ["band", value, *words]:
                found["band_bp"] = read_int(value)
            case ["auction", value, "s", *words]:
                found["auction_ms"] = read_int(value) * 1_000
            case ["opens", value, "s", *words]:
                found["opens_ms"] = read_time(value)
            case ["units", base, quote, *words]:
                found |= {"base_unit": base.replace(",", ""), "quote_unit": quote.replace(",", "")}
            case ["lots", least, most, *words]:
                found |= {"lots_min": read_int(least), "lots_max": read_int(most)}
            case ["creator", name, *words]:
                found["creator"] = "0x" + NAMES[name].address.hex()
            case _:
                raise ValueError(f"not a market: {line}")
    return found
