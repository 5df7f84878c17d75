"""The state's heaps: entries that say nothing go bit by bit, the others stay in order."""

import random
from heapq import heapify, heappop, heappush
from itertools import pairwise

import pytest

from omg_abci.rules import removals
from omg_abci.state import tables
from omg_abci.state.sweeping import list_heaps, take_out_entry
from tests.unit.block_world import ANN, BEN, BLOCK_MS, GTH, GTT, OWNERS, T0, Chain, bid, cancel_all


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
    """Chains that sweep much, or nothing, or pass over at once remove the same in one order."""
    source = random.Random(seed)
    chains = [(Chain(), *each) for each in ((1_000, 16), (0, 0), (0, 1_000))]
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
            if source.random() < 0.7
            else bid(
                source.choice(OWNERS),
                100 * number + place + 1,
                1,
                source.randint(40, 50),
                tif=GTH,
                height=1 + number + source.randint(1, 5),
            )
            for place in range(source.randint(0, 12))
        ]
        if source.random() < 0.4:
            legs.append(cancel_all(source.choice(OWNERS)))
        results = []
        for chain, steps, share in chains:
            monkeypatch.setattr(removals, "_PASSED_SHARE", share)
            monkeypatch.setattr(tables, "_SWEPT_MIN", steps)
            monkeypatch.setattr(tables, "_SWEPT_EACH", 0)
            chain.block(*legs)
            results.append(chain.result)
        assert results[0] == results[1] == results[2]
    swept, kept, dropped = (
        sum(len(heap) for heap, _ in list_heaps(chain.state)) for chain, _, _ in chains
    )
    assert swept <= dropped <= kept
