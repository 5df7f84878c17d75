"""A small exchange in which one rule at a time is looked at: three owners, one market, few orders.

Nothing is removed at a block's start, so an order that died stays in the book until a rule meets
it. Each leg that is refused is seen to have written nothing, each block to keep every invariant.
"""

from typing import Final

from omg_abci.protocol import errors
from omg_abci.protocol.messages import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    Message,
    PlaceOrder,
    SetSwitch,
)
from omg_abci.protocol.results import Activated, LegResult
from omg_abci.protocol.units import MarketStatus, OrderType, PostOnly, SelfTrade, TimeInForce
from omg_abci.rules.amendments import process_amend_order
from omg_abci.rules.cancels import process_cancel_all, process_cancel_order, process_set_switch
from omg_abci.rules.context import LegContext
from omg_abci.rules.exchange import process_place_order
from omg_abci.rules.settlement import compute_cost
from omg_abci.rules.triggers import work_triggers
from omg_abci.state.book import BookSide, Order
from omg_abci.state.diff import compute_changes, compute_records, store_changes
from omg_abci.state.genesis import build_genesis
from omg_abci.state.loading import load_state
from omg_abci.state.objects import Market

ALICE: Final = b"\xa1" * 20
BOB: Final = b"\xb0" * 20
CAROL: Final = b"\xca" * 20
OWNERS: Final = (ALICE, BOB, CAROL)
BUY, SELL = 1, 2
FEE, BASE, QUOTE = 1, 2, 3
BASE_UNIT, QUOTE_UNIT = 10, 3
"""Smallest units in a lot, and in a tick times a lot."""
RICHES: Final = 1_000_000
MARKET: Final = 7
T0: Final = 1_800_000_000_000
"""The time of the first block."""
BLOCK_MS: Final = 1_000

GTC, GTT, IOC, FOK, GTH = (int(each) for each in TimeInForce)
LIMIT, MARKET_ORDER, STOP, PROFIT, ICEBERG = (int(each) for each in OrderType)
REJECT, SLIDE, OFF = int(PostOnly.REJECT), int(PostOnly.SLIDE), int(PostOnly.OFF)
NEWEST, OLDEST, BOTH, DECREMENT, ALLOW = (int(each) for each in SelfTrade)

_RULES: Final = {
    PlaceOrder: process_place_order,
    AmendOrder: process_amend_order,
    CancelOrder: process_cancel_order,
    CancelAll: process_cancel_all,
    SetSwitch: process_set_switch,
}


class World:
    """A state with an open block."""

    def __init__(self, *, riches: int = RICHES, markets: int = 1, **terms: object) -> None:
        """Open the first block; the terms are those of the markets' genesis."""
        market = {
            "base": BASE,
            "quote": QUOTE,
            "base_unit": BASE_UNIT,
            "quote_unit": QUOTE_UNIT,
            "lots_min": 1,
            "lots_max": 1_000,
        }
        document = {
            "fee_token": FEE,
            "unit_price": 1,
            "root_interval": 4,
            "tokens": [{"id": token, "symbol": f"T{token}", "decimals": 0} for token in (1, 2, 3)],
            "markets": [{"id": MARKET + place, **market, **terms} for place in range(markets)],
            "balances": [
                {"owner": f"0x{owner.hex()}", "token": token, "amount": riches, "subaccount": sub}
                for owner in OWNERS
                for token in (FEE, BASE, QUOTE)
                for sub in (0, 1)
            ],
        }
        records, _ = build_genesis("unit", document)
        self.disk = dict(records)
        self.state = load_state("unit", records)
        self.supplies = self.compute_supplies()
        self.work = 0
        """What the last leg used."""
        self.said = ""
        """What the last refusal said."""
        self.state.begin_block(1, T0, bytes(32))

    # --- blocks ---

    @property
    def market(self) -> Market:
        """The first market, for `status` and the like."""
        return self.state.markets[MARKET]

    def next_block(self, ahead_ms: int = BLOCK_MS) -> None:
        """Commit the open block and open the next; nothing is removed, nothing triggered."""
        self.check_book()
        changes = compute_changes(self.state)
        for key, value in changes.diff:
            if value is None:
                del self.disk[key]
            else:
                self.disk[key] = value
        store_changes(self.state, changes)
        self.state.commit()
        assert compute_records(self.state) == sorted(self.disk.items())
        self.state.begin_block(self.state.height + 1, self.state.time_ms + ahead_ms, bytes(32))

    def restart(self) -> None:
        """Commit the open block, load the state from its records, open the next block."""
        self.next_block()
        height, time_ms = self.state.height, self.state.time_ms
        self.state.rollback()
        self.state = load_state("unit", sorted(self.disk.items()))
        assert compute_records(self.state) == sorted(self.disk.items())
        self.state.begin_block(height, time_ms, bytes(32))

    def set_status(self, status: MarketStatus) -> None:
        """Give the market a status without anything that would come with it."""
        self.state.set_market(self.state.markets[MARKET], status=int(status))

    def work_triggers(self, steps: int = 1_000) -> int:
        """Work off the market's triggers as at a block's end; return the steps used."""
        return work_triggers(self.state, self.state.markets[MARKET], steps)

    # --- legs ---

    def do(self, owner: bytes, leg: Message) -> LegResult:
        """Do a leg; a refusal becomes its code and has written nothing."""
        leg.check()
        ctx = LegContext(self.state.get_account(owner), self.state.time_ms + 60_000)
        before = len(self.state._journal)
        try:
            result: LegResult = _RULES[type(leg)](self.state, ctx, leg)  # type: ignore[operator]
        except errors.LegError as refusal:
            result = LegResult(code=refusal.code)
            self.said = str(refusal)
        self.work = ctx.work
        if result.code and not result.removals:
            assert len(self.state._journal) == before, "a refused leg has written something"
        return result

    def place(
        self,
        owner: bytes,
        client_id: int,
        side: int,
        quantity: int,
        price: int,
        *,
        kind: int = LIMIT,
        tif: int = GTC,
        post_only: int = 0,
        ms: int = 0,
        height: int = 0,
        sub: int = 0,
        mode: int = NEWEST,
        steps: int = 16,
        display: int = 0,
        trigger: int = 0,
        market: int = MARKET,
    ) -> LegResult:
        """Place an order."""
        leg = PlaceOrder(
            market=market,
            side=side,
            order_type=kind,
            time_in_force=tif,
            post_only=post_only,
            price=price,
            quantity=quantity,
            expires_ms=ms,
            client_id=client_id,
            subaccount=sub,
            self_trade=mode,
            max_matches=steps,
            expires_height=height,
            display=display,
            trigger=trigger,
        )
        return self.do(owner, leg)

    def bid(
        self, owner: bytes, client_id: int, quantity: int, price: int, **terms: int
    ) -> LegResult:
        """Place a buy order."""
        return self.place(owner, client_id, BUY, quantity, price, **terms)

    def ask(
        self, owner: bytes, client_id: int, quantity: int, price: int, **terms: int
    ) -> LegResult:
        """Place a sell order."""
        return self.place(owner, client_id, SELL, quantity, price, **terms)

    def amend(
        self,
        owner: bytes,
        client_id: int,
        *,
        price: int = 0,
        quantity: int = 0,
        ms: int = 0,
        steps: int = 16,
        height: int = 0,
        display: int = 0,
        trigger: int = 0,
        tif: int = 0,
        post_only: int = 0,
        mode: int = 0,
    ) -> LegResult:
        """Amend an order."""
        leg = AmendOrder(
            client_id=client_id,
            price=price,
            quantity=quantity,
            expires_ms=ms,
            max_matches=steps,
            expires_height=height,
            display=display,
            trigger=trigger,
            time_in_force=tif,
            post_only=post_only,
            self_trade=mode,
        )
        return self.do(owner, leg)

    def cancel(self, owner: bytes, client_id: int) -> LegResult:
        """Cancel an order."""
        return self.do(owner, CancelOrder(client_id))

    def cancel_all(
        self, owner: bytes, market: int = 0, side: int = 0, most: int = 1_000
    ) -> LegResult:
        """Cancel an owner's orders."""
        return self.do(owner, CancelAll(market, side, most))

    def set_switch(self, owner: bytes, at_ms: int) -> LegResult:
        """Set an owner's dead-man's switch."""
        return self.do(owner, SetSwitch(at_ms))

    def trade(self, *prices: int) -> None:
        """Let bob and carol trade a lot at each price; the book must be free there."""
        for price in prices:
            client_id = 1_000_000 + self.state.next_priority % 1_000_000
            self.ask(BOB, client_id, 1, price)
            assert self.bid(CAROL, client_id, 1, price, tif=IOC).filled == 1

    # --- what there is ---

    def order(self, owner: bytes, client_id: int) -> Order:
        """Return an open order."""
        return self.state.get_account(owner).orders[client_id]

    def ended(self, owner: bytes, client_id: int) -> tuple[int, int, int]:
        """Return how an order ended, its quantity and what was filled; it is not open."""
        account = self.state.get_account(owner)
        assert client_id not in account.orders
        record = account.get_ended(client_id)
        assert record is not None
        return record.ended, record.quantity, record.filled

    def order_count(self) -> int:
        """Return how many orders are open in the market."""
        return self.market.open_orders

    def bids(self) -> list[tuple[int, int, int]]:
        """Return client id, remaining lots and price of the bids in book order."""
        return _list_side(self.state.markets[MARKET].bids)

    def asks(self) -> list[tuple[int, int, int]]:
        """Return client id, remaining lots and price of the asks in book order."""
        return _list_side(self.state.markets[MARKET].asks)

    def get_range(self) -> tuple[int, int, int]:
        """Return the market's low, high and last price."""
        return self.market.low, self.market.high, self.market.last_price

    def activated(self) -> list[int]:
        """Return the client ids of the orders activated in this block, in order."""
        return [each.client_id for each in self.state.events if isinstance(each, Activated)]

    def balance(self, owner: bytes, token: int, sub: int = 0) -> tuple[int, int]:
        """Return what is free and what is reserved."""
        balance = self.state.get_balance(owner, sub, token)
        return balance.free, balance.reserved

    def gained(self, owner: bytes, sub: int = 0) -> tuple[int, int]:
        """Return the lots and the ticks times lots that an owner has more than at the start."""
        base = sum(self.balance(owner, BASE, sub)) - RICHES
        quote = sum(self.balance(owner, QUOTE, sub)) - RICHES
        assert base % BASE_UNIT == quote % QUOTE_UNIT == 0
        return base // BASE_UNIT, quote // QUOTE_UNIT

    def compute_supplies(self) -> list[int]:
        """Return the sum of all balances of each token."""
        return [
            sum(
                each.free + each.reserved
                for key, each in self.state.balances.items()
                if key[-1] == token
            )
            for token in (FEE, BASE, QUOTE)
        ]

    def check_book(self) -> None:
        """Assert that tokens are conserved and each balance reserves what open orders need."""
        assert self.compute_supplies() == self.supplies
        reserved: dict[bytes, int] = {}
        for owner in OWNERS:
            account = self.state.get_account(owner)
            assert account.open_orders == len(account.orders)
            for order in account.orders.values():
                assert order.remaining > 0
                cost = compute_cost(order.market, order.side, order.price, order.remaining)
                reserved[order.give.key] = reserved.get(order.give.key, 0) + cost
        for key, balance in self.state.balances.items():
            assert balance.reserved == reserved.get(key, 0)


def _list_side(side: BookSide) -> list[tuple[int, int, int]]:
    found: list[tuple[int, int, int]] = []
    for place in reversed(side.places):
        order = side.levels[place].head
        assert order is not None
        while order is not None:
            found.append((order.client_id, order.remaining, order.price))
            order = order.next
    return found


def code(refusal: type[errors.LegError]) -> LegResult:
    """Return the result of a leg that was refused and touched nothing."""
    return LegResult(code=refusal.code)


def traded(*prices: int) -> World:
    """Return a world in which these prices were traded and worked off."""
    world = World()
    world.trade(*prices)
    assert world.work_triggers() == 0
    return world
