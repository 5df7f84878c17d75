"""Four validators under load, one of them killed: one chain, told the same way by every node."""

import contextlib
import time
from contextlib import ExitStack
from itertools import islice

import pytest

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.localnet.blocks import find_differences
from omg_abci.localnet.layout import Node
from omg_abci.localnet.supervisor import LocalNetwork
from omg_abci.node.client import NodeClient, NodeError
from tests.integration.conftest import ACCOUNTS, MakeNetwork
from tests.integration.fresh_node import require_fresh_node_agrees
from tests.integration.traders import Load

pytestmark = [pytest.mark.network, pytest.mark.timeout(120)]

_KILLED = 2
_WAIT_S = 45.0


def wait_until_drained(local: LocalNetwork) -> int:
    """Return a height of all nodes, when no node has anything pending."""
    deadline = time.monotonic() + _WAIT_S
    while time.monotonic() < deadline:
        time.sleep(0.2)
        with contextlib.suppress(NodeError), ExitStack() as stack:
            clients = [
                stack.enter_context(NodeClient(node.grpc, timeout_s=5.0))
                for node in local.network.nodes
            ]
            statuses = [client.status() for client in clients]
            if not any(status.pool_count for status in statuses):
                return min(status.height for status in statuses)
    raise AssertionError("transactions are still pending")


def stream(node: Node, first: int, last: int) -> list[pb.Block]:
    """Return the blocks that a node's stream tells of."""
    with NodeClient(node.grpc) as client:
        blocks = client.stream_blocks(first)
        try:
            return list(islice(blocks, last + 1 - first))
        finally:
            blocks.close()


def test_one_chain(make_network: MakeNetwork) -> None:
    """All headers are equal on all nodes, streams too; acknowledged transactions are in once."""
    local = make_network(4)
    with local:
        loads = [Load(local.network, ACCOUNTS[place], place) for place in range(2)]
        with loads[0], loads[1]:
            local.wait_for_height(8)
            local.kill(_KILLED, "both")
            while local.restarts[_KILLED] == 0:
                time.sleep(0.02)
            local.wait_for_height(25)
        last = wait_until_drained(local)
        local.wait_for_height(last + 1)
        assert find_differences(local.network, 1, last + 1) == []
        blocks = require_fresh_node_agrees(local.network.nodes[_KILLED], last)
        raws = [raw for block in blocks for raw in block.raws]
        assert len(raws) == len(set(raws))
        assert {raw for load in loads for raw in load.acknowledged} <= set(raws)
        with NodeClient(local.network.nodes[_KILLED].grpc) as client:
            first = client.status().oldest_block
        told = [stream(node, first, last) for node in local.network.nodes]
        assert [block.height for block in told[0]] == list(range(first, last + 1))
        assert all(other == told[0] for other in told[1:])
        assert local.restarts == [0, 0, 1, 0]
