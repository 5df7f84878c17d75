"""What a market accepts now, as a document that a trading program can act on.

Guarantees that `list_order_kinds` holds exactly the combinations that PlaceOrder takes in a
market of that status and mode (docs/spec/exchange.md); the rest of the document is read from it.
"""

from collections.abc import Iterable
from enum import IntEnum
from fractions import Fraction
from typing import Final, NamedTuple

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.decimals import format_exact
from omg_abci.node.reader import Reader
from omg_abci.node.record_messages import make_market, make_token
from omg_abci.protocol import limits
from omg_abci.protocol.errors import FormatError
from omg_abci.protocol.messages import PlaceOrder
from omg_abci.protocol.units import (
    MarketId,
    MarketMode,
    MarketStatus,
    OrderType,
    PostOnly,
    SelfTrade,
    TimeInForce,
    rests,
)
from omg_abci.state.records import MarketRecord

_WAITING: Final = (OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT)
_CANCEL: Final = "cancel"
_ALL_ACTIONS: Final = ("place", "amend", _CANCEL)


class OrderKind(NamedTuple):
    """An order's type, its time in force, and the post-only modes that go with them."""

    order_type: OrderType
    time_in_force: TimeInForce
    post_only_modes: tuple[PostOnly, ...]


def _is_well_formed(kind: OrderType, tif: TimeInForce, post_only: PostOnly) -> bool:
    """Return whether the protocol itself allows the combination in any market."""
    order = PlaceOrder(
        market=1,
        side=1,
        order_type=kind,
        time_in_force=tif,
        post_only=post_only,
        price=1,
        quantity=1,
        expires_ms=int(tif == TimeInForce.GTT),
        client_id=1,
        subaccount=0,
        self_trade=SelfTrade.CANCEL_NEWEST,
        max_matches=1,
        expires_height=int(tif == TimeInForce.GTH),
        display=int(kind == OrderType.ICEBERG),
        trigger=int(kind in _WAITING),
    )
    try:
        order.check()
    except FormatError:
        return False
    return True


_WELL_FORMED: Final = tuple(
    OrderKind(kind, tif, tuple(each for each in PostOnly if _is_well_formed(kind, tif, each)))
    for kind in OrderType
    for tif in TimeInForce
)


def list_order_kinds(status: int, mode: int, *, makers_first: bool) -> list[OrderKind]:
    """Return the combinations that a market of this status and mode takes.

    `makers_first`: the chain has just resumed; an order that could take is refused.
    """

    def is_taken(kind: OrderType, tif: TimeInForce, post_only: PostOnly) -> bool:
        if kind in _WAITING:
            return True
        if status == MarketStatus.AUCTION:
            return rests(tif) and not post_only
        if mode == MarketMode.BATCH:
            return not post_only
        return bool(post_only) or not makers_first

    if not takes_orders(status):
        return []
    kinds = [
        OrderKind(kind, tif, tuple(each for each in modes if is_taken(kind, tif, each)))
        for kind, tif, modes in _WELL_FORMED
    ]
    return [each for each in kinds if each.post_only_modes]


def takes_orders(status: int) -> bool:
    """Return whether orders can be placed and amended at all."""
    return status in (MarketStatus.ACTIVE, MarketStatus.AUCTION)


def make_capabilities(reader: Reader, market: MarketId, record: MarketRecord) -> pb.Capabilities:
    """Return the document of a market as of the last block."""
    block = reader.block
    makers_first = block.time_ms < block.post_only_until_ms
    kinds = list_order_kinds(record.status, record.mode, makers_first=makers_first)
    precision = _make_precision(reader, record)
    out = pb.Capabilities(
        height=block.height,
        time_ms=block.time_ms,
        market=make_market(market, record),
        name=f"{precision.base.symbol}/{precision.quote.symbol}",
        status=name_member(MarketStatus(record.status)),
        mode=name_member(MarketMode(record.mode)),
        actions=_ALL_ACTIONS if takes_orders(record.status) else (_CANCEL,),
        order_types=_name_all(kind.order_type for kind in kinds),
        times_in_force=_name_all(kind.time_in_force for kind in kinds),
        post_only_modes=_name_all(each for kind in kinds for each in kind.post_only_modes),
        self_trade_modes=_name_all(SelfTrade) if kinds else (),
        post_only_until_ms=block.post_only_until_ms if makers_first else 0,
        precision=precision,
        limits=_make_limits(record),
    )
    for kind in kinds:
        out.order_kinds.add(
            order_type=name_member(kind.order_type),
            time_in_force=name_member(kind.time_in_force),
            post_only_modes=[name_member(each) for each in kind.post_only_modes],
        )
    return out


def name_member(member: IntEnum) -> str:
    """Return an enumeration's member as programs write it, such as stop_limit."""
    return member.name.lower()


def _name_all(members: Iterable[IntEnum]) -> list[str]:
    """Return the names of the members that occur, ascending by number."""
    return [name_member(each) for each in sorted(dict.fromkeys(members))]


def _make_precision(reader: Reader, record: MarketRecord) -> pb.Precision:
    tokens = dict(reader.list_tokens())
    base, quote = tokens[record.base], tokens[record.quote]
    lot = Fraction(record.base_unit, 10**base.decimals)
    tick = Fraction(record.quote_unit, 10**quote.decimals) / lot
    return pb.Precision(
        base=make_token(record.base, base),
        quote=make_token(record.quote, quote),
        lot=format_exact(lot),
        tick=format_exact(tick),
    )


def _make_limits(record: MarketRecord) -> pb.Limits:
    return pb.Limits(
        lots_min=record.lots_min,
        lots_max=record.lots_max,
        price_ticks_max=limits.PRICE_TICKS_MAX,
        max_matches=limits.MATCHES_MAX,
        legs_typed=limits.LEGS_TYPED_MAX,
        legs_raw=limits.LEGS_MAX,
        open_orders=limits.OPEN_ORDERS_MAX,
        cancel_all_orders=limits.CANCEL_ALL_MAX,
        expiry_ahead_ms=limits.EXPIRY_AHEAD_MAX_MS,
        expiry_ahead_heights=limits.EXPIRY_HEIGHTS_MAX,
        switch_ahead_ms=limits.SWITCH_AHEAD_MAX_MS,
        tombstones=limits.TOMBSTONES_MAX,
        client_ids_remembered=limits.CLOSED_KEPT_MAX,
    )
