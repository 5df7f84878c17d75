"""Execute a file of blocks and print what every block did to the state, one line a block.

The first line says in what surroundings the process runs.

Run as a program, `python -m tests.simulation.execute_blocks FILE MODE`, by determinism tests. The
file is JSON: chain id, genesis document, and for each block its time and its transactions as hex.
Modes: `plain`; `rehearsed` executes and undoes each block once before; `restarted` loads the state
anew from its records every few blocks; `collected` runs the garbage collector at every turn.
"""

import gc
import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omg_abci.protocol.codec import encode_result
from omg_abci.protocol.consensus import Offence, Vote
from omg_abci.protocol.errors import require
from omg_abci.protocol.tx import Verifier
from omg_abci.rules.transition import Block, BlockResult, apply_block, check_block
from omg_abci.state.diff import compute_records, store_changes
from omg_abci.state.genesis import build_genesis
from omg_abci.state.hashes import compute_diff_hash, compute_genesis_diff_hash, encode_diff
from omg_abci.state.loading import load_state
from omg_abci.state.working import WorkingState

_RESTART_BLOCKS = 4
_GC_THRESHOLD = 20


def compute_block_hash(height: int) -> bytes:
    """Return what stands for CometBFT's hash of a block."""
    return hashlib.sha256(b"block %d" % height).digest()


def read_told(told: Sequence[Sequence[Any]]) -> tuple[tuple[Vote, ...], tuple[Offence, ...]]:
    """Return the votes and the evidence that consensus tells with a block."""
    votes, offences = told
    return (
        tuple(Vote(bytes.fromhex(address), signed) for address, signed in votes),
        tuple(Offence(bytes.fromhex(address), height) for address, height in offences),
    )


def describe_block(result: BlockResult, diff_hash: bytes, state: WorkingState) -> str:
    """Return the block's diff hash, and hashes of its results and of all records after it."""
    answers = [b"%d" % each.code + encode_result(each) for each in result.results]
    told = [(type(each).__name__, *each) for each in result.events]
    said = hashlib.sha256(b"".join(answers) + repr((told, result.validator_updates)).encode())
    records = hashlib.sha256(encode_diff(compute_records(state)))
    return f"{diff_hash.hex()} {said.hexdigest()} {records.hexdigest()}"


def rehearse(state: WorkingState, block: Block) -> BlockResult:
    """Execute a block and undo it; require that nothing is left of it."""
    before = compute_records(state)
    result = apply_block(state, block)
    state.rollback()
    require(compute_records(state) == before, "undoing a block restores every record")
    return result


def execute(path: Path, mode: str) -> list[str]:
    """Return one line a block."""
    document = json.loads(path.read_text(encoding="utf-8"))
    chain_id = document["chain_id"]
    records, domain = build_genesis(chain_id, document["genesis"])
    state, diff_hash = load_state(chain_id, records), compute_genesis_diff_hash(records)
    verifier = Verifier(domain)
    lines: list[str] = []
    for height, (time_ms, raws, told) in enumerate(document["blocks"], 1):
        txs = tuple(verifier.verify_tx(bytes.fromhex(raw)) for raw in raws)
        block = Block(height, time_ms, compute_block_hash(height), txs, *read_told(told))
        check_block(state, block)
        rehearsed = rehearse(state, block) if mode == "rehearsed" else None
        result = apply_block(state, block)
        require(rehearsed in (None, result), "a block does the same again after it was undone")
        diff_hash = compute_diff_hash(diff_hash, result.changes.diff)
        store_changes(state, result.changes)
        state.commit()
        lines.append(describe_block(result, diff_hash, state))
        if mode == "restarted" and height % _RESTART_BLOCKS == 0:
            state = load_state(chain_id, compute_records(state))
    return lines


def describe_process() -> str:
    """Return what the surroundings made of this process."""
    found = (hash("order"), time.tzname, os.environ["LC_ALL"], sys.flags.optimize)
    return ascii(found)


def main() -> None:
    """Print the lines."""
    path, mode = Path(sys.argv[1]), sys.argv[2]
    if mode == "collected":
        gc.set_threshold(_GC_THRESHOLD, 2, 2)
    else:
        gc.disable()
    sys.stdout.write("\n".join([describe_process(), *execute(path, mode)]) + "\n")


if __name__ == "__main__":
    main()
