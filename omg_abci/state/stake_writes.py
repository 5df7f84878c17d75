"""Reads and writes of what is remembered about stake.

Records are values: each write puts one in the place of another, and notes the one before.
"""

from heapq import heappush
from typing import Final

from omg_abci.protocol.errors import InvariantBroken, require
from omg_abci.protocol.units import Address, Amount
from omg_abci.state import schema
from omg_abci.state.fee_records import FeeRecord
from omg_abci.state.journal import put
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
from omg_abci.state.tables import Tables

_POOLS: Final = (schema.UNBONDING_POOL, schema.MOVING_POOL)
_NOT_MISSED: Final = SigningRecord(0)


class StakeWrites(Tables):
    """Every write leaves its inverse in the journal."""

    __slots__ = ()

    # --- reads ---

    def find_owner(self, consensus: Address) -> Address | None:
        """Return whose a consensus key is or was, by its address."""
        record: ConsensusRecord | None = self.stake.get(schema.CONSENSUS + consensus)
        return None if record is None else record.owner

    def get_missed(self, owner: Address) -> int:
        """Return the bits of the window's blocks that a validator missed."""
        record: SigningRecord = self.stake.get(schema.SIGNING + owner, _NOT_MISSED)
        return record.missed

    def find_delegation(self, delegator: Address, validator: Address) -> DelegationRecord | None:
        """Return what a delegator holds of a validator."""
        record: DelegationRecord | None = self.stake.get(
            schema.compute_delegation_key(delegator, validator)
        )
        return record

    def find_unbonding_pool(self, validator: Address, period: int) -> UnbondingPoolRecord | None:
        """Return what left a validator in a period."""
        record: UnbondingPoolRecord | None = self.stake.get(
            schema.compute_unbonding_pool_key(validator, period)
        )
        return record

    def find_moving_pool(
        self, source: Address, target: Address, period: int
    ) -> MovingPoolRecord | None:
        """Return what moved from one validator to another in a period."""
        record: MovingPoolRecord | None = self.stake.get(
            schema.compute_moving_pool_key(source, target, period)
        )
        return record

    def list_pools(self, validator: Address) -> list[bytes]:
        """Return the keys of all pools of what left a validator, ascending."""
        return sorted(self.stake_pools.get(validator, {}))

    def has_pools(self, validator: Address) -> bool:
        """Tell whether anything that left a validator, or moved to it, is not mature."""
        return bool(self.stake_pools.get(validator) or self.stake_arrivals.get(validator))

    def find_unbonding(self, key: bytes) -> UnbondingRecord | None:
        """Return a delegator's part of what left, by its key."""
        record: UnbondingRecord | None = self.stake.get(key)
        return record

    def find_moving(self, key: bytes) -> MovingRecord | None:
        """Return a delegator's part of what moved, by its key."""
        record: MovingRecord | None = self.stake.get(key)
        return record

    # --- writes ---

    def set_staking(self, *, rewards: Amount = 0, slashed: Amount = 0) -> None:
        """Add to the pots of the staking record."""
        staking = self.staking
        if staking is None:
            raise InvariantBroken("pots are written where there is staking")
        self._note(schema.STAKING, staking)
        self._journal.append((self._restore_staking, staking))
        self.staking = staking._replace(
            rewards=staking.rewards + rewards, slashed=staking.slashed + slashed
        )
        require(self.staking.rewards >= 0, "no more rewards are paid than there are")

    def set_terms(self, staking: StakingRecord) -> None:
        """Write the staking record with other terms."""
        self._note(schema.STAKING, self.staking)
        self._journal.append((self._restore_staking, self.staking))
        self.staking = staking

    def set_validator(self, owner: Address, record: ValidatorRecord | None) -> None:
        """Write a validator, or delete it with None."""
        old = self.validators.get(owner)
        self._note(schema.VALIDATOR + owner, old)
        self._journal.append((put, self.validators, owner, old))
        put(self.validators, owner, record)

    def set_stake(self, key: bytes, record: StakeRecord | FeeRecord | None) -> None:
        """Write any other record about stake or fees by its key, or delete it with None."""
        old = self.stake.get(key)
        self._note(key, old)
        self._journal.append((put, self.stake, key, old))
        put(self.stake, key, record)
        if key[:1] in _POOLS and (old is None or record is None):
            self._list_pool(self.stake_pools, key[1:21], key, listed=record is not None)
            if key[:1] == schema.MOVING_POOL:
                self._list_pool(self.stake_arrivals, key[21:41], key, listed=record is not None)
        if isinstance(record, UnbondingRecord | MovingRecord):
            self._pushed += 1
            heappush(self.stake_maturities, (record.mature_ms, key))

    def _list_pool(
        self,
        lists: dict[Address, dict[bytes, bool]],
        validator: Address,
        key: bytes,
        *,
        listed: bool,
    ) -> None:
        """Put a pool that comes on a validator's list, or take one that goes off it."""
        pools = lists.setdefault(validator, {})
        self._journal.append((put, pools, key, None if listed else True))
        put(pools, key, True if listed else None)

    def _note(self, key: bytes, old: StakeRecord | FeeRecord | None) -> None:
        if key not in self.dirty_stake:
            self.dirty_stake[key] = old

    def _restore_staking(self, staking: StakingRecord | None) -> None:
        self.staking = staking
