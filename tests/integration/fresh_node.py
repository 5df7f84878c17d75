"""What a network's blocks must have done, computed anew from genesis and nothing else.

It reads genesis and blocks as a node that joins does, executes them with the state machine and
folds the state tree the plain way of tests/tree_model.py.
"""

import base64
import json
from datetime import datetime
from typing import Any, NamedTuple

from omg_abci.localnet.layout import Node
from omg_abci.localnet.rpc import Rpc
from omg_abci.protocol.tx import Verifier
from omg_abci.rules.transition import Block, apply_block, check_block
from omg_abci.state.diff import store_changes
from omg_abci.state.genesis import build_genesis
from omg_abci.state.hashes import (
    compute_app_hash,
    compute_diff_hash,
    compute_genesis_diff_hash,
    compute_root_height,
)
from omg_abci.state.loading import load_state
from tests.tree_model import compute_root


class SeenBlock(NamedTuple):
    """A block as CometBFT's RPC shows it."""

    height: int
    time_ms: int
    block_hash: bytes
    app_hash: bytes
    """Of the header: the one after the block before."""
    raws: tuple[bytes, ...]


def fetch_blocks(node: Node, last: int, first: int = 1) -> list[SeenBlock]:
    """Return the node's blocks from one height to another."""
    with Rpc(node.ports.rpc, timeout_seconds=20.0) as rpc:
        return [_fetch_block(rpc, height) for height in range(first, last + 1)]


def _fetch_block(rpc: Rpc, height: int) -> SeenBlock:
    answer = rpc.call("block", height=height)
    header: dict[str, Any] = answer["block"]["header"]
    return SeenBlock(
        height,
        parse_time_ms(header["time"]),
        bytes.fromhex(answer["block_id"]["hash"]),
        bytes.fromhex(header["app_hash"]),
        tuple(base64.b64decode(text) for text in answer["block"]["data"]["txs"] or ()),
    )


def parse_time_ms(text: str) -> int:
    """Return an RFC 3339 time in whole milliseconds, rounded down."""
    whole, _, decimals = text.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(f"{whole}+00:00").timestamp())
    return seconds * 1_000 + int(decimals.ljust(3, "0")[:3])


def compute_app_hashes(node: Node, blocks: list[SeenBlock]) -> list[bytes]:
    """Return what each block's header must carry; the blocks begin at height 1."""
    genesis = json.loads((node.home / "config" / "genesis.json").read_bytes())
    chain_id, document = genesis["chain_id"], genesis["app_state"]
    records, domain = build_genesis(chain_id, document)
    state, verifier = load_state(chain_id, records), Verifier(domain)
    disk = dict(records)
    diff_hash = compute_genesis_diff_hash(records)
    roots = {0: compute_root(disk)}
    expected = [compute_app_hash(roots[0], diff_hash)]
    for seen in blocks:
        txs = tuple(verifier.verify_tx(raw) for raw in seen.raws)
        block = Block(seen.height, seen.time_ms, seen.block_hash, txs)
        check_block(state, block)
        changes = apply_block(state, block).changes
        diff_hash = compute_diff_hash(diff_hash, changes.diff)
        store_changes(state, changes)
        state.commit()
        for key, value in changes.diff:
            if value is None:
                del disk[key]
            else:
                disk[key] = value
        if seen.height % state.root_interval == 0:
            roots[seen.height] = compute_root(disk)
        root = roots[compute_root_height(seen.height, state.root_interval)]
        expected.append(compute_app_hash(root, diff_hash))
    return expected[: len(blocks)]


def require_fresh_node_agrees(node: Node, last: int) -> list[SeenBlock]:
    """Assert that each header up to a height carries the recomputed app hash; return blocks."""
    blocks = fetch_blocks(node, last)
    expected = compute_app_hashes(node, blocks)
    differing = [
        block.height
        for block, app_hash in zip(blocks, expected, strict=True)
        if block.app_hash != app_hash
    ]
    assert differing == []
    return blocks
