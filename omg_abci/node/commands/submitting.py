"""From signed bytes to their result: submit, wait for the block, say what happened.

Guarantees that a lost answer is told apart from a refusal, so that nobody sends an order twice by
mistake.
"""

import threading
from typing import Final, NamedTuple

import click

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.client import NodeClient, NodeError
from omg_abci.node.commands.catalogue import Catalogue
from omg_abci.node.commands.connection import find_node, node_option
from omg_abci.node.commands.encoding import DecodedTx, decode_tx, encode_body, encode_result
from omg_abci.node.commands.failure import CommandError, make_refusal
from omg_abci.node.commands.options import gather
from omg_abci.node.commands.output import (
    format_hex,
    format_span,
    get_now_ms,
    json_option,
    print_object,
    say,
)
from omg_abci.node.commands.words import describe_legs
from omg_abci.protocol import codec
from omg_abci.protocol.errors import NonceUsed
from omg_abci.protocol.messages import SignedTx
from omg_abci.protocol.units import TokenId

_WAIT_SECONDS: Final = 30.0
_LOST: Final = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "INTERNAL", "UNKNOWN")
"""After these nobody knows whether the node took the transaction."""


class SubmitOptions(NamedTuple):
    """How a signed transaction is sent."""

    node: str | None
    no_wait: bool
    timeout: float
    as_json: bool


SUBMIT_OPTIONS: Final = (
    node_option,
    click.option("--no-wait", is_flag=True, help="Do not wait until it is in a block."),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=_WAIT_SECONDS,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait for the block.",
    ),
    json_option,
)
"""Of every command that sends what is signed."""
with_submit_options = gather(SubmitOptions, SUBMIT_OPTIONS)


def encode_signed(signed: SignedTx) -> dict[str, object]:
    """Return a signed transaction for JSON."""
    return encode_body(DecodedTx(signed.signer, signed.scheme, signed.body))


def submit(
    client: NodeClient,
    how: SubmitOptions,
    signed: SignedTx,
    catalogue: Catalogue,
    status: pb.Status,
) -> None:
    """Submit a transaction, wait for its block unless told not to, print what it did.

    Raise CommandError for a refusal, for a leg that failed, and when no block came in time.
    """
    tx_id = format_hex(signed.tx_id)
    try:
        (admission,) = client.submit([signed.raw])
    except NodeError as reason:
        if reason.code not in _LOST:
            raise
        raise CommandError(
            "answer_lost",
            f"the node may or may not have taken transaction {tx_id}: {reason.text}",
            f"before sending it again: omgd query tx-result {tx_id}",
        ) from reason
    if admission.code:
        raise _explain_refusal(admission, tx_id)
    if how.no_wait:
        _print_acknowledged(tx_id, signed, as_json=how.as_json)
        return
    say(f"transaction {tx_id} is acknowledged; waiting for its block …")
    block, outcome = _wait(find_node(how.node), signed, status.height + 1, how.timeout)
    fee_token = status.fee_token
    if print_outcome(block, outcome, catalogue, fee_token, as_json=how.as_json):
        raise SystemExit(1)


def _explain_refusal(admission: pb.Admission, tx_id: str) -> CommandError:
    refusal = make_refusal(admission.code, admission.log)
    if admission.code == NonceUsed.code:
        hint = f"it may have been executed already: omgd query tx-result {tx_id}"
        return CommandError(refusal.code, refusal.text, hint)
    return refusal


def _print_acknowledged(tx_id: str, signed: SignedTx, *, as_json: bool) -> None:
    if as_json:
        print_object({"tx_id": tx_id, "acknowledged": True, "tx": encode_signed(signed)})
    else:
        click.echo(f"transaction {tx_id} is acknowledged")


def _wait(
    target: str, signed: SignedTx, from_height: int, timeout: float
) -> tuple[pb.Block, pb.TxOutcome]:
    """Return the block that has the transaction; raise CommandError when none comes in time."""
    with NodeClient(target) as client:
        # A stream without blocks never returns by itself: closing its channel ends it.
        overdue = threading.Event()

        def give_up() -> None:
            overdue.set()
            client.close()

        timer = threading.Timer(timeout, give_up)
        timer.daemon = True
        timer.start()
        try:
            for block in client.stream_blocks(from_height):
                for outcome in block.txs:
                    if outcome.tx_id == signed.tx_id:
                        return block, outcome
        except NodeError as reason:
            if not overdue.is_set():
                raise
            raise _make_overdue(signed, timeout) from reason
        finally:
            timer.cancel()
    raise _make_overdue(signed, timeout)


def _make_overdue(signed: SignedTx, timeout: float) -> CommandError:
    tx_id = format_hex(signed.tx_id)
    left = max(0, signed.body.valid_until_ms - get_now_ms())
    stays = f"; it may still come, for {format_span(left)}" if left else ""
    return CommandError(
        "not_included",
        f"transaction {tx_id} is acknowledged, but in no block after {timeout:g} s{stays}",
        f"omgd query tx-result {tx_id} tells when it is",
    )


def print_outcome(
    block: pb.Block,
    outcome: pb.TxOutcome,
    catalogue: Catalogue,
    fee_token: TokenId,
    *,
    as_json: bool,
) -> bool:
    """Print what became of a transaction; tell whether it failed."""
    tx = decode_tx(outcome.tx)
    result = codec.decode_result(outcome.result, outcome.code)
    failure = make_refusal(result.code) if result.code else None
    if as_json:
        shown: dict[str, object] = {
            "tx_id": format_hex(outcome.tx_id),
            "height": block.height,
            "time_ms": block.time_ms,
            "tx": encode_body(tx),
            **encode_result(result),
        }
        if failure:
            shown["error"] = failure.describe()
        print_object(shown)
        return failure is not None
    click.echo(f"in block {block.height}, transaction {format_hex(outcome.tx_id)}:")
    for line in describe_legs(tx.body.legs, result.legs, catalogue):
        click.echo(f"  {line}")
    click.echo(f"  fee {catalogue.tokens[fee_token].format(result.fee)}")
    if failure and failure.hint:
        say(f"  → {failure.hint}")
    return failure is not None
