"""The files that a node of a local network is configured by: CometBFT's and the application's.

Only what differs from CometBFT's defaults is written. Guarantees: every address is on loopback
or a unix socket.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_HEADING = "# Written anew at each start from localnet.json, which is the file to change.\n"
_TEMPLATE = """
proxy_app = {socket}
abci = "socket"
moniker = {moniker}
log_level = "main:info,p2p:none,consensus:error,state:error,*:error"
# The application learns of new peers from the filter queries.
filter_peers = true

[rpc]
laddr = "tcp://127.0.0.1:{rpc}"
experimental_close_on_slow_client = true

[p2p]
laddr = "tcp://127.0.0.1:{p2p}"
persistent_peers = {peers}
persistent_peers_max_dial_period = "1s"
addr_book_strict = false
allow_duplicate_ip = true
max_num_inbound_peers = 120
max_num_outbound_peers = 120
pex = false
send_rate = 51200000
recv_rate = 51200000

[mempool]
type = "app"
reap_interval = "50ms"
max_tx_bytes = {gossip_bytes}
max_batch_bytes = {gossip_bytes}

[consensus]
timeout_propose = "1s"
timeout_propose_delta = "500ms"
timeout_prevote = "500ms"
timeout_prevote_delta = "500ms"
timeout_precommit = "500ms"
timeout_precommit_delta = "500ms"
timeout_commit = "{commit_ms}ms"
peer_gossip_sleep_duration = "10ms"

[tx_index]
indexer = "null"

[instrumentation]
prometheus = {prometheus}
prometheus_listen_addr = "127.0.0.1:{metrics}"
"""

_STATE_SYNC = """
[statesync]
enable = true
rpc_servers = {servers}
trust_height = {height}
trust_hash = {hash}
trust_period = "168h0m0s"
discovery_time = "5s"
chunk_request_timeout = "10s"
"""

_APP_TEMPLATE = """\
abci = {socket}
grpc = "127.0.0.1:{grpc}"
workers = {workers}

[mempool]
# Pass on what peers sent; false where every node is every other's peer.
relay = {relay}

[snapshots]
# Blocks between two snapshots for those who join; 0 for none.
interval = {interval}
"""

GOSSIP_BYTES = 1024 * 1024
"""What the application may hand out as one bundle to be gossiped."""


class Ports(NamedTuple):
    """A node's TCP ports, all on 127.0.0.1."""

    p2p: int
    rpc: int
    grpc: int
    metrics: int


class StateSource(NamedTuple):
    """From whom a node takes the state with which it begins, and how it judges them."""

    peers: tuple[str, ...]
    """ID@HOST:PORT of each, beside those of its own network."""
    rpc_servers: tuple[str, ...]
    """At least two, whom CometBFT's light client asks for headers."""
    trust_height: int
    trust_hash: str
    """Of the block at that height, in hex: everything else is verified from there."""


class NodeSettings(NamedTuple):
    """What is set for every node of a network."""

    timeout_commit_ms: int = 150
    """Wait after a block; the rest of a block takes four nodes on two cores 60 ms more."""
    workers: int = 1
    """Signature worker processes of each application."""
    prometheus: bool = False
    relay: bool = False
    """Pass on what peers sent: needed where not every node is every other's peer."""
    snapshot_interval: int = 4_000
    """Blocks between two snapshots, from which other nodes can join; 0 takes none."""


def write_settings(
    home: Path,
    socket: Path,
    ports: Ports,
    peers: Iterable[str],
    settings: NodeSettings,
    *,
    moniker: str | None = None,
    heading: str = _HEADING,
    source: StateSource | None = None,
) -> None:
    """Write config/config.toml and app/app.toml of a node.

    Args:
        home: of the node.
        socket: where CometBFT finds the application.
        ports: all on loopback.
        peers: ID@HOST:PORT of each.
        settings: shared by the network's nodes.
        moniker: the node's name among its peers; the home's name by default.
        heading: the files' first line.
        source: makes a node without blocks begin by state sync.
    """
    config = _format_cometbft(socket, ports, peers, settings, moniker or home.name, source)
    (home / "config" / "config.toml").write_text(heading + config, encoding="utf-8")
    # Whoever deletes the application's state deletes the whole folder.
    (home / "app").mkdir(exist_ok=True)
    app = _format_app(socket, ports, settings)
    (home / "app" / "app.toml").write_text(f"{heading}\n{app}", encoding="utf-8")


def _format_cometbft(
    socket: Path,
    ports: Ports,
    peers: Iterable[str],
    settings: NodeSettings,
    moniker: str,
    source: StateSource | None,
) -> str:
    config = _TEMPLATE.format(
        socket=json.dumps(f"unix://{socket}"),
        moniker=json.dumps(moniker),
        rpc=ports.rpc,
        p2p=ports.p2p,
        metrics=ports.metrics,
        peers=json.dumps(",".join([*peers, *(source.peers if source else ())])),
        gossip_bytes=GOSSIP_BYTES,
        commit_ms=settings.timeout_commit_ms,
        prometheus=json.dumps(settings.prometheus),
    )
    if source is None:
        return config
    return config + _STATE_SYNC.format(
        servers=json.dumps(",".join(source.rpc_servers)),
        height=source.trust_height,
        hash=json.dumps(source.trust_hash),
    )


def _format_app(socket: Path, ports: Ports, settings: NodeSettings) -> str:
    return _APP_TEMPLATE.format(
        socket=json.dumps(f"unix://{socket}"),
        grpc=ports.grpc,
        workers=settings.workers,
        relay=json.dumps(settings.relay),
        interval=settings.snapshot_interval,
    )
