"""What must hold in every state of the exchange, whatever the rules are.

Written against the oracle's state, which the chain's records are compared with.
"""

from omg_abci.protocol.units import MarketStatus, Side
from tests.model_book import list_side
from tests.model_stake_blocks import compute_held
from tests.model_stake_state import Stake
from tests.model_staking import SCALE, refresh_moved
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


def check_stake(state: State) -> None:
    """Assert that pools and their parts agree, and that no more is owed than there is.

    All tokens of stake are bonded, unbonding, rewards or slashed; `check_invariants` adds them to
    the balances.
    """
    stake = state.stake
    for owner, each in stake.validators.items():
        shares = [held.shares for (_, to), held in stake.delegations.items() if to == owner]
        shares += [pool.shares for (_, to, _), pool in stake.moved.items() if to == owner]
        assert sum(shares) == each.shares
        assert min(each.tokens, each.shares, *shares, 0) == 0
    for (owner, period), left in stake.left.items():
        parts = [p.units for (_, v, k), p in stake.left_parts.items() if (v, k) == (owner, period)]
        assert sum(parts) == left.units > 0
    for key, moved in stake.moved.items():
        parts = [p.units for (_, *rest), p in stake.moved_parts.items() if tuple(rest) == key]
        assert sum(parts) == moved.units > 0
    assert sum(list_owed(state)) <= stake.rewards
    assert stake.slashed >= 0


def list_owed(state: State) -> list[int]:
    """Return what each delegation, each part that moved and each commission is owed."""
    stake: Stake = state.stake
    owed = [each.commission for each in stake.validators.values()]
    for (_, to), held in stake.delegations.items():
        owed.append(held.shares * sum(stake.validators[to].growths[held.paid :]) // SCALE)
    for (_, source, target, period), part in stake.moved_parts.items():
        pool = refresh_moved(state, source, target, period)
        owed.append(part.units * (pool.grown - part.paid) // SCALE)
    return owed


def check_invariants(state: State) -> None:
    """Assert that nothing is made or lost, that reserves are exact and priorities unique."""
    reserved = state.compute_reserved()
    for number, token in state.tokens.items():
        held = [amount for key, amount in state.free.items() if key[2] == number]
        held += [amount for key, amount in reserved.items() if key[2] == number]
        assert min(held, default=0) >= 0
        pool = 0
        if number == state.fee_token:
            pool = state.fee_pool + compute_held(state.stake) + state.fees.refunds
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
    check_stake(state)
    check_fees(state)


def check_fees(state: State) -> None:
    """Assert that stakers get the cost or all that there is, and payers' claims are covered."""
    fees = state.fees
    if not fees.terms:
        return
    owed = 0
    for settled in fees.settled.values():
        paid = settled.collected - settled.refunded
        assert paid in {min(settled.cost, settled.collected), 0}
    for epoch, amount in fees.paid.values():
        if epoch < fees.epoch:
            settled = fees.settled[epoch]
            owed += amount * settled.refunded // settled.collected
    assert owed <= fees.refunds
    now = [amount for epoch, amount in fees.paid.values() if epoch == fees.epoch]
    assert sum(now) == state.fee_pool


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
    """Assert that limits bound something, what is to come is higher, and nobody paid too much."""
    for limit in state.limits.values():
        assert limit.daily > 0
        assert (limit.next_ms > 0) or limit.next_daily == 0
        assert not limit.next_daily or limit.next_daily > limit.daily
    left = [each.left for each in state.grants.values()]
    left += [each.left for each in state.offers.values()]
    assert min(left, default=0) >= 0
    assert not state.unpaid
