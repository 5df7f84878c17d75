"""Writes to markets: their lives, the prices traded, and where mass work may be due."""

from heapq import heappush
from typing import TypedDict, Unpack

from omg_abci.protocol import limits
from omg_abci.protocol.errors import require
from omg_abci.protocol.units import MarketStatus, Millis, Ticks
from omg_abci.state.objects import Market
from omg_abci.state.records import MarketRecord
from omg_abci.state.tables import Tables


class MarketFields(TypedDict, total=False):
    """What of a market `MarketWrites.set_market` can set."""

    status: int
    until_ms: Millis
    last_price: Ticks
    low: Ticks
    high: Ticks
    reference: Ticks
    reference_ms: Millis
    auction_price: Ticks


class MarketWrites(Tables):
    """Every write leaves its inverse in the journal."""

    __slots__ = ()

    def add_market(self, record: MarketRecord) -> Market:
        """Open a market with the next id, which no other market ever has."""
        number = self.next_market
        require(number <= limits.U32_MAX - 1, "market ids are left")
        market = Market(number, record)
        self._journal.append((self._undo_add, market))
        self.next_market = number + 1
        self.markets[number] = market
        self.dirty_markets[market] = None
        self.note_work(market)
        return market

    def remove_market(self, market: Market) -> None:
        """Delete a market that has no orders; who lists its work drops it there."""
        require(not market.open_orders, "a market that goes has no orders")
        self._journal.append((self.markets.__setitem__, market.id, market))
        del self.markets[market.id]
        self.dirty_markets[market] = None

    def set_market(self, market: Market, **fields: Unpack[MarketFields]) -> None:
        """Set what is given; a new status or time is noted where mass work looks."""
        before = {name: getattr(market, name) for name in fields}
        self._journal.append((_set_fields, market, before))
        _set_fields(market, dict(fields))
        self.dirty_markets[market] = None
        if "status" in fields or "until_ms" in fields:
            self.note_work(market)

    def set_last_price(self, market: Market, price: Ticks) -> None:
        """Note the price of the newest fill, and widen the range to it."""
        if market.last_price != price:
            self._journal.append((_restore_last_price, market, market.last_price))
            market.last_price = price
            self.dirty_markets[market] = None
        if not market.low <= price <= market.high:
            self.extend_range(market, price)

    def extend_range(self, market: Market, price: Ticks) -> None:
        """Widen the range of prices for which triggers are to be worked off."""
        low, high = market.low, market.high
        if low <= price <= high:
            return
        self._journal.append((_restore_range, market, low, high))
        market.low = price if price < low or not high else low
        market.high = max(high, price)
        self.dirty_markets[market] = None
        self.trigger_work[market.id] = market

    def note_work(self, market: Market) -> None:
        """List a market where mass work looks, by its status, its time and its waiting orders."""
        number, status = market.id, market.status
        if market.until_ms:
            self._pushed += 1
            heappush(self.market_timers, (market.until_ms, number))
        if status == MarketStatus.UNCROSSING:
            self.uncrossing_work[number] = market
        elif status == MarketStatus.DELISTING:
            self.delisting_work[number] = market
        if market.is_batch:
            self.batch_work[number] = market
        if market.rising or market.falling or not market.low == market.high == market.last_price:
            self.trigger_work[number] = market

    def set_post_only_until(self, until_ms: Millis) -> None:
        """Set when the post-only period ends."""
        self._journal.append((self._restore_post_only, self.post_only_until_ms))
        self.post_only_until_ms = until_ms

    def _drop_removed(self) -> None:
        """Forget the work of markets that are gone; the block is committed."""
        for market in self.dirty_markets:
            number = market.id
            if number not in self.markets:
                self.uncrossing_work.pop(number, None)
                self.delisting_work.pop(number, None)
                self.batch_work.pop(number, None)
                self.trigger_work.pop(number, None)

    def _undo_add(self, market: Market) -> None:
        del self.markets[market.id]
        self.next_market = market.id

    def _restore_post_only(self, until_ms: Millis) -> None:
        self.post_only_until_ms = until_ms


def _set_fields(market: Market, fields: dict[str, object]) -> None:
    for name, value in fields.items():
        setattr(market, name, value)


def _restore_last_price(market: Market, price: Ticks) -> None:
    market.last_price = price


def _restore_range(market: Market, low: Ticks, high: Ticks) -> None:
    market.low = low
    market.high = high
