"""The commands `omgd query fees`, `epoch` and `votes`: what the network costs, and who says so."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

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
    print_fields,
    print_object,
    print_table,
    say,
)
from omg_abci.node.commands.vote import PARAMETER_NAMES, format_value
from omg_abci.node.commands.words_staking import AMOUNTS
from omg_abci.protocol.limits import MULTIPLIER_ONE
from omg_abci.protocol.parameters import PARAMETERS

_EPOCHS: Final = 5


@click.command(
    "fees", epilog=format_examples("omgd query fees", "omgd query fees --epochs 100 --json")
)
@click.option(
    "--epochs",
    type=click.IntRange(0, 1_000),
    default=_EPOCHS,
    show_default=True,
    help="How many of the last epochs.",
)
@with_node
def fees_command(options: NodeOptions, *, epochs: int) -> None:
    """Show what a work unit costs and why: the epoch under way, and how the last ones ended.

    The price is provisional. When an epoch is over, stakers are paid what they voted it to cost,
    or what was collected if that is less, and the rest goes back to who paid: then a work unit
    has cost the effective price. Prices are smallest units of the fee token for a work unit.
    """
    with connect(options.node) as client:
        fees = client.fees(epochs)
        token = find_fee_token(client)
    if options.as_json:
        print_object(encode_message(fees))
        return
    if not fees.epoch_blocks:
        print_fields([("price of a work unit", f"{fees.unit_price:,}, fixed by genesis")])
        return
    print_fields(_list_fees(fees, token))
    if fees.epochs:
        click.echo()
        print_table(
            ("epoch", "cost", "collected", "paid", "refunded", "work", "price", "effective"),
            [
                (
                    each.number,
                    *[
                        token.format(int(amount)).partition(" ")[0]
                        for amount in (each.cost, each.collected, each.paid, each.refunded)
                    ],
                    f"{each.work:,}",
                    f"{each.price:,}",
                    format_number(Fraction(each.effective_price)),
                )
                for each in fees.epochs
            ],
        )


def _list_fees(fees: pb.Fees, token: TokenTerms) -> Iterator[tuple[str, object]]:
    left = fees.end_height - fees.height
    yield "epoch", f"{fees.epoch}, ends in {format_count(left, 'block')}, at {fees.end_height:,}"
    yield "cost of an epoch", token.format(int(fees.cost))
    yield "collected so far", token.format(int(fees.collected))
    yield "work so far", f"{fees.work:,}; an epoch's long average {fees.average_work:,}"
    factor = Fraction(fees.multiplier, MULTIPLIER_ONE)
    yield "price of a work unit", f"{fees.unit_price:,}"
    yield "  before congestion", f"{fees.price:,}, {fees.price_min:,} to {fees.price_max:,}"
    yield (
        "  times",
        f"{format_number(factor)}; above 1 when blocks use {fees.target_work:,} or more",
    )
    yield "owed to payers", token.format(int(fees.refunds))


@click.command(
    "epoch", epilog=format_examples("omgd query epoch 12", "omgd query epoch 12 alice --json")
)
@click.argument("number", type=click.IntRange(1, (1 << 64) - 1))
@click.argument("owner", required=False)
@with_owner
def epoch_command(options: OwnerOptions, *, number: int, owner: str | None) -> None:
    """Show how an epoch was settled, and what OWNER is owed of it.

    What is owed is paid when OWNER next pays for a transaction, before its fee is taken. It is
    known for the epoch in which OWNER paid last.
    """
    address = options.find_address(owner) if owner else b""
    with connect(options.node) as client:
        epoch = client.epoch(number, address)
        token = find_fee_token(client)
    if options.as_json:
        print_object(encode_message(epoch))
        return
    fields: list[tuple[str, object]] = [
        ("epoch", epoch.number),
        ("cost, as voted", token.format(int(epoch.cost))),
        ("collected", token.format(int(epoch.collected))),
        ("paid to stakers", token.format(int(epoch.paid))),
        ("refunded to payers", token.format(int(epoch.refunded))),
        ("work", f"{epoch.work:,}"),
        ("price of a work unit", f"{epoch.price:,} before congestion"),
        ("in the end", format_number(Fraction(epoch.effective_price))),
    ]
    if owner:
        fields += [
            (f"paid by {owner}", token.format(int(epoch.owner_paid))),
            (f"owed to {owner}", token.format(int(epoch.owner_refund))),
        ]
    print_fields(fields)


@click.command(
    "votes",
    epilog=format_examples(
        "omgd query votes alice", "omgd query votes cost", "omgd query votes self-bond-min --json"
    ),
)
@click.argument("whose", metavar="OWNER|NUMBER")
@with_owner
def votes_command(options: OwnerOptions, *, whose: str) -> None:
    """Show what a staker votes for, or how all stake votes on one of the chain's numbers.

    \b
    NUMBER is cost, target-work, market-bond, self-bond-min, jail-ms, downtime-bp or
    equivocation-bp.

    At the end of an epoch the number moves towards the median: half of the stake that votes wants
    that value or less.
    """  # noqa: D301 - the mark keeps click from filling the lines
    if whose in PARAMETER_NAMES:
        _show_tally(options, PARAMETER_NAMES[whose])
        return
    address = options.find_address(whose)
    with connect(options.node) as client:
        votes = client.votes(address)
        validators = {each.owner: each for each in client.validators().validators}
        token = find_fee_token(client)
    if options.as_json:
        print_object(encode_message(votes))
        return
    rows = [
        (
            PARAMETERS[each.parameter].name,
            format_value(each.parameter, int(each.value), token),
            validators[each.validator].moniker,
            token.format(_compute_worth(int(each.shares), validators[each.validator])),
        )
        for each in votes.votes
    ]
    if rows:
        print_table(("number", "vote", "with", "stake"), rows)
    say(f"{format_count(len(rows), 'vote')} at height {votes.height}")


def _compute_worth(shares: int, validator: pb.Validator) -> int:
    """Return the tokens that shares are worth."""
    return shares * int(validator.tokens) // int(validator.shares) if shares else 0


def _show_tally(options: OwnerOptions, number: int) -> None:
    with connect(options.node) as client:
        tally = client.tally(number)
        token = find_fee_token(client)
    if options.as_json:
        print_object(encode_message(tally))
        return

    def show(value: str) -> str:
        return format_value(number, int(value), token) if int(value) else "nobody votes"

    print_fields(
        [
            ("in force", show(tally.value) + ("" if number in AMOUNTS else f" {tally.unit}")),
            ("last median", show(tally.last_median)),
            ("bounds", f"{show(tally.lowest)} to {show(tally.highest)}"),
        ]
    )
    if not tally.rows:
        say("nobody votes on it now")
        return
    click.echo()
    print_table(
        ("value", "stake", "", ""),
        [
            (
                show(row.value),
                token.format(int(row.stake)),
                f"{_format_part(int(row.stake), int(tally.stake))} %",
                "← median" if row.value == tally.median else "",
            )
            for row in tally.rows
        ],
    )


def _format_part(part: int, whole: int) -> str:
    return format_number(Fraction(1_000 * part // max(whole, 1), 10))


def find_fee_token(client: NodeClient) -> TokenTerms:
    """Return the token that fees and stake are in."""
    return Catalogue.load(client).tokens[client.status().fee_token]
