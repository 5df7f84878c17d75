"""`omgd query validators` and `stake`, and the node API behind them, on a chain with staking."""

from pathlib import Path

import pytest

from omg_abci.localnet.keys import make_ethereum_key
from omg_abci.localnet.staking import StakingTerms, make_staking
from omg_abci.node.client import NodeClient
from omg_abci.node.commands.catalogue import Catalogue
from omg_abci.node.commands.words import describe_legs
from omg_abci.protocol.messages import (
    ClaimRewards,
    CreateValidator,
    Delegate,
    EditValidator,
    Message,
    Redelegate,
    Undelegate,
    Unjail,
)
from omg_abci.protocol.results import LegResult
from tests.integration.traders import Trader
from tests.node.cli_run import make_cli
from tests.node.one_node import ACCOUNTS, CHAIN_ID, OWNER, OneNode, run_one_node

_COIN = 10**18
_KEYS = [make_ethereum_key(b"stake", f"validator {place}") for place in range(2)]
_TERMS = StakingTerms(checkpoint_blocks=2)
_CAROL = 2


def send(node: OneNode, *legs: Message) -> None:
    """Let carol's own key do this in a block."""
    raw = Trader(ACCOUNTS[_CAROL], CHAIN_ID).sign(*legs, by_agent=False)
    with NodeClient(node.target) as client:
        assert [each.code for each in client.submit([raw])] == [0]


def test_stake_is_told(tmp_path: Path) -> None:
    """Bonds, moves and what unbonds, in coins for people and smallest units for programs."""
    with run_one_node(tmp_path, staking=make_staking(_KEYS, ACCOUNTS, _TERMS)) as node:
        cli = make_cli(tmp_path / "home", node)
        alice, bob, carol = OWNER["alice"], OWNER["bob"], OWNER["carol"]
        send(
            node,
            Delegate(alice, 5_000 * _COIN),
            Undelegate(alice, 700 * _COIN),
            Redelegate(alice, bob, 1_300 * _COIN),
        )
        node.pass_time(1_000, 1_000)
        found = cli.ask("query", "validators")
        powers = {each["owner"]: each["power"] for each in found["validators"]}
        assert powers == {f"0x{alice.hex()}": 13, f"0x{bob.hex()}": 11}
        shown = cli.run("query", "validators").stdout
        assert "node0" in shown
        assert "13,000 OMG" in shown
        assert "0/400" in shown
        assert "signs" in shown

        stake = cli.ask("query", "stake", "carol")
        (bonded,) = [each for each in stake["delegations"] if each["tokens"] != "0"]
        assert (bonded["validator"], bonded["tokens"]) == (
            f"0x{alice.hex()}",
            str(3_000 * _COIN),
        )
        assert int(bonded["rewards"]) > 0
        (moved,) = stake["moving"]
        assert (moved["tokens"], int(moved["rewards"]) > 0) == (str(1_300 * _COIN), True)
        (unbonding,) = stake["unbonding"]
        assert unbonding["tokens"] == str(700 * _COIN)
        shown = cli.run("query", "stake", f"0x{carol.hex()}").stdout
        assert "node0 → node1" in shown
        assert "1,300 OMG" in shown
        node.pass_time(*[1_000] * 12)
        proof = cli.ask("query", "proof", "delegation", "carol", "alice")
        assert proof["record"]["shares"] == str(3_000 * _COIN)
        proof = cli.ask("query", "proof", "validator", "alice")
        assert (proof["record"]["moniker"], proof["record"]["told_power"]) == ("node0", 13)


_ALICE, _BOB = OWNER["alice"], OWNER["bob"]


@pytest.mark.parametrize(
    ("leg", "words", "done"),
    [
        (
            CreateValidator(_KEYS[0].public_key, "new", 5, 250, 100, 7, 9),
            "commission 0.05 %, never above 2.50 %, 1.00 % a change",
            "the validator exists",
        ),
        (EditValidator("other", 10, 7), "call the validator 'other', commission 0.10 %", "changed"),
        (Unjail(), "come back from jail", "not jailed any more"),
        (Delegate(_ALICE, 50), f"bond 50 units to validator 0x{_ALICE.hex()}", "bonded"),
        (Undelegate(_ALICE, 7), f"take 7 units back from validator 0x{_ALICE.hex()}", "unbonding"),
        (
            Redelegate(_ALICE, _BOB, 1),
            f"from validator 0x{_ALICE.hex()} to 0x{_BOB.hex()}",
            "moved",
        ),
        (ClaimRewards(_BOB), f"the rewards from validator 0x{_BOB.hex()}", "paid"),
    ],
)
def test_legs_about_stake_in_words(leg: Message, words: str, done: str) -> None:
    """What a signer reads before, and what became of it."""
    before, after = describe_legs([leg], [LegResult()], Catalogue({}, {}))
    assert words in before
    assert done in after


def test_a_chain_without_staking_says_so(tmp_path: Path) -> None:
    """No validators, no stake."""
    with run_one_node(tmp_path) as node:
        cli = make_cli(tmp_path / "home", node)
        assert cli.ask("query", "validators")["validators"] == []
        assert "no staking" in cli.run("query", "validators").stderr
        assert cli.ask("query", "stake", "carol")["delegations"] == []
