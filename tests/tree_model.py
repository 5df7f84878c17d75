"""The state tree written the plainest way, from docs/spec/state-tree.md: the oracle of its tests.

It imports nothing of the chain, keeps nothing and recomputes everything from the contents.
"""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256

BUCKET_DEPTH = 18


def hash_tagged(tag: int, *parts: bytes) -> bytes:
    """Return sha256 of one tag byte and the parts."""
    return sha256(bytes([tag]) + b"".join(parts)).digest()


def compute_leaves(contents: Mapping[bytes, bytes]) -> dict[int, bytes]:
    """Return the leaf hash at each key's path, the path as a number of 256 bits."""
    leaves = {}
    for key, value in contents.items():
        path = int.from_bytes(hash_tagged(0, key), "big")
        leaf = hash_tagged(1, bytes([len(key)]), len(value).to_bytes(2, "big"), key, value)
        leaves[path] = leaf
    return leaves


def compute_child(
    leaves: Mapping[int, bytes], depth: int, bits: int, which: int
) -> dict[int, bytes]:
    """Return the leaves whose next `bits` path bits after `depth` are `which`."""
    shift = 256 - depth - bits
    return {path: leaf for path, leaf in leaves.items() if path >> shift & (1 << bits) - 1 == which}


def compute_entries(leaves: Mapping[int, bytes]) -> bytes:
    """Return path and leaf hash of each leaf, ascending."""
    return b"".join(path.to_bytes(32, "big") + leaves[path] for path in sorted(leaves))


@cache
def compute_empty(depth: int) -> bytes:
    """Return the hash of a subtree without leaves."""
    return hash_tagged(5) if depth == BUCKET_DEPTH else hash_tagged(3, compute_empty(depth + 3) * 8)


def compute_node(leaves: Mapping[int, bytes], depth: int) -> bytes:
    """Return the hash of the subtree that holds `leaves`, whose paths share `depth` bits."""
    if depth < BUCKET_DEPTH:
        if not leaves:
            return compute_empty(depth)
        children = [compute_child(leaves, depth, 3, which) for which in range(8)]
        return hash_tagged(3, *(compute_node(child, depth + 3) for child in children))
    if not leaves:
        return hash_tagged(5)
    if len(leaves) <= 16:
        return hash_tagged(2, compute_entries(leaves))
    children = [compute_child(leaves, depth, 1, which) for which in range(2)]
    return hash_tagged(4, *(compute_node(child, depth + 1) for child in children))


def compute_root(contents: Mapping[bytes, bytes]) -> bytes:
    """Return the root of the state that holds `contents`."""
    return compute_node(compute_leaves(contents), 0)


def compute_proof(contents: Mapping[bytes, bytes], key: bytes) -> bytes:
    """Return the canonical bytes of the proof for `key`."""
    path = int.from_bytes(hash_tagged(0, key), "big")
    leaves = compute_leaves(contents)
    fixed: list[list[bytes]] = []
    nested: list[bytes] = []
    depth = 0
    while depth < BUCKET_DEPTH or len(leaves) > 16:
        bits = 3 if depth < BUCKET_DEPTH else 1
        own = path >> 256 - depth - bits & (1 << bits) - 1
        siblings = [
            compute_node(compute_child(leaves, depth, bits, which), depth + bits)
            for which in range(1 << bits)
            if which != own
        ]
        if depth < BUCKET_DEPTH:
            fixed.insert(0, siblings)
        else:
            nested.insert(0, siblings[0])
        leaves = compute_child(leaves, depth, bits, own)
        depth += bits
    hashes = b"".join(nested) + b"".join(b"".join(siblings) for siblings in fixed)
    return bytes([1, len(nested), len(leaves)]) + hashes + compute_entries(leaves)
