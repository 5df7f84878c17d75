"""`omgd tx token|pay|allowance|limits|request|sponsor|offer`, and the queries about them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node.cli_run import Cli, make_cli
from tests.node.one_node import OWNER, run_one_node

_YES = ("--yes", "--timeout", "20")
_ALICE = ("--from", "alice", *_YES)
_BOB = ("--from", "bob", *_YES)


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    """Return a command line with a node of its own."""
    with run_one_node(tmp_path) as node:
        yield make_cli(tmp_path / "home", node)


def _free(cli: Cli, owner: str, token: str) -> int:
    return int(cli.ask("query", "balance", owner, token)["free"])


def test_a_token_from_its_creation_to_its_end(cli: Cli) -> None:
    """Created with a supply, minted, burnt, and closed when nothing is left."""
    create = ("tx", "token", "create", "POINTS", "--decimals", "2", "--supply", "1000")
    shown = cli.run(*create, *_ALICE)
    assert "create a token: 1,000 POINTS at once" in shown.stderr
    assert "is locked until the token is closed" in shown.stderr
    assert "created token 2147483648" in shown.stdout
    assert cli.ask("tx", "token", "mint", "POINTS", "0.5", "bob", *_ALICE)["code"] == 0
    assert (_free(cli, "alice", "POINTS"), _free(cli, "bob", "POINTS")) == (100_000, 50)
    assert cli.refuse("tx", "token", "mint", "POINTS", "1", "bob", *_BOB) == "NotIssuer"
    assert cli.refuse("tx", "token", "close", "POINTS", *_ALICE) == "TokenInUse"
    cli.ask("tx", "token", "burn", "POINTS", "0.5", *_BOB)
    cli.ask("tx", "token", "burn", "POINTS", "1000", *_ALICE)
    assert cli.ask("tx", "token", "close", "POINTS", *_ALICE)["code"] == 0
    assert cli.refuse("query", "balance", "alice", "POINTS") == "unknown_token"


def test_a_fixed_token(cli: Cli) -> None:
    """Nobody makes more of it, nobody destroys any."""
    create = ("tx", "token", "create", "MEDAL", "--decimals", "0", "--fixed", "--not-burnable")
    assert cli.refuse(*create, *_ALICE) == "usage"
    assert cli.ask(*create, "--supply", "3", *_ALICE)["code"] == 0
    assert cli.refuse("tx", "token", "mint", "MEDAL", "1", "bob", *_ALICE) == "TokenNotMintable"
    assert cli.refuse("tx", "token", "burn", "MEDAL", "1", *_ALICE) == "TokenNotBurnable"
    lower = ("tx", "token", "create", "medal", "--supply", "3")
    assert cli.refuse(*lower, *_ALICE) == "BadSymbol"
    more = ("tx", "token", "create", "MORE", "--supply", "3", "--cap", "2")
    assert cli.refuse(*more, *_ALICE) == "BadCap"


def test_a_payment_is_made_once(cli: Cli) -> None:
    """The memo is shown; the same client id again moves nothing."""
    pay = ("tx", "pay", "bob", "2.5", "USD", "--memo", "invoice 17", "--client-id", "17", *_ALICE)
    before = _free(cli, "bob", "USD")
    assert "memo 'invoice 17', once (payment 17)" in cli.run(*pay).stderr
    assert "was paid before" in cli.run(*pay).stdout
    assert _free(cli, "bob", "USD") - before == 2_500_000
    long = ("tx", "pay", "bob", "1", "USD", "--memo", "x" * 65)
    assert cli.refuse(*long, *_ALICE) == "BadMemo"
    assert cli.refuse("tx", "pay", "bob", "1", "USD", "--memo", "0xzz", *_ALICE) == "BadMemo"


def test_an_agent_pays_within_its_allowance(cli: Cli) -> None:
    """What is left is told, in all and for today, and proved."""
    pay = ("tx", "pay", "carol", "30", "USD", "--from", "bob", "--owner", "alice", *_YES)
    cli.ask("tx", "approve-agent", "bob", "--may", "pay", *_ALICE)
    assert "pay up to its allowances" in cli.run("query", "account", "alice").stdout
    assert cli.refuse(*pay) == "AllowanceExceeded"
    cli.ask("tx", "allowance", "bob", "100", "USD", "--daily", "50", *_ALICE)
    assert cli.ask(*pay)["code"] == 0
    found = cli.ask("query", "allowances", "alice")
    assert found["allowances"] == [
        {
            "agent": "0x" + OWNER["bob"].hex(),
            "token": 3,
            "left": "70000000",
            "daily": "50000000",
            "left_today": "20000000",
        }
    ]
    assert cli.refuse(*pay) == "DailyAllowanceExceeded"
    shown = cli.run("query", "allowances", "alice").stdout
    assert "70 USD" in shown
    assert "20 USD" in shown
    assert cli.node is not None
    cli.node.pass_time(*[100] * 10)
    proof = cli.ask("query", "proof", "key", found["keys"][0])
    assert (proof["verified"], proof["record"]["rows"][0]["left"]) == (True, "70000000")
    named = cli.ask("query", "proof", "allowances", "alice", "bob")
    assert named["record"] == proof["record"]
    assert cli.refuse("tx", "allowance", "bob", "off", "USD", "--daily", "1", *_ALICE) == "usage"
    cli.ask("tx", "allowance", "bob", "off", "USD", *_ALICE)
    assert cli.ask("query", "allowances", "alice")["allowances"] == []


def test_an_agent_recovers_and_trades(cli: Cli) -> None:
    """Whatever is given with --may is let, and the query says so."""
    both = ("tx", "approve-agent", "bob", "--may", "recover", "--may", "trade")
    shown = cli.run(*both, *_ALICE)
    assert "trade and recover accounts for the owner until" in shown.stderr
    assert "trade and recover accounts" in cli.run("query", "account", "alice").stdout
    agents = cli.ask("query", "account", "alice")["agents"]
    assert [each["scope"] for each in agents if each["agent"] == "0x" + OWNER["bob"].hex()] == [
        "trade|recover"
    ]
    everything = cli.ask(*both, "--may", "pay", *_ALICE)["tx"]["legs"][0]
    assert everything["scope"] == "trade|pay|recover"


def test_an_account_limits_itself(cli: Cli) -> None:
    """Lower acts at once, higher a day later."""
    cli.ask("tx", "limits", "USD", "10", *_ALICE)
    cli.ask("tx", "pay", "bob", "4", "USD", *_ALICE)
    assert cli.refuse("tx", "pay", "bob", "7", "USD", *_ALICE) == "DailyLimitExceeded"
    cli.ask("tx", "limits", "USD", "20", *_ALICE)
    (limit,) = cli.ask("query", "allowances", "alice")["limits"]
    assert (limit["daily"], limit["left_today"]) == ("10000000", "6000000")
    assert limit["next_daily"] == "20000000"
    assert "20 USD from" in cli.run("query", "allowances", "alice").stdout
    cli.ask("tx", "limits", "USD", "off", *_ALICE)
    assert "no limit from" in cli.run("query", "allowances", "alice").stdout


def test_payment_requests(cli: Cli) -> None:
    """Asked for, listed, paid, and taken back."""
    ask = ("tx", "request", "create", "USD")
    cli.ask(*ask, "12.5", "--request", "7", "--memo", "table 4", "--uses", "2", *_BOB)
    cli.ask(*ask, "any", "--request", "9", "--payer-cap", "5", *_BOB)
    paid = cli.run("tx", "request", "pay", "bob", "7", *_ALICE)
    assert "pay 12.5 USD for request 7" in paid.stderr
    assert paid.exit_code == 0
    assert cli.refuse("tx", "request", "pay", "bob", "9", *_ALICE) == "usage"
    nine = ("tx", "request", "pay", "bob", "9", "--amount")
    assert cli.refuse(*nine, "6", *_ALICE) == "PayerCapExceeded"
    assert cli.refuse("tx", "request", "pay", "bob", "8", *_ALICE) == "UnknownRequest"
    found = cli.ask("query", "requests", "bob")
    rows = [(each["request"], each["uses_left"], each["paid"]) for each in found["requests"]]
    assert rows == [(7, 1, "12500000"), (9, 1, "0")]
    page = cli.ask("query", "requests", "bob", "--limit", "1")
    assert (page["more"], len(page["requests"])) == (True, 1)
    shown = cli.run("query", "requests", "bob").stdout
    assert "12.5 USD" in shown
    assert "any USD" in shown
    assert "at most 5 USD" in shown
    assert cli.ask(*nine, "5", "--client-id", "1", *_ALICE)["code"] == 0
    assert cli.ask("tx", "request", "close", "7", *_BOB)["code"] == 0
    assert cli.ask("query", "requests", "bob")["requests"] == []


def test_a_sponsor_pays_the_fee(cli: Cli) -> None:
    """Whoever names it pays nothing; without a grant the transaction is refused."""
    pay = ("tx", "pay", "carol", "1", "USD", "--sponsor", "alice")
    assert cli.refuse(*pay, *_BOB) == "NotSponsored"
    granted = cli.run("tx", "sponsor", "grant", "bob", "0.5", *_ALICE)
    assert ", 0.5 OMG in all" in granted.stderr
    before = _free(cli, "bob", "OMG")
    answer = cli.ask(*pay, *_BOB)
    assert [leg["kind"] for leg in answer["tx"]["legs"]] == ["use_sponsorship", "pay"]
    assert _free(cli, "bob", "OMG") == before
    proof = cli.ask("query", "proof", "sponsorship", "alice", "bob")
    assert proof["verified"] is True
    assert cli.refuse(*pay, *_ALICE) == "SponsorIsOwner"
    assert cli.ask("tx", "sponsor", "end", "bob", *_ALICE)["code"] == 0
    assert cli.refuse(*pay, *_BOB) == "NotSponsored"


def test_a_fee_is_paid_in_another_token(cli: Cli) -> None:
    """By whom, at which price and up to how much is listed, signed and proved."""
    pay = ("tx", "pay", "carol", "1", "USD", "--fee-offer", "alice", "USD")
    assert cli.refuse(*pay, *_BOB) == "FeeNotOffered"
    offer = ("tx", "offer", "set", "USD", "3", "--per", "0.5", "--total", "2")
    shown = cli.run(*offer, *_ALICE)
    assert "pay fees for 3 USD each 0.5 OMG, 2 OMG in all" in shown.stderr
    before = {name: (_free(cli, name, "OMG"), _free(cli, name, "USD")) for name in ("alice", "bob")}
    answer = cli.ask(*pay, *_BOB)
    assert [leg["kind"] for leg in answer["tx"]["legs"]] == ["use_fee_offer", "pay"]
    fee = int(answer["fee"])
    cost = -(-fee * 3_000_000 // (5 * 10**17))
    assert int(answer["tx"]["legs"][0]["max_amount"]) >= cost
    assert _free(cli, "bob", "OMG") == before["bob"][0]
    assert _free(cli, "bob", "USD") == before["bob"][1] - 1_000_000 - cost
    assert _free(cli, "alice", "USD") == before["alice"][1] + cost
    found = cli.ask("query", "offers", "USD")
    (row,) = found["offers"]
    assert (row["provider"], row["left"]) == ("0x" + OWNER["alice"].hex(), str(2 * 10**18 - fee))
    assert cli.ask("query", "offers", "USD", "--provider", "alice")["offers"] == [row]
    assert cli.ask("query", "offers", "USD", "--provider", "bob")["offers"] == []
    assert cli.ask("query", "offers", "USD", "--after", "alice")["offers"] == []
    listed = cli.run("query", "offers", "USD")
    assert "3 USD" in listed.stdout
    assert "1 offer at height" in listed.stderr
    assert cli.node is not None
    cli.node.pass_time(*[100] * 10)
    proof = cli.ask("query", "proof", "key", found["keys"][0])
    assert (proof["verified"], proof["record"]["left"]) == (True, row["left"])
    assert cli.ask("query", "proof", "fee_offer", "alice", "USD")["record"] == proof["record"]
    assert cli.ask("tx", "offer", "end", "USD", *_ALICE)["code"] == 0
    assert cli.refuse(*pay, *_BOB) == "FeeNotOffered"


def test_a_fees_worst_price_is_a_bound(cli: Cli) -> None:
    """What the signer gives at most, and options that contradict each other."""
    offer = ("tx", "offer", "set", "USD", "3", "--per", "0.000001", "--total", "2")
    assert cli.ask(*offer, *_ALICE)["code"] == 0
    pay = ("tx", "pay", "carol", "1", "USD")
    take = (*pay, "--fee-offer", "alice", "USD")
    assert cli.refuse(*take, "--max-fee", "0.000001", *_BOB) == "FeeOfferTooDear"
    assert cli.refuse(*take, "--sponsor", "alice", *_BOB) == "usage"
    assert cli.refuse(*pay, "--max-fee", "1", *_BOB) == "usage"
    assert cli.refuse(*take, *_ALICE) == "ProviderIsOwner"
    huge = ("tx", "offer", "set", "USD", "3", "--per", "20", "--total", "2")
    assert cli.refuse(*huge, *_ALICE) == "BadRate"
