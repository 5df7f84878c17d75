"""When pending transactions end by themselves."""

import heapq
from collections.abc import Iterable, Iterator, Sized
from typing import Final, Protocol

from omg_abci.protocol import limits
from omg_abci.protocol.messages import SignedTx
from omg_abci.protocol.units import Address, Height, Millis, Nonce

_GARBAGE_MIN: Final = 1_024
_PAGE_MS_BITS: Final = 8
"""Times are noted on pages of 256 ms: about a block."""


class Transactions(Iterable[SignedTx], Sized, Protocol):
    """The transactions that are pending."""


class Deadlines:
    """Signers and nonces by the time and the height at which they are due.

    Transactions that leave otherwise stay behind until there are twice as many as what was
    pending; so whoever asks must check what `pop` returns with `has_expired`.
    """

    def __init__(self) -> None:
        self._times = _Calendar(_PAGE_MS_BITS)
        self._heights = _Calendar(0)
        self._watched_in = _GARBAGE_MIN
        """Additions until the calendars are looked at."""

    def add(self, tx: SignedTx, pending: Transactions) -> None:
        """Note a transaction's deadlines; `pending` holds all whose deadlines matter."""
        self._note(tx)
        self._watched_in -= 1
        if not self._watched_in:
            most = 2 * len(pending) + _GARBAGE_MIN
            if max(len(self._times), len(self._heights)) > most:
                self._times, self._heights = _Calendar(_PAGE_MS_BITS), _Calendar(0)
                for each in pending:
                    self._note(each)
            self._watched_in = 1 + most - max(len(self._times), len(self._heights))

    def pop(self, height: Height, time_ms: Millis) -> Iterator[tuple[Address, Nonce]]:
        """Yield what no block after this height and time can hold."""
        for calendar, now in ((self._times, time_ms), (self._heights, height)):
            for _, signer, nonce in calendar.pop(now):
                yield signer, nonce

    def _note(self, tx: SignedTx) -> None:
        signer, body = tx.signer, tx.body
        nonce, height = body.nonce, body.valid_until_height
        self._times.add((compute_deadline(tx), signer, nonce))
        if height:
            self._heights.add((height, signer, nonce))


_Due = tuple[int, Address, Nonce]


class _Calendar:
    """What is due when, on pages: the heap holds these, and most entries are only appended."""

    __slots__ = ("_bits", "_count", "_numbers", "_pages")

    def __init__(self, bits: int) -> None:
        """Make an empty calendar whose pages hold two to the power of so many moments."""
        self._bits = bits
        self._count = 0
        self._pages: dict[int, list[_Due]] = {}
        self._numbers: list[int] = []
        """A heap of the pages."""

    def __len__(self) -> int:
        return self._count

    def add(self, due: _Due) -> None:
        """Note an entry; the first of it is its moment."""
        number = due[0] >> self._bits
        page = self._pages.get(number)
        if page is None:
            self._pages[number] = [due]
            heapq.heappush(self._numbers, number)
        else:
            page.append(due)
        self._count += 1

    def pop(self, now: int) -> list[_Due]:
        """Take out what is due now or was before, ascending."""
        found: list[_Due] = []
        while self._numbers and self._numbers[0] <= now >> self._bits:
            number = heapq.heappop(self._numbers)
            page = self._pages.pop(number)
            found += [due for due in page if due[0] <= now]
            later = [due for due in page if due[0] > now]
            if later:
                self._pages[number] = later
                heapq.heappush(self._numbers, number)
                break
        self._count -= len(found)
        return sorted(found)


def compute_deadline(tx: SignedTx) -> Millis:
    """Return the first block time that is too late."""
    body = tx.body
    too_old, until = body.nonce + limits.NONCE_AGE_MAX_MS, body.valid_until_ms
    return until if 0 < until < too_old else too_old


def has_expired(tx: SignedTx, height: Height, time_ms: Millis) -> bool:
    """Tell whether no block after this height and time can hold the transaction."""
    return compute_deadline(tx) <= time_ms or 0 < tx.body.valid_until_height <= height
