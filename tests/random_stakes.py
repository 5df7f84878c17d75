"""Dense blocks about stake from a seed: delegations, moves, slashes, jails, all at once.

Times are seconds and windows a few blocks, so that everything that takes weeks comes about.
"""

from random import Random
from typing import Any

from omg_abci.protocol.consensus import Offence, Vote
from omg_abci.protocol.crypto import compute_address
from omg_abci.protocol.messages import (
    ClaimRewards,
    CreateValidator,
    Delegate,
    EditValidator,
    Message,
    Redelegate,
    SetVote,
    Transfer,
    Undelegate,
    Unjail,
)
from omg_abci.protocol.parameters import DOWNTIME_BP, PARAMETERS
from tests.cast import DAY_MS, GENESIS, OWNERS, PUBLIC_KEYS, STRANGER, Key, show
from tests.model_stake_state import Stake
from tests.model_state import State
from tests.strategies import BlockPlan, TxPlan

STAKING: dict[str, Any] = {
    "unbonding_ms": 5_000,
    "checkpoint_blocks": 3,
    "evidence_blocks": 4,
    "power_unit": "100",
    "self_bond_min": "200",
    "window_blocks": 6,
    "signed_min_blocks": 4,
    "jail_ms": 3_000,
    "downtime_bp": 100,
    "equivocation_bp": 2_500,
    "validators": [
        {
            "owner": show(OWNERS[place]),
            "public_key": "0x" + PUBLIC_KEYS[place].hex(),
            "moniker": f"validator {place}",
            "self_bond": str(bond),
            "commission_bp": 500 * place,
            "commission_step_bp": 500,
        }
        for place, bond in enumerate((30_000, 20_000))
    ],
}
"""Two validators of four owners; a checkpoint each third block."""
_AMOUNTS = (1, 2, 3, 99, 100, 1_000, 5_000, 12_345, 90_000)
_RATES = (0, 100, 500, 1_000, 9_000)
_CONSENSUS = tuple(compute_address(key) for key in PUBLIC_KEYS)


FEES: dict[str, Any] = {
    "epoch_blocks": 6,
    "price_min": 1,
    "price_max": 50,
    "average_work": 5_000,
    "target_work": 4_000,
}
_VOTED: dict[int, tuple[int, ...]] = {
    1: (1, 9, 1_000, 2_000, 2_500, 3_200, 10**6),
    2: (4_000, 4_500, 5_000),
    3: (1, 25, 10**6),
    4: (200, 220, 250, 1_000),
    5: (1_000, 3_200, 10**9),
    6: (1, 50, 100),
    7: (100, 2_500, 5_000),
}


class StakeSource:
    """Draws blocks; the same seed and calls give the same blocks."""

    def __init__(self, seed: int) -> None:
        """Fix the seed, and how careless validators and how sudden slashes are in its run."""
        self.random = Random(seed)
        self.away = self.random.choice([0.02, 0.1, 0.4])
        self.guilty = self.random.choice([0.0, 0.03, 0.1])
        self.stake = Stake()
        downtime_bp = self.random.choice([100, 100, 10_000])
        self.genesis = GENESIS | {"staking": STAKING | {"downtime_bp": downtime_bp}}
        """Its slashes for downtime are small, or take everything; most chains have fees."""
        if downtime_bp <= PARAMETERS[DOWNTIME_BP].highest and self.random.random() < 0.8:
            cost = self.random.choice(["2000", "20000", "2000000"])
            self.genesis |= {"fees": FEES | {"cost": cost}}

    def draw_block(self, stake: Stake | None = None) -> BlockPlan:
        """Draw a block of a few transactions; who knows the stake takes all of his at times."""
        pick = self.random
        self.stake = stake or Stake()
        ahead_ms = pick.choice([1, 400, 1_000, 1_000, 1_000, 2_000, 6_000])
        if pick.random() < 0.02:
            ahead_ms = DAY_MS
        txs = tuple(self.draw_tx() for _ in range(pick.randint(0, pick.choice([4, 4, 4, 24]))))
        return BlockPlan(ahead_ms, txs, pick.random() < 0.25, pick.random() < 0.2, 1 << 16)

    def draw_tx(self) -> TxPlan:
        """Draw a transaction of one of the owners, who signs it."""
        pick = self.random
        owner = pick.choice(OWNERS)
        legs = tuple(self.draw_leg(owner) for _ in range(pick.randint(1, 5)))
        limit = pick.choice([10**6] * 9 + [2])
        return TxPlan(owner, owner, pick.randint(-200, 200), 0, pick.random() < 0.2, limit, 0, legs)

    def draw_leg(self, owner: Key) -> Message:
        """Draw a leg; more than half of them bond or take back."""
        pick = self.random
        validator, amount = self.draw_validator(), pick.choice(_AMOUNTS)
        chance = pick.random()
        if chance < 0.12:
            return self.draw_vote(validator)
        if chance < 0.35:
            return Delegate(validator, amount)
        if chance < 0.55:
            return Undelegate(validator, self.draw_all(owner, validator) or amount)
        if chance < 0.72:
            others = [key.address for key in OWNERS if key.address != validator]
            return Redelegate(validator, pick.choice(others), amount)
        if chance < 0.82:
            return ClaimRewards(validator)
        if chance < 0.88:
            return Unjail()
        if chance < 0.93:
            least = pick.choice([100, 200, 250, 40_000])
            return EditValidator(pick.choice(["new", "old"]), pick.choice(_RATES), least)
        if chance < 0.98:
            most = pick.choice(_RATES)
            rate, step = min(pick.choice(_RATES), most), min(pick.choice(_RATES), most)
            key = pick.choice(PUBLIC_KEYS)
            least = pick.choice([100, 200, 500])
            return CreateValidator(key, "made", rate, most, step, least, amount * 3)
        target = pick.choice([key for key in OWNERS if key != owner])
        return Transfer(target.address, 1, amount, 0, 0)

    def draw_vote(self, validator: bytes) -> SetVote:
        """Draw a standing vote, one in eight withdrawn."""
        number = self.random.choice(list(_VOTED))
        value = 0 if self.random.random() < 0.125 else self.random.choice(_VOTED[number])
        return SetVote(validator, number, value)

    def draw_all(self, owner: Key, validator: bytes) -> int:
        """Return what an owner has with a validator, in half of the cases, or 0."""
        held = self.stake.delegations.get((owner.address, validator))
        if held is None or self.random.random() < 0.5:
            return 0
        each = self.stake.validators[validator]
        return held.shares * each.tokens // each.shares if each.shares else 0

    def draw_leaving(self, owner: Key, stake: Stake) -> TxPlan:
        """Return a transaction in which an owner takes all of its mature stake back."""
        legs: list[Message] = []
        for who, validator in sorted(stake.delegations):
            held, each = stake.delegations[who, validator], stake.validators[validator]
            worth = held.shares * each.tokens // each.shares if each.shares else 0
            if who == owner.address and worth:
                legs += [ClaimRewards(validator), Undelegate(validator, worth)]
        if owner.address in stake.validators:
            legs.append(ClaimRewards(owner.address))
        head = (owner, owner, 0, 0)
        return TxPlan(*head, atomic=False, max_unit_price=10**6, valid_for_ms=0, legs=tuple(legs))

    def draw_validator(self) -> bytes:
        """Draw the owner of a validator, one in fifty of none."""
        return self.random.choice([*OWNERS * 10, STRANGER]).address

    def draw_votes(self, state: State) -> tuple[Vote, ...]:
        """Draw who signed, of those that are told to."""
        told = [each.public_key for each in state.stake.validators.values() if each.told]
        signers = [compute_address(key) for key in told] + [STRANGER.address]
        return tuple(Vote(each, self.random.random() >= self.away) for each in signers)

    def draw_offences(self, height: int) -> tuple[Offence, ...]:
        """Draw evidence, mostly none; some of it twice, some against nobody's key."""
        pick = self.random
        if pick.random() >= self.guilty:
            return ()
        offence = Offence(pick.choice(_CONSENSUS), max(1, height - pick.randint(0, 7)))
        return pick.choice([(offence,), (offence, offence)])
