"""A small client of CometBFT's RPC: one connection, one call at a time, JSON in and out."""

import base64
import binascii
import http.client
import json
from types import TracebackType
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlencode

from omg_abci.localnet.errors import RpcRefused, RpcUnreachable

_TIMEOUT_SECONDS: Final = 3.0


class AppState(NamedTuple):
    """What an application says of its last commit."""

    height: int
    app_hash: bytes


class Rpc:
    """A client of the node on a port of this machine; `with` closes it.

    Not for several threads at a time.
    """

    def __init__(self, port: int, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        self._port = port
        self._timeout_seconds = timeout_seconds
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def call(self, method: str, **parameters: int | str) -> dict[str, Any]:
        """Return the result of a call.

        Args:
            method: as CometBFT names it.
            parameters: numbers, or text in the form that the method's URL wants.

        Raises:
            RpcUnreachable: no answer.
            RpcRefused: an error as the answer.
        """
        query = f"?{urlencode(parameters)}" if parameters else ""
        try:
            content = self._get(f"/{method}{query}")
            answer: dict[str, Any] = json.loads(content)
            if "error" in answer:
                error = answer["error"]
                raise RpcRefused(f"{method}: {error.get('message')}: {error.get('data')}")
            result: dict[str, Any] = answer["result"]
        except (OSError, http.client.HTTPException) as reason:
            self.close()
            raise RpcUnreachable(f"127.0.0.1:{self._port} {method}: {reason!r}") from reason
        except (ValueError, KeyError, TypeError, AttributeError) as reason:
            raise RpcRefused(f"{method}: the answer is no JSON-RPC: {reason!r}") from reason
        return result

    def _get(self, path: str) -> bytes:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(
                "127.0.0.1", self._port, timeout=self._timeout_seconds
            )
        self._connection.request("GET", path)
        return self._connection.getresponse().read()

    def fetch_app_state(self) -> AppState:
        """Ask the application, through its node. Raises RpcUnreachable, RpcRefused."""
        answer = self.call("abci_info").get("response", {})
        try:
            height = int(answer.get("last_block_height", 0))
            return AppState(height, base64.b64decode(answer.get("last_block_app_hash", "")))
        except (ValueError, TypeError, binascii.Error) as reason:
            raise RpcRefused(f"abci_info: {reason}") from reason

    def fetch_app_hash(self, height: int) -> bytes:
        """Return the app hash after a block that has a successor in the node's own store."""
        header = self.call("header", height=height + 1)["header"]
        return bytes.fromhex(header["app_hash"])

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
