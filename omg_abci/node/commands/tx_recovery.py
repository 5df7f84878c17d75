"""The commands `omgd tx guardians …` and `recovery …`: who gives an account another key."""

from typing import Final

import click

from omg_abci.node.commands.output import format_examples, format_hex, format_span, parse_span
from omg_abci.node.commands.sending import SendOptions, open_session, with_send_options
from omg_abci.protocol.limits import GUARDIANS_MAX
from wallet_sdk import build_recovery


@click.group(
    "guardians",
    epilog=format_examples(
        "omgd tx guardians set bob carol dave --threshold 2 --delay 2d --from alice",
        "omgd tx guardians clear --from alice",
    ),
)
def guardians_group() -> None:
    """Say who may give the account another key, when its own is lost."""


@guardians_group.command(
    "set",
    epilog=format_examples(
        "omgd tx guardians set bob carol dave --threshold 2 --delay 2d --from alice"
    ),
)
@click.argument("guardians", metavar="ADDRESS...", nargs=-1, required=True)
@click.option(
    "--threshold",
    type=click.IntRange(1, GUARDIANS_MAX),
    required=True,
    help="How many of them must approve the same key.",
)
@click.option(
    "--delay",
    metavar="TIME",
    required=True,
    help="How long after that the key may take effect: 1m to 30d. So long you can cancel.",
)
@with_send_options
def set_guardians_command(
    options: SendOptions, *, guardians: tuple[str, ...], threshold: int, delay: str
) -> None:
    """Name the guardians, at most eight; replaces those there were.

    Each ADDRESS is an account. Choose people and services that do not fail together.
    """
    with open_session(options) as session:
        named = [session.names.find_address(each) for each in guardians]
        session.send(build_recovery.set_guardians(named, threshold, parse_span(delay)))


@guardians_group.command("clear", epilog=format_examples("omgd tx guardians clear --from alice"))
@with_send_options
def clear_guardians_command(options: SendOptions) -> None:
    """Have no guardians any more: a lost key is lost for good then."""
    with open_session(options) as session:
        session.send(build_recovery.set_guardians([], 0, 0))


@click.group(
    "recovery",
    epilog=format_examples(
        "omgd tx recovery start alice 0x… --from bob",
        "omgd tx recovery finish alice --from dave",
        "omgd tx recovery cancel --from alice",
    ),
)
def recovery_group() -> None:
    """Give an account another key as its guardian, or as its owner say no.

    omgd query guardians ACCOUNT shows what was approved and which key waits until when. An agent
    that may recover can sign these, for --owner: omgd tx approve-agent --may recover.
    """


@recovery_group.command(
    "start",
    epilog=format_examples(
        "omgd tx recovery start alice 0x… --from bob",
        "omgd tx recovery start alice 0x… --from service --owner bob",
    ),
)
@click.argument("account", metavar="ACCOUNT")
@click.argument("key", metavar="KEY")
@with_send_options
def start_command(options: SendOptions, *, account: str, key: str) -> None:
    """Approve, as a guardian of ACCOUNT, that the key with the address KEY becomes its own.

    Ask whoever wants it in person: after the delay the key may do all that the owner may. Another
    approval of the same guardian replaces it.
    """
    with open_session(options) as session:
        whose = session.names.find_address(account)
        found = session.client.guardians(whose)
        approved = session.names.find_address(key)
        note = (
            f"{sum(each.key == approved for each in found.approvals)} of {found.threshold} have"
            f" approved it; when enough have, it waits for {format_span(found.delay_ms)}"
        )
        session.send(build_recovery.start_recovery(whose, approved), note=note)


@recovery_group.command("cancel", epilog=format_examples("omgd tx recovery cancel --from alice"))
@with_send_options
def cancel_command(options: SendOptions) -> None:
    """Keep the account's key: drop whatever guardians approved."""
    with open_session(options) as session:
        session.send(build_recovery.cancel_recovery())


@recovery_group.command(
    "finish", epilog=format_examples("omgd tx recovery finish alice --from dave")
)
@click.argument("account", metavar="ACCOUNT")
@with_send_options
def finish_command(options: SendOptions, *, account: str) -> None:
    """Let the key that waits become the own key of ACCOUNT; anybody may, after the delay."""
    with open_session(options) as session:
        whose = session.names.find_address(account)
        waiting = session.client.guardians(whose).waiting_key
        note = f"the key that waits is {format_hex(waiting)}" if waiting else "no key waits"
        session.send(build_recovery.finish_recovery(whose), note=note)


RECOVERY_COMMANDS: Final = (guardians_group, recovery_group)
