"""The recent blocks as they are streamed: encoded once, read by height, bounded.

A stream keeps its place as a height and nothing is queued for it, so a slow consumer costs
nothing: when the ring has left its place behind, it is told which height is the oldest.
"""

import asyncio
from typing import ClassVar, Final

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.proof_history import ReadError
from omg_abci.protocol.units import Height

BLOCKS_MAX: Final = 20_000
BYTES_MAX: Final = 256 * 1024 * 1024
AHEAD_MAX: Final = 1_000
"""A consumer may come from a node that is a little further."""
LIGHT_MAX: Final = 64
"""Blocks without transactions that are kept: one is made for all who follow."""


def drop_txs(data: bytes) -> bytes:
    """Return an encoded block without its transactions' bytes: 0.2 µs each."""
    block = pb.Block.FromString(data)
    for outcome in block.txs:
        outcome.ClearField("tx")
    return block.SerializeToString()


class BlockTooOld(ReadError):
    """The ring does not hold the block any more."""

    code: ClassVar[str] = "read.block_too_old"


class BlockTooFarAhead(ReadError):
    """The block is too far in the future to be waited for."""

    code: ClassVar[str] = "read.block_too_far_ahead"


class ChainReplaced(ReadError):
    """The chain began anew while a block was waited for."""

    code: ClassVar[str] = "read.chain_replaced"


class BlockRing:
    """Encoded blocks of consecutive heights."""

    def __init__(self, blocks_max: int = BLOCKS_MAX, bytes_max: int = BYTES_MAX) -> None:
        """Make an empty ring; `reset` gives it a place."""
        self._blocks_max = blocks_max
        self._bytes_max = bytes_max
        self._blocks: dict[Height, bytes] = {}
        self._light: dict[Height, bytes] = {}
        """Without transactions, of blocks that were asked for so; the latest made stay."""
        self._bytes = 0
        self._generation = 0
        self._news = asyncio.Event()
        self.oldest: Height = 1
        """The first height that is or will be there."""
        self.next: Height = 1

    def reset(self, height: Height) -> None:
        """Begin anew after the block of this height; whoever waits hears ChainReplaced."""
        self._blocks.clear()
        self._light.clear()
        self._bytes = 0
        self.oldest = self.next = height + 1
        self._generation += 1
        self._wake()

    def append(self, data: bytes) -> None:
        """Add the next block; forget the oldest above the bounds."""
        self._blocks[self.next] = data
        self._bytes += len(data)
        self.next += 1
        while len(self._blocks) > self._blocks_max or (
            self._bytes > self._bytes_max and len(self._blocks) > 1
        ):
            self._bytes -= len(self._blocks.pop(self.oldest))
            self.oldest += 1
        self._wake()

    async def get(self, height: Height, *, without_txs: bool = False) -> bytes:
        """Return the block once it is there, with or without the transactions' own bytes.

        Raise BlockTooFarAhead, ChainReplaced, BlockTooOld.
        """
        if height >= self.next + AHEAD_MAX:
            raise BlockTooFarAhead(
                f"block {height} is too far ahead, the next block is {self.next}"
            )
        generation = self._generation
        while height >= self.next and generation == self._generation:
            await self._news.wait()
        if generation != self._generation:
            raise ChainReplaced("the chain began anew; connect again")
        if height < self.oldest:
            raise BlockTooOld(f"block {height} is gone, the oldest is {self.oldest}")
        if not without_txs:
            return self._blocks[height]
        light = self._light.get(height)
        if light is None:
            light = self._light[height] = drop_txs(self._blocks[height])
            if len(self._light) > LIGHT_MAX:
                del self._light[next(iter(self._light))]
        return light

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
