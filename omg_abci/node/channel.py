"""Frames between the executor and its child processes over an inherited socket pair.

A frame is a u32 little-endian length and the marshal bytes of one tuple whose first item, a
string, is the message's kind. Both ends are our own processes of one Python, and nothing else
can reach the socket: that is what makes marshal (fast, and unsafe with foreign bytes) the right
format. Guarantees: messages arrive whole and in order; a frame above the limit is refused by
either end; a child ends when its parent does.
"""

import asyncio
import contextlib
import ctypes
import gc
import marshal
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, cast

from omg_abci.protocol.errors import OmgError

FRAME_BYTES_MAX: Final = 256 * 1024 * 1024
"""A genesis of a million records fits."""

Message: TypeAlias = tuple[Any, ...]
OnMessage: TypeAlias = Callable[[Message], None]
OnLost: TypeAlias = Callable[[Exception | None], None]

_LENGTH: Final = struct.Struct("<I")
_READ_BYTES: Final = 256 * 1024
# Version 2 keeps no table of objects seen before: half the time of version 4 for our messages.
_MARSHAL_VERSION: Final = 2
_STDERR: Final = 2
_PR_SET_PDEATHSIG: Final = 1


class ChannelError(OmgError):
    """Something is wrong with a channel."""


class FrameTooLarge(ChannelError):
    """A frame is larger than either end accepts."""


class ChannelLost(ChannelError):
    """The other end is gone."""


def encode_frame(message: Message) -> bytes:
    """Return the message as a frame; raise FrameTooLarge."""
    payload = marshal.dumps(message, _MARSHAL_VERSION)
    _require_size(len(payload))
    return _LENGTH.pack(len(payload)) + payload


class FrameReader:
    """Collects bytes and hands out whole messages."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that are complete now; raise FrameTooLarge."""
        buffer = self._buffer
        buffer += data
        messages: list[Message] = []
        start, end = 0, len(buffer)
        with memoryview(buffer) as view:
            while end - start >= _LENGTH.size:
                (length,) = _LENGTH.unpack_from(view, start)
                _require_size(length)
                begin = start + _LENGTH.size
                if end - begin < length:
                    break
                start = begin + length
                with view[begin:start] as payload:
                    messages.append(marshal.loads(payload))  # noqa: S302 - see the module's text
        if start:
            del buffer[:start]
        return messages


class Channel(asyncio.Protocol):
    """One end of a channel in an event loop."""

    def __init__(self, on_message: OnMessage, on_lost: OnLost) -> None:
        """Call `on_message` for each message, `on_lost` once, with the reason if it is known."""
        self._on_message = on_message
        self._on_lost = on_lost
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None
        self._paused = False
        self._waiters: list[asyncio.Future[None]] = []

    def send(self, message: Message) -> None:
        """Queue a message; raise FrameTooLarge, or ChannelLost when the other end is gone."""
        if self._transport is None:
            raise ChannelLost("the channel is closed")
        self._transport.write(encode_frame(message))

    async def drain(self) -> None:
        """Wait until what was sent is nearly written; raise ChannelLost."""
        if self._paused and self._transport is not None:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        if self._transport is None:
            raise ChannelLost("the channel is closed")

    def close(self) -> None:
        """Write what is queued, then end the channel."""
        if self._transport is not None:
            self._transport.close()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Hand out whole messages; what a callback raises ends the channel."""
        for message in self._reader.feed(data):
            self._on_message(message)

    def pause_writing(self) -> None:
        """Make `drain` wait."""
        self._paused = True

    def resume_writing(self) -> None:
        """Let `drain` go on."""
        self._paused = False
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake those who wait and say that the other end is gone."""
        self._transport = None
        self._wake()
        self._on_lost(exc)

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)


class BlockingChannel:
    """One end of a channel in a process that does nothing but answer."""

    def __init__(self, fd: int) -> None:
        """Take over the inherited socket."""
        self._socket = socket.socket(fileno=fd)
        self._reader = FrameReader()

    def receive(self) -> list[Message]:
        """Return the next messages, at least one; none at all when the other end is gone."""
        while True:
            data = self._socket.recv(_READ_BYTES)
            if not data:
                return []
            if messages := self._reader.feed(data):
                return messages

    def poll(self) -> list[Message]:
        """Return what came, perhaps nothing; `receive` tells that the other end is gone."""
        messages: list[Message] = []
        while True:
            try:
                data = self._socket.recv(_READ_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return messages
            if not data:
                return messages
            messages += self._reader.feed(data)

    def send(self, message: Message) -> None:
        """Write a message; raise FrameTooLarge, or OSError when the other end is gone."""
        self._socket.sendall(encode_frame(message))

    def shut_down(self) -> None:
        """End the channel for both ends, from any thread; `receive` returns then."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the channel."""
        self._socket.close()


class Child(NamedTuple):
    """A child process and the channel to it."""

    process: asyncio.subprocess.Process
    channel: Channel

    async def stop(self, timeout_s: float) -> None:
        """Close the channel, which ends the child; kill it if it is still there after a while."""
        self.channel.close()
        try:
            await asyncio.wait_for(self.process.wait(), timeout_s)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


async def spawn_child(
    module: str, on_message: OnMessage, on_lost: OnLost, arguments: Sequence[str] = ()
) -> Child:
    """Start `python -m module --fd N …` with a socket as N; its standard output is our error."""
    ours, theirs = socket.socketpair()
    fd = theirs.fileno()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, "--fd", str(fd), *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=_STDERR,
            pass_fds=(fd,),
        )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return Child(process, await _open_channel(ours, on_message, on_lost))


async def connect_channel(fd: int, on_message: OnMessage, on_lost: OnLost) -> Channel:
    """Open the child's end in its event loop."""
    return await _open_channel(socket.socket(fileno=fd), on_message, on_lost)


def settle_child(parent: int | None = None) -> None:
    """Make this process a child that its parent alone ends; call it after the imports.

    Ctrl-C and a supervisor's SIGTERM reach the whole group: the parent decides when children end,
    by closing the channel. If the parent is killed, so are they (on Linux at once, elsewhere when
    they next read). What is loaded now lives as long as the process, so the cyclic garbage
    collector need not look at it again. A child without a channel is told its parent's process id,
    so that one whose parent ended while it was still importing ends here.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        sys.exit(1)
    gc.collect()
    gc.freeze()


async def _open_channel(sock: socket.socket, on_message: OnMessage, on_lost: OnLost) -> Channel:
    sock.setblocking(False)  # noqa: FBT003 - the socket module's own signature
    channel = Channel(on_message, on_lost)
    loop = asyncio.get_running_loop()
    await loop.connect_accepted_socket(lambda: channel, sock)
    return channel


def _require_size(length: int) -> None:
    if length > FRAME_BYTES_MAX:
        raise FrameTooLarge(f"{length} bytes, {FRAME_BYTES_MAX} allowed")
