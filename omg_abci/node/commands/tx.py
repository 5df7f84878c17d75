"""The commands `omgd tx …`: one for each message, and one for bytes that were signed elsewhere."""

from pathlib import Path
from typing import Final, NamedTuple

import click

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.client import NodeError
from omg_abci.node.commands.catalogue import Catalogue, MarketTerms
from omg_abci.node.commands.connection import connect
from omg_abci.node.commands.failure import CommandError
from omg_abci.node.commands.options import gather
from omg_abci.node.commands.output import format_examples, parse_moment
from omg_abci.node.commands.sending import (
    SendOptions,
    Session,
    SubmitOptions,
    get_domain,
    open_session,
    submit,
    with_send_options,
    with_submit_options,
)
from omg_abci.protocol.limits import CANCEL_ALL_MAX, MATCHES_DEFAULT, MATCHES_MAX, TX_BYTES_MAX
from omg_abci.protocol.tx import Verifier
from omg_abci.protocol.units import OrderType, SelfTrade, Side, TimeInForce
from wallet_sdk import build

_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}
_TYPES: Final = {"limit": OrderType.LIMIT, "market": OrderType.MARKET}
_TIMES_IN_FORCE: Final = {
    "gtc": TimeInForce.GTC,
    "gtt": TimeInForce.GTT,
    "ioc": TimeInForce.IOC,
    "fok": TimeInForce.FOK,
}
_SELF_TRADES: Final = {each.name.lower().replace("_", "-"): each for each in SelfTrade}
_SUBACCOUNT: Final = click.IntRange(0, 255)
_CLIENT_ID: Final = click.IntRange(1, (1 << 64) - 1)

_max_matches_option = click.option(
    "--max-matches",
    type=click.IntRange(1, MATCHES_MAX),
    default=MATCHES_DEFAULT,
    show_default=True,
    help="Resting orders that it may meet; the fee is reserved for as many.",
)


@click.group(
    "tx",
    epilog=format_examples(
        "omgd tx place OMG/USD buy 10 0.85 --from alice",
        "omgd tx transfer bob 2.5 OMG --from alice --yes --json",
        "omgd tx cancel-all --market OMG/USD --from alice/agent",
    ),
)
def tx_group() -> None:
    """Sign a transaction, send it, and say what became of each leg.

    Numbers are in tokens: 1.5 is one and a half. Whole chain units are written with their name
    behind: 150lots, 8500ticks, 1500000units. A number off the market's grid is refused, never
    rounded. MARKET is BASE/QUOTE or an id, TOKEN a symbol or an id, ADDRESS 0x… or a key's name.

    An owner's own key signs typed data, an agent's key signs raw bytes for --owner. With --json
    the answer has a field "error" when the transaction failed, and the status is 1.
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


class _OrderOptions(NamedTuple):
    """What may be said of a new order, and is not needed."""

    order_type: str
    tif: str | None
    expires: str | None
    post_only: bool
    client_id: int | None
    subaccount: int
    self_trade: str
    max_matches: int


_with_order_options = gather(
    _OrderOptions,
    (
        click.option(
            "--type",
            "order_type",
            type=click.Choice(list(_TYPES)),
            default="limit",
            show_default=True,
            help="The PRICE of a market order is the worst that it accepts.",
        ),
        click.option(
            "--tif",
            type=click.Choice(list(_TIMES_IN_FORCE)),
            help="Time in force; gtc unless --expires (gtt) or --type market (ioc) says otherwise.",
        ),
        click.option(
            "--expires", metavar="TIME", help="Good till then: 2h from now, or a date and time."
        ),
        click.option(
            "--post-only", is_flag=True, help="Refuse the order instead of taking liquidity."
        ),
        click.option(
            "--client-id",
            type=_CLIENT_ID,
            help="Your own number for the order, never used before; by default the nonce.",
        ),
        click.option(
            "--subaccount", type=_SUBACCOUNT, default=0, show_default=True, help="Trade with it."
        ),
        click.option(
            "--self-trade",
            type=click.Choice(list(_SELF_TRADES)),
            default="cancel-newest",
            show_default=True,
            help="What happens when the order meets one of the same owner.",
        ),
        _max_matches_option,
    ),
)


@tx_group.command(
    "place",
    epilog=format_examples(
        "omgd tx place OMG/USD buy 10 0.85 --from alice",
        "omgd tx place OMG/USD sell 10 0.80 --type market --from alice",
        "omgd tx place ETH/USD sell 0.5 3100 --post-only --expires 2h --from alice",
    ),
)
@click.argument("market")
@click.argument("side", type=click.Choice(list(_SIDES)))
@click.argument("quantity")
@click.argument("price")
@_with_order_options
@with_send_options
def place_command(
    order: _OrderOptions,
    options: SendOptions,
    *,
    market: str,
    side: str,
    quantity: str,
    price: str,
) -> None:
    """Place an order: QUANTITY of the base token at PRICE quote tokens each."""
    with open_session(options) as session:
        terms = session.catalogue.find_market(market)
        session.send(
            build.place_order(
                terms.id,
                _SIDES[side],
                terms.parse_quantity(quantity),
                terms.parse_price(price),
                client_id=order.client_id or session.nonce,
                order_type=_TYPES[order.order_type],
                time_in_force=_TIMES_IN_FORCE[order.tif] if order.tif else None,
                post_only=order.post_only,
                expires_ms=parse_moment(order.expires, session.now_ms) if order.expires else 0,
                subaccount=order.subaccount,
                self_trade=_SELF_TRADES[order.self_trade],
                max_matches=order.max_matches,
            )
        )


@tx_group.command(
    "amend",
    epilog=format_examples(
        "omgd tx amend 1732000000000 --quantity 5 --from alice",
        "omgd tx amend 1732000000000 --price 0.86 --from alice",
    ),
)
@click.argument("client_id", type=_CLIENT_ID)
@click.option("--price", help="New price.")
@click.option("--quantity", help="New total quantity, with what is filled.")
@click.option("--expires", metavar="TIME", help="New expiry of a good-till-time order.")
@_max_matches_option
@with_send_options
def amend_command(
    options: SendOptions,
    *,
    client_id: int,
    price: str | None,
    quantity: str | None,
    expires: str | None,
    max_matches: int,
) -> None:
    """Change an open order; it keeps its place when only the quantity falls."""
    with open_session(options) as session:
        market = _find_order_market(session, client_id)
        session.send(
            build.amend_order(
                client_id,
                price=market.parse_price(price) if price else 0,
                quantity=market.parse_quantity(quantity) if quantity else 0,
                expires_ms=parse_moment(expires, session.now_ms) if expires else 0,
                max_matches=max_matches,
            )
        )


def _find_order_market(session: Session, client_id: int) -> MarketTerms:
    """Return the market of the owner's open order; raise CommandError."""
    try:
        order: pb.Order = session.client.order(session.owner, client_id)
    except NodeError as reason:
        if reason.code != "NOT_FOUND":
            raise
        raise CommandError("UnknownOrder", f"the owner has no order {client_id}") from None
    if not order.open:
        raise CommandError("OrderClosed", f"order {client_id} has already ended")
    return session.catalogue.markets[order.market]


@tx_group.command("cancel", epilog=format_examples("omgd tx cancel 1732000000000 --from alice"))
@click.argument("client_id", type=_CLIENT_ID)
@with_send_options
def cancel_command(options: SendOptions, *, client_id: int) -> None:
    """Cancel an order; one that is not known yet is refused when it comes."""
    with open_session(options) as session:
        session.send(build.cancel_order(client_id))


@tx_group.command(
    "cancel-all",
    epilog=format_examples(
        "omgd tx cancel-all --from alice",
        "omgd tx cancel-all --market OMG/USD --side sell --from alice",
    ),
)
@click.option("--market", help="Only in this market.")
@click.option("--side", type=click.Choice(list(_SIDES)), help="Only this side.")
@click.option(
    "--max-orders",
    type=click.IntRange(1, CANCEL_ALL_MAX),
    default=CANCEL_ALL_MAX,
    show_default=True,
    help="The fee is reserved for as many.",
)
@with_send_options
def cancel_all_command(
    options: SendOptions, *, market: str | None, side: str | None, max_orders: int
) -> None:
    """Cancel all open orders of the owner, oldest first."""
    with open_session(options) as session:
        catalogue = session.catalogue
        session.send(
            build.cancel_all(
                market=catalogue.find_market(market).id if market else build.EVERY_MARKET,
                side=_SIDES[side] if side else None,
                max_orders=max_orders,
            )
        )


@tx_group.command(
    "approve-agent", epilog=format_examples("omgd tx approve-agent bot --expires 7d --from alice")
)
@click.argument("agent", metavar="ADDRESS")
@click.option(
    "--expires",
    metavar="TIME",
    default="30d",
    show_default=True,
    help="From now, or a date and time; at most 366 days ahead.",
)
@with_send_options
def approve_agent_command(options: SendOptions, *, agent: str, expires: str) -> None:
    """Let another key trade for the owner: place, amend and cancel, nothing else."""
    with open_session(options) as session:
        address = session.names.find_address(agent)
        session.send(build.approve_agent(address, parse_moment(expires, session.now_ms)))


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
