"""What the node API answers, one function a call.

Guarantees that an answer is of one height, which it names, and that nothing is scanned for it
that its request does not bound.
"""

from collections.abc import Awaitable, Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, NamedTuple, TypeAlias

import grpc

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.capabilities import make_capabilities
from omg_abci.node.fee_view import make_epoch, make_fees, make_tally, make_votes
from omg_abci.node.protection_view import find_own_key, make_guardians, make_recipients
from omg_abci.node.read_service import ReadService
from omg_abci.node.reader import Reader
from omg_abci.node.record_messages import (
    fill_ended,
    fill_order,
    list_orders_of,
    make_market,
    make_token,
)
from omg_abci.node.spending_view import make_allowances, make_fee_offers, make_requests
from omg_abci.node.stake_view import list_validators, make_stake
from omg_abci.protocol.errors import OmgError
from omg_abci.protocol.parameters import PARAMETERS
from omg_abci.protocol.units import ADDRESS_BYTES, MarketId, MarketStatus, Side
from omg_abci.state.records import MarketRecord

PAGE_MAX: Final = 1_000
DEPTH_DEFAULT: Final = 20
BOOK_ORDERS_MAX: Final = 50_000
"""Orders in one answer by order: about 5 MB."""


class Refusal(OmgError):
    """A request is refused with a gRPC status."""

    def __init__(self, status: grpc.StatusCode, text: str) -> None:
        """Keep the status beside the text."""
        super().__init__(text)
        self.status = status


Answer: TypeAlias = Callable[[ReadService, Any], Awaitable[Any]]


class Method(NamedTuple):
    """A unary call: what it takes and how it is answered."""

    request: Any
    answer: Answer


def _refuse(text: str) -> Refusal:
    return Refusal(grpc.StatusCode.INVALID_ARGUMENT, text)


def _require_owner(owner: bytes) -> None:
    if len(owner) != ADDRESS_BYTES:
        raise _refuse(f"owner has {len(owner)} bytes, must be {ADDRESS_BYTES}")


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
        market_bond=str(block.market_bond),
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
        switch_ms=record.switch_ms,
        key=find_own_key(reader, owner),
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
        fill_order(order, record)
        return order
    ended = reader.get_ended(owner, client_id)
    if ended is None:
        raise Refusal(
            grpc.StatusCode.NOT_FOUND, "owner has no order of this client_id, open or remembered"
        )
    fill_ended(order, ended)
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
        fill_order(response.orders.add(owner=request.owner, client_id=client_id), record)
    return response


async def _get_book(service: ReadService, request: pb.GetBookRequest) -> pb.Book:
    depth = request.depth or DEPTH_DEFAULT
    if depth > PAGE_MAX:
        raise _refuse(f"depth is {depth}, must be 0..{PAGE_MAX}, 0 for {DEPTH_DEFAULT}")
    reader = service.reader
    record = _require_market(reader, request.market)
    book = pb.Book(
        height=reader.block.height,
        market=request.market,
        open_orders=record.open_orders,
        orders_sum=record.orders_sum.to_bytes(32, "big"),
    )
    bids = reader.books.get_levels(request.market, Side.BUY, depth)
    asks = reader.books.get_levels(request.market, Side.SELL, depth)
    waiting = reader.books.get_waiting(request.market) if request.waiting else []
    orders = len(waiting) + request.by_order * sum(len(level.keys) for level in (*bids, *asks))
    if orders > BOOK_ORDERS_MAX:
        raise Refusal(
            grpc.StatusCode.OUT_OF_RANGE,
            f"{orders} orders, at most {BOOK_ORDERS_MAX} are answered: ask for less",
        )
    for out, levels in ((book.bids, bids), (book.asks, asks)):
        for level in levels:
            added = out.add(price=level.price, quantity=level.quantity, count=len(level.keys))
            if request.by_order:
                added.orders.extend(list_orders_of(reader, level.keys))
    book.waiting.extend(list_orders_of(reader, waiting))
    return book


def _require_market(reader: Reader, market: MarketId) -> MarketRecord:
    record = reader.get_market(market)
    if record is None:
        raise Refusal(grpc.StatusCode.NOT_FOUND, f"market {market} does not exist")
    return record


async def _list_markets(service: ReadService, _: pb.ListMarketsRequest) -> pb.ListMarketsResponse:
    reader = service.reader
    response = pb.ListMarketsResponse(height=reader.block.height)
    for market, record in reader.list_markets():
        response.markets.append(make_market(market, record))
    return response


async def _get_capabilities(
    service: ReadService, request: pb.GetCapabilitiesRequest
) -> pb.Capabilities:
    reader = service.reader
    return make_capabilities(reader, request.market, _require_market(reader, request.market))


async def _get_indicative(service: ReadService, request: pb.GetIndicativeRequest) -> pb.Indicative:
    reader = service.reader
    height, market = reader.block.height, request.market
    record = _require_market(reader, market)
    price, volume, surplus = await service.indicative.get(reader, market, record)
    return pb.Indicative(
        height=height,
        market=market,
        price=price,
        volume=volume,
        surplus=surplus,
        fixed=record.status == MarketStatus.UNCROSSING,
        until_ms=record.until_ms,
    )


async def _list_tokens(service: ReadService, _: pb.ListTokensRequest) -> pb.ListTokensResponse:
    reader = service.reader
    response = pb.ListTokensResponse(height=reader.block.height)
    for token, record in reader.list_tokens():
        response.tokens.append(make_token(token, record))
    return response


async def _list_validators(
    service: ReadService, _: pb.ListValidatorsRequest
) -> pb.ListValidatorsResponse:
    return list_validators(service.reader)


async def _get_stake(service: ReadService, request: pb.GetStakeRequest) -> pb.Stake:
    _require_owner(request.owner)
    return make_stake(service.reader, request.owner)


async def _get_fees(service: ReadService, request: pb.GetFeesRequest) -> pb.Fees:
    if request.epochs > PAGE_MAX:
        raise _refuse(f"epochs is {request.epochs}, must be 0..{PAGE_MAX}")
    return make_fees(service.reader, request.epochs)


async def _get_epoch(service: ReadService, request: pb.GetEpochRequest) -> pb.Epoch:
    if request.owner:
        _require_owner(request.owner)
    epoch = make_epoch(service.reader, request.number, request.owner)
    if epoch is None:
        raise Refusal(grpc.StatusCode.NOT_FOUND, f"epoch {request.number} is not over, or is none")
    return epoch


async def _get_votes(service: ReadService, request: pb.GetVotesRequest) -> pb.Votes:
    _require_owner(request.owner)
    return make_votes(service.reader, request.owner)


async def _get_tally(service: ReadService, request: pb.GetTallyRequest) -> pb.Tally:
    if request.parameter not in PARAMETERS:
        raise _refuse(f"parameter is {request.parameter}, must be 1..{max(PARAMETERS)}")
    tally = make_tally(service.reader, request.parameter)
    if tally is None:
        raise Refusal(
            grpc.StatusCode.FAILED_PRECONDITION, "the chain's fees are fixed: nobody votes"
        )
    return tally


async def _get_allowances(service: ReadService, request: pb.GetAllowancesRequest) -> pb.Allowances:
    _require_owner(request.owner)
    return make_allowances(service.reader, request.owner)


async def _get_guardians(service: ReadService, request: pb.GetGuardiansRequest) -> pb.Guardians:
    _require_owner(request.owner)
    return make_guardians(service.reader, request.owner)


async def _get_recipients(service: ReadService, request: pb.GetRecipientsRequest) -> pb.Recipients:
    _require_owner(request.owner)
    return make_recipients(service.reader, request.owner)


async def _list_requests(
    service: ReadService, request: pb.ListRequestsRequest
) -> pb.ListRequestsResponse:
    _require_owner(request.payee)
    if not 1 <= request.limit <= PAGE_MAX:
        raise _refuse(f"limit is {request.limit}, must be 1..{PAGE_MAX}")
    return make_requests(service.reader, request.payee, request.after_request, request.limit)


async def _list_fee_offers(
    service: ReadService, request: pb.ListFeeOffersRequest
) -> pb.ListFeeOffersResponse:
    for address in (request.provider, request.after_provider):
        if address:
            _require_owner(address)
    if not 1 <= request.limit <= PAGE_MAX:
        raise _refuse(f"limit is {request.limit}, must be 1..{PAGE_MAX}")
    return make_fee_offers(service.reader, request)


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
    "GetStatus": Method(pb.GetStatusRequest, _get_status),
    "GetAccount": Method(pb.GetAccountRequest, _get_account),
    "GetOrder": Method(pb.GetOrderRequest, _get_order),
    "ListOrders": Method(pb.ListOrdersRequest, _list_orders),
    "GetBook": Method(pb.GetBookRequest, _get_book),
    "ListMarkets": Method(pb.ListMarketsRequest, _list_markets),
    "GetCapabilities": Method(pb.GetCapabilitiesRequest, _get_capabilities),
    "GetIndicative": Method(pb.GetIndicativeRequest, _get_indicative),
    "ListValidators": Method(pb.ListValidatorsRequest, _list_validators),
    "GetStake": Method(pb.GetStakeRequest, _get_stake),
    "GetFees": Method(pb.GetFeesRequest, _get_fees),
    "GetEpoch": Method(pb.GetEpochRequest, _get_epoch),
    "GetVotes": Method(pb.GetVotesRequest, _get_votes),
    "GetTally": Method(pb.GetTallyRequest, _get_tally),
    "GetAllowances": Method(pb.GetAllowancesRequest, _get_allowances),
    "GetGuardians": Method(pb.GetGuardiansRequest, _get_guardians),
    "GetRecipients": Method(pb.GetRecipientsRequest, _get_recipients),
    "ListRequests": Method(pb.ListRequestsRequest, _list_requests),
    "ListFeeOffers": Method(pb.ListFeeOffersRequest, _list_fee_offers),
    "ListTokens": Method(pb.ListTokensRequest, _list_tokens),
    "GetProof": Method(pb.GetProofRequest, _get_proof),
}


def _find_version() -> str:
    try:
        return version("omg-chain")
    except PackageNotFoundError:
        return "unknown"


_VERSION: Final = _find_version()
