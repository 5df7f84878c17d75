"""A state machine in a process of its own, told what to do over a pipe.

Run as `python -m omg_abci.simulation.worker` by the simulator. Each line on standard input is a
command, each line on standard output its answer, both JSON objects. A command that cannot be done
ends the process with a traceback, for the simulator to show; a block or a transaction that is
refused is an answer.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omg_abci.gen.cometbft.abci import types_pb2 as pb
from omg_abci.node.chain import Executed
from omg_abci.node.storage import Meta
from omg_abci.protocol import limits
from omg_abci.protocol.errors import BlockInvalid, FormatError, InvariantBroken
from omg_abci.simulation.machine import Machine
from omg_abci.simulation.rounds import Decision, describe_answers

Command = Mapping[str, Any]
Answer = dict[str, Any]


class Worker:
    """Answers commands; the first is `open`."""

    def __init__(self) -> None:
        """Wait for the first command."""
        self._machine: Machine | None = None

    @property
    def machine(self) -> Machine:
        """The state machine, which the first command makes."""
        if self._machine is None:
            raise InvariantBroken("open comes first")
        return self._machine

    async def do(self, command: Command) -> Answer:
        """Do what is asked and return the answer."""
        match command["do"]:
            case "open":
                return self._open(command)
            case "check":
                raws, time_ms = command["raws"], command["time_ms"]
                return {"codes": [self.machine.check(bytes.fromhex(r), time_ms) for r in raws]}
            case "execute":
                return self._execute(Decision.decode(command["block"]))
            case "commit":
                return describe_meta(await self.machine.commit())
            case "diff":
                return {"diff": describe_diff(self.machine.chain.candidate)}
            case "records":
                on_disk, in_memory = self.machine.compute_records_hashes()
                return {"on_disk": on_disk.hex(), "in_memory": in_memory.hex()}
            case "offer":
                offered = await self.machine.offer(command["height"])
                return {"snapshot": offered.SerializeToString().hex(), "chunks": offered.chunks}
            case "load":
                found = self.machine.load_chunk(command["height"], 1, command["index"])
                return {"chunk": found.hex()}
            case "accept":
                offered = pb.Snapshot.FromString(bytes.fromhex(command["snapshot"]))
                await self.machine.accept(offered, bytes.fromhex(command["app_hash"]))
                return {}
            case "apply":
                chunk = bytes.fromhex(command["chunk"])
                return {"height": await self.machine.apply_chunk(command["index"], chunk)}
            case other:
                raise InvariantBroken(f"command {other!r} is known")

    def _open(self, command: Command) -> Answer:
        for name, value in command["bounds"].items():
            setattr(limits, name, value)
        home = Path(command["home"])
        self._machine = Machine(home, command["chain_id"], command["genesis"])
        surroundings = [
            hash("order") % 997,
            time.tzname[0],
            os.environ["LC_ALL"],
            sys.flags.optimize,
        ]
        if command["joins"]:
            return {"height": 0, "surroundings": surroundings}
        return describe_meta(self._machine.begin()) | {"surroundings": surroundings}

    def _execute(self, decided: Decision) -> Answer:
        try:
            executed = self.machine.execute(decided)
        except (BlockInvalid, FormatError) as reason:
            cause = reason.__cause__ if isinstance(reason, BlockInvalid) else reason
            return {"refused": str(reason), "code": getattr(cause, "code", 0)}
        result = executed.result
        answers = describe_answers(result.results, result.events, result.validator_updates)
        return answers | {"diff_hash": executed.diff_hash.hex()}


def describe_meta(meta: Meta) -> Answer:
    """Return where a chain is, as JSON has it."""
    return {
        "height": meta.height,
        "app_hash": meta.app_hash.hex(),
        "tree_root": meta.tree_root.hex(),
    }


def describe_diff(executed: Executed | None) -> list[list[str | None]]:
    """Return each key that the executed block changes with its new value."""
    if executed is None:
        return []
    diff = executed.result.changes.diff
    return [[key.hex(), None if value is None else value.hex()] for key, value in diff]


async def serve(worker: Worker) -> None:
    """Answer until the simulator closes the pipe."""
    while line := sys.stdin.buffer.readline():
        answer = await worker.do(json.loads(line))
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()
    worker.machine.close()


def main() -> int:
    """Run one state machine; return the exit status."""
    asyncio.run(serve(Worker()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
