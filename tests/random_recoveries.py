"""Dense random blocks about guardians and keys, beside wallets and some trading, from a seed."""

from random import Random
from typing import Any

from omg_abci.protocol import limits
from omg_abci.protocol.messages import (
    ApproveAgent,
    CancelRecovery,
    FinishRecovery,
    Message,
    SetGuardians,
    SetRecipients,
    StartRecovery,
)
from tests.cast import AGENTS, GUEST, KEYS, OWNERS, Key
from tests.random_orders import draw_time
from tests.random_wallets import WALLETS, WalletSource
from tests.strategies import TxPlan

RECOVERIES: dict[str, Any] = WALLETS | {
    "agents": [row | {"scope": 7} for row in WALLETS["agents"]],
}
"""A genesis whose agents may recover accounts as well."""
NEW_KEYS = (AGENTS[0], AGENTS[1], GUEST)
"""What guardians approve: of agents too."""


def draw_guardians(pick: Random) -> SetGuardians:
    """Draw guardians of whom few are enough, now and then none."""
    count = pick.choice([0, 1, 2, 2, 3, 3])
    if not count:
        return SetGuardians((), 0, 0)
    named = tuple(sorted(key.address for key in pick.sample(OWNERS, count)))
    delay_ms = limits.RECOVERY_DELAY_MIN_MS + pick.choice([0, 0, 1_000])
    return SetGuardians(named, min(pick.choice([1, 2, 2]), count), delay_ms)


def draw_recovery_leg(pick: Random) -> Message:
    """Draw what an owner, a guardian, or anybody does; two of the accounts are fought about."""
    chance, account = pick.random(), pick.choice(OWNERS[:2]).address
    if chance < 0.2:
        return draw_guardians(pick)
    if chance < 0.7:
        key = pick.choice([*NEW_KEYS, *NEW_KEYS, OWNERS[3]]).address
        return StartRecovery(account, key)
    if chance < 0.72:
        return CancelRecovery()
    if chance < 0.8:
        scope = pick.choice([3, 4, 7, 7])
        return ApproveAgent(pick.choice(NEW_KEYS).address, scope, draw_time(pick))
    return FinishRecovery(account)


def draw_service_leg(pick: Random) -> Message:
    """Draw what a guardian's service, an owner's watchtower or anybody's agent does."""
    account, chance = pick.choice(OWNERS[:2]).address, pick.random()
    if chance < 0.55:
        return StartRecovery(account, pick.choice(NEW_KEYS).address)
    return CancelRecovery() if chance < 0.62 else FinishRecovery(account)


class RecoverySource(WalletSource):
    """Draws blocks in which half of the owners' legs are about guardians and keys.

    So are many of their agents'; a transaction of an agent is about nothing else, or not at all.
    """

    genesis = RECOVERIES

    def draw_leg(self, owner: Key, signer: Key) -> Message:
        """Draw a leg about guardians and keys, or another one."""
        pick = self.random
        if signer == owner and pick.random() < 0.5:
            return draw_recovery_leg(pick)
        if signer == owner and pick.random() < 0.04:
            few = pick.sample(KEYS, pick.choice([0, 2, 5]))
            return SetRecipients(tuple(sorted(key.address for key in few)))
        return super().draw_leg(owner, signer)

    def draw_tx(self, legs_max: int) -> TxPlan:
        """Draw a transaction; of an agent's one in three is about keys alone."""
        plan, pick = super().draw_tx(legs_max), self.random
        if plan.signer == plan.owner or pick.random() < 0.66:
            return plan
        if pick.random() < 0.03:
            return plan._replace(legs=(draw_guardians(pick),))
        return plan._replace(legs=tuple(draw_service_leg(pick) for _ in range(pick.randint(1, 2))))
