"""Requests, grants and offers that expired: deleted, their deposits released.

Part of the mass work: one step a record, in the order of expiry and key. So nobody's deposit
depends on who may close the record, and state holds nothing that says nothing any more.
"""

from omg_abci.protocol import limits
from omg_abci.protocol.errors import InvariantBroken
from omg_abci.state.keyed_records import EXPIRING, RequestRecord
from omg_abci.state.sweeping import is_record_expiry
from omg_abci.state.working import WorkingState


def work_expired_records(state: WorkingState, steps_left: int) -> int:
    """Delete what expired and was kept for its time; return the steps used."""
    heap, steps = state.record_expiries, 0
    last_ms = state.time_ms - limits.RECORDS_KEPT_MS
    while heap and heap[0][0] <= last_ms:
        entry = heap[0]
        if is_record_expiry(state, entry):
            if steps >= steps_left:
                break
            steps += 1
            release_record(state, entry[1])
        state.pop_entry(heap)
    return steps


def release_record(state: WorkingState, key: bytes) -> None:
    """Delete a request, a grant or an offer; give its deposit back to whose it is."""
    record = state.by_key[key]
    if not isinstance(record, EXPIRING):
        raise InvariantBroken("what expires has a deposit")
    whose = record.depositor if isinstance(record, RequestRecord) else key[1:21]
    state.set_record(key, None)
    balance = state.get_balance(whose, 0, state.fee_token)
    state.change_balance(balance, record.deposit, -record.deposit)
