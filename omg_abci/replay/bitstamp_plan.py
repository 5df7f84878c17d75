"""Bitstamp's feeds as steps of a replay.

The feed shows more than the book: a third of its orders live no time at all, many at prices that
would have traded, so orders that live at most 5 ms are left out unless a trade names them. An
order of the opening snapshot through whose price others traded, and which was never heard of again,
was not in the book. A taker is sent when it appears, with all its trades of that moment.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from omg_abci.protocol.units import Side, Ticks
from omg_abci.replay import bitstamp
from omg_abci.replay.bitstamp import OrderRow, TradeRow
from omg_abci.replay.compare import Comparer
from omg_abci.replay.errors import Contradiction, NoRows
from omg_abci.replay.planner import Planner
from omg_abci.replay.steps import Expected, Step

INSTANT_MS: Final = 5
_MS_NS: Final = 1_000_000


class BitstampPlan:
    """An order file and the trades beside it."""

    def __init__(self, recording: Path, limit: int | None) -> None:
        """Read both files, replay at most ``limit`` orders' rows; raise a `RecordingError`."""
        trades_file = bitstamp.find_trades_file(recording)
        units = bitstamp.find_units(recording, trades_file)
        self.price_unit = units.price_unit
        self.price_decimals = units.price_decimals
        self.size_decimals = units.size_decimals
        self.rows = 0
        self.events = 0
        self.planner = Planner()
        self._recording = recording
        trades = list(bitstamp.iterate_trades(trades_file, units))
        rows = list(bitstamp.iterate_orders(recording, units))
        self._parties = {each.maker for each in trades} | {each.taker for each in trades}
        self._instant = _find_instant(rows) - self._parties
        self._stale = _find_stale(rows, trades) - self._parties
        self._lives = _find_lives(rows)
        self._trades: dict[tuple[int, int], list[TradeRow]] = {}
        for each in trades:
            self._trades.setdefault((each.time_ms, each.taker), []).append(each)
        self._rows = list(islice(rows, limit))
        if not self._rows:
            raise NoRows(recording, 0, "no orders")

    @property
    def set_aside(self) -> dict[str, int]:
        """Return what was not replayed or compared, by reason."""
        return dict(self.planner.set_aside)

    def iterate_steps(self) -> Iterator[Step]:
        """Yield the steps of all rows; raise a `RecordingError`."""
        for row in self._rows:
            self.rows += 1
            if row.order_id in self._instant:
                self.planner.set_aside["rows of orders that lived 5 ms or less"] += 1
                continue
            if row.order_id in self._stale:
                self.planner.set_aside["rows of stale orders of the snapshot"] += 1
                continue
            self.planner.begin_line(row.line)
            for moment, taker in list(self._trades):
                if moment >= row.time_ms:
                    break
                self._trade(self._trades.pop((moment, taker)))
            self._take(row)
            self.events += 1
            yield from self.planner.end_event(row.time_ms * _MS_NS)

    def finish(self, comparer: Comparer) -> None:
        """Do nothing: everything was compared on the way."""

    def _take(self, row: OrderRow) -> None:
        planner, key = self.planner, row.order_id
        if row.action == bitstamp.CREATED:
            if key in planner.venue:
                raise Contradiction(self._recording, row.line, f"order {key} is open already")
            trades = self._trades.pop((row.time_ms, key), [])
            self._trade(trades)
            rest = row.volume - sum(each.amount for each in trades)
            rests = not trades or self._lives.get(key, INSTANT_MS + 1) > INSTANT_MS
            if rest > 0 and row.price and rests:
                planner.add(key, row.side, row.price, rest)
        elif key not in planner.venue:
            if key not in self._parties:
                planner.set_aside["rows about unknown orders"] += 1
        elif row.action == bitstamp.DELETED:
            planner.remove(key)
        elif row.volume != planner.venue.get_quantity(key):
            planner.set_quantity(key, row.volume)

    def _trade(self, trades: list[TradeRow]) -> None:
        if not trades:
            return
        planner = self.planner
        prices = [each.price for each in trades]
        side = trades[0].side
        worst = max(prices) if side == Side.BUY else min(prices)
        fills = [Expected(each.maker, each.price, each.amount) for each in trades]
        planner.take(side, worst, fills)
        for each in trades:
            if each.maker in planner.venue:
                left = planner.venue.get_quantity(each.maker) - each.amount
                planner.set_quantity(each.maker, left)


def _find_lives(rows: Iterable[OrderRow]) -> dict[int, int]:
    """Return how long each order lived that was created and deleted, in ms."""
    created: dict[int, int] = {}
    lives: dict[int, int] = {}
    for row in rows:
        if row.action == bitstamp.CREATED:
            created[row.order_id] = row.time_ms
        elif row.action == bitstamp.DELETED and row.order_id in created:
            lives[row.order_id] = row.time_ms - created[row.order_id]
    return lives


def _find_instant(rows: Iterable[OrderRow]) -> set[int]:
    return {order_id for order_id, life in _find_lives(rows).items() if life <= INSTANT_MS}


def _find_stale(rows: list[OrderRow], trades: list[TradeRow]) -> set[int]:
    """Return orders of the opening snapshot, silent to the end, that trades went through."""
    first, last = rows[0].time_ms, rows[-1].time_ms
    silent: dict[int, tuple[int, Ticks]] = {}
    for row in rows:
        if row.action == bitstamp.CREATED and row.time_ms == first:
            silent[row.order_id] = (row.side, row.price)
        elif row.action != bitstamp.DELETED or row.time_ms != last:
            silent.pop(row.order_id, None)
    highest = max((each.price for each in trades if each.side == Side.BUY), default=0)
    lowest = min((each.price for each in trades if each.side == Side.SELL), default=0)
    return {
        order_id
        for order_id, (side, price) in silent.items()
        if (price < highest if side == Side.SELL else 0 < lowest < price)
    }
