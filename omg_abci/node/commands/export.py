"""The command `omgd export`: the whole state of a node's database, decoded or as a genesis file."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from omg_abci.node.commands.failure import CommandError
from omg_abci.node.commands.output import format_examples, format_hex, say
from omg_abci.node.commands.records import encode_record
from omg_abci.node.config import load_settings
from omg_abci.node.genesis_export import export_genesis
from omg_abci.node.genesis_file import get_genesis_path, load_genesis_file
from omg_abci.node.storage import Meta, Storage


@click.command(
    "export",
    epilog=format_examples(
        "omgd export --home ~/.omg/localnet/node0 > state.jsonl",
        'omgd export --home ~/.omg/localnet/node0 | grep \'"table": "balance"\'',
        "omgd export --home ~/.omg/node --genesis --chain-id omg-2 --output genesis.json",
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
@click.option(
    "--genesis",
    is_flag=True,
    help="Write a genesis file with which another chain carries this state on.",
)
@click.option("--chain-id", help="With --genesis: of the new chain; the same by default.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --genesis: the file to write; standard output by default.",
)
def export_command(
    *, home: Path, as_json: bool, genesis: bool, chain_id: str | None, output: Path | None
) -> None:
    """Print the state that a node has on disk: height, app hash, every record.

    Nothing is changed. The first line is the head, each further line a record, ascending by key.
    Of a running node it is the state at some recent height.
    """
    home = home.expanduser()
    if not genesis and (chain_id or output):
        raise click.UsageError("--chain-id and --output go with --genesis")
    with _open_state(load_settings(home).state_path) as (storage, meta):
        if genesis:
            whole = load_genesis_file(get_genesis_path(home)).whole
            _write_text(output, export_genesis(storage, whole, chain_id))
            say(f"the state of {meta.chain_id} at height {meta.height} is the genesis of a chain")
        else:
            count = _print_state(meta, storage, as_json=as_json)
            say(f"{count} records of chain {meta.chain_id} at height {meta.height}")


@contextmanager
def _open_state(path: Path) -> Iterator[tuple[Storage, Meta]]:
    """Open a database as it is at the moment; raise StorageError, CommandError."""
    storage = Storage.open(path, read_only=True)
    try:
        meta = storage.load_meta()
        if meta is None:
            raise CommandError(
                "storage.empty", f"{path} holds no block yet", "start the node first"
            )
        yield storage, meta
    finally:
        storage.close()


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


def _write_text(output: Path | None, parts: Iterable[str]) -> None:
    """Write a file as a whole or not at all."""
    if output is None:
        for part in parts:
            click.echo(part, nl=False)
        return
    draft = output.with_name(f"{output.name}.draft")
    with draft.open("w", encoding="utf-8") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(output)


def _encode_meta(meta: Meta) -> dict[str, object]:
    return {
        name: format_hex(value) if isinstance(value, bytes) else value
        for name, value in meta._asdict().items()
    }
