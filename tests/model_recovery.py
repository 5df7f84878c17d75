"""Guardians and their approvals written the plainest way, see docs/spec/recovery.md."""

from collections import Counter

from omg_abci.protocol import errors
from omg_abci.protocol.messages import (
    CancelRecovery,
    FinishRecovery,
    SetGuardians,
    StartRecovery,
)
from omg_abci.protocol.results import LegResult
from tests.model_records import Guarded
from tests.model_state import Refused, State

RecoveryLeg = SetGuardians | StartRecovery | CancelRecovery | FinishRecovery
RECOVERY_LEGS = (SetGuardians, StartRecovery, CancelRecovery, FinishRecovery)


def do_recovery_leg(state: State, owner: bytes, leg: RecoveryLeg) -> LegResult:
    """Do a leg about guardians or keys."""
    match leg:
        case SetGuardians():
            set_guardians(state, owner, leg)
        case StartRecovery():
            start_recovery(state, owner, leg)
        case CancelRecovery():
            if not drop_approvals(state, owner):
                raise Refused(errors.NoRecovery)
        case FinishRecovery():
            finish_recovery(state, leg.account)
    return LegResult()


def find_key(state: State, owner: bytes) -> bytes:
    """Return whose signature is an owner's."""
    return state.keys.get(owner, owner)


def list_approved(state: State, account: bytes) -> list[bytes]:
    """Return the keys that an account's guardians approved, one for each guardian."""
    return [key for (who, _), key in state.approvals.items() if who == account]


def drop_approvals(state: State, account: bytes) -> int:
    """Forget what was approved for an account; return how many approvals there were."""
    state.waiting.pop(account, None)
    dropped = [each for each in state.approvals if each[0] == account]
    for each in dropped:
        del state.approvals[each]
    return len(dropped)


def set_guardians(state: State, owner: bytes, leg: SetGuardians) -> None:
    """Replace the guardians, or take them away."""
    if not leg.guardians and owner not in state.guardians:
        raise Refused(errors.NoGuardians)
    if list_approved(state, owner):
        raise Refused(errors.RecoveryUnderWay)
    state.guardians.pop(owner, None)
    if leg.guardians:
        state.guardians[owner] = Guarded(leg.threshold, leg.delay_ms, leg.guardians)


def start_recovery(state: State, owner: bytes, leg: StartRecovery) -> None:
    """Note an approval; the delay begins when there are enough."""
    guarded = state.guardians.get(leg.account)
    if guarded is None or owner not in guarded.guardians:
        raise Refused(errors.NotAGuardian)
    if find_key(state, leg.account) == leg.key:
        raise Refused(errors.SameKey)
    if state.approvals.get((leg.account, owner)) == leg.key:
        raise Refused(errors.ApprovedBefore)
    state.approvals[leg.account, owner] = leg.key
    counts = Counter(list_approved(state, leg.account))
    enough = sorted(key for key, count in counts.items() if count >= guarded.threshold)
    waiting = state.waiting.get(leg.account)
    if waiting is not None and waiting[0] in enough:
        return
    state.waiting.pop(leg.account, None)
    if enough:
        state.waiting[leg.account] = (enough[0], state.now + guarded.delay_ms)


def finish_recovery(state: State, account: bytes) -> None:
    """Let the key that waits take effect."""
    if not list_approved(state, account):
        raise Refused(errors.NoRecovery)
    if account not in state.waiting:
        raise Refused(errors.TooFewApprovals)
    key, ready_ms = state.waiting[account]
    if state.now < ready_ms:
        raise Refused(errors.RecoveryTooEarly)
    drop_approvals(state, account)
    state.keys[account] = key
    for pair in [each for each in state.agents if each[0] == account]:
        del state.agents[pair]
    for allowed in [each for each in state.allowances if each[0] == account]:
        del state.allowances[allowed]
