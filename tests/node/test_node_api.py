"""The node API over real gRPC: answers, every refusal, streams, and the process around them."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node import block_ring, node_api, read_service
from omg_abci.node.block_ring import BlockRing
from omg_abci.node.channel import spawn_child
from omg_abci.node.client import AsyncNodeClient, NodeClient, NodeError, split_batches
from omg_abci.node.node_api import AddressRefused, parse_address, start_server
from omg_abci.node.read_service import FrameUnknown, ReadService
from omg_abci.protocol.proofs import RecordProof, verify_record
from omg_abci.state import schema
from omg_abci.state.records import OrderRecord
from tests.node.committed_chain import (
    DOMAIN,
    INTERVAL,
    OWNERS,
    CommittedChain,
    compute_hash,
    make_chain,
)

Body = Callable[["Node"], Awaitable[None]]
_TIMEOUT_S = 60.0


class Node:
    """A read service behind gRPC, with the test as its executor."""

    def __init__(self, service: ReadService, client: AsyncNodeClient, target: str) -> None:
        """Keep the pieces; `sent` is what the executor would receive."""
        self.service = service
        self.client = client
        self.target = target
        self.sent: list[tuple[Any, ...]] = []
        service.connect(self.sent.append)

    async def wait_for(self, *frame: Any) -> tuple[Any, ...]:
        """Return the first frame sent that begins like this."""
        async with asyncio.timeout(_TIMEOUT_S):
            while True:
                for each in self.sent:
                    if each[: len(frame)] == frame:
                        return each
                await asyncio.sleep(0.002)

    async def feed(self, chain: CommittedChain, first: int, last: int) -> None:
        """Send blocks and wait until they are applied and folded."""
        for height in range(first, last + 1):
            self.service.take(chain.make_frame(height))
        async with asyncio.timeout(_TIMEOUT_S):
            while self.service.reader.block.height < last:
                await asyncio.sleep(0.002)
        await self.wait_for("root", last // INTERVAL * INTERVAL)

    async def refused(self, question: Awaitable[object]) -> tuple[str, str]:
        """Return (status, text) of a question that must be refused."""
        with pytest.raises(NodeError) as caught:
            await question
        return caught.value.code, caught.value.text


def run_node(tmp_path: Path, body: Body, chain: CommittedChain | None = None) -> None:
    """Run the body beside a node that has followed the chain."""

    async def main() -> None:
        service = ReadService()
        target = f"unix:{tmp_path}/api.sock"
        server, _ = await start_server(service, target)
        task = asyncio.create_task(service.run())
        async with AsyncNodeClient(target) as client:
            node = Node(service, client, target)
            if chain is not None:
                service.take(chain.make_genesis_frame())
                await node.wait_for("ready", 0)
                await node.feed(chain, 1, chain.height)
            await body(node)
        assert not task.done()
        task.cancel()
        await server.stop(0)

    asyncio.run(main())


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
            assert level.quantity == sum(order.quantity - order.filled for order in level.orders)
        found = {
            schema.compute_order_key(order.owner, order.client_id)
            for level in [*book.bids, *book.asks]
            for order in level.orders
        }
        assert found == {
            key
            for key, value in chain.states[-1].items()
            if key[:1] == schema.ORDER and OrderRecord.decode(value).market == 1
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
            for name in [*node_api.METHODS, "StreamBlocks"]:
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    if name == "StreamBlocks":
                        async for _ in channel.unary_stream(f"/{node_api.SERVICE}/{name}")(b"\xff"):
                            pass
                    else:
                        await channel.unary_unary(f"/{node_api.SERVICE}/{name}")(b"\xff")
                assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
                assert "message" in (caught.value.details() or "")
            submit = channel.unary_unary(
                f"/{node_api.SERVICE}/Submit",
                request_serializer=pb.SubmitRequest.SerializeToString,
            )
            for txs, status in (
                ([], grpc.StatusCode.INVALID_ARGUMENT),
                ([b"x"] * 1_001, grpc.StatusCode.INVALID_ARGUMENT),
                ([b"x" * (1 << 20), b"x"], grpc.StatusCode.INVALID_ARGUMENT),
                ([b"x" * (3 << 20)], grpc.StatusCode.RESOURCE_EXHAUSTED),
            ):
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await submit(pb.SubmitRequest(txs=txs))
                assert caught.value.code() == status
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


def test_large_folds_run_in_a_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Roots, their order and proofs are the same."""
    monkeypatch.setattr(read_service, "FOLD_INLINE_MAX", 0)
    chain = make_chain(21)

    async def body(node: Node) -> None:
        roots = [frame for frame in node.sent if frame[0] == "root"]
        assert [frame[1] for frame in roots] == [0, 4, 8, 12, 16, 20]
        assert roots[3][2] == chain.heads[15 + INTERVAL].tree_root
        assert (await node.client.proof(schema.BLOCK)).header_height == 21

    run_node(tmp_path, body, chain)


def test_submissions_go_to_the_executor_and_back(tmp_path: Path) -> None:
    """Batches are concurrent, answered in any order, and each gets its own verdicts."""

    async def body(node: Node) -> None:
        first = asyncio.create_task(node.client.submit([b"a", b"b"]))
        await node.wait_for("submit", 1)
        second = asyncio.create_task(node.client.submit([b"c"]))
        await node.wait_for("submit", 2)
        assert node.sent == [("submit", 1, [b"a", b"b"]), ("submit", 2, [b"c"])]
        node.service.take(("submitted", 2, [(7, "no", b"id c")]))
        assert [(each.code, each.log, each.tx_id) for each in await second] == [(7, "no", b"id c")]
        assert not first.done()
        node.service.take(("submitted", 1, [(0, "", b"id a"), (0, "", b"id b")]))
        assert [each.tx_id for each in await first] == [b"id a", b"id b"]

    run_node(tmp_path, body)


def test_waiting_submissions_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the bound the next is refused; an answer frees its place, also when nobody waits."""
    monkeypatch.setattr(read_service, "WAITING_TXS_MAX", 3)
    monkeypatch.setattr(read_service, "WAITING_BYTES_MAX", 100)

    async def body(node: Node) -> None:
        waiting = asyncio.create_task(node.client.submit([b"a", b"b"]))
        await node.wait_for("submit", 1)
        for raws in ([b"c", b"d"], [b"x" * 99]):
            status, text = await node.refused(node.client.submit(raws))
            assert (status, "send again later" in text) == ("RESOURCE_EXHAUSTED", True)
        waiting.cancel()
        await asyncio.sleep(0.05)
        node.service.take(("submitted", 1, [(0, "", b""), (0, "", b"")]))
        again = asyncio.create_task(node.client.submit([b"e", b"f", b"g"]))
        await node.wait_for("submit", 2)
        again.cancel()

    run_node(tmp_path, body)


def test_stream_follows_from_any_kept_height(tmp_path: Path) -> None:
    """A stream gives what is kept and goes on with what comes; two do not disturb each other."""
    chain = make_chain(12)

    async def body(node: Node) -> None:
        old, live = node.client.stream_blocks(5), node.client.stream_blocks()
        first = await anext(old)
        assert (first.height, first.app_hash) == (5, chain.heads[5].app_hash)
        assert (first.txs[0].tx, first.txs[0].code, first.txs[0].result) == (b"raw 5", 1, b"result")
        assert (first.expired[0].owner, first.expired[0].client_id) == (OWNERS[0], 5)
        assert [(await anext(old)).height for _ in range(7)] == [6, 7, 8, 9, 10, 11, 12]
        waiting = asyncio.ensure_future(anext(live))
        await asyncio.sleep(0.05)
        chain.add_block()
        await node.feed(chain, 13, 13)
        assert (await waiting).height == (await anext(old)).height == 13
        await old.aclose()
        await live.aclose()

    run_node(tmp_path, body, chain)


def test_stream_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too old names the oldest, too far ahead names the next, too many streams are refused."""
    monkeypatch.setattr(node_api, "STREAMS_MAX", 1)
    chain = make_chain(12)

    async def body(node: Node) -> None:
        service, client = node.service, node.client
        ring = service.ring = BlockRing(blocks_max=2)
        ring.reset(12)
        for height in (13, 14, 15):
            chain.add_block()
            await node.feed(chain, height, height)
        assert await node.refused(anext(client.stream_blocks(13))) == (
            "OUT_OF_RANGE",
            "block 13 is gone, the oldest is 14",
        )
        far = 16 + block_ring.AHEAD_MAX
        assert await node.refused(anext(client.stream_blocks(far))) == (
            "OUT_OF_RANGE",
            f"block {far} is too far ahead, the next block is 16",
        )
        slow = client.stream_blocks(14)
        assert (await anext(slow)).height == 14
        assert (await node.refused(anext(client.stream_blocks(14))))[0] == "RESOURCE_EXHAUSTED"
        ring.reset(0)
        assert (await anext(slow)).height == 15
        assert await node.refused(anext(slow)) == (
            "UNAVAILABLE",
            "the chain began anew; connect again",
        )

    run_node(tmp_path, body, chain)


def test_slow_stream_falls_out(tmp_path: Path) -> None:
    """A consumer that does not read is not queued for: it is told the oldest height."""
    chain = make_chain(4)
    block = pb.Block(height=1, block_hash=b"x" * 400_000).SerializeToString()

    async def body(node: Node) -> None:
        ring = node.service.ring = BlockRing(bytes_max=2_000_000)
        ring.reset(4)
        ring.append(block)
        stream = node.client.stream_blocks(5)
        await anext(stream)
        for _ in range(200):
            ring.append(block)
            await asyncio.sleep(0)
        await asyncio.sleep(0.1)
        with pytest.raises(NodeError, match="the oldest is") as caught:
            async for _ in stream:
                pass
        assert caught.value.code == "OUT_OF_RANGE"

    run_node(tmp_path, body, chain)


def test_abci_queries(tmp_path: Path) -> None:
    """Status and records are answered, everything else is refused with a hint."""
    chain = make_chain(5)
    block = chain.states[-1][schema.BLOCK]

    async def body(node: Node) -> None:
        for question, code, key, value in (
            (("/record", schema.BLOCK, 0, False), 0, schema.BLOCK, block),
            (("/record", schema.BLOCK, 5, False), 0, schema.BLOCK, block),
            (("/record", b"\x04no", 0, False), 0, b"\x04no", b""),
            (("/record", schema.BLOCK, 4, False), 1, b"", b""),
            (("/record", schema.BLOCK, 0, True), 1, b"", b""),
            (("/other", b"", 0, False), 1, b"", b""),
        ):
            node.sent.clear()
            node.service.take(("query", 9, *question))
            _, request_id, found_code, log, *rest = node.sent[0]
            assert (request_id, found_code, rest) == (9, code, [key, value, 5])
            assert log or value
        node.service.take(("query", 10, "/status", b"", 0, False))
        assert b'"height": 5' in node.sent[-1][5]

    run_node(tmp_path, body, chain)


def test_genesis_may_come_again(tmp_path: Path) -> None:
    """A second genesis replaces everything."""
    other = make_chain(3, seed=9)

    async def body(node: Node) -> None:
        node.sent.clear()
        node.service.take(other.make_genesis_frame())
        await node.wait_for("ready", 0)
        await node.feed(other, 1, 3)
        assert (await node.client.status()).app_hash == other.heads[3].app_hash

    run_node(tmp_path, body, make_chain(9))


def test_unknown_frames_end_the_service() -> None:
    """What the executor sends must be known and whole."""
    service = ReadService()
    for frame in (("nonsense",), (), ("pool", "x", 1), ("query", 1)):
        with pytest.raises(FrameUnknown):
            service.take(frame)
    service.take(make_chain(1).make_frame(1))
    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(service.run())
    assert caught.value.subgroup(FrameUnknown)


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


def test_batches_are_what_submit_accepts() -> None:
    """Batches keep the order and the bounds of a request."""
    raws = [bytes([number % 251]) * 3_000 for number in range(2_500)]
    batches = list(split_batches(raws))
    assert [raw for batch in batches for raw in batch] == raws
    assert all(len(batch) <= 1_000 and sum(map(len, batch)) <= 1 << 20 for batch in batches)
    assert len(list(split_batches([b"x"] * 2_500))) == 3
    assert list(split_batches([])) == []


def test_process_loads_and_serves(tmp_path: Path) -> None:
    """The real process: loads while we hold the database, sends roots, serves, ends with us."""
    chain = make_chain(11)
    chain.store(tmp_path / "state")
    target = f"unix:{tmp_path}/api.sock"
    sent: list[tuple[Any, ...]] = []

    async def main() -> None:
        lost = asyncio.Event()
        child = await spawn_child(
            "omg_abci.node.reader_process",
            sent.append,
            lambda _: lost.set(),
            ("--grpc", target),
        )
        child.channel.send(("load", *DOMAIN, str(tmp_path / "state"), 11))
        chain.add_block()
        child.channel.send(chain.make_frame(12))
        async with asyncio.timeout(_TIMEOUT_S):
            while ("root", 12) not in [frame[:2] for frame in sent]:
                await asyncio.sleep(0.01)
        assert [frame[:2] for frame in sent] == [
            ("ready", 11), ("root", 4), ("root", 8), ("root", 12)
        ]  # fmt: skip
        blocking = await asyncio.to_thread(_ask_blocking, target)
        assert blocking == (12, 12, "ΩUSD")
        await child.stop(5)
        assert child.process.returncode == 0
        await asyncio.wait_for(lost.wait(), 5)

    asyncio.run(main())


def _ask_blocking(target: str) -> tuple[int, int, str]:
    with NodeClient(target) as client:
        block = next(iter(client.stream_blocks(12)))
        with pytest.raises(NodeError, match="OUT_OF_RANGE"):
            next(iter(client.stream_blocks(11)))
        assert client.markets()[0].id == 1
        assert client.book(1).height == client.account(OWNERS[0]).height == 12
        assert client.proof(b"\x01").header_height == 12
        assert client.orders(OWNERS[0]).height == 12
        with pytest.raises(NodeError, match="NOT_FOUND"):
            client.order(OWNERS[0], 1 << 50)
        return block.height, client.status().height, client.tokens()[2].symbol


@pytest.mark.parametrize("load", [True, False])
def test_process_ends_with_an_error(tmp_path: Path, *, load: bool) -> None:
    """What cannot be loaded or listened on ends the process with a status that says so."""

    async def main() -> int | None:
        child = await spawn_child(
            "omg_abci.node.reader_process",
            lambda _: None,
            lambda _: None,
            ("--grpc", f"unix:{tmp_path}/api.sock" if load else "0.0.0.0:0"),
        )
        if load:
            child.channel.send(("load", *DOMAIN, str(tmp_path / "none"), 11))
        return await asyncio.wait_for(child.process.wait(), _TIMEOUT_S)

    assert asyncio.run(main()) == (1 if load else 2)


def test_nothing_listens_after_a_refused_address() -> None:
    """The refusal comes before any socket is bound."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(AddressRefused):
        asyncio.run(start_server(ReadService(), f"0.0.0.0:{port}"))
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
