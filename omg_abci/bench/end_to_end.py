"""`e2e_single`, `e2e_batch`, `e2e_4_single`: signed transactions through real consensus.

Another process has signed everything before the clock starts and sends it over the node API.
Counted is what the blocks say that a node streams back, until everything acknowledged is in one;
the clock stops when the last of those blocks has been read.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import psutil

from omg_abci.bench.errors import MeasurementFailed
from omg_abci.bench.figures import Measurement
from omg_abci.bench.network import read_cpu_seconds, run_network
from omg_abci.bench.stages import split_run
from omg_abci.localnet.layout import Network
from omg_abci.node.client import AsyncNodeClient
from omg_abci.node.sampling import VARIABLE
from omg_abci.protocol.codec import decode_result

_PATIENCE_SECONDS: Final = 20.0
"""Without a further transaction in a block, what is still missing is given up as lost."""
_SENDING_SECONDS_MAX: Final = 180.0
_SENDER: Final = "sender"
_FOLLOWER: Final = "follower"


class SeenBlock(NamedTuple):
    """A block as it was streamed back."""

    seen: float
    """On the monotonic clock."""
    time_ms: int
    outcomes: tuple[tuple[int, bytes], ...]
    """Code and encoded result of each transaction."""


class Trial(NamedTuple):
    """What one network's run gave."""

    ready: dict[str, Any]
    """What the sender said when it had signed everything."""
    sent: dict[str, Any]
    """What the sender said when it had sent everything."""
    blocks: list[SeenBlock]
    span: tuple[float, float]
    """On the monotonic clock, from before the first bundle to after the last block."""
    cpu: dict[str, float]
    """Seconds of processor time in that span by role, all nodes together."""
    apart: dict[str, float]
    """The same of what is no node: the sender, and this process, which follows."""


def measure_e2e(validators: int, legs: int, count: int) -> Measurement:
    """Return orders (one leg each) or legs a second, of about `count` of them."""
    return judge_trial(validators, legs, run_trial(validators, legs, count))


def measure_stages(validators: int, legs: int, count: int) -> dict[str, object]:
    """Return how an order's (leg's) processor time splits into stages, from a run that samples."""
    with tempfile.TemporaryDirectory(prefix="omg-bench-samples-") as folder:
        trial = run_trial(validators, legs, count, {VARIABLE: folder})
        found = judge_trial(validators, legs, trial)
        done = found.more["legs"]
        if not isinstance(done, int):
            raise MeasurementFailed(f"legs are no number: {done}")
        units = done * validators
        split = split_run(Path(folder), trial.span, trial.cpu, units)
    apart = {who: used * 1e6 / done for who, used in trial.apart.items()}
    return split.describe() | {"apart_us_per_leg": apart, "rate_while_sampled": found.value}


def run_trial(
    validators: int, legs: int, count: int, environment: Mapping[str, str] | None = None
) -> Trial:
    """Sign, start a network, send, follow until everything is back."""
    settings = json.dumps({"legs": legs, "count": count})
    with subprocess.Popen(
        [sys.executable, "-m", "omg_abci.bench.sender", settings],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as sender:
        try:
            ready = json.loads(_get(sender.stdout).readline())
            with run_network(validators, environment) as network:
                return asyncio.run(_drive(network, sender, ready))
        finally:
            sender.kill()


async def _drive(network: Network, sender: subprocess.Popen[str], ready: dict[str, Any]) -> Trial:
    """Let the sender send, and read blocks back until they hold all that was acknowledged."""
    blocks: list[SeenBlock] = []
    async with _following(network.nodes[-1].grpc, blocks):
        before, begun = _read_used(sender.pid), time.monotonic()
        orders = _get(sender.stdin)
        orders.write(json.dumps([node.grpc for node in network.nodes]) + "\n")
        orders.flush()
        async with asyncio.timeout(_SENDING_SECONDS_MAX):
            line = await asyncio.to_thread(_get(sender.stdout).readline)
        if not line:
            raise MeasurementFailed("the sending process ended before it was done")
        sent: dict[str, Any] = json.loads(line)
        expected = len(sent["acknowledge_ms"])
        seen, moved = 0, time.monotonic()
        while seen < expected and time.monotonic() - moved < _PATIENCE_SECONDS:
            await asyncio.sleep(0.02)
            now = sum(len(block.outcomes) for block in blocks)
            if now != seen:
                seen, moved = now, time.monotonic()
        after, ended = _read_used(sender.pid), time.monotonic()
    used = {role: after[role] - before.get(role, 0.0) for role in after}
    apart = {role: used.pop(role) for role in (_SENDER, _FOLLOWER)}
    return Trial(ready, sent, blocks, (begun, ended), used, apart)


def _read_used(sender: int) -> dict[str, float]:
    """Return the processor time so far of each role, and of what stands beside the nodes."""
    times = psutil.Process(sender).cpu_times()
    return read_cpu_seconds() | {
        _SENDER: times.user + times.system,
        _FOLLOWER: time.process_time(),
    }


@asynccontextmanager
async def _following(target: str, blocks: list[SeenBlock]) -> AsyncIterator[None]:
    """Collect the blocks that a node streams."""
    async with AsyncNodeClient(target) as client:

        async def follow() -> None:
            async for block in client.stream_blocks(1):
                outcomes = tuple([(tx.code, tx.result) for tx in block.txs])
                blocks.append(SeenBlock(time.monotonic(), block.time_ms, outcomes))

        task = asyncio.create_task(follow())
        try:
            while not blocks:
                if task.done():
                    task.result()
                await asyncio.sleep(0.01)
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def judge_trial(validators: int, legs: int, trial: Trial) -> Measurement:
    """Turn what was seen into a measurement; raise MeasurementFailed when nothing was committed."""
    ready, sent, blocks = trial.ready, trial.sent, trial.blocks
    full = [block for block in blocks if block.outcomes]
    outcomes = [outcome for block in full for outcome in block.outcomes]
    if not outcomes:
        raise MeasurementFailed(f"nothing was committed; refusals by code: {sent['refusals']}")
    codes: Counter[int] = Counter()
    fills = 0
    for code, data in outcomes:
        for leg in decode_result(data, code).legs:
            codes[leg.code] += 1
            fills += len(leg.fills)
    done = sum(codes.values())
    seconds = full[-1].seen - sent["begun"]
    times = [block.time_ms for block in full]
    acknowledge_ms = sent["acknowledge_ms"]
    rate = done / seconds
    recover = ready["recover_per_second"] * legs
    more = {
        "transactions": len(outcomes),
        "legs": done,
        "seconds": seconds,
        "send_seconds": sent["seconds"],
        "lost": len(acknowledge_ms) - len(outcomes),
        "of_recover_rate": rate / recover,
        "fills_per_leg": fills / done,
        "legs_by_code": {str(code): number for code, number in sorted(codes.items())},
        "refusals": sent["refusals"],
        "put_off": sent["put_off"],
        "errors": sent["errors"],
        "blocks": len(full),
        "transactions_per_block": len(outcomes) / len(full),
        "block_interval_ms": statistics.median(
            [after - before for before, after in pairwise(times)] or [0]
        ),
        "bytes_per_transaction": ready["bytes_per_transaction"],
        "acknowledge_ms_p50": pick(acknowledge_ms, 50),
        "acknowledge_ms_p99": pick(acknowledge_ms, 99),
        "cpu_us_per_leg_per_node": {
            role: used * 1e6 / done / validators for role, used in sorted(trial.cpu.items())
        },
        "apart_us_per_leg": {who: used * 1e6 / done for who, used in sorted(trial.apart.items())},
    }
    cpu_us = sum(trial.cpu.values()) * 1e6 / done / validators
    return Measurement(rate, recover, more, cpu_us)


def pick(ascending: Sequence[float], percent: int) -> float:
    """Return a percentile of ascending values; 0 of none."""
    if not ascending:
        return 0.0
    return ascending[min(len(ascending) - 1, len(ascending) * percent // 100)]


def _get(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise MeasurementFailed("the sending process has no pipe")
    return pipe
