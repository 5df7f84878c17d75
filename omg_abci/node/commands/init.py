"""The command `omgd init`: a home for the first validator of a chain of its own."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from omg_abci.localnet.genesis import (
    Account,
    encode_account,
    make_accounts,
    make_document,
    make_genesis,
)
from omg_abci.localnet.keys import (
    EthereumKey,
    NodeKey,
    make_ethereum_key,
    make_node_key,
    write_node_key,
    write_secret_file,
    write_validator_key,
)
from omg_abci.localnet.settings import NodeSettings, Ports, write_settings
from omg_abci.node.commands.failure import CommandError
from omg_abci.node.commands.output import format_examples, format_hex, json_option, print_object
from omg_abci.protocol.errors import GenesisError
from omg_abci.protocol.limits import CHAIN_ID_BYTES_MAX
from omg_abci.state.genesis import build_genesis

_CHAIN_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PORTS: Final = Ports(p2p=26656, rpc=26657, grpc=26670, metrics=26660)
_SOCKET_PATH_BYTES: Final = 100
"""Linux takes 107, other systems 103."""
_HEADING: Final = "# Written by omgd init; change it as you need.\n"


class _Home(NamedTuple):
    """What is written."""

    path: Path
    chain_id: str
    moniker: str
    validator: EthereumKey
    node: NodeKey
    accounts: tuple[Account, ...]

    @property
    def socket(self) -> Path:
        return self.path / "app" / "abci.sock"

    @property
    def genesis_file(self) -> Path:
        return self.path / "config" / "genesis.json"

    @property
    def accounts_file(self) -> Path:
        return self.path / "accounts.json"


@click.command(
    "init",
    epilog=format_examples(
        "omgd init --home ~/.omg/node --chain-id omg-test-1",
        "omgd init --home node --chain-id omg-1 --genesis-app-state genesis.json --moniker alpha",
    ),
)
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    required=True,
    help="Directory to write; it is empty or not there yet.",
)
@click.option(
    "--chain-id",
    required=True,
    help=f"1 to {CHAIN_ID_BYTES_MAX} letters, digits, '.', '_' and '-'; signatures name it.",
)
@click.option(
    "--genesis-app-state",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="JSON file with tokens, markets and balances; without it one for trying things out is "
    "written, with ten funded accounts whose secrets lie in accounts.json.",
)
@click.option("--moniker", default="validator", show_default=True, help="Name that peers see.")
@json_option
def init_command(
    *, home: Path, chain_id: str, genesis_app_state: Path | None, moniker: str, as_json: bool
) -> None:
    """Write a home: keys and genesis of a chain with one validator, and its settings.

    The genesis document is checked before anything is written; docs/architecture.md has its form.
    """
    now = datetime.now(UTC)
    accounts = () if genesis_app_state else make_accounts(None)
    path = home.expanduser().absolute()
    keys = make_ethereum_key(None, "validator"), make_node_key(None, "node")
    made = _Home(path, chain_id, moniker, *keys, accounts)
    _require_fit(made)
    if genesis_app_state:
        document = _read_document(genesis_app_state)
    else:
        document = make_document(accounts, int(now.timestamp() * 1000))
    _check_document(chain_id, document, genesis_app_state)
    _write_home(made, document, now)
    _report(made, as_json=as_json)


def _require_fit(made: _Home) -> None:
    chain_id, home = made.chain_id, made.path
    if len(chain_id) > CHAIN_ID_BYTES_MAX or not _CHAIN_ID.fullmatch(chain_id):
        raise CommandError(
            "bad_chain_id",
            f"{chain_id!r} cannot be a chain id",
            f"1 to {CHAIN_ID_BYTES_MAX} letters, digits, '.', '_' and '-', the first a letter or "
            "digit",
        )
    if len(str(made.socket).encode()) > _SOCKET_PATH_BYTES:
        most = _SOCKET_PATH_BYTES - len("/app/abci.sock")
        raise CommandError(
            "path_too_long",
            f"{made.socket} is too long for a socket",
            f"choose a home whose path has at most {most} bytes",
        )
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise CommandError("directory_taken", f"{home} is not an empty directory")


def _read_document(path: Path) -> dict[str, object]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as reason:
        raise CommandError("bad_genesis", f"{path} is not JSON: {reason}") from None
    if not isinstance(document, dict):
        raise CommandError("bad_genesis", f"{path} holds no JSON object")
    return document


def _check_document(chain_id: str, document: dict[str, object], path: Path | None) -> None:
    try:
        build_genesis(chain_id, document)
    except GenesisError as reason:
        raise CommandError(
            "bad_genesis",
            f"{path or 'the genesis document'}: {reason}",
            "docs/architecture.md has the document's form",
        ) from None


def _write_home(made: _Home, document: dict[str, object], now: datetime) -> None:
    home = made.path
    for folder in ("config", "data", "app"):
        (home / folder).mkdir(parents=True)
    home.chmod(0o700)
    write_validator_key(home, made.validator)
    write_node_key(home, made.node)
    moment = now.isoformat().replace("+00:00", "Z")
    genesis: dict[str, Any] = make_genesis(made.chain_id, moment, [made.validator], document)
    genesis["validators"][0]["name"] = made.moniker
    made.genesis_file.write_text(json.dumps(genesis, indent=2) + "\n", encoding="utf-8")
    if made.accounts:
        accounts = [encode_account(each) for each in made.accounts]
        write_secret_file(made.accounts_file, {"accounts": accounts})
    settings = NodeSettings(relay=True)
    name = made.moniker
    write_settings(home, made.socket, _PORTS, (), settings, moniker=name, heading=_HEADING)


def _report(made: _Home, *, as_json: bool) -> None:
    home, validator = made.path, format_hex(made.validator.address)
    start = [f"omgd start --home {home}", f'"$(omgd cometbft)" start --home {home}']
    if as_json:
        print_object(
            {
                "home": str(home),
                "chain_id": made.chain_id,
                "validator": validator,
                "node_id": made.node.node_id,
                "genesis": str(made.genesis_file),
                "accounts": str(made.accounts_file) if made.accounts else None,
                "start": start,
            }
        )
        return
    click.echo(f"{home} is the home of chain {made.chain_id}, validator {validator}")
    if made.accounts:
        click.echo(f"Ten funded accounts, with their secrets: {made.accounts_file}")
    else:
        click.echo(f"Genesis, to be given to every other node: {made.genesis_file}")
    click.echo("Next, in two terminals:")
    for line in start:
        click.echo(f"  {line}")
    click.echo(f"Then: omgd status --node 127.0.0.1:{_PORTS.grpc}")
