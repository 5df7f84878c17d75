"""The commands `omgd query …`: what a node's committed state and recent blocks say."""

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
    format_hex,
    format_time,
    print_fields,
    print_object,
    print_table,
    say,
)
from omg_abci.node.commands.query_blocks import block_command, tx_result_command
from omg_abci.node.commands.query_proof import proof_command
from omg_abci.protocol.units import Ended, Side, TimeInForce

_CLIENT_ID: Final = click.IntRange(1, (1 << 64) - 1)
_PAGE: Final = 1_000


@click.group(
    "query",
    epilog=format_examples(
        "omgd query account alice --accounts ~/.omg/localnet/accounts.json",
        "omgd query book OMG/USD --depth 5",
        "omgd query proof balance alice 0 OMG --json",
    ),
)
def query_group() -> None:
    """Ask a node for what is committed: accounts, orders, books, blocks, proofs.

    OWNER is an address or a key's name, MARKET is BASE/QUOTE or an id, TOKEN a symbol or an id.
    With --json prices are in ticks, quantities in lots and amounts in smallest units.
    """


@query_group.command("account", epilog=format_examples("omgd query account alice"))
@click.argument("owner")
@with_owner
def account_command(options: OwnerOptions, *, owner: str) -> None:
    """Show an account: balances, agents, open orders."""
    address = options.find_address(owner)
    with connect(options.node) as client:
        account = client.account(address)
        catalogue = Catalogue.load(client)
    if options.as_json:
        print_object(encode_message(account))
        return
    print_fields(
        [
            ("account", format_hex(address)),
            ("at height", account.height),
            ("open orders", account.open_orders),
        ]
    )
    if account.balances:
        click.echo()
        print_table(("subaccount", "free", "reserved", "token"), _list_balances(account, catalogue))
    else:
        say("no balances: nothing was ever sent to this address, or all of it was spent")
    if account.agents:
        click.echo()
        print_table(
            ("agent", "may", "until"),
            [
                (format_hex(agent.agent), "trade", format_time(agent.expires_ms))
                for agent in account.agents
            ],
        )


def _list_balances(account: pb.Account, catalogue: Catalogue) -> Iterator[tuple[object, ...]]:
    for balance in account.balances:
        token = catalogue.tokens[balance.token]
        free, _, symbol = token.format(int(balance.free)).partition(" ")
        reserved = token.format(int(balance.reserved)).partition(" ")[0]
        yield balance.subaccount, free, reserved, symbol


@query_group.command("balance", epilog=format_examples("omgd query balance alice OMG"))
@click.argument("owner")
@click.argument("token")
@click.option("--subaccount", type=click.IntRange(0, 255), default=0, show_default=True)
@with_owner
def balance_command(options: OwnerOptions, *, owner: str, token: str, subaccount: int) -> None:
    """Show what an account has of one token."""
    address = options.find_address(owner)
    with connect(options.node) as client:
        terms = Catalogue.load(client).find_token(token)
        account = client.account(address)
    wanted = (subaccount, terms.id)
    found = [each for each in account.balances if (each.subaccount, each.token) == wanted]
    balance = found[0] if found else pb.Balance(free="0", reserved="0")
    if options.as_json:
        print_object(
            {
                "height": account.height,
                "owner": format_hex(address),
                "subaccount": subaccount,
                "token": terms.id,
                "symbol": terms.symbol,
                "decimals": terms.decimals,
                "free": balance.free,
                "reserved": balance.reserved,
            }
        )
        return
    free, reserved = terms.format(int(balance.free)), terms.format(int(balance.reserved))
    print_fields([("free", free), ("reserved", reserved)])


@query_group.command("order", epilog=format_examples("omgd query order alice 1732000000000"))
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
        _print_open(order, catalogue.markets[order.market])
    else:
        ended = Ended(order.ended).name.lower().replace("_", " ")
        print_fields(
            [
                ("order", order.client_id),
                ("state", f"ended: {ended}"),
                ("quantity", format_count(order.quantity, "lot")),
                ("filled", format_count(order.filled, "lot")),
            ]
        )


def _print_open(order: pb.Order, market: MarketTerms) -> None:
    print_fields(
        [
            ("order", order.client_id),
            ("state", "open"),
            ("market", market.name),
            ("side", Side(order.side).name.lower()),
            ("price", market.format_price(order.price)),
            ("quantity", market.format_quantity(order.quantity)),
            ("filled", market.format_quantity(order.filled)),
            ("kind", _describe_kind(order)),
            ("subaccount", order.subaccount),
        ]
    )


def _describe_kind(order: pb.Order) -> str:
    kind = TimeInForce(order.time_in_force).name
    if order.expires_ms:
        kind = f"until {format_time(order.expires_ms)}"
    return f"{kind}, post-only" if order.post_only else kind


@query_group.command("orders", epilog=format_examples("omgd query orders alice"))
@click.argument("owner")
@click.option("--limit", type=click.IntRange(1), default=_PAGE, show_default=True)
@with_owner
def orders_command(options: OwnerOptions, *, owner: str, limit: int) -> None:
    """List an owner's open orders, by client id."""
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
        market = catalogue.markets[order.market]
        rows.append(
            (
                order.client_id,
                market.name,
                Side(order.side).name.lower(),
                market.format_price(order.price),
                market.format_quantity(order.quantity),
                market.format_quantity(order.filled),
                _describe_kind(order),
            )
        )
    if rows:
        print_table(("client id", "market", "side", "price", "quantity", "filled", "kind"), rows)
    counted = format_count(len(orders), "open order")
    say(f"{counted} at height {height}" + (", and more: --limit" if more else ""))


def _list_orders(client: NodeClient, owner: bytes, limit: int) -> tuple[int, list[pb.Order], bool]:
    """Return (height of the last page, orders, whether there are more)."""
    orders: list[pb.Order] = []
    while True:
        after = orders[-1].client_id if orders else 0
        page = client.orders(owner, after, min(_PAGE, limit - len(orders)))
        orders.extend(page.orders)
        if not page.more or len(orders) >= limit:
            return page.height, orders, page.more


@query_group.command("book", epilog=format_examples("omgd query book OMG/USD --depth 5"))
@click.argument("market")
@click.option("--depth", type=click.IntRange(1, 1_000), default=10, show_default=True)
@click.option("--by-order", is_flag=True, help="Every order of these levels, oldest first.")
@with_node
def book_command(options: NodeOptions, *, market: str, depth: int, by_order: bool) -> None:
    """Show a market's best prices: asks above, bids below."""
    with connect(options.node) as client:
        terms = Catalogue.load(client).find_market(market)
        book = client.book(terms.id, depth, by_order=by_order)
    if options.as_json:
        print_object(encode_message(book))
        return
    list_rows = _list_orders_of if by_order else _list_levels
    rows = [*list_rows("ask", reversed(book.asks), terms), *list_rows("bid", book.bids, terms)]
    if rows:
        last = "owner and client id" if by_order else "orders"
        print_table(("side", "price", "quantity", last), rows)
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
            left = market.format_quantity(order.quantity - order.filled)
            who = f"{format_hex(order.owner)} {order.client_id}"
            yield side, market.format_price(level.price), left, who


@query_group.command("markets")
@with_node
def markets_command(options: NodeOptions) -> None:
    """List the markets, their grid and last price."""
    with connect(options.node) as client:
        markets = client.markets()
        catalogue = Catalogue.load(client)
    if options.as_json:
        print_object({"markets": [encode_message(market) for market in markets]})
        return
    rows = []
    for market in markets:
        terms = catalogue.markets[market.id]
        rows.append(
            (
                market.id,
                terms.name,
                terms.format_quantity(1),
                terms.format_price(1),
                terms.format_price(market.last_price) if market.last_price else "none yet",
                terms.format_quantity(market.lots_min),
                market.open_orders,
            )
        )
    print_table(("id", "market", "lot", "tick", "last price", "smallest order", "orders"), rows)


@query_group.command("tokens")
@with_node
def tokens_command(options: NodeOptions) -> None:
    """List the tokens and their supply."""
    with connect(options.node) as client:
        tokens = client.tokens()
        catalogue = Catalogue.load(client)
    if options.as_json:
        print_object({"tokens": [encode_message(token) for token in tokens]})
        return
    print_table(
        ("id", "symbol", "decimals", "supply"),
        [
            (
                token.id,
                token.symbol,
                token.decimals,
                catalogue.tokens[token.id].format(int(token.supply)),
            )
            for token in tokens
        ],
    )


query_group.add_command(block_command)
query_group.add_command(tx_result_command)
query_group.add_command(proof_command)
