"""One node with a market in each status and mode, and traders who talk to it by its API."""

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.localnet.genesis import Account
from omg_abci.node.client import NodeClient
from omg_abci.node.commands.output import get_now_ms
from omg_abci.node.commands.sending import get_domain
from omg_abci.protocol import codec, limits
from omg_abci.protocol.messages import ChangeMarket, Message, PlaceOrder, TxBody
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.tx import Verifier
from omg_abci.protocol.units import MarketAction, OrderType, Scheme, TimeInForce
from tests.node.bad_transactions import sign
from tests.node.one_node import ACCOUNTS, OneNode, run_one_node
from tests.strategies import Key

ALICE, BOB, CAROL = ACCOUNTS[:3]
DAY_MS: Final = 24 * 3_600_000
MARKETS: Final = {
    "active": 1,
    "batch": 2,
    "auction": 3,
    "batch_auction": 4,
    "stopped": 5,
    "leaving": 6,
    "crossing": 7,
}
_CROSS_MS: Final = 3_600_000
_PRICE: Final = 10_000
_WAITING: Final = (OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT)
SELL: Final = PlaceOrder(1, 2, 1, 1, 0, _PRICE, 50, 0, 1, 0, 1, 4)
BUY: Final = SELL._replace(side=1)


def complete(leg: PlaceOrder, height: int, time_ms: int) -> PlaceOrder:
    """Return the order with the fields that its type and time in force need."""
    return leg._replace(
        expires_ms=time_ms + DAY_MS if leg.time_in_force == TimeInForce.GTT else 0,
        expires_height=height + 1_000 if leg.time_in_force == TimeInForce.GTH else 0,
        display=5 if leg.order_type == OrderType.ICEBERG else 0,
        trigger=leg.price if leg.order_type in _WAITING else 0,
    )


class Venue:
    """The node, and what its users do."""

    def __init__(self, node: OneNode, client: NodeClient) -> None:
        """Connect the users."""
        self.node = node
        self.client = client
        self._domain = get_domain(client.status())
        self._verifier = Verifier(self._domain)
        self._nonces = itertools.count(get_now_ms())
        self._client_ids = itertools.count(1)

    def make_id(self) -> int:
        """Return a client id that was never used."""
        return next(self._client_ids)

    def sign(self, account: Account, *legs: Message, own: bool = False) -> bytes:
        """Return a transaction of these legs by the account's agent, or by its own key."""
        key, scheme = (account.owner, Scheme.TYPED) if own else (account.agent, Scheme.RAW)
        owner, price = account.owner.address, limits.UNIT_PRICE_MAX - 1
        body = TxBody(
            chain_id=self._domain.chain_id,
            owner=owner,
            nonce=next(self._nonces),
            after=0,
            valid_until_ms=0,
            valid_until_height=0,
            atomic=False,
            max_unit_price=price,
            legs=legs,
        )
        # Signed without looking whether a node would take it.
        return sign(body, Key(key.secret, key.address), scheme, domain=self._domain)

    def do(self, account: Account, *legs: Message, own: bool = False) -> tuple[LegResult, ...]:
        """Execute legs as a block; return what the API answers of each."""
        results, _ = self.do_block(account, *legs, own=own)
        return results

    def do_block(
        self, account: Account, *legs: Message, own: bool = False
    ) -> tuple[tuple[LegResult, ...], pb.Block]:
        """Execute legs as a block; return their results and the block."""
        raw = self.sign(account, *legs, own=own)
        tx_id = self._verifier.decode_tx(raw)[0].tx_id
        next_height = self.client.status().height + 1
        (admission,) = self.client.submit([raw])
        assert admission.code == 0, admission.log
        for block in self.client.stream_blocks(next_height):
            for outcome in block.txs:
                if outcome.tx_id == tx_id:
                    return codec.decode_result(outcome.result, outcome.code).legs, block
        raise AssertionError("the stream ended")

    def place(self, account: Account, leg: PlaceOrder) -> LegResult:
        """Place an order under a new client id."""
        return self.do(account, leg._replace(client_id=self.make_id()))[0]

    def pass_time(self, span_ms: int) -> pb.Block:
        """Let time pass, and the minute in which only makers may act; return the first block."""
        height = self.client.status().height + 1
        self.node.pass_time(span_ms, limits.POST_ONLY_MS // 2 + 1, limits.POST_ONLY_MS // 2)
        return next(self.client.stream_blocks(height))

    def get_statuses(self) -> dict[str, str]:
        """Return the status of each market by its name here."""
        return {name: self.client.capabilities(each).status for name, each in MARKETS.items()}


def _make_markets(time_ms: int) -> list[dict[str, object]]:
    grid = {
        "base": 1, "quote": 3, "base_unit": str(10**16), "quote_unit": "1",
        "lots_min": 2, "lots_max": 10**6,
    }  # fmt: skip
    creator = f"0x{ALICE.owner.address.hex()}"
    own: dict[str, dict[str, object]] = {
        "active": {"creator": creator},
        "batch": {"mode": "batch"},
        "auction": {"opens_ms": time_ms + 30 * DAY_MS},
        "batch_auction": {"opens_ms": time_ms + 30 * DAY_MS, "mode": "batch"},
        "stopped": {"creator": creator},
        "leaving": {"creator": creator},
        "crossing": {"opens_ms": time_ms + _CROSS_MS},
    }
    return [{"id": MARKETS[name], **grid, **fields} for name, fields in own.items()]


@contextlib.contextmanager
def run_venue(folder: Path) -> Iterator[Venue]:
    """Run a node whose markets are active, or in the auction that opens them."""
    markets = _make_markets(get_now_ms())
    with run_one_node(folder, markets=markets) as node, NodeClient(node.target) as client:
        yield Venue(node, client)


@contextlib.contextmanager
def run_every_status(folder: Path) -> Iterator[Venue]:
    """Run a node with a market in each status: mass work stands still after what led there."""
    with pytest.MonkeyPatch.context() as patch, run_venue(folder) as venue:
        for name in MARKETS:
            if name != "batch":
                assert venue.place(BOB, SELL._replace(market=MARKETS[name])).code == 0
        crossing = BUY._replace(market=MARKETS["crossing"])
        assert venue.place(CAROL, crossing).code == 0
        patch.setattr(limits, "MASS_STEPS_MAX", 0)
        patch.setattr(limits, "MASS_START_MAX", 0)
        for name, action in (
            ("stopped", MarketAction.CANCEL_ONLY),
            ("leaving", MarketAction.DELIST),
        ):
            (result,) = venue.do(ALICE, ChangeMarket(MARKETS[name], action), own=True)
            assert result.code == 0
        venue.pass_time(DAY_MS)
        yield venue
