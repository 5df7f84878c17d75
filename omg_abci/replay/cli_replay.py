"""The commands `replay` and `demo`."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import click

from omg_abci.node.commands.output import json_option, print_object
from omg_abci.protocol.limits import CANCEL_ALL_MAX
from omg_abci.protocol.messages import CancelAll
from omg_abci.replay.compare import Comparer, compare_open_orders
from omg_abci.replay.executor import ChainExecutor
from omg_abci.replay.formats import FORMATS, TITLES, open_plan
from omg_abci.replay.network import (
    Connection,
    compare_app_hashes,
    connect_nodes,
    fund_aggressors,
    load_trader,
    read_open_orders,
    require_usable,
    run_network,
)
from omg_abci.replay.planner import FRESH_ID_FIRST, MARKET
from omg_abci.replay.report import Outcome, format_progress, format_report, make_report
from omg_abci.replay.session import Plan, Progress, Session
from omg_abci.replay.steps import EventEnd

_REPORT_SECONDS: Final = 2.0
_ACCOUNTS: Final = Path("~/.omg/localnet/accounts.json")
Watch = Callable[[EventEnd, Comparer], None]


_File: Final = click.Path(path_type=Path, exists=True, dir_okay=False)
_validators_option: Final = click.option(
    "--validators", type=click.IntRange(1, 32), default=4, show_default=True
)
_limit_option: Final = click.option(
    "--limit", type=click.IntRange(min=1), help="Replay only so many rows."
)


@click.command("replay")
@click.argument("recording", type=_File)
@click.option("--book", type=_File, help="The venue's snapshots: LOBSTER's book file, MBP-10.")
@click.option("--format", "kind", type=click.Choice(FORMATS), required=True)
@_validators_option
@click.option(
    "--node",
    "addresses",
    multiple=True,
    metavar="HOST:PORT",
    help="Use a network that runs: the first node is sent to, the second read from.",
)
@click.option(
    "--accounts",
    type=_File,
    envvar="OMG_ACCOUNTS",
    help="Accounts file of that network, whose first account trades; usually localnet's.",
)
@_limit_option
@json_option
def replay_command(
    *,
    recording: Path,
    book: Path | None,
    kind: str,
    validators: int,
    addresses: tuple[str, ...],
    accounts: Path | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Send a venue's recorded order flow through the chain and compare what both did.

    Every order, amendment and cancellation of RECORDING becomes a leg of a signed transaction,
    every aggressor an IOC order. Fills and books are rebuilt from what the network committed.
    """
    say(f"reading {recording.name} …")
    plan = open_plan(kind, recording, book, limit)
    if addresses:
        network = _use_network(plan, [_find_target(each) for each in addresses], accounts)
    else:
        network = run_network(validators, say)
    with network as connection:
        report = replay(kind, recording, plan, connection)
    if as_json:
        print_object(report)
    else:
        click.echo("\n".join(format_report(report)))


@click.command("demo")
@_limit_option
@_validators_option
@click.option(
    "--picture",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("demo.png"),
    show_default=True,
)
@json_option
def demo_command(*, limit: int | None, validators: int, picture: Path, as_json: bool) -> None:
    """Replay half an hour of Bitstamp's BTC/USD through four validators and draw it.

    The recording is the sample data of the package ob-analytics; none of its code is used.
    """
    from omg_abci.replay.demo import Sampler, find_sample  # noqa: PLC0415 - matplotlib is slow

    recording = find_sample()
    say("Bitstamp BTC/USD, 2 May 2026, half an hour of every order and trade")
    plan = open_plan("bitstamp", recording, None, limit)
    sampler = Sampler(plan)
    with run_network(validators, say) as connection:
        report = replay("bitstamp", recording, plan, connection, watch=sampler.watch)
    drawn = sampler.draw(picture, report)
    if as_json:
        print_object({**report, "picture": str(picture) if drawn else None})
        return
    click.echo("\n".join(format_report(report)))
    if drawn:
        click.echo(f"  picture     {picture}: the chain's book and trades, as committed")


def replay(
    kind: str,
    recording: Path,
    plan: Plan,
    connection: Connection,
    *,
    watch: Watch = lambda _end, _comparer: None,
) -> dict[str, Any]:
    """Run a plan on a network and return the report; raise RecordingError, NetworkError."""
    left = require_usable(connection)
    executor = ChainExecutor(
        connection.sender, connection.reader, connection.trader, connection.check
    )
    if left:
        _clear_market(executor, left)
    say(f"replaying {TITLES[kind]}'s messages …")
    session = Session(plan, executor, report=_Teller().tell, watch=watch)
    with contextlib.closing(executor):
        session.run()
    last = executor.blocks[-1].height if executor.blocks else executor.first_height
    orders, count = read_open_orders(connection.reader, connection.trader.owner)
    equal, detail = compare_open_orders(session.comparer, orders)
    if count != len(orders):
        equal, detail = False, f"the market counts {count} open orders and lists {len(orders)}"
    outcome = Outcome(
        validators=len(connection.nodes),
        transactions=sum(block.txs for block in executor.blocks),
        blocks=len(executor.blocks),
        first_height=executor.first_height,
        last_height=last,
        open_orders=count,
        final_book_equal=equal,
        final_book_detail=detail,
        app_hashes_equal=compare_app_hashes(connection.nodes, executor.first_height, last),
    )
    return make_report(kind, recording, plan, session, outcome)


@contextlib.contextmanager
def _use_network(plan: Plan, addresses: list[str], accounts: Path | None) -> Iterator[Connection]:
    """Connect to a network that runs, with an account that can trade there."""
    usual = _ACCOUNTS.expanduser()
    if accounts is None and not usual.is_file():
        raise click.UsageError("--node needs --accounts, the file with the network's accounts")
    trader, owner_secret = load_trader(accounts or usual)
    plan.planner.name_orders_from(FRESH_ID_FIRST + (time.time_ns() // 1_000_000 << 20))
    with connect_nodes(addresses, trader) as connection:
        fund_aggressors(connection, owner_secret)
        yield connection


def _clear_market(executor: ChainExecutor, orders: int) -> None:
    """Cancel what an earlier replay left behind."""
    say(f"cancelling {orders:,} orders of an earlier replay …")
    rounds = -(-orders // CANCEL_ALL_MAX)
    executor.send([CancelAll(MARKET, 0, CANCEL_ALL_MAX)] * rounds)
    executor.receive(wait=True)
    executor.blocks.clear()


class _Teller:
    """Says every few seconds how far a replay is."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def tell(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._said >= _REPORT_SECONDS:
            self._said = now
            say(format_progress(*progress))


def _find_target(address: str) -> str:
    """Return HOST:PORT of an address that may be written as a URL."""
    return address.removeprefix("http://").removeprefix("grpc://").rstrip("/")


def say(line: str) -> None:
    """Tell a person how it goes."""
    click.echo(line, err=True)
