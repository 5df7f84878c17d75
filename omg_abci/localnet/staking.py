"""The staking and fees sections of a local network, with terms that one can watch.

Weeks become days and hours minutes, in the order that they have on a real chain: the unbonding
time stays longer than CometBFT takes evidence.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from omg_abci.localnet.genesis import EVIDENCE_BLOCKS, EVIDENCE_MS, POWER, Account
from omg_abci.localnet.keys import EthereumKey
from omg_abci.protocol.units import Millis

_COIN: Final = 10**18
_POWER_UNIT: Final = 1_000 * _COIN
_COMMISSION_BP: Final = 500
_COST: Final = _COIN // 50
_PRICE_MIN: Final = 10**6
_PRICE_MAX: Final = 10**11
"""A hundred times what an idle network begins with: an order then costs a ten-thousandth of a coin.
"""


class StakingTerms(NamedTuple):
    """What a network may have otherwise; blocks come four or five a second."""

    checkpoint_blocks: int = 20
    window_blocks: int = 400
    signed_min_blocks: int = 200
    """A validator that is stopped is jailed after less than a minute."""
    jail_ms: Millis = 60_000
    epoch_blocks: int = 40
    """A multiple of checkpoint_blocks, so that a vote acts within ten seconds; 0: fixed fees."""


def make_sections(
    validators: Sequence[EthereumKey], accounts: Sequence[Account], terms: StakingTerms
) -> dict[str, object]:
    """Return the staking section, and the fees section unless fees are fixed."""
    sections: dict[str, object] = {"staking": make_staking(validators, accounts, terms)}
    return sections | ({"fees": make_fees(terms)} if terms.epoch_blocks else {})


def make_staking(
    validators: Sequence[EthereumKey], accounts: Sequence[Account], terms: StakingTerms
) -> dict[str, object]:
    """Return the section: the accounts own the validators, one each, as far as they go.

    A validator beyond the accounts is owned by its consensus key. All bond the same of their own.
    """
    owners = [account.owner for account in accounts[: len(validators)]]
    owners += validators[len(owners) :]
    return {
        "unbonding_ms": EVIDENCE_MS + 3_600_000,
        "checkpoint_blocks": terms.checkpoint_blocks,
        "evidence_blocks": EVIDENCE_BLOCKS,
        "power_unit": str(_POWER_UNIT),
        "self_bond_min": str(_POWER_UNIT),
        "window_blocks": terms.window_blocks,
        "signed_min_blocks": terms.signed_min_blocks,
        "jail_ms": terms.jail_ms,
        "downtime_bp": 1,
        "equivocation_bp": 500,
        "validators": [
            {
                "owner": f"0x{owner.address.hex()}",
                "public_key": f"0x{key.public_key.hex()}",
                "moniker": f"node{place}",
                "self_bond": str(POWER * _POWER_UNIT),
                "commission_bp": _COMMISSION_BP,
                "commission_max_bp": 4 * _COMMISSION_BP,
                "commission_step_bp": _COMMISSION_BP,
            }
            for place, (owner, key) in enumerate(zip(owners, validators, strict=True))
        ],
    }


def make_fees(terms: StakingTerms) -> dict[str, object]:
    """Return the fees section: an epoch of some seconds that costs a fiftieth of a coin."""
    return {
        "epoch_blocks": terms.epoch_blocks,
        "cost": str(_COST),
        "price_min": _PRICE_MIN,
        "price_max": _PRICE_MAX,
    }
