"""Cases of accounts that bound whom they pay."""

from omg_abci.protocol.messages import Message, Pay, SetRecipients, Transfer
from tests.strategies import DAY_MS, OWNERS
from tests.vectors.case_types import Case, accept, by, reject
from tests.vectors.wrong_fields import Wrong

ACCOUNT = OWNERS[0].address
PAID = Transfer(OWNERS[1].address, 3, 1, 0, 0)
ONLY = SetRecipients((OWNERS[1].address,))
BOTH = SetRecipients(tuple(sorted([OWNERS[1].address, OWNERS[2].address])))
ELSEWHERE = PAID._replace(to=OWNERS[2].address)
RECIPIENT_LEGS: dict[type[Message], Message] = {SetRecipients: ONLY}
"""A leg of the kind."""

RECIPIENTS: list[Case] = [
    accept(
        SetRecipients,
        "first",
        "acts at once; what moves to oneself is not bound",
        by(0, ONLY),
        by(0, PAID, PAID._replace(to=ACCOUNT, to_subaccount=1)),
    ),
    accept(
        SetRecipients,
        "added_a_day_later",
        "and those who were there stay",
        by(0, ONLY),
        by(0, BOTH, PAID),
        by(0, PAID, ELSEWHERE),
        ahead_ms=(1_000, 1_000, DAY_MS),
    ),
    accept(
        SetRecipients,
        "lifted_a_day_later",
        "then a list is a first one again",
        by(0, ONLY),
        by(0, SetRecipients(())),
        by(0, ELSEWHERE, BOTH, ELSEWHERE),
        ahead_ms=(1_000, 1_000, DAY_MS),
    ),
    accept(
        SetRecipients,
        "none_a_day_after_it_was_lifted",
        "leaves no record",
        by(0, ONLY),
        by(0, SetRecipients(())),
        by(0, SetRecipients(())),
        ahead_ms=(1_000, 1_000, DAY_MS),
    ),
    accept(SetRecipients, "none", "there was none: no record", by(0, SetRecipients(()))),
    reject(SetRecipients, 4013, "another", "is not on the list", by(0, ONLY, ELSEWHERE)),
    reject(
        SetRecipients,
        4013,
        "removed",
        "at once",
        by(0, BOTH),
        by(0, ONLY, ELSEWHERE),
    ),
    reject(
        SetRecipients,
        4013,
        "added_too_soon",
        "by a millisecond",
        by(0, ONLY),
        by(0, BOTH),
        by(0, ELSEWHERE),
        ahead_ms=(1_000, 1_000, DAY_MS - 1),
    ),
    reject(
        SetRecipients,
        4013,
        "lifted_too_soon",
        "by a millisecond",
        by(0, ONLY),
        by(0, SetRecipients(())),
        by(0, Pay(OWNERS[2].address, 3, 1, 0, 0, 0, b"")),
        ahead_ms=(1_000, 1_000, DAY_MS - 1),
    ),
    reject(
        SetRecipients,
        4013,
        "named_again_before_it_is_lifted",
        "so it is not lifted",
        by(0, ONLY, SetRecipients(())),
        by(0, ONLY),
        by(0, ELSEWHERE),
        ahead_ms=(1_000, 1_000, DAY_MS),
    ),
]

WRONG_RECIPIENT_FIELDS: dict[type[Message], tuple[Wrong, ...]] = {
    SetRecipients: (
        (5, {"recipients": (bytes(20),)}),
        (93, {"recipients": BOTH.recipients[::-1]}),
        (93, {"recipients": tuple(bytes([n]) * 20 for n in range(1, 18))}),
    ),
}
