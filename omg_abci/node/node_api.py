"""The node API: gRPC over the committed view, on loopback or a unix socket only.

Guarantees that every request is bounded before work is done for it, and that a refusal has a
gRPC status and a text that says what would be accepted. docs/guides/node-api.md lists both.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, NoReturn, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.block_ring import BlockTooFarAhead, BlockTooOld, ChainReplaced
from omg_abci.node.indicative import NoAuction, TooManyOrders
from omg_abci.node.local_address import AddressRefused, parse_address
from omg_abci.node.node_answers import METHODS, Method, Refusal
from omg_abci.node.proof_history import HeaderOutOfRange, ReadError
from omg_abci.node.read_service import NotLoaded, ReadService
from omg_abci.node.submit_calls import SubmitStream, UnaryCalls
from omg_abci.protocol.merkle import KeyInvalid

SERVICE: Final = "omg.node.v1.Node"
REQUEST_BYTES_MAX: Final = 2 * 1024 * 1024
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
"""A block of 2 MiB with its results, or a book by order, fits."""
CALLS_MAX: Final = 2_000
"""Calls at a time, streams apart. gRPC's own limit, at twice that, only cancels without a text."""
STREAMS_MAX: Final = 256
"""Of each kind: blocks, submissions."""

OPTIONS: Final = (
    ("grpc.max_receive_message_length", REQUEST_BYTES_MAX),
    ("grpc.max_send_message_length", ANSWER_BYTES_MAX),
    # Without this a second node on the same port would silently take half of the calls.
    ("grpc.so_reuseport", 0),
    # What a client sends and the node does not read yet is at most this much for each call.
    ("grpc.http2.lookahead_bytes", 64 * 1024),
    ("grpc.http2.bdp_probe", 0),
)


_STATUS: Final[dict[type[Exception], grpc.StatusCode]] = {
    NotLoaded: grpc.StatusCode.UNAVAILABLE,
    ChainReplaced: grpc.StatusCode.UNAVAILABLE,
    HeaderOutOfRange: grpc.StatusCode.OUT_OF_RANGE,
    BlockTooOld: grpc.StatusCode.OUT_OF_RANGE,
    BlockTooFarAhead: grpc.StatusCode.OUT_OF_RANGE,
    TooManyOrders: grpc.StatusCode.OUT_OF_RANGE,
    NoAuction: grpc.StatusCode.FAILED_PRECONDITION,
    KeyInvalid: grpc.StatusCode.INVALID_ARGUMENT,
}

Context: TypeAlias = grpc.aio.ServicerContext[bytes, bytes]
Answer: TypeAlias = Callable[[bytes, Context], Awaitable[bytes]]


async def start_server(service: ReadService, address: str) -> tuple[grpc.aio.Server, int]:
    """Serve the API at ``HOST:PORT`` or ``unix:PATH``; return the server and the bound port.

    Raise AddressRefused.
    """
    target = parse_address(address)
    calls = asyncio.Semaphore(CALLS_MAX)
    unary = UnaryCalls(service.submissions)
    server = grpc.aio.server(options=OPTIONS, maximum_concurrent_rpcs=2 * CALLS_MAX)
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        name: grpc.unary_unary_rpc_method_handler(_bound(_make_answer(service, method), calls))
        for name, method in METHODS.items()
    }
    handlers["Submit"] = grpc.unary_unary_rpc_method_handler(
        _bound(lambda data, context: unary.answer(data, context.peer()), calls)
    )
    handlers["StreamBlocks"] = grpc.unary_stream_rpc_method_handler(_make_block_handler(service))
    handlers["SubmitStream"] = grpc.stream_stream_rpc_method_handler(_make_submit_handler(service))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    try:
        port = server.add_insecure_port(target)
    except RuntimeError as reason:
        raise AddressRefused(f"node API cannot listen on {address}: {reason}") from reason
    await server.start()
    return server, port


def _make_answer(service: ReadService, method: Method) -> Answer:
    """Return what answers a question: bytes in, bytes out."""

    async def answer(data: bytes, _: Context) -> bytes:
        encoded: bytes = (
            await method.answer(service, _parse(method.request, data))
        ).SerializeToString()
        return encoded

    return answer


def _bound(answer: Answer, calls: asyncio.Semaphore) -> Answer:
    """Return the handler of a unary call: not too many at a time, every refusal with its status."""

    async def handle(data: bytes, context: Context) -> bytes:
        try:
            if calls.locked():
                raise Refusal(
                    grpc.StatusCode.RESOURCE_EXHAUSTED, f"{CALLS_MAX} calls are open already"
                )
            async with calls:
                return await answer(data, context)
        except (Refusal, ReadError, KeyInvalid) as reason:
            await _abort(context, reason)

    return handle


def _make_block_handler(
    service: ReadService,
) -> Callable[[bytes, Context], AsyncIterator[bytes]]:
    streams = asyncio.Semaphore(STREAMS_MAX)

    async def handle(data: bytes, context: Context) -> AsyncIterator[bytes]:
        try:
            request = _parse(pb.StreamBlocksRequest, data)
            _require_place(streams)
            async with streams:
                height = request.from_height or service.reader.block.height + 1
                while True:
                    yield await service.ring.get(height, without_txs=request.without_txs)
                    height += 1
        except (Refusal, ReadError) as reason:
            await _abort(context, reason)

    return handle


def _make_submit_handler(service: ReadService) -> Callable[[object, Context], Awaitable[None]]:
    streams = asyncio.Semaphore(STREAMS_MAX)

    async def handle(_: object, context: Context) -> None:
        try:
            _require_place(streams)
            async with streams:
                await SubmitStream(service.submissions, context).serve()
        except Refusal as reason:
            await _abort(context, reason)

    return handle


def _require_place(streams: asyncio.Semaphore) -> None:
    if streams.locked():
        raise Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{STREAMS_MAX} streams are open already")


async def _abort(context: Context, reason: Exception) -> NoReturn:
    status = reason.status if isinstance(reason, Refusal) else _STATUS[type(reason)]
    await context.abort(status, str(reason))
    raise reason


def _parse(kind: Any, data: bytes) -> Any:  # noqa: ANN401 - generated classes share no base
    try:
        return kind.FromString(data)
    except DecodeError as reason:
        raise Refusal(
            grpc.StatusCode.INVALID_ARGUMENT, f"bytes are not a {kind.DESCRIPTOR.name} message"
        ) from reason
