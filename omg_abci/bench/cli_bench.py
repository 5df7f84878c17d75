"""The command `bench`: measures the chain's figures, each beside its ceiling.

With --json, standard output is one JSON object and nothing else; progress goes to standard error.
"""

import json
import sys
from collections.abc import Sequence

import click

from omg_abci.bench.figures import NAMES
from omg_abci.bench.machine import describe_machine
from omg_abci.bench.suite import format_number, run_suite
from omg_abci.localnet.errors import LocalnetError
from omg_abci.protocol.errors import OmgError


@click.command("bench")
@click.option(
    "--only",
    "names",
    type=click.Choice(NAMES),
    multiple=True,
    help="Measure this figure; may be given more than once. All by default.",
)
@click.option("--quick", is_flag=True, help="Fewer and smaller runs: the whole suite in 8 minutes.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def bench_command(*, names: tuple[str, ...], quick: bool, as_json: bool) -> None:
    """Measure how fast the chain is on this machine.

    Leave the machine alone meanwhile: a run that did not have two cores to itself is not counted.
    """
    wanted = [name for name in NAMES if name in names] if names else list(NAMES)
    machine = describe_machine()
    try:
        figures = run_suite(wanted, quick=quick, say=_say_aside)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except (LocalnetError, OmgError) as reason:
        click.echo(f"error: {reason}", err=True)
        sys.exit(1)
    machine["load_after"] = describe_machine()["load"]
    if as_json:
        click.echo(json.dumps({"figures": figures, "quick": quick, "machine": machine}))
    else:
        click.echo(format_table(figures))
        click.echo(f"{machine['processor']}, {machine['cores']} cores, {machine['python']}")
    if any(figure["value"] is None for figure in figures):
        sys.exit(1)


def format_table(figures: Sequence[dict[str, object]]) -> str:
    """Return the figures as a table for people."""
    rows = [("figure", "value", "unit", "ceiling", "goal", "counted", "min … max")]
    for figure in figures:
        spread = "–"
        if figure["value"] is not None:
            spread = f"{format_number(figure['min'])} … {format_number(figure['max'])}"
        rows.append(
            (
                str(figure["name"]),
                format_number(figure["value"]),
                str(figure["unit"]),
                format_number(figure["ceiling"]),
                format_number(figure["goal"]),
                f"{figure['counted']}/{figure['runs']}",
                spread,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _say_aside(line: str) -> None:
    click.echo(line, err=True)
