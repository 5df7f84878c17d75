"""`omgd tx …` against a real state machine: what is shown, signed, sent and said afterwards."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.node.cli_run import Cli, make_cli
from tests.node.one_node import AGENT, OWNER, run_one_node

_YES = ("--yes", "--timeout", "20")


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    """Return a command line with a node of its own."""
    with run_one_node(tmp_path) as node:
        yield make_cli(tmp_path / "home", node)


def _place(cli: Cli, *args: str, signer: str = "alice") -> dict[str, Any]:
    return cli.ask("tx", "place", *args, "--from", signer, *_YES)


def test_what_is_signed_is_shown_and_confirmed(cli: Cli) -> None:
    """Nothing is signed without a yes; the question is on standard error, the result is not."""
    place = ("tx", "place", "OMG/USD", "buy", "10", "0.85", "--from", "alice")
    refused = cli.run(*place, stdin="n\n")
    assert refused.exit_code == 1
    assert "buy 10 OMG at 0.85 USD or better (at most 8.5 USD in all)" in refused.stderr
    assert "nothing was signed (code not_confirmed)" in refused.stderr
    assert refused.stdout == ""
    accepted = cli.run(*place, stdin="y\n")
    assert accepted.exit_code == 0
    assert "10 OMG rest in the book as order" in accepted.stdout
    assert "fee 0.000000" in accepted.stdout
    assert cli.refuse(*place) == "not_confirmed"


def test_fills_in_words_and_json(cli: Cli) -> None:
    """A taker's fills are told in tokens, at the makers' average price."""
    _place(cli, "OMG/USD", "sell", "1", "0.85", signer="bob")
    _place(cli, "OMG/USD", "sell", "1", "0.86", signer="carol")
    taken = cli.run("tx", "place", "OMG/USD", "buy", "3", "0.86", "--from", "alice", *_YES)
    assert "filled 2 OMG at 0.855 USD in 2 fills" in taken.stdout
    assert "1 OMG rest in the book" in taken.stdout
    answer = _place(cli, "1", "sell", "50lots", "8500ticks", "--tif", "ioc", signer="bob")
    (leg,) = answer["legs"]
    assert (leg["filled"], leg["resting"], leg["ended"]) == (50, 0, "filled")
    assert leg["fills"][0]["maker"] == "0x" + OWNER["alice"].hex()


def test_agents_sign_raw_and_owners_typed(cli: Cli) -> None:
    """An agent's key acts for its owner with a raw signature; another key for --owner as well."""
    answer = _place(cli, "OMG/USD", "buy", "1", "0.5", signer="alice/agent")
    tx = answer["tx"]
    assert (tx["scheme"], tx["owner"]) == ("raw", "0x" + OWNER["alice"].hex())
    assert tx["signer"] == "0x" + AGENT["alice"].hex()
    approved = cli.ask("tx", "approve-agent", "bob", "--expires", "7d", "--from", "alice", *_YES)
    assert approved["tx"]["scheme"] == "typed"
    place = ("tx", "place", "OMG/USD", "buy", "1", "0.5", "--from", "bob", "--owner", "alice")
    assert cli.ask(*place, *_YES)["code"] == 0
    assert cli.ask("tx", "revoke-agent", "bob", "--from", "alice", *_YES)["code"] == 0
    assert cli.refuse(*place, *_YES) == "NotAnAgent"


def test_amend_and_cancel(cli: Cli) -> None:
    """An order is amended in tokens, cancelled by its id, and all orders at once."""
    order = ("--from", "alice", *_YES)
    place = ("tx", "place", "OMG/USD", "buy")
    cli.ask(*place, "2", "0.5", "--client-id", "7", "--expires", "2h", *order)
    amended = cli.run("tx", "amend", "7", "--quantity", "1.5", "--expires", "3h", *order)
    assert "amended, kept its place" in amended.stdout
    assert "amended, lost its place" in cli.run("tx", "amend", "7", "--price", "0.6", *order).stdout
    assert "order 7: cancelled" in cli.run("tx", "cancel", "7", *order).stdout
    assert "order 8 is not known" in cli.run("tx", "cancel", "8", *order).stdout
    assert cli.refuse(*place, "1", "0.5", "--client-id", "8", *order) == "CancelledBeforePlaced"
    assert cli.refuse("tx", "amend", "7", "--price", "1", *order) == "OrderClosed"
    assert cli.refuse("tx", "amend", "9", "--price", "1", *order) == "UnknownOrder"
    cli.ask(*place, "1", "0.5", *order)
    everything = cli.run("tx", "cancel-all", "--market", "OMG/USD", "--side", "buy", *order)
    assert "1 order cancelled" in everything.stdout


def test_transfer(cli: Cli) -> None:
    """Tokens move; the answer carries work and fee."""
    answer = cli.ask("tx", "transfer", "bob", "2.5", "omg", "--from", "alice", *_YES)
    assert answer["tx"]["legs"][0]["amount"] == str(25 * 10**17)
    balance = cli.ask("query", "balance", "bob", "OMG")
    assert int(balance["free"]) == 1_000_002 * 10**18 + 5 * 10**17


def test_a_failed_leg_is_a_result_and_an_error(cli: Cli) -> None:
    """What the chain refused is in the block: the whole result is printed, and the status is 1."""
    transfer = ("tx", "transfer", "bob", "99999999", "OMG", "--from", "alice", *_YES)
    answer = cli.ask(*transfer)
    assert answer["error"]["code"] == "InsufficientFunds"
    assert answer["legs"][0]["code_name"] == "InsufficientFunds"
    shown = cli.run(*transfer)
    assert shown.exit_code == 1
    assert "refused: free balance is too small (code InsufficientFunds)" in shown.stdout


def test_signed_now_and_sent_later(cli: Cli, tmp_path: Path) -> None:
    """--no-submit prints bytes that send-raw sends once, from hex, from bytes and from a pipe."""
    sign = ("tx", "transfer", "bob", "1", "OMG", "--from", "alice", "--yes", "--no-submit")
    signed = cli.run(*sign).stdout
    file = tmp_path / "tx.hex"
    file.write_text(signed)
    sent = cli.ask("tx", "send-raw", str(file))
    assert cli.ask("query", "tx-result", sent["tx_id"])["height"] == sent["height"]
    assert cli.refuse("tx", "send-raw", str(file)) == "NonceUsed"
    assert cli.refuse("tx", "send-raw", "-", stdin=signed) == "NonceUsed"
    raw = cli.ask(*sign)["raw"]
    file.write_bytes(bytes.fromhex(raw[2:]))
    acknowledged = cli.ask("tx", "send-raw", str(file), "--no-wait")
    assert acknowledged["acknowledged"] is True


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "bad_transaction"),
        (b"0" * 100_000, "bad_transaction"),
        (b"\xff\xff", "Undecodable"),
        (b"0x0a", "Undecodable"),
    ],
)
def test_raw_bytes_that_are_no_transaction(
    cli: Cli, tmp_path: Path, content: bytes, code: str
) -> None:
    """Bytes that no node would take are refused before they are sent, with the chain's code."""
    file = tmp_path / "tx"
    file.write_bytes(content)
    assert cli.refuse("tx", "send-raw", str(file)) == code


def test_no_block_in_time(cli: Cli) -> None:
    """A transaction that is acknowledged and in no block is neither a success nor lost."""
    assert cli.node is not None
    cli.node.holds_blocks = True
    transfer = ("tx", "transfer", "bob", "1", "OMG", "--from", "alice", "--yes")
    assert cli.refuse(*transfer, "--timeout", "0.3") == "not_included"


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("place", "OMG/EUR", "buy", "1", "1"), "unknown_market"),
        (("place", "9", "buy", "1", "1"), "unknown_market"),
        (("transfer", "bob", "1", "EUR"), "unknown_token"),
        (("place", "OMG/USD", "buy", "1.005", "1"), "off_lot"),
        (("place", "OMG/USD", "buy", "1", "0.00005"), "off_tick"),
        (("transfer", "bob", "0.0000001", "USD"), "off_unit"),
        (("place", "OMG/USD", "buy", "1e3", "1"), "bad_number"),
        (("place", "OMG/USD", "buy", "0", "1"), "bad_number"),
        (("place", "OMG/USD", "buy", "5ticks", "1"), "bad_number"),
        (("place", "OMG/USD", "hold", "1", "1"), "usage"),
        (("place", "OMG/USD", "buy", "99999999999999", "1"), "BadQuantity"),
        (("place", "OMG/USD", "buy", "1", "1", "--expires", "soon"), "bad_time"),
        (("place", "OMG/USD", "buy", "1", "1", "--expires", "2030-01-01"), "bad_time"),
        (("place", "OMG/USD", "buy", "1", "1", "--tif", "gtt"), "BadExpiry"),
        (("place", "OMG/USD", "buy", "1", "1", "--tif", "ioc", "--post-only"), "PostOnlyImmediate"),
        (("place", "OMG/USD", "buy", "1", "1", "--valid-for", "3d"), "BadValidity"),
        (("place", "OMG/USD", "buy", "1", "1", "--chain-id", "other"), "other_chain"),
        (("place", "OMG/USD", "buy", "1", "1", "--max-unit-price", "1"), "UnitPriceTooLow"),
        (("place", "OMG/USD", "buy", "1", "1", "--nonce", "5"), "StaleNonce"),
        (("transfer", "0x12", "1", "OMG"), "bad_address"),
        (("transfer", "0x" + "00" * 20, "1", "OMG"), "bad_address"),
        (("transfer", "0x52908400098527886E0F7030069857D2E4169Ee7", "1", "OMG"), "bad_address"),
        (("transfer", "nobody", "1", "OMG"), "key_missing"),
        (("transfer", "alice", "1", "OMG"), "TransferToSelf"),
        (("amend", "7"), "UnknownOrder"),
        (("approve-agent", "alice"), "AgentIsOwner"),
    ],
)
def test_mistakes_are_told_before_anything_is_sent(
    cli: Cli, args: tuple[str, ...], code: str
) -> None:
    """Each mistake has its code, a text and no traceback."""
    assert cli.refuse("tx", *args, "--from", "alice", *_YES) == code


def test_errors_for_people(cli: Cli) -> None:
    """An error is a text with its code and a line with what to do next, on standard error."""
    result = cli.run("tx", "place", "OMG/USD", "buy", "1.005", "1", "--from", "alice")
    assert result.stdout == ""
    assert result.stderr == (
        "error: 1.005 OMG is not a whole number of lots: a lot is 0.01 OMG (code off_lot)\n"
        "  → nearest: 1 or 1.01\n"
    )


def test_accounts_files_that_are_none(cli: Cli, tmp_path: Path) -> None:
    """An accounts file that is missing or damaged is named, and nothing of it is shown."""
    file = tmp_path / "other.json"
    query = ("query", "account", "alice", "--accounts", str(file))
    assert cli.refuse(*query) == "accounts_missing"
    file.write_text("[]")
    assert cli.refuse(*query) == "accounts_damaged"
    file.write_text(json.dumps({"accounts": [{"name": "alice"}]}))
    assert cli.refuse(*query) == "accounts_damaged"
