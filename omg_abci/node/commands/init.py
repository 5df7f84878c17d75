"""The command `omgd init`: a home for the first validator of a chain of its own."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

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
_HEADING: Final = "# Written by omgd init; change it as you need."
_MONIKER: Final = re.compile(r"^moniker = .*$", re.MULTILINE)


@click.command("init", epilog=format_examples("omgd init --home ~/.omg/node --chain-id omg-test-1", "omgd init --home node --chain-id omg-1 --genesis-app-state genesis.json --moniker alpha", '"', "me = home.expanduser().absolute()", 'cket = home / "app" / "abci.sock"', "equire_fit(home, socket, chain_id)", "w = datetime.now(UTC)", "counts: tuple[Account, ...] = ()", " genesis_app_state is None:", "  accounts = make_accounts(None)", "  document = make_document(accounts, int(now.timestamp() * 1000))", "se:", "  document = _read_document(genesis_app_state)", "heck_document(chain_id, document, genesis_app_state)", 'lidator, node = make_ethereum_key(None, "validator"), make_node_key(None, "node")', "nesis: dict[str, Any] = make_genesis(", '  chain_id, now.isoformat().replace("+00:00", "Z"), [validator], document', "", 'nesis["validators"][0]["name"] = moniker', "rite_home(home, validator, node, genesis, accounts)", "ite_settings(home, socket, _PORTS, (), NodeSettings())", "etitle(home, moniker)", "eport(home, chain_id, validator, node, accounts, as_json=as_json)", "", "", "equire_fit(home: Path, socket: Path, chain_id: str) -> None:", " len(chain_id) > CHAIN_ID_BYTES_MAX or not _CHAIN_ID.fullmatch(chain_id):", "  raise CommandError(", '      "bad_chain_id",', '      f"{chain_id!r} cannot be a chain id",', '      f"1 to {CHAIN_ID_BYTES_MAX} letters, digits, \'.\', \'_\' and \'-\', the first a letter or "', '      "digit",', "  )", " len(str(socket).encode()) > _SOCKET_PATH_BYTES:", "  raise CommandError(", '      "path_too_long",', '      f"{socket} is too long for a socket",', '      f"choose a home whose path has at most {_SOCKET_PATH_BYTES - 14} bytes",', "  )", " home.exists() and (not home.is_dir() or any(home.iterdir())):", '  raise CommandError("directory_taken", f"{home} is not empty")', "", "", "ead_document(path: Path) -> dict[str, object]:", "y:", '  document = json.loads(path.read_text(encoding="utf-8"))', "cept ValueError as reason:", '  raise CommandError("bad_genesis", f"{path} is not JSON: {reason}") from None', " not isinstance(document, dict):", '  raise CommandError("bad_genesis", f"{path} holds no JSON object")', "turn document", "", "", "heck_document(chain_id: str, document: dict[str, object], path: Path | None) -> None:", "y:", "  build_genesis(chain_id, document)", "cept GenesisError as reason:", "  raise CommandError(", '      "bad_genesis",', '      f"{path or \'the genesis document\'}: {reason}",', '      "docs/architecture.md has the document\'s form",', "  ) from None", "", "", "rite_home(", "me: Path,", "lidator: EthereumKey,", "de: NodeKey,", "nesis: dict[str, Any],", "counts: tuple[Account, ...],", "one:", 'r folder in ("config", "data", "app"):', "  (home / folder).mkdir(parents=True)", "me.chmod(0o700)", "ite_validator_key(home, validator)", "ite_node_key(home, node)", 'xt = json.dumps(genesis, indent=2) + "\\n"', 'ome / "config" / "genesis.json").write_text(text, encoding="utf-8")', " accounts:", "  write_secret_file(", '      home / "accounts.json", {"accounts": [encode_account(each) for each in accounts]}', "  )", "", "", "etitle(home: Path, moniker: str) -> None:"))
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
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
    """Make a local network's settings this home's: nobody writes them again at each start."""
    for path in (home / "config" / "config.toml", home / "app" / "app.toml"):
        _, _, settings = path.read_text(encoding="utf-8").partition("\n")
        settings = _MONIKER.sub(lambda _: f"moniker = {json.dumps(moniker)}", settings)
        path.write_text(f"{_HEADING}\n{settings}", encoding="utf-8")


def _report(
    home: Path,
    chain_id: str,
    validator: EthereumKey,
    node: NodeKey,
    accounts: tuple[Account, ...],
    *,
    as_json: bool,
) -> None:
    files = {"genesis": str(home / "config" / "genesis.json")}
    if accounts:
        files["accounts"] = str(home / "accounts.json")
    start = [f"omgd start --home {home}", f"$(omgd cometbft) start --home {home}"]
    if as_json:
        print_object(
            {
                "home": str(home),
                "chain_id": chain_id,
                "validator": format_hex(validator.address),
                "node_id": node.node_id,
                **files,
                "start": start,
            }
        )
        return
    click.echo(f"{home} is the home of chain {chain_id}, validator {format_hex(validator.address)}")
    if accounts:
        click.echo(f"Ten funded accounts, with their secrets: {files['accounts']}")
    else:
        click.echo(f"Genesis, to be given to every other node: {files['genesis']}")
    click.echo("Next, in two terminals:")
    for line in start:
        click.echo(f"  {line}")
    click.echo(f"Then: omgd status --node 127.0.0.1:{_PORTS.grpc}")
