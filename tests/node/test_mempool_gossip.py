"""Gossip: what peers send is queued, checked and kept; what is handed out goes out once."""

from pathlib import Path

import pytest

from omg_abci.node import gossip as module
from omg_abci.node.bundles import BUNDLE_BYTES_MAX, encode_bundle
from omg_abci.node.config import MempoolSettings
from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import ApproveAgent, Transfer
from omg_abci.protocol.units import Scope
from tests.node.pool_world import ALICE, BOB, DAVE, World, make_tx, open_bundles, run
from tests.strategies import START_MS

_APPROVE = ApproveAgent(DAVE.address, int(Scope.TRADE), START_MS + limits.AGENT_AHEAD_MAX_MS)


def _reap(world: World, bytes_max: int = 0) -> list[bytes]:
    return open_bundles(world.mempool.reap(bytes_max, 0))


def test_peers_get_each_transaction_once(tmp_path: Path) -> None:
    """What a client sent is handed out in one bundle, once."""
    raws = [make_tx(ALICE, place) for place in range(1, 4)]

    async def check(world: World) -> None:
        await world.submit(*raws)
        payloads = world.mempool.reap(0, 0)
        assert len(payloads) == 1
        assert open_bundles(payloads) == raws
        await world.submit(raws[0])
        assert _reap(world) == []

    run(tmp_path, check, [ALICE])


def test_bounded_bundles(tmp_path: Path) -> None:
    """Bundles keep their own bound and the caller's; the rest goes next time."""
    raws = [make_tx(ALICE, place) for place in range(1, 30)]

    async def check(world: World) -> None:
        await world.submit(*raws)
        taken: list[bytes] = []
        for _ in range(100):
            payloads = world.mempool.reap(1_000, 0)
            assert sum(map(len, payloads)) <= 1_000
            taken += open_bundles(payloads)
        assert taken == raws

    run(tmp_path, check, [ALICE])


def test_many_bundles_in_a_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than one bundle holds is handed out in several."""
    monkeypatch.setattr(module, "BUNDLE_BYTES_MAX", 1_000)
    raws = [make_tx(ALICE, place) for place in range(1, 30)]

    async def check(world: World) -> None:
        await world.submit(*raws)
        payloads = world.mempool.reap(-1, -1)
        assert len(payloads) > 1
        assert all(len(payload) <= 1_000 for payload in payloads)
        assert open_bundles(payloads) == raws

    run(tmp_path, check, [ALICE])
    assert BUNDLE_BYTES_MAX > limits.TX_BYTES_MAX


def test_handed_out_again_after_5_20_80_blocks(tmp_path: Path) -> None:
    """What no block takes is handed out again on schedule, and then every 80 blocks."""
    raw = make_tx(ALICE, 1)

    async def check(world: World) -> None:
        await world.submit(raw)
        heights = []
        for height in range(200):
            if _reap(world) == [raw]:
                heights.append(height)
            world.commit([])
        assert heights == [0, 5, 20, 80, 160]
        world.commit()
        for _ in range(100):
            world.commit([])
            assert _reap(world) == []

    run(tmp_path, check, [ALICE])


def test_new_peers_get_what_was_accepted(tmp_path: Path) -> None:
    """A new peer makes all that this node accepted go out again, but not with each of many."""
    mine, theirs = make_tx(ALICE, 1), make_tx(BOB, 1)

    async def check(world: World) -> None:
        await world.submit(mine)
        await world.gossip(theirs)
        assert _reap(world) == [mine]
        world.mempool.on_new_peer()
        assert _reap(world) == [mine]
        world.commit([])
        world.mempool.on_new_peer()
        assert _reap(world) == []
        for _ in range(4):
            world.commit([])
        assert _reap(world) == [mine]

    run(tmp_path, check, [ALICE, BOB])


def test_restarted_nodes_hand_out_again(tmp_path: Path) -> None:
    """After a restart what was accepted goes out, because nobody knows whether it did."""
    raw = make_tx(ALICE, 1)

    async def check(world: World) -> None:
        await world.submit(raw)
        _reap(world)
        await world.mempool.stop()
        world.begin()
        await world.mempool.start()
        assert _reap(world) == [raw]

    run(tmp_path, check, [ALICE])


def test_gossip_is_pooled_and_not_acknowledged(tmp_path: Path) -> None:
    """A peer's bundle is in the next block; it is neither written down nor passed on."""
    raws = [make_tx(ALICE, place) for place in range(1, 4)]

    async def check(world: World) -> None:
        assert await world.gossip(encode_bundle(raws)) == 0
        assert await world.gossip(make_tx(BOB, 1)) == 0
        assert sorted(world.select()) == sorted([*raws, make_tx(BOB, 1)])
        assert _reap(world) == []
        assert world.read_accepted() == b""
        verified = world.workers.verified
        await world.gossip(encode_bundle(raws))
        assert world.workers.verified == verified

    run(tmp_path, check, [ALICE, BOB])


def test_relay(tmp_path: Path) -> None:
    """Where nodes are no full mesh, what came from one peer goes to all, once."""
    raw = make_tx(ALICE, 1)

    async def check(world: World) -> None:
        await world.gossip(raw)
        await world.gossip(encode_bundle([raw]))
        assert _reap(world) == [raw]
        assert _reap(world) == []

    run(tmp_path, check, [ALICE], MempoolSettings(relay=True))


def test_gossiped_then_submitted(tmp_path: Path) -> None:
    """A client's own submission of what a peer had brought is acknowledged and written down."""
    raw = make_tx(ALICE, 1)

    async def check(world: World) -> None:
        await world.gossip(raw)
        assert await world.submit(raw) == [0]
        assert _reap(world) == [raw]
        await world.mempool.stop()
        world.begin()
        await world.mempool.start()
        assert world.select() == [raw]

    run(tmp_path, check, [ALICE])


def test_full_queue_says_come_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than may wait gets a code that lets the same bytes come again."""
    monkeypatch.setattr("omg_abci.node.mempool.GOSSIP_BYTES_MAX", 1_000)

    async def check(world: World) -> None:
        assert world.mempool.insert_gossip(bytes(900)) == 0
        assert world.mempool.insert_gossip(bytes(200)) >= 32_000
        await world.gossip(b"")
        assert world.mempool.insert_gossip(bytes(200)) == 0

    run(tmp_path, check, [ALICE])


def test_hostile_gossip_is_counted_and_forgotten(tmp_path: Path) -> None:
    """Bad bundles and bad transactions leave no trace but a number, and stop nothing."""
    bad = make_tx(ALICE, 1)[:-1] + b"\x02"

    async def check(world: World) -> None:
        await world.gossip(encode_bundle([b"x"])[:-1])
        await world.gossip(b"")
        await world.gossip(encode_bundle([bad, make_tx(ALICE, 2), b"junk", bytes(100)]))
        assert world.mempool.counters.bad_bundles == 2
        assert world.mempool.counters.gossip_refused == 3
        assert world.mempool.size[0] == 1
        assert world.fatal == []

    run(tmp_path, check, [ALICE])


def test_an_agent_approved_in_a_block_not_yet_seen(tmp_path: Path) -> None:
    """Gossip that is ahead of this node's state is kept and taken when the block arrives."""
    traded = make_tx(DAVE, 2, owner=ALICE)

    async def check(world: World) -> None:
        await world.gossip(traded)
        assert world.mempool.size[0] == 0
        world.commit([make_tx(ALICE, 1, _APPROVE)])
        assert world.select() == [traded]

    run(tmp_path, check, [ALICE])


def test_deferred_gossip_is_forgotten_after_a_while(tmp_path: Path) -> None:
    """What stays refused does not stay for ever."""
    paid = make_tx(DAVE, 2)

    async def check(world: World) -> None:
        await world.gossip(paid)
        for _ in range(122):
            world.commit([])
        world.commit([make_tx(ALICE, 1, Transfer(DAVE.address, 1, 10**9, 0, 0))])
        assert world.select() == []
        await world.gossip(paid)
        assert world.select() == [paid]

    run(tmp_path, check, [ALICE])


def test_gossip_into_a_full_pool(tmp_path: Path) -> None:
    """A peer's transactions find no room where acknowledged ones fill the pool."""

    async def check(world: World) -> None:
        assert await world.submit(*(make_tx(ALICE, place) for place in (1, 2))) == [0, 0]
        await world.gossip(make_tx(BOB, 1))
        assert world.mempool.size[0] == 2
        assert await world.submit(make_tx(BOB, 1)) == [errors.PoolFull.code]
        assert await world.submit(make_tx(ALICE, 3)) == [errors.PoolFull.code]

    run(tmp_path, check, [ALICE, BOB], MempoolSettings(max_count=2))
