"""Guardians give an account another key (docs/spec/recovery.md)."""

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import (
    CancelRecovery,
    FinishRecovery,
    SetGuardians,
    SignedTx,
    StartRecovery,
)
from omg_abci.protocol.results import LegResult
from omg_abci.protocol.units import Address, Millis, Scheme
from omg_abci.rules.accounts import require_agent
from omg_abci.rules.context import LegContext
from omg_abci.state import schema
from omg_abci.state.objects import Account
from omg_abci.state.recovery_records import NO_KEY, GuardiansRecord, RecoveryRecord
from omg_abci.state.working import WorkingState


def require_other_key(account: Account | None, tx: SignedTx, time_ms: Millis) -> None:
    """Raise unless a key that is not the address's own may sign the transaction.

    Raise OwnKeyRaw where the account was given the key, else as `require_agent`.
    """
    if account is None or account.key != tx.signer:
        require_agent(account, tx.signer, tx.body.legs, tx.scopes, time_ms)
    elif tx.scheme != Scheme.TYPED:
        raise errors.OwnKeyRaw


def process_set_guardians(state: WorkingState, ctx: LegContext, msg: SetGuardians) -> LegResult:
    """Replace the account's guardians; raise NoGuardians, RecoveryUnderWay."""
    ctx.work += limits.WORK_RECOVERY
    owner = ctx.account.owner
    key = schema.compute_guardians_key(owner)
    if not msg.guardians and key not in state.by_key:
        raise errors.NoGuardians
    if schema.compute_recovery_key(owner) in state.by_key:
        raise errors.RecoveryUnderWay

    record = GuardiansRecord(msg.threshold, msg.delay_ms, msg.guardians)
    state.set_record(key, record if msg.guardians else None)
    return LegResult()


def process_start_recovery(state: WorkingState, ctx: LegContext, msg: StartRecovery) -> LegResult:
    """Note a guardian's approval of a key; raise NotAGuardian, SameKey, ApprovedBefore."""
    ctx.work += limits.WORK_RECOVERY
    guardian = ctx.account.owner
    known = state.find_record(GuardiansRecord, schema.compute_guardians_key(msg.account))
    if known is None or guardian not in known.guardians:
        raise errors.NotAGuardian
    if msg.key == get_own_key(state, msg.account):
        raise errors.SameKey
    key = schema.compute_recovery_key(msg.account)
    recovery = state.find_record(RecoveryRecord, key) or RecoveryRecord(NO_KEY, 0, ())
    if (guardian, msg.key) in recovery.approvals:
        raise errors.ApprovedBefore

    ready_ms = state.time_ms + known.delay_ms
    state.set_record(key, recovery.approve(guardian, msg.key, known.threshold, ready_ms))
    return LegResult()


def process_cancel_recovery(state: WorkingState, ctx: LegContext, _: CancelRecovery) -> LegResult:
    """Drop what guardians approved; raise NoRecovery."""
    ctx.work += limits.WORK_RECOVERY
    key = schema.compute_recovery_key(ctx.account.owner)
    if key not in state.by_key:
        raise errors.NoRecovery

    state.set_record(key, None)
    return LegResult()


def process_finish_recovery(state: WorkingState, ctx: LegContext, msg: FinishRecovery) -> LegResult:
    """Give the account its new key, and drop its agents.

    Raise NoRecovery, TooFewApprovals, RecoveryTooEarly.
    """
    ctx.work += limits.WORK_FINISH_RECOVERY
    key = schema.compute_recovery_key(msg.account)
    recovery = state.find_record(RecoveryRecord, key)
    if recovery is None:
        raise errors.NoRecovery
    if recovery.key == NO_KEY:
        raise errors.TooFewApprovals
    if state.time_ms < recovery.ready_ms:
        raise errors.RecoveryTooEarly

    state.set_record(key, None)
    account = state.get_account(msg.account)
    state.set_key(account, recovery.key)
    drop_agents(state, account)
    return LegResult()


def drop_agents(state: WorkingState, account: Account) -> None:
    """Take back what the key before approved: every agent, and what they may pay."""
    for agent in sorted(account.agents):
        state.set_agent(account, agent, None)
        key = schema.compute_allowances_key(account.owner, agent)
        if key in state.by_key:
            state.set_record(key, None)


def get_own_key(state: WorkingState, owner: Address) -> Address:
    """Return whose signature is an owner's."""
    account = state.accounts.get(owner)
    return owner if account is None else account.key
