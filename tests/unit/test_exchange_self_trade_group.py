"""The self-trade group is the owner: over subaccounts, and over all keys that sign for it."""

import pytest

from omg_abci.protocol.messages import PlaceOrder, SignedTx, TxBody
from omg_abci.protocol.results import Decrement, Fill, LegResult, Removal
from omg_abci.protocol.terms import make_signed_tx
from omg_abci.protocol.units import Ended, OrderType, Scheme, Scope, TimeInForce
from omg_abci.rules.transition import Block, apply_block
from omg_abci.state.records import AgentRecord
from tests.unit.exchange_world import (
    ALICE,
    ALLOW,
    BOB,
    BOTH,
    BUY,
    DECREMENT,
    MARKET,
    NEWEST,
    OLDEST,
    SELL,
    T0,
    World,
)

DESK, ROBOT = b"\xde" * 20, b"\x0b" * 20
"""Two agents of alice's."""
KEYS = [(DESK, ROBOT), (ROBOT, DESK), (ALICE, ROBOT), (DESK, ALICE), (DESK, DESK)]

_ENDS = {
    NEWEST: LegResult(ended=Ended.SELF_TRADE),
    OLDEST: LegResult(resting=3, removals=(Removal(ALICE, 1, Ended.SELF_TRADE),)),
    BOTH: LegResult(ended=Ended.SELF_TRADE, removals=(Removal(ALICE, 1, Ended.SELF_TRADE),)),
    DECREMENT: LegResult(ended=Ended.SELF_TRADE, decrements=(Decrement(1, 3),)),
    ALLOW: LegResult(filled=3, ended=Ended.FILLED, fills=(Fill(ALICE, 1, 100, 3),)),
}


def sign(
    owner: bytes, signer: bytes, client_id: int, side: int, quantity: int, mode: int, sub: int
) -> SignedTx:
    """Return an order at 100 in a transaction that a key signed."""
    leg = PlaceOrder(
        market=MARKET,
        side=side,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        post_only=0,
        price=100,
        quantity=quantity,
        expires_ms=0,
        client_id=client_id,
        subaccount=sub,
        self_trade=mode,
        max_matches=16,
    )
    body = TxBody(
        chain_id="unit",
        owner=owner,
        nonce=T0 + client_id,
        after=0,
        valid_until_ms=0,
        valid_until_height=0,
        atomic=False,
        max_unit_price=1,
        legs=(leg,),
    )
    return make_signed_tx(bytes([client_id]), bytes(32), signer, Scheme.RAW, body)


def execute(*txs: SignedTx) -> list[LegResult]:
    """Return what a block's legs come to, in a world in which alice has approved both agents."""
    world = World()
    state = world.state
    for agent in (DESK, ROBOT):
        state.set_agent(state.get_account(ALICE), agent, AgentRecord(Scope.TRADE, T0 + 9_000))
    world.next_block()
    block = Block(state.height, state.time_ms, bytes(32), txs)
    state.rollback()
    return [each.legs[0] for each in apply_block(state, block).results]


@pytest.mark.parametrize("mode", [NEWEST, OLDEST, BOTH, DECREMENT, ALLOW])
@pytest.mark.parametrize("subs", [(0, 0), (0, 1), (1, 0)])
@pytest.mark.parametrize(("first", "second"), KEYS)
def test_an_owners_keys_and_subaccounts_are_one(
    first: bytes, second: bytes, subs: tuple[int, int], mode: int
) -> None:
    """Whoever signed, and from whichever subaccount: it is the owner meeting itself."""
    results = execute(
        sign(ALICE, first, 1, SELL, 5, NEWEST, subs[0]),
        sign(ALICE, second, 2, BUY, 3, mode, subs[1]),
    )
    assert results == [LegResult(resting=5), _ENDS[mode]]


@pytest.mark.parametrize("mode", [NEWEST, OLDEST, BOTH, DECREMENT])
def test_an_agent_does_not_join_owners(mode: int) -> None:
    """An agent's own account, or another owner's, is another group."""
    results = execute(
        sign(BOB, BOB, 1, SELL, 5, NEWEST, 0),
        sign(ALICE, DESK, 2, BUY, 3, mode, 0),
    )
    assert results[1].fills == (Fill(BOB, 1, 100, 3),)
