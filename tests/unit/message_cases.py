"""Good messages of wallets, and every change that makes one of them bad."""

from typing import Any, NamedTuple

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import (
    Burn,
    CancelRecovery,
    CloseRequest,
    CloseToken,
    CreatePaymentRequest,
    CreateToken,
    FinishRecovery,
    Message,
    Mint,
    Pay,
    PayRequest,
    SetAllowance,
    SetFeeOffer,
    SetGuardians,
    SetLimits,
    SetRecipients,
    SetSponsorship,
    StartRecovery,
    UseFeeOffer,
    UseSponsorship,
)

TO = b"\x11" * 20
FIXED = CreateToken("GOLD", 2, mintable=False, burnable=True, supply=9, cap=9)
MINTED = FIXED._replace(mintable=True, supply=0)
MINT = Mint(2, 5, TO, 0)
BURN = Burn(2, 5, 0)
NOTED = Pay(TO, 2, 5, 0, 0, 7, b"invoice 7")
ASK = CreatePaymentRequest(3, 2, 5, 9, 4, 7, 0, b"table 4")
ANSWER = PayRequest(TO, 3, 2, 5, 0, 7)
ALLOW = SetAllowance(TO, 2, 9, 3)
GRANT = SetSponsorship(TO, 5, 9)
USE = UseSponsorship(TO)
OFFER = SetFeeOffer(2, 3, 700, 5, 9)
ENDED_OFFER = SetFeeOffer(2, 0, 0, 0, 0)
TAKE = UseFeeOffer(TO, 2, 40)
GUARD = SetGuardians((TO, b"\x22" * 20), 2, 60_000)
NAMED = SetRecipients((TO, b"\x22" * 20))
START = StartRecovery(TO, b"\x33" * 20)
EIGHT = tuple(bytes([n]) * 20 for n in range(1, 9))

WALLET_GOOD: tuple[Message, ...] = (
    *(FIXED, MINTED, MINT, BURN, CloseToken(2)),
    *(ASK, ASK._replace(amount=0), ASK._replace(payer_cap=0, max_uses=2**32 - 1), ANSWER),
    CloseRequest(3),
    *(SetLimits(2, 5), SetLimits(2, 0)),
    *(GRANT, GRANT._replace(total=0, expires_ms=0), USE),
    *(OFFER, OFFER._replace(tokens=limits.U64_MAX, per=limits.U64_MAX), ENDED_OFFER),
    *(TAKE, TAKE._replace(max_amount=limits.AMOUNT_MAX)),
    *(GUARD, SetGuardians((), 0, 0), SetGuardians(EIGHT, 8, limits.RECOVERY_DELAY_MAX_MS)),
    *(NAMED, SetRecipients(()), SetRecipients((*EIGHT, *NAMED.recipients))),
    *(START, CancelRecovery(), FinishRecovery(TO)),
    *(NOTED, NOTED._replace(memo=bytes(64)), ALLOW, ALLOW._replace(total=0, daily=0)),
)


class Case(NamedTuple):
    """A good message, what is changed in it, and the refusal that it gets."""

    good: Message
    changes: dict[str, Any]
    error: type[errors.FormatError]


def bad(good: Message, error: type[errors.FormatError], **changes: object) -> Case:
    """Return a case."""
    return Case(good, dict(changes), error)


TOKEN_CASES = [
    *[bad(FIXED, errors.BadSymbol, symbol=text) for text in ("", "A" * 17, "gold", "G D", "GÖLD")],
    bad(FIXED, errors.BadDecimals, decimals=37),
    bad(FIXED, errors.BadCap, cap=0, supply=0),
    bad(FIXED, errors.BadCap, supply=8),
    bad(MINTED, errors.BadCap, supply=10),
    bad(MINTED, errors.BadCap, cap=0),
    bad(MINTED, errors.BadCap, cap=limits.AMOUNT_MAX + 1),
    *[bad(each, errors.BadToken, token=0) for each in (MINT, BURN, CloseToken(2))],
    *[bad(each, errors.BadAmount, amount=0) for each in (MINT, BURN)],
    bad(MINT, errors.BadAmount, amount=limits.AMOUNT_MAX + 1),
    bad(MINT, errors.BadAddress, to=bytes(20)),
    bad(MINT, errors.BadSubaccount, to_subaccount=256),
    bad(BURN, errors.BadSubaccount, from_subaccount=256),
]
REQUEST_CASES = [
    *[bad(each, errors.BadRequestId, request=0) for each in (ASK, ANSWER, CloseRequest(3))],
    *[bad(each, errors.BadToken, token=0) for each in (ASK, ANSWER)],
    *[bad(ASK, errors.BadAmount, **{name: 2**128}) for name in ("amount", "payer_cap")],
    bad(ASK, errors.BadAmount, amount=8),
    bad(ASK, errors.BadExpiry, expires_ms=0),
    *[bad(ASK, errors.BadUses, max_uses=uses) for uses in (0, 65)],
    bad(ASK._replace(payer_cap=0, max_uses=2**32 - 1), errors.BadUses, max_uses=0),
    bad(ASK, errors.BadSubaccount, to_subaccount=256),
    bad(ASK, errors.BadMemo, memo=bytes(65)),
    bad(ANSWER, errors.BadAddress, payee=bytes(20)),
    bad(ANSWER, errors.BadAmount, amount=0),
    bad(ANSWER, errors.BadSubaccount, from_subaccount=256),
]
SPONSOR_CASES = [
    bad(SetLimits(2, 5), errors.BadToken, token=0),
    bad(SetLimits(2, 5), errors.BadAmount, daily=2**128),
    bad(GRANT, errors.BadAddress, customer=bytes(20)),
    bad(GRANT, errors.BadAmount, total=2**128),
    bad(GRANT, errors.BadExpiry, total=0),
    bad(GRANT, errors.BadExpiry, expires_ms=0),
    bad(USE, errors.BadAddress, sponsor=TO[1:]),
]
OFFER_CASES = [
    *[bad(each, errors.BadToken, token=0) for each in (OFFER, ENDED_OFFER, TAKE)],
    bad(OFFER, errors.BadAmount, total=2**128),
    *[bad(OFFER, errors.BadRate, **{name: 0}) for name in ("tokens", "per")],
    *[bad(OFFER, errors.BadRate, **{name: 1 << 64}) for name in ("tokens", "per")],
    *[bad(ENDED_OFFER, errors.BadRate, **{name: 1}) for name in ("tokens", "per")],
    bad(OFFER, errors.BadExpiry, expires_ms=0),
    bad(ENDED_OFFER, errors.BadExpiry, expires_ms=9),
    bad(TAKE, errors.BadAddress, provider=bytes(20)),
    *[bad(TAKE, errors.BadAmount, max_amount=amount) for amount in (0, 2**128)],
]
PAYMENT_CASES = [
    bad(NOTED, errors.BadAddress, to=bytes(20)),
    bad(NOTED, errors.BadToken, token=0),
    *[bad(NOTED, errors.BadAmount, amount=amount) for amount in (0, limits.AMOUNT_MAX + 1)],
    bad(NOTED, errors.BadSubaccount, from_subaccount=256),
    bad(NOTED, errors.BadSubaccount, to_subaccount=256),
    bad(NOTED, errors.BadMemo, memo=bytes(65)),
    bad(ALLOW, errors.BadAddress, agent=bytes(20)),
    bad(ALLOW, errors.BadToken, token=0),
    *[bad(ALLOW, errors.BadAmount, **{name: 0}) for name in ("total", "daily")],
    *[bad(ALLOW, errors.BadAmount, **{name: 2**128}) for name in ("total", "daily")],
]
RECOVERY_CASES = [
    bad(GUARD, errors.BadAddress, guardians=(bytes(20), TO)),
    bad(GUARD, errors.BadAddress, guardians=(TO, TO[1:])),
    bad(GUARD, errors.BadGuardians, guardians=GUARD.guardians[::-1]),
    bad(GUARD, errors.BadGuardians, guardians=(TO, TO)),
    bad(GUARD, errors.BadGuardians, guardians=(*EIGHT, b"\x09" * 20)),
    *[bad(GUARD, errors.BadThreshold, threshold=threshold) for threshold in (0, 3)],
    bad(GUARD, errors.BadThreshold, guardians=()),
    *[
        bad(GUARD, errors.BadRecoveryDelay, delay_ms=delay_ms)
        for delay_ms in (0, 59_999, limits.RECOVERY_DELAY_MAX_MS + 1)
    ],
    bad(GUARD, errors.BadRecoveryDelay, guardians=(), threshold=0),
    *[bad(START, errors.BadAddress, **{name: bytes(20)}) for name in ("account", "key")],
    bad(NAMED, errors.BadAddress, recipients=(bytes(20), TO)),
    bad(NAMED, errors.BadRecipients, recipients=(TO, TO)),
    bad(NAMED, errors.BadRecipients, recipients=tuple(bytes([n]) * 20 for n in range(1, 18))),
    bad(START, errors.KeyIsAccount, key=TO),
    bad(FinishRecovery(TO), errors.BadAddress, account=TO[1:]),
]
WALLET_CASES = [
    *TOKEN_CASES,
    *PAYMENT_CASES,
    *REQUEST_CASES,
    *SPONSOR_CASES,
    *OFFER_CASES,
    *RECOVERY_CASES,
]
