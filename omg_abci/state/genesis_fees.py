"""The fees section of the genesis document: what an epoch is, and the numbers that begin.

Without the section a work unit costs the document's unit_price for ever.
"""

from collections.abc import Mapping
from typing import Final

from omg_abci.protocol import limits, parameters
from omg_abci.protocol.errors import GenesisError
from omg_abci.state import schema
from omg_abci.state.fee_records import FeesRecord, ParameterRecord
from omg_abci.state.genesis_fields import read_int, read_optional, require_fields
from omg_abci.state.records import BlockRecord
from omg_abci.state.stake_records import StakingRecord

_REQUIRED: Final = ("epoch_blocks", "cost", "price_min", "price_max")
_OPTIONAL: Final = ("target_work", "average_work")


def add_fees(records: dict[bytes, bytes], document: Mapping[str, object]) -> None:
    """Write the records of the section, if there is one; block and staking are written before."""
    if "fees" not in document:
        return
    section = document["fees"]
    if not isinstance(section, Mapping):
        raise GenesisError("fees is not an object")
    if schema.STAKING not in records:
        raise GenesisError("fees: only a chain with staking has somebody to vote on them")
    require_fields("fees", section, _REQUIRED, _OPTIONAL)
    block = BlockRecord.decode(records[schema.BLOCK])
    staking = StakingRecord.decode(records[schema.STAKING])
    epoch_blocks = read_int(section, "epoch_blocks", 1, limits.EPOCH_BLOCKS_MAX)
    if epoch_blocks % staking.checkpoint_blocks:
        raise GenesisError("epoch_blocks is not a multiple of checkpoint_blocks")
    price_min = read_int(section, "price_min", 1, limits.U64_MAX)
    price_max = read_int(section, "price_max", price_min, limits.U64_MAX)
    if not price_min <= block.unit_price <= price_max:
        raise GenesisError("unit_price is not between price_min and price_max")
    bounds = parameters.PARAMETERS
    cost, target = bounds[parameters.COST], bounds[parameters.TARGET_WORK]
    target_work = read_optional(
        section, "target_work", target.lowest, target.highest, limits.BLOCK_WORK_MAX // 2
    )
    first = {
        parameters.COST: read_int(section, "cost", cost.lowest, cost.highest),
        parameters.TARGET_WORK: target_work,
        parameters.MARKET_BOND: block.market_bond,
        parameters.SELF_BOND_MIN: staking.self_bond_min,
        parameters.JAIL_MS: staking.jail_ms,
        parameters.DOWNTIME_BP: staking.downtime_bp,
        parameters.EQUIVOCATION_BP: staking.equivocation_bp,
    }
    _add_parameters(records, first)
    average = read_optional(section, "average_work", 0, limits.U64_MAX, target_work * epoch_blocks)
    records[schema.FEES] = FeesRecord(
        epoch_blocks,
        price_min,
        price_max,
        epoch=1,
        price=block.unit_price,
        multiplier=limits.MULTIPLIER_ONE,
        work=0,
        average_work=average,
        refunds=0,
    ).encode()


def _add_parameters(records: dict[bytes, bytes], values: Mapping[int, int]) -> None:
    for number, value in values.items():
        each = parameters.PARAMETERS[number]
        if not each.lowest <= value <= each.highest:
            raise GenesisError(f"{each.name} {value} is not in {each.lowest} … {each.highest}")
        record = ParameterRecord(value, 0, 0)
        records[schema.compute_parameter_key(number)] = record.encode()
