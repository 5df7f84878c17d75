"""Blocks about stake on the chain and on the oracle: results, records, who signs next.

Each block also shows that tokens are conserved and that no more is owed than there is.
"""

from collections import Counter

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from omg_abci.protocol.errors import LegError, get_error_classes
from omg_abci.protocol.merkle import compute_leaf
from omg_abci.protocol.results import ValidatorSlashed
from omg_abci.state.schema import MOVING_POOL, UNBONDING_POOL
from tests.cast import OWNERS
from tests.random_stakes import StakeSource
from tests.seeded_runs import VALIDATOR_EVENTS
from tests.side_by_side import Pair, narrowed
from tests.strategies import BlockPlan

SEEDED_PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""A smaller seed is not a smaller example."""
SEEDS = tuple(range(24))
BLOCKS = 40
_BEYOND_SEEDS = (3000, 3004, 3013)
"""No staking, a thousand validators, shares dearer than a token: tested one by one."""


class Stakers:
    """A chain and its oracle with validators, and a count of what came about."""

    def __init__(self, seed: int) -> None:
        """Begin at genesis."""
        self.source = StakeSource(seed)
        self.pair = Pair(self.source.genesis, signed=False)
        self.counts: Counter[str] = Counter()

    def play(self, blocks: int) -> None:
        """Play so many blocks; each record fits into the state tree."""
        for _ in range(blocks):
            self.play_block(self.source.draw_block(self.pair.model.state.stake))
        self.count_fees()

    def leave(self) -> None:
        """Let everybody take everything back, and wait until it is mature."""
        stake = self.pair.model.state.stake
        txs = [self.source.draw_leaving(owner, stake) for owner in OWNERS]
        plan = BlockPlan(
            ahead_ms=1_000,
            txs=tuple(tx for tx in txs if tx.legs),
            rehearsed=False,
            restarted=True,
            attacked=1 << 16,
        )
        for each in (plan, *[plan._replace(txs=())] * 9):
            self.play_block(each)

    def play_block(self, plan: BlockPlan) -> None:
        """Play a block with what consensus tells, and look at what came about."""
        pair, state = self.pair, self.pair.model.state
        pair.votes = self.source.draw_votes(state) if pair.height else ()
        pair.offences = self.source.draw_offences(pair.height + 1)
        slashed = state.stake.slashed
        result = pair.play(plan)
        assert all(compute_leaf(key, value) for key, value in pair.disk.items())
        self.require_lists()
        self.counts["slashes"] += pair.model.state.stake.slashed > slashed
        self.counts["updates"] += len(result.validator_updates)
        self.counts.update(type(event).__name__ for event in result.events)
        left = [each.from_pools for each in result.events if isinstance(each, ValidatorSlashed)]
        self.counts["slashed pools"] += sum(amount > 0 for amount in left)
        for tx in result.results:
            self.counts.update(f"code {leg.code}" for leg in tx.legs)

    def count_fees(self) -> None:
        """Count how epochs ended, and what votes and congestion did."""
        fees = self.pair.model.state.fees
        for epoch in fees.settled.values():
            self.counts["refunds"] += epoch.refunded > 0
            self.counts["shortfalls"] += 0 < epoch.collected < epoch.cost
            self.counts["prices"] += epoch.price > 1
        self.counts["medians"] += sum(each.median > 0 for each in fees.values.values())
        self.counts["overrides"] += len([1 for who, to, _ in fees.votes if who != to])
        self.counts["congestion"] += fees.multiplier > 1 << 16

    def require_lists(self) -> None:
        """Assert that the chain lists every pool where it left and where it came to."""
        state, disk = self.pair.state, self.pair.disk
        pools = sorted(key for key in disk if key[:1] in {UNBONDING_POOL, MOVING_POOL})
        left = [key for keys in state.stake_pools.values() for key in keys]
        came = [key for keys in state.stake_arrivals.values() for key in keys]
        assert sorted(left) == pools
        assert sorted(came) == [key for key in pools if key[:1] == MOVING_POOL]


@settings(phases=SEEDED_PHASES)
@given(seed=st.integers(0, 2**32), steps=st.sampled_from([2_000, 2_000, 1, 0]))
def test_stake_is_what_the_oracle_says(seed: int, steps: int) -> None:
    """Through slashes, rollbacks and restarts, and with hardly any mass work a block."""
    with narrowed({"MASS_STEPS_MAX": steps, "MASS_START_MAX": 0} if steps < 2_000 else {}):
        Stakers(seed).play(16)


def test_seeds_reach_every_code_of_staking() -> None:
    """Every refusal, slashes and changes of the set come about, so the run above tests them."""
    counts: Counter[str] = Counter()
    for seed in SEEDS:
        stakers = Stakers(seed)
        stakers.play(BLOCKS)
        counts += stakers.counts
    codes = [each.code for each in get_error_classes() if issubclass(each, LegError)]
    wanted = [code for code in codes if 3000 <= code < 4000 and code not in _BEYOND_SEEDS]
    assert [code for code in wanted if not counts[f"code {code}"]] == []
    assert min(counts["updates"], counts["code 0"]) > len(SEEDS)
    events = [*VALIDATOR_EVENTS, "slashed pools"]
    assert [name for name in events if counts[name] < 5] == []
    reached = ("slashes", "refunds", "shortfalls", "prices", "medians", "overrides", "congestion")
    assert [name for name in reached if counts[name] < 5] == []


def test_validators_that_all_have_left_are_forgotten() -> None:
    """When nothing is left of one its record goes, its key stays used, and the set goes on."""
    gone = 0
    for seed in SEEDS[:6]:
        stakers = Stakers(seed)
        stakers.play(12)
        for _ in range(3):
            stakers.leave()
        gone += len(stakers.pair.model.state.stake.gone)
        assert not stakers.pair.model.state.stake.left
    assert gone > 0
