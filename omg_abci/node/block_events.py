"""The events of a block on their way out: plain tuples between processes, messages in the API.

A packed event is `(kind, field, …)`, kind = the event's place in `KINDS`, plain enough for marshal.
Guarantees: `decode_event` of what `add_event` made of `pack_event(event)` is the event.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.protocol.codec import decode_leg_result, encode_leg_result
from omg_abci.protocol.results import (
    Activated,
    Event,
    Removed,
    StatusChanged,
    Trade,
    Uncrossed,
)

PackedEvent: TypeAlias = tuple[Any, ...]

KINDS: Final[tuple[type[Event], ...]] = (Removed, Activated, Trade, Uncrossed, StatusChanged)

_NUMBERS: Final = {kind: number for number, kind in enumerate(KINDS)}
_FIELDS: Final = ("removed", "activated", "trade", "uncrossed", "status_changed")
"""Names in the message's oneof, in the order of `KINDS`."""
_BY_FIELD: Final[dict[str, type[Event]]] = dict(zip(_FIELDS, KINDS, strict=True))
_MAKERS: Final[tuple[Callable[..., Any], ...]] = (
    lambda *fields: {"removed": pb.Removed(**_name(Removed, fields))},
    lambda *fields: {"activated": pb.Activated(**_name(Activated, fields))},
    lambda *fields: {"trade": pb.Trade(**_name(Trade, fields))},
    lambda *fields: {"uncrossed": pb.Uncrossed(**_name(Uncrossed, fields))},
    lambda *fields: {"status_changed": pb.StatusChanged(**_name(StatusChanged, fields))},
)
