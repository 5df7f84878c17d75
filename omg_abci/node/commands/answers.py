"""A node's answers as JSON: bytes in hex, enumerations in words, everything else as it is."""

from typing import Any

from omg_abci.node.commands.encoding import encode_field


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
    return encode_message(value) if hasattr(value, "DESCRIPTOR") else encode_field(name, value)
