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
    ValidatorJailed,
    ValidatorSlashed,
    ValidatorUnjailed,
)

PackedEvent: TypeAlias = tuple[Any, ...]

KINDS: Final[tuple[Any, ...]] = (
    *(Removed, Activated, Trade, Uncrossed, StatusChanged),
    *(ValidatorSlashed, ValidatorJailed, ValidatorUnjailed),
)
FIELDS: Final = (
    *("removed", "activated", "trade", "uncrossed", "status_changed"),
    *("validator_slashed", "validator_jailed", "validator_unjailed"),
)
"""Their names in the message's oneof."""
_AMOUNTS: Final = ("tokens", "from_pools")
"""Fields that are decimal text in the API, since they may be larger than its numbers."""

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
        setattr(message, name, str(value) if name in _AMOUNTS else value)


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
    for name in _AMOUNTS:
        if name in values:
            values[name] = _read_amount(values[name])
    if kind is Activated:
        values["result"] = decode_leg_result(message.result)
    decoded: Event = kind(**values)
    return decoded


def _read_amount(text: str) -> int:
    """Return the number that decimal text is; raise Undecodable."""
    if not (text.isascii() and text.isdigit()):
        raise Undecodable("an amount that is no number")
    return int(text)
