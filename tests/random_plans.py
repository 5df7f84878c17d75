"""Dense random blocks from a seed, where drawing by Hypothesis would be thin.

Books fill up and empty again; orders meet, wait, expire and are amended in the same few blocks,
markets open, halt and close. A seed says everything: a failure names it, and the same seed plays
the same blocks.
"""

from random import Random

from omg_abci.protocol import limits
from omg_abci.protocol.messages import (
    ApproveAgent,
    CancelAll,
    CancelOrder,
    ChangeMarket,
    CreateMarket,
    Message,
    RevokeAgent,
    Transfer,
)
from omg_abci.protocol.units import MarketAction
from tests.cast import (
    AGENTS,
    DAY_MS,
    EXCHANGE,
    FIRST_NEW_MARKET,
    GUEST,
    KEYS,
    OWNERS,
    UNKNOWN_MARKET,
    Key,
)
from tests.random_orders import draw_amend, draw_place, draw_switch, draw_time
from tests.strategies import BlockPlan, TxPlan

_SCENES: tuple[tuple[int, ...], ...] = (
    (1,),
    (1, 1, 1, 2),
    (3,),
    (4,),
    (5,),
    (3, 4, 5),
    (1, 6, 3, 3, 6),
    (1, 2, 3, 4, 5, 6, FIRST_NEW_MARKET),
)
"""In which markets the orders of a seed go: the fewer, the deeper the books."""


class PlanSource:
    """Draws blocks; the same seed and calls give the same blocks."""

    genesis = EXCHANGE
    """The document from which the blocks are played."""

    def __init__(self, seed: int, markets: tuple[int, ...] = (), owners: int = 4) -> None:
        """Fix the seed, the markets to trade in and how many owners take part."""
        self.random = Random(seed)
        self.markets = markets or self.random.choice(_SCENES)
        self.owners = OWNERS[:owners]
        self.client_ids_max = self.random.choice([60, *[10_000] * 4])

    def draw_block(self, txs_max: int = 8, legs_max: int = 8) -> BlockPlan:
        """Draw a block; one in thirty comes a minute or days later."""
        pick = self.random
        ahead_ms = pick.choice([1, 400, 1_000, 1_000, 1_000, 1_000, 2_000, 6_000])
        if pick.random() < 0.03:
            late = [limits.CHAIN_HALT_MS, limits.CHAIN_HALT_MS + 1, DAY_MS]
            ahead_ms = pick.choice([*late, 2 * DAY_MS - 1, 2 * DAY_MS])
        txs = tuple(self.draw_tx(legs_max) for _ in range(pick.randint(1, txs_max)))
        return BlockPlan(
            ahead_ms, txs, pick.random() < 0.25, pick.random() < 0.2, pick.randint(0, 40)
        )

    def draw_tx(self, legs_max: int) -> TxPlan:
        """Draw a transaction, one in three by an agent."""
        pick = self.random
        owner = pick.choice(self.owners)
        agent = AGENTS[0] if pick.random() < 0.9 else pick.choice(AGENTS)
        signer = agent if pick.random() < 0.33 else owner
        legs_max = legs_max if signer != owner else min(legs_max, limits.LEGS_TYPED_MAX)
        legs = [self.draw_leg(owner, signer) for _ in range(pick.randint(1, legs_max))]
        return TxPlan(
            owner,
            signer,
            pick.randint(-200, 200),
            pick.randint(1, 3) if pick.random() < 0.03 else 0,
            pick.random() < 0.05,
            1 if pick.random() < 0.02 else 2,
            pick.choice([1, 500, 3_000]) if pick.random() < 0.3 else 0,
            tuple(legs),
        )

    def draw_leg(self, owner: Key, signer: Key) -> Message:
        """Draw a leg; of a transaction by its owner one in ten is not a trade, of others few."""
        pick = self.random
        if pick.random() < (0.1 if signer == owner else 0.003):
            return self.draw_market_leg() if pick.random() < 0.14 else self.draw_account_leg(owner)
        chance = pick.random()
        if chance < 0.68:
            market = pick.choice(self.markets) if pick.random() < 0.99 else UNKNOWN_MARKET
            return draw_place(pick, market, self.client_ids_max)
        if chance < 0.9:
            return draw_amend(pick, pick.choice(self.markets))
        if chance < 0.975:
            return CancelOrder(pick.randint(1, 60))
        if chance < 0.98:
            return draw_switch(pick)
        market = pick.choice([0, *self.markets, UNKNOWN_MARKET])
        return CancelAll(market, pick.randint(0, 2), pick.randint(1, 4))

    def draw_account_leg(self, owner: Key) -> Message:
        """Draw a transfer, an approval or a revocation."""
        pick = self.random
        agent = pick.choice([key for key in (*AGENTS, GUEST) if key != owner]).address
        chance = pick.random()
        if chance < 0.5:
            token = pick.choice([1, 2, 3, 9])
            return Transfer(
                pick.choice(KEYS).address,
                token,
                pick.choice([1, 50, 50_000]),
                0,
                pick.choice([0, 1]),
            )
        if chance < 0.85:
            return ApproveAgent(agent, 1, draw_time(pick))
        return RevokeAgent(agent)

    def draw_market_leg(self) -> Message:
        """Draw the creation of a market, or more often a change of one."""
        pick = self.random
        if pick.random() < 0.2:
            return CreateMarket(
                pick.choice([2, 2, 2, 3, 9]),
                pick.choice([1, 1, 4, 8]),
                pick.choice([1, 1, 25, 5 * 10**35]),
                pick.choice([1, 2, 1_000]),
                pick.randint(1, 3),
                pick.choice([5, 40]),
                pick.randint(1, 2),
                pick.choice([0, limits.BAND_MIN_BP, limits.BAND_MAX_BP]),
                pick.choice([limits.AUCTION_MIN_MS, 3_000]),
            )
        market = pick.choice([*self.markets, *self.markets, FIRST_NEW_MARKET, UNKNOWN_MARKET])
        stop, resume, delist = MarketAction
        return ChangeMarket(market, pick.choice([stop, stop, *[resume] * 9, delist]))
