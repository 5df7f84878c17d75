"""A fifth node joins four that are under load by state sync, and agrees at every height."""

from pathlib import Path

import pytest

from omg_abci.localnet.supervisor import LocalNetwork
from tests.integration.conftest import ACCOUNTS
from tests.integration.hostile_provider import METADATA_LIES, STREAM_LIES
from tests.integration.state_sync_world import (
    INTERVAL,
    join_and_compare,
    make_liar_command,
    tell_lies,
    wait_for_newer_of_liar,
    wait_for_snapshot,
    write_snapshot_network,
)
from tests.integration.traders import Load

pytestmark = [pytest.mark.network, pytest.mark.timeout(120)]


def test_fifth_node_joins(cometbft: Path, tmp_path: Path) -> None:
    """It takes the first snapshot it is offered, and has the same headers from there on."""
    local = LocalNetwork(write_snapshot_network(tmp_path / "net"), cometbft)
    with local, Load(local.network, ACCOUNTS[0], 0), Load(local.network, ACCOUNTS[1], 1):
        wait_for_snapshot(local.network, INTERVAL)
        found = join_and_compare(local, cometbft, "node4", 20)
    assert found["differing"] == []
    assert (found["restarts"], found["adopted"], found["offers"]) == (0, 1, 1)
    assert found["refusals"] == []


@pytest.mark.parametrize(
    "lie",
    [
        # True hashes above false records: the lie that gets furthest, and so in every run.
        "false_records",
        *(
            pytest.param(lie, marks=pytest.mark.slow)
            for lie in (*METADATA_LIES, *STREAM_LIES)
            if lie != "false_records"
        ),
    ],
)
def test_one_provider_lies(cometbft: Path, tmp_path: Path, lie: str) -> None:
    """The joining node refuses what one of four providers offers and takes an honest snapshot."""
    network = write_snapshot_network(tmp_path / "net")
    local = LocalNetwork(network, cometbft, app_command=make_liar_command)
    with local, Load(local.network, ACCOUNTS[0], 0), Load(local.network, ACCOUNTS[1], 1):
        wait_for_snapshot(local.network, INTERVAL)
        tell_lies(local.network, lie, [2])
        wait_for_newer_of_liar(local)
        found = join_and_compare(local, cometbft, "node4", 20)
    assert found["differing"] == []
    assert (found["restarts"], found["adopted"]) == (0, 1)
