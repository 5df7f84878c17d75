"""Which node a command asks, and how it is reached."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from omg_abci.node.client import NodeClient, NodeError
from omg_abci.node.commands.failure import CommandError

VARIABLE: Final = "OMG_NODE"
LOCALNET: Final = Path("~/.omg/localnet")
_USUAL: Final = "127.0.0.1:26670"
_NO_CONNECTION: Final = "failed to connect"
_PORT_MAX: Final = 0xFFFF

node_option = click.option(
    "--node",
    metavar="HOST:PORT",
    help="Node to ask; else OMG_NODE, else the local network's first node, else " + _USUAL + ".",
)


@contextlib.contextmanager
def connect(node: str | None) -> Iterator[NodeClient]:
    """Lend a client of the chosen node for as long as the command needs it; raise CommandError."""
    target = find_node(node)
    with NodeClient(target) as client:
        try:
            yield client
        except NodeError as reason:
            if reason.code == "UNAVAILABLE" and _NO_CONNECTION in reason.text:
                raise CommandError(
                    "node_unreachable",
                    f"no node answers at {target}",
                    "start one (omgd localnet, omgd start), or name one: --node HOST:PORT",
                ) from reason
            raise


def find_node(node: str | None) -> str:
    """Return HOST:PORT or unix:PATH of the node to ask; raise CommandError."""
    given = node or os.environ.get(VARIABLE) or _find_localnet_node() or _USUAL
    if given.startswith("unix:"):
        return given
    host, colon, port = given.rpartition(":")
    if not (host and colon and port.isdecimal() and 0 < int(port) <= _PORT_MAX) or "/" in host:
        raise CommandError(
            "bad_node",
            f"{given!r} is not the address of a node API",
            "write HOST:PORT or unix:PATH, such as 127.0.0.1:26670",
        )
    return given


def _find_localnet_node() -> str | None:
    """Return the first node of the network in its usual place, if there is one."""
    try:
        document = json.loads((LOCALNET.expanduser() / "localnet.json").read_bytes())
        return str(document["nodes"][0]["grpc"])
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None
