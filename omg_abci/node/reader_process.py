"""The read process: the committed view behind the node API, fed by the executor.

Run as `python -m omg_abci.node.reader_process --fd N --grpc HOST:PORT` by the executor. It ends
when the executor does, and with an error when what it is sent contradicts itself.
"""

import argparse
import asyncio
import gc
import logging
import sys
from collections.abc import Sequence
from typing import Final

from omg_abci.node.channel import connect_channel, settle_child
from omg_abci.node.local_address import AddressRefused
from omg_abci.node.node_api import start_server
from omg_abci.node.read_service import ReadService
from omg_abci.node.sampling import start_sampling

SWITCH_INTERVAL_S: Final = 0.0005
"""How long a fold or a load in its thread keeps the API waiting for the interpreter at a time."""
_STOP_GRACE_S: Final = 0.5
_GC_THRESHOLD: Final = 200_000
"""Allocations between collections of the youngest generation: blocks are many tuples and no
cycle, looking for some was 0.5 µs of 11 an order."""
_log = logging.getLogger(__name__)


async def serve(fd: int, address: str) -> None:
    """Serve the API until the executor is gone; raise AddressRefused, and what is inconsistent."""
    start_sampling("reader")
    lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def end(reason: Exception | None) -> None:
        if reason is None or isinstance(reason, OSError):
            lost.set_result(None)
        else:
            lost.set_exception(reason)

    service = ReadService()
    channel = await connect_channel(fd, service.take, end)
    service.connect(channel.send)
    server, _ = await start_server(service, address)
    # What is ready also listens: the executor serves no one before.
    run = asyncio.create_task(service.run())
    try:
        await asyncio.wait((lost, run), return_when=asyncio.FIRST_COMPLETED)
        await (lost if lost.done() else run)
        await server.stop(_STOP_GRACE_S)
    finally:
        run.cancel()
        channel.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve; return the exit status."""
    parser = argparse.ArgumentParser(description="OMG read process, started by omgd")
    parser.add_argument("--fd", type=int, required=True, help="inherited socket")
    parser.add_argument("--grpc", required=True, help="127.0.0.1:PORT or unix:PATH")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s read process: %(message)s")
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    settle_child()
    gc.set_threshold(_GC_THRESHOLD, 20, 100)
    try:
        asyncio.run(serve(options.fd, options.grpc))
    except AddressRefused as reason:
        _log.error("%s", reason)
        return 2
    except Exception:  # noqa: BLE001 - whatever it is, the executor must see the process end
        _log.exception("stopped")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
