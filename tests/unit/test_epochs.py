"""Epochs one by one: what is charged, paid, refunded, and how prices and numbers move."""

from typing import Any

import pytest

from omg_abci.protocol import limits
from omg_abci.protocol.errors import GenesisError
from omg_abci.protocol.messages import Message, SetVote, Transfer
from omg_abci.protocol.parameters import COST, MARKET_BOND
from omg_abci.rules.epochs import compute_multiplier, compute_price, compute_unit_price
from omg_abci.state.fee_records import EpochRecord, FeesRecord, VotesRecord
from omg_abci.state.genesis import build_genesis
from tests.cast import CHAIN_ID, OWNERS, Key
from tests.side_by_side import Pair
from tests.strategies import BlockPlan, TxPlan
from tests.vectors.genesis import FEES_GENESIS, STAKING_GENESIS

ONE = limits.MULTIPLIER_ONE
BIG = OWNERS[0].address
RICH = {"price_max": 1_000_000}


def start(**fees: object) -> Pair:
    """Return a chain beside its oracle, with such a fees section."""
    return Pair(FEES_GENESIS | {"fees": FEES_GENESIS["fees"] | fees}, signed=False)


def plan(owner: Key, offset_ms: int, *legs: Message) -> TxPlan:
    """Return a transaction that its owner signs."""
    return TxPlan(
        owner, owner, offset_ms, 0, atomic=False, max_unit_price=10**9, valid_for_ms=0, legs=legs
    )


def play(pair: Pair, *txs: TxPlan) -> None:
    """Play a block a second later."""
    pair.play(BlockPlan(1_000, txs, rehearsed=False, restarted=False, attacked=1 << 16))


def pay(pair: Pair, payments: int) -> None:
    """Play a block in which the second owner makes so many payments."""
    leg = Transfer(BIG, 3, 1, 0, 0)
    txs = [plan(OWNERS[1], n, leg) for n in range(payments)]
    play(pair, *txs)


def get_epoch(pair: Pair, number: int) -> EpochRecord:
    """Return how an epoch was settled."""
    epoch = pair.state.find_epoch(number)
    assert epoch is not None
    return epoch


@pytest.mark.parametrize(
    ("work", "after"),
    [(0, ONE), (1_000, ONE), (1_500, ONE * 17 // 16), (2_000, ONE * 9 // 8), (9_000, ONE * 9 // 8)],
)
def test_congestion_of_a_block(work: int, after: int) -> None:
    """From 1 the multiplier only grows, by an eighth at most."""
    assert compute_multiplier(ONE, work, 1_000) == after


def test_congestion_goes_and_has_an_end() -> None:
    """It falls by an eighth a block when blocks are empty, and never exceeds 64."""
    assert compute_multiplier(8 * ONE, 0, 1_000) == 7 * ONE
    multiplier = ONE
    for _ in range(100):
        multiplier = compute_multiplier(multiplier, 4_000_000, 4_000)
    assert multiplier == 64 * ONE
    assert compute_unit_price(3, multiplier) == 192
    assert compute_unit_price(limits.U64_MAX, multiplier) == limits.UNIT_PRICE_MAX - 1


@pytest.mark.parametrize(
    ("work", "average", "price"),
    [(150_000, 0, 75), (60_000, 0, 150), (1_000_000, 0, 75), (0, 400_000, 100), (0, 0, 150)],
)
def test_the_next_price(work: int, average: int, price: int) -> None:
    """The cost over the work, or a quarter of its average; half up, a quarter down at most."""
    fees = FeesRecord(2, 1, 10**6, 1, 100, ONE, work, average, 0)
    assert compute_price(fees, 10_000_000) == price


def test_prices_stay_in_their_bounds() -> None:
    """Genesis says the lowest and the highest."""
    fees = FeesRecord(2, 90, 110, 1, 100, ONE, 0, 0, 0)
    assert compute_price(fees, 10**30) == 110
    assert compute_price(fees, 1) == 90


def test_what_is_above_the_cost_goes_back() -> None:
    """Stakers get the cost, the payer the rest with its next transaction, in full."""
    pair = start(cost=700)
    pay(pair, 2)
    pay(pair, 0)
    epoch = get_epoch(pair, 1)
    assert epoch.cost == epoch.paid == 700
    assert epoch.refunded == epoch.collected - 700 > 0
    assert pair.state.staking is not None
    assert pair.state.staking.rewards == 700
    assert pair.state.get_fees().refunds == epoch.refunded
    pay(pair, 1)
    assert pair.state.get_fees().refunds == 0


def test_a_shortfall_is_the_stakers() -> None:
    """What was collected below the cost is paid, and nothing is owed to anybody."""
    pair = start(cost=10**9, **RICH)
    pay(pair, 1)
    pay(pair, 0)
    epoch = get_epoch(pair, 1)
    assert epoch.paid == epoch.collected > 0
    assert epoch.refunded == 0
    assert pair.state.get_fees().price > epoch.price


def test_empty_epochs() -> None:
    """Nothing is collected, paid or refunded, and the long average keeps the price down."""
    pair = start(cost=1_000, average_work=8_000, **RICH)
    for _ in range(80):
        pay(pair, 0)
    assert [get_epoch(pair, n)[1:4] for n in range(1, 41)] == [(0, 0, 0)] * 40
    assert pair.state.get_fees().price == 1


def test_a_vote_moves_the_cost_at_the_epoch() -> None:
    """Not before; and without votes no number moves."""
    pair = start()
    vote = SetVote(BIG, COST, 200)
    play(pair, plan(OWNERS[0], 0, vote))
    assert pair.state.get_parameter(COST).value == 500
    pay(pair, 0)
    assert pair.state.get_parameter(COST) == (200, 200, 10_000)
    assert pair.state.get_parameter(MARKET_BOND).median == 0


def test_votes_records_are_ascending() -> None:
    """One record holds a staker's votes with a validator."""
    record = VotesRecord(((1, 5), (7, 300)))
    assert VotesRecord.decode(record.encode()) == record
    assert (record.get_step(7), record.get_step(2)) == (300, None)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"epoch_blocks": 3}, "multiple of checkpoint_blocks"),
    ({"epoch_blocks": 0}, "epoch_blocks"),
    ({"price_min": 0}, "price_min"),
    ({"price_min": 2, "price_max": 1}, "price_max"),
    ({"price_max": 1}, "unit_price"),
    ({"price_max": 0}, "price_max"),
    ({"cost": 0}, "cost"),
    ({"cost": str(10**31)}, "cost"),
    ({"target_work": 3_999}, "target_work"),
    ({"target_work": 4_000_001}, "target_work"),
    ({"average_work": -1}, "average_work"),
    ({"other": 1}, "other is unknown"),
]


@pytest.mark.parametrize(("fields", "said"), WRONG)
def test_wrong_sections_are_refused(fields: dict[str, Any], said: str) -> None:
    """With the field's name."""
    section = FEES_GENESIS["fees"] | fields
    with pytest.raises(GenesisError, match=said):
        build_genesis(CHAIN_ID, FEES_GENESIS | {"fees": section})


def test_a_section_needs_stakers_and_numbers_within_bounds() -> None:
    """Somebody must be there to vote, and what begins must be what could be voted."""
    fees = FEES_GENESIS["fees"]
    alone = {name: value for name, value in FEES_GENESIS.items() if name != "staking"}
    with pytest.raises(GenesisError, match="somebody to vote"):
        build_genesis(CHAIN_ID, alone)
    with pytest.raises(GenesisError, match="downtime_bp 2500"):
        build_genesis(CHAIN_ID, STAKING_GENESIS | {"fees": fees})
    with pytest.raises(GenesisError, match="not an object"):
        build_genesis(CHAIN_ID, FEES_GENESIS | {"fees": []})
    with pytest.raises(GenesisError, match="cost is missing"):
        build_genesis(CHAIN_ID, FEES_GENESIS | {"fees": {"epoch_blocks": 2}})
