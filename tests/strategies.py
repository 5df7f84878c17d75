"""Hypothesis strategies for messages, bodies, signed transactions and blocks.

Drawn small (the default) everything interacts: few owners, prices, lots and client ids, times
near the block's. Drawn wide every field takes its whole valid range, as the codec must.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from omg_abci.protocol import limits
from omg_abci.protocol.codec import encode_body, encode_envelope
from omg_abci.protocol.crypto import recover_signer, sign_digest
from omg_abci.protocol.messages import (
    AmendOrder,
    ApproveAgent,
    CancelAll,
    CancelOrder,
    Message,
    PlaceOrder,
    RevokeAgent,
    SignedTx,
    Transfer,
    TxBody,
)
from omg_abci.protocol.signing import (
    Domain,
    compute_digest,
    compute_domain_separator,
    compute_no_bridge_domain,
)
from omg_abci.protocol.units import OrderType, Scheme, SelfTrade, TimeInForce

CHAIN_ID = "omg-test"
DOMAIN = compute_no_bridge_domain(CHAIN_ID)
START_MS = 1_700_000_000_000
"""The time of the blocks before the first drawn one."""
DAY_MS = 24 * 3600 * 1000
PAST_MS = 1_000
"""Drawn expiries count from this long before the block's time."""


class Key(NamedTuple):
    """A secret and its address."""

    secret: bytes
    address: bytes


def make_key(number: int) -> Key:
    """Return the key whose secret is a small number."""
    secret = number.to_bytes(32, "big")
    return Key(secret, recover_signer(bytes(32), sign_digest(bytes(32), secret)))


def show(key: Key) -> str:
    """Return a key's address as JSON has it."""
    return "0x" + key.address.hex()


OWNERS = tuple(make_key(number) for number in range(1, 5))
AGENTS = tuple(make_key(number) for number in range(11, 14))
KEYS = (*OWNERS, *AGENTS)
GUEST = make_key(98)
"""Somebody whom owners may approve."""
STRANGER = make_key(99)
"""Somebody whom nobody approves."""

GENESIS: dict[str, Any] = {
    "fee_token": 1,
    "unit_price": "2",
    "root_interval": 4,
    "tokens": [
        {"id": 1, "symbol": "OMG", "decimals": 18},
        {"id": 2, "symbol": "BASE", "decimals": 8},
        {"id": 3, "symbol": "QUOTE", "decimals": 6},
    ],
    "markets": [
        {
            "id": 1,
            "base": 2,
            "quote": 3,
            "base_unit": "10",
            "quote_unit": "3",
            "lots_min": 2,
            "lots_max": 40,
        },
        {
            "id": 2,
            "base": 3,
            "quote": 1,
            "base_unit": "1",
            "quote_unit": "700",
            "lots_min": 2,
            "lots_max": 9,
        },
    ],
    "balances": [
        {"owner": show(key), "subaccount": sub, "token": token, "amount": str(amount)}
        for place, key in enumerate(OWNERS)
        for sub, token, amount in (
            (0, 1, 3_000 if place == len(OWNERS) - 1 else 400_000),
            (0, 2, 3_000),
            (0, 3, 5_000),
            (1, 2, 300),
            (1, 3, 400),
        )
    ],
    "agents": [
        {
            "owner": show(owner),
            "agent": show(agent),
            "scope": 1,
            "expires_ms": expires_ms,
        }
        for owner, agent, expires_ms in (
            (OWNERS[0], AGENTS[0], START_MS + 300 * DAY_MS),
            (OWNERS[1], AGENTS[0], START_MS + 300 * DAY_MS),
            (OWNERS[1], AGENTS[1], START_MS + 3_500),
        )
    ],
}
"""Owners that can trade, one that can hardly pay, agents of one and of two owners."""


# --- messages ---------------------------------------------------------------------------------


def _number(most: int, top: int, *, wide: bool) -> SearchStrategy[int]:
    return st.integers(1, top if wide else most)


def _address(*, wide: bool) -> SearchStrategy[bytes]:
    if wide:
        return st.binary(min_size=20, max_size=20).filter(any)
    return st.sampled_from([key.address for key in KEYS])


def _expiry(*, wide: bool) -> SearchStrategy[int]:
    if wide:
        return st.integers(1, limits.U64_MAX)
    near = [PAST_MS - 1, PAST_MS, PAST_MS + 1, 1_500, 2_000, 2_500, 3_000, 5_000]
    far = [limits.EXPIRY_AHEAD_MAX_MS + PAST_MS, limits.EXPIRY_AHEAD_MAX_MS + PAST_MS + 1]
    return st.sampled_from(near * 3 + far)


def _subaccount(*, wide: bool) -> SearchStrategy[int]:
    return st.integers(0, 255) if wide else st.sampled_from([0, 0, 0, 1])


def _client_id(*, wide: bool) -> SearchStrategy[int]:
    return _number(24, limits.U64_MAX, wide=wide)


def transfer(*, wide: bool = False) -> SearchStrategy[Transfer]:
    """Draw transfers; most are within the balances of `GENESIS`."""
    return st.builds(
        Transfer,
        _address(wide=wide),
        _number(4, limits.U32_MAX, wide=wide),
        _number(400, limits.AMOUNT_MAX, wide=wide),
        _subaccount(wide=wide),
        _subaccount(wide=wide),
    )


def place_order(*, wide: bool = False, market: int = 0) -> SearchStrategy[PlaceOrder]:
    """Draw orders of every kind, of one market or of few."""
    limit, at_market = OrderType.LIMIT, OrderType.MARKET
    resting = [(limit, tif, post) for tif in (TimeInForce.GTC, TimeInForce.GTT) for post in (0, 1)]
    taking = [
        (kind, tif, 0) for kind in (limit, at_market) for tif in (TimeInForce.IOC, TimeInForce.FOK)
    ]

    def build(kind: tuple[int, int, int], expires_ms: int, *rest: int) -> PlaceOrder:
        number, side, price, quantity, client_id, subaccount, self_trade, steps_max = rest
        until = expires_ms if kind[1] == TimeInForce.GTT else 0
        head = (number, side, kind[0], kind[1], bool(kind[2]), price, quantity, until)
        return PlaceOrder(*head, client_id, subaccount, self_trade, steps_max)

    markets = st.integers(1, limits.U32_MAX) if wide else st.sampled_from([1, 1, 1, 1, 2, 2, 3])
    lots = st.integers(1, limits.QUANTITY_LOTS_MAX) if wide else st.sampled_from([*range(1, 8), 41])
    steps = st.integers(1, limits.MATCHES_MAX) if wide else st.sampled_from([1, 2, 3, 4, 16])
    return st.builds(
        build,
        st.sampled_from([*resting[:1] * 4, *resting * 2, *taking]),
        _expiry(wide=wide),
        st.just(market) if market else markets,
        st.sampled_from([1, 2]),
        _number(5, limits.PRICE_TICKS_MAX, wide=wide),
        lots,
        _client_id(wide=wide),
        _subaccount(wide=wide),
        st.integers(SelfTrade.CANCEL_NEWEST, SelfTrade.ALLOW),
        steps,
    )


def amend_order(*, wide: bool = False) -> SearchStrategy[AmendOrder]:
    """Draw amendments of one to three fields."""
    return st.builds(
        AmendOrder,
        _client_id(wide=wide),
        st.just(0) | _number(5, limits.PRICE_TICKS_MAX, wide=wide),
        st.just(0) | _number(8, limits.QUANTITY_LOTS_MAX, wide=wide),
        st.just(0) | _expiry(wide=wide),
        st.integers(1, limits.MATCHES_MAX) if wide else st.integers(1, 4),
    ).filter(lambda leg: leg.price or leg.quantity or leg.expires_ms)


def cancel_order(*, wide: bool = False) -> SearchStrategy[CancelOrder]:
    """Draw cancellations."""
    return st.builds(CancelOrder, _client_id(wide=wide))


def cancel_all(*, wide: bool = False) -> SearchStrategy[CancelAll]:
    """Draw mass cancellations of one market, of an unknown one, of all."""
    return st.builds(
        CancelAll,
        st.integers(0, limits.U32_MAX) if wide else st.integers(0, 3),
        st.integers(0, 2),
        st.integers(1, limits.CANCEL_ALL_MAX) if wide else st.integers(1, 4),
    )


def approve_agent(*, wide: bool = False) -> SearchStrategy[ApproveAgent]:
    """Draw approvals."""
    return st.builds(ApproveAgent, _address(wide=wide), st.just(1), _expiry(wide=wide))


def revoke_agent(*, wide: bool = False) -> SearchStrategy[RevokeAgent]:
    """Draw revocations."""
    return st.builds(RevokeAgent, _address(wide=wide))


MESSAGE_STRATEGIES: dict[type[Message], SearchStrategy[Message]] = {
    Transfer: transfer(),
    PlaceOrder: place_order(),
    AmendOrder: amend_order(),
    CancelOrder: cancel_order(),
    CancelAll: cancel_all(),
    ApproveAgent: approve_agent(),
    RevokeAgent: revoke_agent(),
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
)


def trades(market: int = 0) -> SearchStrategy[Message]:
    """Draw what an agent may sign; most are places, few are cancels."""
    place, amend = place_order(market=market), MESSAGE_STRATEGIES[AmendOrder]
    cancels = st.one_of(MESSAGE_STRATEGIES[CancelOrder], MESSAGE_STRATEGIES[CancelAll])
    kinds = st.sampled_from([place] * 12 + [amend] * 4 + [cancels])
    return kinds.flatmap(lambda kind: kind)


def messages() -> SearchStrategy[Message]:
    """Draw any small message."""
    accounts = [MESSAGE_STRATEGIES[kind] for kind in (Transfer, ApproveAgent, RevokeAgent)]
    kinds = st.sampled_from([trades()] * 9 + accounts)
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


def make_body(plan: TxPlan, time_ms: int, open_ids: Sequence[int] = ()) -> TxBody:
    """Return the body of a plan for a block at this time; `open_ids` are the owner's orders."""
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
        tuple(fit_leg(leg, plan.owner.address, time_ms, open_ids) for leg in plan.legs),
    )


def fit_leg(leg: Message, owner: bytes, time_ms: int, open_ids: Sequence[int]) -> Message:
    """Return the leg with its expiry near the block's time and a target that suits the owner.

    Seven of eight amendments and cancellations go to one of the owner's open orders.
    """
    if isinstance(leg, PlaceOrder | AmendOrder | ApproveAgent) and leg.expires_ms:
        leg = leg._replace(expires_ms=time_ms - PAST_MS + leg.expires_ms)
    if isinstance(leg, AmendOrder | CancelOrder) and open_ids and leg.client_id % 8:
        leg = leg._replace(client_id=open_ids[leg.client_id % len(open_ids)])
    if isinstance(leg, Transfer) and leg.to == owner:
        leg = leg._replace(from_subaccount=0, to_subaccount=1)
    if isinstance(leg, ApproveAgent) and leg.agent == owner:
        leg = leg._replace(agent=GUEST.address)
    return leg


def sign_body(body: TxBody, signer: Key, domain: Domain = DOMAIN) -> SignedTx:
    """Return the signed transaction: typed by the owner's own key, raw by any other."""
    scheme = Scheme.TYPED if signer.address == body.owner else Scheme.RAW
    body.check(signer.address, scheme)
    data = encode_body(body)
    digest = compute_digest(compute_domain_separator(domain), scheme, data, body)
    raw = encode_envelope(data, signer.address, scheme, sign_digest(digest, signer.secret))
    return SignedTx(raw, digest, signer.address, scheme, body)


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
