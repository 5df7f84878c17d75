"""Dense random blocks of wallets, providers and issuers, beside some trading, from a seed."""

from random import Random

from omg_abci.protocol.messages import (
    ApproveAgent,
    Burn,
    CloseToken,
    CreateToken,
    Message,
    Mint,
    Pay,
    RevokeAgent,
    SetAllowance,
    Transfer,
)
from tests.cast import AGENTS, KEYS, Key
from tests.random_orders import draw_time
from tests.random_plans import PlanSource
from tests.strategies_wallet import NEW_TOKEN


def draw_token(pick: Random) -> int:
    """Draw one of the tokens that are created first, now and then another one."""
    return pick.choice([*[NEW_TOKEN, NEW_TOKEN + 1] * 4, NEW_TOKEN + 2, 3, 9])


def draw_token_leg(pick: Random) -> Message:
    """Draw what an issuer or a holder does, or tries to."""
    chance, token = pick.random(), draw_token(pick)
    amount = pick.choice([1, 5, 10, 40, 100])
    if chance < 0.15:
        mintable = pick.random() < 0.7
        supply = pick.choice([0, 10, 100]) if mintable else 100
        symbol = pick.choice(["GOLD", "MILES", "QUOTE"])
        return CreateToken(symbol, 2, mintable, pick.random() < 0.7, supply, 100)
    if chance < 0.5:
        return Mint(token, amount, pick.choice(KEYS).address, pick.choice([0, 0, 1]))
    if chance < 0.9:
        return Burn(token, amount, pick.choice([0, 0, 1]))
    return CloseToken(token)


def draw_payment_leg(pick: Random) -> Message:
    """Draw what an owner or an agent with the scope pays."""
    token = pick.choice([1, 2, 3, 3, draw_token(pick)])
    amount = pick.choice([1, 5, 10, 40, 100, 50_000])
    subaccounts = pick.choice([(0, 0), (0, 0), (0, 0), (0, 1)])
    to = pick.choice(KEYS).address
    if pick.random() < 0.3:
        return Transfer(to, token, amount, *subaccounts)
    return Pay(to, token, amount, *subaccounts, pick.choice([0, 0, 1, 2, 3]), b"")


def draw_agent_leg(pick: Random, owner: Key) -> Message:
    """Draw what an owner lets its agents do, or no longer."""
    agent = pick.choice([each for each in AGENTS if each != owner]).address
    chance = pick.random()
    if chance < 0.3:
        return ApproveAgent(agent, pick.choice([1, 2, 3, 3, 3]), draw_time(pick))
    if chance < 0.35:
        return RevokeAgent(agent)
    total = pick.choice([0, 20, 200, 200])
    daily = pick.choice([10, 60, 200]) if total else 0
    return SetAllowance(agent, pick.choice([2, 3, 3, draw_token(pick)]), total, daily)


class WalletSource(PlanSource):
    """Draws blocks in which a share of the legs is not about orders and markets."""

    share = 0.6

    def draw_leg(self, owner: Key, signer: Key) -> Message:
        """Draw a leg of a wallet, or another one."""
        pick = self.random
        if signer != owner and pick.random() < self.share:
            return draw_payment_leg(pick)
        if signer == owner and pick.random() < self.share:
            kind = pick.random()
            if kind < 0.35:
                return draw_token_leg(pick)
            return draw_payment_leg(pick) if kind < 0.65 else draw_agent_leg(pick, owner)
        return super().draw_leg(owner, signer)
