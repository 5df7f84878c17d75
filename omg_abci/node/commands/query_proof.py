"""The command `omgd query proof`: a record, or its absence, checked against a header's app hash."""

import click

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.client import NodeClient
from omg_abci.node.commands.catalogue import Catalogue
from omg_abci.node.commands.connection import connect, find_node
from omg_abci.node.commands.failure import CommandError
from omg_abci.node.commands.identity import Names
from omg_abci.node.commands.options import OwnerOptions, with_owner
from omg_abci.node.commands.output import (
    format_examples,
    format_hex,
    print_fields,
    print_object,
)
from omg_abci.node.commands.query_blocks import fetch_block
from omg_abci.node.commands.records import compute_key, encode_record
from omg_abci.protocol.merkle import MerkleError
from omg_abci.protocol.proofs import RecordProof, require_state_height, verify_record
from omg_abci.protocol.units import HASH_BYTES, Hash, Height
from omg_abci.state import schema
from omg_abci.state.records import BlockRecord


@click.command(
    "proof",
    epilog=format_examples(
        "omgd query proof balance alice 0 OMG",
        "omgd query proof order alice 1732000000000 --witness 127.0.0.1:26680",
        "omgd query proof account 0x… --app-hash 0x… --header 120 --json",
    ),
)
@click.argument("table")
@click.argument("parts", nargs=-1)
@click.option(
    "--header", "header_height", type=click.IntRange(1), help="Height of the header; the newest."
)
@click.option("--app-hash", help="App hash of that header, from where you trust it.")
@click.option(
    "--witness", metavar="HOST:PORT", help="Node that is asked for that header's app hash instead."
)
@with_owner
def proof_command(
    options: OwnerOptions,
    *,
    table: str,
    parts: tuple[str, ...],
    header_height: int | None,
    app_hash: str | None,
    witness: str | None,
) -> None:
    """Prove that a record is in the state, or that it is not, and check the proof here.

    TABLE and PARTS name the record as docs/spec/state.md does, key HEX any other. What a check
    is worth depends on where the app hash comes from: --app-hash from a header that you verified,
    --witness from another node, or without either from the node itself.
    """
    names = Names(options.keyring, options.accounts)
    with connect(options.node) as client:
        key = compute_key(table, parts, names, Catalogue.load(client))
        answer = client.proof(key, header_height or 0)
        frame = client.proof(schema.BLOCK, answer.header_height)
        trusted, origin = _find_app_hash(client, answer.header_height, app_hash, witness)
    _verify(key, answer, frame, trusted)
    record = encode_record(key, answer.value if answer.present else None)
    if options.as_json:
        print_object(_encode(answer, record, trusted, origin))
        return
    state = "is in the state" if answer.present else "is not in the state"
    click.echo(f"proved: the record {state} after block {answer.state_height}")
    print_fields([(name, value) for name, value in record.items() if not isinstance(value, list)])
    click.echo(f"checked against the app hash in header {answer.header_height}, from {origin}:")
    click.echo(f"  {format_hex(trusted)}")


def _find_app_hash(
    client: NodeClient, header_height: Height, app_hash: str | None, witness: str | None
) -> tuple[Hash, str]:
    """Return the app hash to check against, and who says so; raise CommandError, NodeError."""
    if app_hash is not None:
        try:
            given = bytes.fromhex(app_hash.removeprefix("0x"))
        except ValueError:
            given = b""
        if len(given) != HASH_BYTES:
            raise CommandError("bad_app_hash", f"{app_hash!r} is no app hash", "it has 32 bytes")
        return given, "--app-hash"
    if witness is None:
        return _fetch_app_hash(client, header_height), "the node itself"
    with connect(witness) as other:
        return _fetch_app_hash(other, header_height), f"the witness {find_node(witness)}"


def _fetch_app_hash(client: NodeClient, header_height: Height) -> Hash:
    """Return what the header carries: the app hash of the block before it."""
    status = client.status()
    if status.height == header_height - 1:
        return status.app_hash
    return fetch_block(client, status, header_height - 1).app_hash


def _verify(key: bytes, answer: pb.StateProof, frame: pb.StateProof, app_hash: Hash) -> None:
    """Check record and claimed height against the app hash; raise CommandError."""
    try:
        verify_record(app_hash, _make_proof(key, answer))
        # The block record says which height the state is of, so the claim needs no trust.
        verify_record(app_hash, _make_proof(schema.BLOCK, frame))
        block = BlockRecord.decode(frame.value)
        require_state_height(answer.header_height, block.height, block.root_interval)
        require_state_height(answer.header_height, answer.state_height, block.root_interval)
    except MerkleError as reason:
        raise CommandError(
            reason.code,
            f"the proof is wrong: {reason}",
            "do not believe this node; ask another: --node HOST:PORT",
        ) from reason


def _make_proof(key: bytes, answer: pb.StateProof) -> RecordProof:
    value = answer.value if answer.present else None
    return RecordProof(
        key, value, answer.tree_root, answer.diff_hash, answer.checkpoint_digest, answer.proof
    )


def _encode(
    answer: pb.StateProof, record: dict[str, object], app_hash: Hash, origin: str
) -> dict[str, object]:
    return {
        "verified": True,
        "present": answer.present,
        "record": record,
        "key": format_hex(answer.key),
        "value": format_hex(answer.value) if answer.present else None,
        "state_height": answer.state_height,
        "header_height": answer.header_height,
        "app_hash": format_hex(app_hash),
        "app_hash_from": origin,
        "tree_root": format_hex(answer.tree_root),
        "diff_hash": format_hex(answer.diff_hash),
        "checkpoint_digest": format_hex(answer.checkpoint_digest),
        "proof": format_hex(answer.proof),
    }
