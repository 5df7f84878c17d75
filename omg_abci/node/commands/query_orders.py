"""The commands `omgd query order`, `orders` and `book`: open orders, one by one and as a book."""

from collections.abc import Iterable, Iterator
from typing import Final

import click

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.client import NodeClient
from omg_abci.node.commands.answers import encode_message
from omg_abci.node.commands.catalogue import Catalogue, MarketTerms
from omg_abci.node.commands.connection import connect
from omg_abci.node.commands.options import NodeOptions, OwnerOptions, with_node, with_owner
from omg_abci.node.commands.output import (
    format_count,
    format_examples,
    format_height,
    format_hex,
    format_time,
    print_fields,
    print_object,
    print_table,
    say,
)
from omg_abci.node.commands.words import describe_ended, describe_trigger
from omg_abci.protocol.units import OrderType, PostOnly, SelfTrade, Side, TimeInForce

_CLIENT_ID: Final = click.IntRange(1, (1 << 64) - 1)
_PAGE: Final = 1_000


@click.command("order", epilog=format_examples("omgd query order alice 1732000000000"))
@click.argument("owner")
@click.argument("client_id", type=_CLIENT_ID)
@with_owner
def order_command(options: OwnerOptions, *, owner: str, client_id: int) -> None:
    """Show an order that is open, or ended in the last two days."""
    address = options.find_address(owner)
    with connect(options.node) as client:
        order = client.order(address, client_id)
        catalogue = Catalogue.load(client)
    if options.as_json:
        print_object(encode_message(order))
    elif order.open:
        print_fields(_list_fields(order, catalogue.get_market(order.market)))
    else:
        print_fields(
            [
                ("order", order.client_id),
                ("state", f"ended: {describe_ended(order.ended)}"),
                ("quantity", format_count(order.quantity, "lot")),
                ("filled", format_count(order.filled, "lot")),
            ]
        )


def _list_fields(order: pb.Order, market: MarketTerms) -> Iterator[tuple[str, object]]:
    """Yield what an open order's owner wants to know, as names and values."""
    yield "order", order.client_id
    yield "state", "waiting for its trigger" if order.waiting else "open"
    yield "market", market.name
    yield "side", Side(order.side).name.lower()
    yield "type", _name_type(order)
    if order.waiting:
        yield "trigger", _describe_trigger(order, market)
    yield "price", market.format_price(order.price)
    yield "quantity", market.format_quantity(order.quantity)
    if order.display:
        shown = market.format_quantity(order.tip)
        yield "shows", f"{shown} now, {market.format_quantity(order.display)} at a time"
    yield "filled", market.format_quantity(order.filled)
    yield "kind", _describe_kind(order)
    yield "self-trade", SelfTrade(order.self_trade).name.lower().replace("_", " ")
    yield "subaccount", order.subaccount


def _name_type(order: pb.Order) -> str:
    return OrderType(order.order_type).name.lower().replace("_", "-")


def _describe_trigger(order: pb.Order, market: MarketTerms) -> str:
    where = describe_trigger(order.order_type, order.side)
    return f"a trade {where} {market.format_price(order.trigger)}"


def _describe_kind(order: pb.Order) -> str:
    kind = TimeInForce(order.time_in_force).name
    if order.expires_ms:
        kind = f"until {format_time(order.expires_ms)}"
    if order.expires_height:
        kind = f"until {format_height(order.expires_height)}"
    if order.post_only == PostOnly.REJECT:
        return f"{kind}, post-only"
    return f"{kind}, post-only (slides)" if order.post_only else kind


@click.command("orders", epilog=format_examples("omgd query orders alice"))
@click.argument("owner")
@click.option("--limit", type=click.IntRange(1), default=_PAGE, show_default=True)
@with_owner
def orders_command(options: OwnerOptions, *, owner: str, limit: int) -> None:
    """List an owner's open orders, waiting ones too, by client id."""
    address = options.find_address(owner)
    with connect(options.node) as client:
        height, orders, more = _list_orders(client, address, limit)
        catalogue = Catalogue.load(client)
    if options.as_json:
        encoded = [encode_message(order) for order in orders]
        print_object({"height": height, "orders": encoded, "more": more})
        return
    rows = []
    for order in orders:
        market = catalogue.get_market(order.market)
        rows.append(
            (
                order.client_id,
                market.name,
                Side(order.side).name.lower(),
                market.format_price(order.price),
                market.format_quantity(order.quantity),
                market.format_quantity(order.filled),
                _name_type(order),
                _describe_wait(order, market) or _describe_kind(order),
            )
        )
    if rows:
        head = ("client id", "market", "side", "price", "quantity", "filled", "type", "kind")
        print_table(head, rows)
    counted = format_count(len(orders), "open order")
    say(f"{counted} at height {height}" + (", and more: --limit" if more else ""))


def _describe_wait(order: pb.Order, market: MarketTerms) -> str:
    """Return what a waiting order waits for, and how long; nothing for one that rests."""
    if not order.waiting:
        return ""
    return f"{_describe_kind(order)}, waits for {_describe_trigger(order, market)}"


def _list_orders(client: NodeClient, owner: bytes, limit: int) -> tuple[int, list[pb.Order], bool]:
    """Return (height of the last page, orders, whether there are more)."""
    orders: list[pb.Order] = []
    while True:
        after = orders[-1].client_id if orders else 0
        page = client.orders(owner, after, min(_PAGE, limit - len(orders)))
        orders.extend(page.orders)
        if not page.more or len(orders) >= limit:
            return page.height, orders, page.more


@click.command("book", epilog=format_examples("omgd query book OMG/USD --depth 5"))
@click.argument("market")
@click.option("--depth", type=click.IntRange(1, 1_000), default=10, show_default=True)
@click.option("--by-order", is_flag=True, help="Every order of these levels, oldest first.")
@click.option("--waiting", is_flag=True, help="Also the orders that wait for their trigger.")
@with_node
def book_command(
    options: NodeOptions, *, market: str, depth: int, by_order: bool, waiting: bool
) -> None:
    """Show a market's best prices: asks above, bids below.

    A quantity is what is shown: of an iceberg its tip. While an auction collects orders the two
    sides may overlap.
    """
    with connect(options.node) as client:
        terms = Catalogue.load(client).find_market(market)
        book = client.book(terms.id, depth, by_order=by_order, waiting=waiting)
    if options.as_json:
        print_object(encode_message(book))
        return
    list_rows = _list_orders_of if by_order else _list_levels
    rows = [*list_rows("ask", reversed(book.asks), terms), *list_rows("bid", book.bids, terms)]
    if rows:
        last = "owner and client id" if by_order else "orders"
        print_table(("side", "price", "quantity", last), rows)
    if book.waiting:
        click.echo()
        _print_waiting(book.waiting, terms)
    say(f"{terms.name} at height {book.height}: {format_count(book.open_orders, 'open order')}")


def _list_levels(
    side: str, levels: Iterable[pb.Level], market: MarketTerms
) -> Iterator[tuple[object, ...]]:
    for level in levels:
        quantity = market.format_quantity(level.quantity)
        yield side, market.format_price(level.price), quantity, level.count


def _list_orders_of(
    side: str, levels: Iterable[pb.Level], market: MarketTerms
) -> Iterator[tuple[object, ...]]:
    for level in levels:
        for order in level.orders:
            shown = market.format_quantity(order.tip or order.quantity - order.filled)
            yield side, market.format_price(level.price), shown, _name_owner(order)


def _name_owner(order: pb.Order) -> str:
    return f"{format_hex(order.owner)} {order.client_id}"


def _print_waiting(orders: Iterable[pb.Order], market: MarketTerms) -> None:
    head = ("side", "price", "quantity", "waits for", "owner and client id")
    rows = [
        (
            Side(order.side).name.lower(),
            market.format_price(order.price),
            market.format_quantity(order.quantity - order.filled),
            _describe_trigger(order, market),
            _name_owner(order),
        )
        for order in orders
    ]
    print_table(head, rows)
