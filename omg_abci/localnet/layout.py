"""A local network on disk: `node0` … under one directory, the accounts, and what binds them.

`localnet.json` marks the directory as ours and holds everything that is not in the nodes' own
files. `write_network` makes a network, `load_network` finds it again, `prepare_network` renews
what depends on the machine's state: ports that another program has taken since, socket paths, and
the configuration files that name them.
"""

import contextlib
import dataclasses
import fcntl
import json
import os
import re
import secrets
import shutil
import socket
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO

from omg_abci.localnet.errors import BadNetwork, DirectoryTaken, NetworkRunning, NoNetwork
from omg_abci.localnet.genesis import Account, encode_account, make_genesis
from omg_abci.localnet.keys import (
    EthereumKey,
    NodeKey,
    make_ethereum_key,
    make_node_key,
    write_node_key,
    write_secret_file,
    write_validator_key,
)
from omg_abci.localnet.settings import NodeSettings, Ports, StateSource, write_settings
from omg_abci.localnet.staking import StakingTerms, make_sections
from omg_abci.protocol.errors import GenesisError
from omg_abci.protocol.limits import CHAIN_ID_BYTES_MAX
from omg_abci.state.genesis import build_genesis

MARKER: Final = "localnet.json"
ACCOUNTS: Final = "accounts.json"
USUAL_PORT: Final = 26656
"""Where CometBFT listens for peers by default; a node's other ports follow it."""
VALIDATORS_MAX: Final = 32
_LOCK: Final = "localnet.lock"
_FORMAT: Final = "omg-localnet-1"
_PORTS_A_NODE: Final = 10
_PORTS_SEARCHED: Final = range(20_000, 32_000)
"""Below the ports that Linux gives to outgoing connections."""
_SOCKET_PATH_BYTES: Final = 100
"""Linux takes 107, other systems 103."""
_CHAIN_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclasses.dataclass(frozen=True)
class Node:
    """One validator's place on this machine."""

    index: int
    home: Path
    node_id: str
    address: bytes
    ports: Ports
    socket: Path

    @property
    def name(self) -> str:
        """Return what people call the node."""
        return self.home.name

    @property
    def rpc(self) -> str:
        """Return the URL of CometBFT's RPC."""
        return f"http://127.0.0.1:{self.ports.rpc}"

    @property
    def grpc(self) -> str:
        """Return HOST:PORT of the node API."""
        return f"127.0.0.1:{self.ports.grpc}"

    @property
    def peer(self) -> str:
        """Return ID@HOST:PORT, by which other nodes find this one."""
        return f"{self.node_id}@127.0.0.1:{self.ports.p2p}"


@dataclasses.dataclass(frozen=True)
class Network:
    """A local network as it is on disk."""

    directory: Path
    chain_id: str
    nodes: tuple[Node, ...]
    settings: NodeSettings = dataclasses.field(default_factory=NodeSettings)
    source: StateSource | None = None
    """Of a network of nodes that join another one: from where they take the state."""

    @property
    def accounts_file(self) -> Path:
        """Return the file that holds the funded accounts and their secrets."""
        return self.directory / ACCOUNTS


def write_network(
    directory: Path,
    *,
    validators: int,
    chain_id: str,
    genesis_document: Mapping[str, object],
    accounts: Sequence[Account] = (),
    seed: bytes | None = None,
    genesis_time: datetime | None = None,
    first_port: int | None = None,
    settings: NodeSettings | None = None,
    staking: StakingTerms | None = None,
) -> Network:
    """Write a new network into a directory that is empty or not there yet.

    Args:
        directory: is made private to its owner.
        validators: how many, all of the same power.
        chain_id: at most 16 characters, which the Plasma contract's sign bytes have room for.
        genesis_document: the chain's own genesis; it is checked, and written as it is.
        accounts: written to accounts.json with their secrets.
        seed: makes the same keys for the same seed; without it they come from the system.
        genesis_time: of the first block; now by default.
        first_port: tried first; free ports are searched for if it is None or taken.
        settings: of all nodes.
        staking: adds a staking section, in which the accounts own the validators, and fees.

    Raises:
        BadNetwork: no network can be made of this.
        DirectoryTaken: the directory is not empty.
    """
    _require_shape(validators, chain_id)
    keys = [make_ethereum_key(seed, f"validator {index}") for index in range(validators)]
    if staking is not None:
        genesis_document = {**genesis_document, **make_sections(keys, accounts, staking)}
    _require_document(chain_id, genesis_document)
    directory = directory.expanduser().absolute()
    _claim_directory(directory)
    node_keys = [make_node_key(seed, f"node {index}") for index in range(validators)]
    moment = (genesis_time or datetime.now(UTC)).astimezone(UTC).isoformat()
    genesis = make_genesis(chain_id, moment.replace("+00:00", "Z"), keys, genesis_document)
    nodes = tuple(
        _write_home(directory / f"node{index}", index, key, node_key, genesis)
        for index, (key, node_key) in enumerate(zip(keys, node_keys, strict=True))
    )
    write_secret_file(
        directory / ACCOUNTS, {"accounts": [encode_account(account) for account in accounts]}
    )
    network = Network(directory, chain_id, nodes, settings or NodeSettings())
    return prepare_network(assign_ports(network, first_port))


def _require_shape(validators: int, chain_id: str) -> None:
    if not 1 <= validators <= VALIDATORS_MAX:
        raise BadNetwork(f"{validators} validators: from 1 to {VALIDATORS_MAX} fit on one machine")
    if len(chain_id) > CHAIN_ID_BYTES_MAX or not _CHAIN_ID.fullmatch(chain_id):
        raise BadNetwork(
            f"chain id {chain_id!r}: 1 to {CHAIN_ID_BYTES_MAX} letters, digits, '.', '_' and '-', "
            "the first a letter or digit"
        )


def _require_document(chain_id: str, document: Mapping[str, object]) -> None:
    try:
        build_genesis(chain_id, document)
    except GenesisError as reason:
        raise BadNetwork(f"genesis document: {reason}") from reason


def _claim_directory(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise DirectoryTaken(f"{directory} is not empty")
        directory.chmod(0o700)
    except OSError as reason:
        raise DirectoryTaken(f"{directory} cannot be used: {reason.strerror}") from reason


def _write_home(
    home: Path, index: int, key: EthereumKey, node_key: NodeKey, genesis: Mapping[str, object]
) -> Node:
    for folder in ("config", "data", "app", "logs"):
        (home / folder).mkdir(parents=True)
    write_validator_key(home, key)
    write_node_key(home, node_key)
    text = json.dumps(genesis, indent=2) + "\n"
    (home / "config" / "genesis.json").write_text(text, encoding="utf-8")
    nowhere = Ports(0, 0, 0, 0)
    return Node(index, home, node_key.node_id, key.address, nowhere, home / "app" / "abci.sock")


def load_network(directory: Path) -> Network:
    """Return the network of a directory. Raises NoNetwork."""
    directory = directory.expanduser().absolute()
    try:
        document: dict[str, Any] = json.loads((directory / MARKER).read_bytes())
        if document["format"] != _FORMAT:
            raise NoNetwork(f"{directory / MARKER} is of another format: {document['format']!r}")
        nodes = tuple(
            Node(
                index,
                directory / str(node["home"]),
                node["node_id"],
                bytes.fromhex(node["validator"].removeprefix("0x")),
                Ports(*(int(node["ports"][name]) for name in Ports._fields)),
                Path(node["socket"]),
            )
            for index, node in enumerate(document["nodes"])
        )
        settings, source = NodeSettings(**document["settings"]), document.get("source")
        taken_from = StateSource(**source) if source else None
        return Network(directory, document["chain_id"], nodes, settings, taken_from)
    except FileNotFoundError as reason:
        raise NoNetwork(f"{directory} holds no local network") from reason
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as reason:
        raise NoNetwork(f"{directory / MARKER} cannot be read: {reason!r}") from reason


def prepare_network(network: Network) -> Network:
    """Make a stopped network fit to be started: ports, socket paths, configuration files."""
    if not all(_is_free(port) for node in network.nodes for port in node.ports):
        network = assign_ports(network, None)
    network = dataclasses.replace(network, nodes=_with_sockets(network.nodes))
    for node in network.nodes:
        peers = [other.peer for other in network.nodes if other is not node]
        write_settings(
            node.home, node.socket, node.ports, peers, network.settings, source=network.source
        )
    _write_marker(network)
    return network


def release_network(network: Network) -> None:
    """Remove what a stopped network has left outside its directory: its sockets' folder."""
    for node in network.nodes:
        with contextlib.suppress(OSError):
            node.socket.unlink()
    for folder in {node.socket.parent for node in network.nodes}:
        if not folder.is_relative_to(network.directory):
            with contextlib.suppress(OSError):
                folder.rmdir()


def lock_network(directory: Path) -> TextIO:
    """Claim a network for this process until the returned file is closed. Raises NetworkRunning."""
    file = (directory / _LOCK).open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as reason:
        file.close()
        raise NetworkRunning(f"{directory} is in use by another process") from reason
    return file


def remove_network(directory: Path) -> None:
    """Delete a network's directory, and no directory that holds anything else.

    Raises:
        DirectoryTaken: the directory has no marker of ours, or is a link.
        NetworkRunning: the network runs.
    """
    directory = directory.expanduser().absolute()
    if directory.is_symlink() or not directory.is_dir():
        raise DirectoryTaken(f"{directory} is no directory of its own")
    try:
        network = load_network(directory)
    except NoNetwork as reason:
        raise DirectoryTaken(f"{directory} is not deleted: {reason}") from reason
    with lock_network(directory):
        release_network(network)
        shutil.rmtree(directory)


def _write_marker(network: Network) -> None:
    """Write localnet.json as a whole or not at all."""
    document = {
        "format": _FORMAT,
        "chain_id": network.chain_id,
        "settings": network.settings._asdict(),
        "source": network.source and network.source._asdict(),
        "nodes": [
            {
                "home": node.home.name,
                "node_id": node.node_id,
                "validator": f"0x{node.address.hex()}",
                "rpc": node.rpc,
                "grpc": node.grpc,
                "ports": node.ports._asdict(),
                "socket": str(node.socket),
            }
            for node in network.nodes
        ],
    }
    path = network.directory / MARKER
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)


def _with_sockets(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """Put each socket into the node's home, or all into a short private folder."""
    paths = [node.home / "app" / "abci.sock" for node in nodes]
    if max(len(os.fsencode(path)) for path in paths) >= _SOCKET_PATH_BYTES:
        folder = nodes[0].socket.parent
        if folder.is_relative_to(nodes[0].home) or not _is_private(folder):
            folder = Path(_make_short_folder())
        paths = [folder / f"{node.index}.sock" for node in nodes]
    return tuple(
        dataclasses.replace(node, socket=path) for node, path in zip(nodes, paths, strict=True)
    )


def _make_short_folder() -> str:
    given = tempfile.gettempdir()
    short = given if len(os.fsencode(given)) < _SOCKET_PATH_BYTES // 2 else "/tmp"  # noqa: S108
    return tempfile.mkdtemp(prefix="omg-", dir=short)


def _is_private(folder: Path) -> bool:
    """Tell whether a folder is there, the user's own and closed to everybody else."""
    try:
        state = folder.lstat()
    except OSError:
        return False
    return folder.is_dir() and state.st_uid == os.getuid() and state.st_mode & 0o77 == 0


def assign_ports(network: Network, wanted: int | None) -> Network:
    """Give each node free ports, from the wanted one on if they are free. Raises BadNetwork."""
    first = _search_ports(len(network.nodes), wanted)
    nodes = tuple(
        dataclasses.replace(node, ports=_list_ports(first, node.index)) for node in network.nodes
    )
    return dataclasses.replace(network, nodes=nodes)


def _list_ports(first: int, index: int) -> Ports:
    start = first + index * _PORTS_A_NODE
    return Ports(start, start + 1, start + 2, start + 3)


def _search_ports(count: int, wanted: int | None) -> int:
    """Return the first port of a range in which each node's ports are free. Raises BadNetwork."""
    last = _PORTS_SEARCHED.stop - count * _PORTS_A_NODE
    starts = range(_PORTS_SEARCHED.start, last, _PORTS_A_NODE)
    # Drawn at random, so that networks which start at the same time rarely meet.
    candidates = [secrets.choice(starts) for _ in range(200)]
    for first in candidates if wanted is None else [wanted, *candidates]:
        ports = (port for index in range(count) for port in _list_ports(first, index))
        if all(_is_free(port) for port in ports):
            return first
    raise BadNetwork("no free ports were found on 127.0.0.1")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True
