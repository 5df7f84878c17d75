"""The genesis document of all vectors: few owners, and a market for each thing that markets do."""

from typing import Any

from tests.cast import PUBLIC_KEYS
from tests.strategies import AGENTS, DAY_MS, OWNERS, START_MS, show

PLAIN, OTHER, NO_MARKET, BATCH, BANDED, OPENING, OWNED, BATCH_BANDED, HUGE = range(1, 10)
"""The markets; there is none with the third number."""
NEXT_MARKET = 10
"""The id of the first market that is created."""
FEW = OWNERS[3]
"""The owner that can hardly pay."""
OPENS_MS = 60_000
"""When the opening market opens, from the start on."""

_UNITS = {"base": 2, "quote": 3, "base_unit": "10", "quote_unit": "3"}
_TERMS = _UNITS | {"lots_min": 2, "lots_max": 40}


def make_market(number: int, **more: object) -> dict[str, object]:
    """Return a market of 2 to 40 lots, with what is special about it."""
    return {"id": number} | _TERMS | more


GENESIS: dict[str, Any] = {
    "fee_token": 1,
    "unit_price": "2",
    "root_interval": 4,
    "market_bond": "2000",
    "tokens": [
        {"id": 1, "symbol": "OMG", "decimals": 18},
        {"id": 2, "symbol": "BASE", "decimals": 8},
        {"id": 3, "symbol": "QUOTE", "decimals": 6},
    ],
    "markets": [
        make_market(PLAIN),
        make_market(OTHER, base=3, quote=1, base_unit="1", quote_unit="700", lots_max=9),
        make_market(BATCH, mode="batch"),
        make_market(BANDED, band_bp=2_500, auction_ms=2_000),
        make_market(OPENING, opens_ms=START_MS + OPENS_MS),
        make_market(OWNED, creator=show(OWNERS[0]), auction_ms=2_000),
        make_market(BATCH_BANDED, mode="batch", band_bp=2_500, auction_ms=2_000),
        make_market(HUGE, quote_unit=str(2**126), base_unit=str(2**126)),
    ],
    "balances": [
        {"owner": show(key), "subaccount": sub, "token": token, "amount": str(amount)}
        for key in OWNERS
        for sub, token, amount in (
            (0, 1, 3_000 if key == FEW else 400_000),
            (0, 2, 3_000),
            (0, 3, 5_000),
            (1, 2, 300),
            (1, 3, 400),
        )
    ],
    "agents": [
        {"owner": show(owner), "agent": show(agent), "scope": 1, "expires_ms": expires_ms}
        for owner, agent, expires_ms in (
            (OWNERS[0], AGENTS[0], START_MS + 300 * DAY_MS),
            (OWNERS[1], AGENTS[0], START_MS + 300 * DAY_MS),
            (OWNERS[1], AGENTS[1], START_MS + 3_500),
        )
    ],
}

STAKING_GENESIS: dict[str, Any] = GENESIS | {
    "staking": {
        "unbonding_ms": 4_000,
        "checkpoint_blocks": 2,
        "evidence_blocks": 2,
        "power_unit": "1",
        "self_bond_min": "3",
        "window_blocks": 2,
        "signed_min_blocks": 2,
        "jail_ms": 3_000,
        "downtime_bp": 2_500,
        "equivocation_bp": 5_000,
        "validators": [
            {
                "owner": show(OWNERS[place]),
                "public_key": "0x" + PUBLIC_KEYS[place].hex(),
                "moniker": moniker,
                "self_bond": bond,
                "commission_bp": 1_000,
                "commission_max_bp": 2_000,
                "commission_step_bp": 500,
            }
            for place, moniker, bond in ((0, "big", "10000"), (1, "small", "3"))
        ],
    }
}
"""Two validators; missing one of two blocks is jailed."""

FEES_GENESIS: dict[str, Any] = STAKING_GENESIS | {
    "staking": STAKING_GENESIS["staking"] | {"downtime_bp": 100},
    "fees": {
        "epoch_blocks": 2,
        "cost": "500",
        "price_min": 1,
        "price_max": 2,
        "target_work": 5_000,
        "average_work": 1_000,
    },
}
"""The same with a voted cost; a payer's limit is 2 for a work unit."""
