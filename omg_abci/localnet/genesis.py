"""Genesis: what CometBFT needs around the chain's own document, and a document for newcomers.

The newcomer's network has a fee token and two tokens to trade, two markets, and accounts that are
rich in all three, each with an agent key that may trade for it.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from omg_abci.localnet.keys import EthereumKey, encode_public_key, make_ethereum_key
from omg_abci.protocol.limits import AGENT_AHEAD_MAX_MS, BLOCK_BYTES_MAX
from omg_abci.protocol.units import Millis, Scope

POWER: Final = 10
EVIDENCE_BLOCKS: Final = 100_000
EVIDENCE_MS: Final = 48 * 3600 * 1000
"""CometBFT takes evidence until both have passed."""
_EVIDENCE_BYTES: Final = 64 * 1024
_HEADER_AND_COMMIT_BYTES: Final = 448 * 1024
"""CometBFT reserves 3.4 KB a validator, for the longest signatures that it knows; we allow 100."""
_NAMES: Final = (
    "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy",
)  # fmt: skip
_OMG: Final = 1
_ETH: Final = 2
_USD: Final = 3


class Account(NamedTuple):
    """A funded account and the agent key that the genesis document approves for it."""

    name: str
    owner: EthereumKey
    agent: EthereumKey


def make_accounts(seed: bytes | None) -> tuple[Account, ...]:
    """Make the newcomer's ten accounts."""
    return tuple(
        Account(
            name,
            make_ethereum_key(seed, f"account {name}"),
            make_ethereum_key(seed, f"agent {name}"),
        )
        for name in _NAMES
    )


def make_document(accounts: Sequence[Account], time_ms: Millis) -> dict[str, object]:
    """Return the newcomer's genesis document; the agents' approvals end after a year.

    A lot of OMG is 0.01, a tick 0.0001 USD; a lot of ETH 0.0001, a tick 0.01 USD. An order
    costs about a millionth of an OMG.
    """
    riches = {_OMG: 10**6 * 10**18, _ETH: 10**3 * 10**18, _USD: 10**7 * 10**6}
    return {
        "fee_token": _OMG,
        "unit_price": str(10**9),
        "root_interval": 4,
        "tokens": [
            {"id": _OMG, "symbol": "OMG", "decimals": 18},
            {"id": _ETH, "symbol": "ETH", "decimals": 18},
            {"id": _USD, "symbol": "USD", "decimals": 6},
        ],
        "markets": [_make_market(1, _OMG, 10**16), _make_market(2, _ETH, 10**14)],
        "balances": [
            {
                "owner": _encode_address(account.owner),
                "subaccount": 0,
                "token": token,
                "amount": str(amount),
            }
            for account in accounts
            for token, amount in riches.items()
        ],
        "agents": [
            {
                "owner": _encode_address(account.owner),
                "agent": _encode_address(account.agent),
                "scope": int(Scope.TRADE),
                "expires_ms": time_ms + AGENT_AHEAD_MAX_MS,
            }
            for account in accounts
        ],
    }


def _make_market(market: int, base: int, base_unit: int) -> dict[str, object]:
    return {
        "id": market,
        "base": base,
        "quote": _USD,
        "base_unit": str(base_unit),
        "quote_unit": "1",
        "lots_min": 1,
        "lots_max": 10**9,
    }


def make_genesis(
    chain_id: str,
    time_iso: str,
    validators: Sequence[EthereumKey],
    document: Mapping[str, object],
) -> dict[str, object]:
    """Return CometBFT's genesis file around a genesis document; all validators weigh the same."""
    return {
        "genesis_time": time_iso,
        "chain_id": chain_id,
        "initial_height": "1",
        "consensus_params": {
            "block": {
                "max_bytes": str(BLOCK_BYTES_MAX + _EVIDENCE_BYTES + _HEADER_AND_COMMIT_BYTES),
                "max_gas": "-1",
            },
            "evidence": {
                "max_age_num_blocks": str(EVIDENCE_BLOCKS),
                "max_age_duration": str(EVIDENCE_MS * 10**6),
                "max_bytes": str(_EVIDENCE_BYTES),
            },
            "validator": {"pub_key_types": ["secp256k1eth"]},
            "version": {"app": "0"},
            "abci": {"vote_extensions_enable_height": "0"},
        },
        "validators": [
            {
                "address": key.address.hex().upper(),
                "pub_key": encode_public_key(key),
                "power": str(POWER),
                "name": f"node{index}",
            }
            for index, key in enumerate(validators)
        ],
        "app_hash": "",
        "app_state": document,
    }


def encode_account(account: Account) -> dict[str, object]:
    """Return an account as accounts.json has it, with its secrets."""
    return {
        "name": account.name,
        "address": _encode_address(account.owner),
        "secret": f"0x{account.owner.secret.hex()}",
        "agent": {
            "address": _encode_address(account.agent),
            "secret": f"0x{account.agent.secret.hex()}",
        },
    }


def _encode_address(key: EthereumKey) -> str:
    return f"0x{key.address.hex()}"
