"""Let everything be due at one instant, and measure the blocks until all of it is done.

    python -m scripts.mass_work_campaign --orders 1000000

Four phases, each on a state of its own: orders that expire together, a cascade of stop orders, the
delisting of a full market, a call auction that crosses. Meanwhile somebody trades against what is
due in every block. Prints one JSON object: milliseconds of executing a block, and of the whole of
it with its hash and its commit. Exits 1 when a dead order was filled or something is left over.
"""

import gc
import json
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import click

from omg_abci.protocol.results import Activated, Removed, Trade
from omg_abci.protocol.units import Ended, MarketStatus, OrderType, Side, TimeInForce
from omg_abci.rules.transition import Block, BlockResult, apply_block
from omg_abci.state.diff import store_changes
from omg_abci.state.hashes import compute_diff_hash
from omg_abci.state.records import OrderRecord
from omg_abci.state.working import WorkingState
from tests.heavy_books import CREATOR, DUE_MS, MARKET, MID, PLAIN, TAKER, make_state, make_taking

_BLOCK_MS: Final = 200
_LEVELS: Final = 5_000
_BLOCKS_MAX: Final = 20_000


class Run:
    """One phase: blocks one after another, how long each took and what it did."""

    def __init__(self, name: str, state: WorkingState) -> None:
        """Prepare a phase; garbage is collected between blocks only, as in a node."""
        self.name = name
        self.state = state
        self.executed_ms: list[float] = []
        self.whole_ms: list[float] = []
        self.filled = 0
        """Lots that the taker's orders were filled with."""
        self.removed: dict[str, int] = {}
        self.trades = self.activated = self.met = 0
        self._diff_hash = bytes(32)
        self._time_ms = DUE_MS - _BLOCK_MS
        gc.collect()
        gc.freeze()
        gc.disable()

    def block(self, side: int = 0, price: int = 0) -> BlockResult:
        """Execute the next block, in which the taker takes from a side's others at a price."""
        self._time_ms += _BLOCK_MS
        height = self.state.height + 1
        txs = (make_taking(height, side, price, self._time_ms),) if side else ()
        block = Block(height, self._time_ms, height.to_bytes(32, "big"), txs)
        begun = time.perf_counter()
        result = apply_block(self.state, block)
        executed = time.perf_counter()
        self._diff_hash = compute_diff_hash(self._diff_hash, result.changes.diff)
        store_changes(self.state, result.changes)
        self.state.commit()
        ended = time.perf_counter()
        self.executed_ms.append(1_000 * (executed - begun))
        self.whole_ms.append(1_000 * (ended - begun))
        self._count(result)
        if height % 100 == 0:
            click.echo(f"{self.name}: block {height}, {self.open_orders} orders are open", err=True)
        return result

    def run_until(self, is_done: Callable[[], bool], side: int = 0, price: int = 0) -> None:
        """Execute blocks until all is done."""
        while not is_done() and len(self.executed_ms) < _BLOCKS_MAX:
            self.block(side, price)

    @property
    def open_orders(self) -> int:
        """The open orders of all makers and of the taker."""
        return sum(market.open_orders for market in self.state.markets.values())

    def _count(self, result: BlockResult) -> None:
        for leg in (leg for each in result.results for leg in each.legs):
            self.filled += leg.filled
            self.met += len(leg.removals)
        for event in result.events:
            if isinstance(event, Removed):
                reason = Ended(event.reason).name
                self.removed[reason] = self.removed.get(reason, 0) + 1
            self.trades += isinstance(event, Trade)
            self.activated += isinstance(event, Activated)

    def summarise(self, *, right: bool) -> dict[str, Any]:
        """Return the figures; the phase is right when its own count is, and nothing is left."""
        gc.enable()
        gc.unfreeze()
        reserved = sum(balance.reserved for balance in self.state.balances.values())
        return {
            "phase": self.name,
            "right": right and self.open_orders == 0 and reserved == 0,
            "blocks": len(self.executed_ms),
            "execute_ms": _summarise(self.executed_ms),
            "whole_ms": _summarise(self.whole_ms),
            "removed": self.removed,
            "removed_when_met": self.met,
            "auction_trades": self.trades,
            "activated": self.activated,
            "taker_filled": self.filled,
        }


def _summarise(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)

    def pick(percent: int) -> float:
        return round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)], 1)

    return {"p50": pick(50), "p99": pick(99), "max": pick(100)}


def run_expiry(orders: int) -> dict[str, Any]:
    """Let orders expire together while the taker sells into them: none may be filled."""

    def make_order(number: int) -> OrderRecord:
        return PLAIN._replace(
            price=MID - number % _LEVELS,
            time_in_force=TimeInForce.GTT,
            expires_ms=DUE_MS,
        )

    run = Run("expiry", make_state(orders, make_order))
    run.run_until(lambda: run.open_orders == 0, Side.SELL, MID - _LEVELS)
    removed = run.removed.get("EXPIRED", 0) + run.met
    return run.summarise(right=run.filled == 0 and removed == orders)


def run_cascade(orders: int) -> dict[str, Any]:
    """Let one trade set off a stop order, whose trade sets off the next, and so on."""
    bids = orders + 1

    def make_order(number: int) -> OrderRecord:
        if number < bids:
            return PLAIN._replace(price=MID - number)
        trigger = MID - (number - bids)
        return PLAIN._replace(
            side=Side.SELL,
            order_type=OrderType.STOP_LIMIT,
            price=trigger - 1,
            trigger=trigger,
            max_matches=16,
        )

    run = Run("cascade", make_state(bids + orders, make_order))
    run.block(Side.SELL, MID)
    run.run_until(lambda: run.open_orders == 0)
    return run.summarise(right=run.activated == orders and run.filled == 1)


def run_delisting(orders: int) -> dict[str, Any]:
    """Delist a market with bids, asks and waiting orders; the creator gets the bond back."""

    def make_order(number: int) -> OrderRecord:
        if number % 2:
            return PLAIN._replace(price=MID - number % _LEVELS)
        if number % 4:
            return PLAIN._replace(side=Side.SELL, price=MID + 1 + number % _LEVELS)
        return PLAIN._replace(
            order_type=OrderType.STOP_LIMIT,
            trigger=MID + number % _LEVELS + 1,
            max_matches=1,
        )

    state = make_state(
        orders,
        make_order,
        status=MarketStatus.CANCEL_ONLY,
        until_ms=DUE_MS,
        creator=CREATOR,
        bond=1_000,
    )
    run = Run("delisting", state)
    run.run_until(lambda: MARKET not in state.markets, Side.SELL, MID)
    right = run.removed == {"DELISTED": orders} and state.get_free(CREATOR, 0, 1) == 1_000
    return run.summarise(right=right and run.filled == 0)


def run_auction(orders: int) -> dict[str, Any]:
    """Open a market by an auction in which every order reaches the price; the rest is taken."""

    def make_order(number: int) -> OrderRecord:
        quantity = 1 + number // 2 % 9
        if number % 2:
            return PLAIN._replace(price=MID + number % _LEVELS, quantity=quantity)
        return PLAIN._replace(side=Side.SELL, price=MID - number % _LEVELS, quantity=quantity)

    state = make_state(orders, make_order, status=MarketStatus.AUCTION, until_ms=DUE_MS)
    run = Run("auction", state)
    market = state.markets[MARKET]
    run.run_until(lambda: market.status == MarketStatus.ACTIVE, Side.BUY, MID)
    return run.summarise(right=run.trades >= orders // 2 and run.filled == 0)


@click.command()
@click.option("--orders", default=1_000_000, show_default=True, help="Orders that expire together.")
@click.option("--stops", type=int, help="Stop orders of the cascade; 1 % of the orders if not set.")
@click.option("--listed", type=int, help="Orders of the delisted market; 20 % if not set.")
@click.option("--auctioned", type=int, help="Orders of the auction; 10 % if not set.")
def main(orders: int, stops: int | None, listed: int | None, auctioned: int | None) -> None:
    """Let everything be due at one instant, and measure the blocks until all of it is done."""
    phases = []
    for run, count in (
        (run_expiry, orders),
        (run_cascade, stops or orders // 100),
        (run_delisting, listed or orders // 5),
        (run_auction, auctioned or orders // 10),
    ):
        click.echo(f"{run.__name__}: {count} orders", err=True)
        phases.append({"orders": count, **run(count)})
    click.echo(json.dumps(phases, indent=2))
    if not all(each["right"] for each in phases):
        sys.exit(1)


if __name__ == "__main__":
    main()
