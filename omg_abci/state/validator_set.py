"""Which validators sign, by what is bonded to them: the same for genesis and for checkpoints."""

from collections.abc import Iterable

from omg_abci.protocol import limits
from omg_abci.protocol.units import Address, Amount


def compute_powers(
    candidates: Iterable[tuple[Address, Amount]], power_unit: Amount
) -> dict[Address, int]:
    """Return the power of each that is in the set: highest first, ties by address.

    A validator's power is the whole units of its tokens. No power is above its part of
    CometBFT's bound, so that no sum is.
    """
    most = limits.POWER_TOTAL_MAX // limits.VALIDATORS_MAX
    powers = [(-min(tokens // power_unit, most), owner) for owner, tokens in candidates]
    ranked = sorted([place for place in powers if place[0]])
    return {owner: -power for power, owner in ranked[: limits.VALIDATORS_MAX]}
