"""Measure the state tree: processor µs per changed key at 10 k, 100 k and 1 M keys, and its memory.

A script, not a test: `python tests/bench/bench_tree.py [KEYS ...]`. Each size is loaded with random
keys, then folded 64 times with 4,000 changes (half updates, a quarter new keys, a quarter
deletions); the median fold counts. Memory is what the process holds after that.
"""

import gc
import random
import resource
import statistics
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from omg_abci.protocol.merkle import verify_inclusion
from omg_abci.state.tree import Tree

BATCH = 4_000
FOLDS = 64


def make_key(number: int) -> bytes:
    """Return a key of 33 bytes that looks random."""
    return b"k" + sha256(number.to_bytes(8, "big")).digest()


def make_value(number: int) -> bytes:
    """Return a value of 100 bytes."""
    return number.to_bytes(100, "big")


def make_batches(keys: int, rng: random.Random) -> Iterator[list[tuple[bytes, bytes | None]]]:
    """Yield the changes of one fold after another; the number of keys stays about the same."""
    fresh, oldest = keys, 0
    for fold in range(FOLDS):
        batch: list[tuple[bytes, bytes | None]] = []
        for _ in range(BATCH // 4):
            batch.append((make_key(fresh), make_value(fresh)))
            batch.append((make_key(oldest), None))
            fresh, oldest = fresh + 1, oldest + 1
        while len(batch) < BATCH:
            batch.append((make_key(rng.randrange(oldest, fresh)), make_value(keys + fold)))
        yield batch


def read_resident_mib() -> int:
    """Return the MiB that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() >> 20


def measure(keys: int) -> None:
    """Print the figures for one size."""
    gc.collect()
    start_mib = read_resident_mib()
    begun = time.process_time()
    tree = Tree()
    empty_ms = (time.process_time() - begun) * 1e3
    del tree
    begun = time.process_time()
    tree = Tree.load((make_key(number), make_value(number)) for number in range(keys))
    load_s = time.process_time() - begun
    loaded_mib = read_resident_mib() - start_mib
    times = []
    for batch in make_batches(keys, random.Random(keys)):
        begun = time.process_time()
        tree.fold(batch)
        times.append((time.process_time() - begun) * 1e6 / BATCH)
    full_mib = read_resident_mib() - start_mib
    newest = keys + FOLDS * BATCH // 4 - 1
    key, value = make_key(newest), make_value(newest)
    begun = time.process_time()
    tree.prove(key, tree.roots[-1])
    prove_old_us = (time.process_time() - begun) * 1e6
    tree.fold([(key, value)])
    columns = []
    for _ in range(50):
        begun = time.process_time()
        proof = tree.prove(key)
        proved = time.process_time()
        verify_inclusion(tree.root, key, value, proof)
        columns.append(((proved - begun) * 1e6, (time.process_time() - proved) * 1e6))
    prove_us, check_us = (statistics.median(column) for column in zip(*columns, strict=True))
    sys.stdout.write(
        f"{keys:>9,} keys: {statistics.median(times):5.2f} µs a changed key "
        f"(fastest fold {min(times):.2f}, slowest {max(times):.2f}); "
        f"empty {empty_ms:.0f} ms, load {load_s:.2f} s, {loaded_mib} MiB loaded, "
        f"{full_mib} MiB with {len(tree.roots)} roots; prove {prove_us:.0f} µs, "
        f"oldest root {prove_old_us:.0f} µs, verify {check_us:.0f} µs, "
        f"proof {len(tree.prove(key).encode())} bytes\n"
    )


if __name__ == "__main__":
    for size in [int(text) for text in sys.argv[1:]] or [10_000, 100_000, 1_000_000]:
        measure(size)
