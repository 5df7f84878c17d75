"""Cases of payments with a memo, and of agents that pay up to their allowances."""

from omg_abci.protocol.messages import (
    ApproveAgent,
    CancelOrder,
    Message,
    Pay,
    RevokeAgent,
    SetAllowance,
    SetLimits,
    Transfer,
)
from tests.strategies import AGENTS, DAY_MS, OWNERS
from tests.vectors.case_types import Block, Case, accept, by, make_place, reject
from tests.vectors.wrong_fields import Wrong

TO, OWN = OWNERS[1].address, OWNERS[0].address
AGENT, NOBODY = AGENTS[0], AGENTS[2].address
PAY = Pay(TO, 3, 250, 0, 0, 7, b"invoice 7")
ALLOW = SetAllowance(AGENT.address, 3, 300, 200)
LIMIT = SetLimits(3, 300)
MANY = PAY._replace(client_id=0)

PAYMENT_LEGS: dict[type[Message], Message] = {Pay: PAY, SetAllowance: ALLOW, SetLimits: LIMIT}
"""A leg of each kind."""


def may_pay(*allowances: SetAllowance) -> Block:
    """Return a block in which the first owner lets its agent trade and pay."""
    return by(0, ApproveAgent(AGENT.address, 3, 300 * DAY_MS), *allowances)


def by_agent(*legs: Message) -> Block:
    """Return a block of a transaction that the agent signs."""
    return by(0, *legs, signer=AGENT)


PAYMENTS: list[Case] = [
    accept(Pay, "with_a_memo", "moves free tokens", by(0, PAY)),
    accept(
        Pay,
        "without_an_id",
        "nothing is remembered, so it is done twice",
        by(0, *[PAY._replace(client_id=0, memo=b"")] * 2),
    ),
    accept(
        Pay,
        "repeated",
        "the id is known: the first result, and nothing moves",
        by(0, PAY),
        by(0, PAY._replace(amount=9_999), PAY._replace(client_id=8)),
    ),
    accept(
        Pay,
        "id_of_two_days_ago",
        "is forgotten, and so are two of those that are as old",
        by(0, *[PAY._replace(amount=1, client_id=number) for number in (7, 8, 9, 10)]),
        by(0, PAY),
        ahead_ms=(1_000, 2 * DAY_MS),
    ),
    accept(
        Pay,
        "failed_before",
        "a payment that failed is not remembered",
        by(0, PAY._replace(amount=9_999)),
        by(0, PAY),
    ),
    reject(Pay, 1000, "too_much", "more than is free", by(0, PAY._replace(amount=5_001))),
    reject(Pay, 1001, "unknown_token", "no such token", by(0, PAY._replace(token=9))),
    reject(
        Pay,
        1006,
        "rolled_back",
        "is not remembered either",
        by(0, PAY, CancelOrder(1), Transfer(TO, 9, 1, 0, 0), atomic=True),
    ),
    accept(
        Pay,
        "by_an_agent",
        "transfers count as well; the agent still trades",
        may_pay(ALLOW),
        by_agent(PAY._replace(amount=150), Transfer(TO, 3, 50, 0, 0), make_place()),
    ),
    accept(
        Pay,
        "all_of_an_allowance",
        "the last of it deletes the record",
        may_pay(ALLOW._replace(daily=300)),
        by_agent(PAY._replace(amount=300)),
    ),
    accept(
        Pay,
        "on_the_next_day",
        "the day's sum begins anew at midnight UTC",
        may_pay(ALLOW),
        by_agent(PAY._replace(amount=200)),
        by_agent(PAY._replace(amount=100, client_id=8)),
        ahead_ms=(1_000, 1_000, DAY_MS),
    ),
    reject(
        Pay,
        4000,
        "no_allowance",
        "none for this token",
        may_pay(ALLOW),
        by_agent(PAY._replace(token=2)),
    ),
    reject(
        Pay,
        4000,
        "above_the_allowance",
        "a second payment",
        may_pay(ALLOW._replace(daily=300)),
        by_agent(PAY._replace(amount=200), Transfer(TO, 3, 101, 0, 0)),
    ),
    reject(
        Pay,
        4001,
        "above_the_day",
        "the allowance would have been enough",
        may_pay(ALLOW),
        by_agent(PAY._replace(amount=150), PAY._replace(amount=51, client_id=0)),
    ),
    reject(
        Pay,
        4000,
        "after_a_revocation",
        "approved again, the agent has no allowance",
        may_pay(ALLOW),
        by(0, RevokeAgent(AGENT.address)),
        may_pay(),
        by_agent(PAY),
    ),
    accept(SetAllowance, "set", "for an agent that trades only it says nothing yet", by(0, ALLOW)),
    accept(
        SetAllowance,
        "replaced",
        "what was spent counts no more",
        may_pay(ALLOW),
        by_agent(PAY._replace(amount=200)),
        by(0, ALLOW),
        by_agent(PAY._replace(amount=200, client_id=8)),
    ),
    accept(
        SetAllowance,
        "taken_back",
        "leaves no record",
        may_pay(ALLOW),
        by(0, ALLOW._replace(total=0, daily=0)),
    ),
    accept(
        SetAllowance,
        "two_tokens",
        "in one record",
        by(0, ALLOW, ALLOW._replace(token=2), ALLOW._replace(token=1)),
    ),
    reject(
        SetAllowance,
        1003,
        "unknown_agent",
        "was never approved",
        by(0, ALLOW._replace(agent=NOBODY)),
    ),
    accept(
        SetLimits,
        "set",
        "transfers, payments and what moves to oneself",
        by(0, LIMIT, MANY, Transfer(TO, 3, 50, 0, 0), Transfer(OWN, 3, 900, 0, 1)),
    ),
    accept(
        SetLimits, "lower_at_once", "what was paid counts", by(0, LIMIT, MANY, SetLimits(3, 250))
    ),
    accept(
        SetLimits,
        "higher_a_day_later",
        "and only then",
        by(0, LIMIT),
        by(0, SetLimits(3, 1_000)),
        by(0, Transfer(TO, 3, 1_000, 0, 0)),
        ahead_ms=(1_000, 1_000, DAY_MS),
    ),
    accept(
        SetLimits,
        "lifted_a_day_later",
        "leaves no record once it is touched",
        by(0, LIMIT, SetLimits(3, 0)),
        by(0, Transfer(TO, 3, 1_000, 0, 0), SetLimits(3, 0), SetLimits(2, 7)),
        ahead_ms=(1_000, DAY_MS),
    ),
    accept(
        SetLimits,
        "lowered_before_it_is_lifted",
        "nothing is to change any more",
        by(0, LIMIT, SetLimits(3, 0), SetLimits(3, 300)),
    ),
    accept(SetLimits, "none", "there was none, so nothing is written", by(0, SetLimits(3, 0))),
    accept(
        SetLimits,
        "on_the_next_day",
        "the day's sum begins anew",
        by(0, LIMIT, MANY),
        by(0, MANY),
        ahead_ms=(1_000, DAY_MS),
    ),
    reject(
        SetLimits,
        4012,
        "exceeded",
        "by one",
        by(0, LIMIT, MANY, Transfer(TO, 3, 51, 0, 0)),
    ),
    reject(
        SetLimits,
        4012,
        "exceeded_by_an_agent",
        "whose allowance would do",
        may_pay(ALLOW),
        by(0, SetLimits(3, 100)),
        by_agent(MANY._replace(amount=101)),
    ),
    reject(
        SetLimits,
        4012,
        "raised_too_late",
        "a higher limit does not act at once",
        by(0, LIMIT, SetLimits(3, 1_000), MANY._replace(amount=301)),
    ),
    reject(SetLimits, 1001, "unknown_token", "no such token", by(0, SetLimits(9, 5))),
    reject(SetAllowance, 1001, "unknown_token", "no such token", by(0, ALLOW._replace(token=9))),
]

WRONG_PAYMENT_FIELDS: dict[type[Message], tuple[Wrong, ...]] = {
    Pay: (
        (5, {"to": bytes(20)}),
        (20, {"token": 0}),
        (19, {"amount": 0}),
        (19, {"amount": 2**128}),
        (22, {"from_subaccount": 256}),
        (22, {"to_subaccount": 256}),
        (83, {"memo": bytes(65)}),
        (36, {"to": OWN}),
    ),
    SetLimits: ((20, {"token": 0}), (19, {"daily": 2**128})),
    SetAllowance: (
        (5, {"agent": bytes(20)}),
        (20, {"token": 0}),
        (19, {"total": 0}),
        (19, {"daily": 0}),
        (19, {"total": 2**128}),
        (38, {"agent": OWN}),
    ),
}
