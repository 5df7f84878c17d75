"""What the oracle remembers, as plain dictionaries, and its bytes as docs/spec/state.md has them.

Nothing that can be computed is kept: reserves, counts and hash sums are added up from the open
orders, tombstones and approvals whenever they are asked for.
"""

from copy import copy
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from omg_abci.protocol import errors, limits
from omg_abci.protocol.results import Event, LegResult, Removal
from omg_abci.protocol.units import Ended, MarketMode, MarketStatus, Side
from tests.model_fee_state import Fees
from tests.model_records import (
    Allowed,
    Fee,
    Grant,
    Guarded,
    Issue,
    Limited,
    Offer,
    Request,
    encode_keys,
    encode_limits,
    encode_payers,
    encode_recipients,
    list_deposits,
    u,
)
from tests.model_stake_state import Stake

Key = tuple[bytes, int]
"""Owner and client id (or slot)."""
BalanceKey = tuple[bytes, int, int]
"""Owner, subaccount, token."""
NOBODY = bytes(20)


class Refused(Exception):
    """A leg is refused; carries what it did all the same."""

    def __init__(
        self, error: type[errors.LegError], steps: int = 0, removals: tuple[Removal, ...] = ()
    ) -> None:
        """Keep the code, the steps used and the dead orders removed."""
        super().__init__(error.text)
        self.result = LegResult(code=error.code, removals=removals)
        self.steps = steps


class Token(NamedTuple):
    """A token as genesis gave it."""

    decimals: int
    supply: int
    symbol: str


class Market(NamedTuple):
    """A market's terms and what has become of it."""

    base: int
    quote: int
    base_unit: int
    quote_unit: int
    lots_min: int
    lots_max: int
    mode: int = MarketMode.CONTINUOUS
    band_bp: int = 0
    auction_ms: int = limits.AUCTION_DEFAULT_MS
    creator: bytes = NOBODY
    bond: int = 0
    status: int = MarketStatus.ACTIVE
    until_ms: int = 0
    last_price: int = 0
    low: int = 0
    high: int = 0
    reference: int = 0
    reference_ms: int = 0
    auction_price: int = 0

    @property
    def is_batch(self) -> bool:
        """Tell whether the market holds an auction a block."""
        return self.mode == MarketMode.BATCH

    @property
    def is_matching(self) -> bool:
        """Tell whether orders meet as they come."""
        return self.mode == MarketMode.CONTINUOUS and self.status == MarketStatus.ACTIVE


class Order(NamedTuple):
    """An order: resting, waiting for its trigger, or on its way into the book."""

    owner: bytes
    client_id: int
    market: int
    side: int
    order_type: int
    time_in_force: int
    post_only: int
    self_trade: int
    subaccount: int
    price: int
    quantity: int
    filled: int
    priority: int
    expires_ms: int
    expires_height: int
    display: int
    tip: int
    trigger: int
    max_matches: int

    @property
    def key(self) -> Key:
        """Return owner and client id."""
        return self.owner, self.client_id

    @property
    def remaining(self) -> int:
        """Return the lots that are neither filled nor taken off."""
        return self.quantity - self.filled

    @property
    def available(self) -> int:
        """Return what a taker can get at once from the resting order."""
        return self.tip or self.quantity - self.filled


class EndedOrder(NamedTuple):
    """What is remembered of an order that is no longer open."""

    client_id: int
    until_ms: int
    ended: int
    quantity: int
    filled: int


@dataclass
class State:
    """Everything that the chain remembers, and what it counts within a block."""

    chain_id: str
    block_hash: bytes
    unit_price: int
    fee_token: int
    root_interval: int
    market_bond: int
    height: int = 0
    now: int = 0
    fee_pool: int = 0
    post_only_until: int = 0
    next_market: int = 1
    next_token: int = 0
    """0 before the first token was created."""
    placed: int = 0
    """Priorities given in this block."""
    steps: int = 0
    """Steps of mass work done in this block."""
    events: list[Event] = field(default_factory=list)
    """What this block did outside of its transactions."""
    tokens: dict[int, Token] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    markets: dict[int, Market] = field(default_factory=dict)
    free: dict[BalanceKey, int] = field(default_factory=dict)
    agents: dict[tuple[bytes, bytes], tuple[int, int]] = field(default_factory=dict)
    allowances: dict[tuple[bytes, bytes, int], Allowed] = field(default_factory=dict)
    payments: dict[Key, int] = field(default_factory=dict)
    """Until when payments are remembered."""
    requests: dict[Key, Request] = field(default_factory=dict)
    grants: dict[tuple[bytes, bytes], Grant] = field(default_factory=dict)
    """By sponsor and customer."""
    offers: dict[tuple[bytes, int], Offer] = field(default_factory=dict)
    terms: dict[tuple[bytes, int], Offer] = field(default_factory=dict)
    """The offers before this block."""
    unpaid: list[Fee] = field(default_factory=list)
    """Of this block's transactions that are not done."""
    limits: dict[tuple[bytes, int], Limited] = field(default_factory=dict)
    guardians: dict[bytes, Guarded] = field(default_factory=dict)
    approvals: dict[tuple[bytes, bytes], bytes] = field(default_factory=dict)
    waiting: dict[bytes, tuple[bytes, int]] = field(default_factory=dict)
    """By account, the key that enough guardians approved, and from when on it may take effect."""
    keys: dict[bytes, bytes] = field(default_factory=dict)
    recipients: dict[bytes, tuple[int, tuple[tuple[bytes, int], ...]]] = field(default_factory=dict)
    orders: dict[Key, Order] = field(default_factory=dict)
    ended: dict[Key, EndedOrder] = field(default_factory=dict)
    next_slot: dict[bytes, int] = field(default_factory=dict)
    tombstones: dict[Key, int] = field(default_factory=dict)
    switches: dict[bytes, int] = field(default_factory=dict)
    nonces: dict[bytes, tuple[int, ...]] = field(default_factory=dict)
    """Used nonces that are kept, by signer."""
    stake: Stake = field(default_factory=Stake)
    fees: Fees = field(default_factory=Fees)

    def copy(self) -> "State":
        """Return a state of its own; what the dictionaries and the list hold is immutable."""
        twin = copy(self)
        for name, kept in vars(self).items():
            if isinstance(kept, dict | list):
                setattr(twin, name, kept.copy())
        twin.stake = self.stake.copy()
        twin.fees = self.fees.copy()
        return twin

    def get_free(self, key: BalanceKey) -> int:
        """Return the free part of a balance."""
        return self.free.get(key, 0)

    def add_free(self, key: BalanceKey, amount: int) -> None:
        """Add to the free part of a balance, or take from it."""
        self.free[key] = self.get_free(key) + amount
        assert 0 <= self.free[key] <= limits.AMOUNT_MAX

    def find_death(self, order: Order) -> int:
        """Return why an order may not match any more, 0 while it may."""
        if 0 < order.expires_ms <= self.now or 0 < order.expires_height < self.height:
            return Ended.EXPIRED
        return Ended.SWITCHED if 0 < self.switches.get(order.owner, 0) <= self.now else Ended.OPEN

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
        parts = [self.compute_reserve(order) for order in self.orders.values()]
        parts += [((m.creator, 0, self.fee_token), m.bond) for m in self.markets.values() if m.bond]
        locked = list_deposits(self.issues, self.grants, self.offers, self.requests)
        parts += [((who, 0, self.fee_token), deposit) for who, deposit in locked]
        for key, amount in parts:
            reserved[key] = reserved.get(key, 0) + amount
        return reserved

    def list_owned(self, owner: bytes) -> list[Order]:
        """Return an owner's open orders by market, side and priority."""
        owned = [each for each in self.orders.values() if each.owner == owner]
        return sorted(owned, key=lambda each: (each.market, each.side, each.priority))

    # --- bytes --------------------------------------------------------------------------------

    def encode_order(self, order: Order) -> tuple[bytes, bytes]:
        """Return an open order's record."""
        value = (
            u(4, order.market)
            + u(1, order.side)
            + u(1, order.order_type)
            + u(1, order.time_in_force)
            + u(1, order.post_only)
            + u(1, order.self_trade)
            + u(1, order.subaccount)
            + u(8, order.price)
            + u(8, order.quantity)
            + u(8, order.filled)
            + u(8, order.priority)
            + u(8, order.expires_ms)
        )
        tail = (
            u(8, order.expires_height)
            + u(8, order.display)
            + u(8, order.tip)
            + u(8, order.trigger)
            + u(2, order.max_matches)
        )
        key = b"\x07" + order.owner + u(8, order.client_id)
        return key, value + tail if any(tail) else value

    def encode_account(self, owner: bytes, sums: bytes) -> bytes:
        """Return an account's record; all zeros when there is nothing to say."""
        return (
            sums
            + u(2, self.next_slot.get(owner, 0))
            + u(2, len([1 for who, _ in self.tombstones if who == owner]))
            + u(1, len([1 for who, _ in self.agents if who == owner]))
            + u(8, self.switches.get(owner, 0))
            + self.fees.encode_paid(owner)
        )

    def encode_market(self, number: int, sums: bytes) -> bytes:
        """Return a market's record."""
        market = self.markets[number]
        return (
            u(4, market.base)
            + u(4, market.quote)
            + u(16, market.base_unit)
            + u(16, market.quote_unit)
            + u(8, market.lots_min)
            + u(8, market.lots_max)
            + u(1, market.status)
            + u(1, market.mode)
            + u(2, market.band_bp)
            + u(4, market.auction_ms)
            + market.creator
            + u(16, market.bond)
            + u(8, market.last_price)
            + sums
            + u(8, market.until_ms)
            + u(8, market.low)
            + u(8, market.high)
            + u(8, market.reference)
            + u(8, market.reference_ms)
            + u(8, market.auction_price)
        )

    def encode_block(self) -> bytes:
        """Return the block's record."""
        return (
            u(8, self.height)
            + u(8, self.now)
            + self.block_hash
            + u(16, self.fee_pool)
            + u(8, self.unit_price)
            + u(4, self.fee_token)
            + u(4, self.root_interval)
            + u(8, self.post_only_until)
            + u(4, self.next_market)
            + u(16, self.market_bond)
        )

    def encode(self) -> dict[bytes, bytes]:
        """Return every record, ascending by key."""
        records = {b"\x01": self.encode_block()}
        for number, token in self.tokens.items():
            value = u(1, token.decimals) + u(16, token.supply) + token.symbol.encode()
            records[b"\x02" + u(4, number)] = value
        records |= self.encode_wallets()
        orders = [(order, *self.encode_order(order)) for order in self.orders.values()]
        for number in self.markets:
            listed = [key + value for order, key, value in orders if order.market == number]
            records[b"\x03" + u(4, number)] = self.encode_market(number, encode_sums(listed))
        for owner in self.list_addresses():
            listed = [key + value for order, key, value in orders if order.owner == owner]
            records[b"\x04" + owner] = self.encode_account(owner, encode_sums(listed))
        reserved = self.compute_reserved()
        for balance in [*self.free, *reserved]:
            value = u(16, self.get_free(balance)) + u(16, reserved.get(balance, 0))
            records[b"\x05" + balance[0] + u(1, balance[1]) + u(4, balance[2])] = value
        for (owner, agent), (scope, expires_ms) in self.agents.items():
            records[b"\x06" + owner + agent] = u(4, scope) + u(8, expires_ms)
        records |= {key: value for _, key, value in orders}
        for (owner, slot), row in self.ended.items():
            value = u(8, row.client_id) + u(8, row.until_ms) + u(1, row.ended)
            records[b"\x08" + owner + u(2, slot)] = value + u(8, row.quantity) + u(8, row.filled)
        for (owner, client_id), until_ms in self.tombstones.items():
            records[b"\x09" + owner + u(8, client_id)] = u(8, until_ms)
        for signer, nonces in self.nonces.items():
            for page in sorted({nonce // 1_024 for nonce in nonces}):
                records[b"\x0a" + signer + u(8, page)] = encode_page(nonces, page)
        records |= self.stake.encode()
        records |= self.fees.encode(self.stake)
        empty = [key for key, value in records.items() if key[0] in {4, 5} and not any(value)]
        return {key: records[key] for key in sorted(records) if key not in empty}

    def encode_wallets(self) -> dict[bytes, bytes]:
        """Return the records of created tokens, payments, requests and allowances."""
        records = {b"\x20" + u(4, number): each.encode() for number, each in self.issues.items()}
        if self.next_token:
            records[b"\x21"] = u(4, self.next_token)
        for (owner, client_id), until_ms in self.payments.items():
            records[b"\x22" + owner + u(8, client_id)] = u(8, until_ms)
        for (owner, request), asked in self.requests.items():
            records[b"\x24" + owner + u(8, request)] = asked.encode()
        records |= encode_payers(self.grants, self.offers)
        records |= encode_limits(self.limits)
        for owner, agent, token in sorted(self.allowances):
            row = self.allowances[owner, agent, token]
            value = u(4, token) + u(16, row.left) + u(16, row.daily) + u(4, row.day)
            key = b"\x23" + owner + agent
            records[key] = records.get(key, b"") + value + u(16, row.spent)
        records |= encode_keys(self.keys, self.guardians, self.approvals, self.waiting)
        return records | encode_recipients(self.recipients)

    def list_addresses(self) -> list[bytes]:
        """Return every address that may have an account record."""
        found = [owner for owner, _ in (*self.orders, *self.ended, *self.tombstones, *self.agents)]
        return sorted({*found, *self.next_slot, *self.switches, *self.fees.paid})


def encode_sums(records: list[bytes]) -> bytes:
    """Return the number of these open orders and the sum of their hashes."""
    total = sum(int.from_bytes(sha256(record).digest(), "big") for record in records)
    return u(4, len(records)) + u(32, total % 2**256)


def encode_page(nonces: tuple[int, ...], page: int) -> bytes:
    """Return a page of used nonces: bit i of byte j is that of nonce 8 j + i of the page."""
    used = [0] * 128
    for nonce in nonces:
        if nonce // 1_024 == page:
            used[nonce % 1_024 // 8] += 2 ** (nonce % 8)
    return bytes(used).rstrip(bytes(1))
