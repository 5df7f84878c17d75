"""When pending transactions end by themselves."""

import heapq
from collections.abc import Iterable, Iterator, Sized
from typing import Final, Protocol

from omg_abci.protocol import limits
from omg_abci.protocol.messages import SignedTx
from omg_abci.protocol.units import Address, Height, Millis, Nonce

_GARBAGE_MIN: Final = 1_024


class Transactions(Iterable[SignedTx], Sized, Protocol):
    """The transactions that are pending."""


class Deadlines:
    """Two heaps, by time and by height, of signer and nonce.

    Transactions that leave otherwise stay behind in the heaps until these are twice as long as
    what was pending; so whoever asks must check what `pop` returns with `has_expired`.
    """

    def __init__(self) -> None:
        self._times: list[tuple[Millis, Address, Nonce]] = []
        self._heights: list[tuple[Height, Address, Nonce]] = []
        self._watched_in = _GARBAGE_MIN
        """Additions until the heaps are looked at."""

    def add(self, tx: SignedTx, pending: Transactions) -> None:
        """Note a transaction's deadlines; `pending` holds all whose deadlines matter."""
        self._push(tx)
        self._watched_in -= 1
        if not self._watched_in:
            most = 2 * len(pending) + _GARBAGE_MIN
            if max(len(self._times), len(self._heights)) > most:
                self._times, self._heights = [], []
                for each in pending:
                    self._push(each)
            self._watched_in = 1 + most - max(len(self._times), len(self._heights))

    def pop(self, height: Height, time_ms: Millis) -> Iterator[tuple[Address, Nonce]]:
        """Yield what no block after this height and time can hold."""
        for heap, limit in ((self._times, time_ms), (self._heights, height)):
            while heap and heap[0][0] <= limit:
                yield heapq.heappop(heap)[1:]

    def _push(self, tx: SignedTx) -> None:
        signer, body = tx.signer, tx.body
        nonce, height = body.nonce, body.valid_until_height
        heapq.heappush(self._times, (compute_deadline(tx), signer, nonce))
        if height:
            heapq.heappush(self._heights, (height, signer, nonce))


def compute_deadline(tx: SignedTx) -> Millis:
    """Return the first block time that is too late."""
    body = tx.body
    too_old, until = body.nonce + limits.NONCE_AGE_MAX_MS, body.valid_until_ms
    return until if 0 < until < too_old else too_old


def has_expired(tx: SignedTx, height: Height, time_ms: Millis) -> bool:
    """Tell whether no block after this height and time can hold the transaction."""
    return compute_deadline(tx) <= time_ms or 0 < tx.body.valid_until_height <= height
