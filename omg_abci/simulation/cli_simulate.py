"""The command `simulate`: state machines in processes, random blocks, faults, one seed.

With --json, standard output is one JSON object and nothing else; progress goes to standard error.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import click

from omg_abci.node.commands.failure import CommandError
from omg_abci.simulation.controller import Options, SimulationFailed, run_simulation
from omg_abci.simulation.fees_scenario import Epoch, require_promise, run_scenario
from omg_abci.simulation.progress import Teller
from omg_abci.simulation.report import Reached

COMPLETE_BLOCKS: Final = 2_000
"""A run of so many blocks reaches every message and every code that there is, or it fails."""
_FEES_COMMAND: Final = "omgd simulate --scenario fees"
_ENDINGS: Final = (".png", ".svg")

_HELP: Final = """Search for what must never be: nodes that differ, and rules that break.

State machines in processes of their own, each with its own database, execute random blocks of
every message, beside hostile ones; they differ in hash seed, locale, time zone and -O. After every
block their answers, events, records and app hashes are compared with each other and with the
oracle, a second and much simpler state machine. With --faults they crash, restart, replay, and join
from snapshots. The seed alone repeats a run. It needs a source checkout.

--scenario fees plays epochs of steady volume, ten times as much, a tenth, and forty empty ones, and
shows what payers paid and stakers got.
"""
_EPILOG: Final = """\b
Examples:
  omgd simulate --seed 1 --blocks 300 --faults          a few minutes
  omgd simulate --seed 7 --blocks 2000 --faults --json  everything there is, or exit status 1
  omgd simulate --scenario fees                         a table of epochs
  omgd simulate --scenario fees --plot fees.svg         and a picture

\b
Exit status:
  0    nothing was found
  1    a divergence or a violation; what repeats it is on standard error, first
  2    the command line is wrong
  130  interrupted
"""


@click.command("simulate", help=_HELP, epilog=_EPILOG)
@click.option("--seed", type=click.IntRange(0), help="What everything is drawn from.  [default: 1]")
@click.option("--blocks", type=click.IntRange(1), help="How many blocks.  [default: 300]")
@click.option(
    "--validators", type=click.IntRange(1, 16), help="How many state machines.  [default: 3]"
)
@click.option("--faults", is_flag=True, help="Crashes, restarts, replays, restores, rival blocks.")
@click.option("--scenario", type=click.Choice(["fees"]), help="Play a scenario instead.")
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With --scenario: draw it to FILE, .png or .svg.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def simulate_command(
    *,
    seed: int | None,
    blocks: int | None,
    validators: int | None,
    faults: bool,
    scenario: str | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Play what is asked for and print what came of it."""
    if scenario is not None:
        if faults or not (seed is blocks is validators is None):
            raise click.UsageError("--scenario says everything: no seed, blocks or faults with it")
        _play_fees(plot, as_json=as_json)
        return
    if plot is not None:
        raise click.UsageError("--plot goes with --scenario")
    options = Options(1 if seed is None else seed, blocks or 300, validators or 3, faults=faults)
    if faults and options.validators == 1:
        raise click.UsageError("--faults needs --validators 2 or more: somebody stays up")
    if sys.flags.optimize:
        raise CommandError("optimized", "the oracle checks with assert: run without -O")
    _play(options, as_json=as_json)


# --- random blocks ------------------------------------------------------------------------------


def _play(options: Options, *, as_json: bool) -> None:
    reached, began = Reached(), time.monotonic()
    failure: SimulationFailed | None = None
    with tempfile.TemporaryDirectory(prefix="omg-simulate-") as folder, Teller(options) as teller:
        try:
            run_simulation(options, Path(folder), reached, teller.tell)
        except SimulationFailed as reason:
            failure = reason
    command = options.make_command(reached.blocks + (failure is not None))
    summary = {
        "seed": options.seed,
        "blocks": reached.blocks,
        "validators": options.validators,
        "divergences": int(failure is not None and failure.kind == "divergences"),
        "violations": int(failure is not None and failure.kind == "violations"),
        **reached.describe(),
        "seconds": round(time.monotonic() - began, 1),
    }
    if failure is not None:
        click.echo(f"again: {command}", err=True)
        click.echo(f"{failure.kind}: {failure}", err=True)
        summary["failure"] = {"command": command, "kind": failure.kind, "text": str(failure)}
    missing: list[str] = summary["missing"]
    incomplete = failure is None and bool(missing) and options.blocks >= COMPLETE_BLOCKS
    if incomplete:
        click.echo(f"again: {command}", err=True)
        click.echo(f"never reached: {', '.join(missing)}", err=True)
    click.echo(json.dumps(summary) if as_json else _describe(summary))
    if failure is not None or incomplete:
        sys.exit(1)


def _describe(summary: dict[str, Any]) -> str:
    """Return a line for each thing that is known of a run."""
    lines: list[str] = []
    missing: list[str] = summary["missing"]
    shown = summary | {"missing": f"{len(missing)} of what {COMPLETE_BLOCKS:,} blocks reach"}
    for name, value in shown.items():
        title = name.replace("_", " ")
        if isinstance(value, dict):
            parts = [f"{each} {count:,}" for each, count in value.items() if name != "failure"]
            lines.append(f"{title}: {', '.join(parts)}")
        else:
            lines.append(f"{title}: {value}")
    return "\n".join(lines)


# --- fees -----------------------------------------------------------------------------------------


def _play_fees(plot: Path | None, *, as_json: bool) -> None:
    if plot is not None and plot.suffix not in _ENDINGS:
        raise click.UsageError(f"--plot {plot}: the name ends in none of {', '.join(_ENDINGS)}")
    epochs = run_scenario()
    failure: SimulationFailed | None = None
    try:
        require_promise(epochs)
    except SimulationFailed as reason:
        failure = reason
        click.echo(f"again: {_FEES_COMMAND}\n{reason}", err=True)
    if as_json:
        click.echo(json.dumps({"epochs": [epoch.describe() for epoch in epochs]}))
    else:
        click.echo("\n".join(_list_epochs(epochs)))
    if plot is not None:
        from omg_abci.simulation.fees_plot import draw_epochs  # noqa: PLC0415 - needs an extra

        draw_epochs(epochs, plot)
    if failure is not None:
        sys.exit(1)


def _list_epochs(epochs: list[Epoch]) -> list[str]:
    """Return a table for people: amounts in smallest units."""
    head = ("epoch", "volume", "voted", "collected", "refunded", "paid", "work", "unit price")
    lines = ["".join(f"{title:>14}" for title in (*head, "effective"))]
    for number, epoch in enumerate(epochs, 1):
        price = epoch.effective_price
        cells = (number, epoch.phase, *[f"{value:,}" for value in epoch[1:]])
        shown = "–" if price is None else f"{price:,.3f}"
        lines.append("".join(f"{cell:>14}" for cell in (*cells, shown)))
    return lines
