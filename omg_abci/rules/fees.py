"""Work and what it costs (docs/spec/fees.md)."""

from omg_abci.protocol import limits
from omg_abci.protocol.messages import (
    PAYER_LEGS,
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
    Undelegate,
    Unjail,
    UseFeeOffer,
    UseSponsorship,
)
from omg_abci.protocol.units import Address


def find_payer(tx: SignedTx) -> Address:
    """Return who pays for a transaction: whom its first leg names, or its owner."""
    first = tx.body.legs[0]
    kind = type(first)
    return PAYER_LEGS[kind](first) if kind in PAYER_LEGS else tx.body.owner


def compute_tx_work(raw_bytes: int) -> int:
    """Return the work of a transaction without its legs."""
    return limits.WORK_TX + ((raw_bytes + 15) >> 4) * limits.WORK_PER_16_BYTES


def compute_declared_work(tx: SignedTx) -> int:
    """Return the most work that the transaction can use."""
    work = limits.WORK_TX + ((len(tx.raw) + 15) >> 4) * limits.WORK_PER_16_BYTES
    for leg in tx.body.legs:
        # Most legs are orders and their cancellations, and a call takes as long as all the rest.
        if type(leg) is PlaceOrder:
            work += limits.WORK_PLACE + leg.max_matches * limits.WORK_MATCH
        elif type(leg) is CancelOrder:
            work += limits.WORK_CANCEL
        else:
            work += compute_leg_work(leg)
    return work


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
