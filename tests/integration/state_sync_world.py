"""Networks that take snapshots often, and nodes that join them by state sync."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omg_abci.localnet.blocks import find_differences
from omg_abci.localnet.genesis import make_document
from omg_abci.localnet.joining import open_joiner, wait_for_first_block
from omg_abci.localnet.layout import Network, Node, write_network
from omg_abci.localnet.rpc import Rpc
from omg_abci.localnet.settings import NodeSettings
from omg_abci.localnet.supervisor import LocalNetwork
from tests.integration.conftest import ACCOUNTS

INTERVAL = 60
HOSTILE_APP = Path(__file__).with_name("hostile_provider.py")
_YEAR_2100_MS = 4_070_908_800_000


def write_snapshot_network(directory: Path, validators: int = 4) -> Network:
    """Write a network with blocks of about 0.1 s and a snapshot every few seconds."""
    return write_network(
        directory,
        validators=validators,
        chain_id="omg-test-1",
        genesis_document=make_document(ACCOUNTS, _YEAR_2100_MS),
        accounts=ACCOUNTS,
        seed=b"tests",
        settings=NodeSettings(timeout_commit_ms=50, snapshot_interval=INTERVAL),
    )


def make_liar_command(node: Node) -> Sequence[str | Path]:
    """Return the command of an application that lies when it is told to."""
    return [sys.executable, HOSTILE_APP, "--home", node.home]


def tell_lies(
    network: Network, attack: str, liars: Sequence[int], newest: int | None = None
) -> None:
    """Let some nodes of a network lie to those who join, and all others be honest.

    With `newest`, nobody offers a later snapshot: CometBFT waits two minutes for the chunks of one
    that it has heard of from liars only.
    """
    for node in network.nodes:
        lie = attack if node.index in liars else "none"
        orders = node.home / "app" / "attack"
        draft = orders.with_suffix(".draft")
        draft.write_text(lie if newest is None else f"{lie} {newest}")
        # The node may read at any time.
        draft.replace(orders)


def wait_for_snapshot(network: Network, height: int, timeout_s: float = 60.0) -> None:
    """Return when every node has a snapshot of that height or a later one."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = [
            max((int(each.name) for each in _list_snapshots(node)), default=0)
            for node in network.nodes
        ]
        if min(found) >= height:
            return
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def wait_for_newer_of_liar(local: LocalNetwork) -> None:
    """Return when a liar's newest snapshot is newer than the honest ones."""
    while True:
        with Rpc(local.network.nodes[0].ports.rpc) as rpc:
            beyond = rpc.fetch_app_state().height % INTERVAL
        if INTERVAL // 3 + 4 <= beyond < INTERVAL // 2:
            return
        time.sleep(0.1)


def find_shared(local: LocalNetwork) -> int:
    """Return the height of a snapshot that all nodes have."""
    with Rpc(local.network.nodes[0].ports.rpc) as rpc:
        height = rpc.fetch_app_state().height
    height -= height % INTERVAL
    wait_for_snapshot(local.network, height)
    return height


def _list_snapshots(node: Node) -> list[Path]:
    folder = node.home / "app" / "snapshots"
    return [each for each in folder.iterdir() if each.name.isdecimal()] if folder.exists() else []


def join_and_compare(local: LocalNetwork, cometbft: Path, name: str, blocks: int) -> dict[str, Any]:
    """Let a node join, follow so many blocks and be compared with all others; say how it went."""
    joiner, is_new = open_joiner(local.network, name)
    assert is_new
    began = time.monotonic()
    joined = LocalNetwork(joiner, cometbft)
    with joined:
        join_s = time.monotonic() - began
        first = wait_for_first_block(joined.network)
        joined.wait_for_height(first + blocks)
        local.wait_for_height(first + blocks)
        node = joined.network.nodes[0]
        whole = Network(local.network.directory, "", (*local.network.nodes, node))
        with Rpc(node.ports.rpc) as rpc:
            last = rpc.fetch_app_state().height
        local.wait_for_height(last)
        differing = find_differences(whole, first + 1, last)
        log = (node.home / "logs" / "app.log").read_text()
        return {
            "join_s": round(join_s, 1),
            "snapshot_height": first,
            "compared_to": last,
            "differing": differing,
            "restarts": joined.restarts[0],
            "adopted": log.count("state sync: at height"),
            "offers": log.count("state sync: snapshot of height"),
            "refusals": [
                line.split(" WARNING ")[-1] for line in log.splitlines() if "WARNING" in line
            ],
            "snapshot_bytes": sum(
                each.stat().st_size for each in _list_snapshots(local.network.nodes[0])[0].iterdir()
            ),
        }
