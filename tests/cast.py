"""Who takes part in tests, and the states that they start from.

Keys from small numbers; `GENESIS` for whatever needs a chain, `EXCHANGE` with a market of each
kind for the tests that compare the chain with its oracle.
"""

from typing import Any, NamedTuple

from coincurve import PublicKey

from omg_abci.protocol.crypto import recover_signer, sign_digest
from omg_abci.protocol.signing import compute_no_bridge_domain

CHAIN_ID = "omg-test"
DOMAIN = compute_no_bridge_domain(CHAIN_ID)
START_MS = 1_700_000_000_000
"""The time of the blocks before the first drawn one."""
DAY_MS = 24 * 3600 * 1000
PAST_MS = 1_000
"""Drawn times count from this long before the block's time."""
PAST_HEIGHTS = 2
"""Drawn expiry heights count from so many blocks before the block's height."""


class Key(NamedTuple):
    """A secret and its address."""

    secret: bytes
    address: bytes


def make_key(number: int) -> Key:
    """Return the key whose secret is a small number."""
    secret = number.to_bytes(32, "big")
    return Key(secret, recover_signer(bytes(32), sign_digest(bytes(32), secret)))


def show(key: Key) -> str:
    """Return a key's address as JSON has it."""
    return "0x" + key.address.hex()


OWNERS = tuple(make_key(number) for number in range(1, 5))
AGENTS = tuple(make_key(number) for number in range(11, 14))
KEYS = (*OWNERS, *AGENTS)
GUEST = make_key(98)
"""Somebody whom owners may approve."""
STRANGER = make_key(99)
"""Somebody whom nobody approves."""

PUBLIC_KEYS = tuple(
    PublicKey.from_secret(number.to_bytes(32, "big")).format() for number in range(21, 29)
)
"""Consensus keys of validators."""

GENESIS: dict[str, Any] = {
    "fee_token": 1,
    "unit_price": "2",
    "root_interval": 4,
    "tokens": [
        {"id": 1, "symbol": "OMG", "decimals": 18},
        {"id": 2, "symbol": "BASE", "decimals": 8},
        {"id": 3, "symbol": "QUOTE", "decimals": 6},
    ],
    "markets": [
        {
            "id": 1,
            "base": 2,
            "quote": 3,
            "base_unit": "10",
            "quote_unit": "3",
            "lots_min": 2,
            "lots_max": 40,
        },
        {
            "id": 2,
            "base": 3,
            "quote": 1,
            "base_unit": "1",
            "quote_unit": "700",
            "lots_min": 2,
            "lots_max": 9,
        },
    ],
    "balances": [
        {"owner": show(key), "subaccount": sub, "token": token, "amount": str(amount)}
        for place, key in enumerate(OWNERS)
        for sub, token, amount in (
            (0, 1, 3_000 if place == len(OWNERS) - 1 else 400_000),
            (0, 2, 3_000),
            (0, 3, 5_000),
            (1, 2, 300),
            (1, 3, 400),
        )
    ],
    "agents": [
        {
            "owner": show(owner),
            "agent": show(agent),
            "scope": 1,
            "expires_ms": expires_ms,
        }
        for owner, agent, expires_ms in (
            (OWNERS[0], AGENTS[0], START_MS + 300 * DAY_MS),
            (OWNERS[1], AGENTS[0], START_MS + 300 * DAY_MS),
            (OWNERS[1], AGENTS[1], START_MS + 3_500),
        )
    ],
}
"""Owners that can trade, one that can hardly pay, agents of one and of two owners."""

_RICH = 10**38
"""Below a third of the greatest balance, so that three owners can have it."""


def _market(number: int, terms: dict[str, Any], **more: object) -> dict[str, Any]:
    """Return a row of the genesis document."""
    return {"id": number, **terms, **more}


_COINS = {
    "base": 2,
    "quote": 3,
    "base_unit": "10",
    "quote_unit": "3",
    "lots_min": 2,
    "lots_max": 40,
}
_BANDED = _COINS | {"base_unit": "1", "quote_unit": "1", "band_bp": 200, "auction_ms": 2_000}
_DEAR = _COINS | {"quote": 4, "base_unit": "1", "quote_unit": str(10**37), "lots_min": 1}
_BATCH = {"mode": "batch", "auction_ms": 1_500}

EXCHANGE: dict[str, Any] = GENESIS | {
    "market_bond": "5000",
    "tokens": [*GENESIS["tokens"], {"id": 4, "symbol": "RICH", "decimals": 0}],
    "markets": [
        *GENESIS["markets"],
        _market(3, _COINS, **_BATCH, creator=show(OWNERS[0])),
        _market(4, _BANDED, opens_ms=START_MS + 2_500, creator=show(OWNERS[0])),
        _market(5, _BANDED | _BATCH, creator=show(OWNERS[1])),
        _market(6, _DEAR, opens_ms=START_MS + 1_500, auction_ms=1_000, creator=show(OWNERS[1])),
    ],
    "balances": [
        {"owner": show(key), "subaccount": sub, "token": token, "amount": str(amount)}
        for place, key in enumerate(OWNERS)
        for sub, token, amount in (
            (0, 1, 40_000 if place == len(OWNERS) - 1 else 10**9),
            (0, 2, 9_000),
            (0, 3, 30_000),
            (1, 2, 300),
            (1, 3, 400),
            (0, 4, _RICH if place else 1),
        )
    ],
}
"""Markets: 1 and 2 continuous, 3 batch, 4 banded, 5 banded batch, 6 dear; 4, 6 open by auction."""
UNKNOWN_MARKET = 99
BATCH_MARKETS = (3, 5)
FIRST_NEW_MARKET = 7
"""The id that the first market created in `EXCHANGE` has."""


class PriceWindow(NamedTuple):
    """The prices at which a market's orders are drawn: few, so that they meet."""

    lowest: int
    highest: int


def get_window(market: int) -> PriceWindow:
    """Return a market's prices; those of a banded market span more than its band."""
    if market in {4, 5}:
        return PriceWindow(96, 104)
    return PriceWindow(1, 10 if market == 6 else 7)
