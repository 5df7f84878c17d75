"""A small venue of the tests' own, whose random day is written in the formats of real ones.

It matches by price and time with lists and loops, and shares no code with the replay.
"""

import random
from pathlib import Path
from typing import NamedTuple

BUY, SELL = "B", "A"
OTHER = {BUY: SELL, SELL: BUY}


class Resting:
    """An order in the venue's book."""

    def __init__(self, order_id: int, side: str, price: int, size: int) -> None:
        self.order_id = order_id
        self.side = side
        self.price = price
        self.size = size


class Event(NamedTuple):
    """One thing that happened; `book` is the whole book after it, best first, oldest first."""

    kind: str
    """add, cancel, delete, replace, fill, hidden."""
    order_id: int
    side: str
    price: int
    size: int
    last: bool
    """The last of what one message of a trader caused."""
    bids: tuple[tuple[int, int, int], ...]
    asks: tuple[tuple[int, int, int], ...]


class Venue:
    """The book, and everything that happened."""

    def __init__(self, seed: int) -> None:
        """Start empty; the same seed gives the same day."""
        self.random = random.Random(seed)
        self.orders: list[Resting] = []
        self.events: list[Event] = []
        self.next_id = 1_000

    def levels(self, side: str) -> tuple[tuple[int, int, int], ...]:
        """Return (price, size, orders) of a side, best first."""
        prices = sorted({each.price for each in self.orders if each.side == side})
        if side == BUY:
            prices.reverse()
        found = []
        for price in prices:
            sizes = [e.size for e in self.orders if e.side == side and e.price == price]
            found.append((price, sum(sizes), len(sizes)))
        return tuple(found)

    def run(self, messages: int) -> list[Event]:
        """Let traders do so many things; return all events."""
        for _ in range(messages):
            draw = self.random.random()
            if draw < 0.5 or len(self.orders) < 6:
                self.submit()
            elif draw < 0.62:
                self.change("cancel")
            elif draw < 0.94:
                self.change("delete")
            else:
                self.note("hidden", 0, BUY, self.random.randrange(990, 1_010), 5, last=True)
        return self.events

    def submit(self) -> None:
        """Add an order; what crosses trades first."""
        side = self.random.choice((BUY, SELL))
        offset = self.random.randrange(-2, 14)
        price = 1_000 - offset if side == BUY else 1_000 + offset
        left = self.random.randrange(1, 30)
        self.next_id += self.random.randrange(1, 9)
        order_id = self.next_id
        while left:
            meets = [e for e in self.orders if e.side == OTHER[side]]
            meets = [e for e in meets if (e.price <= price if side == BUY else e.price >= price)]
            if not meets:
                break
            best = min(e.price if side == BUY else -e.price for e in meets)
            first = next(e for e in meets if (e.price if side == BUY else -e.price) == best)
            size = min(left, first.size)
            left -= size
            first.size -= size
            if not first.size:
                self.orders.remove(first)
            self.note("fill", first.order_id, first.side, first.price, size, last=not left)
        if left:
            self.orders.append(Resting(order_id, side, price, left))
            self.note("add", order_id, side, price, left, last=True)

    def change(self, kind: str) -> None:
        """Take an order out, or a part of it."""
        order = self.random.choice(self.orders)
        if kind == "cancel" and order.size > 1:
            size = self.random.randrange(1, order.size)
            order.size -= size
        else:
            kind, size = "delete", order.size
            self.orders.remove(order)
        self.note(kind, order.order_id, order.side, order.price, size, last=True)

    def note(
        self, kind: str, order_id: int, side: str, price: int, size: int, *, last: bool
    ) -> None:
        """Remember an event with the book after it."""
        self.events.append(
            Event(kind, order_id, side, price, size, last, self.levels(BUY), self.levels(SELL))
        )


LOBSTER_TYPES = {"add": 1, "cancel": 2, "delete": 3, "fill": 4, "hidden": 5}


def write_lobster(folder: Path, events: list[Event], depth: int) -> tuple[Path, Path]:
    """Write the events that so many levels show, and the levels after each; return both files."""
    messages, rows = [], []
    before = None
    for at, event in enumerate(events):
        shown = (event.bids[:depth], event.asks[:depth])
        if shown == before and event.kind != "hidden":
            continue
        before = shown
        direction = 1 if event.side == BUY else -1
        kind = LOBSTER_TYPES[event.kind]
        messages.append(
            f"{34_200 + at / 1_000:.9f},{kind},{event.order_id},{event.size},"
            f"{event.price * 100},{direction}"
        )
        row = []
        for place in range(depth):
            for levels, none in ((event.asks, 9_999_999_999), (event.bids, -9_999_999_999)):
                price, size = levels[place][:2] if place < len(levels) else (0, 0)
                row += [str(price * 100 if size else none), str(size)]
        rows.append(",".join(row))
    return write(folder / "m.csv", messages), write(folder / "b.csv", rows)


def write(path: Path, lines: list[str]) -> Path:
    """Write lines; return the path."""
    path.write_text("\n".join(lines) + "\n")
    return path


MBO_HEADER = (
    "ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,price,size,channel_id,order_id,"
    "flags,ts_in_delta,sequence,symbol"
)


def write_mbo(path: Path, events: list[Event], *, flag_all: bool = False) -> Path:
    """Write the events as Databento's CSV export does; the day begins with a cleared book.

    ``flag_all``: each row of an execution is flagged as the last of its event, as some venues do.
    """
    lines = [MBO_HEADER, _make_mbo(0, "R", "N", "", 0, 0, 8, 0)]
    for at, event in enumerate(events, 1):
        price = f"{event.price / 4:.9f}"
        last = 130 if event.last or flag_all else 0
        row = (price, event.size, event.order_id)
        if event.kind == "hidden":
            lines.append(_make_mbo(at, "T", "N", price, event.size, 0, 130, at))
        elif event.kind == "fill":
            inner = 130 if flag_all else 0
            aggressor = OTHER[event.side]
            lines.append(_make_mbo(at, "T", aggressor, price, event.size, 0, inner, at))
            lines.append(_make_mbo(at, "F", event.side, *row, inner, at))
            lines.append(_make_mbo(at, "C", event.side, *row, last, at))
        else:
            action = "A" if event.kind == "add" else "C"
            lines.append(_make_mbo(at, action, event.side, *row, last, at))
    return write(path, lines)


def _make_mbo(
    at: int, action: str, side: str, price: str, size: int, order_id: int, flags: int, sequence: int
) -> str:
    moment = f"2026-01-05T14:30:{at // 1_000:02}.{at % 1_000:03}000000Z"
    return (
        f"{moment},{moment},160,2,77,{action},{side},{price},{size},0,{order_id},{flags},0,"
        f"{sequence},TEST"
    )


def write_mbp(path: Path, events: list[Event], *, collapsed: bool = False) -> Path:
    """Write ten-level snapshots; ``collapsed``: a trade's row alone, with the book after it."""
    names = ",".join(
        f"{side}_{name}_{place:02}"
        for place in range(10)
        for side in ("bid", "ask")
        for name in ("px", "sz", "ct")
    )
    lines = [f",ts_event,action,side,depth,price,size,flags,sequence,{names},symbol"]
    bids: tuple[tuple[int, int, int], ...] = ()
    asks: tuple[tuple[int, int, int], ...] = ()
    for at, event in enumerate(events, 1):
        is_trade = event.kind in ("fill", "hidden")
        after = (event.bids[:10], event.asks[:10])
        if is_trade:
            side = "N" if event.kind == "hidden" else OTHER[event.side]
            book = after if collapsed else (bids, asks)
            lines.append(_make_mbp(len(lines), at, "T", side, event, book))
        if event.kind != "hidden" and after != (bids, asks) and not (is_trade and collapsed):
            action = "A" if event.kind == "add" else "C"
            lines.append(_make_mbp(len(lines), at, action, event.side, event, after))
        bids, asks = after
    return write(path, lines)


def _make_mbp(
    index: int,
    at: int,
    action: str,
    side: str,
    event: Event,
    book: tuple[tuple[tuple[int, int, int], ...], tuple[tuple[int, int, int], ...]],
) -> str:
    moment = f"2026-01-05T14:30:{at // 1_000:02}.{at % 1_000:03}000000Z"
    cells = []
    for place in range(10):
        for levels in book:
            price, size, count = levels[place] if place < len(levels) else (0, 0, 0)
            cells.append(f"{price / 4 if count else ''},{size},{count}")
    return (
        f"{index - 1},{moment},{action},{side},0,{event.price / 4},{event.size},0,{at},"
        f"{','.join(cells)},TEST"
    )
