"""What goes to peers and what comes from them.

Guarantees: a transaction is handed out once, and again only when `resend` or its schedule asks;
what comes in is only queued, within a bound of bytes, so that a peer's receive routine, which
waits for the answer, is never held up.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Final

from omg_abci.node.bundles import (
    BUNDLE_BYTES_MAX,
    BUNDLE_TXS_MAX,
    HEADER_BYTES,
    ITEM_BYTES,
    encode_bundle,
)
from omg_abci.node.pool import Entry, Place
from omg_abci.protocol.units import Height

RESEND_BLOCKS: Final = (5, 20, 80)
"""Blocks after which what this node accepted and no block holds is handed out again; then every
80. A peer that was down or full has it after about 1, 5 or 20 seconds."""
REAP_BYTES_MAX: Final = 4 * 1024 * 1024
"""Handed out in one call; the rest goes with the next, a few milliseconds later."""


class OutQueue:
    """Transactions to hand out, in order."""

    def __init__(self) -> None:
        self._queue: deque[Entry] = deque()
        self._due: dict[Height, list[tuple[Entry, int]]] = {}

    def push(self, entry: Entry) -> None:
        """Hand an entry out with the next call, unless it already stands in the queue."""
        if not entry.queued:
            entry.queued = True
            self._queue.append(entry)

    def schedule(self, entry: Entry, height: Height, step: int = 0) -> None:
        """Hand an entry out again so long after this height as is usual, if it is still there."""
        last = len(RESEND_BLOCKS) - 1
        blocks = RESEND_BLOCKS[min(step, last)]
        if 0 < step <= last:
            blocks -= RESEND_BLOCKS[step - 1]
        self._due.setdefault(height + blocks, []).append((entry, step + 1))

    def on_block(self, height: Height) -> None:
        """Queue what is due at this height."""
        for due in [each for each in self._due if each <= height]:
            for entry, step in self._due.pop(due):
                if entry.place is not Place.GONE:
                    self.push(entry)
                    self.schedule(entry, height, step)

    def resend(self, entries: Iterable[Entry]) -> None:
        """Queue everything that this node accepted."""
        for entry in entries:
            if entry.acknowledged:
                self.push(entry)

    def reap(self, bytes_max: int) -> list[bytes]:
        """Return bundles of at most so many bytes together; 0 or less sets no limit."""
        left = min(bytes_max, REAP_BYTES_MAX) if bytes_max > 0 else REAP_BYTES_MAX
        bundles: list[bytes] = []
        while raws := self._take(min(left, BUNDLE_BYTES_MAX)):
            bundle = encode_bundle(raws)
            left -= len(bundle)
            bundles.append(bundle)
        return bundles

    def _take(self, bytes_max: int) -> list[bytes]:
        raws: list[bytes] = []
        size = HEADER_BYTES
        while self._queue and len(raws) < BUNDLE_TXS_MAX:
            entry = self._queue[0]
            if entry.place is not Place.GONE:
                size += ITEM_BYTES + len(entry.tx.raw)
                if size > bytes_max:
                    break
                raws.append(entry.tx.raw)
            self._queue.popleft()
            entry.queued = False
        return raws


class InQueue:
    """Payloads from peers that were not looked at yet."""

    def __init__(self, bytes_max: int) -> None:
        """Hold at most so many bytes."""
        self._bytes_max = bytes_max
        self._bytes = 0
        self._payloads: deque[bytes] = deque()
        self._arrived = asyncio.Event()

    @property
    def size(self) -> int:
        """Return how many bytes wait."""
        return self._bytes

    def push(self, payload: bytes) -> bool:
        """Queue a payload; return False when there is no room."""
        if self._bytes + len(payload) > self._bytes_max:
            return False
        self._bytes += len(payload)
        self._payloads.append(payload)
        self._arrived.set()
        return True

    async def pop(self, bytes_max: int) -> list[bytes]:
        """Wait for payloads; return one, and more while they fit into so many bytes."""
        await self._arrived.wait()
        taken: list[bytes] = []
        size = 0
        while self._payloads and (not taken or size + len(self._payloads[0]) <= bytes_max):
            payload = self._payloads.popleft()
            size += len(payload)
            taken.append(payload)
        self._bytes -= size
        if not self._payloads:
            self._arrived.clear()
        return taken
