"""Cases of fees that are paid in another token, and of what keeps them from being paid so."""

from omg_abci.protocol.messages import (
    CancelOrder,
    Message,
    Pay,
    SetFeeOffer,
    SetLimits,
    SetRecipients,
    Transfer,
    UseFeeOffer,
    UseSponsorship,
)
from tests.strategies import DAY_MS, OWNERS, STRANGER
from tests.vectors.case_types import Case, Malformed, Tx, accept, by, make_body, make_place, reject
from tests.vectors.genesis import FEW
from tests.vectors.wrong_fields import Wrong

OWN, PROVIDER = OWNERS[0].address, OWNERS[1].address
OFFER = SetFeeOffer(3, 1, 50, 100_000, DAY_MS)
END = SetFeeOffer(3, 0, 0, 0, 0)
FIRST = UseFeeOffer(PROVIDER, 3, 100)
OFFERED = by(1, OFFER)
"""A block in which the second owner offers to pay fees: a token for each fifty of them."""
CANCEL = Tx((FIRST, CancelOrder(7)))

OFFER_LEGS: dict[type[Message], Message] = {SetFeeOffer: OFFER, UseFeeOffer: FIRST}


def refuse(
    code: int, name: str, note: str, *blocks: tuple[Tx, ...], tx: Tx = CANCEL, **more: object
) -> Case:
    """Return a case of a transaction that may not follow the blocks."""
    return Case(UseFeeOffer, "rejected", name, note, blocks, code, refused=tx, **more)  # type: ignore[arg-type]


OFFERS: list[Case] = [
    accept(SetFeeOffer, "made", "a deposit is reserved", OFFERED),
    accept(
        SetFeeOffer,
        "replaced",
        "the deposit stays, what was used counts no more",
        OFFERED,
        by(1, OFFER._replace(tokens=2, per=2**64 - 1, total=500)),
    ),
    accept(SetFeeOffer, "ended", "the deposit is free again", OFFERED, by(1, END)),
    reject(SetFeeOffer, 4014, "fee_token", "fees for fees", by(1, OFFER._replace(token=1))),
    reject(SetFeeOffer, 1001, "unknown_token", "no such token", by(1, OFFER._replace(token=4))),
    reject(SetFeeOffer, 4015, "past", "ends now", by(1, OFFER._replace(expires_ms=-1))),
    reject(
        SetFeeOffer, 4015, "far", "in two years", by(1, OFFER._replace(expires_ms=731 * DAY_MS))
    ),
    reject(SetFeeOffer, 4016, "ends_nothing", "there is no offer", by(1, END)),
    reject(
        SetFeeOffer,
        1011,
        "deposit_not_covered",
        "what is free goes to fees and elsewhere",
        (Tx((Transfer(OWN, 1, 1_976, 0, 0), OFFER), FEW),),
    ),
    accept(
        UseFeeOffer,
        "by_a_newcomer",
        "who has nothing but another token pays the fee with it",
        by(1, OFFER, Transfer(STRANGER.address, 3, 100, 0, 0)),
        (Tx((FIRST, Pay(OWN, 3, 40, 0, 0, 1, b"")), STRANGER),),
    ),
    accept(
        UseFeeOffer,
        "by_choice",
        "an owner that could pay itself; what was not used goes back",
        OFFERED,
        by(0, FIRST, make_place()),
    ),
    accept(
        UseFeeOffer,
        "cancels_first",
        "naming an offer leaves a transaction in its class",
        OFFERED,
        (Tx((make_place(),), OWNERS[2]), CANCEL),
    ),
    accept(
        UseFeeOffer,
        "replaced_in_the_block",
        "the rate is that before the block, what is left that of the new offer",
        OFFERED,
        (
            Tx((OFFER._replace(tokens=9, per=1, total=1),), OWNERS[1]),
            Tx((FIRST, make_place())),
        ),
    ),
    accept(
        UseFeeOffer,
        "ended_in_the_block",
        "was counted before: the provider still pays this one",
        OFFERED,
        (Tx((END,), OWNERS[1]), Tx((FIRST, make_place()))),
    ),
    reject(
        UseFeeOffer,
        1000,
        "fails_and_pays",
        "the fee is not given back when the legs are undone",
        OFFERED,
        by(0, FIRST, Transfer(PROVIDER, 3, 9_999, 0, 0), atomic=True),
    ),
    reject(
        UseFeeOffer,
        1000,
        "what_pays_is_taken_before",
        "the token that pays for the fee is not there for the legs",
        OFFERED,
        by(0, FIRST, Transfer(PROVIDER, 3, 4_990, 0, 0), atomic=True),
    ),
    refuse(32_044, "not_offered", "no such offer", by(1, OFFER._replace(token=2))),
    refuse(
        32_044,
        "expired",
        "at its time",
        by(1, OFFER._replace(expires_ms=1_000)),
        ahead_ms=(1_000, 1_000),
    ),
    refuse(
        32_045,
        "too_dear",
        "by one unit, rounded up",
        OFFERED,
        tx=Tx((FIRST._replace(max_amount=20), CancelOrder(7))),
    ),
    refuse(
        32_046,
        "exhausted",
        "what is left does not cover the declared fee",
        by(1, OFFER._replace(total=900)),
    ),
    refuse(
        32_047,
        "without_funds",
        "the provider does not cover the declared fee",
        (Tx((OFFER, Transfer(OWN, 1, 1_500, 0, 0)), FEW),),
        tx=Tx((FIRST._replace(provider=FEW.address), CancelOrder(7))),
    ),
    refuse(
        32_048,
        "tokens_not_covered",
        "the owner has too little of the token",
        (Tx((OFFER,), OWNERS[1]), Tx((Transfer(PROVIDER, 3, 4_980, 0, 0),))),
    ),
    refuse(
        32_049,
        "limited",
        "a limit of the token: another's offer would go around it",
        (Tx((OFFER,), OWNERS[1]), Tx((SetLimits(3, 4_000),))),
    ),
    refuse(
        32_050,
        "provider_not_allowed",
        "the account pays somebody else only",
        (Tx((OFFER,), OWNERS[1]), Tx((SetRecipients((OWNERS[2].address,)),))),
    ),
    accept(
        UseFeeOffer,
        "within_the_bounds",
        "a limit of another token, a list with the provider",
        (
            Tx((OFFER,), OWNERS[1]),
            Tx((SetLimits(2, 5), SetRecipients((PROVIDER,)))),
        ),
        (CANCEL,),
    ),
    Case(
        UseFeeOffer,
        "rejected",
        "not_first",
        "it is the first leg or none, and no sponsor is named beside it",
        malformed=(
            Malformed("behind another leg", 96, make_body(CancelOrder(1), FIRST)),
            Malformed("twice", 96, make_body(FIRST, CancelOrder(1), FIRST)),
            Malformed("behind a sponsor", 96, make_body(UseSponsorship(PROVIDER), FIRST)),
            Malformed("before a sponsor", 87, make_body(FIRST, UseSponsorship(PROVIDER))),
        ),
    ),
]

WRONG_OFFER_FIELDS: dict[type[Message], tuple[Wrong, ...]] = {
    SetFeeOffer: (
        (20, {"token": 0}),
        (19, {"total": 2**128}),
        (94, {"tokens": 0}),
        (94, {"per": 0}),
        (94, {"total": 0}),
        (28, {"total": 0, "tokens": 0, "per": 0}),
        (28, {"expires_ms": 0}),
    ),
    UseFeeOffer: (
        (5, {"provider": bytes(20)}),
        (20, {"token": 0}),
        (19, {"max_amount": 0}),
        (19, {"max_amount": 2**128}),
        (95, {"provider": OWN}),
    ),
}
