"""A read service behind real gRPC, with the test as its executor."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from omg_abci.node.client import AsyncNodeClient, NodeError
from omg_abci.node.node_api import start_server
from omg_abci.node.read_service import ReadService
from tests.node.committed_chain import (
    INTERVAL,
    CommittedChain,
)

Body = Callable[["Node"], Awaitable[None]]
TIMEOUT_S = 60.0


class Node:
    """A read service behind gRPC, with the test as its executor."""

    def __init__(self, service: ReadService, client: AsyncNodeClient, target: str) -> None:
        """Keep the pieces; `sent` is what the executor would receive."""
        self.service = service
        self.client = client
        self.target = target
        self.sent: list[tuple[Any, ...]] = []
        service.connect(self.sent.append)

    async def wait_for(self, *frame: str | int) -> tuple[Any, ...]:
        """Return the first frame sent that begins like this."""
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                for each in self.sent:
                    if each[: len(frame)] == frame:
                        return each
                await asyncio.sleep(0.002)

    async def feed(self, chain: CommittedChain, first: int, last: int) -> None:
        """Send blocks and wait until they are applied and folded."""
        for height in range(first, last + 1):
            self.service.take(chain.make_frame(height))
        async with asyncio.timeout(TIMEOUT_S):
            await self.service.ring.get(last)
        await self.wait_for("root", last // INTERVAL * INTERVAL)

    async def refused(self, question: Awaitable[object]) -> tuple[str, str]:
        """Return (status, text) of a question that must be refused."""
        with pytest.raises(NodeError) as caught:
            await question
        return caught.value.code, caught.value.text


def run_node(tmp_path: Path, body: Body, chain: CommittedChain | None = None) -> None:
    """Run the body beside a node that has followed the chain."""

    async def main() -> None:
        service = ReadService()
        target = f"unix:{tmp_path}/api.sock"
        server, _ = await start_server(service, target)
        task = asyncio.create_task(service.run())
        async with AsyncNodeClient(target) as client:
            node = Node(service, client, target)
            if chain is not None:
                service.take(chain.make_genesis_frame())
                await node.wait_for("ready", 0)
                await node.feed(chain, 1, chain.height)
            await body(node)
        assert not task.done()
        task.cancel()
        await server.stop(0)

    asyncio.run(main())


async def settle(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            if condition():
                return
            await asyncio.sleep(0.005)
