"""The commands `omgd query …`: what a node's committed state and recent blocks say."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.client import NodeClient
from omg_abci.node.commands.answers import encode_message
from omg_abci.node.commands.catalogue import Catalogue, MarketTerms
from omg_abci.node.commands.connection import connect, node_option
from omg_abci.node.commands.identity import Names, accounts_option, keyring_option
from omg_abci.node.commands.output import (
    format_examples,
    format_hex,
    format_time,
    json_option,
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


@click.group("query", epilog=format_examples("omgd query account alice --accounts ~/.omg/localnet/accounts.json", "omgd query book OMG/USD --depth 5", "omgd query proof balance alice 0 OMG --json", '"', "", "", '_group.command("account")', '.argument("owner")', "option", "ng_option", "nts_option", "option", "count_command(", " owner: str, node: str | None, keyring: Path, accounts: Path | None, as_json: bool", "one:", '"Show an account: balances, agents, open orders.', "", "", "ample:", "omgd query account 0x…", '"', "dress = Names(keyring, accounts).find_address(owner)", "th connect(node) as client:", "  account = client.account(address)", "  catalogue = Catalogue.load(client)", " as_json:", "  print_object(encode_message(account))", "  return", "int_fields(", "  [", '      ("account", format_hex(address)),', '      ("at height", account.height),', '      ("open orders", account.open_orders),', "  ]", "", " account.balances:", "  click.echo()", '  print_table(("subaccount", "free", "reserved", "token"), _list_balances(account, catalogue))', "se:", '  say("no balances: nothing was ever sent to this address, or all of it was spent")', " account.agents:", "  click.echo()", "  print_table(", '      ("agent", "may", "until"),', "      [", '          (format_hex(agent.agent), "trade", format_time(agent.expires_ms))', "          for agent in account.agents", "      ],", "  )", "", "", "ist_balances(account: pb.Account, catalogue: Catalogue) -> Iterable[tuple[object, ...]]:", "r balance in account.balances:", "  token = catalogue.tokens[balance.token]", '  free, _, symbol = token.format(int(balance.free)).partition(" ")', '  reserved = token.format(int(balance.reserved)).partition(" ")[0]', "  yield balance.subaccount, free, reserved, symbol", "", "", '_group.command("balance")', '.argument("owner")', '.argument("token")', '.option("--subaccount", type=click.IntRange(0, 255), default=0, show_default=True)', "option", "ng_option", "nts_option", "option", "lance_command(", "", "ner: str,", "ken: str,", "baccount: int,", "de: str | None,", "yring: Path,", "counts: Path | None,", "_json: bool,", "one:", '"Show what an account has of one token.', "", "", "ample:", "omgd query balance alice OMG", '"', "dress = Names(keyring, accounts).find_address(owner)", "th connect(node) as client:", "  terms = Catalogue.load(client).find_token(token)", "  account = client.account(address)", "nted = (subaccount, terms.id)", "und = [each for each in account.balances if (each.subaccount, each.token) == wanted]", 'lance = found[0] if found else pb.Balance(free="0", reserved="0")', " as_json:", "  print_object(", "      {", '          "height": account.height,', '          "owner": format_hex(address),', '          "subaccount": subaccount,', '          "token": terms.id,', '          "symbol": terms.symbol,', '          "decimals": terms.decimals,', '          "free": balance.free,', '          "reserved": balance.reserved,', "      }", "  )", "  return", "ee, reserved = terms.format(int(balance.free)), terms.format(int(balance.reserved))", 'int_fields([("free", free), ("reserved", reserved)])', "", "", '_group.command("order")', '.argument("owner")', '.argument("client_id", type=_CLIENT_ID)', "option", "ng_option", "nts_option", "option", "der_command(", "", "ner: str,", "ient_id: int,", "de: str | None,", "yring: Path,", "counts: Path | None,", "_json: bool,", "one:", '"Show an order that is open, or ended in the last two days.', "", "", "ample:", "omgd query order alice 1732000000000", '"', "dress = Names(keyring, accounts).find_address(owner)", "th connect(node) as client:", "  order = client.order(address, client_id)", "  catalogue = Catalogue.load(client)", " as_json:", "  print_object(encode_message(order))", "  return", " not order.open:", '  ended = Ended(order.ended).name.lower().replace("_", " ")', "  print_fields(", "      [", '          ("order", order.client_id),', '          ("state", f"ended: {ended}"),', '          ("quantity", f"{order.quantity} lots"),', '          ("filled", f"{order.filled} lots"),', "      ]", "  )", "  return", "rket = catalogue.markets[order.market]", "int_fields(", "  [", '      ("order", order.client_id),', '      ("state", "open"),', '      ("market", market.name),', '      ("side", Side(order.side).name.lower()),', '      ("price", market.format_price(order.price)),', '      ("quantity", market.format_quantity(order.quantity)),', '      ("filled", market.format_quantity(order.filled)),', '      ("kind", _describe_kind(order)),', '      ("subaccount", order.subaccount),', "  ]", "", "", "", "escribe_kind(order: pb.Order) -> str:", "nd = TimeInForce(order.time_in_force).name", " order.expires_ms:", '  kind = f"until {format_time(order.expires_ms)}"', 'turn f"{kind}, post-only" if order.post_only else kind', "", "", '_group.command("orders")', '.argument("owner")', '.option("--limit", type=click.IntRange(1), default=_PAGE, show_default=True)', "option", "ng_option", "nts_option", "option", "ders_command(", "", "ner: str,", "mit: int,", "de: str | None,", "yring: Path,", "counts: Path | None,", "_json: bool,", "one:", '"List an owner\'s open orders, by client id.', "", "", "ample:", "omgd query orders alice", '"', "dress = Names(keyring, accounts).find_address(owner)", "th connect(node) as client:", "  height, orders, more = _list_orders(client, address, limit)", "  catalogue = Catalogue.load(client)", " as_json:", "  encoded = [encode_message(order) for order in orders]", '  print_object({"height": height, "orders": encoded, "more": more})', "  return", "ws = []", "r order in orders:", "  market = catalogue.markets[order.market]", "  rows.append(", "      (", "          order.client_id,", "          market.name,", "          Side(order.side).name.lower(),", "          market.format_price(order.price),", "          market.format_quantity(order.quantity),", "          market.format_quantity(order.filled),", "          _describe_kind(order),", "      )", "  )", " rows:", '  print_table(("client id", "market", "side", "price", "quantity", "filled", "kind"), rows)', 'y(f"{len(orders)} open orders at height {height}" + (", and more: --limit" if more else ""))', "", "", "ist_orders(client: NodeClient, owner: bytes, limit: int) -> tuple[int, list[pb.Order], bool]:", '"Return (height of the last page, orders, whether there are more)."""', "ders: list[pb.Order] = []", "ile True:", "  after = orders[-1].client_id if orders else 0", "  page = client.orders(owner, after, min(_PAGE, limit - len(orders)))", "  orders.extend(page.orders)", "  if not page.more or len(orders) >= limit:", "      return page.height, orders, page.more", "", "", '_group.command("book")', '.argument("market")', '.option("--depth", type=click.IntRange(1, 1_000), default=10, show_default=True)', '.option("--by-order", is_flag=True, help="Every order of these levels, oldest first.")', "option", "option", "ok_command(", " market: str, depth: int, by_order: bool, node: str | None, as_json: bool", "one:", '"Show a market\'s best prices: asks above, bids below.', "", "", "ample:", "omgd query book OMG/USD --depth 5", '"', "th connect(node) as client:", "  terms = Catalogue.load(client).find_market(market)", "  book = client.book(terms.id, depth, by_order=by_order)", " as_json:", "  print_object(encode_message(book))", "  return", 'des = (("ask", reversed(book.asks)), ("bid", book.bids))', "ws = [row for side, levels in sides for row in _list_levels(side, levels, terms, by_order)]", " rows:", '  last = "owner and client id" if by_order else "orders"', '  print_table(("side", "price", "quantity", last), rows)', 'y(f"{terms.name} at height {book.height}: {book.open_orders} open orders")', "", "", "ist_levels(", "de: str,", "vels: Iterable[pb.Level],", "rket: MarketTerms,", "_order: bool,  # noqa: FBT001", "terable[tuple[object, ...]]:", "r level in levels:", "  price = market.format_price(level.price)", "  if not by_order:", "      yield side, price, market.format_quantity(level.quantity), level.count", "  for order in level.orders:", "      left = market.format_quantity(order.quantity - order.filled)", '      yield side, price, left, f"{format_hex(order.owner)} {order.client_id}"', "", "", '_group.command("markets")', "option", "option", "rkets_command(*, node: str | None, as_json: bool) -> None:", '"List the markets, their grid and last price."""', "th connect(node) as client:", "  markets = client.markets()", "  catalogue = Catalogue.load(client)", " as_json:", '  print_object({"markets": [encode_message(market) for market in markets]})', "  return", "ws = []", "r market in markets:", "  terms = catalogue.markets[market.id]", "  rows.append(", "      (", "          market.id,", "          terms.name,", "          terms.format_quantity(1),", "          terms.format_price(1),", '          terms.format_price(market.last_price) if market.last_price else "none yet",', "          terms.format_quantity(market.lots_min),", "          market.open_orders,", "      )", "  )", 'int_table(("id", "market", "lot", "tick", "last price", "smallest order", "orders"), rows)', "", "", '_group.command("tokens")', "option", "option", "kens_command(*, node: str | None, as_json: bool) -> None:"))
def query_group() -> None:
    """Ask a node for what is committed: accounts, orders, books, blocks, proofs.

    OWNER is an address or a key's name, MARKET is BASE/QUOTE or an id.
    """List the tokens and their supply."""
    with connect(node) as client:
        tokens = client.tokens()
        catalogue = Catalogue.load(client)
    if as_json:
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
