"""The legs about stake: validators, delegations, rewards. The owner's own key signs them.

Everything is imported from `omg_abci.protocol.messages`.
"""

from typing import Final, NamedTuple

from omg_abci.protocol import errors, limits
from omg_abci.protocol.crypto import is_public_key
from omg_abci.protocol.parameters import PARAMETERS, compute_step
from omg_abci.protocol.units import ADDRESS_BYTES, ZERO_ADDRESS, Address, Amount

_PUBLIC_KEY_BYTES: Final = 33


def _require_validator(address: Address) -> None:
    if len(address) != ADDRESS_BYTES or address == ZERO_ADDRESS:
        raise errors.BadAddress(address.hex())


def _require_amount(amount: Amount) -> None:
    if not 1 <= amount <= limits.AMOUNT_MAX:
        raise errors.BadAmount


def _require_moniker(moniker: str) -> None:
    size = len(moniker.encode())
    if not (1 <= size <= limits.MONIKER_BYTES_MAX and moniker.isprintable()):
        raise errors.BadMoniker


class CreateValidator(NamedTuple):
    """Become a validator: name a consensus key and bond the first stake."""

    public_key: bytes
    """Of the key that signs blocks: secp256k1, compressed, 33 bytes."""
    moniker: str
    commission_bp: int
    """Part of the rewards that the validator keeps before its delegators share them."""
    commission_max_bp: int
    """The commission never becomes more than this."""
    commission_step_bp: int
    """It changes at most this much at a time, at most once a day."""
    self_bond_min: Amount
    """With less of its owner's stake the validator is not in the set; it can only be raised."""
    amount: Amount

    def check(self) -> None:
        """Raise BadPublicKey, BadMoniker, BadCommission, BadAmount."""
        if len(self.public_key) != _PUBLIC_KEY_BYTES or not is_public_key(self.public_key):
            raise errors.BadPublicKey
        _require_moniker(self.moniker)
        if not self.commission_bp <= self.commission_max_bp <= limits.BASIS_POINTS:
            raise errors.BadCommission
        if self.commission_step_bp > self.commission_max_bp:
            raise errors.BadCommission
        _require_amount(self.self_bond_min)
        _require_amount(self.amount)


class EditValidator(NamedTuple):
    """Give one's validator another name, commission or self-bond minimum; all three are said."""

    moniker: str
    commission_bp: int
    self_bond_min: Amount

    def check(self) -> None:
        """Raise BadMoniker, BadCommission, BadAmount."""
        _require_moniker(self.moniker)
        if self.commission_bp > limits.BASIS_POINTS:
            raise errors.BadCommission
        _require_amount(self.self_bond_min)


class Unjail(NamedTuple):
    """Let one's validator come back after it was jailed for being away."""

    def check(self) -> None:
        """Accept: there is nothing to say."""


class Delegate(NamedTuple):
    """Bond free tokens to a validator."""

    validator: Address
    """Its owner's address."""
    amount: Amount

    def check(self) -> None:
        """Raise BadAddress, BadAmount."""
        _require_validator(self.validator)
        _require_amount(self.amount)


class Undelegate(NamedTuple):
    """Take stake back from a validator; it is free after the unbonding time."""

    validator: Address
    amount: Amount

    def check(self) -> None:
        """Raise BadAddress, BadAmount."""
        _require_validator(self.validator)
        _require_amount(self.amount)


class Redelegate(NamedTuple):
    """Move stake to another validator at once; it stays there for the unbonding time."""

    source: Address
    target: Address
    amount: Amount

    def check(self) -> None:
        """Raise BadAddress, SameValidator, BadAmount."""
        _require_validator(self.source)
        _require_validator(self.target)
        if self.source == self.target:
            raise errors.SameValidator
        _require_amount(self.amount)


class ClaimRewards(NamedTuple):
    """Take the rewards of one's stake with a validator, and the commission of one's own."""

    validator: Address

    def check(self) -> None:
        """Raise BadAddress."""
        _require_validator(self.validator)


class SetVote(NamedTuple):
    """Say once, until it is said anew, what a number of the chain should be.

    A validator's owner speaks for all of its stake, but for that whose holders speak themselves.
    """

    validator: Address
    """With whom the stake is that votes."""
    parameter: int
    """One of `parameters.PARAMETERS`."""
    value: Amount
    """A step of the grid; 0 withdraws the vote."""

    def check(self) -> None:
        """Raise BadAddress, BadParameter, BadVote."""
        _require_validator(self.validator)
        bounds = PARAMETERS.get(self.parameter)
        if bounds is None:
            raise errors.BadParameter
        if not self.value:
            return
        if not bounds.lowest <= self.value <= bounds.highest or compute_step(self.value) is None:
            raise errors.BadVote


StakingMessage = (
    CreateValidator
    | EditValidator
    | Unjail
    | Delegate
    | Undelegate
    | Redelegate
    | ClaimRewards
    | SetVote
)
"""Every leg about stake."""
STAKING_MESSAGES: Final = (
    CreateValidator,
    EditValidator,
    Unjail,
    Delegate,
    Undelegate,
    Redelegate,
    ClaimRewards,
    SetVote,
)
