"""The ABCI 2.0 server: listen, serve CometBFT's connections, stop.

    run(MyApplication(), "unix:///run/my-chain/abci.sock")

One event loop, one thread: the application needs no locks. Calls of different connections
interleave at the bounds that `connection` states, so a busy mempool delays consensus by no more
than one slice or one call.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from omg_abci.abci.address import describe_listener, open_listener
from omg_abci.abci.application import Application
from omg_abci.abci.connection import Connection, Hub, Limits, Tap

__all__ = ["Limits", "Server", "Tap", "exit_process", "run"]

logger = logging.getLogger(__name__)


def exit_process(error: BaseException) -> None:
    """End the process with status 1 at once; the log already holds the error."""
    del error
    logging.shutdown()
    os._exit(1)


def _ignore() -> None:
    pass


class _SocketFile:
    """A socket file that this process made."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode = path.stat().st_ino

    def remove(self) -> None:
        """Delete the file unless another server has taken the path since."""
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()


class Server:
    """Serve one application at one address; usable as an async context manager.

    Args:
        application: answers the calls.
        address: `unix://PATH` or `tcp://HOST:PORT` with a loopback host; port 0 takes a free one.
        limits: bounds; see `Limits`.
        on_fatal: called with the error when a call failed that has no answer for failure. The
            connection is then already closed. Must not return to a state machine that goes on.
        on_consensus_lost: called when the connection that made consensus calls is gone and its
            last call has ended: uncommitted state is to be dropped.
        tap: sees (connection, "in" or "out", payload of the frame) of every frame.
    """

    def __init__(
        self,
        application: Application,
        address: str,
        *,
        limits: Limits | None = None,
        on_fatal: Callable[[BaseException], None] = exit_process,
        on_consensus_lost: Callable[[], None] = _ignore,
        tap: Tap | None = None,
    ) -> None:
        self.address = address
        self._hub = Hub(application, limits or Limits(), on_fatal, on_consensus_lost, tap)
        self._count = 0
        self._server: asyncio.Server | None = None
        self._socket_file: _SocketFile | None = None

    async def start(self) -> None:
        """Listen; `address` then names the port that was taken.

        Raises:
            AddressError: the server cannot listen there.
        """
        listener = open_listener(self.address)
        self.address = describe_listener(listener)
        loop = asyncio.get_running_loop()
        if self.address.startswith("unix://"):
            self._socket_file = _SocketFile(Path(self.address.removeprefix("unix://")))
            self._server = await loop.create_unix_server(self._connect, sock=listener)
        else:
            self._server = await loop.create_server(self._connect, sock=listener)
        logger.info("ABCI server listens on %s", self.address)

    async def stop(self) -> None:
        """Stop listening, drop every connection and remove the socket file."""
        if self._server is None:
            return
        self._server.close()
        for connection in tuple(self._hub.connections):
            connection.abort()
        await self._server.wait_closed()
        self._server = None
        if self._socket_file is not None:
            self._socket_file.remove()
            self._socket_file = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    def _connect(self) -> Connection:
        self._count += 1
        return Connection(self._hub, str(self._count))


def run(application: Application, address: str, *, limits: Limits | None = None) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        AddressError: the server cannot listen there.
    """

    async def serve() -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        async with Server(application, address, limits=limits):
            await stopped.wait()

    asyncio.run(serve())
