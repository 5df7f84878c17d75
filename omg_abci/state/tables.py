"""All that the state holds in memory, and how it is read; the writes stand in ``*_writes.py``.

Touched objects are collected, and `state/diff.py` compares their bytes with those committed.
"""

from collections import deque
from heapq import heapify
from itertools import islice
from typing import Any, Final, TypeVar

from omg_abci.protocol.results import Event
from omg_abci.protocol.units import Address, Amount, Hash, Height, MarketId, Millis
from omg_abci.state import schema
from omg_abci.state.book import Order
from omg_abci.state.fee_records import FeeRecord, FeesRecord
from omg_abci.state.journal import Journal
from omg_abci.state.keyed_records import FeeOfferRecord, KeyedRecord
from omg_abci.state.objects import Account, Balance, Market, own
from omg_abci.state.records import TokenRecord
from omg_abci.state.stake_records import StakeRecord, StakingRecord, ValidatorRecord
from omg_abci.state.sweeping import list_heaps, sweep
from omg_abci.state.tally import Tally

Stored = tuple[Order | Balance | Account | Market, bytes | None]
"""An object and the record that it has once the block is committed."""
_Record = TypeVar("_Record", bound=KeyedRecord)
_SWEPT_MIN: Final = 256
_SWEPT_EACH: Final = 3
"""Entries that are looked at when a block is committed: so many, and for each that was added."""


class Tables(Journal):
    """Everything the chain remembers, as of the last applied block."""

    __slots__ = (
        "_pushed",
        "_pushed_swept",
        "_sweeper",
        "accounts",
        "balances",
        "batch_work",
        "block_hash",
        "block_stored",
        "by_key",
        "chain_id",
        "delisting_work",
        "dirty_accounts",
        "dirty_balances",
        "dirty_markets",
        "dirty_nonces",
        "dirty_orders",
        "dirty_records",
        "dirty_stake",
        "emptied",
        "events",
        "fee_pool",
        "fee_token",
        "fees",
        "grants_pending",
        "height",
        "height_expiries",
        "market_bond",
        "market_timers",
        "markets",
        "mass_steps",
        "may_hold_dead",
        "next_market",
        "offer_terms",
        "order_expiries",
        "payment_expiries",
        "post_only_until_ms",
        "previous_time_ms",
        "record_expiries",
        "root_interval",
        "stake",
        "stake_arrivals",
        "stake_maturities",
        "stake_pools",
        "staking",
        "switch_expiries",
        "symbols",
        "tallies",
        "time_ms",
        "to_store",
        "tokens",
        "tombstone_expiries",
        "trigger_work",
        "uncrossing_work",
        "unit_price",
        "validators",
    )

    def __init__(self, chain_id: str) -> None:
        """Make tables without records."""
        super().__init__()
        self.chain_id = chain_id
        self.height: Height = 0
        self.time_ms: Millis = 0
        self.previous_time_ms: Millis = 0
        """The time of the block before the open one."""
        self.block_hash: Hash = bytes(32)
        self.fee_pool: Amount = 0
        self.unit_price = 0
        self.fee_token = 0
        self.root_interval = 0
        self.post_only_until_ms: Millis = 0
        self.next_market: MarketId = 1
        self.market_bond: Amount = 0
        self.block_stored: bytes | None = None
        self.tokens: dict[int, TokenRecord] = {}
        self.symbols: dict[str, int] = {}
        """Of each symbol in use, a token that has it."""
        self.by_key: dict[bytes, KeyedRecord] = {}
        """Records that are no live object's, by their keys; never iterated by rules."""
        self.markets: dict[MarketId, Market] = {}
        """Rules iterate it in ascending order only: the order here depends on history."""
        self.accounts: dict[Address, Account] = {}
        self.balances: dict[bytes, Balance] = {}
        self.staking: StakingRecord | None = None
        """None: the chain has no staking, and its validators never change."""
        self.validators: dict[Address, ValidatorRecord] = {}
        """By owner; rules iterate it in ascending order only."""
        self.stake: dict[bytes, Any] = {}
        """All other records about stake, votes and fees by their keys; never iterated by rules."""
        self.fees: FeesRecord | None = None
        """None: a work unit costs what genesis says, for ever."""
        self.tallies: dict[tuple[Address, int], Tally] = {}
        """By validator and parameter."""
        self.stake_pools: dict[Address, dict[bytes, bool]] = {}
        """The keys of the pools of what left each validator, for a slash to find."""
        self.stake_arrivals: dict[Address, dict[bytes, bool]] = {}
        """The keys of the pools of what moved to each validator."""
        self.mass_steps = 0
        """Steps of mass work done so far in the block."""
        self.grants_pending: dict[bytes, Amount] = {}
        """Of each grant, what the block's transactions that are not done can cost at most."""
        self.offer_terms: dict[bytes, FeeOfferRecord] = {}
        """Of each fee offer that the block's transactions take, what it said before the block."""
        self.events: list[Event] = []
        self._make_heaps()
        self._make_work()
        self.clear_dirty()

    def _make_heaps(self) -> None:
        self.order_expiries: list[tuple[Millis, int, int, Order]] = []
        """A heap of (expiry, priority, a count that keeps orders from being compared, order).

        In all heaps, entries whose object says something else by now are passed over. Here: of
        those with the same expiry and priority at most one order is open.
        """
        self.height_expiries: list[tuple[Height, int, int, Order]] = []
        """The same by the last height."""
        self.switch_expiries: list[tuple[Millis, Address]] = []
        self.may_hold_dead = False
        """Some open order may be dead: almost always False, so that no match looks at expiries."""
        self.tombstone_expiries: list[tuple[Millis, Address, int]] = []
        self.payment_expiries: list[tuple[Millis, bytes]] = []
        """Until when payments are remembered, and their keys."""
        self.record_expiries: list[tuple[Millis, bytes]] = []
        """A heap of (expiry, key) of requests, grants and offers."""
        self.market_timers: list[tuple[Millis, MarketId]] = []
        self.stake_maturities: list[tuple[Millis, bytes]] = []
        """A heap of (time, key) of stake that unbonds or moved."""
        self._pushed = 0
        self._pushed_swept = 0
        self._sweeper = sweep(self)

    def _make_work(self) -> None:
        """Make the lists of the markets where mass work may be due: none that is due is missing."""
        self.uncrossing_work: dict[MarketId, Market] = {}
        self.delisting_work: dict[MarketId, Market] = {}
        self.batch_work: dict[MarketId, Market] = {}
        self.trigger_work: dict[MarketId, Market] = {}

    def clear_dirty(self) -> None:
        """Forget which records were touched."""
        self.dirty_balances: dict[Balance, None] = {}
        self.dirty_accounts: dict[Account, None] = {}
        self.dirty_markets: dict[Market, None] = {}
        self.dirty_orders: dict[Order, None] = {}
        self.dirty_records: dict[bytes, bytes | None] = {}
        """Keys of tokens, agents, tombstones and keyed records, to the value before the block."""
        self.dirty_nonces: dict[tuple[Account, int], int | None] = {}
        """Pages of nonces, to the bitmap before the block."""
        self.dirty_stake: dict[bytes, StakeRecord | FeeRecord | None] = {}
        """Keys of records about stake and fees, to what was there before the block."""
        self.to_store: list[Stored] = []
        """What `diff.compute_changes` found, for the moment at which the block is committed."""
        self.emptied: list[Order] = []
        """Ended orders whose owner has none left in the market, found with `to_store`."""
        self.ended_log = []

    # --- reads ---

    def get_account(self, owner: Address) -> Account:
        """Return the account, made when it does not exist (an empty one is not stored)."""
        account = self.accounts.get(owner)
        if account is None:
            account = self.accounts[owner] = Account(owner)
        return account

    def get_balance(self, owner: Address, subaccount: int, token: int) -> Balance:
        """Return the balance, made when it does not exist (a zero one is not stored)."""
        key = schema.compute_balance_key(owner, subaccount, token)
        balance = self.balances.get(key)
        if balance is None:
            balance = self.balances[key] = Balance(key)
        return balance

    def find_own(self, account: Account, subaccount: int, token: int) -> Balance | None:
        """Return the balance of an account at hand, None when it does not exist.

        The account keeps it near: 0.1 µs instead of 0.25 for the key and the state's table.
        """
        where = subaccount << 32 | token
        balance = account.near.get(where)
        if balance is None:
            key = schema.compute_balance_key(account.owner, subaccount, token)
            balance = self.balances.get(key)
            if balance is not None:
                account.near = own(account.near)
                account.near[where] = balance
        return balance

    def get_own(self, account: Account, subaccount: int, token: int) -> Balance:
        """Return the balance of an account at hand, made when it does not exist."""
        return self.find_own(account, subaccount, token) or self.get_balance(
            account.owner, subaccount, token
        )

    def get_free(self, owner: Address, subaccount: int, token: int) -> Amount:
        """Return what is free, without making a balance."""
        balance = self.balances.get(schema.compute_balance_key(owner, subaccount, token))
        return 0 if balance is None else balance.free

    def find_record(self, kind: type[_Record], key: bytes) -> _Record | None:
        """Return a keyed record of a kind, None when there is none."""
        record = self.by_key.get(key)
        return record if isinstance(record, kind) else None

    # --- heaps ---

    def _drop_passed_over(self) -> None:
        """Sweep some of the heaps' entries: more than were added, so that they grow with the state.

        The steps follow what was added, 0.2 µs each: clearing all heaps in one block, after as
        many additions as entries, took a second at a million of them.
        """
        steps = _SWEPT_MIN + _SWEPT_EACH * (self._pushed - self._pushed_swept)
        self._pushed_swept = self._pushed
        deque(islice(self._sweeper, steps), maxlen=0)

    def _has_due(self) -> bool:
        """Tell whether an order may be dead in the open block: nothing written in it ends in it."""
        by_time, by_height, switches = (
            self.order_expiries,
            self.height_expiries,
            self.switch_expiries,
        )
        return bool(
            (by_time and by_time[0][0] <= self.time_ms)
            or (by_height and by_height[0][0] < self.height)
            or (switches and switches[0][0] <= self.time_ms)
        )

    def sort_heaps(self) -> None:
        """Put every heap in order, after entries were put there as they came; at loading."""
        for heap, _ in list_heaps(self):
            heapify(heap)
