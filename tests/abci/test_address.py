"""Addresses: a socket of the owner's, or loopback; anything else is refused."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from omg_abci.abci import Application, Server
from omg_abci.abci.errors import AddressError, AddressInUse, AddressMalformed, AddressNotLocal


def test_socket_belongs_to_its_owner_and_goes_with_the_server(tmp_path: Path) -> None:
    """The socket has mode 0600; a stale one is replaced, a live one respected, each removed."""
    path = tmp_path / "abci.sock"

    async def main() -> None:
        stale = await asyncio.start_unix_server(lambda *_: None, path)
        inode = path.stat().st_ino
        stale.close()
        await stale.wait_closed()
        assert path.stat().st_ino == inode
        async with Server(Application(), f"unix://{path}"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            with pytest.raises(AddressInUse):
                await Server(Application(), f"unix://{path}").start()
        assert not path.exists()
        path.write_text("precious")
        with pytest.raises(AddressInUse):
            await Server(Application(), f"unix://{path}").start()
        assert path.read_text() == "precious"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("tcp://0.0.0.0:26658", AddressNotLocal),
        ("tcp://192.168.1.5:26658", AddressNotLocal),
        ("tcp://[::]:26658", AddressNotLocal),
        ("tcp://example.org:26658", AddressMalformed),
        ("tcp://127.0.0.1", AddressMalformed),
        ("tcp://127.0.0.1:99999", AddressMalformed),
        ("tcp://127.0.0.1:1/path", AddressMalformed),
        ("127.0.0.1:26658", AddressMalformed),
        ("unix://", AddressMalformed),
        ("unix:///nowhere/at/all/abci.sock", AddressMalformed),
        ("unix:///tmp/" + "x" * 120, AddressMalformed),
    ],
)
def test_address_is_refused(address: str, error: type[AddressError]) -> None:
    """The server listens on a unix socket or on loopback, or says why not."""
    with pytest.raises(error):
        asyncio.run(Server(Application(), address).start())


def test_loopback_tcp() -> None:
    """A free loopback port is taken, named, and served; a taken one is refused."""

    async def main() -> None:
        async with Server(Application(), "tcp://localhost:0") as server:
            with pytest.raises(AddressInUse):
                await Server(Application(), server.address).start()
            host, port = server.address.removeprefix("tcp://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"\x02\x12\x00")
            assert await reader.readexactly(3) == b"\x02\x1a\x00"
            writer.close()
            await writer.wait_closed()

    asyncio.run(main())
