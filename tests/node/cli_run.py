"""How the tests of the command line call it: one command, its status, both of its outputs."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner, Result

from omg_abci.localnet.genesis import encode_account
from omg_abci.node.cli import main
from tests.node.one_node import ACCOUNTS, OneNode


class Cli(NamedTuple):
    """A command line with a node and a local network's accounts."""

    home: Path
    node: OneNode | None

    def run(self, *args: str, stdin: str = "", **environment: str) -> Result:
        """Run a command; what is not meant for a user is raised."""
        known = {"HOME": str(self.home), "OMG_ACCOUNTS": str(self.home / "accounts.json")}
        if self.node is not None:
            known["OMG_NODE"] = self.node.target
        result = CliRunner(env=known | environment).invoke(main, args, input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def ask(self, *args: str, stdin: str = "", **environment: str) -> dict[str, Any]:
        """Return the one JSON object that the command prints on standard output."""
        result = self.run(*args, "--json", stdin=stdin, **environment)
        answer: dict[str, Any] = json.loads(result.stdout)
        assert (result.exit_code == 0) == ("error" not in answer)
        return answer

    def refuse(self, *args: str, stdin: str = "", **environment: str) -> str:
        """Return the code of an error, which reads the same for people and for programs."""
        error: dict[str, str] = self.ask(*args, stdin=stdin, **environment)["error"]
        assert error["text"]
        return error["code"]


def make_cli(home: Path, node: OneNode | None = None) -> Cli:
    """Return a command line whose home holds accounts.json."""
    home.mkdir(exist_ok=True)
    accounts = {"accounts": [encode_account(account) for account in ACCOUNTS]}
    (home / "accounts.json").write_text(json.dumps(accounts))
    return Cli(home, node)
