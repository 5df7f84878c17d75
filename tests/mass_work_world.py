"""A chain with very many orders, made from records, on which mass work is timed block by block.

Nothing of it is random: the same scene does the same blocks each time.
"""

import gc
import hashlib
import time
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from omg_abci.protocol.messages import Message, PlaceOrder, SignedTx, TxBody
from omg_abci.protocol.results import Event, Fill, LegResult
from omg_abci.protocol.terms import make_signed_tx
from omg_abci.protocol.units import OrderType, Scheme, SelfTrade, Side, TimeInForce
from omg_abci.rules.settlement import compute_cost
from omg_abci.rules.transition import Block, BlockResult, apply_block
from omg_abci.state import schema
from omg_abci.state.diff import compute_records, iterate_open_orders, store_changes
from omg_abci.state.genesis import build_genesis
from omg_abci.state.loading import load_state
from omg_abci.state.records import AccountRecord, BalanceRecord, MarketRecord, OrderRecord

CHAIN_ID: Final = "mass-work"
FEE, BASE, QUOTE = 1, 2, 3
BOND: Final = 1_000
RICHES: Final = 10**24
MARKET: Final = 1
T0: Final = 1_800_000_000_000
"""The time of the first block, at which everything is due."""
BLOCK_MS: Final = 200
BUY, SELL = int(Side.BUY), int(Side.SELL)
GTC, GTT, IOC = int(TimeInForce.GTC), int(TimeInForce.GTT), int(TimeInForce.IOC)
LIMIT, STOP, PROFIT = int(OrderType.LIMIT), int(OrderType.STOP_LIMIT), int(OrderType.TAKE_PROFIT)
_NOTHING: Final = AccountRecord(0, 0, 0, 0, 0)
_SUM_MASK: Final = (1 << 256) - 1

Sent = tuple[bytes, Message]


def make_address(number: int) -> bytes:
    """Return the address of an owner; 0 is the markets' creator."""
    return (0xA000_0000 + number).to_bytes(20, "big")


class Opened(NamedTuple):
    """An order that is open in the beginning, with the place in time that it stands at."""

    owner: int
    client_id: int
    side: int
    price: int
    market: int = MARKET
    order_type: int = LIMIT
    expires_ms: int = 0
    trigger: int = 0

    @property
    def name(self) -> tuple[bytes, int]:
        """What events say of it."""
        return make_address(self.owner), self.client_id

    def make_record(self, priority: int) -> OrderRecord:
        """Return its record; every order is for one lot."""
        return OrderRecord(
            self.market,
            self.side,
            self.order_type,
            GTT if self.expires_ms else GTC,
            0,
            int(SelfTrade.ALLOW),
            0,
            self.price,
            1,
            0,
            priority,
            self.expires_ms,
            trigger=self.trigger,
            max_matches=1 if self.trigger else 0,
        )


class MassChain:
    """A state between blocks, what its blocks told, and how long each took."""

    def __init__(
        self,
        owners: int,
        orders: Iterable[Opened],
        *,
        markets: int = 1,
        market: Mapping[str, object] | None = None,
        switches: Mapping[int, int] | None = None,
    ) -> None:
        """Begin with these orders, by priority; `market` is what a market's record says else."""
        records = dict(build_genesis(CHAIN_ID, _make_document(owners, markets))[0])
        _open_orders(records, orders, switches or {})
        for number in range(1, markets + 1):
            key = schema.compute_market_key(number)
            terms = MarketRecord.decode(records[key])._replace(**(market or {}))  # type: ignore[arg-type]
            records[key] = terms.encode()
            if terms.bond:
                _reserve(records, make_address(0), FEE, terms.bond)
        self.state = load_state(CHAIN_ID, sorted(records.items()))
        self.supplies = {token: record.supply for token, record in self.state.tokens.items()}
        self.time_ms = T0 - BLOCK_MS
        self.took_ms: list[float] = []
        """Of each block: rules, diff and commit, without what was made for it."""
        self.cpu_ms: list[float] = []
        self.steps: list[int] = []
        self.events: list[Event] = []
        """Of all blocks."""
        self.removed_by_legs: dict[tuple[bytes, int], int] = {}
        """To the reason."""
        self.fills: list[Fill] = []
        """Of legs."""
        self._nonce = 0

    def block(self, sent: Iterable[Sent], *, rehearsed: bool = False) -> list[LegResult]:
        """Apply a block with one transaction for each leg; return the legs' results.

        Rehearsed, it is applied and rolled back before, and applied to a state loaded anew.
        """
        self.time_ms += BLOCK_MS
        height = self.state.height + 1
        txs = tuple([self._make_tx(owner, leg) for owner, leg in sent])
        block = Block(height, self.time_ms, height.to_bytes(32, "big"), txs)
        expected = self._rehearse(block) if rehearsed else None
        # As a node does: garbage is looked for between blocks.
        gc.disable()
        begun, cpu_begun = time.perf_counter(), time.process_time()
        result = apply_block(self.state, block)
        store_changes(self.state, result.changes)
        self.state.commit()
        self.cpu_ms.append((time.process_time() - cpu_begun) * 1e3)
        self.took_ms.append((time.perf_counter() - begun) * 1e3)
        gc.enable()
        self.steps.append(self.state.mass_steps)
        assert expected in (None, result)
        return self._note(result)

    def _rehearse(self, block: Block) -> BlockResult:
        before = compute_records(self.state)
        result = apply_block(self.state, block)
        self.state.rollback()
        assert compute_records(self.state) == before
        assert apply_block(load_state(CHAIN_ID, before), block) == result
        return result

    def _note(self, result: BlockResult) -> list[LegResult]:
        self.events += result.events
        legs = [leg for tx in result.results for leg in tx.legs]
        for leg in legs:
            self.fills += leg.fills
            for removal in leg.removals:
                self.removed_by_legs[removal.owner, removal.client_id] = int(removal.reason)
        return legs

    def _make_tx(self, owner: bytes, leg: Message) -> SignedTx:
        leg.check()
        self._nonce += 1
        nonce = self.time_ms + self._nonce
        body = TxBody(CHAIN_ID, owner, nonce, 0, 0, 0, False, 1, (leg,))  # noqa: FBT003 - in order
        return make_signed_tx(bytes(16), nonce.to_bytes(32, "big"), owner, Scheme.TYPED, body)

    def check(self) -> None:
        """Assert that reserves are those of what is open, and that no token was made or lost."""
        state = self.state
        reserved: dict[bytes, int] = {}
        count = 0
        for account in state.accounts.values():
            for order in iterate_open_orders(account):
                cost = compute_cost(order.market, order.side, order.price, order.remaining)
                reserved[order.give.key] = reserved.get(order.give.key, 0) + cost
                count += 1
        for market in state.markets.values():
            if market.record.bond:
                key = schema.compute_balance_key(market.record.creator, 0, FEE)
                reserved[key] = reserved.get(key, 0) + market.record.bond
        assert count == sum(market.open_orders for market in state.markets.values())
        sums = {**dict.fromkeys(self.supplies, 0), FEE: state.fee_pool}
        for key, balance in state.balances.items():
            assert balance.reserved == reserved.get(key, 0)
            sums[int.from_bytes(key[-4:], "big")] += balance.free + balance.reserved
        assert sums == self.supplies
        records = compute_records(state)
        assert compute_records(load_state(CHAIN_ID, records)) == records

    @property
    def open_orders(self) -> int:
        """How many orders are open in all markets."""
        return sum(market.open_orders for market in self.state.markets.values())


def place(owner: int, client_id: int, side: int, price: int, tif: int = IOC) -> Sent:
    """Return a leg that places an order for two lots and meets up to 16 others."""
    return make_address(owner), PlaceOrder(
        market=MARKET,
        side=side,
        order_type=LIMIT,
        time_in_force=tif,
        post_only=0,
        price=price,
        quantity=2,
        expires_ms=0,
        client_id=client_id,
        subaccount=0,
        self_trade=int(SelfTrade.ALLOW),
        max_matches=16,
    )


def _make_document(owners: int, markets: int) -> dict[str, object]:
    return {
        "fee_token": FEE,
        "unit_price": 1,
        "root_interval": 4,
        "market_bond": str(BOND),
        "tokens": [{"id": token, "symbol": f"T{token}", "decimals": 0} for token in (1, 2, 3)],
        "markets": [
            {
                "id": number,
                "base": BASE,
                "quote": QUOTE,
                "base_unit": 10,
                "quote_unit": 3,
                "lots_min": 1,
                "lots_max": 1_000,
                "creator": f"0x{make_address(0).hex()}",
            }
            for number in range(1, markets + 1)
        ],
        "balances": [
            {"owner": f"0x{make_address(number).hex()}", "token": token, "amount": str(RICHES)}
            for number in range(owners)
            for token in (FEE, BASE, QUOTE)
        ],
    }


def _open_orders(
    records: dict[bytes, bytes], orders: Iterable[Opened], switches: Mapping[int, int]
) -> None:
    """Add the orders' records, and what accounts, balances and markets say of them."""
    terms = {
        int.from_bytes(key[1:], "big"): MarketRecord.decode(value)
        for key, value in records.items()
        if key[:1] == schema.MARKET
    }
    sums: dict[bytes, list[int]] = {}
    reserves: dict[tuple[int, int], int] = {}
    for priority, order in enumerate(orders, 1):
        key = schema.compute_order_key(*order.name)
        record = records[key] = order.make_record(priority).encode()
        moved = int.from_bytes(hashlib.sha256(key + record).digest(), "big")
        account_key = schema.compute_account_key(make_address(order.owner))
        for summed in (account_key, schema.compute_market_key(order.market)):
            entry = sums.setdefault(summed, [0, 0])
            entry[0] += 1
            entry[1] += moved
        unit = terms[order.market].base_unit
        token, cost = BASE, unit
        if order.side == BUY:
            token, cost = QUOTE, order.price * terms[order.market].quote_unit
        where = (order.owner, token)
        reserves[where] = reserves.get(where, 0) + cost
    for (owner, token), amount in reserves.items():
        _reserve(records, make_address(owner), token, amount)
    for owner, at_ms in switches.items():
        key = schema.compute_account_key(make_address(owner))
        records[key] = _NOTHING._replace(switch_ms=at_ms).encode()
    for key, (count, total) in sums.items():
        table = MarketRecord if key[:1] == schema.MARKET else AccountRecord
        said = table.decode(records[key]) if key in records else _NOTHING
        records[key] = said._replace(open_orders=count, orders_sum=total & _SUM_MASK).encode()


def _reserve(records: dict[bytes, bytes], owner: bytes, token: int, amount: int) -> None:
    key = schema.compute_balance_key(owner, 0, token)
    free, reserved = BalanceRecord.decode(records[key])
    records[key] = BalanceRecord(free - amount, reserved + amount).encode()
