"""The commands `omgd tx …` of those who pay: pay, allowance, limits, request, sponsor."""

from typing import Final, NamedTuple

import click

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.commands.catalogue import TokenTerms
from omg_abci.node.commands.failure import CommandError
from omg_abci.node.commands.options import gather
from omg_abci.node.commands.output import format_examples, parse_moment
from omg_abci.node.commands.sending import SendOptions, Session, open_session, with_send_options
from omg_abci.protocol.units import Address, Amount
from wallet_sdk import build, build_wallet

_SUBACCOUNT: Final = click.IntRange(0, 255)
_NUMBER: Final = click.IntRange(1, (1 << 64) - 1)
_USES: Final = click.IntRange(1, (1 << 32) - 1)
_OFF: Final = "off"

_client_id_option = click.option(
    "--client-id",
    type=_NUMBER,
    help="Pay once: a second payment with the same number within two days does nothing.",
)
_from_option = click.option(
    "--subaccount", type=_SUBACCOUNT, default=0, show_default=True, help="Take from it."
)
_to_option = click.option(
    "--to-subaccount", type=_SUBACCOUNT, default=0, show_default=True, help="Give to it."
)
_memo_option = click.option(
    "--memo", default="", metavar="TEXT", help="For the payee, at most 64 bytes; 0x… is hex."
)


@click.command(
    "pay",
    epilog=format_examples(
        "omgd tx pay bob 2.5 USD --memo 'invoice 17' --client-id 17 --from alice",
        "omgd tx pay bob 1 USD --from till --owner alice",
    ),
)
@click.argument("to", metavar="ADDRESS")
@click.argument("amount")
@click.argument("token")
@_memo_option
@_client_id_option
@_from_option
@_to_option
@with_send_options
def pay_command(
    options: SendOptions,
    *,
    to: str,
    amount: str,
    token: str,
    memo: str,
    client_id: int | None,
    subaccount: int,
    to_subaccount: int,
) -> None:
    """Pay AMOUNT of TOKEN to ADDRESS: a transfer with a memo, and done once with --client-id.

    An agent that may pay can sign it, within its allowances: omgd tx allowance.
    """
    with open_session(options) as session:
        terms = session.catalogue.find_token(token)
        leg = build.pay(
            session.names.find_address(to),
            terms.id,
            terms.parse(amount),
            memo=_parse_memo(memo),
            client_id=client_id or 0,
            from_subaccount=subaccount,
            to_subaccount=to_subaccount,
        )
        session.send(leg)


def _parse_memo(text: str) -> bytes:
    """Return a memo's bytes: hex behind 0x, text otherwise; raise CommandError."""
    if not text.startswith("0x"):
        return text.encode()
    try:
        return bytes.fromhex(text[2:])
    except ValueError:
        raise CommandError(
            "BadMemo", f"{text!r} is no hex", "text must not begin with 0x"
        ) from None


def _parse_sum(terms: TokenTerms, text: str) -> Amount:
    """Return an amount, 0 for `off`; raise CommandError."""
    return 0 if text.lower() == _OFF else terms.parse(text)


@click.command(
    "allowance",
    epilog=format_examples(
        "omgd tx approve-agent till --may pay --from alice",
        "omgd tx allowance till 500 USD --daily 50 --from alice",
        "omgd tx allowance till off USD --from alice",
    ),
)
@click.argument("agent", metavar="ADDRESS")
@click.argument("total", metavar="AMOUNT|off")
@click.argument("token")
@click.option("--daily", metavar="AMOUNT", help="At most so much in a day of UTC; by default all.")
@with_send_options
def allowance_command(
    options: SendOptions, *, agent: str, total: str, token: str, daily: str | None
) -> None:
    """Let the agent at ADDRESS pay AMOUNT of TOKEN in all; replaces what it might pay before."""
    with open_session(options) as session:
        terms = session.catalogue.find_token(token)
        most = _parse_sum(terms, total)
        if not most and daily is not None:
            raise click.UsageError("--daily does not go with off")
        leg = build.set_allowance(
            session.names.find_address(agent),
            terms.id,
            most,
            daily=None if daily is None else terms.parse(daily),
        )
        session.send(leg)


@click.command(
    "limits",
    epilog=format_examples(
        "omgd tx limits USD 1000 --from alice", "omgd tx limits USD off --from alice"
    ),
)
@click.argument("token")
@click.argument("daily", metavar="AMOUNT|off")
@with_send_options
def limits_command(options: SendOptions, *, token: str, daily: str) -> None:
    """Pay at most AMOUNT of TOKEN to others in a day, whoever signs for the account.

    A lower limit acts at once, a higher one and off a day later: who steals a key waits.
    """
    with open_session(options) as session:
        terms = session.catalogue.find_token(token)
        session.send(build_wallet.set_limits(terms.id, _parse_sum(terms, daily)))


# --- payment requests -------------------------------------------------------------------------


@click.group(
    "request",
    epilog=format_examples(
        "omgd tx request create USD 12.5 --memo 'table 4' --from bob",
        "omgd tx request pay bob 1732000000000 --from alice",
        "omgd tx request close 1732000000000 --from bob",
    ),
)
def request_group() -> None:
    """Ask to be paid, pay what somebody asks for, take a request back."""


class _RequestOptions(NamedTuple):
    """The terms of a payment request."""

    request: int | None
    expires: str
    uses: int
    payer_cap: str | None
    memo: str
    to_subaccount: int


_with_request_options = gather(
    _RequestOptions,
    (
        click.option("--request", type=_NUMBER, help="Its number; by default the time in ms."),
        click.option(
            "--expires",
            metavar="TIME",
            default="7d",
            show_default=True,
            help="From now, or a date and time; at most 366 days ahead.",
        ),
        click.option(
            "--uses", type=_USES, default=1, show_default=True, help="How often it may be paid."
        ),
        click.option(
            "--payer-cap", metavar="AMOUNT", help="The most that one payer may pay in all."
        ),
        _memo_option,
        _to_option,
    ),
)


@request_group.command(
    "create",
    epilog=format_examples(
        "omgd tx request create USD 12.5 --memo 'table 4' --from bob",
        "omgd tx request create USD any --uses 1000 --payer-cap 50 --expires 30d --from bob",
    ),
)
@click.argument("token")
@click.argument("amount", metavar="AMOUNT|any")
@_with_request_options
@with_send_options
def create_request_command(
    request: _RequestOptions, options: SendOptions, *, token: str, amount: str
) -> None:
    """Ask for AMOUNT of TOKEN, or with any for what the payer chooses.

    A deposit in the fee token is locked until the request is used up or closed.
    """
    with open_session(options) as session:
        terms = session.catalogue.find_token(token)
        leg = build_wallet.create_payment_request(
            request.request or session.nonce,
            terms.id,
            0 if amount.lower() == "any" else terms.parse(amount),
            parse_moment(request.expires, session.now_ms),
            max_uses=request.uses,
            payer_cap=terms.parse(request.payer_cap) if request.payer_cap else 0,
            to_subaccount=request.to_subaccount,
            memo=_parse_memo(request.memo),
        )
        session.send(leg, note=f"it is paid with: omgd tx request pay PAYEE {leg.request}")


@request_group.command(
    "pay",
    epilog=format_examples(
        "omgd tx request pay bob 1732000000000 --from alice",
        "omgd tx request pay bob 7 --amount 20 --client-id 1 --from alice",
    ),
)
@click.argument("payee", metavar="ADDRESS")
@click.argument("request", type=_NUMBER)
@click.option("--amount", help="Of a request that leaves it to the payer.")
@_client_id_option
@_from_option
@with_send_options
def pay_request_command(
    options: SendOptions,
    *,
    payee: str,
    request: int,
    amount: str | None,
    client_id: int | None,
    subaccount: int,
) -> None:
    """Pay what ADDRESS asks for with its REQUEST; the amount is looked up and shown."""
    with open_session(options) as session:
        address = session.names.find_address(payee)
        found = _find_request(session, address, request)
        terms = session.catalogue.tokens[found.token]
        asked = int(found.amount)
        if amount is None and not asked:
            raise click.UsageError("the request leaves the amount to you: give --amount")
        leg = build_wallet.pay_request(
            address,
            request,
            terms.id,
            asked if amount is None else terms.parse(amount),
            from_subaccount=subaccount,
            client_id=client_id or 0,
        )
        session.send(leg)


def _find_request(session: Session, payee: Address, request: int) -> pb.Request:
    """Return an open request; raise CommandError."""
    found = session.client.requests(payee, request - 1, 1).requests
    if not found or found[0].request != request:
        raise CommandError(
            "UnknownRequest", f"request {request} does not exist, was closed or used up"
        )
    return found[0]


@request_group.command(
    "close", epilog=format_examples("omgd tx request close 1732000000000 --from bob")
)
@click.argument("request", type=_NUMBER)
@with_send_options
def close_request_command(options: SendOptions, *, request: int) -> None:
    """Take a REQUEST of one's own back; its deposit is free again."""
    with open_session(options) as session:
        session.send(build_wallet.close_request(request))


# --- sponsorship ------------------------------------------------------------------------------


@click.group(
    "sponsor",
    epilog=format_examples(
        "omgd tx sponsor grant bob 0.5 --expires 90d --from alice",
        "omgd tx pay carol 1 POINTS --from bob --sponsor alice",
        "omgd tx sponsor end bob --from alice",
    ),
)
def sponsor_group() -> None:
    """Pay the fees of others, who name the sponsor with --sponsor."""


@sponsor_group.command(
    "grant", epilog=format_examples("omgd tx sponsor grant bob 0.5 --expires 90d --from alice")
)
@click.argument("customer", metavar="ADDRESS")
@click.argument("amount")
@click.option(
    "--expires",
    metavar="TIME",
    default="30d",
    show_default=True,
    help="From now, or a date and time; at most 366 days ahead.",
)
@with_send_options
def grant_command(options: SendOptions, *, customer: str, amount: str, expires: str) -> None:
    """Pay fees of ADDRESS up to AMOUNT of the fee token; replaces what was granted before.

    The sum is not locked: one balance may stand behind many grants. A small deposit is.
    """
    with open_session(options) as session:
        address, total = session.names.find_address(customer), session.fee_token.parse(amount)
        until_ms = parse_moment(expires, session.now_ms)
        leg = build_wallet.set_sponsorship(address, total, until_ms)
        session.send(leg)


@sponsor_group.command("end", epilog=format_examples("omgd tx sponsor end bob --from alice"))
@click.argument("customer", metavar="ADDRESS")
@with_send_options
def end_command(options: SendOptions, *, customer: str) -> None:
    """Pay no fees of ADDRESS any more; the deposit is free again."""
    with open_session(options) as session:
        session.send(build_wallet.set_sponsorship(session.names.find_address(customer), 0, 0))


PAYMENT_COMMANDS: Final = (
    pay_command,
    allowance_command,
    limits_command,
    request_group,
    sponsor_group,
)
