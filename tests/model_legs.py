"""What each leg does, written the plainest way: the part of the oracle that reads the messages."""

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import (
    AmendOrder,
    ApproveAgent,
    Burn,
    CancelAll,
    CancelOrder,
    ChangeMarket,
    CloseRequest,
    CloseToken,
    CreateMarket,
    CreatePaymentRequest,
    CreateToken,
    Message,
    Mint,
    Pay,
    PayRequest,
    PlaceOrder,
    RevokeAgent,
    SetAllowance,
    SetFeeOffer,
    SetLimits,
    SetRecipients,
    SetSponsorship,
    SetSwitch,
    Transfer,
    UseFeeOffer,
    UseSponsorship,
)
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.units import Ended
from tests.model_book import close_order, find_remembered
from tests.model_markets import change_market, create_market
from tests.model_offers import promise_fees
from tests.model_orders import amend_order, place_order
from tests.model_payments import bound_payments, pay, set_allowance, spend
from tests.model_recovery import RECOVERY_LEGS, do_recovery_leg, find_key
from tests.model_requests import close_request, create_request, pay_request
from tests.model_staking import do_staking_leg
from tests.model_state import Order, Refused, State
from tests.model_tokens import do_token_leg


def do_leg(
    state: State, owner: bytes, leg: Message, default_until: int, agent: bytes | None
) -> tuple[LegResult, int]:
    """Return result and steps of a leg; raise Refused. `default_until` is for a tombstone.

    `agent` is who signed unless it was the owner.
    """
    match leg:
        case Transfer():
            return transfer(state, owner, agent, leg), 0
        case Pay():
            return pay(state, owner, agent, leg), 0
        case SetLimits() | SetRecipients():
            return bound_payments(state, owner, leg), 0
        case SetSponsorship() | SetFeeOffer():
            return promise_fees(state, owner, leg), 0
        case UseSponsorship() | UseFeeOffer():
            return LegResult(), 0
        case CreatePaymentRequest():
            return create_request(state, owner, leg), 0
        case PayRequest():
            return pay_request(state, owner, agent, leg), 0
        case CloseRequest():
            return close_request(state, owner, leg), 0
        case SetAllowance():
            return set_allowance(state, owner, leg), 0
        case PlaceOrder():
            return place_order(state, owner, leg)
        case AmendOrder():
            return amend_order(state, owner, leg)
        case CancelOrder():
            return cancel_order(state, owner, leg, default_until), 0
        case CancelAll():
            return cancel_all(state, owner, leg)
        case ApproveAgent():
            return approve_agent(state, owner, leg), 0
        case RevokeAgent():
            return revoke_agent(state, owner, leg), 0
        case SetSwitch():
            return set_switch(state, owner, leg), 0
        case CreateMarket():
            return create_market(state, owner, leg), 0
        case ChangeMarket():
            return change_market(state, owner, leg), 0
        case CreateToken() | Mint() | Burn() | CloseToken():
            return do_token_leg(state, owner, leg), 0
        case _ if isinstance(leg, RECOVERY_LEGS):
            return do_recovery_leg(state, owner, leg), 0
        case _:
            return do_staking_leg(state, owner, leg), 0


def transfer(state: State, owner: bytes, agent: bytes | None, leg: Transfer) -> LegResult:
    """Move tokens."""
    if leg.token not in state.tokens:
        raise Refused(errors.UnknownToken)
    payer = (owner, leg.from_subaccount, leg.token)
    if state.get_free(payer) < leg.amount:
        raise Refused(errors.InsufficientFunds)
    spend(state, owner, agent, leg.token, leg.amount, leg.to)
    state.add_free(payer, -leg.amount)
    state.add_free((leg.to, leg.to_subaccount, leg.token), leg.amount)
    return LegResult()


def approve_agent(state: State, owner: bytes, leg: ApproveAgent) -> LegResult:
    """Write an approval."""
    if leg.agent == find_key(state, owner):
        raise Refused(errors.AgentIsKey)
    if not state.now < leg.expires_ms <= state.now + limits.AGENT_AHEAD_MAX_MS:
        raise Refused(errors.AgentExpiryOutOfRange)
    count = len([1 for who, _ in state.agents if who == owner])
    if (owner, leg.agent) not in state.agents and count >= limits.AGENTS_MAX:
        raise Refused(errors.TooManyAgents)
    state.agents[owner, leg.agent] = (leg.scope, leg.expires_ms)
    return LegResult()


def revoke_agent(state: State, owner: bytes, leg: RevokeAgent) -> LegResult:
    """Delete an approval."""
    if state.agents.pop((owner, leg.agent), None) is None:
        raise Refused(errors.UnknownAgent)
    for key in [key for key in state.allowances if key[:2] == (owner, leg.agent)]:
        del state.allowances[key]
    return LegResult()


def cancel_order(state: State, owner: bytes, leg: CancelOrder, default_until: int) -> LegResult:
    """Cancel an open order, or leave a tombstone."""
    key = (owner, leg.client_id)
    order = state.orders.get(key)
    if order is not None:
        return LegResult(ended=cancel(state, order))
    if find_remembered(state, owner, leg.client_id) is not None:
        raise Refused(errors.OrderClosed)
    until_ms = state.tombstones.get(key, 0)
    others = len([1 for who, number in state.tombstones if who == owner and (who, number) != key])
    if until_ms <= state.now and others >= limits.TOMBSTONES_MAX:
        raise Refused(errors.TooManyTombstones)
    state.tombstones[key] = max(until_ms, default_until)
    return LegResult(tombstone=True)


def cancel(state: State, order: Order) -> int:
    """Close an order for its owner; return why it ended."""
    reason = state.find_death(order) or Ended.CANCELLED
    close_order(state, order, reason)
    return reason


def cancel_all(state: State, owner: bytes, leg: CancelAll) -> tuple[LegResult, int]:
    """Cancel the oldest orders of a selection; the steps are the orders cancelled."""
    if leg.market and leg.market not in state.markets:
        raise Refused(errors.UnknownMarket)
    selected = [
        order
        for order in state.list_owned(owner)
        if leg.market in {0, order.market} and leg.side in {0, order.side}
    ]
    for order in selected[: leg.max_orders]:
        cancel(state, order)
    done = min(len(selected), leg.max_orders)
    return LegResult(cancelled=done, more=len(selected) > done), done


def set_switch(state: State, owner: bytes, leg: SetSwitch) -> LegResult:
    """Set the dead-man's switch, or turn it off."""
    if 0 < state.switches.get(owner, 0) <= state.now and state.list_owned(owner):
        raise Refused(errors.SwitchFiring)
    if leg.at_ms == 0:
        state.switches.pop(owner, None)
        return LegResult()
    if leg.at_ms <= state.now:
        raise Refused(errors.SwitchInPast)
    if leg.at_ms > state.now + limits.SWITCH_AHEAD_MAX_MS:
        raise Refused(errors.SwitchTooFar)
    state.switches[owner] = leg.at_ms
    return LegResult()
