"""A real network to measure on: CometBFT and the chain's own processes, in a passing directory."""

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil

from omg_abci.bench.owners import CHAIN_ID, make_document, make_owners
from omg_abci.localnet.cometbft import ensure_cometbft
from omg_abci.localnet.layout import Network, write_network
from omg_abci.localnet.supervisor import LocalNetwork

_ROLES: Final = (
    ("cometbft", "cometbft"),
    ("omg_abci.node.reader_process", "reader"),
    ("omg_abci.node.worker", "worker"),
    ("omg_abci.node", "executor"),
)
"""What stands in a process's command line, to what it is; the first that fits."""


@contextmanager
def run_network(validators: int, environment: Mapping[str, str] | None = None) -> Iterator[Network]:
    """Run a network whose genesis holds the bench's owners; gone at the end.

    Its processes see the variables of `environment` too. Raise LocalnetError.
    """
    binary = ensure_cometbft(report=lambda _line: None)
    now = datetime.now(UTC)
    document = make_document(make_owners(), time.time_ns() // 1_000_000)
    with tempfile.TemporaryDirectory(prefix="omg-bench-") as folder:
        network = write_network(
            Path(folder) / "network",
            validators=validators,
            chain_id=CHAIN_ID,
            genesis_document=document,
            genesis_time=now,
        )
        local = LocalNetwork(network, binary)
        for variables in local.environment:
            variables.update(environment or {})
        with local:
            yield local.network


def read_cpu_seconds() -> dict[str, float]:
    """Return the processor time of this process's descendants so far, by what they are."""
    seconds: dict[str, float] = {}
    for process in psutil.Process(os.getpid()).children(recursive=True):
        try:
            command, times = " ".join(process.cmdline()), process.cpu_times()
        except psutil.Error:
            continue
        role = next((role for mark, role in _ROLES if mark in command), None)
        if role is not None:
            seconds[role] = seconds.get(role, 0.0) + times.user + times.system
    return seconds
