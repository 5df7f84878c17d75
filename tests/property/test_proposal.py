"""Proposals: one canonical order, and whatever a budget picks makes a valid block."""

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import CancelAll, SignedTx
from omg_abci.rules.admission import BlockBudget
from omg_abci.rules.ordering import compute_order
from omg_abci.rules.transition import Block, check_block
from tests.model import order_block
from tests.random_plans import PlanSource
from tests.side_by_side import Pair, narrowed
from tests.strategies import AGENTS, OWNERS, TxPlan

SEEDED = settings(phases=(Phase.explicit, Phase.reuse, Phase.generate))


def make_pool(pair: Pair, source: PlanSource, size: int, time_ms: int) -> list[SignedTx]:
    """Return drawn transactions in a drawn order, many of which may not enter a block."""
    return [pair.sign(source.draw_tx(5), time_ms) for _ in range(size)]


@SEEDED
@given(seed=st.integers(0, 2**32), size=st.integers(0, 30), previous=st.binary(max_size=32))
def test_order_is_the_oracles_whatever_the_pool(seed: int, size: int, previous: bytes) -> None:
    """The canonical order depends on the previous block and the set, not on the pool's order."""
    pair, source = Pair(), PlanSource(seed)
    pool = make_pool(pair, source, size, pair.time_ms)
    by_key = {(tx.signer, tx.body.nonce): tx for tx in pool}
    txs = list(by_key.values())
    ordered = compute_order(previous, txs)
    assert ordered == order_block(previous, txs)
    source.random.shuffle(txs)
    assert compute_order(previous, txs) == ordered


@SEEDED
@given(
    seed=st.integers(0, 2**32),
    bounds=st.fixed_dictionaries(
        {},
        optional={
            "BLOCK_TXS_MAX": st.just(5),
            "BLOCK_WORK_MAX": st.just(9_000),
            "SIGNER_TXS_PER_BLOCK_MAX": st.just(3),
        },
    ),
    bytes_max=st.sampled_from([0, 900, 3_000, limits.BLOCK_BYTES_MAX]),
)
def test_whatever_a_budget_picks_is_a_valid_block(
    seed: int, bounds: dict[str, int], bytes_max: int
) -> None:
    """Any pool in any order of owners gives a block that the oracle and check_block accept."""
    with narrowed(bounds):
        pair, source = Pair(), PlanSource(seed)
        for _ in range(2):
            height, time_ms = pair.height + 1, pair.time_ms + 1_000
            budget = BlockBudget(pair.state, height, time_ms, bytes_max)
            pool = sorted(make_pool(pair, source, 20, time_ms), key=lambda tx: tx.body.nonce)
            for tx in pool:
                try:
                    budget.add(tx)
                except (errors.TxError, errors.BlockFull):
                    continue
            assert sum(len(tx.raw) for tx in budget.txs) <= bytes_max
            pair.execute(height, time_ms, compute_order(pair.state.block_hash, budget.txs))


@SEEDED
@given(seed=st.integers(0, 2**32))
def test_any_other_order_is_refused(seed: int) -> None:
    """Every permutation but the canonical one makes the block invalid."""
    pair, source = Pair(), PlanSource(seed)
    height, time_ms = 1, pair.time_ms + 1_000
    txs = pair.fill(height, time_ms, make_pool(pair, source, 8, time_ms))
    ordered = pair.model.order_block(txs)
    source.random.shuffle(txs)
    block = Block(height, time_ms, bytes(32), tuple(txs))
    if txs == ordered:
        check_block(pair.state, block)
    else:
        with pytest.raises(errors.BlockInvalid):
            check_block(pair.state, block)


@SEEDED
@given(
    seed=st.integers(0, 2**32),
    bound=st.sampled_from(
        ["BLOCK_TXS_MAX", "BLOCK_BYTES_MAX", "BLOCK_WORK_MAX", "SIGNER_TXS_PER_BLOCK_MAX"]
    ),
)
def test_block_over_a_bound_is_refused(seed: int, bound: str) -> None:
    """A block that was valid is not where one bound is narrower than what it holds."""
    pair, source = Pair(), PlanSource(seed)
    height, time_ms = 1, pair.time_ms + 1_000
    txs = pair.model.order_block(pair.fill(height, time_ms, make_pool(pair, source, 8, time_ms)))
    block = Block(height, time_ms, bytes(32), tuple(txs))
    check_block(pair.state, block)
    held = {"BLOCK_TXS_MAX": len(txs), "BLOCK_BYTES_MAX": sum(len(tx.raw) for tx in txs)}
    with narrowed({bound: held.get(bound, 1) - 1}):
        assert (pair.model.validate_block(height, time_ms, txs) is None) == (not txs)
        if txs:
            with pytest.raises(errors.BlockInvalid):
                check_block(pair.state, block)


def test_block_must_follow() -> None:
    """A block of another height than the next is refused."""
    pair = Pair()
    for height in (0, 2):
        with pytest.raises(errors.BlockInvalid):
            check_block(pair.state, Block(height, pair.time_ms, bytes(32), ()))


def test_more_work_than_a_block_holds_is_refused() -> None:
    """A transaction that no block can hold is refused for that, not put off."""
    pair = Pair()
    height, time_ms = 1, pair.time_ms + 1_000
    plan = TxPlan(
        OWNERS[0],
        AGENTS[0],
        0,
        0,
        atomic=False,
        max_unit_price=2,
        valid_for_ms=0,
        legs=(CancelAll(0, 0, 1_000),) * 256,
    )
    tx = pair.sign(plan, time_ms)
    pair.refuse(height, time_ms, tx, errors.TooDear)
    with pytest.raises(errors.TooDear):
        BlockBudget(pair.state, height, time_ms, limits.BLOCK_BYTES_MAX).add(tx)
