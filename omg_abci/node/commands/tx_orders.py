"""The commands `omgd tx …` about orders: place, amend, cancel, cancel-all, switch."""

from typing import Final, NamedTuple

import click

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.client import NodeError
from omg_abci.node.commands.catalogue import MarketTerms
from omg_abci.node.commands.failure import CommandError
from omg_abci.node.commands.options import gather
from omg_abci.node.commands.output import format_examples, parse_moment
from omg_abci.node.commands.sending import SendOptions, Session, open_session, with_send_options
from omg_abci.protocol.limits import CANCEL_ALL_MAX, MATCHES_DEFAULT, MATCHES_MAX
from omg_abci.protocol.messages import PlaceOrder
from omg_abci.protocol.units import (
    Lots,
    OrderType,
    PostOnly,
    SelfTrade,
    Side,
    Ticks,
    TimeInForce,
)
from wallet_sdk import build

_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}
_TYPES: Final = {each.name.lower().replace("_", "-"): each for each in OrderType}
_TIMES_IN_FORCE: Final = {each.name.lower(): each for each in TimeInForce}
_RESTING: Final = {name: _TIMES_IN_FORCE[name] for name in ("gtc", "gtt", "gth")}
_POST_ONLY: Final = {"reject": PostOnly.REJECT, "slide": PostOnly.SLIDE}
_SELF_TRADES: Final = {each.name.lower().replace("_", "-"): each for each in SelfTrade}
_SUBACCOUNT: Final = click.IntRange(0, 255)
_CLIENT_ID: Final = click.IntRange(1, (1 << 64) - 1)
_HEIGHT: Final = click.IntRange(1, (1 << 64) - 1)
_OFF: Final = "off"

_max_matches_option = click.option(
    "--max-matches",
    type=click.IntRange(1, MATCHES_MAX),
    default=MATCHES_DEFAULT,
    show_default=True,
    help="Resting orders that it may meet; the fee is reserved for as many.",
)


class _OrderOptions(NamedTuple):
    """What may be said of a new order, and is not needed."""

    order_type: str
    trigger: str | None
    display: str | None
    tif: str | None
    expires: str | None
    until_height: int | None
    post_only: str | None
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
            help="What kind of order; see above.",
        ),
        click.option(
            "--trigger", metavar="PRICE", help="Of a stop-limit or take-profit: wait for it."
        ),
        click.option(
            "--display", metavar="QUANTITY", help="Of an iceberg: what it shows at a time."
        ),
        click.option(
            "--tif",
            type=click.Choice(list(_TIMES_IN_FORCE)),
            help="Time in force: gtc stays, gtt and gth stay until a time or block, ioc takes what"
            " there is now, fok all of it or nothing. By default what the other options say.",
        ),
        click.option(
            "--expires", metavar="TIME", help="Good till then: 2h from now, or a date and time."
        ),
        click.option("--until-height", type=_HEIGHT, help="Good till that block."),
        click.option(
            "--post-only",
            is_flag=False,
            flag_value="reject",
            type=click.Choice(list(_POST_ONLY)),
            help="Never take: refuse the order if it would, or slide it to the best price at which"
            " it does not.",
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


@click.command(
    "place",
    epilog=format_examples(
        "omgd tx place OMG/USD buy 10 0.85 --from alice",
        "omgd tx place OMG/USD sell 10 0.80 --type market --from alice",
        "omgd tx place OMG/USD sell 10 0.70 --type stop-limit --trigger 0.72 --from alice",
        "omgd tx place OMG/USD buy 10 0.70 --type take-profit --trigger 0.70 --from alice",
        "omgd tx place OMG/USD sell 1000 0.90 --type iceberg --display 50 --from alice",
        "omgd tx place ETH/USD sell 0.5 3100 --post-only slide --expires 2h --from alice",
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
    """Place an order: QUANTITY of the base token at PRICE quote tokens each, or better.

    \b
    limit        rests at PRICE until it is filled
    market       takes now what is no worse than PRICE, and never rests
    stop-limit   waits; a trade at --trigger or worse makes it a limit order
    take-profit  waits; a trade at --trigger or better makes it a limit order
    iceberg      rests, and shows --display at a time

    omgd query market MARKET lists what the market takes now.
    """  # noqa: D301 - the mark keeps click from filling the lines
    with open_session(options) as session:
        terms = session.catalogue.find_market(market)
        lots, ticks = terms.parse_quantity(quantity), terms.parse_price(price)
        session.send(_make_order(order, session, terms, _SIDES[side], lots, ticks))


def _make_order(
    order: _OrderOptions,
    session: Session,
    terms: MarketTerms,
    side: Side,
    quantity: Lots,
    price: Ticks,
) -> PlaceOrder:
    """Return what was asked for; raise CommandError, and the format errors of an order."""
    return build.place_order(
        terms.id,
        side,
        quantity,
        price,
        client_id=order.client_id or session.nonce,
        order_type=_TYPES[order.order_type],
        time_in_force=_TIMES_IN_FORCE[order.tif] if order.tif else None,
        post_only=_POST_ONLY[order.post_only] if order.post_only else PostOnly.NONE,
        expires_ms=parse_moment(order.expires, session.now_ms) if order.expires else 0,
        expires_height=order.until_height or 0,
        display=terms.parse_quantity(order.display) if order.display else 0,
        trigger=terms.parse_price(order.trigger) if order.trigger else 0,
        subaccount=order.subaccount,
        self_trade=_SELF_TRADES[order.self_trade],
        max_matches=order.max_matches,
    )


class _AmendOptions(NamedTuple):
    """What may become of an open order."""

    price: str | None
    quantity: str | None
    trigger: str | None
    display: str | None
    tif: str | None
    expires: str | None
    until_height: int | None
    post_only: str | None
    self_trade: str | None
    max_matches: int


_with_amend_options = gather(
    _AmendOptions,
    (
        click.option("--price", help="New price."),
        click.option("--quantity", help="New total quantity, with what is filled."),
        click.option("--trigger", metavar="PRICE", help="New trigger of an order that waits."),
        click.option("--display", metavar="QUANTITY", help="New display of an iceberg."),
        click.option(
            "--tif",
            type=click.Choice(list(_RESTING)),
            help="New time in force; gtt comes with --expires, gth with --until-height.",
        ),
        click.option("--expires", metavar="TIME", help="New expiry of a good-till-time order."),
        click.option("--until-height", type=_HEIGHT, help="New last block of a gth order."),
        click.option(
            "--post-only",
            type=click.Choice([*_POST_ONLY, _OFF]),
            help="Never take when the price changes; off takes that away.",
        ),
        click.option(
            "--self-trade",
            type=click.Choice(list(_SELF_TRADES)),
            help="New mode for when the order meets one of the same owner.",
        ),
        _max_matches_option,
    ),
)


@click.command(
    "amend",
    epilog=format_examples(
        "omgd tx amend 1732000000000 --quantity 5 --from alice",
        "omgd tx amend 1732000000000 --price 0.86 --from alice",
        "omgd tx amend 1732000000000 --tif gtt --expires 2h --post-only off --from alice",
    ),
)
@click.argument("client_id", type=_CLIENT_ID)
@_with_amend_options
@with_send_options
def amend_command(order: _AmendOptions, options: SendOptions, *, client_id: int) -> None:
    """Change an open order; what is not given stays.

    It keeps its place in the book unless its price changes or its quantity grows.
    """
    post_only = {**_POST_ONLY, _OFF: PostOnly.OFF}
    with open_session(options) as session:
        market = _find_order_market(session, client_id)
        session.send(
            build.amend_order(
                client_id,
                price=market.parse_price(order.price) if order.price else 0,
                quantity=market.parse_quantity(order.quantity) if order.quantity else 0,
                expires_ms=parse_moment(order.expires, session.now_ms) if order.expires else 0,
                expires_height=order.until_height or 0,
                display=market.parse_quantity(order.display) if order.display else 0,
                trigger=market.parse_price(order.trigger) if order.trigger else 0,
                time_in_force=_RESTING[order.tif] if order.tif else None,
                post_only=post_only[order.post_only] if order.post_only else PostOnly.NONE,
                self_trade=_SELF_TRADES[order.self_trade] if order.self_trade else None,
                max_matches=order.max_matches,
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
    return session.catalogue.get_market(order.market)


@click.command("cancel", epilog=format_examples("omgd tx cancel 1732000000000 --from alice"))
@click.argument("client_id", type=_CLIENT_ID)
@with_send_options
def cancel_command(options: SendOptions, *, client_id: int) -> None:
    """Cancel an order; one that is not known yet is refused when it comes."""
    with open_session(options) as session:
        session.send(build.cancel_order(client_id))


@click.command(
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
    """Cancel all open orders of the owner, waiting ones too, oldest first."""
    with open_session(options) as session:
        catalogue = session.catalogue
        session.send(
            build.cancel_all(
                market=catalogue.find_market(market).id if market else build.EVERY_MARKET,
                side=_SIDES[side] if side else None,
                max_orders=max_orders,
            )
        )


@click.command(
    "switch",
    epilog=format_examples(
        "omgd tx switch 10m --from alice/agent",
        "omgd tx switch 2031-05-01T12:00Z --from alice",
        "omgd tx switch off --from alice",
    ),
)
@click.argument("when", metavar="TIME|off")
@with_send_options
def switch_command(options: SendOptions, *, when: str) -> None:
    """Set the dead-man's switch: at TIME the chain cancels all of the owner's orders.

    Send it again before then to move it, and off to be done with it; TIME is at most a day ahead.
    So orders do not outlive a program that has lost its connection.
    """
    with open_session(options) as session:
        session.send(build.set_switch(0 if when == _OFF else parse_moment(when, session.now_ms)))


ORDER_COMMANDS: Final = (
    place_command,
    amend_command,
    cancel_command,
    cancel_all_command,
    switch_command,
)
