"""Legs that no block may carry, each with the error that it must be refused with.

The combinations of an order are all there are: every type with every time in force, every
post-only mode, and every field that belongs to another kind of order.
"""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Final

from omg_abci.protocol import errors, limits
from omg_abci.protocol.messages import (
    AmendOrder,
    ApproveAgent,
    Burn,
    CancelAll,
    CancelOrder,
    ChangeMarket,
    ClaimRewards,
    CreateMarket,
    CreatePaymentRequest,
    CreateToken,
    CreateValidator,
    Delegate,
    EditValidator,
    Message,
    Mint,
    Pay,
    PayRequest,
    PlaceOrder,
    Redelegate,
    RevokeAgent,
    SetAllowance,
    SetFeeOffer,
    SetGuardians,
    SetRecipients,
    SetSponsorship,
    SetVote,
    StartRecovery,
    Transfer,
    Undelegate,
    UseFeeOffer,
    UseSponsorship,
)
from omg_abci.protocol.units import OrderType, PostOnly, TimeInForce
from tests.cast import PUBLIC_KEYS
from tests.strategies import OWNERS, START_MS

Refusal = type[errors.TxError]
_OWNER, _OTHER = OWNERS[:2]
PLACE: Final = PlaceOrder(1, 1, 1, 1, 0, 2, 3, 0, 9, 0, 1, 4)
AMEND: Final = AmendOrder(9, 1, 1, 0, 4)
PAY: Final = Transfer(_OTHER.address, 2, 5, 0, 0)
CREATE: Final = CreateMarket(1, 2, 1_000, 1, 1, 9, 1, 0, 60_000)
_U64: Final = limits.U64_MAX
_WAITING: Final = (OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT)
_IMMEDIATE: Final = (TimeInForce.IOC, TimeInForce.FOK)


def complete(order_type: int, time_in_force: int, post_only: int = 0) -> PlaceOrder:
    """Return an order of a kind with just the fields that belong to it."""
    return PLACE._replace(
        order_type=order_type,
        time_in_force=time_in_force,
        post_only=post_only,
        expires_ms=START_MS + 60_000 if time_in_force == TimeInForce.GTT else 0,
        expires_height=1_000 if time_in_force == TimeInForce.GTH else 0,
        display=2 if order_type == OrderType.ICEBERG else 0,
        trigger=5 if order_type in _WAITING else 0,
    )


_COMBINATIONS: Final[tuple[tuple[Callable[[PlaceOrder], bool], Refusal], ...]] = (
    (
        lambda leg: leg.order_type == OrderType.MARKET and leg.time_in_force not in _IMMEDIATE,
        errors.MarketOrderRests,
    ),
    (
        lambda leg: leg.order_type == OrderType.ICEBERG and leg.time_in_force in _IMMEDIATE,
        errors.IcebergImmediate,
    ),
    (lambda leg: leg.post_only == PostOnly.OFF, errors.BadPostOnly),
    (
        lambda leg: bool(leg.post_only) and leg.time_in_force in _IMMEDIATE,
        errors.PostOnlyImmediate,
    ),
    (lambda leg: bool(leg.post_only) and leg.order_type in _WAITING, errors.PostOnlyTriggered),
)
"""What does not go together, in the order in which it is told."""


def find_refusal(leg: PlaceOrder) -> Refusal | None:
    """Return why an order's type, time in force and post-only mode do not go together."""
    return next((error for holds, error in _COMBINATIONS if holds(leg)), None)


def list_kinds() -> list[PlaceOrder]:
    """Return an order of each kind that there is, the allowed ones and the others."""
    return [
        complete(kind, tif, post_only)
        for kind, tif, post_only in product(OrderType, TimeInForce, PostOnly)
    ]


def _name(leg: PlaceOrder) -> str:
    parts = (OrderType(leg.order_type), TimeInForce(leg.time_in_force), PostOnly(leg.post_only))
    return "_".join(part.name.lower() for part in parts)


def list_combinations() -> Iterator[tuple[str, PlaceOrder, Refusal]]:
    """Yield every order whose parts do not go together, and every field in the wrong kind."""
    for leg in list_kinds():
        refusal = find_refusal(leg)
        if refusal is not None:
            yield _name(leg), leg, refusal
        elif leg.post_only == PostOnly.NONE:
            for fields, error in _list_misplaced(leg):
                (field,) = fields
                name = f"{_name(leg)}_{field}_{fields[field]}"
                yield name, leg._replace(**fields), error


def _list_misplaced(leg: PlaceOrder) -> Iterator[tuple[dict[str, int], Refusal]]:
    """Yield fields that are missing in this kind of order, out of range or not its own."""
    if leg.time_in_force == TimeInForce.GTT:
        yield {"expires_ms": 0}, errors.BadExpiry
    else:
        yield {"expires_ms": START_MS}, errors.ExpiryNotAllowed
    if leg.time_in_force == TimeInForce.GTH:
        yield {"expires_height": 0}, errors.BadExpiryHeight
    else:
        yield {"expires_height": 9}, errors.HeightNotAllowed
    if leg.order_type == OrderType.ICEBERG:
        yield {"display": 0}, errors.BadDisplay
        yield {"display": leg.quantity + 1}, errors.BadDisplay
    else:
        yield {"display": 1}, errors.DisplayNotAllowed
    if leg.order_type in _WAITING:
        yield {"trigger": 0}, errors.BadTrigger
        yield {"trigger": limits.PRICE_TICKS_MAX + 1}, errors.BadTrigger
    else:
        yield {"trigger": 1}, errors.TriggerNotAllowed


_PLACES: Final[dict[str, tuple[Message, Refusal]]] = {
    "market_zero": (PLACE._replace(market=0), errors.BadMarket),
    "side_unknown": (PLACE._replace(side=3), errors.BadSide),
    "type_zero": (PLACE._replace(order_type=0), errors.BadOrderType),
    "type_unknown": (PLACE._replace(order_type=6), errors.BadOrderType),
    "tif_zero": (PLACE._replace(time_in_force=0), errors.BadTimeInForce),
    "tif_unknown": (PLACE._replace(time_in_force=6), errors.BadTimeInForce),
    "post_only_unknown": (PLACE._replace(post_only=4), errors.BadPostOnly),
    "price_zero": (PLACE._replace(price=0), errors.BadPrice),
    "price_above_maximum": (PLACE._replace(price=limits.PRICE_TICKS_MAX + 1), errors.BadPrice),
    "quantity_zero": (PLACE._replace(quantity=0), errors.BadQuantity),
    "quantity_above": (PLACE._replace(quantity=limits.QUANTITY_LOTS_MAX + 1), errors.BadQuantity),
    "quantity_maximal_u64": (PLACE._replace(quantity=_U64), errors.BadQuantity),
    "client_id_zero": (PLACE._replace(client_id=0), errors.BadClientId),
    "subaccount_above": (PLACE._replace(subaccount=256), errors.BadSubaccount),
    "self_trade_zero": (PLACE._replace(self_trade=0), errors.BadSelfTrade),
    "self_trade_unknown": (PLACE._replace(self_trade=6), errors.BadSelfTrade),
    "matches_zero": (PLACE._replace(max_matches=0), errors.BadMaxMatches),
    "matches_above": (PLACE._replace(max_matches=257), errors.BadMaxMatches),
}
_NOTHING: Final = AMEND._replace(price=0, quantity=0)
_AMENDMENTS: Final[dict[str, tuple[Message, Refusal]]] = {
    "amends_order_zero": (AMEND._replace(client_id=0), errors.BadClientId),
    "amends_nothing": (_NOTHING, errors.NothingToAmend),
    "amends_tif_unknown": (_NOTHING._replace(time_in_force=6), errors.BadTimeInForce),
    "amends_to_ioc": (_NOTHING._replace(time_in_force=3), errors.AmendImmediate),
    "amends_to_fok": (_NOTHING._replace(time_in_force=4), errors.AmendImmediate),
    "amends_post_only_unknown": (_NOTHING._replace(post_only=4), errors.BadPostOnly),
    "amends_price_above": (AMEND._replace(price=_U64), errors.BadPrice),
    "amends_quantity_above": (AMEND._replace(quantity=_U64), errors.BadQuantity),
    "amends_to_gtt": (_NOTHING._replace(time_in_force=2), errors.BadExpiry),
    "amends_to_gth": (_NOTHING._replace(time_in_force=5), errors.BadExpiryHeight),
    "amends_to_gtc_with_time": (
        _NOTHING._replace(time_in_force=1, expires_ms=START_MS), errors.ExpiryNotAllowed),
    "amends_to_gtc_with_height": (
        _NOTHING._replace(time_in_force=1, expires_height=9), errors.HeightNotAllowed),
    "amends_both_expiries": (
        _NOTHING._replace(expires_ms=START_MS, expires_height=9), errors.HeightNotAllowed),
    "amends_display_above": (
        _NOTHING._replace(display=limits.QUANTITY_LOTS_MAX + 1), errors.BadDisplay),
    "amends_trigger_above": (
        _NOTHING._replace(trigger=limits.PRICE_TICKS_MAX + 1), errors.BadTrigger),
    "amends_self_trade": (_NOTHING._replace(self_trade=6), errors.BadSelfTrade),
    "amends_matches": (AMEND._replace(max_matches=257), errors.BadMaxMatches),
}  # fmt: skip
_MARKETS: Final[dict[str, tuple[Message, Refusal]]] = {
    "market_of_token_zero": (CREATE._replace(base=0), errors.BadToken),
    "market_of_one_token": (CREATE._replace(quote=1), errors.SameTokens),
    "market_unit_zero": (CREATE._replace(base_unit=0), errors.BadUnit),
    "market_unit_3": (CREATE._replace(base_unit=3), errors.BadUnit),
    "market_unit_15": (CREATE._replace(quote_unit=15), errors.BadUnit),
    "market_unit_50_and_1": (CREATE._replace(quote_unit=51), errors.BadUnit),
    "market_lots_zero": (CREATE._replace(lots_min=0), errors.BadLots),
    "market_lots_backwards": (CREATE._replace(lots_min=10), errors.BadLots),
    "market_lots_above": (
        CREATE._replace(lots_max=limits.QUANTITY_LOTS_MAX + 1), errors.BadLots),
    "market_mode_zero": (CREATE._replace(mode=0), errors.BadMarketMode),
    "market_mode_unknown": (CREATE._replace(mode=3), errors.BadMarketMode),
    "market_band_below": (CREATE._replace(band_bp=limits.BAND_MIN_BP - 1), errors.BadBand),
    "market_band_above": (CREATE._replace(band_bp=limits.BAND_MAX_BP + 1), errors.BadBand),
    "market_auction_below": (
        CREATE._replace(auction_ms=limits.AUCTION_MIN_MS - 1), errors.BadAuctionTime),
    "market_auction_above": (
        CREATE._replace(auction_ms=limits.AUCTION_MAX_MS + 1), errors.BadAuctionTime),
    "changes_market_zero": (ChangeMarket(0, 1), errors.BadMarket),
    "changes_by_nothing": (ChangeMarket(1, 0), errors.BadMarketAction),
    "changes_by_unknown": (ChangeMarket(1, 4), errors.BadMarketAction),
}  # fmt: skip
_ASK: Final = CreatePaymentRequest(3, 2, 5, START_MS + 9, 4, 7, 0, b"")
_GOLD: Final = CreateToken("GOLD", 2, mintable=False, burnable=True, supply=9, cap=9)
_TOKENS: Final[dict[str, tuple[Message, Refusal]]] = {
    "token_without_symbol": (_GOLD._replace(symbol=""), errors.BadSymbol),
    "token_of_a_long_symbol": (_GOLD._replace(symbol="A" * 17), errors.BadSymbol),
    "token_of_another_script": (_GOLD._replace(symbol="G\u041eLD"), errors.BadSymbol),
    "token_of_37_decimals": (_GOLD._replace(decimals=37), errors.BadDecimals),
    "token_of_nothing": (_GOLD._replace(supply=0, cap=0), errors.BadCap),
    "token_above_its_cap": (_GOLD._replace(supply=10), errors.BadCap),
    "token_never_complete": (_GOLD._replace(supply=8), errors.BadCap),
    "pays_with_a_long_memo": (Pay(_OTHER.address, 2, 5, 0, 0, 0, bytes(65)), errors.BadMemo),
    "pays_itself": (Pay(_OWNER.address, 2, 5, 0, 0, 0, b""), errors.TransferToSelf),
    "allows_itself": (SetAllowance(_OWNER.address, 2, 5, 5), errors.AgentIsOwner),
    "allows_nothing_a_day": (SetAllowance(_OTHER.address, 2, 5, 0), errors.BadAmount),
    "asks_with_number_zero": (_ASK._replace(request=0), errors.BadRequestId),
    "asks_for_no_payment": (_ASK._replace(max_uses=0), errors.BadUses),
    "asks_too_often_with_a_cap": (_ASK._replace(max_uses=65), errors.BadUses),
    "caps_below_the_amount": (_ASK._replace(payer_cap=4), errors.BadAmount),
    "answers_itself": (PayRequest(_OWNER.address, 3, 2, 5, 0, 0), errors.TransferToSelf),
    "sponsors_itself": (SetSponsorship(_OWNER.address, 5, START_MS), errors.SponsorIsOwner),
    "uses_itself": (UseSponsorship(_OWNER.address), errors.SponsorIsOwner),
    "sponsors_for_ever": (SetSponsorship(_OTHER.address, 5, 0), errors.BadExpiry),
    "offers_at_no_rate": (SetFeeOffer(2, 0, 1, 5, START_MS), errors.BadRate),
    "takes_its_own_offer": (UseFeeOffer(_OWNER.address, 2, 5), errors.ProviderIsOwner),
    "takes_an_offer_for_nothing": (UseFeeOffer(_OTHER.address, 2, 0), errors.BadAmount),
    "mints_nothing": (Mint(9, 0, _OTHER.address, 0), errors.BadAmount),
    "burns_token_zero": (Burn(0, 1, 0), errors.BadToken),
}
_GUARD: Final = SetGuardians((_OTHER.address,), 1, 60_000)
_KEYS: Final[dict[str, tuple[Message, Refusal]]] = {
    "guards_by_too_many": (
        _GUARD._replace(guardians=tuple(bytes([n]) * 20 for n in range(1, 10))),
        errors.BadGuardians,
    ),
    "guards_by_none_of_one": (_GUARD._replace(threshold=0), errors.BadThreshold),
    "guards_at_once": (_GUARD._replace(delay_ms=0), errors.BadRecoveryDelay),
    "guards_itself": (_GUARD._replace(guardians=(_OWNER.address,)), errors.GuardianIsOwner),
    "pays_two_of_one_name": (SetRecipients((_OTHER.address,) * 2), errors.BadRecipients),
    "gives_the_old_key": (StartRecovery(_OTHER.address, _OTHER.address), errors.KeyIsAccount),
}
_OTHERS: Final[dict[str, tuple[Message, Refusal]]] = {
    "transfer_zero": (PAY._replace(amount=0), errors.BadAmount),
    "transfer_above_maximum": (PAY._replace(amount=limits.AMOUNT_MAX + 1), errors.BadAmount),
    "transfer_to_zero": (PAY._replace(to=bytes(20)), errors.BadAddress),
    "transfer_of_token_zero": (PAY._replace(token=0), errors.BadToken),
    "transfer_from_subaccount": (PAY._replace(from_subaccount=256), errors.BadSubaccount),
    "transfer_to_itself": (PAY._replace(to=_OWNER.address), errors.TransferToSelf),
    "cancels_zero": (CancelOrder(0), errors.BadClientId),
    "cancels_none": (CancelAll(0, 0, 0), errors.BadMaxOrders),
    "cancels_too_many": (CancelAll(0, 0, 1_001), errors.BadMaxOrders),
    "cancels_side": (CancelAll(0, 3, 1), errors.BadSide),
    "approves_nothing": (ApproveAgent(_OTHER.address, 0, START_MS), errors.BadScope),
    "approves_unknown_scope": (ApproveAgent(_OTHER.address, 64, START_MS), errors.BadScope),
    "approves_for_ever": (ApproveAgent(_OTHER.address, 1, 0), errors.BadExpiry),
    "approves_itself": (ApproveAgent(_OWNER.address, 1, START_MS), errors.AgentIsOwner),
    "revokes_zero": (RevokeAgent(bytes(20)), errors.BadAddress),
}
_FOUND: Final = CreateValidator(PUBLIC_KEYS[0], "name", 5, 6, 1, 8, 9)
_STAKES: Final[dict[str, tuple[Message, Refusal]]] = {
    "validator_key_short": (_FOUND._replace(public_key=bytes(32)), errors.BadPublicKey),
    "validator_key_off_curve": (
        _FOUND._replace(public_key=b"\2" + b"\xff" * 32),
        errors.BadPublicKey,
    ),
    "validator_nameless": (_FOUND._replace(moniker=""), errors.BadMoniker),
    "validator_of_two_lines": (EditValidator("a\nb", 0, 1), errors.BadMoniker),
    "validator_takes_too_much": (_FOUND._replace(commission_bp=7), errors.BadCommission),
    "validator_of_nothing": (_FOUND._replace(amount=0), errors.BadAmount),
    "delegates_nothing": (Delegate(_OTHER.address, 0), errors.BadAmount),
    "delegates_to_zero": (Delegate(bytes(20), 1), errors.BadAddress),
    "undelegates_too_much": (Undelegate(_OTHER.address, 1 << 128), errors.BadAmount),
    "moves_nowhere": (Redelegate(_OTHER.address, _OTHER.address, 1), errors.SameValidator),
    "claims_from_nobody": (ClaimRewards(b""), errors.BadAddress),
    "votes_on_nothing": (SetVote(_OTHER.address, 8, 10), errors.BadParameter),
    "votes_off_the_grid": (SetVote(_OTHER.address, 1, 13), errors.BadVote),
    "votes_out_of_bounds": (SetVote(_OTHER.address, 7, 90), errors.BadVote),
}


def list_bad_legs() -> Iterator[tuple[str, Message, Refusal]]:
    """Yield the name of each case, the leg and the error."""
    yield from list_combinations()
    for name, (leg, error) in (
        _PLACES | _AMENDMENTS | _MARKETS | _TOKENS | _KEYS | _OTHERS | _STAKES
    ).items():
        yield name, leg, error
