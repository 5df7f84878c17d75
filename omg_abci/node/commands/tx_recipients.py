"""The commands `omgd tx recipients …`: whom an account pays."""

import click

from omg_abci.node.commands.output import format_examples
from omg_abci.node.commands.sending import SendOptions, open_session, with_send_options
from wallet_sdk import build_wallet


@click.group(
    "recipients",
    epilog=format_examples(
        "omgd tx recipients set bob carol --from alice", "omgd tx recipients lift --from alice"
    ),
)
def recipients_group() -> None:
    """Bound whom the account pays, whoever signs for it."""


@recipients_group.command(
    "set", epilog=format_examples("omgd tx recipients set bob carol --from alice")
)
@click.argument("recipients", metavar="ADDRESS...", nargs=-1, required=True)
@with_send_options
def set_command(options: SendOptions, *, recipients: tuple[str, ...]) -> None:
    """Pay nobody but these, at most sixteen.

    The list is the whole one: whom it leaves out is not paid from now on. A first list acts at
    once; whom a later one adds may be paid a day later. omgd query recipients shows it.
    """
    with open_session(options) as session:
        named = {session.names.find_address(each) for each in recipients}
        session.send(build_wallet.set_recipients(sorted(named)))


@recipients_group.command("lift", epilog=format_examples("omgd tx recipients lift --from alice"))
@with_send_options
def lift_command(options: SendOptions) -> None:
    """Pay anybody again, a day from now; until then the list that there is acts."""
    with open_session(options) as session:
        session.send(build_wallet.set_recipients([]))
