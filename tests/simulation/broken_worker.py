"""A worker of the simulator that writes one wrong record, for the test that finds it."""

import sys

from omg_abci.node import chain
from omg_abci.rules.transition import Block, BlockResult, apply_block
from omg_abci.simulation.worker import main
from omg_abci.state.working import WorkingState

BROKEN_HEIGHT = 6


def apply_block_wrongly(state: WorkingState, block: Block) -> BlockResult:
    """Execute a block, at one height with another last byte in the last record that changed."""
    result = apply_block(state, block)
    if block.height != BROKEN_HEIGHT:
        return result
    *others, value = result.changes.new
    wrong = (value or b"\0")[:-1] + bytes([(value or b"\0")[-1] ^ 1])
    return result._replace(changes=result.changes._replace(new=[*others, wrong]))


if __name__ == "__main__":
    vars(chain)["apply_block"] = apply_block_wrongly
    sys.exit(main())
