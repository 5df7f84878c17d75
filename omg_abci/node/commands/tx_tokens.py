"""The commands `omgd tx token …`: create, mint, burn, close."""

from typing import Final, NamedTuple

import click

from omg_abci.node.commands.catalogue import TokenTerms
from omg_abci.node.commands.options import gather
from omg_abci.node.commands.output import format_examples
from omg_abci.node.commands.sending import SendOptions, Session, open_session, with_send_options
from omg_abci.protocol.limits import AMOUNT_MAX, DECIMALS_MAX
from wallet_sdk import build

_SUBACCOUNT: Final = click.IntRange(0, 255)


@click.group(
    "token",
    epilog=format_examples(
        "omgd tx token create POINTS --decimals 2 --supply 1000000 --from alice",
        "omgd tx token mint POINTS 500 bob --from alice",
        "omgd tx token burn POINTS 20 --from bob",
    ),
)
def token_group() -> None:
    """Make tokens of one's own, and change how many there are.

    The account that creates a token issues it. Only the owner's own key may do any of this.
    """


class _TokenOptions(NamedTuple):
    """The terms of a new token."""

    decimals: int
    supply: str | None
    cap: str | None
    fixed: bool
    not_burnable: bool


_with_token_options = gather(
    _TokenOptions,
    (
        click.option(
            "--decimals",
            type=click.IntRange(0, DECIMALS_MAX),
            default=18,
            show_default=True,
            help="How far it is divided.",
        ),
        click.option(
            "--supply", metavar="AMOUNT", help="What the issuer gets at once; by default none."
        ),
        click.option(
            "--cap",
            metavar="AMOUNT",
            help="The most that there may ever be at a time; by default as much as the chain can"
            " count, or with --fixed the supply.",
        ),
        click.option("--fixed", is_flag=True, help="Never mint more than --supply."),
        click.option("--not-burnable", is_flag=True, help="Nobody may destroy what it has."),
    ),
)


@token_group.command(
    "create",
    epilog=format_examples(
        "omgd tx token create POINTS --decimals 2 --supply 1000 --from alice",
        "omgd tx token create EURO --decimals 6 --cap 1000000 --from alice",
        "omgd tx token create MEDAL --decimals 0 --supply 100 --fixed --not-burnable --from alice",
    ),
)
@click.argument("symbol")
@_with_token_options
@with_send_options
def create_command(token: _TokenOptions, options: SendOptions, *, symbol: str) -> None:
    """Create a token called SYMBOL, 1 to 16 of A to Z and 0 to 9; its terms never change.

    A deposit in the fee token, as large as a market's bond, is locked until it is closed.
    """
    if token.fixed and (token.cap is not None or token.supply is None):
        raise click.UsageError("--fixed needs --supply, which is then the cap")
    terms = TokenTerms(0, symbol, token.decimals)
    supply = terms.parse(token.supply) if token.supply else 0
    cap = AMOUNT_MAX if token.cap is None else terms.parse(token.cap)
    with open_session(options) as session:
        leg = build.create_token(
            symbol,
            token.decimals,
            supply=supply,
            cap=supply if token.fixed else cap,
            mintable=not token.fixed,
            burnable=not token.not_burnable,
        )
        session.send(leg, note=_describe_deposit(session))


def _describe_deposit(session: Session) -> str:
    deposit = session.fee_token.format(int(session.status.market_bond))
    return f"a deposit of {deposit} is locked until the token is closed"


@token_group.command(
    "mint", epilog=format_examples("omgd tx token mint POINTS 500 bob --from alice")
)
@click.argument("token")
@click.argument("amount")
@click.argument("to", metavar="ADDRESS")
@click.option("--to-subaccount", type=_SUBACCOUNT, default=0, show_default=True, help="Give to it.")
@with_send_options
def mint_command(
    options: SendOptions, *, token: str, amount: str, to: str, to_subaccount: int
) -> None:
    """Make AMOUNT more of a TOKEN of one's own, for ADDRESS."""
    with open_session(options) as session:
        terms = session.catalogue.find_token(token)
        goal = session.names.find_address(to)
        session.send(build.mint(terms.id, terms.parse(amount), goal, to_subaccount=to_subaccount))


@token_group.command("burn", epilog=format_examples("omgd tx token burn POINTS 20 --from bob"))
@click.argument("token")
@click.argument("amount")
@click.option("--subaccount", type=_SUBACCOUNT, default=0, show_default=True, help="Take from it.")
@with_send_options
def burn_command(options: SendOptions, *, token: str, amount: str, subaccount: int) -> None:
    """Destroy AMOUNT of what one has of TOKEN, for ever."""
    with open_session(options) as session:
        terms = session.catalogue.find_token(token)
        session.send(build.burn(terms.id, terms.parse(amount), from_subaccount=subaccount))


@token_group.command("close", epilog=format_examples("omgd tx token close POINTS --from alice"))
@click.argument("token")
@with_send_options
def close_command(options: SendOptions, *, token: str) -> None:
    """End a TOKEN of one's own of which nothing is left; its deposit is free again."""
    with open_session(options) as session:
        session.send(build.close_token(session.catalogue.find_token(token).id))
