"""What the validators' guide does, by its own commands, on real networks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omg_abci.localnet.genesis import make_document
from omg_abci.localnet.joining import open_joiner, wait_for_first_block
from omg_abci.localnet.layout import Network, write_network
from omg_abci.localnet.rpc import Rpc
from omg_abci.localnet.settings import NodeSettings
from omg_abci.localnet.staking import StakingTerms
from omg_abci.localnet.supervisor import LocalNetwork
from tests.integration.conftest import ACCOUNTS, MakeNetwork
from tests.integration.state_sync_world import INTERVAL, wait_for_snapshot
from tests.integration.test_staking import wait_for
from tests.node.cli_run import Cli

pytestmark = [pytest.mark.network, pytest.mark.timeout(180)]

_COIN = 10**18
_TERMS = StakingTerms(
    checkpoint_blocks=5, window_blocks=40, signed_min_blocks=20, jail_ms=1_000, epoch_blocks=10
)
_YES = ("--yes", "--timeout", "30")
_YEAR_2100_MS = 4_070_908_800_000


class _Commands:
    """`omgd` with a network's first node and accounts."""

    def __init__(self, network: Network, home: Path) -> None:
        home.mkdir(exist_ok=True)
        self._cli = Cli(home, None)
        self._network = network

    def ask(self, *args: str) -> dict[str, Any]:
        """Return what a command answers."""
        where = {
            "OMG_NODE": self._network.nodes[0].grpc,
            "OMG_ACCOUNTS": str(self._network.accounts_file),
        }
        return self._cli.ask(*args, **where)

    def find_validator(self, moniker: str) -> dict[str, Any]:
        """Return a validator as the query lists it."""
        found = self.ask("query", "validators")["validators"]
        return next(dict(each) for each in found if each["moniker"] == moniker)


def _count_signers(network: Network) -> int:
    """Return how many validators signed the newest commit that a block carries."""
    with Rpc(network.nodes[0].ports.rpc) as rpc:
        height = int(rpc.call("status")["sync_info"]["latest_block_height"])
        commit = rpc.call("commit", height=height - 1)["signed_header"]["commit"]
    # 2: a vote for the block.
    return sum(int(each["block_id_flag"]) == 2 for each in commit["signatures"])


def _wait_for_code(ask: Callable[[], dict[str, Any]], code: str) -> None:
    wait_for(lambda: ask().get("error", {"code": ""})["code"] == code)


@pytest.mark.slow
def test_a_fifth_validator_signs_is_jailed_and_comes_back(cometbft: Path, tmp_path: Path) -> None:
    """A joined node becomes a validator, stops, is slashed once and jailed, and signs again."""
    network = write_network(
        tmp_path / "net",
        validators=4,
        chain_id="omg-test-1",
        genesis_document=make_document(ACCOUNTS, _YEAR_2100_MS),
        accounts=ACCOUNTS,
        seed=b"tests",
        settings=NodeSettings(timeout_commit_ms=100, snapshot_interval=INTERVAL),
        staking=_TERMS,
    )
    with LocalNetwork(network, cometbft) as local:
        commands = _Commands(local.network, tmp_path / "home")
        wait_for_snapshot(local.network, INTERVAL)
        joiner, _ = open_joiner(local.network, "node4")
        with LocalNetwork(joiner, cometbft) as joined:
            wait_for_first_block(joined.network)
            home = str(joined.network.nodes[0].home)
            create = ("validator", "create", "5000", "--home", home, "--moniker", "five")
            assert commands.ask(*create, "--from", "erin", *_YES)["code"] == 0
            wait_for(lambda: commands.find_validator("five")["power"] == 5)
            wait_for(lambda: _count_signers(local.network) == 5)
        wait_for(lambda: commands.find_validator("five")["power"] == 0)
        jailed = commands.find_validator("five")
        assert jailed["jailed_until_ms"] > 0
        assert jailed["tokens"] == str(5_000 * _COIN - 5_000 * _COIN // 10_000)
        joiner, is_new = open_joiner(local.network, "node4")
        assert not is_new
        with LocalNetwork(joiner, cometbft):
            unjail = ("validator", "unjail", "--from", "erin", *_YES)
            wait_for(lambda: commands.ask(*unjail)["code"] == 0)
            wait_for(lambda: commands.find_validator("five")["power"] == 4)
            wait_for(lambda: _count_signers(local.network) == 5)
            assert commands.find_validator("five")["jailed_until_ms"] == 0
            _wait_for_code(lambda: commands.ask(*unjail), "NotJailed")
        local.check()


def test_a_delegators_vote_moves_the_cost_and_rewards_arrive(
    make_network: MakeNetwork, tmp_path: Path
) -> None:
    """On four validators: the only vote decides at the epoch, and what is earned can be spent."""
    with make_network(4, staking=_TERMS) as local:
        commands = _Commands(local.network, tmp_path / "home")
        grace = ("--from", "grace", *_YES)
        cost = int(commands.ask("query", "fees")["cost"])
        assert commands.ask("stake", "delegate", "alice", "5000", *grace)["code"] == 0
        assert commands.ask("vote", "--cost", "0.025", *grace)["code"] == 0
        wait_for(lambda: int(commands.ask("query", "fees")["cost"]) == cost * 5 // 4)
        tally = commands.ask("query", "votes", "cost")
        assert (tally["median"], tally["stake"]) == (str(cost * 5 // 4), str(5_000 * _COIN))

        def find_rewards() -> int:
            (held,) = commands.ask("query", "stake", "grace")["delegations"]
            return int(held["rewards"])

        wait_for(lambda: find_rewards() > 0)
        owed = find_rewards()
        before = int(commands.ask("query", "balance", "grace", "OMG")["free"])
        claimed = commands.ask("stake", "rewards", *grace)
        after = int(commands.ask("query", "balance", "grace", "OMG")["free"])
        assert claimed["code"] == 0
        assert after - before >= owed - int(claimed["fee"])
        epochs = commands.ask("query", "fees", "--epochs", "100")["epochs"]
        assert any(int(each["collected"]) for each in epochs)
        for each in epochs:
            paid, collected = int(each["paid"]), int(each["collected"])
            assert paid == min(int(each["cost"]), collected)
            assert collected == paid + int(each["refunded"])
        local.check()
