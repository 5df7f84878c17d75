"""The state's heaps: entries that say nothing go bit by bit, the others stay in order."""

import random
from heapq import heapify, heappop, heappush
from itertools import pairwise

import pytest

from omg_abci.state import tables
from omg_abci.state.sweeping import list_heaps, take_out_entry
from tests.unit.block_world import ANN, BEN, BLOCK_MS, GTT, OWNERS, T0, Chain, bid, cancel_all


@pytest.mark.parametrize("seed", range(20))
def test_a_heap_without_an_entry_is_a_heap(seed: int) -> None:
    """Whatever is taken out of its middle, a heap gives the rest in order."""
    source = random.Random(seed)
    heap = [(source.randrange(40), number) for number in range(source.randint(1, 200))]
    heapify(heap)
    left = sorted(heap)
    for _ in range(source.randint(1, len(heap))):
        place = source.randrange(len(heap))
        left.remove(heap[place])
        take_out_entry(heap, place)
        if source.random() < 0.3:
            entry = (source.randrange(40), 1_000 + place)
            heappush(heap, entry)
            left = sorted([*left, entry])
    assert [heappop(heap) for _ in range(len(heap))] == left


def test_entries_of_ended_orders_go_with_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit looks at a bounded number of entries; in the end none is left that says nothing."""
    monkeypatch.setattr(tables, "_SWEPT_MIN", 20)
    monkeypatch.setattr(tables, "_SWEPT_EACH", 0)
    chain = Chain()
    late = T0 + 10_000 * BLOCK_MS
    chain.block(*[bid(ANN, number, 1, 50, tif=GTT, ms=late) for number in range(1, 61)])
    chain.block(*[bid(BEN, number, 1, 50, tif=GTT, ms=late) for number in range(1, 11)])
    chain.block(cancel_all(ANN))
    held = [len(chain.state.order_expiries)]
    for _ in range(12):
        chain.block()
        held.append(len(chain.state.order_expiries))
    assert held[-1] == 10
    assert all(0 <= before - after <= 20 for before, after in pairwise(held))
    assert held[1] > 10
    assert {entry[3].account.owner for entry in chain.state.order_expiries} == {BEN}


@pytest.mark.parametrize("seed", range(10))
def test_sweeping_changes_no_block(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chains that sweep much and that sweep nothing remove the same orders in the same order."""
    source = random.Random(seed)
    chains = [(Chain(), steps) for steps in (1_000, 0)]
    for number in range(15):
        legs = [
            bid(
                source.choice(OWNERS),
                100 * number + place + 1,
                1,
                source.randint(40, 50),
                tif=GTT,
                ms=T0 + (number + source.randint(1, 5)) * BLOCK_MS,
            )
            for place in range(source.randint(0, 12))
        ]
        if source.random() < 0.4:
            legs.append(cancel_all(source.choice(OWNERS)))
        results = []
        for chain, steps in chains:
            monkeypatch.setattr(tables, "_SWEPT_MIN", steps)
            monkeypatch.setattr(tables, "_SWEPT_EACH", 0)
            chain.block(*legs)
            results.append(chain.result)
        assert results[0] == results[1]
    swept, kept = (sum(len(heap) for heap, _ in list_heaps(chain.state)) for chain, _ in chains)
    assert swept <= kept
