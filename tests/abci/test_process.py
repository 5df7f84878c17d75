"""The process around the server: how it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from omg_abci.abci.framing import encode_frame
from tests.abci.client import TIMEOUT_SECONDS, commit

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import sys
from omg_abci.abci import Application, run
class Failing(Application):
    def commit(self, request):
        raise RuntimeError("disk full")
run(Failing(), "unix://" + sys.argv[1])
"""


def connect(path: Path) -> socket.socket:
    """Return a connection to the server as soon as it listens."""
    until = time.monotonic() + TIMEOUT_SECONDS
    while True:
        client = socket.socket(socket.AF_UNIX)
        try:
            client.connect(str(path))
        except OSError:
            client.close()
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return client


def start(path: Path) -> subprocess.Popen[str]:
    """Start the failing application on a socket."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(path)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )


def test_failed_consensus_call_ends_the_process(tmp_path: Path) -> None:
    """Status 1, the traceback on stderr, and the peer is told before."""
    path = tmp_path / "abci.sock"
    with start(path) as process, connect(path) as client:
        client.sendall(encode_frame(commit().SerializeToString()))
        answer = client.recv(4096)
        _, log = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 1
    assert b"application_failed: commit raised RuntimeError" in answer
    assert "Traceback" in log
    assert "disk full" in log


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_process_cleanly(number: signal.Signals, tmp_path: Path) -> None:
    """Status 0, nothing on stderr, and no socket file is left."""
    path = tmp_path / "abci.sock"
    with start(path) as process, connect(path):
        process.send_signal(number)
        _, log = process.communicate(timeout=TIMEOUT_SECONDS)
    assert (process.returncode, log) == (0, "")
    assert not path.exists()
