"""Orders that the rules refuse or bound, through blocks: the leg's code, and no token is lost."""

from pathlib import Path
from typing import Any

import pytest

from omg_abci.protocol import errors, limits
from omg_abci.protocol.codec import decode_result
from omg_abci.protocol.messages import AmendOrder, CancelOrder, Message, PlaceOrder, Transfer
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.units import Ended, SelfTrade, TimeInForce
from omg_abci.state import schema
from omg_abci.state.diff import compute_records
from omg_abci.state.records import BalanceRecord
from tests.node.app_world import DOCUMENT, AppNode, run
from tests.node.pool_world import ALICE, BOB, make_tx
from tests.strategies import AGENTS, GENESIS, START_MS, STRANGER, Key, show

SELL = PlaceOrder(1, 2, 1, 1, 0, 4, 5, 0, 1, 0, 1, 16)
BUY = SELL._replace(side=1, quantity=3, client_id=2)
_LEVELS = 10_000
_STEPS = limits.MATCHES_MAX
_WIDE: dict[str, Any] = DOCUMENT | {
    "markets": [GENESIS["markets"][0] | {"lots_min": 1, "lots_max": limits.QUANTITY_LOTS_MAX}],
    "balances": [
        {"owner": show(key), "token": token, "amount": str(10**12)}
        for key in (ALICE, BOB)
        for token in (1, 2, 3)
    ],
}
"""A market whose orders may be large, and two owners who can pay for them."""


class Trading:
    """A node on which one transaction after the other becomes a block."""

    def __init__(self, node: AppNode) -> None:
        self.node = node
        self._nonce = 0

    async def do(self, key: Key, *legs: Message, agent: Key | None = None) -> list[LegResult]:
        """Execute a transaction of these legs as the next block; return their results."""
        self._nonce += 1
        raw = make_tx(agent or key, self._nonce, *legs, owner=key if agent else None)
        answer = await self.node.finalize([raw])
        self.node.commit()
        (each,) = answer.tx_results
        return list(decode_result(each.data, each.code).legs)

    async def do_one(self, key: Key, leg: Message) -> LegResult:
        """Execute one leg."""
        return (await self.do(key, leg))[0]

    def count(self, token: int) -> int:
        """Return how much of a token there is, whoever has it, without the fees."""
        found = [
            BalanceRecord.decode(value)
            for key, value in compute_records(self.node.chain.get_state())
            if key[:1] == schema.BALANCE and key[-4:] == token.to_bytes(4, "big")
        ]
        return sum(balance.free + balance.reserved for balance in found)


@pytest.mark.parametrize(
    ("leg", "error"),
    [
        (SELL._replace(quantity=limits.QUANTITY_LOTS_MAX), errors.QuantityAboveMaximum),
        (SELL._replace(market=2, quantity=1), errors.QuantityBelowMinimum),
        (SELL._replace(market=limits.U32_MAX), errors.UnknownMarket),
        (BUY._replace(price=limits.PRICE_TICKS_MAX), errors.InsufficientFunds),
        (SELL._replace(subaccount=limits.SUBACCOUNT_MAX), errors.InsufficientFunds),
        (SELL._replace(time_in_force=2, expires_ms=START_MS), errors.OrderExpired),
        (SELL._replace(time_in_force=2, expires_ms=limits.U64_MAX), errors.ExpiryTooFar),
        (SELL._replace(time_in_force=4), errors.FillOrKillUnfilled),
        (AmendOrder(77, 1, 0, 0, 1), errors.UnknownOrder),
        (Transfer(BOB.address, 2, limits.AMOUNT_MAX, 0, 0), errors.InsufficientFunds),
        (Transfer(BOB.address, limits.U32_MAX, 1, 0, 0), errors.UnknownToken),
        (Transfer(STRANGER.address, 2, 3_001, 0, 0), errors.InsufficientFunds),
    ],
)
def test_refused_leg_has_its_code(
    tmp_path: Path, leg: Message, error: type[errors.TxError]
) -> None:
    """A leg that cannot be done answers its code, moves nothing but the fee, leaves no order."""

    async def test(node: AppNode) -> None:
        await node.init_chain()
        trading = Trading(node)
        before = trading.count(2), trading.count(3)
        assert (await trading.do_one(ALICE, leg)).code == error.code
        assert (trading.count(2), trading.count(3)) == before
        assert not node.chain.get_state().accounts[ALICE.address].orders

    run(tmp_path, test)


def test_cost_above_any_balance_is_refused(tmp_path: Path) -> None:
    """The largest price times the largest quantity is CostOverflow, not a wrapped number."""
    document = _WIDE | {
        "markets": [
            GENESIS["markets"][0] | {"quote_unit": str(2**40), "lots_max": limits.QUANTITY_LOTS_MAX}
        ],
    }

    async def test(node: AppNode) -> None:
        await node.init_chain(document)
        leg = BUY._replace(price=limits.PRICE_TICKS_MAX, quantity=limits.QUANTITY_LOTS_MAX)
        assert (await Trading(node).do_one(ALICE, leg)).code == errors.CostOverflow.code

    run(tmp_path, test)


@pytest.mark.parametrize(
    ("mode", "resting_left", "ended", "rests", "fills"),
    [
        (SelfTrade.CANCEL_NEWEST, 5, Ended.SELF_TRADE, 0, 0),
        (SelfTrade.CANCEL_OLDEST, 0, Ended.OPEN, 3, 0),
        (SelfTrade.CANCEL_BOTH, 0, Ended.SELF_TRADE, 0, 0),
        (SelfTrade.DECREMENT, 2, Ended.SELF_TRADE, 0, 0),
        (SelfTrade.ALLOW, 2, Ended.FILLED, 0, 1),
    ],
)
def test_self_trade_in_every_mode(
    tmp_path: Path, mode: SelfTrade, resting_left: int, ended: Ended, rests: int, fills: int
) -> None:
    """An owner's order that meets its own does what its mode says, and no token appears or goes."""

    async def test(node: AppNode) -> None:
        await node.init_chain()
        trading = Trading(node)
        before = trading.count(2), trading.count(3)
        await trading.do_one(ALICE, SELL)
        result = await trading.do_one(ALICE, BUY._replace(self_trade=int(mode)))
        assert (result.code, result.ended, result.resting) == (0, ended, rests)
        assert len(result.fills) == fills
        resting = node.chain.get_state().accounts[ALICE.address].orders.get(1)
        assert (0 if resting is None else resting.remaining) == resting_left
        assert (trading.count(2), trading.count(3)) == before

    run(tmp_path, test)


def test_ended_orders_cannot_be_changed(tmp_path: Path) -> None:
    """An order that has ended is OrderClosed, for amendments and cancellations alike."""

    async def test(node: AppNode) -> None:
        await node.init_chain()
        trading = Trading(node)
        await trading.do(ALICE, SELL, CancelOrder(1))
        for leg in (AmendOrder(1, 5, 0, 0, 1), CancelOrder(1)):
            assert (await trading.do_one(ALICE, leg)).code == errors.OrderClosed.code

    run(tmp_path, test)


async def fill_book(trading: Trading) -> None:
    """Let Alice's agent rest one lot at each of 10,000 prices."""
    prices = list(range(1, _LEVELS + 1))
    for start in range(0, _LEVELS, limits.LEGS_MAX):
        legs = [
            SELL._replace(price=price, quantity=1, client_id=price, max_matches=1)
            for price in prices[start : start + limits.LEGS_MAX]
        ]
        results = await trading.do(ALICE, *legs, agent=AGENTS[0])
        assert {(each.code, each.resting) for each in results} == {(0, 1)}


def test_ten_thousand_levels_are_swept_in_bounded_steps(tmp_path: Path) -> None:
    """However many levels cross, an order takes `max_matches` steps, says so and pays for them."""
    sweep = BUY._replace(price=_LEVELS, quantity=_LEVELS, max_matches=_STEPS)

    async def test(node: AppNode) -> None:
        await node.init_chain(_WIDE)
        trading = Trading(node)
        await fill_book(trading)
        orders = node.chain.get_state().accounts[ALICE.address].orders
        kinds = (TimeInForce.FOK, TimeInForce.IOC, TimeInForce.GTC)
        fok, ioc, gtc = [
            await trading.do_one(BOB, sweep._replace(time_in_force=int(kind), client_id=5 + place))
            for place, kind in enumerate(kinds)
        ]
        assert (fok.code, len(fok.fills)) == (errors.FillOrKillUnfilled.code, 0)
        for result in (ioc, gtc):
            assert (result.code, result.filled, result.resting) == (0, _STEPS, 0)
            assert result.ended == Ended.MATCH_LIMIT
        assert [fill.price for fill in ioc.fills] == list(range(1, _STEPS + 1))
        assert len(orders) == _LEVELS - 2 * _STEPS
        sixteen = [sweep._replace(client_id=20 + place) for place in range(limits.LEGS_TYPED_MAX)]
        results = await trading.do(BOB, *sixteen)
        assert {len(each.fills) for each in results} == {_STEPS}
        cancelled = await trading.do_one(ALICE, CancelOrder(_LEVELS))
        assert (cancelled.code, cancelled.ended) == (0, Ended.CANCELLED)

    run(tmp_path, test)
