"""A full node that joins a running network by state sync.

It lives in a directory of its own and is supervised as a network of one: it signs no blocks,
follows those of the validators, and may be stopped and started again at will. It trusts one block
of the network, on whose hash two nodes must agree.
"""

import contextlib
import dataclasses
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from omg_abci.localnet.errors import BadNetwork, DirectoryTaken, JoinFailed, LocalnetError
from omg_abci.localnet.keys import (
    make_ethereum_key,
    make_node_key,
    write_node_key,
    write_validator_key,
)
from omg_abci.localnet.layout import (
    MARKER,
    Network,
    Node,
    assign_ports,
    load_network,
    prepare_network,
)
from omg_abci.localnet.rpc import Rpc
from omg_abci.localnet.settings import NodeSettings, Ports, StateSource

JOINED: Final = "joined"
_TRUST_BLOCKS: Final = 1_000
"""How far back the trusted block lies: below the snapshots, so that verifying goes forwards."""
_SERVERS: Final = 2
_POLL_SECONDS: Final = 0.1
_PROGRESS: Final = "state sync: "
_NAME: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.-]{0,31}")
"""Of a node: it becomes a directory's."""


def open_joiner(
    network: Network, name: str, *, settings: NodeSettings | None = None
) -> tuple[Network, bool]:
    """Return the network's joined node of that name, and whether it is new; make it if needed.

    Raises:
        BadNetwork: the name is none for a directory.
        JoinFailed: the network does not run, or its nodes do not agree.
        DirectoryTaken: the name is taken by something else.
    """
    if not _NAME.fullmatch(name):
        raise BadNetwork(f"{name!r} is no name of a node: 1 to 32 letters, digits, or _ . -")
    directory = network.directory / JOINED / name
    peers = tuple(node.peer for node in network.nodes)
    if (directory / MARKER).exists():
        found = load_network(directory)
        if found.source is None:
            raise DirectoryTaken(f"{directory} is a network of its own")
        # The network may have moved to other ports since.
        source = found.source._replace(peers=peers, rpc_servers=_list_servers(network))
        return prepare_network(dataclasses.replace(found, source=source)), False
    if directory.exists():
        raise DirectoryTaken(f"{directory} is there and is no node of ours")
    height, block_hash = fetch_trusted_block(network)
    source = StateSource(peers, _list_servers(network), height, block_hash)
    node = _write_home(directory, name, network.nodes[0].home)
    joiner = Network(directory, network.chain_id, (node,), settings or network.settings, source)
    return prepare_network(assign_ports(joiner, None)), True


def fetch_trusted_block(network: Network) -> tuple[int, str]:
    """Return height and hash of a block that two nodes tell in the same way. Raises JoinFailed."""
    heights: list[int] = []
    try:
        for node in network.nodes:
            with Rpc(node.ports.rpc) as rpc:
                info = rpc.call("status")["sync_info"]
                latest = int(info["latest_block_height"])
                heights.append(max(int(info["earliest_block_height"]), latest - _TRUST_BLOCKS))
        height = max(heights)
        hashes = []
        for node in network.nodes[:_SERVERS]:
            with Rpc(node.ports.rpc) as rpc:
                hashes.append(
                    str(
                        rpc.call("commit", height=height)["signed_header"]["commit"]["block_id"][
                            "hash"
                        ]
                    )
                )
    except LocalnetError as reason:
        raise JoinFailed(f"the network does not answer, is it running? {reason}") from reason
    except (LookupError, TypeError, ValueError) as reason:
        raise JoinFailed(f"a node's answer has another shape: {reason!r}") from reason
    if len(set(hashes)) != 1 or not hashes[0]:
        raise JoinFailed(f"the nodes tell different blocks of height {height}: {hashes}")
    return height, hashes[0]


def _list_servers(network: Network) -> tuple[str, ...]:
    servers = [node.rpc for node in network.nodes[:_SERVERS]]
    # A network of one validator has one server only, and the light client wants a second one.
    return tuple(servers * _SERVERS)[:_SERVERS]


def _write_home(directory: Path, name: str, pattern: Path) -> Node:
    """Write keys and genesis of a node that has no blocks yet."""
    home = directory / name
    for folder in ("config", "data", "app", "logs"):
        (home / folder).mkdir(parents=True)
    directory.chmod(0o700)
    key, node_key = make_ethereum_key(None, name), make_node_key(None, name)
    write_validator_key(home, key)
    write_node_key(home, node_key)
    genesis = pattern / "config" / "genesis.json"
    shutil.copyfile(genesis, home / "config" / "genesis.json")
    nowhere = Ports(0, 0, 0, 0)
    return Node(0, home, node_key.node_id, key.address, nowhere, home / "app" / "abci.sock")


def wait_for_first_block(joined: Network, timeout_seconds: float = 60.0) -> int:
    """Return the height of the snapshot with which a joined node began, when a block is on top.

    Raises:
        JoinFailed: none came in time.
    """
    node = joined.nodes[0]
    deadline = time.monotonic() + timeout_seconds
    first = 0
    while first == 0:
        if time.monotonic() > deadline:
            raise JoinFailed(f"{node.name} got no block after its snapshot; see {node.home}/logs")
        time.sleep(_POLL_SECONDS)
        with contextlib.suppress(LocalnetError, LookupError), Rpc(node.ports.rpc) as rpc:
            first = int(rpc.call("status")["sync_info"]["earliest_block_height"])
    return first - 1


def describe_join(joiner: Network) -> str:
    """Return what a joining node trusts and whom it asks."""
    source = joiner.source
    if source is None:
        return f"{joiner.nodes[0].name} does not join another network"
    return (
        f"{joiner.nodes[0].name} joins {joiner.chain_id}; it trusts block {source.trust_height}, "
        f"hash {source.trust_hash[:12]}…, of {' and '.join(source.rpc_servers)}\n"
        "looking for snapshots for 5 s …"
    )


@contextlib.contextmanager
def follow_join(joiner: Network, say: Callable[[str], None]) -> Iterator[None]:
    """Tell what the joining node's application says of state sync, until the block is left."""
    log = joiner.nodes[0].home / "logs" / "app.log"
    stopped = threading.Event()
    begin = log.stat().st_size if log.exists() else 0
    thread = threading.Thread(target=_tell_progress, args=(log, begin, stopped, say), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _tell_progress(
    log: Path, place: int, stopped: threading.Event, say: Callable[[str], None]
) -> None:
    while not stopped.wait(_POLL_SECONDS):
        if not log.exists():
            continue
        with log.open("rb") as file:
            file.seek(place)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                place += len(line)
                text = line.decode(errors="replace").strip()
                if _PROGRESS in text:
                    say(text[text.index(_PROGRESS) :])
