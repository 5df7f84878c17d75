"""What the oracle remembers, as plain dictionaries, and its bytes as docs/spec/state.md has them.

Nothing that can be computed is kept: reserves, counts and hash sums are added up from the open
orders, tombstones and approvals whenever they are asked for.
"""

from copy import copy
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from omg_abci.protocol import limits
from omg_abci.protocol.units import Side

Key = tuple[bytes, int]
"""Owner and client id (or slot)."""
BalanceKey = tuple[bytes, int, int]
"""Owner, subaccount, token."""


class Token(NamedTuple):
    """A token as genesis gave it."""

    decimals: int
    supply: int
    symbol: str


class Market(NamedTuple):
    """A market's terms and the price of its last fill."""

    base: int
    quote: int
    base_unit: int
    quote_unit: int
    lots_min: int
    lots_max: int
    last_price: int = 0


class Order(NamedTuple):
    """An order, open or on its way into the book."""

    owner: bytes
    client_id: int
    market: int
    side: int
    time_in_force: int
    post_only: bool
    self_trade: int
    subaccount: int
    price: int
    quantity: int
    filled: int
    priority: int
    expires_ms: int

    @property
    def key(self) -> Key:
        """Return owner and client id."""
        return self.owner, self.client_id

    @property
    def remaining(self) -> int:
        """Return the lots that are neither filled nor taken off."""
        return self.quantity - self.filled

    def is_live(self, now: int) -> bool:
        """Tell whether the order may match at this block time."""
        return self.expires_ms == 0 or self.expires_ms > now


class EndedOrder(NamedTuple):
    """What is remembered of an order that is no longer open."""

    client_id: int
    until_ms: int
    ended: int
    quantity: int
    filled: int


@dataclass
class State:
    """Everything that the chain remembers, and the priorities given in this block."""

    chain_id: str
    block_hash: bytes
    unit_price: int
    fee_token: int
    root_interval: int
    height: int = 0
    now: int = 0
    fee_pool: int = 0
    placed: int = 0
    tokens: dict[int, Token] = field(default_factory=dict)
    markets: dict[int, Market] = field(default_factory=dict)
    free: dict[BalanceKey, int] = field(default_factory=dict)
    agents: dict[tuple[bytes, bytes], tuple[int, int]] = field(default_factory=dict)
    orders: dict[Key, Order] = field(default_factory=dict)
    ended: dict[Key, EndedOrder] = field(default_factory=dict)
    next_slot: dict[bytes, int] = field(default_factory=dict)
    tombstones: dict[Key, int] = field(default_factory=dict)
    nonces: dict[bytes, tuple[int, ...]] = field(default_factory=dict)
    """Used nonces that are kept, by signer."""

    def copy(self) -> "State":
        """Return a state of its own; the values in the dictionaries are immutable."""
        twin = copy(self)
        for name, kept in vars(self).items():
            if isinstance(kept, dict):
                setattr(twin, name, dict(kept))
        return twin

    def get_free(self, key: BalanceKey) -> int:
        """Return the free part of a balance."""
        return self.free.get(key, 0)

    def add_free(self, key: BalanceKey, amount: int) -> None:
        """Add to the free part of a balance, or take from it."""
        self.free[key] = self.get_free(key) + amount
        assert 0 <= self.free[key] <= limits.AMOUNT_MAX

    def compute_reserve(self, order: Order) -> tuple[BalanceKey, int]:
        """Return where an order's reserve is and what the order needs there."""
        market = self.markets[order.market]
        if order.side == Side.BUY:
            cost = order.remaining * order.price * market.quote_unit
            return (order.owner, order.subaccount, market.quote), cost
        return (order.owner, order.subaccount, market.base), order.remaining * market.base_unit

    def compute_reserved(self) -> dict[BalanceKey, int]:
        """Return the reserved part of every balance that has one."""
        reserved: dict[BalanceKey, int] = {}
        for order in self.orders.values():
            key, amount = self.compute_reserve(order)
            reserved[key] = reserved.get(key, 0) + amount
        return reserved

    def encode_order(self, order: Order) -> tuple[bytes, bytes]:
        """Return an open order's record."""
        value = (
            u(4, order.market)
            + u(1, order.side)
            + u(1, order.time_in_force)
            + u(1, int(order.post_only))
            + u(1, order.self_trade)
            + u(1, order.subaccount)
            + u(8, order.price)
            + u(8, order.quantity)
            + u(8, order.filled)
            + u(8, order.priority)
            + u(8, order.expires_ms)
        )
        return b"\x07" + order.owner + u(8, order.client_id), value

    def encode_orders(self, orders: list[Order]) -> bytes:
        """Return the number of these open orders and the sum of their hashes."""
        hashes = [sha256(b"".join(self.encode_order(order))).digest() for order in orders]
        total = sum(int.from_bytes(each, "big") for each in hashes) % 2**256
        return u(4, len(orders)) + u(32, total)

    def encode_account(self, owner: bytes) -> bytes:
        """Return an account's record; all zeros when there is nothing to say."""
        return (
            self.encode_orders([each for each in self.orders.values() if each.owner == owner])
            + u(2, self.next_slot.get(owner, 0))
            + u(2, len([1 for who, _ in self.tombstones if who == owner]))
            + u(1, len([1 for who, _ in self.agents if who == owner]))
        )

    def encode_market(self, number: int) -> bytes:
        """Return a market's record; every market is active."""
        market = self.markets[number]
        return (
            u(4, market.base)
            + u(4, market.quote)
            + u(16, market.base_unit)
            + u(16, market.quote_unit)
            + u(8, market.lots_min)
            + u(8, market.lots_max)
            + u(1, 1)
            + u(8, market.last_price)
            + self.encode_orders([each for each in self.orders.values() if each.market == number])
        )

    def encode(self) -> dict[bytes, bytes]:
        """Return every record, ascending by key."""
        records = {
            b"\x01": u(8, self.height)
            + u(8, self.now)
            + self.block_hash
            + u(16, self.fee_pool)
            + u(8, self.unit_price)
            + u(4, self.fee_token)
            + u(4, self.root_interval)
        }
        for number, token in self.tokens.items():
            value = u(1, token.decimals) + u(16, token.supply) + token.symbol.encode()
            records[b"\x02" + u(4, number)] = value
        for number in self.markets:
            records[b"\x03" + u(4, number)] = self.encode_market(number)
        for owner in self.list_addresses():
            records[b"\x04" + owner] = self.encode_account(owner)
        reserved = self.compute_reserved()
        for key in [*self.free, *reserved]:
            value = u(16, self.get_free(key)) + u(16, reserved.get(key, 0))
            records[b"\x05" + key[0] + u(1, key[1]) + u(4, key[2])] = value
        for (owner, agent), (scope, expires_ms) in self.agents.items():
            records[b"\x06" + owner + agent] = u(4, scope) + u(8, expires_ms)
        records |= dict(self.encode_order(order) for order in self.orders.values())
        for (owner, slot), row in self.ended.items():
            value = u(8, row.client_id) + u(8, row.until_ms) + u(1, row.ended)
            records[b"\x08" + owner + u(2, slot)] = value + u(8, row.quantity) + u(8, row.filled)
        for (owner, client_id), until_ms in self.tombstones.items():
            records[b"\x09" + owner + u(8, client_id)] = u(8, until_ms)
        for signer, nonces in self.nonces.items():
            for page in sorted({nonce // 1_024 for nonce in nonces}):
                records[b"\x0a" + signer + u(8, page)] = encode_page(nonces, page)
        empty = [key for key, value in records.items() if key[0] in {4, 5} and not any(value)]
        return {key: records[key] for key in sorted(records) if key not in empty}

    def list_addresses(self) -> list[bytes]:
        """Return every address that may have an account record."""
        found = [owner for owner, _ in (*self.orders, *self.ended, *self.tombstones, *self.agents)]
        return sorted({*found, *self.next_slot})


def encode_page(nonces: tuple[int, ...], page: int) -> bytes:
    """Return a page of used nonces: bit i of byte j is that of nonce 8 j + i of the page."""
    used = [sum(2**i for i in range(8) if page * 1_024 + 8 * j + i in nonces) for j in range(128)]
    return bytes(used).rstrip(bytes(1))


def u(size: int, value: int) -> bytes:
    """Return an unsigned big-endian integer of so many bytes."""
    return value.to_bytes(size, "big")
