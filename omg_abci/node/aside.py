"""Transactions that the state refuses for now.

Acknowledged ones are *parked*: they stay in the pool and count, and are not proposed. Gossiped
ones are *deferred*: a peer may be a block ahead, the agent that it saw approved is unknown here,
the payer not yet paid. Those are kept for a while apart from the pool, because nothing shows yet
that their owner has to do with them; they are bounded, the oldest leave first, and they come
again from the node that accepted them. Some of either kind are tried again after each block.
"""

from collections.abc import Callable
from typing import Final

from omg_abci.node.admitter import Admitter
from omg_abci.node.pool import Entry, Key, Place, Pool
from omg_abci.protocol import errors
from omg_abci.protocol.messages import SignedTx
from omg_abci.protocol.units import Address, Height, Nonce

FINAL: Final = (
    errors.StaleNonce,
    errors.NonceUsed,
    errors.TxExpired,
    errors.TooDear,
    errors.KeyReplaced,
)
"""No later block can hold a transaction that is refused for one of these."""
RETRIES_MAX: Final = 256
"""Tried again after a block, of each kind: half a millisecond."""
DEFERRED_TXS_MAX: Final = 4_096
DEFERRED_BYTES_MAX: Final = 4 * 1024 * 1024
DEFERRED_BLOCKS_MAX: Final = 120
"""Half a minute; a node that lags further gets its transactions again."""


class Deferred:
    """A bounded queue of transactions to be tried again."""

    def __init__(self) -> None:
        self._txs: dict[Key, tuple[SignedTx, Height]] = {}
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


class Aside:
    """What was pending and is refused, and the finding of it."""

    def __init__(self, pool: Pool, admitter: Admitter, on_gone: Callable[[Entry], None]) -> None:
        """Bind the parts; `on_gone` hears of what was removed for ever."""
        self._pool = pool
        self._admitter = admitter
        self._on_gone = on_gone
        self._parked: dict[Key, Entry] = {}
        self.deferred = Deferred()

    def put(self, entry: Entry, error: errors.TxError, height: Height) -> None:
        """Take a ready entry that the state refuses out of what is proposed."""
        if isinstance(error, FINAL):
            self._remove(entry)
        elif entry.acknowledged:
            self.park(entry)
        else:
            self._pool.remove(entry)
            self.deferred.add(entry.tx, height)

    def park(self, entry: Entry) -> None:
        """Keep an acknowledged entry without proposing it."""
        self._pool.park(entry)
        self._parked[entry.key] = entry

    def look_again(
        self,
        highest: dict[tuple[Address, Address], Nonce],
        changed: dict[Address, None],
        height: Height,
    ) -> None:
        """Find what a block made impossible, by looking only at what it touched.

        `highest`: owner and signer to the highest nonce in the block; smaller ones that were
        passed by may now be below the floor. `changed`: owners whose key or agents changed.
        """
        for (owner, signer), nonce in highest.items():
            lowest = self._pool.find_lowest(owner, signer)
            while lowest is not None and lowest.tx.body.nonce < nonce:
                lowest = self._check_lowest(lowest, height)
        for owner in changed:
            for signer in self._pool.list_signers(owner):
                lowest = self._pool.find_lowest(owner, signer)
                while lowest is not None:
                    lowest = self._check_lowest(lowest, height)

    def retry(self) -> None:
        """Try some of what is parked again; each gets its turn within a number of blocks."""
        for key in list(self._parked)[:RETRIES_MAX]:
            entry = self._parked.pop(key)
            if entry.place is not Place.PARKED:
                continue
            error = self._admitter.find_refusal(entry.tx)
            if error is None or isinstance(error, errors.AfterNotExecuted):
                self._pool.unpark(entry, waiting=error is not None)
            elif isinstance(error, FINAL):
                self._remove(entry)
            else:
                self._parked[key] = entry

    def _check_lowest(self, entry: Entry, height: Height) -> Entry | None:
        """Put a ready entry aside if it is refused; return what then is its signer's lowest."""
        error = self._admitter.find_refusal(entry.tx)
        if error is None or isinstance(error, errors.AfterNotExecuted | errors.FeesNotCovered):
            return None
        self.put(entry, error, height)
        return self._pool.find_lowest(entry.tx.body.owner, entry.tx.signer)

    def _remove(self, entry: Entry) -> None:
        self._pool.remove(entry)
        self._on_gone(entry)
