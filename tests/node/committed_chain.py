"""A chain of random committed blocks, made without the state machine.

Storage and read process are fed with it in tests. Every state is kept, so that each answer can be
recomputed plainly.
"""

import hashlib
import random
from functools import cache
from pathlib import Path
from typing import Any

from omg_abci.node.block_events import pack_event
from omg_abci.node.proof_history import Head
from omg_abci.node.storage import Meta, Storage
from omg_abci.protocol.results import (
    Activated,
    Event,
    Fill,
    LegResult,
    Removed,
    StatusChanged,
    Trade,
    Uncrossed,
    ValidatorJailed,
    ValidatorSlashed,
    ValidatorUnjailed,
)
from omg_abci.protocol.signing import Domain
from omg_abci.protocol.units import Ended, Fault, MarketStatus
from omg_abci.state import schema
from omg_abci.state.hashes import (
    DiffEntry,
    compute_app_hash,
    compute_diff_hash,
    compute_genesis_diff_hash,
)
from omg_abci.state.records import (
    AccountRecord,
    AgentRecord,
    BalanceRecord,
    BlockRecord,
    EndedRecord,
    MarketRecord,
    OrderRecord,
    TokenRecord,
)
from tests import tree_model

DOMAIN = Domain("omg-test", 31_337, b"\x11" * 20)
INTERVAL = 4
OWNERS = [hashlib.sha256(b"owner%d" % number).digest()[:20] for number in range(6)]
START_MS = 1_700_000_000_000
State = dict[bytes, bytes]


def compute_hash(text: str) -> bytes:
    """Return 32 bytes that stand for something."""
    return hashlib.sha256(text.encode()).digest()


class CommittedChain:
    """Random blocks over one market; `states[h]` is the whole state after block h."""

    def __init__(self, seed: int = 1, interval: int = INTERVAL) -> None:
        """Make genesis."""
        self.random = random.Random(seed)
        self.interval = interval
        self.priority = 0
        self.states: list[State] = [self._make_genesis()]
        root = tree_model.compute_root(self.states[0])
        diff_hash = compute_genesis_diff_hash(sorted(self.states[0].items()))
        self.heads = [Head(compute_app_hash(root, diff_hash), diff_hash, root)]
        self.diffs: list[list[DiffEntry]] = [sorted(self.states[0].items())]
        self.undos: list[list[DiffEntry]] = [[]]
        self._compute_root = cache(lambda height: tree_model.compute_root(self.states[height]))

    @property
    def height(self) -> int:
        """The last block."""
        return len(self.states) - 1

    def add_block(self, changes: int = 12) -> None:
        """Add a block of random changes."""
        before = self.states[-1]
        after = dict(before)
        height = self.height + 1
        after[schema.BLOCK] = self._make_block(height).encode()
        for _ in range(changes):
            self._change(after)
        diff = sorted(
            (key, after.get(key))
            for key in before.keys() | after.keys()
            if before.get(key) != after.get(key)
        )
        self.states.append(after)
        self.diffs.append(diff)
        self.undos.append([(key, before.get(key)) for key, _ in diff])
        root = self._compute_root(max(0, height // self.interval - 1) * self.interval)
        diff_hash = compute_diff_hash(self.heads[-1].diff_hash, diff)
        self.heads.append(Head(compute_app_hash(root, diff_hash), diff_hash, root))

    def make_meta(self, height: int) -> Meta:
        """Return the meta that belongs to the state of a height."""
        return Meta(*DOMAIN, height, START_MS + height * 250, *self.heads[height])

    def commit(self, storage: Storage, height: int) -> None:
        """Write a block as the executor does."""
        storage.commit(
            self.make_meta(height), self.diffs[height], self.undos[height], 2 * self.interval
        )

    def store(self, path: Path) -> None:
        """Write all blocks to a new database."""
        storage = Storage.open(path)
        for height in range(self.height + 1):
            self.commit(storage, height)
        storage.close()

    def make_frame(self, height: int) -> tuple[Any, ...]:
        """Return the frame that tells the read process of a block."""
        tx = (compute_hash(f"id {height}"), b"raw %d" % height, height % 2, b"result")
        return (
            "block",
            height,
            START_MS + height * 250,
            compute_hash(f"block {height}"),
            *self.heads[height],
            [key for key, _ in self.diffs[height]],
            [value for _, value in self.diffs[height]],
            [tx],
            [pack_event(event) for event in make_events(height)],
        )

    def make_genesis_frame(self) -> tuple[Any, ...]:
        """Return the frame that InitChain sends."""
        return ("genesis", *DOMAIN, list(self.states[0].items()))

    def _make_block(self, height: int) -> BlockRecord:
        block_hash = compute_hash(f"block {height}")
        return BlockRecord(height, START_MS + height * 250, block_hash, 0, 3, 1, self.interval)

    def _make_genesis(self) -> State:
        state = {schema.BLOCK: self._make_block(0).encode()}
        for token, symbol in ((1, "OMG"), (2, "ETH"), (3, "ΩUSD")):
            state[schema.compute_token_key(token)] = TokenRecord(18, 1 << 100, symbol).encode()
        market = MarketRecord(2, 3, 1_000, 1, 1, 1 << 40, 1)
        state[schema.compute_market_key(1)] = market.encode()
        state[schema.compute_market_key(7)] = market.encode()
        for owner in OWNERS:
            balance = BalanceRecord(1 << 90, 0).encode()
            state[schema.compute_balance_key(owner, 0, 1)] = balance
        return state

    def _change(self, state: State) -> None:
        owner = self.random.choice(OWNERS)
        key = schema.compute_order_key(owner, self.random.randint(1, 40))
        match self.random.randrange(8):
            case 0:
                subaccount, token = self.random.randrange(3), self.random.randint(1, 3)
                self._toggle(
                    state,
                    schema.compute_balance_key(owner, subaccount, token),
                    BalanceRecord(self.random.getrandbits(100), 7).encode(),
                )
            case 1:
                self._toggle(
                    state,
                    schema.compute_agent_key(owner, self.random.choice(OWNERS)),
                    AgentRecord(1, START_MS).encode(),
                )
            case 2:
                slot = self.random.randrange(256)
                ended = EndedRecord(100 + slot, START_MS + slot * 20, 2, 10, 3)
                state[schema.compute_ended_key(owner, slot)] = ended.encode()
            case 3:
                account = AccountRecord(1, 1 << 200, self.height, 0, 0)
                state[schema.compute_account_key(owner)] = account.encode()
            case 4 | 5 if key in state:
                state[key] = self._change_order(OrderRecord.decode(state[key])).encode()
            case 6 if key in state:
                del state[key]
            case _:
                state[key] = self._make_order().encode()

    def _toggle(self, state: State, key: bytes, value: bytes) -> None:
        if state.pop(key, None) is None:
            state[key] = value

    def _change_order(self, order: OrderRecord) -> OrderRecord:
        if order.trigger:
            return order._replace(trigger=0, max_matches=0)
        filled = self.random.randrange(order.quantity)
        return order._replace(filled=filled, tip=min(order.display, order.quantity - filled))

    def _make_order(self) -> OrderRecord:
        self.priority += 1
        side = self.random.randint(1, 2)
        price = self.random.randint(90, 99) + 10 * (side - 1)
        quantity = self.random.randint(1, 50)
        market = self.random.choice((1, 1, 1, 7))
        order = OrderRecord(market, side, 1, 1, 1, 1, 0, price, quantity, 0, self.priority, 0)
        match self.random.randrange(4):
            case 0:
                tip = self.random.randint(1, quantity)
                return order._replace(order_type=5, post_only=0, display=tip, tip=tip)
            case 1:
                return order._replace(order_type=3, post_only=0, trigger=price, max_matches=4)
            case _:
                return order


def make_events(height: int) -> tuple[Event, ...]:
    """Return the events of a block: one of each kind."""
    owner, other = OWNERS[:2]
    result = LegResult(filled=3, ended=1, fills=(Fill(other, 9, height, 3),))
    return (
        Removed(owner, height, Ended.EXPIRED),
        Activated(owner, height + 1, result),
        Trade(1, 95, height, owner, 2, other, 3),
        Uncrossed(1, 95, height),
        StatusChanged(7, MarketStatus.AUCTION, START_MS + height),
        ValidatorSlashed(owner, int(Fault.DOWNTIME), height, (1 << 100) + height, 0),
        ValidatorJailed(owner, int(Fault.EQUIVOCATION), START_MS + height),
        ValidatorUnjailed(other),
    )


def make_chain(blocks: int, seed: int = 1, interval: int = INTERVAL) -> CommittedChain:
    """Return a chain of so many blocks."""
    chain = CommittedChain(seed, interval)
    for _ in range(blocks):
        chain.add_block()
    return chain
