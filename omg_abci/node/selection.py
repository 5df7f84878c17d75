"""Which pending transactions a proposed block holds.

Owners take turns, in the order in which they were served last; an owner's lowest nonces come
first. The work is bounded by what the block takes, not by what is pending: each turn looks at
one owner's next transaction, and a full block ends it.
"""

import heapq
from collections.abc import Iterable, Iterator
from itertools import islice
from operator import itemgetter
from typing import Final, Protocol

from omg_abci.node.pool import Entry, Key, OwnerQueue
from omg_abci.protocol import errors
from omg_abci.protocol.limits import SIGNER_TXS_PER_BLOCK_MAX
from omg_abci.protocol.messages import SignedTx
from omg_abci.protocol.units import Address, Nonce

ENCODING_BYTES: Final = 4
"""A tag and a length of at most three bytes: what CometBFT counts beside each transaction."""
MISSES_MAX: Final = 16
"""Transactions that no longer fit before the block counts as full: others may be smaller."""
REFUSED_MAX: Final = 1_000
"""Refusals by the state in one selection; they leave the queue, so the next one sees others."""
_LOOKED_AT_MAX: Final = 2 * SIGNER_TXS_PER_BLOCK_MAX
_OWN_FUNDS: Final = (errors.FeesNotCovered, errors.FeeTokensNotCovered)
"""What an owner's earlier transactions in the block may have taken from the next one."""
_get_nonce = itemgetter(0)


class Budget(Protocol):
    """What still fits into a block: rules.admission.BlockBudget."""

    txs: list[SignedTx]

    def add(self, tx: SignedTx) -> None:
        """Take a transaction; raise TxError or BlockFull."""


class _Turns:
    """One owner's transactions, in the order in which they are offered."""

    __slots__ = ("entries", "left", "served")

    def __init__(self, queue: OwnerQueue) -> None:
        lists = queue.ready.values()
        self.left = sum(map(len, lists))
        """How many there are at most."""
        self.entries: Iterator[tuple[Nonce, Entry]]
        if len(lists) == 1:
            (ready,) = lists
            self.entries = islice(ready, _LOOKED_AT_MAX)
        else:
            parts = [islice(ready, _LOOKED_AT_MAX) for ready in lists]
            self.entries = heapq.merge(*parts, key=_get_nonce)
        self.served = False


class _Filling:
    """A block that is being filled."""

    def __init__(self, budget: Budget, bytes_max: int) -> None:
        self._budget = budget
        self._bytes_left = bytes_max
        self._signers: dict[Address, int] = {}
        self._chosen: set[Key] = set()
        self._misses = 0
        self._busy = 0
        self.refused: list[tuple[Entry, errors.TxError]] = []

    def is_full(self) -> bool:
        """Tell whether to look no further."""
        return self._misses >= MISSES_MAX or max(self._busy, len(self.refused)) >= REFUSED_MAX

    def take_next(self, turns: _Turns) -> bool:
        """Take the owner's next transaction; return whether it may have another in this block."""
        for _, entry in turns.entries:
            turns.left -= 1
            tx = entry.tx
            signer = tx.signer
            signed = self._signers.get(signer, 0)
            if signed >= SIGNER_TXS_PER_BLOCK_MAX:
                continue
            if entry.waiting and (signer, tx.body.after) not in self._chosen:
                continue
            size = len(tx.raw) + ENCODING_BYTES
            try:
                if size > self._bytes_left:
                    raise errors.BlockFull
                self._budget.add(tx)
            except errors.BlockFull:
                self._misses += 1
                return False
            except (errors.SponsorBusy, errors.FeeOfferBusy):
                # Others may have other payers; this one may be paid for in a later block.
                self._busy += 1
                return False
            except errors.TxError as error:
                if turns.served and isinstance(error, _OWN_FUNDS):
                    return False
                # Without its traceback, which leads back here: nothing may end in a cycle.
                self.refused.append((entry, error.with_traceback(None)))
                if len(self.refused) >= REFUSED_MAX:
                    return False
                continue
            self._bytes_left -= size
            self._signers[signer] = signed + 1
            self._chosen.add(entry.key)
            turns.served = True
            return turns.left > 0
        return False


def fill_block(
    owners: Iterable[OwnerQueue], budget: Budget, bytes_max: int
) -> list[tuple[Entry, errors.TxError]]:
    """Fill the budget, and at most so many encoded bytes; return what the state refused."""
    filling = _Filling(budget, bytes_max)
    turns: Iterable[_Turns] = (_Turns(queue) for queue in owners)
    while True:
        again: list[_Turns] = []
        for each in turns:
            if filling.take_next(each):
                again.append(each)
            elif filling.is_full():
                return filling.refused
        if not again:
            return filling.refused
        turns = again
