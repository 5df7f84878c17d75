"""The commands `omgd query market` and `markets`: grids, states, what is taken now."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import click

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.client import NodeClient, NodeError
from omg_abci.node.commands.answers import encode_message
from omg_abci.node.commands.catalogue import Catalogue, MarketTerms, TokenTerms, format_number
from omg_abci.node.commands.connection import connect
from omg_abci.node.commands.options import NodeOptions, with_node
from omg_abci.node.commands.output import (
    format_count,
    format_examples,
    format_hex,
    format_span,
    format_time,
    print_fields,
    print_object,
    print_table,
    say,
)
from omg_abci.node.commands.words import describe_status
from omg_abci.protocol.units import MarketMode, MarketStatus

_NO_AUCTION: Final = "FAILED_PRECONDITION"


@click.command(
    "market",
    epilog=format_examples("omgd query market OMG/USD", "omgd query market 1 --json"),
)
@click.argument("market")
@with_node
def market_command(options: NodeOptions, *, market: str) -> None:
    """Show a market, what it takes now and within which bounds.

    While an auction collects orders, and in a batch market, also the price and volume that it
    would have with the orders that rest now.
    """
    with connect(options.node) as client:
        catalogue = Catalogue.load(client)
        terms = catalogue.find_market(market)
        found = client.capabilities(terms.id)
        indicative = _ask_indicative(client, terms.id)
        fee_token = catalogue.tokens[client.status().fee_token]
    if options.as_json:
        shown = encode_message(indicative) if indicative else None
        print_object({**encode_message(found), "indicative": shown})
        return
    print_fields(
        [
            *_list_state(found, terms, indicative),
            *_list_terms(found.market, terms, fee_token),
            ("takes", ", ".join(found.actions)),
        ]
    )
    if found.order_kinds:
        click.echo()
        print_table(("order type", "times in force", "post-only"), _list_kinds(found))
    say(f"{terms.name} at height {found.height}")


def _ask_indicative(client: NodeClient, market: int) -> pb.Indicative | None:
    """Return what the market's auction would do, or None when it holds none."""
    try:
        return client.indicative(market)
    except NodeError as reason:
        if reason.code != _NO_AUCTION:
            raise
        return None


def _list_state(
    found: pb.Capabilities, terms: MarketTerms, indicative: pb.Indicative | None
) -> Iterator[tuple[str, object]]:
    """Yield what the market does now."""
    market = found.market
    yield "market", f"{terms.name}, id {market.id}"
    yield "status", describe_status(market.status, market.until_ms)
    if indicative is not None:
        yield "auction", describe_indicative(indicative, terms)
    if found.post_only_until_ms:
        yield "makers first", f"only post-only orders until {format_time(found.post_only_until_ms)}"
    yield "last price", _format_price(market.last_price, terms)
    yield "open orders", market.open_orders


def describe_indicative(indicative: pb.Indicative, terms: MarketTerms) -> str:
    """Return what an auction of the orders that rest now would do."""
    if not indicative.price:
        return "nothing would cross"
    volume = terms.format_quantity(indicative.volume)
    price = terms.format_price(indicative.price)
    if indicative.fixed:
        return f"{volume} are left to trade at {price}"
    surplus = terms.format_quantity(indicative.surplus)
    return f"{volume} would trade at {price}, {surplus} would be left over there"


def _list_terms(
    market: pb.Market, terms: MarketTerms, fee_token: TokenTerms
) -> Iterator[tuple[str, object]]:
    """Yield what the market was made with."""
    mode = "one auction a block" if market.mode == MarketMode.BATCH else "each order as it comes"
    yield "mode", f"{MarketMode(market.mode).name.lower()}: {mode}"
    yield "lot", terms.format_quantity(1)
    yield "tick", terms.format_price(1)
    smallest, largest = (terms.format_quantity(each) for each in (market.lots_min, market.lots_max))
    yield "orders of", f"{smallest} to {largest}"
    yield "price band", _describe_band(market, terms)
    yield "auctions of", format_span(market.auction_ms)
    if market.creator:
        yield "creator", format_hex(market.creator)
        yield "bond", fee_token.format(int(market.bond))


def _describe_band(market: pb.Market, terms: MarketTerms) -> str:
    if not market.band_bp:
        return "none"
    width = f"{format_number(Fraction(market.band_bp, 100))} %"
    if not market.reference:
        return f"{width} around the next trade"
    return f"{width} around {terms.format_price(market.reference)}"


def _format_price(price: int, terms: MarketTerms) -> str:
    return terms.format_price(price) if price else "none yet"


def _list_kinds(found: pb.Capabilities) -> Iterator[tuple[str, str, str]]:
    """Yield a row for the times in force of a type that go with the same post-only modes."""
    rows: dict[tuple[str, str], list[str]] = {}
    for kind in found.order_kinds:
        modes = ", ".join(each.replace("none", "no") for each in kind.post_only_modes)
        rows.setdefault((kind.order_type, modes), []).append(kind.time_in_force)
    for (order_type, modes), times in rows.items():
        yield order_type.replace("_", "-"), ", ".join(times), modes


@click.command("markets")
@with_node
def markets_command(options: NodeOptions) -> None:
    """List the markets, their state, grid and last price."""
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
                MarketStatus(market.status).name.lower().replace("_", " "),
                MarketMode(market.mode).name.lower(),
                terms.format_quantity(1),
                terms.format_price(1),
                _format_price(market.last_price, terms),
                terms.format_quantity(market.lots_min),
                market.open_orders,
            )
        )
    head = ("id", "market", "status", "mode", "lot", "tick", "last price", "smallest", "orders")
    print_table(head, rows)
    say(f"{format_count(len(rows), 'market')}; omgd query market ID shows one")
