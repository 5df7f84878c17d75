"""What a transaction's legs ask for, whatever the state: the most work, and an agent's scopes.

Both are found once, where the transaction is decoded, and go with it: admission, the check of a
block and its execution read them there. docs/spec/fees.md and docs/spec/accounts.md.
"""

from typing import Final

from omg_abci.protocol import limits
from omg_abci.protocol.messages import (
    PAY_MESSAGES,
    RECOVER_MESSAGES,
    TRADE_MESSAGES,
    AmendOrder,
    ApproveAgent,
    Burn,
    CancelAll,
    CancelOrder,
    CancelRecovery,
    ChangeMarket,
    ClaimRewards,
    CloseRequest,
    CloseToken,
    CreateMarket,
    CreatePaymentRequest,
    CreateToken,
    CreateValidator,
    Delegate,
    EditValidator,
    FinishRecovery,
    Message,
    Mint,
    Pay,
    PayRequest,
    PlaceOrder,
    Redelegate,
    RevokeAgent,
    SetAllowance,
    SetFeeOffer,
    SetGuardians,
    SetLimits,
    SetRecipients,
    SetSponsorship,
    SetSwitch,
    SetVote,
    SignedTx,
    StartRecovery,
    Transfer,
    TxBody,
    Undelegate,
    Unjail,
    UseFeeOffer,
    UseSponsorship,
)
from omg_abci.protocol.units import ALL_SCOPES, Address, Scope

_TRADE: Final = int(Scope.TRADE)
_OWNER_ONLY: Final = ALL_SCOPES + 1
"""Stands among the scopes of a leg that no agent may sign: nobody has it."""
_SCOPES: Final[dict[type[Message], int]] = {
    **dict.fromkeys(TRADE_MESSAGES, _TRADE),
    **dict.fromkeys(PAY_MESSAGES, int(Scope.PAY)),
    **dict.fromkeys(RECOVER_MESSAGES, int(Scope.RECOVER)),
    UseSponsorship: 0,
}


def make_signed_tx(
    raw: bytes, tx_id: bytes, signer: Address, scheme: int, body: TxBody
) -> SignedTx:
    """Return a transaction with what its legs ask for."""
    return SignedTx(raw, tx_id, signer, scheme, body, *compute_terms(len(raw), body.legs))


def compute_terms(raw_bytes: int, legs: tuple[Message, ...]) -> tuple[int, int]:
    """Return the most work that a transaction can use, and the scopes that its agent must have."""
    work, scopes = compute_tx_work(raw_bytes), 0
    for leg in legs:
        # Most legs are orders and their cancellations, and a call takes as long as all the rest.
        if type(leg) is PlaceOrder:
            work += limits.WORK_PLACE + leg.max_matches * limits.WORK_MATCH
            scopes |= _TRADE
        elif type(leg) is CancelOrder:
            work += limits.WORK_CANCEL
            scopes |= _TRADE
        else:
            work += compute_leg_work(leg)
            scopes |= get_scopes(leg)
    return work, scopes


def get_scopes(leg: Message) -> int:
    """Return the scopes that an agent must have to sign a leg."""
    return _SCOPES.get(type(leg), _OWNER_ONLY)


def compute_tx_work(raw_bytes: int) -> int:
    """Return the work of a transaction without its legs."""
    return limits.WORK_TX + ((raw_bytes + 15) >> 4) * limits.WORK_PER_16_BYTES


def compute_leg_work(leg: Message) -> int:
    """Return the most work that a leg can use."""
    match leg:
        case PlaceOrder():
            return limits.WORK_PLACE + leg.max_matches * limits.WORK_MATCH
        case CancelOrder():
            return limits.WORK_CANCEL
        case AmendOrder():
            return limits.WORK_AMEND + leg.max_matches * limits.WORK_MATCH
        case Transfer():
            return limits.WORK_TRANSFER
        case CancelAll():
            return limits.WORK_CANCEL_ALL + leg.max_orders * limits.WORK_CANCELLED_ORDER
        case ApproveAgent() | RevokeAgent():
            return limits.WORK_AGENT
        case SetSwitch():
            return limits.WORK_SWITCH
        case CreateMarket() | ChangeMarket():
            return limits.WORK_MARKET
        case CreateToken():
            return limits.WORK_TOKEN
        case Mint() | Burn():
            return limits.WORK_SUPPLY
        case CloseToken():
            return limits.WORK_CLOSE_TOKEN
        case Pay():
            return limits.WORK_PAY
        case SetAllowance():
            return limits.WORK_ALLOWANCE
        case CreatePaymentRequest() | CloseRequest():
            return limits.WORK_REQUEST
        case SetLimits() | SetRecipients():
            return limits.WORK_LIMITS
        case SetGuardians() | StartRecovery() | CancelRecovery():
            return limits.WORK_RECOVERY
        case FinishRecovery():
            return limits.WORK_FINISH_RECOVERY
        case SetSponsorship() | SetFeeOffer():
            return limits.WORK_SPONSORSHIP
        case UseSponsorship():
            return limits.WORK_SPONSORED
        case UseFeeOffer():
            return limits.WORK_FEE_SWAP
        case PayRequest():
            return limits.WORK_PAY + limits.WORK_REQUEST
        case CreateValidator() | EditValidator() | Unjail():
            return limits.WORK_VALIDATOR
        case Delegate() | Undelegate() | Redelegate() | ClaimRewards() | SetVote():
            return limits.WORK_STAKE
