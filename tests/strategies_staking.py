"""Hypothesis strategies for the legs about stake.

Drawn small, validators are the owners of the tests and amounts are within their balances.
"""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from omg_abci.protocol import limits
from omg_abci.protocol.messages import (
    ClaimRewards,
    CreateValidator,
    Delegate,
    EditValidator,
    Message,
    Redelegate,
    SetVote,
    Undelegate,
    Unjail,
)
from omg_abci.protocol.parameters import PARAMETERS, compute_step_floor
from tests.cast import OWNERS, PUBLIC_KEYS, STRANGER
from tests.field_draws import addresses, numbers

_MONIKERS = st.sampled_from(["one", "zwei", "drei\u00df", "4"])
_WIDE_MONIKERS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=16).filter(
    str.isprintable
)
_RATES = st.sampled_from([0, 100, 500, 9_000])


def _validators(*, wide: bool) -> SearchStrategy[bytes]:
    if wide:
        return addresses(wide=True)
    return st.sampled_from([key.address for key in (*OWNERS, *OWNERS[:2], STRANGER)])


def _amounts(*, wide: bool) -> SearchStrategy[int]:
    small = st.sampled_from([1, 2, 7, 100, 999, 1_000, 25_000, 10**8])
    return numbers(1, limits.AMOUNT_MAX, wide=True) if wide else small


def create_validator(*, wide: bool = False) -> SearchStrategy[CreateValidator]:
    """Draw new validators."""

    def build(
        key: bytes, moniker: str, rates: list[int], least: int, amount: int
    ) -> CreateValidator:
        step, rate, most = sorted(rates)
        return CreateValidator(key, moniker, rate, most, step, least, amount)

    rates = st.integers(0, limits.BASIS_POINTS) if wide else _RATES
    return st.builds(
        build,
        st.sampled_from(PUBLIC_KEYS),
        _WIDE_MONIKERS if wide else _MONIKERS,
        st.lists(rates, min_size=3, max_size=3),
        _amounts(wide=wide),
        _amounts(wide=wide),
    )


def edit_validator(*, wide: bool = False) -> SearchStrategy[EditValidator]:
    """Draw changes of one's own validator."""
    return st.builds(
        EditValidator,
        _WIDE_MONIKERS if wide else _MONIKERS,
        st.integers(0, limits.BASIS_POINTS) if wide else _RATES,
        _amounts(wide=wide),
    )


def unjail(*, wide: bool = False) -> SearchStrategy[Unjail]:
    """Draw the one message that says nothing."""
    del wide
    return st.just(Unjail())


def delegate(*, wide: bool = False) -> SearchStrategy[Delegate]:
    """Draw bonds."""
    return st.builds(Delegate, _validators(wide=wide), _amounts(wide=wide))


def undelegate(*, wide: bool = False) -> SearchStrategy[Undelegate]:
    """Draw what takes stake back."""
    return st.builds(Undelegate, _validators(wide=wide), _amounts(wide=wide))


def redelegate(*, wide: bool = False) -> SearchStrategy[Redelegate]:
    """Draw moves from one validator to another."""
    validators = st.lists(_validators(wide=wide), min_size=2, max_size=2, unique=True)
    return st.builds(
        lambda pair, amount: Redelegate(pair[0], pair[1], amount), validators, _amounts(wide=wide)
    )


def claim_rewards(*, wide: bool = False) -> SearchStrategy[ClaimRewards]:
    """Draw claims."""
    return st.builds(ClaimRewards, _validators(wide=wide))


def set_vote(*, wide: bool = False) -> SearchStrategy[SetVote]:
    """Draw standing votes, some of them withdrawn."""

    def draw_values(number: int) -> SearchStrategy[SetVote]:
        bounds = PARAMETERS[number]
        values = st.integers(bounds.lowest, bounds.highest).map(compute_step_floor)
        allowed = values.filter(lambda value: value >= bounds.lowest)
        return st.builds(SetVote, _validators(wide=wide), st.just(number), st.just(0) | allowed)

    return st.sampled_from(sorted(PARAMETERS)).flatmap(draw_values)


STAKING_STRATEGIES: dict[type[Message], SearchStrategy[Message]] = {
    CreateValidator: create_validator(),
    EditValidator: edit_validator(),
    Unjail: unjail(),
    Delegate: delegate(),
    Undelegate: undelegate(),
    Redelegate: redelegate(),
    ClaimRewards: claim_rewards(),
    SetVote: set_vote(),
}
"""Small messages of each kind."""
WIDE_STAKING: SearchStrategy[Message] = st.one_of(
    create_validator(wide=True),
    edit_validator(wide=True),
    unjail(wide=True),
    delegate(wide=True),
    undelegate(wide=True),
    redelegate(wide=True),
    claim_rewards(wide=True),
    set_vote(wide=True),
)
"""Messages of every kind whose fields take their whole range."""
