"""The commands `omgd query allowances`, `requests`, `offers`: what may be paid, and for what."""

from typing import Final

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
    format_time,
    print_object,
    print_table,
    say,
)
from omg_abci.node.commands.words_wallet import format_amount, name_token

_PAGE: Final = 100


@click.command("allowances", epilog=format_examples("omgd query allowances alice"))
@click.argument("owner")
@with_owner
def allowances_command(options: OwnerOptions, *, owner: str) -> None:
    """Show what an owner's agents may still pay, in all and today, and the account's own limits."""
    address = options.find_address(owner)
    with connect(options.node) as client:
        found = client.allowances(address)
        catalogue = Catalogue.load(client)
    if options.as_json:
        print_object(encode_message(found))
        return

    def show(token: int, amount: str) -> str:
        return format_amount(token, int(amount), catalogue)

    rows = [
        (
            format_hex(each.agent),
            show(each.token, each.left),
            show(each.token, each.daily),
            show(each.token, each.left_today),
            "",
        )
        for each in found.allowances
    ]
    for limit in found.limits:
        daily, today = (show(limit.token, each) for each in (limit.daily, limit.left_today))
        rows.append(("all together", "", daily, today, describe_change(limit, catalogue)))
    if rows:
        print_table(("who", "left in all", "a day", "left today", "changes"), rows)
    say(f"{format_count(len(rows), 'bound')} at height {found.height}; days are those of UTC")


def describe_change(limit: pb.Limit, catalogue: Catalogue) -> str:
    """Return what a limit will be, and when; nothing when it stays."""
    if not limit.next_ms:
        return ""
    later = int(limit.next_daily)
    what = format_amount(limit.token, later, catalogue) if later else "no limit"
    return f"{what} from {format_time(limit.next_ms)}"


@click.command("requests", epilog=format_examples("omgd query requests bob"))
@click.argument("payee")
@click.option("--after", type=click.IntRange(min=0), default=0, help="Only higher numbers.")
@click.option(
    "--limit", type=click.IntRange(1, 1_000), default=_PAGE, show_default=True, help="At most."
)
@with_owner
def requests_command(options: OwnerOptions, *, payee: str, after: int, limit: int) -> None:
    """List the payment requests of PAYEE that are open, and what came in so far."""
    address = options.find_address(payee)
    with connect(options.node) as client:
        found = client.requests(address, after, limit)
        catalogue = Catalogue.load(client)
    if options.as_json:
        print_object(encode_message(found))
        return
    if found.requests:
        print_table(
            ("request", "amount", "payments left", "paid so far", "of one payer", "until"),
            [_list_request(each, catalogue) for each in found.requests],
        )
    more = f"; --after {found.requests[-1].request} lists more" if found.more else ""
    say(f"{format_count(len(found.requests), 'request')} at height {found.height}{more}")


def _list_request(each: pb.Request, catalogue: Catalogue) -> tuple[object, ...]:
    amount, cap = int(each.amount), int(each.payer_cap)
    any_amount = f"any {name_token(each.token, catalogue)}"
    until = format_time(each.expires_ms)
    return (
        each.request,
        format_amount(each.token, amount, catalogue) if amount else any_amount,
        f"{each.uses_left:,}",
        format_amount(each.token, int(each.paid), catalogue),
        f"at most {format_amount(each.token, cap, catalogue)}" if cap else "any",
        f"{until}, expired" if each.expired else until,
    )


@click.command("offers", epilog=format_examples("omgd query offers POINTS"))
@click.argument("token")
@click.option("--provider", metavar="ADDRESS", help="Of this one only.")
@click.option("--after", metavar="ADDRESS", help="Only providers above this address.")
@click.option(
    "--limit", type=click.IntRange(1, 1_000), default=_PAGE, show_default=True, help="At most."
)
@with_owner
def offers_command(
    options: OwnerOptions, *, token: str, provider: str | None, after: str | None, limit: int
) -> None:
    """List who pays fees for TOKEN, how much of it they take, and what is left of each offer."""
    one = options.find_address(provider) if provider else b""
    behind = options.find_address(after) if after else b""
    with connect(options.node) as client:
        catalogue = Catalogue.load(client)
        terms = catalogue.find_token(token)
        found = client.fee_offers(terms.id, provider=one, after_provider=behind, limit=limit)
    if options.as_json:
        print_object(encode_message(found))
        return
    rows = [
        (
            format_hex(each.provider),
            terms.format(each.tokens),
            catalogue.format_fee_amount(each.per),
            catalogue.format_fee_amount(int(each.left)),
            format_time(each.expires_ms) + (", expired" if each.expired else ""),
        )
        for each in found.offers
    ]
    if rows:
        print_table(("provider", "takes", "for fees of", "fees left", "until"), rows)
    more = f"; --after {format_hex(found.offers[-1].provider)} lists more" if found.more else ""
    say(f"{format_count(len(rows), 'offer')} at height {found.height}{more}")
