"""`omgd vote`, and the queries about fees, epochs and votes, with their proofs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from omg_abci.node.client import NodeClient, NodeError
from omg_abci.protocol.parameters import COST
from tests.node.cli_run import Cli, make_cli
from tests.node.one_node import OWNER, OneNode, run_one_node
from tests.node.stake_world import COIN, EPOCH_BLOCKS, end_epoch, run_staking_node

_YES = ("--yes", "--timeout", "20")
_GENESIS_COST = COIN // 50


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[Cli, OneNode]]:
    """Return a command line with a node of its own."""
    with run_staking_node(tmp_path) as made:
        yield made


def test_a_vote_moves_the_cost_at_the_epoch(world: tuple[Cli, OneNode]) -> None:
    """A validator's owner speaks for all its stake; the number moves by a quarter at most."""
    cli, node = world
    voted = cli.run("vote", "--cost", "1", "--from", "alice", *_YES)
    assert "vote for a cost of 1 OMG" in voted.stderr
    assert "the vote stands" in voted.stdout
    fees = cli.ask("query", "fees")
    assert fees["cost"] == str(_GENESIS_COST)
    (tx,) = cli.ask("query", "block", str(fees["height"]))["txs"]
    (leg,) = tx["tx"]["legs"]
    assert (leg["kind"], leg["parameter"], leg["value"]) == ("set_vote", COST, str(COIN))
    end_epoch(cli, node)
    assert cli.ask("query", "fees")["cost"] == str(_GENESIS_COST * 5 // 4)
    cli.ask("vote", "--withdraw", "cost", "--from", "alice", *_YES)
    assert cli.ask("query", "votes", "alice")["votes"] == []
    end_epoch(cli, node)
    end_epoch(cli, node)
    assert cli.ask("query", "fees")["cost"] == str(_GENESIS_COST * 5 // 4)


def test_several_numbers_in_one_transaction(world: tuple[Cli, OneNode]) -> None:
    """Values between two steps are brought to the step below, and the command says so."""
    cli, _ = world
    args = ("--cost", "0.0173", "--target-work", "4000", "--jail-ms", "123456", "--market-bond")
    shown = cli.run("vote", *args, "100", "--from", "alice", *_YES)
    assert "0.0173 OMG is between two steps of the grid: brought to 0.016 OMG" in shown.stderr
    assert "123,456 is between two steps of the grid: brought to 120,000" in shown.stderr
    votes = cli.ask("query", "votes", "alice")["votes"]
    assert [each["parameter"] for each in votes] == [1, 2, 3, 5]
    assert votes[0]["value"] == str(16 * 10**15)
    assert (votes[2]["value"], votes[0]["shares"]) == (str(100 * COIN), str(10_000 * COIN))
    text = cli.run("query", "votes", "alice").stdout
    assert "0.016 OMG" in text
    assert "10,000 OMG" in text


def test_a_delegator_votes_with_its_own_stake(world: tuple[Cli, OneNode]) -> None:
    """Without --validator it is the only one; a tally shows who outweighs whom."""
    cli, node = world
    grace = ("--from", "grace", *_YES)
    assert cli.refuse("vote", "--cost", "1", *grace) == "NoDelegation"
    assert cli.ask("query", "votes", "cost")["last_median"] == "0"
    assert "nobody votes" in cli.run("query", "votes", "cost").stdout
    cli.ask("stake", "delegate", "alice", "2000", *grace)
    cli.ask("vote", "--cost", "0.01", *grace)
    cli.ask("vote", "--cost", "0.1", "--from", "alice", *_YES)
    tally = cli.ask("query", "votes", "cost")
    assert [(row["value"], row["stake"]) for row in tally["rows"]] == [
        (str(COIN // 100), str(2_000 * COIN)),
        (str(COIN // 10), str(10_000 * COIN)),
    ]
    assert (tally["median"], tally["stake"]) == (str(COIN // 10), str(12_000 * COIN))
    shown = cli.run("query", "votes", "cost").stdout
    assert "2,000 OMG" in shown
    assert "← median" in shown
    end_epoch(cli, node)
    assert cli.ask("query", "votes", "cost")["last_median"] == str(COIN // 10)
    cli.ask("stake", "delegate", "bob", "1", *grace)
    assert cli.refuse("vote", "--cost", "1", *grace) == "which_validator"
    assert cli.ask("vote", "--cost", "1", "--validator", "bob", *grace)["code"] == 0


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ((), "usage"),
        (("--cost", "1", "--withdraw", "cost"), "usage"),
        (("--target-work", "1"), "BadVote"),
        (("--downtime-bp", "101"), "BadVote"),
        (("--downtime-bp", "0"), "usage"),
        (("--cost", "0"), "bad_number"),
        (("--cost", "10000000000000"), "BadVote"),
        (("--cost", "1", "--validator", "erin"), "UnknownValidator"),
        (("--withdraw", "price"), "usage"),
    ],
)
def test_votes_that_cannot_be(world: tuple[Cli, OneNode], args: tuple[str, ...], code: str) -> None:
    """Each mistake has its code, and nothing is sent."""
    cli, _ = world
    assert cli.refuse("vote", *args, "--from", "alice", *_YES) == code


def test_an_epoch_and_what_is_owed_of_it(world: tuple[Cli, OneNode]) -> None:
    """Paid and refunded make up collected; a payer sees its part until it is paid."""
    cli, node = world
    cli.ask("vote", "--cost", "0.0000000001", "--from", "alice", *_YES)
    end_epoch(cli, node)
    number = cli.ask("query", "fees")["epoch"]
    sent = cli.ask("tx", "transfer", "bob", "1", "OMG", "--from", "carol", *_YES)
    assert cli.refuse("query", "epoch", str(number)) == "NOT_FOUND"
    end_epoch(cli, node)
    epoch = cli.ask("query", "epoch", str(number), "carol")
    assert epoch["collected"] == sent["fee"] == epoch["owner_paid"]
    assert epoch["paid"] == epoch["cost"] == str(10**8)
    refund = int(sent["fee"]) - 10**8
    assert (int(epoch["refunded"]), int(epoch["owner_refund"])) == (refund, refund)
    assert epoch["work"] == sent["work"]
    assert float(epoch["effective_price"]) == pytest.approx(10**8 / sent["work"], abs=1e-6)
    shown = cli.run("query", "epoch", str(number), "carol").stdout
    assert "owed to carol" in shown
    free = int(cli.ask("query", "balance", "carol", "OMG")["free"])
    again = cli.ask("tx", "transfer", "bob", "1", "OMG", "--from", "carol", *_YES)
    expected = free + refund - COIN - int(again["fee"])
    assert int(cli.ask("query", "balance", "carol", "OMG")["free"]) == expected
    assert cli.ask("query", "epoch", str(number), "carol")["owner_refund"] == "0"


def test_fees_tell_how_the_price_came_about(world: tuple[Cli, OneNode]) -> None:
    """The epoch under way, the price, and the last epochs, newest first."""
    cli, node = world
    sent = cli.ask("tx", "transfer", "bob", "1", "OMG", "--from", "carol", *_YES)
    fees = cli.ask("query", "fees")
    assert (fees["epoch"], fees["epoch_blocks"], fees["end_height"]) == (1, EPOCH_BLOCKS, 4)
    assert (fees["collected"], fees["work"]) == (sent["fee"], sent["work"])
    assert fees["unit_price"] == fees["price"] == 10**9
    end_epoch(cli, node)
    end_epoch(cli, node)
    fees = cli.ask("query", "fees", "--epochs", "5")
    assert [each["number"] for each in fees["epochs"]] == [2, 1]
    assert fees["epochs"][1]["collected"] == sent["fee"]
    shown = cli.run("query", "fees").stdout
    assert "cost of an epoch" in shown
    assert "0.02 OMG" in shown
    assert "effective" in shown


def test_tally_epoch_and_votes_are_proved(world: tuple[Cli, OneNode]) -> None:
    """Every record that an answer names leads to the app hash in a header."""
    cli, node = world
    cli.ask("stake", "delegate", "alice", "2000", "--from", "grace", *_YES)
    cli.ask("vote", "--cost", "0.01", "--from", "grace", *_YES)
    end_epoch(cli, node)
    end_epoch(cli, node)
    end_epoch(cli, node)
    answers = [
        cli.ask("query", "votes", "cost"),
        cli.ask("query", "votes", "grace"),
        cli.ask("query", "epoch", "1", "grace"),
        cli.ask("query", "fees"),
    ]
    tables = set()
    for answer in answers:
        assert answer["keys"]
        for key in answer["keys"]:
            proof = cli.ask("query", "proof", "key", key)
            assert (proof["verified"], proof["present"]) == (True, True)
            tables.add(proof["record"]["table"])
    assert tables >= {"parameter", "validator", "tally", "votes", "epoch", "fees", "account"}
    votes = cli.ask("query", "proof", "votes", "grace", "alice")["record"]["votes"]
    assert votes == [{"parameter": COST, "step": votes[0]["step"], "value": str(COIN // 100)}]
    exact = cli.ask("query", "proof", "tally", "alice", "1", str(votes[0]["step"]))
    assert (exact["present"], exact["record"]["shares"]) == (True, str(2_000 * COIN))


def test_fixed_fees_are_told_as_that(tmp_path: Path) -> None:
    """Without a fees section there are no epochs, and nobody votes."""
    with run_one_node(tmp_path) as node:
        cli = make_cli(tmp_path / "home", node)
        fees = cli.ask("query", "fees")
        assert (fees["epoch_blocks"], fees["unit_price"]) == (0, 10**9)
        assert "fixed" in cli.run("query", "fees").stdout
        assert cli.refuse("query", "votes", "cost") == "FAILED_PRECONDITION"
        assert cli.refuse("query", "epoch", "1") == "NOT_FOUND"
        assert cli.refuse("vote", "--cost", "1", "--from", "alice", *_YES) == "NoStaking"
        with NodeClient(node.target) as client:
            with pytest.raises(NodeError, match="epochs is 1001"):
                client.fees(1_001)
            with pytest.raises(NodeError, match="parameter is 99"):
                client.tally(99)
            with pytest.raises(NodeError, match="limit is 0"):
                client.requests(OWNER["alice"], limit=0)
