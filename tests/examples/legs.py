"""Reads one leg of a worked example into the chain's own message."""

import re
from collections.abc import Mapping
from typing import Any

from omg_abci.protocol.messages import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    ChangeMarket,
    CreateMarket,
    Message,
    PlaceOrder,
    SetSwitch,
    Transfer,
)
from omg_abci.protocol.units import (
    MarketAction,
    MarketMode,
    OrderType,
    PostOnly,
    SelfTrade,
    Side,
    TimeInForce,
)
from tests.strategies import START_MS, Key

_PLACE = re.compile(r"#(?P<id>\d+) (?P<side>buy|sell) (?P<lots>[\d,]+) @ (?P<price>[\d,]+)")
_AMEND = re.compile(r"#(?P<id>\d+) amend (?P<words>.+)")
_CANCEL = re.compile(r"#(?P<id>\d+) cancel")
_CREATE = re.compile(
    r"create (?P<mode>CONTINUOUS|BATCH) units (?P<base>[\d,]+) (?P<quote>[\d,]+)"
    r" lots (?P<least>[\d,]+) (?P<most>[\d,]+) band (?P<band>[\d,]+) auction (?P<auction>[\d,]+) s"
)
TOKENS = {"OMG": 1, "APL": 2, "USD": 3}
"""The tokens of the examples: fees and bonds, base, quote."""
_NUMBERS = {
    "price": "price",
    "quantity": "quantity",
    "max": "max_matches",
    "in": "market",
    "sub": "subaccount",
}
_SELF_TRADES = SelfTrade.__members__
_POST_ONLY = {name: mode for name, mode in PostOnly.__members__.items() if mode}


def read_int(text: str) -> int:
    """Return a number whose digits commas may part."""
    return int(text.replace(",", ""))


def read_time(seconds: str) -> int:
    """Return the time so many seconds after the start, in milliseconds."""
    return START_MS + read_int(seconds) * 1_000


def parse_leg(text: str, names: Mapping[str, Key]) -> Message:
    """Return the message; raise ValueError where the text is none."""
    if match := _PLACE.match(text):
        return parse_place(match, text[match.end() :].split())
    if match := _AMEND.fullmatch(text):
        fields = {"price": 0, "quantity": 0, "expires_ms": 0, "max_matches": 16}
        return AmendOrder(int(match["id"]), **fields | read_fields(match["words"].split()))
    if match := _CANCEL.fullmatch(text):
        return CancelOrder(int(match["id"]))
    if match := _CREATE.fullmatch(text):
        return CreateMarket(
            TOKENS["APL"],
            TOKENS["USD"],
            base_unit=read_int(match["base"]),
            quote_unit=read_int(match["quote"]),
            lots_min=read_int(match["least"]),
            lots_max=read_int(match["most"]),
            mode=MarketMode[match["mode"]],
            band_bp=read_int(match["band"]),
            auction_ms=read_int(match["auction"]) * 1_000,
        )
    match text.split():
        case ["cancel", "all", *words]:
            return parse_cancel_all(words)
        case ["switch", "off"]:
            return SetSwitch(0)
        case ["switch", seconds, "s"]:
            return SetSwitch(read_time(seconds))
        case ["change", market, action]:
            return ChangeMarket(int(market), MarketAction[action])
        case ["pay", name, amount, token]:
            return Transfer(names[name].address, TOKENS[token], read_int(amount), 0, 0)
        case _:
            raise ValueError(f"not a leg: {text}")


def parse_place(match: re.Match[str], words: list[str]) -> PlaceOrder:
    """Return an order: LIMIT, GTC, CANCEL_NEWEST, at most 16 matches, unless words say else."""
    usual = PlaceOrder(
        market=1,
        side=Side[match["side"].upper()],
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        post_only=PostOnly.NONE,
        price=read_int(match["price"]),
        quantity=read_int(match["lots"]),
        expires_ms=0,
        client_id=int(match["id"]),
        subaccount=0,
        self_trade=SelfTrade.CANCEL_NEWEST,
        max_matches=16,
    )
    return usual._replace(**read_fields(words))


def parse_cancel_all(words: list[str]) -> CancelAll:
    """Return a mass cancellation: of every market, both sides, at most 100, unless told else."""
    market, side, most = 0, 0, 100
    while words:
        match words:
            case ["buy" | "sell" as name, *words]:
                side = Side[name.upper()]
            case ["in", value, *words]:
                market = int(value)
            case ["max", value, *words]:
                most = int(value)
            case _:
                raise ValueError(f"not a cancellation: {words}")
    return CancelAll(market, side, most)


def read_fields(words: list[str]) -> dict[str, Any]:
    """Return the fields that the words behind an order, or behind `amend`, set."""
    found: dict[str, Any] = {}
    while words:
        match words:
            case ["GTT", seconds, "s", *words]:
                found |= {"time_in_force": TimeInForce.GTT, "expires_ms": read_time(seconds)}
            case ["expires", seconds, "s", *words]:
                found["expires_ms"] = read_time(seconds)
            case ["GTH", height, *words]:
                found |= {"time_in_force": TimeInForce.GTH, "expires_height": read_int(height)}
            case ["height", height, *words]:
                found["expires_height"] = read_int(height)
            case ["GTC" | "IOC" | "FOK" as name, *words]:
                found["time_in_force"] = TimeInForce[name]
            case ["STOP_LIMIT" | "TAKE_PROFIT" as name, trigger, *words]:
                found |= {"order_type": OrderType[name], "trigger": read_int(trigger)}
            case ["ICEBERG", display, *words]:
                found |= {"order_type": OrderType.ICEBERG, "display": read_int(display)}
            case ["trigger" | "display" as name, value, *words]:
                found[name] = read_int(value)
            case ["MARKET", *words]:
                found["order_type"] = OrderType.MARKET
            case [name, *words] if name in _SELF_TRADES:
                found["self_trade"] = _SELF_TRADES[name]
            case [name, *words] if name in _POST_ONLY:
                found["post_only"] = _POST_ONLY[name]
            case [name, value, *words] if name in _NUMBERS:
                found[_NUMBERS[name]] = read_int(value)
            case _:
                raise ValueError(f"not a field: {words}")
    return found
