"""The committed view: whatever path led to a height, every answer is that of the plain state."""

from collections import defaultdict
from pathlib import Path

import pytest

from omg_abci.node import proof_history
from omg_abci.node.block_ring import BlockRing, BlockTooOld
from omg_abci.node.proof_history import HeaderOutOfRange, ProvenValue, StateInconsistent
from omg_abci.node.reader import Reader
from omg_abci.node.storage import Storage, WrongChain
from omg_abci.protocol.merkle import KeyInvalid
from omg_abci.protocol.proofs import RecordProof, require_state_height, verify_record
from omg_abci.state import schema
from omg_abci.state.keyed_records import FeeOfferRecord
from omg_abci.state.records import OrderRecord
from tests.node.committed_chain import (
    DOMAIN,
    INTERVAL,
    OWNERS,
    CommittedChain,
    make_chain,
)


def follow(reader: Reader, chain: CommittedChain, last: int) -> None:
    """Apply blocks and folds up to a height."""
    for height in range(reader.block.height + 1, last + 1):
        fold = reader.apply_block(height, chain.heads[height], chain.diffs[height])
        if fold is not None:
            reader.history.add_fold(fold.state_height, reader.history.fold(fold))


def load(chain: CommittedChain, path: Path, height: int) -> Reader:
    """Return the view as of a height from the chain's stored blocks."""
    storage = Storage.open(path, read_only=True)
    try:
        return Reader.load_storage(storage, DOMAIN, height)
    finally:
        storage.close()


def check_book(reader: Reader, state: dict[bytes, bytes], market: int) -> None:
    """Compare both sides of a book with one made by scanning the state."""
    for side in (1, 2):
        levels: dict[int, dict[bytes, int]] = defaultdict(dict)
        for key, value in state.items():
            if key[:1] == schema.ORDER:
                order = OrderRecord.decode(value)
                if (order.market, order.side) == (market, side) and not order.trigger:
                    levels[order.price][key] = order.tip or order.quantity - order.filled
        expected = [
            (price, sum(orders.values()), set(orders)) for price, orders in sorted(levels.items())
        ]
        if side == 1:
            expected.reverse()
        found = reader.books.get_levels(market, side, 1_000)
        assert [(level.price, level.quantity, set(level.keys)) for level in found] == expected
        assert reader.books.get_levels(market, side, 2) == found[:2]


def check_answers(reader: Reader, chain: CommittedChain, height: int) -> None:
    """Compare every listing with the plain state."""
    state = chain.states[height]
    assert reader.records == state
    assert reader.block.height == height
    check_book(reader, state, 1)
    check_book(reader, state, 7)
    assert [market for market, _ in reader.list_markets()] == [1, 7]
    assert [token.symbol for _, token in reader.list_tokens()] == ["OMG", "ETH", "ΩUSD"]
    for owner in OWNERS:
        orders, more = reader.list_orders(owner, 0, 1_000)
        assert not more
        assert [schema.compute_order_key(owner, client_id) for client_id, _ in orders] == sorted(
            key for key in state if key[:21] == schema.ORDER + owner
        )
        assert [
            schema.compute_balance_key(owner, subaccount, token)
            for subaccount, token, _ in reader.list_balances(owner)
        ] == sorted(key for key in state if key[:21] == schema.BALANCE + owner)
        assert [
            schema.compute_agent_key(owner, agent) for agent, _ in reader.list_agents(owner)
        ] == sorted(key for key in state if key[:21] == schema.AGENT + owner)


def verify(chain: CommittedChain, proven: ProvenValue, key: bytes) -> None:
    """Check a proof as a client does that trusts the header, and the value by the plain state."""
    assert proven.value == chain.states[proven.state_height].get(key)
    require_state_height(proven.header_height, proven.state_height, chain.interval)
    record = RecordProof(key, proven.value, *proven[4:])
    verify_record(chain.heads[proven.header_height - 1].app_hash, record)


def check_proofs(reader: Reader, chain: CommittedChain, keys: int = 6) -> None:
    """Prove present, absent, changed and deleted keys under every header that can be proved."""
    history = reader.history
    for header in range(history.oldest, history.newest + 1):
        seen = sorted(chain.states[-1].keys() | chain.states[0].keys())
        touched = [key for key, _ in chain.diffs[min(header, chain.height)]]
        sample = chain.random.sample(seen, keys) + chain.random.sample(touched, 3)
        for key in [*sample, b"\x04nobody"]:
            proven = history.prove(key, header)
            assert proven.header_height == header
            verify(chain, proven, key)


def test_follows_blocks_from_genesis() -> None:
    """After every block all listings, books and roots are those of the plain state."""
    chain = make_chain(30)
    reader = Reader.load_genesis(DOMAIN, chain.states[0].items())
    assert reader.history.get_head(0) == chain.heads[0]
    for height in range(31):
        follow(reader, chain, height)
        check_answers(reader, chain, height)
    roots = dict(reader.history.get_roots())
    for height in range(31):
        state_height = max(0, height // INTERVAL - 1) * INTERVAL
        assert roots[state_height] == chain.heads[height].tree_root


def test_proves_every_header_since_genesis() -> None:
    """Every header from 1 to the last can be proved, none before or after."""
    chain = make_chain(26)
    reader = Reader.load_genesis(DOMAIN, chain.states[0].items())
    with pytest.raises(HeaderOutOfRange, match="wait for the next block"):
        reader.history.prove(schema.BLOCK, 0)
    follow(reader, chain, 26)
    assert (reader.history.oldest, reader.history.newest) == (1, 26)
    check_proofs(reader, chain)
    assert reader.history.prove(schema.BLOCK, 0).header_height == 26
    with pytest.raises(HeaderOutOfRange, match="only 1 to 26"):
        reader.history.prove(schema.BLOCK, 27)
    for key in (b"", b"x" * 65):
        with pytest.raises(KeyInvalid):
            reader.history.prove(key, 0)


@pytest.mark.parametrize("height", [0, 1, 3, 4, 5, 7, 8, 9, 11, 12, 13, 19, 20])
def test_loads_as_of_a_height(tmp_path: Path, height: int) -> None:
    """After a restart the last two roots are there, the newest header is provable, blocks go on."""
    chain = make_chain(height)
    chain.store(tmp_path)
    reader = load(chain, tmp_path, height)
    check_answers(reader, chain, height)
    last = height // INTERVAL * INTERVAL
    roots = dict(reader.history.get_roots())
    for state_height in {max(0, last - INTERVAL), last}:
        fresh = Reader.load_genesis(DOMAIN, chain.states[state_height].items())
        assert roots[state_height] == fresh.history.get_roots()[0][1]
    assert reader.history.newest == height
    if height:
        check_proofs(reader, chain)
    for _ in range(9):
        chain.add_block()
    follow(reader, chain, height + 9)
    check_answers(reader, chain, height + 9)
    check_proofs(reader, chain)


@pytest.mark.parametrize("ahead", [1, 2, 3])
@pytest.mark.parametrize("height", [8, 9, 12])
def test_loads_below_the_databases_height(tmp_path: Path, height: int, ahead: int) -> None:
    """Blocks that the executor committed meanwhile are undone, and come again as frames."""
    last = min(height + ahead, height // INTERVAL * INTERVAL + INTERVAL - 1)
    chain = make_chain(last)
    chain.store(tmp_path)
    reader = load(chain, tmp_path, height)
    check_answers(reader, chain, height)
    state_heights = [state_height for state_height, _ in reader.history.get_roots()]
    assert state_heights[-2:] == [height // INTERVAL * INTERVAL - INTERVAL, state_heights[-1]]
    follow(reader, chain, last)
    check_answers(reader, chain, last)
    check_proofs(reader, chain)


def test_loads_a_database_without_a_genesis_commit(tmp_path: Path) -> None:
    """When the first commit was block 1, the genesis state comes from its undo record."""
    chain = make_chain(3)
    storage = Storage.open(tmp_path)
    storage.commit(chain.make_meta(1), sorted(chain.states[1].items()), chain.undos[1], 8)
    chain.commit(storage, 2)
    chain.commit(storage, 3)
    storage.close()
    reader = load(chain, tmp_path, 3)
    assert reader.history.oldest == 1
    check_proofs(reader, chain)


def test_refuses_what_does_not_fit(tmp_path: Path) -> None:
    """A wrong height, chain, root, gap or deletion is an error, never another answer."""
    chain = make_chain(9)
    chain.store(tmp_path)
    storage = Storage.open(tmp_path)
    with pytest.raises(StateInconsistent, match="height 10 was asked"):
        Reader.load_storage(storage, DOMAIN, 10)
    with pytest.raises(WrongChain):
        Reader.load_storage(storage, DOMAIN._replace(chain_id="other"), 9)
    head = chain.heads[9]
    chain.add_block()
    chain.heads[10] = head._replace(tree_root=b"\1" * 32)
    chain.commit(storage, 10)
    with pytest.raises(StateInconsistent, match="has root"):
        Reader.load_storage(storage, DOMAIN, 10)
    storage.close()
    reader = Reader.load_genesis(DOMAIN, chain.states[0].items())
    with pytest.raises(StateInconsistent, match="came after"):
        reader.apply_block(2, chain.heads[2], chain.diffs[2])
    with pytest.raises(StateInconsistent, match="not there"):
        reader.apply_block(1, chain.heads[1], [(b"\x09none", None)])
    with pytest.raises(StateInconsistent, match="no block record"):
        Reader.load_genesis(DOMAIN, [])


def test_a_record_that_came_and_went_costs_no_fold() -> None:
    """The fold holds what differs between two multiples of the interval, and no more."""
    chain = make_chain(4)
    reader = Reader.load_genesis(DOMAIN, chain.states[0].items())
    follow(reader, chain, 3)
    fold = reader.apply_block(4, chain.heads[4], chain.diffs[4])
    assert fold is not None
    before, after = chain.states[0], chain.states[4]
    expected = {
        key: after.get(key)
        for key in before.keys() | after.keys()
        if before.get(key) != after.get(key)
    }
    assert dict(fold.changes) == expected
    assert len(fold.changes) == len(expected)


def test_old_states_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """By number and by memory: what is still offered is right, the rest is refused."""
    chain = make_chain(70, interval=1)
    reader = Reader.load_genesis(DOMAIN, chain.states[0].items())
    follow(reader, chain, 70)
    assert len(reader.history.get_roots()) == 64
    assert reader.history.oldest == 9
    check_proofs(reader, chain, keys=2)
    with pytest.raises(HeaderOutOfRange, match="only 9 to 70"):
        reader.history.prove(schema.BLOCK, 8)
    monkeypatch.setattr(proof_history, "OLD_VALUES_MAX", 20)
    for _ in range(2):
        chain.add_block()
    follow(reader, chain, 72)
    assert len(reader.history.get_roots()) == proof_history.FOLDS_RETAINED_MIN
    check_proofs(reader, chain, keys=2)


def test_ended_orders_are_remembered_for_their_time() -> None:
    """A slot answers while its time is ahead of the last block's, and is nobody else's."""
    chain = make_chain(200)
    reader = Reader.load_genesis(DOMAIN, chain.states[0].items())
    follow(reader, chain, 200)
    slots = [key for key in chain.states[-1] if key[:1] == schema.ENDED]
    answers = set()
    for key in slots:
        slot = int.from_bytes(key[21:], "big")
        found = reader.get_ended(key[1:21], 100 + slot)
        assert (found is not None) == (slot * 20 > 200 * 250)
        answers.add(found is None)
    assert answers == {True}
    reader.block = reader.block._replace(time_ms=reader.block.time_ms - 200 * 250 + 1_000)
    assert any(reader.get_ended(key[1:21], 100 + int.from_bytes(key[21:], "big")) for key in slots)
    assert reader.get_ended(OWNERS[0], 99) is None


def test_orders_are_listed_by_page() -> None:
    """Pages follow each other by client id and say whether there is more."""
    chain = make_chain(40)
    reader = Reader.load_genesis(DOMAIN, chain.states[0].items())
    follow(reader, chain, 40)
    owner = max(OWNERS, key=lambda each: len(reader.list_orders(each, 0, 1_000)[0]))
    whole, _ = reader.list_orders(owner, 0, 1_000)
    paged, after, more = [], 0, True
    while more:
        page, more = reader.list_orders(owner, after, 3)
        assert 1 <= len(page) <= 3
        paged += page
        after = page[-1][0]
    assert paged == whole
    assert reader.list_orders(owner, after, 3) == ([], False)
    assert reader.list_orders(b"\0" * 20, 0, 3) == ([], False)


def test_fee_offers_are_listed_by_token() -> None:
    """Whoever made them first; a page begins above a provider; what is loaded and what comes."""
    records = make_chain(4).states[0]
    offer = FeeOfferRecord(3, 700, 500, 9, 1)
    made = [(place, token) for place in (3, 1, 2) for token in (9, 2)]
    for place, token in made:
        key = schema.compute_fee_offer_key(bytes([place]) * 20, token)
        records = records | {key: offer._replace(tokens=10 * token + place).encode()}
    reader = Reader.load_genesis(DOMAIN, records.items())
    for token in (2, 9):
        found, more = reader.list_fee_offers(token, bytes(20), 2)
        assert [each.tokens for _, each in found] == [10 * token + 1, 10 * token + 2]
        assert more
        found, more = reader.list_fee_offers(token, found[-1][0], 2)
        assert [(who[0], each.tokens, more) for who, each in found] == [(3, 10 * token + 3, False)]
    assert reader.list_fee_offers(5, bytes(20), 2) == ([], False)
    assert reader.get_fee_offer(b"\1" * 20, 9) == offer._replace(tokens=91)
    assert reader.get_fee_offer(b"\1" * 20, 5) is None


def test_ring_is_bounded_by_blocks_and_bytes() -> None:
    """The oldest blocks leave; one block larger than all stays alone."""
    ring = BlockRing(blocks_max=3, bytes_max=100)
    ring.reset(10)
    for size in (10, 10, 10, 10):
        ring.append(bytes(size))
    assert (ring.oldest, ring.next) == (12, 15)
    ring.append(bytes(85))
    assert ring.oldest == 14
    ring.append(bytes(500))
    assert (ring.oldest, ring.next) == (16, 17)
    with pytest.raises(BlockTooOld, match="the oldest is 16"):
        ring.get(15).send(None)
