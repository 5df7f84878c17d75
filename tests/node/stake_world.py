"""A chain with two validators and voted fees in this process, for the commands about both."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from omg_abci.localnet.keys import make_ethereum_key
from omg_abci.localnet.staking import StakingTerms, make_fees, make_staking
from tests.node.cli_run import Cli, make_cli
from tests.node.one_node import ACCOUNTS, OneNode, run_one_node

COIN = 10**18
KEYS = [make_ethereum_key(b"stake", f"validator {place}") for place in range(3)]
"""The first two sign from genesis, owned by alice and bob; the third may become a validator."""
EPOCH_BLOCKS = 4
_TERMS = StakingTerms(checkpoint_blocks=2, epoch_blocks=EPOCH_BLOCKS)


@contextlib.contextmanager
def run_staking_node(folder: Path) -> Iterator[tuple[Cli, OneNode]]:
    """Run a node whose epochs have four blocks, with a command line."""
    staking = make_staking(KEYS[:2], ACCOUNTS, _TERMS)
    with run_one_node(folder, staking=staking, fees=make_fees(_TERMS)) as node:
        yield make_cli(folder / "home", node), node


def end_epoch(cli: Cli, node: OneNode) -> None:
    """Make blocks until the epoch under way is over."""
    fees = cli.ask("query", "fees")
    node.pass_time(*[1_000] * (fees["end_height"] - fees["height"]))
