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
        self._due: dict[Height, list[tuple[list[Entry], int]]] = {}
        """By height, what to hand out again and how often it was."""

    def push(self, entries: Iterable[Entry]) -> None:
        """Hand entries out with the next call, unless they already stand in the queue."""
        append = self._queue.append
        for entry in entries:
            if not entry.queued:
                entry.queued = True
                append(entry)

    def schedule(self, entries: list[Entry], height: Height, step: int = 0) -> None:
        """Hand entries out again so long after this height as is usual, if they are still there."""
        last = len(RESEND_BLOCKS) - 1
        blocks = RESEND_BLOCKS[min(step, last)]
        if 0 < step <= last:
            blocks -= RESEND_BLOCKS[step - 1]
        self._due.setdefault(height + blocks, []).append((entries, step + 1))

    def on_block(self, height: Height) -> None:
        """Queue what is due at this height."""
        for due in [each for each in self._due if each <= height]:
            for entries, step in self._due.pop(due):
                left = [entry for entry in entries if entry.place is not Place.GONE]
                if left:
                    self.push(left)
                    self.schedule(left, height, step)

    def resend(self, entries: Iterable[Entry]) -> None:
        """Queue everything that this node accepted."""
        self.push(entry for entry in entries if entry.acknowledged)

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
        queue, gone = self._queue, Place.GONE
        raws: list[bytes] = []
        size = HEADER_BYTES
        while queue and len(raws) < BUNDLE_TXS_MAX:
            entry = queue[0]
            if entry.place is not gone:
                raw = entry.tx.raw
                size += ITEM_BYTES + len(raw)
                if size > bytes_max:
                    break
                raws.append(raw)
            queue.popleft()
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
    def bytes(self) -> int:
        """Return how much waits."""
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
