"""The command `omgd vote`: what the network may cost, and its other numbers."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import click

from omg_abci.node.commands.catalogue import TokenTerms
from omg_abci.node.commands.failure import CommandError
from omg_abci.node.commands.options import gather
from omg_abci.node.commands.output import format_examples
from omg_abci.node.commands.sending import SendOptions, Session, open_session, with_send_options
from omg_abci.node.commands.validator import find_validator, require_staking
from omg_abci.node.commands.words_staking import AMOUNTS
from omg_abci.protocol.parameters import (
    PARAMETERS,
    compute_step_floor,
)
from omg_abci.protocol.units import Address
from wallet_sdk import build_stake

PARAMETER_NAMES: Final = {
    parameter.name.replace("_", "-"): number for number, parameter in PARAMETERS.items()
}
"""How people call what stakers vote on."""
_COUNT: Final = click.IntRange(min=1)


class _Votes(NamedTuple):
    """What is voted for; None: nothing is said of it."""

    cost: str | None
    target_work: int | None
    market_bond: str | None
    self_bond_min: str | None
    jail_ms: int | None
    downtime_bp: int | None
    equivocation_bp: int | None
    withdraw: tuple[str, ...]


_with_votes = gather(
    _Votes,
    (
        click.option("--cost", metavar="AMOUNT", help="What the network costs an epoch, in coins."),
        click.option(
            "--target-work",
            type=_COUNT,
            help="Work of a block that is neither empty nor congested: 4,000 to 4,000,000.",
        ),
        click.option(
            "--market-bond", metavar="AMOUNT", help="What creating a market locks, in coins."
        ),
        click.option(
            "--self-bond-min",
            metavar="AMOUNT",
            help="What every new validator bonds of its own at least, in coins.",
        ),
        click.option(
            "--jail-ms", type=_COUNT, help="How long a jail is: 1,000 to 1,000,000,000 ms."
        ),
        click.option(
            "--downtime-bp",
            type=_COUNT,
            help="Slashed for being away: 1 to 100 basis points of the stake.",
        ),
        click.option(
            "--equivocation-bp",
            type=_COUNT,
            help="Slashed for signing two blocks of one height: 100 to 5,000 basis points.",
        ),
        click.option(
            "--withdraw",
            multiple=True,
            type=click.Choice(list(PARAMETER_NAMES)),
            help="Have no vote on this number any more; may be given again.",
        ),
    ),
)


@click.command(
    "vote",
    epilog=format_examples(
        "omgd vote --cost 0.05 --from alice",
        "omgd vote --cost 0.05 --market-bond 200 --validator alice --from grace",
        "omgd vote --withdraw cost --from alice",
    ),
)
@_with_votes
@click.option(
    "--validator",
    metavar="OWNER",
    help="With whom the stake is that votes; by default the signer's own validator, or the only"
    " one it has stake with.",
)
@with_send_options
def vote_command(votes: _Votes, options: SendOptions, *, validator: str | None) -> None:
    """Say what a number of the chain should be; it stands until it is said anew.

    At the end of each epoch every number moves towards the stake-weighted median of the votes.
    A validator's vote counts for all stake with it, except for that of delegators who vote
    themselves. Votes stand on a grid of about an eighth: a value between two steps is brought to
    the step below. omgd query votes shows who votes for what.
    """
    with open_session(options) as session:
        owner = _find_stake(session, validator)
        wanted = list(_list_wanted(votes, session.fee_token))
        if not wanted:
            raise click.UsageError("nothing to vote on: give --cost or another number")
        legs, notes = [], []
        for number, value in wanted:
            _require_bounds(number, value, session.fee_token)
            step = compute_step_floor(value) if value else 0
            legs.append(build_stake.set_vote(owner, number, step))
            if step != value:
                given, taken = (format_value(number, v, session.fee_token) for v in (value, step))
                notes.append(f"{given} is between two steps of the grid: brought to {taken}")
        session.send(*legs, note="; ".join(notes))


def _list_wanted(votes: _Votes, token: TokenTerms) -> Iterator[tuple[int, int]]:
    """Yield each number that is voted on, with the value, 0 for a vote that is withdrawn."""
    for name, number in PARAMETER_NAMES.items():
        given = getattr(votes, name.replace("-", "_"))
        if given is not None and name in votes.withdraw:
            raise click.UsageError(f"--{name} and --withdraw {name} contradict each other")
        if given is not None:
            yield number, token.parse(given) if number in AMOUNTS else given
        elif name in votes.withdraw:
            yield number, 0


def _require_bounds(number: int, value: int, token: TokenTerms) -> None:
    """Raise CommandError for what no vote may say."""
    bounds = PARAMETERS[number]
    if value and not bounds.lowest <= value <= bounds.highest:
        least, most = (
            format_value(number, each, token) for each in (bounds.lowest, bounds.highest)
        )
        raise CommandError(
            "BadVote",
            f"{bounds.name} {format_value(number, value, token)} is out of bounds",
            f"from {least} to {most}",
        )


def format_value(number: int, value: int, token: TokenTerms) -> str:
    """Return a value that is voted for, in coins where it is an amount."""
    return token.format(value) if number in AMOUNTS else f"{value:,}"


def _find_stake(session: Session, validator: str | None) -> Address:
    """Return the validator with whom the signer's stake votes; raise CommandError."""
    found = require_staking(session)
    if validator is not None:
        owner = session.names.find_address(validator)
        if find_validator(found, owner) is None:
            raise CommandError("UnknownValidator", f"{validator} owns no validator")
        return owner
    if find_validator(found, session.owner) is not None:
        return session.owner
    stake = session.client.stake(session.owner)
    held = [each.validator for each in stake.delegations if int(each.shares)]
    if not held:
        raise CommandError("NoDelegation", "the signer has no stake to vote with")
    if len(held) > 1:
        names = [f"0x{each.hex()}" for each in held]
        raise CommandError(
            "which_validator",
            "the signer has stake with several validators, and each votes for itself",
            f"--validator names one of {', '.join(names)}",
        )
    only: Address = held[0]
    return only
