"""Cases of votes and epochs: a chain whose epochs are two blocks."""

from functools import partial

from omg_abci.protocol.messages import Delegate, SetVote, Transfer, Undelegate
from omg_abci.protocol.parameters import COST, MARKET_BOND, SELF_BOND_MIN, TARGET_WORK
from tests.vectors import case_types
from tests.vectors.case_types import Case, by
from tests.vectors.cases_staking import BIG, SMALL, THIRD
from tests.vectors.genesis import FEES_GENESIS, STAKING_GENESIS

accept = partial(case_types.accept, genesis=FEES_GENESIS)
reject = partial(case_types.reject, genesis=FEES_GENESIS)

LOW = SetVote(BIG, COST, 200)
BOND = by(2, Delegate(BIG, 8_000))
PAY = by(1, Transfer(BIG, 3, 1, 0, 0))
_WANTED = {1: 1_000, 2: 4_000, 3: 10**6, 4: 4, 5: 2_000, 6: 1, 7: 100}

FEE_CASES: list[Case] = [
    accept(
        SetVote,
        "cost_falls",
        "the largest validator's vote is the median, and the next epoch pays it",
        by(0, LOW),
        (),
        PAY,
        (),
        PAY,
    ),
    accept(
        SetVote,
        "cost_grows",
        "by a quarter an epoch at most",
        by(0, LOW._replace(value=9_000)),
        (),
        PAY,
        (),
    ),
    accept(
        SetVote,
        "refund",
        "what is above the cost goes back to who paid, when they pay again",
        by(0, LOW),
        by(1, Transfer(BIG, 3, 1, 0, 0), Transfer(BIG, 3, 2, 0, 0)),
        PAY,
        by(0, Transfer(SMALL, 3, 1, 0, 0)),
    ),
    accept(
        SetVote,
        "override",
        "a delegator's own vote counts for its stake, the validator's for the rest",
        BOND,
        by(0, LOW._replace(value=900)),
        by(2, SetVote(BIG, COST, 100)),
        by(2, Undelegate(BIG, 100)),
    ),
    accept(
        SetVote,
        "override_leaves",
        "who takes all its stake back has no vote any more",
        BOND,
        by(2, SetVote(BIG, COST, 100), SetVote(BIG, MARKET_BOND, 50)),
        by(2, Undelegate(BIG, 8_000)),
        (),
    ),
    accept(
        SetVote,
        "withdrawn",
        "and again, which changes nothing",
        by(0, LOW, LOW._replace(value=0), LOW._replace(value=0)),
        (),
    ),
    accept(
        SetVote,
        "every_number",
        "each moves at its own pace",
        by(0, *[SetVote(BIG, number, value) for number, value in _WANTED.items()]),
        (),
        (),
        (),
    ),
    accept(
        SetVote,
        "changed",
        "the new vote takes the place of the old one",
        BOND,
        by(2, SetVote(BIG, TARGET_WORK, 4_000)),
        by(2, SetVote(BIG, TARGET_WORK, 4_500)),
    ),
    accept(
        SetVote,
        "small_validator",
        "with less than half of the stake it is not the lower median",
        by(0, LOW),
        by(1, SetVote(SMALL, COST, 900), SetVote(SMALL, SELF_BOND_MIN, 9)),
        (),
    ),
    reject(SetVote, 3001, "unknown", "there is no such validator", by(0, SetVote(THIRD, COST, 9))),
    reject(SetVote, 3015, "none", "a stranger to the validator", by(2, LOW)),
    reject(
        SetVote,
        3015,
        "gone",
        "all stake was taken back",
        BOND,
        by(2, Undelegate(BIG, 8_000)),
        by(2, LOW),
    ),
    case_types.reject(
        SetVote,
        3019,
        "fixed",
        "genesis has no fees section",
        by(0, LOW),
        genesis=STAKING_GENESIS,
    ),
    case_types.reject(SetVote, 3000, "no_staking", "genesis has no staking section", by(0, LOW)),
]
