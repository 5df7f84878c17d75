"""The node API's answers and refusals, over real gRPC."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import grpc
import pytest

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node import node_answers, node_api
from omg_abci.node.local_address import AddressRefused, parse_address
from omg_abci.node.node_api import start_server
from omg_abci.node.read_service import ReadService
from omg_abci.protocol.proofs import RecordProof, verify_record
from omg_abci.state import schema
from omg_abci.state.records import OrderRecord
from tests.node.committed_chain import (
    DOMAIN,
    OWNERS,
    compute_hash,
    make_chain,
)
from tests.node.served_node import Node, run_node


def test_answers_are_those_of_the_state(tmp_path: Path) -> None:
    """Status, accounts, orders, pages, markets and tokens say what the plain state says."""
    chain = make_chain(30)
    state = chain.states[-1]

    async def body(node: Node) -> None:
        client = node.client
        node.service.take(("pool", 5, 700))
        status = await client.status()
        assert (status.chain_id, status.height, status.proof_height) == ("omg-test", 30, 30)
        assert (status.pool_count, status.pool_bytes) == (5, 700)
        assert (status.unit_price, status.fee_token, status.oldest_block) == (3, 1, 1)
        assert (status.ethereum_chain_id, status.verifying_contract) == DOMAIN[1:]
        assert status.app_hash == chain.heads[30].app_hash
        assert status.block_hash == compute_hash("block 30")
        assert [token.symbol for token in await client.tokens()] == ["OMG", "ETH", "ΩUSD"]
        assert [market.id for market in await client.markets()] == [1, 7]
        account = await client.account(OWNERS[1])
        assert len(account.balances) == sum(key[:21] == schema.BALANCE + OWNERS[1] for key in state)
        assert len(account.orders_sum) == 32
        assert list((await client.account(b"\x09" * 20)).balances) == []
        keys = sorted(key for key in state if key[:21] == schema.ORDER + OWNERS[1])
        first = await client.orders(OWNERS[1], limit=2)
        rest = await client.orders(OWNERS[1], after_client_id=first.orders[-1].client_id)
        found = [*first.orders, *rest.orders]
        assert [each.client_id for each in found] == [
            int.from_bytes(key[21:], "big") for key in keys
        ]
        assert (first.more, rest.more) == (len(keys) > 2, False)
        single = await client.order(OWNERS[1], found[0].client_id)
        assert single.open
        assert single.price == OrderRecord.decode(state[keys[0]]).price

    run_node(tmp_path, body, chain)


def test_book_by_level_and_by_order(tmp_path: Path) -> None:
    """Levels come best first, orders oldest first, and depth cuts both sides."""
    chain = make_chain(40)

    async def body(node: Node) -> None:
        book = await node.client.book(1, depth=1_000, by_order=True)
        bids, asks = [level.price for level in book.bids], [level.price for level in book.asks]
        assert bids == sorted(bids, reverse=True)
        assert asks == sorted(asks)
        for level in [*book.bids, *book.asks]:
            priorities = [order.priority for order in level.orders]
            assert priorities == sorted(priorities)
            assert level.count == len(priorities)
            assert level.quantity == sum(
                order.tip or order.quantity - order.filled for order in level.orders
            )
        found = {
            schema.compute_order_key(order.owner, order.client_id)
            for level in [*book.bids, *book.asks]
            for order in level.orders
        }
        assert found == {
            key
            for key, value in chain.states[-1].items()
            if key[:1] == schema.ORDER
            for order in [OrderRecord.decode(value)]
            if order.market == 1 and not order.trigger
        }
        best = await node.client.book(1, depth=2)
        assert [level.price for level in best.bids] == bids[:2]
        assert not best.asks[0].orders

    run_node(tmp_path, body, chain)


def test_ended_orders_are_answered(tmp_path: Path) -> None:
    """An order that ended is answered with what is remembered of it."""
    chain = make_chain(2)
    ended = next(
        (key for key in chain.states[-1] if key[:1] == schema.ENDED and key[21:] > b"\0\x30"), None
    )
    while ended is None:
        chain.add_block()
        ended = next(
            (key for key in chain.states[-1] if key[:1] == schema.ENDED and key[21:] > b"\0\x90"),
            None,
        )
    client_id = 100 + int.from_bytes(ended[21:], "big")

    async def body(node: Node) -> None:
        order = await node.client.order(ended[1:21], client_id)
        assert (order.open, order.ended, order.quantity, order.filled) == (False, 2, 10, 3)

    run_node(tmp_path, body, chain)


def test_bad_arguments_are_refused(tmp_path: Path) -> None:
    """Each has its status and a text that says what is accepted."""
    chain = make_chain(9)

    async def body(node: Node) -> None:
        client, refused = node.client, node.refused
        short = b"\x01" * 19
        assert await refused(client.account(short)) == (
            "INVALID_ARGUMENT",
            "owner has 19 bytes, must be 20",
        )
        for question in (client.account(b""), client.orders(short), client.order(short, 1)):
            assert (await refused(question))[0] == "INVALID_ARGUMENT"
        assert await refused(client.order(OWNERS[0], 0)) == (
            "INVALID_ARGUMENT",
            "client_id is zero",
        )
        assert (await refused(client.order(OWNERS[0], 1 << 60)))[0] == "NOT_FOUND"
        for limit in (0, 1_001):
            assert await refused(client.orders(OWNERS[0], limit=limit)) == (
                "INVALID_ARGUMENT",
                f"limit is {limit}, must be 1..1000",
            )
        assert (await refused(client.book(1, depth=1_001)))[0] == "INVALID_ARGUMENT"
        for market in (0, 2):
            assert await refused(client.book(market)) == (
                "NOT_FOUND",
                f"market {market} does not exist",
            )
        for key in (b"", b"k" * 65):
            assert (await refused(client.proof(key)))[0] == "INVALID_ARGUMENT"
        assert await refused(client.proof(b"\x01", 10)) == (
            "OUT_OF_RANGE",
            "header 10 cannot be proved, only 1 to 9",
        )

    run_node(tmp_path, body, chain)


def test_bad_bytes_and_submissions_are_refused(tmp_path: Path) -> None:
    """Bytes that are no message, and submissions that are empty or too large."""

    async def body(node: Node) -> None:
        async with grpc.aio.insecure_channel(node.target) as channel:

            async def call(name: str, data: bytes) -> tuple[grpc.StatusCode, str]:
                ask: Any = channel.unary_unary(f"/{node_api.SERVICE}/{name}")
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await ask(data)
                return caught.value.code(), caught.value.details() or ""

            for name in [*node_answers.METHODS, "Submit", "StreamBlocks"]:
                status, text = await call(name, b"\xff")
                assert (status, "message" in text) == (grpc.StatusCode.INVALID_ARGUMENT, True)
            for txs, expected in (
                ([], grpc.StatusCode.INVALID_ARGUMENT),
                ([b"x"] * 1_001, grpc.StatusCode.INVALID_ARGUMENT),
                ([b"x" * (1 << 20), b"x"], grpc.StatusCode.INVALID_ARGUMENT),
                ([b"x" * (3 << 20)], grpc.StatusCode.RESOURCE_EXHAUSTED),
            ):
                request = pb.SubmitRequest(txs=txs).SerializeToString()
                assert (await call("Submit", request))[0] == expected
        assert node.sent == []

    run_node(tmp_path, body)


def test_nothing_is_answered_before_the_state_is_loaded(tmp_path: Path) -> None:
    """Until genesis or a load, reads are UNAVAILABLE and ABCI queries are refused with a hint."""

    async def body(node: Node) -> None:
        client = node.client
        for question in (client.status(), client.tokens(), client.account(OWNERS[0])):
            status, text = await node.refused(question)
            assert (status, "loading" in text) == ("UNAVAILABLE", True)
        stream = client.stream_blocks()
        assert (await node.refused(anext(stream)))[0] == "UNAVAILABLE"
        assert (await node.refused(client.proof(b"\x01")))[0] == "UNAVAILABLE"
        node.service.take(("query", 3, "/status", b"", 0, False))
        assert node.sent[0][:3] == ("answer", 3, 1)

    run_node(tmp_path, body)


def test_proofs_pass_the_checker(tmp_path: Path) -> None:
    """What GetProof answers is accepted under the header's app hash, at any header it offers."""
    chain = make_chain(22)

    async def body(node: Node) -> None:
        for header in (0, 1, 9, 22):
            for key in (schema.BLOCK, schema.compute_market_key(1), b"\x04nobody"):
                found = await node.client.proof(key, header)
                assert found.header_height == (header or 22)
                value = chain.states[found.state_height].get(key)
                assert (found.present, found.value) == (value is not None, value or b"")
                record = RecordProof(
                    found.key,
                    found.value if found.present else None,
                    found.tree_root,
                    found.diff_hash,
                    found.checkpoint_digest,
                    found.proof,
                )
                verify_record(chain.heads[found.header_height - 1].app_hash, record)

    run_node(tmp_path, body, chain)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1:26680", "127.0.0.1:26680"),
        ("localhost:1", "127.0.0.1:1"),
        ("[::1]:5", "[::1]:5"),
        ("127.9.9.9:0", "127.9.9.9:0"),
        ("unix:/tmp/x", "unix:/tmp/x"),
    ],
)
def test_local_addresses_are_taken(address: str, expected: str) -> None:
    """Loopback and unix sockets."""
    assert parse_address(address) == expected


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "example.org:1", ":1", "127.0.0.1", "127.0.0.1:x",
     "127.0.0.1:65536", "127.0.0.1:-1", "unix:", ""],
)  # fmt: skip
def test_other_addresses_are_refused(address: str) -> None:
    """Nothing listens where another machine could reach it."""
    with pytest.raises(AddressRefused):
        parse_address(address)


def test_port_in_use_is_refused() -> None:
    """A second node on the same port is told so."""

    async def main() -> None:
        server, port = await start_server(ReadService(), "127.0.0.1:0")
        with pytest.raises(AddressRefused, match=str(port)):
            await start_server(ReadService(), f"127.0.0.1:{port}")
        await server.stop(0)

    asyncio.run(main())


def test_nothing_listens_after_a_refused_address() -> None:
    """The refusal comes before any socket is bound."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(AddressRefused):
        asyncio.run(start_server(ReadService(), f"0.0.0.0:{port}"))
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
