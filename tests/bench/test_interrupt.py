"""Whoever ends a bench ends everything that it started."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
_PATIENCE_SECONDS = 90.0
NETWORK = ("cometbft", "omg_abci.node.reader_process", "omg_abci.node.worker")


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """Let commands be interrupted also where the tests run in the background, which cannot be."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@contextmanager
def run_bench(figure: str) -> Iterator[subprocess.Popen[str]]:
    """Run a figure's first run; at the end it is gone, whatever happened."""
    command = [sys.executable, "-m", "omg_abci.node", "bench", "--quick", "--only", figure]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            while "run 1 of" not in process.stderr.readline():
                assert process.poll() is None
            yield process
        finally:
            process.kill()


def wait_for(process: subprocess.Popen[str], marks: tuple[str, ...]) -> list[psutil.Process]:
    """Return the descendants when each mark stands in the command line of one of them."""
    begun = time.monotonic()
    while True:
        found = psutil.Process(process.pid).children(recursive=True)
        commands = [_read_command(each) for each in found]
        if found and all(any(mark in command for command in commands) for mark in marks):
            return found
        assert time.monotonic() - begun < _PATIENCE_SECONDS, commands
        time.sleep(0.05)


def _read_command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def end_and_look(figure: str, marks: tuple[str, ...], number: signal.Signals) -> None:
    """Send the signal to the command alone; it ends with 130, and so do its descendants."""
    with run_bench(figure) as process:
        found = wait_for(process, marks)
        process.send_signal(number)
        assert process.wait(_PATIENCE_SECONDS) == 130
        _, left = psutil.wait_procs(found, timeout=10)
        assert left == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("figure", "marks"),
    [
        ("match", ("omg_abci.bench.isolation match",)),
        ("block_single", ("omg_abci.bench.isolation block",)),
        ("growth", ("omg_abci.bench.isolation reader_load",)),
    ],
)
def test_nothing_is_left(figure: str, marks: tuple[str, ...], number: signal.Signals) -> None:
    """Measurements in processes of their own end with the command."""
    end_and_look(figure, marks, number)


@pytest.mark.network
def test_nothing_of_a_network_is_left() -> None:
    """Nodes, their children, CometBFT and the sender end with the command."""
    end_and_look("e2e_single", (*NETWORK, "omg_abci.bench.sender"), signal.SIGINT)
