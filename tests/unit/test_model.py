"""The oracle against examples that were worked out by hand: it is judged before it judges."""

from hashlib import sha256

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    RevokeAgent,
    Transfer,
)
from omg_abci.protocol.results import Decrement, Fill, LegResult, Removal
from omg_abci.protocol.units import Ended, PostOnly, SelfTrade, TimeInForce
from tests.cast import AGENTS, CHAIN_ID, GENESIS, OWNERS, START_MS
from tests.model import Model, order_block
from tests.model_state import encode_page
from tests.model_work import compute_declared_work
from tests.oracle_chain import SECOND, Chain, sign
from tests.vectors.case_types import make_place, make_sell

A, B, C, D = (key.address for key in OWNERS)
BASE, QUOTE, FEE = 2, 3, 1


def test_resting_order_reserves_its_cost() -> None:
    """5 lots at 4 ticks are 5 × 4 × 3 = 60 of the quote token, until the order is cancelled."""
    chain = Chain()
    assert chain.one(make_place()) == LegResult(resting=5)
    assert chain.get_balance(A, QUOTE) == (4_940, 60)
    assert chain.model.state.orders[A, 1].priority == 1 << 24
    assert chain.one(CancelOrder(1)) == LegResult(ended=Ended.CANCELLED)
    assert chain.get_balance(A, QUOTE) == (5_000, 0)


def test_taker_pays_the_makers_prices() -> None:
    """2 lots at 3 and 3 at 4 cost 18 + 36 and give 50 of the base token; 2 lots stay asked."""
    chain = Chain()
    sells = make_sell(client_id=11), make_sell(client_id=12, price=3, quantity=2)
    chain.do(*sells, owner=OWNERS[1])
    assert chain.get_balance(B, BASE) == (2_930, 70)
    result = chain.one(make_place(price=5))
    fills = (Fill(B, 12, 3, 2), Fill(B, 11, 4, 3))
    assert result == LegResult(filled=5, ended=Ended.FILLED, fills=fills)
    assert chain.get_balance(A, QUOTE) == (4_946, 0)
    assert chain.get_balance(A, BASE) == (3_050, 0)
    assert chain.get_balance(B, BASE) == (2_930, 20)
    assert chain.get_balance(B, QUOTE) == (5_054, 0)
    assert chain.model.state.markets[1].last_price == 4


def test_work_is_paid_not_value() -> None:
    """A place pays 400, its bytes, 50 and 30 a match, each unit at 2; the rest comes back."""
    chain = Chain()
    chain.one(make_sell(), owner=OWNERS[1])
    tx = sign(make_place(), nonce=START_MS + 2 * SECOND)
    size = -(-len(tx.raw) // 16)
    assert compute_declared_work(tx) == 400 + size + 50 + 16 * 30
    before = chain.model.state.fee_pool
    result = chain.do(make_place())
    assert result.work == 400 + size + 50 + 30
    assert result.fee == 2 * result.work
    assert chain.get_balance(A, FEE) == (400_000 - result.fee, 0)
    assert chain.model.state.fee_pool == before + result.fee


def test_atomic_transaction_is_all_or_nothing() -> None:
    """The leg that fails answers its code, the others 1006, and nothing but the fee happened."""
    chain = Chain()
    before = chain.model.records()
    result = chain.do(make_place(), Transfer(B, 9, 1, 0, 0), make_sell(), atomic=True)
    assert [leg.code for leg in result.legs] == [1006, 1001, 1006]
    assert result.code == 1001
    changed = {key for key, value in chain.model.records().items() if before.get(key) != value}
    assert sorted(key[0] for key in changed) == [1, 5, 10]
    free_order = chain.do(make_place(), Transfer(B, 9, 1, 0, 0))
    assert [leg.code for leg in free_order.legs] == [0, 1001]
    assert free_order.code == 0


def test_self_trade_modes() -> None:
    """A buy of 5 meets an own sell of 3 at 3 and another's of 5 at 4."""
    own = (Removal(A, 100, Ended.SELF_TRADE),)
    expected = {
        SelfTrade.CANCEL_NEWEST: LegResult(ended=Ended.SELF_TRADE),
        SelfTrade.CANCEL_OLDEST: LegResult(
            filled=5, ended=Ended.FILLED, fills=(Fill(B, 100, 4, 5),), removals=own
        ),
        SelfTrade.CANCEL_BOTH: LegResult(ended=Ended.SELF_TRADE, removals=own),
        SelfTrade.DECREMENT: LegResult(
            filled=2, ended=Ended.FILLED, fills=(Fill(B, 100, 4, 2),), removals=own
        ),
        SelfTrade.ALLOW: LegResult(
            filled=5, ended=Ended.FILLED, fills=(Fill(A, 100, 3, 3), Fill(B, 100, 4, 2))
        ),
    }
    for mode, result in expected.items():
        chain = Chain()
        chain.one(make_sell(price=3, quantity=3))
        chain.one(make_sell(), owner=OWNERS[1])
        assert chain.one(make_place(self_trade=mode)) == result
    chain = Chain()
    chain.one(make_sell(quantity=9))
    decremented = LegResult(ended=Ended.SELF_TRADE, decrements=(Decrement(100, 5),))
    assert chain.one(make_place(self_trade=SelfTrade.DECREMENT)) == decremented
    assert chain.get_balance(A, BASE) == (2_960, 40)


def test_amended_order_keeps_its_place_when_it_gets_smaller() -> None:
    """Three bids at 4: a smaller first one is filled first, a larger one last."""
    chain = Chain()
    chain.do(make_place(), make_place(client_id=2))
    assert chain.one(AmendOrder(1, 0, 3, 0, 1)) == LegResult(resting=3, kept_place=True)
    assert chain.one(AmendOrder(2, 0, 6, 0, 1)) == LegResult(resting=6)
    fills = (Fill(A, 1, 4, 3), Fill(A, 2, 4, 1))
    sold = chain.one(make_sell(quantity=4), owner=OWNERS[1])
    assert sold == LegResult(filled=4, ended=Ended.FILLED, fills=fills)
    assert chain.get_balance(A, QUOTE) == (5_000 - 4 * 12 - 60, 60)


def test_expired_order_leaves_before_the_block() -> None:
    """An order for 1.5 seconds is there after one second and gone after two."""
    chain = Chain()
    expires_ms = START_MS + SECOND + 1_500
    chain.one(make_place(time_in_force=TimeInForce.GTT, expires_ms=expires_ms))
    chain.one(CancelOrder(9), owner=OWNERS[1])
    assert (A, 1) in chain.model.state.orders
    sold = chain.one(make_sell(), owner=OWNERS[1])
    assert sold == LegResult(resting=5)
    remembered = chain.one(make_place())
    assert remembered == LegResult(ended=Ended.EXPIRED, repeated=True)


def test_tombstone_refuses_the_late_place() -> None:
    """A cancel that came first refuses its order."""
    chain = Chain()
    assert chain.one(CancelOrder(1)) == LegResult(tombstone=True)
    assert chain.one(make_place()).code == errors.CancelledBeforePlaced.code


def test_revoked_agent_fails_in_the_same_block() -> None:
    """Valid before the block, executed behind the revocation: every leg answers 1005."""
    model = Model(CHAIN_ID, GENESIS)
    time_ms = START_MS + SECOND
    revoke = sign(RevokeAgent(AGENTS[0].address), nonce=time_ms)
    trade = sign(make_place(), CancelOrder(2), signer=AGENTS[0], nonce=time_ms + 1)
    assert model.order_block([trade, revoke]) == [revoke, trade]
    results = model.apply_block(1, time_ms, bytes(32), [revoke, trade]).results
    assert results[0].code == 0
    assert [leg.code for leg in results[1].legs] == [1005, 1005]
    assert results[1].work == 400 + -(-len(trade.raw) // 16)


def test_order_puts_cancels_first_and_keeps_an_owners_sequence() -> None:
    """Cancels, quotes, takers; a cancel behind a taker of the same owner stays behind it."""
    cancel = sign(CancelAll(0, 0, 1), owner=OWNERS[0], nonce=9)
    quote = sign(
        make_place(post_only=PostOnly.REJECT), AmendOrder(1, 0, 3, 0, 1), owner=OWNERS[1], nonce=9
    )
    taker = sign(make_place(), owner=OWNERS[2], nonce=3)
    behind = sign(CancelOrder(1), owner=OWNERS[2], nonce=4)
    moved = sign(AmendOrder(1, 5, 0, 0, 1), owner=OWNERS[2], nonce=5)
    before = sign(CancelOrder(7), owner=OWNERS[2], nonce=2)
    for previous in (b"", b"x", b"y"):
        ordered = order_block(previous, [moved, behind, quote, taker, before, cancel])
        assert {ordered[0].tx_id, ordered[1].tx_id} == {cancel.tx_id, before.tx_id}
        assert ordered[2:] == [quote, taker, behind, moved]


def test_records_are_these_bytes() -> None:
    """One resting order: its record, and the sums over it, byte by byte."""
    chain = Chain()
    chain.one(make_place(client_id=258, subaccount=1, post_only=PostOnly.REJECT))
    records = chain.model.records()
    key = bytes.fromhex("07") + A + bytes.fromhex("0000000000000102")
    value = bytes.fromhex(
        "00000001 01 01 01 01 01 01 0000000000000004 0000000000000005 0000000000000000"
        "0000000001000000 0000000000000000"
    )
    assert records[key] == value
    sums = bytes.fromhex("00000001") + sha256(key + value).digest()
    assert records[b"\x04" + A] == sums + bytes.fromhex("0000 0000 01 0000000000000000")
    assert records[b"\x03" + bytes.fromhex("00000001")][-84:] == sums + bytes(48)
    balance = records[b"\x05" + A + bytes.fromhex("01 00000003")]
    assert balance == (340).to_bytes(16, "big") + (60).to_bytes(16, "big")


def test_nonces_are_kept_in_pages() -> None:
    """Bit i of byte j is nonce 8 j + i of a page; old pages go two at a time."""
    page = 5 * 1_024
    assert encode_page((page + 9, page + 3, 7), 5) == bytes([0b1000, 0b10])
    model = Model(CHAIN_ID, GENESIS)
    model.state.nonces[A] = (9, 1_030, 2_050, page)
    model.state.now = 6 * 1_024 + limits.NONCE_AGE_MAX_MS
    model.use_nonce(A, model.state.now)
    assert model.state.nonces[A] == (2_050, page, model.state.now)
