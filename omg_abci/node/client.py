"""A thin client of the node API, for programs of this package: command line, replay, bench.

Answers are the API's own messages. Every failure is a `NodeError` with the gRPC status's name.
Wallets and bridges do not use it: they see the protocol only.
"""

from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, Final, Self, TypeVar

import grpc

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.node_api import ANSWER_BYTES_MAX, SERVICE
from omg_abci.node.node_error import NodeError as NodeError  # noqa: PLC0414 - belongs to the client
from omg_abci.node.node_error import translate
from omg_abci.node.submissions import SUBMIT_BYTES_MAX, SUBMIT_TXS_MAX
from omg_abci.node.submit_client import (
    PATIENCE_S,
    BlockingSubmitStream,
    SubmitStream,
    open_stream,
    open_submit_call,
)

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", ANSWER_BYTES_MAX),
    ("grpc.max_send_message_length", ANSWER_BYTES_MAX),
    # Nodes are reached on this machine; a proxy of the environment must not be asked for them.
    ("grpc.enable_http_proxy", 0),
)
TIMEOUT_S: Final = 30.0
_Answer = TypeVar("_Answer")


def split_batches(raws: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Yield the transactions in order, in batches that Submit accepts."""
    batch: list[bytes] = []
    size = 0
    for raw in raws:
        if batch and (len(batch) == SUBMIT_TXS_MAX or size + len(raw) > SUBMIT_BYTES_MAX):
            yield batch
            batch, size = [], 0
        batch.append(raw)
        size += len(raw)
    if batch:
        yield batch


class NodeClient:
    """Ask a node, and wait for the answer."""

    def __init__(self, target: str, timeout_s: float = TIMEOUT_S) -> None:
        """Connect to ``HOST:PORT`` or ``unix:PATH`` when the first question is asked."""
        self._target = target
        self._channel = grpc.insecure_channel(target, options=_OPTIONS)
        self._timeout_s = timeout_s

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, raws: Sequence[bytes]) -> list[pb.Admission]:
        """Send signed transactions; return what became of each, in order."""
        return [
            admission
            for batch in split_batches(raws)
            for admission in self._call(
                "Submit", pb.SubmitRequest(txs=batch), pb.SubmitResponse
            ).admissions
        ]

    def submit_stream(self, patience_s: float = PATIENCE_S) -> BlockingSubmitStream:
        """Return a context manager whose `submit` sends many transactions over one stream."""
        target = self._target
        return BlockingSubmitStream(
            lambda: grpc.aio.insecure_channel(target, options=_OPTIONS), patience_s
        )

    def status(self) -> pb.Status:
        """Return where the node is."""
        return self._call("GetStatus", pb.GetStatusRequest(), pb.Status)

    def account(self, owner: bytes) -> pb.Account:
        """Return an account; one that does not exist is empty."""
        return self._call("GetAccount", pb.GetAccountRequest(owner=owner), pb.Account)

    def order(self, owner: bytes, client_id: int) -> pb.Order:
        """Return an order that is open or remembered."""
        request = pb.GetOrderRequest(owner=owner, client_id=client_id)
        return self._call("GetOrder", request, pb.Order)

    def orders(
        self, owner: bytes, after_client_id: int = 0, limit: int = 1_000
    ) -> pb.ListOrdersResponse:
        """Return one page of an owner's open orders, by client id."""
        request = pb.ListOrdersRequest(owner=owner, after_client_id=after_client_id, limit=limit)
        return self._call("ListOrders", request, pb.ListOrdersResponse)

    def book(
        self, market: int, depth: int = 0, *, by_order: bool = False, waiting: bool = False
    ) -> pb.Book:
        """Return a market's best levels; depth 0 is the node's default."""
        request = pb.GetBookRequest(market=market, depth=depth, by_order=by_order, waiting=waiting)
        return self._call("GetBook", request, pb.Book)

    def markets(self) -> list[pb.Market]:
        """Return all markets."""
        answer = self._call("ListMarkets", pb.ListMarketsRequest(), pb.ListMarketsResponse)
        return list(answer.markets)

    def capabilities(self, market: int) -> pb.Capabilities:
        """Return what a market accepts now."""
        request = pb.GetCapabilitiesRequest(market=market)
        return self._call("GetCapabilities", request, pb.Capabilities)

    def indicative(self, market: int) -> pb.Indicative:
        """Return what an auction of the orders that rest in a market now would do."""
        request = pb.GetIndicativeRequest(market=market)
        return self._call("GetIndicative", request, pb.Indicative)

    def validators(self) -> pb.ListValidatorsResponse:
        """Return all validators and the terms of staking."""
        request = pb.ListValidatorsRequest()
        return self._call("ListValidators", request, pb.ListValidatorsResponse)

    def stake(self, owner: bytes) -> pb.Stake:
        """Return what an owner has with validators."""
        return self._call("GetStake", pb.GetStakeRequest(owner=owner), pb.Stake)

    def fees(self, epochs: int = 0) -> pb.Fees:
        """Return what fees are, and how the last epochs were settled."""
        return self._call("GetFees", pb.GetFeesRequest(epochs=epochs), pb.Fees)

    def epoch(self, number: int, owner: bytes = b"") -> pb.Epoch:
        """Return how an epoch was settled, and what an owner is owed of it."""
        request = pb.GetEpochRequest(number=number, owner=owner)
        return self._call("GetEpoch", request, pb.Epoch)

    def votes(self, owner: bytes) -> pb.Votes:
        """Return a staker's standing votes."""
        return self._call("GetVotes", pb.GetVotesRequest(owner=owner), pb.Votes)

    def tally(self, parameter: int) -> pb.Tally:
        """Return how the stake votes on a number."""
        return self._call("GetTally", pb.GetTallyRequest(parameter=parameter), pb.Tally)

    def allowances(self, owner: bytes) -> pb.Allowances:
        """Return what an owner's agents may still pay, and the account's own limits."""
        return self._call("GetAllowances", pb.GetAllowancesRequest(owner=owner), pb.Allowances)

    def guardians(self, owner: bytes) -> pb.Guardians:
        """Return who may give an account another key, and what they approved."""
        return self._call("GetGuardians", pb.GetGuardiansRequest(owner=owner), pb.Guardians)

    def recipients(self, owner: bytes) -> pb.Recipients:
        """Return whom an account pays."""
        return self._call("GetRecipients", pb.GetRecipientsRequest(owner=owner), pb.Recipients)

    def requests(
        self, payee: bytes, after_request: int = 0, limit: int = 1_000
    ) -> pb.ListRequestsResponse:
        """Return one page of a payee's open requests, by number."""
        request = pb.ListRequestsRequest(payee=payee, after_request=after_request, limit=limit)
        return self._call("ListRequests", request, pb.ListRequestsResponse)

    def fee_offers(
        self,
        token: int,
        *,
        provider: bytes = b"",
        after_provider: bytes = b"",
        limit: int = 1_000,
    ) -> pb.ListFeeOffersResponse:
        """Return one page of who pays fees for a token, by provider, or of one provider alone."""
        request = pb.ListFeeOffersRequest(
            token=token, provider=provider, after_provider=after_provider, limit=limit
        )
        return self._call("ListFeeOffers", request, pb.ListFeeOffersResponse)

    def tokens(self) -> list[pb.Token]:
        """Return all tokens."""
        answer = self._call("ListTokens", pb.ListTokensRequest(), pb.ListTokensResponse)
        return list(answer.tokens)

    def proof(self, key: bytes, header_height: int = 0) -> pb.StateProof:
        """Return a record with its proof under the app hash in a header, 0 for the newest."""
        request = pb.GetProofRequest(key=key, header_height=header_height)
        return self._call("GetProof", request, pb.StateProof)

    def stream_blocks(
        self, from_height: int = 0, *, without_txs: bool = False
    ) -> Generator[pb.Block, None, None]:
        """Yield blocks for ever, 0 begins with the next; close the generator to stop.

        `without_txs` leaves the transactions' own bytes out.
        """
        call = self._channel.unary_stream(
            f"/{SERVICE}/StreamBlocks",
            request_serializer=pb.StreamBlocksRequest.SerializeToString,
            response_deserializer=pb.Block.FromString,
        )(pb.StreamBlocksRequest(from_height=from_height, without_txs=without_txs))
        try:
            yield from call
        except grpc.RpcError as reason:
            raise translate(reason) from reason
        finally:
            call.cancel()

    def _call(self, name: str, request: Any, kind: Callable[[], _Answer]) -> _Answer:  # noqa: ANN401
        try:
            answer: _Answer = _make_call(self._channel, name, kind)(
                request, timeout=self._timeout_s
            )
        except grpc.RpcError as reason:
            raise translate(reason) from reason
        return answer


class AsyncNodeClient:
    """The same for an event loop, with many questions at a time."""

    def __init__(self, target: str, timeout_s: float = TIMEOUT_S) -> None:
        """Connect to ``HOST:PORT`` or ``unix:PATH`` when the first question is asked."""
        self._channel = grpc.aio.insecure_channel(target, options=_OPTIONS)
        self._timeout_s = timeout_s

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def submit(self, raws: Sequence[bytes]) -> list[pb.Admission]:
        """Send signed transactions; return what became of each, in order."""
        admissions: list[pb.Admission] = []
        for batch in split_batches(raws):
            request = pb.SubmitRequest(txs=batch)
            answer = await self._call("Submit", request, pb.SubmitResponse)
            admissions.extend(answer.admissions)
        return admissions

    def submit_stream(
        self, patience_s: float = PATIENCE_S
    ) -> AbstractAsyncContextManager[SubmitStream]:
        """Return a context manager whose `submit` sends many transactions over one stream."""
        return open_stream(partial(open_submit_call, self._channel), patience_s)

    async def status(self) -> pb.Status:
        """Return where the node is."""
        return await self._call("GetStatus", pb.GetStatusRequest(), pb.Status)

    async def account(self, owner: bytes) -> pb.Account:
        """Return an account; one that does not exist is empty."""
        return await self._call("GetAccount", pb.GetAccountRequest(owner=owner), pb.Account)

    async def order(self, owner: bytes, client_id: int) -> pb.Order:
        """Return an order that is open or remembered."""
        request = pb.GetOrderRequest(owner=owner, client_id=client_id)
        return await self._call("GetOrder", request, pb.Order)

    async def orders(
        self, owner: bytes, after_client_id: int = 0, limit: int = 1_000
    ) -> pb.ListOrdersResponse:
        """Return one page of an owner's open orders, by client id."""
        request = pb.ListOrdersRequest(owner=owner, after_client_id=after_client_id, limit=limit)
        return await self._call("ListOrders", request, pb.ListOrdersResponse)

    async def book(
        self, market: int, depth: int = 0, *, by_order: bool = False, waiting: bool = False
    ) -> pb.Book:
        """Return a market's best levels; depth 0 is the node's default."""
        request = pb.GetBookRequest(market=market, depth=depth, by_order=by_order, waiting=waiting)
        return await self._call("GetBook", request, pb.Book)

    async def markets(self) -> list[pb.Market]:
        """Return all markets."""
        answer = await self._call("ListMarkets", pb.ListMarketsRequest(), pb.ListMarketsResponse)
        return list(answer.markets)

    async def capabilities(self, market: int) -> pb.Capabilities:
        """Return what a market accepts now."""
        request = pb.GetCapabilitiesRequest(market=market)
        return await self._call("GetCapabilities", request, pb.Capabilities)

    async def indicative(self, market: int) -> pb.Indicative:
        """Return what an auction of the orders that rest in a market now would do."""
        request = pb.GetIndicativeRequest(market=market)
        return await self._call("GetIndicative", request, pb.Indicative)

    async def validators(self) -> pb.ListValidatorsResponse:
        """Return all validators and the terms of staking."""
        request = pb.ListValidatorsRequest()
        return await self._call("ListValidators", request, pb.ListValidatorsResponse)

    async def stake(self, owner: bytes) -> pb.Stake:
        """Return what an owner has with validators."""
        return await self._call("GetStake", pb.GetStakeRequest(owner=owner), pb.Stake)

    async def tokens(self) -> list[pb.Token]:
        """Return all tokens."""
        answer = await self._call("ListTokens", pb.ListTokensRequest(), pb.ListTokensResponse)
        return list(answer.tokens)

    async def proof(self, key: bytes, header_height: int = 0) -> pb.StateProof:
        """Return a record with its proof under the app hash in a header, 0 for the newest."""
        request = pb.GetProofRequest(key=key, header_height=header_height)
        return await self._call("GetProof", request, pb.StateProof)

    async def stream_blocks(
        self, from_height: int = 0, *, without_txs: bool = False
    ) -> AsyncGenerator[pb.Block, None]:
        """Yield blocks for ever, 0 begins with the next; close the generator to stop.

        `without_txs` leaves the transactions' own bytes out.
        """
        call = self._channel.unary_stream(
            f"/{SERVICE}/StreamBlocks",
            request_serializer=pb.StreamBlocksRequest.SerializeToString,
            response_deserializer=pb.Block.FromString,
        )(pb.StreamBlocksRequest(from_height=from_height, without_txs=without_txs))
        try:
            async for block in call:
                yield block
        except grpc.RpcError as reason:
            raise translate(reason) from reason
        finally:
            call.cancel()

    async def _call(self, name: str, request: Any, kind: Callable[[], _Answer]) -> _Answer:  # noqa: ANN401
        try:
            answer: _Answer = await _make_call(self._channel, name, kind)(
                request, timeout=self._timeout_s
            )
        except grpc.RpcError as reason:
            raise translate(reason) from reason
        return answer


def _make_call(channel: Any, name: str, kind: Any) -> Any:  # noqa: ANN401 - both kinds of channel
    """Return the callable of a unary method."""
    return channel.unary_unary(
        f"/{SERVICE}/{name}",
        request_serializer=_serialize,
        response_deserializer=kind.FromString,
    )


def _serialize(request: Any) -> bytes:  # noqa: ANN401 - generated classes share no base
    data: bytes = request.SerializeToString()
    return data
