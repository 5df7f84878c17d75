"""Offer a network several times what it can do, and look what becomes of it, and how it recovers.

    python -m scripts.overload --seconds 300 --factor 5 --seed 1

First a closed loop with few requests open finds the peak; then streams and unary callers that obey
no hint, and callers of CheckTx, offer `--factor` times as much, all of it signed beforehand, while
traders who behave send an order now and then; then these go on alone. At the end the peak is
measured again, because the machine may have others to serve. Prints figures (one JSON object with
`--json`) and, on standard error, progress; exits 1 when something acknowledged is in no block,
throughput fell below nine tenths of the peak, or traders waited for more than ten seconds after it.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any, Final

import click

from omg_abci.bench.network import run_network
from omg_abci.bench.owners import OWNERS
from omg_abci.localnet.errors import LocalnetError
from omg_abci.localnet.layout import Network
from omg_abci.node.client import NodeClient
from scripts.overload_watch import Blocks, Callers, Processes, Trader, judge_trades

_STREAMS: Final = 24
_TRADERS: Final = 4
_UNARY_OWNERS: Final = 40
_UNARY_PART: Final = 0.05
_CHECKS_PER_SECOND: Final = 10.0
_CALM_S: Final = 10.0
_PEAK_S: Final = 20.0
_PEAK_TXS_PER_SECOND: Final = 12_000
"""Signed for finding the peak; a machine that is faster ends the phase when all were taken."""
_RAMP_S: Final = 4.0
"""Left out at the beginning of a phase."""
_RECOVERY_S: Final = 30.0
_DRAIN_S: Final = 120.0
_SAMPLE_S: Final = 2.0
_TXS_MAX: Final = 4_000_000
"""Signed for one overload at most: some 700 MB."""
_SPARE: Final = 1.3
_RATIO_MIN: Final = 0.9
_LATENCY_MAX_S: Final = 10.0
_ID_BYTES: Final = 32
_KEPT_BYTES: Final = 8


class Loader:
    """The sending process."""

    def __init__(self, process: "subprocess.Popen[str]", settings: dict[str, Any]) -> None:
        """Give it its settings."""
        self._process = process
        self._write(settings)

    async def do(self, what: str, **command: float) -> dict[str, Any]:
        """Let it do something and return its answer."""
        self._write({"do": what, **command})
        line = await asyncio.to_thread(_get(self._process.stdout).readline)
        if not line:
            text = "the sending process ended"
            raise LocalnetError(text)
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _write(self, message: dict[str, Any]) -> None:
        stream = _get(self._process.stdin)
        stream.write(json.dumps(message) + "\n")
        stream.flush()


class Run:
    """One overload."""

    def __init__(self, network: Network, loader: Loader, processes: Processes, seed: int) -> None:
        """Bind the parts."""
        self._network = network
        self._loader = loader
        self._processes = processes
        self.blocks = Blocks(network.nodes[-1].grpc)
        self._traders = [
            Trader(OWNERS - 1 - place, network.nodes[0].grpc, self.blocks, seed)
            for place in range(_TRADERS)
        ]
        self.figures: dict[str, Any] = {}
        self.callers = Callers(network.nodes[0], OWNERS - 1 - _TRADERS, _CHECKS_PER_SECOND)

    async def run(self, factor: float, seconds: float) -> None:
        """Go through all phases."""
        async with _beside(
            self.blocks.follow(),
            self._processes.watch(_SAMPLE_S),
            *(trader.run() for trader in self._traders),
        ):
            async with self._phase("before"):
                await asyncio.sleep(_CALM_S)
            peak = await self._find_peak("peak")
            rate = max(1.0, factor * peak)
            unary_rate = rate * _UNARY_PART
            txs = min(_TXS_MAX, int(peak * seconds * _SPARE))
            _say(f"peak {peak:,} tx/s; signing {txs:,}, then {rate:,.0f} tx/s for {seconds:g} s")
            signed = await self._loader.do("sign", txs=txs, unary_txs=int(txs * _UNARY_PART))
            self.figures["signed"] = signed["txs"]
            self.callers.start()
            async with self._phase("overload"):
                self.figures["load"] = await self._loader.do(
                    "flood",
                    seconds=seconds,
                    rate=rate - unary_rate,
                    unary_rate=unary_rate,
                )
            self.callers.stop()
            async with self._phase("after"):
                await asyncio.sleep(_RECOVERY_S)
            await self._drain()
            self.figures["offered_per_second"] = round(rate)
            await self._find_peak("peak_again")
            await self._drain()

    async def _find_peak(self, name: str) -> int:
        txs = int(_PEAK_S * _PEAK_TXS_PER_SECOND)
        await self._loader.do("sign", txs=txs, unary_txs=0)
        async with self._phase(name):
            await self._loader.do("find_peak", seconds=_PEAK_S, window=1)
        return int(self.figures[name]["tx_per_second"])

    @asynccontextmanager
    async def _phase(self, name: str) -> AsyncIterator[None]:
        _say(f"{name} …")
        begin, cpu = time.monotonic(), self._processes.read_cpu()
        count = len(self.blocks.included)
        yield
        end, used = time.monotonic(), self._processes.read_cpu()
        done = max(1, len(self.blocks.included) - count)
        ramp = _RAMP_S if name != "before" else 0.0
        trades = [trade for trader in self._traders for trade in trader.trades]
        self.figures[name] = {
            "seconds": round(end - begin, 1),
            **self.blocks.measure(begin + ramp, end),
            "cpu_us_per_tx": {
                role: round((used[role] - cpu.get(role, 0.0)) * 1e6 / done) for role in used
            },
            "traders": judge_trades(trades, begin, end),
            "memory_mib": self._list_memory(begin, end),
        }
        _say(json.dumps(self.figures[name]))

    def _list_memory(self, begin: float, end: float) -> dict[str, list[int]]:
        """Return about ten sizes of each role over a phase, the first, the last and between."""
        samples = [each for at, each in self._processes.memory if begin <= at < end]
        step = max(1, len(samples) // 10)
        roles = samples[0] if samples else {}
        return {role: [each.get(role, 0) for each in samples[::step]] for role in roles}

    async def _drain(self) -> None:
        """Wait until no node has anything pending but the traders' orders, and a block came."""
        deadline = time.monotonic() + _DRAIN_S
        clients = [NodeClient(node.grpc) for node in self._network.nodes]
        try:
            while time.monotonic() < deadline:
                blocks = len(self.blocks.seen)
                await asyncio.sleep(2.0)
                pending = [
                    (await asyncio.to_thread(client.status)).pool_count for client in clients
                ]
                if len(self.blocks.seen) > blocks and max(pending) <= 2 * _TRADERS:
                    return
        finally:
            for client in clients:
                client.close()


@asynccontextmanager
async def _beside(*work: Any) -> AsyncIterator[None]:  # noqa: ANN401 - coroutines
    """Run some work beside the body; an error in it is raised at the end."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result


def _get(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        text = "the sending process has no pipe"
        raise LocalnetError(text)
    return pipe


def _say(text: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')} {text}", err=True)


def judge(run: Run, acknowledged: bytes) -> dict[str, Any]:
    """Return all figures, with what was acknowledged and is in no block."""
    ids = {acknowledged[at : at + _KEPT_BYTES] for at in range(0, len(acknowledged), _ID_BYTES)}
    figures = run.figures
    peak = (figures["peak"]["tx_per_second"] + figures["peak_again"]["tx_per_second"]) / 2
    return {
        **figures,
        "check_tx_codes": dict(run.callers.codes),
        "acknowledged": len(ids),
        "lost": len(ids - run.blocks.included),
        "twice": run.blocks.repeated,
        "of_peak": round(figures["overload"]["tx_per_second"] / max(peak, 1), 3),
    }


@click.command()
@click.option("--seconds", default=300.0, show_default=True, help="How long the overload lasts.")
@click.option("--factor", default=5.0, show_default=True, help="Times the peak that is offered.")
@click.option("--seed", default=1, show_default=True, help="Chooses the orders.")
@click.option("--validators", default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(*, seconds: float, factor: float, seed: int, validators: int, as_json: bool) -> None:
    """Overload a network and measure."""
    flooding = list(range(OWNERS - 1 - _TRADERS - _UNARY_OWNERS))
    with tempfile.TemporaryDirectory(prefix="omg-overload-") as folder:
        acknowledged = Path(folder) / "acknowledged"
        acknowledged.touch()
        command = [sys.executable, "-m", "scripts.overload_load"]
        with (
            run_network(validators) as network,
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as process,
        ):
            settings = {
                "targets": [node.grpc for node in network.nodes],
                "groups": [flooding[place::_STREAMS] for place in range(_STREAMS)],
                "unary_owners": list(range(len(flooding), len(flooding) + _UNARY_OWNERS)),
                "seed": seed,
                "acknowledged": str(acknowledged),
            }
            try:
                processes = Processes([process.pid])
                run = Run(network, Loader(process, settings), processes, seed)
                asyncio.run(run.run(factor, seconds))
            finally:
                process.kill()
        figures = judge(run, acknowledged.read_bytes())
    click.echo(json.dumps(figures, indent=None if as_json else 2))
    waited_s = figures["after"]["traders"]["block_s_p99"]
    if figures["lost"] or figures["of_peak"] < _RATIO_MIN or waited_s > _LATENCY_MAX_S:
        sys.exit(1)


if __name__ == "__main__":
    main()
