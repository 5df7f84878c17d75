"""Records as values, and their exact bytes (docs/spec/state.md)."""

import struct
from typing import Final, NamedTuple

from omg_abci.protocol.limits import AUCTION_DEFAULT_MS, MARKET_BOND_DEFAULT
from omg_abci.protocol.units import (
    ZERO_ADDRESS,
    Address,
    Amount,
    Hash,
    Height,
    Lots,
    MarketId,
    MarketMode,
    Millis,
    Ticks,
    TokenId,
)

_LOW64: Final = (1 << 64) - 1
_U128X2: Final = struct.Struct(">QQQQ")
_BLOCK: Final = struct.Struct(">QQ32sQQQIIQIQQ")
_TOKEN: Final = struct.Struct(">BQQ")
_MARKET: Final = struct.Struct(">IIQQQQQQBBHI20sQQQI32sQQQQQQ")
_ACCOUNT: Final = struct.Struct(">I32sHHBQ")
_ACCOUNT_TAIL: Final = struct.Struct(">QQQ")
_AGENT: Final = struct.Struct(">IQ")
_ORDER: Final = struct.Struct(">IBBBBBBQQQQQ")
_ORDER_TAIL: Final = struct.Struct(">QQQQH")
_ENDED: Final = struct.Struct(">QQBQQ")


class BlockRecord(NamedTuple):
    """The last block, the fee pool, what genesis fixed and what the next market is called."""

    height: Height
    time_ms: Millis
    block_hash: Hash
    fee_pool: Amount
    unit_price: int
    fee_token: TokenId
    root_interval: int
    post_only_until_ms: Millis = 0
    next_market: MarketId = 1
    market_bond: Amount = MARKET_BOND_DEFAULT

    def encode(self) -> bytes:
        """Return the record's bytes."""
        pool, bond = self.fee_pool, self.market_bond
        return _BLOCK.pack(
            *self[:3], pool >> 64, pool & _LOW64, *self[4:9], bond >> 64, bond & _LOW64
        )

    @classmethod
    def decode(cls, data: bytes) -> "BlockRecord":
        """Return the record."""
        fields = _BLOCK.unpack(data)
        pool, bond = fields[3] << 64 | fields[4], fields[10] << 64 | fields[11]
        return cls._make((*fields[:3], pool, *fields[5:10], bond))


class TokenRecord(NamedTuple):
    """A token."""

    decimals: int
    supply: Amount
    symbol: str

    def encode(self) -> bytes:
        """Return the record's bytes."""
        packed = _TOKEN.pack(self.decimals, self.supply >> 64, self.supply & _LOW64)
        return packed + self.symbol.encode()

    @classmethod
    def decode(cls, data: bytes) -> "TokenRecord":
        """Return the record."""
        decimals, high, low = _TOKEN.unpack(data[: _TOKEN.size])
        return cls(decimals, high << 64 | low, data[_TOKEN.size :].decode())


class MarketRecord(NamedTuple):
    """A market's terms, what it is doing and the sum over its open orders.

    A live `Market` holds what changes as attributes of its own: read it there.
    """

    base: TokenId
    quote: TokenId
    base_unit: Amount
    """Smallest units of the base token in a lot."""
    quote_unit: Amount
    """Smallest units of the quote token in a tick times a lot."""
    lots_min: Lots
    lots_max: Lots
    status: int
    mode: int = int(MarketMode.CONTINUOUS)
    band_bp: int = 0
    """Basis points around the reference in which trades may be; 0: everywhere."""
    auction_ms: Millis = AUCTION_DEFAULT_MS
    """How long a call auction collects orders."""
    creator: Address = ZERO_ADDRESS
    """Who may change the market; zero: nobody."""
    bond: Amount = 0
    """What the creator has reserved of the fee token."""
    last_price: Ticks = 0
    """Of the last fill; 0 before the first."""
    open_orders: int = 0
    orders_sum: int = 0
    """Additive hash of the open orders, modulo 2^256."""
    until_ms: Millis = 0
    """When the status ends by itself; 0: it does not."""
    low: Ticks = 0
    """Lowest price traded since the triggers were last worked off."""
    high: Ticks = 0
    reference: Ticks = 0
    """The middle of the band; 0: there is none."""
    reference_ms: Millis = 0
    auction_price: Ticks = 0
    """The price of an auction that is being executed; 0: none is."""

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return _MARKET.pack(
            self.base,
            self.quote,
            self.base_unit >> 64,
            self.base_unit & _LOW64,
            self.quote_unit >> 64,
            self.quote_unit & _LOW64,
            *self[4:11],
            self.bond >> 64,
            self.bond & _LOW64,
            *self[12:14],
            self.orders_sum.to_bytes(32, "big"),
            *self[15:],
        )

    @classmethod
    def decode(cls, data: bytes) -> "MarketRecord":
        """Return the record."""
        fields = _MARKET.unpack(data)
        return cls._make(
            (
                *fields[:2],
                fields[2] << 64 | fields[3],
                fields[4] << 64 | fields[5],
                *fields[6:13],
                fields[13] << 64 | fields[14],
                *fields[15:17],
                int.from_bytes(fields[17], "big"),
                *fields[18:],
            )
        )


class AccountRecord(NamedTuple):
    """Counts of an address's small records, the sum over its open orders, and its switch."""

    open_orders: int
    orders_sum: int
    ended_next: int
    """The slot that the next ended order takes."""
    tombstones: int
    agents: int
    switch_ms: Millis = 0
    """When the dead-man's switch fires; 0: it is off."""
    paid_epoch: int = 0
    paid: Amount = 0
    """Fees of that epoch, of which a part may come back."""

    def encode(self) -> bytes:
        """Return the record's bytes; the last two fields only when there is something in them."""
        orders_sum = self.orders_sum.to_bytes(32, "big")
        head = _ACCOUNT.pack(self.open_orders, orders_sum, *self[2:6])
        return head + encode_paid(self.paid_epoch, self.paid) if self.paid_epoch else head

    @classmethod
    def decode(cls, data: bytes) -> "AccountRecord":
        """Return the record."""
        open_orders, orders_sum, *rest = _ACCOUNT.unpack_from(data)
        epoch = paid = 0
        if len(data) != _ACCOUNT.size:
            epoch, high, low = _ACCOUNT_TAIL.unpack(data[_ACCOUNT.size :])
            paid = high << 64 | low
        return cls._make((open_orders, int.from_bytes(orders_sum, "big"), *rest, epoch, paid))


class BalanceRecord(NamedTuple):
    """Smallest units that an owner's subaccount has of a token."""

    free: Amount
    reserved: Amount

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return encode_balance(self.free, self.reserved)

    @classmethod
    def decode(cls, data: bytes) -> "BalanceRecord":
        """Return the record."""
        free_high, free_low, reserved_high, reserved_low = _U128X2.unpack(data)
        return cls(free_high << 64 | free_low, reserved_high << 64 | reserved_low)


def encode_balance(free: Amount, reserved: Amount) -> bytes:
    """Return a balance record's bytes."""
    return _U128X2.pack(free >> 64, free & _LOW64, reserved >> 64, reserved & _LOW64)


class AgentRecord(NamedTuple):
    """An approval."""

    scope: int
    expires_ms: Millis

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return _AGENT.pack(*self)

    @classmethod
    def decode(cls, data: bytes) -> "AgentRecord":
        """Return the record."""
        return cls(*_AGENT.unpack(data))


class OrderRecord(NamedTuple):
    """An open order, resting or waiting for its trigger."""

    market: MarketId
    side: int
    order_type: int
    time_in_force: int
    post_only: int
    self_trade: int
    subaccount: int
    price: Ticks
    quantity: Lots
    """With what is filled."""
    filled: Lots
    priority: int
    expires_ms: Millis
    expires_height: Height = 0
    display: Lots = 0
    """What an iceberg shows of itself."""
    tip: Lots = 0
    """What is left of what it shows."""
    trigger: Ticks = 0
    """The price for which the order waits; 0: it rests."""
    max_matches: int = 0
    """Steps that a waiting order may match when it is triggered."""

    def encode(self) -> bytes:
        """Return the record's bytes; the last five fields only when one of them is not zero."""
        head = _ORDER.pack(*self[:12])
        return head + _ORDER_TAIL.pack(*self[12:]) if any(self[12:]) else head

    @classmethod
    def decode(cls, data: bytes) -> "OrderRecord":
        """Return the record."""
        if len(data) == ORDER_BYTES:
            return cls(*_ORDER.unpack(data))
        head, tail = data[:ORDER_BYTES], data[ORDER_BYTES:]
        return cls(*_ORDER.unpack(head), *_ORDER_TAIL.unpack(tail))


ORDER_BYTES: Final = _ORDER.size
"""The length of a plain order's record."""

encode_order = _ORDER.pack
"""Return a plain order's bytes from its first twelve fields, without making the record."""

encode_order_tail = _ORDER_TAIL.pack
"""Return what follows in the record of an order that is not plain, from its last five fields."""


class EndedRecord(NamedTuple):
    """What an account remembers of an ended order."""

    client_id: int
    until_ms: Millis
    ended: int
    quantity: Lots
    filled: Lots

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return _ENDED.pack(*self)

    @classmethod
    def decode(cls, data: bytes) -> "EndedRecord":
        """Return the record."""
        return cls(*_ENDED.unpack(data))


encode_ended = _ENDED.pack
"""Return an ended order's bytes from its fields, without making the record."""


def decode_ended_client_id(data: bytes) -> int:
    """Return the client id that an ended order's bytes begin with."""
    return int.from_bytes(data[:8], "big")


pack_account = _ACCOUNT.pack
"""Return an account's bytes from its fields, the sum as 32 bytes, without making the record."""


def encode_paid(epoch: int, paid: Amount) -> bytes:
    """Return what follows in the record of an account that paid fees in an epoch."""
    return _ACCOUNT_TAIL.pack(epoch, paid >> 64, paid & _LOW64)


def encode_tombstone(until_ms: Millis) -> bytes:
    """Return a tombstone's bytes."""
    return until_ms.to_bytes(8, "big")


def decode_tombstone(data: bytes) -> Millis:
    """Return the time from which on a tombstone says nothing."""
    return int.from_bytes(data, "big")


def encode_nonce_page(bits: int) -> bytes:
    """Return a page's bytes: bit i of byte j stands for the page's nonce 8 j + i."""
    return bits.to_bytes((bits.bit_length() + 7) >> 3, "little")


def decode_nonce_page(data: bytes) -> int:
    """Return a page as a number whose bit i stands for its nonce i."""
    return int.from_bytes(data, "little")


def decode_owner(key: bytes) -> Address:
    """Return the owner that stands after the table byte in a key."""
    return key[1:21]
