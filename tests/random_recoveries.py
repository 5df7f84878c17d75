"""Dense random blocks about guardians and keys, beside wallets and some trading, from a seed."""

from random import Random

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
from tests.random_wallets import WalletSource

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
        return ApproveAgent(pick.choice(NEW_KEYS).address, 3, draw_time(pick))
    return FinishRecovery(account)


class RecoverySource(WalletSource):
    """Draws blocks in which half of the owners' legs are about guardians and keys."""

    def draw_leg(self, owner: Key, signer: Key) -> Message:
        """Draw a leg about guardians and keys, or another one."""
        pick = self.random
        if signer == owner and pick.random() < 0.5:
            return draw_recovery_leg(pick)
        if signer == owner and pick.random() < 0.04:
            few = pick.sample(KEYS, pick.choice([0, 2, 5]))
            return SetRecipients(tuple(sorted(key.address for key in few)))
        return super().draw_leg(owner, signer)
