"""Hypothesis strategies for the messages of wallets, providers and issuers."""

from collections.abc import Iterable

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from omg_abci.protocol import limits
from omg_abci.protocol.messages import (
    Burn,
    CloseRequest,
    CloseToken,
    CreatePaymentRequest,
    CreateToken,
    Message,
    Mint,
    Pay,
    PayRequest,
    SetAllowance,
    SetFeeOffer,
    SetLimits,
    SetSponsorship,
    UseFeeOffer,
    UseSponsorship,
)
from tests.field_draws import addresses, client_ids, subaccounts, times

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
NEW_TOKEN = limits.CREATED_TOKEN_FIRST


def tokens(*, wide: bool) -> SearchStrategy[int]:
    """Draw tokens; small ones are the first that are created, some of genesis, one of nobody."""
    if wide:
        return st.integers(1, limits.U32_MAX)
    return st.sampled_from([*[NEW_TOKEN, NEW_TOKEN + 1] * 4, NEW_TOKEN + 2, 1, 3, 9])


def amounts(*, wide: bool) -> SearchStrategy[int]:
    """Draw amounts that meet a small supply and cap from both sides."""
    return st.integers(1, limits.AMOUNT_MAX) if wide else st.sampled_from([1, 5, 10, 40, 100])


@st.composite
def create_token(draw: st.DrawFn, *, wide: bool = False) -> CreateToken:
    """Draw tokens of every kind of issue; few symbols, so that they come again."""
    if wide:
        symbol = draw(st.text(_LETTERS, min_size=1, max_size=limits.SYMBOL_BYTES_MAX))
    else:
        symbol = draw(st.sampled_from(["GOLD", "MILES", "QUOTE"]))
    cap = draw(st.integers(1, limits.AMOUNT_MAX)) if wide else draw(st.sampled_from([40, 100]))
    mintable = draw(st.sampled_from([True, True, False]))
    supply = draw(st.integers(0, cap)) if mintable else cap
    decimals = draw(st.integers(0, limits.DECIMALS_MAX))
    return CreateToken(symbol, decimals, mintable, draw(st.booleans()), supply, cap)


def mint(*, wide: bool = False) -> SearchStrategy[Mint]:
    """Draw what issuers make, and others try to."""
    return st.builds(
        Mint, tokens(wide=wide), amounts(wide=wide), addresses(wide=wide), subaccounts(wide=wide)
    )


def burn(*, wide: bool = False) -> SearchStrategy[Burn]:
    """Draw what holders destroy, or do not have."""
    return st.builds(Burn, tokens(wide=wide), amounts(wide=wide), subaccounts(wide=wide))


def close_token(*, wide: bool = False) -> SearchStrategy[CloseToken]:
    """Draw the ends of tokens, most of them too early."""
    return st.builds(CloseToken, tokens(wide=wide))


def pay(*, wide: bool = False) -> SearchStrategy[Pay]:
    """Draw payments; ids come again, and most have none."""
    ids = st.integers(0, limits.U64_MAX) if wide else st.sampled_from([0, 0, 0, 1, 2])
    return st.builds(
        Pay,
        addresses(wide=wide),
        tokens(wide=wide),
        amounts(wide=wide),
        subaccounts(wide=wide),
        subaccounts(wide=wide),
        ids,
        st.binary(max_size=limits.MEMO_BYTES_MAX if wide else 2),
    )


@st.composite
def set_allowance(draw: st.DrawFn, *, wide: bool = False) -> SetAllowance:
    """Draw allowances, one in a few of nothing."""
    total = draw(st.just(0) | amounts(wide=wide))
    daily = draw(amounts(wide=wide)) if total else 0
    return SetAllowance(draw(addresses(wide=wide)), draw(tokens(wide=wide)), total, daily)


@st.composite
def create_payment_request(draw: st.DrawFn, *, wide: bool = False) -> CreatePaymentRequest:
    """Draw requests of few numbers: fixed and open, capped and not."""
    amount = draw(st.just(0) | amounts(wide=wide))
    top = limits.AMOUNT_MAX if wide else 2 * amount + 10
    cap = draw(st.just(0) | st.integers(max(amount, 1), top))
    uses = limits.U32_MAX if wide and not cap else limits.CAPPED_USES_MAX if wide else 3
    return CreatePaymentRequest(
        draw(client_ids(wide=True) if wide else st.integers(1, 3)),
        draw(tokens(wide=wide)),
        amount,
        draw(times(wide=wide)),
        draw(st.integers(1, uses)),
        cap,
        draw(subaccounts(wide=wide)),
        draw(st.binary(max_size=limits.MEMO_BYTES_MAX if wide else 2)),
    )


def pay_request(*, wide: bool = False) -> SearchStrategy[PayRequest]:
    """Draw what payers answer to requests that may be there."""
    ids = st.integers(0, limits.U64_MAX) if wide else st.sampled_from([0, 0, 0, 1, 2])
    numbers = client_ids(wide=True) if wide else st.integers(1, 3)
    return st.builds(
        PayRequest,
        addresses(wide=wide),
        numbers,
        tokens(wide=wide),
        amounts(wide=wide),
        subaccounts(wide=wide),
        ids,
    )


def close_request(*, wide: bool = False) -> SearchStrategy[CloseRequest]:
    """Draw what payees take back."""
    return st.builds(CloseRequest, client_ids(wide=True) if wide else st.integers(1, 3))


@st.composite
def set_sponsorship(draw: st.DrawFn, *, wide: bool = False) -> SetSponsorship:
    """Draw grants of a few transactions' fees, and their ends."""
    some = st.integers(1, limits.AMOUNT_MAX) if wide else st.sampled_from([900, 3_000, 50_000])
    total = draw(st.just(0) | some)
    expires_ms = draw(times(wide=wide)) if total else 0
    return SetSponsorship(draw(addresses(wide=wide)), total, expires_ms)


def use_sponsorship(*, wide: bool = False) -> SearchStrategy[UseSponsorship]:
    """Draw who is to pay."""
    return st.builds(UseSponsorship, addresses(wide=wide))


@st.composite
def set_fee_offer(draw: st.DrawFn, *, wide: bool = False) -> SetFeeOffer:
    """Draw offers of a few transactions' fees, and their ends."""
    some = st.integers(1, limits.AMOUNT_MAX) if wide else st.sampled_from([900, 3_000, 50_000])
    total = draw(st.just(0) | some)
    token = draw(tokens(wide=wide))
    if not total:
        return SetFeeOffer(token, 0, 0, 0, 0)
    rate = st.integers(1, limits.U64_MAX) if wide else st.sampled_from([1, 3, 700])
    return SetFeeOffer(token, draw(rate), draw(rate), total, draw(times(wide=wide)))


def use_fee_offer(*, wide: bool = False) -> SearchStrategy[UseFeeOffer]:
    """Draw whose offer pays the fee, and what it may cost."""
    most = amounts(wide=True) if wide else st.sampled_from([2, 500, 10**6])
    return st.builds(UseFeeOffer, addresses(wide=wide), tokens(wide=wide), most)


def name_payer_first(legs: Iterable[Message]) -> tuple[Message, ...]:
    """Return the legs with the first one that says who pays before them, and no other such."""
    drawn = tuple(legs)
    payers = [leg for leg in drawn if isinstance(leg, UseSponsorship | UseFeeOffer)]
    return (*payers[:1], *[leg for leg in drawn if leg not in payers])


def set_limits(*, wide: bool = False) -> SearchStrategy[SetLimits]:
    """Draw limits, one in a few of them lifted."""
    return st.builds(SetLimits, tokens(wide=wide), st.just(0) | amounts(wide=wide))


WALLET_MESSAGES: dict[type[Message], SearchStrategy[Message]] = {
    CreateToken: create_token(),
    Mint: mint(),
    Burn: burn(),
    CloseToken: close_token(),
    Pay: pay(),
    SetAllowance: set_allowance(),
    CreatePaymentRequest: create_payment_request(),
    PayRequest: pay_request(),
    CloseRequest: close_request(),
    SetSponsorship: set_sponsorship(),
    UseSponsorship: use_sponsorship(),
    SetFeeOffer: set_fee_offer(),
    UseFeeOffer: use_fee_offer(),
    SetLimits: set_limits(),
}
"""Small messages of each kind."""
WIDE_WALLET_MESSAGES: tuple[SearchStrategy[Message], ...] = (
    create_token(wide=True),
    mint(wide=True),
    burn(wide=True),
    close_token(wide=True),
    pay(wide=True),
    set_allowance(wide=True),
    create_payment_request(wide=True),
    pay_request(wide=True),
    close_request(wide=True),
    set_sponsorship(wide=True),
    use_sponsorship(wide=True),
    set_fee_offer(wide=True),
    use_fee_offer(wide=True),
    set_limits(wide=True),
)
