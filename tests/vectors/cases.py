"""The cases of the vectors: for each message what it does, and every way to be refused."""

from typing import Any

from omg_abci.protocol.messages import (
    TRADE_MESSAGES,
    AmendOrder,
    ApproveAgent,
    CancelAll,
    CancelOrder,
    ChangeMarket,
    CreateMarket,
    Message,
    PlaceOrder,
    RevokeAgent,
    SetSwitch,
    Transfer,
    UseFeeOffer,
    UseSponsorship,
)
from omg_abci.protocol.units import MarketAction, OrderType, PostOnly, TimeInForce
from tests.strategies import AGENTS, DAY_MS, OWNERS, START_MS, STRANGER
from tests.vectors.case_types import (
    Case,
    Malformed,
    Sample,
    Tx,
    accept,
    make_body,
    make_market,
    make_place,
    make_sell,
    reject,
)
from tests.vectors.cases_exchange import AMENDS, CANCELS, PLACES
from tests.vectors.cases_fees import FEE_CASES
from tests.vectors.cases_kinds import CASES as KIND_CASES
from tests.vectors.cases_markets import CASES as MARKET_CASES
from tests.vectors.cases_offers import OFFER_LEGS, OFFERED, OFFERS, WRONG_OFFER_FIELDS
from tests.vectors.cases_payments import PAYMENT_LEGS, PAYMENTS, WRONG_PAYMENT_FIELDS
from tests.vectors.cases_recipients import RECIPIENT_LEGS, RECIPIENTS, WRONG_RECIPIENT_FIELDS
from tests.vectors.cases_recovery import RECOVERIES, RECOVERY_LEGS, WRONG_RECOVERY_FIELDS
from tests.vectors.cases_requests import REQUEST_LEGS, REQUESTS, WRONG_REQUEST_FIELDS
from tests.vectors.cases_sponsors import GRANTED, SPONSOR_LEGS, SPONSORS, WRONG_SPONSOR_FIELDS
from tests.vectors.cases_staking import STAKING_CASES, STAKING_LEGS
from tests.vectors.cases_switch import SWITCHES
from tests.vectors.cases_tokens import TOKEN_LEGS, TOKENS, WRONG_TOKEN_FIELDS
from tests.vectors.genesis import FEW, OWNED
from tests.vectors.wrong_fields import WRONG_FIELDS

SAMPLE_LEGS: dict[type[Message], Message] = {
    Transfer: Transfer(OWNERS[1].address, 3, 250, 0, 1),
    PlaceOrder: make_place(),
    AmendOrder: AmendOrder(1, 5, 0, 0, 4),
    CancelOrder: CancelOrder(1),
    CancelAll: CancelAll(0, 0, 10),
    ApproveAgent: ApproveAgent(AGENTS[2].address, 1, DAY_MS),
    RevokeAgent: RevokeAgent(AGENTS[0].address),
    SetSwitch: SetSwitch(5_000),
    CreateMarket: make_market(),
    ChangeMarket: ChangeMarket(OWNED, MarketAction.CANCEL_ONLY),
    **STAKING_LEGS,
}
WALLET_LEGS: dict[type[Message], Message] = {
    **TOKEN_LEGS,
    **PAYMENT_LEGS,
    **REQUEST_LEGS,
    **SPONSOR_LEGS,
}
ALL_LEGS = SAMPLE_LEGS | WALLET_LEGS | RECOVERY_LEGS | RECIPIENT_LEGS | OFFER_LEGS
"""A leg of each kind, the usual one."""
_PROMISES = {UseSponsorship: GRANTED, UseFeeOffer: OFFERED}
"""Blocks without which nobody else pays a fee."""


def one(*legs: Message, **fields: Any) -> tuple[Tx, ...]:  # noqa: ANN401
    """Return a block of one transaction."""
    return (Tx(legs, **fields),)


def list_admission(message: type[Message]) -> list[Case]:
    """Return what every kind of transaction is refused for before it is executed."""
    legs = (ALL_LEGS[message],)
    found: list[tuple[int, str, str, Tx]] = [
        (
            32005,
            "wrong_key",
            "signed by a key that the owner never approved",
            Tx(legs, signer=STRANGER),
        ),
        (103, "too_late", "valid until the block's time", Tx(legs, nonce=-9, valid_for_ms=-1)),
        (103, "too_high", "valid until the height before", Tx(legs, valid_until_height=1)),
        (100, "stale", "a nonce of two days ago", Tx(legs, nonce=-2 * DAY_MS)),
        (101, "ahead", "a nonce more than an hour ahead", Tx(legs, nonce=3_600_001)),
        (107, "cheap", "pays less than a work unit costs", Tx(legs, max_unit_price=1)),
        (32002, "after_nothing", "after a nonce that was never used", Tx(legs, after=77)),
    ]
    if message in TRADE_MESSAGES:
        found.append(
            (105, "late_agent", "the agent's approval is over", Tx(legs, OWNERS[1], AGENTS[1]))
        )
    elif message is not UseSponsorship:
        note = "an agent's scope is trading"
        found.append((106, "agent_without_scope", note, Tx(legs, signer=AGENTS[0])))
    before = (_PROMISES[message],) if message in _PROMISES else ()
    blocks = before or (one(CancelOrder(7)),)
    cases = [
        Case(message, "rejected", name, note, blocks, code, ahead_ms=(3_000,), refused=tx)
        for code, name, note, tx in found
    ]
    note = "the same bytes in the next block"
    again = Case(message, "rejected", "replayed", note, (*before, one(*legs)), 102, refused=Tx())
    return [*cases, again]


def list_malformed(message: type[Message], *wrong: tuple[int, dict[str, object]]) -> Case:
    """Return the bytes that are refused for a field of the message."""
    usual = ALL_LEGS[message]
    found = [
        Malformed(", ".join(fields), code, make_body(usual._replace(**fields)))  # type: ignore[arg-type]
        for code, fields in wrong
    ]
    body = make_body(usual)
    found += [
        Malformed("another chain", 4, make_body(usual, chain_id="omg-other")),
        Malformed("an unknown field", 3, body, twist=lambda raw: raw + b"\x28\x01"),
        Malformed("cut", 2, body, twist=lambda raw: raw[:-1]),
        Malformed(
            "raw by the owner", 7, body, twist=lambda raw: raw.replace(b"\x18\x01", b"\x18\x02")
        ),
        Malformed("v is 2 more", 13, body, twist=lambda raw: raw[:-1] + bytes([raw[-1] + 2])),
        Malformed("no legs", 8, make_body()),
        Malformed("17 typed legs", 9, make_body(*[usual] * 17)),
        Malformed("nonce of zero", 17, make_body(usual, nonce=0)),
        Malformed("after is the nonce", 18, make_body(usual, after=START_MS)),
        Malformed("valid before the nonce", 39, make_body(usual, valid_until_ms=5)),
        Malformed("no unit price", 37, make_body(usual, max_unit_price=0)),
    ]
    return Case(
        message, "rejected", "malformed", "bytes that no node takes", malformed=tuple(found)
    )


WRONG_WALLET_FIELDS = (
    WRONG_FIELDS
    | WRONG_TOKEN_FIELDS
    | WRONG_PAYMENT_FIELDS
    | WRONG_REQUEST_FIELDS
    | WRONG_SPONSOR_FIELDS
    | WRONG_RECOVERY_FIELDS
    | WRONG_RECIPIENT_FIELDS
    | WRONG_OFFER_FIELDS
)
TO, TO_OWN = OWNERS[1].address, OWNERS[0].address
TRANSFERS = [
    accept(Transfer, "to_another", "moves free tokens", one(Transfer(TO, 3, 250, 0, 0))),
    accept(
        Transfer,
        "to_own_subaccount",
        "moves between subaccounts",
        one(Transfer(TO_OWN, 2, 3_000, 0, 7)),
    ),
    accept(
        Transfer, "to_nobody_yet", "makes a balance", one(Transfer(STRANGER.address, 3, 1, 1, 255))
    ),
    accept(
        Transfer,
        "best_effort",
        "the second leg fails alone",
        one(Transfer(TO, 3, 1, 0, 0), Transfer(TO, 3, 9_999, 0, 0), Transfer(TO, 3, 2, 0, 0)),
    ),
    reject(Transfer, 1000, "too_much", "more than is free", one(Transfer(TO, 3, 5_001, 0, 0))),
    reject(
        Transfer,
        1000,
        "fees_are_reserved",
        "the fee token's balance, of which the declared fee is taken before",
        one(Transfer(TO, 1, 399_999, 0, 0)),
    ),
    reject(Transfer, 1001, "unknown_token", "no such token", one(Transfer(TO, 4, 1, 0, 0))),
    reject(
        Transfer,
        1006,
        "rolled_back",
        "an atomic transaction's first leg is undone by its second",
        one(Transfer(TO, 3, 1, 0, 0), Transfer(TO, 4, 1, 0, 0), CancelOrder(5), atomic=True),
    ),
    Case(
        Transfer,
        "rejected",
        "poor",
        "free balance does not cover the declared fee",
        (one(Transfer(TO, 1, 2_000, 0, 0), owner=FEW),),
        32003,
        refused=Tx((Transfer(TO, 3, 1, 0, 0),), FEW),
    ),
    list_malformed(
        Transfer,
        (5, {"to": bytes(20)}),
        (5, {"to": TO[:19]}),
        (20, {"token": 0}),
        (19, {"amount": 0}),
        (19, {"amount": 2**128}),
        (22, {"from_subaccount": 256}),
        (22, {"to_subaccount": 256}),
        (36, {"to": TO_OWN, "to_subaccount": 0}),
    ),
]

NEW, KNOWN = AGENTS[2].address, AGENTS[0].address
APPROVALS = [
    accept(ApproveAgent, "new", "a second agent", one(ApproveAgent(NEW, 1, DAY_MS))),
    accept(
        ApproveAgent, "replaced", "the same agent, another expiry", one(ApproveAgent(KNOWN, 1, 1))
    ),
    accept(
        ApproveAgent,
        "signs_next_block",
        "an agent signs from the block after its approval",
        one(ApproveAgent(NEW, 1, DAY_MS)),
        one(make_place(), signer=AGENTS[2]),
    ),
    reject(ApproveAgent, 1004, "past", "ends now", one(ApproveAgent(NEW, 1, -1))),
    reject(
        ApproveAgent,
        1004,
        "far",
        "ends after 366 days",
        one(ApproveAgent(NEW, 1, 366 * DAY_MS + 1)),
    ),
    reject(
        ApproveAgent,
        1002,
        "too_many",
        "the seventeenth",
        one(*(ApproveAgent(bytes([n]) * 20, 1, DAY_MS) for n in range(1, 16))),
        one(ApproveAgent(NEW, 1, DAY_MS), ApproveAgent(KNOWN, 1, DAY_MS)),
    ),
    list_malformed(
        ApproveAgent,
        (5, {"agent": bytes(20)}),
        (5, {"agent": b""}),
        (35, {"scope": 0}),
        (35, {"scope": 8}),
        (35, {"scope": 64}),
        (28, {"expires_ms": 0}),
        (38, {"agent": TO_OWN}),
    ),
]

REVOCATIONS = [
    accept(RevokeAgent, "known", "the approval is deleted", one(RevokeAgent(KNOWN))),
    accept(
        RevokeAgent,
        "same_block",
        "what the agent signed fails with 1005 where it stands behind the revocation",
        (
            Tx((RevokeAgent(KNOWN),)),
            Tx((make_place(), CancelOrder(3)), signer=AGENTS[0], nonce=5),
        ),
    ),
    reject(RevokeAgent, 1003, "unknown", "was never approved", one(RevokeAgent(NEW))),
    reject(
        RevokeAgent, 1003, "twice", "is already gone", one(RevokeAgent(KNOWN), RevokeAgent(KNOWN))
    ),
    list_malformed(RevokeAgent, (5, {"agent": bytes(20)}), (5, {"agent": TO + b"\x01"})),
]

CASES: list[Case] = [
    *TRANSFERS,
    *APPROVALS,
    *REVOCATIONS,
    *PLACES,
    *AMENDS,
    *CANCELS,
    *KIND_CASES,
    *SWITCHES,
    *MARKET_CASES,
    *TOKENS,
    *PAYMENTS,
    *REQUESTS,
    *SPONSORS,
    *RECOVERIES,
    *RECIPIENTS,
    *OFFERS,
    *STAKING_CASES,
    *FEE_CASES,
    *(list_malformed(message, *wrong) for message, wrong in WRONG_FIELDS.items()),
    *(list_malformed(message, *wrong) for message, wrong in WRONG_WALLET_FIELDS.items()),
    *(case for message in ALL_LEGS for case in list_admission(message)),
]

SAMPLES = [
    *(Sample(type(leg).__name__, make_body(leg)) for leg in ALL_LEGS.values()),
    Sample("every_wallet_leg", make_body(*WALLET_LEGS.values())),
    Sample(
        "every_leg",
        make_body(
            *(leg for kind, leg in SAMPLE_LEGS.items() if kind not in STAKING_LEGS),
            make_sell(client_id=2**64 - 1),
        ),
    ),
    Sample("every_leg_of_recovery", make_body(*RECOVERY_LEGS.values())),
    Sample("every_leg_of_staking", make_body(*STAKING_LEGS.values())),
    Sample(
        "every_field",
        make_body(
            CancelOrder(2**64 - 1),
            after=START_MS - 1,
            valid_until_ms=START_MS + 2 * DAY_MS,
            valid_until_height=2**64 - 1,
            atomic=True,
            max_unit_price=2**64 - 1,
        ),
    ),
    Sample(
        "every_kind_of_order",
        make_body(
            make_place(order_type=OrderType.STOP_LIMIT, trigger=6, time_in_force=TimeInForce.IOC),
            make_place(order_type=OrderType.TAKE_PROFIT, trigger=3, time_in_force=TimeInForce.FOK),
            make_place(
                order_type=OrderType.ICEBERG,
                display=2,
                time_in_force=TimeInForce.GTH,
                expires_height=2**64 - 1,
                post_only=PostOnly.SLIDE,
            ),
            make_place(post_only=PostOnly.REJECT, time_in_force=TimeInForce.GTT, expires_ms=7),
            make_place(order_type=OrderType.MARKET, time_in_force=TimeInForce.IOC),
            AmendOrder(1, 2, 3, 0, 5, 6, 7, 8, TimeInForce.GTH, PostOnly.OFF, 4),
        ),
    ),
    Sample("twice_the_same_kind", make_body(CancelOrder(1), make_place(), CancelOrder(2))),
]
