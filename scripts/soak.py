"""Load a local network, kill its processes at random, and look for losses and differences.

    python scripts/soak.py --seconds 600 --kill-every 20 --seed 1

Every `--kill-every` seconds one process of one validator (CometBFT, the executor, a signature
worker, the read process) gets SIGKILL. Meanwhile orders are submitted to all nodes. At the end:
every header of every node carries the same app hash, and every transaction that a node
acknowledged is in a block. Prints one JSON object; exits 1 when something is lost or different.
"""

import base64
import json
import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Final

import click
import psutil

from omg_abci.localnet.cometbft import ensure_cometbft
from omg_abci.localnet.errors import LocalnetError
from omg_abci.localnet.genesis import Account, make_accounts, make_document
from omg_abci.localnet.layout import Network, Node, write_network
from omg_abci.localnet.rpc import Rpc
from omg_abci.localnet.supervisor import LocalNetwork
from omg_abci.node.client import NodeClient, NodeError
from omg_abci.protocol.messages import CancelOrder, Message
from omg_abci.protocol.signing import compute_no_bridge_domain
from omg_abci.protocol.tx import sign_tx
from omg_abci.protocol.units import Scheme, Side
from wallet_sdk.build import build_body, place_order

_CHAIN_ID: Final = "omg-soak"
_DRAIN_SECONDS: Final = 90
_BATCH: Final = 20
_PAUSE_SECONDS: Final = 0.1


class Load:
    """One account that trades through one node at a time, and remembers what was acknowledged."""

    def __init__(self, network: Network, account: Account, seed: int) -> None:
        """Prepare a thread; `start` runs it."""
        self.acknowledged: list[bytes] = []
        self.refused: dict[int, int] = {}
        self.unanswered = 0
        self._network = network
        self._account = account
        self._random = random.Random(seed)  # noqa: S311 - a test's choice
        self._domain = compute_no_bridge_domain(_CHAIN_ID)
        self._nonce = 0
        self._client_id = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to trade."""
        self._thread.start()

    def stop(self) -> None:
        """End after the batch that is under way."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(_PAUSE_SECONDS):
            node = self._random.choice(self._network.nodes)
            raws = [self._make_tx() for _ in range(_BATCH)]
            try:
                with NodeClient(node.grpc, timeout_s=10.0) as client:
                    admissions = client.submit(raws)
            except NodeError:
                self.unanswered += len(raws)
                continue
            for raw, admission in zip(raws, admissions, strict=True):
                if admission.code == 0:
                    self.acknowledged.append(raw)
                else:
                    self.refused[admission.code] = self.refused.get(admission.code, 0) + 1

    def _make_tx(self) -> bytes:
        self._nonce = max(self._nonce + 1, time.time_ns() // 1_000_000)
        choice = self._random
        leg: Message
        if self._client_id and choice.random() < 0.4:  # noqa: PLR2004 - two in five cancel
            leg = CancelOrder(choice.randint(max(1, self._client_id - 50), self._client_id))
        else:
            self._client_id += 1
            side, price = choice.randint(1, 2), choice.randint(95, 105)
            leg = place_order(1, Side(side), 5, price, client_id=self._client_id)
        owner = self._account.owner.address
        body = build_body(_CHAIN_ID, owner, (leg,), nonce=self._nonce, max_unit_price=1 << 62)
        agent = self._account.agent
        return sign_tx(self._domain, body, agent.address, agent.secret, Scheme.RAW)


def kill_one(local: LocalNetwork, chance: random.Random) -> str:
    """Kill a random process of a random validator; return its description."""
    index = chance.randrange(len(local.network.nodes))
    which = chance.choice(["node", "app", "worker", "reader_process"])
    if which in ("node", "app"):
        local.kill(index, which)  # type: ignore[arg-type]  # a Which
        return f"{which} {index}"
    home = str(local.network.nodes[index].home)
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if "omg_abci.node" in command and "start" in command and home in command:
            for child in process.children(recursive=True):
                if f"omg_abci.node.{which}" in child.cmdline():
                    child.kill()
                    return f"{which} {index}"
    return f"{which} {index} (not running)"


def kill_for_a_while(
    local: LocalNetwork, loads: list[Load], *, seconds: float, kill_every: float, seed: int
) -> dict[str, int]:
    """Kill a process every so often; return how many of each kind."""
    chance = random.Random(seed)  # noqa: S311 - a test's choice
    killed: dict[str, int] = {}
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        time.sleep(kill_every)
        what = kill_one(local, chance)
        kind = what.split()[0]
        killed[kind] = killed.get(kind, 0) + 1
        count = sum(len(load.acknowledged) for load in loads)
        passed = time.monotonic() - started
        click.echo(f"{passed:6.0f} s  killed {what}, {count} acknowledged", err=True)
        local.check()
    return killed


def sum_refusals(loads: list[Load]) -> dict[int, int]:
    """Return how often each code was answered."""
    refused: dict[int, int] = {}
    for load in loads:
        for code, count in load.refused.items():
            refused[code] = refused.get(code, 0) + count
    return refused


def fetch_app_hashes(node: Node, height: int) -> list[str]:
    """Return the app hash of every header from 1 to the height."""
    hashes: dict[int, str] = {}
    with Rpc(node.ports.rpc, timeout_seconds=30.0) as rpc:
        low = 1
        while low <= height:
            high = min(low + 19, height)
            answer = rpc.call("blockchain", minHeight=low, maxHeight=high)
            for meta in answer["block_metas"]:
                hashes[int(meta["header"]["height"])] = meta["header"]["app_hash"]
            low = high + 1
    return [hashes[each] for each in range(1, height + 1)]


def fetch_included(node: Node, height: int) -> dict[bytes, int]:
    """Return how often each transaction stands in the blocks up to the height."""
    included: dict[bytes, int] = {}
    with Rpc(node.ports.rpc, timeout_seconds=30.0) as rpc:
        for each in range(1, height + 1):
            block: dict[str, Any] = rpc.call("block", height=each)["block"]
            for text in block["data"]["txs"] or ():
                raw = base64.b64decode(text)
                included[raw] = included.get(raw, 0) + 1
    return included


def wait_until_drained(network: Network) -> int:
    """Return a height that all nodes have reached with empty pools, or the last seen one."""
    deadline = time.monotonic() + _DRAIN_SECONDS
    heights: list[int] = []
    while time.monotonic() < deadline:
        time.sleep(1.0)
        try:
            statuses = []
            for node in network.nodes:
                with NodeClient(node.grpc, timeout_s=5.0) as client:
                    statuses.append(client.status())
        except NodeError:
            continue
        heights = [status.height for status in statuses]
        if not any(status.pool_count for status in statuses) and max(heights) - min(heights) <= 1:
            break
    return min(heights)


def run(
    directory: Path, *, validators: int, seconds: float, kill_every: float, seed: int
) -> dict[str, Any]:
    """Run the campaign; return its figures."""
    accounts = make_accounts(seed.to_bytes(8, "big"))
    network = write_network(
        directory,
        validators=validators,
        chain_id=_CHAIN_ID,
        genesis_document=make_document(accounts, time.time_ns() // 1_000_000),
        accounts=accounts,
    )
    started = time.monotonic()
    with LocalNetwork(network, ensure_cometbft()) as local:
        loads = [Load(local.network, each, seed + place) for place, each in enumerate(accounts)]
        for load in loads:
            load.start()
        killed = kill_for_a_while(local, loads, seconds=seconds, kill_every=kill_every, seed=seed)
        for load in loads:
            load.stop()
        height = wait_until_drained(local.network)
        restarts = local.restarts
        hashes = [fetch_app_hashes(node, height) for node in local.network.nodes]
        included = fetch_included(local.network.nodes[0], height)
    acknowledged = [raw for load in loads for raw in load.acknowledged]
    return {
        "seconds": round(time.monotonic() - started),
        "seed": seed,
        "validators": validators,
        "height": height,
        "killed": killed,
        "restarts": restarts,
        "acknowledged": len(acknowledged),
        "refused": sum_refusals(loads),
        "unanswered": sum(load.unanswered for load in loads),
        "included": len(included),
        "lost": sum(raw not in included for raw in acknowledged),
        "twice": sum(count > 1 for count in included.values()),
        "app_hash_differences": sum(len({*each}) > 1 for each in zip(*hashes, strict=True)),
    }


@click.command()
@click.option("--validators", default=4, show_default=True)
@click.option("--seconds", default=600.0, show_default=True, help="How long to load and kill.")
@click.option("--kill-every", default=20.0, show_default=True, help="Seconds between two kills.")
@click.option("--seed", default=1, show_default=True, help="Chooses orders and victims.")
def main(validators: int, seconds: float, kill_every: float, seed: int) -> None:
    """Load a local network, kill its processes, and look for losses and differences."""
    with tempfile.TemporaryDirectory(prefix="omg-soak-") as directory:
        try:
            figures = run(
                Path(directory) / "net",
                validators=validators,
                seconds=seconds,
                kill_every=kill_every,
                seed=seed,
            )
        except LocalnetError as reason:
            click.echo(f"error: {reason} (seed {seed})", err=True)
            sys.exit(2)
    click.echo(json.dumps(figures, indent=2))
    if figures["lost"] or figures["twice"] or figures["app_hash_differences"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
