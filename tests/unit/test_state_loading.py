"""Records as bytes, and states that records with contradictions do not become."""

from typing import Any

import pytest

from omg_abci.protocol.errors import InvariantBroken
from omg_abci.protocol.units import MarketMode, MarketStatus, OrderType
from omg_abci.state import schema
from omg_abci.state.diff import compute_records
from omg_abci.state.loading import load_state
from omg_abci.state.records import (
    AccountRecord,
    BlockRecord,
    EndedRecord,
    MarketRecord,
    OrderRecord,
)
from omg_abci.state.working import WorkingState
from tests.unit.state_world import CHAIN_ID, OWNERS, begin, commit, make_state, place

ORDER_KEY = schema.compute_order_key(OWNERS[0], 1)


def test_the_bytes_of_a_block_record() -> None:
    """Height, time, hash, pool, what genesis fixed, post-only period, next market, bond."""
    record = BlockRecord(1, 2, b"\x03" * 32, 1 << 64 | 4, 5, 6, 7, 8, 9, 1 << 64 | 10)
    assert record.encode().hex() == (
        "0000000000000001" + "0000000000000002" + "03" * 32 + "0000000000000001"
        "0000000000000004" + "0000000000000005" + "00000006" + "00000007"
        "0000000000000008" + "00000009" + "0000000000000001" + "000000000000000a"
    )
    assert BlockRecord.decode(record.encode()) == record


def test_the_bytes_of_a_market_record() -> None:
    """The terms, then what changes."""
    creator = b"\xcc" * 20
    record = MarketRecord(
        1, 2, 3, 4, 5, 6, 3, 2, 258, 9, creator, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19
    )
    eight = [f"{number:016x}" for number in range(20)]
    assert record.encode().hex() == (
        "00000001" + "00000002" + 2 * (eight[0] + "%s") % (eight[3], eight[4]) + eight[5] + eight[6]
        + "03" + "02" + "0102" + "00000009" + "cc" * 20 + eight[0] + eight[10] + eight[11]
        + "0000000c" + "00" * 31 + "0d" + "".join(eight[14:])
    )  # fmt: skip
    assert MarketRecord.decode(record.encode()) == record
    plain = MarketRecord(1, 2, 3, 4, 5, 6, 1)
    assert MarketRecord.decode(plain.encode()) == plain


def test_the_bytes_of_an_account_record() -> None:
    """Counts, the sum, the slot, and at last the switch."""
    record = AccountRecord(1, 2, 3, 4, 5, 6)
    assert record.encode().hex() == (
        "00000001" + "00" * 31 + "02" + "0003" + "0004" + "05" + "0000000000000006"
    )
    assert AccountRecord.decode(record.encode()) == record


def test_an_order_record_without_a_tail() -> None:
    """A record that says nothing special is as long as a plain order's."""
    plain = OrderRecord(1, 2, 3, 4, 0, 1, 0, 8, 9, 0, 11, 12)
    assert len(plain.encode()) == 50
    assert OrderRecord.decode(plain.encode()) == plain
    for field in ("expires_height", "display", "tip", "trigger", "max_matches"):
        special = plain._replace(**{field: 7})
        assert len(special.encode()) == 84
        assert OrderRecord.decode(special.encode()) == special


def make_records(market: int = 1) -> dict[bytes, bytes]:
    """Return the records of a state with one order and one that ended."""
    state = make_state()
    begin(state)
    place(state, market=market)
    ended = place(state, client_id=2, market=market)
    state.take_out(ended)
    state.remember_ended(ended, 2)
    commit(state)
    return dict(compute_records(state))


def load(records: dict[bytes, bytes]) -> WorkingState:
    """Return the state of these records."""
    return load_state(CHAIN_ID, sorted(records.items()))


@pytest.mark.parametrize(
    "wrong",
    [
        {"side": 0},
        {"side": 3},
        {"order_type": 0},
        {"order_type": 6},
        {"time_in_force": 0},
        {"time_in_force": 6},
        {"time_in_force": 3},
        {"post_only": 3},
        {"self_trade": 0},
        {"self_trade": 6},
        {"trigger": 5},
        {"order_type": OrderType.ICEBERG, "trigger": 5},
    ],
    ids=str,
)
def test_an_order_of_no_known_kind_is_refused(wrong: dict[str, int]) -> None:
    """What no rule could have written does not become an order."""
    records = make_records()
    load(records)
    records[ORDER_KEY] = OrderRecord.decode(records[ORDER_KEY])._replace(**wrong).encode()
    with pytest.raises(InvariantBroken):
        load(records)


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": MarketStatus.GONE},
        {"status": MarketStatus.DELISTING + 1},
        {"mode": 0},
        {"mode": MarketMode.BATCH + 1},
        {"open_orders": 2},
    ],
    ids=str,
)
def test_a_market_of_no_known_kind_is_refused(wrong: dict[str, Any]) -> None:
    """A status and a mode are known, and the orders are as many as it says."""
    records = make_records()
    key = schema.compute_market_key(1)
    records[key] = MarketRecord.decode(records[key])._replace(**wrong).encode()
    with pytest.raises(InvariantBroken):
        load(records)


@pytest.mark.parametrize("ended", [0, 11])
def test_an_end_of_no_known_reason_is_refused(ended: int) -> None:
    """An ended order is remembered with a reason that there is."""
    records = make_records()
    key = schema.compute_ended_key(OWNERS[0], 0)
    records[key] = EndedRecord.decode(records[key])._replace(ended=ended).encode()
    with pytest.raises(InvariantBroken):
        load(records)


def test_missing_and_unknown_records_are_refused() -> None:
    """An order less than the account says, no block record, and an unknown table."""
    for key, value in ((ORDER_KEY, None), (schema.BLOCK, None), (b"\xff", b"")):
        records = make_records()
        records.pop(key, None)
        if value is not None:
            records[key] = value
        with pytest.raises(InvariantBroken):
            load(records)


def test_immediate_orders_of_a_batch_market_are_loaded() -> None:
    """A batch market between two blocks of its auction keeps its immediate orders."""
    records = make_records(market=2)
    records[ORDER_KEY] = OrderRecord.decode(records[ORDER_KEY])._replace(time_in_force=4).encode()
    market = load(records).markets[2]
    assert [order.client_id for order in market.immediate] == [1]


def test_the_newest_of_equal_ends_is_known() -> None:
    """Of two ended orders with a client id the account answers with the newer, loaded or not."""
    state = make_state()
    begin(state)
    account = state.get_account(OWNERS[0])
    account.ended_next = 255
    for ended in (2, 6):
        order = place(state)
        state.take_out(order)
        state.remember_ended(order, ended)
    commit(state)
    loaded = load(dict(compute_records(state)))
    assert account.ended[1] == loaded.accounts[OWNERS[0]].ended[1] == 0
