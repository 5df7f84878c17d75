"""A node's answers as JSON: bytes in hex, enumerations in words, everything else as it is."""

from typing import Any, Final

from omg_abci.node.commands.output import format_hex
from omg_abci.protocol.units import Ended, MarketStatus, SelfTrade, Side, TimeInForce

_WORDS: Final = {
    "side": Side,
    "time_in_force": TimeInForce,
    "self_trade": SelfTrade,
    "ended": Ended,
    "status": MarketStatus,
}


def encode_message(message: Any) -> dict[str, object]:  # noqa: ANN401 - generated classes share no base
    """Return every field of a message, the empty ones too."""
    encoded: dict[str, object] = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.is_repeated:
            encoded[field.name] = [_encode_value(field.name, each) for each in value]
        else:
            encoded[field.name] = _encode_value(field.name, value)
    return encoded


def _encode_value(name: str, value: Any) -> object:  # noqa: ANN401 - of any field
    if isinstance(value, bytes):
        return format_hex(value)
    if hasattr(value, "DESCRIPTOR"):
        return encode_message(value)
    if name in _WORDS:
        try:
            return _WORDS[name](value).name.lower()
        except ValueError:
            return None
    plain: object = value
    return plain
