"""Indicative prices: what an auction of the orders that rest now would do.

Guarantees that dead orders count for nothing, as in the auction itself, that a market is computed
at most once a block however many ask, and that the API answers meanwhile: a thread does the work.
"""

import asyncio
import struct
from collections.abc import Sequence
from typing import ClassVar, Final, NamedTuple

from omg_abci.node.proof_history import ReadError
from omg_abci.node.reader import Reader
from omg_abci.protocol.units import Height, Lots, MarketId, MarketMode, MarketStatus, Side, Ticks
from omg_abci.rules.auction import Pricing, compute_uniform_price
from omg_abci.state.records import MarketRecord

ORDERS_MAX: Final = 250_000
"""Orders of a market that are priced: about 0.1 s of a thread (measured)."""

_FIELDS: Final = struct.Struct(">QQQ8xQ")
"""Price, quantity, filled and expiry time of an order record; the priority is skipped."""
_FIELDS_AT: Final = 10
_HEIGHT: Final = struct.Struct(">Q")
_HEIGHT_AT: Final = 50
"""The expiry height, where the record has a tail."""

Depth = dict[Ticks, Lots]
NO_CROSS: Final = Pricing(0, 0, 0)


class NoAuction(ReadError):
    """The market holds no auction in its status."""

    code: ClassVar[str] = "read.no_auction"


class TooManyOrders(ReadError):
    """The market has more orders than are priced for a question."""

    code: ClassVar[str] = "read.too_many_orders"


class _Book(NamedTuple):
    """What a pricing needs, taken at one height."""

    bids: Sequence[tuple[bytes, bytes]]
    """Key and record of each resting order."""
    asks: Sequence[tuple[bytes, bytes]]
    fired: frozenset[bytes]
    """Owners whose switch has fired."""
    time_ms: int
    height: Height
    market: MarketRecord


class IndicativePrices:
    """The prices of the last block, each computed when it is first asked for."""

    def __init__(self) -> None:
        """Know none."""
        self._reader: Reader | None = None
        self._height: Height = 0
        self._tasks: dict[MarketId, asyncio.Task[Pricing]] = {}

    async def get(self, reader: Reader, market: MarketId, record: MarketRecord) -> Pricing:
        """Return price, volume and surplus, all zero without a cross.

        Raise NoAuction, TooManyOrders.
        """
        if record.status not in (MarketStatus.AUCTION, MarketStatus.UNCROSSING) and not (
            record.status == MarketStatus.ACTIVE and record.mode == MarketMode.BATCH
        ):
            raise NoAuction(f"market {market} holds no auction in its present status")
        if (reader, reader.block.height) != (self._reader, self._height):
            self._reader, self._height = reader, reader.block.height
            self._tasks = {}
        task = self._tasks.get(market)
        if task is None:
            book = _collect(reader, market, record)
            task = asyncio.create_task(asyncio.to_thread(_compute, book))
            self._tasks[market] = task
        return await asyncio.shield(task)


def _collect(reader: Reader, market: MarketId, record: MarketRecord) -> _Book:
    """Take the records at once, so that the next block does not change them under the thread."""
    if record.open_orders > ORDERS_MAX:
        raise TooManyOrders(f"{record.open_orders} orders, at most {ORDERS_MAX} are priced")
    records, block = reader.records, reader.block
    bids, asks = (
        [
            (key, records[key])
            for level in reader.books.get_levels(market, side)
            for key in level.keys
        ]
        for side in (Side.BUY, Side.SELL)
    )
    owners = dict.fromkeys(key[1:21] for key, _ in (*bids, *asks))
    fired = frozenset(
        owner for owner in owners if 0 < reader.get_account(owner).switch_ms <= block.time_ms
    )
    return _Book(bids, asks, fired, block.time_ms, block.height, record)


def _compute(book: _Book) -> Pricing:
    bids, asks = _add_up(book, book.bids), _add_up(book, book.asks)
    price = book.market.auction_price
    if price:
        demand = sum(lots for each, lots in bids.items() if each >= price)
        supply = sum(lots for each, lots in asks.items() if each <= price)
        return Pricing(price, min(demand, supply), abs(demand - supply))
    pricing = compute_uniform_price(list(bids.items()), list(asks.items()), book.market.last_price)
    return pricing or NO_CROSS


def _add_up(book: _Book, orders: Sequence[tuple[bytes, bytes]]) -> Depth:
    """Return the lots of the live orders by price; icebergs count with all that remains."""
    depth: Depth = {}
    for key, value in orders:
        price, quantity, filled, expires_ms = _FIELDS.unpack_from(value, _FIELDS_AT)
        if 0 < expires_ms <= book.time_ms or key[1:21] in book.fired:
            continue
        if len(value) > _HEIGHT_AT:
            (expires_height,) = _HEIGHT.unpack_from(value, _HEIGHT_AT)
            if 0 < expires_height < book.height:
                continue
        depth[price] = depth.get(price, 0) + quantity - filled
    return depth
