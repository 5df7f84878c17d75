"""The command `omgd genesis check`: whether a chain can begin with a file."""

from pathlib import Path

import click

from omg_abci.node.commands.failure import CommandError
from omg_abci.node.commands.output import (
    format_examples,
    format_hex,
    json_option,
    print_fields,
    print_object,
)
from omg_abci.node.genesis_file import GenesisFile, GenesisFileError, load_genesis_file
from omg_abci.node.genesis_import import build_first_records, read_first_height
from omg_abci.protocol.errors import GenesisError
from omg_abci.state.hashes import compute_app_hash, compute_genesis_diff_hash
from omg_abci.state.tree import Tree


@click.group("genesis")
def genesis_group() -> None:
    """Genesis files, with which chains begin."""


@genesis_group.command(
    "check",
    epilog=format_examples("omgd genesis check ~/.omg/node/config/genesis.json"),
)
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@json_option
def check_command(*, path: Path, as_json: bool) -> None:
    """Check a genesis file as the first start of a node does, and print its app hash.

    Two operators who see the same app hash begin the same chain. An exported state is checked
    record by record.
    """
    try:
        file = load_genesis_file(path)
        answer = _check(file)
    except (GenesisError, GenesisFileError) as reason:
        raise CommandError(
            "bad_genesis", f"{path}: {reason}", "docs/architecture.md has the document's form"
        ) from None
    if as_json:
        print_object(answer)
    else:
        print_fields(answer.items())


def _check(file: GenesisFile) -> dict[str, object]:
    records, domain = build_first_records(file.chain_id, file.document)
    height = read_first_height(file.document)
    given = str(file.whole.get("initial_height", "1"))
    if given != str(height + 1):
        raise GenesisError(f"initial_height: {given} is not {height + 1}")
    diff_hash = compute_genesis_diff_hash(records)
    return {
        "chain_id": domain.chain_id,
        "initial_height": height + 1,
        "records": len(records),
        "ethereum_chain_id": domain.ethereum_chain_id,
        "verifying_contract": format_hex(domain.verifying_contract),
        "app_hash": compute_app_hash(Tree.load(records).root, diff_hash).hex(),
    }
