"""The pool and the choice of a block: bounds, fairness, and cost."""

import random
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omg_abci.node.config import MempoolSettings
from omg_abci.node.pool import Entry, Place, Pool, PoolBounds, compute_bounds
from omg_abci.node.selection import fill_block
from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import (
    ApproveAgent,
    CancelOrder,
    Message,
    SignedTx,
    Transfer,
    TxBody,
)
from omg_abci.protocol.terms import make_signed_tx
from omg_abci.protocol.units import Scheme, Scope
from omg_abci.rules.admission import BlockBudget
from omg_abci.rules.ordering import compute_order
from omg_abci.rules.transition import Block, check_block
from tests.node.pool_world import (
    ALICE,
    BOB,
    BYTES_MAX,
    CAROL,
    DAVE,
    World,
    make_state,
    make_tx,
    run,
)
from tests.strategies import CHAIN_ID, START_MS, Key

_SIZE = 200
_WIDE = PoolBounds(200_000, 1 << 30, 200_000, 1 << 30, 200_000, 1 << 30)


def _address(number: int) -> bytes:
    return number.to_bytes(20, "big")


def _make(owner: int, place: int, after: int = 0, signer: int = 0, size: int = _SIZE) -> SignedTx:
    """Return a transaction as workers would, without a signature behind it."""
    body = TxBody(
        CHAIN_ID,
        _address(owner),
        START_MS + place,
        START_MS + after if after else 0,
        0,
        0,
        atomic=False,
        max_unit_price=1,
        legs=(CancelOrder(1),),
    )
    raw = f"{owner} {place} {after} {signer}".encode().ljust(size)
    return make_signed_tx(raw, raw[:32], _address(signer or owner), Scheme.TYPED, body)


def _fill(pool: Pool, owner: int, count: int, *, acknowledged: bool = False) -> list[Entry]:
    entries = [Entry(_make(owner, place), acknowledged=acknowledged) for place in range(count)]
    for entry in entries:
        pool.add(entry)
    return entries


def _owners(txs: list[SignedTx]) -> list[int]:
    return [int.from_bytes(tx.body.owner, "big") for tx in txs]


class FakeBudget:
    """Takes so many transactions, and refuses what it is told to."""

    def __init__(self, room: int, refused: dict[int, errors.TxError] | None = None) -> None:
        self.room = room
        self.refused = refused or {}
        self.asked = 0
        self.txs: list[SignedTx] = []

    def add(self, tx: SignedTx) -> None:
        """Take a transaction."""
        self.asked += 1
        if len(self.txs) >= self.room:
            raise errors.BlockFull
        error = self.refused.get(int.from_bytes(tx.body.owner, "big"))
        if error is not None:
            raise error
        self.txs.append(tx)


# --- bounds -------------------------------------------------------------------------------------


def test_one_owner_is_bounded() -> None:
    """An owner has at most its number and bytes, whatever room there is."""
    pool = Pool(_WIDE._replace(owner_txs_max=10, owner_bytes_max=1_500))
    _fill(pool, 1, 7)
    with pytest.raises(errors.AccountPoolFull):
        pool.add(Entry(_make(1, 8)))
    pool.add(Entry(_make(2, 8)))
    small = Pool(_WIDE._replace(owner_txs_max=3))
    _fill(small, 1, 3)
    with pytest.raises(errors.AccountPoolFull):
        small.add(Entry(_make(1, 8)))


@pytest.mark.parametrize("by_count", [True, False])
def test_the_largest_owner_makes_room(*, by_count: bool) -> None:
    """In a full pool whoever has most loses its newest, and nobody else loses anything."""
    bounds = _WIDE._replace(txs_max=100) if by_count else _WIDE._replace(bytes_max=100 * _SIZE)
    pool = Pool(bounds)
    flood = _fill(pool, 1, 90)
    others = [entry for owner in range(2, 12) for entry in _fill(pool, owner, 1)]
    dropped = pool.add(Entry(_make(20, 0)))
    assert dropped
    assert dropped == flood[: -len(dropped) - 1 : -1]
    assert all(entry.place is Place.READY for entry in others)
    _fill(pool, 30, 100 - len(pool))
    with pytest.raises(errors.PoolFull):
        pool.add(Entry(_make(1, 100)))


def test_acknowledged_transactions_never_make_room() -> None:
    """Where all are acknowledged a newcomer is refused, gossiped ones go first where some are."""
    pool = Pool(_WIDE._replace(txs_max=20))
    kept = _fill(pool, 1, 15, acknowledged=True)
    loose = [Entry(_make(1, 100 + place)) for place in range(5)]
    for entry in loose:
        pool.add(entry)
    for place in range(5):
        pool.add(Entry(_make(2, place), acknowledged=True))
    with pytest.raises(errors.PoolFull):
        pool.add(Entry(_make(3, 0)))
    assert all(entry.place is Place.READY for entry in kept)
    assert all(entry.place is Place.GONE for entry in loose)


def test_acknowledging_protects() -> None:
    """What is acknowledged later is no longer dropped."""
    pool = Pool(_WIDE._replace(txs_max=3))
    first, _, last = _fill(pool, 1, 3)
    pool.acknowledge(last)
    pool.add(Entry(_make(2, 0)))
    assert last.place is Place.READY
    assert first.place is Place.READY


def test_bounds_follow_from_settings() -> None:
    """A small pool still takes the largest transaction from each owner."""
    bounds = compute_bounds(100, 64 * 1024, 16)
    assert bounds.owner_bytes_max == limits.TX_BYTES_MAX
    assert bounds.orphans_owner_max == 4


@given(st.data())
def test_pool_agrees_with_itself(data: st.DataObject) -> None:
    """After any calls the counters are the sums, and what is ready is what could be proposed."""
    pool = Pool(PoolBounds(12, 12 * _SIZE, 6, 6 * _SIZE, 3, 5 * _SIZE))
    live: dict[tuple[bytes, int], Entry] = {}
    for _ in range(data.draw(st.integers(1, 40))):
        act = data.draw(st.sampled_from(["add", "add", "add", "remove", "execute", "park", "back"]))
        owner, signer = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
        place = data.draw(st.integers(1, 5))
        key = (_address(signer), START_MS + place)
        entry = live.get(key)
        if act == "add" and entry is None:
            after = data.draw(st.integers(0, place - 1))
            new = Entry(
                _make(owner, place, after, signer),
                fee=place,
                acknowledged=data.draw(st.booleans()),
                waiting=after > 0,
            )
            try:
                dropped = pool.add(new)
            except errors.TransientError:
                dropped = []
            assert not any(each.acknowledged for each in dropped)
        elif act == "execute" and entry is None:
            pool.mark_executed(key)
        elif entry is not None and act in ("remove", "execute"):
            pool.remove(entry, executed=act == "execute")
        elif entry is not None and act == "park" and entry.place is not Place.PARKED:
            pool.park(entry)
        elif entry is not None and act == "back" and entry.place is Place.PARKED:
            pool.unpark(entry, waiting=entry.waiting)
        live = {each.key: each for each in pool.iterate_entries()}
        _check_pool(pool, live)


def _check_pool(pool: Pool, live: dict[tuple[bytes, int], Entry]) -> None:
    bounds = pool.bounds
    assert len(pool) == len(live) <= bounds.txs_max
    assert pool.bytes == sum(len(each.tx.raw) for each in live.values())
    orphans = [each for each in live.values() if each.place is Place.ORPHAN]
    assert pool.orphan_bytes == sum(len(each.tx.raw) for each in orphans)
    ready = [
        entry
        for queue in pool.rotation.values()
        for entries in queue.ready.values()
        for _, entry in entries
    ]
    assert {each.key for each in ready} == {
        key for key, each in live.items() if each.place is Place.READY
    }
    for queue in pool.rotation.values():
        assert queue.ready
        for entries in queue.ready.values():
            assert entries == sorted(entries, key=lambda each: each[0])
    for each in live.values():
        owner = each.tx.body.owner
        own = [other for other in live.values() if other.tx.body.owner == owner]
        assert each.owner.count == len(own)
        assert each.owner.fees == pool.get_fees(owner) == sum(other.fee for other in own)
        parent = live.get((each.tx.signer, each.tx.body.after))
        if each.waiting and each.place is Place.READY:
            assert parent is not None
            assert parent.place is Place.READY
            assert parent.tx.body.owner == owner
        assert (each.key in each.owner.droppable) != each.acknowledged


# --- the choice of a block ----------------------------------------------------------------------


def test_owners_take_turns() -> None:
    """One with many pending gets no more than others who have as much, and what they leave."""
    pool = Pool(_WIDE)
    _fill(pool, 1, 60)
    _fill(pool, 2, 3)
    _fill(pool, 3, 60)
    budget = FakeBudget(23)
    fill_block(pool.rotation.values(), budget, BYTES_MAX)
    assert Counter(_owners(budget.txs)) == {1: 10, 2: 3, 3: 10}
    assert [tx.body.nonce - START_MS for tx in budget.txs if _owners([tx]) == [1]] == list(
        range(10)
    )


def test_those_served_stand_behind(tmp_path: Path) -> None:
    """Who was in a block waits for all others before its next transaction."""
    keys = [ALICE, BOB, CAROL]

    async def check(world: World) -> None:
        for key in keys:
            await world.submit(*(make_tx(key, place) for place in range(1, 4)))
        size = max(len(raw) for raw in world.select()) + 4
        served = [world.commit(world.select(size))[0].body.owner for _ in range(6)]
        assert served == [key.address for key in keys] * 2

    run(tmp_path, check, keys)


def test_a_flood_does_not_keep_others_out(tmp_path: Path) -> None:
    """While one account fills all that it may have, another's transaction is in the next block."""

    async def check(world: World) -> None:
        flood = [make_tx(ALICE, place) for place in range(1, 500)]
        codes = await world.submit(*flood)
        assert Counter(codes) == {0: 300, errors.AccountPoolFull.code: 199}
        assert await world.submit(make_tx(BOB, 1)) == [0]
        block = world.commit()
        assert BOB.address in [tx.body.owner for tx in block]
        assert len(block) == limits.SIGNER_TXS_PER_BLOCK_MAX + 1

    run(tmp_path, check, [ALICE, BOB], MempoolSettings(owner_count=300))


def test_signers_are_bounded_and_agents_add_up() -> None:
    """A signer has at most 64 in a block; an owner's agents each have their own 64, by nonce."""
    pool = Pool(_WIDE)
    for place in range(100):
        pool.add(Entry(_make(1, 2 * place)))
        pool.add(Entry(_make(1, 2 * place + 1, signer=9)))
    budget = FakeBudget(1_000)
    fill_block(pool.rotation.values(), budget, BYTES_MAX)
    assert [tx.body.nonce - START_MS for tx in budget.txs] == list(range(128))


def test_small_ones_still_fit() -> None:
    """One that is too large for what is left does not end the block."""
    pool = Pool(_WIDE)
    pool.add(Entry(_make(1, 0, size=900)))
    pool.add(Entry(_make(2, 0, size=900)))
    pool.add(Entry(_make(3, 0, size=90)))
    budget = FakeBudget(1_000)
    fill_block(pool.rotation.values(), budget, 1_000)
    assert _owners(budget.txs) == [1, 3]


def test_encoded_bytes_are_counted() -> None:
    """With the tags and lengths that CometBFT counts, the block is never too large."""
    pool = Pool(_WIDE)
    _fill(pool, 1, 60)
    budget = FakeBudget(1_000)
    fill_block(pool.rotation.values(), budget, 10 * (_SIZE + 4) + 3)
    assert len(budget.txs) == 10


def test_refusals_are_returned_and_bounded() -> None:
    """What the state refuses is said, does not stop others, and cannot take for ever."""
    pool = Pool(_WIDE)
    for owner in range(1, 3_001):
        pool.add(Entry(_make(owner, 0)))
    poor = {owner: errors.FeesNotCovered() for owner in range(1, 101)}
    budget = FakeBudget(10_000, dict(poor))
    refused = fill_block(pool.rotation.values(), budget, BYTES_MAX)
    assert len(refused) == 100
    assert len(budget.txs) == 2_900
    all_poor = FakeBudget(10_000, {owner: errors.FeesNotCovered() for owner in range(1, 3_001)})
    assert len(fill_block(pool.rotation.values(), all_poor, BYTES_MAX)) == 1_000
    assert all_poor.asked == 1_000


def test_a_hundred_thousand_pending() -> None:
    """A block out of 100,000 pending looks at what it takes, in at most 20 ms of CPU time."""
    pool = Pool(_WIDE)
    for place in range(100):
        for owner in range(1, 1_001):
            pool.add(Entry(_make(owner, place)))
    budget = FakeBudget(2_000)
    fastest = 1.0
    for _ in range(5):
        budget = FakeBudget(2_000)
        start = time.thread_time()
        fill_block(pool.rotation.values(), budget, BYTES_MAX)
        fastest = min(fastest, time.thread_time() - start)
    assert budget.asked <= 2_016
    assert Counter(_owners(budget.txs)) == dict.fromkeys(range(1, 1_001), 2)
    assert fastest < 0.02


# --- any pool makes a valid block ---------------------------------------------------------------

_KEYS: tuple[Key, ...] = (ALICE, BOB, CAROL)


def _draw_tx(moments: random.Random) -> bytes:
    owner = moments.choice(_KEYS)
    place = moments.randrange(1, 60)
    after = moments.randrange(place) if moments.random() < 0.4 else 0
    leg: Message = moments.choice(
        (
            CancelOrder(place),
            Transfer(moments.choice((*_KEYS, DAVE)).address, 1, moments.randrange(1, 3_000), 0, 1),
            ApproveAgent(DAVE.address, int(Scope.TRADE), START_MS + moments.randrange(1, 5_000)),
        )
    )
    if moments.random() < 0.3:
        return make_tx(DAVE, place, CancelOrder(place), after=after, owner=owner)
    until = moments.randrange(1, 12) if moments.random() < 0.2 else 0
    return make_tx(owner, place, leg, after=after, until_height=until)


@pytest.mark.parametrize("seed", range(8))
def test_what_is_proposed_is_valid(tmp_path: Path, seed: int) -> None:
    """Whatever clients and peers send, each proposal passes the check of ProcessProposal."""
    moments = random.Random(seed)

    async def check(world: World) -> None:
        executed = 0
        for _ in range(12):
            raws = [_draw_tx(moments) for _ in range(moments.randrange(30))]
            for raw in raws:
                if moments.random() < 0.5:
                    await world.submit(raw)
                else:
                    await world.gossip(raw)
            bytes_max = moments.choice((500, 2_000, BYTES_MAX))
            proposal = world.select(bytes_max)
            assert sum(len(raw) + 4 for raw in proposal) <= bytes_max
            executed += len(world.commit(proposal))  # raises BlockInvalid
        assert executed > 10

    run(tmp_path, check, _KEYS, funds=8_000)


def test_real_budget_out_of_a_large_pool() -> None:
    """The real rules take a full block out of a large pool, in canonical order."""
    keys = [Key(b"", _address(number)) for number in range(1, 201)]
    state = make_state(keys)
    pool = Pool(_WIDE)
    for place in range(50):
        for owner in range(1, 201):
            pool.add(Entry(_make(owner, place)))
    budget = BlockBudget(state, 1, START_MS, limits.BLOCK_BYTES_MAX)
    assert fill_block(pool.rotation.values(), budget, limits.BLOCK_BYTES_MAX) == []
    assert len(budget.txs) == min(limits.BLOCK_TXS_MAX, 4_000_000 // (400 + 13 + 30))
    order = compute_order(state.block_hash, budget.txs)
    check_block(state, Block(1, START_MS, bytes(32), tuple(order)))
