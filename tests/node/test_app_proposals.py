"""What ProcessProposal rejects, and that it accepts whatever PrepareProposal makes of any pool."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from omg_abci.abci.application import compute_tx_bytes
from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import CancelAll, CancelOrder, Message, PlaceOrder
from omg_abci.protocol.tx import Verifier
from omg_abci.rules.ordering import compute_order
from omg_abci.rules.transition import Block
from tests.node.app_world import BLOCK_MS, DOCUMENT, AppNode, run
from tests.node.pool_world import ALICE, BOB, CAROL, DAVE, make_tx
from tests.side_by_side import narrowed
from tests.strategies import (
    AGENTS,
    DOMAIN,
    GENESIS,
    START_MS,
    TxPlan,
    make_body,
    show,
    sign_body,
    tx_plans,
)

_RICH = DOCUMENT | {
    "balances": [
        {"owner": show(key), "token": 1, "amount": str(10**12)} for key in (ALICE, BOB, CAROL)
    ]
}
_KEYS = (ALICE, BOB, CAROL)


def put_in_order(node: AppNode, raws: Sequence[bytes]) -> list[bytes]:
    """Return transactions as the next block must have them."""
    verifier = Verifier(DOMAIN)
    txs = [verifier.verify_tx(raw) for raw in raws]
    return [tx.raw for tx in compute_order(node.chain.get_state().block_hash, txs)]


def flip_last_bit_of_s(raw: bytes) -> bytes:
    """Return the transaction with another signature of valid form."""
    return raw[:-2] + bytes([raw[-2] ^ 1]) + raw[-1:]


def test_only_the_canonical_order_is_accepted(tmp_path: Path) -> None:
    """Of all rotations of a block's content one is accepted, before and after rejections."""
    raws = [make_tx(key, place) for place in (1, 2) for key in _KEYS]

    async def test(node: AppNode) -> None:
        await node.init_chain()
        ordered = put_in_order(node, raws)
        for turn in range(1, len(ordered)):
            assert not await node.process(ordered[turn:] + ordered[:turn])
        assert not await node.process(ordered[::-1])
        assert await node.process(ordered)
        assert not await node.process(ordered[::-1])
        assert len(await node.decide(ordered)) == 32

    run(tmp_path, test, processes=True)


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"nonsense",
        flip_last_bit_of_s(make_tx(ALICE, 5)),
        make_tx(ALICE, 1, CancelOrder(77)),
        make_tx(ALICE, 5, after=4),
        make_tx(ALICE, -limits.NONCE_AGE_MAX_MS),
        make_tx(ALICE, 5, until_ms=START_MS + BLOCK_MS),
        make_tx(DAVE, 5, owner=ALICE),
        make_tx(DAVE, 5, *[PlaceOrder(1, 1, 1, 1, False, 1, 1, 0, 1, 0, 1, 256)] * 16),  # noqa: FBT003
    ],
    ids=[
        "empty", "garbage", "signature", "nonce_twice", "after_missing", "stale", "expired",
        "no_agent", "fees_not_covered",
    ],
)  # fmt: skip
def test_one_bad_transaction_rejects_the_block(tmp_path: Path, bad: bytes) -> None:
    """A block with one transaction that may not be in it is rejected; without it accepted."""
    good = make_tx(ALICE, 1)

    async def test(node: AppNode) -> None:
        await node.init_chain()
        assert not await node.process([good, bad])
        assert not await node.process([bad, good])
        assert await node.process([good])
        await node.decide([good])
        assert not await node.process([good])
        assert not await node.process([], height=1)
        assert not await node.process([], height=3)
        assert await node.process([])

    run(tmp_path, test)


def test_only_the_nodes_own_proposal_is_not_checked_again(tmp_path: Path) -> None:
    """To the byte, for the same height and time, on the same state; anything else is checked."""
    raws = [
        make_tx(key, place, until_ms=START_MS + BLOCK_MS + 1) for place in (1, 2) for key in _KEYS
    ]

    async def test(node: AppNode) -> None:
        await node.init_chain(_RICH)
        await node.check(*raws)
        own = node.prepare()
        assert len(own) == len(raws)
        with narrowed({"BLOCK_TXS_MAX": 1}):
            assert await node.process(own)
            assert not await node.process(own[1:] + own[:1])
            assert not await node.process(own[:-1])
            assert not await node.process([*own[:-1], flip_last_bit_of_s(own[-1])])
            assert not await node.process(own, height=2)
            node.app.drop_candidate()
            node.time_ms += 1
            assert not await node.process(own)
            node.time_ms -= 1
            assert await node.process(own)
        assert not await node.process(own[::-1])
        await node.decide(own)
        assert not await node.process(own)
        assert not await node.process(own, height=1)

    run(tmp_path, test)


def test_a_foreign_proposal_on_an_own_one_is_checked(tmp_path: Path) -> None:
    """Another block with the hash that the own one would have is not taken for it."""
    raws = [make_tx(key, 1) for key in _KEYS]

    async def test(node: AppNode) -> None:
        await node.init_chain(_RICH)
        await node.check(*raws)
        own = node.prepare()
        txs = node.chain.find_proposed(1, node.time_ms + BLOCK_MS, own)
        assert txs is not None
        block = Block(1, node.time_ms + BLOCK_MS, bytes(32), txs)
        for foreign in (block._replace(height=2), block._replace(txs=txs[::-1])):
            with pytest.raises(errors.BlockInvalid):
                node.chain.execute(foreign, foreign.txs)
        late = block._replace(time_ms=START_MS + limits.NONCE_AGE_MAX_MS + 10)
        with pytest.raises(errors.BlockInvalid):
            node.chain.execute(late, late.txs)
        assert node.chain.find_proposed(1, node.time_ms, own) is None

    run(tmp_path, test)


def make_many(count: int, leg: Message, size: int = 1) -> list[bytes]:
    """Return transactions of three owners in turn, each of so many legs."""
    return [make_tx(_KEYS[place % 3], place, *[leg] * size) for place in range(1, count + 1)]


def test_budgets_reject_the_block(tmp_path: Path) -> None:
    """Work of a block, transactions of a signer and of a block have bounds that hold exactly."""
    dear = CancelAll(0, 0, limits.CANCEL_ALL_MAX)
    work = limits.WORK_CANCEL_ALL + limits.CANCEL_ALL_MAX * limits.WORK_CANCELLED_ORDER
    fits = limits.BLOCK_WORK_MAX // (2 * work + 500)
    mine = [make_tx(ALICE, place) for place in range(limits.SIGNER_TXS_PER_BLOCK_MAX + 1)]

    async def test(node: AppNode) -> None:
        await node.init_chain(_RICH)
        assert await node.process(put_in_order(node, make_many(fits, dear, 2)))
        assert not await node.process(put_in_order(node, make_many(fits + 1, dear, 2)))
        assert await node.process(put_in_order(node, mine[:-1]))
        assert not await node.process(put_in_order(node, mine))
        assert not await node.process([b""] * (limits.BLOCK_TXS_MAX + 1))
        assert await node.process([])

    run(tmp_path, test)


def test_proposals_keep_within_bytes(tmp_path: Path) -> None:
    """A proposal is at most as many encoded bytes as CometBFT allows, however few; all get in."""
    raws = make_many(30, CancelOrder(9), 3)
    whole = sum(map(compute_tx_bytes, raws))

    async def test(node: AppNode) -> None:
        await node.init_chain(_RICH)
        assert await node.check(*raws) == [0] * len(raws)
        for bytes_max in (0, 1, 200, 1_000, whole // 2, whole - 1):
            proposed = node.prepare(bytes_max)
            assert sum(map(compute_tx_bytes, proposed)) <= bytes_max
            assert len(proposed) < len(raws)
            assert await node.process(proposed)
        assert len(node.prepare(whole // 2)) >= len(raws) // 2 - 1
        included: list[bytes] = []
        while proposed := node.prepare(whole // 3):
            await node.decide(proposed)
            included += proposed
        assert sorted(included) == sorted(raws)
        assert node.mempool.size == (0, 0)

    run(tmp_path, test)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.lists(tx_plans(), max_size=12), min_size=1, max_size=3),
    st.sampled_from([400, 2_000, limits.BLOCK_BYTES_MAX]),
)
def test_prepared_is_accepted(pools: list[list[TxPlan]], bytes_max: int) -> None:
    """ProcessProposal(PrepareProposal(any pool)) accepts, and the block can be decided."""

    async def test(node: AppNode) -> None:
        await node.init_chain(GENESIS)
        for plans in pools:
            raws = [sign_body(make_body(plan, node.time_ms), plan.signer).raw for plan in plans]
            await node.gossip(raws[::3])
            codes = await node.check(*raws)
            event(f"refused {sum(map(bool, codes)) * 4 // max(1, len(codes))} of four")
            proposed = node.prepare(bytes_max)
            assert sum(map(compute_tx_bytes, proposed)) <= bytes_max
            assert await node.process(proposed)
            assert node.prepare(bytes_max) == proposed
            await node.decide(proposed)

    with tempfile.TemporaryDirectory(prefix="omg-test-") as folder:
        run(Path(folder), test)


def test_agents_and_owners_share_a_block(tmp_path: Path) -> None:
    """What agents and their owner signed is proposed together, in an order that is accepted."""
    raws = [make_tx(ALICE, place, CancelOrder(place)) for place in (1, 4)]
    raws += [make_tx(AGENTS[0], place, CancelOrder(place), owner=ALICE) for place in (2, 3)]

    async def test(node: AppNode) -> None:
        await node.init_chain()
        assert await node.check(*raws) == [0] * 4
        assert sorted(await node.propose_and_decide()) == sorted(raws)

    run(tmp_path, test)
