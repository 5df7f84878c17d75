"""`omgd status` and `omgd query …`: answers for people and for programs, and checked proofs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node.cli_run import Cli, make_cli
from tests.node.one_node import CHAIN_ID, OWNER, run_one_node

_ORDER = 1_234


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """Return a command line with a node on which alice has an open order."""
    folder = tmp_path_factory.mktemp("node")
    with run_one_node(folder) as node:
        cli = make_cli(folder / "home", node)
        place = ("tx", "place", "OMG/USD", "buy", "10", "0.85", "--client-id", str(_ORDER))
        cli.ask(*place, "--from", "alice", "--yes")
        yield cli


def test_status(cli: Cli) -> None:
    """Status names chain, height and what proofs can be had for."""
    status = cli.ask("status")
    assert (status["chain_id"], status["height"]) == (CHAIN_ID, 2)
    assert f"chain        {CHAIN_ID}" in cli.run("status").stdout


def test_account_and_balance(cli: Cli) -> None:
    """An account shows what is free and reserved in tokens; an unknown one is empty."""
    shown = cli.run("query", "account", "alice").stdout
    assert "9,999,991.5       8.5  USD" in shown
    assert "open orders  1" in shown
    account = cli.ask("query", "account", "0x" + OWNER["alice"].hex())
    assert account["balances"][2]["reserved"] == "8500000"
    assert "reserved  8.5 USD" in cli.run("query", "balance", "alice", "USD").stdout
    assert cli.ask("query", "account", "0x" + "12" * 20)["balances"] == []
    assert cli.ask("query", "balance", "0x" + "12" * 20, "OMG")["free"] == "0"


def test_orders_and_book(cli: Cli) -> None:
    """The order is found by its owner, alone and in the list, and in the book at its price."""
    assert cli.ask("query", "order", "alice", str(_ORDER))["side"] == "buy"
    assert "0.85 USD" in cli.run("query", "order", "alice", str(_ORDER)).stdout
    assert len(cli.ask("query", "orders", "alice", "--limit", "1")["orders"]) == 1
    assert "OMG/USD" in cli.run("query", "orders", "alice").stdout
    (bid,) = cli.ask("query", "book", "OMG/USD")["bids"]
    assert (bid["price"], bid["quantity"], bid["count"]) == (8_500, 1_000, 1)
    assert "bid   0.85 USD    10 OMG       1" in cli.run("query", "book", "1").stdout
    assert str(_ORDER) in cli.run("query", "book", "OMG/USD", "--by-order").stdout
    assert cli.refuse("query", "order", "alice", "99") == "NOT_FOUND"


def test_ended_orders_are_remembered(cli: Cli) -> None:
    """An order that has ended says why."""
    place = ("tx", "place", "OMG/USD", "sell", "1", "2", "--tif", "ioc", "--client-id", "5")
    cli.ask(*place, "--from", "bob", "--yes")
    shown = cli.run("query", "order", "bob", "5").stdout
    assert "ended: the rest of an immediate order was cancelled" in shown


def test_markets_and_tokens(cli: Cli) -> None:
    """Markets show their grid in tokens, tokens their supply."""
    assert "0.0001 USD" in cli.run("query", "markets").stdout
    assert cli.ask("query", "markets")["markets"][0]["status"] == "active"
    assert "100,000,000 USD" in cli.run("query", "tokens").stdout
    assert cli.ask("query", "tokens")["tokens"][0]["symbol"] == "OMG"


def test_blocks_and_results(cli: Cli) -> None:
    """A block tells what its transactions did; a result is found by the transaction's id."""
    block = cli.ask("query", "block", "2")
    (tx,) = block["txs"]
    shown = cli.run("query", "block", "2").stdout
    assert f"10 OMG rest in the book as order {_ORDER}" in shown
    assert cli.ask("query", "tx-result", tx["tx_id"])["height"] == 2
    assert cli.refuse("query", "block", "999") == "block_unknown"
    assert cli.refuse("query", "tx-result", "0x" + "00" * 32) == "tx_unknown"
    assert cli.refuse("query", "tx-result", "0x12") == "bad_tx_id"


def test_proofs_are_checked_here(cli: Cli) -> None:
    """Presence and absence are proved against a header's app hash, and say whose it is."""
    present = cli.ask("query", "proof", "balance", "bob", "0", "ETH")
    assert present["verified"] is True
    assert present["record"]["free"] == str(10**21)
    absent = cli.ask("query", "proof", "order", "bob", "77")
    assert (absent["verified"], absent["present"]) == (True, False)
    node = cli.node
    assert node is not None
    args = ("query", "proof", "market", "OMG/USD", "--witness", node.target)
    assert "from the witness unix:" in cli.run(*args).stdout
    key = ("query", "proof", "key", "0x01")
    header, app_hash = present["header_height"], present["app_hash"]
    trusted = cli.ask(*key, "--header", str(header), "--app-hash", app_hash)
    assert trusted["app_hash_from"] == "--app-hash"


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("orders",), "bad_key"),
        (("balance", "bob"), "bad_key"),
        (("balance", "bob", "256", "OMG"), "bad_key"),
        (("key", "0xzz"), "bad_key"),
        (("key", "0xff"), "bad_key"),
        (("block", "--app-hash", "0x12"), "bad_app_hash"),
        (("block", "--app-hash", "0x" + "12" * 32), "proofs.app_hash_mismatch"),
        (("block", "--header", "100000"), "OUT_OF_RANGE"),
    ],
)
def test_proofs_that_cannot_be(cli: Cli, args: tuple[str, ...], code: str) -> None:
    """Keys that are none, and app hashes that the proof does not lead to, are refused."""
    assert cli.refuse("query", "proof", *args) == code


def test_no_node(tmp_path: Path) -> None:
    """A node that does not answer is named, with what to do."""
    cli = make_cli(tmp_path)
    result = cli.run("status", "--node", "127.0.0.1:1")
    assert "no node answers at 127.0.0.1:1 (code node_unreachable)" in result.stderr
    assert "omgd localnet" in result.stderr
    assert cli.refuse("status", "--node", "127.0.0.1:1") == "node_unreachable"


@pytest.mark.parametrize("address", ["http://127.0.0.1:26670", "127.0.0.1", "a:0", ":5", "a:99999"])
def test_addresses_that_are_none(tmp_path: Path, address: str) -> None:
    """What is no HOST:PORT is refused before anything is sent."""
    assert make_cli(tmp_path).refuse("status", "--node", address) == "bad_node"


def test_the_local_network_is_found(tmp_path: Path) -> None:
    """Without --node and OMG_NODE the local network's first node is asked."""
    cli = make_cli(tmp_path)
    folder = tmp_path / ".omg" / "localnet"
    folder.mkdir(parents=True)
    (folder / "localnet.json").write_text('{"nodes": [{"grpc": "127.0.0.1:2"}]}')
    assert "at 127.0.0.1:2 " in cli.run("status").stderr
