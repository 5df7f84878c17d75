"""`omgd validator …` and `omgd stake …` against a real state machine with staking."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omg_abci.localnet.keys import write_validator_key
from omg_abci.localnet.staking import StakingTerms
from omg_abci.protocol.consensus import Offence, Vote
from omg_abci.protocol.crypto import compute_address
from tests.node.cli_run import Cli
from tests.node.one_node import OWNER, OneNode
from tests.node.stake_world import COIN, KEYS, end_epoch, run_staking_node

_JAIL_MS = StakingTerms().jail_ms
_YES = ("--yes", "--timeout", "20")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[Cli, OneNode]]:
    """Return a command line with a node of its own."""
    with run_staking_node(tmp_path) as made:
        yield made


def _find(cli: Cli, owner: str) -> dict[str, Any]:
    address = "0x" + OWNER[owner].hex()
    validators = cli.ask("query", "validators")["validators"]
    (found,) = [each for each in validators if each["owner"] == address]
    return dict(found)


def _write_home(folder: Path) -> str:
    for part in ("config", "data"):
        (folder / part).mkdir(parents=True)
    write_validator_key(folder, KEYS[2])
    return str(folder)


def test_a_validator_is_created_changed_and_in_the_set(
    world: tuple[Cli, OneNode], tmp_path: Path
) -> None:
    """Its key comes from its node's home; what an edit does not name stays as it was."""
    cli, node = world
    home = _write_home(tmp_path / "five")
    create = ("validator", "create", "5000", "--moniker", "five", "--from", "erin", *_YES)
    shown = cli.run(*create, "--home", home, "--commission", "2.5", "--commission-step", "1")
    assert "5,000 OMG bonded, of them at least 1,000 OMG for ever" in shown.stderr
    assert "the validator exists" in shown.stdout
    node.pass_time(1_000, 1_000)
    made = _find(cli, "erin")
    assert (made["moniker"], made["power"], made["commission_bp"]) == ("five", 5, 250)
    assert made["public_key"] == "0x" + KEYS[2].public_key.hex()
    edit = ("validator", "edit", "--moniker", "5", "--self-bond-min", "2000", "--from", "erin")
    assert cli.ask(*edit, *_YES)["code"] == 0
    changed = _find(cli, "erin")
    assert (changed["moniker"], changed["commission_bp"]) == ("5", 250)
    assert changed["self_bond_min"] == str(2_000 * COIN)
    assert cli.refuse(*create, "--home", home) == "ValidatorExists"
    soon = ("validator", "edit", "--commission", "3", "--from", "erin", *_YES)
    assert cli.refuse(*soon) == "CommissionTooSoon"
    lower = ("validator", "edit", "--self-bond-min", "1", "--from", "erin", *_YES)
    assert cli.refuse(*lower) == "SelfBondMinTooLow"


def test_a_public_key_may_be_written(world: tuple[Cli, OneNode]) -> None:
    """The key in hex does the same; one that is used is refused."""
    cli, _ = world
    create = ("validator", "create", "1000", "--moniker", "x", "--from", "erin", *_YES)
    used = "0x" + KEYS[0].public_key.hex()
    assert cli.refuse(*create, "--public-key", used) == "PublicKeyUsed"
    assert cli.ask(*create, "--public-key", "0x" + KEYS[2].public_key.hex())["code"] == 0


def test_unjail_says_what_stands_against_it(world: tuple[Cli, OneNode]) -> None:
    """Who is not jailed has nothing to leave."""
    cli, _ = world
    assert cli.refuse("validator", "unjail", "--from", "alice", *_YES) == "NotJailed"
    assert cli.refuse("validator", "unjail", "--from", "grace", *_YES) == "UnknownValidator"


def test_what_happens_to_a_validator_is_told(world: tuple[Cli, OneNode]) -> None:
    """Its slash, its jail and its way back are events of blocks, for people and for programs."""
    cli, node = world
    bob, address = compute_address(KEYS[1].public_key), "0x" + OWNER["bob"].hex()
    node.votes = (Vote(bob, signed=False),)
    while not _find(cli, "bob")["jailed_until_ms"]:
        node.pass_time(*[100] * 20)
    node.votes = ()
    until_ms = _find(cli, "bob")["jailed_until_ms"]
    height = _find_event(cli, "validator_jailed")
    slashed, jailed = cli.ask("query", "block", str(height))["events"]
    assert slashed | {"tokens": "", "height": 0} == {
        "kind": "validator_slashed",
        "validator": address,
        "fault": "downtime",
        "height": 0,
        "tokens": "",
        "from_pools": "0",
    }
    assert (slashed["height"], slashed["tokens"]) == (height - 1, str(COIN))
    assert jailed == {
        "kind": "validator_jailed",
        "validator": address,
        "fault": "downtime",
        "until_ms": until_ms,
    }
    shown = cli.run("query", "block", str(height)).stdout
    assert f"validator {address} lost 1 OMG of its stake: it missed too many blocks" in shown
    assert f"validator {address} is jailed until 20" in shown

    node.pass_time(_JAIL_MS)
    assert cli.ask("validator", "unjail", "--from", "bob", *_YES)["code"] == 0
    shown = cli.run("query", "block").stdout
    assert f"validator {address} is not jailed any more" in shown
    node.offences = (Offence(bob, height),)
    node.pass_time(100)
    shown = cli.run("query", "block").stdout
    assert f"validator {address} is jailed for ever: it signed two blocks of one height" in shown


def _find_event(cli: Cli, kind: str) -> int:
    """Return the height of the newest block that told an event of a kind."""
    height = cli.ask("status")["height"]
    while kind not in [each["kind"] for each in cli.ask("query", "block", str(height))["events"]]:
        height -= 1
    return int(height)


def test_stake_goes_in_moves_and_comes_back(world: tuple[Cli, OneNode]) -> None:
    """Amounts are in coins; `all` is what the stake is worth."""
    cli, _ = world
    grace = ("--from", "grace", *_YES)
    bonded = cli.run("stake", "delegate", "alice", "5000", *grace)
    assert "bond 5,000 OMG to" in bonded.stderr
    assert "to 'node0', whose commission is 5 %" in bonded.stderr
    assert "free after" in bonded.stderr
    moved = cli.run("stake", "redelegate", "alice", "bob", "1000.5", *grace)
    assert "move 1,000.5 OMG from" in moved.stderr
    assert "from 'node0' to 'node1'" in moved.stderr
    assert moved.exit_code == 0
    assert cli.refuse("stake", "undelegate", "bob", "1", *grace) == "StakeImmature"
    assert cli.ask("stake", "undelegate", "alice", "all", *grace)["code"] == 0
    stake = cli.ask("query", "stake", "grace")
    (unbonding,) = stake["unbonding"]
    assert unbonding["tokens"] == str(39_995 * COIN // 10)
    assert cli.refuse("stake", "undelegate", "alice", "all", *grace) == "NoDelegation"


def test_rewards_are_claimed_from_all_or_from_one(world: tuple[Cli, OneNode]) -> None:
    """What an epoch brought is paid to the free balance, the own validator's commission too."""
    cli, node = world
    assert cli.refuse("stake", "rewards", "--from", "grace", *_YES) == "NothingToClaim"
    cli.ask("stake", "delegate", "alice", "10000", "--from", "grace", *_YES)
    cli.ask("stake", "delegate", "bob", "5000", "--from", "grace", *_YES)
    end_epoch(cli, node)
    cli.ask("tx", "transfer", "bob", "1", "OMG", "--from", "carol", *_YES)
    end_epoch(cli, node)
    stake = cli.ask("query", "stake", "grace")
    owed = sum(int(each["rewards"]) for each in stake["delegations"])
    assert owed > 0
    claimed = cli.ask("stake", "rewards", "--from", "grace", *_YES)
    assert [leg["kind"] for leg in claimed["tx"]["legs"]] == ["claim_rewards"] * 2
    assert cli.refuse("stake", "rewards", "bob", "--from", "grace", *_YES) == "NothingToClaim"
    before = int(cli.ask("query", "balance", "alice", "OMG")["free"])
    validator = _find(cli, "alice")
    assert int(validator["commission"]) > 0
    paid = cli.ask("stake", "rewards", "--from", "alice", *_YES)
    after = int(cli.ask("query", "balance", "alice", "OMG")["free"])
    assert after - before + int(paid["fee"]) >= int(validator["commission"])
    assert _find(cli, "alice")["commission"] == "0"


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("stake", "delegate", "grace", "1"), "UnknownValidator"),
        (("stake", "delegate", "alice", "0"), "bad_number"),
        (("stake", "delegate", "alice", "99999999"), "InsufficientFunds"),
        (("stake", "delegate", "alice", "0.0000000000000000001"), "off_unit"),
        (("stake", "redelegate", "alice", "alice", "1"), "SameValidator"),
        (("stake", "undelegate", "alice", "1"), "NoDelegation"),
        (("stake", "rewards", "bob"), "NothingToClaim"),
        (("validator", "edit"), "usage"),
        (("validator", "edit", "--moniker", "x"), "UnknownValidator"),
        (("validator", "create", "1000", "--moniker", "x"), "usage"),
        (("validator", "create", "1000", "--moniker", "x", "--public-key", "0x12"), "BadPublicKey"),
        (("validator", "create", "1000", "--moniker", "x", "--public-key", "zz"), "BadPublicKey"),
        (("validator", "create", "1", "--moniker", "x", "--home", "no"), "validator_key_missing"),
    ],
)
def test_mistakes_have_their_codes(
    world: tuple[Cli, OneNode], args: tuple[str, ...], code: str
) -> None:
    """Each mistake has its code, a text and no traceback."""
    cli, _ = world
    assert cli.refuse(*args, "--from", "grace", *_YES) == code


@pytest.mark.parametrize(
    ("option", "text"),
    [("--commission", "101"), ("--commission-max", "five"), ("--commission", "0.001")],
)
def test_percentages_that_are_none(world: tuple[Cli, OneNode], option: str, text: str) -> None:
    """A commission is a percentage with two decimals."""
    cli, _ = world
    key = "0x" + KEYS[2].public_key.hex()
    create = ("validator", "create", "1000", "--moniker", "x", "--public-key", key)
    assert cli.refuse(*create, option, text, "--from", "erin", *_YES) == "bad_percent"


@pytest.mark.parametrize(
    "content",
    ["[]", "{", json.dumps({"pub_key": {"type": "tendermint/PubKeyEd25519", "value": "AA=="}})],
)
def test_key_files_that_are_none(world: tuple[Cli, OneNode], tmp_path: Path, content: str) -> None:
    """A damaged file and a key of another kind are named as that."""
    cli, _ = world
    (tmp_path / "odd" / "config").mkdir(parents=True)
    (tmp_path / "odd" / "config" / "priv_validator_key.json").write_text(content)
    create = ("validator", "create", "1000", "--moniker", "x", "--home", str(tmp_path / "odd"))
    assert cli.refuse(*create, "--from", "erin", *_YES) == "validator_key_damaged"
