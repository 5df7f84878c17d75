"""Following blocks over RPC, with nodes that say what the test wants."""

import base64
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from omg_abci.localnet.blocks import BlockSummary, find_differences, follow_blocks
from omg_abci.localnet.cli_localnet import format_block
from omg_abci.localnet.errors import RpcRefused, RpcUnreachable
from omg_abci.localnet.layout import Network, Node
from omg_abci.localnet.rpc import Rpc
from omg_abci.localnet.settings import Ports


class FakeNode(ThreadingHTTPServer):
    """Answers as a node at a height; `app_hash(h)` is what its application says."""

    daemon_threads = True

    def __init__(self, height: int, mark: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.height = height
        self.mark = mark
        self.port = int(self.server_address[1])

    def app_hash(self, height: int) -> bytes:
        """Return one hash a height, another one for a marked node."""
        return bytes([self.mark, height]) * 16

    def answer(self, method: str, parameters: dict[str, int]) -> Any:  # noqa: ANN401
        """Return the result of a call."""
        height = parameters.get("height", 0)
        match method:
            case "abci_info":
                app_hash = base64.b64encode(self.app_hash(self.height)).decode()
                height_text = str(self.height)
                return {
                    "response": {
                        "last_block_height": height_text,
                        "last_block_app_hash": app_hash,
                    }
                }
            case "header":
                return {"header": self.header(height)}
            case "commit":
                flags = [{"block_id_flag": flag} for flag in (2, 2, 3, 1)]
                return {
                    "signed_header": {
                        "header": self.header(height),
                        "commit": {"signatures": flags},
                    }
                }
            case "blockchain":
                heights = range(parameters["minHeight"], parameters["maxHeight"] + 1)
                return {
                    "block_metas": [
                        {"num_txs": "7", "block_id": {"hash": ""}, "header": self.header(height)}
                        for height in reversed(heights)
                        if height <= self.height
                    ]
                }
            case _:
                return None

    def header(self, height: int) -> dict[str, str]:
        """Return the header of a block; it holds the hash after the block before."""
        return {
            "height": str(height),
            "app_hash": self.app_hash(height - 1).hex().upper(),
            "time": f"2026-01-02T03:04:{height:02}.25Z",
        }


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer a call by its URL, as CometBFT does."""
        assert isinstance(self.server, FakeNode)
        url = urlsplit(self.path)
        parameters = {name: int(value) for name, value in parse_qsl(url.query)}
        result = self.server.answer(url.path[1:], parameters)
        answer = {"result": result} if result else {"error": {"message": "no", "data": "such"}}
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        """Keep quiet."""


@pytest.fixture
def nodes() -> Iterator[list[FakeNode]]:
    """Serve two nodes that are at height 9 and one that is at 8."""
    servers = [FakeNode(9), FakeNode(9), FakeNode(8)]
    for server in servers:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield servers
    for server in servers:
        server.shutdown()
        server.server_close()


def _network(ports: list[int]) -> Network:
    nodes = tuple(
        Node(index, Path("home"), "", b"", Ports(0, port, 0, 0), Path("socket"))
        for index, port in enumerate(ports)
    )
    return Network(Path("net"), "test-1", nodes)


def test_block_is_summarised(nodes: list[FakeNode]) -> None:
    """Times, transactions, signers and the agreement of nodes ahead of and at the block."""
    network = _network([node.port for node in nodes])
    first, second = islice(follow_blocks(network, first=7), 2)
    assert first.interval_ms is None
    assert second == BlockSummary(
        8, first.time_ms + 1000, 1000, 7, 2, 4, nodes[0].app_hash(8), agreeing=3, differing=0
    )
    assert second.time_ms % 1000 == 250
    assert "equal on 3" in format_block(second)


def test_differing_node_is_seen(nodes: list[FakeNode]) -> None:
    """An application that says another hash is counted, at the block and after it."""
    nodes[1].mark = nodes[2].mark = 1
    network = _network([node.port for node in nodes])
    for block in islice(follow_blocks(network, first=7), 2):
        assert (block.agreeing, block.differing) == (1, 2)
        assert "DIFFERENT on 2" in format_block(block)
    assert find_differences(network, 2, 8) == list(range(2, 9))


def test_node_that_is_down_is_left_out(nodes: list[FakeNode]) -> None:
    """A node that does not answer is neither equal nor different."""
    network = _network([node.port for node in nodes] + [1])
    block = next(follow_blocks(network, first=8))
    assert (block.agreeing, block.differing) == (3, 0)


def test_headers_are_compared_over_pages(nodes: list[FakeNode]) -> None:
    """Equal nodes differ nowhere; a block that a node lacks is an error, not a difference."""
    network = _network([node.port for node in nodes])
    for node in nodes:
        node.height = 50
    assert find_differences(network, 1, 50) == []
    nodes[2].height = 49
    with pytest.raises(RpcRefused, match="block 50 is missing"):
        find_differences(network, 1, 50)


def test_refusal_and_silence_have_codes(nodes: list[FakeNode]) -> None:
    """An error answer is rpc_refused; no answer is rpc_unreachable."""
    with pytest.raises(RpcRefused, match="no: such") as refused, Rpc(nodes[0].port) as node:
        node.call("surprise")
    assert refused.value.code == "rpc_refused"
    with pytest.raises(RpcUnreachable) as silent:
        Rpc(1).call("status")
    assert silent.value.code == "rpc_unreachable"
