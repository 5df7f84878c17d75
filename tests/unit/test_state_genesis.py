"""The genesis document's markets and bond."""

from typing import Any

import pytest

from omg_abci.protocol import limits
from omg_abci.protocol.errors import GenesisError
from omg_abci.protocol.units import MarketMode, MarketStatus
from omg_abci.state import schema
from omg_abci.state.genesis import build_genesis
from omg_abci.state.loading import load_state
from omg_abci.state.records import BlockRecord, MarketRecord

CREATOR = "0x" + "0c" * 20
MARKET: dict[str, Any] = {
    "id": 4,
    "base": 2,
    "quote": 1,
    "base_unit": "1000",
    "quote_unit": "1",
    "lots_min": 1,
    "lots_max": 9,
}


def make_document(*markets: dict[str, Any], **more: object) -> dict[str, Any]:
    """Return a document with two tokens and these markets."""
    return {
        "fee_token": 1,
        "unit_price": "1",
        "root_interval": 4,
        "tokens": [
            {"id": 1, "symbol": "OMG", "decimals": 18},
            {"id": 2, "symbol": "BTC", "decimals": 8},
        ],
        "markets": list(markets),
        "balances": [{"owner": CREATOR, "token": 1, "amount": "5"}],
        **more,
    }


def build(*markets: dict[str, Any], **more: object) -> dict[bytes, bytes]:
    """Return the records of such a document."""
    records, _ = build_genesis("omg-test", make_document(*markets, **more))
    load_state("omg-test", records)
    return dict(records)


def read_market(records: dict[bytes, bytes], number: int = 4) -> MarketRecord:
    """Return a market's record."""
    return MarketRecord.decode(records[schema.compute_market_key(number)])


def test_a_market_of_which_little_is_said() -> None:
    """It is continuous and active at once, has no band, no creator and no bond."""
    assert read_market(build(MARKET)) == MarketRecord(
        2,
        1,
        1_000,
        1,
        1,
        9,
        MarketStatus.ACTIVE,
        mode=MarketMode.CONTINUOUS,
        band_bp=0,
        auction_ms=60_000,
        creator=bytes(20),
        bond=0,
    )


def test_a_market_of_which_all_is_said() -> None:
    """Mode, band, auction, opening and creator stand in the record; a bond never does."""
    more = {
        "mode": "batch",
        "band_bp": 500,
        "auction_ms": 1_000,
        "opens_ms": "7",
        "creator": CREATOR,
    }
    record = read_market(build(MARKET | more))
    assert record.mode == MarketMode.BATCH
    assert (record.band_bp, record.auction_ms, record.bond) == (500, 1_000, 0)
    assert record.creator == bytes.fromhex(CREATOR[2:])
    assert (record.status, record.until_ms) == (MarketStatus.AUCTION, 7)


def test_opening_at_once() -> None:
    """An opening time of zero is none."""
    record = read_market(build(MARKET | {"opens_ms": 0, "mode": "continuous", "band_bp": 0}))
    assert (record.status, record.until_ms) == (MarketStatus.ACTIVE, 0)


def test_the_next_market_and_the_bond() -> None:
    """Ids go on after the greatest; a bond that is not given is the usual one."""
    block = BlockRecord.decode(build(MARKET, MARKET | {"id": 2})[schema.BLOCK])
    assert (block.next_market, block.market_bond) == (5, limits.MARKET_BOND_DEFAULT)
    assert block.post_only_until_ms == 0
    block = BlockRecord.decode(build(market_bond="77")[schema.BLOCK])
    assert (block.next_market, block.market_bond) == (1, 77)
    assert BlockRecord.decode(build(market_bond=0)[schema.BLOCK]).market_bond == 0


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"mode": "auction"}, "mode"),
        ({"mode": 1}, "mode"),
        ({"mode": ["batch"]}, "mode"),
        ({"band_bp": 99}, "band_bp"),
        ({"band_bp": 5_001}, "band_bp"),
        ({"band_bp": -1}, "band_bp"),
        ({"band_bp": True}, "band_bp"),
        ({"auction_ms": 999}, "auction_ms"),
        ({"auction_ms": 86_400_001}, "auction_ms"),
        ({"opens_ms": -1}, "opens_ms"),
        ({"opens_ms": 1 << 64}, "opens_ms"),
        ({"opens_ms": 1.5}, "opens_ms"),
        ({"creator": "0x" + "00" * 20}, "creator"),
        ({"creator": "0c" * 20}, "creator"),
        ({"creator": None}, "creator"),
        ({"id": 1 << 31}, "id"),
        ({"id": 0}, "id"),
        ({"lots_max": 0}, "lots_max"),
        ({"bond": "5"}, "bond"),
        ({"status": 1}, "status"),
    ],
    ids=str,
)
def test_a_wrong_market_is_refused(wrong: dict[str, Any], name: str) -> None:
    """What is out of range or unknown is refused with the field's name."""
    with pytest.raises(GenesisError, match=name):
        build(MARKET | wrong)


def test_too_many_markets_are_refused() -> None:
    """Genesis has no more markets than there may be."""
    markets = [MARKET | {"id": number + 1} for number in range(limits.MARKETS_MAX + 1)]
    with pytest.raises(GenesisError, match="more than"):
        build(*markets)


@pytest.mark.parametrize("bond", [-1, "x", 1 << 128, None, "1e21"])
def test_a_wrong_bond_is_refused(bond: object) -> None:
    """The bond is an amount."""
    with pytest.raises(GenesisError, match="market_bond"):
        build(market_bond=bond)


def test_a_market_twice_is_refused() -> None:
    """Ids are used once."""
    with pytest.raises(GenesisError, match="twice"):
        build(MARKET, MARKET)
