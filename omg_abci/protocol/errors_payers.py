"""Refusals of those who pay the fees of others, and of those who let them.

Everything is imported from `omg_abci.protocol.errors`.
"""

from omg_abci.protocol.errors_tree import LegError, TransientError

# --- legs -------------------------------------------------------------------------------------


class SponsorshipExpiryOutOfRange(LegError):
    code, text = 4009, "sponsorship would end in the past or more than a year ahead"


class UnknownSponsorship(LegError):
    code, text = 4010, "owner sponsors no such customer"


class FeeTokenOffered(LegError):
    code, text = 4014, "a fee offer takes another token than the fee token"


class FeeOfferExpiryOutOfRange(LegError):
    code, text = 4015, "fee offer would end in the past or more than a year ahead"


class UnknownFeeOffer(LegError):
    code, text = 4016, "owner makes no fee offer for that token"


# --- transient --------------------------------------------------------------------------------


class NotSponsored(TransientError):
    code, text = 32_040, "the sponsor has granted nothing to the owner, or its grant has expired"


class SponsorshipExhausted(TransientError):
    code, text = 32_041, "what the sponsor granted does not cover the fee"


class SponsorWithoutFunds(TransientError):
    code, text = 32_042, "the sponsor's free balance does not cover the fee"


class SponsorBusy(TransientError):
    code, text = 32_043, "the sponsor's balance or grant pays for others in this block; try later"


class FeeNotOffered(TransientError):
    code, text = 32_044, "the provider pays no fees for that token, or its offer has expired"


class FeeOfferTooDear(TransientError):
    code, text = 32_045, "the fee offer asks more of the token than max_amount"


class FeeOfferExhausted(TransientError):
    code, text = 32_046, "what is left of the fee offer does not cover the fee"


class ProviderWithoutFunds(TransientError):
    code, text = 32_047, "the provider's free balance does not cover the fee"


class FeeTokensNotCovered(TransientError):
    code, text = 32_048, "free balance does not cover what the fee offer asks of the token"


class FeeOfferLimited(TransientError):
    code, text = 32_049, "the owner's account limits what it pays of the token in a day"


class ProviderNotAllowed(TransientError):
    code, text = 32_050, "the owner's account does not pay the provider, or not yet"


class FeeOfferBusy(TransientError):
    code, text = 32_051, "the provider's balance or offer pays for others in this block; try later"
