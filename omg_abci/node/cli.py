"""Command line of the node: ``omgd``.

A command's module is imported when the command is used and not before, so that ``omgd --help``
is quick and a base installation lists commands that need an extra. Guarantees for every command:
a user's mistake ends with one error and a status other than 0, never with a traceback; with
``--json`` standard output holds one JSON object and nothing else.
"""

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, NoReturn

import click

_INTERRUPTED: Final = 130
_USAGE: Final = 2


class _Entry(NamedTuple):
    """Where a command is, and what the list of commands says of it."""

    place: str
    help: str


COMMANDS: Final = {
    "localnet": _Entry(
        "omg_abci.localnet.cli_localnet:localnet_command",
        "Run a network of validators on this machine.",
    ),
    "demo": _Entry(
        "omg_abci.replay.cli_replay:demo_command",
        "Replay a real venue's order flow and draw demo.png.",
    ),
    "replay": _Entry(
        "omg_abci.replay.cli_replay:replay_command",
        "Send a venue's recording through the chain and compare every fill.",
    ),
    "bench": _Entry(
        "omg_abci.bench.cli_bench:bench_command",
        "Measure this machine's figures, each beside its ceiling.",
    ),
    "simulate": _Entry(
        "omg_abci.simulation.cli_simulate:simulate_command",
        "Search for what must never be: random blocks, crashes, an oracle beside.",
    ),
    "init": _Entry(
        "omg_abci.node.commands.init:init_command", "Write the home of a chain's first validator."
    ),
    "start": _Entry("omg_abci.node.start:start_command", "Run the application of a node."),
    "cometbft": _Entry(
        "omg_abci.localnet.cli_localnet:cometbft_command",
        "Print the path of CometBFT; build it if there is none.",
    ),
    "status": _Entry(
        "omg_abci.node.commands.status:status_command", "Say where a node is, and what it knows."
    ),
    "keys": _Entry(
        "omg_abci.node.commands.keys:keys_group", "Make and keep keys, encrypted with a passphrase."
    ),
    "tx": _Entry(
        "omg_abci.node.commands.tx:tx_group", "Sign a transaction, send it, say what it did."
    ),
    "stake": _Entry(
        "omg_abci.node.commands.stake:stake_group", "Bond to validators, move, claim rewards."
    ),
    "vote": _Entry(
        "omg_abci.node.commands.vote:vote_command",
        "Vote on what the network costs, and its other numbers.",
    ),
    "validator": _Entry(
        "omg_abci.node.commands.validator:validator_group",
        "Become a validator, change it, leave jail.",
    ),
    "query": _Entry(
        "omg_abci.node.commands.query:query_group",
        "Ask a node for accounts, orders, books, proofs.",
    ),
    "export": _Entry(
        "omg_abci.node.commands.export:export_command",
        "Print the state that a node has on disk, as JSON.",
    ),
    "genesis": _Entry(
        "omg_abci.node.commands.genesis:genesis_group", "Look whether a genesis file is one."
    ),
}


class _LazyGroup(click.Group):
    """A group that imports a command when it is asked for, and shows every error the same way."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which a newcomer meets them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command; return None for an unknown one."""
        del ctx
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, name = entry.place.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> NoReturn:  # noqa: ANN401 - click's own signature
        """Run a command and end the process with its status."""
        given = list(sys.argv[1:] if args is None else args)
        extra["standalone_mode"] = False
        with _errors_shown(as_json="--json" in given):
            status = super().main(given, *rest, **extra)
            sys.exit(status if isinstance(status, int) else 0)


@contextlib.contextmanager
def _errors_shown(*, as_json: bool) -> Iterator[None]:
    """Turn every exception that is not a bug into one shown error and a status."""
    try:
        yield
    except click.exceptions.NoArgsIsHelpError as reason:
        click.echo(reason.format_message())
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        # The reader has gone, as `head` does; Python would complain once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as reason:
        from omg_abci.node.commands.failure import explain, show  # noqa: PLC0415 - kept off --help

        failure = explain(reason)
        if failure is None:
            raise
        show(failure, as_json=as_json)
        sys.exit(_get_status(reason))


def _get_status(reason: Exception) -> int:
    if isinstance(reason, click.Abort):
        return _INTERRUPTED
    return _USAGE if isinstance(reason, click.UsageError) else 1


_EPILOG: Final = """\b
First steps, on this machine only:
  omgd localnet                                      four validators; leave it running
  export OMG_ACCOUNTS=~/.omg/localnet/accounts.json  its funded accounts, in another terminal
  omgd tx place OMG/USD buy 10 0.85 --from alice
  omgd query book OMG/USD

With --json a command prints one JSON object on standard output; progress and questions go to
standard error. omgd COMMAND --help has examples.
"""


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EPILOG,
)
@click.version_option(package_name="omg-chain", prog_name="omgd")
def main() -> None:
    """Run and use an OMG chain: order books that every validator agrees on."""
