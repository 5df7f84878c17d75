"""What must hold in every state of the exchange, whatever the rules are.

Written against the oracle's state, which the chain's records are compared with.
"""

from omg_abci.protocol.units import MarketStatus, Side
from tests.model_book import list_side
from tests.model_state import State


def check_ladder(state: State) -> None:
    """Assert that no live orders cross where orders meet as they come, and that lots are left."""
    for number, market in state.markets.items():
        bids, asks = list_side(state, number, Side.BUY), list_side(state, number, Side.SELL)
        if market.is_matching:
            live_bids = [each for each in bids if not state.find_death(each)]
            live_asks = [each for each in asks if not state.find_death(each)]
            assert not (live_bids and live_asks) or live_bids[0].price < live_asks[0].price
        for order in (*bids, *asks):
            assert 0 <= order.filled < order.quantity
            assert 0 <= order.tip <= order.quantity - order.filled


def check_invariants(state: State) -> None:
    """Assert that nothing is made or lost, that reserves are exact and priorities unique."""
    reserved = state.compute_reserved()
    for number, token in state.tokens.items():
        held = [amount for key, amount in state.free.items() if key[2] == number]
        held += [amount for key, amount in reserved.items() if key[2] == number]
        assert min(held, default=0) >= 0
        pool = state.fee_pool if number == state.fee_token else 0
        assert sum(held) + pool == token.supply
    check_allowances(state)
    check_requests(state)
    check_limits(state)
    for order in state.orders.values():
        assert order.market in state.markets
        assert 0 <= order.priority < (state.height + 1) << 24
        assert bool(order.tip) == (order.display > 0)
        assert (order.trigger > 0) == (order.max_matches > 0)
    priorities = [order.priority for order in state.orders.values()]
    assert len(set(priorities)) == len(priorities)
    for market in state.markets.values():
        timed = market.status in {MarketStatus.AUCTION, MarketStatus.CANCEL_ONLY}
        assert timed or market.until_ms == 0
        assert (market.status == MarketStatus.UNCROSSING) == (market.auction_price > 0)
        assert market.low <= market.last_price <= market.high


def check_allowances(state: State) -> None:
    """Assert that allowances belong to agents, and that none was overdrawn."""
    for (owner, agent, _), row in state.allowances.items():
        assert (owner, agent) in state.agents
        assert row.left > 0
        assert 0 <= row.spent <= row.daily


def check_requests(state: State) -> None:
    """Assert that open requests can still be paid, and took from nobody more than their cap."""
    for request in state.requests.values():
        assert len(request.payments) < request.max_uses
        for payer, amount in request.payments:
            assert request.amount in {0, amount}
            paid = sum(each for who, each in request.payments if who == payer)
            assert not request.payer_cap or paid <= request.payer_cap


def check_limits(state: State) -> None:
    """Assert that limits bound something, what is to come is higher, and no grant is overdrawn."""
    for limit in state.limits.values():
        assert limit.daily > 0
        assert (limit.next_ms > 0) or limit.next_daily == 0
        assert not limit.next_daily or limit.next_daily > limit.daily
    for grant in state.grants.values():
        assert grant.left >= 0
