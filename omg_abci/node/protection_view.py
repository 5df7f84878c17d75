"""What the node API answers about what protects an account: its key, guardians, recipients.

The keys of all records that could say something are told, so that it can be proved as well that
there is no guardian, no recovery or no bound.
"""

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.reader import Reader
from omg_abci.protocol.units import Address
from omg_abci.state import schema
from omg_abci.state.recipients import RecipientsRecord
from omg_abci.state.recovery_records import NO_KEY, GuardiansRecord, KeyRecord, RecoveryRecord


def find_own_key(reader: Reader, owner: Address) -> Address:
    """Return whose signature is an owner's."""
    data = reader.records.get(schema.compute_own_key_key(owner))
    return owner if data is None else KeyRecord.decode(data).key


def make_guardians(reader: Reader, owner: Address) -> pb.Guardians:
    """Return who may give an account another key, and which keys they have approved."""
    guarded = schema.compute_guardians_key(owner)
    under_way = schema.compute_recovery_key(owner)
    answer = pb.Guardians(
        height=reader.block.height,
        owner=owner,
        key=find_own_key(reader, owner),
        keys=[guarded, under_way, schema.compute_own_key_key(owner)],
    )
    data = reader.records.get(guarded)
    if data is not None:
        record = GuardiansRecord.decode(data)
        answer.threshold, answer.delay_ms = record.threshold, record.delay_ms
        answer.guardians.extend(record.guardians)
    data = reader.records.get(under_way)
    if data is not None:
        recovery = RecoveryRecord.decode(data)
        for guardian, key in recovery.approvals:
            answer.approvals.add(guardian=guardian, key=key)
        if recovery.key != NO_KEY:
            answer.waiting_key, answer.ready_ms = recovery.key, recovery.ready_ms
    return answer


def make_recipients(reader: Reader, owner: Address) -> pb.Recipients:
    """Return whom an account pays; a bound whose time is over is none."""
    key = schema.compute_recipients_key(owner)
    answer = pb.Recipients(height=reader.block.height, owner=owner, keys=[key])
    data = reader.records.get(key)
    record = None if data is None else RecipientsRecord.decode(data)
    if record is None or record.is_lifted(reader.block.time_ms):
        return answer
    answer.bound, answer.lifts_ms = True, record.lifts_ms
    for recipient, since_ms in record.rows:
        answer.recipients.add(recipient=recipient, since_ms=since_ms)
    return answer
