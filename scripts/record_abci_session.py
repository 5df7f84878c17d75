"""Record sessions of a real CometBFT v0.40.0 with the key-value chain of the tests.

    python -m scripts.record_abci_session --cometbft PATH

Two validators and a third node that joins by state sync run on this machine's loopback addresses
until they have made every call of ABCI 2.0. One file a node is written to `tests/abci/sessions/`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from omg_abci.abci import Server
from omg_abci.abci.calls import decode_request
from tests.abci.kvstore import KeyValueStore
from tests.abci.session import SESSIONS, Frame, write_session

P2P_PORT = 36756
RPC_PORT = 36757
SYNC_HEIGHT = 9
LAST_HEIGHT = 16
MALFORMED_TX = "no equals sign"


@dataclass
class Node:
    """One node: its home, its application, what passed between them."""

    name: str
    home: Path
    host: str
    frames: list[Frame] = field(default_factory=list)
    application: KeyValueStore = field(default_factory=KeyValueStore)

    @property
    def rpc(self) -> str:
        """Return the node's RPC address."""
        return f"{self.host}:{RPC_PORT}"

    def record(self, connection: str, direction: str, payload: bytes) -> None:
        """Keep a frame."""
        self.frames.append(Frame(connection, direction, payload))


def configure(node: Node, trust: dict[str, str]) -> None:
    """Set what the recording needs; a trusted header turns state sync on."""
    path = node.home / "config" / "config.toml"
    text = path.read_text(encoding="utf-8")
    values = {
        "proxy_app": f'"unix://{node.home}/abci.sock"',
        "timeout_commit": '"200ms"',
        "reap_interval": '"50ms"',
        "type": '"app"',
        "pex": "false",
    }
    for key, value in values.items():
        text = re.sub(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
    text = text.replace("tcp://127.0.0.1:26657", f"tcp://{node.rpc}")
    text = re.sub(r'"tcp://0\.0\.0\.0:\d+"', f'"tcp://{node.host}:{P2P_PORT}"', text)
    if trust:
        head, mark, tail = text.partition("[statesync]")
        tail = tail.replace("enable = false", "enable = true", 1)
        for key, value in trust.items():
            tail = re.sub(rf"^{key} = .*$", f"{key} = {value}", tail, count=1, flags=re.MULTILINE)
        text = head + mark + tail
    path.write_text(text, encoding="utf-8")


async def call_rpc(node: Node, method: str, **parameters: str) -> dict[str, object]:
    """Return the whole JSON-RPC answer, whether it is a result or an error."""
    url = f"http://{node.rpc}/{method}?{urllib.parse.urlencode(parameters)}"

    def fetch() -> dict[str, object]:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                body = answer.read()
        except urllib.error.HTTPError as error:
            body = error.read()
        decoded: dict[str, object] = json.loads(body)
        return decoded

    return await asyncio.to_thread(fetch)


async def wait_for_height(node: Node, height: int) -> None:
    """Wait until the node's application has committed a height."""
    async with asyncio.timeout(60):
        while node.application.height < height:  # noqa: ASYNC110 - the application sets no event
            await asyncio.sleep(0.05)


async def send_traffic(nodes: list[Node]) -> None:
    """Send good, malformed and repeated transactions, and a query, to both validators."""
    for number in range(12):
        node = nodes[number % 2]
        await call_rpc(node, "broadcast_tx_sync", tx=f'"key{number}=value{number}"')
    await call_rpc(nodes[0], "broadcast_tx_sync", tx=f'"{MALFORMED_TX}"')
    await call_rpc(nodes[0], "broadcast_tx_sync", tx='"key0=value0"')
    await wait_for_height(nodes[0], nodes[0].application.height + 3)
    await call_rpc(nodes[0], "abci_query", data='"key0"')
    await call_rpc(nodes[1], "abci_query", data='"absent"')


async def start(cometbft: str, node: Node) -> asyncio.subprocess.Process:
    """Start CometBFT on the node's home, its log beside it."""
    with (node.home / "node.log").open("wb") as log:
        return await asyncio.create_subprocess_exec(
            cometbft, "start", "--home", str(node.home), stdout=log, stderr=log
        )


async def get_trust(node: Node) -> dict[str, str]:
    """Return the state sync settings that trust the node's block 2."""
    answer = await call_rpc(node, "commit", height="2")
    block_hash = re.search(r'"block_id": *\{"hash": *"([0-9A-F]{64})"', json.dumps(answer))
    if block_hash is None:
        raise RuntimeError(f"no block hash in {answer}")
    return {
        "rpc_servers": f'"{node.rpc},{node.rpc}"',
        "trust_height": "2",
        "trust_hash": f'"{block_hash[1]}"',
        "discovery_time": '"5s"',
    }


async def record(cometbft: str, directory: Path) -> list[Node]:
    """Run the network and return its nodes with their frames."""
    nodes = [
        Node("validator0", directory / "node0", "127.0.0.1"),
        Node("validator1", directory / "node1", "127.0.0.2"),
        Node("joining", directory / "node2", "127.0.0.3"),
    ]
    arguments = ["testnet", "--v", "2", "--n", "1", "--o", str(directory)]
    arguments += ["--starting-ip-address", "127.0.0.1", "--p2p-port", str(P2P_PORT)]
    testnet = await asyncio.create_subprocess_exec(cometbft, *arguments)
    if await testnet.wait() != 0:
        raise RuntimeError("cometbft testnet failed")
    processes, servers = [], []
    try:
        for node in nodes:
            is_joining = node.name == "joining"
            if is_joining:
                await wait_for_height(nodes[0], 2)
                await send_traffic(nodes)
                await wait_for_height(nodes[0], SYNC_HEIGHT)
            configure(node, await get_trust(nodes[0]) if is_joining else {})
            server = Server(node.application, f"unix://{node.home}/abci.sock", tap=node.record)
            await server.start()
            servers.append(server)
            processes.append(await start(cometbft, node))
        await wait_for_height(nodes[2], LAST_HEIGHT)
    finally:
        for process in processes:
            process.terminate()
            await process.wait()
        for server in servers:
            await server.stop()
    return nodes


def main() -> int:
    """Record, write one file a node, and name the calls that were never made."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cometbft", default="cometbft", help="the binary, v0.40.0")
    cometbft = parser.parse_args().cometbft
    with tempfile.TemporaryDirectory(prefix="abci-") as scratch:
        nodes = asyncio.run(record(cometbft, Path(scratch)))
    for node in nodes:
        write_session(SESSIONS / f"{node.name}.gz", node.frames)
        calls = sorted(
            {
                decode_request(frame.payload)[0].name
                for frame in node.frames
                if frame.direction == "in"
            }
        )
        sys.stdout.write(f"{node.name}: {len(node.frames)} frames: {' '.join(calls)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
