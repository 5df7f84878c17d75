"""What the node API answers about fees and votes: the price, the epochs, who votes for what.

Amounts are computed by the rules' own functions, from committed records. Each answer names the
records that it was made from, so that each can be asked for with a proof.
"""

from typing import Final

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.reader import Reader
from omg_abci.protocol.parameters import (
    COST,
    PARAMETERS,
    TARGET_WORK,
    compute_step,
    compute_value,
)
from omg_abci.protocol.units import ADDRESS_BYTES, Address
from omg_abci.rules.votes import Ballot, compute_ballot_median, compute_stake_until, make_ballot
from omg_abci.state import schema
from omg_abci.state.fee_records import (
    EpochRecord,
    FeesRecord,
    ParameterRecord,
    TallyRecord,
    VotesRecord,
)
from omg_abci.state.stake_records import DelegationRecord, ValidatorRecord
from omg_abci.state.tally import Tally

_STEP_BYTES: Final = 2
_DECIMALS: Final = 6


def make_fees(reader: Reader, epochs: int) -> pb.Fees:
    """Return the epoch under way and the price, and how as many of the last epochs ended."""
    block = reader.block
    fees = pb.Fees(
        height=block.height,
        unit_price=block.unit_price,
        collected=str(block.fee_pool),
        cost="0",
        refunds="0",
        keys=[schema.BLOCK],
    )
    data = reader.records.get(schema.FEES)
    if data is None:
        return fees
    record = FeesRecord.decode(data)
    fees.epoch_blocks, fees.epoch = record.epoch_blocks, record.epoch
    fees.end_height = -(-(block.height + 1) // record.epoch_blocks) * record.epoch_blocks
    fees.price, fees.multiplier = record.price, record.multiplier
    fees.price_min, fees.price_max = record.price_min, record.price_max
    fees.work, fees.average_work = record.work, record.average_work
    fees.refunds = str(record.refunds)
    fees.cost = str(_get_parameter(reader, COST).value)
    fees.target_work = _get_parameter(reader, TARGET_WORK).value
    parameters = [schema.compute_parameter_key(each) for each in (COST, TARGET_WORK)]
    fees.keys.extend([schema.FEES, *parameters])
    for number in range(record.epoch - 1, max(0, record.epoch - 1 - epochs), -1):
        epoch = make_epoch(reader, number, b"")
        if epoch is not None:
            fees.epochs.append(epoch)
    return fees


def make_epoch(reader: Reader, number: int, owner: Address) -> pb.Epoch | None:
    """Return how an epoch was settled, and what an owner is owed of it; None for no such one."""
    key = schema.compute_epoch_key(number)
    data = reader.records.get(key)
    if data is None:
        return None
    record = EpochRecord.decode(data)
    epoch = pb.Epoch(
        height=reader.block.height,
        number=number,
        cost=str(record.cost),
        collected=str(record.collected),
        paid=str(record.paid),
        refunded=str(record.refunded),
        work=record.work,
        price=record.price,
        effective_price=_format_ratio(record.paid, record.work),
        owner_paid="0",
        owner_refund="0",
        keys=[key],
    )
    if owner:
        account = reader.get_account(owner)
        epoch.keys.append(schema.compute_account_key(owner))
        if account.paid_epoch == number and record.collected:
            epoch.owner_paid = str(account.paid)
            epoch.owner_refund = str(account.paid * record.refunded // record.collected)
    return epoch


def _format_ratio(paid: int, work: int) -> str:
    """Return a price in decimals, cut behind the sixth."""
    if not work:
        return "0"
    whole, part = divmod(paid * 10**_DECIMALS // work, 10**_DECIMALS)
    return f"{whole}.{part:0{_DECIMALS}}".rstrip("0").rstrip(".")


def make_votes(reader: Reader, owner: Address) -> pb.Votes:
    """Return what an owner votes for, with each validator."""
    votes = pb.Votes(height=reader.block.height, owner=owner)
    for validator, value in reader.list_behind(schema.VOTES + owner, ADDRESS_BYTES):
        votes.keys.append(schema.compute_votes_key(owner, validator))
        for parameter, step in VotesRecord.decode(value).steps:
            votes.votes.add(
                validator=validator,
                parameter=parameter,
                value=str(compute_value(step)),
                shares=str(_count_shares(reader, owner, validator, parameter)),
            )
    return votes


def _count_shares(reader: Reader, owner: Address, validator: Address, parameter: int) -> int:
    """Return the shares that an owner's vote speaks for."""
    if owner == validator:
        record = ValidatorRecord.decode(reader.records[schema.compute_validator_key(owner)])
        return record.shares - _load_tally(reader, owner, parameter).total
    data = reader.records.get(schema.compute_delegation_key(owner, validator))
    return 0 if data is None else DelegationRecord.decode(data).shares


def make_tally(reader: Reader, parameter: int) -> pb.Tally | None:
    """Return how the stake votes on a number; None when fees are fixed."""
    if schema.FEES not in reader.records:
        return None
    last, bounds = _get_parameter(reader, parameter), PARAMETERS[parameter]
    keys = [schema.compute_parameter_key(parameter)]
    ballots = _list_ballots(reader, parameter, keys)
    median, stake = compute_ballot_median(ballots, parameter)
    answer = pb.Tally(
        height=reader.block.height,
        parameter=parameter,
        name=bounds.name,
        value=str(last.value),
        last_median=str(last.median),
        last_stake=str(last.stake),
        median=str(median),
        stake=str(stake),
        lowest=str(bounds.lowest),
        highest=str(bounds.highest),
        unit=bounds.unit,
        keys=keys,
    )
    highest = compute_step(bounds.highest) or 0
    steps = {step for each in ballots for step in (*each.tally.steps, each.step)}
    before = 0
    for step in sorted(step for step in steps if step <= highest):
        until = compute_stake_until(ballots, step)
        answer.rows.add(value=str(compute_value(step)), stake=str(until - before))
        before = until
    return answer


def _list_ballots(reader: Reader, parameter: int, keys: list[bytes]) -> list[Ballot]:
    """Return the ballots, and add the keys of what they were made from."""
    ballots = []
    for owner, value in reader.list_behind(schema.VALIDATOR, ADDRESS_BYTES):
        tally, key = _load_tally(reader, owner, parameter), schema.compute_votes_key(owner, owner)
        data = reader.records.get(key)
        votes = None if data is None else VotesRecord.decode(data)
        ballot = make_ballot(ValidatorRecord.decode(value), tally, votes, parameter)
        if ballot is None:
            continue
        ballots.append(ballot)
        keys.append(schema.compute_validator_key(owner))
        keys += [] if votes is None else [key]
        keys += [schema.compute_tally_key(owner, parameter, step) for step in sorted(tally.steps)]
    return ballots


def _load_tally(reader: Reader, validator: Address, parameter: int) -> Tally:
    tally = Tally()
    prefix = schema.TALLY + validator + parameter.to_bytes(1, "big")
    for step, value in reader.list_behind(prefix, _STEP_BYTES):
        tally.add(int.from_bytes(step, "big"), TallyRecord.decode(value).shares)
    return tally


def _get_parameter(reader: Reader, number: int) -> ParameterRecord:
    return ParameterRecord.decode(reader.records[schema.compute_parameter_key(number)])
