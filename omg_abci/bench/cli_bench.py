"""The command `bench`: measures the chain's figures, each beside its ceiling, goal and floor.

With --json, standard output is one JSON object and nothing else; progress goes to standard error.
"""

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Final

import click

from omg_abci.bench.compare import WORSE, compare_documents, describe_comparison
from omg_abci.bench.figures import NAMES
from omg_abci.bench.machine import describe_machine
from omg_abci.bench.report import format_comparison, format_document
from omg_abci.bench.results import Document, load_document, make_document, write_document
from omg_abci.bench.suite import run_suite

MISSING: Final = 1
"""Exit status: a figure could not be measured, or a file not be used."""
SLOWER: Final = 3
"""Exit status: compared, and a figure is worse."""

_HELP: Final = """Measure how fast the chain is on this machine.

Leave the machine alone meanwhile: a run that did not have two cores to itself is not counted, and
where none counted processor time still says something. Ctrl-C ends it and everything it started.

\b
match         messages/s  matching with balances, one market
block_single  orders/s    executing blocks of admitted orders, up to the app hash
block_batch   legs/s      the same in batches of 20 legs
e2e_single    orders/s    signed orders through a validator, until read back
e2e_batch     legs/s      the same in batches of 20 legs
e2e_4_single  orders/s    the same through four validators on this machine
fill_latency  ms          from sending an order to seeing its fill at another node
state         GiB         a million accounts and open orders; restart time
growth        ×           what an order costs among a million others, by among ten thousand
delegators    ×           what a block of stake costs with 100,000 delegators, by with ten

Each figure stands beside its floor, which must hold, its goal, and its ceiling: what the bare
operation does in the same run. docs/performance says what is timed.
"""
_EPILOG: Final = """\b
Examples:
  omgd bench --quick                            everything, in at most 8 minutes
  omgd bench --only match --only block_single   two figures
  omgd bench --out now.json --plot now.png      keep and draw what was measured
  omgd bench --compare then.json                measure, and say what became better or worse
  omgd bench --load now.json --compare then.json --plot now.svg   from files alone

\b
Exit status:
  0    measured; with --compare nothing is worse
  1    a figure could not be measured, or a file not be used
  2    the command line is wrong
  3    with --compare: at least one figure is worse
  130  interrupted
"""


_FILE: Final = click.Path(path_type=Path)
_OPTIONS: Final = (
    click.option(
        "--only",
        "names",
        type=click.Choice(NAMES),
        metavar="FIGURE",
        multiple=True,
        help="Measure this figure; may be given more than once. All by default.",
    ),
    click.option(
        "--quick", is_flag=True, help="Fewer and smaller runs: 8 minutes for all, not up to 40."
    ),
    click.option(
        "--load", type=_FILE, metavar="FILE", help="Measure nothing: take the result in FILE."
    ),
    click.option(
        "--compare",
        "earlier",
        type=_FILE,
        metavar="FILE",
        help="Compare with the earlier result in FILE.",
    ),
    click.option("--out", type=_FILE, metavar="FILE", help="Write the result to FILE."),
    click.option("--plot", type=_FILE, metavar="FILE", help="Draw it to FILE, .png or .svg."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
)


def _add_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command("bench", help=_HELP, epilog=_EPILOG)
@_add_options
def bench_command(
    *,
    names: tuple[str, ...],
    quick: bool,
    load: Path | None,
    earlier: Path | None,
    out: Path | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Measure, or load; then write, draw, compare and print."""
    wanted = [name for name in NAMES if name in names] if names else list(NAMES)
    if load is not None and quick:
        raise click.UsageError("--quick says how to measure, --load that nothing is measured")
    # What can be refused is refused before half an hour of measuring.
    then = None if earlier is None else load_document(earlier)
    if plot is not None and plot.suffix not in (".png", ".svg"):
        raise click.BadParameter("the name ends in .png or .svg", param_hint="--plot")
    for place in (out, plot):
        if place is not None and not place.absolute().parent.is_dir():
            raise click.BadParameter(f"{place.parent} is no directory")
    document = _measure(wanted, quick=quick) if load is None else load_document(load)
    if load is not None and names:
        document["figures"] = [each for each in document["figures"] if each["name"] in names]
    if then is not None:
        document["comparison"] = describe_comparison(then, document)
    if out is not None:
        write_document(document, out)
    if plot is not None:
        from omg_abci.bench.plot import draw_document  # noqa: PLC0415 - matplotlib is slow

        draw_document(document, plot)
    _print(document, then, as_json=as_json)
    if any(figure["value"] is None for figure in document["figures"]):
        sys.exit(MISSING)
    if then is not None and any(
        each.verdict == WORSE for each in compare_documents(then, document)
    ):
        sys.exit(SLOWER)


def _measure(names: Sequence[str], *, quick: bool) -> Document:
    machine = describe_machine()
    begun, started = datetime.now(UTC), time.monotonic()
    with _ending_like_interrupts():
        figures = run_suite(names, quick=quick, say=_say_aside)
    machine["load_after"] = describe_machine()["load"]
    seconds = time.monotonic() - started
    return make_document(figures, machine, quick=quick, begun=begun, seconds=seconds)


def _print(document: Document, then: Document | None, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(document))
        return
    click.echo(format_document(document))
    if then is not None:
        click.echo(f"\n{format_comparison(then, document)}")


@contextmanager
def _ending_like_interrupts() -> Iterator[None]:
    """Make SIGTERM end the measuring as Ctrl-C does, with everything that it started."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _say_aside(line: str) -> None:
    click.echo(line, err=True)
