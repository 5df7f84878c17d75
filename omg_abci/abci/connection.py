"""One connection: cut frames, call the application, answer in order.

Guarantees:

* Answers leave in the order of the requests, whichever finish first.
* Work is done in slices of bounded time; between two slices every other connection has its turn.
* Consensus and snapshot calls run one at a time; mempool and query calls that return awaitables
  run side by side, up to a bound.
* Memory is bounded: unfinished requests, unread input and unsent output each have a limit. At a
  limit reading pauses while writing goes on. A peer that reads its answers is thus never stuck;
  one that leaves while reading is paused is noticed when what is running has ended.
* Whatever was answered is handed to the socket at the end of its slice: never later than Flush.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from google.protobuf.message import Message

from omg_abci.abci.application import Application
from omg_abci.abci.calls import CALLS, Call, decode_request, encode_exception
from omg_abci.abci.errors import (
    AbciError,
    ApplicationFailed,
    InvalidAnswer,
    SecondConsensusConnection,
    TooManyConnections,
)
from omg_abci.abci.framing import FrameDecoder, encode_frame
from omg_abci.gen.cometbft.abci import types_pb2 as pb

logger = logging.getLogger(__name__)

Tap: TypeAlias = Callable[[str, str, bytes], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a server; each connection has its own share except where said."""

    # Greatest request. CometBFT itself allows 2 GiB; its greatest block is 100 MB.
    frame_bytes_max: int = 64 << 20
    # Requests whose answers are not yet on their way.
    in_flight_max: int = 1024
    # Time a connection may work before the others have their turn.
    slice_seconds: float = 0.002
    # Output that the other side has not read.
    output_bytes_max: int = 16 << 20
    # Open connections of the server; CometBFT opens 4.
    connections_max: int = 16
    # How long the last answer may take to leave a connection that is being closed.
    close_seconds: float = 5.0


@dataclass(slots=True)
class Hub:
    """What the connections of one server share."""

    application: Application
    limits: Limits
    on_fatal: Callable[[BaseException], None]
    on_consensus_lost: Callable[[], None]
    tap: Tap | None
    connections: set[Connection] = field(default_factory=set)
    # The connection that makes consensus calls.
    consensus: Connection | None = None


@dataclass(slots=True)
class _Pending:
    """A request whose answer is being made elsewhere."""

    call: Call
    request: Message
    future: asyncio.Future[object]


class Connection(asyncio.Protocol):
    """Serve one peer of the server."""

    def __init__(self, hub: Hub, name: str) -> None:
        self.name = name
        self.kind = "any"
        self._hub = hub
        self._decoder = FrameDecoder(hub.limits.frame_bytes_max)
        self._queue: deque[bytes | _Pending] = deque()
        self._held: tuple[Call, Message] | None = None
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._is_exclusive_running = False
        self._is_run_scheduled = False
        self._is_drain_scheduled = False
        self._is_write_paused = False
        self._is_reading = True
        self._is_closing = False

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or refuse it when there are too many."""
        self._transport = cast(asyncio.Transport, transport)
        self._loop = asyncio.get_running_loop()
        self._transport.set_write_buffer_limits(high=self._hub.limits.output_bytes_max)
        limit = self._hub.limits.connections_max
        if len(self._hub.connections) >= limit:
            self._refuse(TooManyConnections(f"{limit} connections are open"))
        self._hub.connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Answer what can be answered now."""
        if self._is_closing:
            return
        self._decoder.feed(data)
        if not self._is_run_scheduled:
            self._run()

    def eof_received(self) -> None:
        """Complain when the stream ends inside a frame; the transport then closes."""
        if self._is_closing:
            return
        try:
            self._decoder.finish()
        except AbciError as error:
            self._refuse(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop; answers still being made are awaited and dropped."""
        if exc is not None:
            logger.warning("connection %s (%s) lost: %s", self.name, self.kind, exc)
        self._is_closing = True
        self._hub.connections.discard(self)
        self._drain()

    def pause_writing(self) -> None:
        """Stop handling requests: the other side does not read."""
        self._is_write_paused = True

    def resume_writing(self) -> None:
        """Go on where handling stopped."""
        self._is_write_paused = False
        if not self._is_run_scheduled:
            self._run()

    def abort(self) -> None:
        """Close at once and drop what is unsent."""
        self._is_closing = True
        self._transport.abort()

    # Handling.

    def _is_blocked(self) -> bool:
        return (
            self._is_closing
            or self._is_write_paused
            or self._is_exclusive_running
            or self._held is not None
            or len(self._queue) >= self._hub.limits.in_flight_max
        )

    def _run(self) -> None:
        """Handle frames for one slice, send the answers, and see to the rest."""
        self._is_run_scheduled = False
        is_spent = False
        try:
            is_spent = self._handle_slice()
        except AbciError as error:
            self._refuse(error)
        self._send()
        if self._is_closing:
            return
        if is_spent:
            self._is_run_scheduled = True
            self._loop.call_soon(self._run)
        self._set_reading(wanted=not is_spent and not self._is_blocked())

    def _handle_slice(self) -> bool:
        """Return whether time or room for output was over before the input was."""
        limits = self._hub.limits
        until = time.perf_counter() + limits.slice_seconds
        if self._held is not None and not self._queue:
            call, request = self._held
            self._held = None
            self._dispatch(call, request)
        while not self._is_blocked():
            payload = self._decoder.next_frame()
            if payload is None:
                return False
            self._handle(payload)
            if time.perf_counter() > until or self._out_bytes >= limits.output_bytes_max:
                # Most often one long call was all there is: then reading need not pause.
                return not self._decoder.is_empty
        return False

    def _handle(self, payload: bytes) -> None:
        if self._hub.tap is not None:
            self._hub.tap(self.name, "in", payload)
        call, request = decode_request(payload)
        if call.kind == "any":
            self._reply(_answer_by_server(call, request))
        elif call.is_exclusive and self._queue:
            self._held = (call, request)
        else:
            self._dispatch(call, request)

    def _dispatch(self, call: Call, request: Message) -> None:
        if call.kind == "consensus":
            self._claim_consensus()
        self.kind = call.kind
        try:
            answer = getattr(self._hub.application, call.name)(request)
            if type(answer) is not call.answer_type:
                self._await(call, request, answer)
                return
            payload = call.encode(request, answer)
        except Exception as error:  # noqa: BLE001 - whatever the application raises
            self._fail(call, error)
            return
        self._reply(payload)

    def _await(self, call: Call, request: Message, answer: object) -> None:
        try:
            future = asyncio.ensure_future(cast(Awaitable[object], answer))
        except TypeError as error:
            raise InvalidAnswer(f"{call.name} returned {type(answer).__name__}") from error
        self._queue.append(_Pending(call, request, future))
        self._is_exclusive_running = call.is_exclusive
        future.add_done_callback(self._schedule_drain)

    def _claim_consensus(self) -> None:
        if self._hub.consensus is None:
            self._hub.consensus = self
        elif self._hub.consensus is not self:
            raise SecondConsensusConnection(
                f"connection {self._hub.consensus.name} already makes consensus calls"
            )

    # Answers.

    def _reply(self, payload: bytes) -> None:
        """Queue an answer behind those that are still being made."""
        if self._queue:
            self._queue.append(payload)
        else:
            self._put(payload)

    def _put(self, payload: bytes) -> None:
        if self._is_closing:
            return
        if self._hub.tap is not None:
            self._hub.tap(self.name, "out", payload)
        frame = encode_frame(payload)
        self._out.append(frame)
        self._out_bytes += len(frame)

    def _schedule_drain(self, future: asyncio.Future[object]) -> None:
        """See to the finished answers once, however many finished in this turn of the loop."""
        del future
        if not self._is_drain_scheduled:
            self._is_drain_scheduled = True
            self._loop.call_soon(self._drain)

    def _drain(self) -> None:
        """Send the answers that are ready up to the first that is not, then go on."""
        self._is_drain_scheduled = False
        while self._queue:
            head = self._queue[0]
            if isinstance(head, bytes):
                self._put(head)
            elif head.future.done():
                self._finish(head)
            else:
                break
            self._queue.popleft()
        if not self._queue:
            self._is_exclusive_running = False
        if not self._is_closing:
            if not self._is_run_scheduled:
                self._run()
        elif self not in self._hub.connections and not self._queue:
            self._release_consensus()

    def _finish(self, pending: _Pending) -> None:
        call, future = pending.call, pending.future
        try:
            payload = call.encode(pending.request, future.result())
        except asyncio.CancelledError:
            self._fail(call, InvalidAnswer(f"the answer to {call.name} was cancelled"), pending)
        except Exception as error:  # noqa: BLE001 - whatever the application raises
            self._fail(call, error, pending)
        else:
            self._put(payload)

    def _fail(self, call: Call, error: Exception, pending: _Pending | None = None) -> None:
        """Answer a call that raised with its refusal, or end the process when it has none."""
        refusal = call.encode_refusal()
        if refusal is not None:
            logger.error("%s failed; refusal sent", call.name, exc_info=error)
            if pending is None:
                self._reply(refusal)
            else:
                self._put(refusal)
            return
        logger.critical("%s failed; no answer would be true", call.name, exc_info=error)
        self._refuse(ApplicationFailed(f"{call.name} raised {type(error).__name__}"))
        self._hub.on_fatal(error)

    # The socket.

    def _send(self) -> None:
        """Hand everything answered so far to the socket in one write."""
        if self._out and not self._transport.is_closing():
            self._transport.write(b"".join(self._out))
        self._out.clear()
        self._out_bytes = 0

    def _set_reading(self, *, wanted: bool) -> None:
        if wanted == self._is_reading or self._transport.is_closing():
            return
        self._is_reading = wanted
        if wanted:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _refuse(self, error: AbciError) -> None:
        """Say why as the last answer, and close this connection."""
        if self._is_closing:
            return
        logger.error("closing connection %s (%s): %s", self.name, self.kind, error.describe())
        self._put(encode_exception(error.describe()))
        self._is_closing = True
        self._send()
        self._transport.close()
        self._loop.call_later(self._hub.limits.close_seconds, self._transport.abort)

    def _release_consensus(self) -> None:
        if self._hub.consensus is self:
            self._hub.consensus = None
            self._hub.on_consensus_lost()


def _answer_by_server(call: Call, request: Message) -> bytes:
    if isinstance(request, pb.RequestEcho):
        return call.encode(request, pb.ResponseEcho(message=request.message))
    return _FLUSHED


_FLUSHED = CALLS["flush"].encode(pb.RequestFlush(), pb.ResponseFlush())
