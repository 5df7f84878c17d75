"""A stream of submissions through real consensus, and a pool that is too small for it."""

import asyncio
import tomllib
from collections.abc import Sequence
from pathlib import Path

from omg_abci.localnet.layout import Node
from omg_abci.localnet.supervisor import LocalNetwork, make_app_command
from omg_abci.node.client import AsyncNodeClient
from omg_abci.node.submit_client import Answer
from omg_abci.protocol.errors import PoolFull
from omg_abci.protocol.units import Side
from tests.integration.conftest import ACCOUNTS, MakeNetwork, write_test_network
from tests.integration.traders import Trader, make_order

_CHAIN_ID = "omg-test-1"


def _sign(count: int) -> list[bytes]:
    traders = [Trader(account, _CHAIN_ID) for account in ACCOUNTS[:4]]
    return [
        traders[place % 4].sign(make_order(Side.BUY, 50, 5, client_id=place + 1))
        for place in range(count)
    ]


async def _send(node: Node, raws: list[bytes]) -> tuple[list[Answer], dict[bytes, int], int]:
    """Send all and follow light blocks until all are in one; return answers, places, refusals."""
    places: dict[bytes, int] = {}
    async with (
        asyncio.timeout(120),
        AsyncNodeClient(node.grpc) as client,
        client.submit_stream() as stream,
    ):
        sending = asyncio.create_task(stream.submit(raws))
        async for block in client.stream_blocks(1, without_txs=True):
            assert not any(outcome.tx for outcome in block.txs)
            for outcome in block.txs:
                assert outcome.tx_id not in places
                assert outcome.result
                places[outcome.tx_id] = block.height
            if len(places) == len(raws):
                break
        return await sending, places, stream.put_off[PoolFull.code]


def test_what_a_stream_sends_is_in_blocks(make_network: MakeNetwork) -> None:
    """Every transaction is acknowledged, and in a block that is streamed without its bytes."""
    raws = _sign(400)
    with make_network(1) as local:
        answers, places, _ = asyncio.run(_send(local.network.nodes[0], raws))
    assert {answer.code for answer in answers} == {0}
    assert {answer.tx_id for answer in answers} == set(places)


def test_more_than_the_pool_holds_gets_through_in_time(cometbft: Path, tmp_path: Path) -> None:
    """What there is no room for waits in the read process or comes again; nothing is lost."""
    raws = _sign(600)
    network = write_test_network(tmp_path / "small", 1, 50)
    node = network.nodes[0]
    with LocalNetwork(network, cometbft, app_command=_make_small_pool_command):
        answers, places, _ = asyncio.run(_send(node, raws))
    assert {answer.code for answer in answers} == {0}
    assert {answer.tx_id for answer in answers} == set(places)
    assert len(set(places.values())) >= len(raws) // 40


def _make_small_pool_command(node: Node) -> Sequence[str | Path]:
    """Return the command of a node whose settings, written a moment ago, get a small pool."""
    path = node.home / "app" / "app.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("[mempool]", "[mempool]\nmax_count = 40"), encoding="utf-8")
    assert tomllib.loads(path.read_text(encoding="utf-8"))["mempool"]["max_count"] == 40
    return make_app_command(node)
