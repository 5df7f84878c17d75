"""The oracle as a chain of one transaction a block, for examples that are worked out by hand."""

from collections.abc import Mapping
from typing import Any

from omg_abci.protocol.messages import Message, SignedTx, TxBody
from omg_abci.protocol.results import Event, LegResult, TxResult
from tests.cast import CHAIN_ID, GENESIS, OWNERS, START_MS, Key
from tests.model import Model
from tests.model_state import Market
from tests.strategies import sign_body

SECOND = 1_000


def sign(
    *legs: Message,
    owner: Key = OWNERS[0],
    signer: Key | None = None,
    nonce: int = START_MS,
    atomic: bool = False,
) -> SignedTx:
    """Return a signed transaction."""
    head = (CHAIN_ID, owner.address, nonce, 0, 0, 0)
    return sign_body(TxBody(*head, atomic=atomic, max_unit_price=2, legs=legs), signer or owner)


class Chain:
    """The oracle, a second further with every transaction."""

    def __init__(self, document: Mapping[str, Any] = GENESIS) -> None:
        """Start from a genesis; the usual one: base unit 10, quote unit 3, work costs 2."""
        self.model = Model(CHAIN_ID, document)
        self.height = 0
        self.events: list[Event] = []
        """Those of the last block."""

    @property
    def next_ms(self) -> int:
        """Return the next block's time."""
        return START_MS + (self.height + 1) * SECOND

    def do(self, *legs: Message, owner: Key = OWNERS[0], atomic: bool = False) -> TxResult:
        """Execute a block of one transaction."""
        nonce = self.next_ms
        tx = sign(*legs, owner=owner, nonce=nonce, atomic=atomic)
        assert self.model.validate_block(self.height + 1, nonce, [tx]) is None
        return self.end_block([tx])[0]

    def one(self, leg: Message, owner: Key = OWNERS[0]) -> LegResult:
        """Execute a block of one leg."""
        return self.do(leg, owner=owner).legs[0]

    def wait(self, blocks: int = 1) -> list[Event]:
        """Execute empty blocks; return what the last one did."""
        for _ in range(blocks):
            self.end_block([])
        return self.events

    def end_block(self, txs: list[SignedTx]) -> list[TxResult]:
        """Execute a block."""
        time_ms = self.next_ms
        self.height += 1
        applied = self.model.apply_block(self.height, time_ms, bytes(32), txs)
        self.events = applied.events
        return applied.results

    def get_market(self, number: int = 1) -> Market:
        """Return what a market is."""
        return self.model.state.markets[number]

    def get_balance(self, owner: bytes, token: int) -> tuple[int, int]:
        """Return what the owner's first subaccount has, free and reserved."""
        key = (owner, 0, token)
        return self.model.state.get_free(key), self.model.state.compute_reserved().get(key, 0)
