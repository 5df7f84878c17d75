"""The commands `omgd tx …` about markets: create-market, change-market."""

import re
from fractions import Fraction
from typing import Final, NamedTuple

import click

from omg_abci.node.commands.catalogue import MarketTerms, TokenTerms, format_number
from omg_abci.node.commands.failure import CommandError
from omg_abci.node.commands.options import gather
from omg_abci.node.commands.output import format_examples, parse_span
from omg_abci.node.commands.sending import SendOptions, Session, open_session, with_send_options
from omg_abci.protocol.limits import AUCTION_DEFAULT_MS, BASIS_POINTS, QUANTITY_LOTS_MAX
from omg_abci.protocol.units import Amount, MarketAction, MarketMode
from wallet_sdk import build

_MODES: Final = {each.name.lower(): each for each in MarketMode}
_ACTIONS: Final = {each.name.lower().replace("_", "-"): each for each in MarketAction}
_PERCENT: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?)%")
_NUMBER: Final = re.compile(r"[0-9]{1,39}(?:\.[0-9]{1,39})?")
_OFF: Final = "off"


class _MarketOptions(NamedTuple):
    """The terms of a new market."""

    lot: str
    tick: str
    min_order: str | None
    max_order: str | None
    mode: str
    band: str
    auction: str


_with_market_options = gather(
    _MarketOptions,
    (
        click.option(
            "--lot", required=True, metavar="QUANTITY", help="Smallest step of a quantity, in BASE."
        ),
        click.option(
            "--tick",
            required=True,
            metavar="PRICE",
            help="Smallest step of a price, in QUOTE for one BASE.",
        ),
        click.option("--min-order", metavar="QUANTITY", help="Smallest order; by default one lot."),
        click.option("--max-order", metavar="QUANTITY", help="Largest order; by default any."),
        click.option(
            "--mode",
            type=click.Choice(list(_MODES)),
            default="continuous",
            show_default=True,
            help="Match each order as it comes, or all of a block together at one price.",
        ),
        click.option(
            "--band",
            default=_OFF,
            show_default=True,
            metavar="PERCENT|off",
            help="Halt when the price leaves it: 1% to 50% around that of the last five minutes.",
        ),
        click.option(
            "--auction",
            default=f"{AUCTION_DEFAULT_MS // 1_000}s",
            show_default=True,
            metavar="LENGTH",
            help="How long a call auction collects orders: when it opens, and after a halt.",
        ),
    ),
)


@click.command(
    "create-market",
    epilog=format_examples(
        "omgd tx create-market OMG USD --lot 0.01 --tick 0.0001 --from alice",
        "omgd tx create-market ETH OMG --lot 0.001 --tick 0.5 --mode batch --from alice",
        "omgd tx create-market ETH USD --lot 0.001 --tick 0.01 --band 10% --from alice",
    ),
)
@click.argument("base", metavar="BASE")
@click.argument("quote", metavar="QUOTE")
@_with_market_options
@with_send_options
def create_market_command(
    market: _MarketOptions, options: SendOptions, *, base: str, quote: str
) -> None:
    """Open a market where BASE is traded for QUOTE; it begins with an auction.

    A bond in the fee token is locked until the market is delisted (omgd status shows how much).
    The chain's grid is in smallest units, and each must be 1, 2, 5 or 25 times a power of ten:
    those of a lot, and those that a lot costs at one tick.
    """
    with open_session(options) as session:
        base_terms = session.catalogue.find_token(base)
        quote_terms = session.catalogue.find_token(quote)
        terms = _make_terms(base_terms, quote_terms, market.lot, market.tick)
        leg = build.create_market(
            base_terms.id,
            quote_terms.id,
            base_unit=terms.base_unit,
            quote_unit=terms.quote_unit,
            lots_min=terms.parse_quantity(market.min_order) if market.min_order else 1,
            lots_max=(
                terms.parse_quantity(market.max_order) if market.max_order else QUANTITY_LOTS_MAX
            ),
            mode=_MODES[market.mode],
            band_bp=_parse_band(market.band),
            auction_ms=parse_span(market.auction),
        )
        session.send(leg, note=_describe_bond(session))


def _describe_bond(session: Session) -> str:
    fee_token = session.catalogue.tokens[session.status.fee_token]
    bond = fee_token.format(int(session.status.market_bond))
    return f"a bond of {bond} is locked until the market is gone"


def _make_terms(base: TokenTerms, quote: TokenTerms, lot: str, tick: str) -> MarketTerms:
    """Return the terms whose lot and tick are those; raise CommandError."""
    base_unit = base.parse(lot)
    if not _NUMBER.fullmatch(tick) or not Fraction(tick):
        raise CommandError(
            "bad_number", f"{tick!r} is no tick", f"write {quote.symbol} for one {base.symbol}"
        )
    cost = Fraction(tick) * base_unit * base.unit / quote.unit
    if cost.denominator != 1:
        smallest = format_number(quote.unit / (base_unit * base.unit))
        raise CommandError(
            "off_unit",
            f"a lot at one tick would cost {format_number(cost)} smallest units of {quote.symbol},"
            " and they cannot be divided",
            f"with this lot a tick is a multiple of {smallest}; a larger lot allows smaller ticks",
        )
    quote_unit: Amount = int(cost)
    return MarketTerms(0, base, quote, base_unit, quote_unit)


def _parse_band(text: str) -> int:
    """Return basis points; raise CommandError."""
    if text == _OFF:
        return 0
    found = _PERCENT.fullmatch(text)
    points = Fraction(found[1]) * BASIS_POINTS / 100 if found else Fraction(1, 2)
    if points.denominator != 1:
        raise CommandError("bad_band", f"{text!r} is no band", "write it as 10% or 2.5%, or off")
    return int(points)


@click.command(
    "change-market",
    epilog=format_examples(
        "omgd tx change-market OMG/USD cancel-only --from alice",
        "omgd tx change-market OMG/USD resume --from alice",
        "omgd tx change-market 7 delist --from alice",
    ),
)
@click.argument("market")
@click.argument("action", type=click.Choice(list(_ACTIONS)))
@with_send_options
def change_market_command(options: SendOptions, *, market: str, action: str) -> None:
    """Stop a market of one's own, resume it, or delist it.

    \b
    cancel-only  nothing trades, orders can only be cancelled
    resume       takes orders again; an auction begins its trading, also during a notice
    delist       cancel only for a day, then all orders are cancelled and the bond comes back
    """  # noqa: D301 - the mark keeps click from filling the lines
    with open_session(options) as session:
        terms = session.catalogue.find_market(market)
        session.send(build.change_market(terms.id, _ACTIONS[action]))


MARKET_COMMANDS: Final = (create_market_command, change_market_command)
