"""From records about stake and fees to the working state: the part of `loading` that knows them."""

from typing import Final

from omg_abci.protocol.errors import InvariantBroken
from omg_abci.state import schema
from omg_abci.state.fee_records import (
    EpochRecord,
    FeeRecord,
    FeesRecord,
    ParameterRecord,
    TallyRecord,
    VotesRecord,
)
from omg_abci.state.stake_records import (
    ConsensusRecord,
    DelegationRecord,
    MovingPoolRecord,
    MovingRecord,
    SigningRecord,
    StakeRecord,
    StakingRecord,
    UnbondingPoolRecord,
    UnbondingRecord,
    ValidatorRecord,
)
from omg_abci.state.tally import Tally
from omg_abci.state.working import WorkingState

STAKE_RECORDS: Final[dict[bytes, type[StakeRecord | FeeRecord]]] = {
    schema.STAKING: StakingRecord,
    schema.VALIDATOR: ValidatorRecord,
    schema.CONSENSUS: ConsensusRecord,
    schema.SIGNING: SigningRecord,
    schema.DELEGATION: DelegationRecord,
    schema.UNBONDING_POOL: UnbondingPoolRecord,
    schema.UNBONDING: UnbondingRecord,
    schema.MOVING_POOL: MovingPoolRecord,
    schema.MOVING: MovingRecord,
    schema.FEES: FeesRecord,
    schema.EPOCH: EpochRecord,
    schema.PARAMETER: ParameterRecord,
    schema.VOTES: VotesRecord,
    schema.TALLY: TallyRecord,
}
"""Table to the class of its records."""


def load_stake(state: WorkingState, key: bytes, value: bytes) -> None:
    """Take a record about stake; raise `InvariantBroken` for a table that is not known.

    Entries go into the heap of maturities as they come: `Tables.sort_heaps` puts it in order.
    """
    kind = STAKE_RECORDS.get(key[:1])
    if kind is None:
        message = f"a record of an unknown table: {key.hex()}"
        raise InvariantBroken(message)
    record = kind.decode(value)
    if isinstance(record, StakingRecord):
        state.staking = record
    elif isinstance(record, FeesRecord):
        state.fees = record
    elif isinstance(record, TallyRecord):
        tally = state.tallies.setdefault((key[1:21], key[21]), Tally())
        tally.add(int.from_bytes(key[22:], "big"), record.shares)
    elif isinstance(record, ValidatorRecord):
        state.validators[key[1:]] = record
    else:
        state.stake[key] = record
        if isinstance(record, UnbondingPoolRecord | MovingPoolRecord):
            state.stake_pools.setdefault(key[1:21], {})[key] = True
        if isinstance(record, MovingPoolRecord):
            state.stake_arrivals.setdefault(key[21:41], {})[key] = True
        if isinstance(record, UnbondingRecord | MovingRecord):
            state.stake_maturities.append((record.mature_ms, key))
