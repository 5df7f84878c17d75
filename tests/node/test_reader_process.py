"""The read process as the executor starts it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from omg_abci.node.channel import spawn_child
from omg_abci.node.client import NodeClient, NodeError
from tests.node.committed_chain import (
    DOMAIN,
    OWNERS,
    make_chain,
)
from tests.node.served_node import TIMEOUT_S


def test_process_loads_and_serves(tmp_path: Path) -> None:
    """The real process: loads while we hold the database, sends roots, serves, ends with us."""
    chain = make_chain(11)
    chain.store(tmp_path / "state")
    target = f"unix:{tmp_path}/api.sock"
    sent: list[tuple[Any, ...]] = []

    async def main() -> None:
        lost, folded = asyncio.Event(), asyncio.Event()

        def take(frame: tuple[Any, ...]) -> None:
            sent.append(frame)
            if frame[:2] == ("root", 12):
                folded.set()

        child = await spawn_child(
            "omg_abci.node.reader_process",
            take,
            lambda _: lost.set(),
            ("--grpc", target),
        )
        child.channel.send(("load", *DOMAIN, str(tmp_path / "state"), 11))
        chain.add_block()
        child.channel.send(chain.make_frame(12))
        await asyncio.wait_for(folded.wait(), TIMEOUT_S)
        assert [frame[:2] for frame in sent] == [
            ("ready", 11), ("root", 4), ("root", 8), ("root", 12)
        ]  # fmt: skip
        blocking = await asyncio.to_thread(_ask_blocking, target)
        assert blocking == (12, 12, "ΩUSD")
        await child.stop(5)
        assert child.process.returncode == 0
        await asyncio.wait_for(lost.wait(), 5)

    asyncio.run(main())


def _ask_blocking(target: str) -> tuple[int, int, str]:
    with NodeClient(target) as client:
        block = next(iter(client.stream_blocks(12)))
        with pytest.raises(NodeError, match="OUT_OF_RANGE"):
            next(iter(client.stream_blocks(11)))
        assert client.markets()[0].id == 1
        assert client.book(1).height == client.account(OWNERS[0]).height == 12
        assert client.proof(b"\x01").header_height == 12
        assert client.orders(OWNERS[0]).height == 12
        with pytest.raises(NodeError, match="NOT_FOUND"):
            client.order(OWNERS[0], 1 << 50)
        return block.height, client.status().height, client.tokens()[2].symbol


@pytest.mark.parametrize("load", [True, False])
def test_process_ends_with_an_error(tmp_path: Path, *, load: bool) -> None:
    """What cannot be loaded or listened on ends the process with a status that says so."""

    async def main() -> int | None:
        child = await spawn_child(
            "omg_abci.node.reader_process",
            lambda _: None,
            lambda _: None,
            ("--grpc", f"unix:{tmp_path}/api.sock" if load else "0.0.0.0:0"),
        )
        if load:
            child.channel.send(("load", *DOMAIN, str(tmp_path / "none"), 11))
        return await asyncio.wait_for(child.process.wait(), TIMEOUT_S)

    assert asyncio.run(main()) == (1 if load else 2)
