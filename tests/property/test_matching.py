"""One market in depth: every way in which orders meet, against the oracle.

Orders that expired stay in the book in half of the runs, because nothing removes them but
matching: this is where a head that is not live counts.
"""

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from omg_abci.protocol.units import Ended
from tests.random_plans import PlanSource
from tests.side_by_side import Pair, narrowed
from tests.strategies import BlockPlan, block_plans

SHRINKING_S = 900
"""A failure is shown once it is small, for which Hypothesis takes up to five minutes."""
STEPS = st.sampled_from([{}, {"MASS_STEPS_MAX": 0}, {"MASS_STEPS_MAX": 0}, {"MASS_STEPS_MAX": 1}])


@pytest.mark.timeout(SHRINKING_S)
@given(plans=st.lists(block_plans(market=1, legs_max=10), min_size=1, max_size=5), bounds=STEPS)
def test_orders_meet_as_the_oracle_says(plans: list[BlockPlan], bounds: dict[str, int]) -> None:
    """Small scenes that shrink: results, diffs and records agree."""
    with narrowed(bounds):
        pair = Pair()
        for plan in plans:
            pair.play(plan)


@settings(phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(seed=st.integers(0, 2**32), owners=st.integers(1, 4), bounds=STEPS)
def test_deep_books_do_what_the_oracle_says(seed: int, owners: int, bounds: dict[str, int]) -> None:
    """Books of many orders, of one owner only (self-trade) up to four."""
    with narrowed(bounds):
        pair, source = Pair(), PlanSource(seed, markets=(1,), owners=owners)
        for _ in range(6):
            pair.play(source.draw_block(txs_max=5, legs_max=24))


def test_seeds_reach_every_outcome() -> None:
    """The dense scenes see every end of an order and every report of a leg, so they test them."""
    seen: set[str] = set()
    for seed in range(30):
        with narrowed({"MASS_STEPS_MAX": seed % 2}):
            pair, source = Pair(), PlanSource(seed, markets=(1,))
            for _ in range(8):
                plan = source.draw_block(legs_max=16)._replace(attacked=40, rehearsed=False)
                for result in pair.play(plan).results:
                    for leg in result.legs:
                        seen.add(f"code {leg.code}")
                        seen.add(f"ended {Ended(leg.ended).name}")
                        seen.update(f"removed {each.reason.name}" for each in leg.removals)
                        seen.update(name for name, value in leg._asdict().items() if value)
    ends = {f"ended {each.name}" for each in Ended}
    removed = {"removed EXPIRED", "removed SELF_TRADE"}
    codes = {f"code {n}" for n in (0, 1000, 1006, 2001, 2002, 2004, 2005, 2006, 2007, 2010, 2011)}
    reports = {"fills", "decrements", "kept_place", "repeated", "tombstone", "more"}
    missing = (ends | removed | codes | reports | {"code 2012", "code 2013"}) - seen
    assert missing == set()
