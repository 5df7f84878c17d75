"""One validator under load that is killed, crashes by itself, is stopped, or loses its state.

Afterwards: every header carries what a fresh node computes, and every acknowledged transaction is
in a block, once.
"""

import contextlib
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable

import psutil
import pytest

from omg_abci.localnet.errors import StartFailed
from omg_abci.localnet.rpc import Rpc
from omg_abci.localnet.supervisor import LocalNetwork
from omg_abci.node.client import NodeClient, NodeError
from tests.integration.conftest import ACCOUNTS, MakeNetwork
from tests.integration.fresh_node import SeenBlock, fetch_blocks, require_fresh_node_agrees
from tests.integration.traders import Load

pytestmark = [pytest.mark.network, pytest.mark.timeout(120)]

_CRASH_POINTS = 10
"""Where CometBFT's own code may end itself while it finishes one height."""
_WAIT_S = 30.0


def wait_until(is_met: Callable[[], object]) -> None:
    """Return when it is so; fail when it takes too long."""
    deadline = time.monotonic() + _WAIT_S
    while not is_met():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def get_height(local: LocalNetwork) -> int:
    """Return the height of the first node's application."""
    with Rpc(local.network.nodes[0].ports.rpc, timeout_seconds=_WAIT_S) as rpc:
        return rpc.fetch_app_state().height


def list_orders(local: LocalNetwork) -> list[int]:
    """Return the client ids of the first account's orders, as soon as the node API answers."""
    found: list[int] = []

    def are_told() -> bool:
        with contextlib.suppress(NodeError), NodeClient(local.network.nodes[0].grpc) as client:
            orders = client.orders(ACCOUNTS[0].owner.address).orders
            found[:] = [each.client_id for each in orders]
        return bool(found)

    wait_until(are_told)
    return found


def require_included(local: LocalNetwork, acknowledged: list[bytes]) -> list[SeenBlock]:
    """Wait until each acknowledged transaction is in a block, exactly once; return the blocks."""
    node = local.network.nodes[0]
    blocks: list[SeenBlock] = []
    included: Counter[bytes] = Counter()

    def are_included() -> bool:
        new = fetch_blocks(node, get_height(local), len(blocks) + 1)
        blocks.extend(new)
        included.update(raw for block in new for raw in block.raws)
        return all(raw in included for raw in acknowledged)

    wait_until(are_included)
    assert set(included.values()) == {1}
    return blocks


def crash(local: LocalNetwork) -> None:
    """Start a network whose CometBFT ends by itself, in the first block or the next; stop it."""
    try:
        local.start()
        wait_until(lambda: local.restarts[0])
    except StartFailed as failure:
        assert "its node ended" in str(failure)  # noqa: PT017 - either way it must have ended
    finally:
        local.stop()


def test_killed_under_load(make_network: MakeNetwork) -> None:
    """SIGKILL of the application, of CometBFT, of both: the pair resumes and nothing is lost."""
    local = make_network(1)
    with local, Load(local.network, ACCOUNTS[0], 1) as load, Load(local.network, ACCOUNTS[1], 2):
        for place, which in enumerate(("app", "node", "both")):
            count = len(load.acknowledged)
            wait_until(lambda count=count: len(load.acknowledged) >= count + 20)  # type: ignore[misc]
            before = get_height(local)
            local.kill(0, which)  # type: ignore[arg-type]  # one of the three
            wait_until(lambda place=place: local.restarts == [place + 1])  # type: ignore[misc]
            local.wait_for_height(before + 3)
        acknowledged = list(load.acknowledged)
        require_included(local, acknowledged)
        require_fresh_node_agrees(local.network.nodes[0], get_height(local))
    assert load.refused == []


def kill_child(local: LocalNetwork, module: str) -> None:
    """Send SIGKILL to a process that the application started."""
    (app,) = local._pairs[0].find_processes("app")
    (child,) = [
        each
        for each in psutil.Process(app.pid).children(recursive=True)
        if module in each.cmdline()
    ]
    child.kill()


def test_killed_children_end_the_pair(make_network: MakeNetwork) -> None:
    """Without its worker or its read process the application ends, says so, and resumes."""
    local = make_network(1)
    log = local.network.nodes[0].home / "logs" / "app.log"
    with local, Load(local.network, ACCOUNTS[0], 5) as load:
        for place, name in enumerate(("worker", "reader_process")):
            before = get_height(local)
            local.wait_for_height(before + 3)
            kill_child(local, f"omg_abci.node.{name}")
            wait_until(lambda place=place: local.restarts == [place + 1])  # type: ignore[misc]
            local.wait_for_height(before + 8)
        acknowledged = list(load.acknowledged)
        require_included(local, acknowledged)
        require_fresh_node_agrees(local.network.nodes[0], get_height(local))
    said = log.read_text()
    # With a block under way it is the consensus call that fails, in other words.
    assert re.search(r"signature worker \d+ ended", said)
    assert "the read process ended" in said


def test_crash_points_of_cometbft(make_network: MakeNetwork) -> None:
    """CometBFT ends at each of its crash points with a loaded block under way; no block differs."""
    local = make_network(1)
    with Load(local.network, ACCOUNTS[0], 3) as load:
        for index in range(_CRASH_POINTS):
            local.environment[0]["FAIL_TEST_INDEX"] = str(index)
            crash(local)
        local.environment[0].clear()
        with local:
            load.network = local.network
            acknowledged = list(load.acknowledged)
            blocks = require_included(local, acknowledged)
            require_fresh_node_agrees(local.network.nodes[0], get_height(local))
    assert sum(bool(block.raws) for block in blocks) >= 3


def test_resumes_and_replays(make_network: MakeNetwork) -> None:
    """A stopped node goes on at its height; one without its state replays the same from genesis."""
    local = make_network(1)
    with local:
        with Load(local.network, ACCOUNTS[0], 4) as load:
            wait_until(lambda: len(load.acknowledged) >= 50)
        # Nothing is under way any more: what comes after these blocks changes no order.
        blocks = require_included(local, load.acknowledged)
    with local:
        assert get_height(local) > blocks[-1].height
        assert local.restarts == [0]
        assert fetch_blocks(local.network.nodes[0], blocks[-1].height) == blocks
        orders = list_orders(local)
    shutil.rmtree(local.network.nodes[0].home / "app")
    with local:
        local.wait_for_height(get_height(local) + 5)
        assert list_orders(local) == orders
        again = require_fresh_node_agrees(local.network.nodes[0], get_height(local))
        assert again[: len(blocks)] == blocks
