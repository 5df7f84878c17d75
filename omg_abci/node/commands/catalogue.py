"""Tokens and markets of a chain, and the way from people's numbers to the chain's and back.

Exact: a number that is no whole multiple of the unit is refused, never rounded. People write
tokens ("1.5"); who wants the chain's own integers writes the unit behind: 150lots, 8500ticks,
1500000units.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Self, TypeVar

from omg_abci.node.client import NodeClient
from omg_abci.node.commands.failure import CommandError
from omg_abci.node.decimals import count_decimals
from omg_abci.protocol.units import Amount, Lots, MarketId, Ticks, TokenId

_NUMBER: Final = re.compile(r"([0-9]{1,39})(?:\.([0-9]{1,39}))?")
_COUNTED: Final = re.compile(r"([0-9]{1,39})(units?|lots?|ticks?)")
_DIGITS_SHOWN: Final = 12


@dataclass(frozen=True)
class TokenTerms:
    """A token's name and how it is divided."""

    id: TokenId
    symbol: str
    decimals: int

    @property
    def unit(self) -> Fraction:
        """Return the smallest unit as a part of the token."""
        return Fraction(1, 10**self.decimals)

    def format(self, amount: Amount) -> str:
        """Return an amount of smallest units in tokens, with the symbol."""
        return f"{format_number(amount * self.unit)} {self.symbol}"

    def parse(self, text: str) -> Amount:
        """Return the smallest units of an amount in tokens; raise CommandError."""
        return _parse_multiple(text, self.unit, "unit", self.symbol)


@dataclass(frozen=True)
class MarketTerms:
    """What is traded in a market, and its grid."""

    id: MarketId
    base: TokenTerms
    quote: TokenTerms
    base_unit: Amount
    quote_unit: Amount

    @property
    def name(self) -> str:
        """Return base and quote symbol."""
        return f"{self.base.symbol}/{self.quote.symbol}"

    @property
    def lot(self) -> Fraction:
        """Return a lot in base tokens."""
        return self.base_unit * self.base.unit

    @property
    def tick(self) -> Fraction:
        """Return a tick in quote tokens for one base token."""
        return self.quote_unit * self.quote.unit / self.lot

    def format_quantity(self, quantity: Lots) -> str:
        """Return a quantity in base tokens, with the symbol."""
        return f"{format_number(quantity * self.lot)} {self.base.symbol}"

    def format_price(self, price: Ticks | Fraction) -> str:
        """Return a price in quote tokens for one base token, with the symbol."""
        return f"{format_number(price * self.tick)} {self.quote.symbol}"

    def format_cost(self, lots_times_ticks: int) -> str:
        """Return what lots at ticks cost, in quote tokens, with the symbol."""
        return self.quote.format(lots_times_ticks * self.quote_unit)

    def parse_quantity(self, text: str) -> Lots:
        """Return the lots of a quantity in base tokens; raise CommandError."""
        return _parse_multiple(text, self.lot, "lot", self.base.symbol)

    def parse_price(self, text: str) -> Ticks:
        """Return the ticks of a price in quote tokens; raise CommandError."""
        return _parse_multiple(text, self.tick, "tick", self.quote.symbol)


_Terms = TypeVar("_Terms", TokenTerms, MarketTerms)


@dataclass(frozen=True)
class Catalogue:
    """All tokens and markets of a chain."""

    tokens: dict[TokenId, TokenTerms]
    markets: dict[MarketId, MarketTerms]
    fee_token: TokenId = 0
    """What fees and stake are in; 0 where it is not known."""

    @classmethod
    def load(cls, client: NodeClient) -> Self:
        """Ask a node; raise NodeError."""
        tokens = {
            token.id: TokenTerms(token.id, token.symbol, token.decimals)
            for token in client.tokens()
        }
        markets = {
            market.id: MarketTerms(
                market.id,
                tokens[market.base_token],
                tokens[market.quote_token],
                int(market.base_unit),
                int(market.quote_unit),
            )
            for market in client.markets()
        }
        return cls(tokens, markets, client.status().fee_token)

    def format_fee_amount(self, amount: Amount) -> str:
        """Return an amount of the fee token."""
        terms = self.tokens.get(self.fee_token)
        return terms.format(amount) if terms else f"{amount} units of the fee token"

    def get_market(self, market: MarketId) -> MarketTerms:
        """Return the market of an order; raise CommandError when it has come or gone since."""
        terms = self.markets.get(market)
        if terms is None:
            raise CommandError(
                "market_changed", f"market {market} has just come or gone: ask again"
            )
        return terms

    def find_token(self, text: str) -> TokenTerms:
        """Return the token of an id or a symbol; raise CommandError."""
        found = [each for each in self.tokens.values() if text.upper() == each.symbol.upper()]
        if not found and _is_id(text) and int(text) in self.tokens:
            return self.tokens[int(text)]
        return _require_one("token", text, found, [each.symbol for each in self.tokens.values()])

    def find_market(self, text: str) -> MarketTerms:
        """Return the market of an id or of BASE/QUOTE; raise CommandError."""
        found = [each for each in self.markets.values() if text.upper() == each.name.upper()]
        if not found and _is_id(text) and int(text) in self.markets:
            return self.markets[int(text)]
        return _require_one("market", text, found, [each.name for each in self.markets.values()])


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _require_one(what: str, text: str, found: Sequence[_Terms], names: Sequence[str]) -> _Terms:
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(str(each.id) for each in found)
        raise CommandError(f"{what}_ambiguous", f"several {what}s are called {text}: {ids}")
    known = f"this chain has {', '.join(names)}" if names else f"this chain has no {what}"
    raise CommandError(f"unknown_{what}", f"there is no {what} {text!r}", known)


def format_number(value: Fraction) -> str:
    """Return a number that is not negative in decimals, ~ before it when it has no end."""
    exact = count_decimals(value)
    digits = _DIGITS_SHOWN if exact is None else exact
    whole, part = divmod(value.numerator * 10**digits // value.denominator, 10**digits)
    decimals = f".{part:0{digits}}".rstrip("0").rstrip(".") if digits else ""
    return f"{'~' if exact is None else ''}{whole:,}{decimals}"


def _parse_multiple(text: str, unit: Fraction, name: str, symbol: str) -> int:
    """Return how many units a number is, exactly; raise CommandError."""
    counted = _COUNTED.fullmatch(text)
    if counted is not None and counted[2].rstrip("s") == name:
        count = Fraction(int(counted[1]))
    else:
        number = _NUMBER.fullmatch(text)
        if number is None:
            raise CommandError(
                "bad_number",
                f"{text!r} is no number",
                f"write {symbol} in digits such as 1.5, or whole {name}s such as 15{name}s",
            )
        count = (int(number[1]) + Fraction(int(number[2] or 0), 10 ** len(number[2] or ""))) / unit
    if count.denominator == 1 and count > 0:
        return int(count)
    grid = f"a {name} is {format_number(unit)} {symbol}"
    if count == 0:
        raise CommandError("bad_number", f"{text} is zero", grid)
    below = int(count)
    near = [format_number(each * unit).replace(",", "") for each in (below, below + 1) if each]
    raise CommandError(
        f"off_{name}",
        f"{text} {symbol} is not a whole number of {name}s: {grid}",
        f"nearest: {' or '.join(near)}",
    )
