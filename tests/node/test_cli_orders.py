"""Every kind of order and of market by the command line: in words, and every refusal readable."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from omg_abci.node.commands.failure import make_refusal
from omg_abci.protocol import limits
from omg_abci.protocol.errors import get_error_classes
from tests.node.cli_run import Cli, make_cli
from tests.node.market_world import MARKETS, Venue, run_every_status, run_venue
from tests.node.one_node import OWNER, run_one_node

_YES = ("--yes", "--timeout", "20", "--valid-for", "2d")
_ALICE = ("--from", "alice", *_YES)
_BOB = ("--from", "bob", *_YES)
_PLACE = ("tx", "place")
_MISTAKES = [
    (("place", "1", "buy", "1", "1", "--type", "market", "--tif", "gtc"), "MarketOrderRests"),
    (("place", "1", "buy", "1", "1", "--type", "iceberg", "--display", "1", "--tif", "ioc"),
     "IcebergImmediate"),
    (("place", "1", "buy", "1", "1", "--type", "iceberg"), "BadDisplay"),
    (("place", "1", "buy", "1", "1", "--type", "iceberg", "--display", "2"), "BadDisplay"),
    (("place", "1", "buy", "1", "1", "--display", "1"), "DisplayNotAllowed"),
    (("place", "1", "buy", "1", "1", "--type", "stop-limit"), "BadTrigger"),
    (("place", "1", "buy", "1", "1", "--trigger", "1"), "TriggerNotAllowed"),
    (("place", "1", "buy", "1", "1", "--type", "stop-limit", "--trigger", "2", "--post-only"),
     "PostOnlyTriggered"),
    (("place", "1", "buy", "1", "1", "--tif", "gtc", "--expires", "1h"), "ExpiryNotAllowed"),
    (("place", "1", "buy", "1", "1", "--tif", "gth"), "BadExpiryHeight"),
    (("place", "1", "buy", "1", "1", "--tif", "ioc", "--until-height", "9"),
     "HeightNotAllowed"),
    (("place", "1", "buy", "1", "1", "--expires", "1h", "--until-height", "9"),
     "HeightNotAllowed"),
    (("place", "1", "buy", "0.01", "1"), "QuantityBelowMinimum"),
    (("place", "1", "buy", "10001", "1"), "QuantityAboveMaximum"),
    (("place", "1", "buy", "1", "1", "--until-height", "1"), "ExpiryHeightPassed"),
    (("place", "1", "buy", "1", "1", "--until-height", "900000000"), "ExpiryHeightTooFar"),
    (("place", "1", "buy", "1", "1", "--expires", "2020-01-01T00:00Z"), "OrderExpired"),
    (("place", "1", "buy", "1", "1", "--expires", "400d"), "ExpiryTooFar"),
    (("place", "1", "buy", "1", "1", "--type", "iceberg", "--display", "0.01"),
     "DisplayBelowMinimum"),
    (("place", "1", "buy", "1", "1", "--type", "stop-limit", "--trigger", "0.5"),
     "TriggerOnWrongSide"),
    (("place", "1", "sell", "1", "1", "--type", "take-profit", "--trigger", "0.5"),
     "TriggerOnWrongSide"),
    (("place", "1", "buy", "9999", "0.4", "--tif", "fok"), "FillOrKillUnfilled"),
    (("place", "batch", "buy", "1", "0.4", "--post-only"), "PostOnlyInBatch"),
    (("place", "auction", "buy", "1", "0.4", "--tif", "ioc"), "MarketInAuction"),
    (("place", "auction", "buy", "1", "0.4", "--post-only"), "PostOnlyInAuction"),
    (("place", "crossing", "buy", "1", "0.4"), "MarketUncrossing"),
    (("place", "stopped", "buy", "1", "0.4"), "MarketCancelOnly"),
    (("place", "leaving", "buy", "1", "0.4"), "MarketDelisting"),
    (("amend", "70", "--tif", "gtt"), "BadExpiry"),
    (("amend", "70", "--expires", "1h"), "AmendExpiryNotAllowed"),
    (("amend", "70", "--until-height", "9"), "AmendHeightNotAllowed"),
    (("amend", "70", "--trigger", "1"), "AmendTriggerNotAllowed"),
    (("amend", "70", "--display", "1"), "AmendDisplayNotAllowed"),
    (("amend", "70", "--quantity", "0.05"), "AmendBelowFilled"),
    (("amend", "71", "--post-only", "reject"), "AmendPostOnlyNotAllowed"),
    (("amend", "71", "--tif", "gtc"), "AmendTimeInForceNotAllowed"),
    (("amend", "71", "--trigger", "0.5"), "TriggerOnWrongSide"),
    (("switch", "2020-01-01T00:00Z"), "SwitchInPast"),
    (("switch", "4d"), "SwitchTooFar"),
    (("switch", "never"), "bad_time"),
    (("change-market", "batch", "resume"), "NotMarketCreator"),
    (("change-market", "active", "resume"), "MarketActionNotPossible"),
    (("create-market", "OMG", "OMG", "--lot", "1", "--tick", "1"), "SameTokens"),
    (("create-market", "OMG", "USD", "--lot", "0.03", "--tick", "1"), "BadUnit"),
    (("create-market", "OMG", "USD", "--lot", "1", "--tick", "0.0000001"), "off_unit"),
    (("create-market", "OMG", "USD", "--lot", "1", "--tick", "1e5"), "bad_number"),
    (("create-market", "OMG", "USD", "--lot", "1", "--tick", "1", "--band", "5"), "bad_band"),
    (("create-market", "OMG", "USD", "--lot", "1", "--tick", "1", "--band", "0.1%"), "BadBand"),
    (("create-market", "OMG", "USD", "--lot", "1", "--tick", "1", "--auction", "2d"),
     "BadAuctionTime"),
    (("create-market", "OMG", "USD", "--lot", "1", "--tick", "1", "--min-order", "2",
      "--max-order", "1"), "BadLots"),
    (("create-market", "OMG", "USD", "--lot", "100000000", "--tick", "1"), "LotAboveSupply"),
    (("create-market", "EUR", "USD", "--lot", "1", "--tick", "1"), "unknown_token"),
]  # fmt: skip
"""What is asked of the stocked node, markets by their names there, and the code of the refusal."""
_ELSEWHERE = {
    "UnknownMarket": "test_order_matrix",
    "CostOverflow": "test_bad_orders",
    "PostOnlyWouldCross": "test_post_only_slides",
    "SlideOutOfRange": "test_post_only_slides",
    "TooManyOpenOrders": "test_bounds_of_owners",
    "CancelledBeforePlaced": "test_cli_tx",
    "UnknownOrder": "test_bad_orders",
    "OrderClosed": "test_bad_orders",
    "TooManyTombstones": "test_bounds_of_owners",
    "SwitchFiring": "test_bounds_of_markets_and_of_the_switch",
    "PostOnlyPeriod": "test_makers_first_after_a_halt",
    "TooManyMarkets": "test_bounds_of_markets_and_of_the_switch",
    "BondNotCovered": "test_bounds_of_markets_and_of_the_switch",
}
"""Where the other codes of the exchange are reached, through the node as well."""


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Venue]:
    """Return a node whose markets are active, or in the auction that opens them."""
    with run_venue(tmp_path) as venue:
        yield venue


@pytest.fixture
def cli(tmp_path: Path, venue: Venue) -> Cli:
    """Return a command line for that node."""
    return make_cli(tmp_path / "home", venue.node)


def test_a_stop_order_from_placing_to_its_fill(cli: Cli) -> None:
    """What waits is shown as waiting, what it waits for in words, and the fill in the block."""
    stop = ("1", "sell", "1", "0.7", "--type", "stop-limit", "--trigger", "0.8")
    placed = cli.run(*_PLACE, *stop, "--client-id", "7", *_ALICE)
    assert "stop-limit: waits until a trade at or below 0.8 USD" in placed.stderr
    assert "order 7 waits for its trigger" in placed.stdout
    shown = cli.run("query", "order", "alice", "7").stdout
    assert "waiting for its trigger" in shown
    assert "a trade at or below 0.8 USD" in shown
    assert "waits for a trade at or below" in cli.run("query", "orders", "alice").stdout
    assert "0.8 USD" in cli.run("query", "book", "1", "--waiting").stdout
    cli.ask(*_PLACE, "1", "buy", "2", "0.8", *_BOB)
    cli.ask(*_PLACE, "1", "sell", "0.5", "0.8", "--from", "carol", *_YES)
    block = cli.run("query", "block").stdout
    assert f"order 7 of 0x{OWNER['alice'].hex()} was triggered\n    filled 100 lots" in block
    (event,) = cli.ask("query", "block")["events"]
    assert (event["kind"], event["result"]["ended"]) == ("activated", "filled")


def test_an_iceberg_and_its_amendment(cli: Cli) -> None:
    """An iceberg shows its tip; its display, time in force and self-trade mode can be changed."""
    berg = ("1", "sell", "10", "0.9", "--type", "iceberg", "--display", "2", "--client-id", "7")
    placed = cli.run(*_PLACE, *berg, "--until-height", "500", *_ALICE)
    assert "iceberg that shows 2 OMG at a time, until block 500" in placed.stderr
    assert "ask   0.9 USD     2 OMG       1" in cli.run("query", "book", "1").stdout
    amend = ("--display", "3", "--tif", "gtc", "--self-trade", "decrement", "--post-only", "slide")
    amended = cli.run("tx", "amend", "7", *amend, *_ALICE)
    assert "amended, kept its place" in amended.stdout
    shown = cli.run("query", "order", "alice", "7").stdout
    assert "2 OMG now, 3 OMG at a time" in shown
    assert "GTC, post-only (slides)" in shown
    assert "decrement" in shown
    cli.ask("tx", "amend", "7", "--post-only", "off", *_ALICE)
    assert cli.ask("query", "order", "alice", "7")["post_only"] == "none"


def test_post_only_slides(cli: Cli) -> None:
    """A slid order says where it rests."""
    cli.ask(*_PLACE, "1", "sell", "1", "0.9", *_BOB)
    slid = cli.run(*_PLACE, "1", "buy", "1", "0.95", "--post-only", "slide", *_ALICE)
    assert "slides to the best price" in slid.stderr
    assert "it slid to 0.8999 USD" in slid.stdout
    place = (*_PLACE, "1", "buy", "1", "0.95", "--post-only")
    assert cli.refuse(*place, *_ALICE) == "PostOnlyWouldCross"
    cli.ask("tx", "cancel-all", *_ALICE)
    cli.ask(*_PLACE, "1", "sell", "1", "0.0001", *_BOB)
    assert cli.refuse(*place, "slide", *_ALICE) == "SlideOutOfRange"


def test_the_switch(cli: Cli, venue: Venue) -> None:
    """The dead-man's switch is set, shown, and told when it cancels."""
    cli.ask(*_PLACE, "1", "buy", "1", "0.5", "--client-id", "7", *_ALICE)
    assert "the switch is set" in cli.run("tx", "switch", "1h", *_ALICE).stdout
    assert "all orders are cancelled at 2" in cli.run("query", "account", "alice").stdout
    venue.pass_time(3_700_000)
    ended = cli.run("query", "order", "alice", "7").stdout
    assert "cancelled by the owner's dead-man's switch" in ended
    assert "the switch is off" in cli.run("tx", "switch", "off", *_ALICE).stdout


def test_a_market_from_its_opening_to_its_end(cli: Cli, venue: Venue) -> None:
    """Bond and terms are shown before they are signed; status and auction are told in words."""
    terms = ("OMG", "ETH", "--lot", "0.1", "--tick", "0.002", "--min-order", "1", "--band", "10%")
    created = cli.run("tx", "create-market", *terms, "--auction", "1h", *_ALICE)
    assert "create a continuous market OMG/ETH: lot 0.1 OMG, tick 0.002 ETH" in created.stderr
    assert "band 10 %; auctions of 60 min" in created.stderr
    assert "a bond of 1,000 OMG is locked until the market is gone" in created.stderr
    assert "created market 8" in created.stdout
    place = (*_PLACE, "OMG/ETH")
    cli.ask(*place, "sell", "3", "0.2", *_BOB)
    cli.ask(*place, "buy", "2", "0.3", *_ALICE)
    shown = cli.run("query", "market", "OMG/ETH").stdout
    assert "auction: it collects orders, nothing trades, until 2" in shown
    assert "2 OMG would trade at 0.25 ETH, 1 OMG would be left over there" in shown
    assert "10 % around the next trade" in shown
    assert "bond         1,000 OMG" in shown
    venue.pass_time(3_600_000)
    block = cli.run("query", "block", str(venue.client.status().height - 2)).stdout
    assert "market OMG/ETH: auction: 2 OMG at 0.25 ETH" in block
    assert "market OMG/ETH: 2 OMG traded at 0.25 ETH, from order" in block
    assert "market OMG/ETH is now active" in block
    assert "changed" in cli.run("tx", "change-market", "OMG/ETH", "delist", *_ALICE).stdout
    assert "cancel only, until 2" in cli.run("query", "market", "OMG/ETH").stdout
    assert "cancel only" in cli.run("query", "markets").stdout
    venue.pass_time(86_400_000)
    assert cli.refuse("query", "market", "OMG/ETH") == "unknown_market"


def test_what_a_market_takes(cli: Cli) -> None:
    """The document is whole for programs and a table for people."""
    answer = cli.ask("query", "market", "1")
    assert (answer["status"], answer["mode"]) == ("active", "continuous")
    assert answer["market"]["status"] == "active"
    assert answer["indicative"] is None
    assert answer["precision"]["tick"] == "0.0001"
    shown = cli.run("query", "market", "1").stdout
    assert "stop-limit   gtc, gtt, ioc, fok, gth  no" in shown
    assert "limit        gtc, gtt, gth            no, reject, slide" in shown
    auction = cli.run("query", "market", str(MARKETS["auction"])).stdout
    assert "nothing would cross" in auction
    assert "market " not in auction.split("order type")[1]


@pytest.mark.parametrize(("args", "code"), _MISTAKES)
def test_every_mistake_has_its_name(stocked: Cli, args: tuple[str, ...], code: str) -> None:
    """A refusal has its own code for programs; people read what is wrong and what to do."""
    command, *rest = args
    given = [command, *(str(MARKETS.get(each, each)) for each in rest), *_ALICE]
    answer = stocked.ask("tx", *given)["error"]
    assert (answer["code"], bool(answer["text"])) == (code, True)
    assert answer["hint"]


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """Return a command line for a node with every status, a trade, and orders 70 and 71."""
    folder = tmp_path_factory.mktemp("node")
    with run_every_status(folder) as venue:
        cli = make_cli(folder / "home", venue.node)
        cli.ask(*_PLACE, "1", "buy", "0.5", "1", "--type", "market", "--from", "carol", *_YES)
        cli.ask(*_PLACE, "1", "buy", "0.2", "0.5", "--client-id", "70", *_ALICE)
        cli.ask(*_PLACE, "1", "sell", "0.05", "0.5", "--tif", "ioc", *_BOB)
        waiting = ("1", "sell", "1", "0.2", "--type", "stop-limit", "--trigger", "0.3")
        cli.ask(*_PLACE, *waiting, "--tif", "ioc", "--client-id", "71", *_ALICE)
        yield cli


def test_makers_first_after_a_halt(cli: Cli, venue: Venue) -> None:
    """While only makers may act, taking is refused, and the document says until when."""
    venue.node.pass_time(limits.CHAIN_HALT_MS + 1_000)
    place = (*_PLACE, "1", "buy", "1", "0.4")
    assert cli.refuse(*place, *_ALICE) == "PostOnlyPeriod"
    assert cli.ask(*place, "--post-only", *_ALICE)["code"] == 0
    assert "only post-only orders until 2" in cli.run("query", "market", "1").stdout


def test_bounds_of_markets_and_of_the_switch(tmp_path: Path) -> None:
    """A bond that is not there, and a switch that is at work, have their codes."""
    create = ("tx", "create-market", "OMG", "USD", "--lot", "1", "--tick", "1", *_ALICE)
    with (
        pytest.MonkeyPatch.context() as patch,
        run_one_node(tmp_path, market_bond=str(10**30)) as node,
    ):
        cli = make_cli(tmp_path / "home", node)
        assert cli.refuse(*create) == "BondNotCovered"
        patch.setattr(limits, "MARKETS_MAX", 2)
        assert cli.refuse(*create) == "TooManyMarkets"
        cli.ask(*_PLACE, "1", "buy", "1", "0.5", *_ALICE)
        cli.ask("tx", "switch", "10m", *_ALICE)
        patch.setattr(limits, "MASS_STEPS_MAX", 0)
        patch.setattr(limits, "MASS_START_MAX", 0)
        node.pass_time(660_000)
        assert cli.refuse("tx", "switch", "off", *_ALICE) == "SwitchFiring"
        assert cli.refuse(*_PLACE, "1", "buy", "1", "0.5", *_ALICE) == "SwitchFiring"


def test_refusals_of_orders_and_markets_say_what_to_do() -> None:
    """Each code of the exchange has a text, and a line with what to do next."""
    exchange = [each for each in get_error_classes() if 2_000 < each.code < 3_000]
    formats = [each for each in get_error_classes() if 40 <= each.code < 60]
    silent = [each.__name__ for each in (*exchange, *formats) if not make_refusal(each.code).hint]
    assert silent == []


def test_every_code_of_the_exchange_is_reached() -> None:
    """Each refusal of the exchange has an example that goes through the node."""
    shown = {code for _, code in _MISTAKES} | set(_ELSEWHERE)
    known = {each.__name__ for each in get_error_classes() if 2_000 <= each.code < 3_000}
    assert known - shown == set()


def test_bounds_of_owners(cli: Cli) -> None:
    """An owner has no more open orders, and no more tombstones, than the bounds say."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "OPEN_ORDERS_MAX", 0)
        patch.setattr(limits, "TOMBSTONES_MAX", 0)
        assert cli.refuse(*_PLACE, "1", "buy", "1", "0.4", *_ALICE) == "TooManyOpenOrders"
        assert cli.refuse("tx", "cancel", "77", *_ALICE) == "TooManyTombstones"
