"""Cases of fees that a sponsor pays, and of what keeps it from paying."""

from omg_abci.protocol.messages import (
    CancelOrder,
    CloseRequest,
    CreatePaymentRequest,
    Message,
    Pay,
    PayRequest,
    SetSponsorship,
    Transfer,
    UseSponsorship,
)
from tests.strategies import AGENTS, DAY_MS, OWNERS, STRANGER
from tests.vectors.case_types import Case, Malformed, Tx, accept, by, make_body, make_place, reject
from tests.vectors.genesis import FEW
from tests.vectors.wrong_fields import Wrong

OWN, SPONSOR = OWNERS[0].address, OWNERS[1].address
POOR = FEW.address
FIRST = UseSponsorship(SPONSOR)
GRANT = SetSponsorship(OWN, 100_000, DAY_MS)
GRANTED = by(1, GRANT)
ASK = CreatePaymentRequest(3, 3, 50, DAY_MS, 1, 0, 0, b"")
"""A block in which the second owner grants something to the first."""

SPONSOR_LEGS: dict[type[Message], Message] = {SetSponsorship: GRANT, UseSponsorship: FIRST}
"""A leg of each kind; the first owner cannot sponsor itself, so the grant is another's."""
SPONSOR_LEGS[SetSponsorship] = SetSponsorship(SPONSOR, 100_000, DAY_MS)


def refuse(
    code: int, name: str, note: str, *blocks: tuple[Tx, ...], tx: Tx, **more: object
) -> Case:
    """Return a case of a transaction that may not follow the blocks."""
    return Case(UseSponsorship, "rejected", name, note, blocks, code, refused=tx, **more)  # type: ignore[arg-type]


NEWCOMER = Tx((FIRST, Pay(OWN, 3, 40, 0, 0, 1, b"")), STRANGER)
"""Somebody who has a few tokens, but nothing to pay fees with."""
NEW_GRANT = GRANT._replace(customer=STRANGER.address)

SPONSORS: list[Case] = [
    accept(SetSponsorship, "granted", "a deposit is reserved", GRANTED),
    accept(
        SetSponsorship,
        "replaced",
        "the deposit stays, what was used counts no more",
        GRANTED,
        by(1, GRANT._replace(total=500)),
    ),
    accept(
        SetSponsorship,
        "ended",
        "the deposit is free again",
        GRANTED,
        by(1, GRANT._replace(total=0, expires_ms=0)),
    ),
    reject(SetSponsorship, 4009, "past", "ends now", by(1, GRANT._replace(expires_ms=-1))),
    reject(
        SetSponsorship, 4009, "far", "in two years", by(1, GRANT._replace(expires_ms=731 * DAY_MS))
    ),
    reject(
        SetSponsorship,
        4010,
        "ends_nothing",
        "there is no grant",
        by(1, GRANT._replace(total=0, expires_ms=0)),
    ),
    reject(
        SetSponsorship,
        1011,
        "deposit_not_covered",
        "what is free goes to fees and elsewhere",
        (Tx((Transfer(OWN, 1, 1_974, 0, 0), GRANT), FEW),),
    ),
    accept(
        UseSponsorship,
        "by_a_newcomer",
        "who has nothing but another token pays and is paid",
        by(1, NEW_GRANT, Transfer(STRANGER.address, 3, 100, 0, 0)),
        (NEWCOMER,),
    ),
    accept(
        UseSponsorship,
        "by_choice",
        "an owner that could pay itself",
        GRANTED,
        by(0, FIRST, make_place()),
    ),
    accept(
        UseSponsorship,
        "cancels_first",
        "naming a sponsor leaves a transaction in its class",
        GRANTED,
        (Tx((make_place(),), OWNERS[2]), Tx((FIRST, CancelOrder(7)))),
    ),
    accept(
        UseSponsorship,
        "by_an_agent",
        "any agent may let the sponsor pay",
        GRANTED,
        by(0, FIRST, make_place(), signer=AGENTS[0]),
    ),
    accept(
        UseSponsorship,
        "ended_in_the_block",
        "was counted before: the sponsor still pays this one",
        GRANTED,
        (
            Tx((GRANT._replace(total=0, expires_ms=0),), OWNERS[1]),
            Tx((FIRST, CancelOrder(7))),
        ),
    ),
    accept(
        UseSponsorship,
        "lowered_in_the_block",
        "nothing is left of the lower grant",
        GRANTED,
        (
            Tx((GRANT._replace(total=1),), OWNERS[1]),
            Tx((FIRST, make_place())),
        ),
    ),
    reject(
        UseSponsorship,
        1000,
        "fails_and_pays",
        "the fee is not given back when the legs are undone",
        GRANTED,
        by(0, FIRST, Transfer(SPONSOR, 3, 9_999, 0, 0), atomic=True),
    ),
    accept(
        CreatePaymentRequest,
        "sponsored",
        "the sponsor's deposit, which goes back to it when the request is closed",
        GRANTED,
        by(0, FIRST, ASK),
        by(0, CloseRequest(3)),
    ),
    accept(
        CreatePaymentRequest,
        "sponsored_and_used",
        "the last payment gives the sponsor its deposit back, though it ended the grant",
        GRANTED,
        by(0, FIRST, ASK),
        by(1, GRANT._replace(total=0, expires_ms=0)),
        by(2, PayRequest(OWN, 3, 3, 50, 0, 0)),
    ),
    reject(
        CreatePaymentRequest,
        1011,
        "grant_covers_the_fee_alone",
        "deposit and declared fees are more than what is left of the grant",
        by(1, GRANT._replace(total=1_004)),
        by(0, FIRST, ASK),
    ),
    reject(
        CreatePaymentRequest,
        1011,
        "sponsor_without_funds",
        "what the declared fee leaves does not cover the deposit",
        (Tx((GRANT, Transfer(OWN, 1, 969, 0, 0)), FEW),),
        by(0, UseSponsorship(POOR), ASK),
    ),
    refuse(
        32_040, "not_granted", "no such grant", by(1, NEW_GRANT), tx=Tx((FIRST, CancelOrder(7)))
    ),
    refuse(
        32_040,
        "expired",
        "at its time",
        by(1, GRANT._replace(expires_ms=1_000)),
        tx=Tx((FIRST, CancelOrder(7))),
        ahead_ms=(1_000, 1_000),
    ),
    refuse(
        32_041,
        "exhausted",
        "the grant does not cover the declared fee",
        by(1, GRANT._replace(total=900)),
        tx=Tx((FIRST, CancelOrder(7))),
    ),
    refuse(
        32_042,
        "without_funds",
        "the sponsor does not cover the declared fee",
        (Tx((GRANT, Transfer(OWN, 1, 1_500, 0, 0)), FEW),),
        tx=Tx((UseSponsorship(POOR), CancelOrder(7))),
    ),
    Case(
        UseSponsorship,
        "rejected",
        "not_first",
        "it is the first leg or none",
        malformed=(
            Malformed("behind another leg", 87, make_body(CancelOrder(1), FIRST)),
            Malformed("twice", 87, make_body(FIRST, CancelOrder(1), UseSponsorship(POOR))),
        ),
    ),
]

WRONG_SPONSOR_FIELDS: dict[type[Message], tuple[Wrong, ...]] = {
    SetSponsorship: (
        (5, {"customer": bytes(20)}),
        (19, {"total": 2**128}),
        (28, {"total": 0}),
        (28, {"expires_ms": 0}),
        (86, {"customer": OWN}),
    ),
    UseSponsorship: ((5, {"sponsor": bytes(20)}), (86, {"sponsor": OWN})),
}
