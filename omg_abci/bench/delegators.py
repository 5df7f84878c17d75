"""`delegators`: what a block costs with a hundred thousand delegators, by with ten.

Two chains do the same blocks: stake bonded, taken back, moved and claimed by a few, votes changed,
payments. One has ten delegators, the other a hundred thousand, each with a delegation, and every
second one with votes of its own. Timed is the executor's processor time from the rules to the
commit in memory; apart are the blocks that end an epoch, with settlement, rewards, tally and
validator set, and one that slashes a validator.
"""

import gc
import hashlib
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from omg_abci.bench.errors import MeasurementFailed
from omg_abci.bench.figures import Measurement
from omg_abci.bench.owners import CHAIN_ID, FEE_TOKEN, TIME_MS, make_document, make_owners
from omg_abci.localnet.keys import make_ethereum_key
from omg_abci.protocol.codec import encode_body, encode_envelope
from omg_abci.protocol.consensus import Offence, Vote
from omg_abci.protocol.crypto import compute_address
from omg_abci.protocol.messages import (
    ClaimRewards,
    Delegate,
    Message,
    Redelegate,
    SetVote,
    SignedTx,
    Transfer,
    TxBody,
    Undelegate,
)
from omg_abci.protocol.parameters import COST, MARKET_BOND, PARAMETERS, compute_step, compute_value
from omg_abci.protocol.terms import make_signed_tx
from omg_abci.protocol.units import Address, Scheme
from omg_abci.rules.ordering import compute_order
from omg_abci.rules.transition import Block, apply_block
from omg_abci.state import schema
from omg_abci.state.diff import store_changes
from omg_abci.state.fee_records import TallyRecord, VotesRecord
from omg_abci.state.genesis import build_genesis
from omg_abci.state.hashes import compute_diff_hash
from omg_abci.state.loading import load_state
from omg_abci.state.records import BalanceRecord
from omg_abci.state.stake_records import DelegationRecord, ValidatorRecord
from omg_abci.state.working import WorkingState

_SEED: Final = b"omg bench delegators"
_VALIDATORS: Final = 20
_EPOCH_BLOCKS: Final = 5
_SHARES: Final = 10**6
"""Of each delegator."""
_BOND: Final = 10**15
_ACTIVE: Final = 60
"""Owners that do something in each block, delegators too."""
_ACTIVE_TARGETS: Final = 10
"""Validators that these deal with; evidence is against the others."""
_KINDS: Final = ("plain", "epoch", "slash")

Records = dict[bytes, bytes]


def measure_delegators(few: int, many: int, epochs: int) -> Measurement:
    """Return by which factor a block of each kind is dearer with many, and both costs in µs.

    The two chains take turns, so that a machine whose speed changes is no faster for one of them.
    Nothing is collected between blocks: a node does not either, and it would empty the caches.
    """
    chains = [_Chain(few), _Chain(many)]
    gc.collect()
    gc.freeze()
    gc.disable()
    for number in range(epochs * _EPOCH_BLOCKS):
        for chain in chains if number % 2 else chains[::-1]:
            chain.execute(number)
    gc.enable()
    gc.unfreeze()
    cheap, dear = (chain.compute_costs() for chain in chains)
    ratios = {kind: dear[kind] / cheap[kind] for kind in _KINDS}
    worst = max(ratios["plain"], ratios["epoch"])
    us = {
        str(count): {kind: cost * 1e6 for kind, cost in costs.items()}
        for count, costs in ((few, cheap), (many, dear))
    }
    return Measurement(worst, 1.0, {"ratios": ratios, "us_per_block": us})


class _Chain:
    """A chain with so many delegators, and what its blocks took."""

    def __init__(self, delegators: int) -> None:
        self._owners = [owner.address for owner in make_owners(_ACTIVE)]
        records = sorted(_make_records(self._owners, delegators).items())
        self._state = load_state(CHAIN_ID, records)
        self._diff_hash = bytes(32)
        self._seconds: defaultdict[str, list[float]] = defaultdict(list)
        """Of the processor, by kind of block."""

    def execute(self, number: int) -> None:
        """Do the block with a number, and count it unless it is of the first epoch."""
        state = self._state
        block = _make_block(state, self._owners, number)
        begun = time.process_time()
        result = apply_block(state, block)
        self._diff_hash = compute_diff_hash(self._diff_hash, result.changes.iterate_diff())
        store_changes(state, result.changes)
        state.commit()
        used = time.process_time() - begun
        if any(tx.code for tx in result.results):
            raise MeasurementFailed(f"refused: {[tx.code for tx in result.results if tx.code][:5]}")
        ends = block.height % _EPOCH_BLOCKS == 0
        kind = "slash" if block.offences else "epoch" if ends else "plain"
        if number >= _EPOCH_BLOCKS:
            self._seconds[kind].append(used)

    def compute_costs(self) -> dict[str, float]:
        """Return the processor seconds of the median block of each kind."""
        return {kind: statistics.median(self._seconds[kind]) for kind in _KINDS}


def _make_block(state: WorkingState, owners: Sequence[Address], number: int) -> Block:
    """Return the next block: the same whatever the number of delegators is."""
    height, time_ms = state.height + 1, TIME_MS + number * 1_000
    targets = [_get_validator(place) for place in range(_VALIDATORS)]
    txs = []
    for place, owner in enumerate(owners):
        validator, other = (targets[(place + step) % _ACTIVE_TARGETS] for step in (0, 1))
        legs: tuple[Message, ...] = (Delegate(validator, 5_000), Undelegate(validator, 1_000))
        if place % 3 == 1:
            value = compute_value(200 + (place + number) % 20)
            legs = (SetVote(validator, COST, value), Delegate(validator, 10))
            if number and number % _EPOCH_BLOCKS == 0:
                legs = (ClaimRewards(validator), *legs)
        elif place % 3 == 2:  # noqa: PLR2004 - of three
            legs = (Redelegate(validator, other, 1_000), Transfer(owners[0], FEE_TOKEN, 5, 0, 1))
        body = TxBody(
            CHAIN_ID, owner, time_ms + place, 0, 0, 0, atomic=False, max_unit_price=2**63, legs=legs
        )
        txs.append(_leave_unsigned(body))
    told = [each for each in state.validators.values() if each.told_power]
    votes = tuple([Vote(compute_address(each.public_key), signed=True) for each in told])
    offences = _find_offences(state, targets, number)
    ordered = tuple(compute_order(state.block_hash, txs))
    return Block(height, time_ms, height.to_bytes(32, "big"), ordered, votes, offences)


def _find_offences(
    state: WorkingState, targets: Sequence[Address], number: int
) -> tuple[Offence, ...]:
    """Return evidence in the second block of an epoch, against another validator each time."""
    place = _VALIDATORS - number // _EPOCH_BLOCKS
    if number % _EPOCH_BLOCKS != 1 or not _ACTIVE_TARGETS <= place < _VALIDATORS:
        return ()
    guilty = state.validators[targets[place]]
    return (Offence(compute_address(guilty.public_key), state.height),)


def _leave_unsigned(body: TxBody) -> SignedTx:
    """Return a transaction as it is after admission; nobody will look at its signature."""
    raw = encode_envelope(encode_body(body), body.owner, Scheme.TYPED, bytes(65))
    return make_signed_tx(raw, hashlib.sha256(raw).digest(), body.owner, Scheme.TYPED, body)


# --- the two states -----------------------------------------------------------------------------


def _make_records(owners: Sequence[Address], delegators: int) -> Records:
    """Return the records of a chain on which so many have delegated besides the owners."""
    document = make_document(make_owners(_ACTIVE), TIME_MS) | {
        "staking": _make_staking(),
        "fees": {"epoch_blocks": _EPOCH_BLOCKS, "cost": "2000000", "price_min": 1, "price_max": 9},
    }
    records = dict(build_genesis(CHAIN_ID, document)[0])
    shares: defaultdict[Address, int] = defaultdict(int)
    tallies: defaultdict[bytes, int] = defaultdict(int)
    for number in range(len(owners) + delegators):
        is_active = number < len(owners)
        who = owners[number] if is_active else _make_address(number)
        validator = _get_validator(number % (_ACTIVE_TARGETS if is_active else _VALIDATORS))
        shares[validator] += _SHARES
        key = schema.compute_delegation_key(who, validator)
        records[key] = DelegationRecord(_SHARES, 0, 0).encode()
        if not is_active:
            records[schema.compute_balance_key(who, 0, FEE_TOKEN)] = BalanceRecord(5, 0).encode()
            if number % 2:
                _add_votes(records, tallies, who, validator, number)
    for key, voted in tallies.items():
        records[key] = TallyRecord(voted).encode()
    for validator, added in shares.items():
        key = schema.compute_validator_key(validator)
        old = ValidatorRecord.decode(records[key])
        new = old._replace(tokens=old.tokens + added, shares=old.shares + added)
        records[key] = new.encode()
    return records


def _add_votes(
    records: Records, tallies: dict[bytes, int], who: Address, validator: Address, number: int
) -> None:
    """Let a delegator vote on two numbers, somewhere on the grid."""
    steps = []
    for parameter in (COST, MARKET_BOND):
        top = compute_step(PARAMETERS[parameter].highest) or 0
        step = number * 7 % top
        steps.append((parameter, step))
        tallies[schema.compute_tally_key(validator, parameter, step)] += _SHARES
    records[schema.compute_votes_key(who, validator)] = VotesRecord(tuple(steps)).encode()


def _make_staking() -> dict[str, object]:
    return {
        "unbonding_ms": 86_400_000,
        "checkpoint_blocks": _EPOCH_BLOCKS,
        "evidence_blocks": 1_000,
        "power_unit": "1000000000",
        "self_bond_min": "1",
        "window_blocks": 1_000,
        "signed_min_blocks": 500,
        "jail_ms": 600_000,
        "downtime_bp": 1,
        "equivocation_bp": 500,
        "validators": [
            {
                "owner": f"0x{_get_validator(place).hex()}",
                "public_key": "0x" + _get_key(place).hex(),
                "moniker": f"validator {place}",
                "self_bond": str(_BOND),
            }
            for place in range(_VALIDATORS)
        ],
    }


def _get_key(place: int) -> bytes:
    """Return a validator's consensus key, the same each time."""
    return make_ethereum_key(_SEED, f"consensus {place}").public_key


def _get_validator(place: int) -> Address:
    """Return a validator's owner, the same each time."""
    return make_ethereum_key(_SEED, f"validator {place}").address


def _make_address(number: int) -> Address:
    return hashlib.sha256(_SEED + number.to_bytes(8, "big")).digest()[:20]
