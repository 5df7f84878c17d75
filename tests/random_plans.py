"""Dense random blocks from a seed, where drawing by Hypothesis would be thin.

Books fill up and empty again, orders meet, expire and are amended in the same few blocks. A seed
says everything: a failure names it, and the same seed plays the same blocks.
"""

from random import Random

from omg_abci.protocol import limits
from omg_abci.protocol.messages import (
    AmendOrder,
    ApproveAgent,
    CancelAll,
    CancelOrder,
    Message,
    PlaceOrder,
    RevokeAgent,
    Transfer,
)
from omg_abci.protocol.units import OrderType, SelfTrade, Side, TimeInForce
from tests.strategies import (
    AGENTS,
    DAY_MS,
    GUEST,
    KEYS,
    OWNERS,
    PAST_MS,
    BlockPlan,
    Key,
    TxPlan,
)

_EXPIRIES_MS = (PAST_MS + 1, 1_500, 2_000, 2_001, 3_000, 3_000, 4_000, 6_000)
_ODD_EXPIRIES_MS = (1, PAST_MS, limits.EXPIRY_AHEAD_MAX_MS + PAST_MS + 1)


class PlanSource:
    """Draws blocks; the same seed and calls give the same blocks."""

    def __init__(self, seed: int, markets: tuple[int, ...] = (1, 1, 1, 2), owners: int = 4) -> None:
        """Fix the seed, the markets to trade in and how many owners take part."""
        self.random = Random(seed)
        self.markets = markets
        self.owners = OWNERS[:owners]

    def draw_block(self, txs_max: int = 8, legs_max: int = 8) -> BlockPlan:
        """Draw a block; one in twenty comes days later."""
        pick = self.random
        ahead_ms = pick.choice([1, 400, 1_000, 1_000, 1_000, 1_000, 2_000])
        if pick.random() < 0.05:
            ahead_ms = pick.choice([DAY_MS, 2 * DAY_MS - 1, 2 * DAY_MS])
        txs = tuple(self.draw_tx(legs_max) for _ in range(pick.randint(1, txs_max)))
        return BlockPlan(
            ahead_ms, txs, pick.random() < 0.4, pick.random() < 0.2, pick.randint(0, 40)
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
            pick.random() < 0.2,
            1 if pick.random() < 0.02 else 2,
            pick.choice([1, 500, 3_000]) if pick.random() < 0.3 else 0,
            tuple(legs),
        )

    def draw_leg(self, owner: Key, signer: Key) -> Message:
        """Draw a leg; of a transaction by its owner one in ten is not a trade."""
        pick = self.random
        if signer == owner and pick.random() < 0.1:
            return self.draw_account_leg(owner)
        chance = pick.random()
        if chance < 0.62:
            return self.draw_place()
        if chance < 0.86:
            return self.draw_amend()
        if chance < 0.98:
            return CancelOrder(pick.randint(1, 60))
        market = pick.choice([0, *self.markets, 3])
        return CancelAll(market, pick.randint(0, 2), pick.randint(1, 4))

    def draw_account_leg(self, owner: Key) -> Message:
        """Draw a transfer, an approval or a revocation."""
        pick = self.random
        agent = pick.choice([key for key in (*AGENTS, GUEST) if key != owner]).address
        chance = pick.random()
        if chance < 0.5:
            amount = pick.choice([1, 50, 50_000])
            return Transfer(pick.choice(KEYS).address, pick.randint(1, 4), amount, 0, 1)
        if chance < 0.85:
            return ApproveAgent(agent, 1, self.draw_expiry())
        return RevokeAgent(agent)

    def draw_place(self) -> PlaceOrder:
        """Draw an order; most rest, buys a little lower than sells."""
        pick = self.random
        side = pick.choice([Side.BUY, Side.SELL])
        kinds = [TimeInForce.GTC] * 5 + [TimeInForce.GTT] * 4 + [TimeInForce.IOC, TimeInForce.FOK]
        tif = pick.choice(kinds)
        rests = tif in {TimeInForce.GTC, TimeInForce.GTT}
        market = pick.choice(self.markets) if pick.random() < 0.98 else 3
        price = pick.randint(1, 5) if side == Side.BUY else pick.randint(3, 7)
        return PlaceOrder(
            market,
            side,
            OrderType.LIMIT if rests or pick.random() < 0.5 else OrderType.MARKET,
            tif,
            rests and pick.random() < 0.25,
            price if rests else pick.choice([1, 9]),
            pick.randint(2, 9) if pick.random() < 0.97 else pick.choice([1, 41]),
            self.draw_expiry() if tif == TimeInForce.GTT else 0,
            pick.randint(1, 10_000) if pick.random() < 0.9 else pick.randint(1, 60),
            0 if pick.random() < 0.8 else 1,
            pick.randint(SelfTrade.CANCEL_NEWEST, SelfTrade.ALLOW),
            pick.choice([1, 2, 3, 5, 16]),
        )

    def draw_amend(self) -> AmendOrder:
        """Draw an amendment of at least one field."""
        pick = self.random
        price, quantity, expires_ms = pick.randint(1, 7), pick.randint(1, 10), self.draw_expiry()
        fields = pick.choice(["price", "quantity", "quantity", "expiry", "both"])
        return AmendOrder(
            pick.randint(1, 60),
            price if fields in {"price", "both"} else 0,
            quantity if fields in {"quantity", "both"} else 0,
            expires_ms if fields == "expiry" else 0,
            pick.choice([1, 2, 3, 16]),
        )

    def draw_expiry(self) -> int:
        """Draw an expiry around the next blocks; few are in the past or too far."""
        odd = self.random.random() < 0.05
        return self.random.choice(_ODD_EXPIRIES_MS if odd else _EXPIRIES_MS)
