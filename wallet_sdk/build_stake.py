"""Messages of stakers and validators: one function a message, as in `build`."""

from omg_abci.protocol.limits import BASIS_POINTS
from omg_abci.protocol.messages import (
    ClaimRewards,
    CreateValidator,
    Delegate,
    EditValidator,
    Redelegate,
    SetVote,
    Undelegate,
    Unjail,
)
from omg_abci.protocol.units import Address, Amount


def create_validator(
    public_key: bytes,
    moniker: str,
    amount: Amount,
    *,
    self_bond_min: Amount,
    commission_bp: int = 0,
    commission_max_bp: int = BASIS_POINTS,
    commission_step_bp: int = 0,
) -> CreateValidator:
    """Become a validator with a first stake of one's own; raise as `CreateValidator.check`.

    The consensus key is compressed, 33 bytes. Rates are in basis points; without a step the
    commission never changes.
    """
    message = CreateValidator(
        public_key,
        moniker,
        commission_bp,
        commission_max_bp,
        commission_step_bp,
        self_bond_min,
        amount,
    )
    message.check()
    return message


def edit_validator(moniker: str, commission_bp: int, self_bond_min: Amount) -> EditValidator:
    """Change one's own validator; raise as `EditValidator.check`."""
    message = EditValidator(moniker, commission_bp, self_bond_min)
    message.check()
    return message


def unjail() -> Unjail:
    """Let one's own validator come back from jail."""
    return Unjail()


def delegate(validator: Address, amount: Amount) -> Delegate:
    """Bond free tokens to a validator; raise as `Delegate.check`."""
    message = Delegate(validator, amount)
    message.check()
    return message


def undelegate(validator: Address, amount: Amount) -> Undelegate:
    """Take stake back; it is free after the unbonding time; raise as `Undelegate.check`."""
    message = Undelegate(validator, amount)
    message.check()
    return message


def redelegate(source: Address, target: Address, amount: Amount) -> Redelegate:
    """Move stake to another validator at once; raise as `Redelegate.check`."""
    message = Redelegate(source, target, amount)
    message.check()
    return message


def claim_rewards(validator: Address) -> ClaimRewards:
    """Take the rewards of one's stake, and the commission of one's own validator."""
    message = ClaimRewards(validator)
    message.check()
    return message


def set_vote(validator: Address, parameter: int, value: Amount) -> SetVote:
    """Say what a number of the chain should be, 0 for nothing; raise as `SetVote.check`.

    `parameters.compute_step_floor` finds a value of the grid.
    """
    message = SetVote(validator, parameter, value)
    message.check()
    return message
