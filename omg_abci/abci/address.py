"""Where the server listens: a unix socket for the owner only, or TCP on loopback.

ABCI has no authentication: whoever reaches the socket commands the application. Other
addresses are therefore refused.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import stat
from pathlib import Path
from urllib.parse import urlsplit

from omg_abci.abci.errors import AddressInUse, AddressMalformed, AddressNotLocal

_BACKLOG = 16
# With this mask the socket file gets mode 0600.
_OWNER_ONLY_UMASK = 0o177


def open_listener(address: str) -> socket.socket:
    """Return a listening socket for `unix://PATH` or `tcp://HOST:PORT`.

    A socket file that nobody listens on is removed first.

    Raises:
        AddressMalformed: neither form, or the path is too long for a socket.
        AddressNotLocal: HOST is not a loopback address.
        AddressInUse: somebody listens there, or PATH is something else than a socket.
    """
    if address.startswith("unix://"):
        return _open_unix(Path(address.removeprefix("unix://")))
    if address.startswith("tcp://"):
        return _open_tcp(address)
    raise AddressMalformed(f"{address!r} is neither unix://PATH nor tcp://HOST:PORT")


def describe_listener(listener: socket.socket) -> str:
    """Return the address of a listening socket in the form that CometBFT's `proxy_app` takes."""
    name = listener.getsockname()
    if listener.family == socket.AF_UNIX:
        return f"unix://{name}"
    host, port = name[:2]
    return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"


def _open_unix(path: Path) -> socket.socket:
    if not path.name:
        raise AddressMalformed("unix:// without a path")
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    previous = os.umask(_OWNER_ONLY_UMASK)
    try:
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise AddressInUse(f"{path} appeared while it was being opened") from error
        raise AddressMalformed(f"cannot make a socket at {path}: {error}") from error
    finally:
        os.umask(previous)
    listener.listen(_BACKLOG)
    return listener


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except OSError:
        # Absent, or unreachable: then bind says why.
        return
    if not stat.S_ISSOCK(mode):
        raise AddressInUse(f"{path} exists and is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise AddressInUse(f"{path} does not answer as a stale socket: {error}") from error
    raise AddressInUse(f"another process listens on {path}")


def _open_tcp(address: str) -> socket.socket:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise AddressMalformed(f"{address!r}: {error}") from error
    if host is None or port is None or parts.path or parts.query:
        raise AddressMalformed(f"{address!r} is not tcp://HOST:PORT")
    if host == "localhost":
        host = "127.0.0.1"
    try:
        ip = ipaddress.ip_address(host)
    except ValueError as error:
        raise AddressMalformed(f"{host!r} is not an IP address") from error
    if not ip.is_loopback:
        raise AddressNotLocal(f"{host} is not a loopback address; ABCI has no authentication")
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6  # noqa: PLR2004
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise AddressInUse(f"cannot listen on {address}: {error}") from error
    listener.listen(_BACKLOG)
    return listener
