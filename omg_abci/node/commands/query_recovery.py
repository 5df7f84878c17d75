"""The commands `omgd query guardians`, `recipients` and `limits`: what protects an account."""

from collections.abc import Iterator

import click

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.commands.answers import encode_message
from omg_abci.node.commands.catalogue import Catalogue
from omg_abci.node.commands.connection import connect
from omg_abci.node.commands.options import OwnerOptions, with_owner
from omg_abci.node.commands.output import (
    format_count,
    format_examples,
    format_hex,
    format_span,
    format_time,
    print_fields,
    print_object,
    print_table,
    say,
)
from omg_abci.node.commands.query_payments import describe_change
from omg_abci.node.commands.words_wallet import format_amount, name_token
from omg_abci.protocol.units import Millis
from omg_abci.state import schema


@click.command("guardians", epilog=format_examples("omgd query guardians alice"))
@click.argument("owner", metavar="ADDRESS")
@with_owner
def guardians_command(options: OwnerOptions, *, owner: str) -> None:
    """Show who may give an account another key, what they approved, and which key waits."""
    address = options.find_address(owner)
    with connect(options.node) as client:
        found = client.guardians(address)
        time_ms = client.status().time_ms
    if options.as_json:
        print_object(encode_message(found))
        return
    print_fields(_list_guarding(found, time_ms))
    approved = {each.guardian: each.key for each in found.approvals}
    if found.guardians:
        click.echo()
        print_table(
            ("guardian", "approved"),
            [
                (format_hex(each), format_hex(approved[each]) if each in approved else "nothing")
                for each in found.guardians
            ],
        )


def _list_guarding(found: pb.Guardians, time_ms: Millis) -> Iterator[tuple[str, object]]:
    """Yield what there is to say beside the guardians' own rows."""
    yield "account", format_hex(found.owner)
    yield "at height", found.height
    given = "" if found.key == found.owner else ", given by guardians"
    yield "own key", f"{format_hex(found.key)}{given}"
    if not found.guardians:
        yield "guardians", "none: nobody can give it another key"
        return
    enough = f"{found.threshold} of {format_count(len(found.guardians), 'guardian')}"
    yield "needs", f"{enough}, then {format_span(found.delay_ms)}"
    if found.waiting_key:
        is_ready = found.ready_ms <= time_ms
        until = "may take effect now" if is_ready else f"waits until {format_time(found.ready_ms)}"
        yield "new key", f"{format_hex(found.waiting_key)} {until}"
    elif found.approvals:
        yield "new key", "none has enough approvals yet"


@click.command("recipients", epilog=format_examples("omgd query recipients alice"))
@click.argument("owner", metavar="ADDRESS")
@with_owner
def recipients_command(options: OwnerOptions, *, owner: str) -> None:
    """Show whom an account pays, whoever signs for it."""
    address = options.find_address(owner)
    with connect(options.node) as client:
        found = client.recipients(address)
        time_ms = client.status().time_ms
    if options.as_json:
        print_object(encode_message(found))
        return
    if not found.bound:
        click.echo(f"the account pays anybody, at height {found.height}")
        return
    print_table(
        ("recipient", "may be paid"),
        [
            (
                format_hex(each.recipient),
                "now" if each.since_ms <= time_ms else f"from {format_time(each.since_ms)}",
            )
            for each in found.recipients
        ],
    )
    lifted = f"; anybody from {format_time(found.lifts_ms)}" if found.lifts_ms else ""
    say(f"{format_count(len(found.recipients), 'recipient')} at height {found.height}{lifted}")


@click.command("limits", epilog=format_examples("omgd query limits alice"))
@click.argument("owner", metavar="ADDRESS")
@with_owner
def limits_command(options: OwnerOptions, *, owner: str) -> None:
    """Show what an account pays at most in a day, whoever signs for it.

    omgd query allowances shows beside it what each of its agents may pay.
    """
    address = options.find_address(owner)
    with connect(options.node) as client:
        found = client.allowances(address)
        catalogue = Catalogue.load(client)
    if options.as_json:
        encoded = encode_message(found)
        own = {name: encoded[name] for name in ("height", "owner", "limits")}
        print_object(own | {"keys": [format_hex(schema.compute_limits_key(address))]})
        return
    if found.limits:
        print_table(
            ("token", "a day", "left today", "changes"),
            [
                (
                    name_token(each.token, catalogue),
                    format_amount(each.token, int(each.daily), catalogue),
                    format_amount(each.token, int(each.left_today), catalogue),
                    describe_change(each, catalogue),
                )
                for each in found.limits
            ],
        )
    count = format_count(len(found.limits), "limit")
    say(f"{count} at height {found.height}; days are those of UTC")
