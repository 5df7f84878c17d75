"""Real networks: start, crash, catch up, stop, resume.

Most run the smallest application, which starts fastest; one runs the chain's own.
"""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import pytest
from click.testing import CliRunner

from omg_abci.localnet import cli_localnet
from omg_abci.localnet.blocks import BlockSummary, find_differences
from omg_abci.localnet.cli_localnet import format_block
from omg_abci.localnet.errors import NetworkFailed, NetworkRunning, StartFailed
from omg_abci.localnet.layout import load_network
from omg_abci.localnet.rpc import Rpc
from omg_abci.localnet.supervisor import LocalNetwork
from omg_abci.node import cli
from tests.integration.conftest import MakeNetwork, make_counter_command, write_test_network

pytestmark = pytest.mark.network


def _call(local: LocalNetwork, index: int, method: str, **parameters: int | str) -> dict[str, Any]:
    with Rpc(local.network.nodes[index].ports.rpc) as node:
        return node.call(method, **parameters)


def _height(local: LocalNetwork, index: int) -> int:
    with Rpc(local.network.nodes[index].ports.rpc) as node:
        return node.fetch_app_state().height


def _top(local: LocalNetwork) -> int:
    return max(_height(local, index) for index in range(len(local.network.nodes)))


def _wait(is_met: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not is_met():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _count_processes(directory: Path) -> int:
    """Count the processes that were started for a network."""
    found = 0
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += os.fsencode(directory) in path.read_bytes()
        except OSError:
            continue
    return found


def test_four_validators_agree_and_nothing_is_left(counter_network: MakeNetwork) -> None:
    """Four secp256k1eth validators sign blocks of equal hashes; a stop leaves no process."""
    local = counter_network(4)
    with local:
        tx = "0x" + b"a transaction".hex()
        sent = _call(local, 2, "broadcast_tx_sync", tx=tx)
        assert sent["code"] == 0
        blocks = list(islice(local.follow_blocks(), 12))
        assert [block.validators for block in blocks] == [4] * 12
        assert max(block.signers for block in blocks) == 4
        assert sum(block.differing for block in blocks) == 0
        assert blocks[-1].agreeing == 4
        assert find_differences(local.network, 1, blocks[-1].height) == []
        validators = _call(local, 0, "validators")["validators"]
        assert {bytes.fromhex(one["address"]) for one in validators} == {
            node.address for node in local.network.nodes
        }
        assert {one["pub_key"]["type"] for one in validators} == {"tendermint/PubKeySecp256k1eth"}
        assert _count_txs(local, blocks[-1].height) == 1
    assert _count_processes(local.network.directory) == 0


def _count_txs(local: LocalNetwork, last: int) -> int:
    txs = [
        base64.b64decode(tx)
        for height in range(1, last + 1)
        for tx in _call(local, 0, "block", height=height)["block"]["data"]["txs"]
    ]
    return txs.count(b"a transaction")


@pytest.mark.parametrize("which", ["app", "node", "both"])
def test_killed_pair_restarts_and_catches_up(
    counter_network: MakeNetwork, which: Literal["app", "node", "both"]
) -> None:
    """Whatever of a validator is killed, both start again and reach the others."""
    local = counter_network(4)
    with local:
        before = _top(local)
        local.kill(1, which)
        _wait(lambda: local.restarts[1] == 1)
        local.wait_for_height(before + 15)
        assert local.restarts == [0, 1, 0, 0]
        assert find_differences(local.network, 1, before + 15) == []


def test_chain_restarts_and_catches_up(make_network: MakeNetwork) -> None:
    """The chain's own application survives its end by SIGKILL, and leaves no process behind."""
    local = make_network(4)
    with local:
        before = _top(local)
        local.kill(2, "app")
        _wait(lambda: local.restarts[2] == 1)
        local.wait_for_height(before + 10)
        assert local.restarts == [0, 0, 1, 0]
        assert find_differences(local.network, 1, before + 10) == []
    assert _count_processes(local.network.directory) == 0


def test_all_killed_at_once_go_on(counter_network: MakeNetwork) -> None:
    """A network without any process left continues its chain."""
    local = counter_network(4)
    with local:
        before = _top(local)
        for index in range(4):
            local.kill(index, "both")
        _wait(lambda: local.restarts == [1, 1, 1, 1])
        local.wait_for_height(before + 5)


def test_paused_validator_catches_up(counter_network: MakeNetwork) -> None:
    """Three of four go on without the fourth, which follows when it is continued."""
    local = counter_network(4)
    with local:
        local.pause(3)
        goal = _height(local, 0) + 5
        _wait(lambda: _height(local, 0) >= goal)
        local.resume(3)
        local.wait_for_height(goal)
        assert local.restarts == [0, 0, 0, 0]


def test_network_resumes_where_it_was(counter_network: MakeNetwork, cometbft: Path) -> None:
    """A stopped network goes on at its height, with the same keys and hashes."""
    local = counter_network(1)
    with local:
        local.wait_for_height(5)
        last = _top(local)
    again = LocalNetwork(
        load_network(local.network.directory), cometbft, app_command=make_counter_command
    )
    with again:
        assert _top(again) > last
        assert _call(again, 0, "block", height=1)["block"]["header"]["height"] == "1"


def test_second_supervisor_is_refused(counter_network: MakeNetwork, cometbft: Path) -> None:
    """A network that runs is network_running for everybody else, and goes on."""
    local = counter_network(1)
    with local:
        second = LocalNetwork(local.network, cometbft, app_command=make_counter_command)
        with pytest.raises(NetworkRunning) as refusal:
            second.start()
        assert refusal.value.code == "network_running"
        local.wait_for_height(_top(local) + 2)


def test_early_end_is_told_with_the_log(counter_network: MakeNetwork) -> None:
    """An application that ends before the first block is start_failed, with its last words."""
    local = counter_network(1)
    local.environment[0]["BREAK_AT"] = "1"
    with pytest.raises(StartFailed, match="told to break") as failure:
        local.start()
    assert failure.value.code == "start_failed"
    assert "ended with status 3" in str(failure.value)
    assert _count_processes(local.network.directory) == 0


def test_pair_that_cannot_be_started_is_told(counter_network: MakeNetwork) -> None:
    """A log that cannot be written is network_failed, at once."""
    local = counter_network(1)
    (local.network.nodes[0].home / "logs").rmdir()
    with pytest.raises(NetworkFailed, match="cannot be started") as failure:
        local.start()
    assert failure.value.code == "network_failed"


def test_crash_point_of_cometbft_is_survived(counter_network: MakeNetwork) -> None:
    """The environment reaches CometBFT's own crash points; taken back, the pair goes on."""
    local = counter_network(1)
    with local:
        local.environment[0]["FAIL_TEST_INDEX"] = "4"
        local.kill(0, "node")
        _wait(lambda: local.restarts[0] >= 2)
        del local.environment[0]["FAIL_TEST_INDEX"]
        goal = 10
        local.wait_for_height(goal)
        assert find_differences(local.network, 1, goal) == []


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such signal")
def test_killed_supervisor_leaves_nothing(cometbft: Path, tmp_path: Path) -> None:
    """When the supervisor itself is killed, its processes die, and the network can be resumed."""
    network = write_test_network(tmp_path / "net", 2, 50)
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from omg_abci.localnet.layout import load_network\n"
        "from omg_abci.localnet.supervisor import LocalNetwork\n"
        "command = lambda node: [sys.executable, sys.argv[3], '--home', node.home]\n"
        "network = load_network(Path(sys.argv[1]))\n"
        "LocalNetwork(network, Path(sys.argv[2]), app_command=command).start()\n"
        "print('started', flush=True)\n"
        "time.sleep(60)\n"
    )
    counter = Path(__file__).with_name("counter_app.py")
    arguments = [str(path) for path in (network.directory, cometbft, counter)]
    command = [sys.executable, "-c", code, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == "started\n"
        assert _count_processes(network.directory) == 5
        supervisor.kill()
    _wait(lambda: _count_processes(network.directory) == 0)
    with LocalNetwork(load_network(network.directory), cometbft, app_command=make_counter_command):
        pass


def _run_command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str, str]:
    """Run `omgd localnet` with the smallest application; return status, stdout and stderr."""
    local = partial(LocalNetwork, app_command=make_counter_command)
    monkeypatch.setattr(cli_localnet, "LocalNetwork", local)
    result = CliRunner().invoke(cli.main, ["localnet", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_command_reports_resumes_and_starts_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cometbft: Path
) -> None:
    """With --json stdout is one object; a second run goes on, --fresh begins again."""
    arguments = ["--home", str(tmp_path / "net"), "--validators", "2", "--seconds", "2", "--json"]
    status, output, progress = _run_command(monkeypatch, *arguments)
    assert status == 0, progress
    first = json.loads(output)
    assert first["app_hashes_equal"] is True
    assert first["blocks"] > 2
    assert "Funded accounts" in progress
    assert _count_processes(tmp_path / "net") == 0
    second = json.loads(_run_command(monkeypatch, *arguments)[1])
    assert second["height"] > first["height"]
    assert second["accounts"] == first["accounts"]
    fresh = json.loads(_run_command(monkeypatch, *arguments, "--fresh")[1])
    assert fresh["height"] < second["height"]


def test_command_stops_cleanly_on_sigterm(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cometbft: Path
) -> None:
    """A signal ends the run with status 0, a line a block on stdout, and no process left."""

    def interrupt(block: BlockSummary) -> str:
        if block.height >= 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return format_block(block)

    monkeypatch.setattr(cli_localnet, "format_block", interrupt)
    status, output, _ = _run_command(
        monkeypatch, "--home", str(tmp_path / "net"), "--validators", "1"
    )
    assert status == 0, output
    lines = output.splitlines()
    assert lines[-1] == "stopping …"
    assert "signed by 1/1" in "".join(lines)
    assert _count_processes(tmp_path / "net") == 0


def test_command_refuses_what_it_must_not_delete(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cometbft: Path
) -> None:
    """--fresh on a directory of something else, and another number of validators, end with 1."""
    (tmp_path / "precious").write_text("")
    status, _, problem = _run_command(monkeypatch, "--home", str(tmp_path), "--fresh")
    assert status == 1
    assert "(code directory_taken)" in problem
    assert (tmp_path / "precious").exists()
    network = write_test_network(tmp_path / "net", 2, 50)
    arguments = ["--home", str(network.directory), "--validators", "3"]
    status, _, problem = _run_command(monkeypatch, *arguments)
    assert status == 1
    assert "(code network_bad)" in problem
