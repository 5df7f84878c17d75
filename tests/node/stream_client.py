"""A plain client of SubmitStream and a node for it, with the test as its executor."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node import submit_calls
from omg_abci.node.submit_client import open_submit_call
from tests.node.served_node import TIMEOUT_S, Node, run_node, settle

Body = Callable[["Client", Node], Awaitable[None]]


class Client:
    """A plain client: it writes requests and reads answers, and does nothing by itself."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.call: Any = open_submit_call(channel)
        self._answers: list[pb.SubmitAnswer] = []

    async def send(self, request: int, *txs: bytes) -> None:
        """Send one request."""
        await self.call.write(pb.SubmitStreamRequest(txs=txs, request=request))

    async def receive(self) -> pb.SubmitAnswer:
        """Return the next answer."""
        while not self._answers:
            async with asyncio.timeout(TIMEOUT_S):
                response = await self.call.read()
            if response is grpc.aio.EOF:
                raise EOFError
            self._answers += response.answers
        return self._answers.pop(0)

    async def end(self) -> tuple[grpc.StatusCode, str]:
        """Return how the stream ended."""
        async with asyncio.timeout(TIMEOUT_S):
            return await self.call.code(), await self.call.details() or ""


def run_stream(tmp_path: Path, body: Body) -> None:
    """Run the body with a plain client; at the end nothing may be left in the node."""

    async def main(node: Node) -> None:
        async with grpc.aio.insecure_channel(node.target) as channel:
            await body(Client(channel), node)
        await settle(lambda: not count_tasks(submit_calls.SubmitStream.serve))

    run_node(tmp_path, main)


def count_tasks(function: Callable[..., Any]) -> int:
    """Return how many tasks stand in a coroutine function."""
    code = function.__code__
    frames = [frame for task in asyncio.all_tasks() for frame in task.get_stack()]
    return sum(frame.f_code is code for frame in frames)


def make_id(number: int) -> bytes:
    """Return a transaction id."""
    return number.to_bytes(32, "big")


def count_reads(node: Node) -> int:
    """Return how many transactions the node has handed to its executor."""
    return sum(len(frame[2]) for frame in node.sent if frame[0] == "submit")
