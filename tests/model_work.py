"""Work of transactions written the plainest way, see docs/spec/fees.md."""

from omg_abci.protocol import limits
from omg_abci.protocol.messages import (
    AmendOrder,
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


def compute_base_work(tx: SignedTx) -> int:
    """Return the work of a transaction without its legs."""
    return limits.WORK_TX + (len(tx.raw) + 15) // 16 * limits.WORK_PER_16_BYTES


def compute_declared_work(tx: SignedTx) -> int:
    """Return the most work that a transaction may use."""
    work = compute_base_work(tx)
    for leg in tx.body.legs:
        match leg:
            case PlaceOrder() | AmendOrder():
                work += compute_used_work(leg, leg.max_matches)
            case CancelAll():
                work += compute_used_work(leg, leg.max_orders)
            case _:
                work += compute_used_work(leg, 0)
    return work


def compute_used_work(leg: Message, steps: int) -> int:
    """Return the work of a leg that took so many steps (CancelAll: cancelled so many)."""
    match leg:
        case Transfer():
            return limits.WORK_TRANSFER
        case PlaceOrder():
            return limits.WORK_PLACE + steps * limits.WORK_MATCH
        case AmendOrder():
            return limits.WORK_AMEND + steps * limits.WORK_MATCH
        case CancelOrder():
            return limits.WORK_CANCEL
        case CancelAll():
            return limits.WORK_CANCEL_ALL + steps * limits.WORK_CANCELLED_ORDER
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
        case _:
            return limits.WORK_AGENT
