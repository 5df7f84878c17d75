"""The commands `localnet`, `localnet join` and `cometbft`.

With --json, standard output is one JSON object and nothing else; lines for people go to standard
error.
"""

import contextlib
import dataclasses
import json
import math
import signal
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Final

import click

from omg_abci.localnet.blocks import BlockSummary, follow_blocks
from omg_abci.localnet.cometbft import ensure_cometbft
from omg_abci.localnet.errors import BadNetwork
from omg_abci.localnet.genesis import make_accounts, make_document
from omg_abci.localnet.joining import (
    describe_join,
    follow_join,
    open_joiner,
    wait_for_first_block,
)
from omg_abci.localnet.layout import (
    ACCOUNTS,
    MARKER,
    USUAL_PORT,
    Network,
    load_network,
    remove_network,
    write_network,
)
from omg_abci.localnet.settings import NodeSettings
from omg_abci.localnet.staking import StakingTerms
from omg_abci.localnet.supervisor import LocalNetwork

_CHAIN_ID: Final = "omg-localnet-1"
_VALIDATORS: Final = 4
_SNAPSHOT_INTERVAL: Final = 200
"""Blocks, 40 s: a node that joins need not wait long, and three snapshots last while it does."""


@click.command("cometbft")
def cometbft_command() -> None:
    """Print the path of CometBFT; build it into the cache if there is none."""
    click.echo(ensure_cometbft(report=_say_aside))


@click.group("localnet", invoke_without_command=True)
@click.option(
    "--validators",
    type=click.IntRange(1, 32),
    help="How many; 4, or as many as the network that is resumed has.",
)
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("~/.omg/localnet"),
    show_default=True,
    help="Directory of the network; resumed where it was if there is one.",
)
@click.option("--fresh", is_flag=True, help="Delete the directory's network first.")
@click.option("--seconds", type=click.FloatRange(min=0), help="Stop after that time.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
@click.pass_context
def localnet_command(
    ctx: click.Context,
    *,
    validators: int | None,
    home: Path,
    fresh: bool,
    seconds: float | None,
    as_json: bool,
) -> None:
    """Run a network of validators on this machine until Ctrl-C."""
    if ctx.invoked_subcommand is not None:
        return
    say = _say_aside if as_json else _say
    with _stop_requests() as ignore_requests:
        binary = ensure_cometbft(report=_say_aside)
        network = _open_network(home.expanduser(), validators, fresh=fresh)
        say(f"starting {len(network.nodes)} validators of {network.chain_id} …")
        local = LocalNetwork(network, binary, on_event=say)
        started = time.monotonic()
        with local:
            say(_describe(local.network, time.monotonic() - started))
            summaries = _watch(local, seconds, say)
            ignore_requests()
            say("stopping …")
        if as_json:
            click.echo(json.dumps(_report(local, summaries)))


@localnet_command.command("join")
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("~/.omg/localnet"),
    show_default=True,
    help="Directory of the network, which runs.",
)
@click.option("--name", default="node4", show_default=True, help="Of the node; resumed if known.")
@click.option("--seconds", type=click.FloatRange(min=0), help="Stop after that time.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
def join_command(*, home: Path, name: str, seconds: float | None, as_json: bool) -> None:
    """Add a full node to a running local network, by state sync, until Ctrl-C.

    It takes the newest snapshot that the validators offer, checks all of it against a block header
    that they signed, and follows the chain from there. It signs no blocks.
    """
    say = _say_aside if as_json else _say
    with _stop_requests() as ignore_requests:
        binary = ensure_cometbft(report=_say_aside)
        network = load_network(home.expanduser())
        joiner, is_new = open_joiner(network, name)
        say(describe_join(joiner) if is_new else f"{name} has joined before, and goes on")
        started = time.monotonic()
        with follow_join(joiner, say), LocalNetwork(joiner, binary, on_event=say) as local:
            first = wait_for_first_block(local.network)
            say(f"{name} follows after {time.monotonic() - started:.1f} s, from block {first + 1}")
            say(f"  rpc {local.network.nodes[0].rpc}  node api {local.network.nodes[0].grpc}")
            # Of all nodes, so that each line says whether this one agrees with the validators.
            whole = dataclasses.replace(network, nodes=(*network.nodes, *local.network.nodes))
            summaries = _watch(local, seconds, say, whole)
            ignore_requests()
            say("stopping …")
        if as_json:
            report = {"snapshot_height": first, **_report(local, summaries)}
            click.echo(json.dumps(report))


def _open_network(home: Path, validators: int | None, *, fresh: bool) -> Network:
    """Return the directory's network, or make one there. Raises LocalnetError."""
    if fresh and home.is_dir() and any(home.iterdir()):
        remove_network(home)
    if (home / MARKER).exists():
        network = load_network(home)
        if validators not in (None, len(network.nodes)):
            raise BadNetwork(
                f"{home} has {len(network.nodes)} validators, not {validators}: "
                "--fresh deletes it and starts anew"
            )
        return network
    now = datetime.now(UTC)
    accounts = make_accounts(None)
    return write_network(
        home,
        validators=validators or _VALIDATORS,
        chain_id=_CHAIN_ID,
        genesis_document=make_document(accounts, int(now.timestamp() * 1000)),
        accounts=accounts,
        genesis_time=now,
        first_port=USUAL_PORT,
        settings=NodeSettings(snapshot_interval=_SNAPSHOT_INTERVAL),
        staking=StakingTerms(),
    )


def _describe(network: Network, start_seconds: float) -> str:
    accounts = json.loads(network.accounts_file.read_bytes())["accounts"]
    lines = [f"{network.chain_id} runs, after {start_seconds:.1f} s. On this machine only:"]
    lines += [
        f"  node{node.index}  rpc {node.rpc}  node api {node.grpc}  {node.home}"
        for node in network.nodes
    ]
    if accounts:
        lines.append(f"Funded accounts (secrets, and their agents' keys: {network.accounts_file}):")
        lines += [f"  {account['address']}  {account['name']}" for account in accounts]
    return "\n".join(lines)


def _watch(
    local: LocalNetwork,
    seconds: float | None,
    say: Callable[[str], None],
    network: Network | None = None,
) -> list[BlockSummary]:
    """Tell each block of the network until a signal or the end of the time.

    Raises:
        NetworkFailed: a process of `local` does not stay up.
    """
    stopped = threading.Event()
    summaries: list[BlockSummary] = []
    threading.Thread(target=_set_when_over, args=(stopped, local, seconds), daemon=True).start()
    try:
        for block in follow_blocks(network or local.network, stopped=stopped):
            summaries.append(block)
            say(format_block(block))
    except KeyboardInterrupt:
        stopped.set()
    local.check()
    return summaries


def _set_when_over(stopped: threading.Event, local: LocalNetwork, seconds: float | None) -> None:
    """Set the event when the time is over or a validator was given up."""
    end = math.inf if seconds is None else time.monotonic() + seconds
    while not stopped.wait(0.1):
        if time.monotonic() >= end or local.has_failed:
            stopped.set()


def format_block(block: BlockSummary) -> str:
    """Return a block's line."""
    since = "" if block.interval_ms is None else f"+{block.interval_ms} ms"
    verdict = f"DIFFERENT on {block.differing}" if block.differing else "equal"
    return (
        f"block {block.height:>7}  {since:>9}  {block.txs:>5} txs  "
        f"app hash {block.app_hash.hex()[:12]} {verdict} on {block.agreeing}  "
        f"signed by {block.signers}/{block.validators}"
    )


def _report(local: LocalNetwork, summaries: list[BlockSummary]) -> dict[str, object]:
    intervals = [block.interval_ms for block in summaries if block.interval_ms is not None]
    network = local.network
    return {
        "chain_id": network.chain_id,
        "home": str(network.directory),
        "accounts": None if network.source else str(network.directory / ACCOUNTS),
        "nodes": [{"rpc": node.rpc, "grpc": node.grpc} for node in network.nodes],
        "height": summaries[-1].height if summaries else 0,
        "blocks": len(summaries),
        "txs": sum(block.txs for block in summaries),
        "interval_ms_median": statistics.median(intervals) if intervals else None,
        "app_hashes_equal": all(block.differing == 0 for block in summaries),
        "restarts": local.restarts,
    }


@contextlib.contextmanager
def _stop_requests() -> Iterator[Callable[[], None]]:
    """Turn the first SIGINT or SIGTERM into KeyboardInterrupt, and ignore later ones.

    The network is then already being stopped, in bounded time. Yields a function that makes the
    first one ignored too.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)

    def ignore() -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)

    def request(number: int, frame: FrameType | None) -> None:
        del number, frame
        ignore()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, request) for number in numbers}
    try:
        yield ignore
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(line: str) -> None:
    click.echo(line)


def _say_aside(line: str) -> None:
    click.echo(line, err=True)
