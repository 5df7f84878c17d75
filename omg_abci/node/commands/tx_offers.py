"""The commands `omgd tx offer …` of those who pay fees for another token."""

import click

from omg_abci.node.commands.output import format_examples, parse_moment
from omg_abci.node.commands.sending import SendOptions, open_session, with_send_options
from wallet_sdk import build_wallet


@click.group(
    "offer",
    epilog=format_examples(
        "omgd tx offer set POINTS 300 --per 1 --total 50 --expires 90d --from alice",
        "omgd tx pay carol 1 POINTS --from bob --fee-offer alice POINTS",
        "omgd tx offer end POINTS --from alice",
    ),
)
def offer_group() -> None:
    """Pay fees for whoever gives another token for them, with --fee-offer."""


@offer_group.command(
    "set",
    epilog=format_examples(
        "omgd tx offer set POINTS 300 --per 1 --total 50 --expires 90d --from alice"
    ),
)
@click.argument("token")
@click.argument("amount")
@click.option(
    "--per",
    metavar="FEES",
    default="1",
    show_default=True,
    help="For how much of the fee token AMOUNT is taken.",
)
@click.option("--total", metavar="FEES", required=True, help="Fees that are paid in all.")
@click.option(
    "--expires",
    metavar="TIME",
    default="30d",
    show_default=True,
    help="From now, or a date and time; at most 366 days ahead.",
)
@with_send_options
def set_command(
    options: SendOptions, *, token: str, amount: str, per: str, total: str, expires: str
) -> None:
    """Take AMOUNT of TOKEN for each FEES that are paid; replaces what was offered for it before.

    The sum is not locked: one balance may stand behind many offers. A small deposit is.
    """
    with open_session(options) as session:
        terms, fees = session.catalogue.find_token(token), session.fee_token
        leg = build_wallet.set_fee_offer(
            terms.id,
            terms.parse(amount),
            fees.parse(per),
            fees.parse(total),
            parse_moment(expires, session.now_ms),
        )
        session.send(leg)


@offer_group.command("end", epilog=format_examples("omgd tx offer end POINTS --from alice"))
@click.argument("token")
@with_send_options
def end_command(options: SendOptions, *, token: str) -> None:
    """Pay no fees for TOKEN any more; the deposit is free again."""
    with open_session(options) as session:
        terms = session.catalogue.find_token(token)
        session.send(build_wallet.set_fee_offer(terms.id, 0, 0, 0, 0))
