"""Cases of payment requests, and of payments for which another token is sold."""

from omg_abci.protocol.messages import (
    Burn,
    CloseRequest,
    CloseToken,
    CreatePaymentRequest,
    Message,
    Pay,
    PayRequest,
)
from omg_abci.protocol.units import OrderType, TimeInForce
from tests.strategies import DAY_MS, OWNERS
from tests.vectors.case_types import Block, Case, accept, by, make_place, make_sell, reject
from tests.vectors.cases_payments import ALLOW, by_agent, may_pay
from tests.vectors.cases_tokens import FIXED, GOLD
from tests.vectors.genesis import FEW
from tests.vectors.wrong_fields import Wrong

OWN, PAYEE = OWNERS[0].address, OWNERS[1].address
ASK = CreatePaymentRequest(3, 3, 50, 10_000, 2, 0, 4, b"table 4")
ANSWER = PayRequest(PAYEE, 3, 3, 50, 0, 0)

REQUEST_LEGS: dict[type[Message], Message] = {
    CreatePaymentRequest: ASK,
    PayRequest: ANSWER,
    CloseRequest: CloseRequest(3),
}
"""A leg of each kind."""


def asked(**fields: int) -> Block:
    """Return a block in which the second owner asks to be paid."""
    return by(1, ASK._replace(**fields))  # type: ignore[arg-type]


REQUESTS: list[Case] = [
    accept(CreatePaymentRequest, "fixed", "a deposit is reserved", asked()),
    accept(CreatePaymentRequest, "open", "the payer decides", asked(amount=0)),
    accept(
        CreatePaymentRequest,
        "number_again",
        "a closed request's number is free",
        asked(),
        by(1, CloseRequest(3), ASK._replace(token=2)),
    ),
    reject(CreatePaymentRequest, 4004, "twice", "the number is in use", asked(), asked()),
    reject(CreatePaymentRequest, 1001, "unknown_token", "no such token", asked(token=9)),
    reject(CreatePaymentRequest, 4005, "past", "ends now", asked(expires_ms=-1)),
    reject(CreatePaymentRequest, 4005, "far", "in two years", asked(expires_ms=731 * DAY_MS)),
    reject(
        CreatePaymentRequest,
        1011,
        "deposit_not_covered",
        "all that is free is reserved for fees or paid away",
        (by(3, Pay(OWN, 1, 1_934, 0, 0, 0, b""), ASK)[0]._replace(owner=FEW),),
    ),
    accept(PayRequest, "fixed", "into the subaccount that was asked for", asked(), by(0, ANSWER)),
    accept(
        PayRequest,
        "used_up",
        "the last payment closes the request",
        asked(),
        by(0, ANSWER, ANSWER),
    ),
    accept(
        PayRequest,
        "open",
        "any amount",
        asked(amount=0),
        by(0, ANSWER._replace(amount=7), ANSWER._replace(amount=1_000)),
    ),
    accept(
        PayRequest,
        "capped",
        "of two payers, whose sums are kept",
        asked(amount=0, payer_cap=60, max_uses=4),
        by(0, ANSWER._replace(amount=20), ANSWER._replace(amount=40)),
        by(2, ANSWER._replace(amount=60)),
    ),
    accept(
        PayRequest,
        "repeated",
        "an id that was used is answered before anything else",
        asked(),
        by(0, ANSWER._replace(client_id=7)),
        by(0, ANSWER._replace(client_id=7, token=9), ANSWER._replace(client_id=8)),
    ),
    accept(
        PayRequest,
        "by_an_agent",
        "counts against its allowance",
        asked(),
        may_pay(ALLOW),
        by_agent(ANSWER),
    ),
    reject(
        PayRequest,
        4001,
        "above_the_agents_day",
        "an agent's payment as any",
        asked(amount=0),
        may_pay(ALLOW),
        by_agent(ANSWER._replace(amount=201)),
    ),
    reject(PayRequest, 4003, "unknown", "was never there", by(0, ANSWER)),
    reject(PayRequest, 4003, "another_use", "is used up", asked(), by(0, ANSWER, ANSWER, ANSWER)),
    reject(
        PayRequest, 4006, "expired", "at its time", asked(), by(0, ANSWER), ahead_ms=(1_000, 10_000)
    ),
    reject(
        PayRequest,
        4007,
        "another_amount",
        "is not asked for",
        asked(),
        by(0, ANSWER._replace(amount=49)),
    ),
    reject(
        PayRequest,
        4007,
        "another_token",
        "is not asked for",
        asked(),
        by(0, ANSWER._replace(token=2)),
    ),
    reject(
        PayRequest,
        4008,
        "above_the_cap",
        "in two payments",
        asked(amount=0, payer_cap=60),
        by(0, ANSWER._replace(amount=20), ANSWER._replace(amount=41)),
    ),
    reject(
        PayRequest,
        1000,
        "too_much",
        "more than is free",
        asked(amount=0),
        by(0, ANSWER._replace(amount=5_001)),
    ),
    reject(
        PayRequest,
        1001,
        "token_that_ended",
        "the request is still there",
        by(1, FIXED, ASK._replace(token=GOLD), Burn(GOLD, 100, 0), CloseToken(GOLD)),
        by(0, ANSWER._replace(token=GOLD)),
    ),
    accept(
        PayRequest,
        "with_another_token",
        "base tokens are sold for what the payment needs, all in one",
        asked(amount=5_050),
        by(2, make_place(price=5, quantity=9)),
        by(
            0,
            make_sell(order_type=OrderType.MARKET, time_in_force=TimeInForce.FOK, quantity=4),
            ANSWER._replace(amount=5_050),
            atomic=True,
        ),
    ),
    reject(
        PayRequest,
        2007,
        "worst_price_not_met",
        "nothing is sold and nothing paid",
        asked(amount=5_050),
        by(2, make_place(price=3, quantity=9)),
        by(
            0,
            make_sell(order_type=OrderType.MARKET, time_in_force=TimeInForce.FOK, quantity=4),
            ANSWER._replace(amount=5_050),
            atomic=True,
        ),
    ),
    accept(CloseRequest, "open", "the deposit is free again", asked(), by(1, CloseRequest(3))),
    accept(
        CloseRequest,
        "expired",
        "it stays until it is closed",
        asked(),
        by(1, CloseRequest(3)),
        ahead_ms=(1_000, DAY_MS),
    ),
    reject(CloseRequest, 4003, "anothers", "is not there", asked(), by(0, CloseRequest(3))),
]

WRONG_REQUEST_FIELDS: dict[type[Message], tuple[Wrong, ...]] = {
    CreatePaymentRequest: (
        (84, {"request": 0}),
        (20, {"token": 0}),
        (19, {"amount": 2**128}),
        (19, {"payer_cap": 49}),
        (19, {"payer_cap": 2**128}),
        (28, {"expires_ms": 0}),
        (85, {"max_uses": 0}),
        (85, {"max_uses": 65, "payer_cap": 50}),
        (22, {"to_subaccount": 256}),
        (83, {"memo": bytes(65)}),
    ),
    PayRequest: (
        (5, {"payee": bytes(20)}),
        (84, {"request": 0}),
        (20, {"token": 0}),
        (19, {"amount": 0}),
        (22, {"from_subaccount": 256}),
        (36, {"payee": OWN}),
    ),
    CloseRequest: ((84, {"request": 0}),),
}
