"""The builders: a trader's defaults, every refusal before anything is signed, the right scheme."""

from collections.abc import Callable

import pytest
from coincurve import PrivateKey

from omg_abci.protocol import errors
from omg_abci.protocol.crypto import compute_address
from omg_abci.protocol.messages import (
    MESSAGES,
    AmendOrder,
    ApproveAgent,
    CancelAll,
    CreateMarket,
    CreatePaymentRequest,
    CreateToken,
    CreateValidator,
    Message,
    Pay,
    PlaceOrder,
    RevokeAgent,
    SetAllowance,
    Transfer,
)
from omg_abci.protocol.signing import compute_no_bridge_domain
from omg_abci.protocol.tx import Verifier
from omg_abci.protocol.units import (
    MarketAction,
    MarketMode,
    OrderType,
    PostOnly,
    Scheme,
    SelfTrade,
    Side,
    TimeInForce,
)
from wallet_sdk import build, build_recovery, build_stake, build_wallet

_DOMAIN = compute_no_bridge_domain("omg-test-1")
_SECRETS = [bytes([number]) * 32 for number in (1, 2)]
_OWNER, _AGENT = (compute_address(PrivateKey(each).public_key.format()) for each in _SECRETS)
_PUBLIC_KEY = PrivateKey(_SECRETS[0]).public_key.format()
_NOW_MS = 1_800_000_000_000

_BUILT: list[Message] = [
    build.transfer(_AGENT, 1, 5),
    build.place_order(1, Side.BUY, 10, 99, client_id=7),
    build.amend_order(7, price=98),
    build.cancel_order(7),
    build.cancel_all(),
    build.approve_agent(_AGENT, _NOW_MS),
    build.revoke_agent(_AGENT),
    build.set_switch(_NOW_MS),
    build.create_market(1, 2, base_unit=1_000, quote_unit=25),
    build.change_market(1, MarketAction.RESUME),
    build.create_token("GOLD", 2, supply=100),
    build.mint(9, 5, _AGENT),
    build.burn(9, 5),
    build.close_token(9),
    build.pay(_AGENT, 1, 5, memo=b"tea"),
    build.set_allowance(_AGENT, 1, 50),
    build_wallet.create_payment_request(3, 1, 50, _NOW_MS),
    build_wallet.pay_request(_AGENT, 3, 1, 50),
    build_wallet.close_request(3),
    build_wallet.set_sponsorship(_AGENT, 500, _NOW_MS),
    build_wallet.use_sponsorship(_AGENT),
    build_wallet.set_limits(1, 50),
    build_recovery.set_guardians([_OWNER, _AGENT], 1, 60_000),
    build_recovery.start_recovery(_OWNER, _AGENT),
    build_recovery.cancel_recovery(),
    build_recovery.finish_recovery(_OWNER),
    build_wallet.set_recipients([_OWNER, _AGENT]),
    build_wallet.set_fee_offer(2, 3, 700, 500, _NOW_MS),
    build_wallet.use_fee_offer(_AGENT, 2, 40),
    build_stake.create_validator(_PUBLIC_KEY, "one", 9, self_bond_min=8),
    build_stake.edit_validator("two", 0, 8),
    build_stake.unjail(),
    build_stake.delegate(_AGENT, 5),
    build_stake.undelegate(_AGENT, 5),
    build_stake.redelegate(_AGENT, _OWNER, 5),
    build_stake.claim_rewards(_AGENT),
    build_stake.set_vote(_AGENT, 1, 5),
]


def test_every_message_is_built() -> None:
    """One builder makes each kind of message."""
    assert tuple(type(message) for message in _BUILT) == MESSAGES


def test_defaults_are_a_traders() -> None:
    """What is not said is what a trader expects."""
    assert _BUILT[0] == Transfer(_AGENT, 1, 5, 0, 0)
    order = PlaceOrder(1, 1, 1, 1, 0, 99, 10, 0, 7, 0, 1, 16, 0, 0, 0)
    assert _BUILT[1] == order
    assert (order.time_in_force, order.self_trade) == (TimeInForce.GTC, SelfTrade.CANCEL_NEWEST)
    assert _BUILT[2] == AmendOrder(7, 98, 0, 0, 16, 0, 0, 0, 0, 0, 0)
    assert _BUILT[4] == CancelAll(0, 0, 1_000)
    assert _BUILT[5] == ApproveAgent(_AGENT, 1, _NOW_MS)
    assert _BUILT[6] == RevokeAgent(_AGENT)
    continuous = MarketMode.CONTINUOUS
    assert _BUILT[29] == CreateValidator(_PUBLIC_KEY, "one", 0, 10_000, 0, 8, 9)
    assert _BUILT[8] == CreateMarket(1, 2, 1_000, 25, 1, 2**48 - 1, continuous, 0, 60_000)


def test_an_allowance_is_for_one_day_unless_bounded() -> None:
    """Without a daily bound the total may be paid at once."""
    assert build.set_allowance(_AGENT, 1, 50) == SetAllowance(_AGENT, 1, 50, 50)
    assert build.set_allowance(_AGENT, 1, 0) == SetAllowance(_AGENT, 1, 0, 0)
    assert build.set_allowance(_AGENT, 1, 50, daily=5).daily == 5
    assert build.pay(_AGENT, 1, 5) == Pay(_AGENT, 1, 5, 0, 0, 0, b"")


def test_a_request_is_for_one_payment_unless_told() -> None:
    """It is used up by the first payment, and takes any sum of a payer."""
    usual = CreatePaymentRequest(3, 1, 50, _NOW_MS, 1, 0, 0, b"")
    assert build_wallet.create_payment_request(3, 1, 50, _NOW_MS) == usual


def test_another_token_is_sold_at_a_signed_worst_price() -> None:
    """The swap takes all or nothing, from the subaccount that pays."""
    payment = build.pay(_AGENT, 1, 5, from_subaccount=2)
    swap, last = build_wallet.pay_with_another_token(
        payment, 4, Side.SELL, 10, worst_price=99, client_id=7
    )
    assert last == payment
    assert isinstance(swap, PlaceOrder)
    assert (swap.order_type, swap.time_in_force) == (OrderType.MARKET, TimeInForce.FOK)
    assert (swap.side, swap.price, swap.subaccount) == (Side.SELL, 99, 2)
    with pytest.raises(errors.BadPrice):
        build_wallet.pay_with_another_token(payment, 4, Side.SELL, 10, 0, client_id=7)


def test_a_tokens_terms_follow_from_its_supply() -> None:
    """What is all there at once is fixed; what is not can be minted, to any amount."""
    assert build.create_token("GOLD", 2, supply=100) == CreateToken(
        "GOLD", 2, mintable=False, burnable=True, supply=100, cap=100
    )
    assert build.create_token("MILES", 0).cap == 2**128 - 1
    assert build.create_token("MILES", 0).mintable
    assert build.create_token("MILES", 0, supply=5, cap=9).mintable
    with pytest.raises(errors.BadCap):
        build.create_token("MILES", 0, supply=5, cap=9, mintable=False)


def test_time_in_force_follows_from_the_order() -> None:
    """A market order takes now, an order with an expiry lives until it; what is said counts."""
    market = build.place_order(1, Side.SELL, 1, 1, client_id=1, order_type=OrderType.MARKET)
    assert market.time_in_force == TimeInForce.IOC
    timed = build.place_order(1, Side.SELL, 1, 1, client_id=1, expires_ms=_NOW_MS)
    assert timed.time_in_force == TimeInForce.GTT
    high = build.place_order(1, Side.SELL, 1, 1, client_id=1, expires_height=9)
    assert high.time_in_force == TimeInForce.GTH
    fok = TimeInForce.FOK
    said = build.place_order(1, Side.SELL, 1, 1, client_id=1, time_in_force=fok)
    assert said.time_in_force == fok


def test_orders_of_every_type() -> None:
    """What an order needs besides price and quantity is given by name."""
    iceberg = build.place_order(
        1, Side.BUY, 9, 5, client_id=1, order_type=OrderType.ICEBERG, display=2
    )
    assert (iceberg.order_type, iceberg.display, iceberg.trigger) == (5, 2, 0)
    stop = build.place_order(
        1, Side.BUY, 9, 5, client_id=1, order_type=OrderType.STOP_LIMIT, trigger=4
    )
    assert (stop.order_type, stop.trigger, stop.time_in_force) == (3, 4, TimeInForce.GTC)


def test_post_only_as_a_mode_or_a_bool() -> None:
    """True refuses an order that would take; the mode says it as well, or lets it slide."""
    for said, mode in ((True, 1), (False, 0), (PostOnly.REJECT, 1), (PostOnly.SLIDE, 2)):
        order = build.place_order(1, Side.BUY, 1, 1, client_id=1, post_only=said)
        assert order.post_only == mode
        assert type(order.post_only) is int


def test_an_amendment_says_what_changes() -> None:
    """A new time in force comes with its expiry; what is not said is zero."""
    amended = build.amend_order(
        7,
        time_in_force=TimeInForce.GTH,
        expires_height=9,
        post_only=PostOnly.OFF,
        self_trade=SelfTrade.ALLOW,
    )
    assert amended == AmendOrder(7, 0, 0, 0, 16, 9, 0, 0, TimeInForce.GTH, 3, SelfTrade.ALLOW)
    assert build.amend_order(7, display=2, trigger=3)[6:8] == (2, 3)


_REFUSED: list[tuple[Callable[[], object], type[errors.TxError]]] = [
    (lambda: build.transfer(bytes(20), 1, 1), errors.BadAddress),
    (lambda: build.transfer(_AGENT, 0, 1), errors.BadToken),
    (lambda: build.transfer(_AGENT, 1, 0), errors.BadAmount),
    (lambda: build.transfer(_AGENT, 1, 1, to_subaccount=256), errors.BadSubaccount),
    (lambda: build.place_order(1, Side.BUY, 0, 1, client_id=1), errors.BadQuantity),
    (lambda: build.place_order(1, Side.BUY, 1, 0, client_id=1), errors.BadPrice),
    (lambda: build.place_order(1, Side.BUY, 1, 1, client_id=0), errors.BadClientId),
    (
        lambda: build.place_order(1, Side.BUY, 1, 1, client_id=1, max_matches=257),
        errors.BadMaxMatches,
    ),
    (lambda: build.amend_order(7), errors.NothingToAmend),
    (
        lambda: build.place_order(1, Side.BUY, 1, 1, client_id=1, display=1),
        errors.DisplayNotAllowed,
    ),
    (
        lambda: build.place_order(1, Side.BUY, 1, 1, client_id=1, post_only=PostOnly.OFF),
        errors.BadPostOnly,
    ),
    (lambda: build.amend_order(7, time_in_force=TimeInForce.IOC), errors.AmendImmediate),
    (lambda: build.create_market(1, 1, base_unit=1, quote_unit=1), errors.SameTokens),
    (lambda: build.create_market(1, 2, base_unit=1, quote_unit=3), errors.BadUnit),
    (lambda: build.change_market(0, MarketAction.DELIST), errors.BadMarket),
    (lambda: build.cancel_order(0), errors.BadClientId),
    (lambda: build.cancel_all(max_orders=0), errors.BadMaxOrders),
    (lambda: build.approve_agent(_AGENT, 0), errors.BadExpiry),
    (lambda: build.revoke_agent(b"\1"), errors.BadAddress),
    (
        lambda: build.build_body("omg-test-1", _OWNER, (), nonce=_NOW_MS, max_unit_price=1),
        errors.NoLegs,
    ),
    (
        lambda: build.build_body("c", _OWNER, _BUILT, nonce=0, max_unit_price=1),
        errors.BadNonce,
    ),
    (
        lambda: build.build_body("c", _OWNER, _BUILT[3:4] * 17, nonce=9, max_unit_price=1),
        errors.TooManyLegs,
    ),
]


@pytest.mark.parametrize(("make", "refusal"), _REFUSED)
def test_what_a_node_would_refuse_is_refused_here(
    make: Callable[[], object], refusal: type[errors.TxError]
) -> None:
    """Each mistake has the chain's own error."""
    with pytest.raises(refusal):
        make()


def test_an_owner_signs_typed_and_an_agent_raw() -> None:
    """What is signed verifies, with the scheme that the signer must use."""
    verifier = Verifier(_DOMAIN)
    for signer, secret, scheme in (
        (_OWNER, _SECRETS[0], Scheme.TYPED),
        (_AGENT, _SECRETS[1], Scheme.RAW),
    ):
        body = build.build_body(
            "omg-test-1", _OWNER, _BUILT[1:4], nonce=_NOW_MS, max_unit_price=1, signer=signer
        )
        tx = verifier.verify_tx(build.sign(_DOMAIN, body, signer, secret))
        assert (tx.body, tx.signer, tx.scheme) == (body, signer, scheme)


def test_a_key_that_guardians_gave_signs_typed() -> None:
    """It is the owner's own key: what it signs is shown, and holds as few legs."""
    body = build.build_body(
        "omg-test-1",
        _OWNER,
        _BUILT[:1],
        nonce=_NOW_MS,
        max_unit_price=1,
        signer=_AGENT,
        is_own_key=True,
    )
    raw = build.sign(_DOMAIN, body, _AGENT, _SECRETS[1], is_own_key=True)
    tx = Verifier(_DOMAIN).verify_tx(raw)
    assert (tx.body, tx.signer, tx.scheme) == (body, _AGENT, Scheme.TYPED)
    with pytest.raises(errors.TooManyLegs):
        build.build_body(
            "omg-test-1",
            _OWNER,
            _BUILT[3:4] * 17,
            nonce=_NOW_MS,
            max_unit_price=1,
            signer=_AGENT,
            is_own_key=True,
        )


def test_agents_may_send_more_legs() -> None:
    """An agent's transaction holds 256 legs, an owner's 16."""
    legs = [build.cancel_order(number) for number in range(1, 257)]
    body = build.build_body("c", _OWNER, legs, nonce=9, max_unit_price=1, signer=_AGENT)
    assert len(body.legs) == 256
