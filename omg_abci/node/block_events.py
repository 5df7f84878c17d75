"""The events of a block on their way out: plain tuples between processes, messages in the API.

A packed event is `(kind, field, …)`, kind = the event's place in `KINDS`, plain enough for marshal.
Guarantees that `decode_event` of what `add_event` made of `pack_event(event)` is the event.
"""

from typing import Any, Final, TypeAlias

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.protocol.codec import decode_leg_result, encode_leg_result
from omg_abci.protocol.errors import Undecodable
from omg_abci.protocol.results import (
    Activated,
    Event,
    Removed,
    StatusChanged,
    Trade,
    Uncrossed,
)

PackedEvent: TypeAlias = tuple[Any, ...]

KINDS: Final[tuple[Any, ...]] = (Removed, Activated, Trade, Uncrossed, StatusChanged)
FIELDS: Final = ("removed", "activated", "trade", "uncrossed", "status_changed")
"""Their names in the message's oneof."""

_NUMBERS: Final = {kind: number for number, kind in enumerate(KINDS)}
_BY_FIELD: Final = dict(zip(FIELDS, KINDS, strict=True))


def pack_event(event: Event) -> PackedEvent:
    """Return an event as a plain tuple of integers and bytes."""
    kind = _NUMBERS[type(event)]
    match event:
        case Activated():
            return (kind, event.owner, event.client_id, encode_leg_result(event.result))
        case Removed():
            # An enumeration's member is no plain number to marshal.
            return (kind, event.owner, event.client_id, int(event.reason))
        case StatusChanged():
            return (kind, event.market, int(event.status), event.until_ms)
        case _:
            return (kind, *event)


def add_event(block: pb.Block, packed: PackedEvent) -> None:
    """Add a packed event to a block's message."""
    kind = packed[0]
    message = getattr(block.events.add(), FIELDS[kind])
    message.SetInParent()
    for name, value in zip(KINDS[kind]._fields, packed[1:], strict=True):
        setattr(message, name, value)


def get_kind(event: pb.Event) -> str:
    """Return the event's name in the oneof; raise Undecodable for one that is unknown here."""
    field = event.WhichOneof("kind")
    if field is None:
        raise Undecodable("an event of a kind that this version lacks")
    return field


def decode_event(event: pb.Event) -> Event:
    """Return the event that a node told; raise Undecodable."""
    field = get_kind(event)
    message, kind = getattr(event, field), _BY_FIELD[field]
    values = {name: getattr(message, name) for name in kind._fields}
    if kind is Activated:
        values["result"] = decode_leg_result(message.result)
    decoded: Event = kind(**values)
    return decoded
