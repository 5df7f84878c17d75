"""`omgd tx send-many`: send what was signed elsewhere, over one stream, and say how far it is."""

import sys
import time
from collections import Counter
from pathlib import Path
from typing import IO, Any, Final

import click

from omg_abci.node.commands.connection import connect, node_option
from omg_abci.node.commands.failure import CommandError, make_refusal
from omg_abci.node.commands.output import format_examples, json_option, print_object, say
from omg_abci.node.submit_client import PATIENCE_S, Answer
from omg_abci.protocol.limits import TX_BYTES_MAX

TXS_MAX: Final = 1_000_000
"""In a file: 200 MB of small orders."""
_LINE_MAX: Final = 2 * TX_BYTES_MAX + 4
"""Hex digits, 0x and the line's end."""
_PROGRESS_S: Final = 1.0


class Progress:
    """Counts answers and tells how many there are, now and then."""

    def __init__(self, total: int) -> None:
        """Begin at none of so many."""
        self._total = total
        self._done = 0
        self._told = self._begun = time.monotonic()
        self.codes: Counter[int] = Counter()

    def take(self, answer: Answer) -> None:
        """Count an answer."""
        self.codes[answer.code] += 1
        self._done += 1
        now = time.monotonic()
        if now - self._told >= _PROGRESS_S:
            self._told = now
            rate = self._done / (now - self._begun)
            say(f"{self._done:,} of {self._total:,} answered, {rate:,.0f} a second")


@click.command(
    "send-many",
    epilog=format_examples(
        "omgd tx send-many signed.txt", "omgd tx send-many signed.txt --failed again.txt --json"
    ),
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option(
    "--patience",
    type=click.FloatRange(min=0, min_open=True),
    default=PATIENCE_S,
    show_default=True,
    metavar="SECONDS",
    help="How long a transaction that is refused for now is sent again.",
)
@click.option(
    "--failed",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="Write the lines that were not acknowledged there.",
)
@node_option
@json_option
def send_many_command(
    *, file: Path, patience: float, failed: Path | None, node: str | None, as_json: bool
) -> None:
    """Send many transactions that were signed before, from FILE or - for standard input.

    Each line holds the hex digits of one transaction, as --no-submit prints them; empty lines are
    passed over. Sending a file again is harmless: what was executed is refused as NonceUsed.
    """
    with click.open_file(str(file), "rb") as stream:
        raws = read_lines(stream)
    progress = Progress(len(raws))
    with connect(node) as client, client.submit_stream(patience) as submissions:
        answers = submissions.submit(raws, progress.take)
    refused = [raw for raw, answer in zip(raws, answers, strict=True) if answer.code]
    if failed is not None:
        failed.write_text("".join(f"0x{raw.hex()}\n" for raw in refused), encoding="ascii")
    print_counts(progress.codes, as_json=as_json)
    if refused:
        sys.exit(1)


def read_lines(stream: IO[Any]) -> list[bytes]:
    """Return the transactions of a file; raise CommandError that names the line."""
    raws: list[bytes] = []
    number = 0
    while line := stream.readline(_LINE_MAX + 1):
        number += 1
        if len(line) > _LINE_MAX:
            raise _refuse(number, f"longer than {_LINE_MAX} characters")
        if not line.strip():
            continue
        if len(raws) == TXS_MAX:
            raise _refuse(number, f"more than {TXS_MAX:,} transactions in one file")
        try:
            raws.append(bytes.fromhex(line.decode("ascii").strip().removeprefix("0x")))
        except ValueError:
            raise _refuse(number, "not hex digits") from None
    if not raws:
        raise CommandError("bad_transaction", "the file holds no transaction")
    return raws


def _refuse(number: int, text: str) -> CommandError:
    return CommandError("bad_transaction", f"line {number}: {text}")


def print_counts(codes: Counter[int], *, as_json: bool) -> None:
    """Print how many were acknowledged, and how many refused by which code."""
    refused = {make_refusal(code).code: codes[code] for code in sorted(codes) if code}
    if as_json:
        shown: dict[str, object] = {"acknowledged": codes[0], "refused": refused}
        if refused:
            first = make_refusal(min(code for code in codes if code))
            shown["error"] = first.describe()
        print_object(shown)
        return
    click.echo(f"{codes[0]:,} acknowledged")
    for name, count in refused.items():
        click.echo(f"{count:,} refused: {name}")
