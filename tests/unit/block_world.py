"""A small chain that applies whole blocks: three owners, one market or more, few orders.

Each block is applied, undone and applied again, and applied once more to a state that was loaded
anew from its records: all three do the same. After it every invariant of the books holds.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from omg_abci.protocol.messages import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    ChangeMarket,
    CreateMarket,
    Message,
    PlaceOrder,
    SetSwitch,
    SignedTx,
    TxBody,
)
from omg_abci.protocol.results import Event, LegResult, Removed, StatusChanged, Trade, Uncrossed
from omg_abci.protocol.terms import make_signed_tx
from omg_abci.protocol.units import MarketStatus, OrderType, Scheme, TimeInForce
from omg_abci.rules.orderbook import get_death
from omg_abci.rules.settlement import compute_cost
from omg_abci.rules.transition import Block, BlockResult, apply_block
from omg_abci.state.book import BookSide, Order
from omg_abci.state.diff import compute_records, iterate_open_orders, store_changes
from omg_abci.state.genesis import build_genesis
from omg_abci.state.loading import load_state
from omg_abci.state.objects import Market
from omg_abci.state.working import WorkingState

ANN: Final = b"\x0a" * 20
BEN: Final = b"\x0b" * 20
CEM: Final = b"\x0c" * 20
OWNERS: Final = (ANN, BEN, CEM)
BUY, SELL = 1, 2
FEE, BASE, QUOTE = 1, 2, 3
BASE_UNIT, QUOTE_UNIT = 10, 3
RICHES: Final = 10_000_000
BOND: Final = 1_000
MARKET: Final = 5
T0: Final = 1_800_000_000_000
"""The time of the first block."""
BLOCK_MS: Final = 1_000

GTC, GTT, IOC, FOK, GTH = (int(each) for each in TimeInForce)
LIMIT, STOP, PROFIT, ICEBERG = (
    int(OrderType.LIMIT),
    int(OrderType.STOP_LIMIT),
    int(OrderType.TAKE_PROFIT),
    int(OrderType.ICEBERG),
)
ACTIVE, AUCTION, UNCROSSING, CANCEL_ONLY, DELISTING = (
    int(each) for each in MarketStatus if each != MarketStatus.GONE
)

Sent = tuple[bytes, Message]


class Chain:
    """A state between blocks, and what the last block answered."""

    def __init__(self, *terms: Mapping[str, object], **first: object) -> None:
        """Begin at genesis; the terms are those of the markets, numbered from `MARKET`."""
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
            "market_bond": str(BOND),
            "tokens": [{"id": token, "symbol": f"T{token}", "decimals": 0} for token in (1, 2, 3)],
            "markets": [
                {"id": MARKET + place, **market, **each}
                for place, each in enumerate(terms or (first,))
            ],
            "balances": [
                {"owner": f"0x{owner.hex()}", "token": token, "amount": RICHES}
                for owner in OWNERS
                for token in (FEE, BASE, QUOTE)
            ],
        }
        records, _ = build_genesis("unit", document)
        self.state = load_state("unit", records)
        self.time_ms = T0 - BLOCK_MS
        self.events: tuple[Event, ...] = ()
        self.legs: list[LegResult] = []
        self.result: BlockResult | None = None
        self._nonce = 0

    # --- blocks ---

    def block(self, *sent: Sent, ahead_ms: int = BLOCK_MS) -> tuple[Event, ...]:
        """Apply a block with one transaction for each leg, in this order; return its events."""
        return self.apply([self.make_tx(owner, (leg,)) for owner, leg in sent], ahead_ms)

    def apply(self, txs: list[SignedTx], ahead_ms: int = BLOCK_MS) -> tuple[Event, ...]:
        """Apply a block of transactions; return its events."""
        self.time_ms += ahead_ms
        height = self.state.height + 1
        block = Block(height, self.time_ms, height.to_bytes(32, "big"), tuple(txs))
        before = compute_records(self.state)
        loaded = load_state("unit", before)
        rehearsed = apply_block(self.state, block)
        self.state.rollback()
        assert compute_records(self.state) == before
        result = apply_block(self.state, block)
        assert result == rehearsed
        assert result == apply_block(loaded, block)
        store_changes(self.state, result.changes)
        self.state.commit()
        self.check()
        self.result = result
        self.events = result.events
        self.legs = [leg for tx in result.results for leg in tx.legs]
        return result.events

    def make_tx(self, owner: bytes, legs: tuple[Message, ...], *, atomic: bool = False) -> SignedTx:
        """Return a transaction as one is after its signature was found to be right."""
        for leg in legs:
            leg.check()
        self._nonce += 1
        nonce = self.time_ms + self._nonce
        body = TxBody("unit", owner, nonce, 0, 0, 0, atomic, 1, legs)
        raw, tx_id = bytes(16 * len(legs)), nonce.to_bytes(32, "big")
        return make_signed_tx(raw, tx_id, owner, Scheme.TYPED, body)

    # --- what there is ---

    @property
    def market(self) -> Market:
        """The first market."""
        return self.state.markets[MARKET]

    def order(self, owner: bytes, client_id: int) -> Order:
        """Return an open order."""
        return self.state.accounts[owner].orders[client_id]

    def ended(self, owner: bytes, client_id: int) -> tuple[int, int]:
        """Return how an order ended, and what was filled; it is not open."""
        account = self.state.accounts[owner]
        assert client_id not in account.orders
        record = account.get_ended(client_id)
        assert record is not None
        return record.ended, record.filled

    def balance(self, owner: bytes, token: int) -> tuple[int, int]:
        """Return what is free and what is reserved."""
        balance = self.state.get_balance(owner, 0, token)
        return balance.free, balance.reserved

    def gained(self, owner: bytes) -> tuple[int, int]:
        """Return the lots, and the ticks times lots, that an owner has more than at genesis."""
        base = sum(self.balance(owner, BASE)) - RICHES
        quote = sum(self.balance(owner, QUOTE)) - RICHES
        assert base % BASE_UNIT == quote % QUOTE_UNIT == 0
        return base // BASE_UNIT, quote // QUOTE_UNIT

    def book(self, number: int = MARKET) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Return client id and remaining lots of bids and asks in book order."""
        market = self.state.markets[number]
        return tuple(  # type: ignore[return-value]
            [(order.client_id, order.remaining) for order in list_side(side)]
            for side in (market.bids, market.asks)
        )

    # --- invariants ---

    def check(self) -> None:
        """Assert that tokens are conserved, reserves are exact and no book is crossed."""
        state = self.state
        sums = dict.fromkeys((FEE, BASE, QUOTE), 0)
        for key, balance in state.balances.items():
            sums[key[-1]] += balance.free + balance.reserved
        assert sums == {FEE: 3 * RICHES - state.fee_pool, BASE: 3 * RICHES, QUOTE: 3 * RICHES}
        reserved: dict[bytes, int] = {}
        for account in state.accounts.values():
            for order in iterate_open_orders(account):
                assert order.remaining > 0
                cost = compute_cost(order.market, order.side, order.price, order.remaining)
                reserved[order.give.key] = reserved.get(order.give.key, 0) + cost
        for market in state.markets.values():
            if market.record.bond:
                key = state.get_balance(market.record.creator, 0, FEE).key
                reserved[key] = reserved.get(key, 0) + market.record.bond
            # What was activated after a batch auction waits, perhaps crossed, for the next one.
            if market.status == ACTIVE and market.id not in state.batch_work:
                assert not is_crossed(state, market)
            assert (market.auction_price != 0) == (market.status == UNCROSSING)
            assert not market.immediate or market.status in (ACTIVE, UNCROSSING)
        for key, balance in state.balances.items():
            assert balance.reserved == reserved.get(key, 0)


def list_side(side: BookSide) -> list[Order]:
    """Return a side's orders in book order."""
    found: list[Order] = []
    for place in reversed(side.places):
        order = side.levels[place].head
        while order is not None:
            found.append(order)
            order = order.next
    return found


def is_crossed(state: WorkingState, market: Market) -> bool:
    """Tell whether live orders of a market could trade."""
    bids = [each.price for each in list_side(market.bids) if not get_death(state, each)]
    asks = [each.price for each in list_side(market.asks) if not get_death(state, each)]
    return bool(bids and asks and max(bids) >= min(asks))


# --- legs and events --------------------------------------------------------------------------


def pick(events: Iterable[tuple[Any, ...]], place: int) -> list[Any]:
    """Return the field at a place of each event."""
    return [event[place] for event in events]


def place(
    owner: bytes,
    client_id: int,
    side: int,
    quantity: int,
    price: int,
    *,
    kind: int = LIMIT,
    tif: int = GTC,
    ms: int = 0,
    height: int = 0,
    display: int = 0,
    trigger: int = 0,
    post_only: int = 0,
    steps: int = 16,
    market: int = MARKET,
) -> Sent:
    """Return a leg that places an order."""
    return owner, PlaceOrder(
        market=market,
        side=side,
        order_type=kind,
        time_in_force=tif,
        post_only=post_only,
        price=price,
        quantity=quantity,
        expires_ms=ms,
        client_id=client_id,
        subaccount=0,
        self_trade=5,
        max_matches=steps,
        expires_height=height,
        display=display,
        trigger=trigger,
    )


def bid(owner: bytes, client_id: int, quantity: int, price: int, **terms: int) -> Sent:
    """Return a leg that places a buy order."""
    return place(owner, client_id, BUY, quantity, price, **terms)


def ask(owner: bytes, client_id: int, quantity: int, price: int, **terms: int) -> Sent:
    """Return a leg that places a sell order."""
    return place(owner, client_id, SELL, quantity, price, **terms)


def amend(owner: bytes, client_id: int, *, price: int = 0, quantity: int = 0) -> Sent:
    """Return a leg that amends an order."""
    return owner, AmendOrder(client_id, price, quantity, 0, 16)


def cancel(owner: bytes, client_id: int) -> Sent:
    """Return a leg that cancels an order."""
    return owner, CancelOrder(client_id)


def cancel_all(owner: bytes) -> Sent:
    """Return a leg that cancels all orders."""
    return owner, CancelAll(0, 0, 1_000)


def switch(owner: bytes, at_ms: int) -> Sent:
    """Return a leg that sets the dead-man's switch."""
    return owner, SetSwitch(at_ms)


def change(owner: bytes, action: int, market: int = MARKET) -> Sent:
    """Return a leg that changes a market."""
    return owner, ChangeMarket(market, action)


def create(owner: bytes, **terms: int) -> Sent:
    """Return a leg that creates a market."""
    given = {
        "base": BASE,
        "quote": QUOTE,
        "base_unit": BASE_UNIT,
        "quote_unit": QUOTE_UNIT * 5 // 3,
        "lots_min": 1,
        "lots_max": 1_000,
        "mode": 1,
        "band_bp": 0,
        "auction_ms": 5_000,
        **terms,
    }
    return owner, CreateMarket(**given)


def trade(price: int, quantity: int, buyer: bytes, buys: int, seller: bytes, sells: int) -> Trade:
    """Return the event of an auction's fill in the first market."""
    return Trade(MARKET, price, quantity, buyer, buys, seller, sells)


def uncrossed(price: int, volume: int, market: int = MARKET) -> Uncrossed:
    """Return the event of an auction's price."""
    return Uncrossed(market, price, volume)


def status(to: int, until_ms: int = 0, market: int = MARKET) -> StatusChanged:
    """Return the event of a change of status."""
    return StatusChanged(market, to, until_ms)


def removed(owner: bytes, client_id: int, reason: int) -> Removed:
    """Return the event of an order that the chain ended."""
    return Removed(owner, client_id, int(reason))
