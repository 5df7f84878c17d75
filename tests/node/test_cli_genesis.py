"""`omgd export --genesis` and `omgd genesis check`: from a home to a genesis file that is one."""

import json
from pathlib import Path

from omg_abci.node.chain import Chain
from omg_abci.node.storage import Storage
from omg_abci.rules.transition import Block
from omg_abci.state.tree import Tree
from tests.node.cli_run import Cli, make_cli


def make_home(cli: Cli, home: Path) -> dict[str, object]:
    """Write a home whose database holds one block; return the first check's answer."""
    cli.ask("init", "--home", str(home), "--chain-id", "omg-cli-1")
    checked = cli.ask("genesis", "check", str(home / "config" / "genesis.json"))
    genesis = json.loads((home / "config" / "genesis.json").read_text())
    chain = Chain(Storage.open(home / "app" / "state"))
    records, domain = chain.build_genesis("omg-cli-1", genesis["app_state"])
    root = Tree.load(records).root
    assert chain.begin(domain, records, root).hex() == checked["app_hash"]
    executed = chain.execute(Block(1, 1_900_000_000_123, bytes(32), ()), ())
    chain.commit(bytes(32), root)
    assert executed.block.height == 1
    chain.storage.close()
    return checked


def test_export_and_check(tmp_path: Path) -> None:
    """The exported file passes the check, twice with the same bytes, and keeps the domain."""
    cli, home = make_cli(tmp_path / "user"), tmp_path / "home"
    before = make_home(cli, home)
    target = tmp_path / "genesis.json"
    export = ("export", "--home", str(home), "--genesis", "--chain-id", "omg-cli-2")
    cli.run(*export, "--output", str(target))
    assert cli.run(*export).stdout == target.read_text()
    after = cli.ask("genesis", "check", str(target))
    assert (after["chain_id"], after["initial_height"]) == ("omg-cli-2", 5)
    for name in ("records", "ethereum_chain_id", "verifying_contract"):
        assert after[name] == before[name]
    assert json.loads(target.read_text())["genesis_time"] == "2030-03-17T17:46:40.123Z"


def test_refusals(tmp_path: Path) -> None:
    """What is no genesis file, and options that do nothing, are refused with a code."""
    cli, home = make_cli(tmp_path / "user"), tmp_path / "home"
    make_home(cli, home)
    target = tmp_path / "genesis.json"
    cli.run("export", "--home", str(home), "--genesis", "--output", str(target))
    document = json.loads(target.read_text())
    changes: list[dict[str, object]] = [
        {"initial_height": "4"},
        {"app_state": {}},
        {"chain_id": "omg-other"},
    ]
    for change in changes:
        target.write_text(json.dumps(document | change))
        assert cli.refuse("genesis", "check", str(target)) == "bad_genesis"
    target.write_text("{")
    assert cli.refuse("genesis", "check", str(target)) == "bad_genesis"
    assert cli.refuse("export", "--home", str(home), "--chain-id", "x") == "usage"
