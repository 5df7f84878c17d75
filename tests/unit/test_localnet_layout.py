"""A local network on disk: what is written, what is refused, what is deleted."""

import json
import os
import socket
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from omg_abci.localnet.errors import BadNetwork, DirectoryTaken, NetworkRunning, NoNetwork
from omg_abci.localnet.genesis import make_accounts, make_document
from omg_abci.localnet.layout import (
    MARKER,
    VALIDATORS_MAX,
    Network,
    load_network,
    lock_network,
    prepare_network,
    release_network,
    remove_network,
    write_network,
)
from omg_abci.localnet.settings import GOSSIP_BYTES, NodeSettings
from omg_abci.node.bundles import BUNDLE_BYTES_MAX
from omg_abci.node.config import load_settings
from omg_abci.protocol.limits import BLOCK_BYTES_MAX

_ACCOUNTS = make_accounts(b"accounts")
_DOCUMENT = make_document(_ACCOUNTS, 1_700_000_000_000)


def _write(directory: Path, **changes: Any) -> Network:  # noqa: ANN401
    asked: dict[str, Any] = {
        "validators": 3,
        "chain_id": "test-1",
        "genesis_document": _DOCUMENT,
        "accounts": _ACCOUNTS,
        "seed": b"seed",
    }
    return write_network(directory, **(asked | changes))


def _read_genesis(network: Network, index: int = 0) -> dict[str, Any]:
    path = network.nodes[index].home / "config" / "genesis.json"
    genesis: dict[str, Any] = json.loads(path.read_text())
    return genesis


def _read_config(network: Network, index: int) -> dict[str, Any]:
    return tomllib.loads((network.nodes[index].home / "config" / "config.toml").read_text())


def test_genesis_is_the_same_everywhere_and_complete(tmp_path: Path) -> None:
    """Every node has one genesis: its validators, their key type, and the chain's document."""
    network = _write(tmp_path / "net", genesis_time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    genesis = _read_genesis(network)
    assert all(_read_genesis(network, index) == genesis for index in range(3))
    assert genesis["genesis_time"] == "2026-01-02T03:04:05Z"
    assert genesis["app_state"] == _DOCUMENT
    parameters = genesis["consensus_params"]
    assert parameters["validator"]["pub_key_types"] == ["secp256k1eth"]
    assert BLOCK_BYTES_MAX < int(parameters["block"]["max_bytes"]) <= 4 * 1024 * 1024
    addresses = [bytes.fromhex(validator["address"]) for validator in genesis["validators"]]
    assert addresses == [node.address for node in network.nodes]


def test_nodes_are_each_others_peers_on_loopback(tmp_path: Path) -> None:
    """Each node dials all others and nobody else, and listens on 127.0.0.1 and its socket only."""
    network = _write(tmp_path / "net")
    for node in network.nodes:
        config = _read_config(network, node.index)
        peers = config["p2p"]["persistent_peers"].split(",")
        assert peers == [other.peer for other in network.nodes if other is not node]
        assert config["rpc"]["laddr"] == f"tcp://127.0.0.1:{node.ports.rpc}"
        assert config["p2p"]["laddr"] == f"tcp://127.0.0.1:{node.ports.p2p}"
        assert config["proxy_app"] == f"unix://{node.socket}"
        assert config["mempool"]["type"] == "app"
        assert config["filter_peers"] is True
    ports = [port for node in network.nodes for port in node.ports]
    assert len(set(ports)) == len(ports)


def test_application_reads_its_settings(tmp_path: Path) -> None:
    """The node's own reader accepts app.toml and finds the same socket and port."""
    network = _write(tmp_path / "net", settings=NodeSettings(workers=2))
    for node in network.nodes:
        settings = load_settings(node.home)
        assert settings.abci == f"unix://{node.socket}"
        assert settings.grpc == node.grpc
        assert settings.workers == 2
        assert settings.mempool.relay is False


def test_gossip_has_room_for_bundles() -> None:
    """CometBFT passes on the largest bundle that the pool makes."""
    assert GOSSIP_BYTES >= BUNDLE_BYTES_MAX


def test_secrets_are_private(tmp_path: Path) -> None:
    """Only the owner can read the keys, the accounts and the directory."""
    network = _write(tmp_path / "net")
    assert network.directory.stat().st_mode & 0o77 == 0
    secret = [network.accounts_file]
    for node in network.nodes:
        secret += [node.home / "config" / "priv_validator_key.json"]
        secret += [node.home / "config" / "node_key.json"]
    assert [path for path in secret if path.stat().st_mode & 0o77] == []
    accounts = json.loads(network.accounts_file.read_text())["accounts"]
    assert [account["name"] for account in accounts] == [account.name for account in _ACCOUNTS]
    assert accounts[0]["secret"] == f"0x{_ACCOUNTS[0].owner.secret.hex()}"


def test_same_seed_gives_the_same_network(tmp_path: Path) -> None:
    """Validators and node ids are a function of the seed."""
    first, second = _write(tmp_path / "a"), _write(tmp_path / "b")
    other = _write(tmp_path / "c", seed=None)
    assert [node.node_id for node in first.nodes] == [node.node_id for node in second.nodes]
    assert [node.address for node in first.nodes] == [node.address for node in second.nodes]
    assert not {node.address for node in first.nodes} & {node.address for node in other.nodes}


def test_network_is_found_again(tmp_path: Path) -> None:
    """What was written is what is loaded, also after the directory was moved."""
    network = _write(tmp_path / "net")
    assert load_network(tmp_path / "net") == network
    (tmp_path / "net").rename(tmp_path / "moved")
    moved = prepare_network(load_network(tmp_path / "moved"))
    assert _read_config(moved, 0)["proxy_app"] == f"unix://{tmp_path}/moved/node0/app/abci.sock"


def test_taken_port_is_replaced(tmp_path: Path) -> None:
    """A port that another program listens on since gives way for a free one, in all files."""
    network = _write(tmp_path / "net")
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", network.nodes[1].ports.rpc))
        listener.listen()
        prepared = prepare_network(network)
    taken = network.nodes[1].ports.rpc
    assert taken not in [port for node in prepared.nodes for port in node.ports]
    assert prepared.nodes[1].peer in _read_config(prepared, 0)["p2p"]["persistent_peers"]
    assert load_network(tmp_path / "net") == prepared


def test_long_path_moves_the_sockets_to_a_short_private_folder(tmp_path: Path) -> None:
    """A socket's path stays below 100 bytes; its folder is private, kept, and removed."""
    network = _write(tmp_path / ("deep" * 30))
    folder = network.nodes[0].socket.parent
    assert all(len(os.fsencode(node.socket)) < 100 for node in network.nodes)
    assert folder.stat().st_mode & 0o77 == 0
    assert prepare_network(network).nodes[0].socket.parent == folder
    release_network(network)
    assert not folder.exists()
    again = prepare_network(network)
    assert again.nodes[0].socket.parent != folder
    release_network(again)


@pytest.mark.parametrize(
    "changes",
    [
        {"validators": 0},
        {"validators": VALIDATORS_MAX + 1},
        {"chain_id": ""},
        {"chain_id": "seventeen-letters"},
        {"chain_id": "-leading"},
        {"chain_id": "späte"},
        {"genesis_document": {}},
        {"genesis_document": _DOCUMENT | {"unit_price": "0"}},
        {"genesis_document": _DOCUMENT | {"surprise": 1}},
    ],
)
def test_impossible_network_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    """A bad shape, name or document is network_bad, and nothing is written."""
    with pytest.raises(BadNetwork) as refusal:
        _write(tmp_path / "net", **changes)
    assert refusal.value.code == "network_bad"
    assert not (tmp_path / "net").exists()


def test_directory_with_content_is_not_written_to(tmp_path: Path) -> None:
    """A directory that holds anything is directory_taken."""
    (tmp_path / "precious").write_text("")
    with pytest.raises(DirectoryTaken) as refusal:
        _write(tmp_path)
    assert refusal.value.code == "directory_taken"
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_only_a_network_is_deleted(tmp_path: Path) -> None:
    """Without our marker, or through a link, nothing is deleted."""
    other = tmp_path / "other"
    other.mkdir()
    (other / MARKER).write_text('{"format": "something else"}')
    network = _write(tmp_path / "net")
    (tmp_path / "link").symlink_to(network.directory)
    for path in (other, tmp_path / "link", tmp_path / "absent"):
        with pytest.raises(DirectoryTaken):
            remove_network(path)
    assert network.accounts_file.exists()
    remove_network(network.directory)
    assert not network.directory.exists()
    assert other.exists()


def test_running_network_is_not_deleted(tmp_path: Path) -> None:
    """While a supervisor has the network, deleting and a second claim are network_running."""
    network = _write(tmp_path / "net")
    with lock_network(network.directory):
        for claim in (lock_network, remove_network):
            with pytest.raises(NetworkRunning) as refusal:
                claim(network.directory)
            assert refusal.value.code == "network_running"
    remove_network(network.directory)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "omg-localnet-1"}', "\xff"])
def test_damaged_marker_is_no_network(tmp_path: Path, content: str) -> None:
    """A marker that says too little is network_missing."""
    (tmp_path / MARKER).write_text(content, encoding="latin-1")
    with pytest.raises(NoNetwork) as refusal:
        load_network(tmp_path)
    assert refusal.value.code == "network_missing"
