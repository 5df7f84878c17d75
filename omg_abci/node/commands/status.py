"""The command `omgd status`."""

import click

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.commands.catalogue import Catalogue, TokenTerms
from omg_abci.node.commands.connection import connect, find_node, node_option
from omg_abci.node.commands.output import (
    format_examples,
    format_hex,
    format_span,
    format_time,
    get_now_ms,
    json_option,
    print_fields,
    print_object,
)


@click.command(
    "status", epilog=format_examples("omgd status", "omgd status --node 127.0.0.1:26670 --json")
)
@node_option
@json_option
def status_command(*, node: str | None, as_json: bool) -> None:
    """Say where a node is, and what it knows."""
    with connect(node) as client:
        status = client.status()
        fee_token = Catalogue.load(client).tokens[status.fee_token]
    if as_json:
        print_object(
            {
                "node": find_node(node),
                "chain_id": status.chain_id,
                "height": status.height,
                "time_ms": status.time_ms,
                "app_hash": format_hex(status.app_hash),
                "block_hash": format_hex(status.block_hash),
                "proof_height": status.proof_height,
                "oldest_block": status.oldest_block,
                "pool": {"count": status.pool_count, "bytes": status.pool_bytes},
                "unit_price": str(status.unit_price),
                "fee_token": status.fee_token,
                "market_bond": status.market_bond,
                "ethereum_chain_id": status.ethereum_chain_id,
                "verifying_contract": format_hex(status.verifying_contract),
                "version": status.version,
            }
        )
        return
    _print_status(find_node(node), status, fee_token)


def _print_status(target: str, status: pb.Status, fee_token: TokenTerms) -> None:
    contract = format_hex(status.verifying_contract)
    when = "genesis"
    if status.time_ms:
        age = format_span(max(0, get_now_ms() - status.time_ms))
        when = f"{format_time(status.time_ms)} ({age} ago)"
    proofs = f"up to header {status.proof_height}" if status.proof_height else "not yet"
    pool = f"{status.pool_count} transactions, {status.pool_bytes} bytes"
    print_fields(
        [
            ("node", f"{target}, version {status.version}"),
            ("chain", status.chain_id),
            ("height", status.height),
            ("block time", when),
            ("app hash", format_hex(status.app_hash)),
            ("block hash", format_hex(status.block_hash)),
            ("pool", pool),
            ("proofs", proofs),
            ("blocks kept", f"from {status.oldest_block}"),
            ("fees", f"{fee_token.format(status.unit_price)} a work unit"),
            ("market bond", fee_token.format(int(status.market_bond))),
            ("signing", f"chain {status.ethereum_chain_id}, contract {contract}"),
        ]
    )
