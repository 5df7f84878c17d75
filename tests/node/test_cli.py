"""The command line as a whole: quick, lazy, one shape for every error."""

import builtins
import json
import subprocess
import sys
from pathlib import Path
from typing import cast

import click
import pytest
from click.testing import CliRunner

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.cli import COMMANDS, main
from omg_abci.node.client import NodeClient, NodeError
from omg_abci.node.commands.catalogue import Catalogue
from omg_abci.node.commands.failure import CommandError, explain, make_refusal
from omg_abci.node.commands.submitting import SubmitOptions, submit
from omg_abci.protocol.errors import CODES, GenesisError, InsufficientFunds
from omg_abci.protocol.signing import compute_no_bridge_domain
from omg_abci.protocol.tx import Verifier
from tests.node.cli_run import make_cli
from tests.node.one_node import ACCOUNTS
from wallet_sdk.build import build_body, cancel_order, sign

_GIVEN = {"OMG_PASSPHRASE": "x"}


def test_every_command_is_there_under_its_name() -> None:
    """Each entry of the list names a command, and each command says what it does."""
    ctx = click.Context(main)
    for name, entry in COMMANDS.items():
        command = main.get_command(ctx, name)
        assert command is not None, entry.place
        assert command.name == name
        assert command.help


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_of_every_command(name: str) -> None:
    """--help works for each command and each command below it, and ends with status 0."""
    command = main.get_command(click.Context(main), name)
    below = list(command.commands) if isinstance(command, click.Group) else []
    for args in ([name], *([name, each] for each in below)):
        result = CliRunner().invoke(main, [*args, "--help"])
        assert result.exit_code == 0
        assert result.stdout.startswith("Usage: ")


def test_help_imports_no_command() -> None:
    """The list of commands needs click and nothing else that takes time."""
    code = (
        "import sys\n"
        "from omg_abci.node.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'grpc', 'rocksdict', 'coincurve', 'google.protobuf', 'asyncio'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "localnet" in run.stdout


def test_module_runs_as_the_command() -> None:
    """The package run as a module is omgd."""
    args = [sys.executable, "-m", "omg_abci.node", "--version"]
    run = subprocess.run(args, capture_output=True, text=True, check=True)
    assert run.stdout.startswith("omgd, version ")


def test_groups_without_a_command_show_their_help() -> None:
    """`omgd`, `omgd tx` and the like are questions, not mistakes."""
    for args in ([], ["tx"], ["keys"], ["query"]):
        result = CliRunner().invoke(main, args)
        assert (result.exit_code, result.stdout[:6]) == (0, "Usage:")


@pytest.mark.parametrize("args", [("nothing",), ("status", "--nothing"), ("keys", "show")])
def test_usage(tmp_path: Path, args: tuple[str, ...]) -> None:
    """A mistake in the arguments ends with status 2 and says where help is."""
    cli = make_cli(tmp_path)
    result = cli.run(*args)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "--help" in result.stderr
    assert cli.refuse(*args) == "usage"


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command whose package is not installed says which extra brings it."""
    imported = builtins.__import__

    def fail(name: str, *args: object, **more: object) -> object:
        if name == "eth_keyfile.keyfile":
            raise ModuleNotFoundError(name=name)
        return imported(name, *args, **more)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(builtins, "__import__", fail)
    cli = make_cli(tmp_path)
    error = cli.ask("keys", "new", "alice", **_GIVEN)["error"]
    assert error["code"] == "extra_missing"
    assert error["hint"] == "pip install 'omg-chain[node]'"


def test_bugs_are_not_explained_away() -> None:
    """What nobody raised on purpose keeps its traceback."""
    assert explain(ValueError("x")) is None
    assert explain(ModuleNotFoundError(name="omg_abci.nothing")) is None


def test_errors_keep_their_codes() -> None:
    """Every error of the project is shown with its own code."""
    assert explain(InsufficientFunds()) is not None
    for reason, code in (
        (InsufficientFunds(), "InsufficientFunds"),
        (GenesisError("x"), "GenesisError"),
        (CommandError("some_code", "text"), "some_code"),
        (PermissionError(13, "denied", "file"), "system"),
        (click.Abort(), "interrupted"),
    ):
        failure = explain(reason)
        assert failure is not None
        assert failure.code == code


def test_refusals_of_the_chain() -> None:
    """A refusal's number becomes name and text; one of a newer chain stays a number."""
    for number, refusal in CODES.items():
        assert make_refusal(number).describe()["code"] == refusal.__name__
    assert make_refusal(1_000, "7 of 9").text == "free balance is too small: 7 of 9"
    assert make_refusal(1_000, "free balance is too small: 7").text.count("free") == 1
    assert make_refusal(999_999).code == "999999"


def test_a_closed_pipe_is_no_error() -> None:
    """`omgd … | head` ends quietly."""
    command = f"{sys.executable} -m omg_abci.node --help | true"
    run = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in run.stderr
    assert json.dumps(run.stdout) == '""'


def test_an_interrupt_ends_with_its_own_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C leaves one line and status 130, and no traceback."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("omg_abci.node.keystore.Keystore.list", interrupt)
    result = make_cli(tmp_path).run("keys", "list")
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.endswith("error: interrupted (code interrupted)\n")


def test_a_lost_answer_is_no_refusal() -> None:
    """When nobody knows whether the node took a transaction, the error says how to find out."""

    class Silent:
        def submit(self, raws: list[bytes]) -> None:
            raise NodeError("UNAVAILABLE", f"{len(raws)} sent, connection reset")

    how = SubmitOptions(None, no_wait=False, timeout=1.0, as_json=False)
    owner, secret = ACCOUNTS[0].owner.address, ACCOUNTS[0].owner.secret
    domain = compute_no_bridge_domain("omg-test-1")
    body = build_body("omg-test-1", owner, [cancel_order(1)], nonce=9, max_unit_price=1)
    signed = Verifier(domain).verify_tx(sign(domain, body, owner, secret))
    with pytest.raises(CommandError) as caught:
        submit(cast("NodeClient", Silent()), how, signed, Catalogue({}, {}), pb.Status())
    assert caught.value.code == "answer_lost"
    assert caught.value.hint.endswith(f"omgd query tx-result 0x{signed.tx_id.hex()}")
