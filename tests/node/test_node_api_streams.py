"""What passes through the read service: submissions, blocks, queries, frames."""

import asyncio
from pathlib import Path

import pytest

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node import block_ring, node_api, read_service, submissions
from omg_abci.node.block_events import decode_event
from omg_abci.node.block_ring import BlockRing
from omg_abci.node.client import NodeError, split_batches
from omg_abci.node.read_service import FrameUnknown, ReadService
from omg_abci.protocol.errors import NodeBusy, Undecodable
from omg_abci.state import schema
from tests.node.committed_chain import (
    INTERVAL,
    make_chain,
    make_events,
)
from tests.node.served_node import Node, run_node


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
    monkeypatch.setattr(submissions, "WAITING_TXS_MAX", 3)
    monkeypatch.setattr(submissions, "WAITING_BYTES_MAX", 100)

    async def body(node: Node) -> None:
        waiting = asyncio.create_task(node.client.submit([b"a", b"b"]))
        await node.wait_for("submit", 1)
        for raws in ([b"c", b"d"], [b"x" * 99]):
            answers = await node.client.submit(raws)
            assert [each.code for each in answers] == [NodeBusy.code] * len(raws)
            assert "too many transactions wait" in answers[0].log
        waiting.cancel()
        await asyncio.sleep(0.05)
        node.service.take(("submitted", 1, [(0, "", b""), (0, "", b"")]))
        again = asyncio.create_task(node.client.submit([b"e", b"f", b"g"]))
        await node.wait_for("submit", 2)
        again.cancel()

    run_node(tmp_path, body)


def test_open_calls_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the bound a call is refused with a text, not only cancelled."""
    monkeypatch.setattr(node_api, "CALLS_MAX", 2)

    async def body(node: Node) -> None:
        waiting = []
        for request_id in (1, 2):
            waiting.append(asyncio.create_task(node.client.submit([b"a"])))
            await node.wait_for("submit", request_id)
        refused = await node.refused(node.client.submit([b"b"]))
        assert refused == ("RESOURCE_EXHAUSTED", "2 calls are open already")
        for request_id in (1, 2):
            node.service.take(("submitted", request_id, [(0, "", b"")]))
        assert [len(await each) for each in waiting] == [1, 1]

    run_node(tmp_path, body)


def test_stream_follows_from_any_kept_height(tmp_path: Path) -> None:
    """A stream gives what is kept and goes on with what comes; two do not disturb each other."""
    chain = make_chain(12)

    async def body(node: Node) -> None:
        old, live = node.client.stream_blocks(5), node.client.stream_blocks()
        first = await anext(old)
        assert (first.height, first.app_hash) == (5, chain.heads[5].app_hash)
        assert (first.txs[0].tx, first.txs[0].code, first.txs[0].result) == (b"raw 5", 1, b"result")
        assert tuple(decode_event(event) for event in first.events) == make_events(5)
        assert [(await anext(old)).height for _ in range(7)] == [6, 7, 8, 9, 10, 11, 12]
        waiting = asyncio.ensure_future(anext(live))
        await asyncio.sleep(0.05)
        chain.add_block()
        await node.feed(chain, 13, 13)
        assert (await waiting).height == (await anext(old)).height == 13
        await old.aclose()
        await live.aclose()

    run_node(tmp_path, body, chain)


def test_stream_without_txs(tmp_path: Path) -> None:
    """The same blocks without the transactions' own bytes, each made once for all who follow."""
    chain = make_chain(6)

    async def body(node: Node) -> None:
        full = node.client.stream_blocks(1)
        light, other = (node.client.stream_blocks(1, without_txs=True) for _ in range(2))
        for _ in range(6):
            expected = await anext(full)
            assert any(each.tx for each in expected.txs)
            for each in expected.txs:
                each.ClearField("tx")
            assert await anext(light) == await anext(other) == expected
        ring = node.service.ring
        assert await ring.get(3, without_txs=True) is await ring.get(3, without_txs=True)
        for stream in (full, light, other):
            await stream.aclose()

    run_node(tmp_path, body, chain)


def test_few_light_blocks_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was made without transactions is forgotten in the order in which it was made."""
    monkeypatch.setattr(block_ring, "LIGHT_MAX", 2)

    async def main() -> None:
        ring = BlockRing()
        ring.reset(0)
        blocks = [
            pb.Block(height=height, txs=[pb.TxOutcome(tx_id=b"i", tx=b"raw")])
            for height in range(1, 6)
        ]
        for block in blocks:
            ring.append(block.SerializeToString())
        first = await ring.get(1, without_txs=True)
        for height in (2, 3):
            await ring.get(height, without_txs=True)
        assert await ring.get(1, without_txs=True) is not first
        assert await ring.get(1, without_txs=True) == first

    asyncio.run(main())


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


def test_batches_are_what_submit_accepts() -> None:
    """Batches keep the order and the bounds of a request."""
    raws = [bytes([number % 251]) * 3_000 for number in range(2_500)]
    batches = list(split_batches(raws))
    assert [raw for batch in batches for raw in batch] == raws
    assert all(len(batch) <= 1_000 and sum(map(len, batch)) <= 1 << 20 for batch in batches)
    assert len(list(split_batches([b"x"] * 2_500))) == 3
    assert list(split_batches([])) == []


@pytest.mark.parametrize("text", ["", "-1", "1.5", "²", "1e3"])
def test_an_event_without_a_number_is_refused(text: str) -> None:
    """Amounts are decimal text: what is none is no event."""
    event = pb.Event(validator_slashed=pb.ValidatorSlashed(tokens=text, from_pools="0"))
    with pytest.raises(Undecodable, match="no number"):
        decode_event(event)
