"""The command `omgd export`: the whole state of a node's database, decoded."""

import json
from pathlib import Path

import click

from omg_abci.node.commands.failure import CommandError
from omg_abci.node.commands.output import format_examples, format_hex, say
from omg_abci.node.commands.records import encode_record
from omg_abci.node.config import load_settings
from omg_abci.node.storage import Meta, Storage


@click.command(
    "export",
    epilog=format_examples(
        "omgd export --home ~/.omg/localnet/node0 > state.jsonl",
        'omgd export --home ~/.omg/localnet/node0 | grep \'"table": "balance"\'',
    ),
)
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The node's home.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one object with all records; without it, one object a line.",
)
def export_command(*, home: Path, as_json: bool) -> None:
    """Print the state that a node has on disk: height, app hash, every record.

    Nothing is changed. The first line is the head, each further line a record, ascending by key.
    Of a running node it is the state at some recent height.
    """
    settings = load_settings(home.expanduser())
    storage = Storage.open(settings.state_path, read_only=True)
    try:
        meta = storage.load_meta()
        if meta is None:
            raise CommandError(
                "storage.empty", f"{settings.state_path} holds no block yet", "start the node first"
            )
        count = _print_state(meta, storage, as_json=as_json)
    finally:
        storage.close()
    say(f"{count} records of chain {meta.chain_id} at height {meta.height}")


def _print_state(meta: Meta, storage: Storage, *, as_json: bool) -> int:
    """Print head and records as they are read, so that a large state needs no memory."""
    head = json.dumps(_encode_meta(meta))
    # One object that grows: its closing brace is printed last.
    click.echo(f'{head[:-1]}, "records": [' if as_json else head)
    count = 0
    for key, value in storage.iterate_records():
        comma = "," if as_json and count else ""
        click.echo(comma + json.dumps(encode_record(key, value)))
        count += 1
    if as_json:
        click.echo("]}")
    return count


def _encode_meta(meta: Meta) -> dict[str, object]:
    return {
        name: format_hex(value) if isinstance(value, bytes) else value
        for name, value in meta._asdict().items()
    }
