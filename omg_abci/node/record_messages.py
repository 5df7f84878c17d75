"""Records of the state as messages of the node API."""

from collections.abc import Iterable

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.reader import Reader
from omg_abci.protocol.units import ZERO_ADDRESS, MarketId, TokenId
from omg_abci.state.records import EndedRecord, MarketRecord, OrderRecord, TokenRecord


def fill_order(out: pb.Order, record: OrderRecord) -> None:
    """Write an open order's record into a message that has its key."""
    out.market, out.side, out.order_type = record.market, record.side, record.order_type
    out.time_in_force, out.post_only = record.time_in_force, record.post_only
    out.self_trade, out.subaccount = record.self_trade, record.subaccount
    out.price, out.quantity, out.filled = record.price, record.quantity, record.filled
    out.priority, out.expires_ms = record.priority, record.expires_ms
    out.expires_height, out.max_matches = record.expires_height, record.max_matches
    out.display, out.tip, out.trigger = record.display, record.tip, record.trigger
    out.open, out.waiting = True, record.trigger != 0


def fill_ended(out: pb.Order, record: EndedRecord) -> None:
    """Write what is remembered of an ended order into a message that has its key."""
    out.ended, out.quantity, out.filled = record.ended, record.quantity, record.filled


def list_orders_of(reader: Reader, keys: Iterable[bytes]) -> list[pb.Order]:
    """Return the open orders of these keys, oldest first."""
    orders = []
    for key in keys:
        order = pb.Order(owner=key[1:21], client_id=int.from_bytes(key[21:], "big"))
        fill_order(order, OrderRecord.decode(reader.records[key]))
        orders.append(order)
    orders.sort(key=_get_priority)
    return orders


def _get_priority(order: pb.Order) -> int:
    return order.priority


def make_token(token: TokenId, record: TokenRecord) -> pb.Token:
    """Return a token."""
    return pb.Token(
        id=token, symbol=record.symbol, decimals=record.decimals, supply=str(record.supply)
    )


def make_market(market: MarketId, record: MarketRecord) -> pb.Market:
    """Return a market with everything that its record says."""
    return pb.Market(
        id=market,
        base_token=record.base,
        quote_token=record.quote,
        base_unit=str(record.base_unit),
        quote_unit=str(record.quote_unit),
        lots_min=record.lots_min,
        lots_max=record.lots_max,
        status=record.status,
        last_price=record.last_price,
        open_orders=record.open_orders,
        mode=record.mode,
        until_ms=record.until_ms,
        band_bp=record.band_bp,
        auction_ms=record.auction_ms,
        creator=b"" if record.creator == ZERO_ADDRESS else record.creator,
        bond=str(record.bond),
        low=record.low,
        high=record.high,
        reference=record.reference,
        reference_ms=record.reference_ms,
        auction_price=record.auction_price,
        orders_sum=record.orders_sum.to_bytes(32, "big"),
    )
