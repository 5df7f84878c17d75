"""The load of the end-to-end figures: a process of its own that signs first and sends later.

Run as `python -m omg_abci.bench.sender SETTINGS`. It signs everything, measures how fast one
process recovers those signatures, prints that as a line of JSON, and waits for a line on standard
input: the addresses to send to, as JSON. Then it sends, each owner always to the same address,
with many bundles in flight, and prints what became of it as a second line.
A transaction that is refused for now (codes from 32,000 on) is sent again until it is taken.
Each address has one stream.
"""

import asyncio
import gc
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final

from omg_abci.bench.flow import MESSAGES, ORDERS, Flow
from omg_abci.bench.owners import CHAIN_ID, OWNERS, RICHES, TxMaker, group_steps, make_owners
from omg_abci.bench.plain_book import PlainBook
from omg_abci.node.client import AsyncNodeClient
from omg_abci.node.submit_client import Answer, SubmitStream
from omg_abci.protocol.crypto import recover_signer
from omg_abci.protocol.signing import compute_no_bridge_domain
from omg_abci.protocol.tx import Verifier

_SEED: Final = 20_261_125
_RECOVERED: Final = 4_000
"""Signatures of which the recover rate is measured, at most."""
_PATIENCE_SECONDS: Final = 120.0
BUNDLE_TXS: Final = 250
BUNDLE_LEGS: Final = 1_000
"""A bundle of batches holds so many legs: fewer transactions, and more work."""
IN_FLIGHT: Final = 16
"""Bundles that wait for their answer, all addresses together."""


def make_load(legs: int, count: int) -> list[list[tuple[int, bytes]]]:
    """Return bundles of (owner, signed transaction) with about so many legs."""
    owners = make_owners()
    flow = Flow(_SEED, PlainBook(OWNERS, RICHES, RICHES))
    steps = flow.take(count, ORDERS if legs == 1 else MESSAGES)
    maker = TxMaker(owners, compute_no_bridge_domain(CHAIN_ID), time.time_ns() // 1_000_000)
    txs = [(owner, maker.make_signed(owner, own)) for owner, own in group_steps(steps, legs)]
    size = max(1, min(BUNDLE_TXS, BUNDLE_LEGS // legs))
    return [txs[place : place + size] for place in range(0, len(txs), size)]


def measure_recover(raws: Sequence[bytes]) -> float:
    """Return the signatures that this process recovers in a second."""
    verifier = Verifier(compute_no_bridge_domain(CHAIN_ID))
    signed = [(tx.tx_id, signature) for tx, signature in map(verifier.decode_tx, raws)]
    begun = time.perf_counter()
    for digest, signature in signed:
        recover_signer(digest, signature)
    return len(signed) / (time.perf_counter() - begun)


class Sender:
    """Sends bundles and keeps what was answered."""

    def __init__(self) -> None:
        self.acknowledge_ms: list[float] = []
        """Of each transaction that was taken, since it was first sent."""
        self.refusals: Counter[int] = Counter()
        """Final ones by code."""
        self.put_off: Counter[int] = Counter()
        """Refusals for now, by code; a transaction may have many."""
        self.errors: Counter[str] = Counter()

    async def send_all(
        self, targets: Sequence[str], bundles: Sequence[Sequence[tuple[int, bytes]]]
    ) -> None:
        """Send every bundle, in order as far as the number in flight allows."""
        waiting = iter(bundles)
        async with AsyncExitStack() as stack:
            streams: list[SubmitStream] = []
            for target in targets:
                client = await stack.enter_async_context(AsyncNodeClient(target))
                opened = client.submit_stream(_PATIENCE_SECONDS)
                streams.append(await stack.enter_async_context(opened))

            async def work() -> None:
                for bundle in waiting:
                    await self._send(streams, bundle)

            await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
            for stream in streams:
                self.put_off += stream.put_off
                self.errors += stream.lost

    async def _send(
        self, streams: Sequence[SubmitStream], bundle: Sequence[tuple[int, bytes]]
    ) -> None:
        parts: dict[int, list[bytes]] = {}
        for owner, raw in bundle:
            parts.setdefault(owner % len(streams), []).append(raw)
        begun = time.monotonic()

        def take(answer: Answer) -> None:
            if answer.code:
                self.refusals[answer.code] += 1
            else:
                self.acknowledge_ms.append((time.monotonic() - begun) * 1e3)

        await asyncio.gather(*(streams[index].submit(raws, take) for index, raws in parts.items()))


def main() -> None:
    """Sign, wait, send, report."""
    settings = json.loads(sys.argv[1])
    bundles = make_load(settings["legs"], settings["count"])
    raws = [raw for bundle in bundles for _, raw in bundle]
    rate = measure_recover(raws[:_RECOVERED])
    ready = {
        "transactions": len(raws),
        "bytes_per_transaction": sum(map(len, raws)) / len(raws),
        "recover_per_second": rate,
    }
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    targets = json.loads(sys.stdin.readline())
    gc.collect()
    gc.freeze()
    sys.stdout.write(json.dumps(asyncio.run(_send(targets, bundles))) + "\n")


async def _send(
    targets: Sequence[str], bundles: Sequence[Sequence[tuple[int, bytes]]]
) -> dict[str, object]:
    """Send everything; return what is reported of it, times on the monotonic clock."""
    sender = Sender()
    begun = time.monotonic()
    await sender.send_all(targets, bundles)
    return {
        "begun": begun,
        "seconds": time.monotonic() - begun,
        "acknowledge_ms": sorted(sender.acknowledge_ms),
        "refusals": sender.refusals,
        "put_off": sender.put_off,
        "errors": sender.errors,
    }


if __name__ == "__main__":
    main()
