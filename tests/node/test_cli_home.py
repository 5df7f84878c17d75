"""`omgd init` and `omgd export`: a home that a node starts from, and what it holds later."""

import json
import stat
import tomllib
from pathlib import Path

import pytest

from omg_abci.localnet.genesis import make_document
from omg_abci.node.config import load_settings
from omg_abci.node.storage import Storage
from omg_abci.state.schema import TABLES
from tests.node.cli_run import make_cli
from tests.node.committed_chain import make_chain
from tests.node.one_node import ACCOUNTS


def test_a_home_is_complete(tmp_path: Path) -> None:
    """Settings can be read, keys are private, genesis names validator and chain."""
    cli, home = make_cli(tmp_path / "user"), tmp_path / "node"
    made = cli.ask("init", "--home", str(home), "--chain-id", "omg-1", "--moniker", 'a "b"')
    genesis = json.loads((home / "config" / "genesis.json").read_text())
    assert genesis["chain_id"] == "omg-1"
    (validator,) = genesis["validators"]
    assert (validator["name"], f"0x{validator['address'].lower()}") == ('a "b"', made["validator"])
    config = tomllib.loads((home / "config" / "config.toml").read_text())
    assert config["moniker"] == 'a "b"'
    assert config["p2p"]["persistent_peers"] == ""
    settings = load_settings(home)
    assert settings.abci == config["proxy_app"]
    assert settings.mempool.relay
    for file in ("config/priv_validator_key.json", "config/node_key.json", "accounts.json"):
        assert stat.S_IMODE((home / file).stat().st_mode) == 0o600
    assert len(json.loads((home / "accounts.json").read_text())["accounts"]) == 10


def test_a_genesis_document_is_taken_as_it_is(tmp_path: Path) -> None:
    """The given document becomes app_state, and no funded accounts are made beside it."""
    cli, home, file = make_cli(tmp_path / "user"), tmp_path / "node", tmp_path / "genesis.json"
    document = make_document(ACCOUNTS, 1_700_000_000_000)
    file.write_text(json.dumps(document))
    args = ("init", "--home", str(home), "--chain-id", "omg-1", "--genesis-app-state", str(file))
    shown = cli.run(*args).stdout
    assert f"omgd start --home {home}" in shown
    assert json.loads((home / "config" / "genesis.json").read_text())["app_state"] == document
    assert not (home / "accounts.json").exists()


@pytest.mark.parametrize(
    ("chain_id", "document", "folder", "code"),
    [
        ("", None, "node", "bad_chain_id"),
        ("omg chain", None, "node", "bad_chain_id"),
        ("a" * 17, None, "node", "bad_chain_id"),
        ("omg-1", "{", "node", "bad_genesis"),
        ("omg-1", "[]", "node", "bad_genesis"),
        ("omg-1", '{"fee_token": 1}', "node", "bad_genesis"),
        ("omg-1", None, "n" * 100, "path_too_long"),
        ("omg-1", None, "user", "directory_taken"),
        ("omg-1", None, "file", "directory_taken"),
    ],
)
def test_nothing_is_written_by_mistake(
    tmp_path: Path, chain_id: str, document: str | None, folder: str, code: str
) -> None:
    """A home that cannot be is refused before anything is there."""
    cli, file = make_cli(tmp_path / "user"), tmp_path / "genesis.json"
    (tmp_path / "file").touch()
    args = ["init", "--home", str(tmp_path / folder), "--chain-id", chain_id]
    if document is not None:
        file.write_text(document)
        args += ["--genesis-app-state", str(file)]
    before = sorted(tmp_path.rglob("*"))
    assert cli.refuse(*args) == code
    assert sorted(tmp_path.rglob("*")) == before


def test_export_decodes_every_record(tmp_path: Path) -> None:
    """Head and records come as lines, or as one object; both say the same."""
    cli, home = make_cli(tmp_path / "user"), tmp_path / "node"
    cli.ask("init", "--home", str(home), "--chain-id", "omg-test")
    chain = make_chain(9)
    chain.store(load_settings(home).state_path)
    lines = [
        json.loads(line) for line in cli.run("export", "--home", str(home)).stdout.splitlines()
    ]
    assert lines[0]["height"] == 9
    assert lines[0]["app_hash"] == f"0x{chain.heads[9].app_hash.hex()}"
    records = lines[1:]
    assert [each["table"] for each in records] == [
        TABLES[key[:1]] for key in sorted(chain.states[9])
    ]
    balance = next(each for each in records if each["table"] == "balance")
    assert balance["free"].isdigit()
    whole = cli.ask("export", "--home", str(home))
    assert whole == lines[0] | {"records": records}


def test_export_of_what_is_not_there(tmp_path: Path) -> None:
    """A folder that is no home, and one whose node never ran, are told apart."""
    cli, home = make_cli(tmp_path / "user"), tmp_path / "node"
    assert cli.refuse("export", "--home", str(home)) == "node.settings"
    cli.ask("init", "--home", str(home), "--chain-id", "omg-1")
    assert cli.refuse("export", "--home", str(home)) == "storage.missing"
    Storage.open(load_settings(home).state_path).close()
    assert cli.refuse("export", "--home", str(home)) == "storage.empty"
