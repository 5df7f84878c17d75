"""Records as values, and their exact bytes (docs/spec/state.md)."""

import struct
from typing import Final, NamedTuple

from omg_abci.protocol.units import Address, Amount, Hash, Lots, MarketId, Millis, Ticks, TokenId

_LOW64: Final = (1 << 64) - 1
_U128X2: Final = struct.Struct(">QQQQ")
_BLOCK: Final = struct.Struct(">QQ32sQQQII")
_TOKEN: Final = struct.Struct(">BQQ")
_MARKET: Final = struct.Struct(">IIQQQQQQBQI32s")
_ACCOUNT: Final = struct.Struct(">I32sHHB")
_AGENT: Final = struct.Struct(">IQ")
_ORDER: Final = struct.Struct(">IBBBBBQQQQQ")
_ENDED: Final = struct.Struct(">QQBQQ")


class BlockRecord(NamedTuple):
    """The last block, the fee pool and what genesis fixed."""

    height: int
    time_ms: Millis
    block_hash: Hash
    fee_pool: Amount
    unit_price: int
    fee_token: TokenId
    root_interval: int

    def encode(self) -> bytes:
        """Return the record's bytes."""
        pool = self.fee_pool
        return _BLOCK.pack(*self[:3], pool >> 64, pool & _LOW64, *self[4:])

    @classmethod
    def decode(cls, data: bytes) -> "BlockRecord":
        """Return the record."""
        height, time_ms, block_hash, high, low, *rest = _BLOCK.unpack(data)
        return cls(height, time_ms, block_hash, high << 64 | low, *rest)


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
    """A market's terms, its last price and the sum over its open orders."""

    base: TokenId
    quote: TokenId
    base_unit: Amount
    """Smallest units of the base token in a lot."""
    quote_unit: Amount
    """Smallest units of the quote token in a tick times a lot."""
    lots_min: Lots
    lots_max: Lots
    status: int
    last_price: Ticks
    open_orders: int
    orders_sum: int
    """Additive hash of the open orders, modulo 2^256."""

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return _MARKET.pack(
            self.base,
            self.quote,
            self.base_unit >> 64,
            self.base_unit & _LOW64,
            self.quote_unit >> 64,
            self.quote_unit & _LOW64,
            *self[4:9],
            self.orders_sum.to_bytes(32, "big"),
        )

    @classmethod
    def decode(cls, data: bytes) -> "MarketRecord":
        """Return the record."""
        fields = _MARKET.unpack(data)
        return cls(
            fields[0],
            fields[1],
            fields[2] << 64 | fields[3],
            fields[4] << 64 | fields[5],
            fields[6],
            fields[7],
            fields[8],
            fields[9],
            fields[10],
            int.from_bytes(fields[11], "big"),
        )


class AccountRecord(NamedTuple):
    """Counts of an address's small records, and the sum over its open orders."""

    open_orders: int
    orders_sum: int
    ended_next: int
    """The slot that the next ended order takes."""
    tombstones: int
    agents: int

    def encode(self) -> bytes:
        """Return the record's bytes."""
        orders_sum = self.orders_sum.to_bytes(32, "big")
        return _ACCOUNT.pack(self.open_orders, orders_sum, *self[2:])

    @classmethod
    def decode(cls, data: bytes) -> "AccountRecord":
        """Return the record."""
        open_orders, orders_sum, ended_next, tombstones, agents = _ACCOUNT.unpack(data)
        return cls(open_orders, int.from_bytes(orders_sum, "big"), ended_next, tombstones, agents)


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
    """An open order."""

    market: MarketId
    side: int
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

    def encode(self) -> bytes:
        """Return the record's bytes."""
        return _ORDER.pack(*self)

    @classmethod
    def decode(cls, data: bytes) -> "OrderRecord":
        """Return the record."""
        return cls(*_ORDER.unpack(data))


encode_order = _ORDER.pack
"""Return an order record's bytes from its fields, without making the record."""


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
