"""Shares and tokens, rounded against the one who chose the amount (docs/spec/staking.md#shares)."""

from omg_abci.protocol import errors, limits
from omg_abci.protocol.units import Address, Amount, Height
from omg_abci.state.stake_records import StakingRecord, ValidatorRecord
from omg_abci.state.working import WorkingState


def require_staking(state: WorkingState) -> StakingRecord:
    """Return what genesis fixed about staking; raise NoStaking."""
    if state.staking is None:
        raise errors.NoStaking
    return state.staking


def require_validator(state: WorkingState, owner: Address) -> ValidatorRecord:
    """Return a validator; raise UnknownValidator."""
    validator = state.validators.get(owner)
    if validator is None:
        raise errors.UnknownValidator(f"0x{owner.hex()}")
    return validator


def compute_new_shares(validator: ValidatorRecord, amount: Amount) -> int:
    """Return the shares that tokens buy; raise ValidatorWorthless, StakeTooSmall."""
    if not validator.shares:
        return amount
    if not validator.tokens:
        raise errors.ValidatorWorthless
    shares = amount * validator.shares // validator.tokens
    if not shares:
        raise errors.StakeTooSmall
    if validator.shares + shares > limits.SHARES_MAX:
        raise errors.ValidatorWorthless
    return shares


def compute_worth(validator: ValidatorRecord, shares: int) -> Amount:
    """Return the tokens that shares can be exchanged for."""
    return shares * validator.tokens // validator.shares if validator.shares else 0


def compute_sold_shares(validator: ValidatorRecord, held: int, amount: Amount) -> int:
    """Return the shares that are given up for tokens, of which the holder has enough.

    All of them, when what is left would be worth nothing.
    """
    sold = -(-amount * validator.shares // validator.tokens)
    return held if not compute_worth(validator, held - sold) else sold


def compute_new_units(amount: int, total: int, units: int) -> int:
    """Return the units that an amount has in a pool of a total; raise StakeTooSmall."""
    if not units:
        return amount
    new = amount * units // total if total else 0
    if not new:
        raise errors.StakeTooSmall
    return new


def compute_cut(amount: int, basis_points: int) -> int:
    """Return what a slash takes of an amount, rounded up."""
    return -(-amount * basis_points // limits.BASIS_POINTS)


def compute_self_bond(state: WorkingState, owner: Address) -> Amount:
    """Return the tokens that a validator's owner has bonded to it."""
    delegation = state.find_delegation(owner, owner)
    return compute_worth(state.validators[owner], delegation.shares) if delegation else 0


def compute_period(staking: StakingRecord, height: Height) -> int:
    """Return the period in which a block lies: the number of the checkpoint that ends it.

    Stake that leaves in a period is in the voting power until the block after that checkpoint.
    """
    return -(-height // staking.checkpoint_blocks)


def compute_first_liable(staking: StakingRecord, height: Height) -> int:
    """Return the first period whose leavers were in the voting power at a height."""
    return max(1, compute_period(staking, height - 1))
