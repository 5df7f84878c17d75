"""Which stage of an order's way a sample belongs to, and how a run's time splits into stages.

A sample belongs to the innermost function on its stack that the table names; only when there is
none, to the event loop it ran in. What the table does not know is said as `REST`, so that a new
piece of work is seen and not hidden. Each name in the table is held by a test: a function that was
renamed must be renamed here.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from omg_abci.bench.errors import MeasurementFailed
from omg_abci.node.sampling import NATIVE

STAGES: Final[dict[str, tuple[str, ...]]] = {
    "decode": (
        "omg_abci.protocol.tx:Verifier.verify_tx",
        "omg_abci.protocol.tx:Verifier.decode_tx",
        "omg_abci.protocol.crypto:compute_keccak",
        "omg_abci.protocol.crypto:require_signature",
    ),
    "recover": ("omg_abci.protocol.crypto",),
    "marshal": (
        "omg_abci.node.channel",
        "omg_abci.node.verdicts",
        "omg_abci.node.workers",
        "omg_abci.node.worker",
        "omg_abci.node.reader_link",
        "omg_abci.node.block_events",
    ),
    "admit": (
        "omg_abci.node.mempool",
        "omg_abci.node.admitter",
        "omg_abci.node.pool:Pool.add",
        "omg_abci.rules.admission:check_tx",
    ),
    "accept": ("omg_abci.node.accepted",),
    "gossip": (
        "omg_abci.node.mempool:Mempool.insert_gossip",
        "omg_abci.node.mempool:Mempool.reap",
        "omg_abci.node.mempool:Mempool._run_gossip",
        "omg_abci.node.mempool:Mempool._admit_gossiped",
        "omg_abci.node.mempool:Mempool._announce",
        "omg_abci.node.bundles",
        "omg_abci.node.gossip",
    ),
    "order": ("omg_abci.node.mempool:Mempool.select",),
    "check": ("omg_abci.rules.transition:check_block",),
    "execute": (
        "omg_abci.rules.transition:apply_block",
        "omg_abci.protocol.codec:encode_result",
        "omg_abci.state.diff:store_changes",
        "omg_abci.state.working:WorkingState.commit",
        "omg_abci.state.working:WorkingState.rollback",
    ),
    "hash": (
        "omg_abci.state.hashes:compute_diff_hash",
        "omg_abci.state.hashes:compute_app_hash",
    ),
    "store": ("omg_abci.node.storage:Storage.commit",),
    "settle": ("omg_abci.node.mempool:Mempool.on_commit",),
    "ABCI": ("omg_abci.abci", "omg_abci.node.app", "omg_abci.node.chain"),
    "tree": (
        "omg_abci.node.proof_history",
        "omg_abci.state.tree",
        "omg_abci.state.tree_bucket",
        "omg_abci.state.tree_undo",
    ),
    "view": ("omg_abci.node.reader", "omg_abci.node.book_view"),
    "API": (
        "omg_abci.node.node_api",
        "omg_abci.node.node_answers",
        "omg_abci.node.read_service",
        "omg_abci.node.block_ring",
    ),
}
"""Stage to the functions whose time it is, or to whole modules and packages.

A function that is named goes before the module that it is in.
"""
MEANINGS: Final = {
    "decode": "protobuf, canonical check, message objects, digest",
    "recover": "ecrecover",
    "marshal": "channels between the node's processes, both ends",
    "admit": "a client's transactions checked and put into the pool",
    "accept": "acknowledged transactions written to their file",
    "gossip": "what peers send and are sent",
    "order": "a block chosen from the pool and put in canonical order",
    "check": "a block checked: budget, nonces, fees, order",
    "execute": "the rules, the diff, encoded results, the commit in memory",
    "hash": "diff hash and app hash",
    "store": "RocksDB, one synced batch a block",
    "settle": "the pool after a block",
    "ABCI": "frames, protobuf and dispatch of CometBFT's calls",
    "tree": "the state tree folded in the read process",
    "view": "records, books and indexes of the read process",
    "API": "gRPC, submissions in, blocks streamed out",
    "loop": "event loops: select, callbacks, sockets",
    "CometBFT": "consensus, p2p, block store",
    "rest": "what the table does not know",
}
_LOOP: Final = "asyncio."
_NATIVE_STAGE: Final = {"reader": "API", "executor": "store", "worker": "rest"}
"""What threads without Python are there for: gRPC's and RocksDB's."""
_COMETBFT: Final = "cometbft"
_READER: Final = "reader"
_READER_ITSELF: Final = "omg_abci.node.reader_process"


class Split(NamedTuple):
    """The processor time of one sampled run, in µs an order (leg) and node."""

    by_process: dict[str, dict[str, float]]
    """Process, stage, µs; the stages of each descend."""
    processes: dict[str, float]
    """What the system says that each used in the same span."""
    samples: int

    def describe(self) -> dict[str, object]:
        """Return it as JSON has it, with the sums that must agree.

        CometBFT is not sampled, so that it has no part in how well they do.
        """
        stages: defaultdict[str, float] = defaultdict(float)
        for parts in self.by_process.values():
            for stage, used in parts.items():
                stages[stage] += used
        found = {
            role: sum(parts.values()) / self.processes[role]
            for role, parts in self.by_process.items()
            if role != _COMETBFT and self.processes[role]
        }
        own = [role for role in self.by_process if role != _COMETBFT]
        sampled = sum(sum(self.by_process[role].values()) for role in own)
        counted = sum(self.processes[role] for role in own)
        return {
            "us_per_leg_per_node": _sort(stages),
            "by_process": self.by_process,
            "sum_us": sum(stages.values()),
            "processes_us": self.processes,
            "processes_sum_us": sum(self.processes.values()),
            "agreement": sampled / counted if counted else 0.0,
            "agreement_by_process": found,
            "samples": self.samples,
        }


def find_stage(role: str, stack: Sequence[str]) -> str:
    """Return the stage of a stack, innermost function first."""
    if stack[:1] == [NATIVE]:
        return _NATIVE_STAGE[role]
    for place in stack:
        stage = _STAGE_OF.get(place)
        if stage is None:
            stage = _find_whole(place.partition(":")[0])
        if stage is not None:
            return stage
    if role == _READER and any(map(_is_of_node, stack)):
        return "API"
    return "loop" if any(place.startswith(_LOOP) for place in stack) else "rest"


def split_run(
    folder: Path, span: tuple[float, float], cpu: Mapping[str, float], units: float
) -> Split:
    """Return the split of what the processes wrote, for a span of the monotonic clock.

    `cpu` holds each role's seconds in that span as the system counts them, `units` is by what is
    divided. Raise MeasurementFailed when a role wrote nothing.
    """
    by_process: dict[str, dict[str, float]] = {}
    samples = 0
    files = sorted(folder.glob("*.json"))
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    for role in cpu:
        if role == _COMETBFT:
            by_process[role] = {"CometBFT": cpu[role] * 1e6 / units}
            continue
        own = [document for document in documents if document["role"] == role]
        if not own:
            raise MeasurementFailed(f"no {role} process wrote samples")
        used, count = _add_up(role, own, span)
        samples += count
        by_process[role] = _sort({name: each * 1e6 / units for name, each in used.items()})
    return Split(by_process, {role: used * 1e6 / units for role, used in cpu.items()}, samples)


def _add_up(
    role: str, documents: Iterable[Mapping[str, Any]], span: tuple[float, float]
) -> tuple[dict[str, float], int]:
    """Return the seconds of each stage within the span, and the number of samples."""
    used: defaultdict[str, float] = defaultdict(float)
    count = 0
    for document in documents:
        stages = [find_stage(role, stack) for stack in document["stacks"]]
        for moment, stack, seconds in document["samples"]:
            if span[0] <= moment <= span[1]:
                used[stages[int(stack)]] += seconds
                count += 1
    return used, count


def _sort(parts: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(parts.items(), key=lambda item: -item[1]))


def _is_of_node(place: str) -> bool:
    """Tell whether it is code of the node, but for what every stack of the read process ends in."""
    return place.startswith("omg_abci.node.") and not place.startswith(_READER_ITSELF)


def _find_whole(module: str) -> str | None:
    """Return the stage that has the module, or a package around it, as a whole."""
    while module:
        stage = _STAGE_OF.get(module)
        if stage is not None:
            return stage
        module = module.rpartition(".")[0]
    return None


_STAGE_OF: Final = {place: stage for stage, places in STAGES.items() for place in places}
