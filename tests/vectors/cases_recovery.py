"""Cases of guardians, what they approve, and keys that accounts were given."""

from omg_abci.protocol.messages import (
    ApproveAgent,
    CancelRecovery,
    FinishRecovery,
    Message,
    Pay,
    SetAllowance,
    SetGuardians,
    StartRecovery,
    Transfer,
)
from tests.strategies import AGENTS, DAY_MS, OWNERS, STRANGER
from tests.vectors.case_types import Block, Case, Tx, accept, by, make_place, reject
from tests.vectors.wrong_fields import Wrong

ACCOUNT, NEW, OTHER = OWNERS[0].address, STRANGER, AGENTS[2]
DELAY_MS = 60_000
GUARDIANS = tuple(sorted([OWNERS[1].address, OWNERS[3].address]))
GUARD = SetGuardians(GUARDIANS, 2, DELAY_MS)
START = StartRecovery(ACCOUNT, NEW.address)
OTHERWISE = StartRecovery(ACCOUNT, OTHER.address)
FINISH = FinishRecovery(ACCOUNT)
PAID = Transfer(OWNERS[1].address, 3, 1, 0, 0)

RECOVERY_LEGS: dict[type[Message], Message] = {
    SetGuardians: GUARD,
    StartRecovery: START,
    CancelRecovery: CancelRecovery(),
    FinishRecovery: FINISH,
}
"""A leg of each kind."""

GUARDED = by(0, GUARD)
SERVICE = ApproveAgent(AGENTS[2].address, 4, DAY_MS)
"""Lets an agent recover accounts for the owner, and do nothing else."""
FIRST, SECOND = by(1, START), by(3, START)
APPROVED = (GUARDED, FIRST, SECOND)
"""Blocks after which the delay has begun."""
REPLACED = (*APPROVED, by(2, FINISH))
FOURTH_LATE = (1_000, 1_000, 1_000, DELAY_MS)
FIFTH_LATE = (1_000, *FOURTH_LATE)
"""The block comes when the delay is over."""


def by_new_key(*legs: Message, typed: bool = True) -> Block:
    """Return a block of a transaction that the new key signs for the account."""
    return by(0, *legs, signer=NEW, typed=typed)


def refuse(code: int, name: str, note: str, tx: Tx, *blocks: Block) -> Case:
    """Return a case whose transaction may not follow the account's recovery."""
    found = blocks or REPLACED
    return Case(FinishRecovery, "rejected", name, note, found, code, FOURTH_LATE, tx)


GUARDINGS: list[Case] = [
    Case(
        SetGuardians,
        "rejected",
        "by_a_service",
        "no agent says who guards the account",
        (by(0, SERVICE),),
        106,
        refused=Tx((GUARD,), signer=AGENTS[2]),
    ),
    accept(SetGuardians, "set", "two of two", GUARDED),
    accept(SetGuardians, "replaced", "acts at once", GUARDED, by(0, GUARD._replace(threshold=1))),
    accept(SetGuardians, "removed", "leaves no record", GUARDED, by(0, SetGuardians((), 0, 0))),
    accept(
        SetGuardians,
        "after_a_cancellation",
        "by which no recovery is under way any more",
        *APPROVED,
        by(0, CancelRecovery(), GUARD._replace(threshold=1), atomic=True),
    ),
    reject(SetGuardians, 1023, "none_to_remove", "there are none", by(0, SetGuardians((), 0, 0))),
    reject(
        SetGuardians,
        1022,
        "under_way",
        "one guardian has approved a key",
        GUARDED,
        FIRST,
        by(0, GUARD._replace(threshold=1)),
    ),
    reject(
        SetGuardians,
        1022,
        "removed_under_way",
        "the same",
        GUARDED,
        FIRST,
        by(0, SetGuardians((), 0, 0)),
    ),
]

STARTS: list[Case] = [
    accept(StartRecovery, "first_of_two", "nothing waits yet", GUARDED, FIRST),
    accept(StartRecovery, "second_of_two", "the delay begins", *APPROVED),
    accept(
        StartRecovery,
        "another_key",
        "replaces the guardian's approval, and the first key waits no longer",
        *APPROVED,
        by(1, OTHERWISE),
    ),
    accept(
        StartRecovery,
        "more_than_needed",
        "the delay does not begin anew",
        by(0, GUARD._replace(threshold=1)),
        FIRST,
        SECOND,
    ),
    accept(
        StartRecovery,
        "two_keys_of_enough",
        "the first stays the one that waits",
        by(0, GUARD._replace(threshold=1)),
        FIRST,
        by(3, OTHERWISE),
    ),
    accept(
        StartRecovery,
        "follows_when_the_first_is_given_up",
        "the other key has enough and begins its delay",
        by(0, GUARD._replace(threshold=1)),
        FIRST,
        by(3, OTHERWISE),
        by(1, OTHERWISE),
    ),
    accept(
        StartRecovery,
        "by_a_service",
        "the agent of a guardian approves, for the guardian's account",
        GUARDED,
        by(1, SERVICE),
        by(1, START, signer=AGENTS[2]),
    ),
    reject(
        StartRecovery,
        1016,
        "by_a_service_of_another",
        "the agent's owner is no guardian",
        GUARDED,
        by(2, SERVICE),
        by(2, START, signer=AGENTS[2]),
    ),
    reject(StartRecovery, 1016, "not_guarded", "the account has no guardians", FIRST),
    reject(StartRecovery, 1016, "not_a_guardian", "is none of them", GUARDED, by(2, START)),
    reject(StartRecovery, 1016, "by_the_owner", "is none of them either", GUARDED, by(0, START)),
    reject(StartRecovery, 1017, "twice", "the same key again", GUARDED, FIRST, FIRST),
    reject(
        StartRecovery,
        1018,
        "same_key",
        "which the account was given before",
        *REPLACED,
        FIRST,
        ahead_ms=FOURTH_LATE,
    ),
]

CANCELS: list[Case] = [
    accept(CancelRecovery, "waiting", "leaves no record", *APPROVED, by(0, CancelRecovery())),
    accept(
        CancelRecovery, "begun", "by one guardian only", GUARDED, FIRST, by(0, CancelRecovery())
    ),
    accept(
        CancelRecovery,
        "after_the_delay",
        "as long as nobody finished it",
        *APPROVED,
        by(0, CancelRecovery()),
        ahead_ms=FOURTH_LATE,
    ),
    accept(
        CancelRecovery,
        "by_a_watchtower",
        "an agent with the scope stops it for the owner",
        by(0, GUARD, SERVICE),
        FIRST,
        SECOND,
        by(0, CancelRecovery(), signer=AGENTS[2]),
    ),
    reject(CancelRecovery, 1019, "nothing", "nothing was approved", by(0, CancelRecovery())),
    reject(
        CancelRecovery,
        1019,
        "by_a_guardian",
        "which cancels what concerns its own account only",
        *APPROVED,
        by(1, CancelRecovery()),
    ),
    reject(
        CancelRecovery,
        1015,
        "behind_the_replacement",
        "the key was replaced by the transaction before",
        *APPROVED,
        (Tx((FINISH,)), Tx((CancelRecovery(), PAID))),
        ahead_ms=FOURTH_LATE,
    ),
]

FINISHES: list[Case] = [
    accept(
        FinishRecovery,
        "by_anybody",
        "the account's agents and what they may pay are gone",
        by(0, GUARD, ApproveAgent(AGENTS[0].address, 3, DAY_MS)),
        by(0, SetAllowance(AGENTS[0].address, 3, 9, 9)),
        FIRST,
        SECOND,
        by(2, FINISH),
        ahead_ms=FIFTH_LATE,
    ),
    accept(
        FinishRecovery,
        "by_an_agent",
        "of the account itself, which is dropped by it",
        by(0, GUARD, SERVICE),
        FIRST,
        SECOND,
        by(0, FINISH, signer=AGENTS[2]),
        ahead_ms=FOURTH_LATE,
    ),
    accept(
        FinishRecovery,
        "new_key_signs",
        "pays, approves an agent and changes guardians",
        *REPLACED,
        by_new_key(PAID, ApproveAgent(OTHER.address, 1, DAY_MS), GUARD._replace(threshold=1)),
        ahead_ms=FOURTH_LATE,
    ),
    accept(
        FinishRecovery,
        "new_key_was_an_agent",
        "and signs now as the owner, without an allowance",
        by(0, GUARD, ApproveAgent(NEW.address, 2, DAY_MS)),
        FIRST,
        SECOND,
        by(2, FINISH),
        by_new_key(Pay(OWNERS[1].address, 3, 250, 0, 0, 0, b"")),
        ahead_ms=FOURTH_LATE,
    ),
    accept(
        FinishRecovery,
        "once_more",
        "a third key replaces the second",
        *REPLACED,
        by(1, OTHERWISE),
        by(3, OTHERWISE),
        by(2, FINISH),
        by(0, PAID, signer=OTHER, typed=True),
        ahead_ms=(*FOURTH_LATE, 1_000, 1_000, DELAY_MS),
    ),
    reject(FinishRecovery, 1019, "unknown", "nothing was approved", by(2, FINISH)),
    reject(FinishRecovery, 1020, "too_few", "one of two", GUARDED, FIRST, by(2, FINISH)),
    reject(
        FinishRecovery,
        1021,
        "too_early",
        "by a millisecond",
        *APPROVED,
        by(2, FINISH),
        ahead_ms=(1_000, 1_000, 1_000, DELAY_MS - 1),
    ),
    reject(
        FinishRecovery,
        1019,
        "cancelled",
        "the owner still had the key",
        *APPROVED,
        by(0, CancelRecovery()),
        by(2, FINISH),
        ahead_ms=FIFTH_LATE,
    ),
    reject(
        FinishRecovery,
        1020,
        "given_up",
        "a guardian approved another key meanwhile",
        *APPROVED,
        by(1, OTHERWISE),
        by(2, FINISH),
        ahead_ms=FIFTH_LATE,
    ),
    reject(
        FinishRecovery,
        1019,
        "twice",
        "it has taken effect",
        *REPLACED,
        by(2, FINISH),
        ahead_ms=FOURTH_LATE,
    ),
    reject(
        FinishRecovery,
        1005,
        "agent_behind",
        "an agent's transaction behind it in the block",
        *APPROVED,
        (Tx((FINISH,)), Tx((make_place(),), signer=AGENTS[0])),
        ahead_ms=FOURTH_LATE,
    ),
    reject(
        FinishRecovery,
        1005,
        "new_key_signs_raw_behind",
        "as the agent that it was before",
        by(0, GUARD, ApproveAgent(NEW.address, 1, DAY_MS)),
        FIRST,
        SECOND,
        (Tx((FINISH,)), Tx((make_place(),), signer=NEW)),
        ahead_ms=FOURTH_LATE,
    ),
    reject(
        ApproveAgent,
        1024,
        "own_key",
        "is the account's already",
        *REPLACED,
        by_new_key(ApproveAgent(NEW.address, 1, DAY_MS)),
        ahead_ms=FOURTH_LATE,
    ),
    refuse(109, "old_key", "signs for the account no longer", Tx((PAID,))),
    refuse(110, "new_key_raw", "an owner's own key signs typed", Tx((PAID,), signer=NEW)),
    refuse(32005, "dropped_agent", "was approved by the key before", Tx((PAID,), signer=AGENTS[0])),
    refuse(
        32005,
        "new_key_too_soon",
        "is not the account's yet",
        Tx((PAID,), signer=NEW, typed=True),
        *APPROVED,
    ),
]
RECOVERIES = [*GUARDINGS, *STARTS, *CANCELS, *FINISHES]

WRONG_RECOVERY_FIELDS: dict[type[Message], tuple[Wrong, ...]] = {
    SetGuardians: (
        (5, {"guardians": (bytes(20),), "threshold": 1}),
        (5, {"guardians": (bytes(19), GUARDIANS[0])}),
        (88, {"guardians": GUARDIANS[::-1]}),
        (88, {"guardians": (GUARDIANS[0],) * 2}),
        (88, {"guardians": tuple(bytes([n]) * 20 for n in range(1, 10))}),
        (89, {"threshold": 0}),
        (89, {"threshold": 3}),
        (89, {"guardians": ()}),
        (90, {"delay_ms": DELAY_MS - 1}),
        (90, {"delay_ms": 30 * DAY_MS + 1}),
        (90, {"guardians": (), "threshold": 0}),
        (91, {"guardians": tuple(sorted([ACCOUNT, *GUARDIANS]))}),
    ),
    StartRecovery: (
        (5, {"account": bytes(20)}),
        (5, {"key": b""}),
        (92, {"key": ACCOUNT}),
    ),
    CancelRecovery: (),
    FinishRecovery: ((5, {"account": bytes(20)}), (5, {"account": ACCOUNT[:19]})),
}
