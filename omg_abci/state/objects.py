"""Live objects that records become: balances, accounts, markets."""

from types import MappingProxyType
from typing import Any, Final, TypeVar, cast

from omg_abci.protocol import limits
from omg_abci.protocol.units import Address, Amount, MarketMode, Millis, Ticks
from omg_abci.state.book import BookSide, Order, OwnerList, make_waiting_level
from omg_abci.state.records import AgentRecord, EndedRecord, MarketRecord

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_BATCH: Final = int(MarketMode.BATCH)
_PAGE_MASK: Final = (1 << limits.NONCE_PAGE_BITS) - 1


NOTHING: Final = cast("dict[Any, Any]", MappingProxyType({}))
"""Stands for a table of which an account holds nothing, and refuses writes.

Empty tables of a million accounts would be 0.5 GiB: `own` makes one when it is first written.
"""
_NO_PAGES: Final = cast("list[int]", ())
_NO_SLOTS: Final = cast("list[bytes | None]", ())


def own(table: dict[_Key, _Value]) -> dict[_Key, _Value]:
    """Return an account's table that may be written."""
    return {} if table is NOTHING else table


class Balance:
    """What a subaccount has of a token."""

    __slots__ = ("free", "key", "mark", "reserved", "stored")

    def __init__(self, key: bytes, free: Amount = 0, reserved: Amount = 0) -> None:
        """Make a balance that is not yet stored."""
        self.key = key
        self.free = free
        self.reserved = reserved
        self.stored: bytes | None = None
        self.mark = 0


class Account:
    """All that belongs to an address but its balances."""

    __slots__ = (
        "agents",
        "ended",
        "ended_next",
        "key",
        "lists",
        "near",
        "nonce_heap",
        "nonce_pages",
        "orders",
        "orders_sum",
        "owner",
        "paid",
        "paid_epoch",
        "slots",
        "stored",
        "switch_ms",
        "tombstones",
    )

    def __init__(self, owner: Address) -> None:
        """Make an account that says nothing."""
        self.owner = owner
        self.key = owner
        """Whose signature is the owner's: the address itself until guardians replaced it."""
        self.orders: dict[int, Order] = NOTHING
        """Open orders by client id; never iterated, its order depends on history."""
        self.lists: dict[int, OwnerList] = NOTHING
        """Market's id << SIDE_BITS | side, to the open orders there, oldest first."""
        self.near: dict[int, Balance] = NOTHING
        """Balances that were asked for, by subaccount << 32 | token: all are the state's own."""
        self.orders_sum = 0
        self.ended: dict[int, int] = NOTHING
        """Client id to the slot that remembers the order."""
        self.slots: list[bytes | None] = _NO_SLOTS
        """Records of ended orders; None where nothing was written yet."""
        self.ended_next = 0
        self.switch_ms: Millis = 0
        """When the dead-man's switch fires; 0: it is off."""
        self.tombstones: dict[int, Millis] = NOTHING
        self.agents: dict[Address, AgentRecord] = NOTHING
        self.nonce_pages: dict[int, int] = NOTHING
        """Page to the bitmap of its used nonces."""
        self.nonce_heap: list[int] = _NO_PAGES
        """The pages, smallest first; one that is not in ``nonce_pages`` is passed over."""
        self.paid_epoch = 0
        self.paid: Amount = 0
        """Fees of that epoch; what is refunded of them is settled when it next pays."""
        self.stored: bytes | None = None

    def open_tables(self) -> None:
        """Make the tables that open orders are written to."""
        self.orders = own(self.orders)
        self.lists = own(self.lists)

    def open_nonces(self) -> None:
        """Make the tables that used nonces are written to."""
        if self.nonce_pages is NOTHING:
            self.nonce_pages = {}
            self.nonce_heap = []

    def set_slot(self, slot: int, value: bytes) -> None:
        """Write the record of an ended order."""
        if self.slots is _NO_SLOTS:
            self.slots, self.ended = [], {}
        slots = self.slots
        while slot >= len(slots):
            slots.append(None)
        slots[slot] = value

    @property
    def open_orders(self) -> int:
        """Return how many orders are open."""
        return len(self.orders)

    def get_ended(self, client_id: int) -> EndedRecord | None:
        """Return what is remembered of an ended order."""
        slot = self.ended.get(client_id)
        return None if slot is None else EndedRecord.decode(self.slots[slot] or b"")

    def has_nonce(self, nonce: int) -> bool:
        """Tell whether a nonce of the last two days was used."""
        bits = self.nonce_pages.get(nonce >> limits.NONCE_PAGE_BITS, 0)
        return bool(bits >> (nonce & _PAGE_MASK) & 1)


WaitingHeap = list[tuple[int, int, int, Order]]
"""A heap of (trigger, priority, a count that keeps orders from being compared, order).

Entries whose order no longer waits, or waits for another price, are passed over.
"""


class Market:
    """A market's terms, what it is doing, and its book."""

    __slots__ = (
        "asks",
        "auction_price",
        "band_bp",
        "base",
        "base_unit",
        "bids",
        "falling",
        "high",
        "id",
        "immediate",
        "is_batch",
        "last_price",
        "lots_max",
        "lots_min",
        "low",
        "open_orders",
        "orders_sum",
        "quote",
        "quote_unit",
        "record",
        "reference",
        "reference_ms",
        "rising",
        "status",
        "stored",
        "until_ms",
        "waiting",
    )

    def __init__(self, market: int, record: MarketRecord) -> None:
        """Make a market with an empty book; what changes is from now on read here."""
        self.id = market
        self.record = record
        """The terms: of its fields that change it has the values of the beginning."""
        self.lots_min = record.lots_min
        self.lots_max = record.lots_max
        self.band_bp = record.band_bp
        self.base = record.base
        self.quote = record.quote
        self.base_unit = record.base_unit
        self.quote_unit = record.quote_unit
        self.is_batch = record.mode == _BATCH
        self.status = record.status
        self.until_ms = record.until_ms
        self.last_price: Ticks = record.last_price
        self.low: Ticks = record.low
        self.high: Ticks = record.high
        self.reference: Ticks = record.reference
        self.reference_ms = record.reference_ms
        self.auction_price: Ticks = record.auction_price
        self.open_orders = 0
        self.orders_sum = 0
        self.bids = BookSide(market, 1)
        self.asks = BookSide(market, 2)
        self.waiting = make_waiting_level()
        """Waiting orders by priority."""
        self.rising: WaitingHeap = []
        """Waiting orders that a high enough price triggers, the lowest trigger first."""
        self.falling: WaitingHeap = []
        """Those that a low enough one triggers, by the negative trigger: the highest first."""
        self.immediate: dict[Order, None] = {}
        """Open IOC and FOK orders of a batch market; their order here means nothing."""
        self.stored: bytes | None = None
