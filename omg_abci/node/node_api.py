"""The node API: gRPC over the committed view, on loopback or a unix socket only.

Guarantees that every request is bounded before work is done for it, and that a refusal has a
gRPC status and a text that says what would be accepted. docs/guides/node-api.md lists both.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, NamedTuple, NoReturn, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.block_ring import BlockTooFarAhead, BlockTooOld, ChainReplaced
from omg_abci.node.book_view import LevelView
from omg_abci.node.local_address import AddressRefused, parse_address
from omg_abci.node.proof_history import HeaderOutOfRange, ReadError
from omg_abci.node.read_service import (
    SUBMIT_BYTES_MAX,
    SUBMIT_TXS_MAX,
    NotLoaded,
    ReadService,
    SubmissionsFull,
)
from omg_abci.node.reader import Reader
from omg_abci.protocol.errors import OmgError
from omg_abci.protocol.merkle import KeyInvalid
from omg_abci.protocol.units import ADDRESS_BYTES, Side
from omg_abci.state.records import OrderRecord

SERVICE: Final = "omg.node.v1.Node"
REQUEST_BYTES_MAX: Final = 2 * 1024 * 1024
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
"""A block of 2 MiB with its results, or a book by order, fits."""
CALLS_MAX: Final = 2_000
"""Calls at a time, streams apart. gRPC's own limit, at twice that, only cancels without a text."""
STREAMS_MAX: Final = 256
PAGE_MAX: Final = 1_000
DEPTH_DEFAULT: Final = 20
BOOK_ORDERS_MAX: Final = 50_000
"""Orders in one answer by order: about 5 MB."""

OPTIONS: Final = (
    ("grpc.max_receive_message_length", REQUEST_BYTES_MAX),
    ("grpc.max_send_message_length", ANSWER_BYTES_MAX),
    # Without this a second node on the same port would silently take half of the calls.
    ("grpc.so_reuseport", 0),
)


class Refusal(OmgError):
    """A request is refused with a gRPC status."""

    def __init__(self, status: grpc.StatusCode, text: str) -> None:
        """Keep the status beside the text."""
        super().__init__(text)
        self.status = status


_STATUS: Final[dict[type[Exception], grpc.StatusCode]] = {
    NotLoaded: grpc.StatusCode.UNAVAILABLE,
    ChainReplaced: grpc.StatusCode.UNAVAILABLE,
    SubmissionsFull: grpc.StatusCode.RESOURCE_EXHAUSTED,
    HeaderOutOfRange: grpc.StatusCode.OUT_OF_RANGE,
    BlockTooOld: grpc.StatusCode.OUT_OF_RANGE,
    BlockTooFarAhead: grpc.StatusCode.OUT_OF_RANGE,
    KeyInvalid: grpc.StatusCode.INVALID_ARGUMENT,
}

Context: TypeAlias = grpc.aio.ServicerContext[bytes, bytes]
Answer: TypeAlias = Callable[[ReadService, Any], Awaitable[Any]]


class Method(NamedTuple):
    """A unary call: what it takes and how it is answered."""

    request: Any
    answer: Answer


async def start_server(service: ReadService, address: str) -> tuple[grpc.aio.Server, int]:
    """Serve the API at ``HOST:PORT`` or ``unix:PATH``; return the server and the bound port.

    Raise AddressRefused.
    """
    target = parse_address(address)
    calls = asyncio.Semaphore(CALLS_MAX)
    server = grpc.aio.server(options=OPTIONS, maximum_concurrent_rpcs=2 * CALLS_MAX)
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        name: grpc.unary_unary_rpc_method_handler(_make_handler(service, method, calls))
        for name, method in METHODS.items()
    }
    handlers["StreamBlocks"] = grpc.unary_stream_rpc_method_handler(_make_stream_handler(service))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    try:
        port = server.add_insecure_port(target)
    except RuntimeError as reason:
        raise AddressRefused(f"node API cannot listen on {address}: {reason}") from reason
    await server.start()
    return server, port


def _make_handler(
    service: ReadService, method: Method, calls: asyncio.Semaphore
) -> Callable[[bytes, Context], Any]:
    """Return the handler: bytes in, bytes out, every refusal with its status."""

    async def handle(data: bytes, context: Context) -> bytes:
        try:
            if calls.locked():
                raise Refusal(
                    grpc.StatusCode.RESOURCE_EXHAUSTED, f"{CALLS_MAX} calls are open already"
                )
            async with calls:
                answer = await method.answer(service, _parse(method.request, data))
        except (Refusal, ReadError, KeyInvalid) as reason:
            await _abort(context, reason)
        encoded: bytes = answer.SerializeToString()
        return encoded

    return handle


def _make_stream_handler(
    service: ReadService,
) -> Callable[[bytes, Context], AsyncIterator[bytes]]:
    streams = asyncio.Semaphore(STREAMS_MAX)

    async def handle(data: bytes, context: Context) -> AsyncIterator[bytes]:
        try:
            request = _parse(pb.StreamBlocksRequest, data)
            if streams.locked():
                raise Refusal(
                    grpc.StatusCode.RESOURCE_EXHAUSTED, f"{STREAMS_MAX} streams are open already"
                )
            async with streams:
                height = request.from_height or service.reader.block.height + 1
                while True:
                    yield await service.ring.get(height)
                    height += 1
        except (Refusal, ReadError) as reason:
            await _abort(context, reason)

    return handle


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


# --- what is asked ---


def _refuse(text: str) -> Refusal:
    return Refusal(grpc.StatusCode.INVALID_ARGUMENT, text)


def _require_owner(owner: bytes) -> None:
    if len(owner) != ADDRESS_BYTES:
        raise _refuse(f"owner has {len(owner)} bytes, must be {ADDRESS_BYTES}")


async def _submit(service: ReadService, request: pb.SubmitRequest) -> pb.SubmitResponse:
    count, size = len(request.txs), sum(map(len, request.txs))
    if not 1 <= count <= SUBMIT_TXS_MAX:
        raise _refuse(f"{count} transactions, must be 1..{SUBMIT_TXS_MAX}")
    if size > SUBMIT_BYTES_MAX:
        raise _refuse(f"{size} bytes of transactions, at most {SUBMIT_BYTES_MAX} allowed")
    response = pb.SubmitResponse()
    for code, log, tx_id in await service.submit(request.txs):
        response.admissions.add(code=code, log=log, tx_id=tx_id)
    return response


async def _get_status(service: ReadService, _: pb.GetStatusRequest) -> pb.Status:
    reader = service.reader
    block, history = reader.block, reader.history
    return pb.Status(
        chain_id=reader.domain.chain_id,
        height=block.height,
        time_ms=block.time_ms,
        app_hash=history.get_head(block.height).app_hash,
        block_hash=block.block_hash,
        proof_height=history.newest if history.newest >= history.oldest else 0,
        pool_count=service.pool_count,
        pool_bytes=service.pool_bytes,
        version=_VERSION,
        unit_price=block.unit_price,
        fee_token=block.fee_token,
        oldest_block=service.ring.oldest,
        ethereum_chain_id=reader.domain.ethereum_chain_id,
        verifying_contract=reader.domain.verifying_contract,
    )


async def _get_account(service: ReadService, request: pb.GetAccountRequest) -> pb.Account:
    _require_owner(request.owner)
    reader, owner = service.reader, request.owner
    record = reader.get_account(owner)
    account = pb.Account(
        height=reader.block.height,
        owner=owner,
        open_orders=record.open_orders,
        orders_sum=record.orders_sum.to_bytes(32, "big"),
    )
    for subaccount, token, balance in reader.list_balances(owner):
        account.balances.add(
            subaccount=subaccount,
            token=token,
            free=str(balance.free),
            reserved=str(balance.reserved),
        )
    for agent, approval in reader.list_agents(owner):
        account.agents.add(agent=agent, scope=approval.scope, expires_ms=approval.expires_ms)
    return account


async def _get_order(service: ReadService, request: pb.GetOrderRequest) -> pb.Order:
    _require_owner(request.owner)
    if not request.client_id:
        raise _refuse("client_id is zero")
    reader, owner, client_id = service.reader, request.owner, request.client_id
    order = pb.Order(height=reader.block.height, owner=owner, client_id=client_id)
    record = reader.get_order(owner, client_id)
    if record is not None:
        _fill_order(order, record)
        return order
    ended = reader.get_ended(owner, client_id)
    if ended is None:
        raise Refusal(
            grpc.StatusCode.NOT_FOUND, "owner has no order of this client_id, open or remembered"
        )
    order.ended, order.quantity, order.filled = ended.ended, ended.quantity, ended.filled
    return order


async def _list_orders(
    service: ReadService, request: pb.ListOrdersRequest
) -> pb.ListOrdersResponse:
    _require_owner(request.owner)
    if not 1 <= request.limit <= PAGE_MAX:
        raise _refuse(f"limit is {request.limit}, must be 1..{PAGE_MAX}")
    reader = service.reader
    response = pb.ListOrdersResponse(height=reader.block.height)
    found, response.more = reader.list_orders(request.owner, request.after_client_id, request.limit)
    for client_id, record in found:
        _fill_order(response.orders.add(owner=request.owner, client_id=client_id), record)
    return response


async def _get_book(service: ReadService, request: pb.GetBookRequest) -> pb.Book:
    depth = request.depth or DEPTH_DEFAULT
    if depth > PAGE_MAX:
        raise _refuse(f"depth is {depth}, must be 0..{PAGE_MAX}, 0 for {DEPTH_DEFAULT}")
    reader = service.reader
    record = reader.get_market(request.market)
    if record is None:
        raise Refusal(grpc.StatusCode.NOT_FOUND, f"market {request.market} does not exist")
    book = pb.Book(
        height=reader.block.height,
        market=request.market,
        open_orders=record.open_orders,
        orders_sum=record.orders_sum.to_bytes(32, "big"),
    )
    bids = reader.books.get_levels(request.market, Side.BUY, depth)
    asks = reader.books.get_levels(request.market, Side.SELL, depth)
    orders = sum(len(level.keys) for level in (*bids, *asks))
    if request.by_order and orders > BOOK_ORDERS_MAX:
        raise Refusal(
            grpc.StatusCode.OUT_OF_RANGE,
            f"{orders} orders, at most {BOOK_ORDERS_MAX} are answered: ask for less depth",
        )
    for out, levels in ((book.bids, bids), (book.asks, asks)):
        for level in levels:
            added = out.add(price=level.price, quantity=level.quantity, count=len(level.keys))
            if request.by_order:
                _fill_level(added, reader, level)
    return book


async def _list_markets(service: ReadService, _: pb.ListMarketsRequest) -> pb.ListMarketsResponse:
    reader = service.reader
    response = pb.ListMarketsResponse(height=reader.block.height)
    for market_id, market in reader.list_markets():
        response.markets.add(
            id=market_id,
            base_token=market.base,
            quote_token=market.quote,
            base_unit=str(market.base_unit),
            quote_unit=str(market.quote_unit),
            lots_min=market.lots_min,
            lots_max=market.lots_max,
            status=market.status,
            last_price=market.last_price,
            open_orders=market.open_orders,
        )
    return response


async def _list_tokens(service: ReadService, _: pb.ListTokensRequest) -> pb.ListTokensResponse:
    reader = service.reader
    response = pb.ListTokensResponse(height=reader.block.height)
    for token_id, token in reader.list_tokens():
        response.tokens.add(
            id=token_id, symbol=token.symbol, decimals=token.decimals, supply=str(token.supply)
        )
    return response


async def _get_proof(service: ReadService, request: pb.GetProofRequest) -> pb.StateProof:
    proven = await service.prove(request.key, request.header_height)
    return pb.StateProof(
        key=proven.key,
        value=proven.value or b"",
        present=proven.value is not None,
        state_height=proven.state_height,
        header_height=proven.header_height,
        tree_root=proven.tree_root,
        diff_hash=proven.diff_hash,
        checkpoint_digest=proven.checkpoint_digest,
        proof=proven.proof,
    )


METHODS: Final = {
    "Submit": Method(pb.SubmitRequest, _submit),
    "GetStatus": Method(pb.GetStatusRequest, _get_status),
    "GetAccount": Method(pb.GetAccountRequest, _get_account),
    "GetOrder": Method(pb.GetOrderRequest, _get_order),
    "ListOrders": Method(pb.ListOrdersRequest, _list_orders),
    "GetBook": Method(pb.GetBookRequest, _get_book),
    "ListMarkets": Method(pb.ListMarketsRequest, _list_markets),
    "ListTokens": Method(pb.ListTokensRequest, _list_tokens),
    "GetProof": Method(pb.GetProofRequest, _get_proof),
}


# --- records to messages ---


def _fill_level(out: pb.Level, reader: Reader, level: LevelView) -> None:
    """Add the level's orders, oldest first."""
    records = reader.records
    found = [(OrderRecord.decode(records[key]), key) for key in level.keys]
    found.sort(key=_get_priority)
    for record, key in found:
        order = out.orders.add(owner=key[1:21], client_id=int.from_bytes(key[21:], "big"))
        _fill_order(order, record)


def _get_priority(entry: tuple[OrderRecord, bytes]) -> int:
    return entry[0].priority


def _fill_order(out: pb.Order, record: OrderRecord) -> None:
    out.market, out.side, out.time_in_force = record.market, record.side, record.time_in_force
    out.post_only, out.self_trade = bool(record.post_only), record.self_trade
    out.subaccount, out.price, out.quantity = record.subaccount, record.price, record.quantity
    out.filled, out.priority, out.expires_ms = record.filled, record.priority, record.expires_ms
    out.open = True


def _find_version() -> str:
    try:
        return version("omg-chain")
    except PackageNotFoundError:
        return "unknown"


_VERSION: Final = _find_version()
