"""Every refusal of a message's own check: a good message, changed as little as makes it bad."""

from typing import Any

import pytest

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import (
    MESSAGES,
    PAY_MESSAGES,
    TRADE_MESSAGES,
    AmendOrder,
    ApproveAgent,
    Burn,
    CancelAll,
    CancelOrder,
    CancelRecovery,
    ChangeMarket,
    CloseRequest,
    CloseToken,
    CreateMarket,
    CreatePaymentRequest,
    CreateToken,
    FinishRecovery,
    Message,
    Mint,
    Pay,
    PayRequest,
    PlaceOrder,
    RevokeAgent,
    SetAllowance,
    SetFeeOffer,
    SetGuardians,
    SetLimits,
    SetRecipients,
    SetSponsorship,
    SetSwitch,
    StartRecovery,
    Transfer,
    Unjail,
    UseFeeOffer,
    UseSponsorship,
)
from omg_abci.protocol.messages_markets import is_unit
from omg_abci.protocol.units import (
    RESTING_TIFS,
    OrderType,
    PostOnly,
    SelfTrade,
    TimeInForce,
    rests,
)
from tests.unit.message_cases import WALLET_CASES, WALLET_GOOD, Case, bad
from tests.unit.message_cases_staking import STAKING, STAKING_CASES

TO = b"\x11" * 20
PAY = Transfer(TO, 2, 5, 0, 0)
PLACE = PlaceOrder(1, 1, OrderType.LIMIT, TimeInForce.GTC, 0, 2, 3, 0, 9, 0, 1, 4)
TAKE = PLACE._replace(time_in_force=TimeInForce.IOC)
TIMED = PLACE._replace(time_in_force=TimeInForce.GTT, expires_ms=8)
HIGH = PLACE._replace(time_in_force=TimeInForce.GTH, expires_height=8)
AT_MARKET = TAKE._replace(order_type=OrderType.MARKET)
ICEBERG = PLACE._replace(order_type=OrderType.ICEBERG, display=2)
STOP = PLACE._replace(order_type=OrderType.STOP_LIMIT, trigger=7)
PROFIT = STOP._replace(order_type=OrderType.TAKE_PROFIT)
AMEND = AmendOrder(9, 1, 1, 0, 4)
UNTIL = AmendOrder(9, 0, 0, 8, 4, time_in_force=TimeInForce.GTT)
BELOW = AmendOrder(9, 0, 0, 0, 4, expires_height=8, time_in_force=TimeInForce.GTH)
CREATE = CreateMarket(1, 2, 1_000, 25, 1, 9, 1, 500, 60_000)
U64 = limits.U64_MAX
NEGATIVE = -1
"""What an enumeration can be on the wire, though no number of it is below zero."""

GOOD: tuple[Message, ...] = (
    PAY,
    *(PLACE, TAKE, TIMED, HIGH, AT_MARKET, ICEBERG, STOP, PROFIT),
    *(AMEND, UNTIL, BELOW),
    CancelOrder(1),
    CancelAll(0, 0, 1),
    ApproveAgent(TO, 1, 5),
    RevokeAgent(TO),
    SetSwitch(5),
    CREATE,
    ChangeMarket(1, 2),
    *WALLET_GOOD,
    *STAKING,
    Unjail(),
)


ACCOUNT_CASES = [
    bad(PAY, errors.BadAddress, to=bytes(20)),
    bad(PAY, errors.BadAddress, to=TO[1:]),
    bad(PAY, errors.BadToken, token=0),
    bad(PAY, errors.BadAmount, amount=0),
    bad(PAY, errors.BadAmount, amount=limits.AMOUNT_MAX + 1),
    bad(PAY, errors.BadSubaccount, from_subaccount=256),
    bad(PAY, errors.BadSubaccount, to_subaccount=256),
    bad(ApproveAgent(TO, 1, 5), errors.BadAddress, agent=bytes(20)),
    bad(ApproveAgent(TO, 1, 5), errors.BadScope, scope=0),
    bad(ApproveAgent(TO, 1, 5), errors.BadScope, scope=1 << 31),
    bad(ApproveAgent(TO, 1, 5), errors.BadExpiry, expires_ms=0),
    bad(RevokeAgent(TO), errors.BadAddress, agent=bytes(20)),
]
PLACE_CASES = [
    bad(PLACE, errors.BadMarket, market=0),
    *[bad(PLACE, errors.BadSide, side=side) for side in (0, 3, NEGATIVE)],
    *[bad(PLACE, errors.BadOrderType, order_type=kind) for kind in (0, 6, NEGATIVE)],
    *[bad(PLACE, errors.BadTimeInForce, time_in_force=tif) for tif in (0, 6, NEGATIVE)],
    *[bad(AT_MARKET, errors.MarketOrderRests, time_in_force=tif) for tif in RESTING_TIFS],
    *[bad(ICEBERG, errors.IcebergImmediate, time_in_force=tif) for tif in (3, 4)],
    *[bad(PLACE, errors.BadPostOnly, post_only=mode) for mode in (PostOnly.OFF, 4, NEGATIVE)],
    *[bad(TAKE, errors.PostOnlyImmediate, post_only=mode) for mode in (1, 2)],
    bad(AT_MARKET, errors.PostOnlyImmediate, post_only=1),
    *[bad(good, errors.PostOnlyTriggered, post_only=1) for good in (STOP, PROFIT)],
    bad(PLACE, errors.BadPrice, price=0),
    bad(PLACE, errors.BadPrice, price=limits.PRICE_TICKS_MAX + 1),
    bad(PLACE, errors.BadQuantity, quantity=0),
    bad(PLACE, errors.BadQuantity, quantity=limits.QUANTITY_LOTS_MAX + 1),
    bad(TIMED, errors.BadExpiry, expires_ms=0),
    *[bad(good, errors.ExpiryNotAllowed, expires_ms=8) for good in (PLACE, TAKE, HIGH)],
    bad(HIGH, errors.BadExpiryHeight, expires_height=0),
    *[bad(good, errors.HeightNotAllowed, expires_height=8) for good in (PLACE, TAKE, TIMED)],
    bad(ICEBERG, errors.BadDisplay, display=0),
    bad(ICEBERG, errors.BadDisplay, display=4),
    *[bad(good, errors.DisplayNotAllowed, display=1) for good in (PLACE, AT_MARKET, STOP)],
    bad(STOP, errors.BadTrigger, trigger=0),
    bad(PROFIT, errors.BadTrigger, trigger=limits.PRICE_TICKS_MAX + 1),
    *[bad(good, errors.TriggerNotAllowed, trigger=7) for good in (PLACE, AT_MARKET, ICEBERG)],
    bad(PLACE, errors.BadClientId, client_id=0),
    bad(PLACE, errors.BadSubaccount, subaccount=256),
    *[bad(PLACE, errors.BadSelfTrade, self_trade=mode) for mode in (0, 6, NEGATIVE)],
    *[bad(PLACE, errors.BadMaxMatches, max_matches=count) for count in (0, 257)],
]
AMEND_CASES = [
    bad(AMEND, errors.BadClientId, client_id=0),
    bad(AMEND, errors.NothingToAmend, price=0, quantity=0),
    *[bad(AMEND, errors.BadTimeInForce, time_in_force=tif) for tif in (6, NEGATIVE)],
    *[bad(AMEND, errors.AmendImmediate, time_in_force=tif) for tif in (3, 4)],
    *[bad(AMEND, errors.BadPostOnly, post_only=mode) for mode in (4, NEGATIVE)],
    bad(AMEND, errors.BadPrice, price=limits.PRICE_TICKS_MAX + 1),
    bad(AMEND, errors.BadQuantity, quantity=limits.QUANTITY_LOTS_MAX + 1),
    bad(UNTIL, errors.BadExpiry, expires_ms=0),
    bad(UNTIL, errors.HeightNotAllowed, expires_height=8),
    bad(UNTIL, errors.HeightNotAllowed, expires_height=8, time_in_force=0),
    bad(UNTIL, errors.ExpiryNotAllowed, time_in_force=TimeInForce.GTC),
    bad(BELOW, errors.BadExpiryHeight, expires_height=0),
    bad(BELOW, errors.ExpiryNotAllowed, expires_ms=8),
    bad(BELOW, errors.HeightNotAllowed, time_in_force=TimeInForce.GTC),
    bad(AMEND, errors.BadDisplay, display=limits.QUANTITY_LOTS_MAX + 1),
    bad(AMEND, errors.BadTrigger, trigger=limits.PRICE_TICKS_MAX + 1),
    *[bad(AMEND, errors.BadSelfTrade, self_trade=mode) for mode in (6, NEGATIVE)],
    *[bad(AMEND, errors.BadMaxMatches, max_matches=count) for count in (0, 257)],
]
OTHER_CASES = [
    bad(CancelOrder(1), errors.BadClientId, client_id=0),
    *[bad(CancelAll(0, 0, 1), errors.BadSide, side=side) for side in (3, NEGATIVE)],
    *[bad(CancelAll(0, 0, 1), errors.BadMaxOrders, max_orders=count) for count in (0, 1_001)],
    *[bad(CREATE, errors.BadToken, **{name: 0}) for name in ("base", "quote")],
    bad(CREATE, errors.SameTokens, quote=1),
    *[bad(CREATE, errors.BadUnit, base_unit=unit) for unit in (0, 3, limits.AMOUNT_MAX)],
    *[bad(CREATE, errors.BadUnit, quote_unit=unit) for unit in (0, 75, 5 * 10**38)],
    bad(CREATE, errors.BadLots, lots_min=0),
    bad(CREATE, errors.BadLots, lots_max=0),
    bad(CREATE, errors.BadLots, lots_min=10),
    bad(CREATE, errors.BadLots, lots_max=limits.QUANTITY_LOTS_MAX + 1),
    *[bad(CREATE, errors.BadMarketMode, mode=mode) for mode in (0, 3, NEGATIVE)],
    *[bad(CREATE, errors.BadBand, band_bp=band) for band in (1, 99, 5_001)],
    *[bad(CREATE, errors.BadAuctionTime, auction_ms=span) for span in (0, 999, 86_400_001)],
    bad(ChangeMarket(1, 1), errors.BadMarket, market=0),
    *[bad(ChangeMarket(1, 1), errors.BadMarketAction, action=act) for act in (0, 4, NEGATIVE)],
]
CASES = [*ACCOUNT_CASES, *PLACE_CASES, *AMEND_CASES, *OTHER_CASES, *STAKING_CASES, *WALLET_CASES]


@pytest.mark.parametrize("good", GOOD)
def test_good_messages_pass(good: Message) -> None:
    """What the cases change is valid before they do."""
    good.check()


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{type(case.good).__name__}-{case.error.code}-{case.changes}"
)
def test_a_change_has_its_code(case: Case) -> None:
    """Each mistake has its own error, and the message beside it is good."""
    assert case.good in GOOD or case.good == ChangeMarket(1, 1)
    with pytest.raises(case.error) as raised:
        case.good._replace(**case.changes).check()
    assert type(raised.value) is case.error


def test_every_code_of_a_leg_is_provoked() -> None:
    """No refusal of a leg's own fields is without a case."""
    of_bodies = {
        errors.TransferToSelf,
        errors.BadUnitPrice,
        errors.AgentIsOwner,
        errors.BadValidity,
        errors.SponsorIsOwner,
        errors.GuardianIsOwner,
        errors.SponsorshipNotFirst,
        errors.ProviderIsOwner,
        errors.FeeOfferNotFirst,
    }
    of_legs = {
        kind
        for kind in errors.get_error_classes()
        if issubclass(kind, errors.FormatError) and kind.code >= errors.BadAmount.code
    }
    assert {case.error for case in CASES} - {errors.BadAddress} == of_legs - of_bodies
    assert {type(case.good) for case in CASES} == {*MESSAGES} - {SetSwitch, Unjail, CancelRecovery}


def list_refusals(message: Message, mends: list[dict[str, Any]]) -> list[str]:
    """Return the refusals of a message that is bad everywhere, mended one place after another."""
    found = []
    for mend in mends:
        with pytest.raises(errors.FormatError) as raised:
            message.check()
        found.append(type(raised.value).__name__)
        message = message._replace(**mend)
    message.check()
    return found


def test_order_of_a_placed_orders_refusals() -> None:
    """The first refusal is the chain's answer, so every implementation tests in one order."""
    worst = PlaceOrder(0, 0, 0, 0, 9, 0, 0, 1, 0, 999, 0, 0, 1, 9, 9)
    mends: list[dict[str, Any]] = [
        {"market": 1},
        {"side": 1},
        {"order_type": OrderType.MARKET},
        {"time_in_force": TimeInForce.GTC},
        {"order_type": OrderType.ICEBERG, "time_in_force": TimeInForce.FOK},
        {"order_type": OrderType.STOP_LIMIT},
        {"post_only": PostOnly.SLIDE},
        {"time_in_force": TimeInForce.GTC},
        {"order_type": OrderType.ICEBERG},
        {"price": 1},
        {"quantity": 5},
        {"expires_ms": 0},
        {"expires_height": 0},
        {"display": 5},
        {"trigger": 0},
        {"client_id": 1},
        {"subaccount": 1},
        {"self_trade": SelfTrade.ALLOW},
        {"max_matches": 1},
    ]
    assert list_refusals(worst, mends) == [
        "BadMarket",
        "BadSide",
        "BadOrderType",
        "BadTimeInForce",
        "MarketOrderRests",
        "IcebergImmediate",
        "BadPostOnly",
        "PostOnlyImmediate",
        "PostOnlyTriggered",
        "BadPrice",
        "BadQuantity",
        "ExpiryNotAllowed",
        "HeightNotAllowed",
        "BadDisplay",
        "TriggerNotAllowed",
        "BadClientId",
        "BadSubaccount",
        "BadSelfTrade",
        "BadMaxMatches",
    ]


def test_order_of_a_new_markets_refusals() -> None:
    """The same for a market."""
    worst = CreateMarket(0, 0, 3, 1, 0, 9, 0, 1, 0)
    mends: list[dict[str, Any]] = [
        {"base": 1, "quote": 1},
        {"quote": 2},
        {"base_unit": 1},
        {"lots_min": 9},
        {"mode": 2},
        {"band_bp": 0},
        {"auction_ms": 1_000},
    ]
    assert list_refusals(worst, mends) == [
        "BadToken",
        "SameTokens",
        "BadUnit",
        "BadLots",
        "BadMarketMode",
        "BadBand",
        "BadAuctionTime",
    ]


@pytest.mark.parametrize(
    "message",
    [
        PLACE._replace(price=limits.PRICE_TICKS_MAX, quantity=limits.QUANTITY_LOTS_MAX),
        PLACE._replace(client_id=U64, subaccount=255, max_matches=256),
        TIMED._replace(expires_ms=U64),
        HIGH._replace(expires_height=U64, post_only=PostOnly.SLIDE),
        ICEBERG._replace(display=3, post_only=PostOnly.REJECT),
        ICEBERG._replace(display=1),
        STOP._replace(trigger=limits.PRICE_TICKS_MAX, time_in_force=TimeInForce.FOK),
        PROFIT._replace(trigger=1, time_in_force=TimeInForce.IOC),
        AmendOrder(U64, 0, 0, 0, 256, time_in_force=TimeInForce.GTC),
        AmendOrder(1, 0, 0, 0, 1, post_only=PostOnly.OFF),
        AmendOrder(1, 0, 0, 0, 1, display=limits.QUANTITY_LOTS_MAX),
        AmendOrder(1, 0, 0, 0, 1, trigger=limits.PRICE_TICKS_MAX),
        AmendOrder(1, 0, 0, 0, 1, self_trade=SelfTrade.ALLOW),
        AmendOrder(1, 0, 0, U64, 1),
        AmendOrder(1, 0, 0, 0, 1, expires_height=U64),
        SetSwitch(0),
        SetSwitch(U64),
        CREATE._replace(band_bp=0, auction_ms=1_000, lots_max=limits.QUANTITY_LOTS_MAX),
        CREATE._replace(band_bp=100, auction_ms=86_400_000, lots_min=9),
        CREATE._replace(band_bp=5_000, mode=2, base_unit=25 * 10**37),
    ],
)
def test_bounds_themselves_are_allowed(message: Message) -> None:
    """A bound is the last value that passes."""
    message.check()


def test_units_are_few_digits_and_zeros() -> None:
    """A unit is 1, 2, 5 or 25 with zeros behind it, as long as it is an amount."""
    allowed = {digits * 10**zeros for digits in (1, 2, 5, 25) for zeros in range(40)}
    for amount in (*range(3_000), *allowed, *(unit + 1 for unit in allowed), limits.AMOUNT_MAX):
        expected = amount in allowed and amount <= limits.AMOUNT_MAX
        assert is_unit(amount) is expected, amount


def test_what_rests() -> None:
    """Good till cancelled, time and height rest; the plain numbers say so too."""
    assert [tif for tif in TimeInForce if rests(tif)] == list(RESTING_TIFS)
    assert rests(TimeInForce.GTH) is True
    assert rests(TimeInForce.FOK) is False


def test_agents_trade_and_pay_and_nothing_else() -> None:
    """Agents, markets and tokens are for the owner's own key."""
    assert (Transfer, Pay, PayRequest) == PAY_MESSAGES
    assert {*MESSAGES} - {*TRADE_MESSAGES, *PAY_MESSAGES} == {
        ApproveAgent,
        RevokeAgent,
        CreateMarket,
        ChangeMarket,
        CreateToken,
        Mint,
        Burn,
        CloseToken,
        SetAllowance,
        CreatePaymentRequest,
        CloseRequest,
        SetSponsorship,
        UseSponsorship,
        SetFeeOffer,
        UseFeeOffer,
        SetLimits,
        SetGuardians,
        StartRecovery,
        CancelRecovery,
        FinishRecovery,
        SetRecipients,
        *map(type, STAKING),
        Unjail,
    }
