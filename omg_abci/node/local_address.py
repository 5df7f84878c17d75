"""Where the node API may listen: loopback or a unix socket, which no other machine can reach."""

from ipaddress import ip_address
from typing import Final

from omg_abci.protocol.errors import OmgError

PORT_MAX: Final = 65_535


class AddressRefused(OmgError):
    """The address is not on loopback, or cannot be bound."""


def parse_address(address: str) -> str:
    """Return the address as gRPC takes it; raise AddressRefused unless it is local."""
    if address.startswith("unix:") and len(address) > len("unix:"):
        return address
    host, colon, port = address.rpartition(":")
    host = "127.0.0.1" if host == "localhost" else host.removeprefix("[").removesuffix("]")
    if not colon or not port.isdecimal() or int(port) > PORT_MAX:
        raise AddressRefused(f"{address!r} is neither HOST:PORT nor unix:PATH")
    try:
        local = ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise AddressRefused(f"{address!r} is not on loopback: use 127.0.0.1, ::1 or unix:PATH")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
