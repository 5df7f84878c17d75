"""People's numbers, times and the chain's: exact in both directions."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omg_abci.node.commands.catalogue import Catalogue, MarketTerms, TokenTerms, format_number
from omg_abci.node.commands.failure import CommandError
from omg_abci.node.commands.output import format_count, format_span, format_time, parse_moment
from omg_abci.protocol.limits import AMOUNT_MAX, PRICE_TICKS_MAX, QUANTITY_LOTS_MAX

_OMG = TokenTerms(1, "OMG", 18)
_USD = TokenTerms(3, "USD", 6)
_MARKET = MarketTerms(1, _OMG, _USD, 10**16, 1)


@given(st.integers(1, AMOUNT_MAX), st.integers(0, 36))
def test_amounts_come_back(amount: int, decimals: int) -> None:
    """What is shown, typed again, is the same amount; so are whole units."""
    token = TokenTerms(1, "T", decimals)
    shown, symbol = token.format(amount).split()
    assert symbol == "T"
    assert token.parse(f"{amount}units") == amount
    if len(shown.replace(",", "").partition(".")[0]) <= 39:
        assert token.parse(shown.replace(",", "")) == amount


@given(st.integers(1, QUANTITY_LOTS_MAX), st.integers(1, PRICE_TICKS_MAX))
def test_lots_and_ticks_come_back(lots: int, ticks: int) -> None:
    """Quantities and prices as shown are the same lots and ticks."""
    quantity = _MARKET.format_quantity(lots).split()[0].replace(",", "")
    price = _MARKET.format_price(ticks).split()[0].replace(",", "")
    assert (_MARKET.parse_quantity(quantity), _MARKET.parse_price(price)) == (lots, ticks)
    assert _MARKET.parse_quantity(f"{lots}lots") == lots
    assert _MARKET.parse_price(f"{ticks}ticks") == ticks


def test_numbers_without_an_end_are_marked() -> None:
    """A third has no end, and is shown as being near; other numbers are exact."""
    assert format_number(Fraction(1, 3)) == "~0.333333333333"
    assert format_number(Fraction(1_234_567)) == "1,234,567"
    assert format_number(Fraction(1, 8)) == "0.125"
    assert format_number(Fraction(0)) == "0"


@pytest.mark.parametrize("text", ["", "-1", "+1", "1e3", "1,000", ".5", "1.", "0x1", "١", "1 lots"])
def test_texts_that_are_no_numbers(text: str) -> None:
    """Nothing is guessed: signs, exponents, separators and other scripts are refused."""
    with pytest.raises(CommandError) as caught:
        _MARKET.parse_quantity(text)
    assert caught.value.code == "bad_number"


def test_the_nearest_numbers_are_told() -> None:
    """A number off the grid is refused with its neighbours, and zero is no neighbour."""
    with pytest.raises(CommandError) as caught:
        _MARKET.parse_quantity("1000.005")
    assert (caught.value.code, caught.value.hint) == ("off_lot", "nearest: 1000 or 1000.01")
    with pytest.raises(CommandError) as caught:
        _MARKET.parse_quantity("0.001")
    assert caught.value.hint == "nearest: 0.01"


def test_symbols_that_two_tokens_share() -> None:
    """A symbol that is not alone is refused; its id is not."""
    twin = TokenTerms(2, "omg", 6)
    catalogue = Catalogue({1: _OMG, 2: twin, 3: _USD}, {1: _MARKET})
    with pytest.raises(CommandError, match="1, 2"):
        catalogue.find_token("OMG")
    assert catalogue.find_token("2") is twin
    assert catalogue.find_market("omg/usd") is _MARKET
    with pytest.raises(CommandError):
        Catalogue({}, {}).find_market("1")


def test_moments_and_spans() -> None:
    """Times are lengths from now, moments with a zone, or milliseconds."""
    assert parse_moment("90s", 1_000) == 91_000
    assert parse_moment("2h", 0) == 7_200_000
    assert parse_moment("1970-01-02T00:00Z", 5) == 86_400_000
    assert parse_moment("1970-01-01T02:00+02:00", 5) == 0
    assert parse_moment("1795472575432", 5) == 1_795_472_575_432
    assert format_time(1_700_000_000_000) == "2023-11-14 22:13:20 UTC"
    assert format_time(1 << 63).endswith("ms after 1970")
    assert [format_span(each) for each in (7, 90_000, 600_000, 7_200_000, 172_800_000)] == [
        "7 ms",
        "90 s",
        "10 min",
        "2 h",
        "2 days",
    ]
    assert (format_count(1, "lot"), format_count(2_000, "lot")) == ("1 lot", "2,000 lots")
    for text in ("", "0s", "2 weeks", "1970-01-01", "99999-01-01T00:00Z"):
        with pytest.raises(CommandError):
            parse_moment(text, 0)
