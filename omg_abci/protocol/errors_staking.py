"""Refusals of legs about stake, codes 3000 – 3099.

Everything is imported from `omg_abci.protocol.errors`.
"""

from omg_abci.protocol.errors_tree import LegError


class NoStaking(LegError):
    code, text = 3000, "the chain has no staking"


class UnknownValidator(LegError):
    code, text = 3001, "there is no such validator"


class ValidatorExists(LegError):
    code, text = 3002, "the owner has a validator already"


class PublicKeyUsed(LegError):
    code, text = 3003, "the consensus key is or was another validator's"


class TooManyValidators(LegError):
    code, text = 3004, "there are as many validators as allowed"


class SelfBondMinTooLow(LegError):
    code, text = 3005, "self-bond minimum is below the chain's, or below what it was"


class SelfBondTooSmall(LegError):
    code, text = 3006, "the owner's own stake is below the self-bond minimum"


class ValidatorTombstoned(LegError):
    code, text = 3007, "the validator signed two blocks of one height and is out for ever"


class NotJailed(LegError):
    code, text = 3008, "the validator is not jailed"


class StillJailed(LegError):
    code, text = 3009, "the validator's jail time is not over"


class CommissionAboveMaximum(LegError):
    code, text = 3010, "commission is above the validator's maximum"


class CommissionStepTooLarge(LegError):
    code, text = 3011, "commission changes by more than the validator's step"


class CommissionTooSoon(LegError):
    code, text = 3012, "commission was changed less than a day ago"


class StakeTooSmall(LegError):
    code, text = 3013, "amount is too small to be worth a share"


class ValidatorWorthless(LegError):
    code, text = 3014, "slashes left the validator's shares worth too little to add to them"


class NoDelegation(LegError):
    code, text = 3015, "the owner has no stake with the validator"


class StakeNotCovered(LegError):
    code, text = 3016, "amount is more than the owner's stake with the validator"


class StakeImmature(LegError):
    code, text = 3017, "stake that was moved to the validator may not leave until it is mature"


class NothingToClaim(LegError):
    code, text = 3018, "there are no rewards to claim"


class FeesFixed(LegError):
    code, text = 3019, "the chain's fees are fixed: there is nothing to vote on"
