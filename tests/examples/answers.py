"""Reads what a worked example says came of a leg or of a block, as the chain's own results."""

import re
from collections.abc import Mapping
from typing import Any

from omg_abci.protocol import errors
from omg_abci.protocol.results import (
    Activated,
    Decrement,
    Event,
    Fill,
    LegResult,
    Removal,
    Removed,
    StatusChanged,
    Trade,
    Uncrossed,
)
from omg_abci.protocol.units import Ended, MarketStatus
from tests.examples.legs import read_int, read_time
from tests.strategies import Key

_FILL = re.compile(r"([\d,]+) @ ([\d,]+) (\w+) #(\d+)")
_REFUSAL = re.compile(r"(\d+) ([A-Z]\w+)")
_REMOVAL = re.compile(r"removed (\w+) #(\d+) ([A-Z_]+)")
_DECREMENT = re.compile(r"decremented #(\d+) by ([\d,]+)")
_NUMBER = re.compile(r"(rests|filled|cancelled|price|market) ([\d,]+)")
_NAMES = {"rests": "resting"}
_FLAGS = {
    "waits": "waiting",
    "repeated": "repeated",
    "kept place": "kept_place",
    "tombstone": "tombstone",
    "more": "more",
}
_TRADE = re.compile(r"trade ([\d,]+) @ ([\d,]+) (\w+) #(\d+) with (\w+) #(\d+)")
_UNCROSSED = re.compile(r"auction(?: in (\d+))?(?: of ([\d,]+) @ ([\d,]+)| without a cross)")
_STATUS = re.compile(r"market (?:(\d+) )?([A-Z_]+)(?: until ([\d,]+) s)?")
_ACTIVATED = re.compile(r"(\w+) #(\d+) triggered: (.+)")
_REMOVED = re.compile(r"(\w+) #(\d+) ([A-Z_]+)")


def parse_answer(text: str, names: Mapping[str, Key]) -> LegResult:
    """Return a leg's result; what is filled is the sum of the fills unless it is told."""
    found: dict[str, Any] = {"fills": (), "removals": (), "decrements": ()}
    for part in text.split("; "):
        if match := _FILL.fullmatch(part):
            lots, price, who, number = match.groups()
            fill = Fill(names[who].address, int(number), read_int(price), read_int(lots))
            found["fills"] += (fill,)
        elif match := _REFUSAL.fullmatch(part):
            found["code"] = read_code(match[1], match[2])
        elif match := _REMOVAL.fullmatch(part):
            who, number, reason = match.groups()
            found["removals"] += (Removal(names[who].address, int(number), Ended[reason]),)
        elif match := _DECREMENT.fullmatch(part):
            found["decrements"] += (Decrement(int(match[1]), read_int(match[2])),)
        elif match := _NUMBER.fullmatch(part):
            found[_NAMES.get(match[1], match[1])] = read_int(match[2])
        elif part in _FLAGS:
            found[_FLAGS[part]] = True
        elif part in Ended.__members__:
            found["ended"] = Ended[part]
        elif part != "done":
            raise ValueError(f"not an answer: {part}")
    found.setdefault("filled", sum(fill.quantity for fill in found["fills"]))
    return LegResult(**found)


def read_code(code: str, name: str) -> int:
    """Return a refusal's code, which must be that of its name."""
    number = int(code)
    if errors.CODES[number].__name__ != name:
        raise ValueError(f"{code} is not {name}")
    return number


def parse_event(text: str, names: Mapping[str, Key]) -> Event:
    """Return an event of a block."""
    if match := _TRADE.fullmatch(text):
        lots, price, buyer, bought, seller, sold = match.groups()
        sides = names[buyer].address, int(bought), names[seller].address, int(sold)
        return Trade(1, read_int(price), read_int(lots), *sides)
    if match := _UNCROSSED.fullmatch(text):
        return Uncrossed(int(match[1] or 1), read_int(match[3] or "0"), read_int(match[2] or "0"))
    if match := _STATUS.fullmatch(text):
        until_ms = read_time(match[3]) if match[3] else 0
        return StatusChanged(int(match[1] or 1), MarketStatus[match[2]], until_ms)
    if match := _ACTIVATED.fullmatch(text):
        result = parse_answer(match[3], names)
        return Activated(names[match[1]].address, int(match[2]), result)
    if match := _REMOVED.fullmatch(text):
        return Removed(names[match[1]].address, int(match[2]), Ended[match[3]])
    raise ValueError(f"not an event: {text}")
