"""Cases of stake: a chain whose slashes are large and whose times are short."""

from functools import partial

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
from tests.cast import PUBLIC_KEYS, STRANGER
from tests.strategies import DAY_MS, OWNERS
from tests.vectors import case_types
from tests.vectors.case_types import Case, Told, by
from tests.vectors.genesis import STAKING_GENESIS

BIG, SMALL, THIRD = (OWNERS[place].address for place in range(3))
_BIG, _SMALL = (compute_address(key) for key in PUBLIC_KEYS[:2])
ALL_SIGN: Told = ((Vote(_BIG, signed=True), Vote(_SMALL, signed=True)), ())
SMALL_AWAY: Told = ((Vote(_BIG, signed=True), Vote(_SMALL, signed=False)), ())
BIG_AWAY: Told = ((Vote(_BIG, signed=False), Vote(_SMALL, signed=True)), ())
NOTHING: Told = ((), ())


def offend(*offences: tuple[bytes, int]) -> Told:
    """Return evidence against validators at heights."""
    return (), tuple(Offence(*each) for each in offences)


accept = partial(case_types.accept, genesis=STAKING_GENESIS)
reject = partial(case_types.reject, genesis=STAKING_GENESIS)

NEW = CreateValidator(PUBLIC_KEYS[2], "third", 100, 500, 100, 5, 700)
BOND = by(2, Delegate(SMALL, 1))
"""One token beside the three of the small validator's owner."""


def list_unstaked(*legs: Message) -> list[Case]:
    """Return what each leg is refused for on a chain without staking."""
    note = "genesis has no staking section"
    return [case_types.reject(type(leg), 3000, "no_staking", note, by(0, leg)) for leg in legs]


UNSTAKED = list_unstaked(
    NEW,
    EditValidator("name", 0, 5),
    Unjail(),
    Delegate(BIG, 1),
    Undelegate(BIG, 1),
    Redelegate(BIG, SMALL, 1),
    ClaimRewards(BIG),
)

CREATIONS = [
    accept(
        CreateValidator,
        "joins",
        "the checkpoint takes it into the set and pays the fees to those who were there",
        by(2, NEW),
        (),
    ),
    accept(
        CreateValidator,
        "too_weak",
        "its self-bond falls below its minimum before the checkpoint: it stays out",
        by(2, NEW),
        by(2, Undelegate(THIRD, 696)),
        (),
        (),
    ),
    reject(CreateValidator, 3002, "exists", "the owner has one", by(0, NEW)),
    reject(
        CreateValidator,
        3003,
        "key_used",
        "another validator's key",
        by(2, NEW._replace(public_key=PUBLIC_KEYS[1])),
    ),
    reject(
        CreateValidator,
        3003,
        "key_of_one_that_is_gone",
        "used for ever, and evidence against it does nothing",
        by(1, Undelegate(SMALL, 3)),
        *[()] * 7,
        by(2, NEW._replace(public_key=PUBLIC_KEYS[1])),
        told=(*[NOTHING] * 8, offend((_SMALL, 7))),
    ),
    reject(
        CreateValidator,
        3005,
        "low_minimum",
        "below the chain's",
        by(2, NEW._replace(self_bond_min=2)),
    ),
    reject(CreateValidator, 3006, "small_bond", "below its minimum", by(2, NEW._replace(amount=4))),
    reject(
        CreateValidator, 1000, "too_poor", "more than is free", by(2, NEW._replace(amount=10**9))
    ),
    reject(
        CreateValidator,
        1006,
        "rolled_back",
        "an atomic transaction's next leg fails",
        by(2, NEW, Unjail(), atomic=True),
        (),
    ),
]

EDITS = [
    accept(EditValidator, "name", "and nothing else", by(0, EditValidator("large", 1_000, 3))),
    accept(EditValidator, "commission", "by its step", by(0, EditValidator("big", 1_500, 10_000))),
    accept(
        EditValidator,
        "a_day_later",
        "again",
        by(0, EditValidator("big", 1_500, 3)),
        by(0, EditValidator("big", 1_000, 3)),
        ahead_ms=(1_000, DAY_MS),
    ),
    reject(EditValidator, 3001, "unknown", "the owner has none", by(2, EditValidator("x", 0, 3))),
    reject(EditValidator, 3010, "above_maximum", "its own", by(0, EditValidator("x", 2_001, 3))),
    reject(EditValidator, 3011, "large_step", "its own", by(0, EditValidator("x", 499, 3))),
    reject(
        EditValidator,
        3012,
        "too_soon",
        "twice in a day",
        by(0, EditValidator("x", 1_500, 3)),
        by(0, EditValidator("x", 1_000, 3)),
    ),
    reject(
        EditValidator, 3005, "lower_minimum", "than it was", by(0, EditValidator("x", 1_000, 2))
    ),
    reject(
        EditValidator,
        3006,
        "high_minimum",
        "above its own stake",
        by(0, EditValidator("x", 1_000, 10_001)),
    ),
    reject(
        EditValidator,
        3007,
        "tombstoned",
        "out for ever",
        by(0, EditValidator("x", 1_000, 3)),
        told=(offend((_BIG, 1)),),
    ),
]

UNJAILS = [
    accept(
        Unjail,
        "in_time",
        "jailed, out of the set at the checkpoint, back at a later one",
        *[()] * 4,
        by(0, Unjail()),
        (),
        told=(ALL_SIGN, BIG_AWAY),
    ),
    reject(
        Unjail,
        1006,
        "rolled_back",
        "an atomic transaction's next leg fails: nothing is told",
        *[()] * 4,
        by(0, Unjail(), Delegate(THIRD, 1), atomic=True),
        told=(ALL_SIGN, BIG_AWAY),
    ),
    reject(Unjail, 3001, "unknown", "the owner has none", by(2, Unjail())),
    reject(Unjail, 3008, "not_jailed", "it signs", by(0, Unjail())),
    reject(Unjail, 3009, "too_early", "jail is not over", (), by(0, Unjail()), told=(BIG_AWAY,)),
    reject(
        Unjail,
        3006,
        "slashed_below",
        "the slash left less than the self-bond minimum",
        (),
        (),
        (),
        by(1, Unjail()),
        told=(SMALL_AWAY,),
    ),
    reject(
        Unjail,
        3007,
        "tombstoned",
        "the same evidence twice is one slash",
        (),
        by(0, Unjail()),
        told=(NOTHING, offend((_BIG, 1), (_BIG, 1), (_SMALL[:19] + b"\0", 1))),
    ),
]

DELEGATIONS = [
    accept(Delegate, "to_another", "and rewards at the checkpoint", by(2, Delegate(BIG, 500)), ()),
    accept(Delegate, "to_own", "more self-bond", by(1, Delegate(SMALL, 500)), ()),
    accept(
        Delegate,
        "after_a_slash",
        "shares are cheaper, and what was earned before is paid",
        BOND,
        (),
        by(2, Delegate(SMALL, 300)),
        told=(NOTHING, NOTHING, SMALL_AWAY),
    ),
    reject(Delegate, 3001, "unknown", "nobody's", by(2, Delegate(STRANGER.address, 1))),
    reject(Delegate, 1000, "too_much", "more than is free", by(2, Delegate(BIG, 10**9))),
    reject(Delegate, 3007, "tombstoned", "", by(2, Delegate(BIG, 1)), told=(offend((_BIG, 1)),)),
    reject(
        Delegate,
        3013,
        "dust",
        "a share is worth two tokens",
        BOND,
        by(1, Undelegate(SMALL, 1)),
        by(2, Delegate(SMALL, 1)),
        told=(NOTHING, SMALL_AWAY),
    ),
    reject(
        Delegate,
        3014,
        "worthless",
        "a slash took the last token",
        by(1, Undelegate(SMALL, 2)),
        by(2, Delegate(SMALL, 1)),
        told=(NOTHING, SMALL_AWAY),
    ),
]

UNDELEGATIONS = [
    accept(
        Undelegate,
        "matures",
        "after the unbonding time and the evidence's blocks",
        by(0, Undelegate(BIG, 4_000)),
        *[()] * 6,
    ),
    accept(
        Undelegate,
        "slashed_meanwhile",
        "evidence of a block for which the stake was liable",
        by(0, Undelegate(BIG, 4_001)),
        (),
        (),
        *[()] * 4,
        told=(NOTHING, NOTHING, offend((_BIG, 2))),
    ),
    accept(
        Undelegate,
        "not_liable",
        "the offence came after the stake had left the voting power",
        by(0, Undelegate(BIG, 4_001)),
        (),
        (),
        (),
        told=(NOTHING, NOTHING, NOTHING, offend((_BIG, 4))),
    ),
    accept(
        Undelegate,
        "all_of_it",
        "what is left would be worth nothing and stays with the others",
        BOND,
        by(1, Undelegate(SMALL, 2)),
        told=(NOTHING, SMALL_AWAY),
    ),
    accept(
        Undelegate,
        "the_validator_goes",
        "nothing is left of it when its owner's stake is mature",
        by(1, Undelegate(SMALL, 3)),
        *[()] * 7,
    ),
    reject(Undelegate, 3001, "unknown", "nobody's", by(0, Undelegate(THIRD, 1))),
    reject(Undelegate, 3015, "none", "has no stake there", by(2, Undelegate(BIG, 1))),
    reject(Undelegate, 3016, "too_much", "more than its stake", by(0, Undelegate(BIG, 10_001))),
    reject(
        Undelegate,
        3017,
        "moved_there",
        "what was moved there is not mature",
        by(0, Redelegate(BIG, SMALL, 500)),
        by(0, Undelegate(SMALL, 500)),
    ),
]

REDELEGATIONS = [
    accept(
        Redelegate,
        "matures",
        "earns at once, and is plain stake after the unbonding time",
        by(0, Redelegate(BIG, SMALL, 6_000)),
        *[()] * 6,
        by(0, Redelegate(SMALL, BIG, 500)),
    ),
    accept(
        Redelegate,
        "slash_follows",
        "the source's offence takes shares of the target away",
        by(0, Redelegate(BIG, SMALL, 6_000)),
        (),
        (),
        told=(NOTHING, NOTHING, offend((_BIG, 1))),
    ),
    accept(
        Redelegate,
        "twice",
        "in one period, with rewards between",
        by(0, Redelegate(BIG, SMALL, 600)),
        by(0, Redelegate(BIG, SMALL, 600)),
        by(0, Redelegate(BIG, SMALL, 600)),
        (),
        by(0, Redelegate(BIG, SMALL, 600)),
    ),
    reject(Redelegate, 3001, "unknown", "nobody's", by(0, Redelegate(BIG, THIRD, 1))),
    reject(
        Redelegate,
        3007,
        "tombstoned",
        "the target",
        by(0, Redelegate(BIG, SMALL, 1)),
        told=(offend((_SMALL, 1)),),
    ),
    reject(Redelegate, 3015, "none", "has no stake there", by(2, Redelegate(BIG, SMALL, 1))),
    reject(
        Redelegate, 3016, "too_much", "more than its stake", by(0, Redelegate(BIG, SMALL, 10_001))
    ),
    reject(
        Redelegate,
        3017,
        "hops",
        "on to a third before it is mature",
        by(0, Redelegate(BIG, SMALL, 500)),
        by(0, Redelegate(SMALL, BIG, 500)),
    ),
]

CLAIMS = [
    accept(
        ClaimRewards,
        "rewards",
        "of the fees of the checkpoint before",
        by(2, Delegate(BIG, 5_000), Transfer(BIG, 3, 1, 0, 0)),
        (),
        by(2, ClaimRewards(BIG)),
    ),
    accept(
        ClaimRewards,
        "with_commission",
        "the validator's owner gets both",
        by(2, Delegate(BIG, 5_000)),
        (),
        by(0, ClaimRewards(BIG)),
    ),
    reject(ClaimRewards, 3001, "unknown", "nobody's", by(0, ClaimRewards(THIRD))),
    reject(ClaimRewards, 3018, "nothing", "no checkpoint yet", by(0, ClaimRewards(BIG))),
    reject(
        ClaimRewards,
        3018,
        "twice",
        "was just claimed",
        by(2, Delegate(BIG, 5_000)),
        (),
        by(0, ClaimRewards(BIG)),
        by(0, ClaimRewards(BIG)),
    ),
]

STAKING_CASES: list[Case] = [
    *UNSTAKED,
    *CREATIONS,
    *EDITS,
    *UNJAILS,
    *DELEGATIONS,
    *UNDELEGATIONS,
    *REDELEGATIONS,
    *CLAIMS,
]
STAKING_LEGS: dict[type[Message], Message] = {
    CreateValidator: NEW,
    EditValidator: EditValidator("name", 500, 10**20),
    Unjail: Unjail(),
    Delegate: Delegate(BIG, 500),
    Undelegate: Undelegate(BIG, 500),
    Redelegate: Redelegate(BIG, SMALL, 500),
    ClaimRewards: ClaimRewards(BIG),
    SetVote: SetVote(BIG, 5, 4_000),
}
"""A sample of each."""
