"""States with very many open orders, made from records at once: what mass work is measured with.

Makers are many owners with equal shares of the orders; the taker has no order at first.
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, Final

from omg_abci.protocol.messages import PlaceOrder, SignedTx, TxBody
from omg_abci.protocol.units import OrderType, Scheme, SelfTrade, Side, TimeInForce
from omg_abci.state import schema
from omg_abci.state.genesis import build_genesis
from omg_abci.state.loading import load_state
from omg_abci.state.records import AccountRecord, BalanceRecord, MarketRecord, OrderRecord
from omg_abci.state.working import WorkingState

CHAIN_ID: Final = "omg-mass"
MARKET: Final = 1
FEE, BASE, QUOTE = 1, 2, 3
TAKER: Final = b"\x7a" * 20
CREATOR: Final = b"\xc7" * 20
T0: Final = 1_800_000_000_000
DUE_MS: Final = T0 + 10_000
"""The instant at which everything is due."""
MID: Final = 1_000_000
RICHES: Final = 10**24
_OWNERS: Final = 1_000
_SUM_MASK: Final = (1 << 256) - 1

PLAIN: Final = OrderRecord(
    market=MARKET,
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    time_in_force=TimeInForce.GTC,
    post_only=0,
    self_trade=SelfTrade.CANCEL_NEWEST,
    subaccount=0,
    price=MID,
    quantity=1,
    filled=0,
    priority=0,
    expires_ms=0,
)
"""A bid for one lot, which others are made from."""


def make_owner(number: int) -> bytes:
    """Return the address of a maker."""
    return hashlib.sha256(b"mass work %d" % number).digest()[:20]


def make_state(
    orders: int, make_order: Callable[[int], OrderRecord], **market: Any
) -> WorkingState:
    """Return a state with so many open orders; the market's fields are replaced as given."""
    document = {
        "fee_token": FEE,
        "unit_price": 1,
        "root_interval": 4,
        "tokens": [{"id": token, "symbol": f"T{token}", "decimals": 0} for token in (1, 2, 3)],
        "markets": [
            {
                "id": MARKET,
                "base": BASE,
                "quote": QUOTE,
                "base_unit": 1,
                "quote_unit": 1,
                "lots_min": 1,
                "lots_max": 1 << 40,
            }
        ],
        "balances": [
            {"owner": f"0x{TAKER.hex()}", "token": token, "amount": str(RICHES)}
            for token in (FEE, BASE, QUOTE)
        ],
    }
    genesis, _ = build_genesis(CHAIN_ID, document)
    records = dict(genesis)
    total = 0
    made = (make_order(number)._replace(priority=number) for number in range(orders))
    for owner, own in _group(made, orders):
        total += _add_owner(records, owner, own)
    key = schema.compute_market_key(MARKET)
    terms = MarketRecord.decode(records[key])._replace(**market)
    records[key] = terms._replace(open_orders=orders, orders_sum=total & _SUM_MASK).encode()
    if terms.bond:
        bond = BalanceRecord(0, terms.bond).encode()
        records[schema.compute_balance_key(terms.creator, 0, FEE)] = bond
    return load_state(CHAIN_ID, sorted(records.items()))


def _group(made: Iterator[OrderRecord], orders: int) -> Iterator[tuple[bytes, list[OrderRecord]]]:
    owners = min(_OWNERS, orders)
    shares: list[list[OrderRecord]] = [[] for _ in range(owners)]
    for number, order in enumerate(made):
        shares[number % owners].append(order)
    for number, share in enumerate(shares):
        yield make_owner(number), share


def _add_owner(records: dict[bytes, bytes], owner: bytes, own: list[OrderRecord]) -> int:
    """Add an owner with its orders and reserves; return the orders' hash sum."""
    total = base = quote = 0
    for client_id, order in enumerate(own, 1):
        key, value = schema.compute_order_key(owner, client_id), order.encode()
        records[key] = value
        total += int.from_bytes(hashlib.sha256(key + value).digest(), "big")
        if order.side == Side.BUY:
            quote += order.price * order.quantity
        else:
            base += order.quantity
    account = AccountRecord(len(own), total & _SUM_MASK, 0, 0, 0)
    records[schema.compute_account_key(owner)] = account.encode()
    for token, reserved in ((BASE, base), (QUOTE, quote)):
        if reserved:
            key = schema.compute_balance_key(owner, 0, token)
            records[key] = BalanceRecord(0, reserved).encode()
    return total


def make_taking(client_id: int, side: int, price: int, time_ms: int) -> SignedTx:
    """Return the taker's transaction with one immediate order of many lots."""
    leg = PlaceOrder(
        market=MARKET,
        side=side,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.IOC,
        post_only=0,
        price=price,
        quantity=1_000,
        expires_ms=0,
        client_id=client_id,
        subaccount=0,
        self_trade=SelfTrade.CANCEL_NEWEST,
        max_matches=16,
    )
    body = TxBody(CHAIN_ID, TAKER, time_ms + client_id % 64, 0, 0, 0, False, 1, (leg,))
    return SignedTx(bytes(160), client_id.to_bytes(32, "big"), TAKER, Scheme.TYPED, body)
