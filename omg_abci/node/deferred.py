"""Gossiped transactions that the state refuses for now.

A peer may be a block ahead: the agent that it saw approved is unknown here, the payer not yet
paid. Such transactions are kept for a while, apart from the pool, because nothing shows yet that
their owner has to do with them. Bounded; the oldest leave first, and come again from the node
that accepted them.
"""

from typing import Final

from omg_abci.protocol.messages import SignedTx
from omg_abci.protocol.units import Address, Height, Nonce

DEFERRED_TXS_MAX: Final = 4_096
DEFERRED_BYTES_MAX: Final = 4 * 1024 * 1024
DEFERRED_BLOCKS_MAX: Final = 120
"""Half a minute; a node that lags further gets its transactions again."""


class Deferred:
    """A bounded queue of transactions to be tried again."""

    def __init__(self) -> None:
        self._txs: dict[tuple[Address, Nonce], tuple[SignedTx, Height]] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._txs)

    def add(self, tx: SignedTx, since: Height) -> None:
        """Keep a transaction that was first refused at a height."""
        key = (tx.signer, tx.body.nonce)
        if key in self._txs:
            return
        self._txs[key] = (tx, since)
        self._bytes += len(tx.raw)
        while len(self._txs) > DEFERRED_TXS_MAX or self._bytes > DEFERRED_BYTES_MAX:
            self._pop_oldest()

    def pop(self, count: int, height: Height) -> list[tuple[SignedTx, Height]]:
        """Return at most so many, those tried the longest time ago first; forget the old ones."""
        taken = [self._pop_oldest() for _ in range(min(count, len(self._txs)))]
        return [each for each in taken if height - each[1] <= DEFERRED_BLOCKS_MAX]

    def _pop_oldest(self) -> tuple[SignedTx, Height]:
        tx, since = self._txs.pop(next(iter(self._txs)))
        self._bytes -= len(tx.raw)
        return tx, since
