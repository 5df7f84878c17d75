"""Standing votes of stakers on the chain's numbers, and what follows of them (docs/spec/fees.md).

A validator's vote counts for all of its shares but those whose holders vote themselves. These are
in one histogram a validator and parameter, kept up to date as shares and votes change: so a tally
looks at validators, never at delegators.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import SetVote
from omg_abci.protocol.parameters import PARAMETERS, compute_step, compute_value
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.units import Address, Amount
from omg_abci.rules.context import LegContext
from omg_abci.rules.stake_math import require_staking, require_validator
from omg_abci.state import schema
from omg_abci.state.fee_records import VotesRecord
from omg_abci.state.stake_records import ValidatorRecord
from omg_abci.state.tally import Tally
from omg_abci.state.working import WorkingState

_NEVER: Final = 1 << 16
"""A step that no tally reaches."""


def process_set_vote(state: WorkingState, ctx: LegContext, msg: SetVote) -> LegResult:
    """Set or withdraw a standing vote; raise NoStaking, FeesFixed, UnknownValidator, NoDelegation.

    Withdrawing what was never said is not an error: the staker wants to have no vote, and has none.
    """
    ctx.work += limits.WORK_STAKE
    require_staking(state)
    if state.fees is None:
        raise errors.FeesFixed
    require_validator(state, msg.validator)
    staker = ctx.account.owner
    delegation = state.find_delegation(staker, msg.validator)
    if staker != msg.validator and (delegation is None or not delegation.shares):
        raise errors.NoDelegation

    votes = state.find_votes(staker, msg.validator)
    step = compute_step(msg.value) if msg.value else None
    if delegation is not None and staker != msg.validator:
        old = None if votes is None else votes.get_step(msg.parameter)
        _move(state, msg.validator, msg.parameter, old, step, delegation.shares)
    steps = [] if votes is None else [each for each in votes.steps if each[0] != msg.parameter]
    if step is not None:
        steps.append((msg.parameter, step))
    record = VotesRecord(tuple(sorted(steps))) if steps else None
    state.set_stake(schema.compute_votes_key(staker, msg.validator), record)
    return LegResult()


def _move(
    state: WorkingState,
    validator: Address,
    parameter: int,
    old: int | None,
    new: int | None,
    shares: int,
) -> None:
    if old != new:
        if old is not None:
            state.add_to_tally(validator, parameter, old, -shares)
        if new is not None:
            state.add_to_tally(validator, parameter, new, shares)


def note_shares(
    state: WorkingState, staker: Address, validator: Address, before: int, after: int
) -> None:
    """Let a staker's own votes weigh what its shares are now; without shares they are gone."""
    if staker == validator:
        return
    votes = state.find_votes(staker, validator)
    if votes is None:
        return
    for parameter, step in votes.steps:
        state.add_to_tally(validator, parameter, step, after - before)
    if not after:
        state.set_stake(schema.compute_votes_key(staker, validator), None)


def compute_median(state: WorkingState, parameter: int) -> tuple[int, Amount]:
    """Return the lower stake-weighted median of the votes, and the tokens behind them.

    The lowest value such that those who vote for it or less are at least half. Of the validators
    in the set that are not jailed; (0, 0) when nobody votes.
    """
    ballots = [
        ballot
        for owner in sorted(state.validators)
        if (ballot := _find_ballot(state, owner, parameter)) is not None
    ]
    last = compute_step(PARAMETERS[parameter].highest) or 0
    total = _count_until(ballots, last)
    if not total:
        return 0, 0
    lowest, highest = 0, last
    while lowest < highest:
        middle = (lowest + highest) // 2
        if 2 * _count_until(ballots, middle) >= total:
            highest = middle
        else:
            lowest = middle + 1
    return compute_value(lowest), total


class _Ballot(NamedTuple):
    """How the shares of a validator vote on one number."""

    validator: ValidatorRecord
    tally: Tally
    step: int
    """Of those that do not vote themselves; behind all steps when the owner does not either."""


def _find_ballot(state: WorkingState, owner: Address, parameter: int) -> _Ballot | None:
    validator = state.validators[owner]
    if not validator.told_power or validator.is_jailed or not validator.shares:
        return None
    tally, votes = state.get_tally(owner, parameter), state.find_votes(owner, owner)
    step = None if votes is None else votes.get_step(parameter)
    if step is None and not tally.total:
        return None
    return _Ballot(validator, tally, _NEVER if step is None else step)


def _count_until(ballots: Sequence[_Ballot], step: int) -> Amount:
    """Return the tokens that vote for a step or less, rounded down for each validator."""
    tokens = 0
    for validator, tally, step_of_rest in ballots:
        shares = tally.sum_until(step)
        if step_of_rest <= step:
            shares += validator.shares - tally.total
        tokens += shares * validator.tokens // validator.shares
    return tokens
