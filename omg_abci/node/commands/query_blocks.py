"""The commands `omgd query block` and `tx-result`: what recent blocks held, and what it did.

A node keeps its recent blocks only; an older one is asked of a node that has run for longer.
"""

from typing import Final

import click

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.block_events import decode_event
from omg_abci.node.client import NodeClient
from omg_abci.node.commands.catalogue import Catalogue
from omg_abci.node.commands.connection import connect
from omg_abci.node.commands.encoding import (
    decode_tx,
    encode_body,
    encode_event,
    encode_result,
)
from omg_abci.node.commands.failure import CommandError
from omg_abci.node.commands.options import NodeOptions, with_node
from omg_abci.node.commands.output import (
    format_examples,
    format_hex,
    format_time,
    print_fields,
    print_object,
    say,
)
from omg_abci.node.commands.submitting import print_outcome
from omg_abci.node.commands.words import describe_event, describe_legs
from omg_abci.protocol import codec
from omg_abci.protocol.units import HASH_BYTES, Hash, Height

_SAY_EVERY: Final = 5_000


def fetch_block(client: NodeClient, status: pb.Status, height: Height) -> pb.Block:
    """Return a committed block; raise CommandError when the node does not have it."""
    if not status.oldest_block <= height <= status.height:
        raise CommandError(
            "block_unknown",
            f"the node has no block {height}: it keeps {_describe_kept(status)}",
            "ask a node that has run for longer: --node HOST:PORT",
        )
    return next(client.stream_blocks(height))


def _describe_kept(status: pb.Status) -> str:
    if status.oldest_block > status.height:
        return "none from before it was started"
    return f"{status.oldest_block} to {status.height}"


@click.command("block", epilog=format_examples("omgd query block", "omgd query block 120 --json"))
@click.argument("height", type=click.IntRange(1), required=False)
@with_node
def block_command(options: NodeOptions, *, height: int | None) -> None:
    """Show a block and what each of its transactions did; the newest without HEIGHT."""
    with connect(options.node) as client:
        status = client.status()
        block = fetch_block(client, status, height or status.height)
        catalogue = Catalogue.load(client)
    if options.as_json:
        print_object(_encode_block(block))
        return
    print_fields(
        [
            ("block", block.height),
            ("time", format_time(block.time_ms)),
            ("hash", format_hex(block.block_hash)),
            ("app hash", format_hex(block.app_hash)),
            ("transactions", len(block.txs)),
        ]
    )
    for outcome in block.txs:
        tx = decode_tx(outcome.tx)
        result = codec.decode_result(outcome.result, outcome.code)
        click.echo(f"{format_hex(outcome.tx_id)} of {format_hex(tx.body.owner)}:")
        for line in describe_legs(tx.body.legs, result.legs, catalogue):
            click.echo(f"  {line}")
    if block.events:
        click.echo("by the chain itself:")
    for event in block.events:
        for line in describe_event(decode_event(event), catalogue):
            click.echo(f"  {line}")


def _encode_block(block: pb.Block) -> dict[str, object]:
    return {
        "height": block.height,
        "time_ms": block.time_ms,
        "block_hash": format_hex(block.block_hash),
        "app_hash": format_hex(block.app_hash),
        "txs": [
            {
                "tx_id": format_hex(outcome.tx_id),
                "tx": encode_body(decode_tx(outcome.tx)),
                **encode_result(codec.decode_result(outcome.result, outcome.code)),
            }
            for outcome in block.txs
        ],
        "events": [encode_event(event) for event in block.events],
    }


@click.command("tx-result", epilog=format_examples("omgd query tx-result 0x…"))
@click.argument("tx_id")
@click.option("--from-height", type=click.IntRange(1), help="Search from there on.")
@with_node
def tx_result_command(options: NodeOptions, *, tx_id: str, from_height: int | None) -> None:
    """Show what became of a transaction, searched for in the blocks that the node keeps.

    The status is 0 when it is found, whatever became of it.
    """
    wanted = _parse_tx_id(tx_id)
    with connect(options.node) as client:
        status = client.status()
        first = max(from_height or 1, status.oldest_block)
        found = _search(client, wanted, first, status.height)
        if found is None:
            raise CommandError(
                "tx_unknown",
                f"transaction {format_hex(wanted)} is in none of the blocks that the node keeps"
                f" ({_describe_kept(status)})",
                "it may still come, or be in an older block: ask a node that has run for longer",
            )
        catalogue = Catalogue.load(client)
    print_outcome(*found, catalogue, status.fee_token, as_json=options.as_json)


def _parse_tx_id(text: str) -> Hash:
    try:
        wanted = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        wanted = b""
    if len(wanted) != HASH_BYTES:
        raise CommandError(
            "bad_tx_id", f"{text!r} is no transaction id", "it has 0x and 64 hex digits"
        )
    return wanted


def _search(
    client: NodeClient, tx_id: Hash, first: Height, last: Height
) -> tuple[pb.Block, pb.TxOutcome] | None:
    """Return block and outcome, or None when no block up to the last has it."""
    if first > last:
        return None
    for block in client.stream_blocks(first):
        for outcome in block.txs:
            if outcome.tx_id == tx_id:
                return block, outcome
        if block.height == last:
            return None
        if block.height % _SAY_EVERY == 0:
            say(f"searched up to block {block.height} of {last} …")
    return None
