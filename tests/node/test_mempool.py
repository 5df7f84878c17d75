"""Admission, acknowledgement and blocks: what a client and CometBFT see of the mempool."""

import asyncio
import os
from pathlib import Path

import pytest

from omg_abci.node import mempool as module
from omg_abci.node.config import MempoolSettings
from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import (
    ApproveAgent,
    FinishRecovery,
    RevokeAgent,
    SetGuardians,
    StartRecovery,
    Transfer,
)
from omg_abci.protocol.units import Scope
from tests.node.pool_world import ALICE, BLOCK_MS, BOB, CAROL, DAVE, World, make_tx, run
from tests.strategies import START_MS

_APPROVE = ApproveAgent(DAVE.address, int(Scope.TRADE), START_MS + limits.AGENT_AHEAD_MAX_MS)


def test_acknowledged_means_in_the_pool_and_on_disk(tmp_path: Path) -> None:
    """A good transaction is answered with code 0 and its id, and is then in the next block."""
    raw = make_tx(ALICE, 1)

    async def check(world: World) -> None:
        (answer,) = await world.answer(raw)
        assert (answer.code, answer.log) == (0, "")
        assert answer.tx_id == world.workers.verifier.verify_tx(raw).tx_id
        assert raw in world.read_accepted()
        assert world.mempool.size == (1, len(raw))
        assert [tx.raw for tx in world.commit()] == [raw]
        assert world.mempool.size == (0, 0)

    run(tmp_path, check, [ALICE])


def test_each_refusal_has_its_code(tmp_path: Path) -> None:
    """One bad transaction does not spoil the others of its submission."""
    good = make_tx(ALICE, 1)

    async def check(world: World) -> None:
        codes = await world.submit(
            good,
            bytes(limits.TX_BYTES_MAX + 1),
            b"\xff",
            make_tx(ALICE, -limits.NONCE_AGE_MAX_MS),
            make_tx(ALICE, limits.NONCE_AHEAD_MAX_MS + 1),
            make_tx(BOB, 1),
            make_tx(DAVE, 1, owner=ALICE),
            make_tx(ALICE, 0, until_ms=START_MS),
            make_tx(ALICE, 2),
        )
        assert codes == [
            0,
            errors.TxTooLarge.code,
            errors.Undecodable.code,
            errors.StaleNonce.code,
            errors.NonceAhead.code,
            errors.FeesNotCovered.code,
            errors.NotAnAgent.code,
            errors.TxExpired.code,
            0,
        ]

    run(tmp_path, check, [ALICE])


def test_the_same_transaction_again(tmp_path: Path) -> None:
    """Sent again it is acknowledged again and kept once; after its block the nonce is used."""
    raw, other = make_tx(ALICE, 1), make_tx(ALICE, 1, Transfer(BOB.address, 1, 1, 0, 0))

    async def check(world: World) -> None:
        assert await world.submit(raw, raw) == [0, 0]
        assert await world.submit(raw) == [0]
        assert await world.submit(other) == [errors.NonceUsed.code]
        assert world.mempool.size[0] == 1
        world.commit()
        assert await world.submit(raw, other) == [errors.NonceUsed.code] * 2

    run(tmp_path, check, [ALICE])


def test_a_repeat_waits_for_the_disk_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repeat is not answered before the first one's bytes are on disk."""
    raw = make_tx(ALICE, 1)

    async def check(world: World) -> None:
        await world.submit(make_tx(ALICE, 2))
        synced = asyncio.Event()
        write = world.accepted._write
        loop = asyncio.get_running_loop()

        def slow(raws: list[bytes]) -> object:
            asyncio.run_coroutine_threadsafe(synced.wait(), loop).result(5)
            return write(raws)

        monkeypatch.setattr(world.accepted, "_write", slow)
        first = asyncio.create_task(world.submit(raw))
        await asyncio.sleep(0.01)
        first.cancel()
        second = asyncio.create_task(world.submit(raw))
        await asyncio.sleep(0.01)
        assert not second.done()
        synced.set()
        assert await second == [0]

    run(tmp_path, check, [ALICE])


def test_nonce_replay_by_another_path(tmp_path: Path) -> None:
    """A transaction executed in a block that this node did not propose leaves the pool."""
    raw, other = make_tx(ALICE, 1), make_tx(ALICE, 1, Transfer(BOB.address, 1, 1, 0, 0))

    async def check(world: World) -> None:
        await world.submit(raw)
        world.commit([other])
        assert world.mempool.size == (0, 0)
        assert world.select() == []
        assert await world.submit(raw) == [errors.NonceUsed.code]

    run(tmp_path, check, [ALICE])


def test_after_chains_in_reverse(tmp_path: Path) -> None:
    """A chain that arrives last link first is kept, and goes into one block once it is whole."""
    chain = [make_tx(ALICE, place, after=place - 1 if place > 1 else 0) for place in range(1, 41)]

    async def check(world: World) -> None:
        assert await world.submit(*reversed(chain[1:])) == [0] * 39
        assert world.select() == []
        assert await world.submit(chain[0]) == [0]
        nonces = [tx.body.nonce - START_MS for tx in world.commit()]
        assert nonces == list(range(1, 41))

    run(tmp_path, check, [ALICE])


def test_after_chains_across_blocks(tmp_path: Path) -> None:
    """What a block executed need not be in the pool for its successor to be proposed."""
    one, two, three = make_tx(ALICE, 1), make_tx(ALICE, 2, after=1), make_tx(ALICE, 3, after=2)

    async def check(world: World) -> None:
        assert await world.submit(three, two) == [0, 0]
        world.commit([one])
        assert [tx.raw for tx in world.commit()] == [two, three]

    run(tmp_path, check, [ALICE])


def test_a_chain_whose_head_expires_waits_on(tmp_path: Path) -> None:
    """Without its predecessor a transaction is never proposed; its place is bounded."""
    head = make_tx(ALICE, 1, until_height=1)

    async def check(world: World) -> None:
        assert await world.submit(head, make_tx(ALICE, 2, after=1), make_tx(ALICE, 3, after=2)) == [
            0,
            0,
            0,
        ]
        world.commit([])
        assert world.mempool.size[0] == 2
        assert world.select() == []
        orphans = [make_tx(ALICE, 100 + place, after=99) for place in range(4)]
        assert await world.submit(*orphans) == [0, 0, *([errors.AfterNotExecuted.code] * 2)]

    run(tmp_path, check, [ALICE], MempoolSettings(owner_count=16))


def test_expired_transactions_leave(tmp_path: Path) -> None:
    """By time and by height, also where the nonce has become too old; nothing else leaves."""
    raws = [
        make_tx(ALICE, 1, until_ms=START_MS + BLOCK_MS),
        make_tx(ALICE, 2, until_height=1),
        make_tx(ALICE, 3),
    ]

    async def check(world: World) -> None:
        await world.submit(*raws)
        world.commit([])
        assert world.mempool.size[0] == 1
        world.now_ms += limits.NONCE_AGE_MAX_MS
        world.commit([])
        assert world.mempool.size == (0, 0)
        assert world.mempool.counters.expired == 3

    run(tmp_path, check, [ALICE])


def test_fees_of_all_pending_are_covered(tmp_path: Path) -> None:
    """An owner cannot have more pending than its balance pays for."""
    raws = [make_tx(ALICE, place) for place in range(1, 8)]

    async def check(world: World) -> None:
        codes = await world.submit(*raws)
        assert codes == [0, 0, *([errors.FeesNotCovered.code] * 5)]
        assert len(world.commit()) == 2

    run(tmp_path, check, [ALICE], funds=900)


def test_an_agent_revoked_in_a_block(tmp_path: Path) -> None:
    """What a revoked agent signed is not proposed, is kept if acknowledged, and comes back."""
    approve, revoke, again = (
        make_tx(ALICE, 1, _APPROVE),
        make_tx(ALICE, 3, RevokeAgent(DAVE.address)),
        make_tx(ALICE, 4, _APPROVE),
    )
    traded = make_tx(DAVE, 2, owner=ALICE)

    async def check(world: World) -> None:
        assert await world.submit(traded) == [errors.NotAnAgent.code]
        world.commit([approve])
        assert await world.submit(traded) == [0]
        world.commit([revoke])
        assert world.select() == []
        assert world.mempool.size[0] == 1
        world.commit([again])
        assert world.select() == [traded]

    run(tmp_path, check, [ALICE])


def test_a_key_that_guardians_replaced(tmp_path: Path) -> None:
    """What the old key signed leaves the pool for good; other owners' transactions stay."""
    guard = SetGuardians((BOB.address,), 1, limits.RECOVERY_DELAY_MIN_MS)
    recover = StartRecovery(ALICE.address, CAROL.address)
    finish = make_tx(BOB, 9, FinishRecovery(ALICE.address))
    old, other = make_tx(ALICE, 3), make_tx(BOB, 4)

    async def check(world: World) -> None:
        world.commit([make_tx(ALICE, 1, guard)])
        world.commit([make_tx(BOB, 2, recover)])
        assert await world.submit(old, other) == [0, 0]
        world.now_ms += limits.RECOVERY_DELAY_MIN_MS
        world.commit([finish])
        assert world.mempool.size[0] == 1
        assert world.select() == [other]
        assert await world.submit(make_tx(ALICE, 5)) == [errors.KeyReplaced.code]

    run(tmp_path, check, [ALICE, BOB])


def test_funds_that_are_gone(tmp_path: Path) -> None:
    """A payer who can no longer pay keeps its acknowledged transactions until it can again."""
    raw = make_tx(ALICE, 2)
    gone = make_tx(ALICE, 1, Transfer(BOB.address, 1, 999_500, 0, 0))
    back = make_tx(BOB, 1, Transfer(ALICE.address, 1, 900_000, 0, 0))

    async def check(world: World) -> None:
        await world.submit(raw)
        world.commit([gone])
        assert world.select() == []
        assert world.mempool.size[0] == 1
        world.commit([back])
        assert world.select() == [raw]

    run(tmp_path, check, [ALICE, BOB], funds=1_000_000)


def test_restart_resumes(tmp_path: Path) -> None:
    """After a restart all that was acknowledged and not executed is pending and handed out."""
    raws = [make_tx(ALICE, place) for place in range(1, 6)]
    waiting = make_tx(BOB, 9, after=8)

    async def check(world: World) -> None:
        await world.submit(*raws, waiting)
        world.commit(raws[:2])
        await world.mempool.stop()
        world.begin()
        await world.mempool.start()
        assert world.mempool.size[0] == 4
        assert sorted(world.select()) == sorted(raws[2:])
        assert await world.submit(raws[2], raws[0]) == [0, errors.NonceUsed.code]
        await world.mempool.stop()
        world.begin()
        await world.mempool.start()
        assert world.mempool.size[0] == 4

    run(tmp_path, check, [ALICE, BOB])


def test_restart_keeps_what_is_refused_for_now(tmp_path: Path) -> None:
    """An acknowledged transaction is resumed though the state refuses it at the moment."""
    traded = make_tx(DAVE, 2, owner=ALICE)

    async def check(world: World) -> None:
        world.commit([make_tx(ALICE, 1, _APPROVE)])
        assert await world.submit(traded) == [0]
        world.commit([make_tx(ALICE, 3, RevokeAgent(DAVE.address))])
        await world.mempool.stop()
        world.begin()
        await world.mempool.start()
        assert world.select() == []
        world.commit([make_tx(ALICE, 4, _APPROVE)])
        assert world.select() == [traded]

    run(tmp_path, check, [ALICE])


def test_restart_before_genesis(tmp_path: Path) -> None:
    """A node whose state was wiped takes clients' transactions, and resumes, from block 1 on."""
    raw = make_tx(ALICE, 1)

    async def check(world: World) -> None:
        await world.submit(raw)
        await world.mempool.stop()
        state, world.state = world.state, None
        world.begin()
        await world.mempool.start()
        assert await world.submit(make_tx(ALICE, 2)) == [errors.NodeBusy.code]
        world.state = state
        world.commit([make_tx(BOB, 1)])
        await asyncio.sleep(0.05)
        assert world.select() == [raw]

    run(tmp_path, check, [ALICE, BOB])


def test_a_failing_disk_is_fatal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fails the client is told to come again, and the node to stop."""

    def fail(fd: int) -> None:
        raise OSError(28, "No space left on device")

    async def check(world: World) -> None:
        monkeypatch.setattr(os, "fsync", fail)
        assert await world.submit(make_tx(ALICE, 1)) == [errors.NodeBusy.code]
        assert await world.submit(make_tx(ALICE, 2)) == [errors.NodeBusy.code]
        assert "No space left" in str(world.fatal[0])

    run(tmp_path, check, [ALICE])


def test_a_lost_worker_acknowledges_nothing(tmp_path: Path) -> None:
    """Without workers clients are told to come again."""

    async def check(world: World) -> None:
        world.workers.lost = True
        assert await world.submit(make_tx(ALICE, 1)) == [errors.NodeBusy.code]
        assert await world.gossip(make_tx(ALICE, 1)) == 0

    run(tmp_path, check, [ALICE])


def test_submissions_in_progress_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than the node can verify at a time is refused at once, and only for now."""
    one, two = make_tx(ALICE, 1), make_tx(CAROL, 1)

    async def check(world: World) -> None:
        monkeypatch.setattr(module, "SUBMIT_BYTES_MAX", len(one))
        world.workers.gate = asyncio.Event()
        first = asyncio.create_task(world.submit(one))
        await asyncio.sleep(0)
        assert await world.submit(two) == [errors.NodeBusy.code]
        world.workers.gate.set()
        assert await first == [0]
        assert await world.submit(two) == [0]

    run(tmp_path, check, [ALICE, CAROL])
