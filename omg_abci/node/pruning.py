"""How far back a node keeps blocks."""

from typing import Final, NamedTuple

from omg_abci.protocol.units import Height


class Retention(NamedTuple):
    """What an operator and genesis ask of the blocks' age; nothing is deleted by default."""

    kept_blocks: int = 0
    """What the operator wants to keep, 0 for all."""
    evidence_blocks: int = 0
    """How far back an offence can still be shown."""


KEEP_ALL: Final = Retention()


def compute_retain_height(
    height: Height,
    retention: Retention,
    oldest_snapshot: Height | None,
    final_checkpoint: Height | None = None,
) -> Height:
    """Return the height below which CometBFT may delete blocks; 0 keeps all of them.

    Args:
        height: that was committed just now.
        retention: how many blocks are kept in any case.
        oldest_snapshot: that this node offers: who joins by it needs the blocks from there on.
            None when it never offers one; 0 when it will and has none yet.
        final_checkpoint: the height of the last one that Ethereum will not take back; absent
            without a bridge.
    """
    if not retention.kept_blocks:
        return 0
    needed = [height - max(retention)]
    needed += [each for each in (oldest_snapshot, final_checkpoint) if each is not None]
    return max(0, min(needed))
