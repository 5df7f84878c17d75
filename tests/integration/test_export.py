"""A chain that ends and one that goes on from its exported state, with real CometBFT."""

import json
from pathlib import Path

import pytest

from omg_abci.localnet.layout import load_network
from omg_abci.localnet.rpc import Rpc
from omg_abci.localnet.supervisor import LocalNetwork
from omg_abci.node.client import NodeClient
from omg_abci.node.genesis_export import export_genesis
from omg_abci.node.genesis_file import get_genesis_path, load_genesis_file
from omg_abci.node.storage import Storage
from tests.integration.conftest import ACCOUNTS, write_test_network
from tests.integration.traders import Load

pytestmark = [pytest.mark.network, pytest.mark.timeout(90)]


def export_from(home: Path, chain_id: str | None) -> str:
    """Return the genesis file of a stopped node's state."""
    storage = Storage.open(home / "app" / "state", read_only=True)
    try:
        whole = load_genesis_file(get_genesis_path(home)).whole
        return "".join(export_genesis(storage, whole, chain_id))
    finally:
        storage.close()


def test_network_goes_on_from_an_export(cometbft: Path, tmp_path: Path) -> None:
    """Orders and balances are there under another chain id, heights go on, restarts work."""
    old = write_test_network(tmp_path / "old", 1, 50)
    local = LocalNetwork(old, cometbft)
    with local, Load(local.network, ACCOUNTS[0], 0):
        local.wait_for_height(12)
    with local, NodeClient(local.network.nodes[0].grpc) as client:
        account, height = client.account(ACCOUNTS[0].owner.address), client.status().height
        account.ClearField("height")
    text = export_from(old.nodes[0].home, "omg-test-2")
    assert int(json.loads(text)["initial_height"]) > height
    new = write_test_network(tmp_path / "new", 1, 50)
    get_genesis_path(new.nodes[0].home).write_text(text)
    marker = new.directory / "localnet.json"
    marker.write_text(marker.read_text().replace("omg-test-1", "omg-test-2"))
    local = LocalNetwork(load_network(new.directory), cometbft)
    first = int(json.loads(text)["initial_height"])
    for height in (first + 2, first + 7, first + 14):
        with local, NodeClient(local.network.nodes[0].grpc) as client:
            local.wait_for_height(height)
            again = client.account(ACCOUNTS[0].owner.address)
            again.ClearField("height")
            assert again == account
            with Rpc(local.network.nodes[0].ports.rpc) as rpc:
                assert int(rpc.call("status")["sync_info"]["earliest_block_height"]) == first
    assert local.restarts == [0]
