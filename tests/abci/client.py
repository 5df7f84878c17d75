"""A client for tests: it writes frames as it is told to and reads answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

from omg_abci.abci import Application, Limits, Server
from omg_abci.abci.framing import encode_frame
from omg_abci.gen.cometbft.abci import types_pb2 as pb

TIMEOUT_SECONDS = 20


class Client:
    """One connection to a server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    def send(self, *requests: pb.Request) -> None:
        """Put requests into the socket's buffer, in one piece."""
        frames = (encode_frame(request.SerializeToString()) for request in requests)
        self.writer.write(b"".join(frames))

    async def receive_payload(self) -> bytes:
        """Return the payload of the next answer.

        Raises:
            asyncio.IncompleteReadError: the server closed the connection.
        """
        async with asyncio.timeout(TIMEOUT_SECONDS):
            length = shift = 0
            while True:
                byte = (await self._reader.readexactly(1))[0]
                length |= (byte & 0x7F) << shift
                if byte < 0x80:
                    return await self._reader.readexactly(length)
                shift += 7

    async def receive(self) -> pb.Response:
        """Return the next answer."""
        return pb.Response.FromString(await self.receive_payload())

    async def receive_names(self, count: int) -> list[str | None]:
        """Return the names of the next answers."""
        return [(await self.receive()).WhichOneof("value") for _ in range(count)]

    async def is_closed(self) -> bool:
        """Say whether the server closes without another answer."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            try:
                return not await self._reader.read(1)
            except ConnectionError:
                return True


class Harness:
    """A running server, and what it reported."""

    def __init__(self, application: Application, path: Path, limits: Limits | None) -> None:
        self.fatal: list[BaseException] = []
        self.lost = 0
        self.server = Server(
            application,
            f"unix://{path}",
            limits=limits,
            on_fatal=self.fatal.append,
            on_consensus_lost=self._lose,
        )
        self._path = path
        self._clients: list[Client] = []

    def _lose(self) -> None:
        self.lost += 1

    async def connect(self) -> Client:
        """Open another connection."""
        client = Client(*await asyncio.open_unix_connection(self._path))
        self._clients.append(client)
        return client

    async def close(self) -> None:
        """Close every connection and the server."""
        for client in self._clients:
            client.writer.close()
            with contextlib.suppress(OSError):
                await client.writer.wait_closed()
        await self.server.stop()


@contextlib.asynccontextmanager
async def serve(
    application: Application, path: Path, limits: Limits | None = None
) -> AsyncIterator[Harness]:
    """Run a server for the time of the block."""
    harness = Harness(application, path, limits)
    await harness.server.start()
    try:
        yield harness
    finally:
        await harness.close()


def run_served(
    application: Application,
    path: Path,
    body: Callable[[Harness], Coroutine[Any, Any, None]],
    limits: Limits | None = None,
) -> Harness:
    """Run a test's body against a server, and return what the server reported."""

    async def main() -> Harness:
        async with serve(application, path / "abci.sock", limits) as harness:
            await body(harness)
        return harness

    return asyncio.run(main())


async def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for something that the server's application does."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not is_so():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.0005)


def echo(message: str) -> pb.Request:
    """Return an Echo."""
    return pb.Request(echo=pb.RequestEcho(message=message))


def flush() -> pb.Request:
    """Return a Flush."""
    return pb.Request(flush=pb.RequestFlush())


def check_tx(tx: bytes) -> pb.Request:
    """Return a CheckTx."""
    return pb.Request(check_tx=pb.RequestCheckTx(tx=tx))


def commit() -> pb.Request:
    """Return a Commit."""
    return pb.Request(commit=pb.RequestCommit())
