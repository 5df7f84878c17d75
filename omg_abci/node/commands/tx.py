"""The commands `omgd tx …`: one for each message, and one for bytes that were signed elsewhere.

Transfers, agents and signed bytes are here; orders, markets, tokens and payments in modules of
their own.
"""

import functools
import operator
from pathlib import Path
from typing import Final

import click

from omg_abci.node.commands.catalogue import Catalogue
from omg_abci.node.commands.connection import connect
from omg_abci.node.commands.failure import CommandError
from omg_abci.node.commands.output import format_examples, parse_moment
from omg_abci.node.commands.sending import (
    SendOptions,
    get_domain,
    open_session,
    with_send_options,
)
from omg_abci.node.commands.submitting import SubmitOptions, submit, with_submit_options
from omg_abci.node.commands.tx_many import send_many_command
from omg_abci.node.commands.tx_markets import MARKET_COMMANDS
from omg_abci.node.commands.tx_offers import offer_group
from omg_abci.node.commands.tx_orders import ORDER_COMMANDS
from omg_abci.node.commands.tx_payments import PAYMENT_COMMANDS
from omg_abci.node.commands.tx_recipients import recipients_group
from omg_abci.node.commands.tx_recovery import RECOVERY_COMMANDS
from omg_abci.node.commands.tx_tokens import token_group
from omg_abci.protocol.limits import TX_BYTES_MAX
from omg_abci.protocol.tx import Verifier
from omg_abci.protocol.units import Scope
from wallet_sdk import build

_SCOPES: Final = {
    "trade": Scope.TRADE,
    "pay": Scope.PAY,
    "both": Scope.TRADE | Scope.PAY,
    "recover": Scope.RECOVER,
}
_SUBACCOUNT: Final = click.IntRange(0, 255)


@click.group(
    "tx",
    epilog=format_examples(
        "omgd tx place OMG/USD buy 10 0.85 --from alice",
        "omgd tx transfer bob 2.5 OMG --from alice --yes --json",
        "omgd tx cancel-all --market OMG/USD --from alice/agent",
        "omgd tx switch 1h --from alice/agent",
        "omgd tx create-market OMG USD --lot 0.01 --tick 0.0001 --from alice",
    ),
)
def tx_group() -> None:
    """Sign a transaction, send it, and say what became of each leg.

    Numbers are in tokens: 1.5 is one and a half. Whole chain units are written with their name
    behind: 150lots, 8500ticks, 1500000units. A number off the market's grid is refused, never
    rounded. MARKET is BASE/QUOTE or an id, TOKEN a symbol or an id, ADDRESS 0x… or a key's name.

    An owner's own key signs typed data, also the key that guardians gave the account of --owner;
    an agent's key signs raw bytes for --owner. With --json the answer has a field "error" when the
    transaction failed, and the status is 1.
    """


@tx_group.command(
    "transfer",
    epilog=format_examples(
        "omgd tx transfer bob 2.5 OMG --from alice",
        "omgd tx transfer bob 1000units USD --to-subaccount 1 --from alice",
    ),
)
@click.argument("to", metavar="ADDRESS")
@click.argument("amount")
@click.argument("token")
@click.option("--subaccount", type=_SUBACCOUNT, default=0, show_default=True, help="Take from it.")
@click.option("--to-subaccount", type=_SUBACCOUNT, default=0, show_default=True, help="Give to it.")
@with_send_options
def transfer_command(
    options: SendOptions, *, to: str, amount: str, token: str, subaccount: int, to_subaccount: int
) -> None:
    """Move AMOUNT of TOKEN to ADDRESS."""
    with open_session(options) as session:
        terms = session.catalogue.find_token(token)
        session.send(
            build.transfer(
                session.names.find_address(to),
                terms.id,
                terms.parse(amount),
                from_subaccount=subaccount,
                to_subaccount=to_subaccount,
            )
        )


@tx_group.command(
    "approve-agent",
    epilog=format_examples(
        "omgd tx approve-agent bot --expires 7d --from alice",
        "omgd tx approve-agent till --may pay --from alice",
        "omgd tx approve-agent tower --may recover --may trade --from alice",
    ),
)
@click.argument("agent", metavar="ADDRESS")
@click.option(
    "--expires",
    metavar="TIME",
    default="30d",
    show_default=True,
    help="From now, or a date and time; at most 366 days ahead.",
)
@click.option(
    "--may",
    type=click.Choice(list(_SCOPES)),
    multiple=True,
    default=("trade",),
    show_default=True,
    help="Trade: orders and the switch. Pay: up to its allowances, which omgd tx allowance sets."
    " Both: trade and pay. Recover: approve, cancel and finish recoveries. More than once: all.",
)
@with_send_options
def approve_agent_command(
    options: SendOptions, *, agent: str, expires: str, may: tuple[str, ...]
) -> None:
    """Let another key trade, pay or recover for the owner, and do nothing else."""
    with open_session(options) as session:
        address, until_ms = session.names.find_address(agent), parse_moment(expires, session.now_ms)
        scope = functools.reduce(operator.or_, [_SCOPES[each] for each in may])
        session.send(build.approve_agent(address, until_ms, scope=scope))


@tx_group.command("revoke-agent", epilog=format_examples("omgd tx revoke-agent bot --from alice"))
@click.argument("agent", metavar="ADDRESS")
@with_send_options
def revoke_agent_command(options: SendOptions, *, agent: str) -> None:
    """Take an agent's approval back."""
    with open_session(options) as session:
        session.send(build.revoke_agent(session.names.find_address(agent)))


@tx_group.command(
    "send-raw",
    epilog=format_examples(
        "omgd tx transfer bob 1 OMG --from alice --no-submit > tx.hex", "omgd tx send-raw tx.hex"
    ),
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@with_submit_options
def send_raw_command(options: SubmitOptions, *, file: Path) -> None:
    """Send a transaction that was signed before, from FILE or - for standard input.

    The file holds the bytes of a SignedTx, or their hex digits, as --no-submit prints them.
    """
    raw = _read_raw(file)
    with connect(options.node) as client:
        status = client.status()
        signed = Verifier(get_domain(status)).verify_tx(raw)
        submit(client, options, signed, Catalogue.load(client), status)


def _read_raw(file: Path) -> bytes:
    """Return the bytes in a file that holds them or their hex digits; raise CommandError."""
    # Twice for hex, and room for 0x and line ends.
    most = 2 * TX_BYTES_MAX + 1_024
    with click.open_file(str(file), "rb") as stream:
        data: bytes = stream.read(most + 1)
    if not data.strip() or len(data) > most:
        size = "nothing" if not data.strip() else f"more than {most} bytes"
        raise CommandError("bad_transaction", f"{file} holds {size}, which is no transaction")
    try:
        return bytes.fromhex(data.decode("ascii").strip().removeprefix("0x"))
    except ValueError:
        return data


for _command in (
    *ORDER_COMMANDS,
    *MARKET_COMMANDS,
    *PAYMENT_COMMANDS,
    *RECOVERY_COMMANDS,
    recipients_group,
    offer_group,
    token_group,
    send_many_command,
):
    tx_group.add_command(_command)
