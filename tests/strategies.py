"""Hypothesis strategies for messages, bodies, signed transactions and blocks.

Drawn small (the default) everything interacts: few owners, prices, lots and client ids, times
near the block's. Drawn wide every field takes its whole valid range, as the codec must.
"""

from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from omg_abci.protocol import limits
from omg_abci.protocol.codec import encode_body, encode_envelope
from omg_abci.protocol.crypto import sign_digest
from omg_abci.protocol.messages import (
    AmendOrder,
    ApproveAgent,
    CancelAll,
    CancelOrder,
    ChangeMarket,
    CreateMarket,
    CreatePaymentRequest,
    Message,
    Pay,
    PayRequest,
    PlaceOrder,
    RevokeAgent,
    SetAllowance,
    SetFeeOffer,
    SetGuardians,
    SetSponsorship,
    SetSwitch,
    SignedTx,
    Transfer,
    TxBody,
    UseFeeOffer,
    UseSponsorship,
)
from omg_abci.protocol.signing import Domain, compute_digest, compute_domain_separator
from omg_abci.protocol.terms import make_signed_tx
from omg_abci.protocol.units import OrderType, PostOnly, Scheme, SelfTrade, TimeInForce
from tests.cast import (
    AGENTS,
    CHAIN_ID,
    DAY_MS,
    DOMAIN,
    GENESIS,
    GUEST,
    OWNERS,
    PAST_HEIGHTS,
    PAST_MS,
    START_MS,
    STRANGER,
    Key,
    make_key,
    show,
)
from tests.field_draws import (
    KINDS,
    MARKETS,
    PLAIN_KIND,
    TRIGGERED,
    addresses,
    client_ids,
    heights,
    lots,
    markets,
    numbers,
    prices,
    steps,
    subaccounts,
    times,
)
from tests.strategies_markets import change_market, create_market
from tests.strategies_recovery import RECOVERY_MESSAGES, WIDE_RECOVERY
from tests.strategies_staking import STAKING_STRATEGIES, WIDE_STAKING
from tests.strategies_wallet import WALLET_MESSAGES, WIDE_WALLET_MESSAGES, name_payer_first

__all__ = (
    "AGENTS",
    "CHAIN_ID",
    "DAY_MS",
    "DOMAIN",
    "GENESIS",
    "GUEST",
    "OWNERS",
    "START_MS",
    "STRANGER",
    "Key",
    "make_key",
    "show",
)
"""What the tests of other packages take from here."""

# --- messages ---------------------------------------------------------------------------------


def transfer(*, wide: bool = False) -> SearchStrategy[Transfer]:
    """Draw transfers; most are within the balances of `GENESIS`."""
    return st.builds(
        Transfer,
        addresses(wide=wide),
        numbers(4, limits.U32_MAX, wide=wide),
        numbers(400, limits.AMOUNT_MAX, wide=wide),
        subaccounts(wide=wide),
        subaccounts(wide=wide),
    )


@st.composite
def place_order(draw: st.DrawFn, *, wide: bool = False, market: int = 0) -> PlaceOrder:
    """Draw orders of every kind, of one market or of few."""
    order_type, tif, post_only = draw(st.sampled_from([PLAIN_KIND] * 8 + KINDS))
    quantity = draw(lots(wide=wide))
    return PlaceOrder(
        market or draw(markets(wide=wide)),
        draw(st.sampled_from([1, 2])),
        order_type,
        tif,
        post_only,
        draw(prices(wide=wide)),
        quantity,
        draw(times(wide=wide)) if tif == TimeInForce.GTT else 0,
        draw(client_ids(wide=wide)),
        draw(subaccounts(wide=wide)),
        draw(st.integers(SelfTrade.CANCEL_NEWEST, SelfTrade.ALLOW)),
        draw(steps(wide=wide)),
        draw(heights(wide=wide)) if tif == TimeInForce.GTH else 0,
        draw(st.integers(1, quantity)) if order_type == OrderType.ICEBERG else 0,
        draw(prices(wide=wide)) if order_type in TRIGGERED else 0,
    )


@st.composite
def amend_order(draw: st.DrawFn, *, wide: bool = False) -> AmendOrder:
    """Draw amendments of one field or more."""
    usual = AmendOrder(draw(client_ids(wide=wide)), 0, 0, 0, draw(steps(wide=wide)))
    changes: dict[str, int] = {}
    fields = ["price", "quantity", "expiry", "display", "trigger", "post_only", "self_trade"]
    for field in draw(st.lists(st.sampled_from(fields), min_size=1, max_size=3, unique=True)):
        match field:
            case "price" | "trigger":
                changes[field] = draw(prices(wide=wide))
            case "quantity" | "display":
                changes[field] = draw(lots(wide=wide))
            case "post_only":
                changes[field] = draw(st.integers(PostOnly.REJECT, PostOnly.OFF))
            case "self_trade":
                changes[field] = draw(st.integers(SelfTrade.CANCEL_NEWEST, SelfTrade.ALLOW))
            case _:
                resting = [0, 0, TimeInForce.GTC, TimeInForce.GTT, TimeInForce.GTH]
                tif = changes["time_in_force"] = draw(st.sampled_from(resting))
                by_time = tif == TimeInForce.GTT or (tif == 0 and draw(st.booleans()))
                if by_time:
                    changes["expires_ms"] = draw(times(wide=wide))
                elif tif != TimeInForce.GTC:
                    changes["expires_height"] = draw(heights(wide=wide))
    return usual._replace(**changes)


def cancel_order(*, wide: bool = False) -> SearchStrategy[CancelOrder]:
    """Draw cancellations."""
    return st.builds(CancelOrder, client_ids(wide=wide))


def cancel_all(*, wide: bool = False) -> SearchStrategy[CancelAll]:
    """Draw mass cancellations of one market, of an unknown one, of all."""
    return st.builds(
        CancelAll,
        st.integers(0, limits.U32_MAX) if wide else st.sampled_from([0, 0, 1, *MARKETS]),
        st.integers(0, 2),
        st.integers(1, limits.CANCEL_ALL_MAX) if wide else st.integers(1, 4),
    )


def set_switch(*, wide: bool = False) -> SearchStrategy[SetSwitch]:
    """Draw dead-man's switches, one in a few of them off."""
    return st.builds(SetSwitch, st.just(0) | times(wide=wide) | times(wide=wide))


def approve_agent(*, wide: bool = False) -> SearchStrategy[ApproveAgent]:
    """Draw approvals."""
    return st.builds(ApproveAgent, addresses(wide=wide), st.integers(1, 7), times(wide=wide))


def revoke_agent(*, wide: bool = False) -> SearchStrategy[RevokeAgent]:
    """Draw revocations."""
    return st.builds(RevokeAgent, addresses(wide=wide))


MESSAGE_STRATEGIES: dict[type[Message], SearchStrategy[Message]] = {
    Transfer: transfer(),
    PlaceOrder: place_order(),
    AmendOrder: amend_order(),
    CancelOrder: cancel_order(),
    CancelAll: cancel_all(),
    ApproveAgent: approve_agent(),
    RevokeAgent: revoke_agent(),
    SetSwitch: set_switch(),
    CreateMarket: create_market(),
    ChangeMarket: change_market(),
    **WALLET_MESSAGES,
    **RECOVERY_MESSAGES,
    **STAKING_STRATEGIES,
}
"""Small messages of each kind."""
WIDE_MESSAGES: SearchStrategy[Message] = st.one_of(
    transfer(wide=True),
    place_order(wide=True),
    amend_order(wide=True),
    cancel_order(wide=True),
    cancel_all(wide=True),
    approve_agent(wide=True),
    revoke_agent(wide=True),
    set_switch(wide=True),
    create_market(wide=True),
    change_market(wide=True),
    *WIDE_WALLET_MESSAGES,
    WIDE_STAKING,
    WIDE_RECOVERY,
)


def trades(market: int = 0) -> SearchStrategy[Message]:
    """Draw what an agent may sign; most are places, few are cancels."""
    place, amend = place_order(market=market), MESSAGE_STRATEGIES[AmendOrder]
    cancels = st.one_of([MESSAGE_STRATEGIES[kind] for kind in (CancelOrder, CancelAll, SetSwitch)])
    kinds = st.sampled_from([place] * 12 + [amend] * 4 + [cancels])
    return kinds.flatmap(lambda kind: kind)


def messages() -> SearchStrategy[Message]:
    """Draw any small message."""
    owners = (Transfer, ApproveAgent, RevokeAgent, CreateMarket, ChangeMarket, ChangeMarket)
    few = [MESSAGE_STRATEGIES[kind] for kind in owners]
    few += [st.one_of(*WALLET_MESSAGES.values()), st.one_of(*STAKING_STRATEGIES.values())]
    few.append(st.one_of(*RECOVERY_MESSAGES.values()))
    kinds = st.sampled_from([trades()] * 15 + few)
    return kinds.flatmap(lambda kind: kind)


# --- bodies and transactions ------------------------------------------------------------------


@st.composite
def bodies(draw: st.DrawFn, scheme: int = Scheme.TYPED) -> TxBody:
    """Draw bodies whose every field may take its whole range."""
    legs_max = limits.LEGS_TYPED_MAX if scheme == Scheme.TYPED else 40
    nonce = draw(st.integers(1, (1 << 63) - 1))
    owner = draw(st.binary(min_size=20, max_size=20).filter(any))
    legs = draw(st.lists(WIDE_MESSAGES, min_size=1, max_size=draw(st.integers(1, legs_max))))
    return TxBody(
        draw(st.text(st.characters(codec="utf-8"), max_size=4)),
        owner,
        nonce,
        draw(st.integers(0, nonce - 1)),
        draw(st.just(0) | st.integers(nonce, nonce + limits.NONCE_AGE_MAX_MS)),
        draw(st.integers(0, limits.U64_MAX)),
        draw(st.booleans()),
        draw(st.integers(1, limits.U64_MAX)),
        tuple(legs),
    )


class TxPlan(NamedTuple):
    """A transaction before its block's time is known: nonce and expiries count from there."""

    owner: Key
    signer: Key
    nonce: int
    after: int
    atomic: bool
    max_unit_price: int
    valid_for_ms: int
    legs: tuple[Message, ...]


@st.composite
def tx_plans(draw: st.DrawFn, market: int = 0, legs_max: int = 6) -> TxPlan:
    """Draw transactions by owners and agents; most may enter a block."""
    owner = draw(st.sampled_from(OWNERS))
    signer = draw(st.sampled_from([owner] * 12 + [AGENTS[0]] * 4 + [*AGENTS]))
    legs = trades(market) if market or signer != owner else messages()
    return TxPlan(
        owner,
        signer,
        draw(st.integers(-40, 40)),
        draw(st.sampled_from([0] * 9 + [1, 2])),
        draw(st.sampled_from([False] * 5 + [True])),
        draw(st.sampled_from([2] * 15 + [1])),
        draw(st.sampled_from([0] * 6 + [1, 500, 2_000])),
        tuple(draw(st.lists(legs, min_size=1, max_size=legs_max))),
    )


def make_body(
    plan: TxPlan, time_ms: int, open_ids: Sequence[int] = (), height: int = PAST_HEIGHTS
) -> TxBody:
    """Return a plan's body for a block at this time; `open_ids` are the owner's orders."""
    nonce = time_ms + plan.nonce
    return TxBody(
        CHAIN_ID,
        plan.owner.address,
        nonce,
        nonce - plan.after if plan.after else 0,
        max(nonce, time_ms + plan.valid_for_ms) if plan.valid_for_ms else 0,
        0,
        plan.atomic,
        plan.max_unit_price,
        name_payer_first(
            fit_leg(move_leg(leg, time_ms, height), plan.owner.address, open_ids)
            for leg in plan.legs
        ),
    )


_ENDING = (
    *(PlaceOrder, AmendOrder, ApproveAgent, CreatePaymentRequest),
    *(SetSponsorship, SetFeeOffer),
)


def move_leg(leg: Message, time_ms: int, height: int) -> Message:
    """Return the leg with its times near a block's time, its expiry height near its height."""
    if isinstance(leg, PlaceOrder | AmendOrder) and leg.expires_height:
        leg = leg._replace(expires_height=max(1, height - PAST_HEIGHTS + leg.expires_height))
    if isinstance(leg, _ENDING) and leg.expires_ms:
        leg = leg._replace(expires_ms=time_ms - PAST_MS + leg.expires_ms)
    if isinstance(leg, SetSwitch) and leg.at_ms:
        leg = SetSwitch(time_ms - PAST_MS + leg.at_ms)
    return leg


def fit_leg(leg: Message, owner: bytes, open_ids: Sequence[int]) -> Message:
    """Return the leg with a target that suits the owner.

    Seven of eight amendments and cancellations go to one of the owner's open orders.
    """
    if isinstance(leg, AmendOrder | CancelOrder) and open_ids and leg.client_id % 8:
        leg = leg._replace(client_id=open_ids[leg.client_id % len(open_ids)])
    if isinstance(leg, Transfer | Pay) and leg.to == owner:
        leg = leg._replace(from_subaccount=0, to_subaccount=1)
    if isinstance(leg, PayRequest) and leg.payee == owner:
        leg = leg._replace(payee=GUEST.address)
    if isinstance(leg, SetSponsorship) and leg.customer == owner:
        leg = leg._replace(customer=GUEST.address)
    if isinstance(leg, UseSponsorship) and leg.sponsor == owner:
        leg = UseSponsorship(GUEST.address)
    if isinstance(leg, UseFeeOffer) and leg.provider == owner:
        leg = leg._replace(provider=GUEST.address)
    if isinstance(leg, ApproveAgent | SetAllowance) and leg.agent == owner:
        leg = leg._replace(agent=GUEST.address)
    if isinstance(leg, SetGuardians) and owner in leg.guardians:
        others = {*leg.guardians, GUEST.address} - {owner}
        leg = leg._replace(guardians=tuple(sorted(others)), threshold=1)
    return leg


def sign_body(
    body: TxBody, signer: Key, domain: Domain = DOMAIN, *, typed: bool = False
) -> SignedTx:
    """Return the signed transaction: typed by the owner's own key or if told, else raw."""
    scheme = Scheme.TYPED if typed or signer.address == body.owner else Scheme.RAW
    body.check(signer.address, scheme)
    data = encode_body(body)
    digest = compute_digest(compute_domain_separator(domain), scheme, data, body)
    raw = encode_envelope(data, signer.address, scheme, sign_digest(digest, signer.secret))
    return make_signed_tx(raw, digest, signer.address, scheme, body)


def sign_unchecked(body: TxBody, signer: Key, scheme: int) -> bytes:
    """Return the bytes of a transaction whose fields may be wrong, its digest raw or empty."""
    data = encode_body(body)
    digest = compute_digest(compute_domain_separator(DOMAIN), Scheme.RAW, data, body)
    return encode_envelope(data, signer.address, scheme, sign_digest(digest, signer.secret))


class BlockPlan(NamedTuple):
    """What happens next: a block, and what is done to the node around it."""

    ahead_ms: int
    txs: tuple[TxPlan, ...]
    rehearsed: bool
    restarted: bool
    attacked: int


def block_plans(market: int = 0, txs_max: int = 6, legs_max: int = 6) -> SearchStrategy[BlockPlan]:
    """Draw blocks a second apart, some sooner, a few days later."""
    return st.builds(
        BlockPlan,
        st.sampled_from([1, 7, *[1_000] * 10, 3_000, 2 * DAY_MS - 1, 2 * DAY_MS]),
        st.lists(tx_plans(market, legs_max), min_size=1, max_size=txs_max).map(tuple),
        st.booleans(),
        st.sampled_from([False, False, True]),
        st.integers(0, 20),
    )
