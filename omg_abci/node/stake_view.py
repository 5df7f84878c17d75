"""What the node API answers about stake: validators, and what an owner has with them.

Amounts are computed by the rules' own functions, from committed records.
"""

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.reader import Reader
from omg_abci.protocol.crypto import compute_address
from omg_abci.protocol.units import ADDRESS_BYTES, Address
from omg_abci.rules.rewards import compute_owed, update_pool
from omg_abci.rules.stake_math import compute_worth
from omg_abci.state import schema
from omg_abci.state.stake_records import (
    DelegationRecord,
    MovingPoolRecord,
    MovingRecord,
    SigningRecord,
    StakingRecord,
    UnbondingPoolRecord,
    UnbondingRecord,
    ValidatorRecord,
)

_PERIOD_BYTES = 8
_POOL_HASH_BYTES = 32


def list_validators(reader: Reader) -> pb.ListValidatorsResponse:
    """Return all validators, in the set or not, and the chain's terms."""
    response = pb.ListValidatorsResponse(height=reader.block.height)
    data = reader.records.get(schema.STAKING)
    if data is None:
        return response
    terms = StakingRecord.decode(data)
    response.checkpoint_blocks = terms.checkpoint_blocks
    response.window_blocks = terms.window_blocks
    response.signed_min_blocks = terms.signed_min_blocks
    response.unbonding_ms = terms.unbonding_ms
    response.self_bond_min = str(terms.self_bond_min)
    response.power_unit = str(terms.power_unit)
    response.rewards, response.slashed = str(terms.rewards), str(terms.slashed)
    for owner, value in reader.list_behind(schema.VALIDATOR, ADDRESS_BYTES):
        each = ValidatorRecord.decode(value)
        response.validators.add(
            owner=owner,
            consensus_address=compute_address(each.public_key),
            public_key=each.public_key,
            moniker=each.moniker,
            tokens=str(each.tokens),
            shares=str(each.shares),
            power=each.told_power,
            commission_bp=each.commission_bp,
            commission_max_bp=each.commission_max_bp,
            commission_step_bp=each.commission_step_bp,
            self_bond_min=str(each.self_bond_min),
            commission=str(each.commission),
            jailed_until_ms=each.jailed_until_ms,
            tombstoned=bool(each.tombstoned),
            missed_blocks=_count_missed(reader, owner),
        )
    return response


def _count_missed(reader: Reader, owner: Address) -> int:
    data = reader.records.get(schema.compute_signing_key(owner))
    return 0 if data is None else SigningRecord.decode(data).missed.bit_count()


def make_stake(reader: Reader, owner: Address) -> pb.Stake:
    """Return an owner's delegations, and what of its stake unbonds or moves."""
    stake = pb.Stake(height=reader.block.height, owner=owner)
    for validator, value in reader.list_behind(schema.DELEGATION + owner, ADDRESS_BYTES):
        held, record = DelegationRecord.decode(value), _get_validator(reader, validator)
        stake.delegations.add(
            validator=validator,
            shares=str(held.shares),
            tokens=str(compute_worth(record, held.shares)),
            rewards=str(compute_owed(held.shares, record.reward_index, held.paid_index)),
        )
    for place, value in reader.list_behind(schema.UNBONDING + owner, ADDRESS_BYTES + _PERIOD_BYTES):
        part, pool = UnbondingRecord.decode(value), schema.UNBONDING_POOL + place
        total = UnbondingPoolRecord.decode(reader.records[pool])
        stake.unbonding.add(
            validator=place[:ADDRESS_BYTES],
            tokens=str(part.units * total.tokens // total.units),
            mature_ms=part.mature_ms,
        )
    for _, value in reader.list_behind(schema.MOVING + owner, _POOL_HASH_BYTES):
        _add_moving(reader, stake, MovingRecord.decode(value))
    return stake


def _add_moving(reader: Reader, stake: pb.Stake, part: MovingRecord) -> None:
    target = _get_validator(reader, part.target)
    key = schema.compute_moving_pool_key(part.source, part.target, part.period)
    pool = update_pool(MovingPoolRecord.decode(reader.records[key]), target)
    stake.moving.add(
        source=part.source,
        target=part.target,
        tokens=str(compute_worth(target, part.units * pool.shares // pool.units)),
        rewards=str(compute_owed(part.units, pool.reward_index, part.paid_index)),
        mature_ms=part.mature_ms,
    )


def _get_validator(reader: Reader, owner: Address) -> ValidatorRecord:
    return ValidatorRecord.decode(reader.records[schema.compute_validator_key(owner)])
