"""What a block does: read this first.

`check_block` says whether a block is valid on the committed state, `apply_block` executes it:
functions of the state and the block, without clock, randomness or I/O. docs/spec/blocks.md.
"""

from collections.abc import Callable
from operator import itemgetter
from typing import Any, Final, NamedTuple

from omg_abci.protocol import errors, limits
from omg_abci.protocol.consensus import Offence, ValidatorUpdate, Vote
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
    PayerMessage,
    PayRequest,
    PlaceOrder,
    RecoveryMessage,
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
    StakingMessage,
    StartRecovery,
    Transfer,
    TxBody,
    Undelegate,
    Unjail,
    UseFeeOffer,
    UseSponsorship,
)
from omg_abci.protocol.results import Event, LegResult, TxResult
from omg_abci.protocol.terms import compute_tx_work
from omg_abci.protocol.units import Address, Hash, Height, Millis
from omg_abci.rules.accounts import (
    process_approve_agent,
    process_revoke_agent,
    process_set_allowance,
    process_transfer,
)
from omg_abci.rules.admission import BlockBudget
from omg_abci.rules.amendments import process_amend_order
from omg_abci.rules.cancels import process_cancel_all, process_cancel_order, process_set_switch
from omg_abci.rules.checkpoints import begin_staking, end_staking
from omg_abci.rules.context import LegContext
from omg_abci.rules.epochs import end_fees, settle_payer
from omg_abci.rules.exchange import process_place_order
from omg_abci.rules.fee_offers import process_set_fee_offer, process_use_fee_offer
from omg_abci.rules.markets import process_change_market, process_create_market
from omg_abci.rules.mass_work import work_end, work_start
from omg_abci.rules.ordering import compute_order
from omg_abci.rules.payers import reserve_payment, settle_payment
from omg_abci.rules.payments import process_pay
from omg_abci.rules.recovery import (
    process_cancel_recovery,
    process_finish_recovery,
    process_set_guardians,
    process_start_recovery,
    require_other_key,
)
from omg_abci.rules.requests import (
    process_close_request,
    process_create_payment_request,
    process_pay_request,
)
from omg_abci.rules.spending import process_set_limits, process_set_recipients
from omg_abci.rules.sponsorship import process_set_sponsorship, process_use_sponsorship
from omg_abci.rules.staking import (
    process_claim_rewards,
    process_delegate,
    process_redelegate,
    process_undelegate,
)
from omg_abci.rules.tokens import (
    process_burn,
    process_close_token,
    process_create_token,
    process_mint,
)
from omg_abci.rules.validators import (
    process_create_validator,
    process_edit_validator,
    process_unjail,
)
from omg_abci.rules.votes import process_set_vote
from omg_abci.state.diff import Changes, compute_changes
from omg_abci.state.working import WorkingState

_MOST_LEGS: Final[dict[type[Message], Callable[[WorkingState, LegContext, Any], LegResult]]] = {
    PlaceOrder: process_place_order,
    CancelOrder: process_cancel_order,
}
_get_code: Final = itemgetter(0)
_new_result: Final[Callable[..., TxResult]] = tuple.__new__
"""Past the named tuple's own constructor: half the time."""


class Block(NamedTuple):
    """What consensus decides on."""

    height: Height
    time_ms: Millis
    block_hash: Hash
    txs: tuple[SignedTx, ...]
    votes: tuple[Vote, ...] = ()
    """Who signed the block before."""
    offences: tuple[Offence, ...] = ()
    """Evidence that the block carries."""


class BlockResult(NamedTuple):
    """What executing a block did."""

    results: tuple[TxResult, ...]
    events: tuple[Event, ...]
    """What it did outside of its transactions, in order."""
    changes: Changes
    validator_updates: tuple[ValidatorUpdate, ...] = ()
    """What changes in the set of those who sign, two blocks later."""


def check_block(state: WorkingState, block: Block) -> None:
    """Raise `BlockInvalid` unless the block may follow the committed state."""
    if block.height != state.height + 1:
        message = f"height {block.height} does not follow {state.height}"
        raise errors.BlockInvalid(message)
    budget = BlockBudget(state, block.height, block.time_ms, limits.BLOCK_BYTES_MAX)
    for place, tx in enumerate(block.txs):
        try:
            budget.add(tx)
        except (errors.TxError, errors.BlockFull) as reason:
            message = f"transaction {place} may not be in the block: {reason}"
            raise errors.BlockInvalid(message) from reason
    ordered = compute_order(state.block_hash, block.txs)
    for place, (found, expected) in enumerate(zip(block.txs, ordered, strict=True)):
        if found.raw != expected.raw:
            message = f"transaction {place} does not stand in the canonical order"
            raise errors.BlockInvalid(message)


def apply_block(state: WorkingState, block: Block) -> BlockResult:
    """Execute a valid block on the committed state, which the caller then commits or rolls back.

    Raise `InvariantBroken` where the block was not valid or the rules contradict themselves.
    """
    state.begin_block(block.height, block.time_ms, block.block_hash)
    _open_post_only_period(state)
    begin_staking(state, block.votes, block.offences)
    work_start(state)
    _reserve_fees(state, block.txs)
    results = [_process_tx(state, tx) for tx in block.txs]
    work_end(state)
    end_fees(state, block.txs, results)
    updates = end_staking(state)
    return BlockResult(tuple(results), tuple(state.events), compute_changes(state), updates)


def _open_post_only_period(state: WorkingState) -> None:
    """Let makers come first when the chain stood still before this block."""
    before_ms = state.previous_time_ms
    if before_ms and state.time_ms > before_ms + limits.CHAIN_HALT_MS:
        state.set_post_only_until(state.time_ms + limits.POST_ONLY_MS)


def _reserve_fees(state: WorkingState, txs: tuple[SignedTx, ...]) -> None:
    """Take what each payer's transactions can cost at most out of its free balance."""
    by_payer: dict[Address, int] = {}
    for tx in txs:
        body, work = tx.body, tx.work
        payer = body.owner
        if type(body.legs[0]) in PAYER_LEGS:
            payer = body.payer
            reserve_payment(state, body, work * state.unit_price)
        by_payer[payer] = by_payer.get(payer, 0) + work
    for payer, work in by_payer.items():
        account = state.get_account(payer)
        settle_payer(state, account)
        balance = state.get_own(account, 0, state.fee_token)
        state.change_balance(balance, -work * state.unit_price, 0)


def _process_tx(state: WorkingState, tx: SignedTx) -> TxResult:
    """Use the nonce, do the legs, settle the fee."""
    raw, _, signer, _, body, declared, _ = tx
    owner, price = body.owner, state.unit_price
    account = state.accounts.get(owner) or state.get_account(owner)
    signing, agent = account, None
    if signer != owner:
        agent = None if signer == account.key else signer
        signing = state.accounts.get(signer) or state.get_account(signer)
    state.use_nonce(signing, body.nonce)
    until_ms = body.valid_until_ms or body.nonce + limits.NONCE_AGE_MAX_MS
    ctx = LegContext(account, until_ms, agent)
    legs = _process_legs(state, ctx, tx)
    work = compute_tx_work(len(raw)) + ctx.work
    if work > declared:
        raise errors.InvariantBroken("a transaction uses no more work than it declared")
    fee = work * price
    state.fee_pool += fee
    if type(body.legs[0]) in PAYER_LEGS:
        balance = settle_payment(state, body, declared * price, fee)
    else:
        balance = state.get_own(account, 0, state.fee_token)
    state.change_balance(balance, declared * price - fee, 0)
    code = _compute_code(body, legs) if any(map(_get_code, legs)) else 0
    return _new_result(TxResult, (code, legs, work, fee))


def _compute_code(body: TxBody, legs: tuple[LegResult, ...]) -> int:
    """Return the first failed leg's code when the legs are atomic or all of them failed, else 0."""
    failed = [leg.code for leg in legs if leg.code not in (0, errors.LegsRolledBack.code)]
    fails = failed and (body.atomic or len(failed) == len(legs))
    return failed[0] if fails else 0


def _process_legs(state: WorkingState, ctx: LegContext, tx: SignedTx) -> tuple[LegResult, ...]:
    body = tx.body
    if tx.signer != body.owner:
        try:
            require_other_key(ctx.account, tx, state.time_ms)
        except errors.TxError:
            return (LegResult(code=errors.AgentRevoked.code),) * len(body.legs)
    elif ctx.account.key != tx.signer:
        return (LegResult(code=errors.KeyReplacedBefore.code),) * len(body.legs)
    done: list[LegResult] = []
    if not body.atomic:
        for leg in body.legs:
            # Rules write nothing before their last check: a refusal becomes its code. What most
            # legs are is looked up first, past the match below and its call.
            process = _MOST_LEGS.get(type(leg), process_leg)
            try:
                done.append(process(state, ctx, leg))
            except errors.LegError as refusal:
                done.append(LegResult(code=refusal.code))
        return tuple(done)
    savepoint = state.open_savepoint()
    for leg in body.legs:
        try:
            result = process_leg(state, ctx, leg)
        except errors.LegError as refusal:
            result = LegResult(code=refusal.code)
        done.append(result)
        if result.code:
            state.rollback_to(savepoint)
            failed = LegResult(code=result.code)
            undone = LegResult(code=errors.LegsRolledBack.code)
            places = range(len(body.legs))
            return tuple([failed if place == len(done) - 1 else undone for place in places])
    return tuple(done)


def process_leg(state: WorkingState, ctx: LegContext, msg: Message) -> LegResult:
    """Hand a message to its rule; raise its `LegError`."""
    match msg:
        case PlaceOrder():
            return process_place_order(state, ctx, msg)
        case CancelOrder():
            return process_cancel_order(state, ctx, msg)
        case AmendOrder():
            return process_amend_order(state, ctx, msg)
        case CancelAll():
            return process_cancel_all(state, ctx, msg)
        case Transfer():
            return process_transfer(state, ctx, msg)
        case ApproveAgent():
            return process_approve_agent(state, ctx, msg)
        case RevokeAgent():
            return process_revoke_agent(state, ctx, msg)
        case SetSwitch():
            return process_set_switch(state, ctx, msg)
        case CreateMarket():
            return process_create_market(state, ctx, msg)
        case ChangeMarket():
            return process_change_market(state, ctx, msg)
        case CreateToken():
            return process_create_token(state, ctx, msg)
        case Mint():
            return process_mint(state, ctx, msg)
        case Burn():
            return process_burn(state, ctx, msg)
        case CloseToken():
            return process_close_token(state, ctx, msg)
        case Pay():
            return process_pay(state, ctx, msg)
        case SetAllowance():
            return process_set_allowance(state, ctx, msg)
        case SetLimits():
            return process_set_limits(state, ctx, msg)
        case CreatePaymentRequest():
            return process_create_payment_request(state, ctx, msg)
        case PayRequest():
            return process_pay_request(state, ctx, msg)
        case CloseRequest():
            return process_close_request(state, ctx, msg)
        case _:
            return _process_payer_leg(state, ctx, msg)


def _process_payer_leg(
    state: WorkingState,
    ctx: LegContext,
    msg: PayerMessage | RecoveryMessage | SetRecipients | StakingMessage,
) -> LegResult:
    match msg:
        case SetSponsorship():
            return process_set_sponsorship(state, ctx, msg)
        case UseSponsorship():
            return process_use_sponsorship(state, ctx, msg)
        case SetFeeOffer():
            return process_set_fee_offer(state, ctx, msg)
        case UseFeeOffer():
            return process_use_fee_offer(state, ctx, msg)
        case _:
            return _process_safety_leg(state, ctx, msg)


def _process_safety_leg(
    state: WorkingState, ctx: LegContext, msg: RecoveryMessage | SetRecipients | StakingMessage
) -> LegResult:
    match msg:
        case SetRecipients():
            return process_set_recipients(state, ctx, msg)
        case SetGuardians():
            return process_set_guardians(state, ctx, msg)
        case StartRecovery():
            return process_start_recovery(state, ctx, msg)
        case CancelRecovery():
            return process_cancel_recovery(state, ctx, msg)
        case FinishRecovery():
            return process_finish_recovery(state, ctx, msg)
        case _:
            return _process_staking_leg(state, ctx, msg)


def _process_staking_leg(state: WorkingState, ctx: LegContext, msg: StakingMessage) -> LegResult:
    match msg:
        case CreateValidator():
            return process_create_validator(state, ctx, msg)
        case EditValidator():
            return process_edit_validator(state, ctx, msg)
        case Unjail():
            return process_unjail(state, ctx, msg)
        case Delegate():
            return process_delegate(state, ctx, msg)
        case Undelegate():
            return process_undelegate(state, ctx, msg)
        case Redelegate():
            return process_redelegate(state, ctx, msg)
        case ClaimRewards():
            return process_claim_rewards(state, ctx, msg)
        case SetVote():
            return process_set_vote(state, ctx, msg)
