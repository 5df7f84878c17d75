"""`fill_latency`: from sending an order to seeing its fill in another node's stream.

Four validators under light load. One owner's large order rests; takers send small orders through
one node at moments that have nothing to do with the blocks, and a third node's stream shows the
fills. The ceiling is the median interval between blocks: an order waits half of it on average
before a block can hold it, and the block itself takes the other half or more.
"""

import asyncio
import contextlib
import random
import statistics
import time
from collections.abc import Container
from itertools import pairwise
from typing import Final

from omg_abci.bench.end_to_end import pick
from omg_abci.bench.errors import MeasurementFailed
from omg_abci.bench.figures import Measurement
from omg_abci.bench.flow import MID_TICKS, make_order
from omg_abci.bench.network import run_network
from omg_abci.bench.owners import CHAIN_ID, TxMaker, make_owners
from omg_abci.localnet.layout import Network
from omg_abci.node.client import AsyncNodeClient
from omg_abci.protocol.codec import decode_result
from omg_abci.protocol.messages import PlaceOrder
from omg_abci.protocol.signing import compute_no_bridge_domain
from omg_abci.protocol.tx import Verifier

_VALIDATORS: Final = 4
_LOAD_PAUSE_SECONDS: Final = 0.1
"""Between the orders of the light load."""
_PAUSE_SECONDS: Final = (0.05, 0.35)
"""Between takers, drawn evenly: longer and shorter than a block."""
_PATIENCE_SECONDS: Final = 30.0
_WARM_FILLS: Final = 3
"""Fills before the first one that counts."""


def measure_latency(orders: int) -> Measurement:
    """Return the median in ms over so many orders."""
    with run_network(_VALIDATORS) as network:
        took, intervals = asyncio.run(_Trial(network).run(orders))
    took.sort()
    return Measurement(
        statistics.median(took),
        statistics.median(intervals),
        {
            "orders": len(took),
            "p90_ms": pick(took, 90),
            "p99_ms": pick(took, 99),
            "goal_p99_ms": 800,
            "max_ms": took[-1],
        },
    )


class _Trial:
    """One network's worth of latencies."""

    def __init__(self, network: Network) -> None:
        self._network = network
        domain = compute_no_bridge_domain(CHAIN_ID)
        self._maker = TxMaker(make_owners(), domain, time.time_ns() // 1_000_000)
        self._verifier = Verifier(domain)
        self._fills: dict[bytes, float] = {}
        """Transaction to the moment its fill was seen."""
        self._seen: dict[bytes, None] = {}
        """Every transaction that was seen."""
        self._block_times: list[int] = []
        self._next_id = 1

    async def run(self, orders: int) -> tuple[list[float], list[int]]:
        """Return the latencies and the intervals between blocks, in ms."""
        targets = [node.grpc for node in self._network.nodes]
        async with contextlib.AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(AsyncNodeClient(target)) for target in targets
            ]
            tasks = [asyncio.create_task(self._follow(clients[2]))]
            try:
                maker, tx_id = self._sign(0, buys=False, price=MID_TICKS, lots=10**6)
                await self._submit(clients[0], maker)
                await self._wait_for(tx_id, self._seen)
                tasks.append(asyncio.create_task(self._load(clients[3])))
                took = [await self._take(clients[1]) for _ in range(orders + _WARM_FILLS)]
                for task in tasks:
                    if task.done():
                        task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        times = self._block_times
        intervals = [after - before for before, after in pairwise(times)]
        return took[_WARM_FILLS:], intervals

    async def _take(self, client: AsyncNodeClient) -> float:
        """Send an order that fills; return how many ms later its fill was seen."""
        raw, tx_id = self._sign(1, buys=True, price=MID_TICKS, lots=1)
        begun = time.monotonic()
        await self._submit(client, raw)
        await self._wait_for(tx_id, self._fills)
        took_ms = (self._fills[tx_id] - begun) * 1e3
        await asyncio.sleep(random.uniform(*_PAUSE_SECONDS))  # noqa: S311 - no secret
        return took_ms

    async def _wait_for(self, tx_id: bytes, found: Container[bytes]) -> None:
        begun = time.monotonic()
        while tx_id not in found:
            if time.monotonic() - begun > _PATIENCE_SECONDS:
                raise MeasurementFailed(f"an order was not seen for {_PATIENCE_SECONDS} s")
            await asyncio.sleep(0.001)

    async def _load(self, client: AsyncNodeClient) -> None:
        """Let orders rest that meet nothing."""
        while True:
            owner = 2 + self._next_id % 100
            raw, _ = self._sign(owner, buys=True, price=MID_TICKS // 2, lots=1)
            await self._submit(client, raw)
            await asyncio.sleep(_LOAD_PAUSE_SECONDS)

    async def _follow(self, client: AsyncNodeClient) -> None:
        async for block in client.stream_blocks(1):
            seen = time.monotonic()
            self._block_times.append(block.time_ms)
            for tx in block.txs:
                self._seen[tx.tx_id] = None
                if any(leg.fills for leg in decode_result(tx.result, tx.code).legs):
                    self._fills[tx.tx_id] = seen

    async def _submit(self, client: AsyncNodeClient, raw: bytes) -> None:
        (admission,) = await client.submit([raw])
        if admission.code:
            raise MeasurementFailed(f"an order was refused: {admission.code} {admission.log}")

    def _sign(self, owner: int, *, buys: bool, price: int, lots: int) -> tuple[bytes, bytes]:
        order: PlaceOrder = make_order(self._next_id, buys=buys, price=price, lots=lots, matches=16)
        self._next_id += 1
        raw = self._maker.make_signed(owner, (order,))
        return raw, self._verifier.decode_tx(raw)[0].tx_id
