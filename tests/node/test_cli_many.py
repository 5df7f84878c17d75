"""`omgd tx send-many` and the node API guide's example, against a real state machine."""

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omg_abci.node.commands import tx_many
from omg_abci.protocol.signing import compute_no_bridge_domain
from omg_abci.protocol.tx import sign_tx
from omg_abci.protocol.units import Scheme, Side
from tests.node.cli_run import Cli, make_cli
from tests.node.one_node import ACCOUNTS, CHAIN_ID, run_one_node
from tests.shape.source import ROOT
from wallet_sdk.build import build_body, place_order


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    """Return a command line with a node of its own."""
    with run_one_node(tmp_path) as node:
        yield make_cli(tmp_path / "home", node)


def sign_orders(count: int) -> list[bytes]:
    """Return so many orders of an agent."""
    account, nonce = ACCOUNTS[0], time.time_ns() // 1_000_000
    raws = []
    for place in range(count):
        body = build_body(
            CHAIN_ID,
            account.owner.address,
            (place_order(1, Side.BUY, 5, 100, client_id=nonce + place),),
            nonce=nonce + place,
            max_unit_price=1 << 60,
        )
        domain = compute_no_bridge_domain(CHAIN_ID)
        raws.append(sign_tx(domain, body, account.agent.address, account.agent.secret, Scheme.RAW))
    return raws


def write_lines(path: Path, raws: list[bytes]) -> str:
    """Write a file as the command reads it."""
    path.write_text("\n\n".join(f"0x{raw.hex()}" for raw in raws) + "\n")
    return str(path)


def test_a_file_is_sent_and_counted(cli: Cli, tmp_path: Path) -> None:
    """All that is well is acknowledged; sent again, its nonces are used."""
    file = write_lines(tmp_path / "signed", sign_orders(30))
    assert cli.ask("tx", "send-many", file) == {"acknowledged": 30, "refused": {}}
    again = cli.ask("tx", "send-many", file, "--failed", str(tmp_path / "failed"))
    assert (again["acknowledged"], again["refused"]) == (0, {"NonceUsed": 30})
    assert again["error"]["code"] == "NonceUsed"
    assert len((tmp_path / "failed").read_text().split()) == 30
    shown = cli.run("tx", "send-many", file)
    assert (shown.exit_code, shown.stdout) == (1, "0 acknowledged\n30 refused: NonceUsed\n")


def test_standard_input_is_read(cli: Cli) -> None:
    """A dash stands for it."""
    (raw,) = sign_orders(1)
    shown = cli.run("tx", "send-many", "-", stdin=raw.hex())
    assert (shown.exit_code, shown.stdout) == (0, "1 acknowledged\n")


@pytest.mark.parametrize("text", ["", "\n\n", "zz", "00" * 40_000, "ÿ", "00\n00\n00"])
def test_bad_files_are_refused(
    cli: Cli, tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent of a file that is empty, too long or not in hex."""
    monkeypatch.setattr(tx_many, "TXS_MAX", 2)
    (tmp_path / "bad").write_text(text)
    assert cli.refuse("tx", "send-many", str(tmp_path / "bad")) == "bad_transaction"


def test_progress_is_told(monkeypatch: pytest.MonkeyPatch, cli: Cli, tmp_path: Path) -> None:
    """On standard error, with the rate."""
    monkeypatch.setattr(tx_many, "_PROGRESS_S", 0.0)
    shown = cli.run("tx", "send-many", write_lines(tmp_path / "signed", sign_orders(3)))
    assert "3 of 3 answered" in shown.stderr


def test_nobody_answers(tmp_path: Path) -> None:
    """A node that is not there is told as for every command."""
    cli = make_cli(tmp_path / "home")
    file = write_lines(tmp_path / "signed", [b"x"])
    args = ("tx", "send-many", file, "--patience", "0.2", "--node", f"unix:{tmp_path}/none")
    assert cli.refuse(*args) == "node_unreachable"


def test_the_guides_example(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    """It runs as it stands in docs/guides/node-api.md, and says what was refused."""
    assert cli.node is not None
    text = (ROOT / "docs" / "guides" / "node-api.md").read_text(encoding="utf-8")
    (code,) = [
        block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "send(" in block
    ]
    assert len(code.splitlines()) <= 15
    names: dict[str, Any] = {}
    exec(compile(code, "node-api.md", "exec"), names)  # noqa: S102 - our own text
    raws = sign_orders(3)
    assert asyncio.run(names["send"](cli.node.target, raws)) == 3
    assert asyncio.run(names["send"](cli.node.target, raws)) == 0
    assert "NonceUsed" in capsys.readouterr().out
