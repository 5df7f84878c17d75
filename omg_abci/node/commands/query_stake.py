"""The commands `omgd query validators` and `stake`: who signs, and what an owner has with them."""

from collections.abc import Iterator
from fractions import Fraction

import click

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.client import NodeClient
from omg_abci.node.commands.answers import encode_message
from omg_abci.node.commands.catalogue import Catalogue, TokenTerms, format_number
from omg_abci.node.commands.connection import connect
from omg_abci.node.commands.options import NodeOptions, OwnerOptions, with_node, with_owner
from omg_abci.node.commands.output import (
    format_count,
    format_examples,
    format_hex,
    format_span,
    format_time,
    print_object,
    print_table,
    say,
)


@click.command("validators", epilog=format_examples("omgd query validators"))
@with_node
def validators_command(options: NodeOptions) -> None:
    """List the validators: who signs and with which power, what is bonded, who is jailed."""
    with connect(options.node) as client:
        found = client.validators()
        token = _find_fee_token(client)
    if options.as_json:
        print_object(encode_message(found))
        return
    if not found.validators:
        say("this chain has no staking: its validators never change")
        return
    ranked = sorted(found.validators, key=lambda each: (-each.power, -int(each.tokens), each.owner))
    print_table(
        ("validator", "owner", "power", "bonded", "commission", "missed", "state"),
        [
            (
                each.moniker,
                format_hex(each.owner),
                each.power,
                token.format(int(each.tokens)),
                f"{format_number(Fraction(each.commission_bp, 100))} %",
                f"{each.missed_blocks}/{found.window_blocks}",
                _describe_state(each),
            )
            for each in ranked
        ],
    )
    say(
        f"the set changes at each {found.checkpoint_blocks}th block; fewer than"
        f" {found.signed_min_blocks} of {found.window_blocks} blocks signed is jailed;"
        f" undelegated stake is free after {format_span(found.unbonding_ms)}"
    )


def _describe_state(validator: pb.Validator) -> str:
    if validator.tombstoned:
        return "tombstoned"
    if validator.jailed_until_ms:
        return f"jailed until {format_time(validator.jailed_until_ms)}"
    return "signs" if validator.power else "not in the set"


@click.command("stake", epilog=format_examples("omgd query stake alice"))
@click.argument("owner")
@with_owner
def stake_command(options: OwnerOptions, *, owner: str) -> None:
    """Show what an owner has with validators, what it earned, and what unbonds or moved."""
    address = options.find_address(owner)
    with connect(options.node) as client:
        stake = client.stake(address)
        validators = client.validators()
        token = _find_fee_token(client)
    if options.as_json:
        print_object(encode_message(stake))
        return
    names = {each.owner: each.moniker for each in validators.validators}
    rows = list(_list_rows(stake, names, token))
    if rows:
        print_table(("what", "validator", "stake", "rewards", "free"), rows)
    count = format_count(len(rows), "entry") if len(rows) == 1 else f"{len(rows)} entries"
    say(f"{count} at height {stake.height}")


def _list_rows(
    stake: pb.Stake, names: dict[bytes, str], token: TokenTerms
) -> Iterator[tuple[object, ...]]:
    for held in stake.delegations:
        rewards = token.format(int(held.rewards))
        yield "bonded", names[held.validator], token.format(int(held.tokens)), rewards, ""
    for moved in stake.moving:
        way = f"{names[moved.source]} → {names[moved.target]}"
        worth, rewards = (token.format(int(each)) for each in (moved.tokens, moved.rewards))
        yield "moved", way, worth, rewards, f"to move on {format_time(moved.mature_ms)}"
    for part in stake.unbonding:
        worth, free = token.format(int(part.tokens)), format_time(part.mature_ms)
        yield "unbonding", names[part.validator], worth, "", free


def _find_fee_token(client: NodeClient) -> TokenTerms:
    return Catalogue.load(client).tokens[client.status().fee_token]
