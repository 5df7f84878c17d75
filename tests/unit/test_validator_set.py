"""Who signs: the order of the candidates, the bounds, and a set that is never empty."""

import pytest

from omg_abci.protocol import errors, limits
from omg_abci.protocol.consensus import Offence, ValidatorUpdate
from omg_abci.protocol.crypto import compute_address
from omg_abci.protocol.messages import CreateValidator, Delegate, Redelegate, Undelegate
from omg_abci.protocol.results import ValidatorSlashed
from omg_abci.protocol.units import Fault
from omg_abci.rules.checkpoints import begin_staking, end_staking
from omg_abci.rules.context import LegContext
from omg_abci.rules.slashing import slash
from omg_abci.rules.stake_math import (
    compute_cut,
    compute_new_shares,
    compute_sold_shares,
    compute_worth,
)
from omg_abci.rules.staking import process_delegate, process_redelegate, process_undelegate
from omg_abci.rules.validators import process_create_validator
from omg_abci.state.diff import compute_changes, store_changes
from omg_abci.state.genesis import build_genesis
from omg_abci.state.loading import load_state
from omg_abci.state.validator_set import compute_powers
from omg_abci.state.working import WorkingState
from tests.cast import CHAIN_ID, OWNERS, PUBLIC_KEYS, START_MS
from tests.vectors.genesis import STAKING_GENESIS

BIG, SMALL = OWNERS[0].address, OWNERS[1].address
_ADDRESSES = [place.to_bytes(20, "big") for place in range(1, 202)]


def test_the_strongest_hundred_sign() -> None:
    """Highest power first; of equal ones the smaller address."""
    candidates = [(address, 5_000) for address in reversed(_ADDRESSES[:150])]
    candidates += [(address, 6_999) for address in _ADDRESSES[150:]]
    powers = compute_powers(candidates, 1_000)
    assert len(powers) == 100
    assert powers == {
        **dict.fromkeys(_ADDRESSES[150:], 6),
        **dict.fromkeys(_ADDRESSES[:49], 5),
    }


def test_less_than_a_unit_is_nothing() -> None:
    """Whoever has no whole unit is not in the set."""
    assert compute_powers([(BIG, 999), (SMALL, 1_000)], 1_000) == {SMALL: 1}
    assert compute_powers([(BIG, 999)], 1_000) == {}


def test_no_sum_is_above_what_cometbft_counts() -> None:
    """A hundred validators of the greatest power together are within the bound."""
    powers = compute_powers([(address, limits.AMOUNT_MAX) for address in _ADDRESSES], 1)
    assert 0 < sum(powers.values()) <= limits.POWER_TOTAL_MAX < 2**63 // 8


# --- on a state -------------------------------------------------------------------------------


def open_state(height: int = 1) -> WorkingState:
    """Return the state of the vectors' staking genesis with a block open."""
    state = load_state(CHAIN_ID, build_genesis(CHAIN_ID, STAKING_GENESIS)[0])
    state.begin_block(height, START_MS, bytes(32))
    return state


def context(state: WorkingState, owner: bytes) -> LegContext:
    """Return what a leg of an owner knows."""
    return LegContext(state.get_account(owner), 0)


def test_the_set_is_never_empty() -> None:
    """When everybody is tombstoned at once the last set stays, and nothing is answered."""
    state = open_state(height=2)
    offences = [Offence(compute_address(key), 1) for key in PUBLIC_KEYS[:2]]
    begin_staking(state, (), offences)
    assert [each.tombstoned for each in state.validators.values()] == [1, 1]
    assert end_staking(state) == ()
    assert {owner: each.told_power for owner, each in state.validators.items()} == {
        BIG: 10_000,
        SMALL: 3,
    }


def test_only_the_difference_is_told() -> None:
    """Each validator that changed, once, and at checkpoints only."""
    state = open_state()
    process_delegate(state, context(state, OWNERS[2].address), Delegate(SMALL, 70))
    assert end_staking(state) == ()
    store_changes(state, compute_changes(state))
    state.commit()
    state.begin_block(2, START_MS + 1, bytes(32))
    process_delegate(state, context(state, OWNERS[2].address), Delegate(SMALL, 7))
    assert end_staking(state) == (ValidatorUpdate(PUBLIC_KEYS[1], 80),)
    store_changes(state, compute_changes(state))
    state.commit()
    state.begin_block(4, START_MS + 2, bytes(32))
    assert end_staking(state) == ()


def test_there_are_no_more_candidates_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint sorts a bounded number of validators."""
    monkeypatch.setattr(limits, "CANDIDATES_MAX", 3)
    state = open_state()
    for place, refusal in ((2, None), (3, errors.TooManyValidators)):
        msg = CreateValidator(PUBLIC_KEYS[place], "more", 0, 0, 0, 3, 3)
        ctx = context(state, OWNERS[place].address)
        if refusal is None:
            process_create_validator(state, ctx, msg)
        else:
            with pytest.raises(refusal):
                process_create_validator(state, ctx, msg)


def test_shares_stay_within_their_record() -> None:
    """Shares that slashes made cheap cannot be bought beyond what a record holds."""
    state = open_state()
    validator = state.validators[SMALL]
    state.set_validator(SMALL, validator._replace(tokens=1, shares=limits.SHARES_MAX - 1))
    ctx = context(state, BIG)
    with pytest.raises(errors.ValidatorWorthless):
        process_delegate(state, ctx, Delegate(SMALL, 1))


@pytest.mark.parametrize("leavers", [1, 500])
def test_a_slash_writes_the_same_however_many_left(leavers: int) -> None:
    """Two validators, two pools and the pots: no delegator is visited."""
    state = open_state()
    for place in range(1, leavers + 1):
        owner = (1_000 + place).to_bytes(20, "big")
        state.change_balance(state.get_balance(owner, 0, 1), 900, 0)
        ctx = context(state, owner)
        process_delegate(state, ctx, Delegate(BIG, 600))
        process_undelegate(state, ctx, Undelegate(BIG, 200))
        process_redelegate(state, ctx, Redelegate(BIG, SMALL, 300))
    store_changes(state, compute_changes(state))
    state.commit()
    state.begin_block(2, START_MS + 1, bytes(32))
    staking = state.staking
    assert staking is not None
    slash(state, staking._replace(equivocation_bp=5_000), BIG, 1, Fault.EQUIVOCATION)
    changes = compute_changes(state)
    assert [key[:1].hex() for key, _ in changes.diff] == ["01", "10", "11", "11", "15", "17"]
    assert state.staking is not None
    bonded, left = 10_000 + 100 * leavers, 500 * leavers
    assert state.staking.slashed == (bonded + left) // 2
    told = ValidatorSlashed(BIG, Fault.EQUIVOCATION, 1, (bonded + left) // 2, left // 2)
    assert state.events == [told]


def test_worked_example_of_the_spec() -> None:
    """The numbers of docs/spec/staking.md#shares."""
    slashed = open_state().validators[BIG]._replace(tokens=7_500, shares=10_000)
    assert compute_cut(10_000, 2_500) == 10_000 - slashed.tokens
    assert compute_new_shares(slashed, 300) == 400
    more = slashed._replace(tokens=7_800, shares=10_400)
    assert compute_worth(more, 400) == 300
    sold = compute_sold_shares(more, 1_000, 100)
    assert sold == 134
    assert compute_worth(more._replace(tokens=7_700, shares=10_400 - sold), 866) == 649
