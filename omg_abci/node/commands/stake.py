"""The commands `omgd stake delegate|undelegate|redelegate|rewards`: what stakers do."""

from typing import Final

import click

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.commands.failure import CommandError
from omg_abci.node.commands.numbers import format_percent
from omg_abci.node.commands.output import format_count, format_examples, format_span
from omg_abci.node.commands.sending import SendOptions, Session, open_session, with_send_options
from omg_abci.node.commands.validator import find_validator, require_staking
from omg_abci.protocol.limits import LEGS_TYPED_MAX
from omg_abci.protocol.units import Address, Amount
from wallet_sdk import build_stake

_ALL: Final = "all"


@click.group(
    "stake",
    epilog=format_examples(
        "omgd stake delegate alice 5000 --from grace",
        "omgd stake redelegate alice bob 1000 --from grace",
        "omgd stake undelegate bob all --from grace",
        "omgd stake rewards --from grace",
    ),
)
def stake_group() -> None:
    """Bond tokens to validators, move them, take them back, claim what they earned.

    VALIDATOR is the address or the key's name of its owner: omgd query validators lists them.
    AMOUNT is in coins of the fee token. Only an account's own key may do this, no agent's; what it
    has with whom is told by omgd query stake.
    """


@stake_group.command("delegate", epilog=format_examples("omgd stake delegate alice 5 --from grace"))
@click.argument("validator")
@click.argument("amount")
@with_send_options
def delegate_command(options: SendOptions, *, validator: str, amount: str) -> None:
    """Bond AMOUNT to VALIDATOR: it earns from now on, and answers for what VALIDATOR does."""
    with open_session(options) as session:
        found = require_staking(session)
        target = _find_target(session, found, validator)
        tokens = session.fee_token.parse(amount)
        note = (
            f"to {target.moniker!r}, whose commission is {format_percent(target.commission_bp)};"
            f" taken back it is free after {format_span(found.unbonding_ms)}"
        )
        session.send(build_stake.delegate(target.owner, tokens), note=note)


@stake_group.command(
    "undelegate",
    epilog=format_examples(
        "omgd stake undelegate alice 5 --from grace", "omgd stake undelegate alice all --from grace"
    ),
)
@click.argument("validator")
@click.argument("amount", metavar="AMOUNT|all")
@with_send_options
def undelegate_command(options: SendOptions, *, validator: str, amount: str) -> None:
    """Take AMOUNT back from VALIDATOR; it is free after the unbonding time.

    Until then it earns nothing, and is slashed for what VALIDATOR did before.
    """
    with open_session(options) as session:
        found = require_staking(session)
        source = _find_target(session, found, validator)
        tokens = _parse_held(session, source, amount)
        note = f"from {source.moniker!r}; free after {format_span(found.unbonding_ms)}"
        session.send(build_stake.undelegate(source.owner, tokens), note=note)


@stake_group.command(
    "redelegate", epilog=format_examples("omgd stake redelegate alice bob 5 --from grace")
)
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.argument("amount", metavar="AMOUNT|all")
@with_send_options
def redelegate_command(options: SendOptions, *, source: str, target: str, amount: str) -> None:
    """Move AMOUNT FROM one validator TO another at once, without a break in what it earns.

    For the unbonding time it stays there: it moves on and unbonds only after that.
    """
    with open_session(options) as session:
        found = require_staking(session)
        left, joined = (_find_target(session, found, each) for each in (source, target))
        tokens = _parse_held(session, left, amount)
        note = (
            f"from {left.moniker!r} to {joined.moniker!r}; it stays there for"
            f" {format_span(found.unbonding_ms)}"
        )
        session.send(build_stake.redelegate(left.owner, joined.owner, tokens), note=note)


@stake_group.command(
    "rewards",
    epilog=format_examples(
        "omgd stake rewards --from grace", "omgd stake rewards alice --from grace"
    ),
)
@click.argument("validator", required=False)
@with_send_options
def rewards_command(options: SendOptions, *, validator: str | None) -> None:
    """Claim what one's stake earned, and the commission of one's own validator.

    With every validator that owes something, or with VALIDATOR only. Delegating more, taking back
    and moving pay by themselves what was earned until then.
    """
    with open_session(options) as session:
        found = require_staking(session)
        owed = _list_owed(session, found)
        if validator is not None:
            chosen = _find_target(session, found, validator).owner
            owed = {chosen: owed.get(chosen, 0)}
        if not any(owed.values()):
            raise CommandError("NothingToClaim", "there are no rewards to claim")
        dearest = sorted(owed, key=lambda each: (-owed[each], each))[:LEGS_TYPED_MAX]
        rest = len(owed) - len(dearest)
        note = f"about {session.fee_token.format(sum(owed[each] for each in dearest))} by now" + (
            f"; {format_count(rest, 'validator')} owe less: claim again" if rest else ""
        )
        session.send(*[build_stake.claim_rewards(each) for each in dearest], note=note)


def _list_owed(session: Session, found: pb.ListValidatorsResponse) -> dict[Address, Amount]:
    """Return what each validator owes the signer, where it is anything."""
    owed = {
        each.validator: int(each.rewards)
        for each in session.client.stake(session.owner).delegations
    }
    own = find_validator(found, session.owner)
    if own is not None:
        owed[own.owner] = owed.get(own.owner, 0) + int(own.commission)
    return {owner: amount for owner, amount in owed.items() if amount}


def _find_target(session: Session, found: pb.ListValidatorsResponse, text: str) -> pb.Validator:
    """Return the validator whose owner is written or named; raise CommandError."""
    owner = session.names.find_address(text)
    validator = find_validator(found, owner)
    if validator is None:
        raise CommandError("UnknownValidator", f"{text} owns no validator")
    return validator


def _parse_held(session: Session, validator: pb.Validator, amount: str) -> Amount:
    """Return an amount, or for `all` what the signer's stake there is worth; raise CommandError."""
    if amount.lower() != _ALL:
        return session.fee_token.parse(amount)
    stake = session.client.stake(session.owner)
    held = sum(int(each.tokens) for each in stake.delegations if each.validator == validator.owner)
    if not held:
        raise CommandError("NoDelegation", f"the signer has no stake with {validator.moniker!r}")
    return held
