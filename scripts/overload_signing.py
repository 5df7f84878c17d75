"""The transactions of an overload: signed beforehand by worker processes, ready to be sent.

Orders that rest and their cancellations in turn, every fifth order one that crosses: however long
it goes on, an owner has a handful of orders in the book, so that state does not grow with time.
"""

import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Final

from omg_abci.bench.owners import CHAIN_ID, TxMaker, make_owners
from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.protocol.messages import CancelOrder, Message
from omg_abci.protocol.signing import compute_no_bridge_domain
from omg_abci.protocol.units import Side
from wallet_sdk.build import place_order

_MARKET: Final = 1
_MIDDLE: Final = 10_000
_REST_TICKS: Final = 200
_CROSS_TICKS: Final = 3
_KEPT: Final = 8
"""Orders that an owner has open."""
_ROUND: Final = 1_000_000
"""Client ids of one round of signing."""


def make_legs(chance: random.Random, first_id: int) -> Iterator[Message]:
    """Yield an owner's legs, for ever: an order, the cancellation of an older one, and so on."""
    client_id = first_id
    while True:
        client_id += 1
        side = Side(chance.randint(1, 2))
        up = 1 if side is Side.SELL else -1
        crosses = chance.randrange(5) == 0
        away = -chance.randint(1, _CROSS_TICKS) if crosses else chance.randint(1, _REST_TICKS)
        yield place_order(
            _MARKET, side, chance.randint(1, 20), _MIDDLE + up * away, client_id=client_id
        )
        if client_id - first_id > _KEPT:
            yield CancelOrder(client_id - _KEPT)


def sign_messages(
    owners: Sequence[int], messages: int, size: int, nonce: int, seed: int
) -> list[bytes]:
    """Return encoded requests of so many transactions, whose owners take turns."""
    maker = TxMaker(make_owners(), compute_no_bridge_domain(CHAIN_ID), nonce)
    legs = {
        owner: make_legs(random.Random(f"{seed} {owner}"), nonce % 10**9 * _ROUND)  # noqa: S311
        for owner in owners
    }
    encoded: list[bytes] = []
    place = 0
    for _ in range(messages):
        txs: list[bytes] = []
        for _ in range(size):
            owner = owners[place % len(owners)]
            place += 1
            txs.append(maker.make_signed(owner, (next(legs[owner]),)))
        encoded.append(pb.SubmitStreamRequest(txs=txs).SerializeToString())
    return encoded


def sign_for_all(
    groups: Sequence[Sequence[int]], messages: int, size: int, seed: int, processes: int = 2
) -> list[list[bytes]]:
    """Return the requests of each group of owners, signed in processes of their own."""
    nonce = time.time_ns() // 1_000_000
    with ProcessPoolExecutor(processes) as pool:
        jobs = [pool.submit(sign_messages, group, messages, size, nonce, seed) for group in groups]
        return [job.result() for job in jobs]
