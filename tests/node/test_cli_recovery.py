"""`omgd tx guardians|recovery|recipients`, queries about them, and a replaced key that signs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from omg_abci.protocol.limits import DAY_MS
from tests.node.cli_run import Cli, make_cli
from tests.node.one_node import OWNER, OneNode, run_one_node

_YES = ("--yes", "--timeout", "20")
_ALICE = ("--from", "alice", *_YES)
_BOB = ("--from", "bob", *_YES)
_CAROL = ("--from", "carol", *_YES)
_NEW = ("--from", "erin", "--owner", "alice", *_YES)
"""Erin's key, for alice's account."""
_GUARD = ("tx", "guardians", "set", "carol", "bob", "--threshold", "2", "--delay", "2m")
_START = ("tx", "recovery", "start", "alice", "erin")
_FINISH = ("tx", "recovery", "finish", "alice", "--from", "dave", *_YES)
_PAY = ("tx", "pay", "bob", "1", "USD")
_DELAY_MS = 120_000


def show(name: str) -> str:
    """Return the address of a name, as commands print it."""
    return "0x" + OWNER[name].hex()


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    """Return a command line with a node of its own."""
    with run_one_node(tmp_path) as node:
        yield make_cli(tmp_path / "home", node)


def get_node(cli: Cli) -> OneNode:
    """Return the command line's node."""
    assert cli.node is not None
    return cli.node


def test_two_guardians_give_an_account_another_key(cli: Cli) -> None:
    """They start, the delay passes, anybody finishes; then the new key moves money."""
    shown = cli.run(*_GUARD, *_ALICE)
    assert shown.exit_code == 0
    assert "give the account another key, 2 min after they approved it" in shown.stderr
    first = cli.run(*_START, *_BOB)
    assert f"as a guardian, give {show('alice')} the key {show('erin')}" in first.stderr
    assert "0 of 2 have approved it; when enough have, it waits for 2 min" in first.stderr
    assert cli.refuse(*_FINISH) == "TooFewApprovals"
    assert cli.ask(*_START, *_CAROL)["code"] == 0
    assert cli.refuse(*_FINISH) == "RecoveryTooEarly"
    assert cli.refuse(*_PAY, *_NEW) == "NotAnAgent"
    get_node(cli).pass_time(_DELAY_MS)
    finished = cli.run(*_FINISH)
    assert f"the key that waits is {show('erin')}" in finished.stderr
    assert "the account has its new key" in finished.stdout

    paid = cli.ask(*_PAY, *_NEW)
    assert (paid["code"], paid["tx"]["scheme"], paid["tx"]["signer"]) == (
        *(0, "typed"),
        show("erin"),
    )
    assert f"own key of {show('alice')}" in cli.run(*_PAY, *_NEW).stderr
    old = cli.run(*_PAY, *_ALICE)
    assert "the owner's account was given another key (code KeyReplaced)" in old.stderr
    assert "sign with the key that it was given" in old.stderr
    assert cli.refuse(*_PAY, "--from", "alice/agent", *_YES) == "NotAnAgent"
    shown = cli.run("query", "account", "alice")
    assert f"{show('erin')}, given by guardians" in shown.stdout
    assert cli.ask("query", "account", "alice")["key"] == show("erin")
    assert cli.ask("query", "account", "erin")["key"] == show("erin")
    assert cli.ask(*_GUARD[:-4], "--threshold", "1", "--delay", "1d", *_NEW)["code"] == 0


def test_guardians_are_told(cli: Cli) -> None:
    """Who they are, what they approved, which key waits until when, and all of it is proved."""
    assert "nobody can give it another key" in cli.run("query", "guardians", "alice").stdout
    cli.ask(*_GUARD, *_ALICE)
    assert "2 of 2 guardians, then 2 min" in cli.run("query", "guardians", "alice").stdout
    cli.ask(*_START, *_BOB)
    assert "none has enough approvals yet" in cli.run("query", "guardians", "alice").stdout
    cli.ask(*_START, *_CAROL)
    found = cli.ask("query", "guardians", "alice")
    assert (found["threshold"], found["delay_ms"]) == (2, _DELAY_MS)
    assert found["guardians"] == sorted([show("bob"), show("carol")])
    assert {(each["guardian"], each["key"]) for each in found["approvals"]} == {
        (show("bob"), show("erin")),
        (show("carol"), show("erin")),
    }
    assert (found["key"], found["waiting_key"]) == (show("alice"), show("erin"))
    node = get_node(cli)
    assert found["ready_ms"] > node.get_time_ms()
    assert f"{show('erin')} waits until 20" in cli.run("query", "guardians", "alice").stdout
    node.pass_time(*[_DELAY_MS] * 2, *[100] * 8)
    assert "may take effect now" in cli.run("query", "guardians", "alice").stdout
    proofs = [cli.ask("query", "proof", "key", each) for each in found["keys"]]
    assert [each["present"] for each in proofs] == [True, True, False]
    assert proofs[1]["record"]["ready_ms"] == found["ready_ms"]


def test_an_owner_cancels_and_has_no_guardians_any_more(cli: Cli) -> None:
    """While a recovery is under way the guardians stay; behind its end they may go."""
    cli.ask(*_GUARD, *_ALICE)
    cli.ask(*_START, *_BOB)
    clear = ("tx", "guardians", "clear", *_ALICE)
    assert cli.refuse(*clear) == "RecoveryUnderWay"
    assert cli.ask("tx", "recovery", "cancel", *_ALICE)["code"] == 0
    assert cli.ask("query", "guardians", "alice")["approvals"] == []
    assert "let nobody give the account another key" in cli.run(*clear).stderr
    assert cli.refuse(*clear) == "NoGuardians"
    assert cli.refuse(*_START, *_BOB) == "NotAGuardian"
    assert cli.refuse(*_GUARD, "--from", "bob", *_YES) == "GuardianIsOwner"
    assert cli.refuse(*_GUARD[:-2], "--delay", "1s", *_ALICE) == "BadRecoveryDelay"
    assert cli.refuse("tx", "guardians", "set", *_GUARD[5:], *_ALICE) == "usage"


def test_a_service_and_a_watchtower_are_agents(cli: Cli) -> None:
    """An agent that may recover votes for its guardian and cancels for its owner."""
    cli.ask(*_GUARD, *_ALICE)
    for whose in (_ALICE, _BOB):
        cli.ask("tx", "approve-agent", "erin", "--may", "recover", *whose)
    as_service = ("--from", "erin", "--owner", "bob", *_YES)
    answer = cli.ask(*_START[:-1], "frank", *as_service)
    assert (answer["code"], answer["tx"]["scheme"]) == (0, "raw")
    assert cli.ask("tx", "recovery", "cancel", *_NEW)["code"] == 0
    assert cli.refuse("tx", "guardians", "clear", *_NEW) == "AgentScope"


def test_an_account_bounds_whom_it_pays(cli: Cli) -> None:
    """A first list acts at once, additions and the end of the bound a day later."""
    assert "pays anybody" in cli.run("query", "recipients", "alice").stdout
    shown = cli.run("tx", "recipients", "set", "bob", *_ALICE)
    assert f"pay nobody but {show('bob')}" in shown.stderr
    assert cli.ask(*_PAY, *_ALICE)["code"] == 0
    other = ("tx", "transfer", "carol", "1", "USD", *_ALICE)
    assert cli.refuse(*other) == "RecipientNotAllowed"
    cli.ask("tx", "recipients", "set", "carol", "bob", "bob", *_ALICE)
    assert cli.refuse(*other) == "RecipientNotAllowed"
    found = cli.ask("query", "recipients", "alice")
    rows = {each["recipient"]: each["since_ms"] for each in found["recipients"]}
    node = get_node(cli)
    assert rows[show("bob")] <= node.get_time_ms() < rows[show("carol")]
    listed = cli.run("query", "recipients", "alice")
    assert "now" in listed.stdout
    assert "from 20" in listed.stdout
    cli.ask("tx", "recipients", "lift", *_ALICE)
    assert "anybody from 20" in cli.run("query", "recipients", "alice").stderr
    node.pass_time(*[100] * 10)
    proof = cli.ask("query", "proof", "key", *found["keys"])
    assert (proof["verified"], len(proof["record"]["rows"])) == (True, 2)
    node.pass_time(DAY_MS)
    assert cli.ask("query", "recipients", "alice")["bound"] is False
    assert cli.ask(*other, "--valid-for", "2d")["code"] == 0


def test_limits_are_told(cli: Cli) -> None:
    """The account's own alone, with the key of their record."""
    assert "0 limits" in cli.run("query", "limits", "alice").stderr
    cli.ask("tx", "limits", "USD", "10", *_ALICE)
    cli.ask(*_PAY, *_ALICE)
    found = cli.ask("query", "limits", "alice")
    assert sorted(found) == ["height", "keys", "limits", "owner"]
    assert (found["limits"][0]["daily"], found["limits"][0]["left_today"]) == (
        "10000000",
        "9000000",
    )
    assert found["keys"] == [f"0x26{show('alice')[2:]}"]
    cli.ask("tx", "limits", "USD", "20", *_ALICE)
    shown = cli.run("query", "limits", "alice").stdout
    assert "10 USD" in shown
    assert "20 USD from" in shown
