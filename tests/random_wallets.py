"""Dense random blocks of wallets, providers and issuers, beside some trading, from a seed."""

from random import Random
from typing import Any

from omg_abci.protocol import limits
from omg_abci.protocol.messages import (
    ApproveAgent,
    Burn,
    CloseRequest,
    CloseToken,
    CreatePaymentRequest,
    CreateToken,
    Message,
    Mint,
    Pay,
    PayRequest,
    RevokeAgent,
    SetAllowance,
    SetFeeOffer,
    SetLimits,
    SetSponsorship,
    Transfer,
    UseFeeOffer,
    UseSponsorship,
)
from tests.cast import AGENTS, EXCHANGE, KEYS, OWNERS, Key
from tests.random_orders import draw_time
from tests.random_plans import PlanSource
from tests.strategies import TxPlan
from tests.strategies_wallet import NEW_TOKEN

WALLETS: dict[str, Any] = EXCHANGE | {
    "agents": [row | {"scope": 3} for row in EXCHANGE["agents"]],
    "balances": [
        row | {"amount": "14000"} if row["amount"] == "40000" else row
        for row in EXCHANGE["balances"]
    ],
}
"""A genesis whose agents may pay, and whose poorest owner can issue two tokens."""


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


def draw_request_leg(pick: Random) -> Message:
    """Draw what a payee asks for and takes back, and what payers answer."""
    number, chance = pick.choice([1, 1, 2]), pick.random()
    token, amount = pick.choice([2, *[3] * 7]), pick.choice([5, 5, 10])
    if chance < 0.35:
        token = 9 if pick.random() < 0.05 else token
        expires_ms = pick.choice([draw_time(pick), 90_000])
        cap = pick.choice([0, 10, 15])
        fixed = amount if pick.random() < 0.6 else 0
        uses = pick.choice([1, 2, 2, 5])
        return CreatePaymentRequest(number, token, fixed, expires_ms, uses, cap, 1, b"")
    if chance < 0.4:
        return CloseRequest(number)
    payee = pick.choice(OWNERS[:2]).address
    return PayRequest(payee, number, token, amount, 0, pick.choice([0, 0, 0, 4]))


def draw_sponsor_leg(pick: Random) -> Message:
    """Draw what a sponsor grants to a customer or takes back."""
    total = pick.choice([0, 2_000, 30_000, 10**6, 10**6, 10**6])
    expires_ms = pick.choice([draw_time(pick), 90_000, 90_000]) if total else 0
    return SetSponsorship(pick.choice(OWNERS).address, total, expires_ms)


def draw_offer_leg(pick: Random) -> Message:
    """Draw what a provider takes for fees."""
    token = pick.choice([2, 3, 3, 3, 3, 1, 9])
    total = pick.choice([0, 2_000, 30_000, 10**6, 10**6])
    expires_ms = pick.choice([draw_time(pick), 1, *[90_000] * 6])
    if not total:
        return SetFeeOffer(token, 0, 0, 0, 0)
    return SetFeeOffer(token, pick.choice([1, 1, 3]), pick.choice([50, 70, 700]), total, expires_ms)


def draw_payer_leg(pick: Random) -> Message:
    """Draw who pays a fee instead of the owner."""
    payer = pick.choice(OWNERS[:2]).address
    if pick.random() < 0.5:
        return UseSponsorship(payer)
    return UseFeeOffer(payer, pick.choice([2, 3, 3, 3]), pick.choice([3, 60, 10**6, 10**6]))


def draw_agent_leg(pick: Random, owner: Key) -> Message:
    """Draw what an owner lets its agents and its own account do, or no longer."""
    agent = pick.choice([each for each in AGENTS if each != owner]).address
    chance = pick.random()
    if chance < 0.3:
        return ApproveAgent(
            agent, pick.choice([1, 2, 3, 3, 3]), pick.choice([draw_time(pick), 90_000])
        )
    if chance < 0.35:
        return RevokeAgent(agent)
    if chance < 0.5:
        return SetLimits(pick.choice([2, 3, 3, 9]), pick.choice([0, 20, 200, 200]))
    total = pick.choice([0, 20, 200, 200])
    daily = pick.choice([10, 60, 200]) if total else 0
    return SetAllowance(agent, pick.choice([2, 3, 3, draw_token(pick)]), total, daily)


class WalletSource(PlanSource):
    """Draws blocks in which a share of the legs is not about orders and markets."""

    share = 0.6
    genesis = WALLETS
    promises: tuple[tuple[bytes, Message], ...] = ()
    """The last grants and offers that were drawn, done or not."""

    def draw_leg(self, owner: Key, signer: Key) -> Message:
        """Draw a leg of a wallet, or another one."""
        pick = self.random
        if signer != owner and pick.random() < self.share:
            return draw_payment_leg(pick) if pick.random() < 0.7 else draw_request_leg(pick)
        if signer == owner and pick.random() < self.share:
            kind = pick.random()
            if kind < 0.35:
                return draw_token_leg(pick)
            if kind < 0.55:
                return draw_payment_leg(pick)
            if kind < 0.75:
                return draw_request_leg(pick)
            if kind < 0.85:
                return self._promise(owner)
            return draw_agent_leg(pick, owner)
        return super().draw_leg(owner, signer)

    def _promise(self, owner: Key) -> Message:
        """Draw what an owner grants or offers, and remember it."""
        grants = self.random.random() < 0.5
        leg = draw_sponsor_leg(self.random) if grants else draw_offer_leg(self.random)
        self.promises = (*self.promises[-11:], (owner.address, leg))
        return leg

    def _draw_payer(self, owner: Key) -> Message:
        """Draw who pays an owner's fee, more often somebody who may have promised it."""
        known: list[Message] = []
        for who, leg in self.promises:
            if isinstance(leg, SetSponsorship) and leg.customer == owner.address:
                known.append(UseSponsorship(who))
            elif isinstance(leg, SetFeeOffer) and who != owner.address:
                known.append(UseFeeOffer(who, leg.token, 10**6))
        if known and self.random.random() < 0.7:
            return self.random.choice(known)
        return draw_payer_leg(self.random)

    def draw_tx(self, legs_max: int) -> TxPlan:
        """Draw a transaction; one in five lets somebody else pay its fee."""
        plan = super().draw_tx(legs_max)
        if self.random.random() < 0.8:
            return plan
        payer = self._draw_payer(plan.owner)
        return plan._replace(legs=(payer, *plan.legs[: limits.LEGS_TYPED_MAX - 1]))
