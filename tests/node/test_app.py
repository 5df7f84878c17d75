"""The application's calls in every order that CometBFT may make them, and some that it may not."""

import asyncio
import gc
import json
from pathlib import Path
from typing import Any

import pytest

from omg_abci.gen.cometbft.abci import types_pb2 as pb
from omg_abci.protocol import errors
from omg_abci.protocol.codec import decode_result
from omg_abci.protocol.messages import CancelOrder, PlaceOrder, Transfer
from tests.node.app_world import AppNode, make_init, run
from tests.node.pool_world import ALICE, BOB, DAVE, make_tx
from tests.strategies import GENESIS

REST = PlaceOrder(1, 2, 1, 1, False, 4, 9, 0, 1, 0, 1, 4)  # noqa: FBT003 - a tuple's field
TAKE = PlaceOrder(1, 1, 1, 3, False, 5, 5, 0, 1, 0, 1, 4)  # noqa: FBT003 - a tuple's field
BLOCKS: tuple[list[bytes], ...] = (
    [make_tx(ALICE, 1, REST)],
    [make_tx(BOB, 2, TAKE)],
    [make_tx(ALICE, 3, Transfer(BOB.address, 2, 40, 0, 0))],
    [make_tx(ALICE, 4, CancelOrder(1))],
    [],
    [make_tx(BOB, 6, CancelOrder(8))],
)
"""One transaction a block, so that every order is the canonical one."""


def play(folder: Path, *, processes: bool = False) -> list[bytes]:
    """Return the app hashes of genesis and of the blocks on a new node."""
    hashes: list[bytes] = []

    async def test(node: AppNode) -> None:
        hashes.append(await node.init_chain())
        for raws in BLOCKS:
            assert await node.process(raws)
            hashes.append(await node.decide(raws))

    run(folder, test, processes=processes)
    assert len(set(hashes)) == len(BLOCKS) + 1
    return hashes


def test_real_processes_give_the_same_hashes(tmp_path: Path) -> None:
    """With real workers and the real read process all app hashes are those of the stand-ins."""
    assert play(tmp_path / "a", processes=True) == play(tmp_path / "b")


def test_blocks_leave_nothing_to_the_cyclic_collector(tmp_path: Path) -> None:
    """Nothing of ours ends in a cycle: what is frozen after a block is freed by its counts."""
    refused = [make_tx(ALICE, 4, CancelOrder(9)), make_tx(DAVE, 1), b"nonsense"]

    async def test(node: AppNode) -> None:
        await node.init_chain()
        gc.collect()
        gc.freeze()
        gc.set_debug(gc.DEBUG_SAVEALL)
        for raws in BLOCKS:
            await node.check(*raws, *refused)
            await node.gossip([*raws, *refused])
            assert not await node.process([b"nonsense", *raws])
            await node.propose_and_decide()
        gc.collect()
        gc.set_debug(0)
        kinds = [type(each) for each in gc.garbage]
        gc.garbage.clear()
        gc.unfreeze()
        assert [kind for kind in kinds if kind.__module__.startswith("omg_abci")] == []

    run(tmp_path, test, processes=True)


def test_init_chain_twice(tmp_path: Path) -> None:
    """A second InitChain, before the first commit or in a new process, begins the same chain."""
    expected = play(tmp_path / "once")

    async def begin(node: AppNode) -> None:
        assert [await node.init_chain(), await node.init_chain()] == [expected[0]] * 2
        info = node.app.info(pb.RequestInfo())
        assert (info.last_block_height, info.last_block_app_hash) == (0, b"")
        assert await node.process(BLOCKS[0])

    async def go_on(node: AppNode) -> None:
        other = GENESIS
        assert await node.init_chain(other) != expected[0]
        assert await node.init_chain() == expected[0]
        assert [await node.decide(raws) for raws in BLOCKS] == expected[1:]

    run(tmp_path / "twice", begin)
    run(tmp_path / "twice", go_on)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"initial_height": 2}, "initial_height"),
        ({"app_state_bytes": b"{"}, "not JSON"),
        ({"app_state_bytes": b"[]"}, "not an object"),
        ({"app_state_bytes": b"{}"}, "fee_token"),
        ({"app_state_bytes": json.dumps(GENESIS | {"more": 1}).encode()}, "more"),
    ],
)
def test_bad_genesis_is_refused(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    """InitChain says what is wrong, and leaves nothing behind."""

    async def test(node: AppNode) -> None:
        request = make_init(json.dumps(GENESIS).encode())
        for name, value in change.items():
            setattr(request, name, value)
        with pytest.raises(errors.GenesisError, match=reason):
            await node.app.init_chain(request)
        assert node.height == 0
        assert await node.init_chain()

    run(tmp_path, test)


def test_other_key_types_are_refused(tmp_path: Path) -> None:
    """Validators sign with secp256k1eth or not at all."""

    async def test(node: AppNode) -> None:
        request = make_init(json.dumps(GENESIS).encode())
        request.consensus_params.validator.pub_key_types.append("ed25519")
        with pytest.raises(errors.GenesisError, match="pub_key_types"):
            await node.app.init_chain(request)

    run(tmp_path, test)


@pytest.mark.parametrize("stop", range(1, len(BLOCKS)))
def test_restart_continues(tmp_path: Path, stop: int) -> None:
    """After a stop at any height Info tells the last commit, and the next blocks do the same."""
    expected = play(tmp_path / "without")

    async def begin(node: AppNode) -> None:
        await node.init_chain()
        for raws in BLOCKS[:stop]:
            await node.decide(raws)
        await node.finalize(BLOCKS[stop])

    async def go_on(node: AppNode) -> None:
        info = node.app.info(pb.RequestInfo())
        assert info.last_block_height == stop
        assert info.last_block_app_hash == expected[stop]
        assert [await node.decide(raws) for raws in BLOCKS[stop:]] == expected[stop + 1 :]

    run(tmp_path / "with", begin, processes=True)
    run(tmp_path / "with", go_on, processes=True)


def test_acknowledged_survives_a_restart(tmp_path: Path) -> None:
    """What was acknowledged is in the first proposal after a restart, also one before any block."""
    early, late = BLOCKS[0] + [make_tx(BOB, 2)], [make_tx(ALICE, 9), make_tx(BOB, 9)]

    async def begin(node: AppNode) -> None:
        await node.init_chain()
        assert await node.check(*early) == [0, 0]

    async def go_on(node: AppNode) -> None:
        await node.init_chain()
        await node.decide([])
        async with asyncio.timeout(20):
            while len(node.prepare()) < len(early):  # noqa: ASYNC110 - nothing tells when
                await asyncio.sleep(0.001)
        assert sorted(await node.propose_and_decide()) == sorted(early)
        assert await node.check(*late) == [0, 0]

    async def end(node: AppNode) -> None:
        assert sorted(await node.propose_and_decide()) == sorted(late)

    for test in (begin, go_on, end):
        run(tmp_path, test, processes=True)


def test_block_never_processed_is_finalised(tmp_path: Path) -> None:
    """FinalizeBlock executes what ProcessProposal never saw, with the same hashes."""
    expected = play(tmp_path / "processed")

    async def test(node: AppNode) -> None:
        await node.init_chain()
        assert [await node.decide(raws) for raws in BLOCKS] == expected[1:]

    run(tmp_path / "unseen", test)


def test_later_round_replaces_the_candidate(tmp_path: Path) -> None:
    """Of two proposals for a height either can be decided, whichever was executed last."""
    expected = play(tmp_path / "plain")
    other = [make_tx(BOB, 50, Transfer(ALICE.address, 3, 7, 0, 0))]

    async def test(node: AppNode) -> None:
        await node.init_chain()
        for place, raws in enumerate(BLOCKS):
            for proposed in ([raws, other, raws], [raws, other])[place % 2]:
                assert await node.process(proposed)
            if place % 3 == 0:
                assert node.prepare() == []
            answer = await node.finalize(raws)
            assert answer == await node.finalize(raws)
            assert answer.app_hash == expected[place + 1]
            node.commit()

    run(tmp_path / "rounds", test)


def test_results_are_those_of_the_rules(tmp_path: Path) -> None:
    """FinalizeBlock answers each transaction's code, its encoded result and the work it used."""

    async def test(node: AppNode) -> None:
        await node.init_chain()
        await node.decide(BLOCKS[0])
        (each,) = (await node.finalize(BLOCKS[1])).tx_results
        result = decode_result(each.data, each.code)
        assert each.gas_used == result.work
        assert [tuple(fill) for fill in result.legs[0].fills] == [(ALICE.address, 1, 4, 5)]
        node.commit()
        (failed,) = (await node.finalize([make_tx(BOB, 9, TAKE._replace(market=9))])).tx_results
        assert failed.code == errors.UnknownMarket.code

    run(tmp_path, test)


def test_commit_needs_a_finalised_block(tmp_path: Path) -> None:
    """Commit without FinalizeBlock, twice, or after CometBFT was lost, is an error."""

    async def test(node: AppNode) -> None:
        await node.init_chain()
        with pytest.raises(errors.InvariantBroken, match="without FinalizeBlock"):
            node.commit()
        assert await node.process(BLOCKS[0])
        with pytest.raises(errors.InvariantBroken, match="without FinalizeBlock"):
            node.commit()
        await node.decide(BLOCKS[0])
        with pytest.raises(errors.InvariantBroken, match="without FinalizeBlock"):
            node.commit()
        await node.finalize(BLOCKS[1])
        node.app.drop_candidate()
        with pytest.raises(errors.InvariantBroken, match="without FinalizeBlock"):
            node.commit()
        assert node.height == 1
        await node.decide(BLOCKS[1])

    run(tmp_path, test)


def test_invalid_block_is_never_finalised(tmp_path: Path) -> None:
    """FinalizeBlock of a block that breaks a rule raises, which ends the process."""

    async def test(node: AppNode) -> None:
        await node.init_chain()
        with pytest.raises(errors.BlockInvalid, match="transaction 0"):
            await node.finalize([b"nonsense"])
        with pytest.raises(errors.BlockInvalid, match="transaction 1"):
            await node.finalize(BLOCKS[0] * 2)
        assert node.height == 0

    run(tmp_path, test)
