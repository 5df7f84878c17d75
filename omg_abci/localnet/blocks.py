"""Follow a network's blocks, one summary a block, from the nodes' RPC.

Whether the nodes agree is judged by what each application itself answered: its last commit when
it is at the block, else the header after it, which its node only keeps if its own application
hash was the same. A block is summarised when the next one is there, because only that one says
for good who signed it.
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

from omg_abci.localnet.errors import LocalnetError, RpcRefused
from omg_abci.localnet.layout import Network
from omg_abci.localnet.rpc import AppState, Rpc

_POLL_SECONDS: Final = 0.1
_PATIENCE_SECONDS: Final = 1.0
"""How long a block's summary waits for nodes that are behind."""
_METAS_A_CALL: Final = 20
"""CometBFT returns no more headers in one answer."""
_COMMITTED: Final = 2
"""BLOCK_ID_FLAG_COMMIT: the validator signed this block."""


class BlockSummary(NamedTuple):
    """What is worth a line of one block."""

    height: int
    time_ms: int
    interval_ms: int | None
    """Since the previous block, by the blocks' own times; None for the first one followed."""
    txs: int
    signers: int
    validators: int
    app_hash: bytes
    """After the block, as the first node that knows it says; empty if none does."""
    agreeing: int
    """Nodes whose hash is the same."""
    differing: int
    """Nodes whose hash is another: none, ever."""


def follow_blocks(
    network: Network, *, first: int | None = None, stopped: threading.Event | None = None
) -> Iterator[BlockSummary]:
    """Yield each block from height `first` on, or from the next one, until `stopped` is set."""
    stopped = stopped or threading.Event()
    nodes = [Rpc(node.ports.rpc) for node in network.nodes]
    height, previous_ms = first, None
    waiting_since = time.monotonic()
    try:
        while not stopped.is_set():
            states = _fetch_states(nodes)
            top = max((state.height for state in states.values()), default=0)
            height = top + 1 if height is None else height
            late = any(state.height < height for state in states.values())
            now = time.monotonic()
            if top <= height:
                waiting_since = now
            if top <= height or (late and now - waiting_since < _PATIENCE_SECONDS):
                stopped.wait(_POLL_SECONDS)
                continue
            summary = _summarise(nodes, states, height, previous_ms)
            if summary is None:
                stopped.wait(_POLL_SECONDS)
                continue
            yield summary
            height, previous_ms, waiting_since = height + 1, summary.time_ms, time.monotonic()
    finally:
        for node in nodes:
            node.close()


def _fetch_states(nodes: list[Rpc]) -> dict[int, AppState]:
    """Return the last commits of the nodes that answer."""
    states = {}
    for index, node in enumerate(nodes):
        with contextlib.suppress(LocalnetError):
            states[index] = node.fetch_app_state()
    return states


def _summarise(
    nodes: list[Rpc], states: dict[int, AppState], height: int, previous_ms: int | None
) -> BlockSummary | None:
    """Summarise a block from the nodes that have it; None when none answers just now."""
    hashes = _fetch_hashes(nodes, states, height)
    for index in hashes:
        with contextlib.suppress(LocalnetError):
            block = _fetch_block(nodes[index], height)
            app_hash = hashes[index]
            agreeing = sum(other == app_hash for other in hashes.values())
            interval_ms = None if previous_ms is None else block.time_ms - previous_ms
            return BlockSummary(
                height,
                block.time_ms,
                interval_ms,
                block.txs,
                block.signers,
                block.validators,
                app_hash,
                agreeing,
                len(hashes) - agreeing,
            )
    return None


def _fetch_hashes(nodes: list[Rpc], states: dict[int, AppState], height: int) -> dict[int, bytes]:
    hashes = {}
    for index, state in states.items():
        if state.height == height:
            hashes[index] = state.app_hash
        elif state.height > height:
            with contextlib.suppress(LocalnetError):
                hashes[index] = nodes[index].fetch_app_hash(height)
    return hashes


def find_differences(network: Network, first: int, last: int) -> list[int]:
    """Return the heights whose headers are not the same on all nodes, ascending.

    A header holds the application hash after the block before it, so comparing to `last` judges
    what the applications did up to `last` - 1. Every node must have all of the blocks.

    Raises:
        RpcUnreachable, RpcRefused: a node does not answer, or has not all of the blocks.
    """
    nodes = [Rpc(node.ports.rpc) for node in network.nodes]
    try:
        differing = []
        for begin in range(first, last + 1, _METAS_A_CALL):
            end = min(begin + _METAS_A_CALL - 1, last)
            pages = [_fetch_headers(node, begin, end) for node in nodes]
            differing += [
                height
                for height, headers in zip(
                    range(begin, end + 1), zip(*pages, strict=True), strict=True
                )
                if any(header != headers[0] for header in headers)
            ]
        return differing
    finally:
        for node in nodes:
            node.close()


def _fetch_headers(node: Rpc, first: int, last: int) -> list[tuple[str, str]]:
    """Return (block hash, app hash) of each height."""
    metas = node.call("blockchain", minHeight=first, maxHeight=last)["block_metas"]
    by_height = {int(meta["header"]["height"]): meta for meta in metas}
    missing = [height for height in range(first, last + 1) if height not in by_height]
    if missing:
        raise RpcRefused(f"blockchain: block {missing[0]} is missing")
    chosen = (by_height[height] for height in range(first, last + 1))
    return [(meta["block_id"]["hash"], meta["header"]["app_hash"]) for meta in chosen]


class _Block(NamedTuple):
    time_ms: int
    txs: int
    signers: int
    validators: int


def _fetch_block(node: Rpc, height: int) -> _Block:
    metas = node.call("blockchain", minHeight=height, maxHeight=height)["block_metas"]
    signed: dict[str, Any] = node.call("commit", height=height)["signed_header"]
    try:
        flags = [entry["block_id_flag"] for entry in signed["commit"]["signatures"]]
        return _Block(
            _parse_time_ms(signed["header"]["time"]),
            int(metas[0]["num_txs"]),
            flags.count(_COMMITTED),
            len(flags),
        )
    except (LookupError, TypeError, ValueError) as reason:
        raise RpcRefused(f"block {height}: {reason!r}") from reason


def _parse_time_ms(text: str) -> int:
    """Turn CometBFT's UTC time, which has up to nine decimals, into milliseconds."""
    whole, _, decimals = text.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(f"{whole}+00:00").timestamp())
    return seconds * 1000 + int(decimals.ljust(3, "0")[:3])
