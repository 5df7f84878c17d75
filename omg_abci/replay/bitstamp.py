"""Bitstamp's order and trade feeds, as the package ``ob-analytics`` records them in two CSV files.

An order row is id, timestamp, exchange_timestamp (ms), price, volume, action (created, changed,
deleted), direction (bid, ask); a trade row names the buying and the selling order and says which
side came later. Prices and volumes come out as integers of the decimals that the files use.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from omg_abci.protocol.limits import PRICE_TICKS_MAX, QUANTITY_LOTS_MAX, U64_MAX
from omg_abci.protocol.units import Lots, Side, Ticks
from omg_abci.replay.databento import iterate_records
from omg_abci.replay.errors import BadNumber, BadWord, Contradiction, NoRows, Unreadable
from omg_abci.replay.text import count_decimals, parse_decimal, parse_integer

CREATED: Final = "created"
CHANGED: Final = "changed"
DELETED: Final = "deleted"
_ACTIONS: Final = frozenset((CREATED, CHANGED, DELETED))
_DIRECTIONS: Final = {"bid": int(Side.BUY), "ask": int(Side.SELL)}
_TRADE_SIDES: Final = {"buy": int(Side.BUY), "sell": int(Side.SELL)}
_ORDER_COLUMNS: Final = ("id", "exchange_timestamp", "price", "volume", "action", "direction")
_TRADE_COLUMNS: Final = (
    "exchange_timestamp", "price", "amount", "buy_order_id", "sell_order_id", "side",
)  # fmt: skip


class OrderRow(NamedTuple):
    """What became of an order."""

    line: int
    time_ms: int
    """The exchange's own."""
    order_id: int
    price: Ticks
    """0 for a market order; of a taker's change it is the trade's price, not the order's."""
    volume: Lots
    """What is left."""
    action: str
    side: int


class TradeRow(NamedTuple):
    """A match."""

    line: int
    time_ms: int
    price: Ticks
    amount: Lots
    maker: int
    taker: int
    side: int
    """The taker's."""


class Units(NamedTuple):
    """What one look through the files finds."""

    price_decimals: int
    size_decimals: int
    price_unit: int
    """The greatest number of 10^-price_decimals that divides every price."""


def find_trades_file(recording: Path) -> Path:
    """Return the trades that lie beside an order file; raise Unreadable."""
    name = recording.name
    for plain in dict.fromkeys((name, name.removesuffix(".gz"))):
        for packed in ("", ".gz"):
            found = recording.with_name(plain.replace("orders", "trades") + packed)
            if found != recording and found.is_file():
                return found
    raise Unreadable(recording, 0, "no file of its trades lies beside it (…trades.csv or .gz)")


def find_units(orders: Path, trades: Path) -> Units:
    """Read both files once; raise a `RecordingError`."""
    price_decimals = size_decimals = 0
    prices: dict[str, tuple[Path, int]] = {}
    for path, columns, size in (
        (orders, _ORDER_COLUMNS, "volume"),
        (trades, _TRADE_COLUMNS, "amount"),
    ):
        for line, fields in iterate_records(path, columns):
            price_decimals = max(price_decimals, count_decimals(fields["price"]))
            size_decimals = max(size_decimals, count_decimals(fields[size]))
            prices.setdefault(fields["price"], (path, line))
    unit = 0
    for price, (path, line) in prices.items():
        unit = math.gcd(unit, parse_decimal(path, line, "price", price, price_decimals))
    return Units(price_decimals, size_decimals, unit or 1)


def iterate_orders(path: Path, units: Units) -> Iterator[OrderRow]:
    """Yield the order rows; raise a `RecordingError` at the first that is malformed."""
    before = 0
    for line, fields in iterate_records(path, _ORDER_COLUMNS):
        row = _parse_order(path, line, fields, units)
        if row.time_ms < before:
            raise Contradiction(path, line, "exchange_timestamp goes backwards")
        before = row.time_ms
        yield row
    if not before:
        raise NoRows(path, 0, "no orders")


def iterate_trades(path: Path, units: Units) -> Iterator[TradeRow]:
    """Yield the trades; raise a `RecordingError` at the first that is malformed."""
    for line, fields in iterate_records(path, _TRADE_COLUMNS):
        side = _TRADE_SIDES.get(fields["side"])
        if side is None:
            raise BadWord(path, line, f"side is neither buy nor sell: {fields['side']!r}")
        buyer = _parse_id(path, line, fields["buy_order_id"])
        seller = _parse_id(path, line, fields["sell_order_id"])
        maker, taker = (seller, buyer) if side == Side.BUY else (buyer, seller)
        price = _parse_price(path, line, fields["price"], units)
        amount = _parse_size(path, line, fields["amount"], units)
        if not price or not amount:
            raise BadNumber(path, line, "a trade without price or amount")
        time_ms = parse_integer(path, line, "time", fields["exchange_timestamp"])
        yield TradeRow(line, time_ms, price, amount, maker, taker, side)


def _parse_order(path: Path, line: int, fields: dict[str, str], units: Units) -> OrderRow:
    action = fields["action"]
    side = _DIRECTIONS.get(fields["direction"])
    if action not in _ACTIONS:
        raise BadWord(path, line, f"action is unknown: {action!r}")
    if side is None:
        raise BadWord(path, line, f"direction is neither bid nor ask: {fields['direction']!r}")
    return OrderRow(
        line,
        parse_integer(path, line, "time", fields["exchange_timestamp"]),
        _parse_id(path, line, fields["id"]),
        _parse_price(path, line, fields["price"], units),
        _parse_size(path, line, fields["volume"], units),
        action,
        side,
    )


def _parse_id(path: Path, line: int, text: str) -> int:
    order_id = parse_integer(path, line, "order id", text)
    if not 1 <= order_id <= U64_MAX:
        raise BadNumber(path, line, f"order id is out of range: {order_id}")
    return order_id


def _parse_price(path: Path, line: int, text: str, units: Units) -> Ticks:
    price = parse_decimal(path, line, "price", text, units.price_decimals) // units.price_unit
    if not 0 <= price <= PRICE_TICKS_MAX:
        raise BadNumber(path, line, f"price is out of range: {text}")
    return price


def _parse_size(path: Path, line: int, text: str, units: Units) -> Lots:
    size = parse_decimal(path, line, "size", text, units.size_decimals)
    if not 0 <= size <= QUANTITY_LOTS_MAX:
        raise BadNumber(path, line, f"size is out of range: {text}")
    return size
