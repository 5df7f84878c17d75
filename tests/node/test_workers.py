"""Signature workers: the same verdicts as in one process, once for each transaction."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omg_abci.node import channel
from omg_abci.node.channel import BlockingChannel, FrameTooLarge, Message, encode_frame
from omg_abci.node.verdicts import compute_verdict, pack_error, pack_tx, unpack_verdicts
from omg_abci.node.worker import serve
from omg_abci.node.workers import Urgency, VerifiedCache, WorkerLost, WorkerPool
from omg_abci.protocol import errors
from omg_abci.protocol.messages import SignedTx
from omg_abci.protocol.signing import compute_no_bridge_domain
from omg_abci.protocol.terms import make_signed_tx
from omg_abci.protocol.tx import Verifier
from tests.node.pool_world import ALICE, BOB, make_tx
from tests.strategies import DOMAIN, messages

_VERIFIER = Verifier(DOMAIN)
_BAD = [b"", b"\xff", make_tx(ALICE, 1)[:-1], bytes(32_769)]


def _play(test: Callable[[WorkerPool], Coroutine[Any, Any, None]], workers: int = 2) -> list[str]:
    """Run a test with a started pool; return what was reported as fatal."""
    fatal: list[str] = []

    async def play() -> None:
        pool = WorkerPool(workers, lambda error: fatal.append(str(error)))
        await pool.start(DOMAIN)
        try:
            await test(pool)
        finally:
            await pool.stop()

    asyncio.run(play())
    return fatal


@given(st.data())
def test_verdicts_carry_everything(data: st.DataObject) -> None:
    """A transaction of any kind of leg comes back equal, with the same types."""
    body = _VERIFIER.verify_tx(make_tx(ALICE, 5)).body
    legs = tuple(data.draw(st.lists(messages(), min_size=1, max_size=4)))
    tx = make_signed_tx(b"raw", bytes(32), ALICE.address, 1, body._replace(legs=legs))
    (found,) = unpack_verdicts([b"raw"], [pack_tx(tx)])
    assert found == tx
    assert isinstance(found, SignedTx)
    assert type(found.body) is type(tx.body)
    assert [type(leg) for leg in found.body.legs] == [type(leg) for leg in legs]


@pytest.mark.parametrize("raw", _BAD)
def test_errors_come_back_as_they_were(raw: bytes) -> None:
    """An error keeps class, code and text."""
    with pytest.raises(errors.FormatError) as raised:
        _VERIFIER.verify_tx(raw)
    (found,) = unpack_verdicts([raw], [compute_verdict(_VERIFIER, raw)])
    assert type(found) is raised.type
    assert str(found) == str(raised.value)


def test_details_are_bounded() -> None:
    """What a stranger wrote is quoted in part only."""
    _, detail = pack_error(errors.WrongChain("x" * 30_000))
    assert len(detail) == 300


def test_codes_that_say_nothing_of_bytes_are_refused() -> None:
    """A worker cannot make the executor take a state error for a verdict."""
    with pytest.raises(TypeError):
        unpack_verdicts([b""], [(errors.NonceUsed.code, "")])


def test_workers_verify_in_order() -> None:
    """Good and bad transactions come back in order, in more batches than there are workers."""
    raws = [make_tx(ALICE, place + 1) for place in range(150)] + _BAD + [make_tx(BOB, 1)]

    async def check(pool: WorkerPool) -> None:
        found = await pool.verify(raws)
        assert [each.raw for each in found if isinstance(each, SignedTx)] == raws[:150] + raws[-1:]
        assert [each.code for each in found if isinstance(each, errors.FormatError)] == [
            compute_verdict(_VERIFIER, raw)[0] for raw in _BAD
        ]
        again = await pool.verify(raws[:150], Urgency.BLOCK)
        assert all(one is other for one, other in zip(again, found, strict=False))

    assert _play(check) == []


def test_calls_share_batches() -> None:
    """Many calls of all sizes at once get each its own results, known ones among them."""
    raws = [make_tx(ALICE, place + 1) for place in range(300)]
    parts = [[*raws[:5], b"", *raws[5:9]], raws[9:10], raws[:300], raws[4:200], [b"", b"\xff"], []]

    async def check(pool: WorkerPool) -> None:
        await pool.verify(raws[100:110])
        calls = (pool.verify(part, urgency) for part in parts for urgency in Urgency)
        for place, found in enumerate(await asyncio.gather(*calls)):
            part = parts[place // 2]
            assert len(found) == len(part)
            for raw, each in zip(part, found, strict=True):
                if isinstance(each, SignedTx):
                    assert each.raw == raw
                else:
                    assert raw in _BAD

    assert _play(check) == []


def test_what_is_known_is_not_verified_again() -> None:
    """Transactions that the caller knows take no worker's time."""
    known = _VERIFIER.verify_tx(make_tx(ALICE, 1))

    async def check(pool: WorkerPool) -> None:
        pool.find_known = {known.raw: known}.get
        assert (await pool.verify([known.raw]))[0] is known

    _play(check, workers=1)


def test_blocks_go_first() -> None:
    """A block's transactions overtake admissions that wait."""
    waiting = [make_tx(ALICE, place + 1) for place in range(1_500)]
    block = [make_tx(BOB, place + 1) for place in range(10)]
    done: list[str] = []

    async def admit(pool: WorkerPool) -> None:
        await pool.verify(waiting)
        done.append("admission")

    async def check(pool: WorkerPool) -> None:
        admission = asyncio.create_task(admit(pool))
        await asyncio.sleep(0)
        await pool.verify(block, Urgency.BLOCK)
        done.append("block")
        await admission

    _play(check, workers=1)
    assert done == ["block", "admission"]


def test_another_domain() -> None:
    """After another genesis the same bytes get the new chain's verdict."""
    raw = make_tx(ALICE, 1)

    async def check(pool: WorkerPool) -> None:
        assert isinstance((await pool.verify([raw]))[0], SignedTx)
        pool.set_domain(compute_no_bridge_domain("other"))
        assert isinstance((await pool.verify([raw]))[0], errors.WrongChain)

    _play(check, workers=1)


def test_a_dead_worker_is_fatal_once() -> None:
    """A killed worker fails what waits for it, is reported once and named."""
    raws = [make_tx(ALICE, place + 1) for place in range(300)]

    async def check(pool: WorkerPool) -> None:
        waiting = asyncio.create_task(pool.verify(raws))
        await asyncio.sleep(0)
        child = pool._workers[0].child
        assert child is not None
        os.kill(child.process.pid, signal.SIGKILL)
        with pytest.raises(WorkerLost, match=str(child.process.pid)):
            await waiting
        with pytest.raises(WorkerLost):
            await pool.verify([make_tx(BOB, 1)])

    assert len(_play(check)) == 1


def test_senseless_messages_end_the_worker() -> None:
    """A worker that is told nonsense ends rather than guess."""

    async def check(pool: WorkerPool) -> None:
        pool._workers[0].send(("verify", "x"))
        with pytest.raises(WorkerLost):
            await pool.verify([make_tx(BOB, 1)])

    assert len(_play(check, workers=1)) == 1


def test_an_answer_that_cannot_be_sent_ends_the_worker(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The executor sees the channel end, instead of waiting for ever."""
    mine, theirs = socket.socketpair()
    mine.settimeout(30)
    request = encode_frame(("domain", *_VERIFIER.domain))
    request += encode_frame(("verify", 1, [make_tx(ALICE, 1)], False))
    monkeypatch.setattr(channel, "encode_frame", _refuse_frame)
    worker = BlockingChannel(theirs.detach())
    mine.sendall(request)
    serve(worker)
    assert mine.recv(1) == b""
    assert "verified" in capsys.readouterr().err
    worker.close()
    mine.close()


def _refuse_frame(message: Message) -> bytes:
    raise FrameTooLarge(f"{message[0]}")


def test_cache_keeps_both_bounds() -> None:
    """The cache forgets the least recently asked for, by number and by bytes."""
    body = _VERIFIER.verify_tx(make_tx(ALICE, 1)).body
    txs = [make_signed_tx(bytes([place]) * 100, b"", b"", 1, body) for place in range(5)]
    cache = VerifiedCache(txs_max=3, bytes_max=1_000)
    cache.add(txs[:3])
    assert cache.find([txs[0].raw])[0] is txs[0]
    cache.add([errors.Undecodable(), txs[3]])
    assert cache.find([tx.raw for tx in txs]) == [txs[0], None, txs[2], txs[3], None]
    small = VerifiedCache(txs_max=100, bytes_max=250)
    for tx in txs:
        small.add([tx, tx])
    assert len(small) == 2
